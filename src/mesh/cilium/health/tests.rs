//! Agents' made-up words and settings; a real agent's are in the recordings.

use super::*;
use crate::mesh::scene::Scene;
use crate::mesh::testing;
use serde_json::{Value, json};
use std::sync::Arc;

fn agent_pod(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "kube-system", "labels": {"k8s-app": "cilium"}},
        "spec": {"nodeName": name, "containers": [{"name": "cilium-agent", "image": "quay.io/cilium/cilium:v1.20.2"}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}})
}

fn config(settings: Value, annotations: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cilium-config", "namespace": "kube-system", "annotations": annotations}, "data": settings})
}

fn base(settings: Value) -> Vec<Value> {
    let spec = json!({"containers": [{"name": "cilium-agent", "image": "quay.io/cilium/cilium:v1.20.2"}]});
    let set = testing::workload("DaemonSet", "cilium", "kube-system", &json!({"k8s-app": "cilium"}), spec);
    vec![set, agent_pod("n1"), agent_pod("n2"), config(settings, json!({}))]
}

fn status(more: Value) -> Outcome {
    let mut status = json!({"cilium": {"state": "Ok"}, "kubernetes": {"state": "Ok"}, "kvstore": {"state": "Disabled"}, "encryption": {"mode": "Disabled"}});
    more.as_object().expect("fields").iter().for_each(|(key, value)| status[key] = value.clone());
    Outcome::Bytes(Arc::new(status.to_string().into_bytes()))
}

/// What a check finds when every agent answers so.
fn found(code: &str, objects: &[Value], said: &Outcome) -> (Vec<String>, Vec<String>) {
    let mut facts = testing::facts(objects);
    // What runs agents is asked before they are.
    for need in needs(&facts).into_iter().filter(|need| matches!(need, Need::Select { .. })) {
        facts.answer(need, Outcome::Objects(Vec::new()));
    }
    for need in needs(&facts) {
        match &need {
            Need::Exec { command, .. } if command.iter().any(|word| word == "status") => facts.answer(need, said.clone()),
            Need::Exec { .. } => facts.answer(need, Outcome::Bytes(Arc::new(b"[]".to_vec()))),
            _ => {}
        }
    }
    judged(code, &facts)
}

fn judged(code: &str, facts: &Facts) -> (Vec<String>, Vec<String>) {
    let model = crate::mesh::model(facts);
    let scene = Scene::new(facts, &model);
    let subject = Subject { scene: &scene, state: crate::mesh::named("cilium").expect("a mesh").state(), installations: &[] };
    let mut findings = Findings::default();
    let check = CHECKS.iter().find(|check| check.code == code).expect("a check");
    (check.run)(&subject, &mut findings);
    (findings.list.iter().map(|one| format!("{:?} {}", one.severity, one.message)).collect(), findings.unknown)
}

#[test]
fn settings_that_are_not_taken_are_named() {
    let all = [config(json!({}), json!({"config.cilium.io/enable-x": "unknown option"}))];
    assert_eq!(found("CIL0004", &all, &status(json!({}))).0, ["Warning the setting enable-x is not taken: unknown option"]);
}

#[test]
fn encryption_is_what_agents_say_and_identity_alone_is_none() {
    let of = |settings: Value, mode: &str| found("CIL0005", &base(settings), &status(json!({"encryption": {"mode": mode}}))).0;
    assert_eq!(of(json!({"enable-wireguard": "true"}), "Wireguard"), Vec::<String>::new());
    assert_eq!(
        of(json!({"enable-wireguard": "true"}), "Disabled"),
        ["Error Wireguard is set, and the agent n1 says that encryption is Disabled"]
    );
    assert!(
        of(json!({"mesh-auth-mutual-enabled": "true"}), "Disabled")[0].starts_with("Warning mutual authentication shakes hands")
    );
    assert_eq!(of(json!({}), "Disabled"), Vec::<String>::new());
}

#[test]
fn hubbles_port_is_asked_for_its_certificate_where_it_has_tls() {
    let titles = |settings: Value| {
        let facts = testing::facts(&base(settings));
        ports(&facts).into_iter().map(|(title, _)| title).collect::<Vec<_>>()
    };
    let on = json!({"enable-hubble": "true", "hubble-listen-address": ":4244"});
    assert_eq!(titles(on.clone()), ["Pod kube-system/n1 port 4244", "Pod kube-system/n2 port 4244"]);
    assert!(titles(json!({"enable-hubble": "true", "hubble-listen-address": ":4244", "hubble-disable-tls": "true"})).is_empty());
    assert!(titles(json!({})).is_empty());
    let mut facts = testing::facts(&base(on));
    assert_eq!(judged("CIL0003", &facts).1.len(), 2, "nobody asked");
    for (_, need) in ports(&facts) {
        facts.answer(need, Outcome::Text("no certificate".to_owned()));
    }
    assert!(judged("CIL0003", &facts).1[0].starts_with("Pod kube-system/n1 port 4244: "));
}
