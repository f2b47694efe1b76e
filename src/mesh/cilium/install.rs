//! Cilium's chart. Names and values as docs.cilium.io documents the installation with Helm (1.20, 2026).

use crate::mesh::install::{Distribution, Part, Profile};

pub static DISTRIBUTION: Distribution = Distribution {
    namespace: "kube-system",
    repository: "https://helm.cilium.io",
    parts: &[Part {
        id: "cilium",
        chart: "cilium",
        folders: &["cilium"],
        release: "cilium",
        revisioned: false,
        takes: None,
        tells: None,
    }],
    profiles: &[
        Profile { name: "default", about: "network and Envoy, as the chart has it", parts: &["cilium"], values: &[] },
        Profile { name: "mesh", about: "with Gateway API, L7 by Envoy and Hubble", parts: &["cilium"], values: MESH },
    ],
    controllers: &["cilium-operator", "cilium-operator-generic"],
    installers: &["helm", "Helm"],
    leftovers: &[],
    groups: &["cilium.io"],
    namespace_value: "",
    caveat: "it becomes the cluster's network: pods of another plugin keep their addresses until they restart",
};

const MESH: &[(&str, &str)] = &[(
    "cilium",
    "{kubeProxyReplacement: true, gatewayAPI: {enabled: true}, envoy: {enabled: true}, hubble: {relay: {enabled: true}}}",
)];
