//! One object of a release: what it is called, and whose it is said to be.

use super::manifest::Document;
use super::release::json;
use super::value::Value;
use super::yaml::load;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::fmt;

/// What an object is called; the namespace is empty for what is in none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ref {
    pub api_version: String,
    pub kind: String,
    pub namespace: String,
    pub name: String,
}

impl Ref {
    pub fn new(api_version: &str, kind: &str, namespace: &str, name: &str) -> Ref {
        Ref { api_version: api_version.into(), kind: kind.into(), namespace: namespace.into(), name: name.into() }
    }

    pub fn of(object: &serde_json::Value) -> Ref {
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let meta = &object["metadata"];
        Ref {
            api_version: text(&object["apiVersion"]),
            kind: text(&object["kind"]),
            namespace: text(&meta["namespace"]),
            name: text(&meta["name"]),
        }
    }

    /// The same thing, whatever version it is asked in.
    pub fn identity(&self) -> (&str, &str, &str, &str) {
        let group = self.api_version.split_once('/').map_or("", |(group, _)| group);
        (group, &self.kind, &self.namespace, &self.name)
    }
}

impl fmt::Display for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            return write!(f, "{} {}", self.kind, self.name);
        }
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

/// The objects of a document; more than one if it is a `List`.
pub fn objects(document: &Document) -> Result<Vec<serde_json::Value>, String> {
    let wrong = |why: String| format!("{}: {why}", document.source);
    let value = load::document(&document.text).map_err(wrong)?;
    if matches!(value, Value::Nil) {
        return Ok(Vec::new());
    }
    let object = json(&value).map_err(wrong)?;
    let all = match object["items"].as_array() {
        Some(items) if object["kind"] == "List" => items.clone(),
        _ => vec![object],
    };
    for object in &all {
        let named = Ref::of(object);
        if named.api_version.is_empty() || named.kind.is_empty() || named.name.is_empty() {
            return Err(wrong("an object lacks its apiVersion, kind or name".to_owned()));
        }
    }
    Ok(all)
}

const BY: &str = "app.kubernetes.io/managed-by";
const NAME: &str = "meta.helm.sh/release-name";
const NAMESPACE: &str = "meta.helm.sh/release-namespace";
const KEEP: &str = "helm.sh/resource-policy";

/// Marks an object as Helm marks those of its releases.
pub fn mark(object: &mut serde_json::Value, release: &str, namespace: &str) {
    let meta = &mut object["metadata"];
    for (field, key, value) in [("labels", BY, "Helm"), ("annotations", NAME, release), ("annotations", NAMESPACE, namespace)] {
        if !meta[field].is_object() {
            meta[field] = json!({});
        }
        meta[field][key] = value.into();
    }
}

/// The release that an object is marked as part of: name, namespace.
pub fn owner(object: &serde_json::Value) -> Option<(&str, &str)> {
    let annotations = &object["metadata"]["annotations"];
    Some((annotations[NAME].as_str()?, annotations[NAMESPACE].as_str()?))
}

/// Whether somebody has to make the namespace: a cluster begins with a few.
pub fn needs_own_namespace(name: &str) -> bool {
    !matches!(name, "default" | "kube-system" | "kube-public" | "kube-node-lease")
}

/// Whether it makes a kind known to the server.
pub fn defines(object: &serde_json::Value) -> bool {
    object["kind"] == "CustomResourceDefinition"
}

/// Whether it stays when its release goes.
pub fn is_kept(object: &serde_json::Value) -> bool {
    object["metadata"]["annotations"][KEEP].as_str().is_some_and(|policy| policy.trim().eq_ignore_ascii_case("keep"))
}
