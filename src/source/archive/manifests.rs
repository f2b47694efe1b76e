//! Manifests: `--from FILE|DIR|-`, YAML and JSON, as people write them and as kubectl, helm and kustomize print them.
//!
//! Every document stands alone: a bad one becomes a [`Problem`] with file:line:column and the reason, the others count.
//! `List`s are opened, and each item counts as a document. Kinds that no question asks for are left out. If an object
//! comes twice, the later one counts, as with `kubectl apply`, and a problem says so.

mod files;
mod units;
mod windows;

use crate::error::{Error, Kind, Result};
use crate::facts::kinds::{self, Resource};
use crate::facts::{Facts, Need, Object, Outcome, Place, Problem, SourceKind};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use units::Unit;
use windows::{WINDOW, Window};

pub use files::Input;

/// What one document or one item of a list turned out to be.
enum Read {
    Object(usize, Object),
    /// Of a kind that no question asks for.
    Other,
    Bad(Problem),
}

/// Reads all inputs into one set of facts.
pub fn read(from: &str, inputs: &[Input], namespace: Option<&str>, now: Timestamp) -> Result<Facts> {
    let mut facts = Facts::new(from, SourceKind::Manifests, now);
    facts.namespace = namespace.map(str::to_owned);
    let mut seen = Seen::default();
    // Small files are read together, big ones in parts: both keep the cores busy and the memory small.
    let (mut batch, mut weight) = (Vec::new(), 0);
    for input in inputs {
        input.windows(&mut facts.problems, |window, problems| {
            weight += window.bytes.len();
            batch.push(window);
            if weight >= WINDOW / 2 {
                seen.add(std::mem::take(&mut batch), problems);
                weight = 0;
            }
        })?;
    }
    seen.add(batch, &mut facts.problems);
    let Seen { objects, others } = seen;
    if objects.is_empty() && others == 0 {
        return Err(nothing_read(from, &facts.problems));
    }
    group(objects, &mut facts);
    facts.problems.sort_by(|a, b| a.place.cmp(&b.place));
    Ok(facts)
}

/// What was read so far.
#[derive(Default)]
struct Seen {
    objects: Vec<(usize, Object)>,
    others: usize,
}

impl Seen {
    fn add(&mut self, batch: Vec<Window>, problems: &mut Vec<Problem>) {
        let mut units = Vec::new();
        batch.iter().for_each(|window| units::cut(window, &mut units, problems));
        for read in parse_all(&units) {
            match read {
                Read::Object(kind, object) => self.objects.push((kind, object)),
                Read::Other => self.others += 1,
                Read::Bad(problem) => problems.push(problem),
            }
        }
    }
}

fn nothing_read(from: &str, problems: &[Problem]) -> Error {
    let what = if from == "-" { "stdin" } else { from };
    let mut error = Error::new(Kind::Input, format!("no Kubernetes object could be read from {what}"));
    for problem in problems.iter().take(5) {
        error = error.cause(format!("{}: {}", problem.place, problem.reason));
    }
    if problems.len() > 5 {
        error = error.cause(format!("and {} more documents that can't be used", problems.len() - 5));
    }
    if problems.is_empty() {
        error = error.cause("it holds no document");
    }
    error.hint(
        "give manifests as kubectl takes them, for example: kubectl get deploy,svc,cm -A -o yaml | meshctl analyze --from -",
    )
}

/// Parses on all cores; the order is that of the units, whoever is faster.
fn parse_all(units: &[Unit<'_>]) -> Vec<Read> {
    let table = Kinds::new();
    let total: usize = units.iter().map(Unit::weight).sum();
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(16);
    if threads == 1 || total < 64 * 1024 {
        return units.iter().flat_map(|unit| parse(unit, &table)).collect();
    }
    // Several slices a thread, so that one heavy stretch doesn't leave the others idle.
    let share = total / (threads * 4) + 1;
    let mut slices = Vec::new();
    let (mut start, mut weight) = (0, 0);
    for (i, unit) in units.iter().enumerate() {
        weight += unit.weight();
        if weight >= share || i + 1 == units.len() {
            slices.push(&units[start..=i]);
            (start, weight) = (i + 1, 0);
        }
    }
    let next = std::sync::atomic::AtomicUsize::new(0);
    let done = std::sync::Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let i = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some(slice) = slices.get(i) else { break };
                    let read: Vec<Read> = slice.iter().flat_map(|unit| parse(unit, &table)).collect();
                    done.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(i, read);
                }
            });
        }
    });
    done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).into_values().flatten().collect()
}

/// The table of kinds by group and kind, whatever the version.
struct Kinds(BTreeMap<(&'static str, &'static str), usize>);

impl Kinds {
    fn new() -> Self {
        Kinds(kinds::ALL.iter().enumerate().map(|(i, kind)| ((&*kind.group, &*kind.kind), i)).collect())
    }
}

fn parse(unit: &Unit<'_>, table: &Kinds) -> Vec<Read> {
    let (parsed, problem) = units::parse(unit);
    let mut read = Vec::with_capacity(parsed.len());
    for (value, place, items) in parsed {
        accept(value, place, &items, unit, table, &mut read);
    }
    read.extend(problem.map(Read::Bad));
    read
}

/// Whether objects may stand deeper in what is none itself: in a bare array, or under keys of somebody's own.
fn may_hold_objects(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(may_hold_objects),
        Value::Object(members) => members.contains_key("kind") || members.values().any(may_hold_objects),
        _ => false,
    }
}

/// Sorts one value out: an object, a list of objects, or a problem.
fn accept(mut value: Value, place: Place, items: &[Place], unit: &Unit<'_>, table: &Kinds, out: &mut Vec<Read>) {
    let bad = |place: &Place, reason: String| Read::Bad(Problem::new(place.clone(), reason));
    let Some(members) = value.as_object_mut() else {
        match value {
            Value::Null => {}
            other => {
                let reason = "this is not a mapping, so it can't be a Kubernetes object".to_owned();
                out.push(Read::Bad(Problem { place, reason, hides: may_hold_objects(&other) }));
            }
        }
        return;
    };
    if let Some(list) = &unit.list {
        list.stamp(members);
    }
    let word = |key: &str| members.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (kind, version) = (word("kind"), word("apiVersion"));
    if kind.is_empty() || version.is_empty() {
        let missing = match (kind.is_empty(), version.is_empty()) {
            (true, true) => "neither kind nor apiVersion",
            (true, false) => "no kind",
            _ => "no apiVersion",
        };
        let hides = !(kind.is_empty() && version.is_empty()) || may_hold_objects(&value);
        out.push(Read::Bad(Problem { place, reason: format!("{missing}, so it is no Kubernetes object"), hides }));
        return;
    }
    if kind.ends_with("List")
        && let Some(Value::Array(entries)) = members.get_mut("items").map(Value::take)
    {
        let list = units::ListOf::new(&kind, &version);
        let inner = Unit { list: Some(list), ..unit.clone() };
        for (i, entry) in entries.into_iter().enumerate() {
            let place = items.get(i).unwrap_or(&place).clone();
            // A list in a list is no Kubernetes object; depth is bounded by the readers.
            accept(entry, place, &[], &inner, table, out);
        }
        return;
    }
    let group = version.rsplit_once('/').map_or("", |(group, _)| group);
    let Some(index) = table.0.get(&(group, kind.as_str())) else {
        out.push(Read::Other);
        return;
    };
    let name = value.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    if name.contains("{{") {
        out.push(bad(&place, units::HELM.to_owned()));
        return;
    }
    match crate::source::redact::intake(value, Some(place.clone())) {
        Some(object) => out.push(Read::Object(*index, object)),
        None => out.push(bad(&place, format!("this {kind} has no metadata.name"))),
    }
}

/// Groups by kind; of the same object given twice the later one counts.
fn group(objects: Vec<(usize, Object)>, facts: &mut Facts) {
    let mut by_kind: BTreeMap<usize, Vec<Option<Object>>> = BTreeMap::new();
    let mut known: BTreeMap<(usize, Arc<str>, Arc<str>), usize> = BTreeMap::new();
    for (kind, object) in objects {
        let list = by_kind.entry(kind).or_default();
        let outside = facts.namespace.as_ref().is_some_and(|only| !object.namespace.is_empty() && *object.namespace != **only);
        if outside {
            continue;
        }
        let key = (kind, object.namespace.clone(), object.name.clone());
        let named = || serde_json::from_str::<Named>(&object.json).is_ok_and(|object| object.metadata.name.is_some());
        if let Some(earlier) = known.get(&key).copied().filter(|_| named()) {
            let replaced = list[earlier].take().and_then(|object| object.place).unwrap_or_default();
            let name = if object.namespace.is_empty() {
                object.name.to_string()
            } else {
                format!("{}/{}", object.namespace, object.name)
            };
            let reason = format!("{} {name} is also at {replaced}; this later one counts", kinds::ALL[kind].kind);
            facts.problems.push(Problem::notice(object.place.clone().unwrap_or_default(), reason));
        }
        known.insert(key, list.len());
        list.push(Some(object));
    }
    for (kind, list) in by_kind {
        let resource: &Resource = kinds::ALL[kind];
        facts.answer(Need::list(resource), Outcome::Objects(list.into_iter().flatten().collect()));
    }
}

/// `generateName` makes a new object each time, so two of them are not the same.
#[derive(serde::Deserialize)]
struct Named {
    metadata: NamedMetadata,
}

#[derive(serde::Deserialize)]
struct NamedMetadata {
    name: Option<serde::de::IgnoredAny>,
}
