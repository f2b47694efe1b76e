use super::*;
use crate::facts::SourceKind;
use jiff::Timestamp;
use serde_json::json;

fn object(value: Value) -> Object {
    let text = |key: &str| value["metadata"][key].as_str().unwrap_or_default().into();
    Object { namespace: text("namespace"), name: text("name"), json: value.to_string().into(), place: None }
}

fn slice(port: u16, endpoints: Value) -> Object {
    object(json!({"metadata": {"name": "s", "namespace": "shop"}, "ports": [{"port": port}], "endpoints": endpoints}))
}

fn endpoint(ip: &str, pod: &str, ready: bool) -> Value {
    json!({"addresses": [ip], "conditions": {"ready": ready}, "nodeName": "n1", "zone": "z1",
        "targetRef": {"kind": "Pod", "name": pod, "namespace": "shop"}})
}

fn facts() -> Facts {
    Facts::new("c", SourceKind::Live, Timestamp::UNIX_EPOCH)
}

fn with(slices: Vec<Object>) -> Facts {
    let mut facts = facts();
    facts.answer(Need::list(&kinds::ENDPOINT_SLICE), Outcome::Objects(slices));
    facts
}

#[test]
fn a_slice_names_pod_node_and_zone_and_only_the_unready_are_asked_why() {
    let mut facts = with(vec![slice(8080, json!([endpoint("10.0.0.7", "web-1", true), endpoint("10.0.0.8", "web-2", false)]))]);
    let wanted = needs(&facts, &BTreeSet::new());
    assert_eq!(wanted, [pod_need("shop", "web-2")]);
    let pod = json!({"metadata": {"name": "web-2", "namespace": "shop"}, "status": {"containerStatuses": [
        {"name": "app", "ready": false, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}});
    facts.answer(wanted[0].clone(), Outcome::Objects(vec![object(pod)]));
    assert!(needs(&facts, &BTreeSet::new()).is_empty());
    let addresses = Addresses::of(&facts);
    let one = addresses.find("10.0.0.7:8080").expect("a pod");
    assert_eq!((one.label().as_str(), one.node.as_str(), one.zone.as_str()), ("web-1.shop", "n1", "z1"));
    assert_eq!(one.problem, None);
    // A sidecar may be called at a port of its own, and a listener of the proxy may lead there.
    assert_eq!(addresses.find("10.0.0.7:20000"), Some(one));
    assert_eq!(addresses.find("envoy://connect_originate/10.0.0.7:8080"), Some(one));
    let problem = addresses.find("10.0.0.8:8080").and_then(|one| one.problem.clone());
    assert_eq!(problem.as_deref(), Some("the pod is not ready: container app: CrashLoopBackOff"));
    assert_eq!(addresses.find("10.0.0.9:8080"), None);
    assert_eq!(addresses.unknown, None);
}

#[test]
fn pods_of_a_nodes_network_are_told_apart_by_port_or_not_at_all() {
    let facts = with(vec![
        slice(9100, json!([endpoint("192.168.0.1", "exporter", true)])),
        slice(10250, json!([endpoint("192.168.0.1", "agent", true)])),
    ]);
    let addresses = Addresses::of(&facts);
    assert_eq!(addresses.find("192.168.0.1:9100").map(Backend::label).as_deref(), Some("exporter.shop"));
    assert_eq!(addresses.find("192.168.0.1:10250").map(Backend::label).as_deref(), Some("agent.shop"));
    assert_eq!(addresses.find("192.168.0.1:1"), None);
}

#[test]
fn a_recordings_pods_are_taken_whole() {
    let mut facts = with(Vec::new());
    let pod = |name: &str, ip: &str, more: Value| {
        let mut status = json!({"phase": "Running", "podIP": ip, "conditions": [{"type": "Ready", "status": "True"}]});
        status.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        object(json!({"metadata": {"name": name, "namespace": "shop"}, "spec": {"nodeName": "n2"}, "status": status}))
    };
    let pods = vec![pod("alone", "10.0.0.1", json!({})), pod("done", "10.0.0.2", json!({"phase": "Succeeded"}))];
    facts.answer(Need::list(&kinds::POD), Outcome::Objects(pods));
    let addresses = Addresses::of(&facts);
    assert_eq!(addresses.find("10.0.0.1:80").map(|one| one.node.as_str()), Some("n2"));
    assert_eq!(addresses.find("10.0.0.2:80"), None, "its address may be another's by now");
}

#[test]
fn who_may_not_read_all_namespaces_asks_for_the_ones_at_hand() {
    let mut facts = facts();
    assert_eq!(needs(&facts, &BTreeSet::new()), [Need::list(&kinds::ENDPOINT_SLICE)]);
    facts.answer(Need::list(&kinds::ENDPOINT_SLICE), Outcome::Forbidden("no".into()));
    let wanted = needs(&facts, &BTreeSet::from(["shop".to_owned()]));
    assert_eq!(wanted, [of_namespace("shop")]);
    facts.answer(wanted[0].clone(), Outcome::Objects(vec![slice(80, json!([endpoint("10.0.0.7", "web-1", true)]))]));
    let addresses = Addresses::of(&facts);
    assert!(addresses.find("10.0.0.7:80").is_some());
    assert_eq!(addresses.unknown.as_deref(), Some("EndpointSlices: no"), "others are still unknown");
}
