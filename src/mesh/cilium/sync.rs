//! How fresh a node is: what its agent says of its connections, its controllers and the policy of each endpoint.
//!
//! The agent stands for the pods of its node, which have no proxy of their own. Revisions count on one node only and are
//! never compared between nodes. CiliumEndpoints stay `ready` when their agent dies, so they are no evidence here.

mod agent;

use crate::facts::{Facts, Need, Object, Outcome, kinds};
use crate::mesh::sync::{Fleet, Health, Part, Told};
use crate::mesh::view::{Pod, image_tag};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

const CONTAINER: &str = "cilium-agent";
const CACHED: &str = "the node goes on with the policies and endpoints it has, and new pods get no network";

/// The agent of a node, in a pod of its own or as a process of the node.
struct Agent {
    namespace: String,
    /// The pod, or the node.
    name: String,
    version: Option<String>,
    ready: bool,
    /// What should run it there, and doesn't.
    missing: Option<String>,
}

impl Agent {
    fn ask(&self, words: &[&str]) -> Need {
        let command = ["cilium-dbg"].iter().chain(words).chain(&["-o", "json"]).map(|word| (*word).to_owned()).collect();
        let (namespace, pod) = (self.namespace.clone(), self.name.clone());
        Need::Exec { namespace, pod, container: CONTAINER.to_owned(), command }
    }
    fn status(&self) -> Need {
        self.ask(&["status"])
    }
    fn endpoints(&self) -> Need {
        self.ask(&["endpoint", "list"])
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

/// What runs an agent on each node, unless somebody runs it otherwise.
fn daemon_set() -> Need {
    Need::Select { resource: kinds::DAEMON_SET.clone(), namespace: None, labels: "k8s-app=cilium".to_owned() }
}

fn agents(facts: &Facts) -> Vec<Agent> {
    let (mut found, mut nodes) = (Vec::new(), BTreeSet::new());
    facts.read::<Pod>(&kinds::POD, |object, pod| {
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
            ready: pod.status.is_ready(),
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
        ready: true,
        missing: missing.clone(),
    }));
    found
}

pub fn needs(known: &Facts) -> Vec<Need> {
    let kinds = [Need::list(&kinds::CILIUM_NODE), daemon_set()];
    // Before these are known, a node whose agent is a pod would be asked as if it were none.
    if kinds.iter().any(|need| !known.has(need)) {
        return kinds.into();
    }
    let agents = agents(known);
    let asked = agents.iter().filter(|agent| agent.missing.is_none());
    asked.flat_map(|agent| [agent.status(), agent.endpoints()]).chain(kinds).collect()
}

pub fn reads(need: &Need) -> bool {
    matches!(need, Need::Exec { container, .. } if container == CONTAINER)
}

pub fn read(facts: &Facts) -> Fleet {
    let pods = pods_by_address(facts);
    let told = agents(facts).iter().map(|agent| told(facts, agent, &pods)).collect();
    Fleet { told, ..Fleet::default() }
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
        told.parts.push(Part::of("AGENT", vec![(Health::Disconnected, why)]));
        return told;
    }
    let outcome = |need: &Need| facts.get(need).map(|answer| &answer.outcome);
    let bytes = match outcome(&agent.status()) {
        Some(Outcome::Bytes(bytes)) => bytes,
        Some(Outcome::Failed(why)) if is_down(why) || !agent.ready => {
            let why = format!("the agent does not answer ({why}): {CACHED}");
            told.parts.push(Part::of("AGENT", vec![(Health::Disconnected, why)]));
            return told;
        }
        other => {
            let why = other.map_or("nobody asked", Outcome::why);
            told.silent = Some(format!("its agent's status did not come: {why}"));
            return told;
        }
    };
    match agent::Status::read(bytes) {
        Ok(status) => {
            told.version = told.version.or(status.version());
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
    told
}

/// The program ran, and found nobody to talk to.
fn is_down(why: &str) -> bool {
    why.contains("cilium.sock") || why.contains("agent running")
}

#[cfg(test)]
mod tests;
