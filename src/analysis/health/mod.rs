//! What is wrong with the meshes that are here: the answer of `check`.
//!
//! Every mesh gets the checks that are the same for all ([`every_mesh`]) and its own; what lies between meshes comes once
//! ([`between`]). A check that could not see what it needs is *unknown*, never ok.

mod arrived;
mod before;
mod between;
mod certificates;
mod every_mesh;
mod partly;
mod screen;

use crate::analysis::inventory;
use crate::facts::{Facts, SourceKind};
use crate::mesh::check::{Category, Check, Finding, Findings, Subject};
use crate::mesh::scene::Scene;
use crate::model::Model;
use crate::report::Severity;
use serde::Serialize;

pub use before::before;
pub use screen::report;

pub const SCHEMA: &str = "meshctl/check/v1";

/// How a check ended; the order is that of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Error,
    Warning,
    Unknown,
    Ok,
}

impl Outcome {
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Error => "error",
            Outcome::Warning => "warning",
            Outcome::Unknown => "unknown",
            Outcome::Ok => "ok",
        }
    }
}

/// One line.
#[derive(Clone, Debug, Serialize)]
pub struct Checked {
    pub code: &'static str,
    /// `None` for what lies between meshes.
    pub mesh: Option<&'static str>,
    pub category: Category,
    pub title: &'static str,
    pub result: Outcome,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
    pub findings: Vec<Finding>,
    /// What could not be seen of what the check reads.
    pub unknown: Vec<String>,
}

/// One cluster.
#[derive(Clone, Debug, Serialize)]
pub struct Health {
    pub cluster: String,
    pub source: SourceKind,
    pub now: String,
    pub meshes: Vec<&'static str>,
    pub checks: Vec<Checked>,
}

/// A check between meshes.
struct Between {
    code: &'static str,
    title: &'static str,
    category: Category,
    run: fn(&Scene, &mut Findings),
}

/// Runs everything; `only` are ids of meshes, and then what lies between meshes is checked as well.
pub fn take(facts: &Facts, model: &Model, only: &[String]) -> Health {
    let scene = Scene::new(facts, model);
    let mut checks = Vec::new();
    let mut meshes = Vec::new();
    for (mesh, installations) in inventory::installed(&scene) {
        if !only.is_empty() && !only.iter().any(|id| id == mesh.id()) {
            continue;
        }
        let state = mesh.state();
        meshes.push(state.name());
        let subject = Subject { scene: &scene, state, installations: &installations };
        // From cause to effect, wherever a check comes from.
        let mut own: Vec<&Check> = every_mesh::CHECKS.iter().chain(state.checks()).collect();
        own.sort_by_key(|check| check.category);
        for check in own {
            let mut findings = Findings::default();
            (check.run)(&subject, &mut findings);
            let Check { code, category, title, .. } = *check;
            checks.push(checked(code, Some(state.name()), category, title, findings));
        }
    }
    if !meshes.is_empty() {
        for check in between::CHECKS {
            let mut findings = Findings::default();
            (check.run)(&scene, &mut findings);
            checks.push(checked(check.code, None, check.category, check.title, findings));
        }
    }
    Health { cluster: facts.cluster.clone(), source: facts.kind, now: facts.now.to_string(), meshes, checks }
}

fn checked(
    code: &'static str,
    mesh: Option<&'static str>,
    category: Category,
    title: &'static str,
    findings: Findings,
) -> Checked {
    let Findings { mut list, mut unknown, detail } = findings;
    list.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    unknown.dedup();
    let result = match list.first().map(|finding| finding.severity) {
        Some(Severity::Error) => Outcome::Error,
        Some(Severity::Warning) => Outcome::Warning,
        _ if !unknown.is_empty() => Outcome::Unknown,
        _ => Outcome::Ok,
    };
    Checked { code, mesh, category, title, result, detail, findings: list, unknown }
}

/// Codes of the checks that every mesh has, and of those between meshes; for the test that none is used twice.
pub fn codes() -> Vec<&'static str> {
    let own = crate::mesh::MESHES.iter().flat_map(|mesh| mesh.state().checks());
    let shared = between::CHECKS.iter().map(|check| check.code).chain(before::CODES);
    every_mesh::CHECKS.iter().chain(own).map(|check| check.code).chain(shared).collect()
}

#[cfg(test)]
mod tests;
