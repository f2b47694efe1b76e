//! `proxy-status` on recordings of a real control plane, healthy and broken.

use super::run;
use serde_json::Value;

fn ask(name: &str, more: &[&str]) -> (i32, String) {
    let from = format!("{}/fixtures/snapshots/istio/{name}.tar.zst", env!("CARGO_MANIFEST_DIR"));
    let (code, out, err) = run(&[&["proxy-status", "--from", &from], more].concat());
    assert!(code < 2, "{name}: {err}");
    (code, out)
}

fn json(name: &str) -> Value {
    let report: Value = serde_json::from_str(&ask(name, &["-o", "json"]).1).expect("JSON");
    report["clusters"][0].clone()
}

#[test]
fn each_fault_of_a_real_mesh_has_its_state() {
    for (name, wanted) in [
        ("healthy", r#"{"SYNCED":8}"#),
        ("nack", r#"{"REJECTED":1,"SYNCED":7}"#),
        ("nack-unknown-type", r#"{"REJECTED":1,"SYNCED":7}"#),
        ("proxy-frozen", r#"{"STALE":1,"SYNCED":7}"#),
        ("istiod-down", r#"{"DISCONNECTED":7,"SYNCED":1}"#),
        ("istiod-frozen", r#"{"SYNCED":5,"UNKNOWN":3}"#),
        ("version-skew", r#"{"SYNCED":8}"#),
    ] {
        let status = json(name);
        assert_eq!(status["summary"].to_string(), wanted, "{name}");
        let planes = status["control_planes"].as_array().expect("control planes");
        let failed = planes.iter().filter(|plane| !plane["failure"].is_null()).count();
        assert_eq!(failed, usize::from(name == "istiod-frozen"), "{name}: {planes:?}");
    }
}

#[test]
fn the_reason_is_the_proxys_own_and_the_next_command_is_named() {
    let (_, screen) = ask("nack", &[]);
    assert!(screen.contains("LDS sent") && screen.contains("was refused: Error adding/updating listener"), "{screen}");
    assert!(screen.contains("meshctl proxy-config all a-"), "{screen}");
    assert!(screen.lines().all(|line| line.chars().count() <= 100 || line.contains("--from")), "{screen}");
    let first = screen.lines().nth(3).expect("a row");
    assert!(first.starts_with("a-") && first.ends_with("REJECTED"), "the worst comes first: {first}");
}

#[test]
fn who_is_cut_off_goes_on_with_what_it_has() {
    let (_, screen) = ask("istiod-down", &[]);
    let words: String = screen.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("these 7: no replica of its control plane (revision default) runs: it goes on with"), "{screen}");
}

#[test]
fn what_may_not_be_asked_is_unknown_and_says_which_right_is_missing() {
    let (_, screen) = ask("rbac-forbids", &[]);
    assert!(!screen.contains(" SYNCED") && screen.contains("meshctl permissions proxy-status"), "{screen}");
}

#[test]
fn filters_and_exit_codes() {
    assert_eq!(ask("nack", &[]).0, 0, "it shows, and fails only when asked to");
    assert_eq!(ask("nack", &["--fail-on", "error"]).0, 1);
    assert_eq!(ask("healthy", &["--fail-on", "warning"]).0, 0);
    let (_, screen) = ask("nack", &["--only", "rejected,stale"]);
    assert_eq!(screen.lines().filter(|line| line.ends_with("SYNCED")).count(), 0, "{screen}");
    let (_, screen) = ask("nack", &["--only", "stale"]);
    assert!(screen.contains("none of 8 proxies is of that kind"), "{screen}");
    let (_, screen) = ask("nack", &["-n", "mesh-canary"]);
    assert!(screen.contains("1 proxy: 1 SYNCED"), "{screen}");
    let (_, screen) = ask("nack", &["-l", "app=a"]);
    assert!(screen.contains("1 proxy: 1 REJECTED"), "{screen}");
    let (_, screen) = ask("nack", &["--revision", "canary"]);
    assert!(screen.contains("1 proxy: 1 SYNCED"), "{screen}");
}

fn imported(name: &str) -> Value {
    let from = format!("{}/fixtures/{name}.tar.zst", env!("CARGO_MANIFEST_DIR"));
    let (code, out, err) = run(&["ps", "--from", &from, "-o", "json"]);
    assert_eq!(code, 0, "{name}: {err}");
    serde_json::from_str::<Value>(&out).expect("JSON")["clusters"][0].clone()
}

/// Proxies speak for themselves here. The first row holds the fault, and what it is seen by.
#[test]
fn each_fault_of_the_other_meshes_comes_first_with_its_evidence() {
    const CASES: [(&str, &str, &str, &str); 27] = [
        ("imported/consul/healthy", r#"{"SYNCED":5}"#, "", ""),
        ("imported/consul/cr-not-synced", r#"{"SYNCED":5}"#, "", ""),
        ("imported/consul/intention-deny", r#"{"SYNCED":5}"#, "", ""),
        (
            "imported/consul/rejected-config",
            r#"{"REJECTED":1,"SYNCED":4}"#,
            "db-",
            "LDS public_listener:10.244.0.35:20000 was refused",
        ),
        // The counter of refusals still stands at one here, and nothing is refused any more.
        ("imported/consul/ghost-instance", r#"{"STALE":2,"SYNCED":2}"#, "batch-", "10.244.0.32:20000 of api is a ghost"),
        ("imported/consul/server-down", r#"{"DISCONNECTED":5}"#, "api-v1-", "consul/consul-server has no pod"),
        ("snapshots/consul/healthy", r#"{"SYNCED":2}"#, "", ""),
        ("snapshots/consul/intention-deny", r#"{"SYNCED":2}"#, "", ""),
        ("snapshots/consul/nack", r#"{"REJECTED":1,"SYNCED":1}"#, "api-", "script load error"),
        // One of these Envoys says that it is connected: it tries.
        ("snapshots/consul/server-down", r#"{"DISCONNECTED":2}"#, "api-", "no Consul server runs"),
        ("imported/linkerd/healthy", r#"{"SYNCED":6}"#, "", ""),
        ("imported/linkerd/version-skew", r#"{"SYNCED":6}"#, "", ""),
        ("imported/linkerd/misconfig", r#"{"SYNCED":6}"#, "", ""),
        ("imported/linkerd/trust-bundle-skew", r#"{"SYNCED":6}"#, "", ""),
        ("imported/linkerd/issuer-near-expiry", r#"{"SYNCED":6}"#, "", ""),
        ("imported/linkerd/unmeshed-pod", r#"{"SYNCED":7}"#, "", ""),
        ("imported/linkerd/destination-down", r#"{"DISCONNECTED":7}"#, "cart-", "no replica of linkerd-destination"),
        (
            "imported/linkerd/identity-down",
            r#"{"DISCONNECTED":1,"NOT SENT":1,"SYNCED":5}"#,
            "web-",
            "no replica of linkerd-identity",
        ),
        (
            "imported/linkerd/issuer-expired",
            r#"{"DISCONNECTED":1,"NOT SENT":1,"SYNCED":5}"#,
            "web-",
            "the issuer certificate expired 80s ago",
        ),
        (
            "imported/linkerd/leaf-expired-stuck",
            r#"{"DISCONNECTED":1,"SYNCED":5}"#,
            "web-",
            "its certificate expired at 2026-11-23T20:10:50Z",
        ),
        ("imported/cilium/healthy", r#"{"SYNCED":1}"#, "", ""),
        ("imported/cilium/agent-down", r#"{"DISCONNECTED":1}"#, "ciliumlab", "cilium.sock: connect: no such file"),
        // Objects only: nobody knows.
        ("imported/mixed/healthy", r#"{"UNKNOWN":17}"#, "", ""),
        ("snapshots/cilium/healthy", r#"{"SYNCED":1}"#, "", ""),
        ("snapshots/cilium/policy-without-port", r#"{"SYNCED":1}"#, "", ""),
        ("snapshots/cilium/agent-down", r#"{"DISCONNECTED":1}"#, "meshrec", "DaemonSet kube-system/cilium has no pod here"),
        ("snapshots/istio/healthy", r#"{"SYNCED":8}"#, "", ""),
    ];
    for (name, wanted, first, evidence) in CASES {
        let status = imported(name);
        assert_eq!(status["summary"].to_string(), wanted, "{name}");
        if !first.is_empty() {
            let row = &status["proxies"][0];
            assert!(row["name"].as_str().is_some_and(|name| name.starts_with(first)), "{name}: {row}");
            assert!(row["reasons"].to_string().contains(evidence), "{name}: {row}");
        }
    }
}

#[test]
fn endpoints_are_compared() {
    let load = |status: &Value| {
        status["proxies"]
            .as_array()
            .expect("rows")
            .iter()
            .find(|row| row["name"].as_str().is_some_and(|n| n.starts_with("load-")))
            .cloned()
    };
    let row = load(&imported("imported/linkerd/destination-down")).expect("the row");
    assert!(
        row["reasons"].to_string().contains(
            "catalog.shop-l5d:8079: the proxy has 2 endpoints, and reaches none of them; the EndpointSlices have 3 ready"
        ),
        "{row}"
    );
    for name in ["imported/consul/healthy", "snapshots/consul/healthy"] {
        assert!(!imported(name)["not_seen"].to_string().contains("catalog"), "{name}");
    }
}

#[test]
fn a_recording_is_neither_watched_nor_waited_for_and_tells_what_it_lacks() {
    let from = format!("{}/fixtures/snapshots/istio/nack.tar.zst", env!("CARGO_MANIFEST_DIR"));
    for words in [["ps", "--watch"].as_slice(), &["wait", "--for=synced"]] {
        let (code, _, stderr) = run(&[words, &["--from", &from]].concat());
        assert!(code == 2 && stderr.contains("a recording doesn't change"), "{stderr}");
    }
    // What its control plane would send is in the recording, so the refused listeners stand beside what it has.
    let (code, screen, _) = run(&["ps", "deploy/a.mesh", "--from", &from, "--strict"]);
    assert!(code == 0 && screen.contains("REJECTED") && screen.contains("update rejected"), "{screen}");
    // Nobody was there who would send anything.
    let from = format!("{}/fixtures/snapshots/istio/istiod-down.tar.zst", env!("CARGO_MANIFEST_DIR"));
    for (strict, wanted) in [(false, 0), (true, 2)] {
        let (code, screen, _) =
            run(&[&["ps", "deploy/a.mesh", "--from", &from], ["--strict"].get(..usize::from(strict)).unwrap()].concat());
        assert!(code == wanted && screen.contains("nothing to compare with"), "{code}: {screen}");
    }
}

#[test]
fn flags_of_the_transport_that_contradict_are_refused() {
    for (words, says) in [
        (["--xds-address", "istiod"].as_slice(), "no HOST:PORT"),
        (&["--xds-address", "istiod:15012", "--transport", "http"], "is asked over gRPC"),
        (&["--transport", "http", "--insecure"], "for gRPC"),
    ] {
        let (code, _, stderr) = run(&[["ps"].as_slice(), words].concat());
        assert!(code == 2 && stderr.contains(says), "{words:?}: {stderr}");
    }
}
