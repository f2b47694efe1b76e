//! What was asked for and did not come: named, with what it leaves open.

use crate::facts::{Facts, Need, Outcome, Resource, SourceKind, kinds};
use crate::model::{Model, NotSeen};

/// Adds a line for everything that is not in the facts. An absent kind is seen: there are certainly none.
pub fn collect(facts: &Facts, model: &mut Model) {
    let mut not_asked: Vec<&Resource> = Vec::new();
    // Of what servers were asked, whoever asked says what stays open.
    for (need, answer) in facts.iter().filter(|(need, _)| !matches!(need, Need::Grpc(_) | Need::Http(_))) {
        if let Some(why) = &answer.partial {
            model.add_not_seen(line(&need.title(), "partial", why, leaves_open(need)));
        }
        let why = match &answer.outcome {
            Outcome::Objects(_) | Outcome::Text(_) | Outcome::Bytes(_) => continue,
            Outcome::Absent(_) if matches!(need, Need::List { .. }) => continue,
            outcome => outcome.reason().unwrap_or_default(),
        };
        match need {
            Need::List { resource } if matches!(answer.outcome, Outcome::NotAsked(_)) => {
                if !certainly_absent(facts, resource) {
                    not_asked.push(resource);
                }
            }
            // Queries are summed up below, and `/version` of manifests is part of the running state.
            Need::Query { .. } => {}
            Need::Version if facts.kind == SourceKind::Manifests => {}
            _ => model.add_not_seen(line(&need.title(), answer.outcome.word(), why, leaves_open(need))),
        }
    }
    if facts.kind == SourceKind::Manifests {
        let why = "manifests say what is wanted, not what runs";
        model.add_not_seen(line(
            "running state",
            "not asked",
            why,
            "nodes, pods, versions, headroom and what is installed by hand are unknown",
        ));
        if !not_asked.is_empty() {
            let why = "only the kinds in the manifests could be judged";
            model.add_not_seen(line(
                "other kinds",
                "not asked",
                why,
                "policies, routes and custom resources kept elsewhere are unknown",
            ));
        }
    } else if not_asked.len() > 5 {
        let names: Vec<String> = not_asked.iter().map(|r| r.qualified()).collect();
        model.add_not_seen(line(
            &format!("{} kinds", not_asked.len()),
            "not asked",
            &format!("the recording does not hold {}", names.join(", ")),
            "what they would show is unknown",
        ));
    } else {
        for resource in not_asked {
            let need = Need::list(resource);
            model.add_not_seen(line(&resource.qualified(), "not asked", "the recording does not hold it", leaves_open(&need)));
        }
    }
    queries(facts, model);
}

/// A recording made before the kind was asked for still tells, by its list of kinds, that the cluster has no such kind.
fn certainly_absent(facts: &Facts, resource: &Resource) -> bool {
    let kinds = &kinds::CUSTOM_RESOURCE_DEFINITION;
    let custom = resource.group.contains('.') && !resource.group.ends_with("k8s.io");
    let listed = |name: &str| name == resource.qualified();
    custom
        && matches!(facts.get(&Need::list(kinds)).map(|a| (&a.outcome, &a.partial)), Some((Outcome::Objects(_), None)))
        && !facts.objects(kinds).iter().any(|crd| listed(&crd.name))
}

/// One line for all metrics if none came; else one for each that failed.
fn queries(facts: &Facts, model: &mut Model) {
    let asked = || facts.iter().filter(|(need, _)| matches!(need, Need::Query { .. }));
    let open = "edges that no configuration names, request rates and error rates are unknown";
    if !facts.metrics_seen() {
        let (outcome, why) = match asked().next() {
            Some((_, answer)) => (answer.outcome.word(), answer.outcome.reason().unwrap_or_default()),
            None => ("not asked", "no Prometheus was given or found"),
        };
        model.add_not_seen(line("metrics", outcome, why, open));
        return;
    }
    for (need, answer) in asked() {
        if let Some(why) = answer.outcome.reason() {
            model.add_not_seen(line(&need.title(), answer.outcome.word(), why, open));
        }
    }
}

fn line(what: &str, outcome: &str, why: &str, leaves_open: &str) -> NotSeen {
    NotSeen { what: what.to_owned(), outcome: outcome.to_owned(), why: why.to_owned(), leaves_open: leaves_open.to_owned() }
}

fn leaves_open(need: &Need) -> &'static str {
    let Need::List { resource } = need else { return "the Kubernetes version may be known from the nodes only" };
    let table: [(&Resource, &str); 17] = [
        (&kinds::POD, "bare pods and the room left on nodes are unknown"),
        (&kinds::NODE, "kernel, operating system and headroom are unknown"),
        (&kinds::NAMESPACE, "labels that ask for compliance or separate tenants are unknown"),
        (&kinds::SERVICE, "no name can be resolved: the call graph is unknown"),
        (&kinds::CONFIG_MAP, "addresses kept in ConfigMaps are not among the edges"),
        (&kinds::DEPLOYMENT, "workloads may be missing from every count"),
        (&kinds::STATEFUL_SET, "workloads may be missing from every count"),
        (&kinds::DAEMON_SET, "node agents and the network plugin may be missing"),
        (&kinds::ARGO_ROLLOUT, "workloads may be missing from every count; canaries are unknown"),
        (&kinds::CRON_JOB, "scheduled jobs may be missing from every count"),
        (&kinds::JOB, "jobs may be missing from every count"),
        (&kinds::NETWORK_POLICY, "who may call whom, and default denies, are unknown"),
        (&kinds::INGRESS, "entries from outside are unknown"),
        (&kinds::HTTP_ROUTE, "entries from outside and weighted routes are unknown"),
        (&kinds::HORIZONTAL_POD_AUTOSCALER, "autoscalers that a sidecar would change are unknown"),
        (&kinds::ENDPOINT_SLICE, "endpoints outside the cluster are unknown"),
        (&kinds::CUSTOM_RESOURCE_DEFINITION, "the installed Gateway API version is unknown"),
    ];
    table.iter().find(|(known, _)| *known == resource).map_or("what it would show is unknown", |(_, text)| text)
}
