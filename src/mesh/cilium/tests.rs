//! Cilium: when it is a mesh and when only the network, and which calls it shows.

use super::*;
use crate::mesh::model;
use crate::mesh::testing::*;
use crate::model::{NeedKind, SignalKind};
use serde_json::{Value, json};

fn agent() -> Value {
    let spec = json!({"hostNetwork": true, "containers": [{"name": "cilium-agent", "image": "quay.io/cilium/cilium:v1.18.2@sha256:00"}]});
    workload("DaemonSet", "cilium", "kube-system", &json!({"k8s-app": "cilium"}), spec)
}

fn config(data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cilium-config", "namespace": "kube-system"}, "data": data})
}

fn signals(model: &Model) -> Vec<(NeedKind, SignalKind)> {
    model.signals.iter().map(|s| (s.need, s.kind)).collect()
}

#[test]
fn the_network_alone_is_no_mesh() {
    let found = model(&shop(&[
        agent(),
        config(json!({"enable-wireguard": "true", "mesh-auth-enabled": "true", "enable-envoy-config": "false"})),
    ]));
    assert_eq!(installed(&found, "cilium"), Vec::<String>::new());
    assert_eq!(found.cluster.network_plugins.iter().map(|p| p.what.as_str()).collect::<Vec<_>>(), ["cilium"]);
    assert_eq!(signals(&found), [(NeedKind::Encryption, SignalKind::Satisfied)]);
    assert_eq!(found.signals[0].evidence[0].field, "data[enable-wireguard]");
}

#[test]
fn any_feature_of_a_mesh_makes_it_one() {
    for key in
        ["enable-envoy-config", "enable-gateway-api", "enable-ingress-controller", "mesh-auth-mutual-enabled", "enable-ztunnel"]
    {
        let mut data = json!({});
        data[key] = json!("true");
        let found = model(&shop(&[agent(), config(data)]));
        assert_eq!(installed(&found, "cilium"), [r#"per-node - v1.18.2 "kube-system" []"#], "{key}");
        assert_eq!(found.installations[0].evidence[1].field, format!("data[{key}]"));
    }
}

#[test]
fn settings_that_were_not_seen_leave_it_open() {
    let mut facts = shop(&[agent()]);
    forbid(&mut facts, &kinds::CONFIG_MAP);
    let found = model(&facts);
    assert_eq!(installed(&found, "cilium"), Vec::<String>::new());
    let unseen = found.not_seen.iter().find(|n| n.what == "ConfigMap kube-system/cilium-config").map(|n| n.leaves_open.as_str());
    assert!(unseen.is_some_and(|open| open.contains("mesh here or the network only")), "{unseen:?}");
    assert!(!model(&shop(&[])).not_seen.iter().any(|n| n.what.contains("cilium")), "no agent, nothing to say");
}

#[test]
fn mutual_authentication_and_cluster_ids_are_told() {
    let data = json!({"mesh-auth-mutual-enabled": "true", "cluster-id": "7", "enable-ipsec": "true"});
    let found = model(&shop(&[agent(), config(data)]));
    assert_eq!(
        signals(&found),
        [
            (NeedKind::Encryption, SignalKind::Satisfied),
            (NeedKind::Identity, SignalKind::Satisfied),
            (NeedKind::Multicluster, SignalKind::Hint)
        ]
    );
    assert_eq!(signals(&model(&shop(&[agent(), config(json!({"cluster-id": "0"}))]))), []);
}

#[test]
fn flows_need_their_workload_labels() {
    let flow = |from: &'static str, to: &'static str| {
        [("source_namespace", "shop"), ("source_workload", from), ("destination_namespace", "shop"), ("destination_workload", to)]
    };
    let series: [&[(&str, &str)]; 5] =
        [&flow("web", "cart"), &flow("cart", "cart"), &flow("web", ""), &flow("reserved:host", "cart"), &[]];
    let series = series.map(|labels| (labels, 4.0));
    let mut facts = shop(&[]);
    answer(&mut facts, FLOWS.exists("7d"), &series);
    let found = model(&facts);
    assert_eq!(edges(&found), ["web>cart Rpc Observed"]);
    assert_eq!(evidence(&found, "web", "cart")[0].field, "hubble_flows_processed_total");
    assert_eq!((found.observed[0].unmapped, found.edges[0].rate), (3, None));
    assert!(found.observed[0].caveat.contains("labelsContext"));
    assert!(FLOWS.selector.contains(r#"verdict="FORWARDED""#), "what was dropped was no call");

    answer(&mut facts, HTTP.exists("7d"), &series);
    answer(&mut facts, HTTP.rate("7d"), &series);
    let found = model(&facts);
    assert_eq!((found.edges.len(), found.edges[0].rate, found.edges[0].protocol.as_deref()), (1, Some(4.0), Some("http")));
}

fn policy(spec: Value) -> Model {
    let mut facts_of =
        json!({"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": {"name": "cart", "namespace": "shop"}});
    facts_of["spec"] = spec;
    model(&shop(&[facts_of]))
}

#[test]
fn ingress_and_egress_rules_declare_calls() {
    let to = json!({"matchLabels": {"app": "cart"}});
    for from in [
        json!({"matchLabels": {"app": "web"}}),
        json!({"matchLabels": {"k8s:app": "web", "k8s:io.kubernetes.pod.namespace": "shop"}}),
        json!({"matchExpressions": [{"key": "any:app", "operator": "In", "values": ["web"]}]}),
    ] {
        let found = policy(json!({"endpointSelector": to, "ingress": [{"fromEndpoints": [from]}]}));
        assert_eq!(edges(&found), ["web>cart Rpc Declared"], "{from}");
        let why = &evidence(&found, "web", "cart")[0];
        assert_eq!((&*why.object, &*why.field), ("CiliumNetworkPolicy shop/cart", "spec.ingress[].fromEndpoints"));
    }
    let found = policy(json!({"endpointSelector": to, "egress": [{"toEndpoints": [{"matchLabels": {"app": "pay"}}]}]}));
    assert_eq!(edges(&found), ["cart>pay Rpc Declared"]);
    assert_eq!(evidence(&found, "cart", "pay")[0].field, "spec.egress[].toEndpoints");
}

#[test]
fn a_clusterwide_policy_is_for_pods_of_every_namespace() {
    let labels = |namespace: Option<&str>, app: &str| {
        let mut labels = json!({"app": app});
        if let Some(namespace) = namespace {
            labels["k8s:io.kubernetes.pod.namespace"] = json!(namespace);
        }
        json!({"matchLabels": labels})
    };
    for (namespace, wanted) in
        [(None, &["web>cart Rpc Declared"][..]), (Some("shop"), &["web>cart Rpc Declared"]), (Some("other"), &[])]
    {
        let found = model(&shop(&[json!({"apiVersion": "cilium.io/v2", "kind": "CiliumClusterwideNetworkPolicy",
            "metadata": {"name": "cart"}, "spec": {"endpointSelector": labels(None, "cart"),
            "ingress": [{"fromEndpoints": [labels(namespace, "web")]}]}})]));
        assert_eq!(edges(&found), wanted, "{namespace:?}");
        assert!(
            found
                .signals
                .iter()
                .any(|s| s.need == NeedKind::Authorization && s.evidence[0].object == "CiliumClusterwideNetworkPolicy cart")
        );
    }
}

#[test]
fn selectors_that_name_nobody_declare_nothing() {
    let cart = json!({"matchLabels": {"app": "cart"}});
    for (own, from) in [
        (cart.clone(), json!({})),
        (json!({}), json!({"matchLabels": {"app": "web"}})),
        (cart.clone(), json!({"matchLabels": {"k8s:io.kubernetes.pod.namespace": "shop"}})),
        (cart.clone(), json!({"matchLabels": {"app": "web", "io.kubernetes.pod.namespace": "other"}})),
        (cart.clone(), json!({"matchLabels": {"app": "web", "io.cilium.k8s.namespace.labels.team": "x"}})),
        (cart.clone(), json!({"matchLabels": {"reserved:host": ""}})),
        (cart.clone(), cart.clone()),
    ] {
        let found = policy(json!({"endpointSelector": own, "ingress": [{"fromEndpoints": [from]}]}));
        assert_eq!(edges(&found), Vec::<String>::new(), "{own} {from}");
    }
    assert_eq!(signals(&policy(json!({"endpointSelector": cart}))), [(NeedKind::Authorization, SignalKind::Hint)]);
}
