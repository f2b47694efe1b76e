//! Hubble's flows as calls: the relay is asked for what its nodes still have in their rings.
//!
//! A call is a flow that was forwarded, that is certainly no reply, and whose two ends are workloads. Where an agent can't
//! tell the direction, as at the moment a packet leaves its pod, the same packet is told once more at the other end. A ring
//! holds a few thousand flows, often the last minutes only: the window is computed from what came, not from what was asked.

mod messages;
#[cfg(test)]
mod tests;

use crate::facts::{Answer, At, Facts, Grpc, Need, Outcome, RootIn, Take, grpc, kinds};
use crate::kubernetes::class::{Hint, classify};
use crate::kubernetes::observed::pod_party;
use crate::mesh::observed;
use crate::mesh::view::{Pod, nullable};
use crate::model::{Edge, Evidence, Grade, Model, NotSeen, ObservedSource, Party};
use messages::{End, Event, FORWARDED, Filter, Flow, GetFlows, L3_L4, L7, NODE_CONNECTED, REQUEST, Status};
use prost::Message;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

const NAME: &str = "Hubble flows";
/// Where the chart's relay listens.
const PORT: u16 = 4245;
/// Stands before an address that the user names, where he also gives a root.
const SECURED: &str = "tls://";
/// Of each node; its ring holds 4,095 unless somebody made it longer.
const NUMBER: u64 = 4095;
/// Of all nodes: more than this tells nothing new of who calls whom.
const MOST: u32 = 100_000;

/// The relay, or the address that the user names instead.
fn relay(facts: &Facts, named: Option<&str>) -> Option<At> {
    if let Some(address) = named {
        return Some(At::Address(address.strip_prefix(SECURED).unwrap_or(address).to_owned()));
    }
    let mut found: Vec<(bool, bool, At)> = Vec::new();
    facts.read_with::<Pod>(&kinds::POD, &["hubble-relay"], |object, pod| {
        if pod.metadata.labels.get("k8s-app").is_none_or(|app| app != "hubble-relay") || pod.status.phase != "Running" {
            return;
        }
        let port = pod.spec.containers.iter().flat_map(|one| &one.ports).find(|port| port.name == "grpc");
        let port = port.map_or(PORT, |port| port.container_port);
        found.push((
            pod.metadata.ends.is_some(),
            !pod.status.is_ready(),
            At::Pod { namespace: object.namespace.to_string(), pod: object.name.to_string(), port },
        ));
    });
    // Any replica knows all nodes; a ready one first, and one that ends last.
    found.sort();
    found.into_iter().next().map(|(.., at)| at)
}

/// What its server wants of whoever calls, by the file that the chart gives it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Door {
    Plain,
    Tls,
    /// A certificate of its clients as well.
    Mutual,
}

fn door(facts: &Facts) -> Door {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct View {
        #[serde(deserialize_with = "nullable")]
        data: BTreeMap<String, String>,
    }
    let mut door = Door::Plain;
    facts.read::<View>(&kinds::CONFIG_MAP, |object, view| {
        let says = |key: &str| view.data.values().any(|text| text.lines().any(|line| line.starts_with(key)));
        if &*object.name == "hubble-relay-config" && says("tls-relay-server-cert-file") {
            door = if says("tls-relay-client-ca-files") { Door::Mutual } else { Door::Tls };
        }
    });
    door
}

/// What the chart gives the relay's server: a certificate for any name under its own, and the root beside it.
fn root(at: &At) -> RootIn {
    let namespace = match at {
        At::Pod { namespace, .. } => namespace.clone(),
        At::Address(_) => "kube-system".to_owned(),
    };
    let server_name = "instance.hubble-relay.cilium.io".to_owned();
    RootIn { server_name, namespace, secret: "hubble-relay-server-certs".to_owned(), key: "ca.crt".to_owned() }
}

fn questions(at: &At, secured: bool) -> [Need; 2] {
    let ask = |method: &str, request: Vec<u8>, take| {
        let tls = secured.then(|| root(at));
        Need::Grpc(Box::new(Grpc { at: at.clone(), method: method.to_owned(), request, take, tls }))
    };
    let calls = Filter { verdict: vec![FORWARDED], reply: vec![false] };
    let flows = GetFlows { number: NUMBER, allow: vec![calls] };
    [ask(messages::STATUS, Vec::new(), Take::One), ask(messages::FLOWS, flows.encode_to_vec(), Take::Upto(MOST))]
}

/// Flows are looked at where metrics are.
pub fn needs(known: &Facts, named: Option<&str>) -> Vec<Need> {
    let unknown = !known.has(&Need::list(&kinds::POD)) || !known.has(&Need::list(&kinds::CONFIG_MAP));
    let door = door(known);
    if named.is_none() && (unknown || door == Door::Mutual) {
        return Vec::new();
    }
    let secured = named.map_or(door == Door::Tls, |address| address.starts_with(SECURED));
    relay(known, named).map(|at| questions(&at, secured).into()).unwrap_or_default()
}

/// The questions that were put, wherever to.
fn asked<'f>(facts: &'f Facts, method: &str) -> Option<(&'f Grpc, &'f Answer)> {
    facts.iter().find_map(|(need, answer)| match need {
        Need::Grpc(grpc) if grpc.method == method => Some((&**grpc, answer)),
        _ => None,
    })
}

pub fn observe(facts: &Facts, model: &mut Model) {
    let Some((question, answer)) = asked(facts, messages::FLOWS) else {
        // Flows are asked for where queries are.
        if facts.window().is_some() && door(facts) == Door::Mutual && relay(facts, None).is_some() {
            unseen(model, "not asked", "its relay wants a certificate of whoever calls it, and meshctl has none to show");
        }
        return;
    };
    let events: Result<Vec<Event>, _> = match &answer.outcome {
        Outcome::Bytes(bytes) => grpc::messages(bytes).into_iter().map(Event::decode).collect(),
        Outcome::NotAsked(why) if question.tls.is_some() => {
            let why = format!("{why} (over TLS: --hubble-ca-from-secret, or --hubble-ca-file FILE)");
            return unseen(model, "not asked", &why);
        }
        other => return unseen(model, other.word(), other.why()),
    };
    let Ok(events) = events else {
        return unseen(model, "failed", "what the relay answers is not what is known of Hubble");
    };
    let status = asked(facts, messages::STATUS).and_then(|(_, answer)| match &answer.outcome {
        Outcome::Bytes(bytes) => Status::decode(*grpc::messages(bytes).first()?).ok(),
        _ => None,
    });
    let seen = Seen::of(&events, answer.at.as_second());
    let (edges, unmapped) = calls(model, &seen.calls);
    for edge in edges {
        model.add_edge(edge);
    }
    model.observed.push(ObservedSource {
        name: NAME.to_owned(),
        query: format!("observer.Observer/GetFlows at {}", question.at),
        window: window(seen.span, status.as_ref()),
        series: seen.calls.len(),
        unmapped,
        sampling: 1.0,
        caveat: caveat(&seen, status.as_ref(), answer.partial.as_deref()),
    });
}

fn unseen(model: &mut Model, outcome: &str, why: &str) {
    model.add_not_seen(NotSeen {
        what: "Hubble's flows".to_owned(),
        outcome: outcome.to_owned(),
        why: why.to_owned(),
        leaves_open: "calls that no metric shows either".to_owned(),
    });
}

/// What came, before anybody knows whose pods they are.
#[derive(Default)]
struct Seen<'e> {
    calls: Vec<&'e Flow>,
    lost: u64,
    /// Nodes that gave nothing.
    silent: BTreeSet<&'e str>,
    /// Seconds since the oldest flow of the node whose ring reaches back least.
    span: Option<i64>,
}

impl<'e> Seen<'e> {
    fn of(events: &'e [Event], now: i64) -> Self {
        let mut seen = Seen::default();
        let mut oldest: BTreeMap<&str, i64> = BTreeMap::new();
        for event in events {
            seen.lost += event.lost.map_or(0, |lost| lost.number);
            if let Some(nodes) = event.nodes.as_ref().filter(|nodes| nodes.state != NODE_CONNECTED) {
                seen.silent.extend(nodes.names.iter().map(String::as_str));
            }
            let Some(flow) = &event.flow else { continue };
            if let Some(time) = flow.time {
                let first = oldest.entry(&event.node).or_insert(time.seconds);
                *first = (*first).min(time.seconds);
            }
            if is_call(flow) {
                seen.calls.push(flow);
            }
        }
        seen.span = oldest.values().max().map(|first| (now - first).max(1));
        seen
    }
}

/// Servers of old don't know the filter, so nothing rests on it.
fn is_call(flow: &Flow) -> bool {
    let forth = flow.is_reply.is_some_and(|reply| !reply.value);
    let request = match flow.kind {
        L3_L4 => true,
        L7 => flow.l7.as_ref().is_some_and(|l7| l7.kind == REQUEST),
        _ => false,
    };
    flow.verdict == FORWARDED && forth && request && port(flow).is_some()
}

fn port(flow: &Flow) -> Option<u16> {
    let l4 = flow.l4?;
    let ports = l4.tcp.or(l4.udp).or(l4.sctp)?;
    u16::try_from(ports.destination).ok().filter(|port| *port > 0)
}

fn protocol(flow: &Flow) -> Option<&'static str> {
    let l7 = flow.l7.as_ref()?;
    [("http", l7.http.is_some()), ("dns", l7.dns.is_some()), ("kafka", l7.kafka.is_some())]
        .into_iter()
        .find_map(|(name, there)| there.then_some(name))
}

/// The workload of an end: by its pod, or as Hubble calls it.
fn party(model: &Model, end: Option<&End>) -> Option<Party> {
    let end = end.filter(|end| !end.pod.is_empty() || !end.workloads.is_empty())?;
    let by_pod = pod_party(model, &end.namespace, &end.pod).filter(|_| !end.pod.is_empty());
    by_pod.or_else(|| end.workloads.iter().find_map(|one| observed::party(model, &end.namespace, &one.name, "")))
}

/// All flows of two ends and a port.
#[derive(Default)]
struct Pair {
    count: usize,
    protocol: Option<&'static str>,
}

/// One edge for each pair of ends and port, and the flows of which an end is no workload.
fn calls(model: &Model, flows: &[&Flow]) -> (Vec<Edge>, usize) {
    let mut pairs: BTreeMap<(Party, Party, Option<u16>), Pair> = BTreeMap::new();
    let mut unmapped = 0;
    for flow in flows {
        match (party(model, flow.source.as_ref()), party(model, flow.destination.as_ref())) {
            (Some(from), Some(to)) if from != to => {
                let pair = pairs.entry((from, to, port(flow))).or_default();
                pair.count += 1;
                pair.protocol = pair.protocol.or(protocol(flow));
            }
            (Some(_), Some(_)) => {}
            _ => unmapped += 1,
        }
    }
    let edges = pairs.into_iter().map(|((from, to, port), Pair { count, protocol })| {
        let class = classify(model, &from, &to, Hint { port, ..Hint::default() });
        let evidence = vec![Evidence::new(NAME, "flow", format!("{count} forwarded, none a reply"))];
        let protocol = protocol.map(str::to_owned);
        Edge { from, to, port, protocol, class, grade: Grade::Observed, rate: None, evidence }
    });
    (edges.collect(), unmapped)
}

/// While nothing was overwritten, the rings hold all since the agents started.
fn window(span: Option<i64>, status: Option<&Status>) -> String {
    let whole = status.filter(|status| status.flows < status.most && status.unavailable.is_none_or(|number| number.value == 0));
    let uptime = whole.map(|status| i64::try_from(status.uptime_ns / 1_000_000_000).unwrap_or(i64::MAX));
    match uptime.filter(|seconds| *seconds > 0).or(span) {
        Some(seconds) => format!("{seconds}s"),
        None => "unknown".to_owned(),
    }
}

fn caveat(seen: &Seen, status: Option<&Status>, partial: Option<&str>) -> String {
    let mut all = vec!["the window is what the nodes' rings still hold".to_owned()];
    if let Some(status) = status.filter(|status| status.seen > status.flows) {
        all.push(format!("{} of {} flows seen are in them", status.flows, status.seen));
    }
    if seen.lost > 0 {
        all.push(format!("{} events were lost", seen.lost));
    }
    let told = status.map(|status| status.unavailable_names.iter().map(String::as_str)).into_iter().flatten();
    let silent: BTreeSet<&str> = seen.silent.iter().copied().chain(told).collect();
    if !silent.is_empty() {
        all.push(format!("nothing came from {}", silent.into_iter().collect::<Vec<_>>().join(", ")));
    }
    all.extend(partial.map(str::to_owned));
    all.join("; ")
}
