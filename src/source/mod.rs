//! The only room with I/O: clusters, recordings, manifests, Prometheus.
//!
//! Sources are a closed set ([`Source`]); meshes are an open one. A source answers [`Need`]s and never judges.

pub mod apply;
pub mod archive;
pub mod cache;
pub mod certificates;
pub mod charts;
pub mod file;
pub mod live;
mod memory;
pub mod redact;
pub mod visit;

use crate::error::Result;
use crate::facts::{Answer, At, Facts, Need, Object, Outcome, Problem, Purpose, Selector, SourceKind};
use archive::Opened;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// One cluster's worth of source: exactly one base, and perhaps a Prometheus beside it.
pub struct Source {
    pub base: Base,
    /// `--prometheus URL`: queries go here, whatever the base is.
    pub prometheus: Option<live::prometheus::Prometheus>,
}

pub enum Base {
    Live(Box<live::Cluster>),
    /// A recording, or manifests.
    Stored(Box<archive::Opened>),
}

impl Source {
    pub fn name(&self) -> &str {
        match &self.base {
            Base::Live(cluster) => cluster.name(),
            Base::Stored(stored) => &stored.cluster,
        }
    }

    /// Answers the needs; each gets an answer or its failure, never silence.
    pub async fn answer(&self, needs: Vec<Need>, facts: &mut Facts) {
        let (queries, rest): (Vec<_>, Vec<_>) = needs.into_iter().partition(|need| matches!(need, Need::Query { .. }));
        match &self.base {
            Base::Live(cluster) => cluster.answer(rest, facts).await,
            Base::Stored(stored) => rest.into_iter().for_each(|need| replay(stored, need, facts)),
        }
        match (&self.prometheus, &self.base) {
            (Some(prometheus), _) => prometheus.answer(queries, facts).await,
            (None, Base::Live(cluster)) => cluster.answer_queries(queries, facts).await,
            (None, Base::Stored(stored)) => queries.into_iter().for_each(|need| replay(stored, need, facts)),
        }
    }
}

fn replay(stored: &Opened, need: Need, facts: &mut Facts) {
    let answer = stored.get(&need).cloned().or_else(|| wider(stored, &need)).or_else(|| chosen(stored, &need));
    let answer = answer.unwrap_or_else(|| Answer {
        outcome: Outcome::NotAsked(match stored.kind {
            SourceKind::Manifests => "the manifests hold none".to_owned(),
            _ => "the recording does not hold it".to_owned(),
        }),
        at: stored.now,
        partial: None,
    });
    facts.insert(need, answer);
}

/// What answers a wider question of the same kind: all counters of a proxy, other metrics of the same port.
fn wider(stored: &Opened, need: &Need) -> Option<Answer> {
    match need {
        Need::PodGet { namespace, pod, port, path } => {
            let whole = path.split_once("?filter=")?.0.to_owned();
            stored.get(&Need::PodGet { namespace: namespace.clone(), pod: pod.clone(), port: *port, path: whole }).cloned()
        }
        // Neither roots nor tokens are kept, and older recordings know the port without TLS only.
        Need::Http(asked) => {
            let same = |other: &Need| match (other, &asked.at) {
                (Need::Http(other), at) => other.at == *at && other.path == asked.path,
                (Need::PodGet { namespace, pod, path, .. }, At::Pod { namespace: n, pod: p, .. }) => {
                    namespace == n && pod == p && *path == asked.path
                }
                _ => false,
            };
            stored.find(same).cloned()
        }
        Need::PodMetrics { namespace, pod, port, path, .. } => {
            let same = |other: &Need| {
                matches!(other, Need::PodMetrics { namespace: n, pod: p, port: o, path: q, .. }
                    if n == namespace && p == pod && o == port && q == path)
            };
            stored.find(same).cloned()
        }
        _ => None,
    }
}

/// Objects by name or label, from the list of their kind.
fn chosen(stored: &Opened, need: &Need) -> Option<Answer> {
    #[derive(serde::Deserialize)]
    struct Labelled {
        metadata: Metadata,
    }
    #[derive(serde::Deserialize)]
    struct Metadata {
        #[serde(default)]
        labels: BTreeMap<String, String>,
    }
    let labels_of = |object: &Object| object.read::<Labelled>().map(|view| view.metadata.labels).unwrap_or_default();
    let (resource, namespace, wanted, selector) = match need {
        Need::Get { resource, namespace, name } => (resource, namespace, Some(name), None),
        Need::Select { resource, namespace, labels } => (resource, namespace, None, Some(Selector::parse(labels).ok()?)),
        _ => return None,
    };
    let fits = |object: &Object| {
        let named = wanted.is_none_or(|name| *object.name == **name);
        named && selector.as_ref().is_none_or(|selector| selector.fits(&labels_of(object)))
    };
    let list = stored.get(&Need::list(resource))?;
    let there = |object: &&Object| namespace.as_ref().is_none_or(|wanted| *object.namespace == **wanted) && fits(object);
    let outcome = match &list.outcome {
        Outcome::Objects(objects) => Outcome::Objects(objects.iter().filter(there).cloned().collect()),
        other => other.clone(),
    };
    Some(Answer { outcome, at: list.at, partial: list.partial.clone() })
}

/// Asks until nobody wants more.
pub async fn gather(source: &Source, purpose: &Purpose, now: Timestamp) -> Result<Facts> {
    let mut facts = match &source.base {
        Base::Live(cluster) => cluster.facts(now),
        Base::Stored(stored) => stored.blank(),
    };
    if purpose.of_more() {
        in_rounds(source, purpose, &mut facts).await;
    } else {
        as_it_comes(source, purpose, &mut facts).await;
    }
    if let Base::Stored(stored) = &source.base {
        facts.problems = stored.problems();
    }
    Ok(facts)
}

/// So long lists wait for the answers that lead to control planes, and then for the ways there to be open: a fleet's answer
/// takes longer than all the lists.
const HELD: [Duration; 2] = [Duration::from_millis(100), live::OPENING];
/// More than any mesh declares; the bound keeps a faulty one from asking for ever.
const ROUNDS: usize = 4;

fn wanted(facts: &Facts, purpose: &Purpose) -> Vec<Need> {
    let mut wanted = crate::kubernetes::needs(facts, purpose);
    wanted.extend(crate::mesh::needs(facts, purpose));
    wanted.retain(|need| !facts.has(need));
    wanted.sort();
    wanted.dedup();
    wanted
}

async fn in_rounds(source: &Source, purpose: &Purpose, facts: &mut Facts) {
    for _ in 0..ROUNDS {
        let wanted = wanted(facts, purpose);
        if wanted.is_empty() {
            break;
        }
        source.answer(wanted, facts).await;
    }
}

/// What short answers lead to is asked while long lists still come: control planes are found long before the last pod, and
/// those with a whole fleet take the longest, so nothing else is asked for before them.
/// Not for queries, whose servers are looked for among what was listed.
async fn as_it_comes(source: &Source, purpose: &Purpose, facts: &mut Facts) {
    let mut batches = FuturesUnordered::new();
    let mut asked = BTreeSet::new();
    let mut held = Vec::new();
    for round in 0..2 * ROUNDS {
        let mut wanted = wanted(facts, purpose);
        wanted.retain(|need| asked.insert(need.clone()));
        let (lists, rest): (Vec<_>, Vec<_>) = wanted.into_iter().partition(|need| matches!(need, Need::List { .. }));
        held.extend(lists);
        let patience = HELD.get(round).filter(|_| !rest.is_empty() && !held.is_empty());
        let lists = if patience.is_some() { Vec::new() } else { std::mem::take(&mut held) };
        for batch in [rest, lists].into_iter().filter(|batch| !batch.is_empty()) {
            let mut part = Facts::new(facts.cluster.clone(), facts.kind, facts.now);
            part.namespace.clone_from(&facts.namespace);
            batches.push(async move {
                source.answer(batch, &mut part).await;
                part
            });
        }
        // A server that is slow to answer the first is not asked for less in the end.
        match tokio::time::timeout(patience.copied().unwrap_or(Duration::MAX), batches.next()).await {
            Ok(Some(part)) => facts.absorb(part),
            Ok(None) => return,
            Err(_) => {}
        }
    }
    while let Some(part) = batches.next().await {
        facts.absorb(part);
    }
}

/// Problems of several facts, for the exit code of `--strict`.
pub fn problems(all: &[Facts]) -> impl Iterator<Item = &Problem> {
    all.iter().flat_map(|facts| &facts.problems)
}
