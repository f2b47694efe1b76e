//! The agent's settings: what is a mesh in them, and what they give without one.

use crate::facts::{Facts, Object, kinds};
use crate::mesh::declared::{signal, why};
use crate::mesh::view::ConfigMap;
use crate::model::{Evidence, Model, NeedKind, NotSeen, SignalKind, Workload};
use std::collections::BTreeMap;

/// Settings that make it more than the network: without any of them nothing reads, routes or authenticates requests.
const MESH: [&str; 5] =
    ["enable-envoy-config", "enable-gateway-api", "enable-ingress-controller", "mesh-auth-mutual-enabled", "enable-ztunnel"];

/// The ConfigMap `cilium-config`.
pub struct Settings<'a> {
    object: &'a Object,
    data: BTreeMap<String, String>,
}

impl<'a> Settings<'a> {
    /// Those of the agent in this namespace.
    pub fn read(facts: &'a Facts, namespace: &str) -> Option<Self> {
        let mut found = None;
        facts.read::<ConfigMap>(&kinds::CONFIG_MAP, |object, view| {
            if &*object.name == "cilium-config" && &*object.namespace == namespace {
                found = Some(Settings { object, data: view.data });
            }
        });
        found
    }

    pub fn on(&self, key: &str) -> bool {
        self.data.get(key).is_some_and(|value| value == "true")
    }

    pub fn has(&self, key: &str) -> bool {
        self.data.get(key).is_some_and(|value| !value.is_empty())
    }

    pub fn why(&self, key: &str) -> Evidence {
        let text = self.data.get(key).map_or("", String::as_str);
        why("ConfigMap", self.object, format!("data[{key}]"), text)
    }

    /// What of a mesh is switched on.
    pub fn mesh(&self) -> Vec<Evidence> {
        MESH.iter().filter(|key| self.on(key)).map(|key| self.why(key)).collect()
    }
}

pub fn agents(model: &Model) -> impl Iterator<Item = &Workload> {
    model.workloads.iter().filter(|w| w.labels.get("k8s-app").is_some_and(|app| app == "cilium"))
}

/// What the settings already give without a proxy in each pod, or that they were not seen.
pub fn signals(facts: &Facts, model: &mut Model) {
    let namespaces: Vec<String> = agents(model).map(|agent| agent.namespace.clone()).collect();
    for namespace in namespaces {
        let Some(settings) = Settings::read(facts, &namespace) else {
            model.add_not_seen(NotSeen {
                what: format!("ConfigMap {namespace}/cilium-config"),
                outcome: "absent".to_owned(),
                why: "Cilium's agent runs here, and its settings are not among what was read".to_owned(),
                leaves_open: "whether Cilium encrypts, and whether it is a mesh here or the network only".to_owned(),
            });
            continue;
        };
        for (key, need, kind, text) in [
            ("enable-wireguard", NeedKind::Encryption, SignalKind::Satisfied, "WireGuard encrypts traffic between nodes"),
            ("enable-ipsec", NeedKind::Encryption, SignalKind::Satisfied, "IPsec encrypts traffic between nodes"),
            (
                "mesh-auth-mutual-enabled",
                NeedKind::Identity,
                SignalKind::Satisfied,
                "mutual authentication is on (beta; the handshake is out of band)",
            ),
            (
                "enable-ztunnel",
                NeedKind::Identity,
                SignalKind::Hint,
                "mTLS through ztunnel is on (beta), for namespaces that join",
            ),
        ] {
            if settings.on(key) {
                signal(model, need, kind, text, vec![settings.why(key)]);
            }
        }
        if settings.data.get("cluster-id").is_some_and(|id| id != "0" && !id.is_empty()) {
            let text = "a cluster id for Cluster Mesh is set";
            signal(model, NeedKind::Multicluster, SignalKind::Hint, text, vec![settings.why("cluster-id")]);
        }
    }
}
