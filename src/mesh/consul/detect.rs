//! Servers, injectors and proxies. Servers alone are a catalogue or a key-value store, and no mesh.

use crate::facts::Facts;
use crate::mesh::proxies;
use crate::mesh::view::Pod;
use crate::model::{Evidence, Installation, Model, Workload, WorkloadId};

pub fn installations(facts: &Facts, model: &Model) -> Vec<Installation> {
    let carriers = proxies::carriers(facts, model, &["consul-dataplane", "envoy-sidecar"], proxy);
    let meshed: Vec<WorkloadId> = carriers.into_iter().map(|(id, ())| id).collect();
    let injectors = part(model, "connect-injector");
    let servers = part(model, "server");
    let install = |namespace: &str, version: Option<String>, evidence: Evidence| Installation {
        mesh: "Consul".to_owned(),
        id: "consul",
        version,
        revision: None,
        namespace: namespace.to_owned(),
        mode: "sidecar".to_owned(),
        meshed: meshed.clone(),
        evidence: vec![evidence],
    };
    let labelled = |w: &Workload, part: &str| Evidence::new(w.title(), "metadata.labels[component]", part);
    if injectors.is_empty() && meshed.is_empty() {
        return Vec::new();
    }
    if !servers.is_empty() {
        let version = |w: &Workload| proxies::version_of(w.main_containers().map(|c| c.image.as_str()));
        return servers.iter().map(|w| install(&w.namespace, version(w), labelled(w, "server"))).collect();
    }
    // The servers are elsewhere; the injector's own version is not Consul's.
    if !injectors.is_empty() {
        return injectors.iter().map(|w| install(&w.namespace, None, labelled(w, "connect-injector"))).collect();
    }
    let first = meshed.first().map(|id| model.workloads[*id].title()).unwrap_or_default();
    vec![install("", None, Evidence::new(first, "pod spec.containers[consul-dataplane]", "a proxy of Consul"))]
}

fn part<'m>(model: &'m Model, component: &str) -> Vec<&'m Workload> {
    let label = |w: &Workload, key: &str, value: &str| w.labels.get(key).is_some_and(|own| own == value);
    model.workloads.iter().filter(|w| label(w, "app", "consul") && label(w, "component", component)).collect()
}

/// The sidecar, or the Envoy of releases before 1.14. Gateways carry the same container, and the chart labels them.
fn proxy(pod: &Pod) -> Option<()> {
    let gateway = pod.metadata.labels.get("component").is_some_and(|part| part.ends_with("gateway"));
    let own = pod.container("consul-dataplane").or_else(|| pod.container("envoy-sidecar"));
    own.filter(|_| !gateway).map(|_| ())
}
