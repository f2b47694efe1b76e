//! Linkerd.

mod api;
mod candidates;
mod certificates;
mod checks;
mod controllers;
mod detect;
mod edges;
mod environment;
mod extensions;
mod identity;
mod install;
mod installed;
mod marks;
mod membership;
mod policy;
mod policy_checks;
mod proxy;
mod state;
mod sync;
#[cfg(test)]
mod tests;
mod webhooks;

use super::observed::{Metric, may_have};
use super::proxy::{Part, Shown};
use super::{Candidate, Marks, Mesh};
use crate::facts::{Channel, Facts, Need, Object, Purpose, Resource, kinds};
use crate::model::{Installation, Model};

pub struct Linkerd;

/// Requests by the client's proxy, with the labels that the scrape adds for the client (`namespace`, `deployment`, `pod`).
static REQUESTS: Metric = Metric {
    name: "Linkerd metrics",
    selector: r#"request_total{direction="outbound",dst_service!=""}"#,
    by: DESTINATION,
    requests: true,
    from_zero: false,
    caveat: "only calls that leave a pod in the mesh; destinations outside it have no names",
};
/// Connections, which is all that opaque ports show: datastores and brokers above all.
static CONNECTIONS: Metric = Metric {
    name: "Linkerd connection metrics",
    selector: r#"tcp_open_total{direction="outbound",peer="dst",dst_service!=""}"#,
    by: DESTINATION,
    requests: false,
    from_zero: false,
    caveat: "connections, not requests",
};
const DESTINATION: &[&str] = &[
    "namespace",
    "deployment",
    "statefulset",
    "daemonset",
    "k8s_job",
    "pod",
    "dst_namespace",
    "dst_service",
    "dst_deployment",
    "dst_statefulset",
    "tls",
];
static HTTP_ROUTES: Metric = Metric {
    name: "Linkerd HTTP route metrics",
    selector: "outbound_http_route_request_statuses_total",
    by: ROUTE,
    requests: true,
    from_zero: false,
    caveat: "only calls that leave a pod in the mesh",
};
static GRPC_ROUTES: Metric = Metric {
    name: "Linkerd gRPC route metrics",
    selector: "outbound_grpc_route_request_statuses_total",
    by: ROUTE,
    requests: true,
    from_zero: false,
    caveat: "only calls that leave a pod in the mesh",
};
const ROUTE: &[&str] = &[
    "namespace",
    "deployment",
    "statefulset",
    "daemonset",
    "k8s_job",
    "pod",
    "parent_kind",
    "parent_namespace",
    "parent_name",
    "parent_port",
];

impl Mesh for Linkerd {
    fn id(&self) -> &'static str {
        "linkerd"
    }
    fn marks(&self) -> &'static Marks {
        &marks::MARKS
    }
    fn admins(&self, pod: &super::view::Pod) -> Vec<super::admin::Admin> {
        proxy::admin(pod)
    }
    fn proxy_needs(&self, known: &Facts, pod: &Object, parts: &[Part]) -> Vec<Need> {
        proxy::needs(known, pod, parts)
    }
    fn proxy(&self, facts: &Facts, pod: &Object, parts: &[Part]) -> Option<Result<Shown, String>> {
        proxy::shown(facts, pod, parts)
    }
    fn proxy_kinds(&self) -> Vec<&'static Resource> {
        vec![&kinds::CONFIG_MAP, &kinds::ENDPOINT_SLICE, &kinds::SERVICE]
    }
    fn log_levels(&self, pod: &Object) -> Option<String> {
        environment::Environment::of(pod).get("LINKERD2_PROXY_LOG").map(str::to_owned)
    }
    fn detect(&self, facts: &Facts, model: &Model) -> Vec<Installation> {
        detect::installations(facts, model)
    }
    fn needs(&self, known: &Facts, purpose: &Purpose) -> Vec<Need> {
        let mut needs = vec![
            Need::list(&kinds::LINKERD_AUTHORIZATION_POLICY),
            Need::list(&kinds::LINKERD_MESH_TLS_AUTHENTICATION),
            Need::list(&kinds::LINKERD_SERVER),
            Need::list(&kinds::LINKERD_HTTP_ROUTE),
            Need::list(&kinds::LINKERD_SERVER_AUTHORIZATION),
            Need::list(&kinds::LINKERD_EXTERNAL_WORKLOAD),
            Need::list(&kinds::LINKERD_LINK),
        ];
        for metric in [&REQUESTS, &HTTP_ROUTES, &GRPC_ROUTES] {
            needs.extend(metric.needs(purpose.window()));
        }
        if purpose.of_state() {
            needs.push(Need::list(&kinds::LINKERD_SERVICE_PROFILE));
            if may_have(known, "linkerd.io") {
                // The control plane tells there which certificates it issued and why it could not.
                needs.push(Need::list(&kinds::EVENT));
            }
        }
        if may_have(known, "linkerd.io") {
            needs.extend(CONNECTIONS.needs(purpose.window()));
        }
        needs
    }
    fn later(&self, purpose: &Purpose) -> Vec<&'static Resource> {
        let state = purpose.of_state().then_some(&kinds::EVENT);
        let sync =
            [&kinds::ENDPOINT_SLICE, &kinds::SERVICE].into_iter().chain(sync::policy_kinds()).filter(|_| purpose.of_sync());
        state.into_iter().chain(sync).collect()
    }
    fn sync_reads(&self, need: &Need, _: &Channel) -> bool {
        let of_sync = [api::DESTINATION, api::INBOUND, api::OUTBOUND];
        matches!(need, Need::Grpc(call) if of_sync.iter().any(|service| call.method.starts_with(service)))
    }
    fn told_needs(&self, known: &Facts, _: &Channel) -> Vec<Need> {
        sync::needs(known)
    }
    fn health_needs(&self, known: &Facts, proxies: bool) -> Vec<Need> {
        identity::needs(known, proxies).into_iter().chain(webhooks::needs(known)).collect()
    }
    fn sync(&self, facts: &Facts) -> Option<super::sync::Fleet> {
        Some(sync::read(facts))
    }
    fn translate(&self, facts: &Facts, model: &mut Model) {
        edges::observed(facts, model);
        policy::authorization(facts, model);
        edges::outside(facts, model);
    }
    fn state(&self) -> &'static dyn super::state::State {
        &state::Own
    }
    fn distribution(&self) -> &'static super::install::Distribution {
        &install::DISTRIBUTION
    }
    fn candidates(&self) -> &'static [Candidate] {
        candidates::CANDIDATES
    }
}
