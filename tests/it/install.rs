//! `plan`, `install`, `upgrade`, `uninstall`: what is refused before any cluster is asked, and runs against an API server
//! that fails when it is told to. The rest is seen on a real cluster, by tests/e2e_install and tests/e2e_upgrade.

mod runs;
mod store;

use crate::run;

#[test]
fn what_is_asked_wrongly_is_told_with_the_next_step() {
    for (words, wanted) in [
        (vec!["plan"], "which mesh?"),
        (vec!["plan", "itsio"], "there are: istio, linkerd, cilium, consul"),
        (vec!["install", "istio", "--profile", "big"], "minimal: control plane only"),
        (vec!["install", "istio", "--with", "pilot"], "its parts are: base, istiod"),
        (vec!["install", "istio", "-r", "1.31"], "--revision 1-31"),
        (vec!["install", "istio", "-f", "absent.yaml"], "absent.yaml"),
        (vec!["install", "--plan", "absent.plan"], "absent.plan"),
        (vec!["install", "istio", "--plan", "absent.plan"], "cannot be used with"),
        (vec!["uninstall"], "MESH"),
        (vec!["uninstall", "istio", "--purge", "--revision", "a"], "cannot be used with"),
        (vec!["plan", "istio", "--from", "demo"], "this needs one"),
        (vec!["install", "istio", "--resume", "--rollback"], "cannot be used with"),
        (vec!["install", "linkerd", "--cert-years", "0"], "1..=100"),
        (vec!["install", "linkerd", "--identity-issuer-key-file", "key.pem"], "--identity-issuer-certificate-file"),
        (vec!["upgrade", "istio", "--canary"], "--revision NAME"),
        (vec!["upgrade", "linkerd", "--canary", "-r", "a"], "has one control plane"),
        (vec!["upgrade", "istio", "--remove-old"], "add --canary"),
        (vec!["upgrade", "istio", "--canary", "-r", "a", "--max-error-rate", "all"], "write a percentage"),
        (vec!["upgrade", "istio", "--canary", "-r", "a", "--namespace-by", "0"], "--namespace-by"),
        (vec!["tag", "set", "prod"], "--revision"),
        (vec!["tag", "list", "--from", "demo"], "this needs one"),
    ] {
        let (code, stdout, stderr) = run(&words);
        assert_eq!((code, stdout.as_str()), (2, ""), "{words:?}: {stderr}");
        assert!(stderr.starts_with("error: ") && stderr.contains(wanted), "{words:?}: {stderr}");
    }
}

#[test]
fn a_file_that_is_no_plan_is_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("x.plan");
    for (text, wanted) in [("{}", "is no saved plan"), ("not json", "is no saved plan")] {
        std::fs::write(&path, text).expect("written");
        let (code, _, stderr) = run(&["install", "--plan", &path.display().to_string(), "-y"]);
        assert!(code == 2 && stderr.contains(wanted) && stderr.contains("meshctl plan MESH --out FILE"), "{stderr}");
    }
}

#[test]
fn an_operator_file_with_what_charts_lack_is_refused_by_its_place() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("operator.yaml");
    let text = "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nspec:\n  components:\n    pilot:\n      k8s:\n        overlays: []\n";
    std::fs::write(&path, text).expect("written");
    let (code, _, stderr) = run(&["plan", "istio", "-f", &path.display().to_string()]);
    assert!(
        code == 2 && stderr.contains("spec.components.pilot.k8s.overlays") && stderr.contains("--set PART:KEY=VALUE"),
        "{stderr}"
    );
}

/// As kubectl finds its plugins: by the name of the file.
#[test]
fn as_a_plugin_help_says_what_is_typed() {
    let dir = tempfile::tempdir().expect("a folder");
    let plugin = dir.path().join("kubectl-meshctl");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_meshctl"), &plugin).expect("a link");
    for words in [&["--help"][..], &["tag", "list", "--help"], &["install", "-h"], &[]] {
        let output = std::process::Command::new(&plugin).args(words).env_clear().output().expect("it starts");
        let text = String::from_utf8(output.stdout).expect("text");
        assert!(output.status.success() && text.contains("Usage: kubectl meshctl"), "{words:?}: {text}");
        assert!(!text.lines().any(|line| line.starts_with("  meshctl ")), "{words:?}: {text}");
    }
}
