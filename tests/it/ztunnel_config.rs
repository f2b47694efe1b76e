//! `meshctl ztunnel-config`, every part of it, on a dump that was made by hand and on a recording that holds it: no ztunnel
//! can be built where these tests run.

use super::run_with;
use jiff::Timestamp;
use meshctl::facts::{Facts, Need, Object, Outcome, SourceKind, kinds};
use meshctl::source::archive;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// On a screen that is wide enough for every row to be one line.
fn run(words: &[&str]) -> (i32, String, String) {
    run_with(words, &[("COLUMNS", "300")])
}

fn dump() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/ztunnel/dump.json")
}

/// The lines of the table, each with one space between its words.
fn zc(words: &[&str]) -> Vec<String> {
    let path = dump().display().to_string();
    let (code, out, err) = run(&[&["zc"], words, &["-f", &path]].concat());
    assert_eq!((code, err.as_str()), (0, ""), "{words:?}");
    lines(&out)
}

fn lines(out: &str) -> Vec<String> {
    out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn workloads() {
    let all = zc(&["workload", "-o", "wide"]);
    assert_eq!(all[0], "NAMESPACE POD NAME ADDRESS NODE WAYPOINT PROTOCOL STATUS");
    assert_eq!(all[1], "data cache-1 cache.example.com worker-1 NA HBONE Healthy", "a waypoint that nobody knows");
    assert_eq!(all[3], "shop cart-7d8b9-fghij 10.244.2.8 worker-2 waypoint HBONE Healthy");
    assert_eq!(all.len(), 7);
    for name in ["workloads", "w"] {
        assert_eq!(zc(&[name, "-o", "wide"]), all);
    }
    let of = |flags: &[&str]| zc(&[&["workload"], flags].concat()).len() - 1;
    assert_eq!(of(&["--workload-namespace", "SHOP"]), 4);
    assert_eq!(of(&["--workload-node", "worker-1"]), 3);
    assert_eq!(of(&["--address", "10.244.2.20"]), 1);
    assert_eq!(of(&["--address", "10.244.2.20", "--workload-namespace", "data"]), 1);
    assert_eq!(zc(&["workload", "--address", "10.0.0.1"]), ["no workloads"]);
}

#[test]
fn services() {
    let all = zc(&["service"]);
    assert_eq!(all[0], "NAMESPACE SERVICE NAME SERVICE VIP WAYPOINT ENDPOINTS");
    assert_eq!(all[1..3], ["data db None 1/1", "shop cart 10.96.0.31,fd00::31 waypoint 1/3"]);
    assert_eq!(zc(&["svc", "--service-namespace", "data"]).len(), 2);
}

#[test]
fn policies() {
    let all = zc(&["policy"]);
    assert_eq!(all[..2], ["NAMESPACE POLICY NAME ACTION SCOPE", "data deny-all Deny Namespace"]);
    assert_eq!(zc(&["pol", "--policy-namespace", "shop"])[1], "shop allow-web Allow WorkloadSelector");
}

#[test]
fn certificates() {
    let all = zc(&["certificate", "-o", "wide"]);
    assert_eq!(all[0], "CERTIFICATE NAME TYPE STATUS VALID CERT SERIAL NUMBER NOT AFTER NOT BEFORE REASON");
    let told = |start: &str| all.iter().find(|line| line.starts_with(start)).cloned().unwrap_or_default();
    let leaf = told("spiffe://cluster.local/ns/shop");
    assert!(leaf.contains("Leaf Available") && leaf.contains("e5dfb59150b2ba7f108d93dcec5aa613"), "{leaf}");
    assert_eq!(all.iter().filter(|line| line.contains(" Root Available ")).count(), 2, "apart, and at the end of a chain");
    assert!(told("spiffe://cluster.local/ns/new").contains("NA Initializing false NA NA NA"));
    assert!(told("spiffe://cluster.local/ns/old").ends_with("the identity is no longer needed"));
}

#[test]
fn connections() {
    let all = zc(&["connections"]);
    assert_eq!(all[0], "WORKLOAD DIRECTION LOCAL REMOTE REMOTE TARGET PROTOCOL");
    assert_eq!(all.len(), 5);
    let named = zc(&["cons", "--direction", "outbound", "--workload-namespace", "shop", "-o", "wide"]);
    let cart = "web-5c9f7-abcde.shop Outbound web-5c9f7-abcde.shop:50000 cart-7d8b9-fghij.shop:15008 cart.shop.svc.cluster.local:80 HBONE";
    assert_eq!(named[1], cart);
    assert!(named[2].contains("203.0.113.5:443 203.0.113.5:443 TCP"), "{named:?}");
    let raw = zc(&["connections", "--raw", "--direction", "inbound"]);
    assert_eq!(raw[1..], ["web-5c9f7-abcde.shop Inbound 10.244.1.7:8080 10.244.2.20:41000 HBONE"]);
}

#[test]
fn all_of_it_and_the_machine_forms() {
    let all = zc(&["all"]);
    for heading in ["Workloads", "Services", "Policies", "Certificates", "Connections"] {
        assert!(all.iter().any(|line| line == heading), "{heading}");
    }
    let path = dump().display().to_string();
    let json = |words: &[&str]| -> Value {
        let (code, out, _) = run(&[&["zc"], words, &["-f", &path, "-o", "json"]].concat());
        assert_eq!(code, 0);
        serde_json::from_str(&out).expect("JSON")
    };
    let whole = json(&["all"]);
    assert_eq!(whole["schema"], "meshctl/ztunnel-config/v1");
    let proxy = &whole["proxies"][0];
    assert_eq!(proxy["workloads"][2]["config"]["serviceAccount"], "default", "the ztunnel's own, with what no column shows");
    assert_eq!(proxy["services"][1]["healthy_endpoints"], 1);
    for (part, list) in [
        ("workload", "workloads"),
        ("service", "services"),
        ("policy", "policies"),
        ("certificate", "certificates"),
        ("connections", "connections"),
    ] {
        assert_eq!(json(&[part])["proxies"][0][list], proxy[list], "{part}");
    }
    let yaml: Value = serde_yaml::from_str(&run(&["zc", "all", "-f", &path, "-o", "yaml"]).1).expect("YAML");
    assert_eq!(yaml, whole);
}

#[test]
fn lists_of_older_versions_read_the_same() {
    let path = dump().with_file_name("lists.json").display().to_string();
    let old = lines(&run(&["zc", "workload", "-f", &path]).1);
    assert_eq!(old.len(), 4);
    assert!(zc(&["workload"]).iter().any(|line| *line == old[1].replace("NA", "waypoint")), "{old:?}");
    assert_eq!(lines(&run(&["zc", "connections", "-f", &path]).1).len(), 4);
    let certificates = run(&["zc", "certificate", "-f", &path, "-o", "wide"]).1;
    assert!(certificates.contains("Unavailable") && certificates.contains("the identity is no longer needed"), "{certificates}");
}

/// A pod of the workload `of` on that node.
fn pod(name: &str, namespace: &str, node: &str) -> Object {
    let labels = if name.starts_with("ztunnel") { json!({"app": "ztunnel"}) } else { json!({}) };
    let container = if name.starts_with("ztunnel") { "istio-proxy" } else { "app" };
    let text = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"nodeName": node, "containers": [{"name": container, "image": "example/ztunnel:1"}]},
        "status": {"phase": "Running", "podIP": "10.0.0.1"}});
    Object { namespace: namespace.into(), name: name.into(), json: text.to_string().into(), place: None }
}

#[test]
fn a_recording_answers_for_the_node_of_a_pod() {
    let now: Timestamp = "2026-11-23T20:00:00Z".parse().expect("a time");
    let mut facts = Facts::new("ambient", SourceKind::Live, now);
    let pods = vec![
        pod("web-5c9f7-abcde", "shop", "worker-1"),
        pod("ztunnel-1", "istio-system", "worker-1"),
        pod("ztunnel-2", "istio-system", "worker-2"),
    ];
    facts.answer(Need::list(&kinds::POD), Outcome::Objects(pods));
    let bytes = std::fs::read(dump()).expect("the dump");
    for name in ["ztunnel-1", "ztunnel-2"] {
        let (namespace, pod, path) = ("istio-system".into(), name.into(), "config_dump".into());
        facts.answer(Need::PodGet { namespace, pod, port: 15000, path }, Outcome::Bytes(Arc::new(bytes.clone())));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ambient.tar.zst");
    archive::write(&file, &[facts], true).expect("written");
    let file = file.display().to_string();
    let ask = |words: &[&str]| {
        let (code, out, err) = run(&[&["zc"], words, &["--from", &file]].concat());
        assert_eq!(code, 0, "{err}");
        lines(&out)
    };
    let of_pod = ask(&["workload", "web-5c9f7-abcde.shop"]);
    assert_eq!(of_pod[1..], ["shop web-5c9f7-abcde 10.244.1.7 worker-1 None HBONE"], "its own row, of its node's ztunnel");
    assert_eq!(ask(&["workload", "ztunnel-2.istio-system"]).len(), 7);
    assert_eq!(ask(&["service", "--node", "worker-2"]).len(), 5);
    let certificates = ask(&["certificate"]);
    assert!(certificates[0].starts_with("PROXY CERTIFICATE NAME"), "each ztunnel has its own: {}", certificates[0]);
    assert!(certificates.iter().any(|line| line == "2 of 2 proxies answered"));
    // The clock is that of the recording.
    assert!(
        certificates.iter().any(|line| line.contains("ns/shop") && line.contains("Leaf Available true")),
        "{certificates:#?}"
    );
    assert!(certificates.iter().any(|line| line.contains("ns/data") && line.contains("Leaf Available false")));
    let (code, _, err) = run(&["zc", "log", "--from", &file]);
    assert!(code == 2 && err.contains("only a live ztunnel"), "{err}");
    let (code, _, err) = run(&["zc", "workload", "nobody.shop", "--from", &file]);
    assert!(code == 2 && err.contains("nobody"), "{err}");
}
