//! What `--ask` should ask: only what is open, cheapest for the verdict first.

use super::decision::Decision;
use super::interval::Tri;
use super::told;
use super::tree::Verdict;
use crate::model::NeedKind;
use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Question {
    /// The key of `--answer`: the answer goes there as `KEY=VALUE`.
    pub key: String,
    pub text: String,
    /// What may be answered; never empty, and each is a value that `--answer` takes.
    pub choices: Vec<String>,
    /// What the answer changes.
    pub why: String,
}

pub fn questions(decision: &Decision) -> Vec<Question> {
    let mut list = Vec::new();
    let mut ask = |key: &str, text: &str, choices: &[&str], why: &str| {
        if !decision.told.iter().any(|word| word.flag.starts_with(&format!("--answer {key}="))) {
            let choices = choices.iter().map(|choice| (*choice).to_owned()).collect();
            list.push(Question { key: key.to_owned(), text: text.to_owned(), choices, why: why.to_owned() });
        }
    };
    let open = |kind| decision.q2.need(kind).is_some_and(|need| need.answer == Tri::Unknown);
    const YES_NO: [&str; 2] = ["yes", "no"];
    if decision.q1.answer == Tri::Unknown {
        let text = format!(
            "Do many services (more than 5) call each other over the network, or few? ({} applications were counted)",
            decision.q1.applications.len()
        );
        ask("services", &text, &["many", "few"], "few: a mesh is premature, unless identity is required");
    }
    let worth = decision.verdict != Verdict::Premature;
    if open(NeedKind::Identity) {
        ask(
            "mtls",
            "Does a rule or a customer require encryption, workload identity or authorization between services?",
            &["no", "encryption", "identity", "authorization"],
            "a required identity justifies a mesh at any size; encryption alone doesn't need one",
        );
    }
    if worth && open(NeedKind::Retries) {
        ask("languages", "In how many languages are the services written?", &["one", "several"], "one: one library does retries");
    }
    for (kind, text) in [
        (NeedKind::Canary, "Do you want to shift traffic to new versions bit by bit, between services too?"),
        (NeedKind::Tracing, "Do you need to follow one request through all services, and can't today?"),
        (NeedKind::Retries, "Do retries and timeouts have to be the same in all services?"),
    ] {
        if worth && open(kind) {
            ask(told::key_of(kind), text, &YES_NO, "one yes among enough services justifies a mesh");
        }
    }
    if worth && open(NeedKind::GrpcBalancing) && decision.q2.need(NeedKind::GrpcBalancing).is_some_and(|n| !n.evidence.is_empty())
    {
        ask(
            "grpc",
            "Is load uneven between the pods of a gRPC service?",
            &YES_NO,
            "the guide doesn't ask; it is a common reason",
        );
    }
    if worth && decision.mesh != Tri::No {
        if open(NeedKind::Encryption) || decision.q2.need(NeedKind::Encryption).is_some_and(|n| n.needed == Tri::Yes) {
            ask("fips", "Is FIPS-validated cryptography required?", &YES_NO, "WireGuard then doesn't count");
        }
        ask(
            "oncall",
            "Is there someone on call who would own the mesh?",
            &YES_NO,
            "without an owner it fails at its first upgrade",
        );
    }
    list
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::model::Grade;

    #[test]
    fn the_count_comes_first_and_nothing_is_asked_twice() {
        let keys = |answers: &[&str]| {
            questions(&judge_told(&model_with(64), &[], answers)).iter().map(|q| q.key.clone()).collect::<Vec<_>>()
        };
        assert_eq!(keys(&[])[..2], ["services", "mtls"]);
        assert!(!keys(&["services=12", "oncall=no"]).iter().any(|key| ["services", "oncall"].contains(&key.as_str())));
    }

    #[test]
    fn every_question_can_be_answered() {
        for question in questions(&judge(&star(12, Grade::Declared))) {
            assert!(question.choices.len() > 1, "{question:?}");
            for choice in &question.choices {
                assert!(told::parse_told(&[], &[format!("{}={choice}", question.key)]).is_ok(), "{question:?}");
            }
        }
    }

    #[test]
    fn for_few_services_only_a_mandate_matters() {
        let keys: Vec<_> = questions(&judge(&model_with(3))).iter().map(|q| q.key.clone()).collect();
        assert_eq!(keys, ["mtls"]);
    }
}
