//! What proxies, agents and the API server say when they are asked for one thing only.

use super::ask;
use super::server::{Kubeconfig, Reply, Server, ok, status};
use crate::run;
use meshctl::facts::{Need, Outcome};
use serde_json::json;

const FORWARD: &str = "/api/v1/namespaces/shop/pods/web-1/portforward";
const EXEC: &str = "/api/v1/namespaces/shop/pods/web-1/exec";
const REVIEW: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

async fn one(server: &Server, need: Need) -> Outcome {
    let cluster = server.cluster(|_| ()).await;
    ask(&cluster, vec![need.clone()]).await.get(&need).expect("an answer").outcome.clone()
}

#[tokio::test]
async fn of_metrics_only_those_that_are_wanted_are_kept() {
    let server = Server::start(|request, _| match request.path.as_str() {
        FORWARD => Reply::Tunnel,
        "/metrics" => Reply::With(200, "X-Test: 1", "# HELP a\na{x=\"1\"} 2\na_bucket{le=\"1\"} 9\nb 3\n".to_owned()),
        other => panic!("{other}"),
    })
    .await;
    let (namespace, pod, path) = ("shop".to_owned(), "web-1".to_owned(), "metrics".to_owned());
    let need = Need::PodMetrics { namespace, pod, port: 4191, path, names: vec!["a".to_owned()] };
    assert_eq!(one(&server, need).await, Outcome::Text("a{x=\"1\"} 2\n".to_owned()));
}

#[tokio::test]
async fn a_program_prints_or_says_why_it_could_not() {
    let need = |namespace: &str| Need::Exec {
        namespace: namespace.to_owned(),
        pod: "web-1".to_owned(),
        container: "agent".to_owned(),
        command: vec!["dbg".to_owned(), "status".to_owned()],
    };
    let printing = Server::start(|request, _| match request.path.as_str() {
        EXEC => Reply::Ran("{\"ok\": true}", None),
        other => panic!("{other}"),
    })
    .await;
    assert!(matches!(one(&printing, need("shop")).await, Outcome::Bytes(bytes) if bytes.starts_with(b"{\"ok\"")));
    // What is no pod can't be asked, and nobody tries.
    assert!(matches!(one(&printing, need("")).await, Outcome::Absent(why) if why.contains("no pod")));
    let failing = Server::start(|_, _| Reply::Ran("", Some("Is the agent running?"))).await;
    assert!(matches!(one(&failing, need("shop")).await, Outcome::Failed(why) if why.ends_with("Is the agent running?")));
    let forbidden = Server::start(|_, _| status(403, "pods \"web-1\" is forbidden")).await;
    assert!(matches!(one(&forbidden, need("shop")).await, Outcome::Forbidden(why) if why.contains("pods/exec")));
}

#[tokio::test]
async fn a_right_is_asked_for_and_its_reason_told() {
    let need = |resource: &str| Need::Access { verb: "create".into(), group: "apps".into(), resource: resource.into() };
    let server = Server::start(|request, _| {
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", REVIEW));
        let allowed = request.body.contains("\"deployments\"");
        ok(json!({"status": {"allowed": allowed, "reason": if allowed { "" } else { "the role lacks it" }}}))
    })
    .await;
    assert_eq!(one(&server, need("deployments")).await, Outcome::Text("allowed".to_owned()));
    assert_eq!(one(&server, need("daemonsets")).await, Outcome::Text("the role lacks it".to_owned()));
    let silent = Server::start(|_, _| status(403, "no reviews for you")).await;
    assert!(matches!(one(&silent, need("deployments")).await, Outcome::Forbidden(_)));
}

/// Nothing is installed, so nothing is wrong; before an installation the missing rights are.
#[tokio::test(flavor = "multi_thread")]
async fn checks_before_an_installation_and_waiting_for_health() {
    let server = Server::start(|request, _| match request.path.as_str() {
        "/version" => ok(json!({"major": "1", "minor": "34", "gitVersion": "v1.34.1"})),
        "/apis" => ok(super::groups(&[("apps", "v1")])),
        REVIEW => ok(json!({"status": {"allowed": false}})),
        _ => ok(json!({"kind": "List", "metadata": {}, "items": []})),
    })
    .await;
    let config = Kubeconfig::new(&[("test", &server.url())]);
    let path = config.path().display().to_string();
    let check = |more: &[&str]| run(&[&["check", "--kubeconfig", &path], more].concat());
    let (code, out, err) = check(&["--wait", "5m"]);
    assert!(code == 0 && out.contains("no mesh is installed"), "at once: {out}{err}");
    let (code, out, err) = check(&["--pre", "--mesh", "istio"]);
    assert!(code == 1 && out.contains("MSH3001 we may not create configmaps, namespaces"), "{out}{err}");
    assert!(out.contains("(Kubernetes v1.34.1)"), "{out}");
    // It looks once more after a pause, and then its time is over.
    let (code, _, _) = check(&["--pre", "--mesh", "istio", "--wait", "1s"]);
    assert_eq!((code, server.queries("/version").len() >= 6), (1, true), "{:?}", server.queries("/version").len());
    assert_eq!(check(&["--wait", "1s", "--from", "demo"]).0, 2);
}
