//! Consul: what is found of it, and which calls its intentions and its Envoys show.

use super::*;
use crate::mesh::model;
use crate::mesh::testing::*;
use crate::model::{NeedKind, SignalKind};
use serde_json::{Value, json};

/// As the Helm chart labels it.
fn part(kind: &str, component: &str, image: &str) -> Value {
    let labels = json!({"app": "consul", "chart": "consul-helm", "release": "consul", "component": component});
    workload(kind, &format!("consul-{component}"), "consul", &labels, json!({"containers": [{"name": "main", "image": image}]}))
}

fn server() -> Value {
    part("StatefulSet", "server", "hashicorp/consul:1.22.0")
}

fn injector() -> Value {
    part("Deployment", "connect-injector", "hashicorp/consul-k8s-control-plane:1.9.1")
}

fn meshed(name: &str) -> Value {
    let proxy = json!({"name": "consul-dataplane", "image": "hashicorp/consul-dataplane:1.9.1"});
    pod(name, json!({}), json!({}), proxy)
}

#[test]
fn servers_with_an_injector_are_a_mesh_and_servers_alone_are_not() {
    let found = model(&shop(&[server(), injector(), meshed("web")]));
    assert_eq!(installed(&found, "consul"), [r#"sidecar - 1.22.0 "consul" [web]"#]);
    assert_eq!(found.installations[0].evidence[0].object, "StatefulSet consul/consul-server");
    assert_eq!(installed(&model(&shop(&[server()])), "consul"), Vec::<String>::new());
    assert_eq!(installed(&model(&shop(&[])), "consul"), Vec::<String>::new());
}

#[test]
fn servers_elsewhere_leave_the_version_unknown() {
    assert_eq!(installed(&model(&shop(&[injector()])), "consul"), [r#"sidecar - - "consul" []"#]);
    let mut facts = shop(&[meshed("web")]);
    forbid(&mut facts, &kinds::STATEFUL_SET);
    let found = model(&facts);
    assert_eq!(installed(&found, "consul"), [r#"sidecar - - "" [web]"#]);
    assert!(found.not_seen.iter().any(|n| n.what == "statefulsets.apps"));
}

fn intentions(destination: &str, sources: Value) -> Model {
    let spec = json!({"destination": {"name": destination}, "sources": sources});
    model(&shop(&[object_of("consul.hashicorp.com/v1alpha1", "ServiceIntentions", "to-cart", spec)]))
}

#[test]
fn allowed_sources_are_declared_callers() {
    for source in [
        json!({"name": "web", "action": "allow"}),
        json!({"name": "web", "permissions": [{"action": "deny"}, {"action": "allow"}]}),
    ] {
        let found = intentions("cart", json!([{"name": "pay", "action": "deny"}, source]));
        assert_eq!(edges(&found), ["web>cart Rpc Declared"]);
        let why = &evidence(&found, "web", "cart")[0];
        assert_eq!((&*why.object, &*why.field, &*why.text), ("ServiceIntentions shop/to-cart", "spec.sources[1].name", "web"));
        assert_eq!((found.signals[0].need, found.signals[0].kind), (NeedKind::Authorization, SignalKind::Evidenced));
    }
}

#[test]
fn wildcards_denials_and_strangers_declare_nothing() {
    for (to, from, action) in [
        ("*", "web", "allow"),
        ("cart", "*", "allow"),
        ("cart", "web", "deny"),
        ("cart", "cart", "allow"),
        ("cart", "vm", "allow"),
        ("", "", "allow"),
    ] {
        assert_eq!(
            edges(&intentions(to, json!([{"name": from, "action": action}]))),
            Vec::<String>::new(),
            "{from}>{to} {action}"
        );
    }
}

#[test]
fn a_name_in_two_namespaces_is_nobodys() {
    let service = |namespace: &str| {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "twice", "namespace": namespace},
        "spec": {"selector": {"app": "twice"}, "ports": [{"port": 1}]}})
    };
    let space = |name: &str| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    let spec = json!({"destination": {"name": "twice"}, "sources": [{"name": "web", "action": "allow"}]});
    let intention = object_of("consul.hashicorp.com/v1alpha1", "ServiceIntentions", "x", spec);
    let one = [service("a"), space("a"), intention];
    assert_eq!(edges(&model(&shop(&one))), ["web>svc:a/twice Rpc Declared"]);
    let two: Vec<Value> = one.into_iter().chain([service("b"), space("b")]).collect();
    assert_eq!(edges(&model(&shop(&two))), Vec::<String>::new());
}

#[test]
fn envoys_show_calls_by_consuls_names_or_by_pod() {
    let to = ("consul_destination_service", "cart");
    let series: [&[(&str, &str)]; 7] = [
        &[("namespace", "shop"), ("pod", "web-75dcc499b6-hwvh4"), ("consul_source_service", "web-v2"), to],
        &[("kubernetes_namespace", "shop"), ("consul_source_service", "pay"), to],
        &[("namespace", "shop"), ("consul_source_service", "cart"), to],
        &[("namespace", "shop"), ("consul_source_service", "mesh-gateway"), to],
        &[("namespace", "shop"), ("consul_source_service", "web"), ("consul_destination_service", "*")],
        &[to],
        &[],
    ];
    let series = series.map(|labels| (labels, 5.0));
    for metric in [&REQUESTS, &CONNECTIONS] {
        let mut facts = shop(&[]);
        answer(&mut facts, metric.exists("7d"), &series);
        answer(&mut facts, metric.rate("7d"), &series);
        let found = model(&facts);
        assert_eq!(edges(&found), ["pay>cart Rpc Observed", "web>cart Rpc Observed"]);
        assert_eq!(found.observed[0].unmapped, 4);
        assert_eq!(found.edges[0].rate, Some(5.0));
        assert!(evidence(&found, "web", "cart")[0].text.contains("web-75dcc499b6-hwvh4"));
    }
}

#[test]
fn clusters_that_were_never_called_are_left_out_by_the_query() {
    assert!(REQUESTS.exists("7d").ends_with("[7d]) > 0)"), "{}", REQUESTS.exists("7d"));
    assert!(REQUESTS.selector.contains(r#"consul_destination_service!="""#), "the application's own cluster has none");
}
