//! What Linkerd's own objects and metrics say of calls and needs.

use super::{GRPC_ROUTES, HTTP_ROUTES, REQUESTS};
use crate::facts::{Facts, Object, Series, kinds};
use crate::kubernetes::observed::pod_party;
use crate::mesh::declared::{declare, labelled, running_as, signal, why};
use crate::mesh::observed::{self, Call};
use crate::mesh::view::{Selector, nullable};
use crate::model::{Grade, Model, NeedKind, Party, SignalKind};
use serde::Deserialize;
use std::collections::BTreeMap;

pub fn observed(facts: &Facts, model: &mut Model) {
    REQUESTS.observe(facts, model, |model, series| {
        let to = ["dst_deployment", "dst_statefulset"]
            .iter()
            .find_map(|label| observed::party(model, series.label("dst_namespace"), series.label(label), ""))
            .or_else(|| observed::party(model, series.label("dst_namespace"), "", series.label("dst_service")))?;
        Some(Call { from: client(model, series)?, to, port: None, protocol: Some("http".to_owned()) })
    });
    for (metric, protocol) in [(&HTTP_ROUTES, "http"), (&GRPC_ROUTES, "grpc")] {
        metric.observe(facts, model, |model, series| {
            let to = observed::party(model, series.label("parent_namespace"), "", series.label("parent_name"))?;
            let port = series.label("parent_port").parse().ok();
            Some(Call { from: client(model, series)?, to, port, protocol: Some(protocol.to_owned()) })
        });
    }
}

/// The proxy doesn't say whose it is; the scrape does, by an owner label or by the pod's name.
fn client(model: &Model, series: &Series) -> Option<Party> {
    let namespace = series.label("namespace");
    ["deployment", "statefulset", "daemonset", "k8s_job"]
        .iter()
        .find_map(|label| observed::party(model, namespace, series.label(label), ""))
        .or_else(|| pod_party(model, namespace, series.label("pod")))
}

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
}
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Server {
    #[serde(deserialize_with = "nullable")]
    pod_selector: Selector,
}

/// AuthorizationPolicy → its Server's pods, from the identities of its MeshTLSAuthentication.
pub fn authorization(facts: &Facts, model: &mut Model) {
    let mut tls: BTreeMap<(&str, &str), MeshTls> = BTreeMap::new();
    facts.read::<Named<MeshTls>>(&kinds::LINKERD_MESH_TLS_AUTHENTICATION, |o, view| {
        tls.insert((&o.namespace, &o.name), view.spec);
    });
    let mut servers: BTreeMap<(&str, &str), Server> = BTreeMap::new();
    facts.read::<Named<Server>>(&kinds::LINKERD_SERVER, |o, view| {
        servers.insert((&o.namespace, &o.name), view.spec);
    });
    let mut policies: Vec<(&Object, PolicySpec)> = Vec::new();
    facts.read::<Named<PolicySpec>>(&kinds::LINKERD_AUTHORIZATION_POLICY, |o, view| policies.push((o, view.spec)));

    let mut evidence = Vec::new();
    for (object, policy) in policies {
        evidence.push(why("AuthorizationPolicy", object, "spec.targetRef", &*policy.target_ref.name));
        let server =
            (policy.target_ref.kind == "Server").then(|| servers.get(&(&*object.namespace, &policy.target_ref.name))).flatten();
        let Some(server) = server else { continue };
        let callees = labelled(model, &object.namespace, &server.pod_selector.match_labels);
        for reference in policy.required_authentication_refs.iter().filter(|r| r.kind == "MeshTLSAuthentication") {
            let namespace = if reference.namespace.is_empty() { &*object.namespace } else { &reference.namespace };
            let Some(authentication) = tls.get(&(namespace, &reference.name)) else { continue };
            for (caller_namespace, account) in authentication.accounts(namespace) {
                let callers = running_as(model, caller_namespace, account);
                let text = format!("{}: {account}", reference.name);
                let evidence = why("AuthorizationPolicy", object, "spec.requiredAuthenticationRefs", text);
                declare(model, &callers, &callees, Grade::Declared, &evidence);
            }
        }
    }
    signal(model, NeedKind::Authorization, SignalKind::Evidenced, "AuthorizationPolicies restrict who may call", evidence);
}

impl MeshTls {
    /// (namespace, service account) of each identity that names one.
    fn accounts<'a>(&'a self, own: &'a str) -> Vec<(&'a str, &'a str)> {
        let refs = self.identity_refs.iter().filter(|r| r.kind == "ServiceAccount").map(|r| {
            let namespace = if r.namespace.is_empty() { own } else { &r.namespace };
            (namespace, r.name.as_str())
        });
        let identities = self.identities.iter().filter_map(|identity| {
            let (account, rest) = identity.split_once('.')?;
            let (namespace, rest) = rest.split_once('.')?;
            rest.starts_with("serviceaccount.").then_some((namespace, account))
        });
        refs.chain(identities).collect()
    }
}

/// Machines outside the cluster, and links to other clusters.
pub fn outside(facts: &Facts, model: &mut Model) {
    for (kind, need, text) in [
        (&kinds::LINKERD_EXTERNAL_WORKLOAD, NeedKind::VirtualMachines, "ExternalWorkloads name machines outside the cluster"),
        (&kinds::LINKERD_LINK, NeedKind::Multicluster, "Links connect other clusters"),
    ] {
        let evidence = facts.objects(kind).iter().map(|o| why(&kind.kind, o, "", "")).collect();
        signal(model, need, SignalKind::Evidenced, text, evidence);
    }
}
