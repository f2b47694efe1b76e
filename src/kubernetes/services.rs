//! Services, and the workloads that their selectors match.

use super::view;
use super::world::{World, namespace_of};
use crate::facts::{Object, kinds};
use crate::model::{Service, ServicePort, Workload, WorkloadId};
use std::collections::BTreeMap;

/// Fills `world.model.services`, in the order namespace, name.
pub fn collect(world: &mut World) {
    let views: Vec<(&Object, view::Service)> = world.read(&kinds::SERVICE);
    let mut services: BTreeMap<(String, String), Service> = BTreeMap::new();
    for (object, view) in views {
        let service = service(object, view);
        services.insert((service.namespace.clone(), service.name.clone()), service);
    }
    let by_label = Labels::new(&world.model.workloads);
    for (_, mut service) in services {
        if let Some(selector) = &service.selector {
            service.workloads = by_label.select(&world.model.workloads, &service.namespace, selector);
        }
        world.model.services.push(service);
    }
}

fn service(object: &Object, view: view::Service) -> Service {
    let spec = view.spec;
    let ports = spec.ports.iter().filter_map(|p| {
        Some(ServicePort {
            name: p.name.0.clone(),
            number: p.number.parse().ok()?,
            protocol: if p.protocol.is_empty() { "TCP".to_owned() } else { p.protocol.0.clone() },
            app_protocol: p.app_protocol.0.clone(),
            target: if p.target.is_empty() { p.number.0.clone() } else { p.target.0.clone() },
        })
    });
    let external = &*spec.kind == "ExternalName" && !spec.external_name.is_empty();
    let mut cluster_ips: Vec<String> = spec.cluster_ips.iter().map(|ip| ip.0.clone()).collect();
    if cluster_ips.is_empty() && !spec.cluster_ip.is_empty() {
        cluster_ips.push(spec.cluster_ip.0.clone());
    }
    Service {
        namespace: namespace_of(object).to_owned(),
        name: object.name.to_string(),
        labels: view::strings(&view.meta.labels),
        annotations: view::strings(&view.meta.annotations),
        headless: cluster_ips.iter().any(|ip| ip == "None"),
        external_name: external.then(|| spec.external_name.0.trim_end_matches('.').to_lowercase()),
        selector: (!spec.selector.is_empty() && !external).then(|| view::strings(&spec.selector)),
        ports: ports.collect(),
        cluster_ips,
        workloads: Vec::new(),
        place: object.place.clone(),
    }
}

/// Workloads by namespace and label, so that a selector looks at few of them.
struct Labels(BTreeMap<String, BTreeMap<(String, String), Vec<WorkloadId>>>);

impl Labels {
    fn new(workloads: &[Workload]) -> Self {
        let mut by_namespace: BTreeMap<String, BTreeMap<(String, String), Vec<WorkloadId>>> = BTreeMap::new();
        for (id, workload) in workloads.iter().enumerate() {
            let labels = by_namespace.entry(workload.namespace.clone()).or_default();
            for (key, value) in &workload.labels {
                labels.entry((key.clone(), value.clone())).or_default().push(id);
            }
        }
        Labels(by_namespace)
    }

    fn select(&self, workloads: &[Workload], namespace: &str, selector: &BTreeMap<String, String>) -> Vec<WorkloadId> {
        let Some(labels) = self.0.get(namespace) else { return Vec::new() };
        let lists = selector.iter().map(|(key, value)| labels.get(&(key.clone(), value.clone())).map_or(&[][..], Vec::as_slice));
        let Some(shortest) = lists.min_by_key(|list| list.len()) else { return Vec::new() };
        let fits = |id: &&WorkloadId| selector.iter().all(|(key, value)| workloads[**id].labels.get(key) == Some(value));
        shortest.iter().filter(fits).copied().collect()
    }
}
