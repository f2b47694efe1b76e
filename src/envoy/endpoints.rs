//! Endpoints as the control plane sent them (EDS), from a config dump taken with `include_eds`.

use super::address::{Address, Wrapped};
use super::entry::{Boxed, Printed, Resource, Standing};
use super::field::{self, Int, Text};
use super::name::NameParts;
use crate::shares;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

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
    /// `REGION/ZONE/SUBZONE`, as far as given.
    #[serde(deserialize_with = "locality_label")]
    pub locality: Box<str>,
    #[serde(borrow, alias = "lbEndpoints", deserialize_with = "field::short")]
    pub lb_endpoints: Vec<LbEndpoint<'a>>,
    pub priority: Int,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Locality<'a> {
    #[serde(borrow)]
    region: Text<'a>,
    #[serde(borrow)]
    zone: Text<'a>,
    #[serde(borrow, alias = "subZone")]
    sub_zone: Text<'a>,
}

pub(super) fn locality_label<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<str>, D::Error> {
    Locality::deserialize(deserializer).map(|locality| locality.label().into_boxed_str())
}

impl Locality<'_> {
    fn label(&self) -> String {
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

/// An IPv4 address and a port; others grow.
const LABEL: usize = 24;

/// An endpoint as it is shown: a look at it, as there may be a hundred thousand.
#[derive(Clone, Debug)]
pub struct Row<'r> {
    one: &'r Resource<'r, Assignment<'r>>,
    group: &'r LocalityEndpoints<'r>,
    endpoint: &'r LbEndpoint<'r>,
    /// It is the first one of its cluster that is shown.
    first: bool,
}

impl<'r> Row<'r> {
    pub fn addresses(&self) -> impl Iterator<Item = String> + use<'r> {
        self.endpoint.endpoint.all().map(label)
    }
    /// The first of them.
    pub fn address(&self) -> String {
        label(&self.endpoint.endpoint.address)
    }
    /// All of them behind that word.
    pub fn label(&self, before: &str) -> String {
        let mut all = String::with_capacity(before.len() + LABEL);
        all.push_str(before);
        for (i, address) in self.endpoint.endpoint.all().enumerate() {
            if i > 0 {
                all.push(',');
            }
            push_label(address, &mut all);
        }
        all
    }
    pub fn status(&self) -> &'r str {
        self.endpoint.health_status.some().unwrap_or("UNKNOWN")
    }
    pub fn locality(&self) -> &'r str {
        &self.group.locality
    }
    pub fn cluster(&self) -> &'r str {
        &self.one.value.cluster_name
    }
    pub fn weight(&self) -> Option<u64> {
        self.endpoint.load_balancing_weight.map(|weight| weight.0)
    }
    pub fn priority(&self) -> u64 {
        self.group.priority.0
    }
    /// The configuration is shown with the first endpoint of its cluster, not again with each.
    pub fn standing(&self) -> Standing<'r> {
        let standing = self.one.standing();
        Standing { config: standing.config.filter(|_| self.first), ..standing }
    }
    pub fn element(&self) -> Option<Printed<'r>> {
        self.one.element
    }
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'s> {
            addresses: Vec<String>,
            status: &'s str,
            #[serde(skip_serializing_if = "str::is_empty")]
            locality: &'s str,
            cluster: &'s str,
            #[serde(skip_serializing_if = "Option::is_none")]
            weight: Option<u64>,
            priority: u64,
            #[serde(flatten)]
            standing: Standing<'s>,
        }
        let shown = Shown {
            addresses: self.addresses().collect(),
            status: self.status(),
            locality: self.locality(),
            cluster: self.cluster(),
            weight: self.weight(),
            priority: self.priority(),
            standing: self.standing(),
        };
        shown.serialize(serializer)
    }
}

impl<'a> Endpoint<'a> {
    fn all(&self) -> impl Iterator<Item = &Address<'a>> {
        std::iter::once(&self.address).chain(self.additional_addresses.iter().map(|one| &one.address))
    }
}

/// Endpoints that pass, by the cluster's host, subset, port and direction.
pub fn rows<'r>(assignments: &'r [Boxed<'_, Assignment<'_>>], filter: &Filter) -> Vec<Row<'r>> {
    let passed: Vec<_> = assignments.iter().filter(|one| filter.is_cluster(&one.value.cluster_name)).collect();
    let sorted = shares::sorted(passed, 500, |one| NameParts::order(&one.value.cluster_name, &[]));
    let groups = sorted.iter().flat_map(|one| &one.value.endpoints);
    let mut rows = Vec::with_capacity(groups.map(|group| group.lb_endpoints.len()).sum());
    for one in sorted {
        let mut first = true;
        for group in &one.value.endpoints {
            for endpoint in &group.lb_endpoints {
                let row = Row { one, group, endpoint, first };
                let named = filter.address.is_empty() || endpoint.endpoint.all().any(|one| is_address(one, &filter.address));
                if named && filter.is_port(endpoint.endpoint.address.port()) && filter.is_status(row.status()) {
                    rows.push(row);
                    first = false;
                }
            }
        }
    }
    rows
}

fn label(address: &Address<'_>) -> String {
    let mut label = String::new();
    push_label(address, &mut label);
    label
}

fn push_label(address: &Address<'_>, into: &mut String) {
    if let Some(socket) = &address.socket_address {
        into.push_str(&socket.address);
        into.push(':');
        field::push_number(socket.port_value.0, into);
    } else if let Some(pipe) = &address.pipe {
        into.push_str(&pipe.path);
    } else {
        into.push_str(&address.internal().unwrap_or_else(|| "unknown".to_owned()));
    }
}

fn is_address(address: &Address<'_>, wanted: &str) -> bool {
    let bare = address.socket_address.as_ref().is_some_and(|socket| socket.address.eq_ignore_ascii_case(wanted));
    bare || label(address).eq_ignore_ascii_case(wanted)
}
