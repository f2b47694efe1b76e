//! What is shown of a ztunnel's dump.

use super::{Certificate, Certificates, Dump, Element, Gateway, Policy, Service, State, Workload};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What to show; an empty field lets everything pass.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub namespace: String,
    pub address: String,
    pub node: String,
    /// Only these pods, as `(namespace, name)`.
    pub pods: Vec<(String, String)>,
    pub direction: String,
    /// Addresses as they are, without the names behind them.
    pub raw: bool,
}

impl Filter {
    fn is_pod(&self, namespace: &str, name: &str) -> bool {
        self.pods.is_empty() || self.pods.iter().any(|(ns, pod)| ns == namespace && pod == name)
    }
    fn is_namespace(&self, namespace: &str) -> bool {
        self.namespace.is_empty() || self.namespace.eq_ignore_ascii_case(namespace)
    }
}

/// Rows have the cells of their table, in its order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WorkloadRow {
    pub namespace: String,
    pub pod_name: String,
    pub address: String,
    pub node: String,
    pub waypoint: String,
    pub protocol: String,
    pub status: String,
    /// The ztunnel's own, with the first row that is made of it.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub config: Value,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceRow {
    pub namespace: String,
    pub service_name: String,
    pub service_vip: String,
    pub waypoint: String,
    pub healthy_endpoints: usize,
    pub all_endpoints: usize,
    /// The ztunnel's own, with the first row that is made of it.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub config: Value,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyRow {
    pub namespace: String,
    pub policy_name: String,
    pub action: String,
    pub scope: String,
    /// The ztunnel's own, with the first row that is made of it.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub config: Value,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CertificateRow {
    pub certificate_name: String,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub status: String,
    pub valid_cert: bool,
    pub serial_number: String,
    pub not_after: String,
    pub not_before: String,
    /// Why there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The ztunnel's own, with the first row that is made of it.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub config: Value,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConnectionRow {
    pub workload: String,
    pub direction: &'static str,
    pub local: String,
    pub remote: String,
    pub remote_target: String,
    pub protocol: String,
    /// The ztunnel's own, with the first row that is made of it.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub config: Value,
}

impl Dump {
    /// By namespace, name and node.
    pub fn workload_rows(&self, filter: &Filter) -> Vec<WorkloadRow> {
        let passes = |workload: &&Element<Workload>| {
            let address =
                filter.address.is_empty() || workload.workload_ips.iter().any(|ip| ip.eq_ignore_ascii_case(&filter.address));
            let node = filter.node.is_empty() || filter.node.eq_ignore_ascii_case(&workload.node);
            address && node && filter.is_namespace(&workload.namespace) && filter.is_pod(&workload.namespace, &workload.name)
        };
        let row = |workload: &Element<Workload>| WorkloadRow {
            namespace: workload.namespace.clone(),
            pod_name: workload.name.clone(),
            address: Some(workload.workload_ips.join(","))
                .filter(|ips| !ips.is_empty())
                .unwrap_or_else(|| workload.hostname.clone()),
            node: workload.node.clone(),
            waypoint: self.waypoint(workload.waypoint.as_ref()),
            protocol: workload.protocol.clone(),
            status: workload.status.clone(),
            config: workload.config.clone(),
        };
        let mut rows: Vec<_> = self.workloads.iter().filter(passes).map(row).collect();
        rows.sort_by_cached_key(|row| (format!("{}.{}", row.namespace, row.pod_name), row.node.clone()));
        rows
    }

    pub fn service_rows(&self, filter: &Filter) -> Vec<ServiceRow> {
        let healthy: BTreeSet<&str> =
            self.workloads.iter().filter(|workload| workload.status == "Healthy").map(|workload| workload.uid.as_str()).collect();
        let mut services: Vec<&Element<Service>> =
            self.services.iter().filter(|service| filter.is_namespace(&service.namespace)).collect();
        services.sort_by_key(|service| (&service.namespace, &service.name, &service.hostname));
        let row = |service: &Element<Service>| ServiceRow {
            namespace: service.namespace.clone(),
            service_name: service.name.clone(),
            service_vip: service.vips.iter().map(|vip| address_of(vip)).collect::<Vec<_>>().join(","),
            waypoint: self.waypoint(service.waypoint.as_ref()),
            healthy_endpoints: service.endpoints.iter().filter(|e| healthy.contains(e.workload_uid.as_str())).count(),
            all_endpoints: service.endpoints.len(),
            config: service.config.clone(),
        };
        services.into_iter().map(row).collect()
    }

    pub fn policy_rows(&self, filter: &Filter) -> Vec<PolicyRow> {
        let mut policies: Vec<&Element<Policy>> =
            self.policies.iter().filter(|policy| filter.is_namespace(&policy.namespace)).collect();
        policies.sort_by_key(|policy| (&policy.namespace, &policy.name));
        let row = |policy: &Element<Policy>| PolicyRow {
            namespace: policy.namespace.clone(),
            policy_name: policy.name.clone(),
            action: policy.action.clone(),
            scope: policy.scope.clone(),
            config: policy.config.clone(),
        };
        policies.into_iter().map(row).collect()
    }

    /// As the ztunnel lists them.
    pub fn certificate_rows(&self, now: Timestamp) -> Vec<CertificateRow> {
        let mut rows = Vec::new();
        for held in &self.certificates {
            let (status, reason) = held.status();
            let mut config = held.config.clone();
            let mut row = |kind: &'static str, certificate: Option<&Certificate>| {
                let text = |field: fn(&Certificate) -> &str| {
                    certificate.map(field).filter(|text| !text.is_empty()).unwrap_or("NA").to_owned()
                };
                CertificateRow {
                    certificate_name: held.identity.clone(),
                    kind,
                    status: status.clone(),
                    valid_cert: certificate.is_some_and(|certificate| certificate.is_valid_at(now)),
                    serial_number: certificate
                        .map_or_else(|| "NA".to_owned(), |certificate| hexadecimal(&certificate.serial_number)),
                    not_after: text(|certificate| &certificate.expiration_time),
                    not_before: text(|certificate| &certificate.valid_from),
                    reason: reason.clone(),
                    config: config.take(),
                }
            };
            if held.cert_chain.is_empty() {
                rows.push(row("NA", None));
                continue;
            }
            // Older versions put the root at the end of the chain.
            let root_in_chain = held.root_certs.is_empty();
            let last = held.cert_chain.len() - 1;
            rows.extend(held.cert_chain.iter().enumerate().map(|(at, certificate)| {
                let kind = match at {
                    0 => "Leaf",
                    at if at == last && root_in_chain => "Root",
                    _ => "Intermediate",
                };
                row(kind, Some(certificate))
            }));
            rows.extend(held.root_certs.iter().map(|certificate| row("Root", Some(certificate))));
        }
        rows
    }

    /// By namespace and name of the workload, inbound first.
    pub fn connection_rows(&self, filter: &Filter) -> Vec<ConnectionRow> {
        let names = if filter.raw { BTreeMap::new() } else { self.names() };
        let named = |address: &str| match address
            .rsplit_once(':')
            .and_then(|(ip, port)| Some((names.get(ip.trim_matches(['[', ']']))?, port)))
        {
            Some((name, port)) => format!("{name}:{port}"),
            None => address.to_owned(),
        };
        let passes = |state: &&Element<State>| {
            filter.is_namespace(&state.info.namespace) && filter.is_pod(&state.info.namespace, &state.info.name)
        };
        let mut states: Vec<&Element<State>> = self.workload_state.iter().filter(passes).collect();
        states.sort_by_key(|state| (&state.info.namespace, &state.info.name));
        let mut rows = Vec::new();
        for state in states {
            let workload = format!("{}.{}", state.info.name, state.info.namespace);
            let mut config = state.config.clone();
            let mut push = |direction, local: &str, remote: &str, target: String, protocol: &String| {
                let (local, remote) = (named(local), named(remote));
                rows.push(ConnectionRow {
                    workload: workload.clone(),
                    direction,
                    local,
                    remote,
                    remote_target: target,
                    protocol: protocol.clone(),
                    config: config.take(),
                });
            };
            if !filter.direction.eq_ignore_ascii_case("outbound") {
                for c in &state.connections.inbound {
                    push("Inbound", &c.actual_dst, &c.src, c.original_dst.clone().unwrap_or_default(), &c.protocol);
                }
            }
            if !filter.direction.eq_ignore_ascii_case("inbound") {
                for c in &state.connections.outbound {
                    push("Outbound", &c.src, &c.actual_dst, named(c.original_dst.as_deref().unwrap_or_default()), &c.protocol);
                }
            }
        }
        rows
    }

    /// Names behind addresses; a service's beat a workload's.
    fn names(&self) -> BTreeMap<&str, String> {
        let workloads =
            self.workloads.iter().filter_map(|w| Some((w.workload_ips.first()?.as_str(), format!("{}.{}", w.name, w.namespace))));
        let services = self.services.iter().filter_map(|s| Some((address_of(s.vips.first()?), s.hostname.clone())));
        workloads.chain(services).collect()
    }

    fn waypoint(&self, gateway: Option<&Gateway>) -> String {
        let Some(Gateway { destination }) = gateway else { return "None".to_owned() };
        let is = |service: &&Element<Service>| {
            service.vips.contains(destination) || *destination == format!("{}/{}", service.namespace, service.hostname)
        };
        self.services.iter().find(is).map_or_else(|| "NA".to_owned(), |service| service.name.clone())
    }
}

impl Certificates {
    /// In a word, and why.
    fn status(&self) -> (String, String) {
        let (word, reason) = match &self.state {
            Value::String(text) => (text.clone(), String::new()),
            Value::Object(fields) => match fields.iter().next() {
                Some((word, reason)) => (word.clone(), reason.as_str().map_or_else(|| reason.to_string(), str::to_owned)),
                None => (String::new(), String::new()),
            },
            other => (other.to_string(), String::new()),
        };
        match word.strip_prefix("Unavailable") {
            Some(rest) if reason.is_empty() => {
                ("Unavailable".to_owned(), rest.trim_matches([':', ' ', '(', ')', '"']).to_owned())
            }
            _ => (word, reason),
        }
    }
}

impl Certificate {
    fn is_valid_at(&self, now: Timestamp) -> bool {
        let at = |text: &str| text.parse::<Timestamp>().ok();
        matches!((at(&self.valid_from), at(&self.expiration_time)), (Some(from), Some(to)) if from < now && now < to)
    }
}

/// Without the network before the slash.
fn address_of(vip: &str) -> &str {
    vip.split_once('/').map_or(vip, |(_, address)| address)
}

/// A whole number of any length, from decimal; what is none stays as it is.
fn hexadecimal(decimal: &str) -> String {
    if decimal.is_empty() || !decimal.bytes().all(|b| b.is_ascii_digit()) {
        return decimal.to_owned();
    }
    // Least significant first; serial numbers have at most 20 bytes, so this is short.
    let mut digits: Vec<u32> = vec![0];
    for byte in decimal.bytes() {
        let mut carry = u32::from(byte - b'0');
        for digit in &mut digits {
            let value = *digit * 10 + carry;
            (*digit, carry) = (value % 16, value / 16);
        }
        while carry > 0 {
            digits.push(carry % 16);
            carry /= 16;
        }
    }
    digits.iter().rev().filter_map(|digit| char::from_digit(*digit, 16)).collect()
}
