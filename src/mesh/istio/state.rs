//! What Istio consists of, whom a revision serves, which roots it publishes.

use super::membership;
use crate::kubernetes::subject::Subject;
use crate::mesh::membership::{Enrolment, Membership};
use crate::mesh::scene::Scene;
use crate::mesh::state::{Skew, State};
use crate::model::{Installation, Namespace, Workload};

pub struct Own;

const DEFAULT: &str = "default";

impl State for Own {
    fn name(&self) -> &'static str {
        "Istio"
    }
    fn domain(&self) -> &'static str {
        "istio.io"
    }
    fn components<'a>(&self, scene: &Scene<'a>, of: &Installation) -> Vec<&'a Workload> {
        let own = of.revision.as_deref().unwrap_or(DEFAULT);
        let revision = |w: &&Workload| w.labels.get("istio.io/rev").map_or(DEFAULT, String::as_str) == own;
        let mut parts: Vec<&Workload> =
            scene.labelled("app", "istiod").filter(|w| w.namespace == of.namespace).filter(revision).collect();
        if of.mode == "ambient" {
            parts.extend(scene.labelled("app", "ztunnel"));
        }
        if of.mode == "ambient" || own == DEFAULT {
            parts.extend(scene.labelled("k8s-app", "istio-cni-node"));
        }
        parts
    }
    fn membership(&self, scene: &Scene, pod: &Subject) -> Membership {
        membership::of(scene, pod)
    }
    fn serves(&self, installation: &Installation, member: &Membership) -> bool {
        let of = |revision: &Option<String>| revision.clone().unwrap_or_else(|| DEFAULT.to_owned());
        let ambient = member.mode == Some("ambient");
        // What the node's proxies serve has no revision of its own.
        (ambient == (installation.mode == "ambient")) && (ambient || of(&installation.revision) == of(&member.revision))
    }
    fn enrols(&self, scene: &Scene, namespace: &Namespace) -> Option<Enrolment> {
        membership::enrols(scene, namespace)
    }
    fn skew(&self) -> Option<Skew> {
        Some(Skew {
            behind: 1,
            source: "istio.io, Supported Releases: the control plane may be one version ahead",
            as_of: "2026-11-28",
        })
    }
    fn roots(&self, scene: &Scene, of: &Installation) -> Vec<(String, String)> {
        let root = scene.config_map(&of.namespace, "istio-ca-root-cert").and_then(|mut data| data.remove("root-cert.pem"));
        root.map(|pem| (format!("ConfigMap {}/istio-ca-root-cert", of.namespace), pem)).into_iter().collect()
    }
}
