//! Cilium injects nothing: a pod is managed when the agent of its node made an endpoint for it.

use crate::facts::kinds;
use crate::kubernetes::subject::{self, Subject};
use crate::mesh::membership::{Membership, Standing};
use crate::mesh::scene::Scene;
use crate::model::Evidence;
use serde::Deserialize;

const NAME: &str = "Cilium";

pub fn of(scene: &Scene, pod: &Subject) -> Membership {
    let mut membership = judged(scene, pod);
    membership.mode = Some("per-node");
    membership
}

fn judged(scene: &Scene, pod: &Subject) -> Membership {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct View {
        status: Status,
    }
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Status {
        state: String,
    }
    let new = |standing, reason: &str| Membership::new(NAME, standing, reason);
    if pod.host_network {
        return new(Standing::Excluded, "pods on the host's network have no endpoint of their own").by(Evidence::new(
            pod.title(),
            "spec.hostNetwork",
            "true",
        ));
    }
    let named = |o: &&crate::facts::Object| *o.name == *pod.name && *o.namespace == *pod.namespace;
    let title = format!("CiliumEndpoint {}/{}", pod.namespace, pod.name);
    match scene.facts.objects(&kinds::CILIUM_ENDPOINT).iter().find(named) {
        Some(endpoint) => {
            let state = endpoint.read::<View>().unwrap_or_default().status.state;
            let evidence = Evidence::new(title, "status.state", &state);
            // It stays as it was when the agent dies: what it says is what was true last.
            if state == "ready" {
                new(Standing::Member, "nothing is injected; the agent of its node made an endpoint for it")
            } else {
                new(Standing::Unknown, "its endpoint is not ready")
            }
            .by(evidence)
        }
        None if !pod.exists => new(Standing::Member, "nothing is injected; its pods get an endpoint on their node"),
        None if !scene.facts.seen(&kinds::CILIUM_ENDPOINT) => new(Standing::Unknown, "endpoints could not be seen"),
        None => {
            let waits = pod.containers.iter().any(|c| c.waits_for == "ContainerCreating" || c.waits_for == "PodInitializing");
            let reason = if waits {
                "it waits for its network: the agent of its node has made no endpoint for it"
            } else {
                "it runs outside of Cilium: no endpoint was made, as for pods from before Cilium came to their node"
            };
            let status = if pod.node.is_empty() {
                "cilium status".to_owned()
            } else {
                format!("kubectl get pods -A -l k8s-app=cilium --field-selector spec.nodeName={}", pod.node)
            };
            let missing = new(Standing::Missing, reason)
                .by(Evidence::new(title, "", "not there"))
                .by(Evidence::new(pod.title(), "spec.nodeName", &pod.node))
                .fix(status);
            if waits { missing } else { missing.fix(subject::restart(scene.model, pod)) }
        }
    }
}
