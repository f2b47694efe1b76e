//! What real clusters and real proxies said (`tests/cluster/record`) is still read, and shows what was recorded.

use super::run;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The names of files in a folder that end like this, without the end.
fn names(folder: PathBuf, end: &str) -> BTreeSet<String> {
    let files = std::fs::read_dir(folder).expect("the folder").flatten().filter(|entry| entry.path().is_file());
    files.filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(end)?.to_owned())).collect()
}

/// A recording of Istio, or `consul/NAME`.
fn snapshot(name: &str) -> String {
    let name = if name.contains('/') { name.to_owned() } else { format!("istio/{name}") };
    root().join(format!("fixtures/snapshots/{name}.tar.zst")).display().to_string()
}

fn admin(name: &str) -> String {
    root().join(format!("fixtures/envoy/istio/{name}")).display().to_string()
}

fn told(words: &[&str]) -> String {
    let (code, out, err) = run(words);
    assert_eq!(code, 0, "{words:?}: {err}");
    out
}

fn json(words: &[&str]) -> Value {
    serde_json::from_str(&told(&[words, &["-o", "json"]].concat())).expect("JSON")
}

#[test]
fn every_fault_of_the_rig_is_recorded_and_every_recording_reads() {
    let recorded = names(root().join("fixtures/snapshots/istio"), ".tar.zst");
    let mut wanted = names(root().join("tests/cluster/faults"), "");
    wanted.extend(names(root().join("tests/cluster/faults/config"), ".yaml").iter().map(|name| format!("config-{name}")));
    wanted.extend(["healthy".to_owned(), "shop".to_owned()]);
    assert_eq!(recorded, wanted, "tests/cluster/record NAME makes what is missing");
    for name in &recorded {
        let info = json(&["snapshot", "info", &snapshot(name)]);
        let needs = info["clusters"][0]["needs"].as_array().expect("needs");
        assert!(needs.iter().any(|need| need["need"] == "pods" && need["outcome"] == "answered"), "{name}");
        let screen = told(&["analyze", "--from", &snapshot(name)]);
        assert!(screen.contains("Istio 1.32-dev in istio-system"), "{name}: {screen}");
        if name != "rbac-forbids" && !name.starts_with("config-") {
            let proxies = json(&["pc", "bootstrap", "-A", "--from", &snapshot(name)]);
            let (asked, answered) = (proxies["asked"].as_u64(), proxies["answered"].as_u64());
            let silent = u64::from(name == "proxy-frozen");
            // Without its webhook, one pod has no proxy.
            assert!(asked >= Some(7) && answered == asked.map(|n| n - silent), "{name}: {answered:?} of {asked:?}");
        }
    }
}

#[test]
fn what_was_broken_can_be_seen_in_its_recording() {
    let listeners = |name: &str| run(&["pc", "listener", "deploy/a.mesh", "--from", &snapshot(name), "--fail-on", "error"]);
    let (code, out, _) = listeners("nack");
    assert!(code == 1 && out.contains("script load error"), "{out}");
    let (code, out, _) = listeners("dump-unprintable");
    assert!(code == 1 && out.contains("Didn't find a registered") && out.contains("10.96.0.10"), "{out}");
    assert_eq!(listeners("healthy").0, 0);

    let gateway = "deploy/istio-ingressgateway.istio-ingress";
    let out = told(&["pc", "listener", gateway, "--port", "8443", "--from", &snapshot("config-credential-missing")]);
    assert!(out.contains("WARMING"), "{out}");
    let out = told(&["pc", "cluster", "-A", "--from", &snapshot("proxy-frozen")]);
    assert!(out.lines().any(|line| line.starts_with("- a-")) && out.contains("7 of 8 proxies answered"), "{out}");
    let out = told(&["pc", "bootstrap", "deploy/a.mesh", "--from", &snapshot("version-skew")]);
    assert!(out.contains("1.33-dev"), "{out}");

    let info = json(&["snapshot", "info", &snapshot("certificate-near-expiry")]);
    let taken: jiff::Timestamp = info["taken"].as_str().expect("taken").parse().expect("a time");
    let secrets = json(&["pc", "secret", "deploy/a.mesh", "--from", &snapshot("certificate-near-expiry")]);
    let leaf = &secrets["proxies"][0]["secrets"][0]["certificates"][0]["not_after"];
    let end: jiff::Timestamp = leaf.as_str().expect("not_after").parse().expect("a time");
    assert!(end.duration_since(taken).as_secs() < 660, "{end} is not near {taken}");

    let (code, out, _) = run(&["analyze", "--from", &snapshot("rbac-forbids")]);
    assert!(code == 0 && out.contains("configmaps (forbidden)"), "{out}");
}

#[test]
fn consuls_envoys_are_recorded_whole_and_broken() {
    let recorded = names(root().join("fixtures/snapshots/consul"), ".tar.zst");
    let mut wanted = names(root().join("tests/cluster/faults/consul"), "");
    wanted.insert("healthy".to_owned());
    assert_eq!(recorded, wanted, "tests/cluster/record consul-NAME makes what is missing");
    for name in &recorded {
        let file = snapshot(&format!("consul/{name}"));
        assert!(told(&["analyze", "--from", &file]).contains("Consul 1.22.0 in consul"), "{name}");
        assert!(told(&["pc", "all", "-A", "--from", &file]).contains("2 of 2 proxies answered"), "{name}");
    }
    // Of a server that is gone it tells nothing: Envoy says 1 again for as long as it tries to connect.
    let connected = |name: &str| {
        let file = snapshot(&format!("consul/{name}"));
        let all = told(&["pc", "stats", "-A", "--filter", "control_plane.connected_state", "--from", &file]);
        all.lines().filter(|line| line.trim_end().ends_with(" 1")).count()
    };
    assert_eq!(connected("healthy"), 2);
    let (code, out, _) =
        run(&["pc", "listener", "deploy/api.consul-apps", "--from", &snapshot("consul/nack"), "--fail-on", "error"]);
    assert!(code == 1 && out.contains("script load error"), "{out}");
}

#[test]
fn ciliums_network_is_recorded_whole_and_broken() {
    let recorded = names(root().join("fixtures/snapshots/cilium"), ".tar.zst");
    let mut wanted = names(root().join("tests/cluster/faults/cilium"), "");
    wanted.insert("healthy".to_owned());
    assert_eq!(recorded, wanted, "tests/cluster/record cilium-NAME makes what is missing");
    for name in &recorded {
        let file = snapshot(&format!("cilium/{name}"));
        let report = json(&["analyze", "--from", &file]);
        let edges = report["edges"].as_array().expect("edges");
        assert!(edges.iter().any(|edge| edge["from"] == "Deployment shop-cilium/client"), "{name}: {edges:?}");
        let why = told(&["analyze", "--explain", "Q2", "--from", &file]);
        assert!(why.contains("CiliumNetworkPolicy shop-cilium/server-from-client"), "{name}: {why}");
    }
}

#[test]
fn no_recording_with_proxies_holds_a_secret() {
    for name in ["shop", "healthy", "consul/healthy"] {
        let packed = std::fs::File::open(snapshot(name)).expect("the recording");
        let bytes = zstd::decode_all(packed).expect("zstd");
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains("config_dump?include_eds=true"), "{name} has proxies");
        assert!(!text.contains("planted-orders") && !text.contains("planted-broker") && !text.contains("PRIVATE KEY"), "{name}");
    }
}

#[test]
fn every_answer_of_the_admin_port_reads() {
    let dump = admin("config_dump.json");
    for part in ["cluster", "listener", "route", "secret", "eds", "bootstrap"] {
        let out = told(&["pc", part, "-f", &dump]);
        assert!(out.lines().count() >= 3, "{part}: {out}");
    }
    assert!(told(&["pc", "endpoint", "-f", &admin("clusters.json")]).contains("HEALTHY"));
    assert!(told(&["pc", "ecds", "-f", &admin("ecds.json")]).contains("lab.ecds"));
    for (file, state) in [("warming.json", "WARMING"), ("draining.json", "DRAINING"), ("error-state.json", "ACTIVE, UPDATE")] {
        let out = told(&["pc", "listener", "-f", &admin(file)]);
        assert!(out.contains(state), "{file}: {out}");
    }
    let (code, _, err) = run(&["pc", "listener", "-f", &admin("unprintable.txt")]);
    assert!(code == 2 && err.contains("Failed to convert protobuf message"), "{err}");
}
