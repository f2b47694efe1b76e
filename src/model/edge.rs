//! The call graph: who calls whom, how we know, and what kind of call it is.

use super::WorkloadId;
use crate::facts::Place;
use serde::Serialize;

/// How an edge is known, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// A shared ConfigMap or a bare word names it: it *may* be an edge. Never counted in a lower bound.
    Candidate,
    /// A name says so, without a resolvable reference.
    Inferred,
    /// Written down by someone, and it resolves to a live Service: env, args, config, a policy.
    Declared,
    /// A metric, flow or trace saw it.
    Observed,
}

/// What kind of call it is. Only `Rpc` answers the guide's first question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EdgeClass {
    Rpc,
    Datastore,
    /// Asynchronous, through a broker.
    Broker,
    Telemetry,
    /// A collector reading the workload: the reverse direction.
    Scrape,
    LoadGenerator,
    /// An init container waits for it.
    WaitFor,
    /// A browser-side variable: the user's browser calls, not the pod.
    Browser,
    /// From outside through an Ingress, Gateway or route.
    Entry,
}

/// One end of an edge.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Party {
    Workload(WorkloadId),
    /// A Service that no known workload stands behind (selector-less, ExternalName, or pods not seen): `ns/name`.
    Service(String),
    /// A host outside the cluster.
    External(String),
    /// Whoever comes in through an entry.
    Outside,
}

/// One reason to believe something: the object, the field in it, and what stands there.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Evidence {
    /// `Deployment shop/web`, or the query for observed evidence.
    pub object: String,
    /// `spec.template.spec.containers[web].env[CART_ADDR]`; empty when the object itself is the evidence.
    pub field: String,
    /// What stands there, never a secret: `cart:7070`.
    pub text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

impl Evidence {
    pub fn new(object: impl Into<String>, field: impl Into<String>, text: impl Into<String>) -> Self {
        Evidence { object: object.into(), field: field.into(), text: text.into(), place: None }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Edge {
    pub from: Party,
    pub to: Party,
    pub port: Option<u16>,
    /// `http`, `grpc`, `tcp`, … as far as known.
    pub protocol: Option<String>,
    pub class: EdgeClass,
    pub grade: Grade,
    /// Requests per second, where a metric tells.
    pub rate: Option<f64>,
    pub evidence: Vec<Evidence>,
}

impl Edge {
    /// The same call, seen once more: evidence adds up, the better grade wins.
    pub(super) fn absorb(&mut self, other: Edge) {
        self.grade = self.grade.max(other.grade);
        self.port = self.port.or(other.port);
        self.rate = match (self.rate, other.rate) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
        self.protocol = self.protocol.take().or(other.protocol);
        for evidence in other.evidence {
            if !self.evidence.contains(&evidence) {
                self.evidence.push(evidence);
            }
        }
    }
}

/// Why an edge is only a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Candidacy {
    SharedConfigMap,
    BareWord,
}

/// A reference to a Service that doesn't exist.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Dangling {
    pub from: WorkloadId,
    /// The host as written.
    pub host: String,
    pub port: Option<u16>,
    /// What kind of call it would be.
    pub class: EdgeClass,
    pub evidence: Evidence,
}

/// A source of observed edges that answered.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ObservedSource {
    /// `Istio metrics`, `Hubble metrics`, `service graph (traces)`, …
    pub name: String,
    pub query: String,
    pub window: String,
    /// Series that came.
    pub series: usize,
    /// Series whose labels fit no workload.
    pub unmapped: usize,
    /// Share of requests that the source samples, if it says; 1.0 for metrics.
    pub sampling: f64,
    /// A caveat to print, or empty.
    pub caveat: String,
}
