//! Config entries: as custom resources of the cluster, and as Consul's own store has them, which is what its proxies get.
//!
//! A custom resource that is not `Synced` is not in the store, or an older one is; an entry that nobody wrote in Kubernetes has
//! no custom resource. A token that may not read the store leaves the custom resources.

use super::server::{self, servers};
use super::synced;
use crate::envoy::origin::Origin;
use crate::facts::{Facts, Need, Outcome, Resource, kinds};
use crate::mesh::view::{Conditions, nullable};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Mesh,
    ProxyDefaults,
    Defaults,
    Resolver,
    Splitter,
    Router,
    Intentions,
}

impl Kind {
    const ALL: [Kind; 7] =
        [Kind::Mesh, Kind::ProxyDefaults, Kind::Defaults, Kind::Resolver, Kind::Splitter, Kind::Router, Kind::Intentions];

    fn resource(self) -> &'static Resource {
        match self {
            Kind::Mesh => &kinds::CONSUL_MESH,
            Kind::ProxyDefaults => &kinds::CONSUL_PROXY_DEFAULTS,
            Kind::Defaults => &kinds::CONSUL_SERVICE_DEFAULTS,
            Kind::Resolver => &kinds::CONSUL_SERVICE_RESOLVER,
            Kind::Splitter => &kinds::CONSUL_SERVICE_SPLITTER,
            Kind::Router => &kinds::CONSUL_SERVICE_ROUTER,
            Kind::Intentions => &kinds::CONSUL_SERVICE_INTENTIONS,
        }
    }

    fn path(self) -> &'static str {
        match self {
            Kind::Mesh => "v1/config/mesh",
            Kind::ProxyDefaults => "v1/config/proxy-defaults",
            Kind::Defaults => "v1/config/service-defaults",
            Kind::Resolver => "v1/config/service-resolver",
            Kind::Splitter => "v1/config/service-splitter",
            Kind::Router => "v1/config/service-router",
            Kind::Intentions => "v1/config/service-intentions",
        }
    }
}

/// Whether a custom resource stands in Consul.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    Yes,
    /// In the controller's words; whether an older one may be there.
    No {
        said: String,
        older: bool,
    },
}

#[derive(Debug)]
pub struct Entry {
    pub kind: Kind,
    /// Of the service it is about; `*` may stand for all.
    pub service: String,
    pub origin: Origin,
    pub written: Written,
    pub spec: Spec,
}

/// What is read of all kinds; Consul's API begins fields with a capital.
#[derive(Debug, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct Spec {
    #[serde(alias = "Destination")]
    destination: Named,
    #[serde(alias = "Sources", deserialize_with = "nullable")]
    pub sources: Vec<Source>,
    #[serde(alias = "Routes", deserialize_with = "nullable")]
    pub routes: Vec<Route>,
    #[serde(alias = "Splits", deserialize_with = "nullable")]
    pub splits: Vec<Split>,
    #[serde(alias = "DefaultSubset", deserialize_with = "nullable")]
    pub default_subset: String,
    #[serde(alias = "Redirect")]
    pub redirect: Option<IgnoredAny>,
    #[serde(alias = "UpstreamConfig")]
    pub upstream_config: Option<IgnoredAny>,
    #[serde(alias = "EnvoyExtensions", deserialize_with = "nullable")]
    pub envoy_extensions: Vec<Named>,
}
#[derive(Debug, Deserialize, Default)]
#[serde(default)]
pub struct Named {
    #[serde(alias = "Name", deserialize_with = "nullable")]
    pub name: String,
}
#[derive(Debug, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct Source {
    #[serde(alias = "Name", deserialize_with = "nullable")]
    pub name: String,
    #[serde(alias = "Action", deserialize_with = "nullable")]
    pub action: String,
    #[serde(alias = "Permissions", deserialize_with = "nullable")]
    pub permissions: Vec<IgnoredAny>,
    #[serde(alias = "Peer", deserialize_with = "nullable")]
    pub peer: String,
    #[serde(alias = "SamenessGroup", deserialize_with = "nullable")]
    pub sameness_group: String,
}
#[derive(Debug, Deserialize, Default)]
#[serde(default)]
pub struct Route {
    #[serde(alias = "Match", deserialize_with = "nullable")]
    r#match: Match,
}
#[derive(Debug, Deserialize, Default)]
#[serde(default)]
struct Match {
    #[serde(alias = "HTTP", deserialize_with = "nullable")]
    http: HttpMatch,
}
#[derive(Debug, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct HttpMatch {
    #[serde(alias = "PathExact", deserialize_with = "nullable")]
    path_exact: String,
    #[serde(alias = "PathPrefix", deserialize_with = "nullable")]
    path_prefix: String,
    #[serde(alias = "PathRegex", deserialize_with = "nullable")]
    path_regex: String,
}

impl Route {
    /// As routes of an Envoy are shown: `/v2*`.
    pub fn label(&self) -> String {
        let HttpMatch { path_exact, path_prefix, path_regex } = &self.r#match.http;
        match (path_exact.as_str(), path_prefix.as_str(), path_regex.as_str()) {
            ("", "", "") => "/*".to_owned(),
            ("", "", regex) => format!("regex {regex}"),
            ("", prefix, _) => format!("{prefix}*"),
            (exact, ..) => exact.to_owned(),
        }
    }
}

#[derive(Debug, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct Split {
    #[serde(alias = "Weight")]
    pub weight: f64,
    #[serde(alias = "Service", deserialize_with = "nullable")]
    pub service: String,
    #[serde(alias = "ServiceSubset", deserialize_with = "nullable")]
    pub service_subset: String,
}

#[derive(Debug)]
pub struct Entries {
    pub all: Vec<Entry>,
    /// Custom resources that are Synced and not in the store.
    pub lost: BTreeSet<Origin>,
    /// What was not seen, and why.
    pub unseen: BTreeMap<&'static str, String>,
}

pub fn needs(known: &Facts) -> Vec<Need> {
    let pods = Need::Select { resource: kinds::POD.clone(), namespace: None, labels: server::LABELS.to_owned() };
    let first: Vec<Need> = synced::KINDS.iter().map(|kind| Need::list(kind)).chain([pods]).collect();
    if first.iter().any(|need| !known.has(need)) {
        return first;
    }
    store_needs(known).into_iter().chain(first).collect()
}

/// The store, asked of one server.
pub fn store_needs(known: &Facts) -> Vec<Need> {
    let servers = servers(known);
    let asked = servers.iter().find(|server| server.runs());
    asked.map(|server| Kind::ALL.iter().map(|kind| server.ask(kind.path())).collect()).unwrap_or_default()
}

#[derive(Deserialize)]
struct View {
    #[serde(default)]
    spec: Spec,
    #[serde(default, deserialize_with = "nullable")]
    status: Conditions,
}

/// As the API has it: the fields of the entry stand at its top.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Stored {
    /// The only one of its kind has none.
    #[serde(default)]
    name: String,
    #[serde(flatten)]
    spec: Spec,
}

impl Entries {
    pub fn of(facts: &Facts) -> Self {
        let (mut all, mut unseen) = (Vec::new(), BTreeMap::new());
        for kind in Kind::ALL {
            let resource = kind.resource();
            match facts.get(&Need::list(resource)).map(|answer| (&answer.outcome, &answer.partial)) {
                Some((Outcome::Objects(_), None) | (Outcome::Absent(_), _)) => {}
                Some((outcome, _)) => drop(unseen.insert("custom resources of Consul", outcome.word().to_owned())),
                None => drop(unseen.insert("custom resources of Consul", "not asked".to_owned())),
            }
            facts.read::<View>(resource, |object, View { spec, status }| {
                let written = match status.of("Synced") {
                    Some(synced) if synced.is_true() => Written::Yes,
                    Some(synced) => Written::No {
                        said: format!("Synced {}: {}", synced.status, synced.message.replace('\n', " ").replace('\t', "")),
                        older: synced.status == "Unknown",
                    },
                    None => Written::No { said: "no condition Synced: nobody looked at it".to_owned(), older: false },
                };
                let service = if kind == Kind::Intentions { spec.destination.name.clone() } else { object.name.to_string() };
                let (namespace, name) = (object.namespace.to_string(), object.name.to_string());
                let origin = Origin { kind: resource.kind.to_string(), namespace, name };
                all.push(Entry { kind, service, origin, written, spec });
            });
        }
        let lost = Entries::store(facts, &mut all, &mut unseen);
        Entries { all, lost, unseen }
    }

    /// What the store has beside the custom resources, and what of them it lacks.
    fn store(facts: &Facts, all: &mut Vec<Entry>, unseen: &mut BTreeMap<&'static str, String>) -> BTreeSet<Origin> {
        let mut lost = BTreeSet::new();
        let servers = servers(facts);
        let Some(server) = servers.iter().find(|server| server.runs()) else {
            unseen.insert("config entries of Consul's own", "no server of it runs in what was seen".to_owned());
            return lost;
        };
        for kind in Kind::ALL {
            let stored: Vec<Stored> = match server::told::<Vec<Stored>>(facts, server, kind.path()) {
                Ok(stored) if kind == Kind::Mesh => {
                    stored.into_iter().map(|one| Stored { name: "mesh".to_owned(), ..one }).collect()
                }
                Ok(stored) => stored,
                Err(why) => {
                    unseen.insert("config entries of Consul's own", why);
                    continue;
                }
            };
            if let Some(why) = server::partial(facts, server, kind.path()) {
                unseen.insert("config entries of Consul's own", why.to_owned());
                continue;
            }
            let there: BTreeSet<&str> = stored.iter().map(|one| one.name.as_str()).collect();
            let of_kind = all.iter().filter(|entry| entry.kind == kind && entry.written == Written::Yes);
            lost.extend(of_kind.filter(|one| !there.contains(one.service.as_str())).map(|one| one.origin.clone()));
            let written: BTreeSet<String> =
                all.iter().filter(|entry| entry.kind == kind).map(|entry| entry.service.clone()).collect();
            for Stored { name, spec } in stored.into_iter().filter(|one| !written.contains(&one.name)) {
                let origin = Origin { kind: kind.resource().kind.to_string(), namespace: String::new(), name: name.clone() };
                all.push(Entry { kind, service: name, origin, written: Written::Yes, spec });
            }
        }
        lost
    }

    /// What Consul has of this kind for a service.
    pub fn find<'e>(&'e self, kind: Kind, service: &'e str) -> impl Iterator<Item = &'e Entry> {
        let about = move |entry: &&Entry| entry.kind == kind && (entry.service == service || entry.service == "*");
        self.all.iter().filter(about)
    }

    /// The same, of what is in effect: also of one that was replaced by what could not be written.
    pub fn live<'e>(&'e self, kind: Kind, service: &'e str) -> impl Iterator<Item = &'e Entry> {
        let in_effect = |entry: &&Entry| match &entry.written {
            Written::Yes => !self.lost.contains(&entry.origin),
            Written::No { older, .. } => *older,
        };
        self.find(kind, service).filter(in_effect)
    }
}
