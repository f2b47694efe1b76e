//! What only Cilium can have wrong, as far as objects tell.

use super::settings::{self, Settings};
use crate::facts::kinds;
use crate::mesh::check::{Category, Check, Findings, Subject, counted};
use crate::mesh::sync::Health;
use crate::model::{Evidence, WorkloadKind};

pub static CHECKS: &[Check] = &[
    Check {
        code: "CIL0001",
        category: Category::Conflicts,
        title: "sidecars see the traffic that the agent balances",
        run: socket_balancing,
    },
    Check { code: "CIL0002", category: Category::ControlPlane, title: "an agent runs on every node", run: everywhere },
];

/// A DaemonSet that nobody schedules wants nothing and is whole: the nodes tell, and CiliumEndpoints stay ready.
fn everywhere(subject: &Subject, findings: &mut Findings) {
    #[derive(serde::Deserialize, Default)]
    #[serde(default)]
    struct Node {
        metadata: crate::mesh::view::Metadata,
    }
    let scene = subject.scene;
    let Some(agent) = settings::agents(scene.model).find(|w| w.kind == WorkloadKind::DaemonSet) else {
        // As a process of the node it is known by what it says.
        for told in super::sync::read(scene.facts).told {
            let gone = told.parts.iter().find(|part| part.kind == super::sync::AGENT && part.health == Health::Disconnected);
            let Some(why) = gone.and_then(|part| part.why.first()) else { continue };
            let evidence = Evidence::new(format!("Node {}", told.proxy), "cilium-dbg status", why);
            let fix = format!("on {}: cilium-dbg status --verbose", told.proxy);
            findings.error(format!("the agent of {} is down", told.proxy), vec![evidence], vec![fix]);
        }
        return findings.unknown.push("which nodes have an agent: no DaemonSet runs it".to_owned());
    };
    findings.needs(scene, &[&kinds::NODE, &kinds::POD]);
    if !scene.facts.seen(&kinds::POD) {
        return;
    }
    let served: Vec<&str> = scene
        .pods
        .iter()
        .filter(|pod| pod.label("k8s-app") == Some("cilium") && !pod.ended())
        .map(|pod| pod.node.as_str())
        .collect();
    let (mut bare, mut count) = (Vec::new(), 0);
    scene.facts.read::<Node>(&kinds::NODE, |object, node| {
        // It runs on Linux only.
        let linux = node.metadata.labels.get("kubernetes.io/os").is_none_or(|os| os == "linux");
        count += usize::from(linux);
        if linux && !served.contains(&&*object.name) {
            bare.push(object.name.to_string());
        }
    });
    findings.detail = counted(count, "node");
    if !bare.is_empty() {
        let message = format!(
            "no agent runs on {}: what is connected there stays so with old policies, and no new pod gets an address",
            bare.join(", ")
        );
        let evidence = Evidence::new(agent.title(), "pods", format!("{} of {count} nodes have one", count - bare.len()));
        let fix = format!("kubectl describe ds/{} -n {}", agent.name, agent.namespace);
        findings.error(message, vec![evidence], vec![fix]);
    }
}

/// With balancing at the socket, a connection has lost the Service's address before a sidecar sees it.
fn socket_balancing(subject: &Subject, findings: &mut Findings) {
    let scene = subject.scene;
    findings.needs(scene, &[&kinds::POD]);
    let Some(sidecars) = scene.model.installations.iter().find(|i| i.mode == "sidecar" || i.mode == "ambient") else {
        findings.detail = "no mesh with proxies is here".to_owned();
        return;
    };
    if settings::agents(scene.model).next().is_none() {
        findings.unknown.push("the agents' settings: no agent was found".to_owned());
    }
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
