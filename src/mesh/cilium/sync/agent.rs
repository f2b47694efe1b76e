//! The agent's own words: its status, and its list of endpoints.

use crate::mesh::sync::{Health, Part};
use crate::mesh::view::nullable;
use serde::Deserialize;
use std::collections::BTreeMap;

/// So many endpoints or controllers are named.
const NAMED: usize = 3;

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "kebab-case")]
pub struct Status {
    #[serde(deserialize_with = "nullable")]
    cilium: State,
    #[serde(deserialize_with = "nullable")]
    kubernetes: State,
    #[serde(deserialize_with = "nullable")]
    kvstore: State,
    #[serde(deserialize_with = "nullable")]
    controllers: Vec<Controller>,
    #[serde(deserialize_with = "nullable")]
    hubble: State,
    #[serde(deserialize_with = "nullable")]
    auth_certificate_provider: State,
    #[serde(deserialize_with = "nullable")]
    cluster_mesh: ClusterMesh,
    #[serde(deserialize_with = "nullable")]
    encryption: Encryption,
    #[serde(deserialize_with = "nullable")]
    proxy: Proxy,
    /// Probes of which no result came in time, with the last one's time.
    #[serde(deserialize_with = "nullable")]
    stale: BTreeMap<String, String>,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct State {
    #[serde(deserialize_with = "nullable")]
    state: String,
    #[serde(deserialize_with = "nullable")]
    msg: String,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct Encryption {
    /// `Disabled`, `IPsec`, `Wireguard`
    #[serde(deserialize_with = "nullable")]
    mode: String,
}
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "kebab-case")]
struct Proxy {
    /// `embedded`, `external`
    #[serde(deserialize_with = "nullable")]
    envoy_deployment_mode: String,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct ClusterMesh {
    #[serde(deserialize_with = "nullable")]
    clusters: Vec<Remote>,
}
/// Another cluster, as this agent sees it.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "kebab-case")]
struct Remote {
    name: String,
    connected: bool,
    ready: bool,
    #[serde(deserialize_with = "nullable")]
    status: String,
    #[serde(deserialize_with = "nullable")]
    config: RemoteConfig,
    /// What of it was taken over at least once.
    #[serde(deserialize_with = "nullable")]
    synced: BTreeMap<String, bool>,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct RemoteConfig {
    required: bool,
    retrieved: bool,
}

impl Remote {
    fn fault(&self) -> Option<(Health, String)> {
        let name = &self.name;
        if !self.connected {
            return Some((Health::Disconnected, format!("it has no connection to cluster {name}: {}", self.status)));
        }
        if self.config.required && !self.config.retrieved {
            return Some((Health::NotSent, format!("cluster {name} has not told its configuration")));
        }
        let open: Vec<&str> = self.synced.iter().filter(|(_, done)| !**done).map(|(what, _)| what.as_str()).collect();
        if !open.is_empty() {
            return Some((Health::NotSent, format!("of cluster {name} it has not got: {}", open.join(", "))));
        }
        (!self.ready).then(|| (Health::Stale, format!("cluster {name} is not ready: {}", self.status)))
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Controller {
    #[serde(deserialize_with = "nullable")]
    name: String,
    #[serde(deserialize_with = "nullable")]
    status: Runs,
}
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "kebab-case")]
struct Runs {
    consecutive_failure_count: u64,
    #[serde(deserialize_with = "nullable")]
    last_failure_msg: String,
}

impl Status {
    pub fn read(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// `1.20.2 (v1.20.2-abc)`; a build without a version says ` (v-)`.
    pub fn version(&self) -> Option<String> {
        let first = self.cilium.msg.split(' ').next().unwrap_or_default();
        first.starts_with(|c: char| c.is_ascii_digit()).then(|| first.to_owned())
    }

    /// For machines.
    pub fn said(&self) -> BTreeMap<&'static str, String> {
        let clusters = self.cluster_mesh.clusters.iter().map(|one| one.name.as_str()).collect::<Vec<_>>().join(",");
        let all = [
            ("encryption", self.encryption.mode.clone()),
            ("envoy", self.proxy.envoy_deployment_mode.clone()),
            ("remote_clusters", clusters),
        ];
        all.into_iter().filter(|(_, value)| !value.is_empty()).collect()
    }

    pub fn parts(&self) -> Vec<Part> {
        let connected = |kind, what: &str, state: &State, needed: bool| match state.state.as_str() {
            "Ok" => Part::of(kind, Vec::new()),
            "Disabled" if !needed => Part::of(kind, Vec::new()),
            "" => Part::of(kind, vec![(Health::Unknown, format!("its status does not tell its connection to {what}"))]),
            other => Part::of(kind, vec![(Health::Disconnected, format!("its connection to {what}: {other}: {}", state.msg))]),
        };
        let failing: Vec<&Controller> = self.controllers.iter().filter(|one| one.status.consecutive_failure_count > 0).collect();
        let mut found: Vec<(Health, String)> = failing
            .iter()
            .take(NAMED)
            .map(|one| {
                let (name, status) = (&one.name, &one.status);
                let count = status.consecutive_failure_count;
                (Health::Stale, format!("controller {name} failed {count} times in a row: {}", status.last_failure_msg))
            })
            .collect();
        if failing.len() > NAMED {
            found.push((Health::Stale, format!("{} more controllers fail", failing.len() - NAMED)));
        }
        let stale =
            self.stale.iter().map(|(probe, at)| (Health::Stale, format!("its probe {probe} has had no result since {at}")));
        found.extend(stale);
        let agent = match self.cilium.state.as_str() {
            "Ok" => Vec::new(),
            other => vec![(Health::Stale, format!("the agent says {other:?} of itself: {}", self.cilium.msg))],
        };
        // Whole without these where they are switched off.
        let feature = |kind, what: &str, state: &State| match state.state.as_str() {
            "" | "Ok" | "Disabled" => None,
            other => Some(Part::of(kind, vec![(Health::Stale, format!("{what}: {other}: {}", state.msg))])),
        };
        let remote: Vec<_> = self.cluster_mesh.clusters.iter().filter_map(Remote::fault).collect();
        let clusters = (!self.cluster_mesh.clusters.is_empty()).then(|| Part::of("CLUSTERS", remote));
        let more = [
            feature("HUBBLE", "Hubble", &self.hubble),
            feature("AUTH", "the provider of certificates for mutual authentication", &self.auth_certificate_provider),
            clusters,
        ];
        let mut parts = vec![
            Part::of(super::AGENT, agent),
            connected("KUBERNETES", "the API server", &self.kubernetes, true),
            // Without a key-value store everything goes through the API server.
            connected("KVSTORE", "the key-value store", &self.kvstore, false),
            Part::of("CONTROLLERS", found),
        ];
        parts.extend(more.into_iter().flatten());
        parts
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Endpoint {
    id: i64,
    #[serde(deserialize_with = "nullable")]
    status: EndpointStatus,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct EndpointStatus {
    #[serde(deserialize_with = "nullable")]
    state: String,
    #[serde(deserialize_with = "nullable")]
    policy: Policy,
    #[serde(deserialize_with = "nullable")]
    networking: Networking,
}
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "kebab-case")]
struct Policy {
    #[serde(deserialize_with = "nullable")]
    spec: Revision,
    #[serde(deserialize_with = "nullable")]
    realized: Revision,
    proxy_policy_revision: Option<i64>,
    #[serde(deserialize_with = "nullable")]
    proxy_statistics: Vec<serde::de::IgnoredAny>,
}
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "kebab-case")]
struct Revision {
    policy_revision: Option<i64>,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct Networking {
    #[serde(deserialize_with = "nullable")]
    addressing: Vec<Addresses>,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct Addresses {
    #[serde(deserialize_with = "nullable")]
    ipv4: String,
    #[serde(deserialize_with = "nullable")]
    ipv6: String,
}

impl Endpoint {
    /// What is behind. A revision counts as realized only when the node's programs have it, whatever the state says.
    fn behind(&self) -> Option<String> {
        let policy = &self.status.policy;
        let wanted = policy.spec.policy_revision?;
        let state = &self.status.state;
        match policy.realized.policy_revision {
            None => Some(format!("has realized no policy, and {wanted} is wanted (state {state})")),
            Some(have) if have < wanted => Some(format!("has realized revision {have} of {wanted} (state {state})")),
            Some(_) => match policy.proxy_policy_revision {
                Some(have) if have < wanted && !policy.proxy_statistics.is_empty() => {
                    Some(format!("has realized revision {wanted}, and its layer-7 proxy {have}"))
                }
                _ => None,
            },
        }
    }

    fn name(&self, pods: &BTreeMap<String, String>) -> String {
        let all = self.status.networking.addressing.iter().flat_map(|one| [&one.ipv4, &one.ipv6]);
        let pod = all.filter(|address| !address.is_empty()).find_map(|address| pods.get(address));
        pod.map_or_else(|| format!("endpoint {}", self.id), |pod| format!("{pod} (endpoint {})", self.id))
    }
}

/// Realized ≥ wanted, of every endpoint.
pub fn policy(bytes: &[u8], pods: &BTreeMap<String, String>) -> Part {
    let all: Vec<Endpoint> = match serde_json::from_slice(bytes) {
        Ok(all) => all,
        Err(error) => {
            let why = format!("the list of its endpoints is not what is known of it: {error}");
            return Part::of("POLICY", vec![(Health::Unknown, why)]);
        }
    };
    let behind: Vec<(&Endpoint, String)> = all.iter().filter_map(|one| Some((one, one.behind()?))).collect();
    let mut found: Vec<(Health, String)> =
        behind.iter().take(NAMED).map(|(one, what)| (Health::Stale, format!("policy: {} {what}", one.name(pods)))).collect();
    if behind.len() > NAMED {
        found.push((Health::Stale, format!("policy: {} of {} endpoints are behind in all", behind.len(), all.len())));
    }
    Part::of("POLICY", found)
}
