//! What one Envoy says of itself.

use crate::envoy::ask::WHOLE;
use crate::envoy::endpoints::LbEndpoint;
use crate::envoy::{Boxed, Dump, Section, Want};
use crate::facts::Outcome;
use crate::mesh::consul::names;
use crate::mesh::sync::{Health, Part};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// By name: a filter on counters that were used hides a zero, and zero is what is looked for.
const CONNECTED: &str = "stats?filter=control_plane.connected_state";
pub const ALL_STATS: &str = "stats";
/// There is no discovery of secrets: certificates stand in the configuration, and their ends here only.
pub const CERTS: &str = "certs";
pub const PATHS: [&str; 3] = [WHOLE, CONNECTED, CERTS];
const STAT: &str = "control_plane.connected_state";

pub struct Heard {
    pub connected: Option<bool>,
    /// By type: what is refused now.
    refused: BTreeMap<&'static str, Vec<Refused>>,
    pub upstreams: Vec<Upstream>,
}

struct Refused {
    name: String,
    details: String,
    at: Option<Timestamp>,
}

/// Endpoints of one cluster of another service.
pub struct Upstream {
    pub service: String,
    /// Only a part of the service's instances, by a resolver.
    pub subset: bool,
    pub datacenter: String,
    /// `10.0.0.1:20000`, and whether calls are sent there: Consul sends the critical ones too, marked as such.
    pub endpoints: BTreeMap<String, bool>,
}

/// Or why it says nothing.
pub fn read(dump: Option<&Outcome>, stats: Option<&Outcome>) -> Result<Heard, String> {
    let bytes = match dump {
        Some(Outcome::Bytes(bytes)) => bytes,
        Some(other) => return Err(format!("its Envoy gave no dump: {}", other.why())),
        None => return Err("nobody asked its Envoy".to_owned()),
    };
    let text = String::from_utf8_lossy(bytes);
    let sections = &[Section::Clusters, Section::Listeners, Section::Routes, Section::Endpoints];
    let dump = Dump::read(&text, Want { sections, raw: false })
        .map_err(|unusable| format!("its dump can't be read: {}", unusable.why))?;
    let mut refused: BTreeMap<&'static str, Vec<Refused>> = ["CDS", "EDS", "LDS", "RDS"].map(|kind| (kind, Vec::new())).into();
    collect(&mut refused, "CDS", &dump.clusters, |cluster| &cluster.name);
    collect(&mut refused, "LDS", &dump.listeners, |listener| &listener.name);
    collect(&mut refused, "RDS", &dump.routes, |route| &route.name);
    collect(&mut refused, "EDS", &dump.endpoints, |assignment| &assignment.cluster_name);
    let connected = match stats {
        Some(Outcome::Bytes(bytes)) => String::from_utf8_lossy(bytes)
            .lines()
            .find_map(|line| line.split_once(": ").filter(|(name, _)| *name == STAT).map(|(_, value)| value.trim() == "1")),
        _ => None,
    };
    let upstreams = dump.endpoints.iter().filter_map(|one| {
        let mut upstream = named(&one.value.cluster_name)?;
        let all = one.value.endpoints.iter().flat_map(|group| &group.lb_endpoints);
        let endpoint = |one: &LbEndpoint| {
            let socket = one.endpoint.address.socket_address.as_ref()?;
            let healthy = !matches!(&*one.health_status, "UNHEALTHY" | "DRAINING" | "TIMEOUT");
            Some((format!("{}:{}", &*socket.address, socket.port_value.0), healthy))
        };
        upstream.endpoints = all.filter_map(endpoint).collect();
        Some(upstream)
    });
    Ok(Heard { connected, refused, upstreams: upstreams.collect() })
}

fn collect<T>(
    into: &mut BTreeMap<&'static str, Vec<Refused>>,
    kind: &'static str,
    resources: &[Boxed<'_, T>],
    inner: impl Fn(&T) -> &str,
) {
    for one in resources {
        let Some(rejected) = &one.rejected else { continue };
        let name = one.name.some().unwrap_or_else(|| inner(&one.value)).to_owned();
        let known = into.entry(kind).or_default();
        // Envoy may tell the same refusal with the resource and once more without its name.
        if known.iter().any(|other| *other.details == *rejected.details && (name.is_empty() || name == other.name)) {
            continue;
        }
        known.push(Refused { name, details: rejected.details.to_string(), at: rejected.at.parse().ok() });
    }
}

/// Services of other datacenters' own servers are theirs to judge.
fn named(cluster: &str) -> Option<Upstream> {
    let name = names::Upstream::of(cluster).filter(|name| !name.peered)?;
    Some(Upstream {
        service: name.service.to_owned(),
        subset: !name.subset.is_empty(),
        datacenter: name.datacenter.to_owned(),
        endpoints: BTreeMap::new(),
    })
}

impl Heard {
    pub fn services(&self) -> Vec<String> {
        self.upstreams.iter().map(|upstream| upstream.service.clone()).collect()
    }

    /// One part for each type.
    pub fn rejections(&self) -> Vec<Part> {
        let part = |(kind, refused): (&&'static str, &Vec<Refused>)| {
            let said = refused.iter().map(|one| {
                let first = one.details.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no reason given");
                let at = one.at.map(|at| format!(" at {}", at.strftime("%Y-%m-%dT%H:%M:%SZ"))).unwrap_or_default();
                (Health::Rejected, format!("{kind} {} was refused{at}: {first}", one.name))
            });
            Part { at: refused.iter().filter_map(|one| one.at).min(), ..Part::of(kind, said.collect()) }
        };
        // Endpoints have a part of their own.
        self.refused.iter().filter(|(kind, refused)| **kind != "EDS" || !refused.is_empty()).map(part).collect()
    }
}
