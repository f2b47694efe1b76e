//! Istio as a choice, in its two data planes. Dated data; sources stand beside the figures.

use crate::mesh::candidate::{Candidate, CostFigure, CostModel, Fit, Layer7, Level, OlderRelease, Traits, VersionRange};
use crate::model::NeedKind;

const KUBERNETES: VersionRange =
    VersionRange { min: (1, 31), tested_to: Some((1, 35)), source: "endoflife.date/istio, release 1.29", date: "2026-08" };
const OLDER: &[OlderRelease] = &[
    OlderRelease { version: "1.28", min: (1, 30), tested_to: (1, 34) },
    OlderRelease { version: "1.27", min: (1, 29), tested_to: (1, 33) },
];
const WINDOWS: Fit = Fit::No { note: "no proxy for Windows pods (not re-checked, 2026-08)" };
const LICENCE: &str = "Apache-2.0; a minor release a quarter, each supported until 6 weeks after the second next";
const HEADROOM: CostFigure = CostFigure {
    text: "istiod: 1 vCPU and 1.5 GB for 1,000 services, 2,000 sidecars and 70,000 requests/s, with namespace isolation",
    publisher: "istio.io, release 1.24",
    date: "2024-11",
};
/// What plaintext came in by, and what of it was born within the window and so shows no increase.
macro_rules! plaintext {
    ($metric:literal) => {
        concat!(plaintext!(@ "sum(increase(" $metric "[{window}])) > 0 or count("), plaintext!(@ "" $metric " unless "),
            plaintext!(@ "" $metric " offset {window})"))
    };
    (@ $before:literal $metric:literal $after:literal) => {
        concat!($before, $metric, "{reporter=\"destination\",connection_security_policy!=\"mutual_tls\",",
            "destination_workload_namespace=\"{namespace}\"}", $after)
    };
}
const ERRORS: &str = "sum(rate(istio_requests_total{destination_workload_namespace=\"{namespace}\",response_code=~\"5..\"}[5m])) / \
sum(rate(istio_requests_total{destination_workload_namespace=\"{namespace}\"}[5m]))";
const STRICT: &str = "kubectl apply -n {namespace} -f - <<< '{\"apiVersion\":\"security.istio.io/v1\",\"kind\":\"PeerAuthentication\",\
\"metadata\":{\"name\":\"default\"},\"spec\":{\"mtls\":{\"mode\":\"STRICT\"}}}'";
const PERMISSIVE: &str = "kubectl delete peerauthentication default -n {namespace}";
const EXPIRY: &str = "\"24 h certificates\": they rotate at half their life, so without istiod the first one expires after \
12 h, not 24 (Istio source, 2026-08)";
const RETRIES: &str = "default retries no longer include HTTP 503 (Istio release note 50506); Envoy's cap of 3 parallel retries \
is lifted, so set trafficPolicy.retryBudget (Istio source, 2026-08)";

const FULL: Fit = Fit::Full { note: "" };

pub static CANDIDATES: &[Candidate] = &[SIDECAR, AMBIENT];

const SIDECAR: Candidate = Candidate {
    id: "istio-sidecar",
    name: "Istio (sidecar)",
    mesh: "istio",
    mode: "sidecar",
    proxy: "Envoy in every pod",
    guide_complexity: "high",
    guide_mtls: "STRICT / PERMISSIVE",
    guide_traffic: "full",
    guide_best_for: "enterprise, multi-cluster",
    guide_corrections: &[
        "Istio is no longer only sidecars: the project recommends that new users start with ambient (istio.io, 2026-08)",
        EXPIRY,
        RETRIES,
    ],
    complexity: Level::High,
    complexity_note: "a proxy in every pod to size, inject and restart on every upgrade",
    version: "1.29",
    kubernetes: KUBERNETES,
    older: OLDER,
    kernel: None,
    needs_cni: &[],
    windows: WINDOWS,
    fits: &[
        (NeedKind::Encryption, FULL),
        (NeedKind::Identity, FULL),
        (NeedKind::Authorization, FULL),
        (NeedKind::Tracing, Fit::Full { note: "spans from every proxy; applications must pass the headers on" }),
        (NeedKind::Canary, FULL),
        (NeedKind::Retries, Fit::Full { note: "set a retryBudget: by default parallel retries are not capped" }),
        (NeedKind::GrpcBalancing, FULL),
        (NeedKind::Multicluster, FULL),
        (NeedKind::VirtualMachines, Fit::Full { note: "WorkloadEntry and an agent on the machine" }),
    ],
    licence_note: LICENCE,
    cost: CostModel {
        cpu_milli_per_krps: Some((200.0, 200.0)),
        memory_mb_per_proxy: Some((60.0, 60.0)),
        per_pod: true,
        proxy_request: Some((100, 128)),
        proxy_request_ha: None,
        control_plane_request: Some((500, 2048)),
        node_request: None,
        l7: None,
        note: "memory grows with the services each proxy is told of; Sidecar resources limit that",
        figures: &[
            CostFigure {
                text: "a sidecar uses 0.20 vCPU and 60 MB at 1,000 requests/s of 1 KB (2 worker threads)",
                publisher: "istio.io, release 1.24",
                date: "2024-11",
            },
            CostFigure {
                text: "the same page said 0.35 vCPU and 40 MB for 1.12, and 0.6 vCPU and 50 MB for 1.3 (2019-09): age matters",
                publisher: "istio.io, release 1.12",
                date: "2021-11",
            },
            CostFigure {
                text: "bookinfo's highest request rate falls by 22 % against no mesh",
                publisher: "LiveWyer (independent)",
                date: "2024-03",
            },
            CostFigure {
                text: "up to 269 % more latency and 163 % more vCPU in the worst configuration",
                publisher: "MeshInsight, SoCC'23",
                date: "2023",
            },
            HEADROOM,
        ],
    },
    traits: Traits {
        sidecar: true,
        native_sidecar: true,
        privileged_init: true,
        proxy_uid: Some(1337),
        opaque_ports: &[],
        headless_note: None,
    },
    observe_only_install: "istioctl install -y --set profile=default --set values.pilot.autoscaleMin=2",
    enrol_namespace: "kubectl label namespace {namespace} istio-injection=enabled && kubectl rollout restart deployment -n {namespace}",
    unenrol_namespace: "kubectl label namespace {namespace} istio-injection- && kubectl rollout restart deployment -n {namespace}",
    strict: STRICT,
    permissive: PERMISSIVE,
    uninstall: "istioctl uninstall -y --purge",
    plaintext_query: plaintext!("istio_requests_total"),
    error_rate_query: ERRORS,
};

const AMBIENT: Candidate = Candidate {
    id: "istio-ambient",
    name: "Istio (ambient)",
    mode: "ambient",
    proxy: "ztunnel a node + Envoy waypoints",
    guide_corrections: &[
        "the guide knows Istio with sidecars only; ambient needs none and is what the project recommends to new users \
(istio.io, 2026-08)",
        EXPIRY,
    ],
    complexity: Level::Medium,
    complexity_note: "no proxy in pods: joining needs no restart; layer 7 needs waypoints, a second kind of proxy",
    fits: &[
        (NeedKind::Encryption, FULL),
        (NeedKind::Identity, FULL),
        (NeedKind::Authorization, Fit::Full { note: "layer 4 at once; layer 7 through a waypoint" }),
        (NeedKind::Tracing, Fit::Full { note: "through a waypoint; applications must pass the headers on" }),
        (NeedKind::Canary, Fit::Full { note: "through a waypoint" }),
        (NeedKind::Retries, Fit::Full { note: "through a waypoint" }),
        (NeedKind::GrpcBalancing, Fit::Full { note: "through a waypoint" }),
        (
            NeedKind::Multicluster,
            Fit::Partial { note: "multi-network only, no primary-remote, waypoints are synchronised by hand" },
        ),
        (
            NeedKind::VirtualMachines,
            Fit::Partial { note: "not re-checked, 2026-08; the documented way for machines is the sidecar" },
        ),
    ],
    cost: CostModel {
        cpu_milli_per_krps: Some((60.0, 60.0)),
        memory_mb_per_proxy: Some((12.0, 12.0)),
        per_pod: false,
        proxy_request: Some((200, 512)),
        node_request: Some((100, 100)),
        l7: Some(Layer7 { name: "waypoint", cpu_milli_per_krps: 250.0, memory_mb: 60.0, request: (100, 128) }),
        note: "waypoints only where layer 7 is wanted",
        figures: &[
            CostFigure {
                text: "per 1,000 requests/s of 1 KB: ztunnel 0.06 vCPU and 12 MB, waypoint 0.25 vCPU and 60 MB",
                publisher: "istio.io, release 1.24",
                date: "2024-11",
            },
            CostFigure {
                text: "ambient with waypoints uses about twice the CPU of Linkerd; ztunnel uses the least memory",
                publisher: "Buoyant (makers of Linkerd)",
                date: "2025-05",
            },
            HEADROOM,
        ],
        ..SIDECAR.cost
    },
    traits: Traits { sidecar: false, native_sidecar: false, privileged_init: false, proxy_uid: None, ..SIDECAR.traits },
    observe_only_install: "istioctl install -y --set profile=ambient --set values.pilot.autoscaleMin=2",
    enrol_namespace: "kubectl label namespace {namespace} istio.io/dataplane-mode=ambient",
    unenrol_namespace: "kubectl label namespace {namespace} istio.io/dataplane-mode-",
    plaintext_query: plaintext!("istio_tcp_connections_opened_total"),
    ..SIDECAR
};
