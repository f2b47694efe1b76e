//! Endpoints as the proxy judges them: the answer of `clusters?format=json`.

use super::address::Address;
use super::decode::{self, Element};
use super::dump::cut;
use super::endpoints::{self, Filter};
use super::entry::State;
use super::fault::{Fault, Unusable};
use super::field::{self, Int, Text};
use super::redact::Config;
use super::section::Section;
use super::stream::{self, Arenas, Odd, Shape};
use crate::json::{Copies, Error, Raw, Reader};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::cmp::Ordering;
use std::io::Read;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ClusterStatus<'a> {
    #[serde(borrow)]
    pub name: Text<'a>,
    /// Whether it discovers endpoints: their service has a name.
    #[serde(rename = "eds_service_name", alias = "edsServiceName", deserialize_with = "is_given")]
    discovers: bool,
    #[serde(borrow, alias = "hostStatuses", deserialize_with = "field::short")]
    pub host_statuses: Vec<Host<'a>>,
    /// The proxy's own text, if asked for.
    #[serde(skip)]
    pub raw: Option<Raw<'a>>,
}

fn is_given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Text::deserialize(deserializer).map(|text| !text.is_empty())
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
    /// `REGION/ZONE/SUBZONE`, as far as given: outside of a cloud every host has a locality without anything in it.
    #[serde(deserialize_with = "endpoints::locality_label")]
    pub locality: Box<str>,
    #[serde(borrow)]
    pub hostname: Text<'a>,
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

    /// Reads an answer that comes in parts, without the proxy's own text. [`Odd`] if it isn't in order throughout.
    pub fn read_parts(input: impl Read + Send, arenas: &'a mut Arenas) -> Result<Self, Odd> {
        let (parts, _) = stream::read(input, Shape::Hosts, arenas, |batch, arena| {
            let copies = Copies::new(arena);
            let cluster =
                |text: Result<&str, Odd>| Reader::keeping(text?, &copies).decode::<ClusterStatus<'a>>().map_err(|_| Odd);
            batch.parts().map(|(_, text)| cluster(text)).collect::<Result<Vec<_>, Odd>>()
        })?;
        let mut clusters = Vec::with_capacity(parts.iter().map(Vec::len).sum());
        parts.into_iter().for_each(|part| clusters.extend(part));
        Ok(Hosts { clusters, faults: Vec::new() })
    }
}

impl Hosts<'_> {
    /// Clusters that discover endpoints and have none. What needs none, such as a cluster that passes everything through,
    /// discovers none.
    pub fn without_hosts(&self) -> Vec<&str> {
        let none = |cluster: &&ClusterStatus<'_>| cluster.host_statuses.is_empty() && cluster.discovers;
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
    cluster: &'r ClusterStatus<'r>,
    host: &'r Host<'r>,
    /// It is the first one of its cluster that is shown.
    first: bool,
}

impl<'r> Row<'r> {
    pub fn cluster(&self) -> &'r str {
        &self.cluster.name
    }
    /// The proxy's own configuration, with the first endpoint of its cluster.
    fn config(&self) -> Option<Config<'r>> {
        self.cluster.raw.filter(|_| self.first).map(Config)
    }
    /// All that the proxy printed of its cluster, if it was kept.
    pub fn element(&self) -> Option<Raw<'r>> {
        self.cluster.raw
    }
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
    pub fn locality(&self) -> &'r str {
        &self.host.locality
    }
    pub fn hostname(&self) -> Option<&'r str> {
        self.host.hostname.some()
    }

    fn order(&self, other: &Row<'_>) -> Ordering {
        let (a, b) = (&self.host.address, &other.host.address);
        a.name().cmp(&b.name()).then_with(|| a.port().cmp(&b.port())).then_with(|| self.cluster().cmp(other.cluster()))
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
            #[serde(skip_serializing_if = "str::is_empty")]
            locality: &'s str,
            #[serde(skip_serializing_if = "Option::is_none")]
            hostname: Option<&'s str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            config: Option<Config<'s>>,
        }
        let shown = Shown {
            endpoint: self.endpoint(),
            status: self.status(),
            outlier_check: self.outlier_check(),
            cluster: self.cluster(),
            reasons: self.reasons(),
            weight: self.weight(),
            priority: self.priority(),
            locality: self.locality(),
            hostname: self.hostname(),
            config: self.config(),
        };
        shown.serialize(serializer)
    }
}

/// Endpoints that pass, by address, port and cluster.
pub fn rows<'r>(hosts: &'r Hosts<'_>, filter: &Filter) -> Vec<Row<'r>> {
    let clusters = || hosts.clusters.iter().filter(|cluster| filter.is_cluster(&cluster.name));
    let mut passed = Vec::with_capacity(clusters().map(|cluster| cluster.host_statuses.len()).sum());
    for cluster in clusters() {
        let mut first = true;
        for host in &cluster.host_statuses {
            let row = Row { cluster, host, first };
            let named = filter.address.is_empty() || is_address(&host.address, &filter.address);
            if named && filter.is_port(host.address.port()) && filter.is_status(row.status()) {
                passed.push(row);
                first = false;
            }
        }
    }
    passed.sort_by(Row::order);
    passed
}

fn is_address(address: &Address<'_>, wanted: &str) -> bool {
    address.name().eq_ignore_ascii_case(wanted) || format!("{}:{}", address.name(), address.port()).eq_ignore_ascii_case(wanted)
}
