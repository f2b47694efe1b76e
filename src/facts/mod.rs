//! Raw objects and answers, each with where and when it came from.
//!
//! A mesh or an analysis never fetches: it says what it wants as a [`Need`]; the source answers, and the answer or the
//! failure lands here under that need. So a recording is complete by construction, and a report can say what it did
//! not see. *Absent*, *forbidden*, *timed out* and *empty* are four different things ([`Outcome`]).

mod ads;
pub mod exposition;
pub mod grpc;
mod http;
pub mod kinds;
mod object;
pub mod selector;
mod series;

pub use ads::{Account, Ads, At, Channel, Tls, Transport};
pub use grpc::{Grpc, Take};
pub use http::{Http, RootIn, TokenIn, Trust};
pub use kinds::Resource;
pub use object::{Object, Place, Word};
pub use selector::Selector;
pub use series::Series;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One thing to ask. Needs are data: they are declared by pure code and carried out by [`crate::source`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "need", rename_all = "kebab-case")]
pub enum Need {
    /// Every object of a kind, in the namespaces that the user asked for.
    List { resource: Resource },
    /// The API server's `/version`.
    Version,
    /// An instant PromQL query; the answer is the `data` member of Prometheus' reply, as JSON text.
    /// `{window}` has been filled in by whoever declared it.
    Query { promql: String },
    /// The object of this name; without a namespace, of any namespace, so there may be several.
    Get { resource: Resource, namespace: Option<String>, name: String },
    /// The objects of a kind whose labels fit ([`Selector`]); without a namespace, of all of them.
    Select { resource: Resource, namespace: Option<String>, labels: String },
    /// An HTTP GET to a port of a pod, such as `config_dump` of a proxy's admin port: bytes, however many.
    PodGet { namespace: String, pod: String, port: u16, path: String },
    /// One question over xDS; the answer is a `DiscoveryResponse`, in its bytes.
    Ads(Box<Ads>),
    /// A call over gRPC; the answer is its messages ([`grpc::messages`]).
    Grpc(Box<Grpc>),
    /// The certificates that a port of a pod shows to one who asks for this name, as PEM, its own first. Nothing is verified.
    Tls { namespace: String, pod: String, port: u16, server_name: String },
    /// A GET to a control plane's own API; the answer is its body.
    Http(Box<Http>),
    /// Metrics of these names at a port of a pod, as Prometheus would scrape them.
    PodMetrics { namespace: String, pod: String, port: u16, path: String, names: Vec<String> },
    /// What a program in a container prints. Without a namespace the pod is a node, whose agent is no pod.
    Exec { namespace: String, pod: String, container: String, command: Vec<String> },
    /// Whether we may do this, in any namespace: `allowed`, or why not.
    Access { verb: String, group: String, resource: String },
}

impl Need {
    pub fn list(resource: &Resource) -> Self {
        Need::List { resource: resource.clone() }
    }
    pub fn query(promql: impl Into<String>) -> Self {
        Need::Query { promql: promql.into() }
    }
    /// What a person calls it: `pods`, `ciliumnetworkpolicies.cilium.io`, `query count by (…)`.
    pub fn title(&self) -> String {
        match self {
            Need::List { resource } => resource.qualified(),
            Need::Version => "/version".to_owned(),
            Need::Query { promql } => format!("query {promql}"),
            Need::Get { resource, namespace: Some(namespace), name } => format!("{} {namespace}/{name}", resource.qualified()),
            Need::Get { resource, namespace: None, name } => format!("{} {name}", resource.qualified()),
            Need::Select { resource, labels, .. } => format!("{} with {labels}", resource.qualified()),
            Need::PodGet { namespace, pod, port, path } => format!("{namespace}/{pod}:{port}/{path}"),
            Need::Ads(ads) => format!("{} {}", ads.at, ads.type_url),
            Need::Http(question) => format!("{} /{}", question.at, question.path),
            Need::Grpc(call) => format!("{} {}", call.at, call.short_method()),
            Need::Tls { namespace, pod, port, .. } => format!("{namespace}/{pod}:{port} (certificates)"),
            Need::PodMetrics { namespace, pod, port, path, .. } => format!("{namespace}/{pod}:{port}/{path} (metrics)"),
            Need::Exec { namespace, pod, command, .. } => format!("{namespace}/{pod}: {}", command.join(" ")),
            Need::Access { verb, group, resource } if group.is_empty() => format!("the right to {verb} {resource}"),
            Need::Access { verb, group, resource } => format!("the right to {verb} {resource}.{group}"),
        }
    }
}

/// Why facts are gathered; decides which needs a mesh declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// `analyze`: the decision. Queries look back over this window (Prometheus duration, such as `7d`).
    Decide {
        window: String,
        /// Where flows are asked for, if the user names a place.
        flows: Option<String>,
    },
    /// `snapshot record`: everything that any reading command may ask.
    Record {
        window: String,
        /// Also what control planes say of proxies, which takes a port of theirs.
        proxies: bool,
        flows: Option<String>,
    },
    /// `meshes`, `uninstall`: what is installed and how it is. Objects only; no metric is asked for.
    State,
    /// `check`: the same, and what control planes say of their proxies.
    Health {
        /// Also what the proxies say themselves, where nobody else can tell.
        proxies: bool,
        /// Also of those whose control plane tells.
        deep: bool,
    },
    /// `check-inject`: who is in a mesh, who should be, and who injects.
    Members,
    /// `check --pre`: the same as for the state, and whether we may install anything.
    Before,
    /// `proxy-status`: who is there, what control planes sent to them, and what they say of themselves.
    Sync(Channel),
    /// `version`: who is there, and what control planes know of them.
    Versions,
}

impl Purpose {
    /// How far back queries look, where any are asked.
    pub fn window(&self) -> Option<&str> {
        match self {
            Purpose::Decide { window, .. } | Purpose::Record { window, .. } => Some(window),
            Purpose::State
            | Purpose::Health { .. }
            | Purpose::Members
            | Purpose::Before
            | Purpose::Sync(_)
            | Purpose::Versions => None,
        }
    }
    /// The place that the user names for flows.
    pub fn flows(&self) -> Option<&str> {
        match self {
            Purpose::Decide { flows, .. } | Purpose::Record { flows, .. } => flows.as_deref(),
            _ => None,
        }
    }
    /// Whether control planes are asked about their proxies.
    pub fn of_planes(&self) -> bool {
        self.of_sync() || matches!(self, Purpose::Versions | Purpose::Health { .. })
    }
    /// Whether proxies are asked about themselves.
    pub fn of_sync(&self) -> bool {
        matches!(self, Purpose::Record { proxies: true, .. } | Purpose::Health { proxies: true, .. } | Purpose::Sync(_))
    }
    /// How control planes are asked.
    pub fn channel(&self) -> Channel {
        match self {
            Purpose::Sync(channel) => channel.clone(),
            Purpose::Record { proxies, .. } => Channel { deep: *proxies, dump_of_all: *proxies, ..Channel::default() },
            Purpose::Health { deep, .. } => Channel { deep: *deep, ..Channel::default() },
            _ => Channel::default(),
        }
    }
    /// Whether more is asked than that.
    pub fn of_more(&self) -> bool {
        !matches!(self, Purpose::Members | Purpose::Sync(_) | Purpose::Versions)
    }
    /// Whether it is asked how meshes are: what only that takes is not fetched for the rest.
    pub fn of_state(&self) -> bool {
        matches!(self, Purpose::Record { .. } | Purpose::State | Purpose::Health { .. } | Purpose::Before)
    }
    /// Whether more is asked for what `check` judges: of control planes' own APIs, and what only ports show.
    pub fn of_health(&self) -> bool {
        matches!(self, Purpose::Record { proxies: true, .. } | Purpose::Health { .. })
    }
}

/// How a need was answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The list came; it may be empty, and then it *is* empty.
    Objects(Vec<Object>),
    /// A text came (JSON of a query, `/version`).
    Text(String),
    /// What a pod answered, as it came: dumps are far too big to be kept as anything but their bytes.
    Bytes(Arc<Vec<u8>>),
    /// The server has no such kind, or there is no such server (no Prometheus).
    Absent(String),
    /// We may not see it.
    Forbidden(String),
    /// No answer within the deadline.
    TimedOut(String),
    /// Any other failure: connection cut, 5xx after retries, unreadable answer.
    Failed(String),
    /// Nobody asked: the recording or the manifests don't hold it.
    NotAsked(String),
}

impl Outcome {
    /// One word: `answered`, `empty`, `absent`, `forbidden`, `timed out`, `failed`, `not asked`.
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::Objects(objects) if objects.is_empty() => "empty",
            Outcome::Objects(_) | Outcome::Text(_) | Outcome::Bytes(_) => "answered",
            Outcome::Absent(_) => "absent",
            Outcome::Forbidden(_) => "forbidden",
            Outcome::TimedOut(_) => "timed out",
            Outcome::Failed(_) => "failed",
            Outcome::NotAsked(_) => "not asked",
        }
    }
    /// The reason in words, if it is a failure.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Outcome::Objects(_) | Outcome::Text(_) | Outcome::Bytes(_) => None,
            Outcome::Absent(why)
            | Outcome::Forbidden(why)
            | Outcome::TimedOut(why)
            | Outcome::Failed(why)
            | Outcome::NotAsked(why) => Some(why),
        }
    }
    /// The reason, or at least the word.
    pub fn why(&self) -> &str {
        self.reason().unwrap_or_else(|| self.word())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub outcome: Outcome,
    pub at: Timestamp,
    /// Some pages came and then it broke: the objects are here, and this says what is missing.
    pub partial: Option<String>,
}

/// What kind of source the facts came from. Only the report's header tells; no judgement may depend on it, except that
/// manifests can't know what runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    Live,
    Recording,
    Manifests,
}

/// A document that could not be used, or something about it that is worth a word; the others still count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    pub place: Place,
    pub reason: String,
    /// A workload may stand in what could not be read, so counts lose their upper bound. Not so where the later of two
    /// equal objects counts, or where a document is certainly no Kubernetes object.
    #[serde(default = "hides_by_default")]
    pub hides: bool,
}

fn hides_by_default() -> bool {
    true
}

impl Problem {
    /// Something was not read, and what it holds is unknown.
    pub fn new(place: Place, reason: impl Into<String>) -> Self {
        Problem { place, reason: reason.into(), hides: true }
    }
    /// Worth a word, and nothing is missing because of it.
    pub fn notice(place: Place, reason: impl Into<String>) -> Self {
        Problem { place, reason: reason.into(), hides: false }
    }
}

/// Everything known of one cluster (or of one set of manifests).
#[derive(Clone, Debug)]
pub struct Facts {
    /// Context name, the recording's cluster name, or the manifests' path.
    pub cluster: String,
    pub kind: SourceKind,
    /// "Now": the clock at gathering, or the time of the recording.
    pub now: Timestamp,
    /// The namespace the user limited himself to, if he did.
    pub namespace: Option<String>,
    pub problems: Vec<Problem>,
    answers: BTreeMap<Need, Answer>,
}

impl Facts {
    pub fn new(cluster: impl Into<String>, kind: SourceKind, now: Timestamp) -> Self {
        Facts { cluster: cluster.into(), kind, now, namespace: None, problems: Vec::new(), answers: BTreeMap::new() }
    }

    pub fn insert(&mut self, need: Need, answer: Answer) {
        self.answers.insert(need, answer);
    }

    /// The answers, and what could not be used.
    pub fn into_parts(self) -> (BTreeMap<Need, Answer>, Vec<Problem>) {
        (self.answers, self.problems)
    }

    /// What was big and has been looked at.
    pub fn forget(&mut self, need: &Need) {
        self.answers.remove(need);
    }

    /// Takes over what was answered elsewhere.
    pub fn absorb(&mut self, others: Facts) {
        self.answers.extend(others.answers);
        self.problems.extend(others.problems);
    }

    /// Convenience for sources and tests: answered now, whole.
    pub fn answer(&mut self, need: Need, outcome: Outcome) {
        let at = self.now;
        self.insert(need, Answer { outcome, at, partial: None });
    }

    pub fn get(&self, need: &Need) -> Option<&Answer> {
        self.answers.get(need)
    }

    pub fn has(&self, need: &Need) -> bool {
        self.answers.contains_key(need)
    }

    /// In the order of the needs, so the same facts give the same bytes.
    pub fn iter(&self) -> impl Iterator<Item = (&Need, &Answer)> {
        self.answers.iter()
    }

    /// The objects of a kind; empty if there are none *or they were not seen* (ask [`Facts::seen`] to tell).
    pub fn objects(&self, resource: &Resource) -> &[Object] {
        match self.answers.get(&Need::list(resource)).map(|answer| &answer.outcome) {
            Some(Outcome::Objects(objects)) => objects,
            _ => &[],
        }
    }

    /// Objects of a kind, whichever way they were asked for; one may come twice.
    pub fn every<'f>(&'f self, resource: &'f Resource) -> impl Iterator<Item = &'f Object> {
        let of_kind = move |need: &Need| match need {
            Need::List { resource: own } | Need::Get { resource: own, .. } | Need::Select { resource: own, .. } => {
                own == resource
            }
            _ => false,
        };
        self.answers.iter().filter(move |(need, _)| of_kind(need)).flat_map(|(_, answer)| match &answer.outcome {
            Outcome::Objects(objects) => objects.as_slice(),
            _ => &[],
        })
    }

    /// Whether the list of this kind came, whole. An absent kind counts as seen: there are certainly none.
    pub fn seen(&self, resource: &Resource) -> bool {
        matches!(
            self.answers.get(&Need::list(resource)),
            Some(Answer { outcome: Outcome::Objects(_), partial: None, .. } | Answer { outcome: Outcome::Absent(_), .. })
        )
    }

    /// The text of an answered query or of `/version`.
    pub fn text(&self, need: &Need) -> Option<&str> {
        match self.answers.get(need).map(|answer| &answer.outcome) {
            Some(Outcome::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The series of an answered query; `None` if it was not answered or its answer is no vector.
    pub fn series(&self, promql: &str) -> Option<Vec<Series>> {
        Series::parse(self.text(&Need::query(promql))?)
    }

    /// The window that queries looked back over, as they say it: the first `[7d]` of any of them.
    pub fn window(&self) -> Option<&str> {
        self.answers.keys().find_map(|need| match need {
            Need::Query { promql } => promql.split_once('[')?.1.split_once(']').map(|(window, _)| window),
            _ => None,
        })
    }

    /// Whether any Prometheus answered at all.
    pub fn metrics_seen(&self) -> bool {
        self.answers.iter().any(|(need, answer)| matches!(need, Need::Query { .. }) && matches!(answer.outcome, Outcome::Text(_)))
    }

    /// Reads every object of a kind into a view; one that doesn't fit is passed to `bad`.
    pub fn read<'a, T: Deserialize<'a>>(&'a self, resource: &Resource, mut each: impl FnMut(&'a Object, T)) {
        for object in self.objects(resource) {
            if let Ok(view) = object.read::<T>() {
                each(object, view);
            }
        }
    }

    /// The same of those objects alone in which one of these words stands: of ten thousand pods a few are a mesh's own.
    pub fn read_with<'a, T: Deserialize<'a>>(&'a self, resource: &Resource, words: &[&str], mut each: impl FnMut(&'a Object, T)) {
        let words: Vec<_> = words.iter().map(|word| Word::new(word)).collect();
        for object in self.objects(resource) {
            if words.iter().any(|word| word.stands_in(object))
                && let Ok(view) = object.read::<T>()
            {
                each(object, view);
            }
        }
    }
}
