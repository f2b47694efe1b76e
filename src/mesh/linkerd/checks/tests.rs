//! Checks on made objects, each with one thing wrong; the real faults are in the recordings.

use super::CHECKS;
use crate::facts::{Facts, Need, Outcome, kinds};
use crate::mesh::check::{Findings, Subject};
use crate::mesh::linkerd::state::Own;
use crate::mesh::scene::Scene;
use crate::mesh::{model, testing};
use serde_json::{Value, json};

const CONFIG: &str = "linkerdVersion: edge-26.8.3\nclusterNetworks: 10.0.0.0/8\ncontrollerReplicas: 1\n";

fn config(values: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "linkerd-config", "namespace": "linkerd"}, "data": {"values": values}})
}

fn namespace(name: &str, labels: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
}

fn deployment(namespace: &str, name: &str, ready: u32) -> Value {
    let mut object =
        testing::workload("Deployment", name, namespace, &json!({}), json!({"containers": [{"name": "m", "image": "m"}]}));
    object["spec"]["replicas"] = json!(1);
    object["status"] = json!({"readyReplicas": ready});
    object
}

/// Severities and messages of a check, and what it could not see.
fn found(code: &str, facts: &Facts) -> (Vec<String>, Vec<String>) {
    let model = model(facts);
    let scene = Scene::new(facts, &model);
    let installations: Vec<_> = model.installations.iter().filter(|one| one.id == "linkerd").cloned().collect();
    let subject = Subject { scene: &scene, state: &Own, installations: &installations };
    let mut findings = Findings::default();
    (CHECKS.iter().find(|check| check.code == code).expect("the check").run)(&subject, &mut findings);
    (findings.list.into_iter().map(|one| one.message).collect(), findings.unknown)
}

/// Beside a configuration, these objects.
fn said(code: &str, objects: &[Value]) -> Vec<String> {
    let all: Vec<Value> = [config(CONFIG)].into_iter().chain(objects.iter().cloned()).collect();
    found(code, &testing::shop(&all)).0
}

fn one(code: &str, objects: &[Value], words: &str) {
    let said = said(code, objects);
    assert!(said.len() == 1 && said[0].contains(words), "{code}: {said:?}");
}

#[test]
fn parts_that_are_not_there() {
    let crd = |name: &str| json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": name}});
    let none = said("LNK0008", &[]);
    assert!(none.iter().any(|text| text.contains("servers.policy.linkerd.io is not there")), "{none:?}");
    let some = said("LNK0008", &[crd("servers.policy.linkerd.io")]);
    assert_eq!(some.len(), none.len() - 1);
    // Not seen is not absent.
    let mut facts = testing::shop(&[config(CONFIG)]);
    for kind in
        [&kinds::CUSTOM_RESOURCE_DEFINITION, &kinds::MUTATING_WEBHOOK, &kinds::VALIDATING_WEBHOOK, &kinds::SERVICE_ACCOUNT]
    {
        testing::forbid(&mut facts, kind);
    }
    let (said, unknown) = found("LNK0008", &facts);
    assert!(said.is_empty() && unknown.len() == 4, "{said:?} {unknown:?}");
}

#[test]
fn versions_below_the_least() {
    let crd = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "httproutes.gateway.networking.k8s.io", "annotations": {"gateway.networking.k8s.io/bundle-version": "v1.0.0"}}});
    let mut facts = testing::shop(&[config(CONFIG), crd]);
    facts.answer(Need::Version, Outcome::Text(json!({"gitVersion": "v1.20.1"}).to_string()));
    let (said, _) = found("LNK0009", &facts);
    assert!(
        said.len() == 2 && said[0].contains("Kubernetes is v1.20.1") && said[1].contains("Gateway API is v1.0.0"),
        "{said:?}"
    );
    let (_, unknown) = found("LNK0009", &testing::shop(&[config(CONFIG)]));
    assert_eq!(unknown, ["the version of Kubernetes"]);
}

#[test]
fn addresses_outside_of_the_networks() {
    let service = |ip: &str| json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "far", "namespace": "shop"}, "spec": {"clusterIP": ip}});
    assert_eq!(said("LNK0010", &[service("10.1.2.3"),]), Vec::<String>::new());
    assert_eq!(said("LNK0010", &[service("None")]), Vec::<String>::new());
    one("LNK0010", &[service("203.0.113.7")], "Service shop/far (203.0.113.7) lies outside");
    let (_, unknown) = found("LNK0010", &testing::shop(&[config("linkerdVersion: x\n")]));
    assert!(unknown[0].contains("clusterNetworks"), "{unknown:?}");
}

#[test]
fn high_availability_and_the_cni_plugin() {
    let many = config("linkerdVersion: x\ncontrollerReplicas: 3\n");
    let mut part = deployment("linkerd", "linkerd-destination", 1);
    part["spec"]["template"]["metadata"]["labels"] = json!({"linkerd.io/control-plane-component": "destination"});
    let (said, _) = found("LNK0011", &testing::shop(&[many, part, namespace("kube-system", json!({}))]));
    assert!(
        said.len() == 2 && said[0].contains("1 ready replica of 3") && said[1].contains("admission-webhooks=disabled"),
        "{said:?}"
    );
    let (said, _) = found("LNK0012", &testing::shop(&[config("linkerdVersion: x\ncniEnabled: true\n")]));
    assert!(said[0].contains("DaemonSet linkerd-cni is not there"), "{said:?}");
    let mut plugin = testing::workload(
        "DaemonSet",
        "linkerd-cni",
        "linkerd-cni",
        &json!({}),
        json!({"containers": [{"name": "i", "image": "i"}]}),
    );
    plugin["status"] = json!({"numberReady": 1, "desiredNumberScheduled": 2});
    one_of("LNK0012", &[plugin], "ready on 1 of 2 nodes");
}

fn one_of(code: &str, objects: &[Value], words: &str) {
    let said = said(code, objects);
    assert!(said.iter().any(|text| text.contains(words)), "{code}: {said:?}");
}

#[test]
fn extensions_and_misplaced_marks() {
    assert_eq!(said("LNK0015", &[]), Vec::<String>::new());
    let viz = |name: &str| namespace(name, json!({"linkerd.io/extension": "viz"}));
    let parts: Vec<Value> = ["metrics-api", "tap", "tap-injector"]
        .map(|name| deployment("linkerd-viz", name, 1))
        .into_iter()
        .chain([viz("linkerd-viz")])
        .collect();
    one("LNK0015", &parts, "Deployment linkerd-viz/web is not there");
    one_of("LNK0015", &[viz("a"), viz("b")], "claims 2 namespaces: a, b");
    one_of("LNK0015", &[viz("linkerd-viz"), deployment("linkerd-viz", "tap", 0)], "0 of 1 pods");
    one("LNK0014", &[namespace("pay", json!({"linkerd.io/inject": "enabled"}))], "is a label of Namespace pay");
    assert_eq!(
        said("LNK0014", &[namespace("kube-system", json!({"config.linkerd.io/admission-webhooks": "disabled"}))]),
        Vec::<String>::new()
    );
}

#[test]
fn links_and_mirrored_services() {
    let link = json!({"apiVersion": "multicluster.linkerd.io/v1alpha3", "kind": "Link", "metadata": {"name": "east", "namespace": "linkerd-multicluster"}});
    let service = |cluster: &str| {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "cart-east", "namespace": "shop",
        "labels": {"mirror.linkerd.io/mirrored-service": "true", "mirror.linkerd.io/cluster-name": cluster}}, "spec": {}})
    };
    assert_eq!(said("LNK0016", &[]), Vec::<String>::new());
    one("LNK0016", std::slice::from_ref(&link), "Link linkerd-multicluster/east has no service mirror");
    let mirror = |ready| deployment("linkerd-multicluster", "controller-east", ready);
    assert_eq!(said("LNK0016", &[link.clone(), mirror(1)]), Vec::<String>::new());
    one("LNK0016", &[link.clone(), mirror(0)], "is not ready");
    one("LNK0016", &[link, mirror(1), service("east")], "has no endpoints");
    one("LNK0016", &[service("west")], "mirrors cluster west, which has no Link");
}
