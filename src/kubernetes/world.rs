//! What the steps of the translation share: the facts, the model so far, and the pod templates behind its workloads.

use super::view;
use crate::facts::{Facts, Object, Resource};
use crate::model::{Model, NotSeen, WorkloadId};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

pub struct World<'a> {
    pub facts: &'a Facts,
    pub model: Model,
    /// The pod template of each workload, by its index.
    pub templates: Vec<view::PodSpec>,
    /// `.data` of the ConfigMaps that some workload reads: namespace → name.
    pub config_maps: BTreeMap<String, BTreeMap<String, ConfigMap<'a>>>,
    /// Namespaces that are known to exist; a host in any other is not called missing.
    pub known_namespaces: BTreeSet<String>,
}

pub struct ConfigMap<'a> {
    pub object: &'a Object,
    pub data: view::Map,
    /// Workloads that read it whole (mounted, or by `envFrom`).
    pub readers: BTreeSet<WorkloadId>,
}

impl ConfigMap<'_> {
    /// Read whole by so many that what it names says nothing of who calls: candidates, not edges.
    pub fn is_shared(&self) -> bool {
        is_many(self.readers.len())
    }
}

/// From how many readers on a file says nothing of the single one.
pub fn is_many(readers: usize) -> bool {
    readers >= 3
}

/// A manifest that names no namespace lands in `default`, as with kubectl.
pub fn namespace_of(object: &Object) -> &str {
    if object.namespace.is_empty() { "default" } else { &object.namespace }
}

impl<'a> World<'a> {
    pub fn new(facts: &'a Facts) -> Self {
        World {
            facts,
            model: Model::default(),
            templates: Vec::new(),
            config_maps: BTreeMap::new(),
            known_namespaces: BTreeSet::new(),
        }
    }

    /// Every object of a kind as a view; see [`read`].
    pub fn read<T: Deserialize<'a>>(&mut self, resource: &Resource) -> Vec<(&'a Object, T)> {
        read(self.facts, &mut self.model, resource)
    }
}

/// Every object of a kind as a view. One that can't be read is named in `not_seen`: it must not vanish silently.
pub fn read<'a, T: Deserialize<'a>>(facts: &'a Facts, model: &mut Model, resource: &Resource) -> Vec<(&'a Object, T)> {
    let objects = facts.objects(resource);
    let mut views = Vec::with_capacity(objects.len());
    for object in objects {
        match object.read::<T>() {
            Ok(view) => views.push((object, view)),
            Err(error) => {
                let name = match &*object.namespace {
                    "" => object.name.to_string(),
                    namespace => format!("{namespace}/{}", object.name),
                };
                let place = object.place.as_ref().filter(|p| p.is_known()).map(|p| format!("{p}: ")).unwrap_or_default();
                model.add_not_seen(NotSeen {
                    what: format!("{} {name}", resource.kind),
                    outcome: "failed".to_owned(),
                    why: format!("{place}{error}"),
                    leaves_open: "this object is left out of every count".to_owned(),
                });
            }
        }
    }
    views
}
