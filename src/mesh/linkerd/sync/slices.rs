//! The endpoints that a proxy balances over × the ready addresses of the EndpointSlices.

use super::proxy::{HTTP, Heard, TCP};
use crate::facts::{Facts, kinds};
use crate::mesh::sync::{Health, Part};
use crate::mesh::view::nullable;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

const SERVICE: &str = "kubernetes.io/service-name";

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Slice {
    metadata: Metadata,
    address_type: String,
    #[serde(deserialize_with = "nullable")]
    endpoints: Vec<Endpoint>,
    #[serde(deserialize_with = "nullable")]
    ports: Vec<Port>,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct Metadata {
    #[serde(deserialize_with = "nullable")]
    labels: BTreeMap<String, String>,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct Endpoint {
    #[serde(deserialize_with = "nullable")]
    addresses: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    conditions: Conditions,
    hints: Option<serde::de::IgnoredAny>,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct Conditions {
    ready: Option<bool>,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct Port {
    #[serde(deserialize_with = "nullable")]
    name: String,
}

/// Ready addresses of one Service.
#[derive(Default)]
struct Ready {
    /// By type of address: a proxy takes one.
    addresses: BTreeMap<String, BTreeSet<String>>,
    ports: BTreeSet<Vec<String>>,
    /// A proxy gets only those of its zone.
    by_zone: bool,
}

pub struct Slices {
    services: BTreeMap<(String, String), Ready>,
}

impl Slices {
    pub fn of(facts: &Facts) -> Self {
        let mut services: BTreeMap<(String, String), Ready> = BTreeMap::new();
        facts.read::<Slice>(&kinds::ENDPOINT_SLICE, |object, slice| {
            let Some(service) = slice.metadata.labels.get(SERVICE) else { return };
            let ready = services.entry((object.namespace.to_string(), service.clone())).or_default();
            let mut ports: Vec<String> = slice.ports.into_iter().map(|port| port.name).collect();
            ports.sort();
            for endpoint in slice.endpoints {
                ready.by_zone |= endpoint.hints.is_some();
                if endpoint.conditions.ready.unwrap_or(true) {
                    ready.ports.insert(ports.clone());
                    ready.addresses.entry(slice.address_type.clone()).or_default().extend(endpoint.addresses.into_iter().next());
                }
            }
        });
        Slices { services }
    }

    pub fn judge(&self, heard: &Heard) -> Part {
        // One service may stand there by several parents and routes; each has its own balancer.
        let mut balancers: BTreeMap<(String, String, String, String), [f64; 2]> = BTreeMap::new();
        for series in [HTTP, TCP].iter().flat_map(|name| heard.of(name).map(move |series| (*name, series))) {
            let (name, series) = series;
            let label = |key: &str| series.label(key).to_owned();
            if label("backend_kind") != "Service" {
                continue;
            }
            let parent = format!("{name} {} {} {}", label("parent_namespace"), label("parent_name"), label("parent_port"));
            let key = (label("backend_namespace"), label("backend_name"), label("backend_port"), parent);
            let counts = balancers.entry(key).or_default();
            counts[usize::from(label("endpoint_state") == "pending")] += series.value;
        }
        let judged = balancers.iter().filter_map(|((namespace, name, port, _), counts)| {
            let (health, what) = self.one(namespace, name, *counts)?;
            Some((health, format!("{name}.{namespace}:{port}: {what}")))
        });
        let found: BTreeSet<(Health, String)> = judged.collect();
        Part::of("ENDPOINTS", found.into_iter().collect())
    }

    fn one(&self, namespace: &str, name: &str, [ready, pending]: [f64; 2]) -> Option<(Health, String)> {
        let have = ready + pending;
        // Nobody has called it for a while, or the calls go another way now.
        if have == 0.0 {
            return None;
        }
        let nobody = Ready::default();
        let service = self.services.get(&(namespace.to_owned(), name.to_owned())).unwrap_or(&nobody);
        let there = service.addresses.values().map(BTreeSet::len).max().unwrap_or(0);
        let comparable = !service.by_zone && service.ports.len() <= 1;
        if comparable && have != there as f64 {
            let reached = if ready == 0.0 { ", and reaches none of them".to_owned() } else { format!(", {ready} reached") };
            return Some((
                Health::Stale,
                format!("the proxy has {have} endpoints{reached}; the EndpointSlices have {there} ready"),
            ));
        }
        // As many as there should be; whether they are the same, only the controller's answer would tell.
        (ready == 0.0).then(|| {
            (
                Health::Unknown,
                format!("the proxy reaches none of its {have} endpoints: old addresses, or refused ones; metrics don't tell"),
            )
        })
    }
}
