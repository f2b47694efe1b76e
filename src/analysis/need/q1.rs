//! The guide's first question: do more than five services call each other over the network?
//!
//! Answered as an interval. The lower bound is the largest group of applications that known calls connect; the upper
//! bound is how many applications there are, if the lists of workloads came whole. No calls seen means *unknown*.

use super::apps::{self, Applications};
use super::interval::{Confidence, Interval, Tri};
use super::told::Told;
use crate::facts::{Facts, Need, Outcome, Resource, SourceKind, kinds};
use crate::model::{Edge, EdgeClass, Grade, Model, Party, Role, WorkloadId};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// "More than 5": the guide's own limit.
pub const LIMIT: usize = 5;

#[derive(Clone, Debug, Serialize)]
pub struct Q1 {
    pub question: &'static str,
    pub answer: Tri,
    /// Bounds of "how many services call each other"; `upper` is null when it is not known.
    #[serde(flatten)]
    pub bounds: Interval,
    pub confidence: Confidence,
    /// Call edges among applications, by how they are known.
    pub counts: Counts,
    /// What was counted.
    pub applications: Vec<Counted>,
    /// What was not counted and why: `Deployment shop/redis`, `datastore: image redis`.
    pub left_out: Vec<LeftOut>,
    /// Why there is no upper bound, or what was added to it; empty when the lists came whole.
    pub widened_by: Vec<String>,
    /// How the answer came about, in a sentence.
    pub why: String,
    /// The flag, when a person said the number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub your_word: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub observed: usize,
    pub declared: usize,
    pub inferred: usize,
    pub candidates: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Counted {
    pub name: String,
    pub workloads: Vec<String>,
    /// In the largest connected group, the one that gives the lower bound.
    pub connected: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    pub workload: String,
    pub why: String,
}

/// The two ends of a call between counted workloads; a Service stands for the one application behind it.
pub fn ends(edge: &Edge, apps: &Applications) -> Option<(WorkloadId, WorkloadId)> {
    let end = |party: &Party| match party {
        Party::Workload(id) => apps.coarse.contains_key(id).then_some(*id),
        Party::Service(name) => apps.services.get(name).copied(),
        Party::External(_) | Party::Outside => None,
    };
    if edge.class == EdgeClass::Rpc { Some((end(&edge.from)?, end(&edge.to)?)) } else { None }
}

pub fn answer(facts: &Facts, model: &Model, apps: &Applications, told: &Told) -> Q1 {
    let mut counts = Counts::default();
    for edge in model.edges.iter().filter(|edge| ends(edge, apps).is_some()) {
        *match edge.grade {
            Grade::Observed => &mut counts.observed,
            Grade::Declared => &mut counts.declared,
            Grade::Inferred => &mut counts.inferred,
            Grade::Candidate => &mut counts.candidates,
        } += 1;
    }
    let connected = largest(model, apps, Grade::Declared);
    let observed = largest(model, apps, Grade::Observed);
    let (mut hidden, mut widened_by) = unseen(facts);
    // CRDs, or settings, alone say nothing of a system. An empty cluster is empty.
    if facts.kind == SourceKind::Manifests && model.workloads.is_empty() {
        hidden = true;
        widened_by.push("the manifests hold no workload".to_owned());
    }
    let extra = hidden_services(facts, model);
    let doubtful = doubtful(model, apps);
    if let Some(first) = doubtful.first() {
        widened_by.push(format!(
            "{} left out as datastore, broker or telemetry call services, so they may be applications: {}",
            doubtful.len(),
            model.workloads[*first].title()
        ));
    }
    if !extra.is_empty() {
        widened_by.push(format!(
            "{} more service{} named and nothing here runs {}: {}",
            extra.len(),
            if extra.len() == 1 { " is" } else { "s are" },
            if extra.len() == 1 { "it" } else { "them" },
            extra.iter().take(4).map(String::as_str).collect::<Vec<_>>().join(", ")
        ));
    }
    let bounds = Interval {
        lower: connected.len(),
        // Merging may only lower the count of what is connected, so the bounds can't cross.
        upper: (!hidden).then(|| apps.fine.len().max(connected.len()) + extra.len() + doubtful.len()),
    };
    let edges = counts.observed + counts.declared;
    let mut q1 = Q1 {
        question: "more than 5 services calling each other over the network?",
        answer: bounds.more_than(LIMIT),
        bounds,
        confidence: Confidence::None,
        counts,
        applications: list(model, apps, &connected),
        left_out: left_out(model),
        widened_by,
        why: String::new(),
        your_word: None,
    };
    (q1.confidence, q1.why) = match q1.answer {
        Tri::No => (
            Confidence::High,
            format!(
                "there are only {} applications {}, whoever calls whom",
                bounds.upper.unwrap_or_default(),
                facts.namespace.as_deref().map_or_else(|| "here".to_owned(), |only| format!("in namespace {only}"))
            ),
        ),
        Tri::Yes if observed.len() == bounds.lower => {
            (Confidence::High, format!("{} services are connected by calls that were seen", bounds.lower))
        }
        Tri::Yes if observed.len() > LIMIT => (
            Confidence::High,
            format!(
                "known calls connect {} services; calls that were seen, {} of them",
                bounds.lower,
                observed.len().min(bounds.lower)
            ),
        ),
        Tri::Yes => {
            (Confidence::Medium, format!("{} services are connected by calls that were seen or are written down", bounds.lower))
        }
        Tri::Unknown if edges == 0 => (Confidence::None, "no call was seen: that means unknown, not none".to_owned()),
        Tri::Unknown => (Confidence::None, format!("known calls connect {} services; the others may call too", bounds.lower)),
    };
    if let Some((said, flag)) = told.services() {
        say(&mut q1, said, flag);
    }
    q1
}

/// A person's number stands beside what was seen: it can't unsee calls, and it needn't stop at what is listed.
fn say(q1: &mut Q1, said: Interval, flag: String) {
    let seen = q1.bounds;
    if said.upper.is_some_and(|upper| upper < seen.lower) {
        q1.why = format!("{} (you said {flag}; known calls already connect {})", q1.why, seen.lower);
        q1.your_word = Some(flag);
        return;
    }
    let lower = said.lower.max(seen.lower);
    q1.bounds = Interval { lower, upper: said.upper.or(seen.upper.filter(|upper| *upper >= lower)) };
    q1.answer = q1.bounds.more_than(LIMIT);
    q1.confidence = Confidence::YourWord;
    q1.why = match said {
        Interval { lower, upper: Some(upper) } if lower == upper => format!("{lower} services call each other (your word)"),
        Interval { upper: Some(upper), .. } => format!("{upper} or fewer services call each other (your word)"),
        Interval { lower, upper: None } => format!("{lower} or more services call each other (your word)"),
    };
    q1.your_word = Some(flag);
}

/// The largest weakly connected group of applications over call edges of at least this grade; empty without edges.
fn largest(model: &Model, apps: &Applications, least: Grade) -> BTreeSet<usize> {
    let mut parent: BTreeMap<usize, usize> = BTreeMap::new();
    for edge in model.edges.iter().filter(|edge| edge.grade >= least) {
        let Some((from, to)) = ends(edge, apps) else { continue };
        let (from, to) = (apps.coarse[&from], apps.coarse[&to]);
        if from == to {
            continue;
        }
        parent.entry(from).or_insert(from);
        parent.entry(to).or_insert(to);
        apps::join(&mut parent, from, to);
    }
    let mut groups: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for group in parent.keys() {
        groups.entry(apps::root(&parent, *group)).or_default().insert(*group);
    }
    // The first of the largest, so that equals don't swap between runs.
    groups.into_values().rev().max_by_key(BTreeSet::len).unwrap_or_default()
}

/// Whether workloads may exist that were not listed, and why.
fn unseen(facts: &Facts) -> (bool, Vec<String>) {
    let mut why = Vec::new();
    let must: [&Resource; 4] = [&kinds::DEPLOYMENT, &kinds::STATEFUL_SET, &kinds::DAEMON_SET, &kinds::POD];
    // Kinds that a server need not have, or that pods show as well: only a failure hides something.
    let may: [&Resource; 3] = [&kinds::REPLICA_SET, &kinds::REPLICATION_CONTROLLER, &kinds::ARGO_ROLLOUT];
    for (resource, required) in must.map(|r| (r, true)).into_iter().chain(may.map(|r| (r, false))) {
        let name = resource.qualified();
        match facts.get(&Need::list(resource)) {
            Some(answer) if answer.partial.is_some() => why.push(format!("the list of {name} is not whole")),
            Some(answer) => match &answer.outcome {
                Outcome::Objects(_) | Outcome::Absent(_) => {}
                // Manifests are what they are: a kind that isn't in them isn't hidden.
                Outcome::NotAsked(_) if facts.kind == SourceKind::Manifests || !required => {}
                outcome => why.push(format!("{name}: {}", outcome.word())),
            },
            None if facts.kind == SourceKind::Manifests || !required => {}
            None => why.push(format!("{name}: not asked")),
        }
    }
    let count = facts.problems.iter().filter(|problem| problem.hides).count();
    if count > 0 {
        why.push(format!("{count} {} could not be read", if count == 1 { "document" } else { "documents" }));
    }
    (!why.is_empty(), why)
}

/// Manifests, or one namespace, may be a part of a system: a Service with a selector that selects nothing here, or a
/// host that is called and defined nowhere here, stands for a service that wasn't given to us. In a whole cluster it is
/// simply not there.
fn hidden_services(facts: &Facts, model: &Model) -> BTreeSet<String> {
    if !model.manifests_only && facts.namespace.is_none() {
        return BTreeSet::new();
    }
    let runs = |name: &str| {
        let service = name.split_once('/').and_then(|(namespace, name)| model.service(namespace, name));
        service.is_some_and(|id| !model.services[id].workloads.is_empty())
    };
    let called = model.edges.iter().filter(|edge| edge.class == EdgeClass::Rpc).filter_map(|edge| match &edge.to {
        Party::Service(name) => Some(name.clone()).filter(|name| !runs(name)),
        _ => None,
    });
    let empty = model.services.iter().filter(|s| s.workloads.is_empty() && s.selector.is_some() && s.external_name.is_none());
    // A missing datastore, broker or tracer would not count if it were here.
    let backend = |class| matches!(class, EdgeClass::Datastore | EdgeClass::Broker | EdgeClass::Telemetry);
    let dialled = model.dangling.iter().filter(|d| !backend(d.class)).map(|dangling| dangling.host.clone());
    empty.map(|s| format!("{}/{}", s.namespace, s.name)).chain(dialled).chain(called).collect()
}

/// A datastore, broker or telemetry backend doesn't call services: one that does may have been taken for what it isn't.
fn doubtful(model: &Model, apps: &Applications) -> BTreeSet<WorkloadId> {
    let passive = |role| matches!(role, Role::Datastore | Role::Broker | Role::Telemetry);
    let calls = model.edges.iter().filter(|edge| edge.class == EdgeClass::Rpc && edge.grade >= Grade::Declared);
    let callers = calls.filter_map(|edge| match (&edge.from, &edge.to) {
        (Party::Workload(from), Party::Workload(to)) if apps.coarse.contains_key(to) => Some(*from),
        _ => None,
    });
    callers.filter(|id| model.workloads.get(*id).is_some_and(|w| passive(w.role))).collect()
}

fn list(model: &Model, apps: &Applications, connected: &BTreeSet<usize>) -> Vec<Counted> {
    apps.fine
        .iter()
        .map(|app| Counted {
            name: app.name.clone(),
            workloads: app.workloads.iter().map(|id| model.workloads[*id].title()).collect(),
            connected: app.workloads.iter().any(|id| connected.contains(&apps.coarse[id])),
        })
        .collect()
}

fn left_out(model: &Model) -> Vec<LeftOut> {
    let not_counted = model.workloads.iter().filter(|w| !w.counts() || w.kind.is_batch());
    let why = |w: &crate::model::Workload| {
        let role = if w.counts() { "runs to an end" } else { super::screen::role_word(w.role) };
        if w.role_reason.is_empty() { role.to_owned() } else { format!("{role}: {}", w.role_reason) }
    };
    not_counted.map(|w| LeftOut { workload: w.title(), why: why(w) }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::model::Dangling;

    fn ask(facts: &Facts, model: &Model) -> Q1 {
        answer(facts, model, &apps::applications(model), &Told::default())
    }

    #[test]
    fn manifests_without_any_workload_say_nothing() {
        let facts = Facts::new("crds", SourceKind::Manifests, jiff::Timestamp::UNIX_EPOCH);
        let model = Model { manifests_only: true, ..Model::default() };
        let q1 = answer(&facts, &model, &crate::analysis::need::apps::applications(&model), &Told::default());
        assert_eq!((q1.answer, q1.bounds.upper), (Tri::Unknown, None));
    }

    #[test]
    fn five_applications_are_a_no_with_no_edge_at_all() {
        let q1 = ask(&facts(), &model_with(5));
        assert_eq!((q1.answer, q1.bounds, q1.confidence), (Tri::No, Interval { lower: 0, upper: Some(5) }, Confidence::High));
    }

    #[test]
    fn six_without_edges_are_unknown() {
        let q1 = ask(&facts(), &model_with(6));
        assert_eq!(q1.answer, Tri::Unknown);
        assert!(q1.why.contains("unknown, not none"));
    }

    #[test]
    fn six_connected_by_declared_edges_are_a_yes_and_candidates_are_not() {
        assert_eq!(ask(&facts(), &star(6, Grade::Declared)).answer, Tri::Yes);
        for weak in [Grade::Inferred, Grade::Candidate] {
            let q1 = ask(&facts(), &star(6, weak));
            assert_eq!((q1.answer, q1.bounds.lower), (Tri::Unknown, 0));
        }
    }

    #[test]
    fn only_calls_count() {
        let mut model = model_with(8);
        for to in 1..8 {
            edge(&mut model, 0, to, Grade::Observed);
        }
        for edge in &mut model.edges {
            edge.class = EdgeClass::Telemetry;
        }
        assert_eq!(ask(&facts(), &model).bounds.lower, 0);
    }

    #[test]
    fn forbidden_deployments_take_the_upper_bound_away() {
        let q1 = ask(&forbidden_deployments(), &model_with(2));
        assert_eq!((q1.answer, q1.bounds.upper), (Tri::Unknown, None));
        assert_eq!(q1.widened_by, ["deployments.apps: forbidden"]);
    }

    #[test]
    fn manifests_without_a_kind_hide_nothing_but_unreadable_documents_do() {
        let mut facts = Facts::new("dir", SourceKind::Manifests, jiff::Timestamp::UNIX_EPOCH);
        let mut model = model_with(3);
        model.manifests_only = true;
        assert_eq!(ask(&facts, &model).answer, Tri::No);
        facts.problems.push(crate::facts::Problem::notice(crate::facts::Place::default(), "the later one counts"));
        assert_eq!(ask(&facts, &model).answer, Tri::No, "a notice hides nothing");
        facts.problems.push(crate::facts::Problem::new(crate::facts::Place::default(), "bad"));
        assert_eq!(ask(&facts, &model).bounds.upper, None);
    }

    #[test]
    fn manifests_that_name_what_they_do_not_hold_raise_the_upper_bound() {
        let facts = Facts::new("dir", SourceKind::Manifests, jiff::Timestamp::UNIX_EPOCH);
        let mut model = model_with(4);
        model.manifests_only = true;
        service(&mut model, "elsewhere", &[]);
        for host in ["cart", "cart", "tax"] {
            let class = EdgeClass::Rpc;
            model.dangling.push(Dangling { from: 0, host: host.to_owned(), port: None, class, evidence: Default::default() });
        }
        assert_eq!(ask(&facts, &model).bounds.upper, Some(7));
        for dangling in &mut model.dangling {
            dangling.class = EdgeClass::Telemetry;
        }
        assert_eq!(ask(&facts, &model).bounds.upper, Some(5), "a tracer that is missing is no service");
    }

    #[test]
    fn a_datastore_that_calls_services_may_be_an_application() {
        let mut model = model_with(6);
        model.workloads[5].role = Role::Datastore;
        assert_eq!(ask(&facts(), &model).answer, Tri::No);
        edge(&mut model, 0, 5, Grade::Observed);
        assert_eq!(ask(&facts(), &model).answer, Tri::No, "being called is what datastores are for");
        edge(&mut model, 5, 0, Grade::Declared);
        assert_eq!(ask(&facts(), &model).answer, Tri::Unknown);
    }

    #[test]
    fn one_namespace_that_calls_into_others_is_not_the_whole_system() {
        let (mut facts, mut model) = (facts(), model_with(4));
        model.edges.push(Edge {
            from: Party::Workload(0),
            to: Party::Service("other/cart".to_owned()),
            port: None,
            protocol: None,
            class: EdgeClass::Rpc,
            grade: Grade::Declared,
            rate: None,
            evidence: Vec::new(),
        });
        assert_eq!(ask(&facts, &model).bounds.upper, Some(4));
        facts.namespace = Some("shop".to_owned());
        let q1 = ask(&facts, &model);
        assert_eq!(q1.bounds.upper, Some(5));
        assert!(q1.why.contains("in namespace shop"));
    }

    #[test]
    fn a_word_beats_ignorance_and_not_evidence() {
        let model = star(8, Grade::Observed);
        let apps = apps::applications(&model);
        let seen = answer(&facts(), &model, &apps, &told(&[], &["services=3"]));
        assert_eq!((seen.answer, seen.bounds.lower), (Tri::Yes, 8));
        let model = model_with(64);
        let word = answer(&facts(), &model, &apps::applications(&model), &told(&[], &["calls=12"]));
        assert_eq!((word.answer, word.confidence), (Tri::Yes, Confidence::YourWord));
    }
}
