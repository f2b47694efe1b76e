//! What a mesh says of itself as a choice: dated data. Judgement is in `analysis::need`.

use crate::model::NeedKind;
use serde::Serialize;

/// One way to choose a mesh: "Istio ambient" and "Istio sidecar" are two.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Candidate {
    /// `istio-sidecar`; what `-o json` and `--answer` call it.
    pub id: &'static str,
    /// `Istio (sidecar)`.
    pub name: &'static str,
    /// `Mesh::id` of the mesh that it belongs to.
    pub mesh: &'static str,
    /// `Envoy`, `Rust micro-proxy`, `eBPF + Envoy`, …
    pub proxy: &'static str,
    /// The guide's own words for the guide's own table.
    pub guide_complexity: &'static str,
    pub guide_mtls: &'static str,
    pub guide_traffic: &'static str,
    pub guide_best_for: &'static str,
    /// Complexity as judged today, with the reason when it differs from the guide.
    pub complexity: Level,
    pub complexity_note: &'static str,
    /// The version that the figures below are about: `1.29`.
    pub version: &'static str,
    /// Kubernetes versions the vendor lists as tested. Older than the minimum is an exclusion; newer is *untested*.
    pub kubernetes: VersionRange,
    /// Kernel minimum, where there is one.
    pub kernel: Option<KernelRange>,
    /// CNIs it needs to be, such as `cilium`; empty when any will do.
    pub needs_cni: &'static [&'static str],
    pub windows: Fit,
    /// How well it meets each need; a need that isn't listed is not met.
    pub fits: &'static [(NeedKind, Fit)],
    pub licence_note: &'static str,
    pub cost: CostModel,
    /// First command of its adoption, pinned as far as public docs go.
    pub observe_only_install: &'static str,
    pub enrol_namespace: &'static str,
    pub unenrol_namespace: &'static str,
    pub strict: &'static str,
    pub permissive: &'static str,
    pub uninstall: &'static str,
    /// A PromQL expression that is non-zero while plaintext still comes into namespace `{namespace}` over `{window}`.
    pub plaintext_query: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Low,
    Medium,
    High,
}

/// How well something is supported; `note` says why and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "fit", rename_all = "kebab-case")]
pub enum Fit {
    Full { note: &'static str },
    Partial { note: &'static str },
    No { note: &'static str },
}

/// Inclusive `major.minor` bounds with their source and date.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct VersionRange {
    pub min: (u32, u32),
    /// Highest version that the vendor lists; newer is untested, not unsupported.
    pub tested_to: Option<(u32, u32)>,
    pub source: &'static str,
    pub date: &'static str,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct KernelRange {
    pub min: (u32, u32),
    pub source: &'static str,
    pub date: &'static str,
}

/// Numbers to compute *used* and *reserved* from. Ranges are (low, high); `None` means no published figure.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CostModel {
    /// Millicores per 1,000 requests/s through one proxy.
    pub cpu_milli_per_krps: Option<(f64, f64)>,
    /// MiB per sidecar (or per node proxy).
    pub memory_mib_per_proxy: Option<(f64, f64)>,
    /// Proxies: one a pod (`true`) or one a node (`false`).
    pub per_pod: bool,
    /// Default requests of each proxy: millicores, MiB. `None` = no request set by default.
    pub proxy_request: Option<(u32, u32)>,
    /// Default requests of the control plane: millicores, MiB.
    pub control_plane_request: Option<(u32, u32)>,
    /// Further default requests on every node (CNI agent): millicores, MiB.
    pub node_request: Option<(u32, u32)>,
    /// Per-layer-7 proxy (waypoint) requests: millicores, MiB.
    pub l7_request: Option<(u32, u32)>,
    /// Millicores per 1,000 requests/s through a layer-7 proxy, if that is a separate one.
    pub l7_cpu_milli_per_krps: Option<(f64, f64)>,
    pub figures: &'static [CostFigure],
}

/// A published figure: nearly every benchmark favours its publisher, so the publisher is always shown.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CostFigure {
    pub text: &'static str,
    pub publisher: &'static str,
    pub date: &'static str,
}
