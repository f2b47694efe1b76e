//! Which workloads carry a mesh's proxy, read from the pods: templates don't show what a webhook injects.

use super::view::{self, Pod};
use crate::facts::{Facts, kinds};
use crate::model::{Model, WorkloadId};
use std::collections::BTreeSet;

/// Workloads with at least one live pod that has a container, or init container, of one of these names.
pub fn carriers(facts: &Facts, model: &Model, container: impl Fn(&str) -> bool) -> Vec<WorkloadId> {
    let mut found = BTreeSet::new();
    facts.read::<Pod>(&kinds::POD, |object, pod| {
        let ended = matches!(pod.status.phase.as_str(), "Succeeded" | "Failed");
        let carries = pod.spec.containers.iter().chain(&pod.spec.init_containers).any(|c| container(&c.name));
        if carries && !ended {
            found.extend(owner(model, &object.namespace, &object.name));
        }
    });
    found.into_iter().collect()
}

/// The workload of a pod by name: controllers append `-suffix`, and the longest match is the owner.
pub fn owner(model: &Model, namespace: &str, pod: &str) -> Option<WorkloadId> {
    let mut name = pod;
    loop {
        if let Some(id) = model.workload_named(namespace, name) {
            return Some(id);
        }
        name = name.rsplit_once('-')?.0;
    }
}

/// One version of many images: the highest tag by text, or none.
pub fn version_of<'a>(images: impl Iterator<Item = &'a str>) -> Option<String> {
    images.filter_map(view::image_tag).max().map(str::to_owned)
}
