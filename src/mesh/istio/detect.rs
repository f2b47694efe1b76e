//! Which revisions are installed, and who carries their proxy.

use crate::facts::Facts;
use crate::mesh::proxies;
use crate::model::{Evidence, Installation, Model};

/// One installation a revision: a workload labelled `app=istiod`.
pub fn installations(facts: &Facts, model: &Model) -> Vec<Installation> {
    let sidecars = proxies::carriers(facts, model, |name| name == "istio-proxy");
    let ztunnel = model.workloads.iter().find(|w| w.labels.get("app").is_some_and(|app| app == "ztunnel"));
    let mut found = Vec::new();
    for (id, workload) in model.workloads.iter().enumerate() {
        if workload.labels.get("app").is_none_or(|app| app != "istiod") {
            continue;
        }
        let revision = workload.labels.get("istio.io/rev").cloned();
        // Which revision a sidecar belongs to is asked by `proxy-status`; here all of them count once, for the first.
        let meshed = if found.is_empty() { sidecars.iter().copied().filter(|w| *w != id).collect() } else { Vec::new() };
        found.push(Installation {
            mesh: "Istio".to_owned(),
            id: "istio",
            version: proxies::version_of(workload.containers.iter().map(|c| c.image.as_str())),
            revision,
            namespace: workload.namespace.clone(),
            mode: if ztunnel.is_some() { "ambient" } else { "sidecar" }.to_owned(),
            meshed,
            evidence: vec![Evidence::new(workload.title(), "metadata.labels[app]", "istiod")],
        });
    }
    found
}
