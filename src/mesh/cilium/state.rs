//! What Cilium consists of, also where it is the network and no mesh.

use super::{checks, health, membership, settings};
use crate::facts::kinds;
use crate::kubernetes::subject::Subject;
use crate::mesh::check::Check;
use crate::mesh::membership::Membership;
use crate::mesh::proxies;
use crate::mesh::scene::Scene;
use crate::mesh::state::{Skew, State};
use crate::model::{Evidence, Installation, Workload};
use std::sync::LazyLock;

pub struct Own;

static CHECKS: LazyLock<Vec<Check>> = LazyLock::new(|| checks::CHECKS.iter().chain(health::CHECKS).copied().collect());

const PARTS: [&str; 5] = ["cilium", "cilium-envoy", "hubble-relay", "clustermesh-apiserver", "hubble-ui"];

impl State for Own {
    fn name(&self) -> &'static str {
        "Cilium"
    }
    fn domain(&self) -> &'static str {
        "cilium.io"
    }
    /// Agents whose settings make no mesh, or nodes that some agent registered without being seen itself.
    fn beside(&self, scene: &Scene) -> Vec<Installation> {
        if scene.model.installations.iter().any(|i| i.id == "cilium") {
            return Vec::new();
        }
        let network = |namespace: &str, version, evidence| Installation {
            mesh: "Cilium".to_owned(),
            id: "cilium",
            version,
            revision: None,
            namespace: namespace.to_owned(),
            mode: "network only".to_owned(),
            meshed: Vec::new(),
            evidence: vec![evidence],
        };
        let agents: Vec<Installation> = settings::agents(scene.model)
            .map(|agent| {
                let version = proxies::version_of(agent.main_containers().map(|c| c.image.as_str()));
                network(&agent.namespace, version, Evidence::new(agent.title(), "metadata.labels[k8s-app]", "cilium"))
            })
            .collect();
        if !agents.is_empty() {
            return agents;
        }
        let node = scene.facts.objects(&kinds::CILIUM_NODE).first();
        let seen = |node: &crate::facts::Object| {
            Evidence::new(format!("CiliumNode {}", node.name), "", "registered by an agent that is no pod here")
        };
        node.map(|node| network("", None, seen(node))).into_iter().collect()
    }
    fn components<'a>(&self, scene: &Scene<'a>, of: &Installation) -> Vec<&'a Workload> {
        let part = |w: &&Workload| {
            w.labels.get("k8s-app").is_some_and(|app| PARTS.contains(&app.as_str()))
                || w.labels.get("io.cilium/app").is_some_and(|app| app == "operator")
        };
        scene.model.workloads.iter().filter(part).filter(|w| w.namespace == of.namespace && !w.kind.is_batch()).collect()
    }
    fn membership(&self, scene: &Scene, pod: &Subject) -> Membership {
        membership::of(scene, pod)
    }
    /// Of the agents, one on each node.
    fn skew(&self) -> Option<Skew> {
        let source = "docs.cilium.io, Upgrade Guide: only steps between consecutive minor releases are tested";
        Some(Skew { behind: 1, source, as_of: "2026-11-28" })
    }
    fn checks(&self) -> &'static [Check] {
        &CHECKS
    }
}
