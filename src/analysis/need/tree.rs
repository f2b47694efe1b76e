//! The guide's tree over three-valued answers, and ours, which lets a requirement outrank the count.

use super::interval::Tri;
use super::q2::{NEEDS, Q2};
use crate::model::NeedKind;
use serde::Serialize;
use std::collections::BTreeSet;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Too few services: libraries or a simple gateway.
    Premature,
    /// Enough services, no need that asks for a mesh: an API gateway and OpenTelemetry by hand.
    LighterSolution,
    /// A mesh is likely justified.
    Justified,
    /// What is known allows more than one of these.
    Undetermined,
}

impl Verdict {
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Premature => "premature",
            Verdict::LighterSolution => "lighter solution",
            Verdict::Justified => "justified",
            Verdict::Undetermined => "undetermined",
        }
    }
}

/// All that the verdict depends on; small enough to be enumerated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inputs {
    pub q1: Tri,
    /// In the order of [`NEEDS`]; gRPC balancing without any signal is [`Tri::No`] here.
    pub needs: [Tri; NEEDS.len()],
    /// Workload identity or authorization is required and nothing meets it: no count of services changes that.
    pub identity_mandate: bool,
    /// Encryption is required and nothing meets it: the network plugin may do it.
    pub encryption_mandate: bool,
}

impl Inputs {
    pub fn new(q1: Tri, q2: &Q2) -> Inputs {
        let mandate = |kind| q2.need(kind).is_some_and(|need| need.mandate && need.answer == Tri::Yes);
        let answer = |kind| match q2.need(kind) {
            Some(need) if !need.in_guide && need.answer == Tri::Unknown && need.evidence.is_empty() => Tri::No,
            Some(need) => need.answer,
            None => Tri::Unknown,
        };
        Inputs {
            q1,
            needs: NEEDS.map(answer),
            identity_mandate: mandate(NeedKind::Identity) || mandate(NeedKind::Authorization),
            encryption_mandate: mandate(NeedKind::Encryption),
        }
    }

    pub fn q2(&self) -> Tri {
        Tri::any(self.needs)
    }

    /// Every verdict that what is unknown still allows.
    pub fn possible(&self) -> BTreeSet<Verdict> {
        if self.identity_mandate {
            return BTreeSet::from([Verdict::Justified]);
        }
        let few = if self.encryption_mandate { Verdict::LighterSolution } else { Verdict::Premature };
        possible(self.q1, self.q2(), few)
    }

    pub fn verdict(&self) -> Verdict {
        only(&self.possible())
    }
}

/// The guide's own tree: more than five? no → premature. Any need? no → lighter, yes → justified.
pub fn guide(q1: Tri, q2: Tri) -> Verdict {
    only(&possible(q1, q2, Verdict::Premature))
}

fn possible(q1: Tri, q2: Tri, few: Verdict) -> BTreeSet<Verdict> {
    let mut verdicts = BTreeSet::new();
    if q1 != Tri::Yes {
        verdicts.insert(few);
    }
    if q1 != Tri::No && q2 != Tri::Yes {
        verdicts.insert(Verdict::LighterSolution);
    }
    if q1 != Tri::No && q2 != Tri::No {
        verdicts.insert(Verdict::Justified);
    }
    verdicts
}

fn only(verdicts: &BTreeSet<Verdict>) -> Verdict {
    match verdicts.first() {
        Some(verdict) if verdicts.len() == 1 => *verdict,
        _ => Verdict::Undetermined,
    }
}

/// Whether a mesh is justified, when the verdict itself may still be open between two that are none.
pub fn mesh(possible: &BTreeSet<Verdict>) -> Tri {
    match possible.contains(&Verdict::Justified) {
        true if possible.len() == 1 => Tri::Yes,
        true => Tri::Unknown,
        false => Tri::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guides_tree() {
        for q2 in [Tri::Yes, Tri::No, Tri::Unknown] {
            assert_eq!(guide(Tri::No, q2), Verdict::Premature);
            assert_ne!(guide(Tri::Unknown, q2), Verdict::Premature);
        }
        assert_eq!(guide(Tri::Yes, Tri::Yes), Verdict::Justified);
        assert_eq!(guide(Tri::Yes, Tri::No), Verdict::LighterSolution);
        assert_eq!(guide(Tri::Yes, Tri::Unknown), Verdict::Undetermined);
        assert_eq!(guide(Tri::Unknown, Tri::Yes), Verdict::Undetermined);
    }

    #[test]
    fn no_need_means_no_mesh_even_when_the_count_is_open() {
        let possible = possible(Tri::Unknown, Tri::No, Verdict::Premature);
        assert_eq!(mesh(&possible), Tri::No);
        assert_eq!(only(&possible), Verdict::Undetermined);
    }
}
