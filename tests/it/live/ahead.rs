//! Pods that had much to tell last time: asked beside the look-up, and told by nothing but speed.

use super::ask;
use super::server::{Reply, Request, Server, ok, status};
use meshctl::facts::{Need, Outcome, kinds};
use meshctl::source::live::{Cluster, Options};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

const FORWARD: &str = "/api/v1/namespaces/istio-system/pods/istiod-1/portforward";
const SECOND: &str = "/api/v1/namespaces/istio-system/pods/istiod-2/portforward";
/// What is told of a fleet.
const LONG: usize = 1 << 20;

/// An istiod that tells so much; its way, by the number of those before it; who hears of each way.
async fn istiod(told: usize, way: fn(usize) -> Reply) -> (Server, Arc<Notify>, Arc<AtomicBool>) {
    let (begun, gone) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
    let (heard, left) = (begun.clone(), gone.clone());
    let script = move |request: &Request, before: usize| match request.path.as_str() {
        "/api/v1/pods" => {
            let pod = json!({"metadata": {"name": "istiod-1", "namespace": "istio-system"}});
            let items = if left.load(Ordering::SeqCst) { json!([]) } else { json!([pod]) };
            ok(json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "7"}, "items": items}))
        }
        FORWARD => {
            heard.notify_one();
            way(before)
        }
        SECOND => Reply::Tunnel,
        "/debug/syncz" => ok("x".repeat(told)),
        _ => status(404, "not scripted"),
    };
    (Server::start(script).await, begun, gone)
}

async fn cluster(server: &Server, kept: &Path) -> Cluster {
    server.cluster(|options| options.kept = Some(kept.to_owned())).await
}

fn look_up() -> Need {
    Need::Select { resource: kinds::POD.clone(), namespace: None, labels: "app=istiod".into() }
}

fn question() -> Need {
    Need::PodGet { namespace: "istio-system".into(), pod: "istiod-1".into(), port: 15014, path: "debug/syncz".into() }
}

/// The look-up alone.
async fn found(cluster: &Cluster) -> usize {
    match &ask(cluster, vec![look_up()]).await.get(&look_up()).expect("an answer").outcome {
        Outcome::Objects(pods) => pods.len(),
        other => panic!("{other:?}"),
    }
}

async fn told(cluster: &Cluster) -> usize {
    match &ask(cluster, vec![question()]).await.get(&question()).expect("an answer").outcome {
        Outcome::Bytes(bytes) => bytes.len(),
        other => panic!("{other:?}"),
    }
}

fn asked(server: &Server) -> usize {
    server.seen().iter().filter(|request| request.path == "/debug/syncz").count()
}

fn ways(server: &Server) -> usize {
    server.queries(FORWARD).len()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_told_of_a_fleet_is_gone_to_beside_the_look_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let kept = folder.path().join("ways");
    let (server, begun, gone) = istiod(LONG, |_| Reply::Tunnel).await;

    let first = cluster(&server, &kept).await;
    assert_eq!((found(&first).await, ways(&server)), (1, 0), "nothing is known");
    assert_eq!((told(&first).await, ways(&server)), (LONG, 1));
    begun.notified().await;

    let second = cluster(&server, &kept).await;
    assert_eq!(found(&second).await, 1);
    tokio::time::timeout(Duration::from_secs(30), begun.notified()).await.expect("what nobody asked for yet");
    assert_eq!((told(&second).await, ways(&server), asked(&server)), (LONG, 2, 2), "its answer is taken");
    assert_eq!((told(&second).await, ways(&server), asked(&server)), (LONG, 3, 3), "once");

    // Whose pod is gone is forgotten, and the first to find it so pays with a way too many.
    gone.store(true, Ordering::SeqCst);
    let third = cluster(&server, &kept).await;
    assert_eq!(found(&third).await, 0);
    begun.notified().await;
    let file = kept.read_dir().expect("a folder").next().expect("a file").expect("a file").path();
    assert_eq!(std::fs::read_to_string(file).expect("names"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_that_was_begun_and_is_none_is_opened_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let way = |before: usize| match before {
        1 => Reply::DeadTunnel("connect: connection refused"),
        3 => status(500, "not now"),
        _ => Reply::Tunnel,
    };
    let (server, _, _) = istiod(LONG, way).await;
    for (run, ways_then) in [(1, 1), (2, 3), (3, 5)] {
        let cluster = cluster(&server, folder.path()).await;
        assert_eq!((found(&cluster).await, told(&cluster).await), (1, LONG), "run {run}");
        assert_eq!(ways(&server), ways_then, "run {run}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_that_is_not_open_in_time_is_not_waited_for_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, _, _) = istiod(LONG, |before| if before == 0 { Reply::Tunnel } else { Reply::Silence }).await;
    let first = cluster(&server, folder.path()).await;
    assert_eq!((found(&first).await, told(&first).await), (1, LONG));
    let hasty = |options: &mut Options| {
        options.kept = Some(folder.path().to_owned());
        options.request_timeout = Duration::from_secs(2);
    };
    let second = server.cluster(hasty).await;
    assert_eq!(found(&second).await, 1);
    let other =
        Need::PodGet { namespace: "istio-system".into(), pod: "istiod-2".into(), port: 15014, path: "debug/syncz".into() };
    let facts = ask(&second, vec![question(), other.clone()]).await;
    assert!(matches!(facts.get(&other).expect("an answer").outcome, Outcome::Bytes(_)), "it hides nobody");
    let outcome = &facts.get(&question()).expect("an answer").outcome;
    assert!(matches!(outcome, Outcome::TimedOut(why) if why.contains("no port-forward within 2s")), "{outcome:?}");
    let over_spdy = server.seen().into_iter().filter(|request| request.path == FORWARD && request.method == "POST").count();
    assert_eq!(over_spdy, 2);
    assert!(ways(&server) - over_spdy <= 1, "and over a WebSocket once");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_short_answers_and_without_a_folder_nothing_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, _, _) = istiod(LONG - 1, |_| Reply::Tunnel).await;
    let small = cluster(&server, folder.path()).await;
    assert_eq!((found(&small).await, told(&small).await), (1, LONG - 1));
    assert_eq!(folder.path().read_dir().expect("a folder").count(), 0);

    let (server, _, _) = istiod(LONG, |_| Reply::Tunnel).await;
    for run in 1..3 {
        let cluster = server.cluster(|_| {}).await;
        assert_eq!((found(&cluster).await, told(&cluster).await, ways(&server)), (1, LONG, run));
    }
}

/// The file is the user's own and still may hold anything.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_name_is_not_gone_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, _, _) = istiod(LONG, |_| Reply::Tunnel).await;
    let first = cluster(&server, folder.path()).await;
    assert_eq!((found(&first).await, told(&first).await), (1, LONG));
    let file = folder.path().read_dir().expect("a folder").next().expect("a file").expect("a file").path();
    assert_eq!(std::fs::read_to_string(&file).expect("names"), "istio-system istiod-1 15014 debug/syncz\n");
    let strange = [
        "../.. istiod-1 15014 debug/syncz",
        "istio-system istiod-1?x 15014 debug/syncz",
        "istio-system istiod-1 99999 debug/syncz",
        "istio-system istiod-1 15014",
        "istio-system istiod-1 15014 quit?quit=1",
        "istio-system istiod-1 15014 debug/syncz more",
        "",
        " a b",
    ];
    std::fs::write(&file, strange.join("\n")).expect("a write");
    let second = cluster(&server, folder.path()).await;
    assert_eq!((found(&second).await, told(&second).await), (1, LONG));
    let strange = server.seen().into_iter().filter(|request| request.path.contains("portforward") && request.path != FORWARD);
    assert_eq!((strange.count(), ways(&server)), (0, 2));
}
