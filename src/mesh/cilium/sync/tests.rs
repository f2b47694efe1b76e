//! Words of made-up agents, each with one thing wrong; real ones are in the recordings.

use super::*;
use crate::mesh::testing;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;

fn agent(status: Outcome, endpoints: Value) -> Told {
    let pod = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "cilium-x", "namespace": "kube-system", "labels": {"k8s-app": "cilium"}},
        "spec": {"nodeName": "n1", "containers": [{"name": "cilium-agent", "image": "quay.io/cilium/cilium:v1.20.2"}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}});
    let app = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "cart", "namespace": "shop"},
        "status": {"phase": "Running", "podIP": "10.0.0.7"}});
    let mut facts = testing::facts(&[pod, app]);
    let one = agents(&facts).remove(0);
    facts.answer(one.status(), status);
    facts.answer(one.endpoints(), bytes(&endpoints));
    read(&facts).told.remove(0)
}

fn bytes(value: &Value) -> Outcome {
    Outcome::Bytes(Arc::new(value.to_string().into_bytes()))
}

fn status(more: Value) -> Outcome {
    let mut status = json!({"cilium": {"state": "Ok", "msg": "1.20.2 (v1.20.2-x)"}, "kubernetes": {"state": "Ok"}, "kvstore": {"state": "Disabled"}});
    more.as_object().expect("fields").iter().for_each(|(key, value)| status[key] = value.clone());
    bytes(&status)
}

fn endpoint(wanted: i64, realized: Value) -> Value {
    json!({"id": 7, "status": {"state": "regenerating", "networking": {"addressing": [{"ipv4": "10.0.0.7"}]},
        "policy": {"spec": {"policy-revision": wanted}, "realized": realized}}})
}

fn bad(told: &Told) -> Vec<(&str, &str, &str)> {
    let all = told.parts.iter().flat_map(|part| part.why.iter().map(move |why| (part.kind, part.health.word(), why.as_str())));
    all.collect()
}

#[test]
fn revisions_are_realized_when_they_are_no_smaller() {
    let of = |wanted, realized| agent(status(json!({})), json!([endpoint(wanted, realized)]));
    assert_eq!(bad(&of(2, json!({"policy-revision": 2}))), []);
    // The node's own endpoint is ahead of what is written for it.
    assert_eq!(bad(&of(1, json!({"policy-revision": 2}))), []);
    let behind = of(3, json!({"policy-revision": 2}));
    let why = "policy: cart.shop (endpoint 7) has realized revision 2 of 3 (state regenerating)";
    assert_eq!(bad(&behind), [("POLICY", "STALE", why)]);
    assert!(bad(&of(3, Value::Null))[0].2.contains("has realized no policy"));
}

#[test]
fn connections_controllers_and_silence() {
    let of = |more| agent(status(more), json!([]));
    assert_eq!(of(json!({})).version.as_deref(), Some("v1.20.2"));
    let cut = of(json!({"kubernetes": {"state": "Failure", "msg": "dial tcp: refused"}}));
    assert_eq!(bad(&cut), [("KUBERNETES", "DISCONNECTED", "its connection to the API server: Failure: dial tcp: refused")]);
    let failing = json!({"controllers": [{"name": "sync-policymap-7", "status": {"consecutive-failure-count": 4, "last-failure-msg": "map is full"}},
        {"name": "fine", "status": {"success-count": 1}}]});
    assert_eq!(bad(&of(failing)), [("CONTROLLERS", "STALE", "controller sync-policymap-7 failed 4 times in a row: map is full")]);
    let down = agent(Outcome::Failed("cilium-dbg in container cilium-agent: Is the agent running?".to_owned()), json!([]));
    assert_eq!(bad(&down)[0].1, "DISCONNECTED");
    let forbidden = agent(Outcome::Forbidden("needs pods/exec".to_owned()), json!([]));
    assert!(forbidden.parts.is_empty() && forbidden.silent.is_some_and(|why| why.contains("pods/exec")));
}

proptest! {
    #[test]
    fn hostile_answers(text in "[\\[{\"a-z:,0-9}\\]-]{0,80}") {
        let told = agent(Outcome::Bytes(Arc::new(text.into_bytes())), json!([]));
        prop_assert!(told.silent.is_some() || told.parts.iter().any(|part| part.health != Health::Synced));
    }
}
