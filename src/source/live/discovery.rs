//! Which groups, versions and resources the server has, from one GET of `/apis`.
//!
//! The aggregated form (Kubernetes 1.26 and later) names the resources too; older servers answer the same request with
//! the plain list of groups. Knowing what is there saves a call for each of the forty kinds that most clusters lack.

use super::call::{Caller, Failure};
use crate::facts::Resource;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Aggregated discovery if the server can, the plain list of groups if not.
const ACCEPT: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/// What the server has.
#[derive(Debug)]
pub enum Served {
    Groups(BTreeMap<String, Vec<Version>>),
    /// `/apis` could not be read: every kind is asked for directly.
    Unknown,
}

/// One version of a group; the group's are in the server's order of preference.
#[derive(Debug)]
pub struct Version {
    name: String,
    /// `None`: not told which (plain list, or an aggregated API server that is down).
    plurals: Option<BTreeSet<String>>,
}

/// What to do about one kind.
#[derive(Debug, PartialEq)]
pub enum Plan {
    /// Certainly not there.
    Absent(String),
    /// Ask in these versions, until one is found.
    Ask(Vec<String>),
}

impl Served {
    /// Only a server that can't be reached is an error; one that keeps `/apis` to itself can still be asked directly.
    pub async fn read(caller: &Caller) -> Result<Served, Failure> {
        match caller.get("/apis", ACCEPT).await {
            Ok(body) => Ok(parse(&body).unwrap_or(Served::Unknown)),
            Err(failure @ (Failure::Unconnected(_) | Failure::Credentials(_))) => Err(failure),
            Err(Failure::Refused(refusal)) if refusal.code == 401 => Err(Failure::Refused(refusal)),
            Err(_) => Ok(Served::Unknown),
        }
    }

    pub fn plan(&self, resource: &Resource) -> Plan {
        let wanted = resource.version.to_string();
        let Served::Groups(groups) = self else { return Plan::Ask(vec![wanted]) };
        if resource.group.is_empty() {
            return Plan::Ask(vec![wanted]);
        }
        let Some(versions) = groups.get(resource.group.as_ref()) else {
            return Plan::Absent(format!("the server has no API group {}", resource.group));
        };
        let has = |version: &&Version| version.plurals.as_ref().is_none_or(|plurals| plurals.contains(resource.plural.as_ref()));
        let mut found: Vec<String> = versions.iter().filter(has).map(|version| version.name.clone()).collect();
        if found.is_empty() {
            return Plan::Absent(format!("the server has no {}", resource.qualified()));
        }
        // Ours first, if it is served: the views are written for it. The sort is stable.
        found.sort_by_key(|version| *version != wanted);
        Plan::Ask(found)
    }
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    items: Vec<Item>,
    #[serde(default)]
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Item {
    metadata: Name,
    #[serde(default)]
    versions: Vec<ItemVersion>,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

#[derive(Deserialize)]
struct ItemVersion {
    version: String,
    #[serde(default)]
    resources: Vec<ItemResource>,
    #[serde(default)]
    freshness: String,
}

#[derive(Deserialize)]
struct ItemResource {
    resource: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    name: String,
    #[serde(default)]
    versions: Vec<GroupVersion>,
    preferred_version: Option<GroupVersion>,
}

#[derive(Deserialize)]
struct GroupVersion {
    version: String,
}

pub(super) fn parse(body: &[u8]) -> Option<Served> {
    let document: Document = serde_json::from_slice(body).ok()?;
    let mut groups = BTreeMap::new();
    for item in document.items {
        let versions = item.versions.into_iter().map(|version| Version {
            // "Stale": its API server does not answer now, so what is listed may be incomplete.
            plurals: (version.freshness != "Stale").then(|| version.resources.into_iter().map(|r| r.resource).collect()),
            name: version.version,
        });
        groups.insert(item.metadata.name, versions.collect());
    }
    for group in document.groups {
        let preferred = group.preferred_version.map(|v| v.version).unwrap_or_default();
        let mut versions: Vec<Version> = group.versions.into_iter().map(|v| Version { name: v.version, plurals: None }).collect();
        versions.sort_by_key(|version| version.name != preferred);
        groups.insert(group.name, versions);
    }
    // Every API server has groups: none means that this is no discovery document.
    (!groups.is_empty()).then_some(Served::Groups(groups))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::kinds;

    const AGGREGATED: &str = r#"{"kind":"APIGroupDiscoveryList","items":[
        {"metadata":{"name":"policy.linkerd.io"},"versions":[
            {"version":"v1beta3","resources":[{"resource":"servers"}],"freshness":"Current"},
            {"version":"v1alpha1","resources":[{"resource":"meshtlsauthentications"},{"resource":"servers"}]}]},
        {"metadata":{"name":"custom.io"},"versions":[{"version":"v1","freshness":"Stale"}]}]}"#;

    fn ask(versions: &[&str]) -> Plan {
        Plan::Ask(versions.iter().map(|v| (*v).to_owned()).collect())
    }

    #[test]
    fn aggregated_knows_resources() {
        let served = parse(AGGREGATED.as_bytes()).unwrap();
        assert_eq!(served.plan(&kinds::LINKERD_SERVER), ask(&["v1beta3", "v1alpha1"]));
        assert_eq!(served.plan(&kinds::LINKERD_MESH_TLS_AUTHENTICATION), ask(&["v1alpha1"]));
        assert!(matches!(served.plan(&kinds::LINKERD_AUTHORIZATION_POLICY), Plan::Absent(_)));
        assert!(matches!(served.plan(&kinds::ISTIO_GATEWAY), Plan::Absent(_)));
        assert_eq!(served.plan(&kinds::POD), ask(&["v1"]));
        assert_eq!(served.plan(&Resource::new("custom.io", "v1", "Thing", "things", true)), ask(&["v1"]));
    }

    #[test]
    fn plain_list_orders_by_preference() {
        let text = r#"{"kind":"APIGroupList","groups":[{"name":"networking.istio.io","versions":[{"version":"v1alpha3"},
            {"version":"v1beta1"}],"preferredVersion":{"version":"v1beta1"}}]}"#;
        let served = parse(text.as_bytes()).unwrap();
        assert_eq!(served.plan(&kinds::ISTIO_GATEWAY), ask(&["v1beta1", "v1alpha3"]));
        assert!(parse(b"{}").is_none() && parse(b"<html>").is_none());
    }
}
