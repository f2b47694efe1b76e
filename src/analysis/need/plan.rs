//! What to do next, in phases: each with what it needs to pass (gate), commands, and the way back.

use super::candidates::{Choice, Standing};
use super::interval::Tri;
use super::q2::Q2;
use super::traps::Trap;
use super::tree::Verdict;
use crate::mesh::Candidate;
use crate::model::{EdgeClass, Grade, Model, NeedKind, Party, Role, WorkloadKind};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    pub title: String,
    /// The candidate it is for; null for the lighter way.
    pub candidate: Option<&'static str>,
    pub phases: Vec<Phase>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Phase {
    pub id: &'static str,
    pub title: String,
    pub steps: Vec<String>,
    pub commands: Vec<String>,
    /// What has to be true before the next phase.
    pub gate: String,
    /// PromQL of the gate, where a metric tells.
    pub queries: Vec<String>,
    pub rollback: String,
}

pub fn make(model: &Model, verdict: Verdict, q2: &Q2, choices: &[Choice], traps: &[Trap], window: &str) -> Plan {
    let best = choices.iter().find(|choice| choice.standing != Standing::Excluded);
    match (verdict, best) {
        (Verdict::Justified, Some(best)) => adopt(model, q2, best, traps, window),
        (Verdict::Justified, None) => lighter(q2, "no candidate fits this cluster as it is: remove an exclusion first, or"),
        (Verdict::Undetermined, _) => lighter(q2, "undetermined: what pays off whatever the answer turns out to be,"),
        _ => lighter(q2, "no mesh:"),
    }
}

/// Namespaces in the order of joining: fewest calls across their border first, stateless before stateful, entry last.
pub fn order(model: &Model) -> Vec<String> {
    let mut cross: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut stateful, mut entry) = (BTreeSet::new(), BTreeSet::new());
    for workload in &model.workloads {
        let name = workload.namespace.as_str();
        if super::cost::meshable(workload) {
            cross.entry(name).or_default();
        }
        if workload.role == Role::Datastore || workload.kind == WorkloadKind::StatefulSet {
            stateful.insert(name);
        }
        if workload.role == Role::Gateway {
            entry.insert(name);
        }
    }
    let namespace = |party: &Party| match party {
        Party::Workload(id) => model.workloads.get(*id).map(|w| w.namespace.as_str()),
        _ => None,
    };
    for edge in model.edges.iter().filter(|edge| edge.grade >= Grade::Declared) {
        let (from, to) = (namespace(&edge.from), namespace(&edge.to));
        if edge.class == EdgeClass::Entry {
            entry.extend(to);
        } else if let (Some(from), Some(to)) = (from, to)
            && from != to
        {
            for end in [from, to] {
                if let Some(count) = cross.get_mut(end) {
                    *count += 1;
                }
            }
        }
    }
    let mut names: Vec<(&str, usize)> = cross.into_iter().collect();
    names.sort_by_key(|(name, calls)| (entry.contains(name), stateful.contains(name), *calls, *name));
    names.into_iter().map(|(name, _)| name.to_owned()).collect()
}

fn adopt(model: &Model, q2: &Q2, best: &Choice, traps: &[Trap], window: &str) -> Plan {
    let c: &Candidate = best.candidate;
    let namespaces = order(model);
    let first = namespaces.first().cloned().unwrap_or_else(|| "NAMESPACE".to_owned());
    let put = |text: &str, namespace: &str| text.replace("{namespace}", namespace).replace("{window}", window);
    let installed = best.pros.iter().any(|pro| pro.starts_with("installed"));
    let mine: Vec<&Trap> = traps.iter().filter(|trap| trap.concerns.contains(&c.id)).collect();
    let mut phases = Vec::new();
    let mut prepare: Vec<String> = mine.iter().map(|t| format!("{} ({}): {}", t.id, t.count, t.fix)).collect();
    prepare.push("room: every node needs free CPU and memory for its share of what is reserved (--explain cost)".to_owned());
    phases.push(Phase {
        id: "P0",
        title: "remove the traps, make room".to_owned(),
        steps: prepare,
        gate: "no trap is left that concerns this candidate, or each is accepted in writing".to_owned(),
        rollback: "nothing to undo: these changes are good without a mesh".to_owned(),
        ..Phase::default()
    });
    phases.push(Phase {
        id: "P1",
        title: "control plane, highly available, observing only".to_owned(),
        steps: vec![if installed {
            "already installed: check that it has two or more replicas and that its certificates' root is yours".to_owned()
        } else {
            format!("install {} {}; no pod is touched", c.name, c.version)
        }],
        commands: if installed { Vec::new() } else { vec![c.observe_only_install.to_owned()] },
        gate: "two or more replicas ready for 7 days; one restart of the control plane without effect on traffic".to_owned(),
        rollback: if installed { "none: it was there before".to_owned() } else { c.uninstall.to_owned() },
        ..Phase::default()
    });
    let watch = |namespace: &str| match c.error_rate_query {
        "" => Vec::new(),
        query => vec![put(query, namespace)],
    };
    phases.push(Phase {
        id: "P2",
        title: format!("first namespace: {first}, plaintext still accepted"),
        steps: vec!["fewest calls across its border, stateless; callers outside the mesh keep working".to_owned()],
        commands: vec![put(c.enrol_namespace, &first)],
        gate: "for 7 days error rate and p99 latency stay within 5 % of the week before".to_owned(),
        queries: watch(&first),
        rollback: put(c.unenrol_namespace, &first),
    });
    let rest = namespaces.get(1..).unwrap_or_default();
    phases.push(Phase {
        id: "P3",
        title: match rest.len() {
            0 => "no other namespace is left".to_owned(),
            1 => "the other namespace".to_owned(),
            count => format!("the other {count} namespaces, one wave each"),
        },
        steps: rest.iter().enumerate().map(|(i, name)| format!("wave {}: {name}", i + 1)).collect(),
        commands: vec![put(c.enrol_namespace, "NAMESPACE")],
        gate: "the gate of P2, for each wave; namespaces that call each other in a circle go together".to_owned(),
        queries: watch("NAMESPACE"),
        rollback: put(c.unenrol_namespace, "NAMESPACE"),
    });
    phases.push(Phase {
        id: "P4",
        title: "mTLS only, namespace by namespace in the same order".to_owned(),
        steps: vec![
            "wait out the longest batch cycle: a monthly job that calls in plaintext is found only then".to_owned(),
            "scrapers and probes from outside the mesh: let them in by port, or mesh them".to_owned(),
        ],
        commands: vec![put(c.strict, &first)],
        gate: "no plaintext came in over the whole batch cycle; series born within the window count as plaintext".to_owned(),
        queries: if c.plaintext_query.is_empty() { Vec::new() } else { vec![put(c.plaintext_query, &first)] },
        rollback: put(c.permissive, &first),
    });
    phases.push(Phase {
        id: "P5",
        title: "authorization: record what would be refused, then refuse".to_owned(),
        steps: vec!["write policies from the calls that were seen (--explain Q1), in audit or dry-run mode first".to_owned()],
        gate: "a full batch cycle without a wanted call among the would-be refusals".to_owned(),
        rollback: "delete the policies of the namespace".to_owned(),
        ..Phase::default()
    });
    let wanted: Vec<&str> = q2.wanted().map(|need| need.name).collect();
    phases.push(Phase {
        id: "P6",
        title: "traffic features, one at a time".to_owned(),
        steps: vec![
            format!(
                "what you came for: {}",
                if wanted.is_empty() { "the required features".to_owned() } else { wanted.join(", ") }
            ),
            "every retry gets a budget and a per-try timeout; take retries out of the applications first".to_owned(),
        ],
        gate: "the error budget of the services concerned is not spent faster than before".to_owned(),
        queries: watch("NAMESPACE"),
        rollback: "delete the route or policy; without it calls pass as in P4".to_owned(),
        ..Phase::default()
    });
    Plan { title: format!("adopt {}", c.name), candidate: Some(c.id), phases }
}

/// The way without a mesh: one piece a need, each useful alone.
fn lighter(q2: &Q2, lead: &str) -> Plan {
    let open =
        |kinds: &[NeedKind]| q2.needs.iter().filter(|n| kinds.contains(&n.need)).map(|n| n.needed).max().unwrap_or(Tri::Unknown);
    let phase = |id, need: Tri, title: &str, steps: &[&str], gate: &str, rollback: &str| Phase {
        id,
        title: match need {
            Tri::Yes => title.to_owned(),
            Tri::No => format!("{title} (met already, or not needed)"),
            Tri::Unknown => format!("{title} (when you need it)"),
        },
        steps: steps.iter().map(|step| (*step).to_owned()).collect(),
        gate: gate.to_owned(),
        rollback: rollback.to_owned(),
        ..Phase::default()
    };
    let phases = vec![
        phase(
            "L1",
            Tri::Yes,
            "one retry policy in one place",
            &[
                "2 tries at most, exponential backoff with jitter, a budget (20 % of requests), a timeout on every call",
                "in one library when there is one language; else at the API gateway for what comes in",
                "only for calls that may be repeated (idempotent)",
            ],
            "no service's tries exceed 1.2 times its requests under a failing dependency",
            "set tries to 1",
        ),
        phase(
            "L2",
            open(&[NeedKind::Tracing]),
            "tracing with the OpenTelemetry operator",
            &[
                "auto-instrumentation by annotation for Java, Node.js, Python and .NET; SDK by hand for Go",
                "one collector, tail sampling",
            ],
            "the three deepest call paths show as one trace each",
            "remove the annotation and restart",
        ),
        phase(
            "L3",
            open(&[NeedKind::Canary]),
            "canary with Argo Rollouts or weighted HTTPRoutes at the gateway",
            &["enough while what is canaried is the entry; calls between services inside keep the old split"],
            "one release rolled forward and one rolled back by metric alone",
            "set the weight of the new version to 0",
        ),
        phase(
            "L4",
            open(&[NeedKind::Encryption, NeedKind::Identity, NeedKind::Authorization]),
            "encryption by the network plugin, default-deny network policies",
            &[
                "WireGuard between nodes (kernel 5.6 or newer); where FIPS is required, IPsec instead",
                "it encrypts; it gives no workload identity: when that is required, this is not enough",
            ],
            "no node without encryption in the plugin's status",
            "turn encryption off in the plugin",
        ),
    ];
    Plan { title: format!("{lead} the lighter way"), candidate: None, phases }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    fn spread() -> Model {
        let mut model = model_with(4);
        for (workload, namespace) in model.workloads.iter_mut().zip(["data", "core", "leaf", "front"]) {
            workload.namespace = namespace.to_owned();
        }
        model.workloads[0].role = Role::Datastore;
        edge(&mut model, 3, 1, Grade::Declared);
        edge(&mut model, 1, 2, Grade::Declared);
        model.edges.push(crate::model::Edge {
            from: Party::Outside,
            class: EdgeClass::Entry,
            to: Party::Workload(3),
            ..model.edges[0].clone()
        });
        model
    }

    #[test]
    fn leaves_join_first_then_state_then_the_entry() {
        assert_eq!(order(&spread()), ["leaf", "core", "data", "front"]);
    }

    #[test]
    fn a_justified_mesh_gets_every_phase_with_gate_and_way_back() {
        let mut model = star(12, Grade::Observed);
        model.workloads[0].host_network = true;
        let plan = judge_told(&model, &["tracing"], &[]).plan;
        assert!(plan.candidate.is_some());
        assert_eq!(plan.phases.iter().map(|p| p.id).collect::<Vec<_>>(), ["P0", "P1", "P2", "P3", "P4", "P5", "P6"]);
        assert!(plan.phases.iter().all(|p| !p.gate.is_empty() && !p.rollback.is_empty()));
        let text = serde_json::to_string(&plan).unwrap_or_default();
        assert!(!text.contains("{namespace}") && !text.contains("{window}"), "{text}");
        assert!(plan.phases[0].steps.iter().any(|step| step.starts_with("host-network (1)")));
    }

    #[test]
    fn without_a_mesh_the_plan_is_the_lighter_way() {
        let plan = judge(&model_with(3)).plan;
        assert_eq!(plan.candidate, None);
        assert!(plan.title.starts_with("no mesh") && plan.phases.len() == 4);
    }
}
