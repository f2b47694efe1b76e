//! Needs → RBAC rules.

use crate::facts::{Need, Resource};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// One manifest and what a person should know about it.
pub struct Document {
    pub note: String,
    pub manifest: Value,
}

pub struct Roles {
    pub documents: Vec<Document>,
}

impl Roles {
    /// One ClusterRole; with a namespace, a Role there and a ClusterRole for what has no namespace. Metrics come apart.
    pub fn new(needs: &BTreeSet<Need>, name: &str, namespace: Option<&str>) -> Self {
        let asked = || {
            needs.iter().flat_map(|need| match need {
                Need::List { resource } | Need::Select { resource, .. } => vec![(resource, "list")],
                Need::Get { resource, namespace: Some(_), .. } => vec![(resource, "get")],
                // Without a namespace a name is looked for in all of them, and that is a list.
                Need::Get { resource, .. } => vec![(resource, "get"), (resource, "list")],
                // Everybody may ask what he may do.
                Need::Version | Need::Query { .. } | Need::Access { .. } => Vec::new(),
                // Ports and programs of pods come apart.
                Need::PodGet { .. }
                | Need::PodMetrics { .. }
                | Need::Grpc(_)
                | Need::Http(_)
                | Need::Tls { .. }
                | Need::Exec { .. }
                | Need::Ads(_) => Vec::new(),
            })
        };
        let port = |need: &Need| {
            matches!(need, Need::PodGet { .. } | Need::PodMetrics { .. } | Need::Grpc(_) | Need::Http(_) | Need::Tls { .. })
        };
        let ports = needs.iter().any(port);
        let of_waiting = needs.iter().any(|need| matches!(need, Need::PodMetrics { .. }));
        let programs = needs.iter().any(|need| matches!(need, Need::Exec { .. }));
        let queries = needs.iter().any(|need| matches!(need, Need::Query { .. }));
        let mut documents = Vec::new();
        if let Some(namespace) = namespace {
            documents.push(Document {
                note: format!("What is in namespace {namespace}."),
                manifest: manifest("Role", name, Some(namespace), rules(asked().filter(|(resource, _)| resource.namespaced))),
            });
            let mut rest = rules(asked().filter(|(resource, _)| !resource.namespaced));
            rest.push(discovery());
            documents.push(Document {
                note: "What has no namespace.\nBind it with a ClusterRoleBinding, the Role with a RoleBinding.".to_owned(),
                manifest: manifest("ClusterRole", name, None, rest),
            });
        } else {
            let mut all = rules(asked());
            all.push(discovery());
            let note = format!("Bind it: kubectl create clusterrolebinding {name} --clusterrole={name} --user=NAME");
            documents.push(Document { note, manifest: manifest("ClusterRole", name, None, all) });
        }
        if queries {
            documents.push(metrics(name));
        }
        if ports {
            documents.push(proxies(name, programs, of_waiting));
        }
        Roles { documents }
    }
}

/// No more verbs than are used; kinds of a group that take the same ones stand together.
fn rules<'a>(asked: impl Iterator<Item = (&'a Resource, &'static str)>) -> Vec<Value> {
    let mut verbs: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for (resource, verb) in asked {
        verbs.entry((&resource.group, &resource.plural)).or_default().insert(verb);
    }
    let mut groups: BTreeMap<(&str, BTreeSet<&str>), BTreeSet<&str>> = BTreeMap::new();
    for ((group, plural), verbs) in verbs {
        groups.entry((group, verbs)).or_default().insert(plural);
    }
    let rule = |((group, verbs), resources)| json!({ "apiGroups": [group], "resources": resources, "verbs": verbs });
    groups.into_iter().map(rule).collect()
}

/// Which kinds the server has and in which version; `system:discovery` grants the same to everyone on most clusters.
fn discovery() -> Value {
    json!({ "nonResourceURLs": ["/apis", "/version"], "verbs": ["get"] })
}

fn metrics(name: &str) -> Document {
    let note = "Optional: the way to a Prometheus or to Hubble's relay. Without it no call is observed, only declared or\n\
                inferred; `--prometheus URL` needs no such right. A port-forward is a POST, and over a WebSocket,\n\
                where SPDY is not spoken, a GET. Narrower: a Role in the namespace of each.";
    let rule = json!({ "apiGroups": [""], "resources": ["pods/portforward"], "verbs": ["create", "get"] });
    Document { note: note.to_owned(), manifest: manifest("ClusterRole", &format!("{name}-metrics"), None, vec![rule]) }
}

fn proxies(name: &str, programs: bool, of_waiting: bool) -> Document {
    let note = if programs {
        "The way to the admin ports of proxies. Exec asks the agents of nodes that have no port for it, and is tried\n\
         where a port-forward is refused or fails; without it these stay unknown. Narrower: a Role in each namespace\n\
         whose proxies are looked at."
    } else {
        "The way to the admin ports of proxies. Exec is only tried where a port-forward is refused or fails, and\n\
         may be left out. Narrower: a Role in each namespace whose proxies are looked at."
    };
    let mut rules =
        vec![json!({ "apiGroups": [""], "resources": ["pods/exec", "pods/portforward"], "verbs": ["create", "get"] })];
    let mut note = note.to_owned();
    if of_waiting {
        note.push_str("\nThe API server's own proxy is for metrics of pods that no port-forward reaches, and may be left out.");
        rules.push(json!({ "apiGroups": [""], "resources": ["pods/proxy"], "verbs": ["get"] }));
    }
    Document { note, manifest: manifest("ClusterRole", &format!("{name}-proxies"), None, rules) }
}

fn manifest(kind: &str, name: &str, namespace: Option<&str>, rules: Vec<Value>) -> Value {
    let mut metadata = Map::new();
    metadata.insert("name".to_owned(), name.into());
    if let Some(namespace) = namespace {
        metadata.insert("namespace".to_owned(), namespace.into());
    }
    json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata, "rules": rules })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::kinds;

    fn needs() -> BTreeSet<Need> {
        let lists = [&kinds::POD, &kinds::NODE, &kinds::DEPLOYMENT, &kinds::STATEFUL_SET].map(Need::list);
        lists.into_iter().chain([Need::Version, Need::query("up")]).collect()
    }

    #[test]
    fn one_rule_a_group_and_only_list() {
        let roles = Roles::new(&needs(), "meshctl", None);
        let role = &roles.documents[0].manifest;
        assert_eq!(role["kind"], "ClusterRole");
        assert_eq!(role["rules"][0], json!({ "apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["list"] }));
        assert_eq!(role["rules"][1]["resources"], json!(["deployments", "statefulsets"]));
        assert_eq!(role["rules"][2]["verbs"], json!(["get"]));
        assert_eq!(roles.documents.len(), 2, "metrics come apart");
    }

    #[test]
    fn a_namespace_splits_the_role() {
        let roles = Roles::new(&needs(), "meshctl", Some("shop"));
        let [role, rest, _] = roles.documents.as_slice() else { panic!("three documents") };
        assert_eq!((&role.manifest["kind"], &role.manifest["metadata"]["namespace"]), (&json!("Role"), &json!("shop")));
        assert_eq!(role.manifest["rules"][0]["resources"], json!(["pods"]));
        assert_eq!(rest.manifest["rules"][0]["resources"], json!(["nodes"]));
        assert!(!role.manifest.to_string().contains("nonResourceURLs"), "a Role can't grant those");
    }

    #[test]
    fn nothing_observed_needs_no_port_forward() {
        let lists = BTreeSet::from([Need::list(&kinds::POD)]);
        assert_eq!(Roles::new(&lists, "meshctl", None).documents.len(), 1);
    }
}
