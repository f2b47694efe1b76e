//! Which workloads carry a mesh's proxy, read from the pods: templates don't show what a webhook injects.

use super::view::{self, Pod};
use crate::facts::{Facts, kinds};
use crate::kubernetes::observed::pod_party;
use crate::model::{Model, Party, WorkloadId};
use std::collections::BTreeSet;

/// Workloads with at least one live pod of which `carries` gives something, with what it gives. One of the words stands in
/// each of these pods.
pub fn carriers<T: Ord>(
    facts: &Facts,
    model: &Model,
    words: &[&str],
    carries: impl Fn(&Pod) -> Option<T>,
) -> Vec<(WorkloadId, T)> {
    let mut found = BTreeSet::new();
    facts.read_with::<Pod>(&kinds::POD, words, |object, pod| {
        let ended = matches!(pod.status.phase.as_str(), "Succeeded" | "Failed");
        let owner = || pod_party(model, &object.namespace, &object.name);
        if let Some(what) = carries(&pod).filter(|_| !ended)
            && let Some(Party::Workload(id)) = owner()
        {
            found.insert((id, what));
        }
    });
    found.into_iter().collect()
}

/// One version of many images: the highest tag by text, or none.
pub fn version_of<'a>(images: impl Iterator<Item = &'a str>) -> Option<String> {
    images.filter_map(view::image_tag).max().map(str::to_owned)
}
