//! "Do you need a mesh?": the guide's two questions over the model, then candidates, cost, traps and a plan.

use crate::facts::Facts;
use crate::model::Model;
use crate::report::Report;

/// What the user told: requirements and answers, each marked as the user's word in the report.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// `--require mtls=identity`: (key, value or "").
    pub require: Vec<(String, String)>,
    /// `--answer KEY=VALUE`.
    pub answers: Vec<(String, String)>,
}

/// `--explain SECTION`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Section {
    #[value(name = "Q1", alias = "q1")]
    Q1,
    #[value(name = "Q2", alias = "q2")]
    Q2,
    Candidates,
    Cost,
    Traps,
    Plan,
    All,
}

/// The whole judgement of one cluster.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Decision {}

pub fn decide(_facts: &Facts, _model: &Model, _told: &Told, _window: &str) -> Decision {
    Decision {}
}

impl Decision {
    /// The first screen, or the sections asked for. `next` is how the user called us (`meshctl analyze --from demo`),
    /// for next commands that can be copied.
    pub fn report(&self, explain: &[Section], _next: &str) -> Report {
        let _ = explain;
        Report::new("meshctl/decision/v1", self, Vec::new())
    }
}
