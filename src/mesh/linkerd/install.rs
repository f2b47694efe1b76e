//! Linkerd's charts. Names and order as linkerd.io documents the installation with Helm (edge, 2026).

use crate::mesh::install::{Distribution, Part, Profile};

const fn part(id: &'static str, chart: &'static str, folder: &'static [&'static str]) -> Part {
    Part { id, chart, folders: folder, release: chart, revisioned: false, takes: None, tells: None }
}

pub static DISTRIBUTION: Distribution = Distribution {
    namespace: "linkerd",
    repository: "https://helm.linkerd.io/edge",
    parts: &[
        part("crds", "linkerd-crds", &["linkerd-crds"]),
        part("cni", "linkerd2-cni", &["linkerd2-cni"]),
        part("control-plane", "linkerd-control-plane", &["linkerd-control-plane"]),
        part("viz", "linkerd-viz", &["linkerd-viz"]),
    ],
    profiles: &[
        Profile { name: "default", about: "control plane", parts: &["crds", "control-plane"], values: &[] },
        Profile {
            name: "ha",
            about: "three replicas of each part, injector that must answer",
            parts: &["crds", "control-plane"],
            values: HA,
        },
        Profile {
            name: "demo",
            about: "control plane, metrics and dashboard",
            parts: &["crds", "control-plane", "viz"],
            values: &[],
        },
    ],
    controllers: &[],
    installers: &["linkerd", "helm", "Helm", "kubectl-client-side-apply"],
    leftovers: &[],
    groups: &["linkerd.io", "policy.linkerd.io", "workload.linkerd.io"],
    namespace_value: "",
    caveat: "",
};

/// The figures are those of values-ha.yaml in the chart, without its affinities.
const HA: &[(&str, &str)] = &[(
    "control-plane",
    "{controllerReplicas: 3, enablePodAntiAffinity: true, enablePodDisruptionBudget: true, webhookFailurePolicy: Fail, \
     highAvailability: true}",
)];
