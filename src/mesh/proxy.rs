//! A proxy without a dump of its configuration: what it has is pieced together from its metrics, its port's certificates and
//! what its control plane says it sends. The words are those of every mesh.

use super::MESHES;
use crate::facts::{Facts, Need, Object, Resource};
use serde::Serialize;
use std::collections::BTreeMap;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Who it is and what it was made from.
    Bootstrap,
    /// Services that it balances over.
    Clusters,
    Endpoints,
    /// Ports that it serves, and who may come in.
    Listeners,
    Routes,
    Secrets,
}

impl Part {
    pub const ALL: [Part; 6] = [Part::Bootstrap, Part::Clusters, Part::Listeners, Part::Routes, Part::Secrets, Part::Endpoints];
}

/// What was found of the parts that were asked for.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Shown {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bootstrap: Vec<Setting>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<Cluster>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<Endpoint>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub listeners: Vec<Port>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<Route>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<Secret>,
    /// What could not be seen, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
    /// It said nothing of itself, so what is not here is not known.
    #[serde(skip)]
    pub unheard: bool,
}

#[derive(Clone, Debug, Serialize)]
pub struct Setting {
    pub name: &'static str,
    pub value: String,
}

/// A Service that it balances over, counted by everybody who knows.
#[derive(Clone, Debug, Serialize)]
pub struct Cluster {
    /// `cart.shop:8080`
    pub service: String,
    pub protocol: &'static str,
    pub ready: u64,
    pub pending: u64,
    /// Ready addresses in the EndpointSlices.
    pub slices: Option<usize>,
    /// Addresses that each replica of the control plane sends.
    pub sent: BTreeMap<String, usize>,
}

/// An address that the control plane sends.
#[derive(Clone, Debug, Serialize)]
pub struct Endpoint {
    pub service: String,
    pub address: String,
    pub pod: String,
    /// Whom a client expects there; empty for one without a proxy.
    pub identity: String,
    /// How a proxy speaks to it: `HTTP/2`, `opaque`.
    pub hint: &'static str,
    pub weight: u32,
    /// Whether it is ready in the EndpointSlices; `None` where they were not seen.
    pub ready: Option<bool>,
    /// Replicas of the control plane that send it.
    pub sent_by: Vec<String>,
}

/// A port that it serves.
#[derive(Clone, Debug, Serialize)]
pub struct Port {
    pub port: u16,
    pub protocol: &'static str,
    /// What governs it: `server catalog-http`, `default all-unauthenticated`.
    pub governed_by: String,
    /// Who may come in, and by which object.
    pub allows: Vec<Allowed>,
    /// Requests and connections since the proxy started; `None` where its metrics did not come.
    pub allowed: Option<u64>,
    pub denied: Option<u64>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Allowed {
    pub by: String,
    pub clients: Vec<String>,
    /// Networks, where not all are meant.
    pub from: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Route {
    /// `inbound`, `outbound`
    pub direction: &'static str,
    /// The Service, or the port.
    pub of: String,
    pub protocol: &'static str,
    pub name: String,
    pub matches: Vec<String>,
    /// With their share in percent where it is divided.
    pub backends: Vec<String>,
    /// Who may come in by it, where that is not the port's.
    pub allows: Vec<Allowed>,
    pub timeout: Option<String>,
    pub retries: Option<u32>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Secret {
    /// `leaf`, `issuer`, `anchor`
    pub name: &'static str,
    pub subject: String,
    pub serial_number: String,
    pub not_before: String,
    pub not_after: String,
    pub valid: bool,
    /// What is wrong with it.
    pub problem: Option<String>,
}

/// What is to be asked of this pod's proxy, in rounds.
pub fn needs(known: &Facts, pod: &Object, parts: &[Part]) -> Vec<Need> {
    MESHES.iter().flat_map(|mesh| mesh.proxy_needs(known, pod, parts)).collect()
}

/// `None` for a pod without such a proxy.
pub fn shown(facts: &Facts, pod: &Object, parts: &[Part]) -> Option<Result<Shown, String>> {
    MESHES.iter().find_map(|mesh| mesh.proxy(facts, pod, parts))
}

/// The log levels that it starts with, if its pod says so.
pub fn log_levels(pod: &Object) -> Option<String> {
    MESHES.iter().find_map(|mesh| mesh.log_levels(pod))
}

/// Kinds of which objects are asked for by name or label, for whatever mesh it is.
pub fn kinds() -> Vec<&'static Resource> {
    MESHES.iter().flat_map(|mesh| mesh.proxy_kinds()).collect()
}
