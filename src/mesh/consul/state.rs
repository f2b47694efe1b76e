//! What Consul consists of on Kubernetes, and which proxies its injector gives.

use super::{membership, server, synced, told};
use crate::kubernetes::subject::Subject;
use crate::mesh::check::Check;
use crate::mesh::membership::{Enrolment, Membership};
use crate::mesh::scene::Scene;
use crate::mesh::state::State;
use crate::mesh::view;
use crate::model::{Installation, Namespace, Workload};
use std::sync::LazyLock;

pub struct Own;

static CHECKS: LazyLock<Vec<Check>> = LazyLock::new(|| synced::CHECKS.iter().chain(told::CHECKS).copied().collect());

impl State for Own {
    fn name(&self) -> &'static str {
        "Consul"
    }
    fn domain(&self) -> &'static str {
        "consul.hashicorp.com"
    }
    fn components<'a>(&self, scene: &Scene<'a>, of: &Installation) -> Vec<&'a Workload> {
        const PARTS: [&str; 3] = ["server", "connect-injector", "webhook-cert-manager"];
        let part = |w: &&Workload| w.labels.get("component").is_some_and(|part| PARTS.contains(&part.as_str()));
        scene.labelled("app", "consul").filter(part).filter(|w| w.namespace == of.namespace && !w.kind.is_batch()).collect()
    }
    fn membership(&self, scene: &Scene, pod: &Subject) -> Membership {
        membership::of(scene, pod)
    }
    fn enrols(&self, scene: &Scene, namespace: &Namespace) -> Option<Enrolment> {
        membership::enrols(scene, namespace)
    }
    /// The servers have a version line of their own: what the injector is told to inject decides.
    fn proxy_version(&self, scene: &Scene, _of: &Installation) -> Option<String> {
        view::image_tag(&membership::injected_image(scene)?).map(str::to_owned)
    }
    /// Of the servers, as every pod that the injector makes is told; the roots of proxies are the servers' to tell.
    fn roots(&self, scene: &Scene, _of: &Installation) -> Vec<(String, String)> {
        server::roots(scene.facts).map(|(pod, pem)| (format!("Pod {pod} CONSUL_CACERT_PEM"), pem)).into_iter().collect()
    }
    fn checks(&self) -> &'static [Check] {
        &CHECKS
    }
}
