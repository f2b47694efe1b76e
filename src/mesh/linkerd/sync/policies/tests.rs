//! Two replicas of the policy controller, one proxy, and who of them is late.

use super::super::{needs, read};
use super::*;
use crate::facts::{At, Outcome, grpc};
use crate::mesh::linkerd::api::{InboundProtocol, OutboundRoute, OutboundRoutes, Resource as Named, Server as Sent};
use crate::mesh::testing;
use prost::Message;
use serde_json::{Value, json};
use std::sync::Arc;

const WELL: &str = "control_destination_balancer_endpoints{endpoint_state=\"ready\"} 1\n\
    control_policy_balancer_endpoints{endpoint_state=\"ready\"} 1\n\
    control_identity_cert_expiration_timestamp_seconds 4102444800\n";
const CALLS: &str = "outbound_http_balancer_endpoints{backend_kind=\"Service\",backend_namespace=\"shop\",backend_name=\"cart\",\
    backend_port=\"80\",endpoint_state=\"ready\"} 1\n";

fn pod(name: &str, part: Option<&str>) -> Value {
    let mut labels = json!({"linkerd.io/control-plane-ns": "linkerd", "app": name});
    part.into_iter().for_each(|part| labels["linkerd.io/control-plane-component"] = json!(part));
    let namespace = if part.is_some() { "linkerd" } else { "shop" };
    let env = json!([{"name": "LINKERD2_PROXY_INBOUND_PORTS", "value": "8080"}]);
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"containers": [{"name": "main", "image": "a:1", "ports": [{"name": "http", "containerPort": 8080}]},
            {"name": "linkerd-proxy", "image": "linkerd/proxy:1", "env": env}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}})
}

fn server(name: &str, born: &str) -> Value {
    json!({"apiVersion": "policy.linkerd.io/v1beta3", "kind": "Server",
        "metadata": {"name": name, "namespace": "shop", "creationTimestamp": born, "generation": 1},
        "spec": {"podSelector": {"matchLabels": {"app": "web"}}, "port": "http"}})
}

fn route(name: &str, accepted: &str) -> Value {
    let parent = json!({"group": "core", "kind": "Service", "name": "cart", "port": 80});
    let said = json!({"controllerName": "linkerd.io/policy-controller", "parentRef": parent,
        "conditions": [{"type": "Accepted", "status": accepted}]});
    json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": name, "namespace": "shop"},
        "spec": {"parentRefs": [parent]}, "status": {"parents": [said]}})
}

fn inbound(kind: &str, name: &str) -> Vec<u8> {
    let labels = [("kind", kind), ("name", name)].map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    Sent { protocol: Some(InboundProtocol::default()), labels, ..Sent::default() }.encode_to_vec()
}

fn outbound(names: &[&str]) -> Vec<u8> {
    let route = |name: &&str| {
        let (group, kind) = ("gateway.networking.k8s.io".to_owned(), "HTTPRoute".to_owned());
        let named = Named { group, kind, name: (*name).to_owned(), namespace: "shop".to_owned(), port: 0 };
        let metadata = Some(Metadata { default: None, resource: Some(named) });
        OutboundRoute { metadata, ..OutboundRoute::default() }
    };
    let http1 = Some(OutboundRoutes { routes: names.iter().map(route).collect(), failure_accrual: None });
    let mut policy = OutboundPolicy::default();
    policy.protocol.get_or_insert_default().detect.get_or_insert_default().http1 = http1;
    policy.encode_to_vec()
}

/// What is said of its policies, where these replicas answer so: `dst` and `dst2`.
fn said(objects: &[Value], metrics: &str, answers: &[(&str, Vec<u8>)]) -> (Vec<String>, Vec<String>) {
    let mut all =
        vec![pod("dst", Some("destination")), pod("dst2", Some("destination")), pod("id", Some("identity")), pod("web", None)];
    all.extend_from_slice(objects);
    let mut facts = testing::facts(&all);
    facts.now = "2026-11-23T20:00:00Z".parse().expect("a time");
    let wanted = needs(&facts).into_iter().find(|need| matches!(need, Need::PodMetrics { pod, .. } if pod == "web"));
    facts.answer(wanted.expect("it is asked"), Outcome::Text(format!("{WELL}{metrics}")));
    for need in needs(&facts) {
        let Need::Grpc(call) = &need else { continue };
        let At::Pod { pod, .. } = &call.at else { continue };
        let policy = call.method.starts_with(api::INBOUND) || call.method.starts_with(api::OUTBOUND);
        if let Some((_, message)) = answers.iter().find(|(replica, _)| policy && replica == pod) {
            facts.answer(need, Outcome::Bytes(Arc::new(grpc::join([message.as_slice()]))));
        } else if policy {
            facts.answer(need, Outcome::TimedOut("no answer".to_owned()));
        }
    }
    let mut fleet = read(&facts);
    let told = fleet.told.remove(0);
    let policy = told.parts.into_iter().find(|part| part.kind == "POLICY").expect("the part");
    (policy.why, fleet.gaps)
}

#[test]
fn a_replica_that_lost_its_watch_is_named() {
    let servers = [server("web-http", "2026-11-23T19:00:00Z"), server("shadow", "2026-11-23T19:30:00Z")];
    let well = || inbound("server", "web-http");
    let (why, gaps) = said(&servers, "", &[("dst", well()), ("dst2", well())]);
    assert_eq!((why, gaps.len()), (Vec::new(), 0));
    let (why, _) = said(&servers, "", &[("dst", well()), ("dst2", inbound("default", "all-unauthenticated"))]);
    assert_eq!(
        why,
        ["Server web-http governs port 8080, and dst2 still sends default all-unauthenticated: the controller is late"]
    );
    // The younger of two does not govern.
    let (why, _) = said(&servers, "", &[("dst", well()), ("dst2", inbound("server", "shadow"))]);
    assert!(why[0].contains("dst2 still sends server shadow"), "{why:?}");
    // One that gives no answer is a gap, and no verdict.
    let (why, gaps) = said(&servers, "", &[("dst", well())]);
    assert!(why.is_empty() && gaps[0].contains("no answer"), "{why:?} {gaps:?}");
    // A Server that is gone, by what the proxy still counts.
    let counted = "inbound_http_authz_allow_total{srv_kind=\"server\",srv_name=\"web-http\",srv_port=\"8080\"} 7\n";
    let (why, _) = said(&[], counted, &[("dst", inbound("default", "deny")), ("dst2", well())]);
    assert_eq!(why, ["no Server governs port 8080, and dst2 still sends server web-http: the controller is late"]);
}

#[test]
fn a_proxy_that_goes_by_its_default_is_late_itself() {
    let by_default =
        "inbound_http_authz_allow_total{srv_kind=\"default\",srv_name=\"all-unauthenticated\",srv_port=\"8080\"} 7\n";
    let sent = || [("dst", inbound("server", "web-http")), ("dst2", inbound("server", "web-http"))];
    let (why, _) = said(&[server("web-http", "2026-11-23T19:00:00Z")], by_default, &sent());
    assert_eq!(
        why,
        [
            "Server web-http governs port 8080, as the controllers send it, and it counts requests by default all-unauthenticated: the proxy is late"
        ]
    );
    // A minute ago it was right to; what it counted then it still tells.
    let (why, _) = said(&[server("web-http", "2026-11-23T19:59:00Z")], by_default, &sent());
    assert_eq!(why, Vec::<String>::new());
    let both =
        format!("{by_default}inbound_http_authz_allow_total{{srv_kind=\"server\",srv_name=\"web-http\",srv_port=\"8080\"}} 1\n");
    let (why, _) = said(&[server("web-http", "2026-11-23T19:00:00Z")], &both, &sent());
    assert_eq!(why, Vec::<String>::new());
}

#[test]
fn routes_that_a_replica_lacks_or_still_sends() {
    let routes = [route("cart-out", "True"), route("cart-slow", "True"), route("refused", "False")];
    let all = || outbound(&["cart-out", "cart-slow"]);
    assert_eq!(said(&routes, CALLS, &[("dst", all()), ("dst2", all())]).0, Vec::<String>::new());
    let (why, _) = said(&routes, CALLS, &[("dst", all()), ("dst2", outbound(&["cart-out"]))]);
    assert_eq!(why, ["cart.shop:80: dst2 does not send HTTPRoute shop/cart-slow, which is accepted: the controller is late"]);
    let (why, _) = said(&routes, CALLS, &[("dst", outbound(&["cart-out", "cart-slow", "gone"])), ("dst2", all())]);
    assert_eq!(why, ["cart.shop:80: dst still sends HTTPRoute gone, which is not there: the controller is late"]);
    // Without a route of its own the Service is asked about by nobody.
    assert_eq!(said(&[], CALLS, &[]).1, Vec::<String>::new());
}
