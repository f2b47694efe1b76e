//! Made-up answers of a control plane, each with one thing wrong.

use super::*;
use crate::facts::{Answer, Need, Object, Outcome};
use crate::mesh;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;

const LDS: &str = "type.googleapis.com/envoy.config.listener.v3.Listener";
const CDS: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";

fn pod(namespace: &str, name: &str, labels: &Value, container: &str, image: &str) -> Object {
    let json = json!({"metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"containers": [{"name": container, "image": image}]}, "status": {"phase": "Running"}});
    Object { namespace: namespace.into(), name: name.into(), json: json.to_string().into(), place: None }
}

fn sidecar(name: &str) -> Object {
    pod("shop", name, &json!({"app": name}), "istio-proxy", "istio/proxyv2:1.29.0")
}

/// Control planes `cp-0`, `cp-1`, …, each with its answer, and the pods of the shop.
fn status(answers: Vec<Outcome>, shop: &[&str]) -> Status {
    let now: Timestamp = "2026-11-24T08:00:00Z".parse().expect("a time");
    let mut facts = Facts::new("test", SourceKind::Recording, now);
    let planes: Vec<Object> = (0..answers.len())
        .map(|i| {
            pod(
                "istio-system",
                &format!("cp-{i}"),
                &json!({"app": "istiod", "istio.io/rev": "default"}),
                "discovery",
                "istio/pilot:1.29.0",
            )
        })
        .collect();
    let mut add = |need: Need, outcome: Outcome| facts.insert(need, Answer { outcome, at: now, partial: None });
    let select = Need::Select { resource: kinds::POD.clone(), namespace: None, labels: "app=istiod".to_owned() };
    add(select, Outcome::Objects(planes.clone()));
    add(Need::list(&kinds::POD), Outcome::Objects(planes.into_iter().chain(shop.iter().map(|name| sidecar(name))).collect()));
    for (i, answer) in answers.into_iter().enumerate() {
        let (namespace, pod) = ("istio-system".to_owned(), format!("cp-{i}"));
        add(Need::PodGet { namespace, pod, port: 15014, path: "debug/syncz".to_owned() }, answer);
    }
    judge(&facts, &mesh::model(&facts))
}

fn bytes(proxies: &Value) -> Outcome {
    Outcome::Bytes(Arc::new(proxies.to_string().into_bytes()))
}

fn proxy(name: &str, resources: Value) -> Value {
    json!({"proxy": format!("{name}.shop"), "proxy_type": "sidecar", "cluster_id": "Kubernetes", "istio_version": "1.29.0", "resources": resources})
}

fn synced() -> Value {
    json!({"sent": "n1", "acked": "n1", "sentTime": "2026-11-24T07:00:00Z"})
}

fn healths(status: &Status) -> Vec<(&str, &str)> {
    status.proxies.iter().map(|proxy| (proxy.name.as_str(), proxy.health.word())).collect()
}

#[test]
fn each_state_with_its_reason_worst_first() {
    let refused = json!({"sent": "n2", "acked": "n1", "sentTime": "2026-11-24T07:55:00Z", "lastError": "no such filter\nno such filter 2\n"});
    let hangs = json!({"sent": "n2", "acked": "n1", "sentTime": "2026-11-24T07:58:00Z"});
    let young = json!({"sent": "n2", "acked": "n1", "sentTime": "2026-11-24T07:59:58Z"});
    let all = status(
        vec![bytes(&json!([
            proxy("fine", json!({CDS: synced(), LDS: synced()})),
            proxy("refuses", json!({CDS: synced(), LDS: refused})),
            proxy("hangs", json!({CDS: synced(), LDS: hangs})),
            proxy("moves", json!({LDS: young})),
            proxy("empty", json!({LDS: {}, CDS: {}})),
            proxy("partly", json!({LDS: {}, CDS: synced()})),
            {"proxy": "cli.default", "proxy_type": "sidecar", "istio_version": "65536.65536.65536"},
        ]))],
        &["fine", "refuses", "hangs", "moves", "empty", "partly", "cut-off"],
    );
    assert_eq!(
        healths(&all),
        [
            ("refuses", "REJECTED"),
            ("cut-off", "DISCONNECTED"),
            ("hangs", "STALE"),
            ("moves", "STALE"),
            ("empty", "NOT SENT"),
            ("fine", "SYNCED"),
            ("partly", "SYNCED"),
        ]
    );
    let of = |name: &str| all.proxies.iter().find(|proxy| proxy.name == name).expect("a proxy");
    assert_eq!(of("refuses").reasons, ["LDS sent 5m ago was refused: no such filter (and 1 more like it: -o json)"]);
    assert_eq!((of("hangs").age_seconds, of("hangs").severity), (Some(120), Some(Severity::Warning)));
    assert_eq!(of("moves").severity, Some(Severity::Info), "what was sent a moment ago is on its way");
    assert!(of("cut-off").reasons[0].contains("cp-0 has no connection of it"), "{:?}", of("cut-off").reasons);
    assert_eq!(all.worst(), Some(Severity::Error));
    assert_eq!(all.summary["SYNCED"], 2);
}

#[test]
fn a_replica_that_is_silent_makes_unknown_and_hides_nobody_else() {
    let silent = Outcome::TimedOut("no answer within 10 s".to_owned());
    let all = status(vec![bytes(&json!([proxy("a", json!({LDS: synced()}))])), silent], &["a", "b"]);
    assert_eq!(healths(&all), [("b", "UNKNOWN"), ("a", "SYNCED")]);
    assert!(all.proxies[0].reasons[0].contains("cp-1, which gave no answer"), "{:?}", all.proxies[0].reasons);
    assert_eq!(all.control_planes[1].failure.as_deref(), Some("no answer within 10 s"));
    assert_eq!(all.worst(), Some(Severity::Warning));
}

#[test]
fn a_replica_that_is_ready_and_silent_may_hang() {
    let late = || Outcome::TimedOut("no answer within 10s".to_owned());
    let why = |status: &str, outcome: Outcome| {
        let mut pod = pod("istio-system", "cp-0", &json!({"app": "istiod"}), "discovery", "istio/pilot:1.29.0");
        let conditions = format!(r#""phase":"Running","conditions":[{{"type":"Ready","status":"{status}"}}]"#);
        pod.json = pod.json.replace(r#""phase":"Running""#, &conditions).into();
        let mut facts = Facts::new("x", SourceKind::Live, "2026-11-24T08:00:00Z".parse().expect("a time"));
        let select = Need::Select { resource: kinds::POD.clone(), namespace: None, labels: "app=istiod".to_owned() };
        facts.answer(select, Outcome::Objects(vec![pod.clone()]));
        let (namespace, name) = (pod.namespace.to_string(), pod.name.to_string());
        facts.answer(Need::PodGet { namespace, pod: name, port: 15014, path: "debug/syncz".to_owned() }, outcome);
        judge(&facts, &mesh::model(&facts)).control_planes[0].failure.clone().expect("a reason")
    };
    assert_eq!(why("False", late()), "no answer within 10s");
    assert!(why("True", late()).ends_with("which a restart ends"));
    assert_eq!(why("True", Outcome::Failed("refused".to_owned())), "refused");
}

#[test]
fn a_proxy_that_moved_is_one_row_of_the_replica_that_sent_last() {
    let at = |time: &str| bytes(&json!([proxy("a", json!({LDS: {"sent": "n", "acked": "n", "sentTime": time}}))]));
    let all = status(vec![at("2026-11-24T07:59:00Z"), at("2026-11-24T07:00:00Z")], &["a"]);
    assert_eq!(all.proxies.iter().map(|p| p.control_plane.as_deref()).collect::<Vec<_>>(), [Some("cp-0")]);
}

#[test]
fn an_answer_of_another_form_is_a_failure_with_its_place() {
    let all = status(vec![Outcome::Bytes(Arc::new(b"<html>".to_vec()))], &["a"]);
    assert_eq!(healths(&all), [("a", "UNKNOWN")]);
    assert!(all.control_planes[0].failure.as_deref().is_some_and(|why| why.contains("debug/syncz")), "{:?}", all.control_planes);
}

proptest! {
    /// Whatever comes instead of an answer, the pods are still shown.
    #[test]
    fn hostile_answers(answer in prop::collection::vec(any::<u8>(), 0..200), text in "[\\[{\"a-z:,}\\]]{0,80}") {
        for bytes in [answer, text.into_bytes()] {
            let all = status(vec![Outcome::Bytes(Arc::new(bytes))], &["a"]);
            prop_assert_eq!(all.proxies.len(), 1);
        }
    }
}
