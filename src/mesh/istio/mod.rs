//! Istio, sidecar and ambient.

mod admin;
mod candidates;
mod csds;
mod deep;
mod detect;
mod edges;
mod follow;
mod identity;
mod install;
mod marks;
mod membership;
mod operator;
mod revisions;
mod state;
mod sync;
mod syncz;
#[cfg(test)]
mod tests;
pub mod ztunnel;

use super::follow::{Followed, Held, State};
use super::sync::{Intended, Key};
use super::{Candidate, Marks, Mesh, observed::Metric};
use crate::facts::{Channel, Facts, Need, Purpose, kinds};
use crate::model::{Installation, Model};
use std::collections::BTreeMap;

pub struct Istio;

/// Requests, as the client's proxy or a waypoint counted them. The server's own count would repeat each request.
static REQUESTS: Metric = Metric {
    name: "Istio metrics",
    selector: r#"istio_requests_total{reporter=~"source|waypoint",source_workload!="unknown"}"#,
    by: CALL,
    requests: true,
    from_zero: false,
    caveat: "only calls that leave a pod in the mesh",
};
static TCP: Metric = Metric {
    name: "Istio TCP metrics",
    selector: r#"istio_tcp_sent_bytes_total{reporter=~"source|waypoint",source_workload!="unknown"}"#,
    by: CALL,
    requests: false,
    from_zero: false,
    caveat: "bytes, not requests; ambient without waypoints shows only these",
};
const CALL: &[&str] = &[
    "source_workload_namespace",
    "source_workload",
    "destination_workload_namespace",
    "destination_workload",
    "destination_service_namespace",
    "destination_service_name",
    "request_protocol",
];

impl Mesh for Istio {
    fn id(&self) -> &'static str {
        "istio"
    }
    fn marks(&self) -> &'static Marks {
        &marks::MARKS
    }
    fn admins(&self, pod: &super::view::Pod) -> Vec<super::admin::Admin> {
        admin::admins(pod)
    }
    fn protocols(&self) -> crate::envoy::listeners::Protocols {
        admin::PROTOCOLS
    }
    fn detect(&self, facts: &Facts, model: &Model) -> Vec<Installation> {
        detect::installations(facts, model)
    }
    fn needs(&self, _known: &Facts, purpose: &Purpose) -> Vec<Need> {
        let mut needs = vec![
            Need::list(&kinds::ISTIO_VIRTUAL_SERVICE),
            Need::list(&kinds::ISTIO_SERVICE_ENTRY),
            Need::list(&kinds::ISTIO_WORKLOAD_ENTRY),
            Need::list(&kinds::ISTIO_AUTHORIZATION_POLICY),
            Need::list(&kinds::ISTIO_PEER_AUTHENTICATION),
        ];
        if purpose.of_state() {
            needs.push(Need::list(&kinds::ISTIO_DESTINATION_RULE));
            needs.push(Need::list(&kinds::ISTIO_GATEWAY));
        }
        needs.extend(REQUESTS.needs(purpose.window()));
        needs.extend(TCP.needs(purpose.window()));
        needs
    }
    fn sync_needs(&self, known: &Facts, channel: &Channel) -> Vec<Need> {
        sync::needs(known, channel)
    }
    fn lists(&self) -> bool {
        true
    }
    fn told_needs(&self, known: &Facts, channel: &Channel) -> Vec<Need> {
        if channel.deep { deep::needs(known) } else { Vec::new() }
    }
    fn sync_reads(&self, need: &Need, channel: &Channel) -> bool {
        deep::reads(need) || (!channel.dump_of.is_empty() && sync::is_dump(need))
    }
    fn followed(&self) -> &'static [Followed] {
        follow::FOLLOWED
    }
    fn holds(&self, facts: &Facts, followed: &Followed, key: &Key, state: &State) -> Vec<Held> {
        follow::holds(facts, followed, key, state)
    }
    fn intended(&self, facts: &Facts, pods: &[Key]) -> BTreeMap<Key, Intended> {
        sync::intended(facts, pods)
    }
    fn sync(&self, facts: &Facts) -> Option<super::sync::Fleet> {
        Some(sync::read(facts))
    }
    fn translate(&self, facts: &Facts, model: &mut Model) {
        edges::observed(facts, model);
        edges::authorization(facts, model);
        edges::routes(facts, model);
        edges::outside(facts, model);
    }
    fn state(&self) -> &'static dyn super::state::State {
        &state::Own
    }
    fn revisions(&self) -> Option<&'static dyn super::revisions::Revisions> {
        Some(&revisions::ByLabel)
    }
    fn distribution(&self) -> &'static super::install::Distribution {
        &install::DISTRIBUTION
    }
    fn translated(&self, file: &serde_json::Value) -> Option<Result<super::install::Translated, String>> {
        operator::translated(file)
    }
    fn candidates(&self) -> &'static [Candidate] {
        candidates::CANDIDATES
    }
}
