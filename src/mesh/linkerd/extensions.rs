//! What was installed beside the control plane: viz, multicluster and others, each in a namespace that says so; and marks that
//! stand where nobody reads them.

use super::membership::INJECT;
use crate::facts::kinds;
use crate::kubernetes::readiness::{self, Behind};
use crate::kubernetes::subject;
use crate::mesh::check::{Findings, Subject};
use crate::model::{Evidence, WorkloadKind};
use std::collections::BTreeMap;

const EXTENSION: &str = "linkerd.io/extension";
/// Parts of viz that `linkerd viz` can't do without; Prometheus may be another's.
const VIZ: [&str; 4] = ["metrics-api", "tap", "tap-injector", "web"];
const MIRRORED: &str = "mirror.linkerd.io/mirrored-service";
const CLUSTER: &str = "mirror.linkerd.io/cluster-name";

pub fn extensions(subject: &Subject, findings: &mut Findings) {
    let scene = subject.scene;
    findings.needs(scene, &[&kinds::NAMESPACE, &kinds::DEPLOYMENT, &kinds::POD]);
    let mut all: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for namespace in &scene.model.namespaces {
        if let Some(extension) = namespace.labels.get(EXTENSION) {
            all.entry(extension).or_default().push(&namespace.name);
        }
    }
    for (extension, namespaces) in all.iter().filter(|(_, namespaces)| namespaces.len() > 1) {
        let message = format!("extension {extension} claims {} namespaces: {}", namespaces.len(), namespaces.join(", "));
        let evidence = namespaces
            .iter()
            .map(|name| Evidence::new(format!("Namespace {name}"), format!("metadata.labels[{EXTENSION}]"), *extension));
        findings.warning(
            message,
            evidence.collect(),
            vec![format!("kubectl label namespace NAME {EXTENSION}-  # of the one that is not used")],
        );
    }
    for (extension, namespaces) in &all {
        for namespace in namespaces {
            parts(subject, findings, extension, namespace);
        }
    }
    findings.detail = if all.is_empty() { "none".to_owned() } else { all.keys().copied().collect::<Vec<_>>().join(", ") };
}

fn parts(subject: &Subject, findings: &mut Findings, extension: &str, namespace: &str) {
    let scene = subject.scene;
    let own: Vec<_> = scene.model.workloads.iter().filter(|w| w.namespace == namespace && !w.kind.is_batch()).collect();
    for part in &own {
        let Some(ready) = readiness::of_workload(scene.facts, part).filter(|ready| !ready.is_whole()) else { continue };
        let message = format!("{extension}: {} of {} pods of {} are ready", ready.ready, ready.wanted, part.title());
        let evidence = vec![Evidence::new(part.title(), "status.readyReplicas", format!("{} of {}", ready.ready, ready.wanted))];
        findings.error(message, evidence, vec![format!("kubectl describe {}/{} -n {namespace}", word(part.kind), part.name)]);
    }
    if extension == "viz" && scene.facts.seen(&kinds::DEPLOYMENT) {
        for name in VIZ.iter().filter(|name| !own.iter().any(|part| part.name == **name)) {
            let message = format!("viz: Deployment {namespace}/{name} is not there");
            let evidence =
                vec![Evidence::new(format!("Namespace {namespace}"), format!("metadata.labels[{EXTENSION}]"), extension)];
            findings.error(message, evidence, vec!["linkerd viz install | kubectl apply -f -".to_owned()]);
        }
    }
    // Its own pods are of the mesh: tap and the metrics API take no others' word.
    for pod in scene.pods.iter().filter(|pod| pod.namespace == namespace && !pod.ended() && pod.exists) {
        let job = pod.owner.is_none_or(|owner| scene.model.workloads[owner].kind.is_batch());
        if !job && pod.carries("linkerd-proxy").is_none() {
            let message = format!("{extension}: {} has no proxy", pod.title());
            let evidence = vec![Evidence::new(pod.title(), "spec.containers", "no linkerd-proxy")];
            findings.warning(message, evidence, vec![subject::restart(scene.model, pod)]);
        }
    }
}

fn word(kind: WorkloadKind) -> &'static str {
    match kind {
        WorkloadKind::StatefulSet => "sts",
        WorkloadKind::DaemonSet => "ds",
        _ => "deploy",
    }
}

/// Other clusters: each Link has somebody who mirrors, and mirrored Services have endpoints and a Link.
pub fn multicluster(subject: &Subject, findings: &mut Findings) {
    let (scene, facts) = (subject.scene, subject.scene.facts);
    findings.needs(scene, &[&kinds::LINKERD_LINK, &kinds::SERVICE, &kinds::ENDPOINT_SLICE]);
    let links = facts.objects(&kinds::LINKERD_LINK);
    for link in links {
        let title = format!("Link {}/{}", link.namespace, link.name);
        let names = [format!("controller-{}", link.name), format!("linkerd-service-mirror-{}", link.name)];
        let mirror = scene.model.workloads.iter().find(|w| *w.namespace == *link.namespace && names.contains(&w.name));
        let evidence = |value: &str| vec![Evidence::new(&title, "its service mirror", value)];
        match mirror.map(|w| (w, readiness::of_workload(facts, w))) {
            None if facts.seen(&kinds::DEPLOYMENT) => {
                let message = format!("{title} has no service mirror: nothing of that cluster is mirrored");
                findings.error(
                    message,
                    evidence("not there"),
                    vec![format!(
                        "linkerd multicluster link-gen --cluster-name {}, or its entry under controllers in the chart",
                        link.name
                    )],
                );
            }
            Some((w, Some(ready))) if ready.ready == 0 => {
                let message = format!("the service mirror of {title} is not ready: what it mirrored gets old");
                findings.error(
                    message,
                    evidence("not ready"),
                    vec![format!("kubectl logs deploy/{} -n {}", w.name, w.namespace)],
                );
            }
            _ => {}
        }
    }
    let mut mirrored = 0;
    for service in scene.model.services.iter().filter(|service| service.labels.get(MIRRORED).is_some_and(|value| value == "true"))
    {
        mirrored += 1;
        let title = format!("Service {}/{}", service.namespace, service.name);
        let cluster = service.labels.get(CLUSTER).map_or("", String::as_str);
        let linked = links.iter().any(|link| *link.name == *cluster);
        if facts.seen(&kinds::LINKERD_LINK) && !linked {
            let message = format!("{title} mirrors cluster {cluster}, which has no Link any more");
            let evidence = vec![Evidence::new(&title, format!("metadata.labels[{CLUSTER}]"), cluster)];
            findings.warning(
                message,
                evidence,
                vec![format!("kubectl delete service {} -n {}", service.name, service.namespace)],
            );
        } else if scene.endpoints.behind(&service.namespace, &service.name) == Behind::Nobody {
            let message = format!(
                "{title} mirrors cluster {cluster} and has no endpoints: its gateway is not reached, or nobody is behind it"
            );
            let evidence = vec![Evidence::new(&title, "EndpointSlices", "none ready")];
            findings.warning(
                message,
                evidence,
                vec![format!("linkerd multicluster gateways; kubectl logs -n linkerd-multicluster deploy/controller-{cluster}")],
            );
        }
    }
    findings.detail = if links.is_empty() && mirrored == 0 {
        "not used".to_owned()
    } else {
        format!("{} Links, {mirrored} Services", links.len())
    };
}

/// A label where an annotation is read does nothing, and nobody says so.
pub fn marks(subject: &Subject, findings: &mut Findings) {
    let scene = subject.scene;
    findings.needs(scene, &[&kinds::NAMESPACE, &kinds::POD, &kinds::SERVICE]);
    let mut misplaced = |title: String, labels: &BTreeMap<String, String>, fix: &dyn Fn(&str, &str) -> String| {
        let odd = |key: &&String| *key == INJECT || key.starts_with("config.linkerd.io/") && !key.ends_with("admission-webhooks");
        for key in labels.keys().filter(odd) {
            let message = format!("{key} is a label of {title}, and only the annotation is read");
            let evidence = vec![Evidence::new(&title, format!("metadata.labels[{key}]"), &labels[key])];
            findings.warning(message, evidence, vec![fix(key, &labels[key])]);
        }
    };
    for namespace in &scene.model.namespaces {
        misplaced(format!("Namespace {}", namespace.name), &namespace.labels, &|key, value| {
            format!("kubectl annotate namespace {} {key}={value}; kubectl label namespace {0} {key}-", namespace.name)
        });
    }
    for service in &scene.model.services {
        misplaced(format!("Service {}/{}", service.namespace, service.name), &service.labels, &|key, value| {
            format!("kubectl annotate service {} -n {} {key}={value}", service.name, service.namespace)
        });
    }
    // One pod speaks for all of its template.
    let mut seen = std::collections::BTreeSet::new();
    for pod in scene.pods.iter().filter(|pod| !pod.ended() && (pod.owner.is_none() || seen.insert(pod.owner))) {
        misplaced(pod.title(), &pod.labels, &|key, value| format!("move {key}: {value} to the annotations of its template"));
    }
    let exported = "mirror.linkerd.io/exported";
    for service in scene.model.services.iter().filter(|service| service.annotations.contains_key(exported)) {
        let title = format!("Service {}/{}", service.namespace, service.name);
        let message = format!("{exported} is an annotation of {title}, and only the label is read");
        let evidence = vec![Evidence::new(&title, format!("metadata.annotations[{exported}]"), &service.annotations[exported])];
        findings.warning(
            message,
            evidence,
            vec![format!("kubectl label service {} -n {} {exported}=true", service.name, service.namespace)],
        );
    }
}
