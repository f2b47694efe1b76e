//! Istio.

mod candidates;

use super::{Candidate, Mesh};
use crate::facts::{Facts, Need, Purpose};
use crate::model::{Installation, Model};

pub struct Istio;

impl Mesh for Istio {
    fn id(&self) -> &'static str {
        "istio"
    }
    fn detect(&self, _facts: &Facts, _model: &Model) -> Vec<Installation> {
        Vec::new()
    }
    fn needs(&self, _known: &Facts, _purpose: &Purpose) -> Vec<Need> {
        Vec::new()
    }
    fn translate(&self, _facts: &Facts, _model: &mut Model) {}
    fn candidates(&self) -> &'static [Candidate] {
        candidates::CANDIDATES
    }
}
