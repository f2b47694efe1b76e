//! Linkerd as a choice. Dated data; sources stand beside the figures.

use crate::mesh::candidate::{Candidate, CostFigure, CostModel, Fit, Level, Traits, VersionRange};
use crate::model::NeedKind;

const FULL: Fit = Fit::Full { note: "" };

pub static CANDIDATES: &[Candidate] = &[Candidate {
    id: "linkerd",
    name: "Linkerd",
    mesh: "linkerd",
    mode: "",
    proxy: "Rust micro-proxy in every pod",
    guide_complexity: "low",
    guide_mtls: "automatic",
    guide_traffic: "basic",
    guide_best_for: "simplicity",
    guide_corrections: &[
        "\"24 h certificates\": they rotate at 70 % of their life, so without the control plane the first one expires after \
7.2 h (linkerd2-proxy source, 2026-08)",
        "\"cached config keeps working\": only for destinations used within the last 5 s (linkerd2 source, 2026-08; #10200)",
        "simplest to run, but since 2.15 (Feb 2024) open source ships edge releases only; stable ones are Buoyant's, paid above \
50 employees in production",
    ],
    complexity: Level::Low,
    complexity_note: "few settings; mTLS is on from the start",
    version: "2.20",
    kubernetes: VersionRange { min: (1, 31), tested_to: None, source: "linkerd2 repository, 2.20 line", date: "2026-08" },
    older: &[],
    kernel: None,
    needs_cni: &[],
    windows: Fit::Partial { note: "experimental since 2.18" },
    fits: &[
        (NeedKind::Encryption, FULL),
        (NeedKind::Identity, FULL),
        (NeedKind::Authorization, FULL),
        (NeedKind::Tracing, Fit::Partial { note: "golden metrics at once; spans need a collector and headers passed on" }),
        (NeedKind::Canary, Fit::Full { note: "HTTPRoute and GRPCRoute weights" }),
        (
            NeedKind::Retries,
            Fit::Full { note: "by annotation, without a budget; not for headless targets or bodies over 64 KiB" },
        ),
        (NeedKind::GrpcBalancing, FULL),
        (NeedKind::Multicluster, FULL),
        (NeedKind::VirtualMachines, Fit::Partial { note: "ExternalWorkload; the machine needs its own SPIFFE identity" }),
    ],
    licence_note: "Apache-2.0 source, edge releases free; stable releases by Buoyant, paid above 50 employees in production",
    cost: CostModel {
        cpu_milli_per_krps: None,
        memory_mb_per_proxy: Some((26.3, 26.3)),
        per_pod: true,
        proxy_request: None,
        proxy_request_ha: Some((100, 20)),
        control_plane_request: None,
        node_request: None,
        l7: None,
        note: "no request is set by default (a risk under pressure); with the high-availability values 100m and 20 MiB. The \
published CPU figure is not per request rate, so no CPU is computed",
        figures: &[
            CostFigure {
                text: "busiest proxy at 2,000 requests/s: 26.3 MB and \"36 ms\" of CPU (2.11.1; Istio 1.12.0: 156.2 MB, \"67 ms\")",
                publisher: "Buoyant (makers of Linkerd)",
                date: "2021-11",
            },
            CostFigure {
                text: "bookinfo's highest request rate falls by 7 % against no mesh",
                publisher: "LiveWyer (independent)",
                date: "2024-03",
            },
            CostFigure {
                text: "p99 at 2,000 requests/s from outside: 163 ms less than Istio sidecar, 11.2 ms less than ambient",
                publisher: "a Linkerd ambassador",
                date: "2025-04",
            },
        ],
    },
    traits: Traits {
        sidecar: true,
        native_sidecar: true,
        privileged_init: true,
        // As its pods run it, edge-26.8.3.
        proxy_uid: Some(2102),
        opaque_ports: &[25, 587, 3306, 4444, 5432, 6379, 9300, 11211],
        headless_note: Some("retries and timeouts don't apply to headless targets or to clients that dial pod IPs"),
    },
    observe_only_install: "linkerd install --crds | kubectl apply -f - && linkerd install --ha | kubectl apply -f -",
    enrol_namespace: "kubectl annotate namespace {namespace} linkerd.io/inject=enabled && kubectl rollout restart deployment -n {namespace}",
    unenrol_namespace: "kubectl annotate namespace {namespace} linkerd.io/inject- && kubectl rollout restart deployment -n {namespace}",
    strict: "kubectl annotate namespace {namespace} --overwrite config.linkerd.io/default-inbound-policy=all-authenticated && \
kubectl rollout restart deployment -n {namespace}",
    permissive: "kubectl annotate namespace {namespace} config.linkerd.io/default-inbound-policy- && \
kubectl rollout restart deployment -n {namespace}",
    uninstall: "linkerd uninstall | kubectl delete -f -",
    // The kubelet's probes and the scrapes of the proxy itself never come with TLS.
    plaintext_query: concat!(
        "sum(increase(request_total{direction=\"inbound\",namespace=\"{namespace}\",tls!=\"true\",srv_port!=\"4191\",",
        "route_name!=\"probe\"}[{window}])) > 0 or count(request_total{direction=\"inbound\",namespace=\"{namespace}\",",
        "tls!=\"true\",srv_port!=\"4191\",route_name!=\"probe\"} unless request_total offset {window})"
    ),
    error_rate_query: "sum(rate(response_total{direction=\"inbound\",namespace=\"{namespace}\",classification=\"failure\"}[5m])) / \
sum(rate(response_total{direction=\"inbound\",namespace=\"{namespace}\"}[5m]))",
}];
