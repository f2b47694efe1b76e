//! A server's made-up words, each with one thing wrong; a real one's are in the recordings.

use super::*;
use crate::facts::{Answer, Outcome};
use crate::mesh::scene::Scene;
use crate::mesh::testing;
use serde_json::{Value, json};
use std::sync::Arc;

fn server(ports: &[u16]) -> Value {
    let ports: Vec<Value> = ports.iter().map(|port| json!({"containerPort": port})).collect();
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "lab-server-0", "namespace": "consul", "labels": {"app": "consul", "component": "server"}},
        "spec": {"containers": [{"name": "consul", "image": "hashicorp/consul:1.22.0", "ports": ports}]}, "status": {"phase": "Running", "podIP": "10.0.0.3"}})
}

fn told_by_pod() -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop", "uid": "u-web"},
        "spec": {"containers": [{"name": "app", "image": "a:1"}], "initContainers": [{"name": "consul-connect-inject-init", "image": "c:1",
            "env": [{"name": "CONSUL_CACERT_PEM", "value": "PEM"}]}]},
        "status": {"phase": "Running", "podIP": "10.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]}})
}

/// What a check finds with these answers, and what it could not see.
fn found(code: &str, more: &[Value], answers: &[(&str, Outcome, Option<&str>)]) -> (Vec<String>, Vec<String>, String) {
    let mut all = vec![server(&[8500, 8501]), told_by_pod()];
    all.extend_from_slice(more);
    let mut facts = testing::facts(&all);
    let needs: Vec<Need> = answers.iter().map(|(path, ..)| servers(&facts)[0].ask(path)).collect();
    for (need, (_, outcome, partial)) in needs.into_iter().zip(answers) {
        let at = facts.now;
        facts.insert(need, Answer { outcome: outcome.clone(), at, partial: partial.map(str::to_owned) });
    }
    let model = crate::mesh::model(&facts);
    let scene = Scene::new(&facts, &model);
    let subject = Subject { scene: &scene, state: crate::mesh::named("consul").expect("a mesh").state(), installations: &[] };
    let mut findings = Findings::default();
    let check = CHECKS.iter().find(|check| check.code == code).expect("a check");
    (check.run)(&subject, &mut findings);
    let list = findings.list.iter().map(|one| format!("{:?} {}", one.severity, one.message)).collect();
    (list, findings.unknown, findings.detail)
}

fn bytes(value: Value) -> Outcome {
    Outcome::Bytes(Arc::new(value.to_string().into_bytes()))
}

#[test]
fn the_port_with_tls_is_asked_where_the_other_is_closed() {
    let at = |pod: Value| {
        let facts = testing::facts(&[pod, told_by_pod()]);
        match servers(&facts)[0].ask(server::LEADER) {
            Need::Http(http) => (http.at.to_string(), http.tls.map(|trust| trust.roots), http.token.map(|token| token.secret)),
            other => panic!("{other:?}"),
        }
    };
    let secret = Some("lab-bootstrap-acl-token".to_owned());
    assert_eq!(at(server(&[8500, 8501])), ("lab-server-0.consul (port 8500)".to_owned(), None, secret.clone()));
    assert_eq!(at(server(&[8501, 8502])), ("lab-server-0.consul (port 8501)".to_owned(), Some("PEM".to_owned()), secret.clone()));
    assert_eq!(at(server(&[])).0, "lab-server-0.consul (port 8500)");
}

#[test]
fn servers_that_are_not_well_and_a_leader_that_is_missing() {
    let of = |value: Value| found("CSL0003", &[], &[(server::AUTOPILOT, bytes(value), None)]);
    let one = |name: &str, well: bool, leader: bool| json!({"Name": name, "SerfStatus": if well { "alive" } else { "failed" }, "Version": "1.22.0", "Leader": leader, "Healthy": well, "Voter": true});
    let (list, unknown, detail) = of(
        json!({"Healthy": true, "FailureTolerance": 1, "Servers": [one("a", true, true), one("b", true, false), one("c", true, false)]}),
    );
    assert_eq!((list.len(), unknown.len(), detail.as_str()), (0, 0, "3 servers, 1 may be lost"));
    let (list, ..) = of(json!({"Healthy": false, "Servers": [one("a", true, true), one("b", false, false)]}));
    assert_eq!(list, ["Error of 2 servers, 1 not well: b (failed)"]);
    assert!(of(json!({"Healthy": true, "Servers": [one("a", true, false)]})).0[0].contains("no server is the leader"));
    let (list, ..) =
        of(json!({"Healthy": true, "FailureTolerance": 0, "Servers": [one("a", true, true), one("b", true, false)]}));
    assert_eq!(list, ["Warning of 2 servers that vote none may be lost"]);
    let refused = Outcome::Forbidden("403; it was asked without a token".to_owned());
    let (list, unknown, _) = found("CSL0003", &[], &[(server::AUTOPILOT, refused, None)]);
    assert!(list.is_empty() && unknown[0].contains("without a token"), "{unknown:?}");
}

#[test]
fn roots_end() {
    let of = |end: &str| {
        found(
            "CSL0004",
            &[],
            &[(server::ROOTS, bytes(json!({"Roots": [{"Name": "CA", "NotAfter": end, "Active": true}]})), None)],
        )
        .0
    };
    // It is 1970 here.
    assert!(of("1980-01-01T00:00:00Z").is_empty());
    assert_eq!(of("1970-01-11T00:00:00Z"), ["Warning CA expires in 10 days"]);
    assert_eq!(of("1969-12-31T00:00:00Z"), ["Error CA has expired: no proxy trusts another"]);
}

#[test]
fn an_instance_without_its_pod_is_a_ghost_and_a_machine_is_none() {
    let entry = |pod: &str, address: &str| {
        let meta = if pod.is_empty() {
            json!({})
        } else {
            json!({"k8s-namespace": "shop", "pod-name": pod, "pod-uid": format!("u-{pod}")})
        };
        json!({"Node": {"Address": "1.2.3.4", "Datacenter": "dc1"}, "Checks": [{"Status": "passing"}], "Service": {"ID": "x", "Address": address, "Port": 20000, "Meta": meta}})
    };
    let services = || (server::SERVICES, bytes(json!({"web": [], "web-sidecar-proxy": [], "consul": []})), None);
    let path = server::health("web");
    let of = |all: Value, partial| found("CSL0005", &[], &[services(), (path.as_str(), bytes(all), partial)]);
    let (list, unknown, detail) = of(json!([entry("web", "10.0.0.1"), entry("", "9.9.9.9")]), None);
    assert_eq!((list, unknown), (Vec::<String>::new(), Vec::<String>::new()));
    assert_eq!(detail, "2 instances of 1 service, 1 outside of Kubernetes");
    let (list, ..) = of(json!([entry("gone", "10.0.0.9")]), None);
    assert_eq!(list, ["Error callers of web are sent to 10.0.0.9:20000, a ghost: there is no pod shop/gone"]);
    let (_, unknown, _) = of(json!([]), Some("the server left out what may not be seen"));
    assert_eq!(unknown, ["web: the server left out what may not be seen"]);
}

#[test]
fn intentions_that_are_synced_and_not_there() {
    let written = |status: &str| {
        let mut object = testing::object_of(
            "consul.hashicorp.com/v1alpha1",
            "ServiceIntentions",
            "to-api",
            json!({"destination": {"name": "api"}, "sources": [{"name": "web"}]}),
        );
        object["status"] = json!({"conditions": [{"type": "Synced", "status": status}]});
        object
    };
    let of = |object: Value, there: Value, partial| found("CSL0006", &[object], &[(server::INTENTIONS, bytes(there), partial)]);
    let pair = json!([{"SourceName": "web", "DestinationName": "api", "Meta": {"external-source": "kubernetes"}}]);
    assert!(of(written("True"), pair.clone(), None).0.is_empty());
    let (list, ..) = of(written("True"), json!([]), None);
    assert_eq!(list, ["Error ServiceIntentions shop/to-api is Synced, and Consul has no intention web → api"]);
    assert!(of(written("False"), json!([]), None).0.is_empty(), "another check says that");
    let (list, unknown, _) = of(written("True"), json!([]), Some("left out"));
    assert!(list.is_empty() && unknown == ["intentions: left out"]);
    let (_, _, detail) = of(written("True"), json!([{"SourceName": "web", "DestinationName": "api", "Meta": {}}]), None);
    assert_eq!(detail, "1 intention, 1 written elsewhere than in Kubernetes");
}

#[test]
fn machines_of_the_catalog_are_evidence() {
    let of = |nodes: Value| {
        let mut facts = testing::facts(&[server(&[8500])]);
        let need = nodes_need(&facts).expect("a server");
        facts.answer(need, bytes(nodes));
        crate::mesh::model(&facts).signals.into_iter().filter(|signal| signal.need == NeedKind::VirtualMachines).count()
    };
    let own = json!([{"Node": "lab-server-0", "Address": "10.0.0.3"}, {"Node": "n1-virtual", "Address": "1.2.3.4", "Meta": {"synthetic-node": "true"}}]);
    assert_eq!(of(own.clone()), 0);
    let mut with = own;
    with.as_array_mut().expect("nodes").push(json!({"Node": "vm-1", "Address": "9.9.9.9"}));
    assert_eq!(of(with), 1);
}
