//! Who has an address: the pod, its Service, node and zone, and why it is not ready.
//!
//! EndpointSlices tell nearly all of it and are small; pods are asked for by name where a slice says that they are not
//! ready, and taken whole where they came anyway, as in a recording.

use super::held;
use crate::facts::{Facts, Need, Object, Outcome, kinds};
use crate::mesh::view::{Condition, Metadata, nullable};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// So many pods that are not ready are asked why.
const ASKED_WHY: usize = 30;

/// Who stands behind an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Backend {
    pub name: String,
    pub namespace: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub node: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub zone: String,
    /// Why Kubernetes sends it no calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl Backend {
    /// `web-1.shop`, as it can be typed.
    pub fn label(&self) -> String {
        format!("{}.{}", self.name, self.namespace)
    }
}

/// A pod at an address, with the ports by which a slice knows it: pods of a node's own network share an address.
#[derive(Clone, Debug)]
struct Tenant {
    ports: BTreeSet<u16>,
    backend: Backend,
}

#[derive(Clone, Debug, Default)]
pub struct Addresses {
    by_ip: BTreeMap<String, Vec<Tenant>>,
    /// Why some, or all, are not known.
    pub unknown: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Slice {
    metadata: Metadata,
    #[serde(deserialize_with = "nullable")]
    ports: Vec<Port>,
    #[serde(deserialize_with = "nullable")]
    endpoints: Vec<Endpoint>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Port {
    port: Option<u16>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Endpoint {
    #[serde(deserialize_with = "nullable")]
    addresses: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    conditions: Conditions,
    #[serde(deserialize_with = "nullable")]
    target_ref: Target,
    #[serde(deserialize_with = "nullable")]
    node_name: String,
    #[serde(deserialize_with = "nullable")]
    zone: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Conditions {
    ready: Option<bool>,
    terminating: Option<bool>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Target {
    kind: String,
    name: String,
    namespace: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Pod {
    spec: Spec,
    status: Status,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    #[serde(deserialize_with = "nullable")]
    node_name: String,
    #[serde(deserialize_with = "nullable")]
    host_network: bool,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    #[serde(deserialize_with = "nullable")]
    phase: String,
    #[serde(rename = "podIP", deserialize_with = "nullable")]
    pod_ip: String,
    #[serde(rename = "podIPs", deserialize_with = "nullable")]
    pod_ips: Vec<Ip>,
    #[serde(deserialize_with = "nullable")]
    conditions: Vec<Condition>,
}

impl Status {
    fn is_ready(&self) -> bool {
        self.conditions.iter().any(|condition| condition.kind == "Ready" && condition.status == "True")
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Ip {
    ip: String,
}

/// What is still to be asked. `namespaces` are looked at one by one where all of them may not be read.
pub fn needs(known: &Facts, namespaces: &BTreeSet<String>) -> Vec<Need> {
    let all = Need::list(&kinds::ENDPOINT_SLICE);
    let Some(answer) = known.get(&all) else { return vec![all] };
    let mut needs = Vec::new();
    if matches!(answer.outcome, Outcome::Forbidden(_)) {
        needs.extend(namespaces.iter().map(|namespace| of_namespace(namespace)));
    }
    if pods(known).is_none() {
        let unready = slices(known).flat_map(|slice| slice.endpoints).filter(|one| one.conditions.ready == Some(false));
        let wanted: BTreeSet<(String, String)> = unready
            .filter(|one| one.target_ref.kind == "Pod")
            .map(|one| (one.target_ref.namespace, one.target_ref.name))
            .collect();
        needs.extend(wanted.into_iter().take(ASKED_WHY).map(|(namespace, name)| pod_need(&namespace, &name)));
    }
    needs.retain(|need| !known.has(need));
    needs
}

fn of_namespace(namespace: &str) -> Need {
    Need::Select { resource: kinds::ENDPOINT_SLICE.clone(), namespace: Some(namespace.to_owned()), labels: String::new() }
}

fn pod_need(namespace: &str, name: &str) -> Need {
    Need::Get { resource: kinds::POD.clone(), namespace: Some(namespace.to_owned()), name: name.to_owned() }
}

/// All pods, if they came for another reason.
fn pods(known: &Facts) -> Option<&[Object]> {
    let all = Need::Select { resource: kinds::POD.clone(), namespace: None, labels: String::new() };
    [all, Need::list(&kinds::POD)].iter().find_map(|need| match &known.get(need)?.outcome {
        Outcome::Objects(pods) => Some(pods.as_slice()),
        _ => None,
    })
}

fn slices(known: &Facts) -> impl Iterator<Item = Slice> {
    let is_slice = |need: &Need| match need {
        Need::List { resource } | Need::Select { resource, .. } => *resource == kinds::ENDPOINT_SLICE,
        _ => false,
    };
    let objects = known.iter().filter(move |(need, _)| is_slice(need)).filter_map(|(_, answer)| match &answer.outcome {
        Outcome::Objects(objects) => Some(objects),
        _ => None,
    });
    objects.flatten().filter_map(|object| object.read().ok())
}

impl Addresses {
    pub fn of(known: &Facts) -> Self {
        let mut addresses = Addresses::default();
        let mut reasons: BTreeMap<(String, String), String> = BTreeMap::new();
        let all = pods(known);
        let asked = known.iter().filter_map(|(need, answer)| match (need, &answer.outcome) {
            (Need::Get { resource, .. }, Outcome::Objects(objects)) if *resource == kinds::POD => Some(objects),
            _ => None,
        });
        for pod in asked.flatten().chain(all.unwrap_or_default()) {
            let is_ready = pod.read::<Pod>().is_ok_and(|pod| pod.status.is_ready());
            if !is_ready && let Some(reason) = pod.read::<Value>().ok().as_ref().and_then(held::holds) {
                reasons.insert((pod.namespace.to_string(), pod.name.to_string()), reason);
            }
        }
        for slice in slices(known) {
            let ports: BTreeSet<u16> = slice.ports.iter().filter_map(|port| port.port).collect();
            for endpoint in slice.endpoints.iter().filter(|endpoint| endpoint.target_ref.kind == "Pod") {
                addresses.add(endpoint, &ports, &reasons);
            }
        }
        for pod in all.unwrap_or_default() {
            addresses.add_pod(pod, &reasons);
        }
        addresses.unknown = unknown(known, addresses.by_ip.is_empty());
        addresses
    }

    fn add(&mut self, endpoint: &Endpoint, ports: &BTreeSet<u16>, reasons: &BTreeMap<(String, String), String>) {
        let Target { name, namespace, .. } = &endpoint.target_ref;
        let problem = match (endpoint.conditions.terminating, endpoint.conditions.ready) {
            (Some(true), _) => Some("the pod is shutting down".to_owned()),
            (_, Some(false)) => {
                let why = reasons.get(&(namespace.clone(), name.clone()));
                Some(why.map_or_else(|| "the pod is not ready".to_owned(), |why| format!("the pod is not ready: {why}")))
            }
            _ => None,
        };
        let (node, zone) = (endpoint.node_name.clone(), endpoint.zone.clone());
        let backend = Backend { name: name.clone(), namespace: namespace.clone(), node, zone, problem };
        for address in &endpoint.addresses {
            let tenants = self.by_ip.entry(address.clone()).or_default();
            match tenants.iter_mut().find(|tenant| tenant.backend == backend) {
                Some(tenant) => tenant.ports.extend(ports),
                None => tenants.push(Tenant { ports: ports.clone(), backend: backend.clone() }),
            }
        }
    }

    /// A pod that no Service selects has an address too.
    fn add_pod(&mut self, pod: &Object, reasons: &BTreeMap<(String, String), String>) {
        let Ok(view) = pod.read::<Pod>() else { return };
        if view.spec.host_network || matches!(view.status.phase.as_str(), "Succeeded" | "Failed") {
            return;
        }
        let ips: BTreeSet<String> = view.status.pod_ips.into_iter().map(|ip| ip.ip).chain([view.status.pod_ip]).collect();
        let (name, namespace) = (pod.name.to_string(), pod.namespace.to_string());
        let why = reasons.get(&(namespace.clone(), name.clone()));
        let problem = why.map(|why| format!("the pod is not ready: {why}"));
        let backend = Backend { name, namespace, node: view.spec.node_name, zone: String::new(), problem };
        for ip in ips.into_iter().filter(|ip| !ip.is_empty()) {
            let tenants = self.by_ip.entry(ip).or_default();
            if !tenants.iter().any(|tenant| tenant.backend.name == backend.name && tenant.backend.namespace == backend.namespace)
            {
                tenants.push(Tenant { ports: BTreeSet::new(), backend: backend.clone() });
            }
        }
    }

    /// Who has `10.0.0.7:8080`. A proxy may be called at a port of its own, so the port only decides between several pods.
    pub fn find(&self, endpoint: &str) -> Option<&Backend> {
        let (ip, port) = endpoint.rsplit_once(':')?;
        // A listener inside of the proxy names the address that it leads to at its end.
        let ip = ip.rsplit_once('/').map_or(ip, |(_, ip)| ip).trim_matches(['[', ']']);
        let tenants = self.by_ip.get(ip)?;
        if let [only] = tenants.as_slice() {
            return Some(&only.backend);
        }
        let port: u16 = port.parse().ok()?;
        let fits = |tenant: &&Tenant| tenant.ports.contains(&port);
        let fitting = tenants.iter().any(|tenant| fits(&tenant));
        let mut pods = tenants.iter().filter(|tenant| !fitting || fits(tenant)).map(|tenant| &tenant.backend);
        let first = pods.next()?;
        // Of several that it may be, none is told.
        pods.all(|other| (&other.name, &other.namespace) == (&first.name, &first.namespace)).then_some(first)
    }

    pub fn is_empty(&self) -> bool {
        self.by_ip.is_empty()
    }
}

/// Why not all addresses are known, if so.
fn unknown(known: &Facts, none: bool) -> Option<String> {
    let answer = known.get(&Need::list(&kinds::ENDPOINT_SLICE))?;
    let why = match (&answer.outcome, &answer.partial) {
        (Outcome::Objects(_), None) => return None,
        (Outcome::Objects(_), Some(partial)) => format!("the list of EndpointSlices broke off: {partial}"),
        // A recording has what it has; pods may be there.
        (Outcome::NotAsked(_), _) if !none => return None,
        (other, _) => format!("EndpointSlices: {}", other.why()),
    };
    Some(why)
}

#[cfg(test)]
mod tests;
