//! Queries: to a URL, and to a Prometheus in the cluster through a port-forward.

use super::ask;
use super::server::{Reply, Request, Server, ok, status};
use meshctl::facts::{Facts, Need, Outcome, SourceKind, kinds};
use meshctl::source::live::prometheus::Prometheus;
use serde_json::{Value, json};
use std::time::Duration;

const UP: &str = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"job":"a"},"value":[1,"1"]}]}}"#;
const NONE: &str = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;

/// Answers as Prometheus does; the query decides what.
fn prometheus(request: &Request) -> Reply {
    assert_eq!(request.method, "POST");
    assert_eq!(request.header("content-type"), ["application/x-www-form-urlencoded"]);
    match request.body.as_str() {
        "query=up" => ok(UP),
        "query=none" => ok(NONE),
        "query=slow" => Reply::Silence,
        "query=cut" => Reply::Cut("{".to_owned()),
        _ => {
            Reply::Json(400, r#"{"status":"error","errorType":"bad_data","error":"1:4: parse error: unexpected end"}"#.to_owned())
        }
    }
}

/// Long enough for a busy machine, short enough to wait for once.
const DEADLINE: Duration = Duration::from_secs(2);

async fn by_url(url: &str, queries: &[&str]) -> Facts {
    let prometheus = Prometheus::with_token(url, DEADLINE, Some("t0ken".to_owned())).unwrap();
    let mut facts = Facts::new("test", SourceKind::Live, jiff::Timestamp::UNIX_EPOCH);
    prometheus.answer(queries.iter().map(|q| Need::query(*q)).collect(), &mut facts).await;
    facts
}

fn outcome<'a>(facts: &'a Facts, query: &str) -> &'a Outcome {
    &facts.get(&Need::query(query)).unwrap().outcome
}

#[tokio::test]
async fn by_url_each_query_has_its_own_fate() {
    let server = Server::start(|request, _| prometheus(request)).await;
    let url = format!("{}/base/", server.url());
    let facts = by_url(&url, &["up", "none", "sum(", "slow", "cut"]).await;
    let shown = format!("{}/base", server.url());
    assert_eq!(facts.series("up").unwrap().len(), 1);
    assert_eq!(facts.series("none").unwrap().len(), 0);
    let error = format!("{shown}: bad_data: 1:4: parse error: unexpected end");
    assert_eq!(outcome(&facts, "sum("), &Outcome::Failed(error));
    assert_eq!(outcome(&facts, "slow"), &Outcome::TimedOut(format!("{shown}: no answer within 2s")));
    assert!(matches!(outcome(&facts, "cut"), Outcome::Failed(why) if why.contains("closed")), "{:?}", outcome(&facts, "cut"));
    for request in server.seen() {
        assert_eq!(request.path, "/base/api/v1/query");
        assert_eq!(request.header("authorization"), ["Bearer t0ken"]);
    }
    let escaped = server.seen().iter().any(|request| request.body == "query=sum%28");
    assert!(escaped);
}

#[tokio::test]
async fn a_password_in_the_url_is_used_and_not_shown() {
    let server = Server::start(|_, _| Reply::Json(401, "no".to_owned())).await;
    let url = format!("http://me:s3%20cret@127.0.0.1:{}", server.port);
    let prometheus = Prometheus::new(&url, Duration::from_secs(5)).unwrap();
    let mut facts = Facts::new("test", SourceKind::Live, jiff::Timestamp::UNIX_EPOCH);
    prometheus.answer(vec![Need::query("up")], &mut facts).await;
    // base64 of "me:s3 cret"
    assert_eq!(server.seen()[0].header("authorization"), ["Basic bWU6czMgY3JldA=="]);
    assert_eq!(outcome(&facts, "up"), &Outcome::Forbidden(format!("{} does not let us in (401)", server.url())));
}

#[tokio::test]
async fn an_unreachable_url_is_named() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap();
    drop(listener);
    let facts = by_url(&format!("http://me:s3cret@{host}"), &["up"]).await;
    assert_eq!(outcome(&facts, "up"), &Outcome::Failed(format!("http://{host}: connection refused")));
}

/// An API server with a ready Prometheus pod in each of the namespaces.
fn cluster(request: &Request, namespaces: &[&str], forward: impl Fn(&str) -> Reply) -> Reply {
    let list = |kind: &str, each: &dyn Fn(&str) -> Value| {
        ok(json!({"kind": kind, "metadata": {}, "items": namespaces.iter().map(|ns| each(ns)).collect::<Vec<_>>()}))
    };
    match request.path.as_str() {
        "/apis" => status(403, "no"),
        "/api/v1/services" => list("ServiceList", &|ns| {
            json!({"metadata": {"name": "prometheus", "namespace": ns},
                "spec": {"selector": {"app": "prom"}, "ports": [{"port": 80, "targetPort": 9090}]}})
        }),
        "/api/v1/pods" => list("PodList", &|ns| {
            json!({"metadata": {"name": format!("prom-{ns}"), "namespace": ns, "labels": {"app": "prom"}},
                "status": {"conditions": [{"type": "Ready", "status": "True"}]}})
        }),
        path if path.ends_with("/portforward") => forward(path),
        _ => prometheus(request),
    }
}

async fn in_cluster(server: &Server, queries: &[&str]) -> Facts {
    let cluster = server.cluster(|options| options.request_timeout = DEADLINE).await;
    let mut facts = ask(&cluster, vec![Need::list(&kinds::SERVICE), Need::list(&kinds::POD)]).await;
    cluster.answer_queries(queries.iter().map(|q| Need::query(*q)).collect(), &mut facts).await;
    facts
}

#[tokio::test]
async fn in_the_cluster_over_one_port_forward() {
    let server = Server::start(|request, _| cluster(request, &["mon"], |_| Reply::Tunnel)).await;
    let facts = in_cluster(&server, &["up", "none", "sum("]).await;
    assert_eq!(facts.series("up").unwrap().len(), 1);
    assert_eq!(facts.series("none").unwrap().len(), 0);
    let error = "Prometheus in pod mon/prom-mon (port 9090): bad_data: 1:4: parse error: unexpected end";
    assert_eq!(outcome(&facts, "sum("), &Outcome::Failed(error.to_owned()));
    assert_eq!(server.queries("/api/v1/namespaces/mon/pods/prom-mon/portforward").len(), 1, "one for all");
}

#[tokio::test]
async fn the_next_server_answers_what_the_first_has_no_series_for() {
    let server = Server::start(|request, before| match request.path.as_str() {
        // The first server is asked for both, the second for what was empty.
        "/api/v1/query" if before < 2 => ok(if request.body == "query=up" { UP } else { NONE }),
        "/api/v1/query" => ok(UP),
        _ => cluster(request, &["a", "b"], |_| Reply::Tunnel),
    })
    .await;
    let facts = in_cluster(&server, &["up", "none"]).await;
    assert_eq!(facts.series("none").unwrap().len(), 1);
    let bodies: Vec<_> = server.seen().into_iter().filter(|r| r.path == "/api/v1/query").map(|r| r.body).collect();
    assert_eq!(bodies, ["query=up", "query=none", "query=none"]);
}

#[tokio::test]
async fn a_forbidden_port_forward() {
    let server = Server::start(|request, _| cluster(request, &["mon"], |_| status(403, "pods is forbidden"))).await;
    let facts = in_cluster(&server, &["up", "none"]).await;
    let why = "Prometheus in pod mon/prom-mon (port 9090) needs pods/portforward: pods is forbidden".to_owned();
    for query in ["up", "none"] {
        assert_eq!(outcome(&facts, query), &Outcome::Forbidden(why.clone()));
    }
}

#[tokio::test]
async fn a_port_on_which_the_pod_does_not_listen() {
    let dead = "dial tcp 127.0.0.1:9090: connect: connection refused";
    let server = Server::start(move |request, _| cluster(request, &["mon"], |_| Reply::DeadTunnel(dead))).await;
    let facts = in_cluster(&server, &["up"]).await;
    assert!(matches!(outcome(&facts, "up"), Outcome::Failed(why) if why.contains(dead)), "{:?}", outcome(&facts, "up"));
}

#[tokio::test]
async fn a_port_forward_that_hangs() {
    let server = Server::start(|request, _| cluster(request, &["mon"], |_| Reply::Silence)).await;
    let facts = in_cluster(&server, &["up", "none"]).await;
    assert_eq!(outcome(&facts, "up"), outcome(&facts, "none"), "tried once");
    assert!(matches!(outcome(&facts, "up"), Outcome::TimedOut(why) if why.contains("no port-forward within 2s")));
}

#[tokio::test]
async fn a_server_that_hangs_is_left_after_two_queries() {
    let server = Server::start(|request, _| cluster(request, &["mon"], |_| Reply::Tunnel)).await;
    let facts = in_cluster(&server, &["slow", "slow", "up"]).await;
    assert!(matches!(outcome(&facts, "slow"), Outcome::TimedOut(why) if why.ends_with("no answer within 2s")));
    assert!(matches!(outcome(&facts, "up"), Outcome::TimedOut(why) if why.ends_with("this one was not sent")));
    assert_eq!(server.seen().into_iter().filter(|request| request.path == "/api/v1/query").count(), 2);
}

#[tokio::test]
async fn none_in_the_cluster() {
    let server = Server::start(|request, _| cluster(request, &[], |_| Reply::Tunnel)).await;
    let facts = in_cluster(&server, &["up"]).await;
    assert_eq!(outcome(&facts, "up"), &Outcome::Absent("no Prometheus found in the cluster".to_owned()));
}
