//! Consul's chart. Names and presets as developer.hashicorp.com documents the installation (1.9 of consul-k8s, 2026).

use crate::mesh::install::{Distribution, Footprint, Leftover, Minors, Part, Profile};

pub static DISTRIBUTION: Distribution = Distribution {
    namespace: "consul",
    repository: "https://helm.releases.hashicorp.com",
    parts: &[Part {
        id: "consul",
        chart: "consul",
        folders: &["consul"],
        release: "consul",
        revisioned: false,
        takes: None,
        tells: None,
    }],
    profiles: &[
        Profile {
            name: "default",
            about: "servers and injector",
            parts: &["consul"],
            values: &[("consul", "{connectInject: {enabled: true}}")],
        },
        Profile { name: "demo", about: "one server, metrics, dashboard", parts: &["consul"], values: DEMO },
        Profile { name: "secure", about: "TLS, ACLs and gossip encryption", parts: &["consul"], values: SECURE },
    ],
    controllers: &["consul-k8s-control-plane"],
    installers: &["helm", "Helm"],
    // Secrets of jobs, and the servers' disks: a new installation finds its tokens used up when only a part of it goes.
    leftovers: &[
        left("v1", "Secret", "consul-*-acl-token", true),
        left("v1", "Secret", "consul-ca-cert", true),
        left("v1", "Secret", "consul-ca-key", true),
        left("v1", "Secret", "consul-server-cert", true),
        left("v1", "Secret", "consul-gossip-encryption-key", true),
        left("v1", "Secret", "consul-webhook-cert*", true),
        left("v1", "Secret", "consul-connect-inject-*", true),
        left("v1", "PersistentVolumeClaim", "data-*-consul-server-*", true),
        left("coordination.k8s.io/v1", "Lease", "consul-controller-lock", false),
    ],
    groups: &["consul.hashicorp.com"],
    namespace_value: "",
    caveat: "",
    minors: Some(Minors { in_place: 1, beside: 1, source: "developer.hashicorp.com/consul/docs/upgrade" }),
    pods: &[
        Footprint { name: "server", cpu_milli: 100, memory_mib: 200 },
        Footprint { name: "injector", cpu_milli: 50, memory_mib: 200 },
    ],
    extensions: "",
    keys: None,
    preflight: None,
    closes: None,
};

const DEMO: &[(&str, &str)] = &[(
    "consul",
    "{connectInject: {enabled: true}, server: {replicas: 1}, ui: {enabled: true}, global: {metrics: {enabled: true, enableAgentMetrics: true}}, \
     prometheus: {enabled: true}}",
)];
const SECURE: &[(&str, &str)] = &[(
    "consul",
    "{connectInject: {enabled: true}, global: {tls: {enabled: true, enableAutoEncrypt: true}, acls: {manageSystemACLs: true}, \
     gossipEncryption: {autoGenerate: true}}}",
)];

const fn left(api_version: &'static str, kind: &'static str, name: &'static str, secret: bool) -> Leftover {
    Leftover { api_version, kind, name, everywhere: false, secret }
}
