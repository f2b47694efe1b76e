//! Whether the control plane is whole as it was installed: its kinds, webhooks and accounts, the networks that it knows, what
//! keeps it available, and the plugin that takes the place of init containers.

use crate::facts::{Facts, kinds};
use crate::kubernetes::readiness;
use crate::mesh::check::{Findings, Subject, counted};
use crate::mesh::view::{Pod, nullable};
use crate::model::{Evidence, WorkloadKind};
use core::net::IpAddr;
use serde::Deserialize;
use std::collections::BTreeSet;

/// Without these no release works.
const KINDS: [&str; 7] = [
    "authorizationpolicies.policy.linkerd.io",
    "httproutes.policy.linkerd.io",
    "meshtlsauthentications.policy.linkerd.io",
    "networkauthentications.policy.linkerd.io",
    "serverauthorizations.policy.linkerd.io",
    "servers.policy.linkerd.io",
    "serviceprofiles.linkerd.io",
];
/// Of releases since 2.17.
const NEWER: [&str; 3] =
    ["egressnetworks.policy.linkerd.io", "externalworkloads.workload.linkerd.io", "httplocalratelimitpolicies.policy.linkerd.io"];
const ACCOUNTS: [&str; 3] = ["linkerd-destination", "linkerd-identity", "linkerd-proxy-injector"];
const INJECTOR: &str = "linkerd-proxy-injector-webhook-config";
const VALIDATORS: [&str; 2] = ["linkerd-policy-validator-webhook-config", "linkerd-sp-validator-webhook-config"];
const ADMISSION: &str = "config.linkerd.io/admission-webhooks";
const REINSTALL: &str = "linkerd upgrade | kubectl apply -f -, or helm upgrade: it puts back what is missing";

/// A setting at the top of what was installed: `clusterNetworks: 10.0.0.0/8`.
fn setting(subject: &Subject, namespace: &str, key: &str) -> Option<String> {
    let values = subject.scene.config_map(namespace, "linkerd-config")?.remove("values")?;
    let line = values.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    Some(line.trim().trim_matches('"').to_owned())
}

fn names(facts: &Facts, resource: &crate::facts::Resource) -> BTreeSet<String> {
    facts.objects(resource).iter().map(|object| object.name.to_string()).collect()
}

pub fn parts(subject: &Subject, findings: &mut Findings) {
    let (scene, facts) = (subject.scene, subject.scene.facts);
    findings.needs(
        scene,
        &[
            &kinds::CUSTOM_RESOURCE_DEFINITION,
            &kinds::MUTATING_WEBHOOK,
            &kinds::VALIDATING_WEBHOOK,
            &kinds::SERVICE_ACCOUNT,
            &kinds::CONFIG_MAP,
        ],
    );
    let mut count = 0;
    let mut lacks = |resource: &crate::facts::Resource, name: &str, effect: &str, error: bool| {
        count += 1;
        if !facts.seen(resource) || names(facts, resource).contains(name) {
            return;
        }
        let message = format!("{} {name} is not there: {effect}", resource.kind);
        let evidence = vec![Evidence::new(format!("{} {name}", resource.kind), "metadata.name", "not there")];
        let fix = vec![REINSTALL.to_owned()];
        if error { findings.error(message, evidence, fix) } else { findings.warning(message, evidence, fix) }
    };
    for kind in KINDS {
        lacks(&kinds::CUSTOM_RESOURCE_DEFINITION, kind, "the controllers can't read it, and don't get ready", true);
    }
    for kind in NEWER {
        lacks(&kinds::CUSTOM_RESOURCE_DEFINITION, kind, "its kinds are of an older release than 2.17", false);
    }
    lacks(&kinds::MUTATING_WEBHOOK, INJECTOR, "no pod gets a proxy", true);
    for validator in VALIDATORS {
        lacks(&kinds::VALIDATING_WEBHOOK, validator, "wrong policies are not refused", true);
    }
    for installation in subject.installations {
        let own = |object: &&crate::facts::Object| *object.namespace == *installation.namespace;
        for account in ACCOUNTS.iter().filter(|_| facts.seen(&kinds::SERVICE_ACCOUNT)) {
            count += 1;
            if !facts.objects(&kinds::SERVICE_ACCOUNT).iter().filter(own).any(|object| &*object.name == *account) {
                let title = format!("ServiceAccount {}/{account}", installation.namespace);
                let evidence = vec![Evidence::new(&title, "metadata.name", "not there")];
                findings.error(format!("{title} is not there: its pods can't be made"), evidence, vec![REINSTALL.to_owned()]);
            }
        }
        if facts.seen(&kinds::CONFIG_MAP) && scene.config_map(&installation.namespace, "linkerd-config").is_none() {
            let title = format!("ConfigMap {}/linkerd-config", installation.namespace);
            let evidence = vec![Evidence::new(&title, "metadata.name", "not there")];
            findings.error(
                format!("{title} is not there: nobody knows how it was installed"),
                evidence,
                vec![REINSTALL.to_owned()],
            );
        }
    }
    findings.detail = counted(count, "part");
}

pub fn versions(subject: &Subject, findings: &mut Findings) {
    let cluster = &subject.scene.model.cluster;
    let pair = |text: &str| -> Option<(u32, u32)> {
        let mut numbers = text.trim_start_matches('v').split('.').map(|part| part.parse().ok());
        Some((numbers.next()??, numbers.next()??))
    };
    let range = &super::candidates::CANDIDATES[0].kubernetes;
    match cluster.kubernetes_version.as_deref() {
        Some(text) => match pair(text) {
            Some(have) if have < range.min => {
                let message =
                    format!("Kubernetes is {text}, and {}.{} or newer is needed ({})", range.min.0, range.min.1, range.source);
                findings.error(
                    message,
                    vec![Evidence::new("API server", "/version", text)],
                    vec!["upgrade the cluster".to_owned()],
                );
            }
            Some(_) => {}
            None => findings.unknown.push(format!("which version of Kubernetes {text:?} is")),
        },
        None => findings.unknown.push("the version of Kubernetes".to_owned()),
    }
    let gateway = cluster.gateway_api_version.as_deref();
    let fix = || vec!["apply standard-install.yaml of a release of the Gateway API".to_owned()];
    match (gateway, subject.state.gateway_api()) {
        (Some(text), Some(needed)) if pair(text).is_some_and(|have| have < (needed.least.0, needed.least.1)) => {
            let message = format!(
                "the Gateway API is {text}, and v{}.{} or newer is needed ({})",
                needed.least.0, needed.least.1, needed.source
            );
            findings.error(message, vec![Evidence::new("CustomResourceDefinitions", "bundle-version", text)], fix());
        }
        (None, Some(needed)) if subject.scene.facts.seen(&kinds::CUSTOM_RESOURCE_DEFINITION) => {
            let message = format!("the Gateway API is not installed, and its routes are needed ({})", needed.source);
            let evidence = vec![Evidence::new("CustomResourceDefinitions", "gateway.networking.k8s.io", "none")];
            findings.error(message, evidence, fix());
        }
        (None, Some(_)) => findings.needs(subject.scene, &[&kinds::CUSTOM_RESOURCE_DEFINITION]),
        _ => {}
    }
    let shown = |text: Option<&str>| text.unwrap_or("not seen").to_owned();
    findings.detail = format!("{}, Gateway API {}", shown(cluster.kubernetes_version.as_deref()), shown(gateway));
}

/// A block of addresses.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Block {
    address: IpAddr,
    prefix: u32,
}

impl Block {
    fn parse(text: &str) -> Option<Block> {
        let (address, prefix) = text.trim().split_once('/')?;
        Some(Block { address: address.parse().ok()?, prefix: prefix.parse().ok()? })
    }
    fn holds(self, address: IpAddr) -> bool {
        let bits = |address: IpAddr| match address {
            IpAddr::V4(four) => (u128::from(u32::from(four)) << 96, 32),
            IpAddr::V6(six) => (u128::from(six), 128),
        };
        let ((own, width), (other, other_width)) = (bits(self.address), bits(address));
        let shift = 128 - self.prefix.min(width);
        width == other_width && (self.prefix == 0 || own >> shift == other >> shift)
    }
}

/// What lies outside of them is not looked up: such calls leave as plain TCP, without policy and without a name.
pub fn networks(subject: &Subject, findings: &mut Findings) {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Service {
        spec: ServiceSpec,
    }
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct ServiceSpec {
        #[serde(rename = "clusterIP", deserialize_with = "nullable")]
        cluster_ip: String,
    }
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct HostNetwork {
        spec: HostSpec,
    }
    #[derive(Deserialize, Default)]
    #[serde(default, rename_all = "camelCase")]
    struct HostSpec {
        #[serde(deserialize_with = "nullable")]
        host_network: bool,
    }
    let facts = subject.scene.facts;
    findings.needs(subject.scene, &[&kinds::POD, &kinds::SERVICE]);
    for installation in subject.installations {
        let Some(text) = setting(subject, &installation.namespace, "clusterNetworks") else {
            findings.unknown.push(format!("clusterNetworks (ConfigMap {}/linkerd-config)", installation.namespace));
            continue;
        };
        let blocks: Vec<Block> = text.split(',').filter_map(Block::parse).collect();
        let outside = |address: &str| address.parse().is_ok_and(|ip: IpAddr| !blocks.iter().any(|block| block.holds(ip)));
        let mut found: Vec<(String, String)> = Vec::new();
        let mut count = 0;
        facts.read::<Pod>(&kinds::POD, |object, pod| {
            let host = object.read::<HostNetwork>().is_ok_and(|view| view.spec.host_network);
            count += 1;
            if !host && outside(&pod.status.pod_ip) {
                found.push((format!("Pod {}/{}", object.namespace, object.name), pod.status.pod_ip));
            }
        });
        facts.read::<Service>(&kinds::SERVICE, |object, service| {
            count += 1;
            if outside(&service.spec.cluster_ip) {
                found.push((format!("Service {}/{}", object.namespace, object.name), service.spec.cluster_ip));
            }
        });
        if let Some((first, address)) = found.first() {
            let more = if found.len() > 1 { format!(" and {} more lie", found.len() - 1) } else { " lies".to_owned() };
            let message = format!("{first} ({address}){more} outside of clusterNetworks: calls there are not looked up");
            let evidence =
                vec![Evidence::new(format!("ConfigMap {}/linkerd-config", installation.namespace), "clusterNetworks", &text)];
            findings.warning(
                message,
                evidence,
                vec!["helm upgrade --set clusterNetworks=… with the networks of the cluster".to_owned()],
            );
        }
        findings.detail = if count == 1 { "1 address".to_owned() } else { format!("{count} addresses") };
    }
}

/// Where it was installed to be highly available.
pub fn availability(subject: &Subject, findings: &mut Findings) {
    let scene = subject.scene;
    for installation in subject.installations {
        let Some(wanted) = setting(subject, &installation.namespace, "controllerReplicas") else {
            findings.unknown.push(format!("controllerReplicas (ConfigMap {}/linkerd-config)", installation.namespace));
            continue;
        };
        if wanted.parse().is_ok_and(|replicas: u32| replicas < 2) {
            findings.detail = "one replica each, as installed".to_owned();
            continue;
        }
        for part in subject.state.components(scene, installation).into_iter().filter(|part| part.kind == WorkloadKind::Deployment)
        {
            let Some(own) = readiness::of_workload(scene.facts, part) else { continue };
            if own.ready < 2 {
                let message =
                    format!("{} has {} ready replica of {wanted}: the next failure of a node stops it", part.title(), own.ready);
                let evidence = vec![Evidence::new(part.title(), "status.readyReplicas", own.ready.to_string())];
                let fix = format!("kubectl describe deploy/{} -n {}", part.name, part.namespace);
                findings.warning(message, evidence, vec![fix]);
            }
        }
        // The injector is fail-closed then, and the cluster's own pods must not wait for it.
        let system = "kube-system";
        let labels = scene.namespace_labels(system);
        if !labels.is_empty() && labels.get(ADMISSION).is_none_or(|value| value != "disabled") {
            let message =
                format!("namespace {system} lacks the label {ADMISSION}=disabled: with the injector down its pods are not made");
            let evidence =
                vec![Evidence::new(format!("Namespace {system}"), format!("metadata.labels[{ADMISSION}]"), "not there")];
            findings.warning(message, evidence, vec![format!("kubectl label namespace {system} {ADMISSION}=disabled")]);
        }
    }
}

/// The plugin that sets up a pod's network before its containers start.
pub fn cni(subject: &Subject, findings: &mut Findings) {
    let scene = subject.scene;
    let enabled = subject.installations.iter().any(|i| setting(subject, &i.namespace, "cniEnabled").as_deref() == Some("true"));
    let plugin = scene.model.workloads.iter().find(|w| w.name == "linkerd-cni" && w.kind == WorkloadKind::DaemonSet);
    let Some(plugin) = plugin else {
        if enabled && scene.facts.seen(&kinds::DAEMON_SET) {
            let evidence = vec![Evidence::new("ConfigMap linkerd-config", "cniEnabled", "true")];
            let message =
                "it was installed for its CNI plugin, and DaemonSet linkerd-cni is not there: no new pod of the mesh starts";
            findings.error(message, evidence, vec!["linkerd install-cni | kubectl apply -f -".to_owned()]);
        } else if enabled {
            findings.needs(scene, &[&kinds::DAEMON_SET]);
        }
        findings.detail = "not used".to_owned();
        return;
    };
    match readiness::of_workload(scene.facts, plugin) {
        Some(own) if !own.is_whole() => {
            let message = format!(
                "the CNI plugin is ready on {} of {} nodes: pods of the mesh don't start on the others",
                own.ready, own.wanted
            );
            let evidence = vec![Evidence::new(plugin.title(), "status.numberReady", format!("{} of {}", own.ready, own.wanted))];
            findings.error(message, evidence, vec![format!("kubectl describe ds/linkerd-cni -n {}", plugin.namespace)]);
        }
        Some(own) => findings.detail = format!("on {} nodes", own.ready),
        None => findings.unknown.push(format!("the status of {}", plugin.title())),
    }
    if scene.facts.seen(&kinds::CONFIG_MAP) && scene.config_map(&plugin.namespace, "linkerd-cni-config").is_none() {
        let message = "ConfigMap linkerd-cni-config is not there: the CNI plugin does not know what to set up";
        let evidence = vec![Evidence::new(plugin.title(), "its ConfigMap", "not there")];
        findings.error(message, evidence, vec!["linkerd install-cni | kubectl apply -f -".to_owned()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_addresses() {
        let holds =
            |block: &str, address: &str| Block::parse(block).expect("a block").holds(address.parse().expect("an address"));
        assert!(holds("10.0.0.0/8", "10.244.0.36") && !holds("10.0.0.0/8", "11.0.0.1") && holds("0.0.0.0/0", "1.2.3.4"));
        assert!(holds("fd00::/8", "fd12::1") && !holds("fd00::/8", "10.0.0.1") && !holds("0.0.0.0/0", "::1"));
        assert!(Block::parse("10.0.0.0").is_none() && Block::parse("x/8").is_none());
    }
}
