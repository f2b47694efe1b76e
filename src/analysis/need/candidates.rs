//! The candidates: hard exclusions first, then how well they fit what is needed, in words.
//!
//! A Kubernetes older than the vendor's minimum excludes; a newer one than the vendor lists is *untested*, no more.

use super::q2::Q2;
use super::told::Told;
use crate::mesh::{Candidate, Fit, Level, MESHES};
use crate::model::{Model, NeedKind};
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    Possible,
    /// This Kubernetes is newer than what the vendor lists.
    Untested,
    Excluded,
}

#[derive(Clone, Debug, Serialize)]
pub struct Choice {
    /// 1 is first; excluded ones have none.
    pub rank: Option<usize>,
    pub standing: Standing,
    /// Reasons for which it can't be used here.
    pub excluded_by: Vec<String>,
    /// What speaks for it here.
    pub pros: Vec<String>,
    /// What to know before choosing it.
    pub cautions: Vec<String>,
    /// "meets 3 of 3 needs".
    pub fit: String,
    #[serde(flatten)]
    pub candidate: &'static Candidate,
    #[serde(skip)]
    penalty: i32,
}

pub fn rank(model: &Model, told: &Told, q2: &Q2) -> Vec<Choice> {
    let mut needs: Vec<NeedKind> = q2.wanted().map(|need| need.need).collect();
    let extra = [NeedKind::Multicluster, NeedKind::VirtualMachines];
    let asked = |kind: &NeedKind| told.of(*kind).is_some_and(|(answer, _)| answer == super::interval::Tri::Yes);
    needs.extend(extra.into_iter().filter(asked));
    let all = MESHES.iter().flat_map(|mesh| mesh.candidates());
    let mut choices: Vec<Choice> = all.map(|candidate| choice(candidate, model, told, &needs)).collect();
    // Stable: equals keep the order in which the meshes are registered.
    choices.sort_by_key(|choice| (choice.standing == Standing::Excluded, choice.penalty));
    for (i, choice) in choices.iter_mut().filter(|c| c.standing != Standing::Excluded).enumerate() {
        choice.rank = Some(i + 1);
    }
    choices
}

fn choice(candidate: &'static Candidate, model: &Model, told: &Told, needs: &[NeedKind]) -> Choice {
    let mut choice = Choice {
        rank: None,
        standing: Standing::Possible,
        excluded_by: Vec::new(),
        pros: Vec::new(),
        cautions: Vec::new(),
        fit: String::new(),
        candidate,
        penalty: match candidate.complexity {
            Level::Low => 0,
            Level::Medium => 1,
            Level::High => 3,
        },
    };
    kubernetes(&mut choice, model);
    kernel(&mut choice, model);
    windows(&mut choice, model);
    network(&mut choice, model);
    installed(&mut choice, model);
    meets(&mut choice, told, needs);
    if told.fips() {
        choice
            .cautions
            .push("FIPS is required (your word): check that the build you take is validated; builds differ".to_owned());
    }
    if candidate.cost.cpu_milli_per_krps.is_none() && candidate.cost.memory_mb_per_proxy.is_none() {
        // No figure to plan with.
        choice.penalty += 2;
    }
    if !choice.excluded_by.is_empty() {
        choice.standing = Standing::Excluded;
    }
    choice
}

/// `v1.31.4-eks-1` → (1, 31).
pub fn minor(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.trim_start_matches('v').split(['.', '-', '+']);
    let major = numbers.next()?.parse().ok()?;
    let minor: String = numbers.next()?.chars().take_while(char::is_ascii_digit).collect();
    Some((major, minor.parse().ok()?))
}

fn kubernetes(choice: &mut Choice, model: &Model) {
    let (candidate, range) = (choice.candidate, choice.candidate.kubernetes);
    let text = |(major, minor): (u32, u32)| format!("{major}.{minor}");
    let Some(version) = model.cluster.kubernetes_version.as_deref().and_then(minor) else {
        choice.cautions.push(format!("Kubernetes version not seen; {} needs {} or newer", candidate.version, text(range.min)));
        return;
    };
    let source = format!("({}, {})", range.source, range.date);
    if version < range.min {
        match candidate.older.iter().find(|older| (older.min..=older.tested_to).contains(&version)) {
            Some(older) => choice.cautions.push(format!(
                "Kubernetes {} is below {} for {}; the older {} lists it {source}",
                text(version),
                text(range.min),
                candidate.version,
                older.version
            )),
            None => choice.excluded_by.push(format!(
                "Kubernetes {} is below the minimum {} of {} {source}",
                text(version),
                text(range.min),
                candidate.version
            )),
        }
    } else if range.tested_to.is_some_and(|tested| version > tested) {
        choice.standing = Standing::Untested;
        choice.penalty += 1;
        let tested = range.tested_to.map(text).unwrap_or_default();
        choice.cautions.push(format!(
            "untested: Kubernetes {} is newer than {tested}, the newest listed for {} {source}",
            text(version),
            candidate.version
        ));
    }
}

fn kernel(choice: &mut Choice, model: &Model) {
    let Some(range) = choice.candidate.kernel else { return };
    let linux: Vec<_> = model.cluster.nodes.iter().filter(|node| node.os != "windows").collect();
    let fits = |node: &crate::model::Node| {
        let kernel = minor(&node.kernel)?;
        let excepted = range.except.iter().any(|(image, least)| node.os_image.contains(image) && kernel >= *least);
        Some(kernel >= range.min || excepted)
    };
    let old: Vec<_> = linux.iter().filter(|node| fits(node) == Some(false)).collect();
    let (major, minor) = range.min;
    if let Some(node) = old.first() {
        choice.excluded_by.push(format!(
            "{} of {} nodes have a kernel below {major}.{minor}, such as {} ({}) ({}, {})",
            old.len(),
            linux.len(),
            node.name,
            node.kernel,
            range.source,
            range.date
        ));
    } else if linux.is_empty() || linux.iter().any(|node| fits(node).is_none()) {
        choice.cautions.push(format!("kernels not seen; {major}.{minor} or newer is needed ({})", range.source));
    }
}

fn windows(choice: &mut Choice, model: &Model) {
    let nodes = model.cluster.nodes.iter().filter(|node| node.os == "windows").count();
    let counted = || model.workloads.iter().filter(|w| w.counts());
    let pinned = counted().filter(|w| w.os.as_deref() == Some("windows")).count();
    let note = choice.candidate.windows.note();
    match choice.candidate.windows {
        Fit::Full { .. } => {}
        _ if nodes == 0 && pinned == 0 => {}
        Fit::No { .. } if pinned > 0 => {
            choice.excluded_by.push(format!("{pinned} of {} workloads run on Windows: {note}", counted().count()));
        }
        _ if pinned > 0 => choice.cautions.push(format!("{pinned} workloads run on Windows: {note}")),
        _ => choice.cautions.push(format!("{nodes} Windows nodes: {note}")),
    }
}

fn network(choice: &mut Choice, model: &Model) {
    let needed = choice.candidate.needs_cni;
    if needed.is_empty() {
        return;
    }
    let present: Vec<&str> = model.cluster.network_plugins.iter().map(|sighting| sighting.what.as_str()).collect();
    if let Some(plugin) = present.iter().find(|plugin| needed.contains(plugin)) {
        choice.pros.push(format!("{plugin} is the network here already: the strongest sign for it (LiveWyer, Mar 2024)"));
        choice.penalty -= 4;
    } else if present.is_empty() {
        choice.cautions.push(format!("network plugin not seen; it has to be {}", needed.join(" or ")));
        choice.penalty += 4;
    } else {
        choice.cautions.push(format!("the network here is {}: choosing it means migrating the network", present.join(", ")));
        choice.penalty += 6;
    }
}

fn installed(choice: &mut Choice, model: &Model) {
    let candidate = choice.candidate;
    let same_mode = |mode: &str| candidate.mode.is_empty() || mode.is_empty() || mode == candidate.mode;
    if let Some(here) = model.installations.iter().find(|i| i.id == candidate.mesh && same_mode(&i.mode)) {
        choice.pros.push(match &*here.namespace {
            "" => "installed already, its control plane not in sight".to_owned(),
            namespace => format!("installed already in {namespace}"),
        });
        choice.penalty -= 8;
    }
}

fn meets(choice: &mut Choice, told: &Told, needs: &[NeedKind]) {
    let mut full = 0;
    for need in needs {
        let fit = choice.candidate.fit(*need);
        let name = super::q2::name(*need);
        let text = |word: &str| match fit.note() {
            "" => format!("{word} {name}"),
            note => format!("{word} {name} ({note})"),
        };
        match fit {
            Fit::Full { .. } => {
                full += 1;
                choice.pros.push(text("gives"));
            }
            Fit::Partial { .. } => {
                choice.penalty += 3;
                choice.cautions.push(text("gives only a part of"));
            }
            // What a person requires and it doesn't have rules it out; what the cluster only suggests doesn't.
            Fit::No { .. } if told.mandates(*need) => choice.excluded_by.push(text("doesn't give what is required:")),
            Fit::No { .. } => {
                choice.penalty += 10;
                choice.cautions.push(text("doesn't give"));
            }
        }
    }
    choice.fit = match needs.len() {
        0 => "no need named yet".to_owned(),
        count => format!("meets {full} of {count} needs"),
    };
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::model::{Evidence, Node, Sighting};

    fn ranked(model: &Model, require: &[&str]) -> Vec<Choice> {
        judge_told(model, require, &[]).candidates
    }
    fn cluster(version: &str) -> Model {
        let mut model = model_with(8);
        model.cluster.kubernetes_version = Some(version.to_owned());
        model
    }
    /// Found by what it is, not by its name: names belong to `mesh`.
    fn bound_to_network(choices: &[Choice]) -> &Choice {
        choices.iter().find(|c| !c.candidate.needs_cni.is_empty()).expect("one needs its own CNI")
    }

    #[test]
    fn every_candidate_has_its_source_and_date() {
        for choice in ranked(&model_with(1), &[]) {
            let c = choice.candidate;
            assert!(!c.kubernetes.source.is_empty() && !c.kubernetes.date.is_empty(), "{}", c.id);
            assert!(c.cost.figures.iter().all(|f| !f.publisher.is_empty() && !f.date.is_empty()), "{}", c.id);
            assert!(!c.cost.note.is_empty(), "{}", c.id);
            for command in [c.enrol_namespace, c.unenrol_namespace] {
                assert!(!command.is_empty(), "{}", c.id);
            }
        }
    }

    #[test]
    fn a_newer_kubernetes_is_untested_and_never_excluded() {
        let choices = ranked(&cluster("v1.99.0"), &[]);
        assert!(choices.iter().all(|c| c.standing != Standing::Excluded));
        let listed = |c: &&Choice| c.candidate.kubernetes.tested_to.is_some();
        assert!(choices.iter().filter(listed).all(|c| c.standing == Standing::Untested));
    }

    #[test]
    fn an_older_kubernetes_excludes_with_the_source() {
        let choices = ranked(&cluster("v1.24.3+k3s1"), &[]);
        assert!(choices.iter().all(|c| c.standing == Standing::Excluded && c.rank.is_none()));
        assert!(choices[0].excluded_by[0].contains("1.24 is below the minimum"), "{:?}", choices[0].excluded_by);
        assert!(choices[0].excluded_by[0].contains("2026-08"));
    }

    #[test]
    fn an_older_release_that_lists_this_kubernetes_saves_the_candidate() {
        let choices = ranked(&cluster("v1.30.2"), &[]);
        let saved = choices.iter().find(|c| !c.candidate.older.is_empty()).expect("one lists older releases");
        assert_ne!(saved.standing, Standing::Excluded);
        assert!(saved.cautions.iter().any(|c| c.contains("the older 1.28 lists it")), "{:?}", saved.cautions);
    }

    #[test]
    fn one_old_kernel_excludes_and_the_named_distribution_does_not() {
        let node = |kernel: &str, image: &str| Node {
            name: "n1".to_owned(),
            os: "linux".to_owned(),
            kernel: kernel.to_owned(),
            os_image: image.to_owned(),
            ..Node::default()
        };
        let mut model = cluster("v1.32.0");
        model.cluster.nodes = vec![node("6.1.0-1", "Debian"), node("4.18.0-513.el8", "CentOS 8")];
        assert!(bound_to_network(&ranked(&model, &[])).excluded_by[0].contains("1 of 2 nodes"));
        model.cluster.nodes[1].os_image = "Red Hat Enterprise Linux 8.10 (Ootpa)".to_owned();
        assert_eq!(bound_to_network(&ranked(&model, &[])).standing, Standing::Possible);
    }

    #[test]
    fn its_network_already_there_puts_it_first_and_another_means_migration() {
        let mut model = cluster("v1.32.0");
        let needed = bound_to_network(&ranked(&model, &[])).candidate.needs_cni[0].to_owned();
        let plugin = |name: &str| Sighting { what: name.to_owned(), evidence: Evidence::default() };
        model.cluster.network_plugins = vec![plugin(&needed)];
        assert_eq!(bound_to_network(&ranked(&model, &[])).rank, Some(1));
        model.cluster.network_plugins = vec![plugin("flannel")];
        let choices = ranked(&model, &[]);
        let bound = bound_to_network(&choices);
        assert_eq!(bound.standing, Standing::Possible);
        assert!(bound.cautions.iter().any(|c| c.contains("migrating")) && bound.rank > Some(1));
    }

    #[test]
    fn windows_workloads_exclude_and_idle_windows_nodes_warn() {
        let mut model = cluster("v1.32.0");
        model.cluster.nodes = vec![Node { os: "windows".to_owned(), ..Node::default() }];
        assert!(ranked(&model, &[]).iter().all(|c| c.standing != Standing::Excluded));
        model.workloads[0].os = Some("windows".to_owned());
        for choice in ranked(&model, &[]) {
            let no = matches!(choice.candidate.windows, Fit::No { .. });
            assert_eq!(choice.standing == Standing::Excluded, no, "{}", choice.candidate.id);
        }
    }

    #[test]
    fn what_is_installed_comes_first() {
        let mut model = cluster("v1.32.0");
        let last = ranked(&model, &[]).pop().expect("some").candidate;
        model.installations.push(crate::model::Installation {
            mesh: last.name.to_owned(),
            id: last.mesh,
            version: None,
            revision: None,
            namespace: "mesh-system".to_owned(),
            mode: last.mode.to_owned(),
            meshed: vec![0, 1],
            evidence: Vec::new(),
        });
        let decision = judge(&model);
        assert_eq!(decision.candidates[0].candidate.id, last.id);
        assert!(decision.installations[0].text.contains("2 of 8 workloads"), "{}", decision.installations[0].text);
    }

    #[test]
    fn versions_are_read_as_vendors_write_them() {
        for (text, want) in [("v1.31.4", (1, 31)), ("v1.28.9-eks-1", (1, 28)), ("1.30+", (1, 30)), ("5.10.0-28-amd64", (5, 10))] {
            assert_eq!(minor(text), Some(want), "{text}");
        }
        assert_eq!(minor("none"), None);
    }
}
