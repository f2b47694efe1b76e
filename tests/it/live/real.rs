//! Against a real API server; run by hand with `MESHCTL_TEST_KUBECONFIG=FILE cargo test -- --ignored live::real`.

use super::ask;
use meshctl::facts::{Need, Outcome, kinds};
use meshctl::source::live::{Options, connect};
use std::time::{Duration, Instant};

/// Prints what came of every kind, for a person to read; fails if two readings differ.
#[tokio::test]
#[ignore = "needs a real cluster"]
async fn every_kind() {
    let kubeconfig = std::env::var_os("MESHCTL_TEST_KUBECONFIG").map(Into::into);
    let options = Options { kubeconfig, request_timeout: Duration::from_secs(10), ..Default::default() };
    let cluster = connect(&options).await.unwrap().remove(0);
    if let Err(error) = cluster.probe().await {
        panic!("{error}: {}; {}", error.causes.join(": "), error.hints.join("; "));
    }
    let needs: Vec<Need> = kinds::ALL.iter().map(|kind| Need::list(kind)).chain([Need::Version]).collect();
    let start = Instant::now();
    let first = ask(&cluster, needs.clone()).await;
    eprintln!("{} needs in {:?}", needs.len(), start.elapsed());
    let second = ask(&cluster, needs).await;
    for ((need, one), (_, two)) in first.iter().zip(second.iter()) {
        let count = if let Outcome::Objects(objects) = &one.outcome { objects.len() } else { 0 };
        eprintln!("{:60} {:10} {count:6} {}", need.title(), one.outcome.word(), one.outcome.reason().unwrap_or_default());
        assert_eq!(one.outcome, two.outcome, "{}", need.title());
    }
}
