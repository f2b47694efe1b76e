//! Linkerd.

mod candidates;
mod edges;
mod marks;

use super::observed::Metric;
use super::view::ConfigMap;
use super::{Candidate, Marks, Mesh, proxies};
use crate::facts::{Facts, Need, Purpose, kinds};
use crate::model::{Evidence, Installation, Model};

pub struct Linkerd;

/// Requests by the client's proxy, with the labels that the scrape adds for the client (`namespace`, `deployment`, `pod`).
static REQUESTS: Metric = Metric {
    name: "Linkerd metrics",
    selector: r#"request_total{direction="outbound",dst_service!=""}"#,
    by: &[
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
    ],
    requests: true,
    caveat: "only calls that leave a pod in the mesh; destinations outside it have no names",
};
static HTTP_ROUTES: Metric = Metric {
    name: "Linkerd HTTP route metrics",
    selector: "outbound_http_route_request_statuses_total",
    by: ROUTE,
    requests: true,
    caveat: "only calls that leave a pod in the mesh",
};
static GRPC_ROUTES: Metric = Metric {
    name: "Linkerd gRPC route metrics",
    selector: "outbound_grpc_route_request_statuses_total",
    by: ROUTE,
    requests: true,
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
    fn detect(&self, facts: &Facts, model: &Model) -> Vec<Installation> {
        let mut found = Vec::new();
        facts.read::<ConfigMap>(&kinds::CONFIG_MAP, |object, config| {
            if &*object.name != "linkerd-config" {
                return;
            }
            let version = config.data.get("values").and_then(|values| {
                let line = values.lines().find_map(|line| line.strip_prefix("linkerdVersion:"))?;
                Some(line.trim().trim_matches('"').to_owned()).filter(|version| !version.is_empty())
            });
            let meshed = proxies::with_container(facts, model, "linkerd-proxy");
            found.push(Installation {
                mesh: "Linkerd".to_owned(),
                id: "linkerd",
                version,
                revision: None,
                meshed: meshed.into_iter().filter(|id| model.workloads[*id].namespace != *object.namespace).collect(),
                namespace: object.namespace.to_string(),
                mode: "sidecar".to_owned(),
                evidence: vec![Evidence::new(
                    format!("ConfigMap {}/linkerd-config", object.namespace),
                    "data[values]",
                    "linkerdVersion",
                )],
            });
        });
        found
    }
    fn needs(&self, _known: &Facts, purpose: &Purpose) -> Vec<Need> {
        let mut needs = vec![
            Need::list(&kinds::LINKERD_AUTHORIZATION_POLICY),
            Need::list(&kinds::LINKERD_MESH_TLS_AUTHENTICATION),
            Need::list(&kinds::LINKERD_SERVER),
            Need::list(&kinds::LINKERD_EXTERNAL_WORKLOAD),
            Need::list(&kinds::LINKERD_LINK),
        ];
        for metric in [&REQUESTS, &HTTP_ROUTES, &GRPC_ROUTES] {
            needs.extend(metric.needs(purpose.window()));
        }
        needs
    }
    fn translate(&self, facts: &Facts, model: &mut Model) {
        edges::observed(facts, model);
        edges::authorization(facts, model);
        edges::outside(facts, model);
    }
    fn candidates(&self) -> &'static [Candidate] {
        candidates::CANDIDATES
    }
}
