//! Endpoints as the control plane sent them (EDS), from a config dump taken with `include_eds`.

use super::address::{Address, Wrapped};
use super::entry::{Resource, Standing};
use super::field::{self, Int, Text};
use super::name::NameParts;
use crate::shares;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Assignment<'a> {
    #[serde(borrow, alias = "clusterName")]
    pub cluster_name: Text<'a>,
    #[serde(borrow)]
    pub endpoints: Vec<LocalityEndpoints<'a>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct LocalityEndpoints<'a> {
    #[serde(borrow)]
    pub locality: Locality<'a>,
    #[serde(borrow, alias = "lbEndpoints", deserialize_with = "field::short")]
    pub lb_endpoints: Vec<LbEndpoint<'a>>,
    pub priority: Int,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Locality<'a> {
    #[serde(borrow)]
    pub region: Text<'a>,
    #[serde(borrow)]
    pub zone: Text<'a>,
    #[serde(borrow, alias = "subZone")]
    pub sub_zone: Text<'a>,
}

impl Locality<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.region.is_empty() && self.zone.is_empty() && self.sub_zone.is_empty()
    }

    /// `REGION/ZONE/SUBZONE`, as far as given.
    pub fn label(&self) -> String {
        let mut label = self.region.to_string();
        for part in [&self.zone, &self.sub_zone] {
            if part.is_empty() {
                break;
            }
            label.push('/');
            label.push_str(part);
        }
        label
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct LbEndpoint<'a> {
    #[serde(borrow)]
    pub endpoint: Endpoint<'a>,
    #[serde(borrow, alias = "healthStatus")]
    pub health_status: Text<'a>,
    #[serde(alias = "loadBalancingWeight")]
    pub load_balancing_weight: Option<Int>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Endpoint<'a> {
    #[serde(borrow)]
    pub address: Address<'a>,
    #[serde(borrow, alias = "additionalAddresses")]
    pub additional_addresses: Vec<Wrapped<'a>>,
    #[serde(borrow)]
    pub hostname: Text<'a>,
}

/// Which endpoints to show; an empty field lets everything pass.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The address, with or without its port.
    pub address: String,
    pub port: u32,
    /// The whole name of the cluster.
    pub cluster: String,
    /// The health status.
    pub status: String,
}

impl Filter {
    /// Whether a cluster without endpoints matters: who looks for one of them looks for none of these.
    pub fn is_open_for(&self, cluster: &str) -> bool {
        self.is_cluster(cluster) && self.address.is_empty() && self.port == 0 && self.status.is_empty()
    }
    pub(super) fn is_cluster(&self, name: &str) -> bool {
        self.cluster.is_empty() || self.cluster.eq_ignore_ascii_case(name)
    }
    pub(super) fn is_status(&self, status: &str) -> bool {
        self.status.is_empty() || self.status.eq_ignore_ascii_case(status)
    }
    pub(super) fn is_port(&self, port: u64) -> bool {
        self.port == 0 || u64::from(self.port) == port
    }
}

/// An endpoint as it is shown.
#[derive(Clone, Debug, Serialize)]
pub struct Row<'r> {
    pub addresses: Vec<String>,
    pub status: &'r str,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub locality: String,
    pub cluster: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<u64>,
    pub priority: u64,
    #[serde(flatten)]
    pub standing: Standing<'r>,
}

/// Endpoints that pass, by the cluster's host, subset, port and direction.
pub fn rows<'r>(assignments: &'r [Resource<'_, Assignment<'_>>], filter: &Filter) -> Vec<Row<'r>> {
    rows_as(assignments, filter, |row| row)
}

/// The same, each made something of at once: they are many.
pub fn rows_as<'r, R: Send>(
    assignments: &'r [Resource<'_, Assignment<'_>>],
    filter: &Filter,
    make: impl Fn(Row<'r>) -> R + Sync,
) -> Vec<R> {
    let passed: Vec<_> = assignments.iter().filter(|one| filter.is_cluster(&one.value.cluster_name)).collect();
    let sorted = shares::sorted(passed, 500, |one| NameParts::order(&one.value.cluster_name, &[]));
    let shares = shares::each(&sorted, 500, |share| rows_of(share, filter, &make));
    let mut rows = Vec::with_capacity(shares.iter().map(Vec::len).sum());
    shares.into_iter().for_each(|share| rows.extend(share));
    rows
}

fn rows_of<'r, R>(assignments: &[&'r Resource<'_, Assignment<'_>>], filter: &Filter, make: &impl Fn(Row<'r>) -> R) -> Vec<R> {
    let groups = assignments.iter().flat_map(|one| &one.value.endpoints);
    let mut rows = Vec::with_capacity(groups.map(|group| group.lb_endpoints.len()).sum());
    for one in assignments {
        // The configuration is shown with the first endpoint of its cluster, not again with each.
        let mut standing = one.standing();
        for group in &one.value.endpoints {
            for endpoint in &group.lb_endpoints {
                let status = endpoint.health_status.some().unwrap_or("UNKNOWN");
                let address = &endpoint.endpoint.address;
                let addresses =
                    || std::iter::once(address).chain(endpoint.endpoint.additional_addresses.iter().map(|a| &a.address));
                let named = filter.address.is_empty() || addresses().any(|address| is_address(address, &filter.address));
                if !(named && filter.is_port(address.port()) && filter.is_status(status)) {
                    continue;
                }
                rows.push(make(Row {
                    addresses: addresses().map(label).collect(),
                    status,
                    locality: group.locality.label(),
                    cluster: &one.value.cluster_name,
                    weight: endpoint.load_balancing_weight.map(|weight| weight.0),
                    priority: group.priority.0,
                    standing: standing.clone(),
                }));
                standing.config = None;
            }
        }
    }
    rows
}

fn label(address: &Address<'_>) -> String {
    if let Some(socket) = &address.socket_address {
        return [&*socket.address, ":", &socket.port_value.0.to_string()].concat();
    }
    if let Some(pipe) = &address.pipe {
        return pipe.path.to_string();
    }
    address.internal().unwrap_or_else(|| "unknown".to_owned())
}

fn is_address(address: &Address<'_>, wanted: &str) -> bool {
    let bare = address.socket_address.as_ref().is_some_and(|socket| socket.address.eq_ignore_ascii_case(wanted));
    bare || label(address).eq_ignore_ascii_case(wanted)
}
