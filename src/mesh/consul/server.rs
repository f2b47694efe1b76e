//! Consul's servers and their HTTP API: which port, which root, whose token; and what they are asked.
//!
//! The agent of a server answers for all of them, so one is enough where it is not the servers themselves that are asked
//! about. With ACLs, who asks without a token may get a list that is shorter than it is: the answer says so in a header.

use crate::facts::{At, Facts, Http, Need, Object, Outcome, TokenIn, Trust, Word, kinds};
use crate::mesh::view::{Pod, nullable};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};

/// The API without TLS, and with it.
const PLAIN: u16 = 8500;
const SECURE: u16 = 8501;

/// What the chart gives their pods.
pub const LABELS: &str = "app=consul,component=server";

pub const LEADER: &str = "v1/status/leader";
pub const AUTOPILOT: &str = "v1/operator/autopilot/health";
pub const ROOTS: &str = "v1/connect/ca/roots";
pub const INTENTIONS: &str = "v1/connect/intentions";
pub const NODES: &str = "v1/catalog/nodes";
pub const SERVICES: &str = "v1/catalog/services";

pub const HEALTH: &str = "v1/health/connect/";

/// Proxies of a service, with the state of their checks.
pub fn health(service: &str) -> String {
    format!("{HEALTH}{service}")
}

/// A pod of a server.
pub struct Server<'f> {
    pub object: &'f Object,
    pub pod: Pod,
    trust: Option<Trust>,
}

impl Server<'_> {
    pub fn ask(&self, path: &str) -> Need {
        let (namespace, pod) = (self.object.namespace.to_string(), self.object.name.to_string());
        // The chart calls it by the installation, as it does the pod.
        let name = pod.rsplit_once("-server-").map_or("consul", |(name, _)| name);
        let token = TokenIn {
            header: "x-consul-token".to_owned(),
            namespace: namespace.clone(),
            secret: format!("{name}-bootstrap-acl-token"),
            key: "token".to_owned(),
        };
        let port = if self.trust.is_some() { SECURE } else { PLAIN };
        Need::Http(Box::new(Http {
            at: At::Pod { namespace, pod, port },
            path: path.to_owned(),
            tls: self.trust.clone(),
            token: Some(token),
            filtered: "x-consul-results-filtered-by-acls".to_owned(),
            denies: "x-consul-default-acl-policy".to_owned(),
        }))
    }

    pub fn runs(&self) -> bool {
        matches!(self.pod.status.phase.as_str(), "" | "Running")
    }
}

pub fn servers(facts: &Facts) -> Vec<Server<'_>> {
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    let word = Word::new("consul");
    for object in facts.every(&kinds::POD).filter(|object| word.stands_in(object)) {
        let Ok(pod) = object.read::<Pod>() else { continue };
        let label = |key: &str, value: &str| pod.metadata.labels.get(key).is_some_and(|own| own == value);
        let ended = matches!(pod.status.phase.as_str(), "Succeeded" | "Failed");
        if label("app", "consul") && label("component", "server") && !ended && seen.insert((&object.namespace, &object.name)) {
            let closed = only_secure(&pod);
            let trust = closed.then(|| Trust {
                server_name: "localhost".to_owned(),
                roots: roots(facts).map(|(_, pem)| pem).unwrap_or_default(),
            });
            found.push(Server { object, pod, trust });
        }
    }
    found
}

/// Whether it says which ports it has, and the one without TLS is not among them.
fn only_secure(pod: &Pod) -> bool {
    let has = |number: u16| pod.spec.containers.iter().flat_map(|one| &one.ports).any(|port| port.container_port == number);
    has(SECURE) && !has(PLAIN)
}

/// The injector writes the servers' root into every pod that it makes, for its first steps: a pod, and the PEM.
pub fn roots(facts: &Facts) -> Option<(String, String)> {
    let word = Word::new("CONSUL_CACERT_PEM");
    facts.every(&kinds::POD).filter(|object| word.stands_in(object)).find_map(|object| {
        let pod: Pod = object.read().ok()?;
        let mut all = pod.spec.containers.into_iter().chain(pod.spec.init_containers).flat_map(|one| one.env);
        let pem = all.find(|env| env.name == "CONSUL_CACERT_PEM" && !env.value.is_empty())?;
        Some((format!("{}/{}", object.namespace, object.name), pem.value))
    })
}

/// What a server answered, read; or why it is not known.
pub fn told<T: DeserializeOwned>(facts: &Facts, server: &Server, path: &str) -> Result<T, String> {
    match facts.get(&server.ask(path)).map(|answer| &answer.outcome) {
        Some(Outcome::Bytes(bytes)) => {
            serde_json::from_slice(bytes).map_err(|e| format!("{path} is not what is known of it: {e}"))
        }
        Some(other) => Err(other.why().to_owned()),
        None => Err("nobody asked".to_owned()),
    }
}

/// Why an answer is not all there is, if it is not.
pub fn partial<'f>(facts: &'f Facts, server: &Server, path: &str) -> Option<&'f str> {
    facts.get(&server.ask(path))?.partial.as_deref()
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
pub struct Autopilot {
    pub healthy: bool,
    pub failure_tolerance: u32,
    #[serde(deserialize_with = "nullable")]
    pub servers: Vec<Member>,
}
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
pub struct Member {
    pub name: String,
    pub serf_status: String,
    pub version: String,
    pub leader: bool,
    pub healthy: bool,
    pub voter: bool,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
pub struct Roots {
    #[serde(deserialize_with = "nullable")]
    pub roots: Vec<Root>,
}
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
pub struct Root {
    pub name: String,
    pub not_after: String,
    pub active: bool,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
pub struct Node {
    pub node: String,
    pub address: String,
    #[serde(deserialize_with = "nullable")]
    pub meta: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
pub struct Intention {
    pub source_name: String,
    pub destination_name: String,
    #[serde(deserialize_with = "nullable")]
    pub meta: BTreeMap<String, String>,
}

/// Nodes that are no pod's: machines outside of Kubernetes. All pods stand on one synthetic node for each of the cluster's.
pub fn outside(nodes: Vec<Node>, servers: &[Server]) -> Vec<Node> {
    let own = |node: &Node| {
        node.meta.get("synthetic-node").is_some_and(|value| value == "true")
            || servers.iter().any(|server| *server.object.name == *node.node || server.pod.status.pod_ip == node.address)
    };
    nodes.into_iter().filter(|node| !own(node)).collect()
}
