//! A recording of a real Linkerd, served as a cluster: its objects by a scripted API server, the controllers' messages by a gRPC
//! server, metrics and certificates by a port that speaks HTTP and TLS. The program asks it as its user would.

use super::grpc::{Said, serve as serve_grpc};
use super::server::{Kubeconfig, Reply, Request, Server, ok, status};
use super::tls;
use crate::run;
use meshctl::facts::{Facts, Need, Outcome, grpc, kinds};
use meshctl::source::archive;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn recorded(scenario: &str) -> Facts {
    let from = format!("{}/fixtures/imported/linkerd/{scenario}.tar.zst", env!("CARGO_MANIFEST_DIR"));
    archive::open(&from, None, jiff::Timestamp::UNIX_EPOCH).expect("the recording").remove(0)
}

/// Answers `GET /metrics` with this text, and a TLS handshake with a certificate.
async fn admin(text: String, acceptor: tokio_rustls::TlsAcceptor) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (text, acceptor) = (text.clone(), acceptor.clone());
            tokio::spawn(async move {
                let mut first = [0];
                // 22 begins a handshake.
                if stream.peek(&mut first).await.is_ok_and(|count| count == 1) && first[0] == 22 {
                    let _ = acceptor.accept(stream).await;
                    return;
                }
                respond(&mut stream, &text).await;
            });
        }
    });
    port
}

async fn respond(stream: &mut TcpStream, text: &str) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read_exact(&mut byte).await.is_err() {
            return;
        }
        head.push(byte[0]);
    }
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{text}", text.len());
    let _ = stream.write_all(answer.as_bytes()).await;
}

/// Requests of the Kubernetes API, answered from what was recorded.
fn api(facts: &Facts, request: &Request) -> Reply {
    let groups: Vec<(&str, &str)> =
        kinds::ALL.iter().filter(|kind| !kind.group.is_empty()).map(|kind| (&*kind.group, &*kind.version)).collect();
    match request.path.as_str() {
        "/version" => return ok(json!({"major": "1", "minor": "37", "gitVersion": "v1.37.2"})),
        "/apis" => return ok(super::groups(&groups)),
        _ => {}
    }
    let parts: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
    let (group, rest) = match parts.as_slice() {
        ["api", _, rest @ ..] => ("", rest),
        ["apis", group, _, rest @ ..] => (*group, rest),
        _ => return status(404, "no"),
    };
    let (namespace, plural, name) = match rest {
        ["namespaces", namespace, plural, name] => (Some(*namespace), *plural, Some(*name)),
        ["namespaces", namespace, plural] => (Some(*namespace), *plural, None),
        [plural] => (None, *plural, None),
        _ => return status(404, "no"),
    };
    let Some(kind) = kinds::ALL.iter().find(|kind| kind.group == group && kind.plural == plural) else {
        return status(404, "no such kind");
    };
    if !matches!(facts.get(&Need::list(kind)).map(|answer| &answer.outcome), Some(Outcome::Objects(_))) {
        return status(404, "no such kind");
    }
    let query = request.query.replace("%3D", "=").replace("%2F", "/").replace("%2C", ",");
    let selected = query.split('&').find_map(|part| part.strip_prefix("labelSelector=")).unwrap_or_default();
    let fits = |object: &Value| {
        let mut wanted = selected.split(',').filter_map(|part| part.split_once('='));
        wanted.all(|(key, value)| object["metadata"]["labels"][key] == value)
    };
    let items: Vec<Value> = facts
        .objects(kind)
        .iter()
        .filter(|object| {
            namespace.is_none_or(|wanted| *object.namespace == *wanted) && name.is_none_or(|wanted| *object.name == *wanted)
        })
        .map(|object| object.read().expect("an object"))
        .filter(fits)
        .collect();
    match name {
        Some(_) => items.into_iter().next().map_or_else(|| status(404, "not found"), ok),
        None => ok(json!({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items})),
    }
}

/// Serves it; certificates of proxies never end here, for the clock is today's. `denied` port-forwards are forbidden.
async fn served(scenario: &str, denied: &'static [u16]) -> (Server, Kubeconfig) {
    served_as(scenario, denied, |_| {}).await
}

/// Messages of a call, by its method and request.
type Calls = BTreeMap<(String, Vec<u8>), Vec<Vec<u8>>>;

/// The same, with other answers than were recorded.
async fn served_as(scenario: &str, denied: &'static [u16], change: impl FnOnce(&mut Calls)) -> (Server, Kubeconfig) {
    let facts = Arc::new(recorded(scenario));
    let mut calls = Calls::new();
    let mut ports: BTreeMap<(String, u16), u16> = BTreeMap::new();
    for (need, answer) in facts.iter() {
        match (need, &answer.outcome) {
            (Need::Grpc(call), Outcome::Bytes(bytes)) => {
                let messages = grpc::messages(bytes).into_iter().map(<[u8]>::to_vec).collect();
                calls.insert((call.method.clone(), call.request.clone()), messages);
            }
            (Need::PodMetrics { pod, port, .. }, Outcome::Text(text)) => {
                let forever = |line: &str| match line.split_once(' ') {
                    Some((name @ "control_identity_cert_expiration_timestamp_seconds", _)) => format!("{name} 4102444800\n"),
                    _ => format!("{line}\n"),
                };
                let text: String = text.lines().map(forever).collect();
                let name = certificate_name(&facts, pod);
                ports.insert((pod.clone(), *port), admin(text, tls::acceptor(&name, false).0).await);
            }
            _ => {}
        }
    }
    change(&mut calls);
    let controllers = serve_grpc(move |method, request| match calls.get(&(method.to_owned(), request.to_vec())) {
        Some(messages) if method.ends_with("Destination/Get") => Said::Endless(messages.clone()),
        Some(messages) => Said::All(messages.clone()),
        None => Said::Status(5, "it was not recorded"),
    })
    .await;
    let server = Server::start(move |request, _| {
        let Some((_, pod)) = request.path.strip_suffix("/portforward").and_then(|path| path.rsplit_once("/pods/")) else {
            return api(&facts, request);
        };
        let port: u16 = request.query.split("ports=").nth(1).and_then(|port| port.parse().ok()).expect("a port");
        match ports.get(&(pod.to_owned(), port)) {
            _ if denied.contains(&port) => status(403, "pods is forbidden"),
            Some(there) => Reply::Through(*there),
            None if matches!(port, 8086 | 8090) => Reply::Through(controllers),
            None => Reply::DeadTunnel("connect: connection refused"),
        }
    })
    .await;
    let config = Kubeconfig::new(&[("test", &server.url())]);
    (server, config)
}

fn certificate_name(facts: &Facts, pod: &str) -> String {
    let named = |need: &Need| match need {
        Need::Tls { pod: own, server_name, .. } if own == pod => Some(server_name.clone()),
        _ => None,
    };
    facts.iter().find_map(|(need, _)| named(need)).unwrap_or_else(|| "nobody".to_owned())
}

fn asked(config: &Kubeconfig, words: &[&str]) -> (i32, Value, String) {
    let path = config.path().display().to_string();
    let (code, out, err) = run(&[words, &["--kubeconfig", &path, "-o", "json"]].concat());
    (code, serde_json::from_str(&out).unwrap_or_else(|e| panic!("{words:?}: {e}: {out}{err}")), err)
}

#[tokio::test(flavor = "multi_thread")]
async fn proxies_are_judged_by_what_the_controllers_send() {
    let (server, config) = served("healthy", &[]).await;
    let (_, status, err) = asked(&config, &["ps"]);
    assert_eq!(status["clusters"][0]["summary"], json!({"SYNCED": 6}), "{status:#}{err}");
    // Each Service once, whoever calls it, over one connection; and one of those that were not recorded is said.
    let gaps = status["clusters"][0]["not_seen"].to_string();
    assert!(gaps.contains("it was not recorded"), "{gaps}");
    let forwards = server.seen().into_iter().filter(|r| r.path.ends_with("/portforward") && r.query.contains("8086")).count();
    assert_eq!(forwards, 1);
}

/// A policy controller that lost its watch goes on sending what holds where no Server is.
#[tokio::test(flavor = "multi_thread")]
async fn a_controller_that_sends_an_old_policy_is_named() {
    const GET_PORT: &str = "InboundServerPolicies/GetPort";
    let late = |calls: &mut Calls| {
        let says = |message: &[u8], text: &str| message.windows(text.len()).any(|part| part == text.as_bytes());
        let of_port = |((method, _), messages): &(&(String, Vec<u8>), &Vec<Vec<u8>>)| {
            method.ends_with(GET_PORT) && !says(&messages[0], "catalog-http")
        };
        let default = calls.iter().find(of_port).map(|(_, messages)| messages.clone()).expect("a port without a Server");
        let governed =
            calls.iter_mut().filter(|((method, _), messages)| method.ends_with(GET_PORT) && says(&messages[0], "catalog-http"));
        assert!(governed.map(|(_, messages)| messages.clone_from(&default)).count() > 0, "a port that a Server governs");
    };
    let proxies = |status: &Value| status["clusters"][0]["proxies"].as_array().cloned().unwrap_or_default();
    let stale = |status: &Value| -> Vec<String> {
        let all = proxies(status).into_iter().filter(|one| one["health"] == "stale");
        all.map(|one| one["reasons"].to_string()).collect()
    };
    let (_, config) = served("misconfig", &[]).await;
    let (_, status, err) = asked(&config, &["ps"]);
    assert_eq!(stale(&status), Vec::<String>::new(), "{err}");
    let (_, config) = served_as("misconfig", &[], late).await;
    let (_, status, _) = asked(&config, &["ps"]);
    let all = stale(&status);
    assert!(
        !all.is_empty()
            && all.iter().all(|why| why.contains("Server catalog-http governs port 8080, and linkerd-destination-")
                && why.contains("still sends default all-unauthenticated: the controller is late")),
        "{status:#}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_is_shown_part_by_part() {
    let (_, config) = served("healthy", &[]).await;
    let pod = "deploy/web.shop-l5d";
    let (_, shown, err) = asked(&config, &["pc", "all", pod]);
    let proxy = &shown["proxies"][0];
    let texts = |part: &str, field: &str| -> Vec<String> {
        let all = proxy[part].as_array().cloned().unwrap_or_default();
        all.iter().map(|one| one[field].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(texts("clusters", "service"), ["cart.shop-l5d:8080", "catalog.shop-l5d:8080"], "{shown:#}{err}");
    assert_eq!(texts("endpoints", "address"), ["10.244.0.37:8080", "10.244.0.39:8080", "10.244.0.40:8080"]);
    assert!(proxy["endpoints"].as_array().expect("endpoints").iter().all(|one| one["ready"] == true && one["hint"] == "HTTP/2"));
    assert_eq!(texts("listeners", "governed_by"), ["default all-unauthenticated"]);
    assert!(texts("routes", "name").contains(&"HTTPRoute shop-l5d/cart-out".to_owned()), "{proxy:#}");
    // What really came over the wire: the leaf and its issuer of this test, and the anchor of its environment.
    assert_eq!(texts("secrets", "name"), ["leaf", "issuer", "anchor"]);
    assert_eq!(proxy["secrets"][0]["subject"], "web.shop-l5d.serviceaccount.identity.linkerd.cluster.local");
    // A port of it that nobody recorded.
    assert!(proxy["faults"].to_string().contains("the policy of port 8081"), "{proxy:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_checked_as_they_are_shown() {
    let (_, config) = served("healthy", &[]).await;
    let (code, report, err) = asked(&config, &["check", "--proxies", "--mesh", "linkerd"]);
    let checks = report["clusters"][0]["checks"].as_array().expect("checks");
    let of = |code: &str| checks.iter().find(|check| check["code"] == code).expect("the check");
    // The certificates of this test ended in 2020, and lead to no anchor of the recording.
    assert_eq!(
        (code, of("LNK0002")["result"].as_str(), of("LNK0007")["result"].as_str()),
        (1, Some("error"), Some("error")),
        "{err}"
    );
    assert!(of("LNK0002")["findings"][0]["message"].as_str().is_some_and(|text| text.contains("expired at 2020-01-02")));
    assert!(of("LNK0007")["findings"][0]["message"].as_str().is_some_and(|text| text.contains("no anchor")));
    // Nobody listens there in this test.
    assert!(of("LNK0013")["unknown"].to_string().contains("connection refused"), "{}", of("LNK0013"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_recorded_of_it_gives_the_same_answers() {
    let (_, config) = served("healthy", &[]).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("l5d.tar.zst").display().to_string();
    let path = config.path().display().to_string();
    let (code, _, err) = run(&["snapshot", "record", &file, "--proxies", "--kubeconfig", &path]);
    assert_eq!(code, 0, "{err}");
    let pod = "deploy/web.shop-l5d";
    for (words, part) in [
        (["ps"].as_slice(), "/clusters/0/proxies"),
        (&["pc", "all", pod], "/proxies"),
        (&["pc", "endpoint", pod], "/proxies"),
        (&["pc", "secret", pod], "/proxies"),
        (&["pc", "stats", pod, "--filter", "outbound_http_balancer"], "/proxies"),
    ] {
        let (_, live, _) = asked(&config, words);
        let (_, out, err) = run(&[words, &["--from", &file, "-o", "json"]].concat());
        let replayed: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{words:?}: {e}: {err}"));
        assert!(live.pointer(part).is_some_and(|part| part.to_string().len() > 100), "{words:?}: {live}");
        assert_eq!(live.pointer(part), replayed.pointer(part), "{words:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_ask_controllers_the_rest_is_told() {
    let (_, config) = served("healthy", &[8086, 8090]).await;
    let (_, status, _) = asked(&config, &["ps"]);
    assert_eq!(status["clusters"][0]["summary"], json!({"SYNCED": 6}));
    let gaps = status["clusters"][0]["not_seen"].to_string();
    assert!(gaps.contains("linkerd-destination") && gaps.contains("pods/portforward"), "{gaps}");
    let (_, shown, _) = asked(&config, &["pc", "cluster", "deploy/web.shop-l5d"]);
    assert_eq!(shown["proxies"][0]["clusters"][0]["slices"], 1, "{shown:#}");
    assert!(shown["proxies"][0]["faults"].to_string().contains("pods/portforward"), "{shown:#}");
    // And without any port at all.
    let (_, config) = served("healthy", &[4191, 8086, 8090, 9990, 9996]).await;
    let (_, status, _) = asked(&config, &["ps"]);
    assert_eq!(status["clusters"][0]["summary"], json!({"UNKNOWN": 6}));
    let (_, report, _) = asked(&config, &["check", "--proxies", "--mesh", "linkerd"]);
    let checks = report["clusters"][0]["checks"].as_array().expect("checks");
    let leaves = checks.iter().find(|check| check["code"] == "LNK0002").expect("the check");
    assert!(leaves["unknown"].to_string().contains("pods/portforward"), "{leaves}");
}
