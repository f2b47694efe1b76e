//! Cilium Service Mesh.

mod candidates;
mod checks;
mod edges;
mod health;
mod hubble;
mod install;
mod marks;
mod membership;
mod settings;
mod state;
mod sync;
#[cfg(test)]
mod tests;

use super::observed::Metric;
use super::{Candidate, Marks, Mesh, proxies};
use crate::facts::{Channel, Facts, Need, Purpose, Resource, kinds};
use crate::model::{Evidence, Installation, Model, Workload};

pub struct Cilium;

/// Flows between workloads. Without `labelsContext` in Hubble's metrics settings these labels are missing, and no edge
/// can be read.
static FLOWS: Metric = Metric {
    name: "Hubble flow metrics",
    selector: r#"hubble_flows_processed_total{verdict="FORWARDED"}"#,
    by: CALL,
    requests: false,
    from_zero: false,
    caveat: "needs labelsContext with source and destination workload in Hubble's metrics settings",
};
static HTTP: Metric = Metric {
    name: "Hubble HTTP metrics",
    selector: "hubble_http_requests_total",
    by: CALL,
    requests: true,
    from_zero: false,
    caveat: "only where a layer-7 policy sends traffic through Envoy",
};
const CALL: &[&str] = &["source_namespace", "source_workload", "destination_namespace", "destination_workload"];

impl Mesh for Cilium {
    fn id(&self) -> &'static str {
        "cilium"
    }
    fn marks(&self) -> &'static Marks {
        &marks::MARKS
    }
    /// Where it is the network only, nothing is installed that a mesh would replace: the plugin is reported as such.
    fn detect(&self, facts: &Facts, model: &Model) -> Vec<Installation> {
        let mesh_of = |agent: &&Workload| settings::Settings::read(facts, &agent.namespace).map(|s| s.mesh());
        let agents = settings::agents(model).filter_map(|agent| Some((agent, mesh_of(&agent)?)));
        agents
            .filter(|(_, features)| !features.is_empty())
            .map(|(agent, mut evidence)| {
                evidence.insert(0, Evidence::new(agent.title(), "metadata.labels[k8s-app]", "cilium"));
                Installation {
                    mesh: "Cilium".to_owned(),
                    id: "cilium",
                    version: proxies::version_of(agent.main_containers().map(|c| c.image.as_str())),
                    revision: None,
                    namespace: agent.namespace.clone(),
                    mode: "per-node".to_owned(),
                    meshed: Vec::new(),
                    evidence,
                }
            })
            .collect()
    }
    fn needs(&self, known: &Facts, purpose: &Purpose) -> Vec<Need> {
        let mut needs = vec![Need::list(&kinds::CILIUM_NETWORK_POLICY), Need::list(&kinds::CILIUM_CLUSTERWIDE_NETWORK_POLICY)];
        if purpose.of_state() {
            needs.extend(self.member_kinds().into_iter().map(Need::list));
        }
        needs.extend(FLOWS.needs(purpose.window()));
        needs.extend(HTTP.needs(purpose.window()));
        if purpose.window().is_some() {
            needs.extend(hubble::needs(known, purpose.flows()));
        }
        needs
    }
    fn member_kinds(&self) -> Vec<&'static Resource> {
        vec![&kinds::CILIUM_ENDPOINT, &kinds::CILIUM_NODE]
    }
    fn told_needs(&self, known: &Facts, _: &Channel) -> Vec<Need> {
        sync::needs(known)
    }
    fn health_needs(&self, known: &Facts, _: bool) -> Vec<Need> {
        health::needs(known)
    }
    fn sync_reads(&self, need: &Need, _: &Channel) -> bool {
        sync::reads(need)
    }
    fn sync(&self, facts: &Facts) -> Option<super::sync::Fleet> {
        Some(sync::read(facts))
    }
    fn translate(&self, facts: &Facts, model: &mut Model) {
        edges::observed(facts, model);
        hubble::observe(facts, model);
        edges::policies(facts, model);
        settings::signals(facts, model);
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
