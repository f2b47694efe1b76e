//! The call graph's shape, as far as the second question needs it: how deep calls go, and in which languages.

use super::apps::{Applications, counted};
use super::q1::ends;
use crate::model::{Grade, Language, Model, WorkloadId};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Known calls (observed or declared) between counted workloads.
#[derive(Clone, Debug, Default)]
pub struct Calls {
    out: BTreeMap<WorkloadId, BTreeSet<WorkloadId>>,
    into: BTreeMap<WorkloadId, BTreeSet<WorkloadId>>,
    /// Every call in it was seen happening.
    pub all_observed: bool,
}

impl Calls {
    pub fn of(model: &Model, apps: &Applications) -> Calls {
        let mut calls = Calls { all_observed: true, ..Calls::default() };
        for edge in model.edges.iter().filter(|edge| edge.grade >= Grade::Declared) {
            if let Some((from, to)) = ends(edge, apps).filter(|(from, to)| from != to) {
                calls.out.entry(from).or_default().insert(to);
                calls.into.entry(to).or_default().insert(from);
                calls.all_observed &= edge.grade == Grade::Observed;
            }
        }
        calls
    }

    /// Workloads that call others on a path of at least two calls: where retries multiply.
    pub fn callers_on_deep_paths(&self) -> BTreeSet<WorkloadId> {
        let mut callers = BTreeSet::new();
        for (middle, targets) in &self.out {
            for from in self.into.get(middle).into_iter().flatten() {
                if targets.iter().any(|to| to != from) {
                    callers.extend([*from, *middle]);
                }
            }
        }
        callers
    }
}

/// Which languages are known, of how many workloads. Distroless Go, C++ and Rust show nothing: unknown is not "one more".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Languages {
    pub known: Vec<Language>,
    /// Counted workloads whose language is known.
    pub seen: usize,
    pub of: usize,
}

impl Languages {
    pub fn among<'a>(model: &'a Model, ids: impl IntoIterator<Item = WorkloadId> + 'a) -> Languages {
        let mut languages = Languages::default();
        let mut known = BTreeSet::new();
        for id in ids {
            languages.of += 1;
            let sightings = &model.workloads[id].languages;
            languages.seen += usize::from(!sightings.is_empty());
            known.extend(sightings.iter().map(|sighting| sighting.what));
        }
        languages.known = known.into_iter().collect();
        languages
    }

    pub fn all(model: &Model) -> Languages {
        Languages::among(model, counted(model).map(|(id, _)| id))
    }

    /// Certainly one language: every workload's is known and they agree.
    pub fn single(&self) -> Option<Language> {
        (self.of > 0 && self.seen == self.of && self.known.len() == 1).then(|| self.known[0])
    }

    pub fn names(&self) -> String {
        self.known.iter().map(|language| name(*language)).collect::<Vec<_>>().join(", ")
    }
}

pub fn name(language: Language) -> &'static str {
    match language {
        Language::Java => "Java",
        Language::Go => "Go",
        Language::Python => "Python",
        Language::Node => "Node.js",
        Language::Dotnet => ".NET",
        Language::Ruby => "Ruby",
        Language::Php => "PHP",
        Language::Rust => "Rust",
        Language::Cpp => "C++",
        Language::Erlang => "Erlang",
    }
}

#[cfg(test)]
mod tests {
    use super::super::apps::applications;
    use super::super::testing::*;
    use super::*;

    #[test]
    fn depth_counts_different_workloads() {
        let mut model = model_with(4);
        edge(&mut model, 0, 1, Grade::Declared);
        edge(&mut model, 1, 0, Grade::Declared);
        let calls = Calls::of(&model, &applications(&model));
        assert!(calls.callers_on_deep_paths().is_empty(), "there and back is not two deep");
        edge(&mut model, 1, 2, Grade::Declared);
        let calls = Calls::of(&model, &applications(&model));
        assert_eq!(calls.callers_on_deep_paths(), BTreeSet::from([0, 1]));
    }

    #[test]
    fn one_language_needs_every_workload_known() {
        let mut model = model_with(2);
        language(&mut model, 0, Language::Java);
        assert_eq!(Languages::all(&model).single(), None);
        language(&mut model, 1, Language::Java);
        assert_eq!(Languages::all(&model).single(), Some(Language::Java));
    }
}
