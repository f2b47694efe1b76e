//! What would reverse the verdict: the smallest sets of facts, found by trying every one and every pair.

use super::interval::{Confidence, Tri};
use super::q1::Q1;
use super::q2::{NEEDS, Q2};
use super::tree::{Inputs, Verdict};
use crate::model::NeedKind;
use serde::Serialize;

/// Facts which together change the verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Flip {
    /// What the verdict would be.
    pub then: Verdict,
    /// One or two; no smaller part of them gives the same verdict.
    pub facts: Vec<Fact>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Fact {
    #[serde(skip)]
    pub lever: Lever,
    pub text: String,
    /// Flags that settle it, to be added to the command.
    pub settle: String,
}

/// One thing that could turn out otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lever {
    /// More than five services call each other.
    Many,
    /// Five or fewer do.
    Few,
    /// The needs that are open are all not there.
    NoNeeds,
    /// The need at this place of [`NEEDS`] is there.
    Need(usize),
    /// It isn't.
    NotNeeded(usize),
}

/// Levers that apply to this case, in the order shown.
pub fn levers(inputs: &Inputs, q1: &Q1, q2: &Q2) -> Vec<Lever> {
    let mut levers = Vec::new();
    if inputs.q1 != Tri::Yes {
        levers.push(Lever::Many);
    }
    // Calls that were seen among more than five services can't turn out not to exist.
    let certain = inputs.q1 == Tri::Yes && q1.confidence == Confidence::High;
    if inputs.q1 != Tri::No && !certain {
        levers.push(Lever::Few);
    }
    if inputs.q2() == Tri::Unknown {
        levers.push(Lever::NoNeeds);
    }
    for (i, need) in NEEDS.iter().enumerate() {
        let met = q2.need(*need).is_some_and(|n| n.answer == Tri::No && n.your_word.is_none() && !n.evidence.is_empty())
            || q2.need(*need).is_some_and(|n| n.needed == Tri::Yes && n.answer == Tri::No);
        // An encryption need that identity implies is no fact of its own.
        let implied = *need == NeedKind::Encryption && inputs.identity_mandate;
        match inputs.needs[i] {
            Tri::Yes if !implied => levers.push(Lever::NotNeeded(i)),
            Tri::Yes => {}
            _ if met => {}
            _ => levers.push(Lever::Need(i)),
        }
    }
    levers
}

/// The case with this lever pulled. A need is pulled as a requirement: that is the only word strong enough to outrank
/// the count, so pulling less would hide a way to flip.
pub fn pull(mut inputs: Inputs, lever: Lever) -> Inputs {
    match lever {
        Lever::Many => inputs.q1 = Tri::Yes,
        Lever::Few => inputs.q1 = Tri::No,
        Lever::NoNeeds => {
            for need in &mut inputs.needs {
                *need = if *need == Tri::Unknown { Tri::No } else { *need };
            }
        }
        Lever::Need(i) => {
            inputs.needs[i] = Tri::Yes;
            inputs.identity_mandate |= matches!(NEEDS[i], NeedKind::Identity | NeedKind::Authorization);
            inputs.encryption_mandate |= NEEDS[i] == NeedKind::Encryption;
        }
        Lever::NotNeeded(i) => {
            inputs.needs[i] = Tri::No;
            match NEEDS[i] {
                NeedKind::Identity => {
                    inputs.identity_mandate = false;
                    // Authorization stands on identity.
                    inputs.needs[2] = Tri::No;
                }
                NeedKind::Authorization => inputs.identity_mandate &= inputs.needs[1] == Tri::Yes,
                NeedKind::Encryption => inputs.encryption_mandate = false,
                _ => {}
            }
        }
    }
    inputs
}

/// Every minimal set of one or two facts that gives another, determined verdict.
pub fn flips(inputs: &Inputs, q1: &Q1, q2: &Q2, observe: &str) -> Vec<Flip> {
    let now = inputs.verdict();
    let levers = levers(inputs, q1, q2);
    let flips_to = |inputs: Inputs| Some(inputs.verdict()).filter(|then| *then != now && *then != Verdict::Undetermined);
    let mut found: Vec<(Verdict, Vec<Lever>)> = Vec::new();
    for lever in &levers {
        if let Some(then) = flips_to(pull(*inputs, *lever)) {
            found.push((then, vec![*lever]));
        }
    }
    let single = found.clone();
    for (i, a) in levers.iter().enumerate() {
        for b in &levers[i + 1..] {
            let Some(then) = compatible(*a, *b).then(|| flips_to(pull(pull(*inputs, *a), *b))).flatten() else { continue };
            let smaller = single.iter().any(|(other, one)| *other == then && (one[0] == *a || one[0] == *b));
            if !smaller {
                found.push((then, vec![*a, *b]));
            }
        }
    }
    let fact = |lever: &Lever| fact(*lever, inputs, q2, observe);
    found.into_iter().map(|(then, levers)| Flip { then, facts: levers.iter().map(fact).collect() }).collect()
}

/// Two levers that contradict each other make no case.
pub fn compatible(a: Lever, b: Lever) -> bool {
    !matches!((a, b), (Lever::Many, Lever::Few) | (Lever::Few, Lever::Many) | (Lever::NoNeeds, Lever::Need(_)))
}

fn fact(lever: Lever, inputs: &Inputs, q2: &Q2, observe: &str) -> Fact {
    let (text, settle) = match lever {
        Lever::Many if inputs.q1 == Tri::No => {
            ("it grows to 6 or more services that call each other".to_owned(), "--answer services=6".to_owned())
        }
        Lever::Many => ("more than 5 services call each other".to_owned(), observe.to_owned()),
        Lever::Few if inputs.q1 == Tri::Yes => {
            ("5 or fewer of them really call each other".to_owned(), observe.replace("=many", "=few"))
        }
        Lever::Few => ("5 or fewer services call each other".to_owned(), observe.replace("=many", "=few")),
        Lever::NoNeeds => ("none of the needs is there".to_owned(), "--answer needs=none".to_owned()),
        Lever::Need(i) => (format!("you need {}", super::q2::name(NEEDS[i])), super::told::flag_for(NEEDS[i]).to_owned()),
        Lever::NotNeeded(i) => {
            let need = q2.need(NEEDS[i]);
            let settle = match need {
                Some(need) if need.mandate => {
                    format!("(leave out {})", need.your_word.as_deref().unwrap_or(need.settle_yes))
                }
                Some(need) => need.settle_no.clone(),
                None => String::new(),
            };
            (format!("you don't need {}", super::q2::name(NEEDS[i])), settle)
        }
    };
    Fact { lever, text, settle }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::super::{apps, q1, q2};
    use super::*;
    use crate::model::{Grade, Model, SignalKind};

    fn case(model: &Model, require: &[&str], answers: &[&str]) -> (Inputs, Q1, Q2) {
        let told = told(require, answers);
        let apps = apps::applications(model);
        let q1 = q1::answer(&facts(), model, &apps, &told);
        let q2 = q2::answer(model, &apps, &told);
        (Inputs::new(q1.answer, &q2), q1, q2)
    }

    /// Found by bit masks over all levers instead of by pairs: every set of at most two that flips and has no smaller one.
    fn brute_force(inputs: &Inputs, q1: &Q1, q2: &Q2) -> Vec<(Verdict, Vec<Lever>)> {
        let levers = levers(inputs, q1, q2);
        let mut all: Vec<(u32, Verdict)> = Vec::new();
        for mask in 1_u32..(1 << levers.len()) {
            let set: Vec<Lever> = (0..levers.len()).filter(|i| mask & (1 << i) != 0).map(|i| levers[i]).collect();
            let clash = set.iter().enumerate().any(|(i, a)| set[i + 1..].iter().any(|b| !compatible(*a, *b)));
            let then = set.iter().fold(*inputs, |inputs, lever| pull(inputs, *lever)).verdict();
            if !clash && set.len() <= 2 && then != inputs.verdict() && then != Verdict::Undetermined {
                all.push((mask, then));
            }
        }
        let minimal = |(mask, then): &&(u32, Verdict)| !all.iter().any(|(m, t)| t == then && m != mask && m & mask == *m);
        let mut sets: Vec<(Verdict, Vec<Lever>)> = all
            .iter()
            .filter(minimal)
            .map(|(mask, then)| (*then, (0..levers.len()).filter(|i| mask & (1 << i) != 0).map(|i| levers[i]).collect()))
            .collect();
        sets.sort();
        sets
    }

    #[test]
    fn the_flip_set_is_what_brute_force_finds() {
        let mut satisfied = model_with(9);
        signal(&mut satisfied, NeedKind::Encryption, SignalKind::Satisfied, "WireGuard");
        let mut canary = star(9, Grade::Declared);
        signal(&mut canary, NeedKind::Canary, SignalKind::Evidenced, "two versions");
        let models = [model_with(3), model_with(64), star(12, Grade::Declared), star(12, Grade::Observed), satisfied, canary];
        let words: [(&[&str], &[&str]); 6] = [
            (&[], &[]),
            (&["mtls=identity"], &[]),
            (&["mtls=authorization"], &["services=3"]),
            (&["mtls=encryption"], &[]),
            (&[], &["needs=none"]),
            (&["tracing"], &["services=12", "mtls=no"]),
        ];
        for model in &models {
            for (require, answers) in words {
                let (inputs, q1, q2) = case(model, require, answers);
                let mut ours: Vec<(Verdict, Vec<Lever>)> = flips(&inputs, &q1, &q2, "--prometheus <URL>")
                    .into_iter()
                    .map(|flip| (flip.then, flip.facts.iter().map(|fact| fact.lever).collect()))
                    .collect();
                ours.sort();
                assert_eq!(ours, brute_force(&inputs, &q1, &q2), "{inputs:?}");
            }
        }
    }

    #[test]
    fn nothing_known_is_settled_by_few_services_or_by_a_mandate() {
        let (inputs, q1, q2) = case(&model_with(64), &[], &[]);
        let flips = flips(&inputs, &q1, &q2, "--prometheus <URL>");
        let one = |flip: &&Flip| flip.facts.len() == 1;
        let single: Vec<(Verdict, &str)> = flips.iter().filter(one).map(|f| (f.then, f.facts[0].settle.as_str())).collect();
        assert!(single.contains(&(Verdict::Premature, "--prometheus <URL>")));
        assert!(single.contains(&(Verdict::Justified, "--require mtls=identity")));
    }

    #[test]
    fn calls_that_were_seen_do_not_flip() {
        let (inputs, q1, q2) = case(&star(12, Grade::Observed), &["tracing"], &[]);
        assert!(flips(&inputs, &q1, &q2, "").iter().all(|flip| flip.facts.iter().all(|fact| fact.lever != Lever::Few)));
    }
}
