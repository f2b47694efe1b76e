//! What differs between two dumps, as far as it means something: the order of resources, versions and times do not.
//!
//! Resources are paired by their name, and elements of lists by theirs, so that one more route is one difference and not
//! a shift of all that follow. Where order does mean something, as in routes and filters, it counts.

use super::certificate::{self, Certificate};
use super::entry::{Boxed, Resource, State};
use super::field::Text;
use super::{Dump, Section, redact, secrets};
use crate::json::Raw;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Fields that change without any meaning.
const MEANINGLESS: [&str; 3] = ["version_info", "last_updated", "client_status"];
/// Lists in which the order has no meaning.
const UNORDERED: [&str; 8] = [
    "domains",
    "lb_endpoints",
    "endpoints",
    "virtual_hosts",
    "filter_chains",
    "match_subject_alt_names",
    "match_typed_subject_alt_names",
    "additional_addresses",
];
/// Fields that name an element of a list.
const NAMES: [&str; 4] = ["name", "cluster_name", "key", "tag"];
/// Of one resource, so many changes are kept.
const KEPT: usize = 200;

/// One field, or one element, that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// `virtual_hosts[web].routes[0].route.timeout`
    pub path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub a: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub b: Option<Value>,
}

/// One resource that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Difference {
    OnlyInA { name: String },
    OnlyInB { name: String },
    Changed { name: String, changes: Vec<Change> },
}

impl Difference {
    /// Of the resource.
    pub fn name(&self) -> &str {
        match self {
            Difference::OnlyInA { name } | Difference::OnlyInB { name } | Difference::Changed { name, .. } => name,
        }
    }
}

/// One section of both dumps.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compared {
    pub section: Section,
    pub equal: usize,
    pub differences: Vec<Difference>,
}

/// By name.
pub(super) type Resources = BTreeMap<String, Value>;

/// Which resources are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    All,
    /// What a control plane sent; not what the bootstrap has.
    Dynamic,
}

/// Both dumps have to be read with their raw text. Sections that one of them lacks are left out; ask [`Dump::has`].
pub fn compare(a: &Dump<'_>, b: &Dump<'_>, sections: &[Section], scope: Scope, now: Timestamp) -> Vec<Compared> {
    let both = sections.iter().copied().filter(|section| a.has(*section) && b.has(*section));
    let of = |dump, section| resources(dump, section, scope, now);
    both.map(|section| compared(section, &of(a, section), &of(b, section))).collect()
}

pub(super) fn compared(section: Section, a: &Resources, b: &Resources) -> Compared {
    let mut compared = Compared { section, equal: 0, differences: Vec::new() };
    let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    for name in names {
        compared.differences.push(match (a.get(name), b.get(name)) {
            (Some(_), None) => Difference::OnlyInA { name: name.clone() },
            (None, Some(_)) => Difference::OnlyInB { name: name.clone() },
            (Some(a), Some(b)) => {
                let mut changes = Vec::new();
                walk(&mut String::new(), "", a, b, &mut changes);
                if changes.is_empty() {
                    compared.equal += 1;
                    continue;
                }
                Difference::Changed { name: name.clone(), changes }
            }
            (None, None) => continue,
        });
    }
    compared
}

fn resources(dump: &Dump<'_>, section: Section, scope: Scope, now: Timestamp) -> Resources {
    match section {
        Section::Bootstrap => all(&dump.bootstrap, scope, "bootstrap"),
        Section::Clusters => all(&dump.clusters, scope, ""),
        Section::Listeners => all(&dump.listeners, scope, ""),
        Section::Routes => all(&dump.routes, scope, ""),
        Section::Endpoints if scope == Scope::Dynamic => of_endpoints(dump),
        Section::Endpoints => all(&dump.endpoints, scope, ""),
        Section::Extensions => all(&dump.extensions, scope, ""),
        Section::Secrets => of_secrets(dump, now),
    }
}

/// Names may repeat, as those of several unnamed inline routes do; then their number tells them apart.
fn all<T>(resources: &[Boxed<'_, T>], scope: Scope, default: &str) -> Resources {
    let mut named: Vec<(String, Value)> = Vec::new();
    let active: BTreeSet<&str> = resources.iter().filter(|one| one.state == State::Active).map(|one| &*one.name).collect();
    // What was sent and serves; what waits for something, where nothing of its name serves.
    let sent = |one: &&Boxed<'_, T>| match one.state {
        State::Active => true,
        State::Warming => !active.contains(&*one.name),
        State::Static | State::Draining | State::Rejected => false,
    };
    for resource in resources.iter().filter(|one| scope == Scope::All || sent(one)) {
        let mut value = resource.raw.map(redact::config).unwrap_or_default();
        if let Some(fields) = value.as_object_mut() {
            MEANINGLESS.iter().for_each(|field| drop(fields.remove(*field)));
            if resource.rejected.is_some() || !resource.state.is_in_use() {
                fields.insert("(state)".to_owned(), state(resource).into());
            }
        }
        let own = NAMES.iter().find_map(|field| value.get(field).and_then(Value::as_str)).filter(|name| !name.is_empty());
        let mut name = own.or(Some(&*resource.name)).filter(|name| !name.is_empty()).unwrap_or(default).to_owned();
        // What drains or waits has the name of what serves.
        if !resource.state.is_in_use() {
            name.push_str(&format!(" ({})", resource.state.name().to_ascii_lowercase()));
        }
        named.push((name, value));
    }
    // The order of those that share a name means nothing.
    named.sort_by(|(a, x), (b, y)| a.cmp(b).then_with(|| x.to_string().cmp(&y.to_string())));
    let mut found = Resources::new();
    named.into_iter().for_each(|(name, value)| insert(&mut found, name, value));
    found
}

fn insert(found: &mut Resources, name: String, value: Value) {
    let free = (1..).map(|n| if n == 1 { name.clone() } else { format!("{name} #{n}") }).find(|name| !found.contains_key(name));
    found.extend(free.map(|name| (name, value)));
}

fn state<T>(resource: &Resource<'_, T>) -> String {
    match (&resource.rejected, resource.state) {
        (Some(_), State::Static | State::Active) => "update rejected".to_owned(),
        (_, state) => state.name().to_ascii_lowercase(),
    }
}

/// Where requests may go: what a control plane sends, without what the proxy fills in. Clusters with endpoints of their
/// own (`STATIC`, `ORIGINAL_DST`, …) are never sent any.
fn of_endpoints(dump: &Dump<'_>) -> Resources {
    let own = |name: &str| {
        let named = dump.clusters.iter().find(|cluster| &*cluster.value.name == name);
        named.is_some_and(|cluster| &*cluster.value.kind != "EDS")
    };
    let mut found = Resources::new();
    dump.endpoints.iter().map(|one| &*one.value.cluster_name).filter(|name| !own(name)).for_each(|name| {
        found.insert(name.to_owned(), serde_json::json!({}));
    });
    for row in super::endpoints::rows(&dump.endpoints, &super::endpoints::Filter::default()) {
        let Some(Value::Object(cluster)) = found.get_mut(row.cluster()) else { continue };
        // Nothing said means healthy, and some proxies say so.
        let status = if row.status() == "UNKNOWN" { "HEALTHY" } else { row.status() };
        let value = serde_json::json!({
            "status": status, "locality": row.locality(), "priority": row.priority(), "weight": row.weight().unwrap_or(1)
        });
        cluster.insert(row.addresses().collect::<Vec<_>>().join(" "), value);
    }
    found
}

/// Leaf certificates are each proxy's own and replaced all day: whose they are and who signed them is what counts. Roots
/// count whole.
fn of_secrets(dump: &Dump<'_>, now: Timestamp) -> Resources {
    let mut found = Resources::new();
    for row in secrets::rows(&dump.secrets, now) {
        let certificates: Vec<Value> = row.certificates.iter().map(identity).collect();
        let value =
            serde_json::json!({ "type": row.kind, "status": row.status, "valid": row.valid, "certificates": certificates });
        insert(&mut found, row.name.to_owned(), value);
    }
    found
}

/// Leaf certificates are each proxy's own and replaced all day: whose they are and who signed them is what counts. Roots
/// count whole.
fn identity(certificate: &Certificate) -> Value {
    let mut value = serde_json::to_value(certificate).unwrap_or_default();
    if let (false, Some(fields)) = (certificate.is_ca, value.as_object_mut()) {
        ["serial_number", "not_before", "not_after"].iter().for_each(|field| drop(fields.remove(*field)));
    }
    value
}

/// The same of a chain that stands in the configuration.
fn chain_identity(source: &Value) -> Value {
    let inline = ["inline_string", "inlineString"].iter().find_map(|field| source.get(field)?.as_str());
    match inline.map(|pem| certificate::read_pem(pem.as_bytes())) {
        Some(Ok(chain)) => chain.iter().map(identity).collect(),
        _ => source.clone(),
    }
}

fn walk(path: &mut String, field: &str, a: &Value, b: &Value, changes: &mut Vec<Change>) {
    if changes.len() >= KEPT {
        return;
    }
    match (a, b) {
        (Value::Object(x), Value::Object(y)) => {
            let keys: BTreeSet<&String> = x.keys().chain(y.keys()).collect();
            for key in keys.into_iter().filter(|key| !MEANINGLESS.contains(&key.as_str())) {
                let dot = if path.is_empty() { "" } else { "." };
                if matches!(key.as_str(), "certificate_chain" | "certificateChain") {
                    let (a, b) = (x.get(key).map(chain_identity), y.get(key).map(chain_identity));
                    step(path, &format!("{dot}{key}"), key, a.as_ref(), b.as_ref(), changes);
                    continue;
                }
                step(path, &format!("{dot}{key}"), key, x.get(key), y.get(key), changes);
            }
        }
        (Value::Array(x), Value::Array(y)) => match (keyed(x), keyed(y)) {
            (Some(named_x), Some(named_y)) if !x.is_empty() && !y.is_empty() => {
                let ordered = !UNORDERED.contains(&field);
                let common = |own: &[(String, &Value)], other: &[(String, &Value)]| -> Vec<String> {
                    own.iter()
                        .filter(|(name, _)| other.iter().any(|(there, _)| there == name))
                        .map(|(name, _)| name.clone())
                        .collect()
                };
                if ordered && common(&named_x, &named_y) != common(&named_y, &named_x) {
                    let order =
                        |named: &[(String, &Value)]| named.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
                    let (a, b) = (order(&named_x).into(), order(&named_y).into());
                    changes.push(Change { path: format!("{path} (order)"), a: Some(a), b: Some(b) });
                }
                let names: BTreeSet<&String> = named_x.iter().chain(&named_y).map(|(name, _)| name).collect();
                for name in names {
                    let find = |named: &[(String, &'_ Value)]| named.iter().position(|(there, _)| there == name);
                    let (x, y) = (find(&named_x).map(|at| named_x[at].1), find(&named_y).map(|at| named_y[at].1));
                    step(path, &format!("[{name}]"), "", x, y, changes);
                }
            }
            _ if UNORDERED.contains(&field) => unordered(path, x, y, changes),
            _ => {
                for at in 0..x.len().max(y.len()) {
                    step(path, &format!("[{at}]"), "", x.get(at), y.get(at), changes);
                }
            }
        },
        _ if a == b => {}
        _ => changes.push(Change { path: path.clone(), a: Some(a.clone()), b: Some(b.clone()) }),
    }
}

fn step(path: &mut String, more: &str, field: &str, a: Option<&Value>, b: Option<&Value>, changes: &mut Vec<Change>) {
    let before = path.len();
    path.push_str(more);
    match (a, b) {
        (Some(a), Some(b)) => walk(path, field, a, b, changes),
        (a, b) => changes.push(Change { path: path.clone(), a: a.cloned(), b: b.cloned() }),
    }
    path.truncate(before);
}

/// The elements by name, if each has one of its own.
fn keyed(elements: &[Value]) -> Option<Vec<(String, &Value)>> {
    // Filter chains rarely have names; what they match is as good.
    let matches = |element: &Value| Some(element.get("filter_chain_match")?.to_string());
    let named = |element: &Value| NAMES.iter().find_map(|field| element.get(field)?.as_str().map(str::to_owned));
    let name = |element: &Value| match element.get("filters") {
        Some(_) => named(element).or_else(|| matches(element)).or_else(|| Some("no match".to_owned())),
        None => named(element),
    };
    let named: Option<Vec<_>> = elements.iter().map(|element| Some((name(element)?, element))).collect();
    let named = named?;
    let distinct: BTreeSet<&String> = named.iter().map(|(name, _)| name).collect();
    (distinct.len() == named.len()).then_some(named)
}

/// Elements that only one side has.
fn unordered(path: &str, a: &[Value], b: &[Value], changes: &mut Vec<Change>) {
    let mut rest: Vec<&Value> = b.iter().collect();
    let mut gone = Vec::new();
    for value in a {
        match rest.iter().position(|other| *other == value) {
            Some(at) => drop(rest.swap_remove(at)),
            None => gone.push(value),
        }
    }
    rest.sort_by_cached_key(|value| value.to_string());
    changes.extend(gone.into_iter().map(|value| Change { path: format!("{path}[]"), a: Some(value.clone()), b: None }));
    changes.extend(rest.into_iter().map(|value| Change { path: format!("{path}[]"), a: None, b: Some(value.clone()) }));
}

/// Names of the resources in which one of these texts stands.
pub fn naming(dump: &Dump<'_>, texts: &[String]) -> BTreeSet<(Section, String)> {
    fn add<T>(found: &mut BTreeSet<(Section, String)>, section: Section, all: &[Boxed<'_, T>], has: impl Fn(&Raw<'_>) -> bool) {
        for one in all {
            let Some(raw) = one.raw.filter(&has) else { continue };
            let own = raw.read::<Named>().map(|named| named.name.0.into_owned()).unwrap_or_default();
            found.insert((section, if own.is_empty() { one.name.to_string() } else { own }));
        }
    }
    let has = |raw: &Raw<'_>| texts.iter().any(|text| raw.get().contains(text.as_str()));
    let mut found = BTreeSet::new();
    add(&mut found, Section::Clusters, &dump.clusters, has);
    add(&mut found, Section::Listeners, &dump.listeners, has);
    add(&mut found, Section::Routes, &dump.routes, has);
    add(&mut found, Section::Extensions, &dump.extensions, has);
    found
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow, default)]
    name: Text<'a>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envoy::Want;
    use serde_json::json;

    fn differences(a: &Value, b: &Value) -> Vec<Compared> {
        let dump = |clusters: &Value| {
            json!({"configs": [{"@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump", "dynamic_active_clusters": clusters}]}).to_string()
        };
        let (a, b) = (dump(a), dump(b));
        let want = Want { sections: &[Section::Clusters], raw: true };
        let (a, b) = (Dump::read(&a, want).unwrap(), Dump::read(&b, want).unwrap());
        compare(&a, &b, &[Section::Clusters, Section::Routes], Scope::All, Timestamp::UNIX_EPOCH)
    }

    fn cluster(name: &str, more: Value) -> Value {
        let mut cluster = json!({"name": name});
        cluster.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"version_info": name, "last_updated": "x", "cluster": cluster})
    }

    #[test]
    fn order_versions_and_times_are_no_difference() {
        let a = json!([cluster("a", json!({"t": 1})), cluster("b", json!({}))]);
        let mut b = json!([cluster("b", json!({})), cluster("a", json!({"t": 1}))]);
        b[0]["version_info"] = "other".into();
        b[1]["last_updated"] = "later".into();
        let found = differences(&a, &b);
        assert_eq!((found.len(), found[0].equal, found[0].differences.len()), (1, 2, 0), "only what both have is compared");
    }

    #[test]
    fn what_is_missing_and_what_changed() {
        let a = json!([
            cluster("a", json!({"connect_timeout": "1s", "l": [{"name": "x", "v": 1}, {"name": "y"}]})),
            cluster("gone", json!({}))
        ]);
        let b = json!([
            cluster("a", json!({"connect_timeout": "5s", "l": [{"name": "y"}, {"name": "x", "v": 2}]})),
            cluster("new", json!({}))
        ]);
        let found = differences(&a, &b).remove(0).differences;
        let Difference::Changed { name, changes } = &found[0] else { panic!("{found:?}") };
        assert_eq!(name, "a");
        let paths: Vec<&str> = changes.iter().map(|change| change.path.as_str()).collect();
        assert_eq!(paths, ["connect_timeout", "l (order)", "l[x].v"]);
        assert_eq!(found[1..], [Difference::OnlyInA { name: "gone".into() }, Difference::OnlyInB { name: "new".into() }]);
    }

    #[test]
    fn endpoints_in_another_order_are_the_same_and_one_more_is_one_more() {
        let host = |ip: &str| json!({"endpoint": {"address": ip}});
        let a = json!([cluster("a", json!({"lb_endpoints": [host("1"), host("2")]}))]);
        assert_eq!(differences(&a, &json!([cluster("a", json!({"lb_endpoints": [host("2"), host("1")]}))]))[0].differences, []);
        let more = json!([cluster("a", json!({"lb_endpoints": [host("3"), host("2"), host("1")]}))]);
        let found = differences(&a, &more).remove(0).differences;
        let Difference::Changed { changes, .. } = &found[0] else { panic!("{found:?}") };
        assert_eq!((changes.len(), changes[0].path.as_str(), changes[0].a.is_none()), (1, "lb_endpoints[]", true));
    }
}
