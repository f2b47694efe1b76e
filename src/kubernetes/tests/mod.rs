//! Facts made by hand, and what is the same in all tests.
#![allow(clippy::expect_used)]

mod features;
mod systems;

use super::*;
use crate::facts::{Object, Outcome};
use crate::model::{NeedKind, Party, SignalKind};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Facts of objects, each kind listed whole; every other neutral kind is there and empty.
pub fn facts(kind: SourceKind, objects: &[Value]) -> Facts {
    let mut lists: BTreeMap<&str, Vec<Object>> = BTreeMap::new();
    for value in objects {
        let text = |key: &str| value["metadata"][key].as_str().unwrap_or_default();
        let object = Object {
            namespace: text("namespace").into(),
            name: text("name").into(),
            json: value.to_string().into(),
            place: None,
        };
        lists.entry(value["kind"].as_str().expect("kind")).or_default().push(object);
    }
    let mut facts = Facts::new("test", kind, jiff::Timestamp::UNIX_EPOCH);
    for resource in KINDS {
        facts.answer(Need::list(resource), Outcome::Objects(lists.remove(&*resource.kind).unwrap_or_default()));
    }
    assert!(lists.is_empty(), "kinds not asked for: {:?}", lists.keys());
    facts
}

pub fn shop(objects: &[Value]) -> Model {
    translate(&facts(SourceKind::Manifests, objects))
}

pub fn deploy(name: &str, image: &str, env: Value) -> Value {
    let containers = json!([{"name": "main", "image": image, "env": env}]);
    deploy_spec(name, json!({"containers": containers}))
}

pub fn deploy_spec(name: &str, spec: Value) -> Value {
    json!({"kind": "Deployment", "metadata": {"name": name, "namespace": "shop"},
        "spec": {"template": {"metadata": {"labels": {"app": name}}, "spec": spec}}})
}

pub fn service(name: &str, port: u16, target: u16) -> Value {
    json!({"kind": "Service", "metadata": {"name": name, "namespace": "shop"},
        "spec": {"selector": {"app": name}, "ports": [{"port": port, "targetPort": target}]}})
}

pub fn env(pairs: &[(&str, &str)]) -> Value {
    pairs.iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
}

pub fn name(model: &Model, party: &Party) -> String {
    match party {
        Party::Workload(id) => model.workloads[*id].name.clone(),
        Party::Service(name) => format!("svc:{name}"),
        Party::External(host) => format!("ext:{host}"),
        Party::Outside => "*".to_owned(),
    }
}

pub fn edges(model: &Model) -> Vec<String> {
    let show = |e: &crate::model::Edge| {
        let port = e.port.map(|p| format!(":{p}")).unwrap_or_default();
        format!("{}>{}{port} {:?} {:?}", name(model, &e.from), name(model, &e.to), e.class, e.grade)
    };
    let mut all: Vec<String> = model.edges.iter().map(show).collect();
    all.sort();
    all
}

pub fn signals(model: &Model) -> Vec<(NeedKind, SignalKind)> {
    let mut all: Vec<_> = model.signals.iter().map(|s| (s.need, s.kind)).collect();
    all.sort();
    all
}

/// Twelve services that name each other in `*_ADDR` variables, as shops do.
pub fn online_shop() -> Vec<Value> {
    let calls: [(&str, &[(&str, &str)]); 10] = [
        (
            "frontend",
            &[
                ("CATALOG_ADDR", "catalog:3550"),
                ("CART_ADDR", "cart:7070"),
                ("CHECKOUT_ADDR", "checkout:5050"),
                ("ASSISTANT_SERVICE_ADDR", "assistant:80"),
            ],
        ),
        (
            "checkout",
            &[("CART_ADDR", "cart:7070"), ("PAYMENT_ADDR", "payment:50051"), ("EMAIL_ADDR", "email:5000"), ("GOMAXPROCS", "2")],
        ),
        ("cart", &[("REDIS_ADDR", "redis-cart:6379")]),
        ("recommend", &[("CATALOG_ADDR", "catalog:3550"), ("PYTHONUNBUFFERED", "1")]),
        ("catalog", &[("DISABLE_PROFILER", "1"), ("GOMAXPROCS", "2")]),
        ("payment", &[("PORT", "50051"), ("NODE_ENV", "production")]),
        ("email", &[]),
        ("ads", &[]),
        ("shipping", &[]),
        ("currency", &[]),
    ];
    let mut all: Vec<Value> = calls.iter().map(|(name, vars)| deploy(name, &format!("acme/{name}:1"), env(vars))).collect();
    all.push(deploy("redis-cart", "redis:alpine", Value::Null));
    all.push(deploy("loadgenerator", "acme/loadgenerator:1", env(&[("FRONTEND_ADDR", "frontend:80"), ("USERS", "10")])));
    for (name, port) in
        [("frontend", 80), ("cart", 7070), ("catalog", 3550), ("checkout", 5050), ("payment", 50051), ("redis-cart", 6379)]
    {
        all.push(service(name, port, port));
    }
    all.push(service("email", 5000, 8080));
    all
}
