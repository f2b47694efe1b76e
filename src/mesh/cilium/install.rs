//! Cilium's chart. Names and values as docs.cilium.io documents the installation with Helm (1.20, 2026).

use crate::mesh::install::{Distribution, Leftover, Minors, Part, Preflight, Profile};

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
    leftovers: &[
        left("v1", "Secret", "cilium-ca", true),
        left("v1", "Secret", "hubble-*-certs", true),
        left("coordination.k8s.io/v1", "Lease", "cilium-*", false),
    ],
    groups: &["cilium.io"],
    namespace_value: "",
    caveat: "it becomes the cluster's network: pods of another plugin keep their addresses until they restart",
    minors: Some(Minors { in_place: 1, beside: 1, source: "docs.cilium.io/en/stable/operations/upgrade" }),
    pods: &[],
    extensions: "",
    keys: None,
    preflight: Some(&PREFLIGHT),
    closes: None,
};

/// docs.cilium.io/en/stable/operations/upgrade: "Running pre-flight check (Required)", and `upgradeCompatibility`.
static PREFLIGHT: Preflight = Preflight {
    part: "cilium",
    release: "cilium-preflight",
    values: "{preflight: {enabled: true}, agent: false, operator: {enabled: false}}",
    takes: &["k8sServiceHost", "k8sServicePort", "k8s", "imagePullSecrets", "preflight", "namespaceOverride"],
    since: "upgradeCompatibility",
};

const MESH: &[(&str, &str)] = &[(
    "cilium",
    "{kubeProxyReplacement: true, gatewayAPI: {enabled: true}, envoy: {enabled: true}, hubble: {relay: {enabled: true}}}",
)];

const fn left(api_version: &'static str, kind: &'static str, name: &'static str, secret: bool) -> Leftover {
    Leftover { api_version, kind, name, everywhere: false, secret }
}
