//! Which Prometheus the cluster has, from the services and pods that were already read.
//!
//! Pure, and in a fixed order, so that the same cluster is always asked at the same place. Several may be found: a
//! mesh's own (Linkerd Viz) knows nothing of what the cluster's knows, and the other way round.

use crate::facts::{Facts, Need, Outcome, Resource, kinds};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// So many servers are asked at most.
const MOST: usize = 3;

/// A pod that answers PromQL.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    pub namespace: String,
    pub pod: String,
    pub port: u16,
    /// `/prometheus` if it serves below a path; empty if not.
    pub prefix: String,
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prometheus in pod {}/{} (port {})", self.namespace, self.pod, self.port)
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Meta {
    name: String,
    namespace: String,
    labels: BTreeMap<String, String>,
    deletion_timestamp: Option<String>,
}

#[derive(Deserialize)]
struct Service {
    metadata: Meta,
    #[serde(default)]
    spec: ServiceSpec,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ServiceSpec {
    selector: BTreeMap<String, String>,
    ports: Vec<ServicePort>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServicePort {
    #[serde(default)]
    name: String,
    port: u16,
    target_port: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Pod {
    metadata: Meta,
    #[serde(default)]
    spec: PodSpec,
    #[serde(default)]
    status: PodStatus,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct PodSpec {
    containers: Vec<Container>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Container {
    command: Vec<String>,
    args: Vec<String>,
    ports: Vec<ContainerPort>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ContainerPort {
    name: String,
    container_port: u16,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct PodStatus {
    conditions: Vec<Condition>,
}

#[derive(Deserialize)]
struct Condition {
    r#type: String,
    status: String,
}

/// The servers to ask, best first; or why there is none.
pub fn sites(facts: &Facts) -> Result<Vec<Site>, Outcome> {
    let mut pods: Vec<Pod> = Vec::new();
    facts.read(&kinds::POD, |_, pod: Pod| {
        if pod.ready() {
            pods.push(pod);
        }
    });
    let mut services: Vec<(u8, Service)> = Vec::new();
    facts.read(&kinds::SERVICE, |_, service: Service| {
        if let (Some(rank), false) = (rank(&service.metadata), service.spec.selector.is_empty()) {
            services.push((rank, service));
        }
    });
    services.sort_by(|(a, x), (b, y)| (a, x.key()).cmp(&(b, y.key())));
    pods.sort_by(|a, b| a.key().cmp(&b.key()));

    let mut found: Vec<Site> = Vec::new();
    // Replicas of one server know the same; a service's first ready pod speaks for all that it selects.
    let mut spoken_for = BTreeSet::new();
    for (_, service) in &services {
        let chosen: Vec<&Pod> = pods.iter().filter(|pod| service.selects(pod)).collect();
        let fresh = chosen.iter().all(|pod| !spoken_for.contains(&pod.key()));
        spoken_for.extend(chosen.iter().map(|pod| pod.key()));
        if let (true, Some(pod)) = (fresh, chosen.first()) {
            found.extend(service.port(pod).map(|port| pod.site(port)));
        }
    }
    if found.is_empty() {
        let mut lone: Vec<(u8, &Pod)> = pods.iter().filter_map(|pod| Some((rank(&pod.metadata)?, pod))).collect();
        lone.sort_by(|(a, x), (b, y)| (a, x.key()).cmp(&(b, y.key())));
        found.extend(lone.first().and_then(|(_, pod)| Some(pod.site(pod.web_port()?))));
    }
    found.truncate(MOST);
    if found.is_empty() { Err(none(facts)) } else { Ok(found) }
}

/// "There is none" is only said when we could look.
fn none(facts: &Facts) -> Outcome {
    let blind = |resource: &Resource| {
        let outcome = &facts.get(&Need::list(resource))?.outcome;
        let text = format!("can't look for a Prometheus, since {} could not be read: {}", resource.plural, outcome.reason()?);
        Some(match outcome {
            Outcome::Absent(_) => return None,
            Outcome::Forbidden(_) => Outcome::Forbidden(text),
            Outcome::TimedOut(_) => Outcome::TimedOut(text),
            _ => Outcome::Failed(text),
        })
    };
    blind(&kinds::POD).unwrap_or_else(|| {
        Outcome::Absent(match &facts.namespace {
            Some(namespace) => format!("no Prometheus found in namespace {namespace}"),
            None => "no Prometheus found in the cluster".to_owned(),
        })
    })
}

/// How good a source this is by its names, 0 best; `None` if it is no PromQL server. What federates comes first.
fn rank(meta: &Meta) -> Option<u8> {
    const OTHERS: [&str; 9] =
        ["alertmanager", "exporter", "operator", "pushgateway", "adapter", "state-metrics", "grafana", "webhook", "discovery"];
    let label = |key: &str| meta.labels.get(key).map(String::as_str).unwrap_or_default();
    let component = [label("app.kubernetes.io/component"), label("component")];
    let names = [label("app.kubernetes.io/name"), label("app"), label("k8s-app"), meta.name.as_str()];
    if names.iter().chain(&component).any(|name| OTHERS.iter().any(|other| name.contains(other))) {
        return None;
    }
    let any = |test: &dyn Fn(&str) -> bool| names.iter().any(|name| test(name));
    if any(&|name| name == "thanos-query" || name.ends_with("-thanos-query"))
        || (label("app.kubernetes.io/name") == "thanos" && component.contains(&"query"))
    {
        return Some(0);
    }
    if any(&|name| name.starts_with("vmsingle") || name.ends_with("victoria-metrics-single-server")) {
        return Some(1);
    }
    if any(&|name| {
        matches!(name, "prometheus" | "prometheus-server" | "prometheus-k8s" | "prometheus-operated")
            || name.ends_with("-prometheus")
            || name.ends_with("-prometheus-server")
    }) {
        return Some(2);
    }
    None
}

impl Service {
    fn key(&self) -> (&str, &str) {
        (&self.metadata.namespace, &self.metadata.name)
    }

    fn selects(&self, pod: &Pod) -> bool {
        pod.metadata.namespace == self.metadata.namespace
            && self.spec.selector.iter().all(|(key, value)| pod.metadata.labels.get(key) == Some(value))
    }

    /// The pod's port behind the service's web port.
    fn port(&self, pod: &Pod) -> Option<u16> {
        let ports = &self.spec.ports;
        let named = ["web", "http-web", "http", "http-query", "http-prometheus"];
        let numbered = [9090, 80, 10902, 8429, 8428];
        let port = named
            .iter()
            .find_map(|name| ports.iter().find(|port| port.name == *name))
            .or_else(|| numbered.iter().find_map(|number| ports.iter().find(|port| port.port == *number)))
            .or_else(|| ports.first().filter(|_| ports.len() == 1))?;
        match &port.target_port {
            None => Some(port.port),
            Some(serde_json::Value::String(name)) => pod.port_named(name).or_else(|| name.parse().ok()),
            Some(number) => number.as_u64().and_then(|n| u16::try_from(n).ok()),
        }
    }
}

impl Pod {
    fn key(&self) -> (&str, &str) {
        (&self.metadata.namespace, &self.metadata.name)
    }

    fn ready(&self) -> bool {
        self.metadata.deletion_timestamp.is_none()
            && self.status.conditions.iter().any(|c| c.r#type == "Ready" && c.status == "True")
    }

    fn ports(&self) -> impl Iterator<Item = &ContainerPort> {
        self.spec.containers.iter().flat_map(|container| &container.ports)
    }

    fn port_named(&self, name: &str) -> Option<u16> {
        self.ports().find(|port| port.name == name).map(|port| port.container_port)
    }

    fn web_port(&self) -> Option<u16> {
        let named = ["web", "http-web", "http"].iter().find_map(|name| self.port_named(name));
        named.or_else(|| self.ports().map(|port| port.container_port).find(|port| *port == 9090))
    }

    /// The path below which it serves, from its flags; Prometheus takes that of its external URL if not told otherwise.
    fn prefix(&self) -> String {
        let words: Vec<&str> =
            self.spec.containers.iter().flat_map(|c| c.command.iter().chain(&c.args)).map(String::as_str).collect();
        let flag = |name: &str| words.iter().find_map(|word| word.trim_start_matches('-').strip_prefix(name)?.strip_prefix('='));
        let path = flag("web.route-prefix").or_else(|| flag("http.pathPrefix")).map(str::to_owned).or_else(|| {
            let url: http::Uri = flag("web.external-url")?.parse().ok()?;
            Some(url.path().to_owned())
        });
        match path.unwrap_or_default().trim_matches('/') {
            "" => String::new(),
            path => format!("/{path}"),
        }
    }

    fn site(&self, port: u16) -> Site {
        Site { namespace: self.metadata.namespace.clone(), pod: self.metadata.name.clone(), port, prefix: self.prefix() }
    }
}

#[cfg(test)]
mod tests;
