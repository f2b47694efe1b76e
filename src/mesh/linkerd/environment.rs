//! What a proxy was told when its pod was made: the injector writes all of it into the container's environment.

use crate::facts::Object;
use crate::mesh::view::nullable;
use serde::Deserialize;
use std::collections::BTreeMap;

pub const ANCHORS: &str = "LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS";
const IDENTITY: &str = "LINKERD2_PROXY_IDENTITY_LOCAL_NAME";
const SUFFIXES: &str = "LINKERD2_PROXY_DESTINATION_PROFILE_SUFFIXES";
const PORTS: &str = "LINKERD2_PROXY_INBOUND_PORTS";
const DEFAULT_SUFFIX: &str = "svc.cluster.local";

#[derive(Deserialize, Default)]
#[serde(default)]
struct View {
    spec: Spec,
    status: Status,
}
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    #[serde(deserialize_with = "nullable")]
    containers: Vec<Container>,
    #[serde(deserialize_with = "nullable")]
    init_containers: Vec<Container>,
    #[serde(deserialize_with = "nullable")]
    service_account_name: String,
    #[serde(deserialize_with = "nullable")]
    node_name: String,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    #[serde(rename = "podIP", deserialize_with = "nullable")]
    pod_ip: String,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct Container {
    name: String,
    #[serde(deserialize_with = "nullable")]
    env: Vec<Variable>,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct Variable {
    name: String,
    #[serde(deserialize_with = "nullable")]
    value: String,
}

/// The proxy's environment.
#[derive(Debug, Default)]
pub struct Environment {
    values: BTreeMap<String, String>,
}

impl Environment {
    pub fn of(pod: &Object) -> Self {
        let View { spec, status } = pod.read::<View>().unwrap_or_default();
        let own = [
            ("_pod_sa", &*spec.service_account_name),
            ("_pod_ns", &*pod.namespace),
            ("_pod_name", &*pod.name),
            ("_pod_nodeName", &*spec.node_name),
            ("_pod_ip", &*status.pod_ip),
        ];
        let expanded =
            |value: &str| own.iter().fold(value.to_owned(), |text, (name, value)| text.replace(&format!("$({name})"), value));
        let all = spec.containers.iter().chain(&spec.init_containers);
        let proxy = all.filter(|container| container.name == "linkerd-proxy").flat_map(|container| &container.env);
        Environment { values: proxy.map(|one| (one.name.clone(), expanded(&one.value))).collect() }
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }
    /// `web.shop.serviceaccount.identity.linkerd.cluster.local`: its name among proxies, and the one that its certificate bears.
    pub fn identity(&self) -> Option<&str> {
        self.get(IDENTITY)
    }
    /// Anchors, as PEM.
    pub fn anchors(&self) -> Option<&str> {
        self.get(ANCHORS)
    }
    /// `svc.cluster.local`
    pub fn suffix(&self) -> &str {
        let first = self.get(SUFFIXES).and_then(|all| all.split(',').next());
        first.map(|suffix| suffix.trim_end_matches('.')).filter(|suffix| !suffix.is_empty()).unwrap_or(DEFAULT_SUFFIX)
    }
    /// The ports that its containers declare.
    pub fn ports(&self) -> Vec<u16> {
        let all = self.get(PORTS).unwrap_or_default().split(',');
        all.filter_map(|port| port.trim().parse().ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_of_the_pod_are_filled_in() {
        let env = json!([
            {"name": "_pod_sa", "valueFrom": {"fieldRef": {"fieldPath": "spec.serviceAccountName"}}},
            {"name": IDENTITY, "value": "$(_pod_sa).$(_pod_ns).serviceaccount.identity.l5d.example.org"},
            {"name": SUFFIXES, "value": "svc.example.org.,other."},
            {"name": PORTS, "value": "8080, 8079"}
        ]);
        let pod = json!({"metadata": {"name": "web-1", "namespace": "shop"}, "spec": {"serviceAccountName": "web",
            "containers": [{"name": "main"}], "initContainers": [{"name": "linkerd-proxy", "env": env}]}});
        let pod = Object { namespace: "shop".into(), name: "web-1".into(), json: pod.to_string().into(), place: None };
        let told = Environment::of(&pod);
        assert_eq!(told.identity(), Some("web.shop.serviceaccount.identity.l5d.example.org"));
        assert_eq!((told.suffix(), told.ports(), told.anchors()), ("svc.example.org", vec![8080, 8079], None));
        assert_eq!(Environment::default().suffix(), DEFAULT_SUFFIX);
    }
}
