//! What the guide calls "a service": one application, however many versions of it run.

use crate::model::{Model, Service, Workload, WorkloadId};
use std::collections::{BTreeMap, BTreeSet};

/// Counted, long-lived workloads grouped into applications, in two ways: one that may split too much and one that may
/// merge too much, so that a bound never rests on the wrong guess.
#[derive(Clone, Debug)]
pub struct Applications {
    /// The finest grouping: for the upper bound, and for what is listed.
    pub fine: Vec<Application>,
    /// Group of each counted workload in the coarsest grouping: for the lower bound.
    pub coarse: BTreeMap<WorkloadId, usize>,
    /// Services that stand for one application, by `namespace/name`, with one of its workloads: whichever version
    /// answers, the call goes to that application.
    pub services: BTreeMap<String, WorkloadId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// `shop/reviews`.
    pub name: String,
    pub workloads: Vec<WorkloadId>,
}

/// Workloads that the guide's first question counts: first-party and long-lived. Batch is listed, not counted.
pub fn counted(model: &Model) -> impl Iterator<Item = (WorkloadId, &Workload)> {
    model.workloads.iter().enumerate().filter(|(_, w)| w.counts() && !w.kind.is_batch())
}

pub fn applications(model: &Model) -> Applications {
    let ids: Vec<WorkloadId> = counted(model).map(|(id, _)| id).collect();
    let fine = groups(model, &ids, |w| {
        let component = label(w, &["app.kubernetes.io/component", "component"]).unwrap_or_default();
        // The app label alone may be a whole product's; beside a version label it names one application.
        let versioned = label(w, &["version", "app.kubernetes.io/version", "track"]).is_some();
        let name = app_label(w).filter(|_| versioned).map_or_else(|| stem(&w.name), str::to_owned);
        vec![format!("{name}/{component}")]
    });
    let coarse = groups(model, &ids, |w| {
        let mut keys = vec![stem(&w.name)];
        keys.extend(app_label(w).map(str::to_owned));
        keys
    });
    let coarse_of: BTreeMap<WorkloadId, usize> =
        coarse.iter().enumerate().flat_map(|(group, members)| members.iter().map(move |id| (*id, group))).collect();
    let one = |service: &Service| {
        let first = *service.workloads.first()?;
        let group = coarse_of.get(&first)?;
        let same = service.workloads.iter().all(|id| coarse_of.get(id) == Some(group));
        same.then(|| (format!("{}/{}", service.namespace, service.name), first))
    };
    let services = model.services.iter().filter_map(one).collect();
    let fine = fine.into_iter().map(|workloads| Application { name: title(model, &workloads), workloads }).collect();
    Applications { fine, coarse: coarse_of, services }
}

/// Joins workloads that stand behind the same Service and share a key.
fn groups(model: &Model, ids: &[WorkloadId], keys: impl Fn(&Workload) -> Vec<String>) -> Vec<Vec<WorkloadId>> {
    let mut parent: BTreeMap<WorkloadId, WorkloadId> = ids.iter().map(|id| (*id, *id)).collect();
    for service in &model.services {
        let mut first: BTreeMap<String, WorkloadId> = BTreeMap::new();
        for id in service.workloads.iter().filter(|id| parent.contains_key(id)).copied().collect::<BTreeSet<_>>() {
            for key in keys(&model.workloads[id]) {
                let other = *first.entry(key).or_insert(id);
                join(&mut parent, other, id);
            }
        }
    }
    let mut members: BTreeMap<WorkloadId, Vec<WorkloadId>> = BTreeMap::new();
    for id in ids {
        members.entry(root(&parent, *id)).or_default().push(*id);
    }
    members.into_values().collect()
}

pub(super) fn root(parent: &BTreeMap<usize, usize>, mut id: usize) -> usize {
    while let Some(next) = parent.get(&id).filter(|next| **next != id) {
        id = *next;
    }
    id
}

/// The smaller id becomes the root, so the result doesn't depend on the order of joins.
pub(super) fn join(parent: &mut BTreeMap<usize, usize>, a: usize, b: usize) {
    let (a, b) = (root(parent, a), root(parent, b));
    parent.insert(a.max(b), a.min(b));
}

fn label<'a>(workload: &'a Workload, keys: &[&str]) -> Option<&'a str> {
    keys.iter().find_map(|key| workload.labels.get(*key)).map(String::as_str)
}

fn app_label(workload: &Workload) -> Option<&str> {
    label(workload, &["app", "app.kubernetes.io/name"])
}

fn title(model: &Model, workloads: &[WorkloadId]) -> String {
    let Some(first) = workloads.first().map(|id| &model.workloads[*id]) else { return String::new() };
    let name = if workloads.len() > 1 { stem(&first.name) } else { first.name.clone() };
    format!("{}/{name}", first.namespace)
}

/// A name without what tells versions of one application apart: `reviews-v3` and `web-canary` lose their ends.
fn stem(name: &str) -> String {
    const TRACKS: [&str; 8] = ["canary", "stable", "primary", "baseline", "blue", "green", "next", "preview"];
    match name.rsplit_once('-') {
        Some((head, tail)) if !head.is_empty() && (TRACKS.contains(&tail) || is_version(tail)) => head.to_owned(),
        _ => name.to_owned(),
    }
}

/// `v1`, `v10`, `v2beta1`: a `v` and a digit. A bare number is more often a shard than a version.
fn is_version(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next() == Some('v') && chars.next().is_some_and(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    #[test]
    fn three_versions_behind_one_service_are_one_application() {
        let mut model = model_of(&["reviews-v1", "reviews-v2", "reviews-v3", "ratings-v1"]);
        service(&mut model, "reviews", &[0, 1, 2]);
        service(&mut model, "ratings", &[3]);
        let apps = applications(&model);
        assert_eq!(apps.fine.iter().map(|a| a.name.as_str()).collect::<Vec<_>>(), ["shop/reviews", "shop/ratings-v1"]);
    }

    #[test]
    fn versions_without_a_common_service_stay_apart() {
        assert_eq!(applications(&model_of(&["reviews-v1", "reviews-v2"])).fine.len(), 2);
    }

    #[test]
    fn one_label_for_a_whole_product_does_not_lower_the_upper_bound() {
        let mut model = model_of(&["a", "b", "c", "d", "e", "f", "g"]);
        for workload in &mut model.workloads {
            workload.labels.insert("app".to_owned(), "product".to_owned());
        }
        service(&mut model, "all-metrics", &[0, 1, 2, 3, 4, 5, 6]);
        let apps = applications(&model);
        assert_eq!(apps.fine.len(), 7, "the upper bound keeps them apart");
        assert_eq!(apps.coarse.values().collect::<BTreeSet<_>>().len(), 1, "the lower bound can't rely on them being several");
    }

    #[test]
    fn a_version_label_joins_what_names_do_not() {
        let mut model = model_of(&["web-old", "web-new"]);
        for (workload, version) in model.workloads.iter_mut().zip(["1", "2"]) {
            workload.labels.insert("app".to_owned(), "web".to_owned());
            workload.labels.insert("version".to_owned(), version.to_owned());
        }
        service(&mut model, "web", &[0, 1]);
        assert_eq!(applications(&model).fine.len(), 1);
    }
}
