//! What only Cilium can have wrong, as far as objects tell.

use super::settings::{self, Settings};
use crate::mesh::check::{Category, Check, Findings, Subject};

pub static CHECKS: &[Check] = &[Check {
    code: "CIL0001",
    category: Category::Conflicts,
    title: "sidecars see the traffic that the agent balances",
    run: socket_balancing,
}];

/// With balancing at the socket, a connection has lost the Service's address before a sidecar sees it.
fn socket_balancing(subject: &Subject, findings: &mut Findings) {
    let scene = subject.scene;
    let Some(sidecars) = scene.model.installations.iter().find(|i| i.mode == "sidecar" || i.mode == "ambient") else { return };
    for agent in settings::agents(scene.model) {
        let Some(settings) = Settings::read(scene.facts, &agent.namespace) else {
            findings.unknown.push(format!("ConfigMap {}/cilium-config", agent.namespace));
            continue;
        };
        let balancing = ["bpf-lb-sock", "kube-proxy-replacement"].into_iter().find(|key| settings.on(key));
        if let Some(key) = balancing.filter(|_| !settings.on("bpf-lb-sock-hostns-only")) {
            let message = format!(
                "the agent balances at the socket inside pods, so the proxies of {} see pod addresses instead of Services: routes and policies of Services don't apply",
                sidecars.mesh
            );
            let fix = vec!["helm upgrade cilium cilium/cilium --reuse-values --set socketLB.hostNamespaceOnly=true".to_owned()];
            findings.error(message, vec![settings.why(key)], fix);
        }
    }
}
