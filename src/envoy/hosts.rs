//! Endpoints as the proxy judges them: the answer of `clusters?format=json`.

use super::Section;
use super::address::Address;
use super::endpoints::{Filter, Locality};
use super::fault::{Fault, Unusable};
use super::field::{Int, Text};
use super::redact;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::error::Category;
use serde_json::value::RawValue;
use std::fmt;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ClusterStatus<'a> {
    #[serde(borrow)]
    pub name: Text<'a>,
    #[serde(borrow, alias = "hostStatuses")]
    pub host_statuses: Vec<Host<'a>>,
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
    #[serde(borrow)]
    pub locality: Locality<'a>,
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
    /// The proxy's own text of each cluster, if asked for; as long as `clusters`.
    pub raw: Vec<&'a RawValue>,
    pub faults: Vec<Fault>,
    seen: bool,
    keys: Vec<String>,
}

impl<'a> Hosts<'a> {
    /// Reads `text`, as far as it goes.
    pub fn read(text: &'a str, raw: bool) -> Result<Self, Unusable> {
        let mut hosts = Hosts::default();
        let mut result = hosts.pass(text, raw);
        if result.as_ref().is_err_and(|error| error.classify() == Category::Data) && !raw {
            hosts = Hosts::default();
            result = hosts.pass(text, true);
        }
        // Envoy without a single cluster prints an empty object.
        let is_empty = hosts.keys.is_empty() && result.is_ok();
        if !hosts.seen && !is_empty {
            return Err(Unusable::new(text, "the answer of `clusters?format=json`", &hosts.keys, result.as_ref().err()));
        }
        if let Err(error) = result {
            let why = match error.classify() {
                Category::Eof => "the text ends there".to_owned(),
                _ => error.to_string().split(" at line ").next().unwrap_or_default().to_owned(),
            };
            let inside = Some(Section::Endpoints);
            hosts.faults.insert(0, Fault::Cut { line: error.line(), column: error.column(), inside, why, unseen: Vec::new() });
        }
        Ok(hosts)
    }

    fn pass(&mut self, text: &'a str, careful: bool) -> Result<(), serde_json::Error> {
        let mut json = serde_json::Deserializer::from_str(text);
        Top { hosts: self, careful }.deserialize(&mut json)?;
        json.end()
    }
}

struct Top<'d, 'a> {
    hosts: &'d mut Hosts<'a>,
    careful: bool,
}

impl<'de> DeserializeSeed<'de> for Top<'_, 'de> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Top<'_, 'de> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the answer of `clusters?format=json`")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Text>()? {
            if self.hosts.keys.len() < 4 {
                self.hosts.keys.push(key.chars().take(40).collect());
            }
            if matches!(&*key, "cluster_statuses" | "clusterStatuses") {
                self.hosts.seen = true;
                map.next_value_seed(Statuses { hosts: self.hosts, careful: self.careful })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

struct Statuses<'d, 'a> {
    hosts: &'d mut Hosts<'a>,
    careful: bool,
}

impl<'de> DeserializeSeed<'de> for Statuses<'_, 'de> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Statuses<'_, 'de> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of clusters")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let hosts = self.hosts;
        if !self.careful {
            while let Some(cluster) = seq.next_element()? {
                hosts.clusters.push(cluster);
            }
            return Ok(());
        }
        while let Some(raw) = seq.next_element::<&'de RawValue>()? {
            match serde_json::from_str(raw.get()) {
                Ok(cluster) => {
                    hosts.clusters.push(cluster);
                    hosts.raw.push(raw);
                }
                Err(error) => hosts.faults.push(Fault::Unreadable {
                    section: Section::Endpoints,
                    name: String::new(),
                    why: error.to_string(),
                }),
            }
        }
        Ok(())
    }
}

/// An endpoint as it is shown.
#[derive(Clone, Debug, Serialize)]
pub struct Row<'r> {
    pub endpoint: String,
    pub status: &'r str,
    pub outlier_check: &'static str,
    pub cluster: &'r str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<u64>,
    pub priority: u64,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub locality: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<Value>,
}

/// Endpoints that pass, by address, port and cluster. With `raw`, the first endpoint of a cluster carries the proxy's text.
pub fn rows<'r>(hosts: &'r Hosts<'_>, filter: &Filter, raw: bool) -> Vec<Row<'r>> {
    let mut passed = Vec::new();
    for (i, cluster) in hosts.clusters.iter().enumerate().filter(|(_, cluster)| filter.is_cluster(&cluster.name)) {
        let mut config = hosts.raw.get(i).filter(|_| raw).map(|raw| redact::config(raw));
        for host in &cluster.host_statuses {
            let address = address(&host.address);
            let port = host.address.port();
            let status = host.health_status.eds_health_status.some().unwrap_or("UNKNOWN");
            let with_port = || format!("{address}:{port}").eq_ignore_ascii_case(&filter.address);
            let named = filter.address.is_empty() || address.eq_ignore_ascii_case(&filter.address) || with_port();
            if !(named && filter.is_port(port) && filter.is_status(status)) {
                continue;
            }
            let row = Row {
                endpoint: if port == 0 { address.clone() } else { format!("{address}:{port}") },
                status,
                outlier_check: if host.health_status.failed_outlier_check { "FAILED" } else { "OK" },
                cluster: &cluster.name,
                reasons: host.health_status.reasons(),
                weight: host.weight.map(|weight| weight.0),
                priority: host.priority.0,
                locality: host.locality.label(),
                hostname: host.hostname.some(),
                config: config.take(),
            };
            passed.push((address, port, row));
        }
    }
    passed.sort_by(|a, b| (&a.0, a.1, a.2.cluster).cmp(&(&b.0, b.1, b.2.cluster)));
    passed.into_iter().map(|(_, _, row)| row).collect()
}

fn address(address: &Address<'_>) -> String {
    if let Some(socket) = &address.socket_address {
        return socket.address.to_string();
    }
    if let Some(pipe) = &address.pipe {
        return format!("unix://{}", &*pipe.path);
    }
    address.internal().unwrap_or_else(|| "unknown".to_owned())
}
