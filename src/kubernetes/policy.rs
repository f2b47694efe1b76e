//! NetworkPolicies: who may call whom, as written. A permission is no traffic, so the evidence says so.

use super::class::{self, Hint};
use super::view::{self, Selector};
use super::world::{World, namespace_of};
use crate::facts::{Object, kinds};
use crate::model::{Edge, Evidence, Grade, Model, NeedKind, NotSeen, Party, Signal, SignalKind, WorkloadId};

/// Wider permissions than this name nobody in particular.
const MOST_PAIRS: usize = 2000;
const MOST_CANDIDATES: usize = 256;

/// Adds declared edges, candidates for wildcards, and what default denies say of authorization.
pub fn collect(world: &mut World) {
    let policies: Vec<(&Object, view::NetworkPolicy)> = world.read(&kinds::NETWORK_POLICY);
    let mut denies = Vec::new();
    for (object, policy) in &policies {
        let (namespace, spec) = (namespace_of(object), &policy.spec);
        let title = format!("NetworkPolicy {namespace}/{}", object.name);
        let typed = |kind: &str| spec.types.iter().any(|t| &**t == kind);
        if spec.pods.is_wildcard() && spec.ingress.is_empty() && (typed("Ingress") || spec.types.is_empty()) {
            let evidence = Evidence::new(&title, "spec.podSelector", "{} with no ingress rule: default deny");
            denies.push(Evidence { place: object.place.clone(), ..evidence });
        }
        let selected = select(&world.model, namespace, &spec.pods);
        let ways = [("ingress", &spec.ingress, true), ("egress", &spec.egress, false)];
        for (way, rules, inbound) in ways {
            for (at, rule) in rules.iter().enumerate() {
                let peers = if inbound { &rule.from } else { &rule.to };
                for (peer_at, peer) in peers.iter().enumerate() {
                    let field = format!("spec.{way}[{at}].{}[{peer_at}]", if inbound { "from" } else { "to" });
                    let Some((others, wide)) = peers_of(&world.model, namespace, peer) else { continue };
                    let wide = wide || spec.pods.is_wildcard();
                    let pairs = selected.len().saturating_mul(others.len());
                    if pairs > if wide { MOST_CANDIDATES } else { MOST_PAIRS } {
                        if !wide {
                            world.model.add_not_seen(too_wide(&title, pairs));
                        }
                        continue;
                    }
                    let evidence = Evidence::new(&title, field, "allows it; a permission, not traffic");
                    let evidence = Evidence { place: object.place.clone(), ..evidence };
                    let ends = selected.iter().flat_map(|s| others.iter().map(|o| if inbound { (*o, *s) } else { (*s, *o) }));
                    let edges: Vec<Edge> = ends
                        .filter(|(from, to)| from != to)
                        .map(|(from, to)| edge(&world.model, from, to, rule, wide, &evidence))
                        .collect();
                    for edge in edges {
                        world.model.add_edge(edge);
                    }
                }
            }
        }
    }
    if !denies.is_empty() {
        world.model.signals.push(Signal {
            need: NeedKind::Authorization,
            kind: SignalKind::Hint,
            text: match denies.len() {
                1 => "a NetworkPolicy denies by default: callers are named, and the network does it already".to_owned(),
                n => format!("{n} NetworkPolicies deny by default: callers are named, and the network does it already"),
            },
            evidence: denies,
        });
    }
}

fn too_wide(title: &str, pairs: usize) -> NotSeen {
    NotSeen {
        what: title.to_owned(),
        outcome: "partial".to_owned(),
        why: format!("it allows {pairs} pairs of workloads, too many to say who calls whom"),
        leaves_open: "edges that only this policy declares".to_owned(),
    }
}

fn select(model: &Model, namespace: &str, selector: &Selector) -> Vec<WorkloadId> {
    // Workloads are sorted by namespace.
    let start = model.workloads.partition_point(|w| w.namespace.as_str() < namespace);
    let end = model.workloads.partition_point(|w| w.namespace.as_str() <= namespace);
    (start..end).filter(|id| selector.matches(&model.workloads[*id].labels)).collect()
}

/// The workloads of a peer, and whether it names everybody; `None` for an `ipBlock`.
fn peers_of(model: &Model, namespace: &str, peer: &view::PolicyPeer) -> Option<(Vec<WorkloadId>, bool)> {
    let everybody = Selector::default();
    let pods = peer.pods.as_ref().unwrap_or(&everybody);
    let Some(namespaces) = &peer.namespaces else {
        let pods = peer.pods.as_ref()?;
        return Some((select(model, namespace, pods), pods.is_wildcard()));
    };
    let matching = model.namespaces.iter().filter(|n| {
        let mut labels = n.labels.clone();
        // The API server sets it on every namespace; manifests don't show it.
        labels.entry("kubernetes.io/metadata.name".to_owned()).or_insert_with(|| n.name.clone());
        namespaces.matches(&labels)
    });
    Some((matching.flat_map(|n| select(model, &n.name, pods)).collect(), pods.is_wildcard()))
}

fn edge(model: &Model, from: WorkloadId, to: WorkloadId, rule: &view::PolicyRule, wide: bool, evidence: &Evidence) -> Edge {
    let pod_port = match rule.ports.as_slice() {
        [port] => Some(&*port.port).filter(|p| !p.is_empty()),
        _ => None,
    };
    let port = pod_port.and_then(|p| service_port(model, to, p));
    let (from, to) = (Party::Workload(from), Party::Workload(to));
    let class = class::classify(model, &from, &to, Hint { port, ..Hint::default() });
    let grade = if wide { Grade::Candidate } else { Grade::Declared };
    Edge { from, to, port, protocol: None, class, grade, rate: None, evidence: vec![evidence.clone()] }
}

/// A policy names the pod's port; a caller names the Service's. The Service's, where one leads there.
fn service_port(model: &Model, to: WorkloadId, pod_port: &str) -> Option<u16> {
    let containers = &model.workloads[to].containers;
    let named = containers.iter().flat_map(|c| &c.ports).find(|p| p.name == pod_port).map(|p| p.number);
    let number = pod_port.parse().ok().or(named)?;
    let name = containers.iter().flat_map(|c| &c.ports).find(|p| p.number == number).map(|p| p.name.as_str()).unwrap_or_default();
    let namespace = &model.workloads[to].namespace;
    let start = model.services.partition_point(|s| s.namespace < *namespace);
    let behind = model.services[start..].iter().take_while(|s| s.namespace == *namespace).filter(|s| s.workloads.contains(&to));
    let target = number.to_string();
    let leads = behind
        .flat_map(|s| &s.ports)
        .find(|p| p.target == target || p.target == pod_port || (!name.is_empty() && p.target == name));
    Some(leads.map_or(number, |p| p.number))
}
