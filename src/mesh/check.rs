//! One thing that can be wrong: what is looked at, and what was found.

use super::scene::Scene;
use super::state::State;
use crate::model::{Evidence, Installation};
use crate::report::Severity;
use serde::Serialize;

/// What a check is about; the order is that of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    ControlPlane,
    Admission,
    Certificates,
    Members,
    Proxies,
    Configuration,
    Conflicts,
    /// What an installation meets.
    Installation,
}

impl Category {
    pub fn word(self) -> &'static str {
        match self {
            Category::ControlPlane => "control plane",
            Category::Admission => "admission",
            Category::Certificates => "certificates",
            Category::Members => "members",
            Category::Proxies => "proxies",
            Category::Configuration => "configuration",
            Category::Conflicts => "conflicts",
            Category::Installation => "installation",
        }
    }
}

/// A check of a mesh. Codes are never reused.
#[derive(Clone, Copy)]
pub struct Check {
    pub code: &'static str,
    pub category: Category,
    /// What holds when nothing is wrong: `the control plane is ready`.
    pub title: &'static str,
    pub run: fn(&Subject, &mut Findings),
}

/// What is checked: a mesh with everything that is installed of it.
pub struct Subject<'s, 'a> {
    pub scene: &'s Scene<'a>,
    pub state: &'static dyn State,
    pub installations: &'s [Installation],
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    pub severity: Severity,
    pub message: String,
    pub evidence: Vec<Evidence>,
    pub fix: Vec<String>,
}

/// What a check found, and what it could not see.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    pub list: Vec<Finding>,
    /// Why the check can't say that nothing is wrong.
    pub unknown: Vec<String>,
    /// What was looked at, in a few words: `3 of 3 ready`.
    pub detail: String,
}

impl Findings {
    pub fn add(&mut self, severity: Severity, message: impl Into<String>, evidence: Vec<Evidence>, fix: Vec<String>) {
        self.list.push(Finding { severity, message: message.into(), evidence, fix });
    }
    pub fn error(&mut self, message: impl Into<String>, evidence: Vec<Evidence>, fix: Vec<String>) {
        self.add(Severity::Error, message, evidence, fix);
    }
    pub fn warning(&mut self, message: impl Into<String>, evidence: Vec<Evidence>, fix: Vec<String>) {
        self.add(Severity::Warning, message, evidence, fix);
    }
    /// A kind that the check reads and that did not come whole.
    pub fn needs(&mut self, scene: &Scene, kinds: &[&crate::facts::Resource]) {
        for kind in kinds.iter().filter(|kind| !scene.facts.seen(kind)) {
            let answer = scene.facts.get(&crate::facts::Need::list(kind));
            let why = answer.map_or("not asked", |a| if a.partial.is_some() { "partial" } else { a.outcome.word() });
            self.unknown.push(format!("{} ({why})", kind.qualified()));
        }
    }
}

/// `1 server`, `3 proxies`
pub fn counted(number: usize, what: &str) -> String {
    match (number, what.strip_suffix('y')) {
        (1, _) => format!("1 {what}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        _ => format!("{number} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn one_is_no_plural() {
        let told = [(0, "root"), (1, "proxy"), (2, "proxy"), (1, "server")].map(|(number, what)| super::counted(number, what));
        assert_eq!(told, ["0 roots", "1 proxy", "2 proxies", "1 server"]);
    }
}
