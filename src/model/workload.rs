//! Workloads and services.

use super::{Evidence, WorkloadId};
use crate::facts::Place;
use serde::Serialize;
use std::collections::BTreeMap;

/// What runs the pods. The order is the preference when a name is ambiguous.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum WorkloadKind {
    Deployment,
    StatefulSet,
    DaemonSet,
    Rollout,
    ReplicaSet,
    ReplicationController,
    CronJob,
    Job,
    Pod,
}

impl WorkloadKind {
    pub fn as_str(self) -> &'static str {
        match self {
            WorkloadKind::Deployment => "Deployment",
            WorkloadKind::StatefulSet => "StatefulSet",
            WorkloadKind::DaemonSet => "DaemonSet",
            WorkloadKind::Rollout => "Rollout",
            WorkloadKind::ReplicaSet => "ReplicaSet",
            WorkloadKind::ReplicationController => "ReplicationController",
            WorkloadKind::CronJob => "CronJob",
            WorkloadKind::Job => "Job",
            WorkloadKind::Pod => "Pod",
        }
    }
    /// Runs to an end.
    pub fn is_batch(self) -> bool {
        matches!(self, WorkloadKind::Job | WorkloadKind::CronJob)
    }
}

/// What a workload is for. Only `App` counts in the guide's first question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    #[default]
    App,
    Datastore,
    Broker,
    Telemetry,
    LoadGenerator,
    /// Ingress controllers and gateways.
    Gateway,
    Mesh,
    /// The platform's own: DNS, CNI, operators, …
    System,
}

/// Something seen of a workload, and how.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Sighting<T> {
    pub what: T,
    pub evidence: Evidence,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    Java,
    Go,
    Python,
    Node,
    Dotnet,
    Ruby,
    Php,
    Rust,
    Cpp,
    Erlang,
}

/// Generation 1: resilience inside the application.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Library {
    /// `hystrix`, `resilience4j`, `polly`, `spring-cloud`, `ribbon`, `eureka`, `grpc-client`, …
    pub name: String,
    /// It retries, as far as the sighting shows.
    pub retries: bool,
}

/// CPU in millicores, memory in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Resources {
    pub cpu_milli: u64,
    pub memory_bytes: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Qos {
    Guaranteed,
    #[default]
    Burstable,
    BestEffort,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Container {
    pub name: String,
    pub image: String,
    pub init: bool,
    /// An init container with `restartPolicy: Always`.
    pub native_sidecar: bool,
    pub ports: Vec<Port>,
    pub requests: Option<Resources>,
    pub limits: Option<Resources>,
    pub run_as_user: Option<i64>,
    pub privileged: bool,
    /// `command` and `args`, joined; for recognising what an init container waits for.
    pub command: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Port {
    pub name: String,
    pub number: u16,
    /// `TCP`, `UDP`, `SCTP`.
    pub protocol: String,
}

#[derive(Clone, Debug)]
pub struct Workload {
    pub namespace: String,
    pub kind: WorkloadKind,
    pub name: String,
    /// Labels of the pods (of the template).
    pub labels: BTreeMap<String, String>,
    /// Annotations of the pods (of the template).
    pub annotations: BTreeMap<String, String>,
    pub role: Role,
    /// Why it has that role: "image redis", "only a scrape port". Empty for an ordinary App.
    pub role_reason: String,
    /// Desired replicas; for a DaemonSet the nodes it wants, for batch the parallelism.
    pub replicas: u32,
    pub containers: Vec<Container>,
    pub host_network: bool,
    pub service_account: String,
    /// `nodeSelector["kubernetes.io/os"]`, if any.
    pub os: Option<String>,
    pub qos: Qos,
    pub languages: Vec<Sighting<Language>>,
    pub libraries: Vec<Sighting<Library>>,
    pub place: Option<Place>,
    /// Schedule of a CronJob.
    pub schedule: Option<String>,
}

impl Workload {
    /// `deploy/web.shop`-like id in kubectl's words: `Deployment shop/web`.
    pub fn title(&self) -> String {
        format!("{} {}/{}", self.kind.as_str(), self.namespace, self.name)
    }
    /// First-party, long-lived or batch: what the guide counts.
    pub fn counts(&self) -> bool {
        self.role == Role::App
    }
    /// Main containers, without init containers.
    pub fn main_containers(&self) -> impl Iterator<Item = &Container> {
        self.containers.iter().filter(|c| !c.init)
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServicePort {
    pub name: String,
    pub number: u16,
    pub protocol: String,
    pub app_protocol: String,
    /// Number or name, as written.
    pub target: String,
}

#[derive(Clone, Debug, Default)]
pub struct Service {
    pub namespace: String,
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub headless: bool,
    pub external_name: Option<String>,
    /// `None` for a Service without selector.
    pub selector: Option<BTreeMap<String, String>>,
    pub ports: Vec<ServicePort>,
    pub cluster_ips: Vec<String>,
    /// Workloads whose pods the selector matches.
    pub workloads: Vec<WorkloadId>,
    pub place: Option<Place>,
}

/// A HorizontalPodAutoscaler.
#[derive(Clone, Debug, PartialEq)]
pub struct Autoscaler {
    pub namespace: String,
    pub name: String,
    pub target: Option<WorkloadId>,
    pub target_name: String,
    pub min: u32,
    pub max: u32,
    /// `Resource cpu`, `ContainerResource cpu`, `External queue_length`, …
    pub metrics: Vec<String>,
    /// Scales on the CPU *utilisation of the whole pod*, so a sidecar's request changes it.
    pub on_pod_cpu: bool,
}
