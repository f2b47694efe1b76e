//! Consul's catalog, as a server tells it over HTTP.

use crate::facts::{Facts, Need, Outcome};
use crate::mesh::consul::server::{self, Server};
use crate::mesh::sync::Machine;
use crate::mesh::view::nullable;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

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
    node: String,
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
    /// Machines outside of Kubernetes, with what is known of their services: of those that somebody here calls.
    pub fn machines(&self, servers: &[Server]) -> Vec<Machine> {
        // Whoever can't tell says so where instances are compared.
        let Ok(nodes) = server::told::<Vec<server::Node>>(self.facts, self.server, server::NODES) else { return Vec::new() };
        let machine = |node: server::Node| Machine { services: self.on(&node.node), name: node.node, address: node.address };
        let mut all: Vec<Machine> = server::outside(nodes, servers).into_iter().map(machine).collect();
        all.sort();
        all
    }

    fn on(&self, node: &str) -> Vec<String> {
        let health = self.facts.iter().filter_map(|(need, answer)| match (need, &answer.outcome) {
            (Need::Http(asked), Outcome::Bytes(bytes)) => Some((asked.path.strip_prefix(server::HEALTH)?, bytes)),
            _ => None,
        });
        let mut all: BTreeSet<String> = BTreeSet::new();
        for (service, bytes) in health {
            let entries: Vec<Entry> = serde_json::from_slice(bytes).unwrap_or_default();
            let state = |one: Entry| if instance(one).passing { "passing" } else { "critical" };
            let own = entries.into_iter().filter(|one| one.node.node == node);
            all.extend(own.map(|one| format!("{service} ({})", state(one))));
        }
        all.into_iter().collect()
    }

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
