//! "Do you need a mesh?": the guide's two questions over the model, then candidates, cost, traps and a plan.
//!
//! The judgement is pure: facts, model and what a person told go in, one [`Decision`] comes out. Both questions are
//! answered yes, no or *unknown*, and what is unknown stays in the verdict: it is right or *undetermined*, never a
//! confident wrong one.
//!
//! | file | question |
//! |---|---|
//! | `apps`, `q1`, `edge_line` | which services are there, and do more than five call each other? |
//! | `graph`, `q2` | is any of the needs there, and what meets it already? |
//! | `tree`, `flip`, `counter`, `observe` | the verdict, what would reverse it, the best argument against it, the next step |
//! | `candidates`, `cost`, `traps`, `plan` | which mesh, at what price, what breaks, in which order |
//! | `screen`, `explain` | one terminal page; all the evidence |

mod apps;
mod candidates;
mod cost;
mod counter;
mod decision;
mod dissent;
mod edge_line;
mod explain;
mod explain_choice;
mod flip;
mod graph;
mod interval;
mod observe;
mod plan;
mod q1;
mod q2;
mod questions;
mod screen;
mod sources;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod told;
mod traps;
#[cfg(test)]
mod traps_tests;
mod tree;

pub use decision::{Decision, Header, Installed, NextStep, decide};
pub use edge_line::{DanglingLine, EdgeLine};
pub use interval::{Confidence, Interval, Tri};
pub use questions::{Question, questions};
pub use told::{Told, answer_words, parse_told, require_words};
pub use tree::Verdict;

use crate::report::Report;

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

/// The schema of the machine form.
const SCHEMA: &str = "meshctl/decision/v1";

impl Decision {
    /// The first screen, or the sections asked for. `next` is how the user called us (`meshctl analyze --from demo`),
    /// for next commands that can be copied.
    pub fn report(&self, explain: &[Section], next: &str) -> Report {
        Report::new(SCHEMA, self, self.body(explain, next))
    }

    fn body(&self, explain: &[Section], next: &str) -> Vec<crate::report::Block> {
        if explain.is_empty() { screen::body(self, next) } else { explain::body(self, explain, next) }
    }
}

/// Several clusters in one document: `clusters`, each with the fields of a single decision. Exactly one stays flat.
pub fn report_many(decisions: &[Decision], explain: &[Section], next: &str) -> Report {
    if let [only] = decisions {
        return only.report(explain, next);
    }
    let mut body = Vec::new();
    for (i, decision) in decisions.iter().enumerate() {
        if i > 0 {
            body.push(crate::report::Block::Blank);
        }
        body.extend(decision.body(explain, next));
    }
    #[derive(serde::Serialize)]
    struct Many<'a> {
        clusters: &'a [Decision],
    }
    Report::new(SCHEMA, &Many { clusters: decisions }, body)
}
