//! The guide's second question: any of mTLS, distributed tracing, canary, consistent retries across languages?
//!
//! A need is a wish, so its absence from the cluster proves nothing: without evidence it is *unknown*, and only a person
//! can say no. Beside the guide's four stands gRPC balancing, which the guide doesn't ask about.

use super::apps::Applications;
use super::graph::{Calls, Languages};
use super::interval::{Confidence, Tri};
use super::told::{self, Told};
use crate::model::{Evidence, Model, NeedKind, Signal, SignalKind};
use serde::Serialize;
use std::collections::BTreeMap;

/// The needs in the order shown. mTLS is three needs: encryption is not identity, and identity is not authorization.
pub const NEEDS: [NeedKind; 7] = [
    NeedKind::Encryption,
    NeedKind::Identity,
    NeedKind::Authorization,
    NeedKind::Tracing,
    NeedKind::Canary,
    NeedKind::Retries,
    NeedKind::GrpcBalancing,
];

#[derive(Clone, Debug, Serialize)]
pub struct Q2 {
    pub question: &'static str,
    /// Any need that only a mesh would meet here.
    pub answer: Tri,
    /// As the guide asks: any of the four needed, whatever meets it already.
    pub guide_answer: Tri,
    pub confidence: Confidence,
    pub needs: Vec<NeedAnswer>,
    pub languages: Languages,
    /// Resilience inside the applications, as far as it leaves a trace.
    pub libraries: Vec<LibraryUse>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LibraryUse {
    pub name: String,
    pub retries: bool,
    pub workloads: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct NeedAnswer {
    pub need: NeedKind,
    pub name: &'static str,
    pub in_guide: bool,
    /// Whether it speaks for a mesh: needed and not met by something else.
    pub answer: Tri,
    /// Whether it is needed at all: what the guide asks.
    pub needed: Tri,
    pub confidence: Confidence,
    /// A few words for one screen.
    pub short: String,
    /// The same in a sentence.
    pub why: String,
    pub evidence: Vec<SignalLine>,
    /// Required by `--require`: it outranks the count of services.
    pub mandate: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub your_word: Option<String>,
    /// The flag by which a person says that it is needed.
    pub settle_yes: &'static str,
    /// The flag by which a person says that it is not.
    pub settle_no: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SignalLine {
    pub kind: SignalKind,
    pub text: String,
    pub evidence: Vec<Evidence>,
}

impl Q2 {
    pub fn need(&self, kind: NeedKind) -> Option<&NeedAnswer> {
        self.needs.iter().find(|need| need.need == kind)
    }
    /// Needs that speak for a mesh.
    pub fn wanted(&self) -> impl Iterator<Item = &NeedAnswer> {
        self.needs.iter().filter(|need| need.answer == Tri::Yes)
    }
}

pub fn name(need: NeedKind) -> &'static str {
    match need {
        NeedKind::Encryption => "mTLS: encryption",
        NeedKind::Identity => "mTLS: workload identity",
        NeedKind::Authorization => "mTLS: authorization",
        NeedKind::Tracing => "distributed tracing",
        NeedKind::Canary => "canary",
        NeedKind::Retries => "consistent retries across languages",
        NeedKind::GrpcBalancing => "gRPC balancing",
        NeedKind::Multicluster => "several clusters",
        NeedKind::VirtualMachines => "workloads outside Kubernetes",
    }
}

/// In a word, for one screen.
pub fn short_name(need: NeedKind) -> &'static str {
    match need {
        NeedKind::Encryption => "encryption",
        NeedKind::Identity => "identity",
        NeedKind::Authorization => "authorization",
        NeedKind::Tracing => "tracing",
        NeedKind::Canary => "canary",
        NeedKind::Retries => "retries",
        NeedKind::GrpcBalancing => "gRPC balancing",
        NeedKind::Multicluster => "multi-cluster",
        NeedKind::VirtualMachines => "machines",
    }
}

pub fn answer(model: &Model, apps: &Applications, told: &Told) -> Q2 {
    let languages = Languages::all(model);
    let needs: Vec<NeedAnswer> = NEEDS.iter().map(|need| one(*need, model, apps, told, &languages)).collect();
    // gRPC balancing is not one of the guide's four. A signal for it leaves the answer open (uneven load isn't visible
    // in objects); only a person's yes decides, and without a signal it doesn't hold the answer up.
    let answer = Tri::any(needs.iter().map(|need| match (need.in_guide, need.answer) {
        (false, Tri::Unknown) if need.evidence.is_empty() => Tri::No,
        (_, answer) => answer,
    }));
    let guide_answer = Tri::any(needs.iter().filter(|need| need.in_guide).map(|need| need.needed));
    let confidence = match answer {
        Tri::Yes => needs.iter().filter(|n| n.answer == Tri::Yes).map(|n| n.confidence).max(),
        Tri::No => needs.iter().filter(|n| n.in_guide).map(|n| n.confidence).min(),
        Tri::Unknown => None,
    };
    Q2 {
        question: "any of mTLS, distributed tracing, canary, consistent retries across languages?",
        answer,
        guide_answer,
        confidence: confidence.unwrap_or(Confidence::None),
        needs,
        languages,
        libraries: libraries(model),
    }
}

fn libraries(model: &Model) -> Vec<LibraryUse> {
    let mut uses: BTreeMap<(String, bool), Vec<String>> = BTreeMap::new();
    for workload in &model.workloads {
        for sighting in &workload.libraries {
            let titles = uses.entry((sighting.what.name.clone(), sighting.what.retries)).or_default();
            if titles.last() != Some(&workload.title()) {
                titles.push(workload.title());
            }
        }
    }
    uses.into_iter().map(|((name, retries), workloads)| LibraryUse { name, retries, workloads }).collect()
}

fn one(need: NeedKind, model: &Model, apps: &Applications, told: &Told, languages: &Languages) -> NeedAnswer {
    let mut signals: Vec<SignalLine> = model.signals.iter().filter(|signal| signal.need == need).map(line).collect();
    if need == NeedKind::Retries {
        signals.extend(polyglot(model, apps, told, languages));
    }
    let dropped = drop_unfit(need, told, &mut signals);
    let of = |kind: SignalKind| signals.iter().filter(move |signal| signal.kind == kind);
    let first = |kind: SignalKind| of(kind).next().map(|signal| signal.text.clone());
    let satisfied = first(SignalKind::Satisfied);
    let evidenced = first(SignalKind::Evidenced);
    let word = told.of(need);
    let in_guide = need != NeedKind::GrpcBalancing;
    let only_you = format!("only you know: {}", told::flag_for(need));

    let (answer, needed, confidence, short, why) = match (&word, &evidenced, &satisfied) {
        (Some((Tri::No, flag)), ..) => {
            (Tri::No, Tri::No, Confidence::YourWord, "no (your word)".to_owned(), format!("you said no ({flag})"))
        }
        (Some((_, flag)), _, Some(by)) => (
            Tri::No,
            Tri::Yes,
            Confidence::Medium,
            "met without a mesh".to_owned(),
            format!("you asked for it ({flag}), and it is met already: {by}"),
        ),
        (Some((_, flag)), ..) => {
            (Tri::Yes, Tri::Yes, Confidence::YourWord, "yes (your word)".to_owned(), format!("you asked for it ({flag})"))
        }
        (None, Some(by), Some(met)) => (
            Tri::No,
            Tri::Yes,
            Confidence::Medium,
            "met without a mesh".to_owned(),
            format!("something asks for it ({by}), and it is met already: {met}"),
        ),
        (None, None, Some(by)) => {
            (Tri::No, Tri::No, Confidence::Medium, "met without a mesh".to_owned(), format!("met already: {by}"))
        }
        (None, Some(by), None) if in_guide => (Tri::Yes, Tri::Yes, Confidence::Medium, "yes".to_owned(), by.clone()),
        (None, Some(by), None) => {
            (Tri::Unknown, Tri::Unknown, Confidence::None, "possible".to_owned(), format!("{by}; {only_you}"))
        }
        (None, None, None) => match first(SignalKind::Hint) {
            Some(hint) => (Tri::Unknown, Tri::Unknown, Confidence::None, "a hint only".to_owned(), format!("{hint}; {only_you}")),
            None => {
                let why = format!("no evidence either way; {only_you}");
                (Tri::Unknown, Tri::Unknown, Confidence::None, "no evidence".to_owned(), why)
            }
        },
    };
    let mut short = short;
    if need == NeedKind::Retries && answer == Tri::Unknown {
        short = format!("unknown (language known for {} of {})", languages.seen, languages.of);
    }
    let why = match dropped {
        Some(text) => format!("{why} (does not count, FIPS is required: {text})"),
        None => why,
    };
    NeedAnswer {
        need,
        name: name(need),
        in_guide,
        answer,
        needed,
        confidence,
        short,
        why,
        mandate: told.mandates(need),
        your_word: word.map(|(_, flag)| flag),
        evidence: signals,
        settle_yes: told::flag_for(need),
        settle_no: format!("--answer {}=no", told::key_of(need)),
    }
}

fn line(signal: &Signal) -> SignalLine {
    SignalLine { kind: signal.kind, text: signal.text.clone(), evidence: signal.evidence.clone() }
}

/// WireGuard's ciphers are not FIPS-approved: where FIPS is required it meets nothing.
fn drop_unfit(need: NeedKind, told: &Told, signals: &mut Vec<SignalLine>) -> Option<String> {
    if need != NeedKind::Encryption || !told.fips() {
        return None;
    }
    let unfit = |s: &SignalLine| s.kind == SignalKind::Satisfied && s.text.to_lowercase().contains("wireguard");
    let dropped = signals.iter().find(|s| unfit(s)).map(|s| s.text.clone());
    signals.retain(|s| !unfit(s));
    dropped
}

/// Two languages where calls go two deep can't share one retry library; one language everywhere can.
fn polyglot(model: &Model, apps: &Applications, told: &Told, all: &Languages) -> Option<SignalLine> {
    let calls = Calls::of(model, apps);
    let callers = calls.callers_on_deep_paths();
    let here = Languages::among(model, callers.iter().copied());
    let evidence = || {
        let sightings = callers.iter().flat_map(|id| {
            let workload = &model.workloads[*id];
            workload.languages.iter().map(|sighting| {
                let mut evidence = sighting.evidence.clone();
                evidence.text = format!("{} ({})", super::graph::name(sighting.what), evidence.text);
                evidence
            })
        });
        sightings.collect::<Vec<_>>()
    };
    let signal = |kind, text: String, evidence| Some(SignalLine { kind, text, evidence });
    if let Some(count) = told.languages() {
        return match count {
            0 | 1 => signal(SignalKind::Satisfied, "one language (your word): one library does it".to_owned(), Vec::new()),
            _ if !callers.is_empty() => signal(
                SignalKind::Evidenced,
                format!("{count} languages (your word) and calls two deep through {} callers", callers.len()),
                evidence(),
            ),
            _ => signal(SignalKind::Hint, format!("{count} languages (your word), no call path known"), Vec::new()),
        };
    }
    if here.known.len() >= 2 {
        let how = if calls.all_observed { "seen" } else { "declared" };
        return signal(
            SignalKind::Evidenced,
            format!(
                "callers on paths of 2 or more calls ({how}) are written in {} languages ({}): retries would be written {0} times",
                here.known.len(),
                here.names()
            ),
            evidence(),
        );
    }
    if let Some(language) = all.single() {
        let text = format!("all {} workloads are {}: one library does it", all.of, super::graph::name(language));
        let retrying = model.workloads.iter().flat_map(|w| w.libraries.iter().filter(|library| library.what.retries));
        return signal(SignalKind::Satisfied, text, retrying.map(|library| library.evidence.clone()).collect());
    }
    (all.known.len() >= 2).then(|| SignalLine {
        kind: SignalKind::Hint,
        text: format!("{} are in use; which of them call each other is not known", all.names()),
        evidence: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::apps::applications;
    use super::super::testing::*;
    use super::*;
    use crate::model::{Grade, Language};

    fn ask(model: &Model, require: &[&str], answers: &[&str]) -> Q2 {
        answer(model, &applications(model), &told(require, answers))
    }

    fn of(q2: &Q2, need: NeedKind) -> &NeedAnswer {
        q2.need(need).expect("every need is answered")
    }

    #[test]
    fn no_evidence_is_unknown_not_no() {
        let q2 = ask(&model_with(3), &[], &[]);
        assert_eq!((q2.answer, q2.guide_answer), (Tri::Unknown, Tri::Unknown));
        assert_eq!(of(&q2, NeedKind::Identity).short, "no evidence");
        assert!(of(&q2, NeedKind::Identity).why.contains("--require mtls=identity"));
    }

    #[test]
    fn a_person_may_say_no_to_all() {
        let q2 = ask(&model_with(3), &[], &["needs=none"]);
        assert_eq!((q2.answer, q2.guide_answer, q2.confidence), (Tri::No, Tri::No, Confidence::YourWord));
    }

    #[test]
    fn encryption_in_the_network_meets_encryption_only_and_not_under_fips() {
        let mut model = model_with(3);
        signal(&mut model, NeedKind::Encryption, SignalKind::Satisfied, "WireGuard between nodes");
        let q2 = ask(&model, &["mtls=encryption"], &[]);
        let encryption = of(&q2, NeedKind::Encryption);
        assert_eq!((encryption.answer, encryption.needed), (Tri::No, Tri::Yes));
        assert_eq!(of(&q2, NeedKind::Identity).answer, Tri::Unknown);
        let q2 = ask(&model, &["mtls=encryption"], &["fips=yes"]);
        assert_eq!(of(&q2, NeedKind::Encryption).answer, Tri::Yes);
    }

    #[test]
    fn two_languages_on_a_deep_path_need_retries_and_one_language_a_library() {
        let mut model = model_with(3);
        edge(&mut model, 0, 1, Grade::Declared);
        edge(&mut model, 1, 2, Grade::Declared);
        language(&mut model, 0, Language::Go);
        assert_eq!(of(&ask(&model, &[], &[]), NeedKind::Retries).answer, Tri::Unknown);
        language(&mut model, 1, Language::Python);
        assert_eq!(of(&ask(&model, &[], &[]), NeedKind::Retries).answer, Tri::Yes);
        let mut model = model_with(2);
        language(&mut model, 0, Language::Java);
        language(&mut model, 1, Language::Java);
        assert_eq!(of(&ask(&model, &[], &[]), NeedKind::Retries).answer, Tri::No);
    }

    #[test]
    fn unknown_languages_are_counted() {
        let mut model = model_with(4);
        language(&mut model, 0, Language::Java);
        assert_eq!(of(&ask(&model, &[], &[]), NeedKind::Retries).short, "unknown (language known for 1 of 4)");
    }

    #[test]
    fn grpc_is_not_in_the_guide_and_a_signal_leaves_it_open() {
        let mut model = model_with(3);
        signal(&mut model, NeedKind::GrpcBalancing, SignalKind::Evidenced, "gRPC behind a ClusterIP with 3 pods");
        let q2 = ask(&model, &[], &["needs=none", "grpc=yes"]);
        assert_eq!((q2.answer, q2.guide_answer), (Tri::Yes, Tri::No));
        assert_eq!(of(&ask(&model, &[], &[]), NeedKind::GrpcBalancing).answer, Tri::Unknown);
    }
}
