//! Which workloads carry a mesh's proxy, read from the pods: templates don't show what a webhook injects.

use super::view::{self, Pod};
use crate::facts::{Facts, kinds};
use crate::kubernetes::observed::pod_party;
use crate::model::{Model, Party, WorkloadId};
use std::collections::BTreeSet;

/// Workloads with at least one live pod that has a container, or init container, of one of these names.
pub fn carriers(facts: &Facts, model: &Model, container: impl Fn(&str) -> bool) -> Vec<WorkloadId> {
    let mut found = BTreeSet::new();
    facts.read::<Pod>(&kinds::POD, |object, pod| {
        let ended = matches!(pod.status.phase.as_str(), "Succeeded" | "Failed");
        let carries = pod.spec.containers.iter().chain(&pod.spec.init_containers).any(|c| container(&c.name));
        if carries && !ended {
            found.extend(pod_party(model, &object.namespace, &object.name).and_then(|party| match party {
                Party::Workload(id) => Some(id),
                _ => None,
            }));
        }
    });
    found.into_iter().collect()
}

/// One version of many images: the highest tag by text, or none.
pub fn version_of<'a>(images: impl Iterator<Item = &'a str>) -> Option<String> {
    images.filter_map(view::image_tag).max().map(str::to_owned)
}
