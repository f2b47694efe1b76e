//! What Consul's intentions allow and what its Envoys saw.

use super::{CONNECTIONS, REQUESTS};
use crate::facts::{Facts, Object, Series, kinds};
use crate::kubernetes::observed::pod_party;
use crate::kubernetes::read;
use crate::mesh::declared::{signal, why};
use crate::mesh::observed::{self, Call};
use crate::mesh::view::nullable;
use crate::model::{Edge, Grade, Model, NeedKind, Party, SignalKind};
use serde::Deserialize;

/// Both ends are Consul's service names; the scrape adds whose pod it was.
pub fn observed(facts: &Facts, model: &mut Model) {
    let call = |model: &Model, series: &Series| {
        let (namespace, pod) = scraped(series);
        let from = pod_party(model, namespace, pod).filter(|_| !pod.is_empty());
        let from = from.or_else(|| named(model, namespace, series.label("consul_source_service")))?;
        let to = named(model, namespace, series.label("consul_destination_service"))?;
        Some(Call { from, to, port: None, protocol: None })
    };
    REQUESTS.observe(facts, model, call);
    CONNECTIONS.observe(facts, model, call);
}

/// Namespace and pod, under the names that scrape configurations give them.
fn scraped(series: &Series) -> (&str, &str) {
    let first = |names: [&'static str; 2]| names.into_iter().map(|n| series.label(n)).find(|v| !v.is_empty()).unwrap_or("");
    (first(["namespace", "kubernetes_namespace"]), first(["pod", "kubernetes_pod_name"]))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ServiceIntentions {
    spec: Spec,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct Spec {
    destination: Service,
    #[serde(deserialize_with = "nullable")]
    sources: Vec<Source>,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct Service {
    #[serde(deserialize_with = "nullable")]
    name: String,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct Source {
    #[serde(deserialize_with = "nullable")]
    name: String,
    #[serde(deserialize_with = "nullable")]
    action: String,
    #[serde(deserialize_with = "nullable")]
    permissions: Vec<Permission>,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct Permission {
    #[serde(deserialize_with = "nullable")]
    action: String,
}

/// Allowed sources of each destination. Consul's service names carry no namespace, so a name must be unique or stand in
/// the intention's own namespace.
pub fn intentions(facts: &Facts, model: &mut Model) {
    let all: Vec<(&Object, ServiceIntentions)> = read(facts, model, &kinds::CONSUL_SERVICE_INTENTIONS);
    let mut evidence = Vec::new();
    for (object, ServiceIntentions { spec }) in &all {
        evidence.push(why("ServiceIntentions", object, "spec.destination.name", &*spec.destination.name));
        let Some(to) = named(model, &object.namespace, &spec.destination.name) else { continue };
        for (s, source) in spec.sources.iter().enumerate() {
            let allowed = source.action == "allow" || source.permissions.iter().any(|p| p.action == "allow");
            let Some(from) = named(model, &object.namespace, &source.name).filter(|_| allowed) else { continue };
            if from == to {
                continue;
            }
            let class = observed::class(model, &from, &to);
            let evidence = vec![why("ServiceIntentions", object, format!("spec.sources[{s}].name"), &*source.name)];
            let to = to.clone();
            model.add_edge(Edge { from, to, port: None, protocol: None, class, grade: Grade::Declared, rate: None, evidence });
        }
    }
    signal(model, NeedKind::Authorization, SignalKind::Evidenced, "ServiceIntentions restrict who may call", evidence);
}

fn named(model: &Model, own: &str, name: &str) -> Option<Party> {
    if matches!(name, "*" | "") {
        return None;
    }
    if let Some(party) = observed::party(model, own, "", name).or_else(|| observed::party(model, own, name, "")) {
        return Some(party);
    }
    let mut spaces = model.namespaces.iter().filter_map(|ns| observed::party(model, &ns.name, "", name));
    spaces.next().filter(|_| spaces.next().is_none())
}
