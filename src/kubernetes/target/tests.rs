use super::*;
use crate::facts::SourceKind;
use jiff::Timestamp;
use serde_json::{Value, json};

fn object(namespace: &str, name: &str, rest: Value) -> Object {
    let mut value = json!({"metadata": {"name": name, "namespace": namespace}});
    value.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    Object { namespace: namespace.into(), name: name.into(), json: value.to_string().into(), place: None }
}

fn targets(names: &[&str], namespace: Option<&str>) -> Targets {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    Targets::parse(&names, None, false, namespace, "default").unwrap()
}

/// Answers until nothing more is asked; how the pods and the missing names read.
fn resolve(targets: &Targets, answer: impl Fn(&Need) -> Outcome) -> (Vec<String>, Vec<String>) {
    let mut facts = Facts::new("t", SourceKind::Live, Timestamp::UNIX_EPOCH);
    for _ in 0..4 {
        for need in targets.needs(&facts) {
            let outcome = answer(&need);
            facts.answer(need, outcome);
        }
    }
    let resolved = targets.resolve(&facts);
    let pods = resolved.pods.iter().map(|pod| format!("{}.{}", pod.name, pod.namespace)).collect();
    (pods, resolved.missing.into_iter().map(|(name, why)| format!("{name}: {why}")).collect())
}

fn pods(found: &[(&str, &str)]) -> Outcome {
    Outcome::Objects(found.iter().map(|(ns, name)| object(ns, name, json!({}))).collect())
}

#[test]
fn the_last_dot_ends_the_name_unless_the_name_has_it() {
    let seen = |need: &Need| match need {
        Need::Get { namespace: Some(ns), name, .. } if ns == "shop" && name == "web" => pods(&[("shop", "web")]),
        Need::Get { namespace: Some(ns), name, .. } if ns == "default" && name == "db.0" => pods(&[("default", "db.0")]),
        _ => pods(&[]),
    };
    assert_eq!(resolve(&targets(&["web.shop", "db.0"], None), seen).0, ["web.shop", "db.0.default"]);
}

#[test]
fn without_a_namespace_the_context_comes_first_and_then_everywhere() {
    let elsewhere = |need: &Need| match need {
        Need::Get { namespace: None, .. } => pods(&[("shop", "web")]),
        _ => pods(&[]),
    };
    assert_eq!(resolve(&targets(&["web"], None), elsewhere).0, ["web.shop"]);
    assert_eq!(resolve(&targets(&["web"], Some("prod")), elsewhere).1, ["web: there is no such pod in namespace prod"]);
    let twice = |need: &Need| match need {
        Need::Get { namespace: None, .. } => pods(&[("a", "web"), ("b", "web")]),
        _ => pods(&[]),
    };
    assert_eq!(resolve(&targets(&["web"], None), twice).1, ["web: there are several; say which: web.a, web.b"]);
}

#[test]
fn who_may_not_look_everywhere_is_told_where_it_is_not() {
    let own = |need: &Need| match need {
        Need::Get { namespace: None, .. } => Outcome::Forbidden("no".into()),
        _ => pods(&[]),
    };
    assert_eq!(resolve(&targets(&["web"], None), own).1, ["web: there is no such pod in namespace default"]);
    let all = |_: &Need| Outcome::Forbidden("pods is forbidden".into());
    assert_eq!(resolve(&targets(&["web"], None), all).1, ["web: pods is forbidden"]);
}

#[test]
fn an_owner_gives_the_pods_that_its_selector_fits() {
    let spec = json!({"spec": {"selector": {"matchLabels": {"app": "web"}, "matchExpressions": [
        {"key": "tier", "operator": "In", "values": ["a", "b"]}, {"key": "old", "operator": "DoesNotExist"}]}}});
    let answer = |need: &Need| match need {
        Need::Get { .. } => Outcome::Objects(vec![object("shop", "web", spec.clone())]),
        Need::Select { labels, namespace, .. } => {
            assert_eq!((labels.as_str(), namespace.as_deref()), ("app=web,tier in (a,b),!old", Some("shop")));
            let ended = object("shop", "web-0", json!({"status": {"phase": "Succeeded"}}));
            Outcome::Objects(vec![ended, object("shop", "web-1", json!({}))])
        }
        other => panic!("{other:?}"),
    };
    let (found, missing) = resolve(&targets(&["deploy/web.shop", "pod/web-1.shop"], None), |need| match need {
        Need::Get { name, .. } if name == "web-1" => pods(&[("shop", "web-1")]),
        other => answer(other),
    });
    assert_eq!((found, missing), (vec!["web-1.shop".to_owned()], vec![]), "each once, none that has ended");
    assert_eq!(resolve(&targets(&["svc/web.shop"], None), |_| pods(&[("shop", "web")])).1.len(), 1, "a Service without selector");
}

#[test]
fn words_that_name_nothing() {
    for wrong in ["configmap/x", "deploy/", "a/b/c", ""] {
        assert!(Targets::parse(&[wrong.to_owned()], None, false, None, "default").is_err(), "{wrong}");
    }
    assert!(Targets::parse(&[], Some("app in"), false, None, "default").is_err());
}

#[test]
fn pods_that_are_being_deleted_are_only_asked_by_name() {
    let owner = json!({"spec": {"selector": {"matchLabels": {"app": "web"}}}});
    let leaving = || {
        object(
            "shop",
            "web-0",
            json!({"metadata": {"name": "web-0", "namespace": "shop", "deletionTimestamp": "2026-01-01T00:00:00Z"}}),
        )
    };
    let world = |rest: Vec<Object>| {
        let owner = owner.clone();
        move |need: &Need| match need {
            Need::Get { resource, .. } if *resource == kinds::POD => Outcome::Objects(vec![leaving()]),
            Need::Get { .. } => Outcome::Objects(vec![object("shop", "web", owner.clone())]),
            _ => Outcome::Objects(std::iter::once(leaving()).chain(rest.clone()).collect()),
        }
    };
    let other = object("shop", "web-1", json!({}));
    assert_eq!(resolve(&targets(&["deploy/web.shop"], None), world(vec![other.clone()])).0, ["web-1.shop"]);
    assert_eq!(resolve(&targets(&["web-0.shop"], None), world(Vec::new())).0, ["web-0.shop"]);
    let all = Targets::parse(&[], Some("app=web"), false, None, "default").unwrap();
    assert_eq!(resolve(&all, world(vec![other])).0, ["web-1.shop"]);
    let (found, missing) = resolve(&targets(&["deploy/web.shop"], None), world(Vec::new()));
    assert!(found.is_empty() && missing[0].contains("by its name: web-0.shop"), "{missing:?}");
}
