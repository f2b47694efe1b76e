//! What Linkerd consists of, whom a control plane serves, which anchors it publishes.

use super::{checks, membership};
use crate::kubernetes::subject::Subject;
use crate::mesh::check::Check;
use crate::mesh::membership::{Enrolment, Membership};
use crate::mesh::scene::Scene;
use crate::mesh::state::{GatewayApi, Skew, State};
use crate::model::{Installation, Namespace, Workload};

pub struct Own;

impl State for Own {
    fn name(&self) -> &'static str {
        "Linkerd"
    }
    fn domain(&self) -> &'static str {
        "linkerd.io"
    }
    fn components<'a>(&self, scene: &Scene<'a>, of: &Installation) -> Vec<&'a Workload> {
        let parts = scene.model.workloads.iter().filter(|w| w.labels.contains_key("linkerd.io/control-plane-component"));
        parts.filter(|w| w.namespace == of.namespace && !w.kind.is_batch()).collect()
    }
    fn membership(&self, scene: &Scene, pod: &Subject) -> Membership {
        membership::of(scene, pod)
    }
    fn serves(&self, installation: &Installation, member: &Membership) -> bool {
        member.revision.as_ref().is_none_or(|namespace| *namespace == installation.namespace)
    }
    fn enrols(&self, _scene: &Scene, namespace: &Namespace) -> Option<Enrolment> {
        membership::enrols(namespace)
    }
    /// Of releases with a number of their own; edge releases are only dated, and what they break stands in their notes.
    fn skew(&self) -> Option<Skew> {
        let source = "linkerd.io, Upgrading Linkerd: the control plane may be one version (2.x) ahead";
        Some(Skew { behind: 1, source, as_of: "2026-11-28" })
    }
    fn roots(&self, scene: &Scene, of: &Installation) -> Vec<(String, String)> {
        let name = "linkerd-identity-trust-roots";
        let bundle = scene.config_map(&of.namespace, name).and_then(|mut data| data.remove("ca-bundle.crt"));
        bundle.map(|pem| (format!("ConfigMap {}/{name}", of.namespace), pem)).into_iter().collect()
    }
    fn gateway_api(&self) -> Option<GatewayApi> {
        Some(GatewayApi { least: (1, 1, 1), source: "Linkerd, edge of 2026-08-21" })
    }
    fn checks(&self) -> &'static [Check] {
        checks::CHECKS
    }
}
