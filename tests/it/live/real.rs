//! Against a real API server; run by hand with `MESHCTL_TEST_KUBECONFIG=FILE cargo test -- --ignored live::real`.

use super::ask;
use meshctl::facts::{Need, Outcome, kinds};
use meshctl::source::live::{Options, connect};
use std::time::{Duration, Instant};

fn names(outcome: &Outcome) -> Vec<(&str, &str)> {
    match outcome {
        Outcome::Objects(objects) => objects.iter().map(|object| (&*object.namespace, &*object.name)).collect(),
        _ => Vec::new(),
    }
}

/// Prints what came of every kind, for a person to read; fails if two readings differ.
#[tokio::test]
#[ignore = "needs a real cluster"]
async fn every_kind() {
    let kubeconfig = std::env::var_os("MESHCTL_TEST_KUBECONFIG").map(Into::into);
    let namespace = std::env::var("MESHCTL_TEST_NAMESPACE").ok();
    let options = Options { kubeconfig, namespace, request_timeout: Duration::from_secs(10), ..Default::default() };
    let cluster = connect(&options).await.unwrap().remove(0);
    if let Err(error) = cluster.probe().await {
        panic!("{error}: {}; {}", error.causes.join(": "), error.hints.join("; "));
    }
    let needs: Vec<Need> = kinds::ALL.iter().map(|kind| Need::list(kind)).chain([Need::Version]).collect();
    let start = Instant::now();
    let mut first = ask(&cluster, needs.clone()).await;
    eprintln!("{} needs in {:?}", needs.len(), start.elapsed());
    let second = ask(&cluster, needs).await;
    for ((need, one), (_, two)) in first.iter().zip(second.iter()) {
        let count = names(&one.outcome).len();
        eprintln!("{:60} {:10} {count:6} {}", need.title(), one.outcome.word(), one.outcome.reason().unwrap_or_default());
        // Names, for a living cluster's objects change.
        assert_eq!(count, names(&two.outcome).len(), "{}", need.title());
        assert_eq!(names(&one.outcome), names(&two.outcome), "{}", need.title());
    }
    let queries = ["up", "count(up)", "nothing_of_this_name", "sum("];
    let start = Instant::now();
    cluster.answer_queries(queries.iter().map(|query| Need::query(*query)).collect(), &mut first).await;
    eprintln!("{} queries in {:?}", queries.len(), start.elapsed());
    for query in queries {
        eprintln!("{query}: {:.300}", format!("{:?}", first.get(&Need::query(query)).unwrap().outcome));
    }
}
