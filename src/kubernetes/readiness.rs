//! What is ready of what is wanted: workloads by their status, Services by their endpoints.

use crate::facts::{Facts, Resource, kinds};
use crate::mesh::view::nullable;
use crate::model::{Workload, WorkloadKind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Pods of a workload that are ready, of those that are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Ready {
    pub ready: u32,
    pub wanted: u32,
}

impl Ready {
    /// At least one, and no fewer than wanted.
    pub fn is_whole(self) -> bool {
        self.ready > 0 && self.ready >= self.wanted
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct View {
    spec: Spec,
    status: Option<Status>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Spec {
    replicas: Option<u32>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    #[serde(deserialize_with = "nullable")]
    ready_replicas: u32,
    #[serde(deserialize_with = "nullable")]
    number_ready: u32,
    #[serde(deserialize_with = "nullable")]
    desired_number_scheduled: u32,
}

/// By its own status; `None` where there is none, as in manifests, or where its kind tells nothing.
pub fn of_workload(facts: &Facts, workload: &Workload) -> Option<Ready> {
    let resource: &Resource = match workload.kind {
        WorkloadKind::Deployment => &kinds::DEPLOYMENT,
        WorkloadKind::StatefulSet => &kinds::STATEFUL_SET,
        WorkloadKind::DaemonSet => &kinds::DAEMON_SET,
        _ => return None,
    };
    let named = |o: &&crate::facts::Object| *o.name == *workload.name && *o.namespace == *workload.namespace;
    let view: View = facts.objects(resource).iter().find(named)?.read().ok()?;
    let status = view.status?;
    Some(match workload.kind {
        WorkloadKind::DaemonSet => Ready { ready: status.number_ready, wanted: status.desired_number_scheduled },
        _ => Ready { ready: status.ready_replicas, wanted: view.spec.replicas.unwrap_or(1) },
    })
}

/// What stands behind a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    Ready(usize),
    /// The Service is there and nobody who is ready.
    Nobody,
    NoService,
    /// Services or endpoints could not be seen.
    Unknown,
}

/// Ready addresses of every Service, counted once.
pub struct Endpoints<'a> {
    facts: &'a Facts,
    ready: BTreeMap<(String, String), usize>,
}

impl<'a> Endpoints<'a> {
    pub fn new(facts: &'a Facts) -> Self {
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Slice {
            metadata: crate::mesh::view::Metadata,
            #[serde(deserialize_with = "nullable")]
            endpoints: Vec<Endpoint>,
        }
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Endpoint {
            #[serde(deserialize_with = "nullable")]
            addresses: Vec<String>,
            #[serde(deserialize_with = "nullable")]
            conditions: Conditions,
        }
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Conditions {
            ready: Option<bool>,
        }
        let mut ready: BTreeMap<(String, String), usize> = BTreeMap::new();
        facts.read::<Slice>(&kinds::ENDPOINT_SLICE, |object, slice| {
            let Some(service) = slice.metadata.labels.get("kubernetes.io/service-name") else { return };
            // Unknown counts as ready, says the API.
            let up = slice.endpoints.iter().filter(|e| e.conditions.ready != Some(false)).map(|e| e.addresses.len());
            *ready.entry((object.namespace.to_string(), service.clone())).or_default() += up.sum::<usize>();
        });
        Endpoints { facts, ready }
    }

    pub fn behind(&self, namespace: &str, service: &str) -> Behind {
        if let Some(count) = self.ready.get(&(namespace.to_owned(), service.to_owned())).filter(|count| **count > 0) {
            return Behind::Ready(*count);
        }
        let there = |o: &crate::facts::Object| *o.name == *service && *o.namespace == *namespace;
        if self.facts.objects(&kinds::SERVICE).iter().any(there) {
            // A list that broke off may hold its endpoints on the page that is missing.
            let slices =
                self.ready.contains_key(&(namespace.to_owned(), service.to_owned())) || self.facts.seen(&kinds::ENDPOINT_SLICE);
            if slices { Behind::Nobody } else { Behind::Unknown }
        } else if self.facts.seen(&kinds::SERVICE) {
            Behind::NoService
        } else {
            Behind::Unknown
        }
    }
}
