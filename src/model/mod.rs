//! The neutral mesh: what a cluster is made of, in words that no vendor owns.
//!
//! Built from [`crate::facts::Facts`] by [`crate::kubernetes::translate`] and by each mesh's `translate`; read by
//! [`crate::analysis`]. Lists are in a stable order (namespace, kind, name), so the same facts give the same bytes.

mod edge;
mod index;
mod workload;

pub use edge::{Candidacy, Dangling, Edge, EdgeClass, Evidence, Grade, ObservedSource, Party};
pub use index::Index;
pub use workload::{
    Autoscaler, Container, Language, Library, Port, Qos, Resources, Role, Service, ServicePort, Sighting, Workload, WorkloadKind,
};

use serde::Serialize;
use std::collections::BTreeMap;

/// Index into [`Model::workloads`].
pub type WorkloadId = usize;
/// Index into [`Model::services`].
pub type ServiceId = usize;

#[derive(Clone, Debug, Default)]
pub struct Model {
    pub cluster: Cluster,
    pub namespaces: Vec<Namespace>,
    pub workloads: Vec<Workload>,
    pub services: Vec<Service>,
    pub edges: Vec<Edge>,
    /// References to a Service that doesn't exist.
    pub dangling: Vec<Dangling>,
    /// Metric or flow sources that answered, with what they could and could not tell.
    pub observed: Vec<ObservedSource>,
    pub signals: Vec<Signal>,
    pub installations: Vec<Installation>,
    pub autoscalers: Vec<Autoscaler>,
    /// What was not seen and why; never empty silently.
    pub not_seen: Vec<NotSeen>,
    /// True when the source can't hold running state (manifests): no nodes, no pods, no versions.
    pub manifests_only: bool,
    /// Lookup tables of the lists above; [`Model::reindex`] after changing them by hand is quicker, never needed.
    pub index: Index,
}

impl Model {
    /// Adds an edge, or adds the evidence to the same edge (same parties, port and class). The better grade wins.
    pub fn add_edge(&mut self, edge: Edge) {
        match self.index.edge(&self.edges, &edge) {
            Some(at) => self.edges[at].absorb(edge),
            None => {
                self.index.note_edge(self.edges.len(), &edge);
                self.edges.push(edge);
            }
        }
    }

    /// Says that something was not seen; the first word on a thing stands.
    pub fn add_not_seen(&mut self, unseen: NotSeen) {
        if !self.not_seen.iter().any(|known| known.what == unseen.what) {
            self.not_seen.push(unseen);
        }
    }

    /// Rebuilds the lookup tables.
    pub fn reindex(&mut self) {
        self.index = Index::new(&self.workloads, &self.services, &self.edges);
    }

    pub fn workload(&self, namespace: &str, kind: WorkloadKind, name: &str) -> Option<WorkloadId> {
        match self.index.workloads(&self.workloads, namespace, name) {
            Some(ids) => ids.iter().copied().find(|&id| self.workloads[id].kind == kind),
            None => self.workloads.iter().position(|w| w.namespace == namespace && w.kind == kind && w.name == name),
        }
    }

    /// A workload by name alone, whatever its kind; Deployments before others.
    pub fn workload_named(&self, namespace: &str, name: &str) -> Option<WorkloadId> {
        let by_kind = |id: &WorkloadId| (self.workloads[*id].kind, *id);
        match self.index.workloads(&self.workloads, namespace, name) {
            Some(ids) => ids.iter().copied().min_by_key(by_kind),
            None => {
                let named = |id: &WorkloadId| self.workloads[*id].namespace == namespace && self.workloads[*id].name == name;
                (0..self.workloads.len()).filter(named).min_by_key(by_kind)
            }
        }
    }

    pub fn service(&self, namespace: &str, name: &str) -> Option<ServiceId> {
        match self.index.service(&self.services, namespace, name) {
            Some(found) => found,
            None => self.services.iter().position(|s| s.namespace == namespace && s.name == name),
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// `v1.31.4`, as the API server or the nodes' kubelets say.
    pub kubernetes_version: Option<String>,
    pub nodes: Vec<Node>,
    /// Network plugins recognised by their DaemonSets: `cilium`, `calico`, `aws-node`, `azure-cns`, `flannel`, …
    pub network_plugins: Vec<Sighting<String>>,
    /// `kube-proxy` seen, or replaced.
    pub kube_proxy: Option<bool>,
    /// Gateway API CRD bundle version, if installed.
    pub gateway_api_version: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    pub name: String,
    /// `linux` or `windows`.
    pub os: String,
    pub os_image: String,
    pub arch: String,
    pub kernel: String,
    pub kubelet: String,
    pub zone: String,
    /// Allocatable minus the requests of the pods bound here; `None` when pods were not seen.
    pub allocatable: Resources,
    pub requested: Option<Resources>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Namespace {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    /// Made by the platform or by a mesh, not by the user: `kube-system`, `istio-system`, `linkerd-viz`, …
    pub system: bool,
}

/// A need the guide's second question asks about, split where the split decides (encryption ≠ identity ≠ authorization).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NeedKind {
    Encryption,
    Identity,
    Authorization,
    Tracing,
    Canary,
    Retries,
    GrpcBalancing,
    Multicluster,
    VirtualMachines,
}

/// What a signal says of a need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignalKind {
    /// Something in the cluster asks for it.
    Evidenced,
    /// Something in the cluster meets it already, without a mesh.
    Satisfied,
    /// It points that way, and is not enough alone.
    Hint,
}

/// One piece of evidence about one need.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Signal {
    pub need: NeedKind,
    pub kind: SignalKind,
    /// One sentence: "Argo Rollouts shifts traffic for 2 services (trafficRouting)".
    pub text: String,
    pub evidence: Vec<Evidence>,
}

/// A mesh that is installed, as far as it can be seen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Installation {
    /// Display name: `Istio`, `Linkerd`.
    pub mesh: String,
    pub id: &'static str,
    pub version: Option<String>,
    pub revision: Option<String>,
    pub namespace: String,
    /// `sidecar`, `ambient`, `per-node`, …
    pub mode: String,
    /// Workloads whose pods carry its proxy, by index.
    pub meshed: Vec<WorkloadId>,
    pub evidence: Vec<Evidence>,
}

/// Something that was asked for and is not in the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotSeen {
    /// `pods`, `networkpolicies.networking.k8s.io`, `metrics`.
    pub what: String,
    /// `forbidden`, `timed out`, `absent`, `failed`, `not asked`, `partial`.
    pub outcome: String,
    pub why: String,
    /// What this leaves open: "pods without a controller are not counted".
    pub leaves_open: String,
}
