//! A pod as it runs, or as a template would make it: what decides about a mesh, and what came of it.

use super::observed::pod_party;
use crate::facts::{Facts, kinds};
use crate::mesh::view::nullable;
use crate::model::{Model, Party, Workload, WorkloadId, WorkloadKind};
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default)]
pub struct Subject {
    pub namespace: String,
    pub name: String,
    pub owner: Option<WorkloadId>,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub containers: Vec<Carried>,
    pub host_network: bool,
    pub node: String,
    pub created: Option<Timestamp>,
    pub phase: String,
    /// False for a template whose pod is not there.
    pub exists: bool,
}

/// A container of a pod.
#[derive(Clone, Debug, Default)]
pub struct Carried {
    pub name: String,
    pub image: String,
    pub init: bool,
    /// An init container that goes on running.
    pub native: bool,
    /// As its status says; `None` without a status.
    pub ready: Option<bool>,
    /// What it waits for: `ContainerCreating`, `ImagePullBackOff`.
    pub waits_for: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct View {
    metadata: Meta,
    spec: Spec,
    status: Status,
}
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Meta {
    #[serde(deserialize_with = "nullable")]
    labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "nullable")]
    annotations: BTreeMap<String, String>,
    creation_timestamp: Option<Timestamp>,
}
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    #[serde(deserialize_with = "nullable")]
    containers: Vec<Container>,
    #[serde(deserialize_with = "nullable")]
    init_containers: Vec<Container>,
    #[serde(deserialize_with = "nullable")]
    host_network: bool,
    #[serde(deserialize_with = "nullable")]
    node_name: String,
}
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Container {
    name: String,
    #[serde(deserialize_with = "nullable")]
    image: String,
    #[serde(deserialize_with = "nullable")]
    restart_policy: String,
}
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    #[serde(deserialize_with = "nullable")]
    phase: String,
    #[serde(deserialize_with = "nullable")]
    container_statuses: Vec<ContainerStatus>,
    #[serde(deserialize_with = "nullable")]
    init_container_statuses: Vec<ContainerStatus>,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct ContainerStatus {
    name: String,
    ready: bool,
    #[serde(deserialize_with = "nullable")]
    state: State,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct State {
    waiting: Option<Waiting>,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct Waiting {
    #[serde(deserialize_with = "nullable")]
    reason: String,
}

impl Subject {
    /// `Pod shop/web-1`, or the workload whose pod is not there.
    pub fn title(&self) -> String {
        format!("Pod {}/{}", self.namespace, self.name)
    }

    /// It ran to its end and runs no proxy any more.
    pub fn ended(&self) -> bool {
        matches!(self.phase.as_str(), "Succeeded" | "Failed")
    }

    /// A container that goes on running, by the beginning of its name.
    pub fn carries(&self, name: &str) -> Option<&Carried> {
        self.containers.iter().find(|c| c.name.starts_with(name) && (!c.init || c.native))
    }

    pub fn label(&self, key: &str) -> Option<&str> {
        self.labels.get(key).map(String::as_str)
    }

    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.get(key).map(String::as_str)
    }
}

/// Every pod, in the order of namespace and name.
pub fn pods(facts: &Facts, model: &Model) -> Vec<Subject> {
    let mut all = Vec::new();
    facts.read::<View>(&kinds::POD, |object, view| {
        let owner = match pod_party(model, &object.namespace, &object.name) {
            Some(Party::Workload(id)) => Some(id),
            _ => None,
        };
        let statuses = || view.status.container_statuses.iter().chain(&view.status.init_container_statuses);
        let carried = |c: &Container, init: bool| {
            let status = statuses().find(|s| s.name == c.name);
            Carried {
                name: c.name.clone(),
                image: c.image.clone(),
                init,
                native: init && c.restart_policy == "Always",
                ready: status.map(|s| s.ready),
                waits_for: status.and_then(|s| s.state.waiting.as_ref()).map(|w| w.reason.clone()).unwrap_or_default(),
            }
        };
        let init = view.spec.init_containers.iter().map(|c| carried(c, true));
        all.push(Subject {
            namespace: object.namespace.to_string(),
            name: object.name.to_string(),
            owner,
            containers: view.spec.containers.iter().map(|c| carried(c, false)).chain(init).collect(),
            labels: view.metadata.labels,
            annotations: view.metadata.annotations,
            host_network: view.spec.host_network,
            node: view.spec.node_name,
            created: view.metadata.creation_timestamp,
            phase: view.status.phase,
            exists: true,
        });
    });
    all.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    all
}

/// What the template of a workload would make.
pub fn of_template(id: WorkloadId, workload: &Workload) -> Subject {
    let carried = |c: &crate::model::Container| Carried {
        name: c.name.clone(),
        image: c.image.clone(),
        init: c.init,
        native: c.native_sidecar,
        ..Carried::default()
    };
    Subject {
        namespace: workload.namespace.clone(),
        name: workload.name.clone(),
        owner: Some(id),
        labels: workload.labels.clone(),
        annotations: workload.annotations.clone(),
        containers: workload.containers.iter().map(carried).collect(),
        host_network: workload.host_network,
        ..Subject::default()
    }
}

/// The command that makes its pods anew.
pub fn restart(model: &Model, pod: &Subject) -> String {
    let owner = pod.owner.map(|id| &model.workloads[id]);
    let word = owner.and_then(|owner| match owner.kind {
        WorkloadKind::Deployment => Some("deploy"),
        WorkloadKind::StatefulSet => Some("sts"),
        WorkloadKind::DaemonSet => Some("ds"),
        _ => None,
    });
    match (word, owner) {
        (Some(word), Some(owner)) => format!("kubectl rollout restart {word}/{} -n {}", owner.name, owner.namespace),
        // Nobody makes it anew but who made it first.
        _ => format!("delete {} and create it again", pod.title()),
    }
}
