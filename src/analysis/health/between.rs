//! What no mesh sees alone: two of them in one place, and what they share.

use super::{Between, before};
use crate::analysis::inventory;
use crate::facts::kinds;
use crate::kubernetes::readiness::Behind;
use crate::mesh::MESHES;
use crate::mesh::check::{Category, Findings};
use crate::mesh::marks;
use crate::mesh::scene::Scene;
use crate::mesh::view::{Conditions, Metadata, nullable};
use crate::model::Evidence;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

pub static CHECKS: &[Between] = &[
    Between { code: "MSH2001", category: Category::Conflicts, title: "no namespace and no pod is in two meshes", run: twice },
    Between { code: "MSH2002", category: Category::Conflicts, title: "nobody else's webhook blocks pods", run: strangers },
    Between { code: "MSH2003", category: Category::Conflicts, title: "Gateway API CRDs are of one release", run: gateway_api },
];

fn twice(scene: &Scene, findings: &mut Findings) {
    findings.needs(scene, &[&kinds::NAMESPACE, &kinds::POD]);
    for namespace in &scene.model.namespaces {
        let enrolments: Vec<_> = MESHES.iter().filter_map(|mesh| mesh.state().enrols(scene, namespace)).collect();
        if let [first, second, ..] = enrolments.as_slice() {
            let message = format!(
                "namespace {} is meant for {} and for {}: whose webhook comes first wins, and two proxies break each other",
                namespace.name, first.mesh, second.mesh
            );
            let evidence = enrolments.iter().map(|e| e.evidence.clone()).collect();
            findings.error(message, evidence, vec![format!("kubectl edit namespace {}", namespace.name)]);
        }
    }
    for pod in scene.pods.iter().filter(|pod| !pod.ended()) {
        let running = || pod.containers.iter().filter(|c| !c.init || c.native);
        let carried = |marks| running().find(|c| marks::is_proxy_of(marks, &c.name, &c.image));
        let both: Vec<_> = MESHES.iter().filter_map(|mesh| Some((mesh.state().name(), carried(mesh.marks())?))).collect();
        if let [(first, _), (second, _), ..] = both.as_slice() {
            let message = format!("{} carries a proxy of {first} and one of {second}", pod.title());
            let evidence = both.iter().map(|(_, c)| Evidence::new(pod.title(), format!("spec.containers[{}]", c.name), &c.image));
            findings.error(message, evidence.collect(), vec![format!("choose one mesh for namespace {}", pod.namespace)]);
        }
    }
}

/// Webhooks of no mesh here that pods are sent to: fail-closed and silent, they stop every new proxy as well.
fn strangers(scene: &Scene, findings: &mut Findings) {
    findings.needs(scene, &[&kinds::MUTATING_WEBHOOK, &kinds::VALIDATING_WEBHOOK]);
    let ours = |name: &str| MESHES.iter().any(|mesh| name.ends_with(mesh.state().domain()));
    for webhook in scene.webhooks.iter().filter(|w| w.takes_pods() && w.fails_closed() && !ours(&w.spec.name)) {
        let why = match scene.behind(webhook) {
            Some((service, Behind::Nobody)) => format!("no ready pod stands behind Service {service}"),
            Some((service, Behind::NoService)) => format!("there is no Service {service}"),
            Some((service, Behind::NoPort(port))) => format!("Service {service} has no port {port}"),
            _ => continue,
        };
        let message = format!("{why}, and {} refuses pods without an answer", webhook.title());
        let evidence = Evidence::new(webhook.title(), "failurePolicy", "Fail");
        findings.error(
            message,
            vec![evidence],
            vec![format!("kubectl describe {} {}", webhook.kind.to_lowercase(), webhook.configuration.name)],
        );
    }
}

/// A controller that found CRDs of a release that it doesn't know leaves its class as it was made, and says so nowhere else.
fn classes(scene: &Scene, findings: &mut Findings) {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Class {
        spec: Spec,
        #[serde(deserialize_with = "nullable")]
        status: Conditions,
    }
    #[derive(Deserialize, Default)]
    #[serde(default, rename_all = "camelCase")]
    struct Spec {
        controller_name: String,
    }
    scene.facts.read::<Class>(&kinds::GATEWAY_CLASS, |object, class| {
        let own = MESHES.iter().find(|mesh| {
            let domain = class.spec.controller_name.split('/').next().unwrap_or_default();
            domain == mesh.state().domain() || domain.ends_with(&format!(".{}", mesh.state().domain()))
        });
        let (Some(mesh), Some(accepted)) = (own, class.status.of("Accepted")) else {
            return;
        };
        if !accepted.is_true() {
            let name = mesh.state().name();
            let message = format!("GatewayClass {} is not accepted by {name}: {}", object.name, accepted.message);
            let evidence =
                Evidence::new(format!("GatewayClass {}", object.name), "status.conditions[Accepted]", &accepted.status);
            let fix = format!("apply the release of the Gateway API's CRDs that {name} names, and restart its controller");
            findings.warning(message, vec![evidence], vec![fix]);
        }
    });
}

/// Every controller installs them, and each overwrites what another brought.
fn gateway_api(scene: &Scene, findings: &mut Findings) {
    #[derive(Deserialize)]
    struct View {
        metadata: Metadata,
    }
    const GROUP: &str = "gateway.networking.k8s.io";
    findings.needs(scene, &[&kinds::CUSTOM_RESOURCE_DEFINITION]);
    let mut releases: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    scene.facts.read::<View>(&kinds::CUSTOM_RESOURCE_DEFINITION, |object, view| {
        let note = |key: &str| view.metadata.annotations.get(&format!("{GROUP}/{key}")).cloned().unwrap_or_default();
        if object.name.ends_with(&format!(".{GROUP}")) {
            releases.entry((note("bundle-version"), note("channel"))).or_default().insert(object.name.to_string());
        }
    });
    if releases.len() > 1 {
        let named: Vec<String> =
            releases.keys().map(|(version, channel)| format!("{version} {channel}").trim().to_owned()).collect();
        let evidence = releases.iter().filter_map(|((version, _), names)| {
            let first = names.first()?;
            Some(Evidence::new(
                format!("CustomResourceDefinition {first}"),
                format!("metadata.annotations[{GROUP}/bundle-version]"),
                version,
            ))
        });
        let message = format!("Gateway API CRDs are mixed: {}", named.join(", "));
        findings.warning(
            message,
            evidence.collect(),
            vec!["apply one release of the Gateway API, the newest that every controller knows".to_owned()],
        );
    }
    for (mesh, _) in inventory::installed(scene) {
        let (Some(needed), Some(have)) = (mesh.state().gateway_api(), scene.model.cluster.gateway_api_version.as_deref()) else {
            continue;
        };
        let (major, minor, patch) = needed.least;
        if before::release(have).is_some_and(|have| have < needed.least) {
            let name = mesh.state().name();
            let message = format!(
                "{name} is installed and needs v{major}.{minor}.{patch} of the Gateway API or newer ({}); {have} is here",
                needed.source
            );
            let evidence = Evidence::new("CustomResourceDefinitions", "bundle-version", have);
            findings.error(
                message,
                vec![evidence],
                vec!["apply standard-install.yaml of a newer release of the Gateway API".to_owned()],
            );
        }
    }
    classes(scene, findings);
    findings.detail =
        releases.keys().map(|(version, _)| version.clone()).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ");
}
