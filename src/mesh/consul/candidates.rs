//! Consul as a choice. Dated data; sources stand beside the figures.

use crate::mesh::candidate::{Candidate, CostFigure, CostModel, Fit, Level, Traits, VersionRange};
use crate::model::NeedKind;

const FULL: Fit = Fit::Full { note: "" };

/// Injection is asked for on the pod template; changing the template restarts the pods.
macro_rules! inject {
    ($value:literal) => {
        concat!(
            "kubectl get deployment -n {namespace} -o name | xargs -I NAME kubectl patch NAME -n {namespace} -p ",
            "'{\"spec\":{\"template\":{\"metadata\":{\"annotations\":{\"consul.hashicorp.com/connect-inject\":\"",
            $value,
            "\"}}}}}'"
        )
    };
}

/// One setting for the whole mesh: there is none for a namespace.
macro_rules! mutual_tls {
    ($mode:literal) => {
        concat!(
            "kubectl apply -n consul -f - <<< '{\"apiVersion\":\"consul.hashicorp.com/v1alpha1\",\"kind\":\"ProxyDefaults\",",
            "\"metadata\":{\"name\":\"global\"},\"spec\":{\"mutualTLSMode\":\"",
            $mode,
            "\"}}'"
        )
    };
}

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
    windows: Fit::No { note: "no injection into Windows pods (not re-checked, 2026-08)" },
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
    licence_note: "Business Source License since 2023 (not re-checked, 2026-08)",
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
            date: "2021-04",
        }],
    },
    traits: Traits {
        sidecar: true,
        native_sidecar: false,
        privileged_init: true,
        // As consul-k8s 2.1 runs it.
        proxy_uid: Some(5995),
        opaque_ports: &[],
        headless_note: None,
    },
    observe_only_install: concat!(
        "consul-k8s install -auto-approve -set connectInject.enabled=true -set connectInject.default=false && ",
        "kubectl apply -n consul -f - <<< '{\"apiVersion\":\"consul.hashicorp.com/v1alpha1\",\"kind\":\"Mesh\",",
        "\"metadata\":{\"name\":\"mesh\"},\"spec\":{\"allowEnablingPermissiveMutualTLS\":true}}' && ",
        mutual_tls!("permissive")
    ),
    enrol_namespace: inject!("true"),
    unenrol_namespace: inject!("false"),
    strict: mutual_tls!("strict"),
    permissive: mutual_tls!("permissive"),
    uninstall: "consul-k8s uninstall -auto-approve",
    plaintext_query: "",
    // Scrape configurations name the namespace in one of two ways.
    error_rate_query: concat!(
        "sum(rate(envoy_cluster_upstream_rq_xx{namespace=\"{namespace}\",envoy_response_code_class=\"5\"}[5m]) or ",
        "rate(envoy_cluster_upstream_rq_xx{kubernetes_namespace=\"{namespace}\",envoy_response_code_class=\"5\"}[5m])) / ",
        "sum(rate(envoy_cluster_upstream_rq_xx{namespace=\"{namespace}\"}[5m]) or ",
        "rate(envoy_cluster_upstream_rq_xx{kubernetes_namespace=\"{namespace}\"}[5m]))"
    ),
}];
