//! Consul's chart. Names and presets as developer.hashicorp.com documents the installation (1.9 of consul-k8s, 2026).

use crate::mesh::install::{Distribution, Part, Profile};

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
    leftovers: &[],
    groups: &["consul.hashicorp.com"],
    namespace_value: "",
    caveat: "",
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
