//! Raw outputs of real meshes → recordings of ours, so that every command can be asked what it says of them.
//!
//! `MESHCTL_RECORDINGS=FOLDER cargo test --test it import` writes `fixtures/imported/MESH/SCENARIO.tar.zst` anew from
//! `FOLDER/MESH/SCENARIO`; without the variable only the rules of the translation are tested. What a folder does not hold
//! stays *not asked*, what its list of CRDs doesn't name is *absent*, and lists of single namespaces are *partial*.

mod protobuf;
mod raw;

use meshctl::facts::{Answer, Facts, Need, Object, Outcome, Resource, SourceKind, kinds};
use meshctl::source::{archive, redact};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const MESHES: [&str; 4] = ["linkerd", "consul", "cilium", "mixed"];

/// Every file of a folder with its name, in order.
fn files(folder: &Path) -> Vec<(String, PathBuf)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut all: Vec<(String, PathBuf)> =
        entries.filter(|path| path.is_file()).filter_map(|path| Some((path.file_name()?.to_str()?.to_owned(), path))).collect();
    all.sort();
    all
}

/// What a file's name says of its content: `shop-consul-pods.json` is of one namespace, `servers.policy.json` of all.
fn listed<'n>(name: &'n str, namespaces: &BTreeSet<String>) -> (&'n str, bool) {
    let stem = name.strip_suffix(".json").unwrap_or(name);
    // The longest first: `shop-consul-` before `consul-`.
    let mut own: Vec<&String> = namespaces.iter().collect();
    own.sort_by_key(|name| std::cmp::Reverse(name.len()));
    let cut = own.iter().find_map(|namespace| stem.strip_prefix(&format!("{namespace}-")));
    (cut.unwrap_or(stem), cut.is_some())
}

fn is(resource: &Resource, stem: &str) -> bool {
    let (plural, group) = stem.split_once('.').unwrap_or((stem, ""));
    // Some are named by the first word of the group only, some by none.
    plural == resource.plural && (group.is_empty() || resource.group.starts_with(group))
}

fn resource_of(object: &Value) -> Option<&'static Resource> {
    let version = object["apiVersion"].as_str()?;
    let group = version.split_once('/').map_or("", |(group, _)| group);
    kinds::ALL.iter().copied().find(|resource| object["kind"] == *resource.kind && resource.group == group)
}

/// The latest time that any object tells, which is when it was recorded.
fn latest(value: &Value, newest: &mut Option<jiff::Timestamp>) {
    const TIMES: [&str; 6] =
        ["creationTimestamp", "lastTimestamp", "renewTime", "lastTransitionTime", "lastHeartbeatTime", "eventTime"];
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| match value.as_str() {
            Some(text) if TIMES.contains(&key.as_str()) => *newest = (*newest).max(text.parse().ok()),
            _ => latest(value, newest),
        }),
        Value::Array(items) => items.iter().for_each(|item| latest(item, newest)),
        _ => {}
    }
}

/// The facts of one scenario.
pub fn import(name: &str, folder: &Path) -> Facts {
    let inner = folder.join("k8s");
    let all = files(if inner.is_dir() { &inner } else { folder });
    let read = |path: &Path| serde_json::from_slice::<Value>(&std::fs::read(path).expect("a file")).ok();
    let named = |wanted: &str| all.iter().find(|(name, _)| name == wanted).map(|(_, path)| path);
    let items = |value: &Value| value["items"].as_array().cloned().unwrap_or_default();
    let spaces = named("namespaces.json").and_then(|path| read(path)).map(|list| items(&list)).unwrap_or_default();
    let namespaces: BTreeSet<String> = spaces.iter().filter_map(|n| Some(n["metadata"]["name"].as_str()?.to_owned())).collect();

    let mut objects: BTreeMap<&Resource, Vec<Object>> = BTreeMap::new();
    let mut partial: BTreeSet<&Resource> = BTreeSet::new();
    let mut newest = None;
    for (file, path) in all.iter().filter(|(file, _)| file.ends_with(".json")) {
        let (stem, of_one) = listed(file, &namespaces);
        // Second looks at what was listed already.
        let known = ["namespaces", "webhooks", "crs", "replicasets-denied"].contains(&stem)
            || kinds::ALL.iter().any(|resource| is(resource, stem));
        let Some(list) = read(path).filter(|list| known && list["items"].is_array()) else { continue };
        latest(&list, &mut newest);
        for resource in kinds::ALL.iter().copied().filter(|resource| is(resource, stem)) {
            // An empty file is an empty list, unless a list of another group bears the same name.
            if items(&list).is_empty() || items(&list).iter().any(|item| resource_of(item) == Some(resource)) {
                objects.entry(resource).or_default();
                partial.extend(of_one.then_some(resource));
            }
        }
        for item in items(&list) {
            if let (Some(resource), Some(object)) = (resource_of(&item), redact::intake(item, None)) {
                objects.entry(resource).or_default().push(object);
            }
        }
    }
    let mut facts = Facts::new(name, SourceKind::Live, newest.unwrap_or(jiff::Timestamp::UNIX_EPOCH));
    let crds = crds(named("crds.txt").map(PathBuf::as_path), objects.get(&kinds::CUSTOM_RESOURCE_DEFINITION));
    for resource in kinds::ALL.iter().copied() {
        let custom = resource.group.contains('.') && !resource.group.ends_with(".k8s.io") || resource.group.contains("gateway");
        let absent = custom && !crds.is_empty() && !crds.contains(&resource.qualified());
        if absent && !objects.contains_key(resource) {
            facts.answer(Need::list(resource), Outcome::Absent("the server has no such kind".to_owned()));
        }
    }
    let some = format!("only namespaces {} were recorded", namespaces.into_iter().collect::<Vec<_>>().join(", "));
    for (resource, mut list) in objects {
        list.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        list.dedup_by(|a, b| (&a.namespace, &a.name) == (&b.namespace, &b.name));
        let partial = (partial.contains(resource) || *resource == kinds::NAMESPACE && !partial.is_empty()).then(|| some.clone());
        facts.insert(Need::list(resource), Answer { outcome: Outcome::Objects(list), at: facts.now, partial });
    }
    let version = named("version.json").and_then(|path| read(path)).map(|v| v.get("serverVersion").cloned().unwrap_or(v));
    if let Some(version) = version.filter(|version| version["gitVersion"].is_string()) {
        facts.answer(Need::Version, Outcome::Text(version.to_string()));
    }
    raw::answer(&mut facts, folder);
    facts
}

/// Names of CRDs, from the objects or from a list with a name at the start of each line.
fn crds(list: Option<&Path>, objects: Option<&Vec<Object>>) -> BTreeSet<String> {
    let text = list.map(|path| std::fs::read_to_string(path).expect("a list")).unwrap_or_default();
    let first = text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned);
    first.chain(objects.into_iter().flatten().map(|object| object.name.to_string())).collect()
}

#[test]
fn recordings_become_snapshots() {
    let Some(from) = std::env::var_os("MESHCTL_RECORDINGS").map(PathBuf::from) else { return };
    let to = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/imported");
    for mesh in MESHES {
        let folder = from.join(mesh);
        let mut scenarios: Vec<(String, PathBuf)> = std::fs::read_dir(&folder)
            .expect("the recordings")
            .flatten()
            .filter(|entry| entry.path().is_dir() && entry.file_name() != "k8s")
            .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
            .collect();
        scenarios.sort();
        if scenarios.is_empty() {
            scenarios.push(("healthy".to_owned(), folder));
        }
        std::fs::create_dir_all(to.join(mesh)).expect("a folder");
        for (scenario, folder) in scenarios {
            let facts = import(&format!("{mesh}-{scenario}"), &folder);
            archive::write(&to.join(format!("{mesh}/{scenario}.tar.zst")), &[facts], true).expect("a recording");
        }
    }
}

#[test]
fn what_is_not_in_a_folder_is_not_called_empty() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a file");
    let list = |items: &str| format!(r#"{{"kind": "List", "items": [{items}]}}"#);
    let named = |kind: &str, version: &str, more: &str| {
        format!(r#"{{"apiVersion": "{version}", "kind": "{kind}", "metadata": {{"name": "a", "namespace": "shop"{more}}}}}"#)
    };
    write("namespaces.json", &list(&named("Namespace", "v1", r#", "creationTimestamp": "2026-11-23T20:00:00Z""#)));
    write("a-pods.json", &list(&named("Pod", "v1", "")));
    write("jobs.json", &list(""));
    write("secrets.json", &list(&named("Secret", "v1", "")));
    write("httproutes.policy.json", &list(""));
    write("crds.txt", "servers.policy.linkerd.io v1beta3\nhttproutes.policy.linkerd.io v1\n");
    let facts = import("made", folder.path());
    let word =
        |resource: &Resource| facts.get(&Need::list(resource)).map(|answer| (answer.outcome.word(), answer.partial.is_some()));
    assert_eq!(word(&kinds::POD), Some(("answered", true)));
    assert_eq!(word(&kinds::JOB), Some(("empty", false)));
    assert_eq!(word(&kinds::DEPLOYMENT), None);
    assert_eq!(word(&kinds::LINKERD_HTTP_ROUTE), Some(("empty", false)));
    assert_eq!(word(&kinds::LINKERD_SERVER), None, "the kind is there, and nobody listed it");
    assert_eq!(word(&kinds::CONSUL_MESH), Some(("absent", false)));
    assert_eq!(facts.now.to_string(), "2026-11-23T20:00:00Z");
    assert!(facts.iter().all(|(need, _)| !need.title().contains("secrets")));
}
