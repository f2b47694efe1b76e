//! `meshctl permissions`: manifests that Kubernetes takes.

use crate::run;
use serde_json::Value;

fn documents(text: &str) -> Vec<Value> {
    let split = text.split("\n---\n").map(|document| serde_yaml::from_str(document).expect("YAML"));
    split.collect()
}

#[test]
fn the_text_is_manifests() {
    let (code, stdout, stderr) = run(&["permissions", "analyze"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    for document in documents(&stdout) {
        assert_eq!(document["apiVersion"], "rbac.authorization.k8s.io/v1");
        assert_eq!(document["kind"], "ClusterRole");
        assert!(document["metadata"]["name"].as_str().is_some_and(|name| name.starts_with("meshctl-analyze")));
        assert!(document["rules"].is_array());
    }
    assert!(!stdout.contains("secrets"), "no command may want Secrets: {stdout}");
    assert!(!stdout.contains("'*'") && !stdout.contains("\"*\""), "least means named: {stdout}");
}

#[test]
fn with_a_namespace_it_is_a_role_and_the_rest() {
    let (_, stdout, _) = run(&["permissions", "-n", "shop"]);
    let kinds: Vec<_> = documents(&stdout).iter().map(|document| document["kind"].clone()).collect();
    assert_eq!(kinds[..2], ["Role", "ClusterRole"]);
}

#[test]
fn every_form_holds_the_same_manifests() {
    let (_, text, _) = run(&["permissions"]);
    let (_, json, _) = run(&["permissions", "-o", "json"]);
    let (_, yaml, _) = run(&["permissions", "-o", "yaml"]);
    let json: Value = serde_json::from_str(&json).expect("one JSON document");
    let yaml: Value = serde_yaml::from_str(&yaml).expect("one YAML document");
    assert_eq!(json, yaml);
    assert_eq!((&json["kind"], &json["apiVersion"]), (&"List".into(), &"v1".into()), "kubectl takes a List");
    assert_eq!(json["items"].as_array(), Some(&documents(&text)));
}

/// Some kinds are asked for only once something else was found; the role has them from the start.
#[test]
fn what_is_asked_later_stands_in_the_role() {
    for (command, kind) in [
        ("check", "events"),
        ("check", "pods/portforward"),
        ("check", "pods/proxy"),
        ("proxy-config", "endpointslices"),
        ("proxy-status", "endpointslices"),
        ("proxy-status", "ciliumnodes"),
        ("proxy-status", "pods/exec"),
        ("wait", "virtualservices"),
    ] {
        let (_, stdout, _) = run(&["permissions", command]);
        assert!(stdout.contains(kind), "{command}: {kind}");
    }
    let (_, stdout, _) = run(&["permissions", "version"]);
    assert!(!stdout.contains("pods/exec") || stdout.contains("may be left out"), "versions run nothing: {stdout}");
}
