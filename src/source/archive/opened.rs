//! What was written down of one cluster, before anybody asks.

use crate::facts::{Answer, Facts, Need, Problem, SourceKind};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Lists of a recording are kept as they were written until they are asked for: most commands look at a few of them.
pub struct Opened {
    pub cluster: String,
    pub kind: SourceKind,
    pub now: Timestamp,
    pub namespace: Option<String>,
    problems: Vec<Problem>,
    answers: BTreeMap<Need, Kept>,
}

pub(super) enum Kept {
    Read(Answer),
    Unread { read: OnceLock<Made>, make: Make },
}

type Make = Box<dyn Fn() -> Made + Send + Sync>;

/// An answer, and what is wrong with where it stands.
pub(super) type Made = (Answer, Vec<Problem>);

impl Kept {
    /// Made when it is asked for, once.
    pub(super) fn later(make: impl Fn() -> Made + Send + Sync + 'static) -> Self {
        Kept::Unread { read: OnceLock::new(), make: Box::new(make) }
    }

    fn made(&self) -> &Answer {
        match self {
            Kept::Read(answer) => answer,
            Kept::Unread { read, make } => &read.get_or_init(make).0,
        }
    }
}

impl From<Facts> for Opened {
    fn from(facts: Facts) -> Self {
        let (cluster, kind, now, namespace) = (facts.cluster.clone(), facts.kind, facts.now, facts.namespace.clone());
        let (answers, problems) = facts.into_parts();
        let answers = answers.into_iter().map(|(need, answer)| (need, Kept::Read(answer))).collect();
        Opened { cluster, kind, now, namespace, problems, answers }
    }
}

impl Opened {
    pub(super) fn keep(&mut self, need: Need, answer: Kept) {
        self.answers.insert(need, answer);
    }

    pub(super) fn complain(&mut self, problems: impl IntoIterator<Item = Problem>) {
        self.problems.extend(problems);
    }

    /// Nothing but whose facts they are and from when.
    pub fn blank(&self) -> Facts {
        let mut facts = Facts::new(self.cluster.clone(), self.kind, self.now);
        facts.namespace.clone_from(&self.namespace);
        facts
    }

    pub fn get(&self, need: &Need) -> Option<&Answer> {
        self.answers.get(need).map(Kept::made)
    }

    /// The first that fits.
    pub fn find(&self, fits: impl Fn(&Need) -> bool) -> Option<&Answer> {
        self.answers.iter().find(|(need, _)| fits(need)).map(|(_, kept)| kept.made())
    }

    /// What is wrong with the whole, and with what has been asked for.
    pub fn problems(&self) -> Vec<Problem> {
        let of_lists = self.answers.values().filter_map(|kept| match kept {
            Kept::Unread { read, .. } => read.get(),
            Kept::Read(_) => None,
        });
        self.problems.iter().chain(of_lists.flat_map(|(_, problems)| problems)).cloned().collect()
    }

    /// Everything, read.
    pub fn whole(self) -> Facts {
        let mut facts = self.blank();
        facts.problems.clone_from(&self.problems);
        for (need, kept) in self.answers {
            let (answer, problems) = match kept {
                Kept::Read(answer) => (answer, Vec::new()),
                Kept::Unread { read, make } => read.into_inner().unwrap_or_else(make),
            };
            facts.problems.extend(problems);
            facts.insert(need, answer);
        }
        facts
    }
}
