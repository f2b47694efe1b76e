//! Models and facts built by hand, for the tests of this room.

use super::told::{Told, parse_told};
use super::{Decision, decide};
use crate::facts::{Facts, Outcome, SourceKind, kinds};
use crate::model::*;
use std::collections::BTreeMap;

/// Facts of a cluster whose workload lists all came, whole and answered.
pub fn facts() -> Facts {
    let mut facts = Facts::new("test", SourceKind::Live, jiff::Timestamp::UNIX_EPOCH);
    for kind in [&kinds::DEPLOYMENT, &kinds::STATEFUL_SET, &kinds::DAEMON_SET, &kinds::POD] {
        facts.answer(crate::facts::Need::list(kind), Outcome::Objects(Vec::new()));
    }
    facts
}

pub fn forbidden_deployments() -> Facts {
    let mut facts = facts();
    facts.answer(crate::facts::Need::list(&kinds::DEPLOYMENT), Outcome::Forbidden("deployments is forbidden".to_owned()));
    facts
}

pub fn workload(name: &str) -> Workload {
    Workload {
        namespace: "shop".to_owned(),
        kind: WorkloadKind::Deployment,
        name: name.to_owned(),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        role: Role::App,
        role_reason: String::new(),
        replicas: 1,
        containers: vec![Container { name: name.to_owned(), image: format!("{name}:1"), ..Container::default() }],
        host_network: false,
        service_account: "default".to_owned(),
        os: None,
        qos: Qos::Burstable,
        languages: Vec::new(),
        libraries: Vec::new(),
        place: None,
        schedule: None,
    }
}

pub fn model_of(names: &[&str]) -> Model {
    Model {
        namespaces: vec![Namespace { name: "shop".to_owned(), ..Namespace::default() }],
        workloads: names.iter().map(|name| workload(name)).collect(),
        ..Model::default()
    }
}

/// `count` workloads `w0`, `w1`, … in one namespace.
pub fn model_with(count: usize) -> Model {
    let names: Vec<String> = (0..count).map(|i| format!("w{i}")).collect();
    model_of(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

pub fn service(model: &mut Model, name: &str, workloads: &[WorkloadId]) {
    model.services.push(Service {
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        selector: Some(BTreeMap::new()),
        ports: vec![ServicePort { name: "http".to_owned(), number: 80, protocol: "TCP".to_owned(), ..ServicePort::default() }],
        workloads: workloads.to_vec(),
        ..Service::default()
    });
}

pub fn edge(model: &mut Model, from: WorkloadId, to: WorkloadId, grade: Grade) {
    model.add_edge(Edge {
        from: Party::Workload(from),
        to: Party::Workload(to),
        port: Some(80),
        protocol: Some("http".to_owned()),
        class: EdgeClass::Rpc,
        grade,
        rate: None,
        evidence: vec![Evidence::new(format!("Deployment shop/w{from}"), "env[ADDR]", format!("w{to}:80"))],
    });
}

/// `count` workloads that all call one another in a star: w0 calls each other one.
pub fn star(count: usize, grade: Grade) -> Model {
    let mut model = model_with(count);
    for to in 1..count {
        edge(&mut model, 0, to, grade);
    }
    model
}

pub fn language(model: &mut Model, id: WorkloadId, what: Language) {
    model.workloads[id].languages.push(Sighting { what, evidence: Evidence::new("image", "", "x") });
}

pub fn signal(model: &mut Model, need: NeedKind, kind: SignalKind, text: &str) {
    model.signals.push(Signal { need, kind, text: text.to_owned(), evidence: vec![Evidence::new("Object x/y", "spec", "z")] });
}

pub fn told(require: &[&str], answer: &[&str]) -> Told {
    let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    parse_told(&own(require), &own(answer)).unwrap_or_else(|error| panic!("{error}: {:?}", error.hints))
}

pub fn judge(model: &Model) -> Decision {
    decide(&facts(), model, &Told::default(), "7d")
}

pub fn judge_told(model: &Model, require: &[&str], answer: &[&str]) -> Decision {
    decide(&facts(), model, &told(require, answer), "7d")
}
