//! The policies that each replica of the policy controller sends × what the objects say × what a proxy counts its requests by.
//!
//! Nothing of this has a status: a replica that has lost its watch goes on sending what it knew, and a proxy that started
//! while no controller was there lets in whom its default lets in. Asked is only where a Server or a route has a say, so that
//! a cluster without policies is asked nothing.

use super::proxy::Heard;
use crate::facts::{Facts, Need, Object, Resource, kinds};
use crate::kubernetes::Selector;
use crate::mesh::linkerd::api::{self, Metadata, OutboundPolicy};
use crate::mesh::linkerd::controllers::{Replica, Silence, Target};
use crate::mesh::linkerd::environment::Environment;
use crate::mesh::sync::Health;
use crate::mesh::view::{Conditions, Pod, nullable};
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeSet;

/// Routes of clients; kinds that the controller may send.
const ROUTES: [&Resource; 3] = [&kinds::HTTP_ROUTE, &kinds::LINKERD_HTTP_ROUTE, &kinds::GRPC_ROUTE];
/// A series that nobody adds to is dropped by the proxy after so many seconds.
const KEPT: i64 = 600;
const COUNTED: [&str; 5] = [
    "inbound_http_authz_allow_total",
    "inbound_http_authz_deny_total",
    "inbound_tcp_authz_allow_total",
    "inbound_tcp_authz_deny_total",
    "inbound_tcp_authz_terminate_total",
];

#[derive(Deserialize, Default)]
#[serde(default)]
struct ServerView {
    metadata: Born,
    spec: ServerSpec,
}
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Born {
    creation_timestamp: String,
    generation: u64,
}
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct ServerSpec {
    pod_selector: Option<Selector>,
    port: serde_json::Value,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct RouteView {
    spec: RouteSpec,
    #[serde(deserialize_with = "nullable")]
    status: RouteStatus,
}
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct RouteSpec {
    #[serde(deserialize_with = "nullable")]
    parent_refs: Vec<Parent>,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct Parent {
    #[serde(deserialize_with = "nullable")]
    kind: String,
    name: String,
    #[serde(deserialize_with = "nullable")]
    namespace: String,
    port: Option<u16>,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct RouteStatus {
    #[serde(deserialize_with = "nullable")]
    parents: Vec<ParentStatus>,
}
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct ParentStatus {
    controller_name: String,
    parent_ref: Parent,
    #[serde(flatten)]
    said: Conditions,
}

struct Server<'f> {
    object: &'f Object,
    view: ServerView,
}

struct Route<'f> {
    resource: &'static Resource,
    object: &'f Object,
    view: RouteView,
}

/// What the objects say.
pub struct Written<'f> {
    facts: &'f Facts,
    /// The older one first: it governs.
    servers: Vec<Server<'f>>,
    routes: Vec<Route<'f>>,
}

/// What only this takes of the cluster's objects.
pub fn lists() -> impl Iterator<Item = &'static Resource> {
    [&kinds::LINKERD_SERVER].into_iter().chain(ROUTES)
}

impl<'f> Written<'f> {
    pub fn of(facts: &'f Facts) -> Self {
        let mut servers = Vec::new();
        facts.read::<ServerView>(&kinds::LINKERD_SERVER, |object, view| servers.push(Server { object, view }));
        servers.sort_by(|a, b| {
            let key = |one: &Server<'f>| (one.view.metadata.creation_timestamp.clone(), one.object.name.clone());
            key(a).cmp(&key(b))
        });
        let mut routes = Vec::new();
        for resource in ROUTES {
            facts.read::<RouteView>(resource, |object, view| routes.push(Route { resource, object, view }));
        }
        Written { facts, servers, routes }
    }

    fn server(&self, pod: &Object, view: &Pod, port: u16) -> Option<&Server<'f>> {
        let numbered = |wanted: &serde_json::Value| match (wanted.as_u64(), wanted.as_str()) {
            (Some(number), _) => u16::try_from(number).ok(),
            (None, Some(name)) => {
                view.all_containers().flat_map(|one| &one.ports).find(|port| port.name == name).map(|port| port.container_port)
            }
            _ => None,
        };
        self.servers.iter().find(|one| {
            let selects = one.view.spec.pod_selector.as_ref().is_some_and(|labels| labels.matches(&view.metadata.labels));
            one.object.namespace == pod.namespace && selects && numbered(&one.view.spec.port) == Some(port)
        })
    }

    /// Routes on a port of a Service, of those that the controller took.
    fn routes(&self, target: &Target) -> impl Iterator<Item = &Route<'f>> {
        let on = |own: &Object, parent: &Parent| {
            let namespace = if parent.namespace.is_empty() { &own.namespace } else { parent.namespace.as_str() };
            parent.kind == "Service"
                && parent.name == target.name
                && namespace == target.namespace
                && parent.port.is_none_or(|port| port == target.port)
        };
        self.routes.iter().filter(move |route| {
            let taken = route.view.status.parents.iter().any(|parent| {
                let accepted = parent.said.of("Accepted").is_some_and(|one| one.is_true());
                parent.controller_name.starts_with("linkerd.io/") && on(route.object, &parent.parent_ref) && accepted
            });
            taken && route.view.spec.parent_refs.iter().any(|parent| on(route.object, parent))
        })
    }

    /// Whether an object that a controller names is there; `None` where nobody can tell.
    fn is_there(&self, group: &str, kind: &str, namespace: &str, name: &str) -> Option<bool> {
        let resource = kinds::ALL.iter().copied().find(|one| one.group == group && one.kind == kind)?;
        let same = |object: &Object| *object.name == *name && *object.namespace == *namespace;
        self.facts.seen(resource).then(|| self.facts.objects(resource).iter().any(same))
    }
}

/// Ports of a proxy of which a Server has a say, or had when the proxy counted.
fn ports(written: &Written, pod: &Object, view: &Pod, environment: &Environment, heard: &Heard) -> BTreeSet<u16> {
    let by_server = COUNTED.iter().flat_map(|name| heard.of(name)).filter(|series| series.label("srv_kind") == "server");
    let counted = by_server.filter_map(|series| series.label("srv_port").parse().ok());
    let declared = environment.ports().into_iter().filter(|port| written.server(pod, view, *port).is_some());
    counted.chain(declared).collect()
}

/// Calls of a proxy that a route has a say in.
fn called<'t>(written: &Written, targets: &'t [Target]) -> Vec<&'t Target> {
    targets.iter().filter(|target| written.routes(target).next().is_some()).collect()
}

pub fn needs(
    written: &Written,
    pod: &Object,
    view: &Pod,
    environment: &Environment,
    heard: &Heard,
    targets: &[Target],
    replicas: &[Replica],
) -> Vec<Need> {
    let (namespace, name) = (&*pod.namespace, &*pod.name);
    let ports = ports(written, pod, view, environment, heard);
    let called = called(written, targets);
    let of = |replica: &Replica| {
        let inbound = ports.iter().map(|port| replica.inbound_need(namespace, name, *port));
        inbound.chain(called.iter().map(|target| replica.outbound_need(namespace, name, target))).collect::<Vec<_>>()
    };
    replicas.iter().flat_map(of).collect()
}

/// One proxy, and everybody who tells of its policies.
pub struct Judged<'j> {
    pub facts: &'j Facts,
    pub written: &'j Written<'j>,
    pub pod: &'j Object,
    pub view: &'j Pod,
    pub environment: &'j Environment,
    pub heard: &'j Heard,
    pub targets: &'j [Target],
    pub replicas: &'j [Replica],
}

impl Judged<'_> {
    /// What is late, and whoever gave no answer.
    pub fn judge(&self, silent: &mut BTreeSet<String>) -> Vec<(Health, String)> {
        if !self.facts.seen(&kinds::LINKERD_SERVER) {
            return Vec::new();
        }
        let mut found = Vec::new();
        for port in ports(self.written, self.pod, self.view, self.environment, self.heard) {
            found.extend(self.inbound(port, silent));
        }
        for target in called(self.written, self.targets) {
            found.extend(self.outbound(target, silent));
        }
        found
    }

    fn inbound(&self, port: u16, silent: &mut BTreeSet<String>) -> Vec<(Health, String)> {
        let governs = self.written.server(self.pod, self.view, port);
        let wanted = governs.map(|one| format!("server {}", one.object.name));
        let (namespace, name) = (&*self.pod.namespace, &*self.pod.name);
        let (mut late, mut heard) = (Vec::new(), 0);
        for replica in self.replicas {
            let sent = match replica.inbound(self.facts, namespace, name, port) {
                Ok(sent) => sent,
                Err(why) => {
                    silent.extend(failure(why));
                    continue;
                }
            };
            heard += 1;
            let label = |key: &str| sent.labels.get(key).map_or("", String::as_str);
            let said = format!("{} {}", label("kind"), label("name"));
            let odd = match &wanted {
                Some(wanted) => said != *wanted,
                None => label("kind") == "server",
            };
            if odd {
                late.push(format!("{} still sends {said}", replica.name));
            }
        }
        let governed = match governs {
            Some(one) => format!("Server {} governs port {port}", one.object.name),
            None => format!("no Server governs port {port}"),
        };
        if !late.is_empty() {
            return vec![(Health::Stale, format!("{governed}, and {}: the controller is late", late.join(", ")))];
        }
        let Some(server) = governs.filter(|_| heard > 0) else { return Vec::new() };
        let by = match self.counts_by(port, server) {
            Some(by) => by,
            None => return Vec::new(),
        };
        let why = format!("{governed}, as the controllers send it, and it counts requests by {by}: the proxy is late");
        vec![(Health::Stale, why)]
    }

    /// What the proxy goes by instead of a Server that has been there, as it is, for longer than a series lives unused.
    fn counts_by(&self, port: u16, server: &Server) -> Option<String> {
        let born: Timestamp = server.view.metadata.creation_timestamp.parse().ok()?;
        let old = self.heard.now.as_second() - born.as_second() > KEPT && server.view.metadata.generation <= 1;
        let of_port = COUNTED.iter().flat_map(|name| self.heard.of(name)).filter(|s| s.label("srv_port").parse() == Ok(port));
        let kinds: BTreeSet<(String, String)> =
            of_port.map(|s| (s.label("srv_kind").to_owned(), s.label("srv_name").to_owned())).collect();
        let own = kinds.iter().any(|(kind, name)| kind == "server" && *name == *server.object.name);
        let (kind, name) = kinds.first().filter(|_| old && !own)?;
        Some(format!("{kind} {name}"))
    }

    fn outbound(&self, target: &Target, silent: &mut BTreeSet<String>) -> Vec<(Health, String)> {
        let (namespace, name) = (&*self.pod.namespace, &*self.pod.name);
        let mut found = Vec::new();
        for replica in self.replicas {
            let policy = match replica.outbound(self.facts, namespace, name, target) {
                Ok(policy) => policy,
                Err(why) => {
                    silent.extend(failure(why));
                    continue;
                }
            };
            let Some(sent) = routes_of(&policy) else { continue };
            let what = self.lacks(target, &sent).or_else(|| self.still_has(target, &sent));
            let of = format!("{}.{}:{}", target.name, target.namespace, target.port);
            found.extend(what.map(|what| (Health::Stale, format!("{of}: {} {what}: the controller is late", replica.name))));
        }
        found
    }

    /// A route that was taken and is not sent. A client's own routes come before those of the Service's namespace, and only
    /// routes of one kind are sent, so those are no measure for the others.
    fn lacks(&self, target: &Target, sent: &[api::Resource]) -> Option<String> {
        let same = |route: &Route, one: &api::Resource| {
            *one.kind == *route.resource.kind
                && (one.group.is_empty() || one.group == route.resource.group)
                && (one.namespace.is_empty() || *one.namespace == *route.object.namespace)
        };
        let missing = self.written.routes(target).find(|route| {
            let comparable = sent.is_empty() || sent.iter().any(|one| same(route, one));
            comparable && !sent.iter().any(|one| same(route, one) && *one.name == *route.object.name)
        })?;
        // One of another client does not concern this one.
        let theirs = *missing.object.namespace != *target.namespace && missing.object.namespace != self.pod.namespace;
        let title = format!("{} {}/{}", missing.resource.kind, missing.object.namespace, missing.object.name);
        (!theirs).then(|| format!("does not send {title}, which is accepted"))
    }

    fn still_has(&self, target: &Target, sent: &[api::Resource]) -> Option<String> {
        let gone = sent.iter().find(|one| {
            let namespace = if one.namespace.is_empty() { &target.namespace } else { &one.namespace };
            self.written.is_there(&one.group, &one.kind, namespace, &one.name) == Some(false)
        })?;
        Some(format!("still sends {} {}, which is not there", gone.kind, gone.name))
    }
}

fn failure(why: Silence) -> Option<String> {
    match why {
        Silence::NotAsked => None,
        Silence::Failed(why) => Some(why),
    }
}

/// The objects behind its HTTP routes; `None` for what is not taken for HTTP.
fn routes_of(policy: &OutboundPolicy) -> Option<Vec<api::Resource>> {
    let protocol = policy.protocol.clone().unwrap_or_default();
    let detected = protocol.detect.and_then(|detect| detect.http1.or(detect.http2));
    let all = detected.or(protocol.http1).or(protocol.http2).or(protocol.grpc)?;
    let resource = |metadata: &Metadata| metadata.resource.clone();
    Some(all.routes.iter().filter_map(|route| resource(route.metadata.as_ref()?)).collect())
}

#[cfg(test)]
mod tests;
