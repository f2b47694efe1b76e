//! Which revisions are installed, which data planes they run, and who is in them.

use crate::facts::Facts;
use crate::mesh::proxies;
use crate::mesh::view::{self, Metadata, Pod};
use crate::model::{Evidence, Installation, Model, Workload, WorkloadId};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

const DEFAULT: &str = "default";
const REVISION: &str = "istio.io/rev";

/// A sidecar's revision, if it says so, and its version.
type Sidecar = (Option<String>, Option<String>);

/// One installation for each revision (a workload labelled `app=istiod`) and data plane, and one for each revision whose
/// proxies are seen without it.
pub fn installations(facts: &Facts, model: &Model) -> Vec<Installation> {
    let mut sidecars = proxies::carriers(facts, model, &["istio-proxy"], sidecar);
    let ambient = proxies::carriers(facts, model, &["ambient.istio.io/redirection"], |pod| in_ambient(pod).then_some(()));
    let control: Vec<(WorkloadId, &Workload)> = labelled(model, "istiod").collect();
    sidecars.retain(|(id, _)| !control.iter().any(|(own, _)| own == id));
    let default = control.iter().map(|(_, w)| revision(w)).min_by_key(|revision| *revision != DEFAULT);
    let ztunnel = labelled(model, "ztunnel").next().map(|(_, w)| w);
    // A proxy that doesn't say whose it is belongs to the default revision, or to the only one.
    let theirs = |said: &Option<String>| said.as_deref().or(default).unwrap_or(DEFAULT).to_owned();

    let mut found = Vec::new();
    for (_, istiod) in &control {
        let own = revision(istiod);
        let install = |mode: &str, meshed: Vec<WorkloadId>, mut evidence: Vec<Evidence>| {
            evidence.insert(0, Evidence::new(istiod.title(), "metadata.labels[app]", "istiod"));
            Installation {
                mesh: "Istio".to_owned(),
                id: "istio",
                version: proxies::version_of(istiod.containers.iter().map(|c| c.image.as_str())),
                revision: istiod.labels.get(REVISION).cloned(),
                namespace: istiod.namespace.clone(),
                mode: mode.to_owned(),
                meshed,
                evidence,
            }
        };
        let injected: BTreeSet<WorkloadId> =
            sidecars.iter().filter(|(_, (said, _))| theirs(said) == own).map(|(id, _)| *id).collect();
        let node_proxy = ztunnel.filter(|z| z.labels.get(REVISION).map(String::as_str).or(default).unwrap_or(DEFAULT) == own);
        if let Some(ztunnel) = node_proxy {
            let evidence = Evidence::new(ztunnel.title(), "metadata.labels[app]", "ztunnel");
            found.push(install("ambient", ambient.iter().map(|(id, ())| *id).collect(), vec![evidence]));
        }
        if node_proxy.is_none() || !injected.is_empty() {
            found.push(install("sidecar", injected.into_iter().collect(), Vec::new()));
        }
    }
    let known: BTreeSet<&str> = control.iter().map(|(_, w)| revision(w)).collect();
    let strays = sidecars.iter().filter(|(_, (said, _))| !known.contains(theirs(said).as_str()));
    let mut by_revision: BTreeMap<String, Vec<&(WorkloadId, Sidecar)>> = BTreeMap::new();
    strays.for_each(|one| by_revision.entry(theirs(&one.1.0)).or_default().push(one));
    found.extend(by_revision.into_iter().map(|(revision, members)| stray(model, revision, &members)));
    found
}

/// Proxies of a revision whose control plane is not in sight: in another cluster, in a namespace that was not looked at,
/// or gone.
fn stray(model: &Model, revision: String, members: &[&(WorkloadId, Sidecar)]) -> Installation {
    let meshed: BTreeSet<WorkloadId> = members.iter().map(|(id, _)| *id).collect();
    let first = meshed.first().map(|id| model.workloads[*id].title()).unwrap_or_default();
    Installation {
        mesh: "Istio".to_owned(),
        id: "istio",
        version: members.iter().filter_map(|(_, (_, version))| version.clone()).max(),
        evidence: vec![Evidence::new(first, "pod spec.containers[istio-proxy]", format!("revision {revision}"))],
        revision: Some(revision),
        namespace: String::new(),
        mode: "sidecar".to_owned(),
        meshed: meshed.into_iter().collect(),
    }
}

fn labelled<'m>(model: &'m Model, app: &'static str) -> impl Iterator<Item = (WorkloadId, &'m Workload)> {
    model.workloads.iter().enumerate().filter(move |(_, w)| w.labels.get("app").is_some_and(|own| own == app))
}

fn revision(control: &Workload) -> &str {
    control.labels.get(REVISION).map_or(DEFAULT, String::as_str)
}

fn sidecar(pod: &Pod) -> Option<Sidecar> {
    // The node proxy of ambient calls its container the same.
    if pod.metadata.labels.get("app").is_some_and(|app| app == "ztunnel") {
        return None;
    }
    let proxy = pod.container("istio-proxy")?;
    Some((revision_of(&pod.metadata), view::image_tag(&proxy.image).map(str::to_owned)))
}

/// What the CNI agent writes on a pod that it redirects.
fn in_ambient(pod: &Pod) -> bool {
    pod.metadata.annotations.get("ambient.istio.io/redirection").is_some_and(|value| value == "enabled")
}

/// Which revision injected a pod's proxy, as the injector notes it.
fn revision_of(pod: &Metadata) -> Option<String> {
    #[derive(Deserialize)]
    struct Status {
        revision: String,
    }
    let status = pod.annotations.get("sidecar.istio.io/status").and_then(|s| serde_json::from_str::<Status>(s).ok());
    let noted = status.map(|status| status.revision).or_else(|| pod.annotations.get(REVISION).cloned());
    noted.filter(|revision| !revision.is_empty())
}
