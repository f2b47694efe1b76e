//! Network plugins, by the names of their DaemonSets. A plugin may share its name with a mesh: here it is the network.

use super::world::World;
use crate::facts::kinds;
use crate::model::{Evidence, Sighting, WorkloadKind};
use std::collections::BTreeSet;

/// DaemonSet name → network plugin.
const PLUGINS: [(&str, &str); 15] = [
    ("cilium", "cilium"),
    ("anetd", "cilium"),
    ("calico-node", "calico"),
    ("canal", "calico"),
    ("aws-node", "aws-node"),
    ("azure-cns", "azure-cns"),
    ("azure-cni", "azure-cni"),
    ("kube-flannel", "flannel"),
    ("kube-flannel-ds", "flannel"),
    ("antrea-agent", "antrea"),
    ("weave-net", "weave"),
    ("kindnet", "kindnet"),
    ("kube-router", "kube-router"),
    ("ovnkube-node", "ovn-kubernetes"),
    ("netd", "gke-netd"),
];

/// Adds the plugins that are in sight, and whether kube-proxy runs beside them.
pub fn collect(world: &mut World) {
    let mut found: BTreeSet<Sighting<String>> = BTreeSet::new();
    let mut kube_proxy = false;
    for workload in &world.model.workloads {
        kube_proxy |= workload.name.starts_with("kube-proxy") && workload.namespace == "kube-system";
        if workload.kind != WorkloadKind::DaemonSet {
            continue;
        }
        if let Some((_, plugin)) = PLUGINS.iter().find(|(name, _)| *name == workload.name) {
            let mut evidence = Evidence::new(workload.title(), "metadata.name", workload.name.clone());
            evidence.place.clone_from(&workload.place);
            found.insert(Sighting { what: (*plugin).to_owned(), evidence });
        }
    }
    if let Some(felix) = world.facts.objects(&kinds::CALICO_FELIX_CONFIGURATION).first()
        && !found.iter().any(|s| s.what == "calico")
    {
        let evidence = Evidence::new(format!("FelixConfiguration {}", felix.name), "", "Calico's own configuration");
        found.insert(Sighting { what: "calico".to_owned(), evidence });
    }
    let daemon_sets_seen = world.facts.seen(&kinds::DAEMON_SET) && world.facts.namespace.is_none();
    world.model.cluster.kube_proxy = match (kube_proxy, daemon_sets_seen && !world.model.manifests_only) {
        (true, _) => Some(true),
        // Only where the network plugin itself is in sight; managed nodes may run kube-proxy outside Kubernetes.
        (false, true) if found.iter().any(|s| s.what == "cilium") => Some(false),
        _ => None,
    };
    world.model.cluster.network_plugins = found.into_iter().collect();
}
