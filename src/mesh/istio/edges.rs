//! What Istio's own objects and metrics say of calls and needs.

use super::{REQUESTS, TCP};
use crate::facts::{Facts, Object, Series, kinds};
use crate::mesh::declared::{declare, labelled, running_as, signal, why};
use crate::mesh::observed::{self, Call};
use crate::mesh::view::{Selector, nullable};
use crate::model::{Edge, EdgeClass, Grade, Model, NeedKind, Party, SignalKind};
use serde::Deserialize;

pub fn observed(facts: &Facts, model: &mut Model) {
    let call = |model: &Model, series: &Series| {
        let from = observed::party(model, series.label("source_workload_namespace"), series.label("source_workload"), "")?;
        let service = series.label("destination_service_name");
        let to = match service {
            // Traffic to a host that the registry doesn't know.
            "PassthroughCluster" | "BlackHoleCluster" => Party::External(service.to_owned()),
            _ => observed::party(model, series.label("destination_workload_namespace"), series.label("destination_workload"), "")
                .or_else(|| observed::party(model, series.label("destination_service_namespace"), "", service))?,
        };
        let protocol = Some(series.label("request_protocol")).filter(|p| !p.is_empty()).map(str::to_owned);
        Some(Call { from, to, port: None, protocol })
    };
    REQUESTS.observe(facts, model, call);
    TCP.observe(facts, model, call);
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
    #[serde(deserialize_with = "nullable")]
    action: String,
    #[serde(deserialize_with = "nullable")]
    rules: Vec<Rule>,
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
}

/// Principals that are allowed to call: permission is not traffic, yet somebody wrote down who calls whom.
pub fn authorization(facts: &Facts, model: &mut Model) {
    let mut policies: Vec<(&Object, AuthorizationPolicy)> = Vec::new();
    facts.read(&kinds::ISTIO_AUTHORIZATION_POLICY, |object, policy| policies.push((object, policy)));
    let mut evidence = Vec::new();
    for (object, AuthorizationPolicy { spec }) in policies {
        evidence.push(why("AuthorizationPolicy", object, "spec.action", &*spec.action));
        if !matches!(spec.action.as_str(), "" | "ALLOW") {
            continue;
        }
        let mut callees = labelled(model, &object.namespace, &spec.selector.match_labels);
        callees.retain(|id| model.workloads[*id].counts());
        // A policy for a whole namespace says who may call *something* in it.
        let grade = if spec.selector.match_labels.is_empty() && callees.len() > 1 { Grade::Candidate } else { Grade::Declared };
        for (r, rule) in spec.rules.iter().enumerate() {
            for principal in rule.from.iter().flat_map(|from| &from.source.principals) {
                let Some((namespace, account)) = account_of(principal) else { continue };
                let callers = running_as(model, namespace, account);
                let field = format!("spec.rules[{r}].from.source.principals");
                declare(model, &callers, &callees, grade, &why("AuthorizationPolicy", object, field, &**principal));
            }
        }
    }
    signal(model, NeedKind::Authorization, SignalKind::Evidenced, "AuthorizationPolicies restrict who may call", evidence);
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
    let mut services: Vec<(&Object, VirtualServiceSpec)> = Vec::new();
    facts.read::<VirtualService>(&kinds::ISTIO_VIRTUAL_SERVICE, |object, service| services.push((object, service.spec)));
    let (mut weighted, mut retried) = (Vec::new(), Vec::new());
    for (object, spec) in services {
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
    let mut strict = Vec::new();
    facts.read::<PeerAuthentication>(&kinds::ISTIO_PEER_AUTHENTICATION, |object, peer| {
        if peer.spec.mtls.mode == "STRICT" {
            strict.push(why("PeerAuthentication", object, "spec.mtls.mode", "STRICT"));
        }
    });
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
