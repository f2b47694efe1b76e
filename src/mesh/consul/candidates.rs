//! Consul as a choice. Dated data; sources stand beside the figures.

use crate::mesh::candidate::{Candidate, CostFigure, CostModel, Fit, Level, Traits, VersionRange};
use crate::model::NeedKind;

const FULL: Fit = Fit::Full { note: "" };

pub static CANDIDATES: &[Candidate] = &[Candidate {
    id: "consul",
    name: "Consul Connect",
    mesh: "consul",
    mode: "",
    proxy: "Envoy (or built-in) in every pod",
    guide_complexity: "medium",
    guide_mtls: "–",
    guide_traffic: "moderate",
    guide_best_for: "multi-cloud, non-Kubernetes workloads",
    guide_corrections: &[],
    complexity: Level::Medium,
    complexity_note: "servers with state of their own to run, beside Kubernetes",
    version: "1.22",
    kubernetes: VersionRange {
        min: (1, 30),
        tested_to: Some((1, 34)),
        source: "HashiCorp compatibility matrix, consul-k8s 1.9",
        date: "2026-08",
    },
    older: &[],
    kernel: None,
    needs_cni: &[],
    windows: Fit::No { note: "no injection into Windows pods (not re-checked)" },
    fits: &[
        (NeedKind::Encryption, FULL),
        (NeedKind::Identity, FULL),
        (NeedKind::Authorization, Fit::Full { note: "intentions" }),
        (NeedKind::Tracing, Fit::Full { note: "spans from every proxy; applications must pass the headers on" }),
        (NeedKind::Canary, Fit::Full { note: "ServiceSplitter" }),
        (NeedKind::Retries, Fit::Full { note: "ServiceRouter" }),
        (NeedKind::GrpcBalancing, FULL),
        (NeedKind::Multicluster, FULL),
        (NeedKind::VirtualMachines, FULL),
    ],
    licence_note: "Business Source License since 2023 (not re-checked)",
    cost: CostModel {
        cpu_milli_per_krps: None,
        memory_mb_per_proxy: None,
        per_pod: true,
        proxy_request: None,
        proxy_request_ha: None,
        control_plane_request: None,
        node_request: None,
        l7: None,
        note: "no per-proxy figure published",
        figures: &[CostFigure {
            text: "5 servers updated 172,000 instances on 10,000 machines in under a second (control plane only)",
            publisher: "HashiCorp (makers of Consul)",
            date: "date not recorded",
        }],
    },
    traits: Traits {
        sidecar: true,
        native_sidecar: false,
        privileged_init: true,
        proxy_uid: None,
        opaque_ports: &[],
        headless_note: None,
    },
    observe_only_install: "consul-k8s install -set connectInject.enabled=true -set connectInject.default=false",
    enrol_namespace: "kubectl annotate namespace {namespace} consul.hashicorp.com/connect-inject=true && kubectl rollout restart deployment -n {namespace}",
    unenrol_namespace: "kubectl annotate namespace {namespace} consul.hashicorp.com/connect-inject- && kubectl rollout restart deployment -n {namespace}",
    strict: "kubectl apply -n {namespace} -f - <<< '{\"apiVersion\":\"consul.hashicorp.com/v1alpha1\",\"kind\":\"ServiceIntentions\",\
\"metadata\":{\"name\":\"deny-all\"},\"spec\":{\"destination\":{\"name\":\"*\"},\"sources\":[{\"name\":\"*\",\"action\":\"deny\"}]}}'",
    permissive: "kubectl delete serviceintentions deny-all -n {namespace}",
    uninstall: "consul-k8s uninstall",
    plaintext_query: "",
    error_rate_query: "sum(rate(envoy_cluster_upstream_rq_xx{kubernetes_namespace=\"{namespace}\",envoy_response_code_class=\"5\"}[5m])) / \
sum(rate(envoy_cluster_upstream_rq_xx{kubernetes_namespace=\"{namespace}\"}[5m]))",
}];
