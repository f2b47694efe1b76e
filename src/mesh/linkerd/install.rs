//! Linkerd's charts. Names and order as linkerd.io documents the installation with Helm (edge, 2026).

use crate::mesh::install::{Distribution, Keys, Leftover, Part, Profile, Serving};

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
    leftovers: &[
        left("coordination.k8s.io/v1", "Lease", "policy-controller-write", false),
        left("v1", "Secret", "linkerd-identity-issuer", true),
        left("v1", "Secret", "linkerd-*-k8s-tls", true),
    ],
    groups: &["linkerd.io", "policy.linkerd.io", "workload.linkerd.io"],
    namespace_value: "",
    caveat: "",
    minors: None,
    pods: &[],
    extensions: "linkerd.io/extension",
    keys: Some(&KEYS),
    preflight: None,
    closes: None,
};

const fn left(api_version: &'static str, kind: &'static str, name: &'static str, secret: bool) -> Leftover {
    Leftover { api_version, kind, name, everywhere: false, secret }
}

/// The figures are those of values-ha.yaml in the chart, without its affinities.
const HA: &[(&str, &str)] = &[(
    "control-plane",
    "{controllerReplicas: 3, enablePodAntiAffinity: true, enablePodDisruptionBudget: true, webhookFailurePolicy: Fail, \
     highAvailability: true}",
)];

/// The chart makes its webhooks' certificates anew in every rendering; as Secrets of their own they last.
static KEYS: Keys = Keys {
    part: "control-plane",
    anchors: "identityTrustAnchorsPEM",
    anchor: "root.linkerd.{domain}",
    issuer: "identity.{namespace}.{domain}",
    secret: "linkerd-identity-issuer",
    scheme: ("identity.issuer.scheme", "kubernetes.io/tls"),
    roots: ("linkerd-identity-trust-roots", "ca-bundle.crt"),
    domain: &["identityTrustDomain", "clusterDomain"],
    usual_domain: "cluster.local",
    serving: &[
        Serving {
            secret: "linkerd-proxy-injector-k8s-tls",
            service: "linkerd-proxy-injector",
            external: "proxyInjector.externalSecret",
            bundle: "proxyInjector.caBundle",
        },
        Serving {
            secret: "linkerd-sp-validator-k8s-tls",
            service: "linkerd-sp-validator",
            external: "profileValidator.externalSecret",
            bundle: "profileValidator.caBundle",
        },
        Serving {
            secret: "linkerd-policy-validator-k8s-tls",
            service: "linkerd-policy-validator",
            external: "policyValidator.externalSecret",
            bundle: "policyValidator.caBundle",
        },
    ],
    kept: &["identityTrustAnchorsPEM", "identityTrustDomain", "identity", "proxyInjector", "profileValidator", "policyValidator"],
};
