//! Admin ports of pods: through a port-forward, or by a program inside where that is not possible.

use super::server::{Reply, Request, Server, ok, status};
use meshctl::facts::{Need, Outcome, kinds};
use meshctl::source::visit::{Answers, Door, Inside, Questions, visit};
use meshctl::source::{Base, Source};
use std::time::Duration;

/// Long enough for a busy machine, short enough to wait for once.
const DEADLINE: Duration = Duration::from_secs(2);
const FORWARD: &str = "/api/v1/namespaces/shop/pods/web-1/portforward";
const EXEC: &str = "/api/v1/namespaces/shop/pods/web-1/exec";

/// Asks these paths, all at once, and keeps the answers.
struct Paths(Vec<&'static str>);

impl Questions for Paths {
    type Made = Answers;
    fn next(&self, _: usize, known: &Answers) -> Vec<String> {
        if known.is_empty() { self.0.iter().map(|path| (*path).to_owned()).collect() } else { Vec::new() }
    }
    fn done(&self, _: usize, known: Answers) -> Answers {
        known
    }
}

async fn ask(script: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static, paths: &[&'static str]) -> (Server, Answers) {
    let server = Server::start(script).await;
    let cluster = server.cluster(|options| options.request_timeout = DEADLINE).await;
    let command = ["agent", "{method}", "{path}"].map(str::to_owned).into();
    let inside = Some(Inside { container: "proxy".into(), command });
    let door = Door { namespace: "shop".into(), pod: "web-1".into(), port: 15000, inside };
    let source = Source { base: Base::Live(Box::new(cluster)), prometheus: None };
    let answers = visit(&source, &[door], Paths(paths.to_vec()), |_| {}).await.remove(0);
    (server, answers)
}

fn text(answers: &Answers, number: usize) -> String {
    match &answers[number].1.outcome {
        Outcome::Bytes(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn several_requests_over_one_port_forward() {
    let script = |request: &Request, _: usize| match request.path.as_str() {
        FORWARD => Reply::Tunnel,
        "/config_dump" => ok(r#"{"configs":[{"password":"hunter2"}]}"#),
        "/broken" => Reply::Json(500, "Unable to parse JSON as proto\nmore".into()),
        _ => Reply::Json(404, "invalid path".into()),
    };
    let (server, answers) = ask(script, &["config_dump?mask=a", "broken", "nowhere"]).await;
    assert_eq!(text(&answers, 0), r#"{"configs":[{"password":"<redacted>"}]}"#, "masked before anybody sees it");
    let failed = "web-1.shop (port 15000) answers 500 to broken: Unable to parse JSON as proto";
    assert_eq!(answers[1].1.outcome, Outcome::Failed(failed.into()));
    assert!(matches!(&answers[2].1.outcome, Outcome::Absent(why) if why.contains("404")), "{answers:?}");
    assert_eq!(server.queries(FORWARD).len(), 1, "one for all");
    assert_eq!(server.queries("/config_dump"), ["mask=a"]);
}

/// What comes of SPDY on the way to this server, and how the pods of two questions, one after the other, were asked for. Half
/// of the deadline has to do for a WebSocket.
async fn without_spdy(refusal: fn() -> Reply) {
    let script = move |request: &Request, _: usize| match request.path.as_str() {
        path if path.ends_with("/portforward") && !request.header("upgrade").contains(&"websocket") => refusal(),
        path if path.ends_with("/portforward") => Reply::Tunnel,
        path => ok(format!("{{\"path\":\"{path}\"}}")),
    };
    let server = Server::start(script).await;
    let cluster = server.cluster(|options| options.request_timeout = 3 * DEADLINE).await;
    let source = Source { base: Base::Live(Box::new(cluster)), prometheus: None };
    for (pod, methods) in [("web-1", ["POST", "GET"].as_slice()), ("web-2", &["GET"])] {
        let door = Door { namespace: "shop".into(), pod: pod.into(), port: 15000, inside: None };
        let answers = visit(&source, &[door], Paths(vec!["clusters"]), |_| {}).await.remove(0);
        assert_eq!(text(&answers, 0), r#"{"path":"/clusters"}"#);
        let asked = server.seen().into_iter().filter(|request| request.path.contains(&format!("/{pod}/")));
        assert_eq!(asked.map(|request| request.method).collect::<Vec<_>>(), methods);
    }
}

#[tokio::test]
async fn where_spdy_is_not_spoken_it_is_a_websocket_and_asked_for_once() {
    without_spdy(|| Reply::Json(400, "<html>what is SPDY?</html>".into())).await;
}

#[tokio::test]
async fn where_spdy_is_swallowed_a_websocket_is_tried_in_time() {
    without_spdy(|| Reply::Silence).await;
}

#[tokio::test]
async fn what_breaks_off_is_kept_and_told() {
    let script = |request: &Request, _: usize| match request.path.as_str() {
        FORWARD => Reply::Tunnel,
        _ => Reply::Cut(r#"{"configs":["#.into()),
    };
    let (_, answers) = ask(script, &["config_dump"]).await;
    assert_eq!(text(&answers, 0), r#"{"configs":["#);
    assert!(answers[0].1.partial.is_some(), "{answers:?}");
}

#[tokio::test]
async fn where_port_forwards_are_forbidden_a_program_inside_is_run() {
    let script = |request: &Request, _: usize| match request.path.as_str() {
        FORWARD => status(403, "pods is forbidden"),
        EXEC => Reply::Ran("{\"configs\":[]}", None),
        _ => status(404, "no"),
    };
    let (server, answers) = ask(script, &["config_dump", "stats"]).await;
    assert_eq!(text(&answers, 1), "{\"configs\":[]}");
    assert_eq!(server.queries(FORWARD).len(), 2, "in each protocol once");
    let query = &server.queries(EXEC)[0];
    assert!(query.contains("container=proxy") && query.contains("command=agent&command=GET&command=config_dump"), "{query}");
}

#[tokio::test]
async fn when_neither_works_both_reasons_are_told() {
    let script = |request: &Request, _: usize| match request.path.as_str() {
        FORWARD => status(403, "no forward"),
        _ => status(403, "no exec"),
    };
    let (_, answers) = ask(script, &["config_dump"]).await;
    let Outcome::Forbidden(why) = &answers[0].1.outcome else { panic!("{answers:?}") };
    assert!(why.contains("pods/portforward: no forward") && why.contains("pods/exec: no exec"), "{why}");
    let script = |request: &Request, _: usize| match request.path.as_str() {
        FORWARD => Reply::DeadTunnel("connect: connection refused"),
        _ => Reply::Ran("", Some("Error: status code 500")),
    };
    let (_, answers) = ask(script, &["config_dump"]).await;
    assert!(
        matches!(&answers[0].1.outcome, Outcome::Failed(why) if why.contains("refused") && why.contains("status code 500")),
        "{answers:?}"
    );
}

#[tokio::test]
async fn a_proxy_that_is_silent_is_given_up_in_time() {
    let script = |request: &Request, _: usize| if request.path == FORWARD { Reply::Tunnel } else { Reply::Silence };
    let (_, answers) = ask(script, &["config_dump", "a", "b", "c"]).await;
    assert_eq!(answers[0].1.outcome, Outcome::TimedOut("web-1.shop (port 15000): no answer within 2s".into()));
    assert!(matches!(&answers[3].1.outcome, Outcome::TimedOut(why) if why.ends_with("this one was not sent")), "{answers:?}");
}

#[tokio::test]
async fn objects_by_name_and_by_label() {
    let pod = r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"web-1","namespace":"shop"}}"#;
    let server = Server::start(move |request, _| match request.path.as_str() {
        "/api/v1/namespaces/shop/pods/web-1" => ok(pod),
        "/api/v1/namespaces/shop/pods" | "/api/v1/pods" => ok(super::page(&["web-1"], "")),
        _ => status(404, "not found"),
    })
    .await;
    let cluster = server.cluster(|_| {}).await;
    let get = |namespace: Option<&str>, name: &str| Need::Get {
        resource: kinds::POD.clone(),
        namespace: namespace.map(str::to_owned),
        name: name.into(),
    };
    let select = Need::Select { resource: kinds::POD.clone(), namespace: Some("shop".into()), labels: "app in (a,b)".into() };
    let needs = [get(Some("shop"), "web-1"), get(Some("shop"), "gone"), get(None, "web-1"), select];
    let facts = super::ask(&cluster, needs.to_vec()).await;
    let counts: Vec<usize> = needs.iter().map(|need| super::names(facts.get(need).unwrap()).len()).collect();
    assert_eq!(counts, [1, 0, 1, 1]);
    assert!(server.queries("/api/v1/pods")[0].contains("fieldSelector=metadata.name%3Dweb-1"));
    assert!(server.queries("/api/v1/namespaces/shop/pods")[0].contains("labelSelector=app%20in%20%28a%2Cb%29"));
    assert!(server.queries("/apis").is_empty(), "no discovery for names");
}
