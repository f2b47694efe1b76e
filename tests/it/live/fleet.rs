//! Whole commands on many proxies of a scripted API server.

use super::server::{Kubeconfig, Reply, Request, Server, ok, status};
use crate::run;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const DUMP: &str = include_str!("../../../fixtures/envoy/istio/config_dump.json");
const ZTUNNEL: &str = include_str!("../../../fixtures/ztunnel/dump.json");

fn pod(name: &str, labels: Value, node: &str) -> Value {
    let sidecar = json!([{"name": "app", "image": "app"}, {"name": "istio-proxy", "image": "proxyv2:1"}]);
    let containers = if name.starts_with("ztunnel") { json!([{"name": "istio-proxy", "image": "ztunnel:1"}]) } else { sidecar };
    json!({"metadata": {"name": name, "namespace": "shop", "labels": labels},
        "spec": {"nodeName": node, "containers": containers},
        "status": {"phase": "Running", "podIP": "10.0.0.7"}})
}

fn list(kind: &str, items: Vec<Value>) -> Reply {
    ok(json!({"kind": format!("{kind}List"), "apiVersion": "v1", "metadata": {"resourceVersion": "7"}, "items": items}))
}

/// `count` pods with a proxy; what an admin port answers is up to `admin`.
async fn fleet(count: usize, admin: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> (Server, Kubeconfig) {
    let script = move |request: &Request, _: usize| {
        let name = request.path.strip_prefix("/api/v1/namespaces/shop/pods/").and_then(|rest| rest.split('/').next());
        match (request.path.as_str(), name) {
            ("/api/v1/pods", _) => list("Pod", (0..count).map(|n| pod(&format!("web-{n}"), json!({}), "n1")).collect()),
            ("/version", _) => ok(r#"{"major":"1","minor":"37","gitVersion":"v1.37.0"}"#),
            (_, Some("web-3")) => status(403, "pods \"web-3\" is forbidden"),
            (path, Some("web-5")) if path.ends_with("/portforward") => Reply::DeadTunnel("connect: connection refused"),
            (path, Some(_)) if path.ends_with("/portforward") => Reply::Tunnel,
            (_, Some(_)) => status(404, "not found"),
            _ => admin(request),
        }
    };
    let server = Server::start(script).await;
    let config = Kubeconfig::new(&[("test", &server.url())]);
    (server, config)
}

async fn meshctl(config: &Kubeconfig, words: &[&str]) -> (i32, String, String) {
    let mut all: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    all.extend(["--kubeconfig".to_owned(), config.path().display().to_string()]);
    let done = tokio::task::spawn_blocking(move || run(&all.iter().map(String::as_str).collect::<Vec<_>>()));
    done.await.expect("it ran")
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_proxies_are_one_document_and_the_ones_that_failed_are_named() {
    let (asked, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (now, peak) = (asked.clone(), most.clone());
    let admin = move |request: &Request| match request.path.as_str() {
        "/config_dump" => {
            peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            // As long as an answer takes, so that requests meet.
            std::thread::sleep(Duration::from_millis(2));
            now.fetch_sub(1, Ordering::SeqCst);
            ok(DUMP)
        }
        _ => Reply::Json(404, "invalid path".into()),
    };
    let (server, config) = fleet(200, admin).await;
    let (code, out, err) = meshctl(&config, &["pc", "cluster", "-A", "--fqdn", "istiod", "-o", "json"]).await;
    assert_eq!(code, 0, "{err}");
    let report: Value = serde_json::from_str(&out).expect("one document");
    assert_eq!((&report["asked"], &report["answered"]), (&200.into(), &198.into()));
    let failed: Vec<&str> = report["failed"].as_array().expect("rows").iter().filter_map(|row| row["name"].as_str()).collect();
    assert_eq!(failed, ["web-3.shop", "web-5.shop"]);
    assert!(report["failed"][0]["reason"].as_str().is_some_and(|why| why.contains("forbidden")), "{}", report["failed"]);
    let names: Vec<&str> = report["proxies"].as_array().expect("proxies").iter().filter_map(|one| one["pod"].as_str()).collect();
    assert_eq!((names.len(), names[0], names[197]), (198, "web-0", "web-99"), "by name, whoever answered first");
    let forwards = server.seen().iter().filter(|request| request.path.ends_with("/portforward")).count();
    assert!((198..=202).contains(&forwards), "one port-forward a proxy: {forwards}");
    assert!(most.load(Ordering::SeqCst) <= 32, "bounded");

    let (code, out, _) = meshctl(&config, &["pc", "cluster", "-A", "--fqdn", "istiod", "--strict"]).await;
    assert_eq!(code, 2);
    assert!(out.contains("198 of 200 proxies answered") && out.contains("web-5.shop: "), "{}", &out[out.len() - 400..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_level_of_a_ztunnel_is_shown_and_set() {
    let script = |request: &Request, _: usize| match request.path.as_str() {
        "/api/v1/pods" => {
            let ztunnel = |name: &str, node: &str| pod(name, json!({"app": "ztunnel"}), node);
            let all = vec![ztunnel("ztunnel-1", "n1"), ztunnel("ztunnel-2", "n2"), pod("web-1", json!({}), "n2")];
            let wanted = request.query.contains("ztunnel");
            list("Pod", all.into_iter().filter(|pod| !wanted || pod["metadata"]["labels"]["app"] == "ztunnel").collect())
        }
        "/api/v1/namespaces/shop/pods/web-1" => ok(json!({"kind": "Pod", "apiVersion": "v1"})
            .as_object()
            .map(|head| {
                let mut whole = pod("web-1", json!({}), "n2");
                whole.as_object_mut().expect("an object").extend(head.clone());
                whole
            })
            .expect("a pod")),
        path if path.ends_with("/portforward") => Reply::Tunnel,
        "/config_dump" => ok(ZTUNNEL),
        "/logging" if request.method == "POST" && request.query.contains("level=") => {
            ok("current log level is access=debug,info\n")
        }
        "/logging" if request.method == "POST" => ok("current log level is info\n"),
        _ => status(404, "not found"),
    };
    let server = Server::start(script).await;
    let config = Kubeconfig::new(&[("test", &server.url())]);
    let (code, out, err) = meshctl(&config, &["zc", "log"]).await;
    assert!(code == 0 && out.contains("2 of 2 proxies answered") && out.contains("info"), "{out}{err}");
    let (code, out, _) = meshctl(&config, &["zc", "log", "--node", "n2", "--level", "access:debug,info"]).await;
    assert!(code == 0 && out.contains("access") && out.contains("debug"), "{out}");
    let sent: Vec<String> = server.queries("/logging").into_iter().filter(|query| !query.is_empty()).collect();
    assert_eq!(sent, ["level=access=debug,info"], "one ztunnel, and it is told once");
    // A workload's pod means the ztunnel of its node.
    let (code, out, err) = meshctl(&config, &["zc", "service", "web-1.shop"]).await;
    assert!(code == 0 && out.contains("cart"), "{out}{err}");
}

/// Numbers for benches/README.md: time and memory of `pc cluster -A` over dumps of the size of the file in MESHCTL_DUMP.
///   MESHCTL_DUMP=dump.json cargo test --release --test it live::fleet::speed -- --ignored --nocapture
#[tokio::test(flavor = "multi_thread")]
#[ignore]
async fn speed() {
    let Some(path) = std::env::var_os("MESHCTL_DUMP") else { return };
    let dump: Arc<str> = std::fs::read_to_string(path).expect("a dump").into();
    let size = dump.len();
    let admin = move |request: &Request| if request.path == "/config_dump" { ok(&dump) } else { status(404, "no") };
    let (_server, config) = fleet(200, admin).await;
    for words in [&["pc", "cluster", "-A"][..], &["pc", "cluster", "-A", "-o", "json"], &["pc", "all", "-A"]] {
        let begin = std::time::Instant::now();
        let (code, out, err) = meshctl(&config, words).await;
        // SAFETY: an all-zero rusage is a valid one, and the call fills it.
        let usage = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            libc::getrusage(libc::RUSAGE_CHILDREN, &mut usage);
            usage
        };
        eprintln!("{}: {code} {err}", words.join(" "));
        let bytes = (size * 198) >> 20;
        eprintln!(
            "  {bytes} MiB of dumps in {:?}, {} MiB printed, at most {} MiB so far",
            begin.elapsed(),
            out.len() >> 20,
            usage.ru_maxrss >> 10
        );
    }
}
