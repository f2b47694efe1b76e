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

/// The agent of a node, in a pod of its own or as a process of the node.
struct Agent {
    namespace: String,
    /// The pod, or the node.
    name: String,
    version: Option<String>,
    ready: bool,
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
        });
    });
    let registered = facts.objects(&kinds::CILIUM_NODE).iter().filter(|node| !nodes.contains(&*node.name));
    found.extend(registered.map(|node| Agent {
        namespace: String::new(),
        name: node.name.to_string(),
        version: None,
        ready: true,
    }));
    found
}

pub fn needs(known: &Facts) -> Vec<Need> {
    let agents = agents(known);
    let questions = agents.iter().flat_map(|agent| [agent.status(), agent.endpoints()]);
    questions.chain([Need::list(&kinds::CILIUM_NODE)]).collect()
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
    let outcome = |need: &Need| facts.get(need).map(|answer| &answer.outcome);
    let bytes = match outcome(&agent.status()) {
        Some(Outcome::Bytes(bytes)) => bytes,
        Some(Outcome::Failed(why)) if is_down(why) || !agent.ready => {
            let why = format!(
                "the agent does not answer ({why}): its node goes on with the policies and endpoints it has, and new pods get no network"
            );
            told.parts.push(Part::of("AGENT", vec![(Health::Disconnected, why)]));
            return told;
        }
        other => {
            let why = other.map_or("nobody asked", |outcome| outcome.reason().unwrap_or_else(|| outcome.word()));
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
            let why = other.map_or("nobody asked", |outcome| outcome.reason().unwrap_or_else(|| outcome.word()));
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
