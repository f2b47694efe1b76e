//! Facts made by hand for the meshes' tests: objects by kind, and series as Prometheus gives them.
#![allow(clippy::expect_used)]

use crate::facts::{Facts, Need, Object, Outcome, Resource, SourceKind, kinds};
use crate::model::{Evidence, Installation, Model, Party};

use serde_json::{Value, json};

/// Everything asked for is there and empty, except these objects.
pub fn facts(objects: &[Value]) -> Facts {
    let mut facts = Facts::new("test", SourceKind::Live, jiff::Timestamp::UNIX_EPOCH);
    for resource in kinds::ALL {
        let of = |value: &&Value| {
            let version = value["apiVersion"].as_str().expect("apiVersion");
            let group = version.split_once('/').map_or("", |(group, _)| group);
            value["kind"] == *resource.kind && group == resource.group
        };
        let list = objects.iter().filter(of).map(object).collect();
        facts.answer(Need::list(resource), Outcome::Objects(list));
    }
    facts
}

fn object(value: &Value) -> Object {
    let text = |key: &str| value["metadata"][key].as_str().unwrap_or_default().into();
    Object { namespace: text("namespace"), name: text("name"), json: value.to_string().into(), place: None }
}

/// The same facts without sight of a kind.
pub fn forbid(facts: &mut Facts, resource: &Resource) {
    facts.answer(Need::list(resource), Outcome::Forbidden("no rights".to_owned()));
}

/// An answer to a query: the labels of each series, with its value.
pub fn answer(facts: &mut Facts, promql: String, series: &[(&[(&str, &str)], f64)]) {
    let sample = |(labels, value): &(&[(&str, &str)], f64)| {
        let labels: serde_json::Map<_, _> = labels.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
        json!({"metric": labels, "value": [0, value.to_string()]})
    };
    let result: Vec<Value> = series.iter().map(sample).collect();
    facts.answer(Need::query(promql), Outcome::Text(json!({"resultType": "vector", "result": result}).to_string()));
}

pub fn workload(kind: &str, name: &str, namespace: &str, labels: &Value, spec: Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": namespace},
        "spec": {"template": {"metadata": {"labels": labels}, "spec": spec}}})
}

/// A Deployment `name` with label `app` and a service account of its own, and its Service on port 8080.
pub fn app(name: &str) -> [Value; 2] {
    let spec = json!({"serviceAccountName": name, "containers": [{"name": "main", "image": format!("acme/{name}:1")}]});
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "shop"},
        "spec": {"selector": {"app": name}, "ports": [{"port": 8080}]}});
    [workload("Deployment", name, "shop", &json!({"app": name}), spec), service]
}

/// A running pod of that Deployment.
pub fn pod(name: &str, labels: Value, annotations: Value, sidecar: Value) -> Value {
    let mut labels = labels;
    labels["app"] = json!(name);
    labels["pod-template-hash"] = json!("5d8f7");
    let owner = json!([{"kind": "ReplicaSet", "name": format!("{name}-5d8f7"), "controller": true}]);
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": format!("{name}-5d8f7-x2x4z"), "namespace": "shop",
        "labels": labels, "annotations": annotations, "ownerReferences": owner},
        "spec": {"containers": [{"name": "main", "image": format!("acme/{name}:1")}, sidecar]}, "status": {"phase": "Running"}})
}

pub fn object_of(version: &str, kind: &str, name: &str, spec: Value) -> Value {
    json!({"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "shop"}, "spec": spec})
}

/// The shop of most tests: web, cart, db and namespaces, with more objects.
pub fn shop(more: &[Value]) -> Facts {
    let namespace = |name: &str| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    let mut all: Vec<Value> = ["web", "cart", "pay"].iter().flat_map(|name| app(name)).collect();
    all.push(namespace("shop"));
    all.extend_from_slice(more);
    facts(&all)
}

pub fn name(model: &Model, party: &Party) -> String {
    match party {
        Party::Workload(id) => model.workloads[*id].name.clone(),
        Party::Service(name) => format!("svc:{name}"),
        Party::External(host) => format!("ext:{host}"),
        Party::Outside => "*".to_owned(),
    }
}

/// `web>cart:8080 Rpc Declared`, sorted.
pub fn edges(model: &Model) -> Vec<String> {
    let show = |e: &crate::model::Edge| {
        let port = e.port.map(|p| format!(":{p}")).unwrap_or_default();
        format!("{}>{}{port} {:?} {:?}", name(model, &e.from), name(model, &e.to), e.class, e.grade)
    };
    let mut all: Vec<String> = model.edges.iter().map(show).collect();
    all.sort();
    all
}

/// Evidence of the only edge between two workloads.
pub fn evidence<'m>(model: &'m Model, from: &str, to: &str) -> &'m [Evidence] {
    let mut fits = model.edges.iter().filter(|e| name(model, &e.from) == from && name(model, &e.to) == to);
    let edge = fits.next().expect("the edge");
    assert!(fits.next().is_none(), "more than one edge {from}>{to}");
    &edge.evidence
}

/// Mode, revision, version, namespace and members of an installation.
pub fn line(model: &Model, i: &Installation) -> String {
    let members: Vec<&str> = i.meshed.iter().map(|id| model.workloads[*id].name.as_str()).collect();
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    format!("{} {} {} {:?} [{}]", i.mode, text(&i.revision), text(&i.version), i.namespace, members.join(" "))
}

pub fn installed(model: &Model, id: &str) -> Vec<String> {
    model.installations.iter().filter(|i| i.id == id).map(|i| line(model, i)).collect()
}
