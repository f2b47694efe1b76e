//! What Cilium's own objects and metrics say of calls and needs.

use super::{FLOWS, HTTP};
use crate::facts::{Facts, Object, Series, kinds};
use crate::kubernetes::{Selector, read};
use crate::mesh::declared::{declare, selected, selected_anywhere, signal, why};
use crate::mesh::observed::{self, Call};
use crate::mesh::view::nullable;
use crate::model::{Grade, Model, NeedKind, SignalKind, WorkloadId};
use serde::Deserialize;

pub fn observed(facts: &Facts, model: &mut Model) {
    for (metric, protocol) in [(&FLOWS, None), (&HTTP, Some("http"))] {
        metric.observe(facts, model, |model: &Model, series: &Series| {
            let party = |end: &str| {
                let label = |what: &str| series.label(&format!("{end}_{what}")).to_owned();
                observed::party(model, &label("namespace"), &label("workload"), &label("workload"))
            };
            Some(Call { from: party("source")?, to: party("destination")?, port: None, protocol: protocol.map(str::to_owned) })
        });
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Policy {
    #[serde(deserialize_with = "nullable")]
    spec: Spec,
    #[serde(deserialize_with = "nullable")]
    specs: Vec<Spec>,
}
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    #[serde(deserialize_with = "nullable")]
    endpoint_selector: Selector,
    #[serde(deserialize_with = "nullable")]
    ingress: Vec<Rule>,
    #[serde(deserialize_with = "nullable")]
    egress: Vec<Rule>,
}
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Rule {
    #[serde(deserialize_with = "nullable")]
    from_endpoints: Vec<Selector>,
    #[serde(deserialize_with = "nullable")]
    to_endpoints: Vec<Selector>,
}

const NAMESPACE: &str = "io.kubernetes.pod.namespace";
const NAMESPACE_NAME: &str = "io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name";
const NAMESPACE_LABEL: &str = "io.cilium.k8s.namespace.labels.";

/// Who may call, from ingress rules, and who may be called, from egress rules. An empty selector names nobody in particular.
pub fn policies(facts: &Facts, model: &mut Model) {
    let mut evidence = Vec::new();
    for resource in [&kinds::CILIUM_NETWORK_POLICY, &kinds::CILIUM_CLUSTERWIDE_NETWORK_POLICY] {
        let kind = &*resource.kind;
        let all: Vec<(&Object, Policy)> = read(facts, model, resource);
        for (object, policy) in all {
            // Without a namespace of its own, a policy is for pods of every namespace.
            let home = resource.namespaced.then_some(&*object.namespace);
            evidence.push(why(kind, object, "spec.endpointSelector", ""));
            for spec in std::iter::once(&policy.spec).chain(&policy.specs) {
                let Some(own) = Peer::of(&spec.endpoint_selector, home) else { continue };
                let own = own.workloads(model);
                let ingress = spec.ingress.iter().flat_map(|rule| &rule.from_endpoints).map(|peer| (peer, true));
                let egress = spec.egress.iter().flat_map(|rule| &rule.to_endpoints).map(|peer| (peer, false));
                for (selector, inbound) in ingress.chain(egress) {
                    let Some(peer) = Peer::of(selector, home) else { continue };
                    let others = peer.workloads(model);
                    let labels = peer.pods.labels.iter().map(|(key, value)| format!("{key}={}", value.0));
                    let text = labels.collect::<Vec<_>>().join(",");
                    let field = if inbound { "spec.ingress[].fromEndpoints" } else { "spec.egress[].toEndpoints" };
                    let evidence = why(kind, object, field, text);
                    let (callers, callees) = if inbound { (&others, &own) } else { (&own, &others) };
                    declare(model, callers, callees, Grade::Declared, &evidence);
                }
            }
        }
    }
    signal(model, NeedKind::Authorization, SignalKind::Hint, "Cilium's network policies restrict who may connect", evidence);
}

/// Whom a selector names. Keys may carry a source (`k8s:app`), and the namespace is one of the labels.
struct Peer {
    /// `None`: any namespace.
    namespace: Option<String>,
    pods: Selector,
}

impl Peer {
    /// `None` when it names nobody in particular, or chooses by what a pod's own labels don't show.
    fn of(selector: &Selector, home: Option<&str>) -> Option<Self> {
        let bare = |key: &str| key.strip_prefix("k8s:").or_else(|| key.strip_prefix("any:")).unwrap_or(key).to_owned();
        let mut peer = Peer { namespace: home.map(str::to_owned), pods: Selector::default() };
        for (key, value) in &selector.labels {
            match bare(key) {
                key if key == NAMESPACE || key == NAMESPACE_NAME => peer.namespace = Some(value.0.clone()),
                key if key.starts_with(NAMESPACE_LABEL) => return None,
                key => _ = peer.pods.labels.insert(key, value.clone()),
            }
        }
        for expression in &selector.expressions {
            let mut expression = expression.clone();
            expression.key.0 = bare(&expression.key);
            if expression.key.0 == NAMESPACE || expression.key.0.starts_with(NAMESPACE_LABEL) {
                return None;
            }
            peer.pods.expressions.push(expression);
        }
        (!peer.pods.is_wildcard()).then_some(peer)
    }

    fn workloads(&self, model: &Model) -> Vec<WorkloadId> {
        match &self.namespace {
            Some(namespace) => selected(model, namespace, &self.pods),
            None => selected_anywhere(model, &self.pods),
        }
    }
}
