//! Rendered files to documents in the order in which they are installed.

use super::value::Value;
use super::yaml::{load, skim};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Helm's order of kinds; what it doesn't name comes last, by name of the kind.
const ORDER: &[&str] = &[
    "PriorityClass",
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
];

const EVENTS: &[&str] = &[
    "pre-install",
    "post-install",
    "pre-delete",
    "post-delete",
    "pre-upgrade",
    "post-upgrade",
    "pre-rollback",
    "post-rollback",
    "test",
    "test-success",
];

/// A document, and the file that it comes from.
#[derive(Clone, Debug)]
pub struct Document {
    pub source: String,
    pub kind: String,
    pub text: String,
}

#[derive(Debug, Default)]
pub struct Manifests {
    pub objects: Vec<Document>,
    pub hooks: Vec<Document>,
    /// Of `crds/`: applied before everything else, never changed or removed by a release.
    pub definitions: Vec<Document>,
    /// The same as they lie in the chart, for printing: path, text.
    pub definition_files: Vec<(String, String)>,
    /// What the chart's `NOTES.txt` says to the user.
    pub notes: String,
}

impl Manifests {
    /// As `helm template` prints them.
    pub fn print(&self) -> String {
        let mut out = format!("{}\n", self.text().trim());
        out.push_str(&print(&self.hooks));
        out
    }

    /// What a release keeps: its objects, without hooks.
    pub fn text(&self) -> String {
        print(&self.objects)
    }
}

impl Manifests {
    /// As `helm template --include-crds` prints them, before everything else.
    pub fn print_definitions(&self) -> String {
        self.definition_files.iter().map(|(source, text)| format!("---\n# Source: {source}\n{text}\n")).collect()
    }
}

fn print(documents: &[Document]) -> String {
    let mut out = String::new();
    for document in documents {
        _ = write!(out, "---\n# Source: {}\n{}\n", document.source, document.text);
    }
    out
}

pub fn sort(rendered: BTreeMap<String, String>, definitions: Vec<(String, String)>) -> Result<Manifests, String> {
    let mut all = Manifests::default();
    all.definition_files.clone_from(&definitions);
    for (source, text) in definitions {
        for text in split(&text) {
            let head = Head::read(&text).map_err(|e| format!("YAML parse error on {source}: {e}"))?;
            all.definitions.push(Document { source: source.clone(), kind: head.kind, text });
        }
    }
    for (source, text) in rendered {
        // A part's notes are not shown, as with Helm.
        if source.matches('/').count() == 2 && source.ends_with("/templates/NOTES.txt") {
            all.notes.clone_from(&text);
        }
        if source.ends_with("NOTES.txt") || text.trim().is_empty() {
            continue;
        }
        for text in split(&text) {
            let head = Head::read(&text).map_err(|e| format!("YAML parse error on {source}: {e}"))?;
            let document = Document { source: source.clone(), kind: head.kind, text };
            match head.hooks {
                None => all.objects.push(document),
                Some(hooks) => {
                    let known = |hook: &str| EVENTS.contains(&hook.trim().to_lowercase().as_str());
                    if hooks.split(',').all(known) {
                        all.hooks.push(document);
                    }
                }
            }
        }
    }
    all.objects.sort_by(|a, b| rank(&a.kind).cmp(&rank(&b.kind)));
    all.hooks.sort_by(|a, b| rank(&a.kind).cmp(&rank(&b.kind)));
    Ok(all)
}

fn rank(kind: &str) -> (usize, &str) {
    match ORDER.iter().position(|known| *known == kind) {
        Some(place) => (place, ""),
        None => (ORDER.len(), kind),
    }
}

/// What may be applied at once: kinds of Helm's order, in that order, as far as one looks at another. Of what the order does not
/// name, each kind by itself.
pub fn wave(kind: &str) -> (usize, &str) {
    let wave = match kind {
        "PriorityClass" | "Namespace" => 0,
        // Whoever binds a role that isn't there needs more rights than who binds one of his own.
        "ClusterRoleBinding" | "ClusterRoleBindingList" | "RoleBinding" | "RoleBindingList" | "Service" => 2,
        "DaemonSet"
        | "Pod"
        | "ReplicationController"
        | "ReplicaSet"
        | "Deployment"
        | "HorizontalPodAutoscaler"
        | "StatefulSet"
        | "Job"
        | "CronJob" => 3,
        "IngressClass" | "Ingress" | "APIService" => 4,
        known if ORDER.contains(&known) => 1,
        other => return (5, other),
    };
    (wave, "")
}

/// The documents of a text that was printed as [`Manifests::print`] does.
pub fn documents(text: &str) -> Vec<String> {
    split(text)
}

/// Cuts at lines that begin with `---`; white space around is dropped, an empty document is not.
fn split(text: &str) -> Vec<String> {
    let text = text.trim();
    let mut documents = Vec::new();
    let mut start = 0;
    let mut from = 0;
    while let Some(found) = text[from..].find("---") {
        let at = from + found;
        // A line's end that belongs to the cut before begins no other: Helm cuts `---` and `---` below it once.
        let line_start = at == 0 || text[start..at].ends_with('\n');
        if !line_start {
            from = at + 3;
            continue;
        }
        let end = text[..at].trim_end().len().max(start);
        push(&text[start..end], &mut documents);
        let after = at + 3;
        start = after + (text[after..].len() - text[after..].trim_start().len());
        from = start;
    }
    push(&text[start..], &mut documents);
    documents
}

fn push(text: &str, documents: &mut Vec<String>) {
    if !text.is_empty() {
        documents.push(text.trim().to_owned());
    }
}

struct Head {
    kind: String,
    hooks: Option<String>,
}

impl Head {
    fn read(text: &str) -> Result<Head, String> {
        // Hooks are few, and plain documents many: of those only the kind counts.
        if let Some(kind) = skim::kind(text).filter(|_| !text.contains("helm.sh/hook")) {
            return Ok(Head { kind: kind.to_owned(), hooks: None });
        }
        let value = load::document(text)?;
        let Value::Map(map) = value else {
            return match value {
                Value::Nil => Ok(Head { kind: String::new(), hooks: None }),
                other => Err(format!("a document is {} and no object", other.type_name())),
            };
        };
        let map = map.entries.borrow();
        let kind = match map.get("kind") {
            Some(Value::Str(kind)) => kind.to_string(),
            _ => String::new(),
        };
        let inner = |value: Option<&Value>, key: &str| value?.as_map()?.entries.borrow().get(key).cloned();
        let annotations = inner(map.get("metadata"), "annotations");
        let hooks = match inner(annotations.as_ref(), "helm.sh/hook") {
            Some(Value::Str(hooks)) => Some(hooks.to_string()),
            _ => None,
        };
        Ok(Head { kind, hooks })
    }
}
