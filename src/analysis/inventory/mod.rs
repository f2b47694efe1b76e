//! What is installed where, and who is in it: the answer of `meshes`.

mod screen;

use crate::facts::{Facts, Need, Outcome, Resource, SourceKind, kinds};
use crate::kubernetes::readiness::{self, Ready};
use crate::mesh::MESHES;
use crate::mesh::known::{self, Recognised};
use crate::mesh::membership::{CONTROL_PLANE, Membership, Standing};
use crate::mesh::scene::Scene;
use crate::model::{Evidence, Installation, Model};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

pub use screen::{header, report};

pub const SCHEMA: &str = "meshctl/meshes/v1";

/// One cluster.
#[derive(Clone, Debug, Serialize)]
pub struct Inventory {
    pub cluster: String,
    pub source: SourceKind,
    pub now: String,
    pub namespace: Option<String>,
    pub kubernetes_version: Option<String>,
    pub gateway_api_version: Option<String>,
    pub meshes: Vec<Installed>,
    pub enrolled: Vec<Enrolled>,
    /// Pods that are no members although they, or their namespace, are meant to be.
    pub unmeshed: Vec<Unmeshed>,
    /// Resilience inside applications.
    pub libraries: Vec<InApplications>,
    pub recognised: Vec<Recognised>,
    pub not_seen: Vec<String>,
}

/// One installation.
#[derive(Clone, Debug, Serialize)]
pub struct Installed {
    pub mesh: &'static str,
    pub id: &'static str,
    pub revision: Option<String>,
    pub namespace: String,
    /// `sidecar`, `ambient`, `per-node`, `network only`.
    pub mode: String,
    pub version: Option<String>,
    pub components: Vec<Component>,
    /// Pods with a proxy, or served by their node's; the control plane's own apart. `None` when pods were not seen.
    pub proxies: Option<usize>,
    /// The same by how they run: `native-sidecar`, `gateway`, …
    pub modes: BTreeMap<&'static str, usize>,
    /// By the version of the proxy; the empty one is unknown.
    pub versions: BTreeMap<String, usize>,
    pub namespaces: Vec<String>,
    pub evidence: Vec<Evidence>,
}

/// A workload of a control plane.
#[derive(Clone, Debug, Serialize)]
pub struct Component {
    pub name: String,
    pub workload: String,
    #[serde(flatten)]
    pub ready: Option<Ready>,
}

/// A namespace that is meant to be in a mesh.
#[derive(Clone, Debug, Serialize)]
pub struct Enrolled {
    pub namespace: String,
    pub mesh: &'static str,
    pub mode: &'static str,
    pub revision: Option<String>,
    pub evidence: Evidence,
    pub members: usize,
    pub others: usize,
}

#[derive(Clone, Debug, Serialize)]
pub struct Unmeshed {
    pub namespace: String,
    pub pod: String,
    #[serde(flatten)]
    pub membership: Membership,
}

#[derive(Clone, Debug, Serialize)]
pub struct InApplications {
    pub library: String,
    pub workloads: Vec<String>,
    pub evidence: Evidence,
}

/// The meshes that are here, each with what is installed of it, and what is here beside.
pub fn installed(scene: &Scene) -> Vec<(&'static dyn crate::mesh::Mesh, Vec<Installation>)> {
    let of = |mesh: &&'static dyn crate::mesh::Mesh| {
        let mut own: Vec<Installation> = scene.model.installations.iter().filter(|i| i.id == mesh.id()).cloned().collect();
        own.extend(mesh.state().beside(scene));
        (*mesh, own)
    };
    MESHES.iter().map(of).filter(|(_, own)| !own.is_empty()).collect()
}

pub fn take(facts: &Facts, model: &Model) -> Inventory {
    let scene = Scene::new(facts, model);
    let mut inventory = Inventory {
        cluster: facts.cluster.clone(),
        source: facts.kind,
        now: facts.now.to_string(),
        namespace: facts.namespace.clone(),
        kubernetes_version: model.cluster.kubernetes_version.clone(),
        gateway_api_version: model.cluster.gateway_api_version.clone(),
        meshes: Vec::new(),
        enrolled: Vec::new(),
        unmeshed: Vec::new(),
        libraries: libraries(model),
        recognised: known::recognised(facts, model),
        not_seen: not_seen(facts),
    };
    for (mesh, installations) in installed(&scene) {
        let state = mesh.state();
        let members: Vec<_> =
            scene.pods.iter().filter(|pod| !pod.ended()).map(|pod| (pod, state.membership(&scene, pod))).collect();
        for namespace in &model.namespaces {
            if let Some(enrolment) = state.enrols(&scene, namespace) {
                let inside = || members.iter().filter(|(pod, _)| pod.namespace == namespace.name);
                let count = inside().filter(|(_, m)| m.standing.is_in()).count();
                inventory.enrolled.push(Enrolled {
                    namespace: namespace.name.clone(),
                    mesh: enrolment.mesh,
                    mode: enrolment.mode,
                    revision: enrolment.revision,
                    evidence: enrolment.evidence,
                    members: count,
                    others: inside().count() - count,
                });
            }
        }
        for installation in &installations {
            let own = |m: &Membership| m.mode != Some(CONTROL_PLANE) && m.standing.is_in() && state.serves(installation, m);
            let mine: Vec<_> = members.iter().filter(|(_, m)| own(m)).collect();
            let mut modes: BTreeMap<&'static str, usize> = BTreeMap::new();
            let mut versions: BTreeMap<String, usize> = BTreeMap::new();
            for (_, member) in &mine {
                *modes.entry(member.mode.unwrap_or("unknown")).or_default() += 1;
                if member.version.is_some() || member.mode.is_some_and(|mode| mode.ends_with("sidecar")) {
                    *versions.entry(member.version.clone().unwrap_or_default()).or_default() += 1;
                }
            }
            let components = state.components(&scene, installation).into_iter().map(|w| Component {
                name: w.name.clone(),
                workload: w.title(),
                ready: readiness::of_workload(facts, w),
            });
            inventory.meshes.push(Installed {
                mesh: state.name(),
                id: mesh.id(),
                revision: installation.revision.clone(),
                namespace: installation.namespace.clone(),
                mode: installation.mode.clone(),
                version: installation.version.clone(),
                components: components.collect(),
                proxies: (!mine.is_empty() || facts.seen(&kinds::POD)).then_some(mine.len()),
                modes,
                versions,
                namespaces: mine.iter().map(|(pod, _)| pod.namespace.clone()).collect::<BTreeSet<_>>().into_iter().collect(),
                evidence: installation.evidence.clone(),
            });
        }
        let enrolled: BTreeSet<&str> =
            inventory.enrolled.iter().filter(|e| e.mesh == state.name()).map(|e| e.namespace.as_str()).collect();
        let odd = |pod: &str, m: &Membership| match m.standing {
            Standing::Missing | Standing::Unknown => true,
            Standing::Excluded => enrolled.contains(pod),
            _ => false,
        };
        for (pod, membership) in members.iter().filter(|(pod, m)| odd(&pod.namespace, m)) {
            let (namespace, pod) = (pod.namespace.clone(), pod.name.clone());
            inventory.unmeshed.push(Unmeshed { namespace, pod, membership: membership.clone() });
        }
    }
    inventory
}

fn libraries(model: &Model) -> Vec<InApplications> {
    let mut found: BTreeMap<&str, (Vec<String>, &Evidence)> = BTreeMap::new();
    for workload in &model.workloads {
        for library in &workload.libraries {
            found.entry(&library.what.name).or_insert_with(|| (Vec::new(), &library.evidence)).0.push(workload.title());
        }
    }
    let line = |(library, (workloads, evidence)): (&str, (Vec<String>, &Evidence))| InApplications {
        library: library.to_owned(),
        workloads,
        evidence: evidence.clone(),
    };
    found.into_iter().map(line).collect()
}

/// Kinds without which an inventory is not whole, and that did not come whole.
pub fn not_seen(facts: &Facts) -> Vec<String> {
    const WANTED: [&Resource; 9] = [
        &kinds::NAMESPACE,
        &kinds::POD,
        &kinds::DEPLOYMENT,
        &kinds::STATEFUL_SET,
        &kinds::DAEMON_SET,
        &kinds::CONFIG_MAP,
        &kinds::CUSTOM_RESOURCE_DEFINITION,
        &kinds::MUTATING_WEBHOOK,
        &kinds::ENDPOINT_SLICE,
    ];
    let why = |resource: &&Resource| {
        let answer = facts.get(&Need::list(resource));
        let why = match answer {
            Some(answer) if answer.partial.is_some() => "partial",
            Some(answer) if !matches!(answer.outcome, Outcome::Objects(_)) => answer.outcome.word(),
            _ => "not asked",
        };
        format!("{} ({why})", resource.qualified())
    };
    WANTED.iter().filter(|resource| !facts.seen(resource)).map(why).collect()
}
