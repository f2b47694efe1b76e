//! Linkerd: what is found of it, and which calls it shows. Labels are those that proxies of edge-26.8 write.

use super::*;
use crate::mesh::model;
use crate::mesh::testing::*;
use crate::model::{NeedKind, Role, SignalKind};
use serde_json::{Value, json};

fn destination(annotations: Value) -> Value {
    let labels = json!({"linkerd.io/control-plane-component": "destination", "linkerd.io/control-plane-ns": "linkerd"});
    let spec = json!({"containers": [{"name": "destination", "image": "cr.l5d.io/linkerd/controller:edge-26.8.3"}]});
    let mut object = workload("Deployment", "linkerd-destination", "linkerd", &labels, spec);
    object["spec"]["template"]["metadata"]["annotations"] = annotations;
    object
}

fn config(values: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "linkerd-config", "namespace": "linkerd"}, "data": {"values": values}})
}

fn meshed(name: &str, control: &str) -> Value {
    let proxy = json!({"name": "linkerd-proxy", "image": "cr.l5d.io/linkerd/proxy:edge-26.8.1"});
    pod(name, json!({"linkerd.io/control-plane-ns": control}), json!({"linkerd.io/proxy-version": "edge-26.8.1"}), proxy)
}

#[test]
fn version_comes_from_the_configuration_then_the_chart_then_the_image() {
    let by = json!({"linkerd.io/created-by": "linkerd/helm edge-26.8.2"});
    for (objects, version) in [
        (vec![config("a: 1\nlinkerdVersion: edge-26.8.4\n"), destination(by.clone())], "edge-26.8.4"),
        (vec![config("linkerdVersion: \"\"\n"), destination(by.clone())], "edge-26.8.2"),
        (vec![destination(by)], "edge-26.8.2"),
        (vec![destination(Value::Null)], "edge-26.8.3"),
    ] {
        let objects: Vec<Value> = objects.into_iter().chain([meshed("web", "linkerd")]).collect();
        assert_eq!(installed(&model(&shop(&objects)), "linkerd"), [format!("sidecar - {version} \"linkerd\" [web]")]);
    }
    assert_eq!(installed(&model(&shop(&[])), "linkerd"), Vec::<String>::new());
}

#[test]
fn without_sight_of_its_namespace_its_proxies_tell() {
    let mut facts = shop(&[meshed("web", "linkerd-old"), meshed("cart", "linkerd")]);
    forbid(&mut facts, &kinds::CONFIG_MAP);
    let found = model(&facts);
    assert_eq!(
        installed(&found, "linkerd"),
        [r#"sidecar - edge-26.8.1 "linkerd" [cart]"#, r#"sidecar - edge-26.8.1 "linkerd-old" [web]"#]
    );
    assert_eq!(found.installations[0].evidence[0].field, "pod metadata.labels[linkerd.io/control-plane-ns]");
    assert!(found.not_seen.iter().any(|n| n.what == "configmaps" && n.outcome == "forbidden"));
}

fn observed(metric: &Metric, series: &[&[(&str, &str)]]) -> Model {
    let store = json!({"containers": [{"name": "redis", "image": "redis:7"}]});
    let mut facts = shop(&[workload("StatefulSet", "store", "shop", &json!({"app": "store"}), store)]);
    let series: Vec<(&[(&str, &str)], f64)> = series.iter().map(|labels| (*labels, 2.0)).collect();
    answer(&mut facts, metric.exists("7d"), &series);
    if metric.requests {
        answer(&mut facts, metric.rate("7d"), &series);
    }
    model(&facts)
}

#[test]
fn requests_are_told_by_pod_or_by_owner_label() {
    let to = [("dst_namespace", "shop"), ("dst_service", "cart"), ("dst_deployment", "cart"), ("tls", "true")];
    for client in [("pod", "web-5f6769dcf-dl6fd"), ("deployment", "web")] {
        let labels: Vec<(&str, &str)> = [("namespace", "shop"), client].into_iter().chain(to).collect();
        let found = observed(&REQUESTS, &[&labels]);
        assert_eq!(edges(&found), ["web>cart Rpc Observed"], "{client:?}");
        let why = &evidence(&found, "web", "cart")[0];
        assert_eq!((&*why.object, &*why.field), ("Linkerd metrics", "request_total"));
        assert_eq!(found.edges[0].rate, Some(2.0));
    }
}

#[test]
fn the_query_asks_for_outbound_only_so_probes_and_scrapes_are_none() {
    for metric in [&REQUESTS, &CONNECTIONS] {
        assert!(metric.selector.contains(r#"direction="outbound""#) && metric.selector.contains(r#"dst_service!="""#));
    }
    // The proxy counts each connection twice: from the application and to the peer.
    assert!(CONNECTIONS.selector.contains(r#"peer="dst""#));
}

#[test]
fn routes_give_the_service_and_its_port() {
    let route = [
        ("namespace", "shop"),
        ("pod", "web-5f6769dcf-dl6fd"),
        ("parent_kind", "Service"),
        ("parent_namespace", "shop"),
        ("parent_name", "cart"),
        ("parent_port", "8080"),
    ];
    assert_eq!(edges(&observed(&HTTP_ROUTES, &[&route])), ["web>cart:8080 Rpc Observed"]);
    let found = observed(&GRPC_ROUTES, &[&route]);
    assert_eq!(found.edges[0].protocol.as_deref(), Some("grpc"));
}

#[test]
fn opaque_connections_show_datastores() {
    let labels = [
        ("namespace", "shop"),
        ("pod", "web-5f6769dcf-dl6fd"),
        ("dst_namespace", "shop"),
        ("dst_service", "store"),
        ("dst_statefulset", "store"),
        ("tls", "true"),
    ];
    let found = observed(&CONNECTIONS, &[&labels]);
    assert!(found.workloads.iter().any(|w| w.name == "store" && w.role == Role::Datastore));
    assert_eq!(edges(&found), ["web>store Datastore Observed"]);
    assert_eq!(found.edges[0].rate, None, "connections are no requests");
}

#[test]
fn missing_and_strange_labels_make_no_edge() {
    let found = observed(
        &REQUESTS,
        &[
            &[],
            &[("namespace", "shop"), ("pod", "web-1-1")],
            &[("dst_namespace", "shop"), ("dst_service", "cart")],
            &[("namespace", "other"), ("pod", "web-1-1"), ("dst_namespace", "shop"), ("dst_deployment", "cart")],
            &[("namespace", "shop"), ("pod", "web-1-1"), ("dst_namespace", "shop"), ("dst_deployment", "../cart")],
            &[("namespace", "shop"), ("pod", "cart-1-1"), ("dst_namespace", "shop"), ("dst_deployment", "cart")],
        ],
    );
    assert_eq!(edges(&found), Vec::<String>::new());
    assert_eq!(found.observed[0].unmapped, 5, "the last one is a call to itself");
}

const POLICY: &str = "policy.linkerd.io/v1alpha1";

fn server(selector: Value) -> Value {
    let mut server =
        object_of("policy.linkerd.io/v1beta3", "Server", "cart-http", json!({"podSelector": selector, "port": "http"}));
    server["metadata"]["labels"] = json!({"part": "cart"});
    server
}

fn web_only() -> Value {
    object_of(
        POLICY,
        "MeshTLSAuthentication",
        "clients",
        json!({"identities": ["web.shop.serviceaccount.identity.linkerd.cluster.local"],
        "identityRefs": [{"kind": "ServiceAccount", "name": "default"}]}),
    )
}

fn authorized(target: Value, reference: Value, more: &[Value]) -> Model {
    let spec = json!({"targetRef": target, "requiredAuthenticationRefs": [reference]});
    let policy = object_of(POLICY, "AuthorizationPolicy", "cart-clients", spec);
    let all: Vec<Value> = [policy, web_only()].into_iter().chain(more.iter().cloned()).collect();
    model(&shop(&all))
}

#[test]
fn policies_on_servers_and_their_routes_declare_callers() {
    let parents = json!({"parentRefs": [{"group": "policy.linkerd.io", "kind": "Server", "name": "cart-http"}], "rules": []});
    let on_route = object_of("gateway.networking.k8s.io/v1", "HTTPRoute", "all", parents.clone());
    let own_route = object_of("policy.linkerd.io/v1beta3", "HTTPRoute", "own", parents);
    let cart = server(json!({"matchLabels": {"app": "cart"}}));
    for (target, reference) in [
        (json!({"kind": "Server", "name": "cart-http"}), json!({"kind": "MeshTLSAuthentication", "name": "clients"})),
        (
            json!({"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "all"}),
            json!({"kind": "MeshTLSAuthentication", "name": "clients"}),
        ),
        (
            json!({"group": "policy.linkerd.io", "kind": "HTTPRoute", "name": "own"}),
            json!({"kind": "MeshTLSAuthentication", "name": "clients"}),
        ),
        (json!({"kind": "Server", "name": "cart-http"}), json!({"kind": "ServiceAccount", "name": "web"})),
    ] {
        let found = authorized(target, reference, &[cart.clone(), on_route.clone(), own_route.clone()]);
        assert_eq!(edges(&found), ["web>cart Rpc Declared"]);
        let why = &evidence(&found, "web", "cart")[0];
        assert_eq!((&*why.object, &*why.field), ("AuthorizationPolicy shop/cart-clients", "spec.requiredAuthenticationRefs"));
    }
}

#[test]
fn its_own_routes_split_calls_like_the_gateway_apis() {
    let spec = json!({"parentRefs": [{"group": "core", "kind": "Service", "name": "cart"}],
        "rules": [{"backendRefs": [{"name": "cart", "weight": 9}, {"name": "pay", "weight": 1}]}]});
    let found = model(&shop(&[object_of("policy.linkerd.io/v1beta3", "HTTPRoute", "split", spec)]));
    let canary = found.signals.iter().find(|s| s.need == NeedKind::Canary && s.kind == SignalKind::Evidenced);
    assert_eq!(canary.map(|s| &*s.evidence[0].object), Some("HTTPRoute shop/split"));
    assert!(!edges(&found).iter().any(|edge| edge.contains("Entry")), "{:?}", edges(&found));
}

#[test]
fn a_server_by_expression_does_not_select_everybody() {
    let by = server(json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["cart"]}]}));
    let reference = json!({"kind": "MeshTLSAuthentication", "name": "clients"});
    assert_eq!(
        edges(&authorized(json!({"kind": "Server", "name": "cart-http"}), reference.clone(), &[by])),
        ["web>cart Rpc Declared"]
    );
    let whole = authorized(json!({"kind": "Namespace", "name": "shop"}), reference.clone(), &[]);
    assert_eq!(edges(&whole), ["web>cart Rpc Candidate", "web>pay Rpc Candidate"]);
    assert_eq!(edges(&authorized(json!({"kind": "Server", "name": "gone"}), reference, &[])), Vec::<String>::new());
}

#[test]
fn networks_and_wildcards_name_no_callers() {
    let cart = server(json!({"matchLabels": {"app": "cart"}}));
    let anybody = object_of(
        POLICY,
        "MeshTLSAuthentication",
        "any",
        json!({"identities": ["*", "*.shop.serviceaccount.identity.linkerd.cluster.local"]}),
    );
    for reference in
        [json!({"kind": "NetworkAuthentication", "name": "kubelet"}), json!({"kind": "MeshTLSAuthentication", "name": "any"})]
    {
        let found = authorized(json!({"kind": "Server", "name": "cart-http"}), reference, &[cart.clone(), anybody.clone()]);
        assert_eq!(edges(&found), Vec::<String>::new());
        assert!(found.signals.iter().any(|s| s.need == NeedKind::Authorization));
    }
}

#[test]
fn older_server_authorizations_count_by_name_and_by_label() {
    let cart = server(json!({"matchLabels": {"app": "cart"}}));
    for chosen in [json!({"name": "cart-http"}), json!({"selector": {"matchLabels": {"part": "cart"}}})] {
        let spec = json!({"server": chosen, "client": {"meshTLS": {"serviceAccounts": [{"name": "web"}], "identities": ["*"]}}});
        let older = object_of("policy.linkerd.io/v1beta1", "ServerAuthorization", "old", spec);
        let found = model(&shop(&[cart.clone(), older]));
        assert_eq!(edges(&found), ["web>cart Rpc Declared"]);
        assert_eq!(evidence(&found, "web", "cart")[0].field, "spec.client.meshTLS");
    }
}

#[test]
fn links_and_external_workloads_are_needs() {
    let found = model(&shop(&[
        object_of("multicluster.linkerd.io/v1alpha3", "Link", "east", json!({})),
        object_of("workload.linkerd.io/v1beta1", "ExternalWorkload", "vm", json!({})),
    ]));
    let needs: Vec<NeedKind> = found.signals.iter().map(|s| s.need).collect();
    assert_eq!(needs, [NeedKind::VirtualMachines, NeedKind::Multicluster]);
}

#[test]
fn connection_metrics_are_asked_once_its_kinds_are_known() {
    let purpose = Purpose::Decide { window: "7d".to_owned(), flows: None };
    let asks = |facts: &Facts| Linkerd.needs(facts, &purpose).contains(&Need::query(CONNECTIONS.exists("7d")));
    let crd = |name: &str| json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": name}});
    assert!(!asks(&facts(&[])) && !asks(&facts(&[crd("servers.notlinkerd.io")])));
    assert!(asks(&facts(&[crd("servers.policy.linkerd.io")])));
    let mut unsure = facts(&[]);
    forbid(&mut unsure, &kinds::CUSTOM_RESOURCE_DEFINITION);
    assert!(asks(&unsure), "not seen is not absent");
}
