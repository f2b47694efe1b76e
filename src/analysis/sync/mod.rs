//! The state of every proxy's configuration, judged: the answer of `proxy-status`.
//!
//! Two sources are joined: what control planes say of the proxies connected to them, and the pods that have a proxy.
//! A control plane forgets a proxy whose connection ends, so only the pods tell that one is gone. Where control planes
//! keep no such list, the proxies are asked themselves; so is the agent of a node, which stands for its pods.

mod screen;
#[cfg(test)]
mod tests;
mod told;

use crate::facts::{Facts, SourceKind, kinds};
use crate::kubernetes::subject::Subject;
use crate::mesh::membership::{CONTROL_PLANE, Membership};
use crate::mesh::scene::Scene;
use crate::mesh::sync::{CACHED, Connection, Fleet, Machine, Plane, Subscription, Told, Word, by_name, word};
use crate::mesh::{MESHES, Mesh};
use crate::model::{Installation, Model};
use crate::report::Severity;
use jiff::Timestamp;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

pub use crate::mesh::sync::{Health, age};
pub use screen::{Shown, report, rows};

pub const SCHEMA: &str = "meshctl/proxy-status/v1";

/// A push that is younger is on its way: acknowledgements take milliseconds, and seconds on a busy machine.
pub const IN_FLIGHT_SECONDS: i64 = 10;

/// The revision of what names none.
const DEFAULT: &str = "default";

/// One cluster.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    pub cluster: String,
    pub source: SourceKind,
    pub now: String,
    pub control_planes: Vec<Plane>,
    /// How many of each health, of those shown.
    pub summary: BTreeMap<&'static str, usize>,
    pub proxies: Vec<Proxy>,
    /// What could not be asked, and why.
    pub not_seen: Vec<String>,
    /// Machines that control planes know and that are no pods.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub elsewhere: Vec<Machine>,
    /// So many proxies are there that were not asked to be shown.
    pub left_out: usize,
}

#[derive(Clone, Debug, Serialize)]
pub struct Proxy {
    pub name: String,
    pub namespace: Word,
    /// As the proxy has it; empty where only its pod is known.
    pub cluster: Word,
    pub mesh: &'static str,
    #[serde(rename = "type")]
    pub kind: Word,
    pub version: Option<Word>,
    pub revision: Option<Word>,
    pub control_plane: Option<Word>,
    pub health: Health,
    /// Since when it is not well.
    pub since: Option<Timestamp>,
    pub age_seconds: Option<i64>,
    pub reasons: Vec<String>,
    pub types: Vec<Type>,
    /// Values that the proxy itself gave.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub said: BTreeMap<&'static str, String>,
    #[serde(skip)]
    pub severity: Option<Severity>,
    #[serde(skip)]
    pub labels: BTreeMap<String, String>,
}

/// One type of xDS resources.
#[derive(Clone, Debug, Serialize)]
pub struct Type {
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    pub health: Health,
    pub sent_at: Option<Timestamp>,
    pub age_seconds: Option<i64>,
    pub error: Option<String>,
}

pub fn judge(facts: &Facts, model: &Model) -> Status {
    let scene = Scene::new(facts, model);
    let mut status = Status::of(facts);
    if !facts.seen(&kinds::POD) {
        status.not_seen.push("not every pod was seen, so a proxy without a connection may be missing here".to_owned());
    }
    for mesh in MESHES {
        status.add(*mesh, &scene);
    }
    status.arrange();
    status
}

/// The same of one mesh alone.
pub fn judge_mesh(mesh: &dyn Mesh, scene: &Scene) -> Status {
    let mut status = Status::of(scene.facts);
    status.add(mesh, scene);
    status.arrange();
    status
}

impl Status {
    fn of(facts: &Facts) -> Self {
        Status {
            cluster: facts.cluster.clone(),
            source: facts.kind,
            now: facts.now.to_string(),
            control_planes: Vec::new(),
            summary: BTreeMap::new(),
            proxies: Vec::new(),
            not_seen: Vec::new(),
            elsewhere: Vec::new(),
            left_out: 0,
        }
    }

    fn add(&mut self, mesh: &dyn Mesh, scene: &Scene) {
        let state = mesh.state();
        let all = scene.pods.iter().filter(|pod| !pod.ended() && pod.exists).map(|pod| (pod, state.membership(scene, pod)));
        let members: Vec<(&Subject, Membership)> = all.filter(|(_, m)| m.standing.is_in() && own_proxy(m)).collect();
        let fleet = mesh.sync(scene.facts);
        if members.is_empty() && fleet.as_ref().is_none_or(Fleet::is_empty) {
            return;
        }
        match fleet {
            Some(fleet) => join(self, mesh, &members, fleet, scene.facts, scene.model),
            None => {
                let name = state.name();
                let why = format!("{name} tells nobody what its proxies acknowledged");
                let unknown =
                    |(pod, member): &(&Subject, Membership)| of_pod(pod, member, name, Health::Unknown, vec![why.clone()]);
                self.proxies.extend(members.iter().map(unknown));
            }
        }
    }

    fn arrange(&mut self) {
        let by_name = |a: &Proxy, b: &Proxy| by_name((&a.namespace, &a.name), (&b.namespace, &b.name));
        self.proxies.sort_by(|a, b| a.health.cmp(&b.health).then_with(|| by_name(a, b)));
        self.count();
    }

    pub fn count(&mut self) {
        self.summary.clear();
        self.proxies.iter().for_each(|proxy| *self.summary.entry(proxy.health.word()).or_default() += 1);
    }

    /// Keeps what the user wants to see.
    pub fn retain(&mut self, keep: impl Fn(&Proxy) -> bool) {
        let before = self.proxies.len();
        self.proxies.retain(keep);
        self.left_out += before - self.proxies.len();
        self.count();
    }

    pub fn worst(&self) -> Option<Severity> {
        let planes = self.control_planes.iter().any(|plane| plane.failure.is_some()) || !self.not_seen.is_empty();
        self.proxies.iter().filter_map(|proxy| proxy.severity).chain(planes.then_some(Severity::Warning)).max()
    }
}

/// Proxies of their own. That of a node is a row by itself, told by its mesh; a control plane's is nobody's application.
fn own_proxy(member: &Membership) -> bool {
    member.mode.is_some_and(|mode| mode != CONTROL_PLANE && mode != "ambient" && mode != "per-node")
}

fn join(
    status: &mut Status,
    mesh: &dyn Mesh,
    members: &[(&Subject, Membership)],
    mut fleet: Fleet,
    facts: &Facts,
    model: &Model,
) {
    let name = mesh.state().name();
    if let Some(why) = &fleet.unseen {
        status.not_seen.push(format!("the control planes of {name}: {why}"));
    }
    status.not_seen.extend(fleet.gaps.iter().cloned());
    status.elsewhere.extend(fleet.elsewhere.iter().cloned());
    let connections = fleet.take_newest();
    let pods: BTreeMap<(&str, &str), &(&Subject, Membership)> =
        members.iter().map(|one| ((one.0.namespace.as_str(), one.0.name.as_str()), one)).collect();
    let told: BTreeMap<(&str, &str), &Told> =
        fleet.told.iter().map(|one| ((one.namespace.as_str(), one.proxy.as_str()), one)).collect();
    let mut connected = BTreeSet::new();
    status.proxies.reserve(connections.len());
    for connection in connections {
        let key = connection.key();
        let (pod, told) = (pods.get(&key).copied(), told.get(&key).copied());
        let mut proxy = of_connection(connection, &fleet, name, facts.now);
        // A proxy of a node or of a machine outside has no pod that carries it as a sidecar.
        if let Some((pod, member)) = pod {
            connected.insert((pod.namespace.as_str(), pod.name.as_str()));
            proxy.labels.clone_from(&pod.labels);
            if proxy.kind.is_empty() {
                proxy.kind = kind(member.mode);
            }
            proxy.revision = member.revision.as_deref().map(word).or(proxy.revision);
        }
        if let Some(told) = told {
            told::add(&mut proxy, told, facts.now);
        }
        status.proxies.push(proxy);
    }
    // Where control planes list their proxies, one that they don't know is first of all that; elsewhere its own word counts.
    let alone = !mesh.lists();
    if alone {
        let row = |(key, one): (&(&str, &str), &&Told)| told::row(one, pods.get(key).copied(), name, facts.now);
        status.proxies.extend(told.iter().map(row));
    }
    let installed = |revision: &str| {
        let own = |i: &&Installation| i.id == mesh.id() && i.revision.as_deref().unwrap_or(DEFAULT) == revision;
        model.installations.iter().filter(own).any(|i| !i.namespace.is_empty())
    };
    for (key, (pod, member)) in &pods {
        if connected.contains(key) || (alone && told.contains_key(key)) {
            continue;
        }
        let (health, reasons) = without(pod, member, &fleet, &installed);
        let mut proxy = of_pod(pod, member, name, health, reasons);
        if let Some(told) = told.get(key) {
            told::add(&mut proxy, told, facts.now);
        }
        status.proxies.push(proxy);
    }
    status.control_planes.extend(fleet.planes);
}

/// Of a pod that nobody has a connection of.
fn without(pod: &Subject, member: &Membership, fleet: &Fleet, installed: &dyn Fn(&str) -> bool) -> (Health, Vec<String>) {
    if let Some(why) = &fleet.unseen {
        return (Health::Unknown, vec![format!("its control planes could not be found: {why}")]);
    }
    // Named by its address: nobody knows what other control planes there are.
    if let Some(only) = fleet.planes.iter().find(|plane| plane.revision.is_empty()) {
        let why = match only.failure {
            Some(_) => format!("it may be connected to {}, which gave no answer", only.name),
            None => format!("{}, the only control plane asked, has no connection of it", only.name),
        };
        return (Health::Unknown, vec![why]);
    }
    let revision = member.revision.as_deref().unwrap_or(DEFAULT);
    let asked: Vec<&Plane> = fleet.planes.iter().filter(|plane| plane.revision == revision).collect();
    let silent: Vec<&str> = asked.iter().filter(|plane| plane.failure.is_some()).map(|plane| plane.name.as_str()).collect();
    if asked.is_empty() {
        return match installed(revision) {
            true => (Health::Disconnected, vec![format!("no replica of its control plane (revision {revision}) runs: {CACHED}")]),
            false => {
                let why = format!("no control plane of revision {revision} was seen in this cluster; it may be in another");
                (Health::Unknown, vec![why])
            }
        };
    }
    if !silent.is_empty() {
        return (Health::Unknown, vec![format!("it may be connected to {}, which gave no answer", silent.join(", "))]);
    }
    let waits = pod.containers.iter().find(|c| c.ready == Some(false) && !c.waits_for.is_empty());
    let nobody = match asked.as_slice() {
        [one] => format!("{} has no connection", one.name),
        many => format!("none of {} control planes has a connection", many.len()),
    };
    let mut reasons = vec![format!("its pod has a proxy, and {nobody} of it: {CACHED}")];
    reasons.extend(waits.map(|c| format!("container {} waits: {}", c.name, c.waits_for)));
    (Health::Disconnected, reasons)
}

/// A sidecar is one whichever kind of container it is.
fn kind(mode: Option<&str>) -> Word {
    word(&mode.unwrap_or("unknown").replace("native-", ""))
}

fn of_pod(pod: &Subject, member: &Membership, mesh: &'static str, health: Health, reasons: Vec<String>) -> Proxy {
    Proxy {
        name: pod.name.clone(),
        namespace: word(&pod.namespace),
        cluster: word(""),
        mesh,
        kind: kind(member.mode),
        version: member.version.as_deref().map(word),
        revision: member.revision.as_deref().map(word),
        control_plane: None,
        health,
        since: None,
        age_seconds: None,
        reasons,
        types: Vec::new(),
        said: BTreeMap::new(),
        severity: match health {
            Health::Disconnected => Some(Severity::Error),
            _ => Some(Severity::Info),
        },
        labels: pod.labels.clone(),
    }
}

fn of_connection(connection: Connection, fleet: &Fleet, mesh: &'static str, now: Timestamp) -> Proxy {
    let types: Vec<Type> = connection.types.into_iter().map(|one| of_type(one, now)).collect();
    // A type that was asked for and has nothing to hold stays unsent for good, so only a proxy that got nothing is not well.
    let nothing = !types.is_empty() && types.iter().all(|one| one.health == Health::NotSent);
    let bad = |one: &&Type| one.health < Health::NotSent || (nothing && one.health == Health::NotSent);
    let health = types.iter().filter(bad).map(|one| one.health).min();
    let health = health.unwrap_or(if types.is_empty() { Health::Unknown } else { Health::Synced });
    let mut reasons: Vec<String> = reasons(types.iter().filter(bad).filter(|one| one.health < Health::NotSent));
    match health {
        Health::NotSent => reasons.push("it is connected and its control plane has sent it nothing".to_owned()),
        Health::Unknown => reasons.push("it is connected and has asked for nothing yet".to_owned()),
        _ => {}
    }
    let since = types.iter().filter(|one| one.health == health && health < Health::NotSent);
    let oldest = since.max_by_key(|one| one.age_seconds);
    let age_seconds = oldest.and_then(|one| one.age_seconds);
    let severity = match health {
        Health::Rejected => Some(Severity::Error),
        Health::Stale if age_seconds.is_some_and(|age| age < IN_FLIGHT_SECONDS) => Some(Severity::Info),
        Health::Synced => None,
        _ => Some(Severity::Warning),
    };
    let plane = fleet.planes.get(connection.plane);
    Proxy {
        name: connection.proxy,
        namespace: connection.namespace,
        cluster: connection.cluster,
        mesh,
        kind: connection.kind,
        version: connection.version,
        revision: plane.map(|plane| word(&plane.revision)),
        control_plane: plane.map(|plane| word(&plane.name)),
        health,
        since: oldest.and_then(|one| one.sent_at),
        age_seconds,
        reasons,
        types,
        said: BTreeMap::new(),
        severity,
        labels: BTreeMap::new(),
    }
}

fn of_type(one: Subscription, now: Timestamp) -> Type {
    let health = match one {
        Subscription { error: Some(_), acknowledged: false, .. } => Health::Rejected,
        Subscription { sent: false, .. } => Health::NotSent,
        Subscription { acknowledged: true, .. } => Health::Synced,
        _ => Health::Stale,
    };
    Type {
        kind: one.kind,
        health,
        sent_at: one.at,
        age_seconds: one.at.map(|at| (now.as_second() - at.as_second()).max(0)),
        error: one.error,
    }
}

/// One sentence for types of which the same is to be said.
fn reasons<'t>(types: impl Iterator<Item = &'t Type>) -> Vec<String> {
    let mut said: Vec<(String, Vec<&str>)> = Vec::new();
    for one in types {
        let text = reason(one);
        match said.iter_mut().find(|(known, _)| *known == text) {
            Some((_, kinds)) => kinds.push(&one.kind),
            None => said.push((text, vec![&one.kind])),
        }
    }
    said.into_iter().map(|(text, kinds)| format!("{} {text}", kinds.join(", "))).collect()
}

fn reason(one: &Type) -> String {
    let ago = one.age_seconds.map(|seconds| format!(" {} ago", age(seconds))).unwrap_or_default();
    match one.health {
        Health::Rejected => {
            let said = one.error.as_deref().unwrap_or_default();
            let lines: BTreeSet<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
            let first = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no reason given");
            let more = lines.len().saturating_sub(1);
            let more = if more > 0 { format!(" (and {more} more like it: -o json)") } else { String::new() };
            format!("sent{ago} was refused: {first}{more}")
        }
        _ if one.age_seconds.is_some_and(|age| age < IN_FLIGHT_SECONDS) => {
            format!("sent{ago}, not acknowledged yet: usual for a moment")
        }
        _ => format!("sent{ago}, not acknowledged: the proxy hangs, or its connection does"),
    }
}
