//! The few fields of Kubernetes objects that several meshes read: lenient, so that a null is an empty value.

use crate::facts::Object;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// `null` and a missing field are the default.
pub fn nullable<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(from)?.unwrap_or_default())
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Metadata {
    #[serde(deserialize_with = "nullable")]
    pub labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "nullable")]
    pub annotations: BTreeMap<String, String>,
    pub uid: String,
    /// It is on its way out.
    #[serde(rename = "deletionTimestamp")]
    pub ends: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Pod {
    pub metadata: Metadata,
    pub spec: PodSpec,
    pub status: PodStatus,
}

impl Pod {
    /// A container, or init container, whose name begins like this.
    pub fn container(&self, name: &str) -> Option<&Container> {
        self.spec.containers.iter().chain(&self.spec.init_containers).find(|c| c.name.starts_with(name))
    }
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct PodSpec {
    #[serde(deserialize_with = "nullable")]
    pub containers: Vec<Container>,
    #[serde(deserialize_with = "nullable")]
    pub init_containers: Vec<Container>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Container {
    pub name: String,
    #[serde(deserialize_with = "nullable")]
    pub image: String,
    #[serde(deserialize_with = "nullable")]
    pub args: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    pub env: Vec<Env>,
    #[serde(deserialize_with = "nullable")]
    pub ports: Vec<ContainerPort>,
}

/// A variable with a value of its own.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Env {
    pub name: String,
    #[serde(deserialize_with = "nullable")]
    pub value: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct ContainerPort {
    #[serde(deserialize_with = "nullable")]
    pub name: String,
    pub container_port: u16,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct PodStatus {
    #[serde(deserialize_with = "nullable")]
    pub phase: String,
    #[serde(rename = "podIP", deserialize_with = "nullable")]
    pub pod_ip: String,
    #[serde(deserialize_with = "nullable")]
    pub conditions: Vec<Condition>,
}

impl PodStatus {
    pub fn is_ready(&self) -> bool {
        self.conditions.iter().any(|condition| condition.kind == "Ready" && condition.is_true())
    }
}

/// One of a pod's containers, as the kubelet sees it. Apart from [`Pod`], which is read of every pod.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct ContainerStatus {
    pub name: String,
    pub ready: bool,
    pub restart_count: u32,
    #[serde(deserialize_with = "nullable")]
    pub state: ContainerState,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct ContainerState {
    pub running: Option<IgnoredAny>,
    pub waiting: Option<Reason>,
    pub terminated: Option<Reason>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Reason {
    #[serde(deserialize_with = "nullable")]
    pub reason: String,
}

/// Containers, and then those that run before or beside them.
pub fn statuses(pod: &Object) -> Vec<ContainerStatus> {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct View {
        #[serde(deserialize_with = "nullable")]
        status: Status,
    }
    #[derive(Deserialize, Default)]
    #[serde(default, rename_all = "camelCase")]
    struct Status {
        #[serde(deserialize_with = "nullable")]
        container_statuses: Vec<ContainerStatus>,
        #[serde(deserialize_with = "nullable")]
        init_container_statuses: Vec<ContainerStatus>,
    }
    let Status { container_statuses, init_container_statuses } = pod.read::<View>().unwrap_or_default().status;
    container_statuses.into_iter().chain(init_container_statuses).collect()
}

/// Any object, by what controllers wrote into its status.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Judged {
    #[serde(deserialize_with = "nullable")]
    pub status: Conditions,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Conditions {
    #[serde(deserialize_with = "nullable")]
    pub conditions: Vec<Condition>,
}

impl Conditions {
    pub fn of(&self, kind: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.kind == kind)
    }
}

#[derive(Clone, Debug, Deserialize, Default)]
#[serde(default)]
pub struct Condition {
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False`, `Unknown`
    #[serde(deserialize_with = "nullable")]
    pub status: String,
    #[serde(deserialize_with = "nullable")]
    pub reason: String,
    #[serde(deserialize_with = "nullable")]
    pub message: String,
}

impl Condition {
    pub fn is_true(&self) -> bool {
        self.status == "True"
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct ConfigMap {
    #[serde(deserialize_with = "nullable")]
    pub data: BTreeMap<String, String>,
}

/// The tag of an image, without a digest: `1.29.1` of `hub/proxyv2:1.29.1@sha256:…`. A registry's port is no tag.
pub fn image_tag(image: &str) -> Option<&str> {
    let image = image.split_once('@').map_or(image, |(image, _)| image);
    let name = image.rsplit_once('/').map_or(image, |(_, name)| name);
    name.split_once(':').map(|(_, tag)| tag).filter(|tag| !tag.is_empty())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_registrys_port_and_a_digest_are_no_tag() {
        assert_eq!(super::image_tag("localhost:5000/proxy"), None);
        assert_eq!(super::image_tag("localhost:5000/istio/proxyv2:1.29.1@sha256:00"), Some("1.29.1"));
        assert_eq!(super::image_tag("pilot:1.32-dev"), Some("1.32-dev"));
    }
}
