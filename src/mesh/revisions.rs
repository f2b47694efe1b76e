//! Control planes side by side: how namespaces choose among them, and names that stand for one of them.

use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Of a mesh that can run several control planes in one cluster.
pub trait Revisions: Sync {
    /// Labels of a namespace that say which control plane it wants.
    fn keys(&self) -> &'static [&'static str];
    /// The revision, or the name standing for one, that a namespace with these labels wants.
    fn wish(&self, labels: &BTreeMap<String, String>) -> Option<String>;
    /// The labels that want this revision; `None` for one that has to go.
    fn labels(&self, revision: &str) -> BTreeMap<&'static str, Option<String>>;
    /// Names that stand for revisions, from the mutating webhook configurations of a cluster.
    fn tags(&self, webhooks: &[Value]) -> Vec<Tag>;
    /// The revision whose own injector this is.
    fn injector_of(&self, webhook: &Value) -> Option<String>;
    /// The configuration that makes `name` stand for the revision of this injector.
    fn tagged(&self, injector: &Value, tag: &NewTag<'_>) -> Value;
    /// The Service of an injector: namespace and name.
    fn service_of(&self, injector: &Value) -> Option<(String, String)>;
    /// A Service under the tag's name for the same control plane.
    fn tag_service(&self, service: &Value, tag: &str) -> Value;
    /// The injector of the revision that is called as a tag is: it lets go of what the tag takes over.
    fn released(&self, injector: &Value) -> Option<Value>;
    /// The validator that is asked whatever the revision, made to ask this one; `None` if it is asked already.
    fn validator(&self, webhooks: &[Value], revision: &str) -> Option<Value>;
    /// The value of the shared chart that names the revision which serves what is of no revision.
    fn shared_value(&self) -> (&'static str, &'static str);
    /// Whether requests to a cluster of this name tell of these namespaces; `own`: the proxy is in one of them.
    fn counts(&self, cluster: &str, own: bool, namespaces: &[String]) -> bool;
    /// A query for the share of failed requests among those to this namespace, over so many seconds.
    fn failures(&self, namespace: &str, seconds: u64) -> String;
}

/// The revision that has no name of its own.
pub const DEFAULT: &str = "default";

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Tag {
    pub tag: String,
    pub revision: String,
    /// The name of the webhook configuration.
    pub webhook: String,
}

pub struct NewTag<'a> {
    pub name: &'a str,
    /// Of the webhook configuration; empty for the usual one.
    pub webhook: &'a str,
    /// Namespaces without any label are injected as well.
    pub everywhere: bool,
}

/// The revision that is meant by a name: of a tag, or of itself.
pub fn meant<'a>(tags: &'a [Tag], name: &'a str) -> &'a str {
    tags.iter().find(|tag| tag.tag == name).map_or(name, |tag| &tag.revision)
}
