//! The live source against a scripted API server; the client stack is the real one, over a loopback socket.

mod ahead;
mod fleet;
mod grpc;
mod linkerd;
mod list;
mod pods;
mod probe;
mod prometheus;
mod real;
mod said;
pub mod server;
mod tls;
mod waiting;

use meshctl::facts::{Answer, Facts, Need, Outcome, Resource};
use meshctl::source::live::Cluster;
use serde_json::{Value, json};

/// Asks and returns the facts.
async fn ask(cluster: &Cluster, needs: Vec<Need>) -> Facts {
    let mut facts = cluster.facts(jiff::Timestamp::UNIX_EPOCH);
    cluster.answer(needs, &mut facts).await;
    facts
}

fn answer<'a>(facts: &'a Facts, resource: &Resource) -> &'a Answer {
    facts.get(&Need::list(resource)).unwrap()
}

/// `namespace/name` of what came.
fn names(answer: &Answer) -> Vec<String> {
    match &answer.outcome {
        Outcome::Objects(objects) => objects.iter().map(|o| format!("{}/{}", o.namespace, o.name)).collect(),
        other => panic!("no list: {other:?}"),
    }
}

/// A page of pods.
fn page(names: &[&str], next: &str) -> Value {
    let items: Vec<Value> = names.iter().map(|name| json!({"metadata": {"name": name, "namespace": "shop"}})).collect();
    json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"continue": next, "resourceVersion": "7"}, "items": items})
}

/// `/apis` in its plain form.
fn groups(all: &[(&str, &str)]) -> String {
    let groups: Vec<Value> = all
        .iter()
        .map(|(name, version)| {
            let version = json!({"groupVersion": format!("{name}/{version}"), "version": version});
            json!({"name": name, "versions": [version], "preferredVersion": version})
        })
        .collect();
    json!({"kind": "APIGroupList", "groups": groups}).to_string()
}
