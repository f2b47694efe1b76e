//! Control planes and whose proxies run where.

use crate::facts::{Facts, kinds};
use crate::mesh::proxies;
use crate::mesh::view::{ConfigMap, Pod};
use crate::model::{Evidence, Installation, Model, Workload, WorkloadId};
use std::collections::BTreeMap;

/// Pods say which control plane they belong to, by its namespace.
pub const CONTROL_NAMESPACE: &str = "linkerd.io/control-plane-ns";
pub const COMPONENT: &str = "linkerd.io/control-plane-component";

/// One for each namespace that has its configuration, its components, or only proxies that name it.
pub fn installations(facts: &Facts, model: &Model) -> Vec<Installation> {
    // Version and evidence, the best source last.
    let mut known: BTreeMap<String, (Option<String>, Evidence)> = BTreeMap::new();
    let proxies = proxies::carriers(facts, model, &["linkerd-proxy"], proxy);
    for (id, (namespace, version)) in &proxies {
        if let Some(namespace) = namespace {
            let title = model.workloads[*id].title();
            let evidence = Evidence::new(title, format!("pod metadata.labels[{CONTROL_NAMESPACE}]"), namespace.clone());
            let entry = known.entry(namespace.clone()).or_insert((None, evidence));
            entry.0 = entry.0.take().max(version.clone());
        }
    }
    for workload in model.workloads.iter().filter(|w| w.labels.get(COMPONENT).is_some_and(|part| part == "destination")) {
        let evidence = Evidence::new(workload.title(), format!("metadata.labels[{COMPONENT}]"), "destination");
        known.insert(workload.namespace.clone(), (version_of(workload), evidence));
    }
    facts.read::<ConfigMap>(&kinds::CONFIG_MAP, |object, config| {
        if &*object.name == "linkerd-config" {
            let version = config.data.get("values").and_then(|values| configured(values));
            let field = format!("ConfigMap {}/linkerd-config", object.namespace);
            let evidence = Evidence { place: object.place.clone(), ..Evidence::new(field, "data[values]", "linkerdVersion") };
            let entry = known.entry(object.namespace.to_string()).or_insert((None, Evidence::default()));
            *entry = (version.or(entry.0.take()), evidence);
        }
    });
    let only = (known.len() == 1).then(|| known.keys().next().cloned()).flatten();
    let members = |namespace: &str| {
        let theirs = |said: &Option<String>| said.as_deref().or(only.as_deref()) == Some(namespace);
        let mut ids: Vec<WorkloadId> = proxies.iter().filter(|(_, (said, _))| theirs(said)).map(|(id, _)| *id).collect();
        // The control plane's own pods carry the proxy too.
        ids.retain(|id| model.workloads[*id].namespace != namespace);
        ids.dedup();
        ids
    };
    let install = |(namespace, (version, evidence)): (&String, &(Option<String>, Evidence))| Installation {
        mesh: "Linkerd".to_owned(),
        id: "linkerd",
        version: version.clone(),
        revision: None,
        namespace: namespace.clone(),
        mode: "sidecar".to_owned(),
        meshed: members(namespace),
        evidence: vec![evidence.clone()],
    };
    known.iter().map(install).collect()
}

/// The namespace of a pod's control plane and the version of its proxy, as the injector notes them.
fn proxy(pod: &Pod) -> Option<(Option<String>, Option<String>)> {
    pod.container("linkerd-proxy")?;
    let version = pod.metadata.annotations.get("linkerd.io/proxy-version").cloned();
    Some((pod.metadata.labels.get(CONTROL_NAMESPACE).cloned(), version))
}

/// `linkerd/helm edge-26.8.3`, or the controller's tag.
fn version_of(workload: &Workload) -> Option<String> {
    let by = workload.annotations.get("linkerd.io/created-by").and_then(|by| by.rsplit_once(' '));
    let tag = || proxies::version_of(workload.main_containers().map(|c| c.image.as_str()).filter(|i| i.contains("controller")));
    by.map(|(_, version)| version.to_owned()).filter(|version| !version.is_empty()).or_else(tag)
}

fn configured(values: &str) -> Option<String> {
    let line = values.lines().find_map(|line| line.strip_prefix("linkerdVersion:"))?;
    Some(line.trim().trim_matches('"').to_owned()).filter(|version| !version.is_empty())
}
