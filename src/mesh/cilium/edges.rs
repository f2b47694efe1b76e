//! What Cilium's own objects, settings and metrics say of calls and needs.

use super::{FLOWS, HTTP};
use crate::facts::{Facts, Object, Series, kinds};
use crate::mesh::declared::{declare, labelled, signal, why};
use crate::mesh::observed::{self, Call};
use crate::mesh::view::{ConfigMap, Selector, nullable};
use crate::model::{Grade, Model, NeedKind, SignalKind};
use serde::Deserialize;
use std::collections::BTreeMap;

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
    ingress: Vec<Ingress>,
}
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Ingress {
    #[serde(deserialize_with = "nullable")]
    from_endpoints: Vec<Selector>,
}

const NAMESPACE: &str = "io.kubernetes.pod.namespace";

/// `fromEndpoints` of ingress rules: who may call. An empty selector names nobody in particular.
pub fn policies(facts: &Facts, model: &mut Model) {
    let mut all: Vec<(&Object, Policy)> = Vec::new();
    facts.read(&kinds::CILIUM_NETWORK_POLICY, |object, view| all.push((object, view)));
    let mut evidence = Vec::new();
    for (object, policy) in all {
        evidence.push(why("CiliumNetworkPolicy", object, "spec.endpointSelector", ""));
        for spec in std::iter::once(&policy.spec).chain(&policy.specs) {
            for from in spec.ingress.iter().flat_map(|ingress| &ingress.from_endpoints) {
                let (namespace, labels) = peer(from, &object.namespace);
                if labels.is_empty() || spec.endpoint_selector.match_labels.is_empty() {
                    continue;
                }
                let text = labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",");
                let callers = labelled(model, &namespace, &labels);
                let callees = labelled(model, &object.namespace, &peer(&spec.endpoint_selector, "").1);
                let evidence = why("CiliumNetworkPolicy", object, "spec.ingress[].fromEndpoints", text);
                declare(model, &callers, &callees, Grade::Declared, &evidence);
            }
        }
    }
    signal(model, NeedKind::Authorization, SignalKind::Hint, "CiliumNetworkPolicies restrict who may connect", evidence);
}

/// Cilium's label keys may carry a source (`k8s:app`), and the namespace is one of the labels.
fn peer(selector: &Selector, own: &str) -> (String, BTreeMap<String, String>) {
    let mut namespace = own.to_owned();
    let mut labels = BTreeMap::new();
    for (key, value) in &selector.match_labels {
        let key = key.strip_prefix("k8s:").or_else(|| key.strip_prefix("any:")).unwrap_or(key);
        if key == NAMESPACE {
            namespace.clone_from(value);
        } else {
            labels.insert(key.to_owned(), value.clone());
        }
    }
    (namespace, labels)
}

/// What the agent's settings already give without a proxy in each pod.
pub fn features(facts: &Facts, model: &mut Model) {
    let mut config = None;
    facts.read::<ConfigMap>(&kinds::CONFIG_MAP, |object, view| {
        if &*object.name == "cilium-config" {
            config = Some((object, view.data));
        }
    });
    let Some((object, data)) = config else { return };
    let on = |key: &str| data.get(key).is_some_and(|value| value == "true");
    let why = |key: &str| {
        let text = data.get(key).cloned().unwrap_or_default();
        vec![why("ConfigMap", object, format!("data[{key}]"), text)]
    };
    for (key, text) in [
        ("enable-wireguard", "WireGuard encrypts traffic between nodes"),
        ("enable-ipsec", "IPsec encrypts traffic between nodes"),
    ] {
        if on(key) {
            signal(model, NeedKind::Encryption, SignalKind::Satisfied, text, why(key));
        }
    }
    if on("mesh-auth-enabled") && data.get("mesh-auth-mutual-enabled").is_some_and(|value| value == "true") {
        signal(
            model,
            NeedKind::Identity,
            SignalKind::Satisfied,
            "mutual authentication is on (beta; the handshake is out of band)",
            why("mesh-auth-mutual-enabled"),
        );
    }
    if data.get("cluster-id").is_some_and(|id| id != "0" && !id.is_empty()) {
        signal(model, NeedKind::Multicluster, SignalKind::Hint, "a cluster id for Cluster Mesh is set", why("cluster-id"));
    }
}
