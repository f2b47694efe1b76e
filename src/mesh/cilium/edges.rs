//! What Cilium's own objects and metrics say of calls and needs.

use super::{FLOWS, HTTP};
use crate::facts::{Facts, Object, Series, kinds};
use crate::kubernetes::{Selector, read};
use crate::mesh::declared::{declare, selected, signal, why};
use crate::mesh::observed::{self, Call};
use crate::mesh::view::nullable;
use crate::model::{Grade, Model, NeedKind, SignalKind};
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
    let all: Vec<(&Object, Policy)> = read(facts, model, &kinds::CILIUM_NETWORK_POLICY);
    let mut evidence = Vec::new();
    for (object, policy) in all {
        evidence.push(why("CiliumNetworkPolicy", object, "spec.endpointSelector", ""));
        for spec in std::iter::once(&policy.spec).chain(&policy.specs) {
            let Some((_, own)) = peer(&spec.endpoint_selector, &object.namespace) else { continue };
            let own = selected(model, &object.namespace, &own);
            let ingress = spec.ingress.iter().flat_map(|rule| &rule.from_endpoints).map(|peer| (peer, true));
            let egress = spec.egress.iter().flat_map(|rule| &rule.to_endpoints).map(|peer| (peer, false));
            for (selector, inbound) in ingress.chain(egress) {
                let Some((namespace, labels)) = peer(selector, &object.namespace) else { continue };
                let others = selected(model, &namespace, &labels);
                let text = labels.labels.iter().map(|(key, value)| format!("{key}={}", value.0)).collect::<Vec<_>>().join(",");
                let field = if inbound { "spec.ingress[].fromEndpoints" } else { "spec.egress[].toEndpoints" };
                let evidence = why("CiliumNetworkPolicy", object, field, text);
                let (callers, callees) = if inbound { (&others, &own) } else { (&own, &others) };
                declare(model, callers, callees, Grade::Declared, &evidence);
            }
        }
    }
    signal(model, NeedKind::Authorization, SignalKind::Hint, "CiliumNetworkPolicies restrict who may connect", evidence);
}

/// Namespace and pod labels of a selector. Keys may carry a source (`k8s:app`), and the namespace is one of the labels.
/// `None` when it names nobody in particular, or chooses by what a pod's own labels don't show.
fn peer(selector: &Selector, own: &str) -> Option<(String, Selector)> {
    let bare = |key: &str| key.strip_prefix("k8s:").or_else(|| key.strip_prefix("any:")).unwrap_or(key).to_owned();
    let mut namespace = own.to_owned();
    let mut pods = Selector::default();
    for (key, value) in &selector.labels {
        match bare(key) {
            key if key == NAMESPACE || key == NAMESPACE_NAME => namespace.clone_from(&value.0),
            key if key.starts_with(NAMESPACE_LABEL) => return None,
            key => _ = pods.labels.insert(key, value.clone()),
        }
    }
    for expression in &selector.expressions {
        let mut expression = expression.clone();
        expression.key.0 = bare(&expression.key);
        if expression.key.0 == NAMESPACE || expression.key.0.starts_with(NAMESPACE_LABEL) {
            return None;
        }
        pods.expressions.push(expression);
    }
    (!pods.is_wildcard()).then_some((namespace, pods))
}
