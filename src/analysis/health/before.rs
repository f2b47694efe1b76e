//! What an installation would meet: the answer of `check --pre`. Nothing is installed and nothing is tried.

use super::{Checked, Health, between, checked};
use crate::analysis::inventory;
use crate::analysis::need::obstacles;
use crate::facts::{Facts, kinds};
use crate::kubernetes::rights;
use crate::mesh::check::{Category, Findings};
use crate::mesh::scene::Scene;
use crate::mesh::{Candidate, MESHES, Mesh, known};
use crate::model::{Evidence, Model};

pub const CODES: [&str; 6] = ["MSH3001", "MSH3002", "MSH3003", "MSH3004", "MSH3005", "MSH3006"];

/// `only` are ids of meshes; all of them if there are none.
pub fn before(facts: &Facts, model: &Model, only: &[String]) -> Health {
    let scene = Scene::new(facts, model);
    let asked = |mesh: &&&dyn Mesh| only.is_empty() || only.iter().any(|id| id == mesh.id());
    let mut checks = Vec::new();
    let mut line = |code, mesh, category, title, run: &dyn Fn(&mut Findings)| {
        let mut findings = Findings::default();
        run(&mut findings);
        checks.push(checked(code, mesh, category, title, findings));
    };
    let category = Category::Installation;
    line("MSH3001", None, category, "we may create what an installation consists of", &|findings| may(facts, findings));
    for mesh in MESHES.iter().filter(asked) {
        let name = Some(mesh.state().name());
        line("MSH3002", name, category, "Kubernetes and the nodes are of versions it is made for", &|findings| {
            versions(*mesh, model, findings);
        });
        line("MSH3003", name, category, "the Gateway API is there as it needs it", &|findings| {
            gateway_api(*mesh, &scene, findings);
        });
        line("MSH3006", name, category, "its pods fit on the nodes", &|findings| capacity(*mesh, &scene, findings));
        line("MSH3004", name, category, "nothing of it is here already", &|findings| remains(*mesh, &scene, findings));
    }
    line("MSH3005", None, Category::Conflicts, "no other mesh takes the same pods", &|findings| others(&scene, only, findings));
    let mut all: Vec<Checked> = checks;
    for check in between::CHECKS {
        let mut findings = Findings::default();
        (check.run)(&scene, &mut findings);
        all.push(checked(check.code, None, check.category, check.title, findings));
    }
    let meshes = MESHES.iter().filter(asked).map(|mesh| mesh.state().name()).collect();
    Health { cluster: facts.cluster.clone(), source: facts.kind, now: facts.now.to_string(), meshes, checks: all }
}

fn may(facts: &Facts, findings: &mut Findings) {
    let rights = rights::of(facts);
    if let Some((_, why)) = rights.denied.first() {
        let names: Vec<&str> = rights.denied.iter().map(|(name, _)| name.as_str()).collect();
        let evidence = Evidence::new("SelfSubjectAccessReview", "status", format!("create {}: {why}", names[0]));
        let message = format!("we may not create {}", names.join(", "));
        let fix = "ask a cluster administrator, or let one install it: kubectl auth can-i --list shows our rights".to_owned();
        findings.error(message, vec![evidence], vec![fix]);
    }
    if let Some((_, why)) = rights.unknown.first() {
        findings.unknown.push(format!("{} rights ({why})", rights.unknown.len()));
    }
    findings.detail = format!("{} rights", rights.allowed);
}

/// A mesh with several ways can be installed if one of them fits.
fn versions(mesh: &dyn Mesh, model: &Model, findings: &mut Findings) {
    let ways = mesh.candidates();
    let judged: Vec<_> = ways.iter().map(|way| (way, obstacles(way, model))).collect();
    let none_fits = judged.iter().all(|(_, (excluded, _))| !excluded.is_empty());
    let evidence = || {
        let version = model.cluster.kubernetes_version.clone().unwrap_or_else(|| "not seen".to_owned());
        vec![Evidence::new("API server", "/version", version)]
    };
    // The mesh stands before it; which way is said where there are several.
    let named = |way: &Candidate, text: String| if ways.len() == 1 { text } else { format!("{}: {text}", way.name) };
    for (way, (excluded, cautions)) in judged {
        for why in excluded {
            let message = format!("{} {} can't run here: {why}", way.name, way.version);
            if none_fits {
                findings.error(message, evidence(), Vec::new());
            } else {
                findings.warning(message, evidence(), Vec::new());
            }
        }
        for caution in cautions {
            if caution.contains("not seen") {
                findings.unknown.push(named(way, caution));
            } else {
                findings.warning(named(way, caution), evidence(), Vec::new());
            }
        }
    }
    findings.detail = format!("Kubernetes {}", model.cluster.kubernetes_version.as_deref().unwrap_or("not seen"));
}

fn gateway_api(mesh: &dyn Mesh, scene: &Scene, findings: &mut Findings) {
    let have = scene.model.cluster.gateway_api_version.as_deref();
    let Some(needed) = mesh.state().gateway_api() else {
        findings.detail = format!("it needs none; {} is here", have.unwrap_or("none"));
        return;
    };
    let (major, minor, patch) = needed.least;
    let fix = "apply standard-install.yaml of a release of the Gateway API".to_owned();
    let found = have.and_then(release);
    match (have, found) {
        (Some(text), Some(have)) if have < needed.least => {
            let evidence = Evidence::new("CustomResourceDefinitions", "bundle-version", text);
            let message =
                format!("the Gateway API is {text}, and v{major}.{minor}.{patch} or newer is needed ({})", needed.source);
            findings.error(message, vec![evidence], vec![fix]);
        }
        (Some(text), Some(_)) => findings.detail = text.to_owned(),
        (Some(text), None) => findings.unknown.push(format!("which release {text:?} of the Gateway API is")),
        (None, _) if !scene.facts.seen(&kinds::CUSTOM_RESOURCE_DEFINITION) => {
            findings.needs(scene, &[&kinds::CUSTOM_RESOURCE_DEFINITION]);
        }
        (None, _) => {
            let message =
                format!("the Gateway API is not installed, and v{major}.{minor}.{patch} or newer is needed ({})", needed.source);
            let evidence = Evidence::new("CustomResourceDefinitions", "gateway.networking.k8s.io", "none");
            findings.error(message, vec![evidence], vec![fix]);
        }
    }
}

/// `v1.6.0` → (1, 6, 0).
pub(super) fn release(text: &str) -> Option<(u32, u32, u32)> {
    let mut numbers = text.trim_start_matches('v').split(['.', '-']).map(|word| word.parse().ok());
    Some((numbers.next()??, numbers.next()??, numbers.next()??))
}

/// One after another, the greatest first, each on the node with the most left. Taints and affinities are not looked at.
fn capacity(mesh: &dyn Mesh, scene: &Scene, findings: &mut Findings) {
    findings.needs(scene, &[&kinds::NODE, &kinds::POD]);
    let wanted = mesh.distribution().pods;
    let nodes = &scene.model.cluster.nodes;
    let mut left: Vec<(u64, u64)> = nodes
        .iter()
        .filter_map(|node| {
            let used = node.requested?;
            let free = |have: u64, used: u64| have.saturating_sub(used);
            let memory = free(node.allocatable.memory_bytes, used.memory_bytes) >> 20;
            Some((free(node.allocatable.cpu_milli, used.cpu_milli), memory))
        })
        .collect();
    if wanted.is_empty() {
        findings.detail = "they ask for nothing".to_owned();
        return;
    }
    if left.is_empty() {
        return findings.unknown.push("what is left of the nodes".to_owned());
    }
    for pod in wanted {
        let most = left.iter().copied().max().unwrap_or_default();
        match left.iter_mut().filter(|(cpu, memory)| *cpu >= pod.cpu_milli && *memory >= pod.memory_mib).max() {
            Some(node) => *node = (node.0 - pod.cpu_milli, node.1 - pod.memory_mib),
            None => {
                let wants = format!("{}m CPU and {} MiB", pod.cpu_milli, pod.memory_mib);
                let message = format!("{} asks for {wants}, and no node has that left", pod.name);
                let evidence =
                    Evidence::new("Nodes", "allocatable less requests", format!("at most {}m and {} MiB", most.0, most.1));
                let fix = "add a node, or ask for less with values of its chart".to_owned();
                // Its values may well ask for less than it does by itself.
                findings.warning(message, vec![evidence], vec![fix]);
            }
        }
    }
    findings.detail = if nodes.len() == 1 { "1 node".to_owned() } else { format!("{} nodes", nodes.len()) };
}

fn remains(mesh: &dyn Mesh, scene: &Scene, findings: &mut Findings) {
    let state = mesh.state();
    let here = inventory::installed(scene).into_iter().find(|(other, _)| other.id() == mesh.id());
    findings.needs(scene, &[&kinds::CUSTOM_RESOURCE_DEFINITION, &kinds::MUTATING_WEBHOOK, &kinds::VALIDATING_WEBHOOK]);
    if let Some(installation) = here.and_then(|(_, all)| all.into_iter().next()) {
        let version = installation.version.as_deref().unwrap_or("of unknown version");
        let message = format!("{} {version} is here already: installing means upgrading it", state.name());
        return findings.warning(message, installation.evidence, vec!["meshctl meshes".to_owned()]);
    }
    for webhook in scene.webhooks.iter().filter(|w| w.spec.name.ends_with(state.domain())) {
        let message = format!("{} is left of an earlier installation", webhook.title());
        let policy = if webhook.fails_closed() { "Fail" } else { "Ignore" };
        let evidence = vec![Evidence::new(webhook.title(), "failurePolicy", policy)];
        let fix = vec![format!("kubectl delete {} {}", webhook.kind.to_lowercase(), webhook.configuration.name)];
        // Whatever it is asked about is refused until somebody answers.
        if webhook.fails_closed() {
            findings.error(format!("{message}, and refuses what it is asked about"), evidence, fix);
        } else {
            findings.warning(message, evidence, fix);
        }
    }
    let own = |name: &str| name.split_once('.').is_some_and(|(_, group)| group.ends_with(state.domain()));
    let crds: Vec<&str> =
        scene.facts.objects(&kinds::CUSTOM_RESOURCE_DEFINITION).iter().map(|crd| &*crd.name).filter(|name| own(name)).collect();
    if let Some(first) = crds.first() {
        let message =
            format!("{} of its kinds are left of an earlier installation; an installer may refuse to take them over", crds.len());
        let evidence = Evidence::new(format!("CustomResourceDefinition {first}"), "spec.group", state.domain());
        findings.warning(message, vec![evidence], vec![format!("kubectl get crd -o name | grep {}", state.domain())]);
    }
}

fn others(scene: &Scene, only: &[String], findings: &mut Findings) {
    findings.needs(scene, &[&kinds::POD, &kinds::NAMESPACE]);
    for (mesh, installations) in inventory::installed(scene) {
        // Asked for by name, it is judged in its own line.
        if only.iter().any(|id| id == mesh.id()) || installations.iter().all(|one| one.mode == "network only") {
            continue;
        }
        let name = mesh.state().name();
        let evidence = installations.first().map(|one| one.evidence.clone()).unwrap_or_default();
        let message = format!("{name} is installed: a pod can be in one mesh only, so no namespace may ask for both");
        findings.warning(message, evidence, vec!["meshctl meshes lists the namespaces that are enrolled".to_owned()]);
    }
    for one in known::recognised(scene.facts, scene.model) {
        findings.warning(format!("{} is installed: a pod can be in one mesh only", one.name), vec![one.evidence], Vec::new());
    }
}
