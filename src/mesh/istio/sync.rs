//! What each istiod says of its proxies: `/debug/syncz` at its monitoring port, or the same over xDS.
//!
//! A port-forward comes from the pod's own loopback, which istiod asks for no token; xDS takes one, and TLS.

use super::{csds, deep, follow, identity, syncz};
use crate::facts::{Account, Ads, At, Channel, Facts, Need, Object, Outcome, Tls, Transport, kinds};
use crate::mesh::sync::{Connection, Fleet, Intended, Key, Plane};
use crate::mesh::view::{PodStatus, nullable};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

pub const PORT: u16 = 15014;
const PATH: &str = "debug/syncz";
const DUMP: &str = "debug/config_dump?proxyID=";
const XDS: u16 = 15012;
const PLAIN_XDS: u16 = 15010;
/// The revision of what names none.
const DEFAULT: &str = "default";
/// What it means that one whose probes are well gives no answer: asked over xDS for all its proxies, it used to lock one of
/// them twice and hung for good.
const HANGS: &str = "its pod is Ready, so it is busy, which a longer --request-timeout shows, or it hangs as before Istio's \
    pull request 61660, which a restart ends";

/// Wherever it runs: a namespace that the user looks at is not where control planes are.
pub fn replicas() -> Need {
    Need::Select { resource: kinds::POD.clone(), namespace: None, labels: "app=istiod".to_owned() }
}

fn question(pod: &Object) -> Need {
    Need::PodGet { namespace: pod.namespace.to_string(), pod: pod.name.to_string(), port: PORT, path: PATH.to_owned() }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Pod {
    metadata: Metadata,
    status: PodStatus,
}
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Metadata {
    #[serde(deserialize_with = "nullable")]
    labels: BTreeMap<String, String>,
    deletion_timestamp: Option<String>,
}
/// Why it can't be asked.
fn unfit(pod: &Pod) -> Option<String> {
    match pod.status.phase.as_str() {
        "" | "Running" => None,
        phase => Some(format!("its pod is {phase}")),
    }
}

/// Replicas that can be asked.
pub fn running(known: &Facts) -> impl Iterator<Item = &Object> {
    let pods = match known.get(&replicas()).map(|answer| &answer.outcome) {
        Some(Outcome::Objects(pods)) => pods.as_slice(),
        _ => &[],
    };
    pods.iter().filter(|pod| pod.read::<Pod>().is_ok_and(|view| unfit(&view).is_none()))
}

pub fn needs(known: &Facts, channel: &Channel) -> Vec<Need> {
    if let Some(address) = &channel.address {
        let host = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host);
        return vec![over_xds(At::Address(address.clone()), "istio-system", host.trim_matches(['[', ']']), channel)];
    }
    let Some(answer) = known.get(&replicas()) else { return vec![replicas()] };
    let Outcome::Objects(pods) = &answer.outcome else { return vec![replicas()] };
    let mut needs = vec![replicas()];
    for pod in pods {
        let Ok(view) = pod.read::<Pod>() else { continue };
        if unfit(&view).is_some() {
            continue;
        }
        if channel.transport != Transport::Grpc {
            needs.push(question(pod));
        }
        let grpc = match channel.transport {
            Transport::Grpc => true,
            Transport::Http => false,
            // Switched off, or nobody listens. Who does not answer in time won't do so over gRPC, and who may not
            // open a port-forward can't either.
            Transport::Auto => {
                known.get(&question(pod)).is_some_and(|answer| matches!(answer.outcome, Outcome::Absent(_) | Outcome::Failed(_)))
            }
        };
        if grpc {
            let server = match revision(&view) {
                DEFAULT => format!("istiod.{}.svc", pod.namespace),
                revision => format!("istiod-{revision}.{}.svc", pod.namespace),
            };
            let port = if channel.plaintext { PLAIN_XDS } else { XDS };
            let at = At::Pod { namespace: pod.namespace.to_string(), pod: pod.name.to_string(), port };
            needs.push(over_xds(at, &pod.namespace, &server, channel));
        }
    }
    if channel.objects {
        needs.extend(follow::needs(known));
    }
    if !channel.dump_of.is_empty() {
        let fleet = read(known);
        for (key, (plane, need)) in dumps(&fleet, &channel.dump_of) {
            needs.push(need);
            needs.extend(identity::needs(&key, plane));
        }
    }
    if channel.dump_of_all {
        let fleet = read(known);
        let pods: BTreeSet<(&str, &str)> = known.objects(&kinds::POD).iter().map(|pod| (&*pod.namespace, &*pod.name)).collect();
        let here = fleet.newest().into_keys().filter(|key| pods.contains(key));
        let here: Vec<Key> = here.map(|(namespace, name)| (namespace.to_owned(), name.to_owned())).collect();
        needs.extend(dumps(&fleet, &here).into_values().map(|(_, need)| need));
    }
    needs
}

/// Whether it is what would be sent to a proxy.
pub fn is_dump(need: &Need) -> bool {
    matches!(need, Need::PodGet { port: PORT, path, .. } if path.starts_with(DUMP))
}

/// For each of these pods its replica, which alone knows its configuration, and what is asked of that.
fn dumps<'f>(fleet: &'f Fleet, pods: &[Key]) -> BTreeMap<Key, (&'f Plane, Need)> {
    let newest = fleet.newest();
    let of = |key: &Key| {
        let (namespace, pod) = key;
        let plane = fleet.planes.get(newest.get(&(namespace.as_str(), pod.as_str()))?.plane)?;
        let path = format!("{DUMP}{pod}.{namespace}&include_eds=true");
        let need = Need::PodGet { namespace: plane.namespace.clone(), pod: plane.name.clone(), port: PORT, path };
        Some((key.clone(), (plane, need)))
    };
    pods.iter().filter_map(of).collect()
}

pub fn intended(facts: &Facts, pods: &[Key]) -> BTreeMap<Key, Intended> {
    if pods.is_empty() {
        return BTreeMap::new();
    }
    let of = |(key, (plane, need)): (Key, (&Plane, Need))| {
        let dump = match facts.get(&need).map(|answer| &answer.outcome) {
            Some(Outcome::Bytes(bytes)) => Ok(bytes.clone()),
            Some(other) => Err(other.why().to_owned()),
            None => Err("it was not asked".to_owned()),
        };
        let identity = identity::of(facts, &key, plane);
        (key, Intended { plane: plane.name.clone(), dump, identity })
    };
    dumps(&read(facts), pods).into_iter().map(of).collect()
}

fn over_xds(at: At, namespace: &str, server: &str, channel: &Channel) -> Need {
    let tls = Tls {
        server_name: channel.authority.clone().unwrap_or_else(|| server.to_owned()),
        namespace: namespace.to_owned(),
        config_map: "istio-ca-root-cert".to_owned(),
        key: "root-cert.pem".to_owned(),
    };
    // Any account of istiod's own namespace may ask; this one is in every namespace.
    let account = Account { namespace: namespace.to_owned(), name: "default".to_owned(), audience: "istio-ca".to_owned() };
    Need::Ads(Box::new(Ads {
        at,
        tls: (!channel.plaintext).then_some(tls),
        account: (!channel.plaintext).then_some(account),
        node: format!("sidecar~127.0.0.1~meshctl.{namespace}~{namespace}.svc.cluster.local"),
        type_url: csds::TYPE.to_owned(),
    }))
}

fn revision(pod: &Pod) -> &str {
    pod.metadata.labels.get("istio.io/rev").map_or(DEFAULT, String::as_str)
}

pub fn read(facts: &Facts) -> Fleet {
    let mut fleet = Fleet { told: deep::read(facts), ..Fleet::default() };
    let mut elsewhere =
        facts.iter().filter(|(need, _)| matches!(need, Need::Ads(ads) if matches!(ads.at, At::Address(_)))).peekable();
    if elsewhere.peek().is_some() {
        for (need, answer) in elsewhere {
            let Need::Ads(ads) = need else { continue };
            let (connections, failure) = over_grpc(&answer.outcome, 0);
            fleet.add(Plane { name: ads.at.to_string(), failure, ..Plane::default() }, "grpc", connections);
        }
        return fleet;
    }
    let pods = match facts.get(&replicas()).map(|answer| &answer.outcome) {
        Some(Outcome::Objects(pods)) => pods.as_slice(),
        Some(other) => {
            fleet.unseen = Some(other.why().to_owned());
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
        let place = fleet.planes.len();
        let asked = facts.get(&question(pod)).map(|answer| &answer.outcome);
        let http = asked.map(|outcome| over_http(outcome, place));
        let of_pod = |need: &&Need| matches!(need, Need::Ads(ads) if matches!(&ads.at, At::Pod { namespace, pod: name, .. } if *namespace == *pod.namespace && *name == *pod.name));
        let grpc = facts.iter().find(|(need, _)| of_pod(need)).map(|(_, answer)| over_grpc(&answer.outcome, place));
        let (connections, failure, transport) = match (unfit(&view), http, grpc) {
            (Some(why), ..) => (Vec::new(), Some(why), "http"),
            (None, Some((connections, None)), _) => (connections, None, "http"),
            (None, Some((_, Some(first))), Some((connections, failure))) => {
                (connections, failure.map(|second| format!("{first}; {second}")), "grpc")
            }
            (None, None, Some((connections, failure))) => (connections, failure, "grpc"),
            (None, Some((_, failure)), None) => (Vec::new(), failure, "http"),
            (None, None, None) => (Vec::new(), Some("not asked".to_owned()), "http"),
        };
        let hangs = view.status.is_ready() && matches!(asked, Some(Outcome::TimedOut(_)));
        let failure = failure.map(|why| if hangs { format!("{why}; {HANGS}") } else { why });
        // A replica that is on its way out and doesn't answer hides nobody: its proxies go elsewhere.
        if view.metadata.deletion_timestamp.is_some() && failure.is_some() {
            continue;
        }
        let plane = Plane {
            name: pod.name.to_string(),
            namespace: pod.namespace.to_string(),
            revision: revision(&view).to_owned(),
            failure,
            ..Plane::default()
        };
        fleet.add(plane, transport, connections);
    }
    fleet
}

/// What came, or why nothing did.
type Said = (Vec<Connection>, Option<String>);

fn over_http(outcome: &Outcome, plane: usize) -> Said {
    match outcome {
        Outcome::Bytes(bytes) => match syncz::connections(bytes, plane) {
            Ok(connections) => (connections, None),
            Err(why) => (Vec::new(), Some(format!("{PATH} is not what is known of it: {why}"))),
        },
        other => (Vec::new(), Some(other.why().to_owned())),
    }
}

fn over_grpc(outcome: &Outcome, plane: usize) -> Said {
    match outcome {
        Outcome::Bytes(bytes) => match csds::connections(bytes, plane) {
            Ok(connections) => (connections, None),
            Err(why) => (Vec::new(), Some(format!("{}: {why}", csds::TYPE))),
        },
        other => (Vec::new(), Some(other.why().to_owned())),
    }
}
