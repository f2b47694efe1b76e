//! What is the same under every mesh: Kubernetes objects → workloads, services and the call graph.

use crate::facts::{Facts, Need, Purpose};
use crate::model::Model;

/// What every analysis needs, whatever the mesh.
pub fn needs(_known: &Facts, _purpose: &Purpose) -> Vec<Need> {
    Vec::new()
}

/// Facts → the neutral part of the model.
pub fn translate(_facts: &Facts) -> Model {
    Model::default()
}
