//! What each istiod says of its proxies: `/debug/syncz` at its monitoring port.
//!
//! A port-forward comes from the pod's own loopback, which istiod asks for no token; the same data over gRPC takes one.

use crate::facts::{Facts, Need, Object, Outcome, kinds};
use crate::mesh::sync::{Connection, Fleet, Plane, Subscription, short};
use crate::mesh::view::nullable;
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;

const PORT: u16 = 15014;
const PATH: &str = "debug/syncz";

/// Wherever it runs: a namespace that the user looks at is not where control planes are.
fn replicas() -> Need {
    Need::Select { resource: kinds::POD.clone(), namespace: None, labels: "app=istiod".to_owned() }
}

fn question(pod: &Object) -> Need {
    Need::PodGet { namespace: pod.namespace.to_string(), pod: pod.name.to_string(), port: PORT, path: PATH.to_owned() }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Pod {
    metadata: Metadata,
    status: Status,
}
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Metadata {
    #[serde(deserialize_with = "nullable")]
    labels: BTreeMap<String, String>,
    deletion_timestamp: Option<String>,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    phase: String,
}

/// Why it can't be asked.
fn unfit(pod: &Pod) -> Option<String> {
    match pod.status.phase.as_str() {
        "" | "Running" => None,
        phase => Some(format!("its pod is {phase}")),
    }
}

pub fn needs(known: &Facts) -> Vec<Need> {
    let Some(answer) = known.get(&replicas()) else { return vec![replicas()] };
    let Outcome::Objects(pods) = &answer.outcome else { return vec![replicas()] };
    let fit = pods.iter().filter(|pod| pod.read::<Pod>().is_ok_and(|view| unfit(&view).is_none()));
    fit.map(question).chain([replicas()]).collect()
}

/// Fields of one proxy; those of types that have names of their own repeat what stands in `resources`.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Proxy {
    proxy: String,
    proxy_type: String,
    cluster_id: String,
    istio_version: String,
    resources: BTreeMap<String, Pushed>,
}
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Pushed {
    sent: String,
    acked: String,
    sent_time: Option<String>,
    last_error: String,
}

pub fn read(facts: &Facts) -> Fleet {
    let mut fleet = Fleet::default();
    let pods = match facts.get(&replicas()).map(|answer| &answer.outcome) {
        Some(Outcome::Objects(pods)) => pods.as_slice(),
        Some(other) => {
            fleet.unseen = Some(other.reason().unwrap_or_else(|| other.word()).to_owned());
            &[]
        }
        None => {
            fleet.unseen = Some("nobody asked for its pods".to_owned());
            &[]
        }
    };
    for pod in pods {
        let view: Pod = pod.read().unwrap_or_default();
        // What has ended is nobody's control plane any more.
        if matches!(view.status.phase.as_str(), "Succeeded" | "Failed") {
            continue;
        }
        let failure = unfit(&view);
        let leaving = view.metadata.deletion_timestamp.is_some();
        let answered = match (failure, facts.get(&question(pod)).map(|answer| &answer.outcome)) {
            (Some(why), _) => Err(why),
            (None, Some(Outcome::Bytes(bytes))) => {
                serde_json::from_slice::<Vec<Proxy>>(bytes).map_err(|e| format!("{PATH} is not what is known of it: {e}"))
            }
            (None, Some(other)) => Err(other.reason().unwrap_or_else(|| other.word()).to_owned()),
            (None, None) => Err("not asked".to_owned()),
        };
        // A replica that is on its way out and doesn't answer hides nobody: its proxies go elsewhere.
        if leaving && answered.is_err() {
            continue;
        }
        let plane = fleet.planes.len();
        let revision = view.metadata.labels.get("istio.io/rev").map_or("default", String::as_str).to_owned();
        let proxies: Vec<Connection> = match &answered {
            Ok(all) => all.iter().filter(|one| is_proxy(one)).map(|one| connection(one, plane)).collect(),
            Err(_) => Vec::new(),
        };
        fleet.planes.push(Plane {
            name: pod.name.to_string(),
            namespace: pod.namespace.to_string(),
            revision,
            failure: answered.err(),
            connections: proxies.len(),
        });
        fleet.connections.extend(proxies);
    }
    fleet
}

/// Clients that only ask for debug data, such as a CLI, stand in the list too: they are in no cluster.
fn is_proxy(one: &Proxy) -> bool {
    !one.cluster_id.is_empty() || !one.resources.is_empty()
}

fn connection(one: &Proxy, plane: usize) -> Connection {
    let (proxy, namespace) = one.proxy.rsplit_once('.').unwrap_or((&one.proxy, ""));
    let types = one.resources.iter().map(|(url, pushed)| Subscription {
        kind: short(url),
        sent: !pushed.sent.is_empty(),
        acknowledged: pushed.sent == pushed.acked,
        at: pushed.sent_time.as_deref().and_then(|at| at.parse::<Timestamp>().ok()),
        error: Some(pushed.last_error.trim().to_owned()).filter(|error| !error.is_empty()),
    });
    let mut types: Vec<Subscription> = types.collect();
    types.sort_by(|a, b| a.kind.cmp(&b.kind));
    Connection {
        proxy: proxy.to_owned(),
        namespace: namespace.to_owned(),
        cluster: one.cluster_id.clone(),
        kind: if one.proxy_type == "router" { "gateway".to_owned() } else { one.proxy_type.clone() },
        version: Some(one.istio_version.clone()).filter(|version| !version.is_empty()),
        plane,
        types,
    }
}
