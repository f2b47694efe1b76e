use super::*;
use crate::facts::{Object, SourceKind};
use crate::source::redact::intake;
use jiff::Timestamp;
use serde_json::{Value, json};

fn facts(services: Vec<Value>, pods: Vec<Value>) -> Facts {
    let mut facts = Facts::new("test", SourceKind::Live, Timestamp::UNIX_EPOCH);
    let objects = |all: Vec<Value>| -> Vec<Object> { all.into_iter().filter_map(|v| intake(v, None)).collect() };
    facts.answer(Need::list(&kinds::SERVICE), Outcome::Objects(objects(services)));
    facts.answer(Need::list(&kinds::POD), Outcome::Objects(objects(pods)));
    facts
}

fn service(namespace: &str, name: &str, app: &str, ports: Value) -> Value {
    json!({"metadata": {"name": name, "namespace": namespace, "labels": {"app": app}},
        "spec": {"selector": {"app": app}, "ports": ports}})
}

fn pod(namespace: &str, name: &str, app: &str, ready: &str, args: &[&str]) -> Value {
    json!({"metadata": {"name": name, "namespace": namespace, "labels": {"app": app}},
        "spec": {"containers": [{"args": args, "ports": [{"name": "web", "containerPort": 9091}]}]},
        "status": {"conditions": [{"type": "Ready", "status": ready}]}})
}

#[test]
fn a_ready_pod_behind_the_service_by_its_target_port() {
    let facts = facts(
        vec![
            service("mon", "prometheus-alertmanager", "alertmanager", json!([{"name": "web", "port": 9093}])),
            service("mon", "prometheus-operated", "prom", json!([{"name": "web", "port": 9090, "targetPort": "web"}])),
            service("mon", "prometheus-k8s", "prom", json!([{"port": 9090, "targetPort": 9091}, {"port": 8080}])),
        ],
        vec![
            pod("mon", "prom-0", "prom", "False", &[]),
            pod("mon", "prom-1", "prom", "True", &["--web.external-url=https://x.example/prom/"]),
            pod("mon", "prom-2", "prom", "True", &[]),
            pod("other", "prom-3", "prom", "True", &[]),
        ],
    );
    let site = Site { namespace: "mon".into(), pod: "prom-1".into(), port: 9091, prefix: "/prom".into() };
    assert_eq!(sites(&facts).unwrap(), [site], "two services, two replicas, one server");
}

#[test]
fn what_federates_first_and_a_mesh_own_server_too() {
    let ports = || json!([{"port": 9090}]);
    let facts = facts(
        vec![
            service("linkerd-viz", "prometheus", "prometheus", ports()),
            service(
                "zz",
                "thanos-query",
                "thanos-query",
                json!([{"name": "grpc", "port": 10901}, {"name": "http", "port": 10902}]),
            ),
        ],
        vec![
            pod("linkerd-viz", "p", "prometheus", "True", &[]),
            pod("zz", "t", "thanos-query", "True", &["--web.route-prefix=/"]),
        ],
    );
    let found: Vec<_> = sites(&facts).unwrap().into_iter().map(|s| (s.pod, s.port, s.prefix)).collect();
    assert_eq!(found, [("t".into(), 10902, String::new()), ("p".into(), 9090, String::new())]);
}

#[test]
fn a_pod_without_a_service() {
    let facts = facts(vec![], vec![pod("mon", "p", "prometheus", "True", &[]), pod("mon", "n", "node-exporter", "True", &[])]);
    assert_eq!(sites(&facts).unwrap()[0].port, 9091);
}

#[test]
fn none_is_said_only_after_looking() {
    let mut facts = facts(vec![service("a", "shop", "shop", json!([{"port": 80}]))], vec![]);
    assert_eq!(sites(&facts).unwrap_err(), Outcome::Absent("no Prometheus found in the cluster".to_owned()));
    facts.namespace = Some("a".to_owned());
    assert_eq!(sites(&facts).unwrap_err(), Outcome::Absent("no Prometheus found in namespace a".to_owned()));
    facts.answer(Need::list(&kinds::POD), Outcome::Forbidden("no".to_owned()));
    assert!(matches!(sites(&facts).unwrap_err(), Outcome::Forbidden(_)));
}
