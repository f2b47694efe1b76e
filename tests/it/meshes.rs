//! `meshes`, `check-inject` and `check` on recordings of real meshes, healthy and broken.

use super::run;
use serde_json::Value;
use std::path::Path;

fn from(name: &str) -> String {
    let folder = if name.starts_with("istio/") { "snapshots/" } else { "imported/" };
    let folder = if name.starts_with("snapshots/") { "" } else { folder };
    format!("{}/fixtures/{folder}{name}.tar.zst", env!("CARGO_MANIFEST_DIR"))
}

fn json(words: &[&str], name: &str) -> Value {
    let (_, out, err) = run(&[words, &["--from", &from(name), "-o", "json"]].concat());
    serde_json::from_str(&out).unwrap_or_else(|e| panic!("{name}: {e}: {err}"))
}

/// Code and result of every check that is not ok, worst first as the screen has it.
fn bad(name: &str) -> Vec<String> {
    let report = json(&["check"], name);
    let checks = report["clusters"][0]["checks"].as_array().expect("checks");
    let of = |result: &str| {
        let fits = checks.iter().filter(move |check| check["result"] == result);
        fits.map(|check| format!("{} {}", check["code"].as_str().expect("a code"), check["result"].as_str().expect("a word")))
            .collect()
    };
    [of("error"), of("warning")].into_iter().flat_map(|list: Vec<String>| list).collect()
}

#[test]
fn every_fault_is_named_first_and_health_is_silence() {
    const SEEN: [(&str, &[&str]); 29] = [
        ("linkerd/healthy", &[]),
        ("linkerd/destination-down", &["MSH1001 error", "MSH1010 error", "MSH1002 warning"]),
        ("linkerd/identity-down", &["MSH1001 error", "LNK0002 error", "MSH1006 error", "MSH1010 error", "LNK0003 warning"]),
        ("linkerd/issuer-expired", &["LNK0001 error", "LNK0002 error", "MSH1006 error", "MSH1010 error", "LNK0003 warning"]),
        ("linkerd/issuer-near-expiry", &["LNK0001 error", "LNK0003 warning"]),
        ("linkerd/leaf-expired-stuck", &["LNK0002 error", "MSH1010 error", "LNK0003 warning"]),
        ("linkerd/misconfig", &["MSH1008 error", "LNK0004 error", "LNK0005 error", "LNK0006 warning"]),
        ("linkerd/trust-bundle-skew", &["LNK0003 warning"]),
        ("linkerd/unmeshed-pod", &["MSH1005 warning"]),
        ("linkerd/version-skew", &["MSH1007 warning"]),
        ("consul/healthy", &[]),
        ("consul/cr-not-synced", &["CSL0001 error"]),
        ("consul/ghost-instance", &["MSH1001 error", "CSL0002 error", "MSH1002 error", "CSL0005 error", "MSH1010 warning"]),
        ("consul/server-down", &["MSH1001 error", "MSH1003 error", "MSH1010 error"]),
        // Denied as it is written: nothing is wrong with the mesh.
        ("consul/intention-deny", &[]),
        ("consul/rejected-config", &["MSH1010 error"]),
        ("cilium/healthy", &[]),
        ("cilium/agent-down", &["CIL0002 error", "MSH1005 error", "MSH1010 error"]),
        ("mixed/healthy", &[]),
        ("istio/healthy", &[]),
        ("istio/webhook-failing", &["MSH1002 error"]),
        ("istio/webhook-gone", &["MSH1005 warning"]),
        ("istio/missing-sidecar", &["MSH1009 warning"]),
        ("snapshots/cilium/healthy", &[]),
        ("snapshots/cilium/agent-down", &["CIL0002 error", "MSH1010 error"]),
        ("snapshots/istio/healthy", &[]),
        ("snapshots/istio/nack", &["MSH1010 error"]),
        ("snapshots/istio/istiod-down", &["MSH1001 error", "MSH1002 error", "MSH1010 error"]),
        ("snapshots/consul/nack", &["MSH1010 error"]),
    ];
    for (name, wanted) in SEEN {
        assert_eq!(bad(name), wanted, "{name}");
    }
}

/// What `linkerd check --proxy` printed on the same clusters (edge-26.8.3), and what says the same here.
#[test]
fn linkerds_own_check_agrees_or_the_difference_is_known() {
    // Scenario; what it printed; our check, with the same severity unless a reason follows.
    const SAID: [(&str, &str, &str, &str); 9] = [
        ("destination-down", "× control plane pods are ready", "MSH1001 error", ""),
        ("identity-down", "× control plane pods are ready", "MSH1001 error", ""),
        ("issuer-expired", "× issuer cert is within its validity period", "LNK0001 error", ""),
        (
            "issuer-near-expiry",
            "‼ issuer cert is valid for at least 60 days",
            "LNK0001 error",
            "minutes are left of it, and certificates are cut to that: a warning is too little",
        ),
        ("issuer-near-expiry", "‼ data plane proxies certificate match CA", "LNK0003 warning", ""),
        ("leaf-expired-stuck", "‼ data plane proxies certificate match CA", "LNK0003 warning", ""),
        ("misconfig", "‼ opaque ports are properly annotated", "LNK0006 warning", ""),
        ("trust-bundle-skew", "‼ data plane proxies certificate match CA", "LNK0003 warning", ""),
        ("version-skew", "‼ data plane is up-to-date", "MSH1007 warning", ""),
    ];
    for (scenario, said, ours, why) in SAID {
        let all = bad(&format!("linkerd/{scenario}"));
        assert!(all.contains(&ours.to_owned()), "{scenario}: {said}: {all:?}");
        let same = said.starts_with('×') == ours.ends_with("error");
        assert_eq!(same, why.is_empty(), "{scenario}: {said}: {why}");
    }
    // It was silent, or stopped before: three pods without a proxy, an expired leaf, policies that deny or name nothing.
    for (scenario, ours) in [
        ("unmeshed-pod", "MSH1005 warning"),
        ("leaf-expired-stuck", "LNK0002 error"),
        ("issuer-expired", "LNK0002 error"),
        ("misconfig", "LNK0004 error"),
        ("misconfig", "LNK0005 error"),
    ] {
        assert!(bad(&format!("linkerd/{scenario}")).contains(&ours.to_owned()), "{scenario}: {ours}");
    }
    // It lists a Job that is done among the pods to be restarted; nobody can.
    let (_, out, _) = run(&["check", "--from", &from("linkerd/trust-bundle-skew")]);
    assert!(out.contains("catalog-78d95468fc-8ht7f") && !out.contains("report-22dsr"), "{out}");
}

/// What `consul-k8s status` and `troubleshoot proxy` (2.1.0-dev), `consul intention check`, `cilium-dbg status` and
/// `hubble status` (1.20.2) printed on the same clusters.
#[test]
fn the_tools_of_consul_and_cilium_agree_or_the_difference_is_known() {
    // Scenario; what was printed; whether that is bad news; our check; why ours is not the same.
    const SAID: [(&str, &str, bool, &str, &str); 11] = [
        ("consul/healthy", "✓ Upstream resources are valid", false, "", ""),
        ("consul/healthy", "batch → api: Denied", true, "", "no intention allows it, so it is as it is written"),
        ("consul/intention-deny", "✓ Upstream resources are valid", false, "", ""),
        ("consul/rejected-config", "! Envoy has 1 rejected configurations", true, "MSH1010 error", ""),
        (
            "consul/rejected-config",
            "! No listener for upstream \"db\"",
            true,
            "",
            "db was asked about, and it is no upstream of its own",
        ),
        ("consul/ghost-instance", "✓ Healthy endpoints for cluster v2.api", false, "CSL0005 error", "no pod is there any more"),
        ("consul/ghost-instance", "consul-connect-injector 0/0", false, "MSH1001 error", "a number, and no verdict"),
        ("consul/server-down", "✓ Upstream resources are valid", false, "MSH1010 error", "they get nothing new"),
        ("cilium/healthy", "Healthcheck: Ok", false, "", ""),
        ("cilium/agent-down", "Is the agent running?", true, "CIL0002 error", ""),
        ("cilium/agent-down", "Healthcheck: Unavailable: NOT_SERVING", true, "MSH1010 error", ""),
    ];
    for (name, said, is_bad, ours, why) in SAID {
        let all = bad(name);
        assert!(ours.is_empty() || all.contains(&ours.to_owned()), "{name}: {said}: {all:?}");
        assert!(name != "consul/healthy" && name != "cilium/healthy" || all.is_empty(), "{name}: {all:?}");
        assert_eq!(is_bad != ours.is_empty(), why.is_empty(), "{name}: {said}: {why}");
    }
}

/// What each proxy showed on its port, with its issuer: no event is needed for it.
#[test]
fn an_expired_leaf_is_seen_on_the_port_that_shows_it() {
    for scenario in ["issuer-expired", "leaf-expired-stuck"] {
        let (_, out, _) = run(&["check", "--mesh", "linkerd", "--from", &from(&format!("linkerd/{scenario}"))]);
        let words: String = out.split_whitespace().collect::<Vec<_>>().join(" ");
        let seen = "certificate shown on port 4191 notAfter 2026-11-23T20:10:50Z, its issuer 2026-11-23T20:10:50Z";
        assert!(words.contains(seen) && words.contains("kubectl rollout restart deploy/web -n shop-l5d"), "{out}");
    }
}

#[test]
fn the_exit_code_follows_the_worst_and_what_is_unknown_is_said() {
    let code = |words: &[&str], name: &str| run(&[words, &["--from", &from(name)]].concat()).0;
    assert_eq!(code(&["check"], "linkerd/healthy"), 0);
    assert_eq!(code(&["check"], "linkerd/misconfig"), 1);
    assert_eq!(code(&["check", "--fail-on", "never"], "linkerd/misconfig"), 0);
    assert_eq!(code(&["check"], "linkerd/unmeshed-pod"), 0);
    assert_eq!(code(&["check", "--fail-on", "warning"], "linkerd/unmeshed-pod"), 1);
    assert_eq!(code(&["check", "--mesh", "nosuch"], "linkerd/healthy"), 2);
    let (_, out, _) = run(&["check", "--from", &from("cilium/healthy")]);
    assert!(out.contains("unknown") && out.contains("(not asked)"), "{out}");
    let (_, out, _) = run(&["check", "--from", &from("linkerd/misconfig"), "-o", "junit"]);
    assert!(out.contains("failures=\"4\"") && out.contains("<testcase"), "{out}");
}

#[test]
fn why_a_pod_is_not_in_the_mesh() {
    let report = json(&["check-inject", "shop-l5d"], "linkerd/unmeshed-pod");
    let pods = report["clusters"][0]["pods"].as_array().expect("pods");
    let standing = |start: &str| {
        let pod = pods.iter().find(|pod| pod["name"].as_str().is_some_and(|name| name.starts_with(start))).expect("the pod");
        let m = &pod["memberships"][0];
        (m["standing"].as_str().expect("a word").to_owned(), m["reason"].as_str().expect("a reason").to_owned())
    };
    assert_eq!(standing("late-").0, "missing");
    assert!(standing("late-").1.contains("failurePolicy Ignore"));
    assert_eq!(standing("optout-"), ("excluded".to_owned(), "its annotation says no".to_owned()));
    assert!(standing("hostnet-").1.contains("host's network"));
    assert_eq!(standing("notoken-").0, "member");
    // Taken in by its namespace, and refused by the injector: istioctl's table says ✔ here.
    let report = json(&["check-inject", "deploy/hostnet.mesh"], "istio/healthy");
    assert_eq!(report["clusters"][0]["pods"][0]["memberships"][0]["standing"], "excluded");
    // Without its webhook the default revision serves nobody.
    let report = json(&["check-inject", "sts/h.mesh"], "istio/webhook-gone");
    let m = &report["clusters"][0]["pods"][0]["memberships"][0];
    assert_eq!(m["standing"], "missing");
    assert!(m["reason"].as_str().is_some_and(|why| why.contains("canary, prod")), "{m}");
    assert_eq!(run(&["check-inject"]).0, 2);
    assert_eq!(run(&["check-inject", "nosuch.shop-l5d", "--from", &from("linkerd/healthy")]).0, 2);
}

/// One screen for each mesh and command; `MESHCTL_UPDATE=1` writes them anew.
#[test]
fn screens() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/screens");
    let cases: [(&str, &[&str], &str); 59] = [
        ("meshes-mixed", &["meshes"], "mixed/healthy"),
        ("meshes-linkerd", &["meshes"], "linkerd/unmeshed-pod"),
        ("meshes-consul", &["meshes"], "consul/healthy"),
        ("meshes-cilium", &["meshes"], "cilium/healthy"),
        ("check-linkerd", &["check"], "linkerd/destination-down"),
        ("check-consul", &["check"], "consul/server-down"),
        ("check-cilium", &["check"], "cilium/agent-down"),
        ("check-mixed", &["check"], "mixed/healthy"),
        ("check-pre-mixed", &["check", "--pre"], "mixed/healthy"),
        ("check-pre-linkerd", &["check", "--pre", "--mesh", "linkerd"], "snapshots/cilium/healthy"),
        ("proxy-status-linkerd", &["proxy-status"], "linkerd/identity-down"),
        ("proxy-status-consul", &["proxy-status"], "consul/ghost-instance"),
        ("proxy-status-cilium", &["proxy-status"], "cilium/agent-down"),
        ("proxy-status-mixed", &["proxy-status"], "mixed/healthy"),
        ("proxy-config-all-linkerd", &["pc", "all", "deploy/web.shop-l5d"], "linkerd/healthy"),
        ("proxy-config-endpoint-linkerd", &["pc", "endpoint", "-n", "shop-l5d"], "linkerd/destination-down"),
        ("proxy-config-listener-linkerd", &["pc", "listener", "-n", "shop-l5d"], "linkerd/misconfig"),
        ("proxy-config-route-linkerd", &["pc", "route", "deploy/web.shop-l5d"], "linkerd/misconfig"),
        ("proxy-config-secret-linkerd", &["pc", "secret", "deploy/web.shop-l5d"], "linkerd/leaf-expired-stuck"),
        ("check-leaf-linkerd", &["check", "--mesh", "linkerd"], "linkerd/leaf-expired-stuck"),
        ("check-inject-mixed", &["check-inject", "-A"], "mixed/healthy"),
        ("check-inject-consul", &["check-inject", "-n", "shop-consul"], "consul/healthy"),
        ("check-inject-cilium", &["check-inject", "-A"], "cilium/agent-down"),
        ("check-inject-istio", &["check-inject", "-A"], "istio/missing-sidecar"),
        ("check-ghost", &["check"], "consul/ghost-instance"),
        ("check-istio", &["check"], "istio/webhook-failing"),
        ("meshes-istio", &["meshes"], "istio/healthy"),
        ("proxy-status-istio", &["proxy-status"], "istio/nack"),
        ("proxy-config-route-consul", &["proxy-config", "route", "deploy/web.shop-consul"], "consul/healthy"),
        ("proxy-config-cluster-consul", &["proxy-config", "cluster", "deploy/web.shop-consul"], "consul/healthy"),
        ("proxy-config-listener-consul", &["proxy-config", "listener", "deploy/db.shop-consul"], "consul/healthy"),
        ("proxy-config-mixed", &["proxy-config", "cluster", "deploy/web.shop-consul"], "mixed/healthy"),
        ("version-consul", &["version"], "consul/healthy"),
        ("version-cilium", &["version"], "snapshots/cilium/healthy"),
        ("version-istio", &["version"], "istio/healthy"),
        ("version-mixed", &["version"], "mixed/healthy"),
        ("analyze-consul", &["analyze"], "consul/healthy"),
        ("analyze-cilium", &["analyze"], "snapshots/cilium/healthy"),
        ("analyze-mixed", &["analyze"], "mixed/healthy"),
        ("version-linkerd", &["version"], "linkerd/version-skew"),
        ("analyze-linkerd", &["analyze"], "linkerd/healthy"),
        ("check-inject-linkerd", &["check-inject", "-n", "shop-l5d"], "linkerd/unmeshed-pod"),
        ("check-pre-consul", &["check", "--pre", "--mesh", "consul"], "snapshots/consul/healthy"),
        ("check-pre-cilium", &["check", "--pre", "--mesh", "cilium"], "snapshots/cilium/healthy"),
        ("check-misconfig-linkerd", &["check", "--mesh", "linkerd"], "linkerd/misconfig"),
        ("check-rejected-consul", &["check"], "consul/rejected-config"),
        ("check-not-synced-consul", &["check"], "consul/cr-not-synced"),
        ("check-deny-consul", &["check"], "consul/intention-deny"),
        ("meshes-cilium-rig", &["meshes"], "snapshots/cilium/healthy"),
        ("check-cilium-rig", &["check"], "snapshots/cilium/agent-down"),
        ("proxy-config-none-cilium", &["proxy-config", "all", "-A"], "snapshots/cilium/healthy"),
        ("proxy-config-all-consul", &["proxy-config", "all", "deploy/batch.shop-consul"], "consul/healthy"),
        ("proxy-config-rejected-consul", &["proxy-config", "listener", "deploy/db.shop-consul"], "consul/rejected-config"),
        ("proxy-config-not-synced-consul", &["proxy-config", "route", "deploy/batch.shop-consul"], "consul/cr-not-synced"),
        ("proxy-config-secret-consul", &["proxy-config", "secret", "deploy/web.shop-consul"], "consul/healthy"),
        ("proxy-config-all-mixed", &["proxy-config", "cluster", "-A"], "mixed/healthy"),
        ("snapshot-info-mixed", &["snapshot", "info"], "mixed/healthy"),
        ("snapshot-info-consul", &["snapshot", "info"], "consul/server-down"),
        ("snapshot-info-cilium", &["snapshot", "info"], "cilium/agent-down"),
    ];
    for (screen, words, name) in cases {
        let file = from(name);
        let (_, out, err) = match words {
            ["snapshot", ..] => run(&[words, &[file.as_str()]].concat()),
            _ => run(&[words, &["--from", file.as_str()]].concat()),
        };
        // What could not be answered is an answer too.
        let out = if out.is_empty() { err } else { out };
        let out = out.replace(env!("CARGO_MANIFEST_DIR"), "");
        let path = folder.join(format!("{screen}.txt"));
        let told = std::fs::read_to_string(&path).unwrap_or_default();
        if told != out && std::env::var_os("MESHCTL_UPDATE").is_some() {
            std::fs::create_dir_all(&folder).expect("a folder");
            std::fs::write(&path, &out).expect("the screen");
            continue;
        }
        assert_eq!(told, out, "{screen}; MESHCTL_UPDATE=1 cargo test --test it screens");
        let wide = out.lines().filter(|line| line.chars().count() > 100 && !line.contains("--from"));
        assert_eq!(wide.count(), 0, "{screen} is wider than 100 columns");
    }
}
