//! What of the settings does not hold together, and certificates: with what the agents say of themselves (`sync`), the rest
//! of `cilium status`.
//!
//! Not proven on a real cluster, for want of an operator, WireGuard and a second cluster: `config.cilium.io` annotations,
//! modes of encryption, ClusterMesh and the certificates of Hubble. Their forms are those of Cilium's API and chart.

use super::settings::{self, Settings};
use super::sync;
use crate::envoy::certificate;
use crate::facts::{Facts, Need, Outcome, kinds};
use crate::mesh::check::{Category, Check, Findings, Subject, counted};
use crate::mesh::leaf;
use crate::mesh::view::{Metadata, Pod};
use crate::model::{Evidence, WorkloadKind};

/// Annotations of `cilium-config` that say what of it was not taken.
const REFUSED: &str = "config.cilium.io/";
/// Where agents answer Hubble's relay, and where other clusters ask.
const PEERS: u16 = 4244;
const CLUSTERS: u16 = 2379;

pub static CHECKS: &[Check] = &[
    Check {
        code: "CIL0003",
        category: Category::Certificates,
        title: "certificates of Hubble and ClusterMesh are valid for long",
        run: certificates,
    },
    Check { code: "CIL0004", category: Category::Configuration, title: "its settings are taken", run: refused },
    Check { code: "CIL0005", category: Category::Configuration, title: "what should be encrypted is", run: encryption },
];

pub fn needs(known: &Facts) -> Vec<Need> {
    let mut needs = sync::needs(known);
    needs.extend(ports(known).into_iter().map(|(_, need)| need));
    needs
}

/// Ports that show a certificate, as far as pods and settings tell: the title of each, and the question.
fn ports(facts: &Facts) -> Vec<(String, Need)> {
    let mut found = Vec::new();
    facts.read::<Pod>(&kinds::POD, |object, pod| {
        let app = pod.metadata.labels.get("k8s-app").map(String::as_str);
        let (port, server_name) = match app {
            Some("cilium") if pod.container("cilium-agent").is_some() => {
                let hubble = Settings::read(facts, &object.namespace)
                    .is_some_and(|s| s.on("enable-hubble") && !s.on("hubble-disable-tls") && s.has("hubble-listen-address"));
                if !hubble {
                    return;
                }
                (PEERS, "agent.hubble-grpc.cilium.io")
            }
            Some("clustermesh-apiserver") => (CLUSTERS, "clustermesh-apiserver.cilium.io"),
            _ => return,
        };
        if pod.status.phase != "Running" {
            return;
        }
        let need = Need::Tls {
            namespace: object.namespace.to_string(),
            pod: object.name.to_string(),
            port,
            server_name: server_name.to_owned(),
        };
        found.push((format!("Pod {}/{} port {port}", object.namespace, object.name), need));
    });
    found
}

fn certificates(subject: &Subject, findings: &mut Findings) {
    let facts = subject.scene.facts;
    findings.needs(subject.scene, &[&kinds::POD, &kinds::CONFIG_MAP]);
    let mut count = 0;
    for (title, need) in ports(facts) {
        let pem = match facts.get(&need).map(|answer| &answer.outcome) {
            Some(Outcome::Text(pem)) => pem,
            other => {
                findings.unknown.push(format!("{title}: {}", other.map_or("nobody asked", Outcome::why)));
                continue;
            }
        };
        match certificate::read_pem(pem.as_bytes()) {
            Err(why) => findings.unknown.push(format!("{title}: {why}")),
            Ok(all) => {
                count += all.len();
                for (error, what, one) in all.iter().filter_map(|one| leaf::verdict(one, facts.now).map(|(e, w)| (e, w, one))) {
                    let message = format!("the certificate of {title} {what}");
                    let evidence = vec![Evidence::new(&title, "certificate", format!("notAfter {}", one.not_after))];
                    let fix = "helm upgrade renews what the chart signed (hubble.tls.auto, clustermesh.apiserver.tls.auto); or let a CronJob or cert-manager do it";
                    if error {
                        findings.error(message, evidence, vec![fix.to_owned()]);
                    } else {
                        findings.warning(message, evidence, vec![fix.to_owned()]);
                    }
                }
            }
        }
    }
    findings.detail = counted(count, "certificate");
}

fn refused(subject: &Subject, findings: &mut Findings) {
    #[derive(serde::Deserialize, Default)]
    #[serde(default)]
    struct View {
        metadata: Metadata,
    }
    findings.needs(subject.scene, &[&kinds::CONFIG_MAP]);
    subject.scene.facts.read::<View>(&kinds::CONFIG_MAP, |object, view| {
        for (key, why) in view.metadata.annotations.iter().filter(|(key, _)| key.starts_with(REFUSED)) {
            let title = format!("ConfigMap {}/{}", object.namespace, object.name);
            let what = key.strip_prefix(REFUSED).unwrap_or(key);
            let evidence = vec![Evidence::new(title, format!("metadata.annotations[{key}]"), why)];
            let fix = vec![format!("kubectl edit configmap {} -n {}", object.name, object.namespace)];
            findings.warning(format!("the setting {what} is not taken: {why}"), evidence, fix);
        }
    });
}

/// The agents' own word on it beside the settings; and identity without encryption is less than it sounds.
fn encryption(subject: &Subject, findings: &mut Findings) {
    let facts = subject.scene.facts;
    let fleet = sync::read(facts);
    // Without their set, its pods would stand for themselves.
    let sets = || settings::agents(subject.scene.model).filter(|one| one.kind == WorkloadKind::DaemonSet);
    if sets().next().is_none() {
        findings.unknown.push("no agent was found".to_owned());
    }
    for agent in sets() {
        let Some(settings) = Settings::read(facts, &agent.namespace) else {
            findings.unknown.push(format!("ConfigMap {}/cilium-config", agent.namespace));
            continue;
        };
        let modes = [("enable-wireguard", "Wireguard"), ("enable-ipsec", "IPsec")];
        let wanted = modes.into_iter().find(|(key, _)| settings.on(key));
        findings.detail = wanted.map_or("none", |(_, mode)| mode).to_owned();
        match wanted {
            Some((key, mode)) => {
                let mut other = fleet.told.iter().filter_map(|told| Some((&told.proxy, told.said.get("encryption")?)));
                if let Some((node, said)) = other.find(|(_, said)| !said.eq_ignore_ascii_case(mode)) {
                    let message = format!("{mode} is set, and the agent {node} says that encryption is {said}");
                    let evidence = Evidence::new(format!("cilium-dbg on {node}"), "encryption.mode", said);
                    let fix = format!("kubectl rollout restart ds/{} -n {}", agent.name, agent.namespace);
                    findings.error(message, vec![settings.why(key), evidence], vec![fix]);
                }
            }
            None if settings.on("mesh-auth-mutual-enabled") => {
                let message = "mutual authentication shakes hands beside the traffic, and nothing encrypts the traffic itself";
                let fix = "helm upgrade cilium cilium/cilium --reuse-values --set encryption.enabled=true --set encryption.type=wireguard";
                findings.warning(message, vec![settings.why("mesh-auth-mutual-enabled")], vec![fix.to_owned()]);
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests;
