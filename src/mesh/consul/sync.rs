//! Whether Consul's proxies have what its servers would send them. No server keeps a list of who acknowledged what, so the
//! Envoys are asked: whether they are connected, what they refuse now, which endpoints they hold; and these are compared
//! with the catalog and with the pods, because the catalog itself may be out of date.
//!
//! What says nothing is not read: `update_rejected` counts refusals of the past, a pod is Ready without a server, and a
//! custom resource is `Synced` once it stands in Consul, whatever Envoy makes of it.

mod catalog;
mod envoy;
mod fresh;

use super::admin;
use super::server::{self, Server, servers};
use crate::facts::{Facts, Need, Object, Outcome, kinds};
use crate::mesh::sync::{CACHED, Fleet, Health, Part, Plane, Told};
use crate::mesh::view::Pod;
pub use catalog::Catalog;
use envoy::Heard;
pub use fresh::Pods;

/// A leaf lives three days and is renewed when nine tenths of that are over, at the latest.
const LATE: i64 = 20;

/// A pod with its proxies.
struct Seen<'f> {
    object: &'f Object,
    pod: Pod,
}

impl Seen<'_> {
    fn ask(&self, port: u16, path: &str) -> Need {
        let (namespace, pod) = (self.object.namespace.to_string(), self.object.name.to_string());
        Need::PodGet { namespace, pod, port, path: path.to_owned() }
    }
    fn ports(&self) -> Vec<u16> {
        admin::admins(&self.pod).into_iter().map(|admin| admin.port).collect()
    }
    fn runs(&self) -> bool {
        matches!(self.pod.status.phase.as_str(), "" | "Running")
    }
    /// Whether its servers are told to be elsewhere than in this cluster (`consul-server.consul.svc`).
    fn leaves(&self) -> bool {
        let args = self.pod.all_containers().flat_map(|container| &container.args);
        let address = args.skip_while(|word| word.trim_start_matches('-') != "addresses").nth(1);
        address.is_some_and(|address| address.split('.').nth(2) != Some("svc"))
    }
}

fn proxies(facts: &Facts) -> Vec<Seen<'_>> {
    let mut found = Vec::new();
    facts.read_with::<Pod>(&kinds::POD, &admin::WORDS, |object, pod| {
        if !matches!(pod.status.phase.as_str(), "Succeeded" | "Failed") && !admin::admins(&pod).is_empty() {
            found.push(Seen { object, pod });
        }
    });
    found
}

/// Servers that should run, whether or not they do.
fn meant() -> Need {
    Need::Select { resource: kinds::STATEFUL_SET.clone(), namespace: None, labels: "app=consul,component=server".to_owned() }
}

pub fn needs(known: &Facts) -> Vec<Need> {
    let proxies = proxies(known);
    let mut needs: Vec<Need> = Vec::new();
    for proxy in proxies.iter().filter(|proxy| proxy.runs()) {
        needs.extend(proxy.ports().into_iter().flat_map(|port| envoy::PATHS.map(|path| proxy.ask(port, path))));
    }
    if proxies.is_empty() {
        return needs;
    }
    needs.push(meant());
    let servers = servers(known);
    let asked = || servers.iter().filter(|server| server.runs());
    needs.extend(asked().map(|server| server.ask(server::LEADER)));
    // Any server knows all of it.
    if let Some(server) = asked().next() {
        let upstreams =
            proxies.iter().flat_map(|proxy| heard(known, proxy)).filter_map(Result::ok).flat_map(|heard| heard.services());
        needs.extend(upstreams.map(|service| server.ask(&server::health(&service))));
        needs.push(server.ask(server::NODES));
    }
    needs
}

pub fn reads(need: &Need) -> bool {
    let Need::PodGet { port, path, .. } = need else { return false };
    let of_proxy = (19000..19100).contains(port) && (envoy::PATHS.contains(&path.as_str()) || path == envoy::ALL_STATS);
    of_proxy || path.starts_with("v1/")
}

/// What each proxy of a pod says.
fn heard(facts: &Facts, proxy: &Seen) -> Vec<Result<Heard, String>> {
    let outcome = |need: Need| facts.get(&need).map(|answer| &answer.outcome);
    proxy
        .ports()
        .into_iter()
        .map(|port| {
            let [dump, stats, _] = envoy::PATHS.map(|path| outcome(proxy.ask(port, path)));
            envoy::read(dump, stats)
        })
        .collect()
}

pub fn read(facts: &Facts) -> Fleet {
    let (proxies, servers) = (proxies(facts), servers(facts));
    let mut fleet = Fleet::default();
    let catalog = servers.iter().find(|server| server.runs()).map(|server| Catalog { facts, server });
    for server in &servers {
        fleet.planes.extend(plane(facts, server));
    }
    let pods = std::cell::LazyCell::new(|| Pods::of(facts));
    let gone = gone(facts, &servers);
    fleet.planes.extend(gone.map(|set| Plane::missing(&set.name, &set.namespace, "the StatefulSet has no pod")));
    let mut silent = None;
    for proxy in &proxies {
        let mut told =
            Told { proxy: proxy.object.name.to_string(), namespace: proxy.object.namespace.to_string(), ..Told::default() };
        if !proxy.runs() {
            told.silent = Some(format!("its pod is {}: nothing can be asked", proxy.pod.status.phase));
        }
        // A pod with several services has as many leaves.
        for port in proxy.ports().into_iter().filter(|_| proxy.runs()) {
            if let Some(Outcome::Bytes(bytes)) = facts.get(&proxy.ask(port, envoy::CERTS)).map(|answer| &answer.outcome) {
                told.certificate(bytes, facts.now, LATE);
            }
        }
        for heard in heard(facts, proxy).into_iter().filter(|_| proxy.runs()) {
            match heard {
                Err(why) => told.silent = Some(why),
                Ok(heard) => {
                    told.parts.push(Part::of("XDS", connected(&heard, gone.filter(|_| !proxy.leaves()))));
                    told.parts.extend(heard.rejections());
                    let (found, unseen) = fresh::compare(&heard, catalog.as_ref(), &pods, facts);
                    told.parts.push(Part::of("EDS", found));
                    silent = silent.or(unseen);
                }
            }
        }
        fleet.told.push(told);
    }
    if let Some(catalog) = &catalog {
        fleet.elsewhere = catalog.machines(&servers);
    }
    if let Some(why) = silent {
        fleet.gaps.push(format!("the catalog of Consul, so endpoints are compared with pods only: {why}"));
    }
    fleet
}

/// A server that was asked.
fn plane(facts: &Facts, server: &Server) -> Option<Plane> {
    let failure = match (server.runs(), facts.get(&server.ask(server::LEADER)).map(|answer| &answer.outcome)) {
        (false, _) => Some(format!("its pod is {}", server.pod.status.phase)),
        (true, Some(Outcome::Bytes(_))) => None,
        (true, None | Some(Outcome::NotAsked(_))) => return None,
        (true, Some(other)) => Some(other.why().to_owned()),
    };
    Some(Plane {
        name: server.object.name.to_string(),
        namespace: server.object.namespace.to_string(),
        revision: "default".to_owned(),
        failure,
        transport: None,
        connections: 0,
    })
}

/// The servers that should run in this cluster, if none of them does.
fn gone<'f>(facts: &'f Facts, servers: &[Server]) -> Option<&'f Object> {
    #[derive(serde::Deserialize, Default)]
    #[serde(default)]
    struct Set {
        status: Status,
    }
    #[derive(serde::Deserialize, Default)]
    #[serde(default)]
    struct Status {
        replicas: u32,
    }
    let Some(Outcome::Objects(sets)) = facts.get(&meant()).map(|answer| &answer.outcome) else { return None };
    let empty = |set: &&Object| set.read::<Set>().is_ok_and(|set| set.status.replicas == 0);
    sets.iter().find(empty).filter(|_| !servers.iter().any(Server::runs))
}

/// Envoy says 1 again for as long as it tries to connect, so 1 is not believed where no server is there.
fn connected(heard: &Heard, gone: Option<&Object>) -> Vec<(Health, String)> {
    match (heard.connected, gone) {
        (_, Some(set)) => {
            vec![(
                Health::Disconnected,
                format!("no Consul server runs (StatefulSet {}/{} has no pod): {CACHED}", set.namespace, set.name),
            )]
        }
        (Some(false), _) => {
            vec![(Health::Disconnected, format!("control_plane.connected_state is 0: it reaches no Consul server; {CACHED}"))]
        }
        (Some(true), _) => Vec::new(),
        (None, _) => {
            vec![(Health::Unknown, "Envoy does not say whether it is connected (control_plane.connected_state)".to_owned())]
        }
    }
}

#[cfg(test)]
mod tests;
