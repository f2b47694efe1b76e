//! Consul Connect.

mod admin;
mod candidates;
mod marks;

use super::declared::{signal, why};
use super::view::nullable;
use super::{Candidate, Marks, Mesh, observed, proxies};
use crate::facts::{Facts, Need, Object, Purpose, kinds};
use crate::model::{Edge, Evidence, Grade, Installation, Model, NeedKind, Party, SignalKind};
use serde::Deserialize;

pub struct Consul;

impl Mesh for Consul {
    fn id(&self) -> &'static str {
        "consul"
    }
    fn marks(&self) -> &'static Marks {
        &marks::MARKS
    }
    fn admins(&self, pod: &super::view::Pod) -> Vec<super::admin::Admin> {
        admin::admins(pod)
    }
    fn detect(&self, facts: &Facts, model: &Model) -> Vec<Installation> {
        let server = |labels: &std::collections::BTreeMap<String, String>| {
            labels.get("app").is_some_and(|app| app == "consul") && labels.get("component").is_some_and(|c| c == "server")
        };
        let mut found = Vec::new();
        for workload in model.workloads.iter().filter(|w| server(&w.labels)) {
            let meshed = proxies::with_container(facts, model, "consul-dataplane");
            found.push(Installation {
                mesh: "Consul".to_owned(),
                id: "consul",
                version: proxies::version_of(workload.main_containers().map(|c| c.image.as_str())),
                revision: None,
                namespace: workload.namespace.clone(),
                mode: "sidecar".to_owned(),
                meshed,
                evidence: vec![Evidence::new(workload.title(), "metadata.labels[component]", "server")],
            });
        }
        found
    }
    fn needs(&self, _known: &Facts, _purpose: &Purpose) -> Vec<Need> {
        vec![Need::list(&kinds::CONSUL_SERVICE_INTENTIONS)]
    }
    fn translate(&self, facts: &Facts, model: &mut Model) {
        intentions(facts, model);
    }
    fn candidates(&self) -> &'static [Candidate] {
        candidates::CANDIDATES
    }
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
fn intentions(facts: &Facts, model: &mut Model) {
    let mut all: Vec<(&Object, Spec)> = Vec::new();
    facts.read::<ServiceIntentions>(&kinds::CONSUL_SERVICE_INTENTIONS, |object, view| all.push((object, view.spec)));
    let mut evidence = Vec::new();
    for (object, spec) in &all {
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
    if name == "*" {
        return None;
    }
    if let Some(party) = observed::party(model, own, "", name).or_else(|| observed::party(model, own, name, "")) {
        return Some(party);
    }
    let mut spaces = model.namespaces.iter().filter_map(|ns| observed::party(model, &ns.name, "", name));
    spaces.next().filter(|_| spaces.next().is_none())
}
