//! What Istio's own objects and metrics say of calls and needs.

use super::{REQUESTS, TCP};
use crate::facts::{Facts, Object, Series, kinds};
use crate::kubernetes::{Selector, class, read};
use crate::mesh::declared::{declare, running_as, selected, signal, why};
use crate::mesh::observed::{self, Call};
use crate::mesh::view::nullable;
use crate::model::{Edge, EdgeClass, Grade, Model, NeedKind, Party, Role, SignalKind, WorkloadId};
use serde::Deserialize;

pub fn observed(facts: &Facts, model: &mut Model) {
    let call = |model: &Model, series: &Series| {
        let from = observed::party(model, series.label("source_workload_namespace"), series.label("source_workload"), "")?;
        let protocol = Some(series.label("request_protocol")).filter(|p| !p.is_empty()).map(str::to_owned);
        Some(Call { from, to: called(model, series)?, port: None, protocol })
    };
    REQUESTS.observe(facts, model, call);
    TCP.observe(facts, model, call);
}

fn called(model: &Model, series: &Series) -> Option<Party> {
    let service = series.label("destination_service_name");
    // Traffic to a host that the registry doesn't know.
    if matches!(service, "PassthroughCluster" | "BlackHoleCluster") {
        return Some(Party::External(service.to_owned()));
    }
    let workload =
        observed::party(model, series.label("destination_workload_namespace"), series.label("destination_workload"), "");
    // A waypoint stands in the way; the Service says who is meant.
    let meant = workload.filter(|party| class::role_of(model, party) != Some(Role::Mesh));
    meant
        .or_else(|| observed::party(model, series.label("destination_service_namespace"), "", service))
        .or_else(|| outside_host(service).then(|| Party::External(service.to_owned())))
}

/// A ServiceEntry's host: Services of the cluster are called by their short name here.
fn outside_host(name: &str) -> bool {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '*' | '_'));
    plain && name.contains('.') && !name.ends_with(".local") && !name.contains(".svc")
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct AuthorizationPolicy {
    spec: PolicySpec,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct PolicySpec {
    #[serde(deserialize_with = "nullable")]
    selector: Selector,
    #[serde(rename = "targetRefs", deserialize_with = "nullable")]
    targets: Vec<Target>,
    #[serde(rename = "targetRef")]
    target: Option<Target>,
    #[serde(deserialize_with = "nullable")]
    action: String,
    #[serde(deserialize_with = "nullable")]
    rules: Vec<Rule>,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct Target {
    #[serde(deserialize_with = "nullable")]
    kind: String,
    #[serde(deserialize_with = "nullable")]
    name: String,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct Rule {
    #[serde(deserialize_with = "nullable")]
    from: Vec<From>,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct From {
    source: Sources,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct Sources {
    #[serde(deserialize_with = "nullable")]
    principals: Vec<String>,
    #[serde(rename = "serviceAccounts", deserialize_with = "nullable")]
    accounts: Vec<String>,
}

/// Principals that are allowed to call: permission is not traffic, yet somebody wrote down who calls whom.
pub fn authorization(facts: &Facts, model: &mut Model) {
    let policies: Vec<(&Object, AuthorizationPolicy)> = read(facts, model, &kinds::ISTIO_AUTHORIZATION_POLICY);
    let mut evidence = Vec::new();
    for (object, AuthorizationPolicy { spec }) in policies {
        evidence.push(why("AuthorizationPolicy", object, "spec.action", &*spec.action));
        if !matches!(spec.action.as_str(), "" | "ALLOW") {
            continue;
        }
        let (callees, grade) = spec.callees(model, &object.namespace);
        for (r, rule) in spec.rules.iter().enumerate() {
            for source in rule.from.iter().map(|from| &from.source) {
                let principals = source.principals.iter().map(|p| ("principals", p, account_of(p)));
                let accounts = source
                    .accounts
                    .iter()
                    .map(|a| ("serviceAccounts", a, Some(a.split_once('/').unwrap_or((&*object.namespace, a.as_str())))));
                for (kind, written, account) in principals.chain(accounts) {
                    let Some((namespace, account)) = account else { continue };
                    let callers = running_as(model, namespace, account);
                    let field = format!("spec.rules[{r}].from.source.{kind}");
                    declare(model, &callers, &callees, grade, &why("AuthorizationPolicy", object, field, &**written));
                }
            }
        }
    }
    signal(model, NeedKind::Authorization, SignalKind::Evidenced, "AuthorizationPolicies restrict who may call", evidence);
}

impl PolicySpec {
    /// Whom the policy protects: what a waypoint's target names, or what the selector chooses.
    fn callees(&self, model: &Model, namespace: &str) -> (Vec<WorkloadId>, Grade) {
        let targets: Vec<&Target> = self.targets.iter().chain(&self.target).collect();
        if !targets.is_empty() {
            let services = targets.iter().filter(|t| t.kind == "Service").filter_map(|t| model.service(namespace, &t.name));
            return (services.flat_map(|id| model.services[id].workloads.clone()).collect(), Grade::Declared);
        }
        let mut callees = selected(model, namespace, &self.selector);
        callees.retain(|id| model.workloads[*id].counts());
        // A policy for a whole namespace says who may call *something* in it.
        let whole = self.selector.is_wildcard() && callees.len() > 1;
        (callees, if whole { Grade::Candidate } else { Grade::Declared })
    }
}

/// `TRUST-DOMAIN/ns/NS/sa/SA` → (namespace, account).
fn account_of(principal: &str) -> Option<(&str, &str)> {
    let mut parts = principal.rsplit('/');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(account), Some("sa"), Some(namespace), Some("ns")) => Some((namespace, account)),
        _ => None,
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct VirtualService {
    spec: VirtualServiceSpec,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct VirtualServiceSpec {
    #[serde(deserialize_with = "nullable")]
    gateways: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    http: Vec<HttpRoute>,
    #[serde(deserialize_with = "nullable")]
    tcp: Vec<HttpRoute>,
    #[serde(deserialize_with = "nullable")]
    tls: Vec<HttpRoute>,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct HttpRoute {
    #[serde(deserialize_with = "nullable")]
    route: Vec<Destination>,
    retries: Option<serde_json::Value>,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct Destination {
    destination: Host,
    #[serde(deserialize_with = "nullable")]
    weight: u32,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct Host {
    #[serde(deserialize_with = "nullable")]
    host: String,
    #[serde(deserialize_with = "nullable")]
    port: PortNumber,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct PortNumber {
    number: Option<u16>,
}

/// Routes bound to a gateway are entries; weights and retries show what the mesh is used for.
pub fn routes(facts: &Facts, model: &mut Model) {
    let services: Vec<(&Object, VirtualService)> = read(facts, model, &kinds::ISTIO_VIRTUAL_SERVICE);
    let (mut weighted, mut retried) = (Vec::new(), Vec::new());
    for (object, VirtualService { spec }) in services {
        let entry = spec.gateways.iter().any(|gateway| gateway != "mesh");
        for route in spec.http.iter().chain(&spec.tcp).chain(&spec.tls) {
            let split = route.route.iter().filter(|d| d.weight > 0).count() > 1;
            if split {
                weighted.push(why("VirtualService", object, "spec.http[].route[].weight", "weights"));
            }
            if route.retries.is_some() {
                retried.push(why("VirtualService", object, "spec.http[].retries", "retries"));
            }
            for destination in route.route.iter().filter(|_| entry) {
                let Some((name, namespace)) = service_of(&destination.destination.host, &object.namespace) else { continue };
                if let Some(to) = observed::party(model, namespace, "", name) {
                    let evidence = vec![why(
                        "VirtualService",
                        object,
                        "spec.http[].route[].destination.host",
                        &*destination.destination.host,
                    )];
                    let port = destination.destination.port.number;
                    let grade = Grade::Declared;
                    let class = EdgeClass::Entry;
                    model.add_edge(Edge { from: Party::Outside, to, port, protocol: None, class, grade, rate: None, evidence });
                }
            }
        }
    }
    signal(model, NeedKind::Canary, SignalKind::Evidenced, "VirtualServices split traffic by weight", weighted);
    signal(model, NeedKind::Retries, SignalKind::Evidenced, "VirtualServices set retries", retried);
}

/// `name`, `name.ns`, `name.ns.svc…` → (name, namespace). A host of the outside world has no `svc` in third place.
fn service_of<'a>(host: &'a str, own: &'a str) -> Option<(&'a str, &'a str)> {
    let mut parts = host.split('.');
    match (parts.next()?, parts.next(), parts.next()) {
        (name, None, None) => Some((name, own)),
        (name, Some(namespace), None | Some("svc")) => Some((name, namespace)),
        _ => None,
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct PeerAuthentication {
    spec: PeerSpec,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct PeerSpec {
    #[serde(deserialize_with = "nullable")]
    mtls: Mtls,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct Mtls {
    #[serde(deserialize_with = "nullable")]
    mode: String,
}

/// STRICT is somebody's decision for identity; workload entries are machines outside the cluster.
pub fn outside(facts: &Facts, model: &mut Model) {
    let peers: Vec<(&Object, PeerAuthentication)> = read(facts, model, &kinds::ISTIO_PEER_AUTHENTICATION);
    let strict = peers.iter().filter(|(_, peer)| peer.spec.mtls.mode == "STRICT");
    let strict = strict.map(|(object, _)| why("PeerAuthentication", object, "spec.mtls.mode", "STRICT")).collect();
    signal(model, NeedKind::Identity, SignalKind::Evidenced, "PeerAuthentications demand mTLS (STRICT)", strict);
    let machines = facts.objects(&kinds::ISTIO_WORKLOAD_ENTRY).iter().map(|o| why("WorkloadEntry", o, "", "")).collect();
    signal(
        model,
        NeedKind::VirtualMachines,
        SignalKind::Evidenced,
        "WorkloadEntries name machines outside the cluster",
        machines,
    );
}
