//! Who has which configuration, in the words of xDS and of no mesh: what control planes say they sent to each proxy and
//! what came back, or, where no control plane keeps such a list, what the proxies say themselves.

use jiff::Timestamp;
use serde::Serialize;
use std::borrow::Cow;
use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// The control planes of one mesh, and everybody who is connected to them.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    pub planes: Vec<Plane>,
    pub connections: Vec<Connection>,
    /// Why it is not even known which control planes there are.
    pub unseen: Option<String>,
    /// What the proxies themselves say, where that is the only source.
    pub told: Vec<Told>,
    /// What could not be asked, and what it leaves open.
    pub gaps: Vec<String>,
    /// Machines outside of this cluster that it knows, whose proxies nobody can ask from here.
    pub elsewhere: Vec<Machine>,
}

/// A machine that a control plane knows, and no pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Machine {
    pub name: String,
    pub address: String,
    /// What runs on it, as far as the control plane says: `db (passing)`.
    pub services: Vec<String>,
}

impl Fleet {
    pub fn is_empty(&self) -> bool {
        self.planes.is_empty() && self.connections.is_empty() && self.told.is_empty()
    }

    /// A control plane and those connected to it.
    pub fn add(&mut self, plane: Plane, transport: &'static str, connections: Vec<Connection>) {
        let transport = plane.failure.is_none().then_some(transport);
        self.planes.push(Plane { connections: connections.len(), transport, ..plane });
        // Those of a whole fleet stay where they are.
        if self.connections.is_empty() {
            self.connections = connections;
        } else {
            self.connections.extend(connections);
        }
    }

    /// The connection of each proxy, by namespace and name. One that moved to another replica may stand with both for a
    /// while; the one that sent last has it.
    pub fn newest(&self) -> BTreeMap<(&str, &str), &Connection> {
        let mut all: Vec<&Connection> = self.connections.iter().collect();
        all.sort_by(|a, b| a.before(b));
        all.dedup_by(|later, first| later.key() == first.key());
        all.into_iter().map(|one| (one.key(), one)).collect()
    }

    /// The same connections, in the same order, for those who need no other.
    pub fn take_newest(&mut self) -> Vec<Connection> {
        let mut all = std::mem::take(&mut self.connections);
        all.sort_by(Connection::before);
        all.dedup_by(|later, first| later.key() == first.key());
        all
    }
}

/// What is true of a proxy that no control plane reaches.
pub const CACHED: &str = "it goes on with the configuration it has; new configuration and certificates don't reach it";

/// One replica of a control plane.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Plane {
    pub name: String,
    pub namespace: String,
    pub revision: String,
    /// Why it gave no answer.
    pub failure: Option<String>,
    /// `http` or `grpc`: how it answered.
    pub transport: Option<&'static str>,
    pub connections: usize,
}

impl Plane {
    /// Of what should run and does not.
    pub fn missing(name: &str, namespace: &str, failure: &str) -> Self {
        Plane {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            revision: "default".to_owned(),
            failure: Some(failure.to_owned()),
            ..Plane::default()
        }
    }
}

/// Namespace and name of a proxy's pod.
pub type Key = (String, String);

/// What a control plane would send to one proxy.
#[derive(Clone, Debug)]
pub struct Intended {
    /// The replica that says so.
    pub plane: String,
    /// A dump in Envoy's form, or why there is none.
    pub dump: Result<Arc<Vec<u8>>, String>,
    /// What it should show and trust, where that can be told.
    pub identity: Option<Identity>,
}

/// Who a proxy is, and whom it has to trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Name of the secret with its own certificate.
    pub secret: &'static str,
    /// `None` where it is not known.
    pub trust_domain: Option<String>,
    /// `/ns/shop/sa/web`
    pub path: String,
    /// Name of the secret with the roots.
    pub root_secret: &'static str,
    /// PEM, or why they are not known.
    pub roots: Result<String, String>,
}

/// A word that many proxies have in common.
pub type Word = Arc<str>;

/// A word of which there is one copy for as long as a thread says few others: ten thousand proxies of a namespace don't each
/// have its name.
pub fn word(text: &str) -> Word {
    const FEW: usize = 32;
    thread_local!(static SAID: RefCell<VecDeque<Word>> = const { RefCell::new(VecDeque::new()) });
    SAID.with_borrow_mut(|said| {
        if let Some(known) = said.iter().find(|known| &***known == text) {
            return known.clone();
        }
        let new = Word::from(text);
        said.truncate(FEW - 1);
        said.push_front(new.clone());
        new
    })
}

/// What is in the same place is not looked at.
fn by_word(one: &Word, other: &Word) -> Ordering {
    if Arc::ptr_eq(one, other) { Ordering::Equal } else { one.cmp(other) }
}

/// By namespace, then by name.
pub fn by_name((namespace, name): (&Word, &str), (other, its): (&Word, &str)) -> Ordering {
    by_word(namespace, other).then_with(|| name.cmp(its))
}

/// A proxy, as its control plane knows it.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    pub proxy: String,
    pub namespace: Word,
    /// The cluster that the proxy says it is in.
    pub cluster: Word,
    /// `sidecar`, `gateway`, `waypoint`, `ztunnel`; empty where the control plane doesn't say.
    pub kind: Word,
    pub version: Option<Word>,
    /// Position in [`Fleet::planes`].
    pub plane: usize,
    pub types: Vec<Subscription>,
}

impl Connection {
    pub fn key(&self) -> (&str, &str) {
        (&self.namespace, &self.proxy)
    }

    /// By proxy, of the same the newest first; those that sent at the same time stay as they were told.
    fn before(&self, other: &Connection) -> Ordering {
        let by_name = by_name((&self.namespace, &self.proxy), (&other.namespace, &other.proxy));
        by_name.then_with(|| other.latest().cmp(&self.latest()))
    }

    /// When anything was last sent to it.
    pub fn latest(&self) -> Option<Timestamp> {
        self.types.iter().filter_map(|one| one.at).max()
    }
}

/// One type of resources that a proxy asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Subscription {
    /// `LDS`; the last part of the type's name where there is no short one.
    pub kind: Cow<'static, str>,
    pub sent: bool,
    /// The last that was sent is what was acknowledged.
    pub acknowledged: bool,
    /// Of the last that was sent.
    pub at: Option<Timestamp>,
    /// The proxy's words when it refused.
    pub error: Option<String>,
}

/// How a proxy is, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// It refused what was sent last, and goes on with what it had.
    Rejected,
    /// It has a proxy and no control plane has a connection of it.
    Disconnected,
    /// It has not acknowledged what was sent last.
    Stale,
    /// It asked, and nothing was ever sent.
    NotSent,
    /// Nobody who could tell was heard.
    Unknown,
    Synced,
}

impl Health {
    pub const ALL: [Health; 6] =
        [Health::Rejected, Health::Disconnected, Health::Stale, Health::NotSent, Health::Unknown, Health::Synced];

    pub fn word(self) -> &'static str {
        match self {
            Health::Rejected => "REJECTED",
            Health::Disconnected => "DISCONNECTED",
            Health::Stale => "STALE",
            Health::NotSent => "NOT SENT",
            Health::Unknown => "UNKNOWN",
            Health::Synced => "SYNCED",
        }
    }
}

/// A proxy by its own words, or the agent of a node.
#[derive(Clone, Debug, Default)]
pub struct Told {
    pub proxy: String,
    pub namespace: String,
    /// `agent`; for a pod with a sidecar its membership says it.
    pub kind: Option<&'static str>,
    pub version: Option<String>,
    pub plane: Option<String>,
    pub parts: Vec<Part>,
    /// Values as it gave them, for machines.
    pub said: BTreeMap<&'static str, String>,
    /// Why it said nothing.
    pub silent: Option<String>,
}

/// One part of a proxy's configuration, such as its endpoints, or what it needs to get any.
#[derive(Clone, Debug)]
pub struct Part {
    /// `EDS`, `CERTIFICATE`.
    pub kind: &'static str,
    pub health: Health,
    /// When it became so, where that is known.
    pub at: Option<Timestamp>,
    /// One sentence a fault, with what it is seen by.
    pub why: Vec<String>,
}

impl Part {
    /// The worst of what was found, or that nothing was.
    pub fn of(kind: &'static str, found: Vec<(Health, String)>) -> Self {
        let health = found.iter().map(|(health, _)| *health).min().unwrap_or(Health::Synced);
        Part { kind, health, at: None, why: found.into_iter().filter(|one| one.0 == health).map(|one| one.1).collect() }
    }
}

/// The two largest units that say something: `40s`, `5m`, `3h`, `2d`.
pub fn age(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h{}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d{}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// The short name of a type URL.
pub fn short(type_url: &str) -> Cow<'static, str> {
    let last = type_url.rsplit(['/', '.']).next().unwrap_or(type_url);
    Cow::Borrowed(match last {
        "Cluster" => "CDS",
        "Listener" => "LDS",
        "RouteConfiguration" => "RDS",
        "ScopedRouteConfiguration" => "SRDS",
        "ClusterLoadAssignment" => "EDS",
        "Secret" => "SDS",
        "TypedExtensionConfig" => "ECDS",
        "NameTable" => "NDS",
        "ProxyConfig" => "PCDS",
        "Address" | "Workload" => "WDS",
        "Authorization" => "WADS",
        other => return Cow::Owned(other.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_shared_and_ordered_as_text() {
        assert!(Arc::ptr_eq(&word("shop"), &word("shop")));
        let many: Vec<Word> = (0..100).map(|n| word(&n.to_string())).collect();
        let again = word("shop");
        assert_eq!((&*again, &*many[42]), ("shop", "42"), "also when the first is forgotten");
        for (one, other) in [("a", "b"), ("shop", "shop"), ("", "a")] {
            assert_eq!(by_word(&word(one), &word(other)), one.cmp(other));
            assert_eq!(by_word(&Word::from(one), &word(other)), one.cmp(other));
        }
    }
}
