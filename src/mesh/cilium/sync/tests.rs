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
    let remote = json!({"clusters": [{"name": "west", "connected": true, "ready": true, "config": {"required": true, "retrieved": true}, "synced": {"nodes": true, "services": false}}]});
    assert_eq!(bad(&of(json!({"cluster-mesh": remote}))), [("CLUSTERS", "NOT SENT", "of cluster west it has not got: services")]);
    let cut = json!({"clusters": [{"name": "west", "connected": false, "status": "etcd: timeout"}]});
    let why = "it has no connection to cluster west: etcd: timeout";
    assert_eq!(bad(&of(json!({"cluster-mesh": cut}))), [("CLUSTERS", "DISCONNECTED", why)]);
    let hubble = json!({"state": "Warning", "msg": "Server not initialized"});
    assert_eq!(bad(&of(json!({"hubble": hubble}))), [("HUBBLE", "STALE", "Hubble: Warning: Server not initialized")]);
    let down = agent(Outcome::Failed("cilium-dbg in container cilium-agent: Is the agent running?".to_owned()), json!([]));
    assert_eq!(bad(&down)[0].1, "DISCONNECTED");
    let forbidden = agent(Outcome::Forbidden("needs pods/exec".to_owned()), json!([]));
    assert!(forbidden.parts.is_empty() && forbidden.silent.is_some_and(|why| why.contains("pods/exec")));
}

/// Where nothing may be run, metrics say that something is behind.
#[test]
fn without_exec_metrics_are_asked() {
    let pod = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "cilium-x", "namespace": "kube-system", "labels": {"k8s-app": "cilium"}},
        "spec": {"nodeName": "n1", "containers": [{"name": "cilium-agent", "image": "c:1", "ports": [{"name": "prometheus", "containerPort": 9999}]}]},
        "status": {"phase": "Running"}});
    let mut facts = testing::facts(&[pod]);
    facts.answer(daemon_set(), Outcome::Objects(Vec::new()));
    let metrics = |facts: &Facts| needs(facts).into_iter().find(|need| matches!(need, Need::PodMetrics { .. }));
    assert_eq!(metrics(&facts), None);
    facts.answer(agents(&facts)[0].status(), Outcome::Forbidden("needs pods/exec".to_owned()));
    let need = metrics(&facts).expect("metrics");
    assert!(need.title().contains("cilium-x:9999/metrics"), "{}", need.title());
    facts.answer(
        need,
        Outcome::Text("cilium_endpoint_state{endpoint_state=\"regenerating\"} 2\ncilium_controllers_failing 0\n".to_owned()),
    );
    let fleet = read(&facts);
    assert_eq!(bad(&fleet.told[0]), [("POLICY", "STALE", "policy: of its endpoints are 2 regenerating (cilium_endpoint_state)")]);
    assert!(fleet.gaps[0].contains("1 agent by pods/exec"), "{:?}", fleet.gaps);
}

#[test]
fn an_agent_that_is_started_again_and_again_says_why() {
    let state = json!({"name": "cilium-agent", "restartCount": 7, "state": {"waiting": {"reason": "CrashLoopBackOff"}}});
    let pod = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "cilium-x", "namespace": "kube-system", "labels": {"k8s-app": "cilium"}},
        "spec": {"nodeName": "n1", "containers": [{"name": "cilium-agent", "image": "c:1"}]},
        "status": {"phase": "Running", "containerStatuses": [state]}});
    let mut facts = testing::facts(&[pod]);
    facts.answer(daemon_set(), Outcome::Objects(Vec::new()));
    facts.answer(agents(&facts)[0].status(), Outcome::Failed("container not found (\"cilium-agent\")".to_owned()));
    let told = read(&facts).told.remove(0);
    let part = &told.parts[0];
    assert_eq!((part.kind, part.health), ("AGENT", Health::Disconnected));
    assert!(part.why[0].starts_with("the agent does not run (CrashLoopBackOff, restarted 7 times)"), "{:?}", part.why);
}

/// Made after the documented forms: no Envoy of Cilium's can be run here.
#[test]
fn envoy_configs_are_looked_for_in_envoys_dump() {
    let pod = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "cilium-x", "namespace": "kube-system", "labels": {"k8s-app": "cilium"}},
        "spec": {"nodeName": "n1", "containers": [{"name": "cilium-agent", "image": "c:1"}]}, "status": {"phase": "Running"}});
    let config = json!({"apiVersion": "cilium.io/v2", "kind": "CiliumEnvoyConfig", "metadata": {"name": "gw", "namespace": "shop"},
        "spec": {"resources": [{"@type": "type.googleapis.com/envoy.config.listener.v3.Listener", "name": "listener"},
            {"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": "c"}]}});
    let mut facts = testing::facts(&[pod, config]);
    facts.answer(daemon_set(), Outcome::Objects(Vec::new()));
    let agent = agents(&facts).remove(0);
    let need = needs(&facts).into_iter().find(|need| need.title().contains("envoy admin config all")).expect("the dump");
    let health = |facts: &Facts| envoy::part(facts, &agent).map(|part| (part.health, part.why.join("; ")));
    assert_eq!(health(&facts).map(|one| one.0), Some(Health::Unknown));
    let dump = |listeners: Value| {
        bytes(
            &json!({"configs": [{"@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump", "dynamic_listeners": listeners}]}),
        )
    };
    let state = json!({"listener": {"name": "shop/gw/listener"}});
    facts.answer(need.clone(), dump(json!([{"name": "shop/gw/listener", "active_state": state}])));
    assert_eq!(health(&facts), Some((Health::Synced, String::new())));
    facts.answer(need.clone(), dump(json!([])));
    assert_eq!(
        health(&facts),
        Some((Health::Stale, "CiliumEnvoyConfig shop/gw: Envoy has no listener shop/gw/listener".to_owned()))
    );
    facts.answer(
        need,
        dump(json!([{"name": "shop/gw/listener", "active_state": state, "error_state": {"details": "no such filter"}}])),
    );
    let (health, why) = health(&facts).expect("a part");
    assert!(health == Health::Rejected && why.ends_with("was refused: no such filter"), "{why}");
}

proptest! {
    #[test]
    fn hostile_answers(text in "[\\[{\"a-z:,0-9}\\]-]{0,80}") {
        let told = agent(Outcome::Bytes(Arc::new(text.into_bytes())), json!([]));
        prop_assert!(told.silent.is_some() || told.parts.iter().any(|part| part.health != Health::Synced));
    }
}
