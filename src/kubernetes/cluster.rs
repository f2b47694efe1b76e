//! The cluster itself: versions, nodes and what is bound to them, network plugins, namespaces.

use super::plugins;
use super::view;
use super::workloads::resources;
use super::world::{World, namespace_of};
use crate::facts::{Need, Object, kinds};
use crate::mesh::marks;
use crate::model::{Namespace, Node, Resources};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Versions, nodes, network plugins. Runs after the workloads are known.
pub fn collect(world: &mut World) {
    nodes(world);
    plugins::collect(world);
    #[derive(Deserialize)]
    struct Version {
        #[serde(rename = "gitVersion")]
        git_version: String,
    }
    let said = world.facts.text(&Need::Version).and_then(|text| serde_json::from_str::<Version>(text).ok());
    let kubelets = world.model.cluster.nodes.iter().map(|n| n.kubelet.clone()).filter(|k| !k.is_empty());
    world.model.cluster.kubernetes_version = said.map(|v| v.git_version).or_else(|| kubelets.min());
    let crds: Vec<(&Object, view::Tagged)> = world.read(&kinds::CUSTOM_RESOURCE_DEFINITION);
    let versions = crds
        .iter()
        .filter(|(object, _)| object.name.ends_with(".gateway.networking.k8s.io"))
        .filter_map(|(_, crd)| crd.meta.annotations.get("gateway.networking.k8s.io/bundle-version"));
    world.model.cluster.gateway_api_version = versions.map(|v| v.0.clone()).max();
}

fn nodes(world: &mut World) {
    let views: Vec<(&Object, view::Node)> = world.read(&kinds::NODE);
    let mut requested: BTreeMap<String, Resources> = BTreeMap::new();
    let pods_seen = world.facts.seen(&kinds::POD);
    if !views.is_empty() && pods_seen {
        let pods: Vec<(&Object, view::PlacedPod)> = world.read(&kinds::POD);
        for (_, pod) in pods {
            if !pod.spec.node_name.is_empty() && !matches!(&*pod.status.phase, "Succeeded" | "Failed") {
                let sum = requested.entry(pod.spec.node_name.0.clone()).or_default();
                *sum = add(*sum, pod_requests(&pod.spec));
            }
        }
    }
    for (object, node) in views {
        let label = |key: &str| node.meta.labels.get(key).map(|v| v.0.clone());
        let info = node.status.info;
        world.model.cluster.nodes.push(Node {
            name: object.name.to_string(),
            os: if info.os.is_empty() { label("kubernetes.io/os").unwrap_or_default() } else { info.os.0 },
            os_image: info.os_image.0,
            arch: info.arch.0,
            kernel: info.kernel.0,
            kubelet: info.kubelet.0,
            zone: label("topology.kubernetes.io/zone")
                .or_else(|| label("failure-domain.beta.kubernetes.io/zone"))
                .unwrap_or_default(),
            allocatable: resources(&node.status.allocatable).unwrap_or_default(),
            requested: pods_seen.then(|| requested.get(&*object.name).copied().unwrap_or_default()),
        });
    }
    world.model.cluster.nodes.sort_by(|a, b| a.name.cmp(&b.name));
}

fn add(a: Resources, b: Resources) -> Resources {
    Resources { cpu_milli: a.cpu_milli.saturating_add(b.cpu_milli), memory_bytes: a.memory_bytes.saturating_add(b.memory_bytes) }
}

/// As the scheduler counts: main containers and native sidecars together, or the largest init container if that is more.
fn pod_requests(spec: &view::PlacedSpec) -> Resources {
    let of = |c: &view::PlacedContainer| {
        let (requests, limits) = (resources(&c.resources.requests), resources(&c.resources.limits));
        requests.or(limits).unwrap_or_default()
    };
    let mut sidecars = Resources::default();
    let mut peak = Resources::default();
    for init in &spec.init_containers {
        let now = add(of(init), sidecars);
        peak = Resources { cpu_milli: peak.cpu_milli.max(now.cpu_milli), memory_bytes: peak.memory_bytes.max(now.memory_bytes) };
        if &*init.restart_policy == "Always" {
            sidecars = now;
        }
    }
    let main = spec.containers.iter().map(of).fold(sidecars, add);
    let most =
        Resources { cpu_milli: peak.cpu_milli.max(main.cpu_milli), memory_bytes: peak.memory_bytes.max(main.memory_bytes) };
    add(most, resources(&spec.overhead).unwrap_or_default())
}

/// Namespaces, those that are only named by an object included.
pub fn namespaces(world: &mut World) {
    let views: Vec<(&Object, view::Tagged)> = world.read(&kinds::NAMESPACE);
    let mut all: BTreeMap<String, Namespace> = BTreeMap::new();
    for (object, view) in views {
        let name = object.name.to_string();
        let (labels, annotations) = (view::strings(&view.meta.labels), view::strings(&view.meta.annotations));
        all.insert(name.clone(), Namespace { system: is_system(&name), name, labels, annotations });
    }
    let facts = world.facts;
    for resource in [&kinds::DEPLOYMENT, &kinds::STATEFUL_SET, &kinds::DAEMON_SET, &kinds::SERVICE, &kinds::POD, &kinds::CRON_JOB]
    {
        for object in facts.objects(resource) {
            let name = namespace_of(object);
            if !all.contains_key(name) {
                let bare = Namespace { name: name.to_owned(), system: is_system(name), ..Namespace::default() };
                all.insert(name.to_owned(), bare);
            }
        }
    }
    world.known_namespaces = all.keys().cloned().collect();
    world.model.namespaces = all.into_values().collect();
}

/// Made by the platform or by a mesh, not by the user.
pub fn is_system(namespace: &str) -> bool {
    const EXACT: [&str; 21] = [
        "cert-manager",
        "monitoring",
        "observability",
        "argocd",
        "argo-rollouts",
        "flux-system",
        "gatekeeper-system",
        "ingress-nginx",
        "kyverno",
        "local-path-storage",
        "metallb-system",
        "tigera-operator",
        "calico-system",
        "calico-apiserver",
        "velero",
        "external-secrets",
        "spire",
        "spire-system",
        "flagger-system",
        "envoy-gateway-system",
        "gmp-system",
    ];
    EXACT.contains(&namespace)
        || marks::is_own_namespace(namespace)
        || ["kube-", "gke-", "openshift-", "cattle-"].iter().any(|prefix| namespace.starts_with(prefix))
}
