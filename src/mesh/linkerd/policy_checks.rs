//! Policies that name nothing, shut everybody out, or contend for a port. None of it has a status to read.

use crate::facts::{Facts, Object, kinds};
use crate::kubernetes::subject::Subject as Pod;
use crate::mesh::check::{Findings, Subject};
use crate::mesh::scene::Scene;
use crate::mesh::view::nullable;
use crate::model::{Evidence, ServicePort};
use serde::Deserialize;
use std::collections::BTreeMap;

const OPAQUE: &str = "config.linkerd.io/opaque-ports";

#[derive(Deserialize, Default)]
#[serde(default)]
struct Policy {
    spec: PolicySpec,
}
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct PolicySpec {
    target_ref: Reference,
    #[serde(deserialize_with = "nullable")]
    required_authentication_refs: Vec<Reference>,
}
#[derive(Clone, Deserialize, Default)]
#[serde(default)]
struct Reference {
    #[serde(deserialize_with = "nullable")]
    group: String,
    kind: String,
    name: String,
    #[serde(deserialize_with = "nullable")]
    namespace: String,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct Server {
    spec: ServerSpec,
}
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct ServerSpec {
    pod_selector: Option<crate::kubernetes::Selector>,
    port: serde_json::Value,
    #[serde(deserialize_with = "nullable")]
    access_policy: String,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct Authentication {
    spec: AuthenticationSpec,
}
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct AuthenticationSpec {
    #[serde(deserialize_with = "nullable")]
    identity_refs: Vec<Reference>,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct Route {
    spec: RouteSpec,
}
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct RouteSpec {
    #[serde(deserialize_with = "nullable")]
    parent_refs: Vec<Reference>,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct ServerAuthorization {
    spec: ServerAuthorizationSpec,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct ServerAuthorizationSpec {
    server: ServerChoice,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct ServerChoice {
    name: Option<String>,
    selector: Option<crate::kubernetes::Selector>,
}

fn title(kind: &str, object: &Object) -> String {
    format!("{kind} {}/{}", object.namespace, object.name)
}

/// Policies on what isn't there, accounts that nobody has, Servers that let nobody in.
pub fn references(subject: &Subject, findings: &mut Findings) {
    let facts = subject.scene.facts;
    findings.needs(subject.scene, &[&kinds::LINKERD_AUTHORIZATION_POLICY, &kinds::LINKERD_SERVER, &kinds::HTTP_ROUTE]);
    let mut policies: Vec<(&Object, PolicySpec)> = Vec::new();
    facts.read::<Policy>(&kinds::LINKERD_AUTHORIZATION_POLICY, |object, policy| policies.push((object, policy.spec)));
    let there = |resource, namespace: &str, name: &str| {
        facts.objects(resource).iter().any(|o| *o.name == *name && *o.namespace == *namespace)
    };
    for (object, policy) in &policies {
        let target = &policy.target_ref;
        let (resource, kind) = match (target.kind.as_str(), target.group.as_str()) {
            ("Server", _) => (&kinds::LINKERD_SERVER, "Server"),
            ("HTTPRoute", "policy.linkerd.io") => (&kinds::LINKERD_HTTP_ROUTE, "HTTPRoute"),
            ("HTTPRoute", _) => (&kinds::HTTP_ROUTE, "HTTPRoute"),
            ("GRPCRoute", _) => (&kinds::GRPC_ROUTE, "GRPCRoute"),
            _ => continue,
        };
        if facts.seen(resource) && !there(resource, &object.namespace, &target.name) {
            let message = format!(
                "{} is on {kind} {}, which is not there: it allows nobody anything",
                title("AuthorizationPolicy", object),
                target.name
            );
            let evidence = Evidence::new(title("AuthorizationPolicy", object), "spec.targetRef", &target.name);
            findings.error(
                message,
                vec![evidence],
                vec![format!("kubectl get {} -n {}", resource.qualified(), object.namespace)],
            );
        }
    }
    accounts(subject, findings);
    let mut routes: Vec<(&Object, RouteSpec)> = Vec::new();
    for resource in [&kinds::HTTP_ROUTE, &kinds::GRPC_ROUTE, &kinds::LINKERD_HTTP_ROUTE] {
        facts.read::<Route>(resource, |object, route| routes.push((object, route.spec)));
    }
    let servers = servers(subject.scene.facts);
    let mut older: Vec<(&Object, ServerAuthorizationSpec)> = Vec::new();
    facts.read::<ServerAuthorization>(&kinds::LINKERD_SERVER_AUTHORIZATION, |object, one| older.push((object, one.spec)));
    facts.read::<Server>(&kinds::LINKERD_SERVER, |server, view| {
        if !matches!(view.spec.access_policy.as_str(), "" | "deny") {
            return;
        }
        let own = |namespace: &str| *namespace == *server.namespace;
        let on_server = |r: &Reference| r.kind == "Server" && r.name == *server.name;
        let by_policy = policies.iter().any(|(policy, spec)| {
            let target = &spec.target_ref;
            let by_route = || {
                routes
                    .iter()
                    .any(|(route, r)| own(&route.namespace) && *route.name == *target.name && r.parent_refs.iter().any(on_server))
            };
            own(&policy.namespace)
                && (on_server(target) || target.kind == "Namespace" || (target.kind.ends_with("Route") && by_route()))
        });
        let labels: BTreeMap<String, String> = server.read::<crate::mesh::view::Pod>().unwrap_or_default().metadata.labels;
        let by_older = older.iter().any(|(one, spec)| {
            let choice = &spec.server;
            own(&one.namespace)
                && (choice.name.as_deref() == Some(&*server.name) || choice.selector.as_ref().is_some_and(|s| s.matches(&labels)))
        });
        // What an older one governs is told as a conflict; the other denies nothing.
        let shadowed = servers.iter().any(|(older, spec)| {
            age(older) < age(server) && shared(subject.scene, (*older, spec), (server, &view.spec)).is_some()
        });
        if !by_policy && !by_older && !shadowed {
            let message = format!("{} has no authorization: every request to its port is denied", title("Server", server));
            let evidence = Evidence::new(title("Server", server), "spec.accessPolicy", "deny, and no policy names it");
            let fix =
                format!("write an AuthorizationPolicy with targetRef Server {} in namespace {}", server.name, server.namespace);
            findings.error(message, vec![evidence], vec![fix]);
        }
    });
}

/// Identities of accounts that don't exist let nobody in.
fn accounts(subject: &Subject, findings: &mut Findings) {
    let facts = subject.scene.facts;
    if !facts.seen(&kinds::SERVICE_ACCOUNT) {
        findings.needs(subject.scene, &[&kinds::SERVICE_ACCOUNT]);
        return;
    }
    facts.read::<Authentication>(&kinds::LINKERD_MESH_TLS_AUTHENTICATION, |object, view| {
        for reference in view.spec.identity_refs.iter().filter(|r| r.kind == "ServiceAccount") {
            let namespace = if reference.namespace.is_empty() { &*object.namespace } else { &reference.namespace };
            let there =
                facts.objects(&kinds::SERVICE_ACCOUNT).iter().any(|o| *o.name == *reference.name && *o.namespace == *namespace);
            if !there {
                let own = title("MeshTLSAuthentication", object);
                let message = format!(
                    "{own} names ServiceAccount {namespace}/{}, which is not there: nobody has that identity",
                    reference.name
                );
                let evidence = Evidence::new(own, "spec.identityRefs", &reference.name);
                findings.error(message, vec![evidence], vec![format!("kubectl get serviceaccounts -n {namespace}")]);
            }
        }
    });
}

fn servers(facts: &Facts) -> Vec<(&Object, ServerSpec)> {
    let mut servers: Vec<(&Object, ServerSpec)> = Vec::new();
    facts.read::<Server>(&kinds::LINKERD_SERVER, |object, server| servers.push((object, server.spec)));
    servers.sort_by_cached_key(|(object, _)| age(object));
    servers
}

/// Of two that select a port the older governs it, then the first by name.
fn age(server: &Object) -> (String, String) {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct View {
        metadata: Born,
    }
    #[derive(Deserialize, Default)]
    #[serde(default, rename_all = "camelCase")]
    struct Born {
        creation_timestamp: String,
    }
    (server.read::<View>().unwrap_or_default().metadata.creation_timestamp, server.name.to_string())
}

/// A pod of which both select the same port.
fn shared<'s>(
    scene: &'s Scene,
    (first, one): (&Object, &ServerSpec),
    (second, other): (&Object, &ServerSpec),
) -> Option<&'s Pod> {
    let own = scene.pods.iter().filter(|pod| *pod.namespace == *first.namespace && !pod.ended());
    own.filter(|_| first.namespace == second.namespace).find(|pod| {
        let on = |spec: &ServerSpec| {
            let selects = spec.pod_selector.as_ref().is_some_and(|s| s.matches(&pod.labels));
            selects.then(|| number(scene, pod, &spec.port)).flatten()
        };
        on(one).is_some() && on(one) == on(other)
    })
}

/// Two Servers on one port of one pod: the older one governs it, and only a log line says so.
pub fn conflicts(subject: &Subject, findings: &mut Findings) {
    let scene = subject.scene;
    findings.needs(scene, &[&kinds::LINKERD_SERVER, &kinds::POD]);
    let servers = servers(scene.facts);
    for (i, (first, one)) in servers.iter().enumerate() {
        for (second, other) in servers.iter().skip(i + 1) {
            if let Some(pod) = shared(scene, (*first, one), (*second, other)) {
                let message = format!(
                    "{} and {} select the same port of {}: the older one governs it, the other does nothing",
                    title("Server", first),
                    second.name,
                    pod.title()
                );
                let evidence = [(first, one), (second, other)]
                    .map(|(o, s)| Evidence::new(title("Server", o), "spec.port", s.port.to_string()));
                findings.error(
                    message,
                    evidence.to_vec(),
                    vec![format!("kubectl delete servers.policy.linkerd.io -n {} {}", second.namespace, second.name)],
                );
            }
        }
    }
}

/// A port by number, or by its name in the pod.
fn number(scene: &crate::mesh::scene::Scene, pod: &crate::kubernetes::subject::Subject, port: &serde_json::Value) -> Option<u16> {
    if let Some(number) = port.as_u64() {
        return u16::try_from(number).ok();
    }
    let name = port.as_str()?;
    let owner = &scene.model.workloads[pod.owner?];
    owner.main_containers().flat_map(|c| &c.ports).find(|p| p.name == name).map(|p| p.number)
}

/// A Service says opaque and its pods don't, or the other way round: clients and servers then disagree.
pub fn opaque(subject: &Subject, findings: &mut Findings) {
    let scene = subject.scene;
    findings.needs(scene, &[&kinds::SERVICE, &kinds::POD]);
    for service in scene.model.services.iter().filter(|s| s.annotations.contains_key(OPAQUE)) {
        let said = &service.annotations[OPAQUE];
        for port in &service.ports {
            let target = port.target.parse().unwrap_or(port.number);
            if !lists(said, port.number) && !lists(said, target) {
                continue;
            }
            let odd = scene.pods.iter().find(|pod| {
                let selected = service
                    .selector
                    .as_ref()
                    .is_some_and(|s| !s.is_empty() && s.iter().all(|(k, v)| pod.labels.get(k) == Some(v)));
                let own =
                    pod.annotation(OPAQUE).or_else(|| scene.namespace_annotation(&pod.namespace, OPAQUE)).unwrap_or_default();
                *pod.namespace == *service.namespace
                    && selected
                    && !pod.ended()
                    && pod.carries("linkerd-proxy").is_some()
                    && !lists(own, target)
            });
            // Control plane Services are annotated by port of the Service, and their pods by target.
            if let Some(pod) = odd.filter(|pod| pod.label("linkerd.io/control-plane-component").is_none()) {
                let message = format!(
                    "Service {}/{} says that port {} is opaque, and {} does not: no routes, no HTTP metrics, and the two ends disagree{}",
                    service.namespace,
                    service.name,
                    port.number,
                    pod.title(),
                    http(port)
                );
                let evidence = vec![
                    Evidence::new(
                        format!("Service {}/{}", service.namespace, service.name),
                        format!("metadata.annotations[{OPAQUE}]"),
                        said,
                    ),
                    Evidence::new(
                        pod.title(),
                        format!("metadata.annotations[{OPAQUE}]"),
                        pod.annotation(OPAQUE).unwrap_or("not there"),
                    ),
                ];
                findings.warning(
                    message,
                    evidence,
                    vec![
                        format!(
                            "if it speaks HTTP: kubectl annotate service {} -n {} {OPAQUE}-",
                            service.name, service.namespace
                        ),
                        format!("if it doesn't: annotate the pod template with {OPAQUE}: \"{target}\""),
                    ],
                );
            }
        }
    }
}

fn http(port: &ServicePort) -> &'static str {
    let words = [&port.name, &port.app_protocol];
    if words.iter().any(|word| word.contains("http") || word.contains("grpc")) { "; its name says HTTP" } else { "" }
}

/// `8078,9000-9010`.
fn lists(list: &str, port: u16) -> bool {
    list.split(',').any(|part| match part.trim().split_once('-') {
        Some((from, to)) => from.parse().is_ok_and(|from: u16| from <= port) && to.parse().is_ok_and(|to: u16| port <= to),
        None => part.trim().parse() == Ok(port),
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_list_of_ports_may_hold_ranges() {
        assert!(super::lists("25, 8000-8100", 8080) && super::lists("25,587", 587));
        assert!(!super::lists("25,8000-8100", 8101) && !super::lists("", 0));
    }
}
