//! Services of which only some pods are in the mesh: what the mesh promises holds for some of the calls only.

use crate::facts::kinds;
use crate::mesh::check::{Findings, Subject, counted};
use crate::mesh::membership::{Membership, Standing};
use crate::model::{Evidence, WorkloadId};
use std::collections::BTreeMap;

/// Pods that should be in it are told by the check of members; here stand those that somebody keeps out.
pub fn services(subject: &Subject, findings: &mut Findings) {
    let scene = subject.scene;
    findings.needs(scene, &[&kinds::POD, &kinds::SERVICE]);
    let mut pods: BTreeMap<WorkloadId, Vec<(String, Membership)>> = BTreeMap::new();
    for pod in scene.pods.iter().filter(|pod| pod.exists && !pod.ended()) {
        if let Some(owner) = pod.owner {
            pods.entry(owner).or_default().push((pod.title(), subject.state.membership(scene, pod)));
        }
    }
    for service in &scene.model.services {
        let behind: Vec<&(String, Membership)> = service.workloads.iter().filter_map(|id| pods.get(id)).flatten().collect();
        let inside = behind.iter().filter(|(_, m)| m.standing.is_in()).count();
        let kept = |one: &&&(String, Membership)| matches!(one.1.standing, Standing::Excluded | Standing::Outside);
        let out: Vec<_> = behind.iter().filter(kept).collect();
        if inside == 0 || out.is_empty() {
            continue;
        }
        let message = format!(
            "{} of {} pods of Service {}/{} are not in the mesh: calls to these are not encrypted, and its policies don't hold there",
            out.len(),
            behind.len(),
            service.namespace,
            service.name
        );
        let mut evidence: Vec<Evidence> = Vec::new();
        for (pod, member) in out.iter().map(|one| (&one.0, &one.1)) {
            evidence.push(Evidence::new(pod, "", &member.reason));
            evidence.extend(member.evidence.first().cloned());
        }
        let name = out[0].0.trim_start_matches("Pod ").split_once('/').map(|(namespace, name)| format!("{name}.{namespace}"));
        let fix = name.map(|name| format!("meshctl check-inject {name}"));
        findings.warning(message, evidence, fix.into_iter().collect());
    }
    findings.detail = counted(scene.model.services.len(), "Service");
}
