//! Istio: what is found of it, and which calls and needs it shows.

use super::*;
use crate::mesh::model;
use crate::mesh::testing::*;
use crate::model::{NeedKind, SignalKind};
use serde_json::{Value, json};

fn istiod(name: &str, revision: Option<&str>, tag: &str) -> Value {
    let mut labels = json!({"app": "istiod", "istio": "pilot"});
    if let Some(revision) = revision {
        labels["istio.io/rev"] = json!(revision);
    }
    let spec = json!({"containers": [{"name": "discovery", "image": format!("docker.io/istio/pilot:{tag}")}]});
    workload("Deployment", name, "istio-system", &labels, spec)
}

fn ztunnel() -> Value {
    let spec = json!({"containers": [{"name": "istio-proxy", "image": "docker.io/istio/ztunnel:1.29.0"}]});
    workload("DaemonSet", "ztunnel", "istio-system", &json!({"app": "ztunnel"}), spec)
}

fn injected(name: &str, revision: &str) -> Value {
    let status = json!({"revision": revision}).to_string();
    let proxy = json!({"name": "istio-proxy", "image": "docker.io/istio/proxyv2:1.28.3"});
    pod(name, json!({}), json!({"sidecar.istio.io/status": status}), proxy)
}

fn ambient(name: &str) -> Value {
    let annotations = json!({"ambient.istio.io/redirection": "enabled"});
    pod(name, json!({}), annotations, json!({"name": "helper", "image": "acme/helper"}))
}

#[test]
fn nothing_is_installed_where_nothing_is() {
    assert_eq!(installed(&model(&shop(&[])), "istio"), Vec::<String>::new());
}

#[test]
fn each_revision_has_its_own_version_and_members() {
    let objects = [
        istiod("istiod", None, "1.28.3"),
        istiod("istiod-canary", Some("canary"), "1.29.0"),
        injected("web", "default"),
        injected("cart", "canary"),
    ];
    let found = model(&shop(&objects));
    assert_eq!(
        installed(&found, "istio"),
        [r#"sidecar - 1.28.3 "istio-system" [web]"#, r#"sidecar canary 1.29.0 "istio-system" [cart]"#]
    );
    let evidence = &found.installations[0].evidence[0];
    assert_eq!((&*evidence.object, &*evidence.field), ("Deployment istio-system/istiod", "metadata.labels[app]"));
}

#[test]
fn a_proxy_that_names_no_revision_belongs_to_the_only_one() {
    let objects = [istiod("istiod-1-29", Some("1-29"), "1.29.0"), injected("web", "")];
    assert_eq!(installed(&model(&shop(&objects)), "istio"), [r#"sidecar 1-29 1.29.0 "istio-system" [web]"#]);
}

#[test]
fn both_data_planes_count_their_own_members() {
    let objects = [istiod("istiod", Some("default"), "1.29.0"), ztunnel(), ambient("web"), ambient("pay")];
    let only = installed(&model(&shop(&objects)), "istio");
    assert_eq!(only, [r#"ambient default 1.29.0 "istio-system" [pay web]"#]);
    let both: Vec<Value> = objects.into_iter().chain([injected("cart", "default")]).collect();
    assert_eq!(installed(&model(&shop(&both)), "istio"), [only[0].as_str(), r#"sidecar default 1.29.0 "istio-system" [cart]"#]);
}

#[test]
fn proxies_without_their_control_plane_in_sight_are_not_passed_over() {
    let mut facts = shop(&[injected("web", "default"), injected("cart", "gone")]);
    forbid(&mut facts, &kinds::DEPLOYMENT);
    let found = model(&facts);
    assert_eq!(found.workloads.iter().filter(|w| w.labels.get("app").is_some_and(|a| a == "istiod")).count(), 0);
    let lines = installed(&found, "istio");
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with(r#"sidecar default 1.28.3 "" ["#) && lines[1].starts_with(r#"sidecar gone 1.28.3 "" ["#));
    assert!(found.not_seen.iter().any(|n| n.what == "deployments.apps" && n.outcome == "forbidden"));
    // An installed revision keeps its own; the stranger stands apart.
    let facts = shop(&[istiod("istiod", None, "1.29.0"), injected("web", "default"), injected("cart", "gone")]);
    assert_eq!(
        installed(&model(&facts), "istio"),
        [r#"sidecar - 1.29.0 "istio-system" [web]"#, r#"sidecar gone 1.28.3 "" [cart]"#]
    );
}

/// Labels as the proxies write them, grouped as the query asks.
fn call<'a>(from: &'a str, workload: &'a str, service: &'a str, protocol: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("source_workload_namespace", "shop"),
        ("source_workload", from),
        ("destination_workload_namespace", "shop"),
        ("destination_workload", workload),
        ("destination_service_namespace", "shop"),
        ("destination_service_name", service),
        ("request_protocol", protocol),
    ]
}

fn observed(more: &[Value], metric: &Metric, series: &[Vec<(&str, &str)>]) -> Model {
    let mut facts = shop(more);
    let series: Vec<(&[(&str, &str)], f64)> = series.iter().map(|labels| (labels.as_slice(), 3.0)).collect();
    answer(&mut facts, metric.exists("7d"), &series);
    answer(&mut facts, metric.rate("7d"), &series);
    model(&facts)
}

#[test]
fn requests_become_observed_calls_with_rate_and_evidence() {
    let found = observed(&[], &REQUESTS, &[call("web", "cart", "cart", "http"), call("cart", "cart", "cart", "http")]);
    assert_eq!(edges(&found), ["web>cart Rpc Observed"], "a call to itself is none");
    let edge = &found.edges[0];
    assert_eq!((edge.rate, edge.protocol.as_deref()), (Some(3.0), Some("http")));
    assert_eq!((&*edge.evidence[0].object, &*edge.evidence[0].field), ("Istio metrics", "istio_requests_total"));
    assert!(edge.evidence[0].text.contains(r#"source_workload="web""#), "{}", edge.evidence[0].text);
    let source = &found.observed[0];
    assert_eq!((source.series, source.unmapped, &*source.window), (2, 0, "7d"));
}

#[test]
fn the_query_leaves_out_the_servers_own_count_and_unknown_clients() {
    let text = REQUESTS.exists("7d");
    assert!(text.contains(r#"reporter=~"source|waypoint""#) && text.contains(r#"source_workload!="unknown""#), "{text}");
}

#[test]
fn unknown_ends_make_no_edge_and_are_counted() {
    let series = [
        call("unknown", "cart", "cart", "http"),
        call("web", "unknown", "unknown", "http"),
        call("", "", "", ""),
        vec![("source_workload", "web")],
        call("web", "nobody", "\u{1b}[31mcart; drop", "http"),
    ];
    let found = observed(&[], &REQUESTS, &series);
    assert_eq!(edges(&found), Vec::<String>::new());
    assert_eq!((found.observed[0].series, found.observed[0].unmapped), (5, 5));
}

#[test]
fn gateways_enter_scrapers_read_and_waypoints_stand_aside() {
    let spec = || json!({"containers": [{"name": "istio-proxy", "image": "docker.io/istio/proxyv2:1.29.0"}]});
    let more = [
        workload("Deployment", "ingress", "shop", &json!({"istio": "ingressgateway"}), spec()),
        workload("Deployment", "waypoint", "shop", &json!({"gateway.istio.io/managed": "istio.io-mesh-controller"}), spec()),
        workload(
            "Deployment",
            "prometheus",
            "shop",
            &json!({"app": "prometheus"}),
            json!({"containers": [
            {"name": "prometheus", "image": "quay.io/prometheus/prometheus:v3"}]}),
        ),
    ];
    let series = [
        call("ingress", "web", "web", "http"),
        call("prometheus", "cart", "cart", "http"),
        call("web", "waypoint", "cart", "tcp"),
    ];
    let found = observed(&more, &REQUESTS, &series);
    assert_eq!(edges(&found), ["ingress>web Entry Observed", "prometheus>cart Scrape Observed", "web>cart Rpc Observed"]);
}

#[test]
fn hosts_outside_the_cluster_are_external() {
    let series = [
        call("web", "unknown", "api.pay.example.net", "http"),
        call("web", "unknown", "PassthroughCluster", "tcp"),
        call("web", "unknown", "cart.other.svc.cluster.local", "http"),
    ];
    let found = observed(&[], &TCP, &series);
    assert_eq!(edges(&found), ["web>ext:PassthroughCluster Rpc Observed", "web>ext:api.pay.example.net Rpc Observed"]);
    assert_eq!(found.observed[0].unmapped, 1);
}

const SECURITY: &str = "security.istio.io/v1";

fn policy(spec: Value) -> Model {
    model(&shop(&[object_of(SECURITY, "AuthorizationPolicy", "cart-clients", spec)]))
}

fn from(key: &str, who: &str) -> Value {
    let mut source = json!({});
    source[key] = json!([who]);
    json!([{"from": [{"source": source}]}])
}

#[test]
fn allowed_principals_are_declared_callers() {
    let found = policy(
        json!({"selector": {"matchLabels": {"app": "cart"}}, "rules": from("principals", "cluster.local/ns/shop/sa/web")}),
    );
    assert_eq!(edges(&found), ["web>cart Rpc Declared"]);
    let why = &evidence(&found, "web", "cart")[0];
    assert_eq!(why.object, "AuthorizationPolicy shop/cart-clients");
    assert_eq!((&*why.field, &*why.text), ("spec.rules[0].from.source.principals", "cluster.local/ns/shop/sa/web"));
    assert!(found.signals.iter().any(|s| s.need == NeedKind::Authorization && s.kind == SignalKind::Evidenced));
}

#[test]
fn service_accounts_and_a_waypoints_targets_are_read() {
    for target in
        [json!({"targetRefs": [{"kind": "Service", "name": "cart"}]}), json!({"targetRef": {"kind": "Service", "name": "cart"}})]
    {
        for who in ["web", "shop/web"] {
            let mut spec = target.clone();
            spec["rules"] = from("serviceAccounts", who);
            assert_eq!(edges(&policy(spec)), ["web>cart Rpc Declared"], "{target} {who}");
        }
    }
    let gateway = json!({"targetRefs": [{"kind": "Gateway", "name": "waypoint"}], "rules": from("serviceAccounts", "web")});
    assert_eq!(edges(&policy(gateway)), Vec::<String>::new(), "a waypoint serves many");
}

#[test]
fn denials_wildcards_and_default_accounts_name_no_callers() {
    let selector = json!({"matchLabels": {"app": "cart"}});
    for (action, who) in [
        ("DENY", "cluster.local/ns/shop/sa/web"),
        ("ALLOW", "*"),
        ("ALLOW", "cluster.local/ns/shop/sa/*"),
        ("ALLOW", "cluster.local/ns/shop/sa/default"),
        ("ALLOW", "/ns//sa/"),
        ("ALLOW", "cluster.local/ns/shop/sa/cart"),
    ] {
        let found = policy(json!({"action": action, "selector": selector, "rules": from("principals", who)}));
        assert_eq!(edges(&found), Vec::<String>::new(), "{action} {who}");
    }
}

#[test]
fn a_policy_for_a_namespace_gives_candidates_only() {
    let found = policy(json!({"rules": from("principals", "cluster.local/ns/shop/sa/web")}));
    assert_eq!(edges(&found), ["web>cart Rpc Candidate", "web>pay Rpc Candidate"]);
}

#[test]
fn an_object_that_cannot_be_read_is_named() {
    let found = policy(json!({"rules": 7}));
    assert!(found.not_seen.iter().any(|n| n.what == "AuthorizationPolicy shop/cart-clients" && n.outcome == "failed"));
}

#[test]
fn routes_of_a_gateway_enter_and_routes_of_the_mesh_do_not() {
    let route = |gateways: Value, host: &str| {
        let spec = json!({"gateways": gateways, "hosts": ["x"], "http": [{"retries": {"attempts": 2}, "route": [
            {"destination": {"host": host, "port": {"number": 8080}}, "weight": 90}, {"destination": {"host": host}, "weight": 10}]}]});
        model(&shop(&[object_of("networking.istio.io/v1", "VirtualService", "edge", spec)]))
    };
    for host in ["cart", "cart.shop", "cart.shop.svc.cluster.local"] {
        let found = route(json!(["infra/edge"]), host);
        assert_eq!(edges(&found), ["*>cart:8080 Entry Declared"], "{host}");
        let why = &evidence(&found, "*", "cart")[0];
        assert_eq!((&*why.object, &*why.text), ("VirtualService shop/edge", host));
    }
    for (gateways, host) in [(json!(["mesh"]), "cart"), (Value::Null, "cart"), (json!(["edge"]), "cart.example.com")] {
        let found = route(gateways, host);
        assert_eq!(edges(&found), Vec::<String>::new(), "{host}");
        let needs: Vec<NeedKind> = found.signals.iter().map(|s| s.need).collect();
        assert_eq!(needs, [NeedKind::Canary, NeedKind::Retries]);
    }
}

#[test]
fn strict_mtls_and_machines_outside_are_needs() {
    let found = model(&shop(&[
        object_of(SECURITY, "PeerAuthentication", "default", json!({"mtls": {"mode": "STRICT"}})),
        object_of(SECURITY, "PeerAuthentication", "soft", json!({"mtls": {"mode": "PERMISSIVE"}})),
        object_of("networking.istio.io/v1", "WorkloadEntry", "vm", json!({"address": "10.0.0.1"})),
    ]));
    let told: Vec<(NeedKind, usize)> = found.signals.iter().map(|s| (s.need, s.evidence.len())).collect();
    assert_eq!(told, [(NeedKind::Identity, 1), (NeedKind::VirtualMachines, 1)]);
}
