//! The command line as a person meets it: help, mistakes, streams, exit codes.

use crate::{meshctl, run, run_with};
use std::io::Read;
use std::process::Stdio;

/// Every command with its help.
fn commands() -> Vec<Vec<String>> {
    fn walk(command: &clap::Command, path: &[String], all: &mut Vec<Vec<String>>) {
        all.push(path.to_vec());
        for sub in command.get_subcommands() {
            walk(sub, &[path, &[sub.get_name().to_owned()]].concat(), all);
        }
    }
    let mut all = Vec::new();
    walk(&::meshctl::cli::command(), &[], &mut all);
    all
}

#[test]
fn bare_meshctl_shows_a_newcomer_what_to_type() {
    let (code, stdout, stderr) = run(&[]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(stdout.contains("meshctl analyze --from demo"), "{stdout}");
    // Two of the examples may go when this is too long; the commands may not.
    assert!(stdout.lines().count() < 36, "one screen: {stdout}");
}

#[test]
fn help_of_everything_fits_and_teaches() {
    for path in commands() {
        let mut words: Vec<&str> = path.iter().map(String::as_str).collect();
        words.push("--help");
        let (code, stdout, stderr) = run(&words);
        assert_eq!((code, stderr.as_str()), (0, ""), "{path:?}");
        assert!(stdout.contains("Examples:"), "{path:?} has no examples");
        for line in stdout.lines() {
            assert!(line.chars().count() <= 100, "{path:?} is wider than 100 columns: {line}");
        }
        let first = stdout.lines().next().unwrap_or_default();
        assert!(!first.ends_with('.') && first.starts_with(char::is_uppercase), "{path:?}: {first}");
    }
}

#[test]
fn a_typo_is_suggested() {
    for (words, wanted) in [
        (vec!["analyse"], "analyze"),
        (vec!["analyze", "--explian", "Q1"], "--explain"),
        (vec!["analyze", "--explain", "Q9"], "Q1"),
        (vec!["analyze", "-o", "jsn"], "json"),
        (vec!["completions", "tcsh"], "bash"),
    ] {
        let (code, stdout, stderr) = run(&words);
        assert_eq!((code, stdout.as_str()), (2, ""), "{words:?}");
        assert!(stderr.starts_with("error: ") && stderr.contains(wanted), "{words:?}: {stderr}");
    }
}

#[test]
fn what_istioctl_has_is_told_by_name() {
    for (words, wanted) in [
        (vec!["bug-report"], "istioctl bug-report"),
        (vec!["pc", "clusters"], "deploy/NAME.NAMESPACE"),
        (vec!["x", "describe", "pod", "a"], "istioctl experimental"),
        (vec!["analyze", "config"], "istioctl analyze"),
        (vec!["analyze", "shop.yaml"], "--from shop.yaml"),
        (vec!["analyze", "--use-kube=false", "shop.yaml"], "--from"),
        (vec!["analyze", "-f", "shop.yaml"], "--from shop.yaml"),
    ] {
        let (code, stdout, stderr) = run(&words);
        assert_eq!((code, stdout.as_str()), (2, ""), "{words:?}");
        assert!(stderr.starts_with("error: ") && stderr.contains("\nhint: ") && stderr.contains(wanted), "{words:?}: {stderr}");
    }
}

#[test]
fn usage_errors_exit_2() {
    for words in [
        vec!["analyze", "--from", "demo", "--context", "prod"],
        vec!["analyze", "--from", "demo", "--kubeconfig", "x"],
        vec!["analyze", "--from", "demo", "--all-contexts"],
        vec!["analyze", "--context", "a", "--all-contexts"],
        vec!["analyze", "-n", "a", "-A"],
        vec!["analyze", "--window", "soon"],
        vec!["analyze", "--request-timeout", "0s"],
        vec!["analyze", "--answer", "no-value", "--from", "demo"],
        vec!["analyze", "--ask", "--from", "demo"],
        vec!["permissions", "completions"],
    ] {
        let (code, stdout, stderr) = run(&words);
        assert_eq!((code, stdout.as_str()), (2, ""), "{words:?}: {stderr}");
        assert!(stderr.starts_with("error: "), "{words:?}: {stderr}");
    }
}

#[test]
fn what_is_typed_beats_the_environment() {
    let environment = [("MESHCTL_CONTEXT", "prod"), ("MESHCTL_OUTPUT", "json")];
    let (code, stdout, stderr) = run_with(&["permissions", "--from", "demo", "-q"], &environment);
    assert_eq!((code, stderr.as_str()), (0, ""), "an environment's context excludes no --from");
    assert!(stdout.starts_with("{\n  \"schema\": \"meshctl/permissions/v1\""), "{stdout}");
    let (_, stdout, _) = run_with(&["permissions", "-o", "yaml"], &environment);
    assert!(stdout.starts_with("schema: meshctl/permissions/v1\n"), "{stdout}");
    let (_, stdout, _) = run_with(&["completions", "bash"], &environment);
    assert!(stdout.contains("_clap_complete_meshctl()"), "a script is no JSON: {stdout}");
    let (code, _, stderr) = run_with(&["permissions"], &[("MESHCTL_OUTPUT", "jsn")]);
    assert_eq!(code, 2);
    assert!(stderr.contains("json"), "{stderr}");
}

#[test]
fn a_namespace_comes_from_the_environment_too() {
    for variable in ["MESHCTL_NAMESPACE", "ISTIOCTL_NAMESPACE"] {
        let (_, stdout, _) = run_with(&["permissions"], &[(variable, "shop")]);
        assert!(stdout.contains("namespace: shop"), "{variable}: {stdout}");
        let (_, stdout, _) = run_with(&["permissions", "-A"], &[(variable, "shop")]);
        assert!(!stdout.contains("namespace: shop"), "{variable}: {stdout}");
    }
}

#[test]
fn colour_follows_the_flag_then_the_environment() {
    let colored = |words: &[&str], environment: &[(&str, &str)]| run_with(words, environment).2.contains("\u{1b}[");
    assert!(!colored(&["bug-report"], &[]), "stderr is no terminal here");
    assert!(colored(&["bug-report", "--color", "always"], &[("NO_COLOR", "1")]));
    assert!(colored(&["bug-report"], &[("CLICOLOR_FORCE", "1")]));
    assert!(!colored(&["bug-report"], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(!colored(&["--color=never", "bug-report"], &[("CLICOLOR_FORCE", "1")]));
    assert!(colored(&["--color", "always", "analyse"], &[]), "clap's own errors follow it");
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let home = tempfile::tempdir().expect("a folder");
    let mut child = meshctl(home.path())
        .args(["completions", "zsh"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("meshctl starts");
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut stderr).expect("UTF-8");
    assert_eq!((child.wait().expect("it ends").code(), stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_full_disk_is_an_error() {
    let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else { return };
    let home = tempfile::tempdir().expect("a folder");
    let output = meshctl(home.path()).args(["completions", "zsh"]).stdout(full).output().expect("meshctl starts");
    let (code, _, stderr) = crate::parts(&output);
    assert_eq!(code, 2);
    assert!(stderr.starts_with("error: can't write to stdout\ncaused by: "), "{stderr}");
}

#[test]
fn a_namespace_that_is_nowhere_is_a_mistake_but_manifests_need_not_hold_theirs() {
    let home = tempfile::tempdir().expect("a folder");
    let deployment = |namespace: &str| {
        format!("apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, namespace: {namespace}}}\nspec: {{}}\n---\n")
    };
    let shop = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\n";
    let text = format!("{shop}{}{}", deployment("shop"), deployment("payments"));
    std::fs::write(home.path().join("two.yaml"), text).expect("written");
    let output = meshctl(home.path()).args(["analyze", "--from", "two.yaml", "-n", "payments"]).output().expect("meshctl starts");
    let (code, stdout, stderr) = crate::parts(&output);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("1 workload in 1 namespace"), "{stdout}");
}
