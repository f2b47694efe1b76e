//! Consul Connect.

mod admin;
mod candidates;
mod detect;
mod edges;
mod entries;
mod install;
mod marks;
mod membership;
mod names;
mod origins;
mod server;
mod state;
mod sync;
mod synced;
#[cfg(test)]
mod tests;
mod told;

use super::observed::{Metric, may_have};
use super::{Candidate, Marks, Mesh};
use crate::facts::{Channel, Facts, Need, Purpose, Resource, kinds};
use crate::model::{Installation, Model};
use std::sync::Arc;

pub struct Consul;

/// Requests that a sidecar sent to an upstream. Clusters of its own (application, metrics, control plane) carry no
/// destination, so probes and scrapes are not among them.
static REQUESTS: Metric = Metric {
    name: "Consul metrics (Envoy)",
    selector: r#"envoy_cluster_upstream_rq_total{consul_source_service!="",consul_destination_service!=""}"#,
    by: CALL,
    requests: true,
    from_zero: true,
    caveat: "only calls that leave a pod in the mesh; names are Consul's, not Kubernetes'",
};
static CONNECTIONS: Metric = Metric {
    name: "Consul connection metrics (Envoy)",
    selector: r#"envoy_cluster_upstream_cx_total{consul_source_service!="",consul_destination_service!=""}"#,
    by: CALL,
    requests: false,
    from_zero: true,
    caveat: "connections, not requests; all that TCP services show",
};
const CALL: &[&str] =
    &["namespace", "pod", "kubernetes_namespace", "kubernetes_pod_name", "consul_source_service", "consul_destination_service"];

impl Mesh for Consul {
    fn id(&self) -> &'static str {
        "consul"
    }
    fn marks(&self) -> &'static Marks {
        &marks::MARKS
    }
    fn admins(&self, pod: &super::view::Pod) -> Vec<super::admin::Admin> {
        admin::admins(pod)
    }
    fn cluster_name(&self) -> Option<crate::envoy::name::Form> {
        Some(names::parts)
    }
    fn origin_needs(&self, known: &Facts) -> Vec<Need> {
        entries::needs(known)
    }
    fn origins(&self, facts: &Facts) -> Option<Arc<dyn super::origin::Origins>> {
        Some(Arc::new(entries::Entries::of(facts)))
    }
    fn detect(&self, facts: &Facts, model: &Model) -> Vec<Installation> {
        detect::installations(facts, model)
    }
    fn needs(&self, known: &Facts, purpose: &Purpose) -> Vec<Need> {
        let mut needs = vec![Need::list(&kinds::CONSUL_SERVICE_INTENTIONS)];
        if purpose.of_state() {
            needs.extend(synced::KINDS.iter().map(|resource| Need::list(resource)));
            needs.push(Need::list(&kinds::LEASE));
        }
        // What shows of which entries a proxy's configuration was made.
        if matches!(purpose, Purpose::Record { proxies: true, .. }) {
            needs.extend(entries::store_needs(known));
        }
        if may_have(known, "consul.hashicorp.com") {
            needs.extend(REQUESTS.needs(purpose.window()));
            needs.extend(CONNECTIONS.needs(purpose.window()));
        }
        if purpose.window().is_some() {
            needs.extend(told::nodes_need(known));
        }
        needs
    }
    fn told_needs(&self, known: &Facts, _: &Channel) -> Vec<Need> {
        sync::needs(known)
    }
    fn health_needs(&self, known: &Facts, _: bool) -> Vec<Need> {
        told::needs(known)
    }
    fn later(&self, purpose: &Purpose) -> Vec<&'static Resource> {
        if purpose.of_sync() { vec![&kinds::STATEFUL_SET] } else { Vec::new() }
    }
    fn sync_reads(&self, need: &Need, _: &Channel) -> bool {
        sync::reads(need)
    }
    fn sync(&self, facts: &Facts) -> Option<super::sync::Fleet> {
        Some(sync::read(facts))
    }
    fn translate(&self, facts: &Facts, model: &mut Model) {
        edges::observed(facts, model);
        edges::intentions(facts, model);
        told::machines(facts, model);
    }
    fn state(&self) -> &'static dyn super::state::State {
        &state::Own
    }
    fn distribution(&self) -> &'static super::install::Distribution {
        &install::DISTRIBUTION
    }
    fn candidates(&self) -> &'static [Candidate] {
        candidates::CANDIDATES
    }
}
