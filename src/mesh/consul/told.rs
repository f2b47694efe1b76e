//! What Consul's servers say of themselves and of what they know, beside what the cluster says.

use super::server::{self, Autopilot, Intention, Node, Roots, Server, servers};
use super::sync::{Catalog, Pods};
use crate::facts::{Facts, Need, Object, kinds};
use crate::mesh::check::{Category, Check, Findings, Subject, counted};
use crate::mesh::declared::signal;
use crate::mesh::view::{Condition, Conditions, nullable};
use crate::model::{Evidence, Model, NeedKind, NotSeen, SignalKind};
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// A root is replaced by hand, or by whoever signs it: a month is little.
const SOON: i64 = 30 * 24 * 3600;
/// So many are named.
const NAMED: usize = 3;
/// So many services are looked at.
const MOST: usize = 200;

pub static CHECKS: &[Check] = &[
    Check { code: "CSL0003", category: Category::ControlPlane, title: "the servers have a leader and are well", run: autopilot },
    Check { code: "CSL0004", category: Category::Certificates, title: "the mesh's own roots are valid for long", run: roots },
    Check {
        code: "CSL0005",
        category: Category::Members,
        title: "every instance that callers get is a pod that is there",
        run: instances,
    },
    Check {
        code: "CSL0006",
        category: Category::Configuration,
        title: "Consul has the intentions that are written",
        run: intentions,
    },
];

/// What only the checks take.
pub fn needs(known: &Facts) -> Vec<Need> {
    let servers = servers(known);
    let Some(server) = servers.iter().find(|server| server.runs()) else { return Vec::new() };
    let once = [server::AUTOPILOT, server::ROOTS, server::INTENTIONS, server::NODES, server::SERVICES];
    let of_services = services(known, server).unwrap_or_default().into_iter().take(MOST).map(|name| server::health(&name));
    once.iter().map(|path| server.ask(path)).chain(of_services.map(|path| server.ask(&path))).collect()
}

/// Machines outside, for the decision.
pub fn nodes_need(known: &Facts) -> Option<Need> {
    servers(known).iter().find(|server| server.runs()).map(|server| server.ask(server::NODES))
}

/// Those that have proxies, which are registered as services of their own.
fn services(facts: &Facts, server: &Server) -> Result<Vec<String>, String> {
    let all: BTreeMap<String, serde::de::IgnoredAny> = server::told(facts, server, server::SERVICES)?;
    let proxied = |name: &&String| all.contains_key(&format!("{name}-sidecar-proxy"));
    Ok(all.keys().filter(proxied).cloned().collect())
}

/// The first server that can be asked; what stands in the way is noted.
fn asked<'s>(servers: &'s [Server<'s>], findings: &mut Findings) -> Option<&'s Server<'s>> {
    let server = servers.iter().find(|server| server.runs());
    if server.is_none() {
        findings.unknown.push("no server of it runs in what was seen".to_owned());
    }
    server
}

fn said(server: &Server, path: &str, text: impl Into<String>) -> Evidence {
    Evidence::new(format!("{}/{}", server.object.namespace, server.object.name), format!("/{path}"), text)
}

fn autopilot(subject: &Subject, findings: &mut Findings) {
    let servers = servers(subject.scene.facts);
    let Some(server) = asked(&servers, findings) else { return };
    let health: Autopilot = match server::told(subject.scene.facts, server, server::AUTOPILOT) {
        Ok(health) => health,
        Err(why) => return findings.unknown.push(why),
    };
    let fix =
        || vec![format!("kubectl exec -n {} {} -- consul operator raft list-peers", server.object.namespace, server.object.name)];
    let evidence = |text: String| vec![said(server, server::AUTOPILOT, text)];
    let ill: Vec<String> = health
        .servers
        .iter()
        .filter(|one| !one.healthy)
        .map(|one| format!("{} ({})", one.name, if one.serf_status.is_empty() { "unknown" } else { &one.serf_status }))
        .collect();
    if !ill.is_empty() {
        let message = format!("of {}, {} not well: {}", counted(health.servers.len(), "server"), ill.len(), ill.join(", "));
        findings.error(message, evidence(format!("Healthy {}", health.healthy)), fix());
    }
    if !health.servers.iter().any(|one| one.leader) {
        findings.error(
            "no server is the leader: nothing can be written, and no new proxy gets its configuration",
            evidence("no Leader".to_owned()),
            fix(),
        );
    }
    let voters = health.servers.iter().filter(|one| one.voter).count();
    if ill.is_empty() && voters > 1 && health.failure_tolerance == 0 {
        let message = format!("of {voters} servers that vote none may be lost");
        findings.warning(message, evidence("FailureTolerance 0".to_owned()), fix());
    }
    let versions: BTreeSet<&str> = health.servers.iter().map(|one| one.version.as_str()).collect();
    if versions.len() > 1 {
        let text = versions.into_iter().collect::<Vec<_>>().join(", ");
        findings.warning(format!("servers are of several versions: {text}"), evidence(format!("Version {text}")), fix());
    }
    findings.detail = format!("{}, {} may be lost", counted(health.servers.len(), "server"), health.failure_tolerance);
}

fn roots(subject: &Subject, findings: &mut Findings) {
    let facts = subject.scene.facts;
    let servers = servers(facts);
    let Some(server) = asked(&servers, findings) else { return };
    let roots: Roots = match server::told(facts, server, server::ROOTS) {
        Ok(roots) => roots,
        Err(why) => return findings.unknown.push(why),
    };
    for root in roots.roots.iter().filter(|root| root.active) {
        let Ok(end) = root.not_after.parse::<Timestamp>() else {
            findings.unknown.push(format!("when {} ends", root.name));
            continue;
        };
        let left = end.as_second() - facts.now.as_second();
        let evidence = vec![said(server, server::ROOTS, format!("{} NotAfter {}", root.name, root.not_after))];
        let fix = vec![
            "consul connect ca set-config -config-file FILE   # a new root; both are trusted until leaves are new".to_owned(),
        ];
        if left <= 0 {
            findings.error(format!("{} has expired: no proxy trusts another", root.name), evidence, fix);
        } else if left < SOON {
            findings.warning(format!("{} expires in {} days", root.name, left / 86_400), evidence, fix);
        }
    }
    findings.detail = counted(roots.roots.len(), "root");
}

/// A dead instance stays as passing while nobody deregisters it: neither Consul's health nor its own tools show that.
fn instances(subject: &Subject, findings: &mut Findings) {
    let facts = subject.scene.facts;
    findings.needs(subject.scene, &[&kinds::POD]);
    let servers = servers(facts);
    let Some(server) = asked(&servers, findings) else { return };
    let names = match services(facts, server) {
        Ok(names) => names,
        Err(why) => return findings.unknown.push(why),
    };
    findings.unknown.extend(server::partial(facts, server, server::SERVICES).map(str::to_owned));
    if names.len() > MOST {
        findings.unknown.push(format!("{} of {} services", names.len() - MOST, names.len()));
    }
    let (catalog, pods) = (Catalog { facts, server }, Pods::of(facts));
    let (mut count, mut outside) = (0, 0);
    for name in names.iter().take(MOST) {
        findings.unknown.extend(catalog.partial(name).map(|why| format!("{name}: {why}")));
        let all = match catalog.instances(name) {
            Ok(all) => all,
            Err(why) => {
                findings.unknown.push(format!("instances of {name}: {why}"));
                continue;
            }
        };
        let bad: Vec<(&str, String)> =
            all.iter().filter(|one| one.passing).filter_map(|one| Some((one.address.as_str(), pods.against(one)?))).collect();
        count += all.len();
        outside += all.iter().filter(|one| one.pod.is_none()).count();
        if let Some((address, what)) = bad.first() {
            let more = if bad.len() > 1 { format!(", and {} more", bad.len() - 1) } else { String::new() };
            let message = format!("callers of {name} are sent to {address}, {what}{more}");
            let evidence =
                bad.iter().take(NAMED).map(|(address, _)| said(server, &server::health(name), format!("{address} passing")));
            let fix = format!("kubectl rollout status deploy/consul-connect-injector -n {}", server.object.namespace);
            findings.error(message, evidence.collect(), vec![fix]);
        }
    }
    let machines = if outside > 0 { format!(", {outside} outside of Kubernetes") } else { String::new() };
    findings.detail = format!("{} of {}{machines}", counted(count, "instance"), counted(names.len(), "service"));
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Written {
    spec: Spec,
    #[serde(deserialize_with = "nullable")]
    status: Conditions,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct Spec {
    destination: Named,
    #[serde(deserialize_with = "nullable")]
    sources: Vec<Named>,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct Named {
    #[serde(deserialize_with = "nullable")]
    name: String,
}

/// `Synced` says that it was written once; somebody may have changed it since, in Consul itself.
fn intentions(subject: &Subject, findings: &mut Findings) {
    let facts = subject.scene.facts;
    findings.needs(subject.scene, &[&kinds::CONSUL_SERVICE_INTENTIONS]);
    let servers = servers(facts);
    let Some(server) = asked(&servers, findings) else { return };
    let there: Vec<Intention> = match server::told(facts, server, server::INTENTIONS) {
        Ok(there) => there,
        Err(why) => return findings.unknown.push(why),
    };
    if let Some(why) = server::partial(facts, server, server::INTENTIONS) {
        return findings.unknown.push(format!("intentions: {why}"));
    }
    let pairs: BTreeSet<(&str, &str)> =
        there.iter().map(|one| (one.source_name.as_str(), one.destination_name.as_str())).collect();
    let mut missing: Vec<(&Object, String)> = Vec::new();
    facts.read::<Written>(&kinds::CONSUL_SERVICE_INTENTIONS, |object, written| {
        // What was never written has a check of its own.
        if !written.status.of("Synced").is_some_and(Condition::is_true) {
            return;
        }
        let to = &written.spec.destination.name;
        for source in written.spec.sources.iter().filter(|source| !pairs.contains(&(source.name.as_str(), to.as_str()))) {
            missing.push((object, format!("{} → {to}", source.name)));
        }
    });
    for (object, pair) in missing {
        let title = format!("ServiceIntentions {}/{}", object.namespace, object.name);
        let message = format!("{title} is Synced, and Consul has no intention {pair}");
        let evidence = vec![said(server, server::INTENTIONS, format!("{}, none {pair}", counted(there.len(), "intention")))];
        let fix = format!("kubectl annotate serviceintentions -n {} {} touched=1 --overwrite", object.namespace, object.name);
        findings.error(message, evidence, vec![fix]);
    }
    let foreign = there.iter().filter(|one| one.meta.get("external-source").is_none_or(|source| source != "kubernetes")).count();
    let elsewhere = if foreign > 0 { format!(", {foreign} written elsewhere than in Kubernetes") } else { String::new() };
    findings.detail = format!("{}{elsewhere}", counted(there.len(), "intention"));
}

/// Machines outside of Kubernetes that its catalog knows.
pub fn machines(facts: &Facts, model: &mut Model) {
    let servers = servers(facts);
    let Some(server) = servers.iter().find(|server| server.runs()) else { return };
    if !facts.has(&server.ask(server::NODES)) {
        return;
    }
    let nodes: Vec<Node> = match server::told(facts, server, server::NODES) {
        Ok(nodes) => nodes,
        Err(why) => {
            let answer = facts.get(&server.ask(server::NODES));
            return model.add_not_seen(NotSeen {
                what: "Consul's catalog".to_owned(),
                outcome: answer.map_or("not asked", |answer| answer.outcome.word()).to_owned(),
                why,
                leaves_open: "machines outside of Kubernetes".to_owned(),
            });
        }
    };
    let all = server::outside(nodes, &servers);
    let evidence = all.iter().map(|node| said(server, server::NODES, format!("{} {}", node.node, node.address))).collect();
    signal(
        model,
        NeedKind::VirtualMachines,
        SignalKind::Evidenced,
        "Consul's catalog holds machines outside of Kubernetes",
        evidence,
    );
}

#[cfg(test)]
mod tests;
