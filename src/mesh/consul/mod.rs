//! Consul.

mod candidates;

use super::{Candidate, Mesh};
use crate::facts::{Facts, Need, Purpose};
use crate::model::{Installation, Model};

pub struct Consul;

impl Mesh for Consul {
    fn id(&self) -> &'static str {
        "consul"
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
