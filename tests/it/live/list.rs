//! Lists: pages, and every way in which one does not come.

use super::server::{Reply, Server, ok, status};
use super::{answer, ask, groups, names, page};
use meshctl::facts::{Need, Outcome, kinds};
use serde_json::json;
use std::time::{Duration, Instant};

const PODS: &str = "/api/v1/pods";

/// A server with the usual groups, whose pods are scripted.
async fn pods(script: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> Server {
    Server::start(move |request, before| match request.path.as_str() {
        "/apis" => ok(groups(&[("apps", "v1")])),
        PODS => script(&request.query, before),
        _ => status(404, "the server could not find the requested resource"),
    })
    .await
}

async fn listed(server: &Server) -> meshctl::facts::Answer {
    let cluster = server.cluster(|_| ()).await;
    answer(&ask(&cluster, vec![Need::list(&kinds::POD)]).await, &kinds::POD).clone()
}

#[tokio::test]
async fn pages_are_followed_and_sorted() {
    let server = pods(|query, _| match query {
        "limit=500" => ok(page(&["b", "d"], "t/1=")),
        "limit=500&continue=t%2F1%3D" => ok(page(&["c"], "t2")),
        "limit=500&continue=t2" => ok(page(&["a"], "")),
        other => panic!("{other}"),
    })
    .await;
    let answer = listed(&server).await;
    assert_eq!(names(&answer), ["shop/a", "shop/b", "shop/c", "shop/d"]);
    assert_eq!(answer.partial, None);
    assert_eq!(server.queries(PODS).len(), 3);
}

#[tokio::test]
async fn items_get_their_kind_and_lose_managed_fields() {
    let server = pods(|_, _| {
        ok(json!({"kind": "PodList", "metadata": {}, "items": [
            {"metadata": {"name": "a", "managedFields": [{"manager": "kubectl"}]}, "spec": {"nodeName": "n1"}}]}))
    })
    .await;
    let answer = listed(&server).await;
    let Outcome::Objects(objects) = &answer.outcome else { panic!() };
    let json: serde_json::Value = objects[0].read().unwrap();
    assert_eq!((&json["apiVersion"], &json["kind"], &json["spec"]["nodeName"]), (&json!("v1"), &json!("Pod"), &json!("n1")));
    assert!(!objects[0].json.contains("managedFields"));
}

#[tokio::test]
async fn an_empty_list_is_empty() {
    let server = pods(|_, _| ok(json!({"kind": "PodList", "metadata": {}, "items": null}))).await;
    assert_eq!(listed(&server).await.outcome, Outcome::Objects(vec![]));
}

#[tokio::test]
async fn expired_in_mid_list_begins_again_in_one_piece() {
    let server = pods(|query, _| match query {
        "limit=500" => ok(page(&["old"], "t1")),
        "limit=500&continue=t1" => status(410, "The provided continue parameter is too old"),
        "" => ok(page(&["a", "b"], "")),
        other => panic!("{other}"),
    })
    .await;
    let answer = listed(&server).await;
    assert_eq!((names(&answer), answer.partial), (vec!["shop/a".to_owned(), "shop/b".to_owned()], None));
}

#[tokio::test]
async fn expired_in_mid_list_goes_on_where_the_server_offers_it() {
    let gone = json!({"kind": "Status", "code": 410, "reason": "Expired", "message": "too old", "metadata": {"continue": "new"}});
    let server = pods(move |query, _| match query {
        "limit=500" => ok(page(&["a"], "t1")),
        "limit=500&continue=t1" => Reply::Json(410, gone.to_string()),
        "limit=500&continue=new" => ok(page(&["b"], "")),
        other => panic!("{other}"),
    })
    .await;
    assert_eq!(names(&listed(&server).await), ["shop/a", "shop/b"]);
}

#[tokio::test]
async fn expired_twice_keeps_what_came() {
    let server = pods(|query, _| match query {
        "limit=500" => ok(page(&["a", "b"], "t1")),
        _ => status(410, "too old"),
    })
    .await;
    let answer = listed(&server).await;
    assert_eq!(names(&answer), ["shop/a", "shop/b"]);
    assert_eq!(answer.partial.unwrap(), "the list broke off after 2 objects: the server says 410: too old");
}

#[tokio::test]
async fn one_forbidden_kind_does_not_hide_the_others() {
    let server = Server::start(|request, _| match request.path.as_str() {
        "/apis" => ok(groups(&[("apps", "v1")])),
        "/version" => ok(json!({"gitVersion": "v1.34.0"})),
        PODS => ok(page(&["a"], "")),
        "/api/v1/nodes" => status(403, r#"nodes is forbidden: User "me" cannot list resource "nodes""#),
        "/api/v1/services" => Reply::Json(405, String::new()),
        _ => status(404, "not found"),
    })
    .await;
    let cluster = server.cluster(|_| ()).await;
    let wanted = [&kinds::POD, &kinds::NODE, &kinds::SERVICE, &kinds::DEPLOYMENT].map(Need::list);
    let facts = ask(&cluster, wanted.into_iter().chain([Need::Version]).collect()).await;
    assert_eq!(names(answer(&facts, &kinds::POD)), ["shop/a"]);
    let why = r#"nodes is forbidden: User "me" cannot list resource "nodes""#;
    assert_eq!(answer(&facts, &kinds::NODE).outcome, Outcome::Forbidden(why.to_owned()));
    assert!(matches!(answer(&facts, &kinds::SERVICE).outcome, Outcome::Absent(_)));
    assert_eq!(answer(&facts, &kinds::DEPLOYMENT).outcome, Outcome::Absent("not found".to_owned()));
    assert_eq!(facts.text(&Need::Version), Some(r#"{"gitVersion":"v1.34.0"}"#));
}

#[tokio::test]
async fn what_is_not_served_is_not_asked_for() {
    let server = Server::start(|request, _| match request.path.as_str() {
        "/apis" => ok(groups(&[("networking.istio.io", "v1beta1")])),
        "/apis/networking.istio.io/v1beta1/virtualservices" => ok(page(&["vs"], "")),
        other => panic!("asked for {other}"),
    })
    .await;
    let cluster = server.cluster(|_| ()).await;
    let facts = ask(&cluster, [&kinds::CILIUM_NETWORK_POLICY, &kinds::ISTIO_VIRTUAL_SERVICE].map(Need::list).to_vec()).await;
    let why = Outcome::Absent("the server has no API group cilium.io".to_owned());
    assert_eq!(answer(&facts, &kinds::CILIUM_NETWORK_POLICY).outcome, why);
    let found = answer(&facts, &kinds::ISTIO_VIRTUAL_SERVICE);
    assert_eq!(names(found), ["shop/vs"]);
    assert!(matches!(&found.outcome, Outcome::Objects(o) if o[0].json.contains(r#""networking.istio.io/v1beta1""#)));
    assert_eq!(server.seen().len(), 2, "/apis and the one list");
    // The second round knows already.
    ask(&cluster, [&kinds::FLAGGER_CANARY, &kinds::CILIUM_NODE].map(Need::list).to_vec()).await;
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn few_kinds_of_a_settled_version_are_asked_for_without_discovery() {
    let server = Server::start(|request, _| match request.path.as_str() {
        PODS => ok(page(&["a"], "")),
        "/apis/cilium.io/v2/ciliumnodes" => status(404, "the server could not find the requested resource"),
        other => panic!("asked for {other}"),
    })
    .await;
    let cluster = server.cluster(|_| ()).await;
    let facts = ask(&cluster, [&kinds::POD, &kinds::CILIUM_NODE].map(Need::list).to_vec()).await;
    assert_eq!(names(answer(&facts, &kinds::POD)), ["shop/a"]);
    let why = Outcome::Absent("the server has no ciliumnodes.cilium.io".to_owned());
    assert_eq!(answer(&facts, &kinds::CILIUM_NODE).outcome, why);
}

#[tokio::test]
async fn without_discovery_every_kind_is_asked_for_directly() {
    let server = Server::start(|request, _| match request.path.as_str() {
        "/apis" => status(403, "forbidden"),
        "/apis/apps/v1/deployments" => ok(page(&["d"], "")),
        _ => status(404, "not found"),
    })
    .await;
    let cluster = server.cluster(|_| ()).await;
    let facts = ask(&cluster, [&kinds::DEPLOYMENT, &kinds::FLAGGER_CANARY].map(Need::list).to_vec()).await;
    assert_eq!(names(answer(&facts, &kinds::DEPLOYMENT)), ["shop/d"]);
    assert!(matches!(answer(&facts, &kinds::FLAGGER_CANARY).outcome, Outcome::Absent(_)));
}

#[tokio::test]
async fn a_slow_kind_times_out_alone_and_soon() {
    let server = Server::start(|request, _| match (request.path.as_str(), request.query.as_str()) {
        ("/apis", _) => ok(groups(&[("apps", "v1")])),
        (PODS, "limit=500") => ok(page(&["a"], "t")),
        ("/api/v1/services", _) => ok(page(&[], "")),
        _ => Reply::Silence,
    })
    .await;
    let cluster = server.cluster(|options| options.request_timeout = Duration::from_millis(600)).await;
    let start = Instant::now();
    let facts = ask(&cluster, [&kinds::NODE, &kinds::POD, &kinds::SERVICE].map(Need::list).to_vec()).await;
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert_eq!(answer(&facts, &kinds::NODE).outcome, Outcome::TimedOut("no answer within 600ms".to_owned()));
    assert_eq!(answer(&facts, &kinds::SERVICE).outcome, Outcome::Objects(vec![]));
    let pods = answer(&facts, &kinds::POD);
    assert_eq!(names(pods), ["shop/a"]);
    assert_eq!(pods.partial.as_deref(), Some("the list broke off after 1 objects: no answer within 600ms"));
}

#[tokio::test]
async fn a_cut_connection() {
    let server = pods(|query, _| match query {
        "limit=500" => {
            let mut first = page(&["a"], "t");
            first["metadata"]["remainingItemCount"] = json!(41);
            ok(first)
        }
        _ => Reply::Cut(r#"{"kind":"PodList","items":[{"#.to_owned()),
    })
    .await;
    let answer = listed(&server).await;
    assert_eq!(names(&answer), ["shop/a"]);
    let partial = answer.partial.unwrap();
    assert!(partial.starts_with("the list broke off after 1 objects, about 41 are missing: connection closed"), "{partial}");

    let server = pods(|_, _| Reply::Cut("{".to_owned())).await;
    assert!(matches!(listed(&server).await.outcome, Outcome::Failed(why) if why.contains("connection closed")));
    assert_eq!(server.queries(PODS).len(), 2, "a GET is tried once more");
}

#[tokio::test]
async fn throttling_is_waited_out() {
    let server = pods(|_, before| match before {
        0 => Reply::With(429, "Retry-After: 1", "too many".to_owned()),
        _ => ok(page(&["a"], "")),
    })
    .await;
    let start = Instant::now();
    assert_eq!(names(&listed(&server).await), ["shop/a"]);
    assert!(start.elapsed() >= Duration::from_secs(1), "the server's wish counts");
}

#[tokio::test]
async fn throttling_beyond_the_deadline_is_said_at_once() {
    let server = pods(|_, _| Reply::With(429, "Retry-After: 3600", "too many".to_owned())).await;
    let start = Instant::now();
    assert_eq!(listed(&server).await.outcome, Outcome::Failed("the server says 429: too many".to_owned()));
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!(server.queries(PODS).len(), 1);
}

#[tokio::test]
async fn server_errors_are_retried_a_few_times() {
    let server = pods(|_, before| if before < 2 { status(500, "etcd is busy") } else { ok(page(&["a"], "")) }).await;
    assert_eq!(names(&listed(&server).await), ["shop/a"]);
    let server = pods(|_, _| status(503, "etcd is gone")).await;
    assert_eq!(listed(&server).await.outcome, Outcome::Failed("the server says 503: etcd is gone".to_owned()));
    assert_eq!(server.queries(PODS).len(), 3);
}

#[tokio::test]
async fn nonsense_is_a_failure_not_an_empty_list() {
    for nonsense in ["", "<html>", "{}", "[]", r#"{"kind":"Status"}"#] {
        let server = pods(move |_, _| ok(nonsense)).await;
        let outcome = listed(&server).await.outcome;
        assert!(matches!(&outcome, Outcome::Failed(why) if why.contains("no list")), "{nonsense}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_server_that_repeats_itself_is_stopped() {
    let server = pods(|_, _| ok(page(&["a"], "same"))).await;
    assert!(listed(&server).await.partial.unwrap().contains("repeats"));
    assert_eq!(server.queries(PODS).len(), 2);
}

#[tokio::test]
async fn one_namespace() {
    let server = Server::start(|request, _| match (request.path.as_str(), request.query.as_str()) {
        ("/apis", _) => ok(groups(&[("apps", "v1")])),
        ("/api/v1/namespaces/shop/pods", "limit=500") => ok(page(&["a"], "")),
        ("/apis/apps/v1/namespaces/shop/deployments", "limit=500") => ok(page(&["d"], "")),
        ("/api/v1/namespaces", "limit=500&fieldSelector=metadata.name%3Dshop") => {
            ok(json!({"kind": "NamespaceList", "metadata": {}, "items": [{"metadata": {"name": "shop"}}]}))
        }
        ("/api/v1/nodes", "limit=500") => status(403, "no"),
        other => panic!("{other:?}"),
    })
    .await;
    let cluster = server.cluster(|options| options.namespace = Some("shop".to_owned())).await;
    let wanted = [&kinds::POD, &kinds::DEPLOYMENT, &kinds::NAMESPACE, &kinds::NODE].map(Need::list).to_vec();
    let facts = ask(&cluster, wanted).await;
    assert_eq!(facts.namespace.as_deref(), Some("shop"));
    assert_eq!(names(answer(&facts, &kinds::POD)), ["shop/a"]);
    assert_eq!(names(answer(&facts, &kinds::DEPLOYMENT)), ["shop/d"]);
    assert_eq!(names(answer(&facts, &kinds::NAMESPACE)), ["/shop"]);
    assert!(matches!(answer(&facts, &kinds::NODE).outcome, Outcome::Forbidden(_)));
}

#[tokio::test]
async fn a_role_in_one_namespace_is_enough_to_read_that_namespace() {
    let server = Server::start(|request, _| match request.path.as_str() {
        "/apis" => ok(groups(&[("apps", "v1")])),
        "/api/v1/namespaces/shop" => ok(json!({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "shop"}})),
        _ => status(403, "not at the cluster scope"),
    })
    .await;
    let cluster = server.cluster(|options| options.namespace = Some("shop".to_owned())).await;
    let facts = ask(&cluster, vec![Need::list(&kinds::NAMESPACE)]).await;
    assert_eq!(names(answer(&facts, &kinds::NAMESPACE)), ["/shop"]);
}

#[tokio::test]
async fn who_we_are() {
    let server = pods(|_, _| ok(page(&[], ""))).await;
    let cluster = server
        .cluster(|options| {
            options.impersonate_user = Some("jane".to_owned());
            options.impersonate_groups = vec!["ops".to_owned(), "dev".to_owned()];
        })
        .await;
    ask(&cluster, vec![Need::list(&kinds::POD)]).await;
    for request in server.seen() {
        assert_eq!(request.header("authorization"), ["Bearer t0ken"]);
        assert_eq!(request.header("impersonate-user"), ["jane"]);
        assert_eq!(request.header("impersonate-group"), ["ops", "dev"]);
    }
}
