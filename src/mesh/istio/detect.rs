//! Which revisions are installed, and who carries their proxy.

use crate::facts::Facts;
use crate::mesh::proxies;
use crate::mesh::view::Metadata;
use crate::model::{Evidence, Installation, Model, Workload};
use serde::Deserialize;

/// One installation a revision: a workload labelled `app=istiod`.
pub fn installations(facts: &Facts, model: &Model) -> Vec<Installation> {
    let sidecars = proxies::carriers(facts, model, |pod| pod.has("istio-proxy").then(|| revision_of(&pod.metadata)));
    let control = |w: &Workload| w.labels.get("app").is_some_and(|app| app == "istiod");
    let default = model.workloads.iter().filter(|w| control(w)).map(revision).min_by_key(|revision| *revision != DEFAULT);
    let ztunnel = model.workloads.iter().find(|w| w.labels.get("app").is_some_and(|app| app == "ztunnel"));
    let mut found = Vec::new();
    for (id, workload) in model.workloads.iter().enumerate() {
        if !control(workload) {
            continue;
        }
        let own = revision(workload);
        // A proxy that doesn't say whose it is belongs to the default revision, or to the only one.
        let mine = |theirs: &Option<String>| theirs.as_deref().or(default) == Some(own);
        let meshed = sidecars.iter().filter(|(w, theirs)| *w != id && mine(theirs)).map(|(w, _)| *w).collect();
        found.push(Installation {
            mesh: "Istio".to_owned(),
            id: "istio",
            version: proxies::version_of(workload.containers.iter().map(|c| c.image.as_str())),
            revision: workload.labels.get("istio.io/rev").cloned(),
            namespace: workload.namespace.clone(),
            mode: if ztunnel.is_some() { "ambient" } else { "sidecar" }.to_owned(),
            meshed,
            evidence: vec![Evidence::new(workload.title(), "metadata.labels[app]", "istiod")],
        });
    }
    found
}

const DEFAULT: &str = "default";

fn revision(control: &Workload) -> &str {
    control.labels.get("istio.io/rev").map_or(DEFAULT, String::as_str)
}

/// Which revision injected a pod's proxy, as the injector notes it.
fn revision_of(pod: &Metadata) -> Option<String> {
    #[derive(Deserialize)]
    struct Status {
        revision: String,
    }
    let status = pod.annotations.get("sidecar.istio.io/status")?;
    serde_json::from_str::<Status>(status).ok().map(|status| status.revision).filter(|revision| !revision.is_empty())
}
