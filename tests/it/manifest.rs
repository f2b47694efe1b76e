//! `manifest` prints what `helm template` prints; `fixtures/charts/*.yaml` are helm's own output for the chart beside them.

use super::run;
use std::path::PathBuf;

fn charts() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/charts")
}

fn render(more: &[&str]) -> (i32, String, String) {
    let chart = charts().join("web").display().to_string();
    run(&[&["manifest", "--chart", &chart, "--name", "shop", "-n", "prod", "--kube-version", "v1.37.0"], more].concat())
}

#[test]
fn the_same_bytes_as_helms() {
    let set = ["--set", "replicas=5,env.EXTRA=1,ports={80,443}", "--set-string", "image.tag=2.0", "--set", "migrate=false"];
    for (golden, more) in [("web.default.yaml", &[][..]), ("web.set.yaml", &set[..])] {
        let wanted = std::fs::read_to_string(charts().join(golden)).expect("helm's output");
        let (code, out, err) = render(more);
        assert_eq!((code, err.as_str()), (0, ""), "{golden}");
        assert_eq!(out, wanted, "{golden}");
    }
}

#[test]
fn a_chart_that_fails_names_the_place_and_prints_nothing() {
    let (code, out, err) = render(&["--set", "env=3"]);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    assert!(err.contains("web/templates/web.yaml:"), "{err}");
    let (code, out, err) = run(&["manifest", "--chart", "/nowhere/chart"]);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    assert!(err.contains("/nowhere/chart"), "{err}");
}
