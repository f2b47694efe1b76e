//! Istio's charts. Names, order and profiles as istio.io documents the installation with Helm (1.29, 2026).

use crate::mesh::install::{Closes, Distribution, Footprint, Leftover, Minors, Part, Profile};
use std::time::Duration;

const fn part(id: &'static str, chart: &'static str, release: &'static str, folders: &'static [&'static str]) -> Part {
    Part { id, chart, folders, release, revisioned: false, takes: None, tells: None }
}

/// Of values for all parts, gateways take only what their schema allows.
const SHARED: Option<&[&str]> = Some(&["global", "profile", "revision", "compatibilityVersion", "platform"]);

pub static DISTRIBUTION: Distribution = Distribution {
    namespace: "istio-system",
    repository: "https://istio-release.storage.googleapis.com/charts",
    parts: &[
        part("base", "base", "istio-base", &["base"]),
        Part { revisioned: true, ..part("istiod", "istiod", "istiod", &["istiod", "istio-control/istio-discovery"]) },
        Part { tells: Some(("istiod", CNI)), ..part("cni", "cni", "istio-cni", &["cni", "istio-cni"]) },
        part("ztunnel", "ztunnel", "ztunnel", &["ztunnel"]),
        Part { takes: SHARED, ..part("ingress", "gateway", "istio-ingressgateway", &["gateway"]) },
        Part { takes: SHARED, ..part("egress", "gateway", "istio-egressgateway", &["gateway"]) },
    ],
    profiles: &[
        profile("default", "control plane and an ingress gateway", &["base", "istiod", "ingress"], &[]),
        profile("minimal", "control plane only", &["base", "istiod"], &[]),
        profile(
            "ambient",
            "no sidecars: node proxies and CNI",
            &["base", "istiod", "cni", "ztunnel"],
            &[("", "profile: ambient")],
        ),
        profile("demo", "everything, with full tracing and small requests", &["base", "istiod", "ingress", "egress"], DEMO),
        profile("ha", "three istiods over nodes, never fewer than two", &["base", "istiod", "ingress"], HA),
        profile("preview", "with experimental features", &["base", "istiod", "ingress"], &[("", "profile: preview")]),
        profile("stable", "stable features only", &["base", "istiod", "ingress"], &[("", "profile: stable")]),
        profile(
            "remote",
            "injection only; the control plane is in another cluster",
            &["base", "istiod"],
            &[("", "profile: remote")],
        ),
        profile("openshift", "control plane, gateway and CNI on OpenShift", &["base", "istiod", "cni", "ingress"], OPENSHIFT),
    ],
    // istiod writes CA bundles and the failure policy into its webhooks once it serves them.
    controllers: &["pilot-discovery"],
    installers: &["istio-operator", "helm", "Helm"],
    leftovers: &[
        Leftover { api_version: "v1", kind: "ConfigMap", name: "istio-ca-root-cert", everywhere: true, secret: false },
        Leftover { api_version: "v1", kind: "ConfigMap", name: "istio-ca-crl", everywhere: true, secret: false },
        Leftover { api_version: "v1", kind: "ConfigMap", name: "istio-leader*", everywhere: false, secret: false },
        Leftover {
            api_version: "v1",
            kind: "ConfigMap",
            name: "istio-namespace-controller-election*",
            everywhere: false,
            secret: false,
        },
        Leftover { api_version: "v1", kind: "ConfigMap", name: "istio-gateway-*", everywhere: false, secret: false },
        Leftover { api_version: "v1", kind: "ConfigMap", name: "istio-ip-autoallocate*", everywhere: false, secret: false },
        Leftover { api_version: "coordination.k8s.io/v1", kind: "Lease", name: "istio-*", everywhere: false, secret: false },
        // Names for revisions: `tag set` makes them, and istioctl one with every installation.
        Leftover {
            api_version: "admissionregistration.k8s.io/v1",
            kind: "MutatingWebhookConfiguration",
            name: "istio-revision-tag-*",
            everywhere: true,
            secret: false,
        },
        Leftover { api_version: "v1", kind: "Service", name: "istiod-revision-tag-*", everywhere: false, secret: false },
        Leftover { api_version: "v1", kind: "Secret", name: "istio-ca-secret", everywhere: false, secret: true },
    ],
    groups: &["networking.istio.io", "security.istio.io", "telemetry.istio.io", "extensions.istio.io"],
    namespace_value: "global.istioNamespace",
    caveat: "",
    minors: Some(Minors { in_place: 1, beside: 2, source: "istio.io/latest/docs/setup/upgrade" }),
    pods: &[
        Footprint { name: "istiod", cpu_milli: 500, memory_mib: 2048 },
        Footprint { name: "gateway", cpu_milli: 100, memory_mib: 128 },
    ],
    extensions: "",
    keys: None,
    preflight: None,
    closes: Some(&CLOSES),
};

/// It takes a few seconds after istiod is ready; an API server that can't reach it is the usual reason why not.
static CLOSES: Closes = Closes {
    part: "istiod",
    label: "istio.io/rev",
    within: Duration::from_secs(60),
    open: "Istio's configuration is taken unchecked when istiod doesn't answer",
    look: "can the API server reach port 15017 of istiod's pods? kubectl -n {namespace} logs deploy/istiod says why it keeps it open",
};

const fn profile(
    name: &'static str,
    about: &'static str,
    parts: &'static [&'static str],
    values: &'static [(&'static str, &'static str)],
) -> Profile {
    Profile { name, about, parts, values }
}

/// Else pods are injected with a container that asks for the rights which the node agent is there to spare them.
const CNI: &str = "pilot: {cni: {enabled: true}}";

const DEMO: &[(&str, &str)] = &[("", "profile: demo")];
const OPENSHIFT: &[(&str, &str)] = &[("", "global: {platform: openshift}")];
const HA: &[(&str, &str)] = &[(
    "istiod",
    "{autoscaleMin: 3, global: {defaultPodDisruptionBudget: {enabled: true}}, topologySpreadConstraints: \
     [{maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {app: istiod}}}]}",
)];
