//! Objects that the configuration of an Envoy was made from, where its own metadata names none, and what of them it lacks.

use super::MESHES;
use super::view::Pod;
use crate::envoy::Dump;
use crate::envoy::origin::Origin;
use crate::facts::{Facts, Need, Object};
use crate::report::Severity;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

/// What a mesh knows of the configuration of its Envoys.
pub trait Origins: Debug + Send + Sync {
    /// Of what this dump holds; a section that isn't in it was not asked for.
    fn of(&self, dump: &Dump<'_>) -> Sources;
}

#[derive(Debug, Default)]
pub struct Sources {
    pub clusters: BTreeMap<String, Vec<Origin>>,
    /// By route configuration, place of the virtual host in it, and of the route in that.
    pub routes: BTreeMap<(String, usize, usize), Vec<Origin>>,
    /// By listener and place of the filter chain.
    pub chains: BTreeMap<(String, usize), Vec<Origin>>,
    pub differences: Vec<Difference>,
}

/// What is written, and is not what the proxy has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub severity: Severity,
    /// `ServiceSplitter db.shop`
    pub whose: String,
    /// What goes on with it: ` is not in …`.
    pub what: String,
}

/// What tells of it for these pods; asked in rounds, as [`super::Mesh::needs`] is.
pub fn needs(known: &Facts, pods: &[&Object]) -> Vec<Need> {
    let serves = |mesh: &&&'static dyn super::Mesh| pods.iter().any(|pod| has(**mesh, pod));
    let mut needs: Vec<Need> = MESHES.iter().filter(serves).flat_map(|mesh| mesh.origin_needs(known)).collect();
    needs.retain(|need| !known.has(need));
    needs
}

/// What may be asked for it at first, of whatever mesh.
pub fn first_needs(nothing: &Facts) -> Vec<Need> {
    MESHES.iter().flat_map(|mesh| mesh.origin_needs(nothing)).collect()
}

/// For each pod, in their order; `None` where the proxy tells all that is known.
pub fn of(facts: &Facts, pods: &[&Object]) -> Vec<Option<Arc<dyn Origins>>> {
    let all: Vec<(&'static dyn super::Mesh, Arc<dyn Origins>)> = MESHES
        .iter()
        .filter(|mesh| pods.iter().any(|pod| has(**mesh, pod)))
        .filter_map(|mesh| Some((*mesh, mesh.origins(facts)?)))
        .collect();
    pods.iter().map(|pod| all.iter().find(|(mesh, _)| has(*mesh, pod)).map(|(_, origins)| origins.clone())).collect()
}

fn has(mesh: &dyn super::Mesh, pod: &Object) -> bool {
    pod.read::<Pod>().is_ok_and(|view| !mesh.admins(&view).is_empty())
}
