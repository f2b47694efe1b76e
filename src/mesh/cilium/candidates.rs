//! Cilium as a choice. Dated data; sources stand beside the figures.

use crate::mesh::candidate::{Candidate, CostFigure, CostModel, Fit, KernelRange, Level, Traits, VersionRange};
use crate::model::NeedKind;

pub static CANDIDATES: &[Candidate] = &[Candidate {
    id: "cilium",
    name: "Cilium",
    mesh: "cilium",
    mode: "",
    proxy: "eBPF + Envoy a node",
    guide_complexity: "medium",
    guide_mtls: "–",
    guide_traffic: "growing",
    guide_best_for: "performance",
    guide_corrections: &[
        "\"needs Kubernetes 1.21\": 1.18 is tested on 1.30 to 1.33 and needs kernel 5.10 (docs.cilium.io, 2026-08)",
        "mutual authentication is beta, shakes hands out of band and still needs WireGuard or IPsec for the traffic; mTLS through \
ztunnel is beta in 1.20 (docs.cilium.io, 2026-08)",
    ],
    complexity: Level::Medium,
    complexity_note: "little to add where it is the network already; elsewhere it replaces the network",
    version: "1.18",
    kubernetes: VersionRange { min: (1, 30), tested_to: Some((1, 33)), source: "docs.cilium.io, 1.18", date: "2026-08" },
    older: &[],
    kernel: Some(KernelRange {
        min: (5, 10),
        except: &[("Red Hat Enterprise Linux 8.10", (4, 18))],
        source: "docs.cilium.io, 1.18 system requirements",
        date: "2026-08",
    }),
    needs_cni: &["cilium"],
    windows: Fit::No { note: "the agent runs on Linux nodes only (not re-checked, 2026-08)" },
    fits: &[
        (NeedKind::Encryption, Fit::Full { note: "WireGuard (kernel 5.6) or IPsec; where FIPS is required, IPsec" }),
        (NeedKind::Identity, Fit::Partial { note: "mutual authentication is beta and not for Cluster Mesh" }),
        (NeedKind::Authorization, Fit::Full { note: "network policies from layer 3 to 7" }),
        (NeedKind::Tracing, Fit::Partial { note: "flows in Hubble, no spans" }),
        (NeedKind::Canary, Fit::Partial { note: "HTTPRoute weights; growing" }),
        (NeedKind::Retries, Fit::Partial { note: "HTTPRoute retry, standard only from Gateway API 1.7" }),
        (NeedKind::GrpcBalancing, Fit::Partial { note: "through its Envoy, by annotation or GRPCRoute" }),
        (NeedKind::Multicluster, Fit::Full { note: "Cluster Mesh; not together with mutual authentication" }),
        (
            NeedKind::VirtualMachines,
            Fit::Partial { note: "support for machines outside is being withdrawn (not re-checked, 2026-08)" },
        ),
    ],
    licence_note: "Apache-2.0",
    cost: CostModel {
        cpu_milli_per_krps: None,
        memory_mb_per_proxy: None,
        per_pod: false,
        proxy_request: None,
        proxy_request_ha: None,
        control_plane_request: None,
        node_request: None,
        l7: None,
        note: "no per-proxy figure published; CPU spent in the kernel is not in the benchmarks. Where it is the network already, \
most of its cost is paid",
        figures: &[
            CostFigure {
                text: "bookinfo's highest request rate falls by 27 % against no mesh",
                publisher: "LiveWyer (independent)",
                date: "2024-03",
            },
            CostFigure {
                text: "1,815 queries a core against 2,178 for Istio ambient, 1,000 nodes, 50,000 pods; kernel CPU not counted",
                publisher: "Istio blog (a competitor; secondary source)",
                date: "2024-10",
            },
        ],
    },
    traits: Traits {
        sidecar: false,
        native_sidecar: false,
        privileged_init: false,
        proxy_uid: None,
        opaque_ports: &[],
        headless_note: None,
    },
    observe_only_install: "cilium upgrade --reuse-values --set hubble.relay.enabled=true   # where it is the network; \
elsewhere migrate the network first",
    enrol_namespace: "cilium upgrade --reuse-values --set encryption.enabled=true --set encryption.type=wireguard   # whole cluster; there is no per-namespace step",
    unenrol_namespace: "cilium upgrade --reuse-values --set encryption.enabled=false",
    strict: "cilium upgrade --reuse-values --set authentication.mutual.spire.enabled=true \
--set authentication.mutual.spire.install.enabled=true && kubectl apply -n {namespace} -f - <<< '{\"apiVersion\":\"cilium.io/v2\",\"kind\":\"CiliumNetworkPolicy\",\"metadata\":\
{\"name\":\"require-auth\"},\"spec\":{\"endpointSelector\":{},\"ingress\":[{\"fromEntities\":[\"cluster\"],\"authentication\":\
{\"mode\":\"required\"}}]}}'",
    permissive: "kubectl delete ciliumnetworkpolicy require-auth -n {namespace}",
    uninstall: "cilium upgrade --reuse-values --set encryption.enabled=false --set hubble.relay.enabled=false",
    plaintext_query: "",
    error_rate_query: "sum(rate(hubble_http_requests_total{destination_namespace=\"{namespace}\",status=~\"5..\"}[5m])) / \
sum(rate(hubble_http_requests_total{destination_namespace=\"{namespace}\"}[5m]))",
}];
