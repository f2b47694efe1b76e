//! The whole judgement of one cluster as one typed value.

use super::counter::{CounterArgument, Situation, strongest};
use super::dissent::dissent;
use super::edge_line::{self, DanglingLine, EdgeLine};
use super::flip::{Flip, flips};
use super::interval::{Confidence, Tri};
use super::q1::{self, Q1};
use super::q2::{self, Q2};
use super::sources::SourceLine;
use super::told::{Told, Word};
use super::tree::{self, Inputs, Verdict};
use super::{apps, candidates, cost, observe, plan, sources, traps};
use crate::facts::{Facts, SourceKind};
use crate::model::{Evidence, Model, NeedKind, NotSeen, Role};
use serde::Serialize;
use std::collections::BTreeSet;

#[derive(Clone, Debug, Serialize)]
pub struct Decision {
    #[serde(flatten)]
    pub header: Header,
    pub verdict: Verdict,
    /// Every verdict that what is unknown still allows; one when the verdict is determined.
    pub possible: Vec<Verdict>,
    /// Whether a mesh is justified; `no` also when only the count is open and no need asks for a mesh.
    pub mesh: Tri,
    pub confidence: Confidence,
    pub reason: String,
    /// What the guide's own tree says.
    pub guide_verdict: Verdict,
    pub guide_reason: String,
    /// Where better knowledge stands beside the guide.
    pub dissent: Vec<String>,
    pub q1: Q1,
    pub q2: Q2,
    pub flips: Vec<Flip>,
    pub counter_argument: CounterArgument,
    pub next: NextStep,
    pub not_seen: Vec<NotSeen>,
    pub sources: Vec<SourceLine>,
    pub installations: Vec<Installed>,
    pub candidates: Vec<candidates::Choice>,
    pub cost: cost::Cost,
    pub traps: Vec<traps::Trap>,
    pub plan: plan::Plan,
    pub edges: Vec<EdgeLine>,
    pub dangling: Vec<DanglingLine>,
    pub told: Vec<Word>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Header {
    pub cluster: String,
    pub source: SourceKind,
    /// "Now": when it was gathered or recorded.
    pub now: String,
    /// The namespace the question is limited to.
    pub namespace: Option<String>,
    pub kubernetes: Option<String>,
    pub nodes: usize,
    /// Workloads that are not the platform's own.
    pub workloads: usize,
    pub namespaces: usize,
    pub window: String,
}

/// The cheapest next step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NextStep {
    pub text: String,
    /// Flags to add to the command that was run.
    pub flags: String,
    /// Another command that comes first, whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<&'static str>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Installed {
    pub mesh: String,
    pub id: &'static str,
    pub version: Option<String>,
    pub revision: Option<String>,
    pub namespace: String,
    pub mode: String,
    pub meshed: usize,
    pub of: usize,
    pub text: String,
    pub evidence: Vec<Evidence>,
}

/// Judges one cluster. `window` is how far back observed calls were asked for.
pub fn decide(facts: &Facts, model: &Model, told: &Told, window: &str) -> Decision {
    let apps = apps::applications(model);
    let q1 = q1::answer(facts, model, &apps, told);
    let q2 = q2::answer(model, &apps, told);
    let inputs = Inputs::new(q1.answer, &q2);
    let possible = inputs.possible();
    let verdict = inputs.verdict();
    let guide_verdict = tree::guide(q1.answer, q2.guide_answer);
    let observe = observe::cheapest(facts, model, &q1);
    let candidates = candidates::rank(model, told, &q2);
    let load = cost::load(model, told);
    let cost = cost::cost(load);
    let traps = traps::find(model);
    let plan = plan::make(model, verdict, &q2, &candidates, &traps, window);
    let on_call = told.answer("oncall").map(|word| word == "yes");
    let wanted: Vec<NeedKind> = q2.wanted().map(|need| need.need).collect();
    let counter_argument = strongest(&Situation {
        verdict,
        languages: &q2.languages,
        applications: q1.applications.len(),
        blind: observe::blind(facts, &q1),
        on_call,
        encryption_only: wanted == [NeedKind::Encryption],
        installed: !model.installations.is_empty(),
        identity_for_few: inputs.identity_mandate && inputs.q1 != Tri::Yes,
    });
    Decision {
        header: header(facts, model, window),
        verdict,
        mesh: tree::mesh(&possible),
        confidence: confidence(&inputs, verdict, &q1, &q2),
        reason: reason(&inputs, verdict, &possible, &q1, &q2),
        guide_verdict,
        guide_reason: guide_reason(&q1, &q2, guide_verdict),
        dissent: dissent(&inputs, verdict, guide_verdict, &q2),
        flips: flips(&inputs, &q1, &q2, &observe.flags),
        counter_argument,
        next: next(verdict, tree::mesh(&possible), &inputs, observe),
        possible: possible.into_iter().collect(),
        not_seen: model.not_seen.clone(),
        sources: sources::lines(model),
        installations: installed(model),
        candidates,
        cost,
        traps,
        plan,
        edges: edge_line::edges(model, &apps),
        dangling: edge_line::dangling(model),
        told: told.words(),
        q1,
        q2,
    }
}

fn header(facts: &Facts, model: &Model, window: &str) -> Header {
    let ours = || model.workloads.iter().filter(|w| !matches!(w.role, Role::System | Role::Mesh));
    Header {
        cluster: facts.cluster.clone(),
        source: facts.kind,
        now: facts.now.to_string(),
        namespace: facts.namespace.clone(),
        kubernetes: model.cluster.kubernetes_version.clone(),
        nodes: model.cluster.nodes.len(),
        workloads: ours().count(),
        namespaces: ours().map(|w| w.namespace.as_str()).collect::<BTreeSet<_>>().len(),
        window: window.to_owned(),
    }
}

fn confidence(inputs: &Inputs, verdict: Verdict, q1: &Q1, q2: &Q2) -> Confidence {
    match verdict {
        Verdict::Undetermined => Confidence::None,
        _ if inputs.identity_mandate => Confidence::YourWord,
        _ if inputs.q1 == Tri::No && inputs.encryption_mandate => Confidence::YourWord,
        Verdict::Premature => q1.confidence,
        Verdict::LighterSolution | Verdict::Justified => q1.confidence.min(q2.confidence),
    }
}

fn reason(inputs: &Inputs, verdict: Verdict, possible: &BTreeSet<Verdict>, q1: &Q1, q2: &Q2) -> String {
    if inputs.identity_mandate {
        return "workload identity is required and nothing here gives it; the number of services doesn't change that".to_owned();
    }
    let wanted = || q2.wanted().map(|need| need.name).collect::<Vec<_>>().join(", ");
    match verdict {
        Verdict::Premature => format!("{}: libraries or a simple gateway will do", q1.why),
        Verdict::LighterSolution if inputs.q1 == Tri::No => {
            "encryption is required, for few services: the network plugin can encrypt without a mesh".to_owned()
        }
        Verdict::LighterSolution => "no need here asks for a mesh: an API gateway and OpenTelemetry by hand".to_owned(),
        Verdict::Justified => format!("{}, and there is a need: {}", q1.why, wanted()),
        Verdict::Undetermined => {
            let words: Vec<&str> = possible.iter().map(|verdict| verdict.word()).collect();
            match tree::mesh(possible) {
                Tri::No => format!("no mesh either way ({}): no need here asks for one", words.join(" or ")),
                _ => format!("what is known allows {}", words.join(", ")),
            }
        }
    }
}

fn guide_reason(q1: &Q1, q2: &Q2, verdict: Verdict) -> String {
    let (a, b) = (q1.answer.word(), q2.guide_answer.word());
    match verdict {
        Verdict::Premature => format!("more than 5? {a} → libraries or a simple gateway"),
        Verdict::LighterSolution => format!("more than 5? {a} · any need? {b} → API gateway + manual OpenTelemetry"),
        Verdict::Justified => format!("more than 5? {a} · any need? {b} → a mesh is likely justified"),
        Verdict::Undetermined => format!("more than 5? {a} · any need? {b} → the guide's tree stops here"),
    }
}

fn next(verdict: Verdict, mesh: Tri, inputs: &Inputs, observe: NextStep) -> NextStep {
    let step = |text: &str, flags: &str| NextStep { text: text.to_owned(), flags: flags.to_owned(), command: None };
    match verdict {
        Verdict::Justified => step("compare the candidates, then read the plan", "--explain candidates,plan"),
        Verdict::Premature | Verdict::LighterSolution => step("what to do instead of a mesh", "--explain plan"),
        Verdict::Undetermined if mesh == Tri::No => step("no mesh either way; what to do instead", "--explain plan"),
        Verdict::Undetermined if inputs.q1 == Tri::Unknown => observe,
        Verdict::Undetermined => step("say whether one of the needs is yours, or none", "--answer needs=none"),
    }
}

fn installed(model: &Model) -> Vec<Installed> {
    let counted: BTreeSet<usize> = model
        .workloads
        .iter()
        .enumerate()
        .filter(|(_, w)| !matches!(w.role, Role::System | Role::Mesh))
        .map(|(i, _)| i)
        .collect();
    let line = |i: &crate::model::Installation| {
        let meshed = i.meshed.iter().filter(|id| counted.contains(id)).collect::<BTreeSet<_>>().len();
        let version = i.version.as_deref().map_or_else(|| "(version unknown)".to_owned(), str::to_owned);
        let mode = if i.mode.is_empty() { String::new() } else { format!(", {}", i.mode) };
        let place = match &*i.namespace {
            "" => "(control plane not in sight)".to_owned(),
            namespace => format!("in {namespace}"),
        };
        Installed {
            mesh: i.mesh.clone(),
            id: i.id,
            version: i.version.clone(),
            revision: i.revision.clone(),
            namespace: i.namespace.clone(),
            mode: i.mode.clone(),
            meshed,
            of: counted.len(),
            text: format!("{} {version} {place}{mode}: {meshed} of {} workloads in it", i.mesh, counted.len()),
            evidence: i.evidence.clone(),
        }
    };
    model.installations.iter().map(line).collect()
}
