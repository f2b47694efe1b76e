//! `version` on recordings of real meshes.

use super::run;

fn ask(name: &str, more: &[&str]) -> (i32, String) {
    let from = format!("{}/fixtures/{name}.tar.zst", env!("CARGO_MANIFEST_DIR"));
    let (code, out, err) = run(&[&["version", "--from", &from], more].concat());
    assert!(code < 2, "{name}: {err}");
    (code, out)
}

#[test]
fn a_proxy_ahead_of_its_control_plane_is_named_with_the_rule() {
    let (code, screen) = ask("snapshots/istio/version-skew", &["--fail-on", "warning"]);
    let words: String = screen.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains(".mesh: 1.33-dev is ahead of its control plane (1.32-dev), which is not supported"), "{screen}");
    assert!(words.contains("Istio default istio-system 1.32-dev 2 7 1.32-dev (6), 1.33-dev (1)"), "{screen}");
    assert!(words.contains("istio.io, Supported Releases"), "{screen}");
    assert_eq!(code, 1);
    assert_eq!(ask("snapshots/istio/healthy", &["--fail-on", "info"]).0, 0);
}

#[test]
fn every_mesh_has_its_line_and_unknown_policies_are_not_judged() {
    let (_, screen) = ask("imported/mixed/healthy", &[]);
    for mesh in ["Istio", "Linkerd", "Consul"] {
        assert!(screen.lines().any(|line| line.starts_with(mesh)), "{mesh}: {screen}");
    }
    let (code, screen) = ask("imported/linkerd/version-skew", &["--fail-on", "warning"]);
    assert!(screen.contains("they run edge-26.7.1, their control plane asks for edge-26.8.3"), "{screen}");
    assert_eq!(code, 0, "no number says that this is too much");
}

#[test]
fn each_skewed_group_is_a_finding_and_the_policy_is_told() {
    let (_, json) = ask("snapshots/istio/version-skew", &["-o", "json"]);
    let report: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let planes = report["clusters"][0]["control_planes"].as_array().expect("control planes");
    let of = |revision: &str| planes.iter().find(|plane| plane["revision"] == revision).expect("a revision");
    let skewed = of("default");
    assert_eq!((&skewed["policy"]["behind"], skewed["findings"].as_array().map(Vec::len)), (&1.into(), Some(1)), "{skewed}");
    assert_eq!(skewed["findings"][0]["severity"], "warning");
    assert_eq!(skewed["replicas"].as_array().map(Vec::len), Some(2));
    assert_eq!((&of("canary")["version"], of("canary")["findings"].as_array().map(Vec::len)), (&"1.33-dev".into(), Some(0)));
}

#[test]
fn the_client_alone_asks_nobody() {
    let (code, out, _) = run(&["version", "--client", "--context", "nosuch"]);
    assert_eq!((code, out.as_str()), (0, format!("meshctl {}\n", env!("CARGO_PKG_VERSION")).as_str()));
}
