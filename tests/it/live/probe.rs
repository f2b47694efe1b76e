//! Whether a cluster answers: which, why not, and within five seconds.

use super::server::{Kubeconfig, Reply, Server, ok, status};
use super::{answer, ask};
use meshctl::error::Kind;
use meshctl::facts::{Need, Outcome, kinds};
use meshctl::source::live::connect;
use serde_json::json;
use std::time::{Duration, Instant};

/// A port on which nobody listens.
async fn nobody() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port())
}

#[tokio::test]
async fn nobody_listens() {
    let server = nobody().await;
    let config = Kubeconfig::new(&[("prod", &server)]);
    let clusters = connect(&config.options()).await.unwrap();
    let error = clusters[0].probe().await.unwrap_err();
    assert_eq!(error.kind, Kind::Unreachable);
    assert_eq!(error.message, format!("can't reach cluster \"prod\" ({server})"));
    assert_eq!(error.causes, ["connection refused"]);
    let kubectl = format!("kubectl --kubeconfig {} --context prod get --raw /version", config.path().display());
    assert!(error.hints[0].ends_with(&kubectl), "{}", error.hints[0]);
    // Who does not probe gets the same reason for every need.
    let facts = ask(&clusters[0], vec![Need::list(&kinds::POD), Need::Version]).await;
    assert_eq!(answer(&facts, &kinds::POD).outcome, Outcome::Failed("no connection: connection refused".to_owned()));
    assert_eq!(facts.iter().count(), 2);
}

#[tokio::test]
async fn one_dead_cluster_does_not_hide_the_others() {
    let alive = Server::start(|_, _| ok(json!({"major": "1", "gitVersion": "v1.34.1"}))).await;
    let config = Kubeconfig::new(&[("dead", &nobody().await), ("alive", &alive.url())]);
    let mut options = config.options();
    options.all_contexts = true;
    let clusters = connect(&options).await.unwrap();
    assert_eq!(clusters.iter().map(|c| c.name()).collect::<Vec<_>>(), ["dead", "alive"]);
    assert!(clusters[0].probe().await.is_err());
    assert!(clusters[1].probe().await.is_ok());
    options.all_contexts = false;
    options.contexts = vec!["alive".to_owned(), "dead".to_owned(), "alive".to_owned()];
    assert_eq!(connect(&options).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_server_that_takes_the_connection_and_says_nothing() {
    let server = Server::start(|_, _| Reply::Silence).await;
    let cluster = server.cluster(|_| ()).await;
    let start = Instant::now();
    let error = cluster.probe().await.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!((error.kind, error.causes[0].as_str()), (Kind::Unreachable, "no answer within 4s"));
}

#[tokio::test]
async fn plain_http_where_tls_is_expected() {
    let server = Server::start(|_, _| ok("{}")).await;
    let config = Kubeconfig::new(&[("prod", &server.url().replace("http:", "https:"))]);
    let error = connect(&config.options()).await.unwrap()[0].probe().await.unwrap_err();
    assert_eq!(error.causes, ["TLS: the server does not speak TLS on this port"]);
}

#[tokio::test]
async fn expired_credentials() {
    let server = Server::start(|_, _| status(401, "Unauthorized")).await;
    let cluster = server.cluster(|_| ()).await;
    let error = cluster.probe().await.unwrap_err();
    assert_eq!(error.kind, Kind::Unreachable);
    assert!(error.message.ends_with("does not accept the credentials of user \"me\""), "{error}");
    assert!(error.hints[0].contains("expired"));
    let facts = ask(&cluster, vec![Need::list(&kinds::POD)]).await;
    assert!(matches!(&answer(&facts, &kinds::POD).outcome, Outcome::Forbidden(why) if why.contains("credentials")));
}

#[tokio::test]
async fn no_version_for_us_is_still_a_cluster() {
    let server = Server::start(|_, _| status(403, "forbidden")).await;
    assert!(server.cluster(|_| ()).await.probe().await.is_ok());
    let server = Server::start(|_, _| ok("<html>hello")).await;
    let error = server.cluster(|_| ()).await.probe().await.unwrap_err();
    assert_eq!(error.causes, ["what answers there is no Kubernetes API server"]);
}

#[cfg(unix)]
#[tokio::test]
async fn credential_plugins() {
    let server = Server::start(|_, _| ok(json!({"gitVersion": "v1.34.1"}))).await;
    let config = Kubeconfig::new(&[("prod", &server.url())]);
    let text = std::fs::read_to_string(config.path()).unwrap();
    let plugin = |script: &str| {
        let args = json!(["-c", script]);
        let exec =
            format!("exec: {{apiVersion: client.authentication.k8s.io/v1, command: sh, interactiveMode: Never, args: {args}}}");
        std::fs::write(config.path(), text.replace("token: t0ken", &exec)).unwrap();
    };
    plugin(r#"echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"fresh"}}'"#);
    let cluster = connect(&config.options()).await.unwrap().remove(0);
    cluster.probe().await.unwrap();
    assert_eq!(server.seen()[0].header("authorization"), ["Bearer fresh"]);

    plugin("echo s3cret; echo 'session expired, log in' >&2; exit 3");
    let cluster = connect(&config.options()).await.unwrap().remove(0);
    let error = cluster.probe().await.unwrap_err();
    assert_eq!(error.message, format!("no credentials for cluster \"prod\" ({})", server.url()));
    assert_eq!(error.causes, ["the credential plugin failed (exit status: 3): session expired, log in"]);
}

#[tokio::test]
async fn a_broken_context_among_several() {
    let config = Kubeconfig::new(&[("good", "http://127.0.0.1:1"), ("bad", "http://127.0.0.1:1")]);
    let text = std::fs::read_to_string(config.path()).unwrap();
    std::fs::write(config.path(), text.replace("context: {cluster: bad", "context: {cluster: lost")).unwrap();
    let mut options = config.options();
    options.all_contexts = true;
    let clusters = connect(&options).await.unwrap();
    let error = clusters[1].probe().await.unwrap_err();
    assert_eq!((error.kind, error.causes[0].as_str()), (Kind::NoCluster, "the kubeconfig has no cluster \"lost\""));
    options.all_contexts = false;
    options.contexts = vec!["bad".to_owned()];
    assert!(connect(&options).await.is_err());
}
