//! One caller of `api`, with made-up words of its Envoy, the catalog and the pods.

use super::*;
use crate::mesh::testing;
use serde_json::{Value, json};
use std::sync::Arc;

const HERE: &str = "10.0.0.2:20000";

fn pod(name: &str, labels: &Value, ip: &str, ready: bool) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop", "uid": format!("u-{name}"), "labels": labels},
        "spec": {"containers": [{"name": if name == "web" { "consul-dataplane" } else { "app" }, "image": "x:1"}]},
        "status": {"phase": "Running", "podIP": ip, "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}]}})
}

fn instance(pod: &str, uid: &str, address: &str, status: &str) -> Value {
    let meta = if pod.is_empty() { json!({}) } else { json!({"k8s-namespace": "shop", "pod-name": pod, "pod-uid": uid}) };
    json!({"Node": {"Address": "1.2.3.4", "Datacenter": "dc1"}, "Checks": [{"Status": status}],
        "Service": {"ID": "api-1", "Address": address, "Port": 20000, "Meta": meta}})
}

/// What is said of web's endpoints (unhealthy with a `-`), with `api` at 10.0.0.2.
fn said(ready: bool, cluster: &str, endpoints: &[&str], catalog: Option<Value>) -> Vec<(Health, String)> {
    let mut facts = testing::facts(&[
        pod("web", &json!({}), "10.0.0.1", true),
        pod("api", &json!({}), "10.0.0.2", ready),
        pod("server", &json!({"app": "consul", "component": "server"}), "10.0.0.3", true),
    ]);
    let ask = |pod: &str, port, path: &str| Need::PodGet { namespace: "shop".into(), pod: pod.into(), port, path: path.into() };
    let bytes = |text: String| Outcome::Bytes(Arc::new(text.into_bytes()));
    let socket = |address: &&str| {
        let health = if address.starts_with('-') { "UNHEALTHY" } else { "HEALTHY" };
        let (host, port) = address.trim_start_matches('-').split_once(':').expect("an address");
        json!({"health_status": health, "endpoint": {"address": {"socket_address": {"address": host, "port_value": port.parse::<u16>().expect("a port")}}}})
    };
    let all: Vec<Value> = endpoints.iter().map(socket).collect();
    let dump = json!({"configs": [{"@type": "type.googleapis.com/envoy.admin.v3.EndpointsConfigDump",
        "dynamic_endpoint_configs": [{"endpoint_config": {"cluster_name": cluster, "endpoints": [{"lb_endpoints": all}]}}]}]});
    facts.answer(ask("web", 19000, envoy::PATHS[0]), bytes(dump.to_string()));
    facts.answer(ask("web", 19000, envoy::PATHS[1]), bytes("control_plane.connected_state: 1\n".to_owned()));
    if let Some(catalog) = catalog {
        let need = server::servers(&facts)[0].ask(&server::health("api"));
        facts.answer(need, bytes(catalog.to_string()));
    }
    let told = read(&facts).told.remove(0);
    assert_eq!(told.silent, None);
    let bad = told.parts.iter().filter(|part| part.health != Health::Synced);
    bad.flat_map(|part| part.why.iter().map(|why| (part.health, why.clone()))).collect()
}

#[test]
fn the_catalog_and_the_pods_are_both_compared() {
    const API: &str = "api.default.dc1.internal.x.consul";
    let good = || instance("api", "u-api", "10.0.0.2", "passing");
    let of = |ready, endpoints: &[&str], all: Vec<Value>| {
        let said = said(ready, API, endpoints, Some(Value::Array(all)));
        said.into_iter().map(|(health, why)| format!("{} {why}", health.word())).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(of(true, &[HERE], vec![good()]), "");
    // Consul sends what is critical as well, and says so.
    assert_eq!(of(true, &["-10.0.0.2:20000"], vec![instance("gone", "u", "10.0.0.2", "critical")]), "");
    // A machine outside of Kubernetes.
    assert_eq!(of(true, &["9.9.9.9:20000"], vec![instance("", "", "9.9.9.9", "passing")]), "");
    for (ready, endpoints, all, wanted) in [
        (false, &[HERE][..], vec![good()], "of pod shop/api, which is not ready"),
        (true, &[HERE], vec![instance("api", "u-old", "10.0.0.2", "passing")], "today's has another uid"),
        (true, &[HERE], vec![instance("gone", "u-gone", "10.0.0.2", "passing")], "a ghost: there is no pod shop/gone"),
        (
            true,
            &[HERE],
            vec![instance("api", "u-api", "10.0.0.2", "critical")],
            "is critical in Consul, and the proxy has it as healthy",
        ),
        (true, &["-10.0.0.2:20000"], vec![good()], "passes in Consul, and the proxy has it as unhealthy"),
        (true, &[], vec![good()], "passes in Consul, and the proxy does not have it"),
        (true, &[HERE, "10.0.0.9:20000"], vec![good()], "10.0.0.9:20000 of api is neither in Consul's catalog nor a pod's"),
    ] {
        let said = of(ready, endpoints, all);
        assert!(said.starts_with("STALE") && said.contains(wanted), "{wanted}: {said}");
    }
    // A part of the instances is not all of them, and gateways of another datacenter are no pods.
    assert_eq!(said(true, &format!("v1.{API}"), &[], Some(json!([good()]))), []);
    assert_eq!(said(true, "api.default.dc2.internal.x.consul", &["8.8.8.8:443"], Some(json!([good()]))), []);
    // Without the catalog a pod is still a pod, and what is none stays open.
    assert_eq!(said(true, API, &[HERE], None), []);
    assert_eq!(said(false, API, &[HERE], None)[0].0, Health::Stale);
    assert_eq!(said(true, API, &["10.0.0.9:20000"], None)[0].0, Health::Unknown);
}

#[test]
fn a_catalog_that_is_not_there_is_said() {
    let mut facts = testing::facts(&[pod("web", &json!({}), "10.0.0.1", true)]);
    let ask = |path: &str| Need::PodGet { namespace: "shop".into(), pod: "web".into(), port: 19000, path: path.into() };
    let dump = json!({"configs": [{"@type": "type.googleapis.com/envoy.admin.v3.EndpointsConfigDump", "dynamic_endpoint_configs":
        [{"endpoint_config": {"cluster_name": "api.default.dc1.internal.x.consul", "endpoints": []}}]}]});
    facts.answer(ask(envoy::PATHS[0]), Outcome::Bytes(Arc::new(dump.to_string().into_bytes())));
    let fleet = read(&facts);
    assert!(fleet.gaps[0].contains("the catalog of Consul") && fleet.gaps[0].contains("no server"), "{:?}", fleet.gaps);
    assert!(fleet.told[0].parts.iter().any(|part| part.health == Health::Unknown), "nobody said whether it is connected");
}
