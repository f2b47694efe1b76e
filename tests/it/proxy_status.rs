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
        ("istiod-frozen", r#"{"SYNCED":1,"UNKNOWN":7}"#),
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

#[test]
fn a_mesh_that_tells_nothing_is_unknown_not_well() {
    let from = format!("{}/fixtures/imported/consul/healthy.tar.zst", env!("CARGO_MANIFEST_DIR"));
    let (_, screen, _) = run(&["ps", "--from", &from]);
    assert!(screen.contains("UNKNOWN") && !screen.contains("SYNCED") && screen.contains("Consul tells nobody"), "{screen}");
}
