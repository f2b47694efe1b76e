//! Checks of what no recording has: two meshes in one place, the agent's balancing, ambient, a webhook's port.

use super::*;
use crate::mesh;
use crate::mesh::testing::{app, facts, workload};
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[test]
fn no_code_is_used_twice() {
    let codes = super::codes();
    let form =
        |code: &str| code.len() == 7 && code[..3].bytes().all(|b| b.is_ascii_uppercase()) && code[3..].parse::<u16>().is_ok();
    assert!(codes.iter().all(|code| form(code)), "{codes:?}");
    assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), codes.len(), "{codes:?}");
}

/// What one check finds, as text, and whether it could see all it needs.
fn found(objects: &[Value], code: &str) -> (String, Vec<String>) {
    let facts = facts(objects);
    let health = take(&facts, &mesh::model(&facts), &[]);
    let checks = health.checks.iter().filter(|check| check.code == code);
    let (mut text, mut unknown) = (Vec::new(), Vec::new());
    for check in checks {
        text.extend(check.findings.iter().map(|f| format!("{:?}: {}", f.severity, f.message)));
        unknown.extend(check.unknown.clone());
    }
    (text.join("; "), unknown)
}

fn namespace(labels: Value, annotations: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": labels, "annotations": annotations}})
}

fn istiod() -> Value {
    let spec = json!({"containers": [{"name": "discovery", "image": "istio/pilot:1.29.0"}]});
    workload("Deployment", "istiod", "istio-system", &json!({"app": "istiod", "istio.io/rev": "default"}), spec)
}

fn pod(name: &str, more: Value) -> Value {
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop"},
        "spec": {"nodeName": "n1", "containers": [{"name": "app", "image": "acme/web:1"}]}, "status": {"phase": "Running"}});
    merge(&mut pod, &more);
    pod
}

fn merge(into: &mut Value, more: &Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            more.iter().for_each(|(key, value)| merge(into.entry(key.clone()).or_insert(Value::Null), value));
        }
        (into, more) => *into = more.clone(),
    }
}

#[test]
fn a_namespace_or_a_pod_in_two_meshes() {
    let both = namespace(json!({"istio-injection": "enabled"}), json!({"linkerd.io/inject": "enabled"}));
    let (text, _) = found(&[istiod(), both], "MSH2001");
    assert!(text.starts_with("Error: namespace shop is meant for Istio and for Linkerd"), "{text}");
    let one = namespace(json!({"istio-injection": "enabled"}), json!({"linkerd.io/inject": "disabled"}));
    assert_eq!(found(&[istiod(), one], "MSH2001"), (String::new(), Vec::new()));
    let two = |second: &str| {
        let containers = json!([{"name": "istio-proxy", "image": "istio/proxyv2:1.29.0"}, {"name": second, "image": "x/y:1"}]);
        found(&[istiod(), pod("web", json!({"spec": {"containers": containers}}))], "MSH2001").0
    };
    assert!(two("linkerd-proxy").starts_with("Error: Pod shop/web carries a proxy of Istio and one of Linkerd"));
    assert_eq!(two("app"), "");
}

fn agent(settings: Value) -> [Value; 2] {
    let spec = json!({"containers": [{"name": "cilium-agent", "image": "quay.io/cilium/cilium:v1.20.2"}]});
    let config = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cilium-config", "namespace": "kube-system"},
        "data": settings});
    [workload("DaemonSet", "cilium", "kube-system", &json!({"k8s-app": "cilium"}), spec), config]
}

#[test]
fn balancing_at_the_socket_hides_services_from_sidecars() {
    let of = |settings: Value, more: &[Value]| {
        let all: Vec<Value> = agent(settings).into_iter().chain(more.iter().cloned()).collect();
        found(&all, "CIL0001").0
    };
    let sidecars = [istiod()];
    for key in ["bpf-lb-sock", "kube-proxy-replacement"] {
        let text = of(json!({key: "true"}), &sidecars);
        assert!(text.starts_with("Error: the agent balances at the socket") && text.contains("Istio"), "{key}: {text}");
    }
    assert_eq!(of(json!({"kube-proxy-replacement": "true", "bpf-lb-sock-hostns-only": "true"}), &sidecars), "");
    assert_eq!(of(json!({"kube-proxy-replacement": "false"}), &sidecars), "");
    assert_eq!(of(json!({"kube-proxy-replacement": "true"}), &[]), "", "nobody is there to be hidden from");
    let [bare, _] = agent(json!({}));
    let (text, unknown) = found(&[bare, istiod()], "CIL0001");
    assert!(text.is_empty() && unknown == ["ConfigMap kube-system/cilium-config"], "{text} {unknown:?}");
}

#[test]
fn a_node_without_an_agent_is_named() {
    let node = |name: &str, os: &str| json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"kubernetes.io/os": os}}});
    let own = json!({"metadata": {"labels": {"k8s-app": "cilium"}}});
    let mut all: Vec<Value> = agent(json!({"enable-envoy-config": "true"})).into();
    all.extend([node("n1", "linux"), node("w1", "windows"), pod("cilium-a", own)]);
    assert_eq!(found(&all, "CIL0002"), (String::new(), Vec::new()));
    all.push(node("n2", "linux"));
    assert!(found(&all, "CIL0002").0.starts_with("Error: no agent runs on n2:"));
}

#[test]
fn ambient_pods_are_redirected_or_told_why_not() {
    let labelled = namespace(json!({"istio.io/dataplane-mode": "ambient"}), json!({}));
    let ztunnel = workload(
        "DaemonSet",
        "ztunnel",
        "istio-system",
        &json!({"app": "ztunnel"}),
        json!({"containers": [{"name": "istio-proxy", "image": "istio/ztunnel:1.29.0"}]}),
    );
    let of = |more: Value, ztunnel: Option<&Value>| {
        let all: Vec<Value> = [istiod(), labelled.clone(), pod("web", more)].into_iter().chain(ztunnel.cloned()).collect();
        found(&all, "MSH1005").0
    };
    let redirected = json!({"metadata": {"annotations": {"ambient.istio.io/redirection": "enabled"}}});
    assert_eq!(of(redirected, Some(&ztunnel)), "");
    let text = of(json!({}), Some(&ztunnel));
    assert!(text.starts_with("Warning: shop/web should be in the mesh and is not") && text.contains("CNI agent"), "{text}");
    assert!(of(json!({}), None).contains("no ztunnel runs"));
    assert_eq!(of(json!({"metadata": {"labels": {"istio.io/dataplane-mode": "none"}}}), Some(&ztunnel)), "");
    assert_eq!(of(json!({"spec": {"hostNetwork": true}}), Some(&ztunnel)), "");
}

#[test]
fn a_webhook_that_asks_a_port_which_is_not_there() {
    let webhook = |port: Value| {
        let service = json!({"namespace": "istio-system", "name": "istiod", "port": port});
        let one = json!({"name": "namespace.sidecar-injector.istio.io", "clientConfig": {"service": service},
            "rules": [{"operations": ["CREATE"], "resources": ["pods"]}]});
        json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": "istio-sidecar-injector"}, "webhooks": [one]})
    };
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "istiod", "namespace": "istio-system"},
        "spec": {"selector": {"app": "istiod"}, "ports": [{"port": 443}]}});
    let slice = json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": "istiod-1", "namespace": "istio-system", "labels": {"kubernetes.io/service-name": "istiod"}},
        "endpoints": [{"addresses": ["10.0.0.1"]}]});
    let of = |port: Value| found(&[istiod(), service.clone(), slice.clone(), webhook(port)], "MSH1002").0;
    assert_eq!(of(Value::Null), "", "443 is the default");
    assert!(of(json!(15099)).contains("it has no port 15099, which they ask: pods that it would inject are refused"));
}

#[test]
fn a_service_half_in_the_mesh() {
    let owned = |name: &str, more: Value| {
        let owner = json!([{"kind": "ReplicaSet", "name": "web-5d8f7", "controller": true}]);
        let mut all =
            pod(name, json!({"metadata": {"labels": {"app": "web", "pod-template-hash": "5d8f7"}, "ownerReferences": owner}}));
        merge(&mut all, &more);
        all
    };
    let sidecar = json!({"spec": {"containers": [{"name": "istio-proxy", "image": "istio/proxyv2:1.29.0"}]}});
    let [deployment, service] = app("web");
    let of = |second: Value| {
        let pods = [owned("web-5d8f7-a", sidecar.clone()), owned("web-5d8f7-b", second)];
        let base = [istiod(), namespace(json!({}), json!({})), deployment.clone(), service.clone()];
        found(&base.into_iter().chain(pods).collect::<Vec<_>>(), "MSH1009").0
    };
    assert_eq!(of(sidecar.clone()), "");
    let text = of(json!({}));
    assert!(text.starts_with("Warning: 1 of 2 pods of Service shop/web are not in the mesh"), "{text}");
}

/// A controller that does not know the CRDs leaves its class as it is, and a mesh may need newer ones.
#[test]
fn controllers_and_the_release_of_the_gateway_api() {
    let crd = |version: &str| {
        json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "gateways.gateway.networking.k8s.io",
            "annotations": {"gateway.networking.k8s.io/bundle-version": version, "gateway.networking.k8s.io/channel": "standard"}}})
    };
    let class = |status: &str| {
        json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": "istio"},
            "spec": {"controllerName": "istio.io/gateway-controller"},
            "status": {"conditions": [{"type": "Accepted", "status": status, "message": "Waiting for controller"}]}})
    };
    assert_eq!(found(&[istiod(), crd("v1.4.0"), class("True")], "MSH2003").0, "");
    let (text, _) = found(&[istiod(), crd("v1.4.0"), class("Unknown")], "MSH2003");
    assert_eq!(text, "Warning: GatewayClass istio is not accepted by Istio: Waiting for controller");
}
