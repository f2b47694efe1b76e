//! How fresh a node is: what its agent says of its connections, its controllers and the policy of each endpoint.
//!
//! The agent stands for the pods of its node, which have no proxy of their own. Revisions count on one node only and are
//! never compared between nodes. CiliumEndpoints stay `ready` when their agent dies, so they are no evidence here.

mod agent;
mod envoy;
mod metrics;

use crate::facts::{Facts, Need, Object, Outcome, kinds};
use crate::mesh::check::counted;
use crate::mesh::sync::{Fleet, Health, Part, Told};
use crate::mesh::view::{self, Pod, image_tag};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

const CONTAINER: &str = "cilium-agent";
/// What is told of the agent itself.
pub const AGENT: &str = "AGENT";
const CACHED: &str = "the node goes on with the policies and endpoints it has, and new pods get no network";

/// The agent of a node, in a pod of its own or as a process of the node.
struct Agent {
    namespace: String,
    /// The pod, or the node.
    name: String,
    version: Option<String>,
    /// Where it shows its metrics.
    metrics: u16,
    ready: bool,
    /// Why its container doesn't run: `CrashLoopBackOff, restarted 7 times`.
    waits: Option<String>,
    /// What should run it there, and doesn't.
    missing: Option<String>,
}

impl Agent {
    fn ask(&self, words: &[&str]) -> Need {
        self.run(&[words, &["-o", "json"]].concat())
    }
    fn run(&self, words: &[&str]) -> Need {
        let command = ["cilium-dbg"].iter().chain(words).map(|word| (*word).to_owned()).collect();
        let (namespace, pod) = (self.namespace.clone(), self.name.clone());
        Need::Exec { namespace, pod, container: CONTAINER.to_owned(), command }
    }
    fn status(&self) -> Need {
        self.ask(&["status"])
    }
    fn endpoints(&self) -> Need {
        self.ask(&["endpoint", "list"])
    }
    fn metrics(&self) -> Need {
        metrics::need(&self.namespace, &self.name, self.metrics)
    }
    /// Whether we may not run anything there, which leaves its metrics.
    fn is_barred(&self, facts: &Facts) -> bool {
        matches!(facts.get(&self.status()).map(|answer| &answer.outcome), Some(Outcome::Forbidden(_)))
    }
}

fn node_of(pod: &Object) -> String {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct View {
        spec: Spec,
    }
    #[derive(Deserialize, Default)]
    #[serde(default, rename_all = "camelCase")]
    struct Spec {
        node_name: String,
    }
    pod.read::<View>().unwrap_or_default().spec.node_name
}

fn waits(pod: &Object) -> Option<String> {
    let own = view::statuses(pod).into_iter().find(|one| one.name == CONTAINER)?;
    let why = own.state.waiting.or(own.state.terminated)?.reason;
    Some(format!("{why}, restarted {}", counted(usize::try_from(own.restart_count).unwrap_or(usize::MAX), "time")))
}

/// What runs an agent on each node, unless somebody runs it otherwise.
fn daemon_set() -> Need {
    Need::Select { resource: kinds::DAEMON_SET.clone(), namespace: None, labels: "k8s-app=cilium".to_owned() }
}

fn agents(facts: &Facts) -> Vec<Agent> {
    let (mut found, mut nodes) = (Vec::new(), BTreeSet::new());
    facts.read_with::<Pod>(&kinds::POD, &["cilium"], |object, pod| {
        let own = pod.metadata.labels.get("k8s-app").is_some_and(|app| app == "cilium");
        let Some(container) = pod.container(CONTAINER).filter(|_| own) else { return };
        if matches!(pod.status.phase.as_str(), "Succeeded" | "Failed") {
            return;
        }
        nodes.insert(node_of(object));
        found.push(Agent {
            namespace: object.namespace.to_string(),
            name: object.name.to_string(),
            version: image_tag(&container.image).map(str::to_owned),
            metrics: container
                .ports
                .iter()
                .find(|port| port.name == "prometheus")
                .map_or(metrics::PORT, |port| port.container_port),
            ready: pod.status.is_ready(),
            waits: waits(object),
            missing: None,
        });
    });
    let set = match facts.get(&daemon_set()).map(|answer| &answer.outcome) {
        Some(Outcome::Objects(sets)) => sets.first().map(|set| format!("DaemonSet {}/{}", set.namespace, set.name)),
        _ => None,
    };
    // Where pods of the DaemonSet were not all seen, nobody knows on which nodes they are.
    let missing = set.filter(|_| facts.seen(&kinds::POD));
    let mut there: BTreeSet<String> = facts.objects(&kinds::CILIUM_NODE).iter().map(|node| node.name.to_string()).collect();
    if missing.is_some() && !facts.seen(&kinds::CILIUM_NODE) {
        there.extend(facts.objects(&kinds::POD).iter().map(node_of).filter(|node| !node.is_empty()));
    }
    found.extend(there.into_iter().filter(|node| !nodes.contains(node)).map(|name| Agent {
        namespace: String::new(),
        name,
        version: None,
        metrics: metrics::PORT,
        ready: true,
        waits: None,
        missing: missing.clone(),
    }));
    found
}

pub fn needs(known: &Facts) -> Vec<Need> {
    let [own, clusterwide] = envoy::lists();
    let kinds = [Need::list(&kinds::CILIUM_NODE), daemon_set(), own, clusterwide];
    // Before these are known, a node whose agent is a pod would be asked as if it were none.
    if kinds.iter().any(|need| !known.has(need)) {
        return kinds.into();
    }
    let agents = agents(known);
    let asked = || agents.iter().filter(|agent| agent.missing.is_none());
    let instead = asked().filter(|agent| agent.is_barred(known)).map(Agent::metrics);
    let dumps = asked().filter_map(|agent| envoy::needs(known, agent));
    asked().flat_map(|agent| [agent.status(), agent.endpoints()]).chain(instead).chain(dumps).chain(kinds).collect()
}

pub fn reads(need: &Need) -> bool {
    matches!(need, Need::Exec { container, .. } if container == CONTAINER)
}

pub fn read(facts: &Facts) -> Fleet {
    let agents = agents(facts);
    let pods = if agents.is_empty() { BTreeMap::new() } else { pods_by_address(facts) };
    let told = agents.iter().map(|agent| told(facts, agent, &pods)).collect();
    let barred = agents.iter().filter(|agent| agent.is_barred(facts)).count();
    let gap = format!(
        "{} by pods/exec, which is forbidden: metrics tell that something is behind, and not which endpoint or controller",
        counted(barred, "agent")
    );
    Fleet { told, gaps: (barred > 0).then_some(gap).into_iter().collect(), ..Fleet::default() }
}

fn pods_by_address(facts: &Facts) -> BTreeMap<String, String> {
    let mut pods = BTreeMap::new();
    facts.read::<Pod>(&kinds::POD, |object, pod| {
        pods.insert(pod.status.pod_ip, format!("{}.{}", object.name, object.namespace));
    });
    pods
}

fn told(facts: &Facts, agent: &Agent, pods: &BTreeMap<String, String>) -> Told {
    let mut told = Told {
        proxy: agent.name.clone(),
        namespace: agent.namespace.clone(),
        kind: Some("agent"),
        version: agent.version.clone(),
        ..Told::default()
    };
    if let Some(set) = &agent.missing {
        let why = format!("no agent runs on this node ({set} has no pod here): {CACHED}");
        told.parts.push(Part::of(AGENT, vec![(Health::Disconnected, why)]));
        return told;
    }
    let outcome = |need: &Need| facts.get(need).map(|answer| &answer.outcome);
    let bytes = match outcome(&agent.status()) {
        Some(Outcome::Bytes(bytes)) => bytes,
        Some(Outcome::Failed(why)) if is_down(why) || !agent.ready => {
            let why = match &agent.waits {
                Some(waits) => format!("the agent does not run ({waits}): {CACHED}"),
                None => format!("the agent does not answer ({why}): {CACHED}"),
            };
            told.parts.push(Part::of(AGENT, vec![(Health::Disconnected, why)]));
            return told;
        }
        other => {
            let why = other.map_or("nobody asked", Outcome::why);
            match outcome(&agent.metrics()) {
                Some(Outcome::Text(text)) => told.parts.extend(metrics::parts(text)),
                Some(instead) => {
                    told.silent = Some(format!("its agent's status did not come: {why}; nor metrics: {}", instead.why()))
                }
                None => told.silent = Some(format!("its agent's status did not come: {why}")),
            }
            return told;
        }
    };
    match agent::Status::read(bytes) {
        Ok(status) => {
            told.version = told.version.or(status.version());
            told.said = status.said();
            told.parts.extend(status.parts());
        }
        Err(error) => {
            told.silent = Some(format!("its status is not what is known of it: {error}"));
            return told;
        }
    }
    told.parts.push(match outcome(&agent.endpoints()) {
        Some(Outcome::Bytes(bytes)) => agent::policy(bytes, pods),
        other => {
            let why = other.map_or("nobody asked", Outcome::why);
            Part::of("POLICY", vec![(Health::Unknown, format!("the list of its endpoints did not come: {why}"))])
        }
    });
    told.parts.extend(envoy::part(facts, agent));
    told
}

/// The program ran, and found nobody to talk to.
fn is_down(why: &str) -> bool {
    why.contains("cilium.sock") || why.contains("agent running")
}

#[cfg(test)]
mod tests;
