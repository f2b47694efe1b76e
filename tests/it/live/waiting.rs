//! `proxy-status --watch`, `wait` and several contexts, with a control plane that is scripted.

use super::server::{Kubeconfig, Reply, Request, Server, ok, status};
use crate::{meshctl, run, run_with};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

const CDS: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
const VS: &str = "/apis/networking.istio.io/v1/namespaces/shop/virtualservices/reviews";
/// Long enough for a busy machine; only a failure takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

fn pod(namespace: &str, name: &str, labels: &Value, container: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"serviceAccountName": name, "containers": [{"name": container, "image": "istio/proxyv2:1.29.0"}]},
        "status": {"phase": "Running"}})
}

/// What every cluster here has: a control plane and the proxies `web` and `other`.
fn objects(request: &Request) -> Option<Reply> {
    let plane = pod("istio-system", "istiod-0", &json!({"app": "istiod"}), "discovery");
    let list = |items: Vec<Value>| ok(json!({"kind": "List", "metadata": {}, "items": items}));
    Some(match request.path.as_str() {
        "/version" => ok(json!({"major": "1", "gitVersion": "v1.34.1"})),
        "/api/v1/pods" if request.query.contains("labelSelector=app%3Distiod") => list(vec![plane]),
        "/api/v1/pods" if request.query.contains("labelSelector") => list(Vec::new()),
        "/api/v1/pods" => {
            let proxy = |name: &str| pod("shop", name, &json!({"app": name}), "istio-proxy");
            list(vec![plane, proxy("web"), proxy("other")])
        }
        "/api/v1/namespaces" => list(vec![json!({"metadata": {"name": "shop"}})]),
        path if path.ends_with("/portforward") => Reply::Tunnel,
        path if path.starts_with("/apis/") && !path.contains("networking") => list(Vec::new()),
        _ => return None,
    })
}

/// Whether `web` and `other` acknowledged what was sent last.
fn syncz(web: bool, other: bool) -> Reply {
    let proxy = |name: &str, synced: bool| {
        let acked = if synced { "n2" } else { "n1" };
        json!({"proxy": format!("{name}.shop"), "proxy_type": "sidecar", "cluster_id": "c", "istio_version": "1.29.0",
            "resources": {CDS: {"sent": "n2", "acked": acked, "sentTime": "2026-11-24T09:00:00Z"}}})
    };
    ok(json!([proxy("web", web), proxy("other", other)]))
}

/// Routes with a trace of `reviews.shop` and this timeout.
fn dump(timeout: &str) -> Value {
    let config = "/apis/networking.istio.io/v1alpha3/namespaces/shop/virtual-service/reviews";
    json!({"configs": [{"@type": "type.googleapis.com/envoy.admin.v3.RoutesConfigDump", "dynamic_route_configs": [{
        "version_info": timeout, "route_config": {"@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
        "name": "8080", "virtual_hosts": [{"name": "reviews", "domains": ["reviews"], "routes": [{
            "match": {"prefix": "/"}, "route": {"cluster": "c", "timeout": timeout},
            "metadata": {"filter_metadata": {"istio": {"config": config}}}}]}]}}]}]})
}

fn bare() -> Value {
    json!({"configs": [{"@type": "type.googleapis.com/envoy.admin.v3.RoutesConfigDump", "dynamic_route_configs": []}]})
}

/// The words at this server; `test` is its context.
fn at(server: &Server, words: &[&str]) -> (i32, String, String) {
    let config = Kubeconfig::new(&[("test", &server.url())]);
    let path = config.path().display().to_string();
    run(&[words, &["--kubeconfig", &path]].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_ends_when_the_last_proxy_has_acknowledged() {
    let server = Server::start(|request, before| match request.path.as_str() {
        "/debug/syncz" => syncz(before >= 2, true),
        _ => objects(request).unwrap_or_else(|| status(404, "no")),
    })
    .await;
    let (code, out, err) = at(&server, &["wait", "--for=synced", "--timeout", "40s"]);
    assert!(code == 0 && out.starts_with("all 2 proxies are synced"), "{out}{err}");
    assert_eq!(server.queries("/debug/syncz").len(), 3, "two looks in vain");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lags_is_named_when_the_time_is_over() {
    let server = Server::start(|request, _| match request.path.as_str() {
        "/debug/syncz" => syncz(false, true),
        _ => objects(request).unwrap_or_else(|| status(404, "no")),
    })
    .await;
    let (code, out, _) = at(&server, &["wait", "--timeout", "6s"]);
    assert!(code == 1 && out.starts_with("not synced after 6s: 1 of 2 proxies"), "{out}");
    assert!(out.contains("web.shop") && out.contains("STALE: CDS sent") && !out.contains("other.shop"), "{out}");
    let (code, out, _) = at(&server, &["wait", "--timeout", "6s", "-l", "app=web", "-o", "json"]);
    let report: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, &report["reached"], &report["laggards"][0]["proxy"]), (1, &json!(false), &json!("web.shop")));
    // The same fleet, and what is asked of it is true.
    assert_eq!(at(&server, &["wait", "--for=connected"]).0, 0);
    assert_eq!(at(&server, &["wait", "-l", "app=nothing"]).0, 2);
}

/// A control plane that answers nothing is no reason to wait longer than was said.
#[tokio::test(flavor = "multi_thread")]
async fn a_look_that_does_not_end_is_no_answer() {
    let server = Server::start(|request, _| match request.path.as_str() {
        "/debug/syncz" => Reply::Silence,
        _ => objects(request).unwrap_or_else(|| status(404, "no")),
    })
    .await;
    let (code, out, _) = at(&server, &["wait", "--timeout", "1s"]);
    assert!(code == 1 && out.contains("nothing can be told after 1s"), "{out}");
}

/// The control plane reads the change at its second look, sends it before the third, and the proxy has it at the fourth.
#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_followed_into_the_proxies() {
    let server = Server::start(|request, before| match request.path.as_str() {
        VS => ok(json!({"metadata": {"name": "reviews", "namespace": "shop", "generation": 2, "resourceVersion": "7",
            "managedFields": [{"time": "2026-11-24T08:59:59Z"}]}})),
        "/debug/configz" => {
            let generation = if before == 0 { 1 } else { 2 };
            ok(json!([{"kind": "VirtualService", "metadata": {"name": "reviews", "namespace": "shop", "generation": generation}}]))
        }
        // The other proxy is not well, and nothing that is waited for is meant for it.
        "/debug/syncz" => syncz(before != 2, false),
        "/debug/config_dump" if request.query.contains("proxyID=other.shop") => ok(bare()),
        "/debug/config_dump" => ok(dump("5s")),
        "/config_dump" => ok(dump(if before < 2 { "1s" } else { "5s" })),
        _ => objects(request).unwrap_or_else(|| status(404, "no")),
    })
    .await;
    let (code, out, err) = at(&server, &["wait", "vs/reviews.shop", "--timeout", "50s", "-o", "json"]);
    let report: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, &report["proxies"], &report["reached"]), (0, &json!(1), &json!(true)), "{out}{err}");
    assert_eq!(report["objects"][0]["object"], "virtualservice/reviews.shop");
    let asked = server.queries("/config_dump").len();
    assert_eq!(asked, 3, "not while it hangs, and not again once it has it");
    assert_eq!(server.queries("/debug/configz").len(), 2, "until it was read");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_does_not_arrive_names_where_it_stays() {
    let server = Server::start(|request, _| match request.path.as_str() {
        VS => ok(json!({"metadata": {"name": "reviews", "namespace": "shop", "generation": 2, "resourceVersion": "7",
            "creationTimestamp": "2026-11-24T09:30:00Z"}})),
        "/debug/configz" => ok(json!([])),
        "/debug/syncz" => syncz(true, true),
        "/debug/config_dump" => ok(if request.query.contains("other") { bare() } else { dump("5s") }),
        "/config_dump" => ok(dump("5s")),
        _ => objects(request).unwrap_or_else(|| status(404, "no")),
    })
    .await;
    let (code, out, _) = at(&server, &["wait", "virtualservice/reviews", "-n", "shop", "--timeout", "8s"]);
    let words = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(code == 1 && words.contains("istiod-0 it has not read virtualservice/reviews.shop as it is now"), "{out}");
    assert!(words.contains("web.shop nothing was sent to it since the change of 2026-11-24T09:30:00Z"), "{out}");
    let (code, _, err) = at(&server, &["wait", "vs/nosuch.shop"]);
    assert!(code == 2 && err.contains("there is no virtualservice \"nosuch\" in namespace shop"), "{err}");
    let (code, _, err) = at(&server, &["wait", "pod/web.shop"]);
    assert!(code == 2 && err.contains("virtualservice, destinationrule, authorizationpolicy"), "{err}");
    let (code, _, err) = at(&server, &["wait", "vs/reviews.shop", "--for=connected"]);
    assert!(code == 2 && err.contains("proxies are"), "{err}");
}

/// Reads until a line has this in it, and gives what came so far.
fn until(lines: &mpsc::Receiver<String>, word: &str, seen: &mut String) {
    loop {
        let line = lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no {word:?} in:\n{seen}"));
        seen.push_str(&line);
        seen.push('\n');
        if line.contains(word) {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_watched_shows_changes_and_a_trend_and_ends_with_ctrl_c() {
    let server = Server::start(|request, before| match request.path.as_str() {
        "/debug/syncz" => syncz(before == 0 || before > 2, true),
        _ => objects(request).unwrap_or_else(|| status(404, "no")),
    })
    .await;
    let config = Kubeconfig::new(&[("test", &server.url())]);
    let home = tempfile::tempdir().expect("a folder");
    let mut watching = meshctl(home.path())
        .args(["ps", "--watch=100ms", "--kubeconfig", &config.path().display().to_string()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("meshctl starts");
    let out = BufReader::new(watching.stdout.take().expect("stdout"));
    let (send, lines) = mpsc::channel();
    std::thread::spawn(move || out.lines().map_while(Result::ok).for_each(|line| drop(send.send(line))));
    let mut seen = String::new();
    until(&lines, "SYNCED → STALE", &mut seen);
    until(&lines, "STALE → SYNCED", &mut seen);
    until(&lines, "not well: 0 1 1 0 0", &mut seen);
    assert!(seen.contains("watching for") && seen.contains("every 100ms; not well: 0\n"), "{seen}");
    // SAFETY: a signal to a process that we started and have not waited for.
    unsafe { libc::kill(i32::try_from(watching.id()).expect("an id"), libc::SIGINT) };
    let ended = watching.wait_with_output().expect("an end");
    let err = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.code() == Some(0) && err.is_empty(), "{:?}: {err}", ended.status);
}

/// One context refuses connections, one accepts them and says nothing, and the third is shown all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_context_hides_no_other() {
    let fleet = Server::start(|request, _| match request.path.as_str() {
        "/debug/syncz" => syncz(true, true),
        _ => objects(request).unwrap_or_else(|| status(404, "no")),
    })
    .await;
    let silent = Server::start(|_, _| Reply::Silence).await;
    let config = Kubeconfig::new(&[("dead", "http://127.0.0.1:1"), ("alive", &fleet.url()), ("silent", &silent.url())]);
    let path = config.path().display().to_string();
    let ask = |words: &[&str]| run(&[words, &["--kubeconfig", &path, "--request-timeout", "2s"]].concat());
    let (code, out, err) = ask(&["ps", "--all-contexts"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("alive") && out.contains("2 proxies: 2 SYNCED") && out.contains("Not reached"), "{out}");
    let told = |name: &str, why: &str| out.lines().any(|line| line.starts_with(name) && line.contains(why));
    assert!(told("dead", "connection refused") && told("silent", "no answer within 2s"), "{out}");
    let (code, out, _) = ask(&["ps", "--context", "silent", "--context", "alive", "-o", "json"]);
    let report: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, report["clusters"].as_array().map(Vec::len)), (0, Some(1)));
    assert_eq!(report["unreachable"][0]["cluster"], "silent");
    assert_eq!(ask(&["ps", "--all-contexts", "--strict"]).0, 2, "a part is missing");
    let (code, out, _) = ask(&["wait", "--all-contexts", "--timeout", "5s"]);
    assert!(code == 1 && out.contains("cluster dead"), "what can't be seen is not synced: {out}");
    let (code, out, _) = ask(&["version", "--all-contexts"]);
    assert!(code == 0 && out.contains("Istio") && out.contains("Not reached"), "{out}");
}

/// Neither the token of the kubeconfig nor that of the service account, whatever fails and however much is told.
#[tokio::test(flavor = "multi_thread")]
async fn no_token_is_ever_told() {
    let server = Server::start(|request, _| match request.path.as_str() {
        "/api/v1/namespaces/istio-system/serviceaccounts/default/token" => {
            assert_eq!(request.method, "POST");
            ok(json!({"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "metadata": {}, "spec": {"audiences": []},
                "status": {"token": "c2VrcmV0.c2VrcmV0.c2VrcmV0", "expirationTimestamp": "2026-11-24T10:00:00Z"}}))
        }
        path if path.ends_with("/portforward") => Reply::DeadTunnel("connect: connection refused"),
        _ => objects(request).unwrap_or_else(|| status(403, "forbidden")),
    })
    .await;
    let config = Kubeconfig::new(&[("test", &server.url())]);
    let path = config.path().display().to_string();
    let loud = [("RUST_LOG", "trace"), ("RUST_BACKTRACE", "full")];
    for more in [["--transport", "grpc"].as_slice(), &["--transport", "grpc", "--insecure"], &["--transport", "auto"]] {
        let (_, out, err) = run_with(&[&["-v", "ps", "--kubeconfig", &path], more].concat(), &loud);
        assert!(err.contains("istio.io/debug/syncz") || more[1] == "auto", "it was tried: {err}");
        for text in [&out, &err] {
            assert!(!text.contains("t0ken") && !text.contains("c2VrcmV0"), "{text}");
        }
        let told = err.contains("the certificate of the control plane is not verified");
        assert_eq!(told, more.contains(&"--insecure"), "{err}");
    }
    let asked = server.seen().iter().filter(|request| request.path.ends_with("/token")).count();
    assert!(asked >= 2, "a token was asked for {asked} times");
}
