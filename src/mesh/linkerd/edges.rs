//! What Linkerd's metrics saw, and what lies outside the cluster.

use super::{CONNECTIONS, GRPC_ROUTES, HTTP_ROUTES, REQUESTS};
use crate::facts::{Facts, Series, kinds};
use crate::kubernetes::observed::pod_party;
use crate::mesh::declared::{signal, why};
use crate::mesh::observed::{self, Call};
use crate::model::{Model, NeedKind, Party, SignalKind};

pub fn observed(facts: &Facts, model: &mut Model) {
    for (metric, protocol) in [(&REQUESTS, Some("http")), (&CONNECTIONS, None)] {
        metric.observe(facts, model, |model, series| {
            let namespace = series.label("dst_namespace");
            let to = ["dst_deployment", "dst_statefulset"]
                .iter()
                .find_map(|label| observed::party(model, namespace, series.label(label), ""))
                .or_else(|| observed::party(model, namespace, "", series.label("dst_service")))?;
            Some(Call { from: client(model, series)?, to, port: None, protocol: protocol.map(str::to_owned) })
        });
    }
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
