//! The endpoints that a proxy balances over × what each replica of its controller sends × the ready addresses of the
//! EndpointSlices.

use super::proxy::{HTTP, Heard, TCP};
use crate::facts::{Facts, kinds};
use crate::mesh::linkerd::api::WeightedAddr;
use crate::mesh::linkerd::controllers::{Replica, Silence, Target};
use crate::mesh::sync::{Health, Part};
use crate::mesh::view::nullable;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

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
#[derive(Deserialize, Default)]
#[serde(default)]
struct Service {
    spec: ServiceSpec,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct ServiceSpec {
    #[serde(deserialize_with = "nullable")]
    ports: Vec<ServicePort>,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct ServicePort {
    #[serde(deserialize_with = "nullable")]
    name: String,
    port: u16,
}

/// By type of address: a proxy takes one.
type Addresses = BTreeMap<String, BTreeSet<String>>;

/// Ready addresses of one Service.
#[derive(Default)]
struct Ready {
    /// By the names of the ports that their pods have.
    by_ports: BTreeMap<Vec<String>, Addresses>,
    /// A proxy gets only those of its zone.
    by_zone: bool,
}

impl Ready {
    /// Of one port, by its name; without a name only where all pods have the same ports.
    fn addresses(&self, port: Option<&str>) -> Option<Addresses> {
        if port.is_none() && self.by_ports.len() > 1 {
            return None;
        }
        let mut all = Addresses::new();
        let fits = |ports: &[String]| port.is_none_or(|name| ports.iter().any(|own| own == name));
        for (_, addresses) in self.by_ports.iter().filter(|(ports, _)| fits(ports)) {
            addresses.iter().for_each(|(kind, set)| all.entry(kind.clone()).or_default().extend(set.iter().cloned()));
        }
        Some(all)
    }
}

/// What a replica of the controller says of one Service.
pub struct Claim {
    replica: String,
    addresses: Result<BTreeSet<String>, Silence>,
}

impl Claim {
    pub fn of(facts: &Facts, replica: &Replica, target: &Target) -> Self {
        let text = |one: WeightedAddr| Some(one.addr?.ip?.text());
        let addresses = replica.endpoints(facts, target).map(|all| all.into_iter().filter_map(text).collect());
        Claim { replica: replica.name.clone(), addresses }
    }
    /// Why it said nothing, if it was asked.
    pub fn failure(&self) -> Option<String> {
        match &self.addresses {
            Err(Silence::Failed(why)) => Some(why.clone()),
            _ => None,
        }
    }
}

pub struct Slices {
    services: BTreeMap<(String, String), Ready>,
    /// Names of ports by namespace, Service and number.
    ports: BTreeMap<(String, String, u16), String>,
}

/// A balancer of a proxy: the Service behind it, and how many endpoints it has, ready and pending.
struct Balancer {
    metric: &'static str,
    namespace: String,
    name: String,
    port: String,
    counts: [f64; 2],
}

/// One service may stand there by several parents and routes; each has its own balancer.
fn balancers(heard: &Heard) -> Vec<Balancer> {
    let mut all: BTreeMap<(String, String, String, &'static str, String), [f64; 2]> = BTreeMap::new();
    for (metric, series) in [HTTP, TCP].iter().flat_map(|name| heard.of(name).map(move |series| (*name, series))) {
        let label = |key: &str| series.label(key).to_owned();
        if label("backend_kind") != "Service" {
            continue;
        }
        let parent = format!("{} {} {}", label("parent_namespace"), label("parent_name"), label("parent_port"));
        let key = (label("backend_namespace"), label("backend_name"), label("backend_port"), metric, parent);
        let counts = all.entry(key).or_default();
        counts[usize::from(label("endpoint_state") == "pending")] += series.value;
    }
    let balancer = |((namespace, name, port, metric, _), counts)| Balancer { metric, namespace, name, port, counts };
    all.into_iter().map(balancer).collect()
}

impl Balancer {
    fn target(&self, suffix: &str) -> Option<Target> {
        let (namespace, name, suffix) = (self.namespace.clone(), self.name.clone(), suffix.to_owned());
        Some(Target { namespace, name, port: self.port.parse().ok()?, suffix })
    }
    fn have(&self) -> f64 {
        self.counts[0] + self.counts[1]
    }
}

/// Whom a proxy calls just now. One who has no endpoint has not called for a while, or its calls go another way.
pub fn targets(heard: &Heard, suffix: &str) -> Vec<Target> {
    let mut all: Vec<Target> =
        balancers(heard).iter().filter(|one| one.have() > 0.0).filter_map(|one| one.target(suffix)).collect();
    all.dedup();
    all
}

/// How its balancers for this port count: by what is spoken, ready and pending.
pub fn counted(heard: &Heard, target: &Target) -> Vec<(&'static str, u64, u64)> {
    let all = balancers(heard);
    let own = all.iter().filter(|one| one.target(&target.suffix).as_ref() == Some(target) && one.have() > 0.0);
    let word = |metric| if metric == TCP { "opaque" } else { "HTTP" };
    let mut found: Vec<_> = own.map(|one| (word(one.metric), one.counts[0] as u64, one.counts[1] as u64)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

impl Slices {
    pub fn of(facts: &Facts) -> Self {
        let mut services: BTreeMap<(String, String), Ready> = BTreeMap::new();
        for object in facts.every(&kinds::ENDPOINT_SLICE) {
            let Ok(slice) = object.read::<Slice>() else { continue };
            let Some(service) = slice.metadata.labels.get(SERVICE) else { continue };
            let ready = services.entry((object.namespace.to_string(), service.clone())).or_default();
            let mut ports: Vec<String> = slice.ports.into_iter().map(|port| port.name).collect();
            ports.sort();
            for endpoint in slice.endpoints {
                ready.by_zone |= endpoint.hints.is_some();
                if endpoint.conditions.ready.unwrap_or(true) {
                    let addresses = ready.by_ports.entry(ports.clone()).or_default();
                    addresses.entry(slice.address_type.clone()).or_default().extend(endpoint.addresses.into_iter().next());
                }
            }
        }
        let mut ports = BTreeMap::new();
        for object in facts.every(&kinds::SERVICE) {
            let key = |port: u16| (object.namespace.to_string(), object.name.to_string(), port);
            let service: Service = object.read().unwrap_or_default();
            ports.extend(service.spec.ports.into_iter().map(|port| (key(port.port), port.name)));
        }
        Slices { services, ports }
    }

    /// Ready addresses of one port; `None` where it isn't known which pods have it.
    pub fn ready(&self, target: &Target) -> Option<Addresses> {
        let nobody = Ready::default();
        let service = self.services.get(&(target.namespace.clone(), target.name.clone())).unwrap_or(&nobody);
        let port = self.ports.get(&(target.namespace.clone(), target.name.clone(), target.port));
        service.addresses(port.map(String::as_str))
    }

    fn by_zone(&self, target: &Target) -> bool {
        self.services.get(&(target.namespace.clone(), target.name.clone())).is_some_and(|service| service.by_zone)
    }

    pub fn judge(&self, heard: &Heard, suffix: &str, claims: &mut dyn FnMut(&Target) -> Vec<Claim>) -> Part {
        let mut found: BTreeSet<(Health, String)> = BTreeSet::new();
        for balancer in balancers(heard).iter().filter(|one| one.have() > 0.0) {
            let Some(target) = balancer.target(suffix) else { continue };
            if let Some((health, what)) = self.one(&target, balancer, &claims(&target)) {
                found.insert((health, format!("{}.{}:{}: {what}", target.name, target.namespace, target.port)));
            }
        }
        Part::of("ENDPOINTS", found.into_iter().collect())
    }

    /// The three that must agree: the EndpointSlices, each replica of the controller, the proxy. Who differs is late.
    fn one(&self, target: &Target, balancer: &Balancer, claims: &[Claim]) -> Option<(Health, String)> {
        let (have, ready) = (balancer.have(), balancer.counts[0]);
        let expected = self.ready(target);
        let there = expected.as_ref().map(|all| all.values().map(BTreeSet::len).max().unwrap_or(0));
        let late: Vec<(&Claim, Difference)> = expected
            .iter()
            .flat_map(|expected| claims.iter().filter_map(move |claim| Some((claim, Difference::of(claim, expected)?))))
            .collect();
        // Of a proxy in a zone only the number for all zones is known.
        let comparable = there.filter(|_| !self.by_zone(target));
        if let Some(there) = comparable.filter(|there| have != *there as f64) {
            let reached = if ready == 0.0 { ", and reaches none of them".to_owned() } else { format!(", {ready} reached") };
            let culprit = culprit(have, claims, &late);
            let what = format!("the proxy has {have} endpoints{reached}; the EndpointSlices have {there} ready{culprit}");
            return Some((Health::Stale, what));
        }
        if let Some((claim, difference)) = late.first() {
            let number = claim.addresses.as_ref().map_or(0, BTreeSet::len);
            let there = there.unwrap_or(0);
            let what = format!(
                "{} sends {number} endpoints, and the EndpointSlices have {there} ready ({difference}): the controller is late",
                claim.replica
            );
            return Some((Health::Stale, what));
        }
        if ready > 0.0 {
            return None;
        }
        // As many as there should be, and metrics don't tell whether they are the same.
        let what = match claims.iter().any(|claim| claim.addresses.is_ok()) && expected.is_some() {
            true => format!(
                "the proxy reaches none of its {have} endpoints, which are as many as there should be: they refuse it, or it has old ones"
            ),
            false => {
                format!("the proxy reaches none of its {have} endpoints: old addresses, or refused ones; metrics don't tell")
            }
        };
        Some((Health::Unknown, what))
    }
}

/// Whose fault it is that a proxy has other endpoints than there are.
fn culprit(have: f64, claims: &[Claim], late: &[(&Claim, Difference)]) -> String {
    let count = |claim: &Claim| claim.addresses.as_ref().map_or(0, BTreeSet::len);
    let heard = claims.iter().filter(|claim| claim.addresses.is_ok()).count();
    if heard == 0 {
        // Nobody asked, or nobody answered: the gap is told once, for all.
        return String::new();
    }
    let named = |(claim, difference): &(&Claim, Difference)| format!("{} ({difference})", claim.replica);
    match late.iter().find(|(claim, _)| count(claim) as f64 == have) {
        Some(one) => format!(": the controller is late, and the proxy follows it: {}", named(one)),
        None if late.is_empty() => {
            let who = if heard == 1 { "linkerd-destination has".to_owned() } else { format!("all {heard} controllers have") };
            format!(": {who} the same, so the proxy is late")
        }
        None => {
            let all: Vec<String> = late.iter().map(named).collect();
            format!(": controller and proxy are both late: {}", all.join(", "))
        }
    }
}

/// What a replica of the controller lacks, and what it still has.
struct Difference {
    lacks: Vec<String>,
    has: Vec<String>,
}

impl Difference {
    fn of(claim: &Claim, expected: &Addresses) -> Option<Self> {
        let said = claim.addresses.as_ref().ok()?;
        // Of a Service with two types of addresses it sends one.
        let six = said.iter().any(|address| address.contains(':'));
        let own = expected.get(if six { "IPv6" } else { "IPv4" }).cloned().unwrap_or_default();
        let own = if said.is_empty() { expected.values().next().cloned().unwrap_or_default() } else { own };
        let minus = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect::<Vec<_>>();
        let (lacks, has) = (minus(&own, said), minus(said, &own));
        (!lacks.is_empty() || !has.is_empty()).then_some(Difference { lacks, has })
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// So many addresses are named.
        const NAMED: usize = 3;
        let part = |word: &str, all: &[String]| {
            let more = if all.len() > NAMED { format!(" and {} more", all.len() - NAMED) } else { String::new() };
            let named = all.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
            (!all.is_empty()).then(|| format!("{word} {named}{more}"))
        };
        let parts: Vec<String> = [part("lacks", &self.lacks), part("still has", &self.has)].into_iter().flatten().collect();
        f.write_str(&parts.join("; "))
    }
}
