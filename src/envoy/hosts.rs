//! Endpoints as the proxy judges them: the answer of `clusters?format=json`.

use super::address::Address;
use super::decode::{self, Element};
use super::dump::cut;
use super::endpoints::{Filter, Locality};
use super::entry::State;
use super::fault::{Fault, Unusable};
use super::field::{Int, Text};
use super::json::{Error, Raw, Reader};
use super::redact;
use super::section::Section;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::cmp::Ordering;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ClusterStatus<'a> {
    #[serde(borrow)]
    pub name: Text<'a>,
    /// Only where endpoints are discovered.
    #[serde(borrow, alias = "edsServiceName")]
    pub eds_service_name: Text<'a>,
    #[serde(borrow, alias = "hostStatuses")]
    pub host_statuses: Vec<Host<'a>>,
    /// The proxy's own text, if asked for.
    #[serde(skip)]
    pub raw: Option<Raw<'a>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Host<'a> {
    #[serde(borrow)]
    pub address: Address<'a>,
    #[serde(borrow, alias = "healthStatus")]
    pub health_status: Health<'a>,
    pub weight: Option<Int>,
    pub priority: Int,
    #[serde(borrow, deserialize_with = "unless_empty")]
    pub locality: Option<Box<Locality<'a>>>,
    #[serde(borrow)]
    pub hostname: Text<'a>,
}

/// Outside of a cloud every host has a locality without anything in it.
fn unless_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<Locality<'de>>>, D::Error> {
    let locality = Locality::deserialize(deserializer)?;
    Ok((!locality.is_empty()).then(|| Box::new(locality)))
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Health<'a> {
    #[serde(borrow, alias = "edsHealthStatus")]
    pub eds_health_status: Text<'a>,
    #[serde(alias = "failedActiveHealthCheck")]
    pub failed_active_health_check: bool,
    #[serde(alias = "failedOutlierCheck")]
    pub failed_outlier_check: bool,
    #[serde(alias = "failedActiveDegradedCheck")]
    pub failed_active_degraded_check: bool,
    #[serde(alias = "pendingDynamicRemoval")]
    pub pending_dynamic_removal: bool,
    #[serde(alias = "pendingActiveHc")]
    pub pending_active_hc: bool,
    #[serde(alias = "excludedViaImmediateHcFail")]
    pub excluded_via_immediate_hc_fail: bool,
    #[serde(alias = "activeHcTimeout")]
    pub active_hc_timeout: bool,
}

impl Health<'_> {
    /// Why a host gets no traffic or less, beside what the control plane says.
    pub fn reasons(&self) -> Vec<&'static str> {
        [
            (self.failed_active_health_check, "failed the active health check"),
            (self.active_hc_timeout, "active health check timed out"),
            (self.excluded_via_immediate_hc_fail, "said that it is failing"),
            (self.failed_active_degraded_check, "says that it is degraded"),
            (self.failed_outlier_check, "ejected as an outlier"),
            (self.pending_active_hc, "not checked yet"),
            (self.pending_dynamic_removal, "removed, waiting for its health check to fail"),
        ]
        .into_iter()
        .filter_map(|(is, reason)| is.then_some(reason))
        .collect()
    }
}

/// What was read.
#[derive(Debug, Default)]
pub struct Hosts<'a> {
    pub clusters: Vec<ClusterStatus<'a>>,
    pub faults: Vec<Fault>,
}

impl<'a> Hosts<'a> {
    /// Reads `text`, as far as it goes.
    pub fn read(text: &'a str, raw: bool) -> Result<Self, Unusable> {
        let (mut elements, mut keys, mut seen) = (Vec::new(), Vec::new(), false);
        let mut reader = Reader::new(text);
        let end = reader
            .object(|reader, key| {
                if keys.len() < 4 {
                    keys.push(key.chars().take(40).collect());
                }
                if !matches!(&*key, "cluster_statuses" | "clusterStatuses") {
                    return reader.skip();
                }
                seen = true;
                reader.array(|reader| element(reader, &mut elements))
            })
            .and_then(|()| reader.end());
        // Envoy without a single cluster prints an empty object.
        let is_empty = keys.is_empty() && end.is_ok();
        if !seen && !is_empty {
            return Err(Unusable::new(text, "the answer of `clusters?format=json`", &keys, end.as_ref().err()));
        }
        let mut hosts = Hosts::default();
        if let Err(error) = end {
            let (line, column, why) = cut(text, &error);
            hosts.faults.push(Fault::Cut { line, column, inside: Some(Section::Endpoints), why, unseen: Vec::new() });
        }
        decode::values(text, &elements, &mut hosts.clusters, &mut hosts.faults, &|cluster: ClusterStatus<'a>, _, text| {
            ClusterStatus { raw: Some(text).filter(|_| raw), ..cluster }
        });
        Ok(hosts)
    }
}

impl Hosts<'_> {
    /// Clusters that discover endpoints and have none. What needs none, such as a cluster that passes everything through,
    /// discovers none.
    pub fn without_hosts(&self) -> Vec<&str> {
        let none = |cluster: &&ClusterStatus<'_>| cluster.host_statuses.is_empty() && cluster.eds_service_name.some().is_some();
        let mut names: Vec<&str> = self.clusters.iter().filter(none).map(|cluster| &*cluster.name).collect();
        names.sort_unstable();
        names
    }
}

fn element(reader: &mut Reader<'_>, elements: &mut Vec<Element>) -> Result<(), Error> {
    reader.peek();
    let from = reader.at();
    reader.skip()?;
    elements.push(Element { section: Section::Endpoints, state: State::Active, from, end: reader.at() });
    Ok(())
}

/// An endpoint as it is shown: a look at the host, as there may be a hundred thousand.
#[derive(Clone, Debug)]
pub struct Row<'r> {
    pub cluster: &'r str,
    host: &'r Host<'r>,
    /// The proxy's own configuration, with the first endpoint of its cluster.
    pub config: Option<Box<Value>>,
    /// All that the proxy printed of its cluster.
    pub element: Option<Raw<'r>>,
}

impl<'r> Row<'r> {
    /// With its port, where it has one.
    pub fn endpoint(&self) -> String {
        self.host.address.with_port()
    }
    pub fn status(&self) -> &'r str {
        self.host.health_status.eds_health_status.some().unwrap_or("UNKNOWN")
    }
    pub fn outlier_check(&self) -> &'static str {
        if self.host.health_status.failed_outlier_check { "FAILED" } else { "OK" }
    }
    pub fn reasons(&self) -> Vec<&'static str> {
        self.host.health_status.reasons()
    }
    /// It gets requests when there are no better hosts.
    pub fn is_degraded(&self) -> bool {
        self.reasons() == ["says that it is degraded"]
    }
    pub fn weight(&self) -> Option<u64> {
        self.host.weight.map(|weight| weight.0)
    }
    pub fn priority(&self) -> u64 {
        self.host.priority.0
    }
    pub fn locality(&self) -> String {
        self.host.locality.as_ref().map(|locality| locality.label()).unwrap_or_default()
    }
    pub fn hostname(&self) -> Option<&'r str> {
        self.host.hostname.some()
    }

    fn order(&self, other: &Row<'_>) -> Ordering {
        let (a, b) = (&self.host.address, &other.host.address);
        a.name().cmp(&b.name()).then_with(|| a.port().cmp(&b.port())).then_with(|| self.cluster.cmp(other.cluster))
    }
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'s> {
            endpoint: String,
            status: &'s str,
            outlier_check: &'static str,
            cluster: &'s str,
            #[serde(skip_serializing_if = "Vec::is_empty")]
            reasons: Vec<&'static str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            weight: Option<u64>,
            priority: u64,
            #[serde(skip_serializing_if = "String::is_empty")]
            locality: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            hostname: Option<&'s str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            config: Option<&'s Value>,
        }
        let shown = Shown {
            endpoint: self.endpoint(),
            status: self.status(),
            outlier_check: self.outlier_check(),
            cluster: self.cluster,
            reasons: self.reasons(),
            weight: self.weight(),
            priority: self.priority(),
            locality: self.locality(),
            hostname: self.hostname(),
            config: self.config.as_deref(),
        };
        shown.serialize(serializer)
    }
}

/// Endpoints that pass, by address, port and cluster. With `raw`, the first endpoint of a cluster carries the proxy's text.
pub fn rows<'r>(hosts: &'r Hosts<'_>, filter: &Filter, raw: bool) -> Vec<Row<'r>> {
    let mut passed = Vec::new();
    for cluster in hosts.clusters.iter().filter(|cluster| filter.is_cluster(&cluster.name)) {
        let mut config = cluster.raw.filter(|_| raw).map(|raw| Box::new(redact::config(raw)));
        for host in &cluster.host_statuses {
            let row = Row { cluster: &cluster.name, host, config: None, element: cluster.raw.filter(|_| raw) };
            let named = filter.address.is_empty() || is_address(&host.address, &filter.address);
            if named && filter.is_port(host.address.port()) && filter.is_status(row.status()) {
                passed.push(Row { config: config.take(), ..row });
            }
        }
    }
    passed.sort_by(Row::order);
    passed
}

fn is_address(address: &Address<'_>, wanted: &str) -> bool {
    address.name().eq_ignore_ascii_case(wanted) || format!("{}:{}", address.name(), address.port()).eq_ignore_ascii_case(wanted)
}
