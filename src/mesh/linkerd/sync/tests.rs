//! Made-up metrics of one proxy, each with one thing wrong; real ones are in the recordings.

use super::*;
use crate::mesh::sync::Health;
use crate::mesh::testing;
use proptest::prelude::*;
use serde_json::{Value, json};

const WELL: &str = "control_destination_balancer_endpoints{endpoint_state=\"ready\"} 1\n\
    control_policy_balancer_endpoints{endpoint_state=\"ready\"} 1\n\
    control_identity_cert_expiration_timestamp_seconds 100\n";

fn pod(name: &str, labels: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "linkerd", "labels": labels},
        "spec": {"containers": [{"name": "linkerd-proxy", "image": "linkerd/proxy:1"}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}})
}

fn slice(port: &str, addresses: &[&str], more: Value) -> Value {
    let endpoint = |address: &&str| {
        let mut endpoint = json!({"addresses": [address]});
        more.as_object().into_iter().flatten().for_each(|(key, value)| endpoint[key] = value.clone());
        endpoint
    };
    let endpoints: Vec<Value> = addresses.iter().map(endpoint).collect();
    json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4", "ports": [{"name": port}],
        "metadata": {"name": format!("cart-{port}"), "namespace": "shop", "labels": {"kubernetes.io/service-name": "cart"}},
        "endpoints": endpoints})
}

fn balancer(ready: u32, pending: u32) -> String {
    let labels = "backend_kind=\"Service\",backend_namespace=\"shop\",backend_name=\"cart\",backend_port=\"80\"";
    let line = |state, count| format!("outbound_http_balancer_endpoints{{{labels},endpoint_state=\"{state}\"}} {count}\n");
    format!("{WELL}{}{}", line("ready", ready), line("pending", pending))
}

/// What is said of a proxy that answers so, beside a whole control plane.
fn said(metrics: &str, slices: &[Value]) -> Vec<(&'static str, Health, String)> {
    let own = |part: &str| json!({"linkerd.io/control-plane-ns": "linkerd", "linkerd.io/control-plane-component": part});
    let mut all = vec![
        pod("dst", own("destination")),
        pod("id", own("identity")),
        pod("web", json!({"linkerd.io/control-plane-ns": "linkerd"})),
    ];
    all.extend_from_slice(slices);
    let mut facts = testing::facts(&all);
    let wanted = needs(&facts).into_iter().find(|need| matches!(need, Need::PodMetrics { pod, .. } if pod == "web"));
    facts.answer(wanted.expect("it is asked"), Outcome::Text(metrics.to_owned()));
    let told = read(&facts).told.remove(0);
    assert_eq!((told.proxy.as_str(), told.silent), ("web", None));
    let bad = told.parts.iter().flat_map(|part| part.why.iter().map(move |why| (part.kind, part.health, why.clone())));
    bad.collect()
}

fn kinds_of(said: &[(&'static str, Health, String)]) -> Vec<(&'static str, Health)> {
    said.iter().map(|(kind, health, _)| (*kind, *health)).collect()
}

#[test]
fn connections_and_the_certificate() {
    assert_eq!(said(WELL, &[]), []);
    let cut = WELL.replace(
        "policy_balancer_endpoints{endpoint_state=\"ready\"} 1",
        "policy_balancer_endpoints{endpoint_state=\"ready\"} 0",
    );
    assert_eq!(kinds_of(&said(&cut, &[])), [("POLICY", Health::Disconnected)]);
    // The facts are of second 0.
    let expired = said(&WELL.replace("seconds 100", "seconds -100"), &[]);
    assert_eq!(kinds_of(&expired), [("CERTIFICATE", Health::Disconnected)]);
    assert!(expired[0].2.contains("restart its pod"), "{expired:?}");
    let nothing = said("", &[]);
    assert!(nothing.len() == 3 && nothing.iter().all(|(_, health, _)| *health == Health::Unknown), "{nothing:?}");
}

#[test]
fn endpoints_are_counted_only_where_they_compare() {
    let two = [slice("http", &["10.0.0.1", "10.0.0.2"], json!({}))];
    assert_eq!(said(&balancer(2, 0), &two), []);
    assert_eq!(said(&balancer(1, 1), &two), []);
    let stale = said(&balancer(1, 0), &two);
    assert_eq!(kinds_of(&stale), [("ENDPOINTS", Health::Stale)]);
    assert!(
        stale[0].2.contains("cart.shop:80: the proxy has 1 endpoints, 1 reached; the EndpointSlices have 2 ready"),
        "{stale:?}"
    );
    // As many as there should be, and none of them reached: only the controller could tell whether they are the same.
    assert_eq!(kinds_of(&said(&balancer(0, 2), &two)), [("ENDPOINTS", Health::Unknown)]);
    // Not called for a while; only those of a zone; ports that not every pod has.
    assert_eq!(said(&balancer(0, 0), &two), []);
    let zoned = [slice("http", &["10.0.0.1", "10.0.0.2"], json!({"hints": {"forZones": [{"name": "a"}]}}))];
    assert_eq!(said(&balancer(1, 0), &zoned), []);
    let ports = [slice("http", &["10.0.0.1"], json!({})), slice("grpc", &["10.0.0.2"], json!({}))];
    assert_eq!(said(&balancer(1, 0), &ports), []);
    let unready = [slice("http", &["10.0.0.1"], json!({"conditions": {"ready": false}}))];
    assert_eq!(kinds_of(&said(&balancer(1, 0), &unready)), [("ENDPOINTS", Health::Stale)]);
}

#[test]
fn slices_that_may_not_be_seen_are_said() {
    let mut facts = testing::facts(&[pod("web", json!({"linkerd.io/control-plane-ns": "linkerd"}))]);
    testing::forbid(&mut facts, &kinds::ENDPOINT_SLICE);
    let wanted = needs(&facts).into_iter().find(|need| matches!(need, Need::PodMetrics { .. })).expect("it is asked");
    facts.answer(wanted, Outcome::Text(WELL.to_owned()));
    let fleet = read(&facts);
    assert!(fleet.gaps[0].contains("EndpointSlices (forbidden)"), "{:?}", fleet.gaps);
    assert_eq!(fleet.planes.iter().filter(|plane| plane.failure.is_some()).count(), 2, "nothing of the control plane runs");
}

proptest! {
    #[test]
    fn hostile_metrics(text in "((control|outbound)_[a-z_]{0,30}|[{}=,\" \n0-9.NaNe+-]){0,40}") {
        let said = said(&text, &[]);
        prop_assert!(!said.is_empty(), "what says nothing is not well");
    }
}
