//! Who may call whom, as Linkerd's policy objects write it down.

use crate::facts::{Facts, Object, kinds};
use crate::kubernetes::{Selector, read};
use crate::mesh::declared::{declare, running_as, selected, signal, why};
use crate::mesh::view::nullable;
use crate::model::{Grade, Model, NeedKind, SignalKind, WorkloadId};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Named<T> {
    spec: T,
}
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct PolicySpec {
    target_ref: Reference,
    #[serde(deserialize_with = "nullable")]
    required_authentication_refs: Vec<Reference>,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct Reference {
    #[serde(deserialize_with = "nullable")]
    group: String,
    #[serde(deserialize_with = "nullable")]
    kind: String,
    #[serde(deserialize_with = "nullable")]
    name: String,
    #[serde(deserialize_with = "nullable")]
    namespace: String,
}
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct MeshTls {
    #[serde(deserialize_with = "nullable")]
    identities: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    identity_refs: Vec<Reference>,
    /// Only in a ServerAuthorization.
    #[serde(deserialize_with = "nullable")]
    service_accounts: Vec<Reference>,
}
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Server {
    #[serde(deserialize_with = "nullable")]
    pod_selector: Selector,
}
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Route {
    #[serde(deserialize_with = "nullable")]
    parent_refs: Vec<Reference>,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct ServerAuthorization {
    server: Servers,
    client: Client,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct Servers {
    #[serde(deserialize_with = "nullable")]
    name: String,
    selector: Option<Selector>,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct Client {
    #[serde(rename = "meshTLS", deserialize_with = "nullable")]
    mesh_tls: MeshTls,
}

/// By namespace and name.
type ByName<'a, T> = BTreeMap<(&'a str, &'a str), (&'a Object, T)>;

fn by_name<T>(all: Vec<(&Object, Named<T>)>) -> ByName<'_, T> {
    all.into_iter().map(|(o, view)| ((&*o.namespace, &*o.name), (o, view.spec))).collect()
}

/// The policies, and the older ServerAuthorizations.
pub fn authorization(facts: &Facts, model: &mut Model) {
    let tls: ByName<MeshTls> = by_name(read(facts, model, &kinds::LINKERD_MESH_TLS_AUTHENTICATION));
    let servers: ByName<Server> = by_name(read(facts, model, &kinds::LINKERD_SERVER));
    // Routes are read for everybody already, and what can't be read of them is named there.
    let mut routes: BTreeMap<(&str, &str, &str), Route> = BTreeMap::new();
    for resource in [&kinds::HTTP_ROUTE, &kinds::LINKERD_HTTP_ROUTE] {
        facts.read::<Named<Route>>(resource, |o, view| {
            routes.insert((&*resource.group, &o.namespace, &o.name), view.spec);
        });
    }
    let policies: Vec<(&Object, Named<PolicySpec>)> = read(facts, model, &kinds::LINKERD_AUTHORIZATION_POLICY);

    let mut evidence = Vec::new();
    for (object, Named { spec: policy }) in policies {
        let (own, target) = (&*object.namespace, &policy.target_ref);
        evidence.push(why("AuthorizationPolicy", object, "spec.targetRef", &*target.name));
        let (callees, grade) = match &*target.kind {
            "Server" => (behind(model, &servers, own, &target.name), Grade::Declared),
            "HTTPRoute" => {
                let parents = routes
                    .get(&(&*target.group, own, &target.name))
                    .map(|route| route.parent_refs.as_slice())
                    .unwrap_or_default();
                let named = parents.iter().filter(|parent| parent.kind == "Server");
                (named.flat_map(|parent| behind(model, &servers, own, &parent.name)).collect(), Grade::Declared)
            }
            "Namespace" => everybody(model, &target.name),
            _ => continue,
        };
        for reference in &policy.required_authentication_refs {
            let namespace = reference.within(own);
            let accounts = match &*reference.kind {
                "MeshTLSAuthentication" => tls.get(&(namespace, &reference.name)).map(|(_, t)| t.accounts(namespace)),
                "ServiceAccount" => Some(vec![(namespace, &*reference.name)]),
                _ => None,
            };
            for (caller_namespace, account) in accounts.unwrap_or_default() {
                let callers = running_as(model, caller_namespace, account);
                let text = format!("{}: {account}", reference.name);
                let evidence = why("AuthorizationPolicy", object, "spec.requiredAuthenticationRefs", text);
                declare(model, &callers, &callees, grade, &evidence);
            }
        }
    }
    evidence.extend(server_authorizations(facts, model, &servers));
    let text = "AuthorizationPolicies restrict who may call";
    signal(model, NeedKind::Authorization, SignalKind::Evidenced, text, evidence);
}

fn server_authorizations(facts: &Facts, model: &mut Model, servers: &ByName<Server>) -> Vec<crate::model::Evidence> {
    let all: Vec<(&Object, Named<ServerAuthorization>)> = read(facts, model, &kinds::LINKERD_SERVER_AUTHORIZATION);
    let mut evidence = Vec::new();
    for (object, Named { spec }) in all {
        let own = &*object.namespace;
        evidence.push(why("ServerAuthorization", object, "spec.server", &*spec.server.name));
        let callees: Vec<WorkloadId> = match &spec.server.selector {
            None => behind(model, servers, own, &spec.server.name),
            Some(labels) => {
                let chosen = servers.values().filter(|(o, _)| &*o.namespace == own && labels.matches(&labels_of(o)));
                chosen.flat_map(|(_, server)| selected(model, own, &server.pod_selector)).collect()
            }
        };
        for (namespace, account) in spec.client.mesh_tls.accounts(own) {
            let callers = running_as(model, namespace, account);
            let evidence = why("ServerAuthorization", object, "spec.client.meshTLS", account);
            declare(model, &callers, &callees, Grade::Declared, &evidence);
        }
    }
    evidence
}

fn labels_of(object: &Object) -> BTreeMap<String, String> {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Tagged {
        metadata: crate::mesh::view::Metadata,
    }
    object.read::<Tagged>().unwrap_or_default().metadata.labels
}

fn behind(model: &Model, servers: &ByName<Server>, namespace: &str, server: &str) -> Vec<WorkloadId> {
    let server = servers.get(&(namespace, server));
    server.map(|(_, server)| selected(model, namespace, &server.pod_selector)).unwrap_or_default()
}

/// A policy for a whole namespace says who may call *something* in it.
fn everybody(model: &Model, namespace: &str) -> (Vec<WorkloadId>, Grade) {
    let mut all = selected(model, namespace, &Selector::default());
    all.retain(|id| model.workloads[*id].counts());
    let grade = if all.len() > 1 { Grade::Candidate } else { Grade::Declared };
    (all, grade)
}

impl Reference {
    fn within<'a>(&'a self, own: &'a str) -> &'a str {
        if self.namespace.is_empty() { own } else { &self.namespace }
    }
}

impl MeshTls {
    /// (namespace, service account) of each identity that names one.
    fn accounts<'a>(&'a self, own: &'a str) -> Vec<(&'a str, &'a str)> {
        let refs = self.identity_refs.iter().filter(|r| r.kind == "ServiceAccount").chain(&self.service_accounts);
        let refs = refs.map(|r| (r.within(own), r.name.as_str()));
        let identities = self.identities.iter().filter_map(|identity| {
            let (account, rest) = identity.split_once('.')?;
            let (namespace, rest) = rest.split_once('.')?;
            rest.starts_with("serviceaccount.").then_some((namespace, account))
        });
        refs.chain(identities).collect()
    }
}
