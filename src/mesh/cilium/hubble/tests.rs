//! Flows of made-up pods, as a relay would tell them; real ones are in the recordings.

use super::messages::{Layer4, Layer7, Lost, Nodes, Nothing, Number, Ports, Time, Truth, Workload};
use super::*;
use crate::facts::SourceKind;
use crate::mesh::testing::{self, edges};
use serde_json::{Value, json};
use std::sync::Arc;

const NOW: i64 = 1_000_000;

fn end(pod: &str) -> Option<End> {
    (!pod.is_empty()).then(|| End { namespace: "shop".into(), pod: format!("{pod}-5d8f7-x2x4z"), workloads: Vec::new() })
}

/// Forwarded, seen where the packet came in.
fn flow(from: &str, to: &str, port: u32) -> Flow {
    Flow {
        time: Some(Time { seconds: NOW - 120 }),
        verdict: FORWARDED,
        l4: Some(Layer4 { tcp: Some(Ports { destination: port }), udp: None, sctp: None }),
        source: end(from),
        destination: end(to),
        kind: L3_L4,
        l7: None,
        is_reply: Some(Truth { value: false }),
    }
}

fn event(flow: Flow) -> Event {
    Event { flow: Some(flow), nodes: None, lost: None, node: "n1".into() }
}

fn relay_pod(port: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "hubble-relay-1", "namespace": "kube-system", "labels": {"k8s-app": "hubble-relay"}},
        "spec": {"containers": [{"name": "hubble-relay", "image": "quay.io/cilium/hubble-relay:v1.20.2", "ports": port}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}})
}

fn shop() -> Facts {
    let pods = ["web", "cart", "pay"].map(|name| testing::pod(name, json!({}), json!({}), json!({"name": "x", "image": "x"})));
    let mut all = vec![relay_pod(json!([{"name": "grpc", "containerPort": 4245}]))];
    all.extend(pods);
    let mut facts = testing::shop(&all);
    facts.now = jiff::Timestamp::from_second(NOW).expect("a time");
    facts
}

/// The shop with these answers.
fn seen(outcome: Outcome, status: Option<Status>) -> Model {
    let mut facts = shop();
    let [of_status, of_flows] = questions(&relay(&facts, None).expect("the relay"), false);
    if let Some(status) = status {
        facts.answer(of_status, bytes([status.encode_to_vec()]));
    }
    facts.answer(of_flows, outcome);
    crate::mesh::model(&facts)
}

fn bytes(messages: impl IntoIterator<Item = Vec<u8>>) -> Outcome {
    let messages: Vec<Vec<u8>> = messages.into_iter().collect();
    Outcome::Bytes(Arc::new(grpc::join(messages.iter().map(Vec::as_slice))))
}

fn of(events: Vec<Event>) -> Model {
    seen(bytes(events.iter().map(Event::encode_to_vec)), None)
}

#[test]
fn a_call_is_forwarded_between_workloads_and_no_reply() {
    assert_eq!(edges(&of(vec![event(flow("web", "cart", 8080))])), ["web>cart:8080 Rpc Observed"]);
    let changed = |change: fn(&mut Flow)| {
        let mut one = flow("web", "cart", 8080);
        change(&mut one);
        let model = of(vec![event(one)]);
        (edges(&model), model.observed[0].series, model.observed[0].unmapped)
    };
    let none = |series, unmapped| (Vec::<String>::new(), series, unmapped);
    assert_eq!(changed(|f| f.is_reply = Some(Truth { value: true })), none(0, 0));
    assert_eq!(changed(|f| f.is_reply = None), none(0, 0), "the direction is unknown");
    assert_eq!(changed(|f| f.verdict = 2), none(0, 0), "what was dropped was no call");
    assert_eq!(changed(|f| f.l4 = None), none(0, 0), "ICMP is no call");
    assert_eq!(changed(|f| f.kind = 3), none(0, 0));
    assert_eq!(changed(|f| f.destination = None), none(1, 1), "the world is no workload");
    assert_eq!(changed(|f| f.destination = f.source.clone()), none(1, 0), "a workload among itself");
    // A pod that is gone, of a workload that is not.
    let (found, ..) = changed(|f| {
        f.destination =
            Some(End { namespace: "shop".into(), pod: "x".into(), workloads: vec![Workload { name: "cart".into() }] });
    });
    assert_eq!(found, ["web>cart:8080 Rpc Observed"]);
}

#[test]
fn layer_seven_tells_the_protocol_and_answers_are_no_calls() {
    let request = |kind| {
        let l7 = Layer7 { kind, dns: None, http: Some(Nothing {}), kafka: None };
        let mut one = flow("web", "cart", 8080);
        (one.kind, one.l7) = (L7, Some(l7));
        event(one)
    };
    let found = of(vec![request(REQUEST), event(flow("web", "cart", 8080))]);
    assert_eq!((found.edges.len(), found.edges[0].protocol.as_deref()), (1, Some("http")));
    assert!(found.edges[0].evidence[0].text.contains("2 forwarded"));
    assert!(edges(&of(vec![request(2)])).is_empty());
}

#[test]
fn the_window_is_what_the_rings_hold_and_losses_are_said() {
    let full = Status { flows: 4095, most: 4095, seen: 9000, uptime_ns: 7_200_000_000_000, ..Status::default() };
    let older = Flow { time: Some(Time { seconds: NOW - 900 }), ..flow("web", "cart", 8080) };
    let all = [
        event(flow("web", "cart", 8080)),
        Event { node: "n2".into(), ..event(older) },
        Event { lost: Some(Lost { number: 12 }), ..Event::default() },
        Event { nodes: Some(Nodes { state: 2, names: vec!["n3".into()], message: String::new() }), ..Event::default() },
    ];
    let answer = || bytes(all.iter().map(Event::encode_to_vec));
    let of = |status| seen(answer(), status).observed[0].clone();
    let source = of(Some(full.clone()));
    assert_eq!((source.window.as_str(), source.series), ("120s", 2), "the node that looks back least decides");
    for said in ["4095 of 9000 flows", "12 events were lost", "nothing came from n3"] {
        assert!(source.caveat.contains(said), "{}", source.caveat);
    }
    // Nothing was overwritten: all since the start is there.
    let young = Status { flows: 100, most: 4095, seen: 100, uptime_ns: 7_200_000_000_000, ..full };
    assert_eq!(of(Some(young.clone())).window, "7200s");
    assert_eq!(of(Some(Status { unavailable: Some(Number { value: 1 }), ..young })).window, "120s");
    assert_eq!(of(None).window, "120s");
}

#[test]
fn a_relay_that_says_nothing_is_named() {
    let why = |outcome| seen(outcome, None).not_seen.into_iter().find(|one| one.what == "Hubble's flows").map(|one| one.outcome);
    assert_eq!(why(Outcome::Forbidden("needs pods/portforward".into())).as_deref(), Some("forbidden"));
    assert_eq!(why(Outcome::Failed("NOT_SERVING".into())).as_deref(), Some("failed"));
    assert_eq!(why(bytes([vec![0xff; 4]])).as_deref(), Some("failed"));
    assert_eq!(why(bytes([])), None, "no flow is an answer too");
}

#[test]
fn it_is_asked_where_it_is() {
    let facts = shop();
    let at = |facts: &Facts, named| needs(facts, named).first().map(Need::title);
    assert_eq!(at(&facts, None).as_deref(), Some("hubble-relay-1.kube-system (port 4245) Observer/ServerStatus"));
    assert_eq!(at(&facts, Some("localhost:4245")).as_deref(), Some("localhost:4245 Observer/ServerStatus"));
    assert_eq!(at(&testing::shop(&[]), None), None);
    // One that is replaced is ready until it is gone.
    let mut replaced = relay_pod(json!([]));
    replaced["metadata"]["name"] = "hubble-relay-0".into();
    replaced["metadata"]["deletionTimestamp"] = "2026-11-28T23:55:00Z".into();
    let both = testing::shop(&[replaced, relay_pod(json!([]))]);
    assert_eq!(at(&both, None).as_deref(), Some("hubble-relay-1.kube-system (port 4245) Observer/ServerStatus"));
    assert_eq!(at(&Facts::new("x", SourceKind::Live, jiff::Timestamp::UNIX_EPOCH), None), None, "pods come first");
}

#[test]
fn over_tls_it_has_to_show_a_name_that_a_root_stands_for() {
    let with = |more: &str| {
        let text = format!("listen-address: :4245\ntls-relay-server-cert-file: /var/lib/hubble-relay/tls/server.crt\n{more}");
        let config = json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "hubble-relay-config", "namespace": "kube-system"}, "data": {"config.yaml": text}});
        let mut facts = testing::facts(&[relay_pod(json!([])), config]);
        testing::answer(&mut facts, crate::mesh::cilium::FLOWS.exists("7d"), &[]);
        facts
    };
    let root = |facts: &Facts, named| match needs(facts, named).first() {
        Some(Need::Grpc(call)) => call.tls.clone().map(|root| (root.server_name, root.namespace, root.secret)),
        other => panic!("{other:?}"),
    };
    let wanted = ("instance.hubble-relay.cilium.io", "kube-system", "hubble-relay-server-certs");
    let wanted = Some((wanted.0.to_owned(), wanted.1.to_owned(), wanted.2.to_owned()));
    let mut facts = with("");
    assert_eq!(root(&facts, None), wanted);
    assert_eq!(root(&facts, Some("localhost:4245")), None, "who names a place says what is spoken there");
    assert_eq!(root(&shop(), Some("tls://localhost:4245")), wanted);
    let said = |facts: &Facts| crate::mesh::model(facts).not_seen.into_iter().find(|one| one.what == "Hubble's flows");
    // Nobody gave a root.
    for need in needs(&facts, None) {
        facts.answer(need, Outcome::NotAsked("its root certificate is in Secret kube-system/x".to_owned()));
    }
    assert!(said(&facts).is_some_and(|one| one.why.contains("--hubble-ca-from-secret") && one.outcome == "not asked"));
    // It wants to know its clients as well.
    let facts = with("tls-relay-client-ca-files: /var/lib/hubble-relay/tls/hubble-server-ca.crt\n");
    assert_eq!(needs(&facts, None), []);
    assert!(said(&facts).is_some_and(|one| one.why.contains("a certificate of whoever calls")));
}
