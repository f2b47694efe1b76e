//! The cheapest way to learn who calls whom, when question 1 is open.

use super::decision::NextStep;
use super::q1::Q1;
use crate::facts::{Facts, Need, Outcome, SourceKind, kinds};
use crate::model::{Model, Role, Service, Workload};

/// A person can say it; as an answer that can be copied, and changed.
pub const ASK: &str = "--answer services=many";
/// Nobody can guess it.
pub const BY_URL: &str = "--prometheus <URL>";
/// Where `kubectl port-forward` of [`forward`] ends.
const FORWARDED: &str = "--prometheus http://localhost:9090";

/// What to do, with the flags that settle question 1.
pub fn cheapest(facts: &Facts, model: &Model, q1: &Q1) -> NextStep {
    let step = |text: String, flags: &str| NextStep { text, flags: flags.to_owned(), command: None };
    let say = "say how many services call each other: few (5 or fewer), many, or a number";
    if facts.metrics_seen() || q1.your_word.is_some() {
        return step(say.to_owned(), ASK);
    }
    if blind(facts, q1) {
        let text = "no workload may be read: have an administrator apply this role and bind it to you, then ask again";
        return NextStep { command: Some("meshctl permissions analyze"), ..step(text.to_owned(), BY_URL) };
    }
    match (facts.kind, prometheus(model)) {
        // A Prometheus that is there, and wasn't found or didn't answer by itself.
        (SourceKind::Live, Some((service, port))) if !refused(facts) => {
            step(format!("let metrics show who calls whom, after: {}", forward(service, port)), FORWARDED)
        }
        (SourceKind::Live, _) if refused(facts) => {
            let why = "by Prometheus' URL, or with the right to port-forward (see meshctl permissions analyze)";
            step(format!("let metrics show who calls whom: {why}"), BY_URL)
        }
        (SourceKind::Live, _) => step("let metrics show who calls whom".to_owned(), BY_URL),
        (SourceKind::Manifests, _) => step(format!("{say}; or ask where it runs, metrics show it: meshctl analyze"), ASK),
        (SourceKind::Recording, _) => step(format!("{say}; or record again with metrics (snapshot record --prometheus)"), ASK),
    }
}

fn forward(service: &Service, port: u16) -> String {
    format!("kubectl port-forward -n {} service/{} 9090:{port}", service.namespace, service.name)
}

/// No application was seen, and permissions are why.
pub fn blind(facts: &Facts, q1: &Q1) -> bool {
    let forbidden = |need: &Need| facts.get(need).is_some_and(|answer| matches!(answer.outcome, Outcome::Forbidden(_)));
    q1.applications.is_empty() && [&kinds::POD, &kinds::DEPLOYMENT].into_iter().all(|kind| forbidden(&Need::list(kind)))
}

/// The way to a Prometheus in the cluster was barred by permissions; kubectl would meet the same.
fn refused(facts: &Facts) -> bool {
    facts.iter().any(|(need, answer)| matches!((need, &answer.outcome), (Need::Query { .. }, Outcome::Forbidden(_))))
}

/// A Service in front of a Prometheus, with its web port. Only names that a shell takes as they are.
fn prometheus(model: &Model) -> Option<(&Service, u16)> {
    let runs_it = |w: &Workload| {
        let last = |image: &str| image.split(['@', ':']).next().and_then(|path| path.rsplit('/').next()) == Some("prometheus");
        w.role == Role::Telemetry && w.main_containers().any(|c| last(&c.image))
    };
    let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'));
    let port = |service: &Service| {
        let named = |name: &str| service.ports.iter().find(|port| port.name == name);
        let numbered = |number: u16| service.ports.iter().find(|port| port.number == number);
        let known = named("http-web").or_else(|| named("web")).or_else(|| numbered(9090)).or_else(|| named("http"));
        known.or_else(|| service.ports.first().filter(|_| service.ports.len() == 1)).map(|port| port.number)
    };
    let behind = |s: &Service| s.workloads.iter().filter_map(|id| model.workloads.get(*id)).any(runs_it);
    let found = model.services.iter().filter(|s| behind(s) && plain(&s.namespace) && plain(&s.name));
    found.filter_map(|s| Some((s, port(s)?))).min_by_key(|(s, _)| (s.headless, &s.namespace, &s.name))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::super::{Told, Verdict, decide};
    use super::*;

    fn with_prometheus() -> Model {
        let mut model = model_with(9);
        model.workloads[8].role = Role::Telemetry;
        model.workloads[8].containers[0].image = "quay.io/prometheus/prometheus:v3".to_owned();
        service(&mut model, "metrics", &[8]);
        model
    }

    fn next(facts: &Facts, model: &Model) -> NextStep {
        let decision = decide(facts, model, &Told::default(), "7d");
        assert_eq!(decision.verdict, Verdict::Undetermined);
        assert!(decision.flips.iter().flat_map(|flip| &flip.facts).any(|fact| fact.settle == decision.next.flags));
        decision.next
    }

    #[test]
    fn a_prometheus_in_sight_needs_no_placeholder() {
        let step = next(&facts(), &with_prometheus());
        assert_eq!(step.flags, "--prometheus http://localhost:9090");
        assert!(step.text.ends_with("kubectl port-forward -n shop service/metrics 9090:80"), "{}", step.text);
    }

    #[test]
    fn a_placeholder_looks_like_one() {
        assert_eq!(next(&facts(), &model_with(9)).flags, "--prometheus <URL>");
        let mut facts = facts();
        facts.answer(Need::query("up".to_owned()), Outcome::Forbidden("pods/portforward".to_owned()));
        let step = next(&facts, &with_prometheus());
        assert_eq!(step.flags, "--prometheus <URL>");
        assert!(step.text.contains("meshctl permissions"), "{}", step.text);
    }

    #[test]
    fn who_may_read_nothing_asks_for_the_role_first() {
        let mut facts = facts();
        for kind in [&kinds::POD, &kinds::DEPLOYMENT] {
            facts.answer(Need::list(kind), Outcome::Forbidden(String::new()));
        }
        let decision = decide(&facts, &model_with(0), &Told::default(), "7d");
        assert_eq!(decision.next.command, Some("meshctl permissions analyze"));
        assert!(decision.counter_argument.text.contains("may not be read"), "{}", decision.counter_argument.text);
        assert_eq!(next(&facts, &model_with(2)).command, None, "what was seen can be reasoned about");
    }

    #[test]
    fn manifests_name_an_observation_too() {
        let mut facts = facts();
        facts.kind = SourceKind::Manifests;
        let step = next(&facts, &model_with(9));
        assert_eq!(step.flags, ASK);
        assert!(step.text.contains("metrics") && step.text.ends_with("meshctl analyze"), "{}", step.text);
    }
}
