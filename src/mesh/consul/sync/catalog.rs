//! Consul's catalog, as a server tells it over HTTP.

use crate::facts::Facts;
use crate::mesh::consul::server::{self, Server};
use crate::mesh::view::nullable;
use serde::Deserialize;
use std::collections::BTreeMap;

pub struct Catalog<'f> {
    pub facts: &'f Facts,
    pub server: &'f Server<'f>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Entry {
    node: Node,
    service: Service,
    #[serde(deserialize_with = "nullable")]
    checks: Vec<Check>,
}
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Node {
    address: String,
    datacenter: String,
}
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Service {
    #[serde(rename = "ID")]
    id: String,
    address: String,
    port: u16,
    #[serde(deserialize_with = "nullable")]
    meta: BTreeMap<String, String>,
}
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Check {
    status: String,
}

/// One proxy of a service.
#[derive(Debug, PartialEq)]
pub struct Instance {
    pub id: String,
    /// `10.0.0.1:20000`
    pub address: String,
    pub datacenter: String,
    /// Consul sends it to callers.
    pub passing: bool,
    /// Namespace, name and uid, if it is a pod.
    pub pod: Option<(String, String, String)>,
}

impl Catalog<'_> {
    /// Or why they are not known.
    pub fn instances(&self, service: &str) -> Result<Vec<Instance>, String> {
        let all: Vec<Entry> = server::told(self.facts, self.server, &server::health(service))?;
        Ok(all.into_iter().map(instance).collect())
    }

    /// Why the answer holds fewer of them than there are, if that may be.
    pub fn partial(&self, service: &str) -> Option<&str> {
        server::partial(self.facts, self.server, &server::health(service))
    }
}

fn instance(mut one: Entry) -> Instance {
    let mut meta = |key: &str| one.service.meta.remove(key).filter(|value| !value.is_empty());
    let pod = meta("pod-name").map(|name| (meta("k8s-namespace").unwrap_or_default(), name, meta("pod-uid").unwrap_or_default()));
    let address = if one.service.address.is_empty() { one.node.address } else { one.service.address };
    Instance {
        id: one.service.id,
        address: format!("{address}:{}", one.service.port),
        datacenter: one.node.datacenter,
        passing: one.checks.iter().all(|check| check.status != "critical"),
        pod,
    }
}
