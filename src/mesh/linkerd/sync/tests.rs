//! Made-up metrics of one proxy, each with one thing wrong; real ones are in the recordings.

use super::*;
use crate::facts::{At, grpc};
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
    told(metrics, slices, &[])
}

/// The same where the controller's replicas, `dst` and `dst2`, say this of cart; one that is not named is not asked.
fn told(metrics: &str, slices: &[Value], sent: &[(&str, Result<&[u8], &str>)]) -> Vec<(&'static str, Health, String)> {
    let own = |part: &str| json!({"linkerd.io/control-plane-ns": "linkerd", "linkerd.io/control-plane-component": part});
    let mut all = vec![
        pod("dst", own("destination")),
        pod("dst2", own("destination")),
        pod("id", own("identity")),
        pod("web", json!({"linkerd.io/control-plane-ns": "linkerd"})),
    ];
    all.extend_from_slice(slices);
    let mut facts = testing::facts(&all);
    let wanted = needs(&facts).into_iter().find(|need| matches!(need, Need::PodMetrics { pod, .. } if pod == "web"));
    facts.answer(wanted.expect("it is asked"), Outcome::Text(metrics.to_owned()));
    for need in needs(&facts) {
        let Need::Grpc(call) = &need else { continue };
        let At::Pod { pod, .. } = &call.at else { continue };
        let outcome = match sent.iter().find(|(replica, _)| replica == pod) {
            Some((_, Ok(last))) => Outcome::Bytes(std::sync::Arc::new(update(last))),
            Some((_, Err(why))) => Outcome::TimedOut((*why).to_owned()),
            None => continue,
        };
        facts.answer(need, outcome);
    }
    let told = read(&facts).told.remove(0);
    assert_eq!((told.proxy.as_str(), told.silent), ("web", None));
    let bad = told.parts.iter().flat_map(|part| part.why.iter().map(move |why| (part.kind, part.health, why.clone())));
    bad.collect()
}

/// Endpoints 10.0.0.N, as a controller sends them.
fn update(last: &[u8]) -> Vec<u8> {
    use crate::mesh::linkerd::api::{IpAddress, NoEndpoints, TcpAddress, Update, WeightedAddr, WeightedAddrSet};
    let addr = |n: &u8| TcpAddress { ip: Some(IpAddress { ipv4: Some(0x0a00_0000 + u32::from(*n)), ipv6: None }), port: 8080 };
    let addrs: Vec<_> = last.iter().map(|n| WeightedAddr { addr: Some(addr(n)), ..WeightedAddr::default() }).collect();
    let none = addrs.is_empty().then_some(NoEndpoints { exists: true });
    let add = (!addrs.is_empty()).then_some(WeightedAddrSet { addrs });
    grpc::join([prost::Message::encode_to_vec(&Update { add, no_endpoints: none, ..Update::default() }).as_slice()])
}

#[test]
fn who_is_late_is_named() {
    let two = [slice("http", &["10.0.0.1", "10.0.0.2"], json!({}))];
    let (now, old): (&[u8], &[u8]) = (&[1, 2], &[1]);
    let why = |ready: u32, sent: &[(&str, Result<&[u8], &str>)]| {
        let said = told(&balancer(ready, 0), &two, sent);
        assert!(said.iter().all(|(kind, health, _)| (*kind, *health) == ("ENDPOINTS", Health::Stale)), "{said:?}");
        said.into_iter().map(|(.., why)| why).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(why(2, &[("dst", Ok(now)), ("dst2", Ok(now))]), "");
    let proxy = why(1, &[("dst", Ok(now)), ("dst2", Ok(now))]);
    assert!(proxy.ends_with("the EndpointSlices have 2 ready: all 2 controllers have the same, so the proxy is late"), "{proxy}");
    let controller = why(1, &[("dst", Ok(now)), ("dst2", Ok(old))]);
    assert!(controller.ends_with("the controller is late, and the proxy follows it: dst2 (lacks 10.0.0.2)"), "{controller}");
    let both = why(3, &[("dst", Ok(old)), ("dst2", Ok(now))]);
    assert!(both.ends_with("controller and proxy are both late: dst (lacks 10.0.0.2)"), "{both}");
    // The proxy has what it should, from the other replica; this one will mislead the next that asks.
    let replica = why(2, &[("dst", Ok(now)), ("dst2", Ok(&[1, 7]))]);
    assert!(replica.contains("dst2 sends 2 endpoints") && replica.contains("(lacks 10.0.0.2; still has 10.0.0.7)"), "{replica}");
    let nothing = why(2, &[("dst", Ok(&[])), ("dst2", Ok(now))]);
    assert!(nothing.contains("dst sends 0 endpoints"), "{nothing}");
    // Nobody heard: the difference is told, and no culprit.
    let silent = why(1, &[("dst", Err("no answer within 2s")), ("dst2", Err("no answer within 2s"))]);
    assert!(silent.ends_with("the EndpointSlices have 2 ready"), "{silent}");
}

#[test]
fn ports_are_told_apart_by_the_service() {
    let ports = [
        slice("http", &["10.0.0.1"], json!({})),
        slice("grpc", &["10.0.0.2", "10.0.0.3"], json!({})),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "cart", "namespace": "shop"},
            "spec": {"ports": [{"name": "http", "port": 80}, {"name": "grpc", "port": 81}]}}),
    ];
    assert_eq!(said(&balancer(1, 0), &ports), []);
    assert_eq!(kinds_of(&said(&balancer(2, 0), &ports)), [("ENDPOINTS", Health::Stale)]);
}

#[test]
fn controllers_that_do_not_answer_are_a_gap_and_those_that_were_not_asked_are_none() {
    let own = |part: &str| json!({"linkerd.io/control-plane-ns": "linkerd", "linkerd.io/control-plane-component": part});
    let web = pod("web", json!({"linkerd.io/control-plane-ns": "linkerd"}));
    let mut facts = testing::facts(&[pod("dst", own("destination")), web, slice("http", &["10.0.0.1"], json!({}))]);
    let wanted = needs(&facts).into_iter().find(|need| matches!(need, Need::PodMetrics { pod, .. } if pod == "web"));
    facts.answer(wanted.expect("it is asked"), Outcome::Text(balancer(1, 0)));
    assert_eq!(read(&facts).gaps, Vec::<String>::new());
    let call = needs(&facts).into_iter().find(|need| matches!(need, Need::Grpc(_))).expect("a call");
    facts.answer(call, Outcome::Failed("connection refused".to_owned()));
    assert_eq!(read(&facts).gaps, ["what linkerd-destination sends to proxies: connection refused"]);
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
