//! One proxy of Linkerd: the Services that it balances over, the ports that it serves and their policies, its routes, its
//! certificates.

mod policies;

use super::controllers::{Replica, Target};
use super::detect::COMPONENT;
use super::environment::Environment;
use super::identity;
use super::sync::{self, ADMIN, Heard, Seen, Slices};
use crate::envoy::certificate;
use crate::facts::{Facts, Need, Object, Outcome, kinds};
use crate::mesh::proxy::{Cluster, Endpoint, Part, Secret, Setting, Shown};
use crate::mesh::view::Pod;
use std::collections::{BTreeMap, BTreeSet};

/// Ports that nobody has a policy for: the proxy's own.
const OWN: [u16; 3] = [4143, 4190, 4191];
const ALLOWED: [&str; 2] = ["inbound_http_authz_allow_total", "inbound_tcp_authz_allow_total"];
const DENIED: [&str; 3] = ["inbound_http_authz_deny_total", "inbound_tcp_authz_deny_total", "inbound_tcp_authz_terminate_total"];
/// Settings that say something, by the variable that holds them.
const SETTINGS: [(&str, &str); 9] = [
    ("Identity", "LINKERD2_PROXY_IDENTITY_LOCAL_NAME"),
    ("Inbound Ports", "LINKERD2_PROXY_INBOUND_PORTS"),
    ("Default Policy", "LINKERD2_PROXY_INBOUND_DEFAULT_POLICY"),
    ("Opaque Ports", "LINKERD2_PROXY_INBOUND_PORTS_DISABLE_PROTOCOL_DETECTION"),
    ("Destination", "LINKERD2_PROXY_DESTINATION_SVC_ADDR"),
    ("Policy", "LINKERD2_PROXY_POLICY_SVC_ADDR"),
    ("Identity Service", "LINKERD2_PROXY_IDENTITY_SVC_ADDR"),
    ("Cluster Networks", "LINKERD2_PROXY_POLICY_CLUSTER_NETWORKS"),
    ("Log Level", "LINKERD2_PROXY_LOG"),
];

fn seen(pod: &Object) -> Option<Seen<'_>> {
    let view: Pod = pod.read().ok()?;
    view.container("linkerd-proxy")?;
    Some(Seen { object: pod, pod: view })
}

fn asks(parts: &[Part], wanted: &[Part]) -> bool {
    parts.iter().any(|part| wanted.contains(part))
}

pub fn needs(known: &Facts, pod: &Object, parts: &[Part]) -> Vec<Need> {
    let Some(seen) = seen(pod) else { return Vec::new() };
    let environment = Environment::of(pod);
    let mut needs = Vec::new();
    if asks(parts, &[Part::Secrets]) {
        needs.extend(identity::need(&seen));
        needs.push(Need::Get {
            resource: kinds::CONFIG_MAP.clone(),
            namespace: Some(seen.control_namespace().to_owned()),
            name: ANCHORS.to_owned(),
        });
    }
    let calls = asks(parts, &[Part::Clusters, Part::Endpoints, Part::Routes]);
    if calls || asks(parts, &[Part::Bootstrap, Part::Listeners]) {
        needs.push(seen.metrics_need());
    }
    if !calls && !asks(parts, &[Part::Listeners]) {
        return needs;
    }
    needs.push(Need::Select {
        resource: kinds::POD.clone(),
        namespace: Some(seen.control_namespace().to_owned()),
        labels: format!("{COMPONENT}=destination"),
    });
    let Ok(samples) = sync::asked_of(known, &seen) else { return needs };
    let heard = Heard { samples, now: known.now };
    let all = sync::seen(known);
    let replicas = sync::replicas(&all, seen.control_namespace());
    let targets = sync::targets(&heard, environment.suffix());
    for replica in &replicas {
        if asks(parts, &[Part::Clusters, Part::Endpoints]) {
            needs.extend(targets.iter().map(|target| replica.endpoints_need(target)));
        }
    }
    if asks(parts, &[Part::Clusters, Part::Endpoints]) {
        for target in &targets {
            let namespace = Some(target.namespace.clone());
            let labels = format!("kubernetes.io/service-name={}", target.name);
            needs.push(Need::Select { resource: kinds::ENDPOINT_SLICE.clone(), namespace: namespace.clone(), labels });
            needs.push(Need::Get { resource: kinds::SERVICE.clone(), namespace, name: target.name.clone() });
        }
    }
    // Policies don't differ by replica as endpoints do: each reads the same few objects.
    if let Some(replica) = replicas.first() {
        let (namespace, name) = (&*pod.namespace, &*pod.name);
        if asks(parts, &[Part::Listeners, Part::Routes]) {
            needs.extend(ports(&environment, &heard).into_iter().map(|port| replica.inbound_need(namespace, name, port)));
        }
        if asks(parts, &[Part::Routes]) {
            needs.extend(targets.iter().flat_map(|to| [replica.outbound_need(namespace, name, to), replica.profile_need(to)]));
        }
    }
    needs
}

const ANCHORS: &str = "linkerd-identity-trust-roots";

/// Ports that its containers declare, and others that somebody called.
fn ports(environment: &Environment, heard: &Heard) -> BTreeSet<u16> {
    let called = ALLOWED.iter().chain(&DENIED).flat_map(|name| heard.of(name));
    let called = called.filter_map(|series| series.label("srv_port").parse().ok());
    environment.ports().into_iter().chain(called).filter(|port| !OWN.contains(port)).collect()
}

pub fn shown(facts: &Facts, pod: &Object, parts: &[Part]) -> Option<Result<Shown, String>> {
    let seen = seen(pod)?;
    let mut shown = Shown::default();
    let environment = Environment::of(pod);
    if asks(parts, &[Part::Secrets]) {
        secrets(facts, &seen, &environment, &mut shown);
    }
    if parts == [Part::Secrets] {
        return Some(if shown.secrets.is_empty() { Err(shown.faults.join("; ")) } else { Ok(shown) });
    }
    let heard = match sync::asked_of(facts, &seen) {
        Ok(samples) => Heard { samples, now: facts.now },
        Err(why) if parts.len() == 1 && parts[0] != Part::Bootstrap => {
            return Some(Err(format!("its metrics did not come: {why}")));
        }
        Err(why) => {
            shown.faults.push(format!("its metrics did not come: {why}"));
            shown.unheard = true;
            Heard { samples: Vec::new(), now: facts.now }
        }
    };
    if asks(parts, &[Part::Bootstrap]) {
        bootstrap(&seen, &environment, &heard, &mut shown);
    }
    let all = sync::seen(facts);
    let replicas = sync::replicas(&all, seen.control_namespace());
    if replicas.is_empty() && parts.iter().any(|part| !matches!(part, Part::Bootstrap | Part::Secrets)) {
        let (resource, namespace) = (kinds::POD.clone(), Some(seen.control_namespace().to_owned()));
        let need = Need::Select { resource, namespace, labels: format!("{COMPONENT}=destination") };
        let why = match facts.get(&need).map(|answer| &answer.outcome) {
            Some(Outcome::Objects(_)) => format!("no replica of linkerd-destination runs in {}", seen.control_namespace()),
            Some(other) => format!("linkerd-destination was not found: {}", other.why()),
            None => "linkerd-destination was not asked".to_owned(),
        };
        shown.faults.push(why);
    }
    let targets = sync::targets(&heard, environment.suffix());
    if asks(parts, &[Part::Clusters, Part::Endpoints]) {
        let slices = Slices::of(facts);
        balanced(facts, &heard, &slices, &replicas, &targets, &mut shown);
        if !asks(parts, &[Part::Endpoints]) {
            shown.endpoints.clear();
        }
        if !asks(parts, &[Part::Clusters]) {
            shown.clusters.clear();
        }
    }
    if let Some(replica) = replicas.first() {
        policies::policies(facts, replica, pod, &environment, &heard, parts, &targets, &mut shown);
    }
    shown.faults.sort();
    shown.faults.dedup();
    Some(Ok(shown))
}

fn bootstrap(seen: &Seen, environment: &Environment, heard: &Heard, shown: &mut Shown) {
    let mut add = |name: &'static str, value: Option<String>| {
        shown.bootstrap.extend(value.filter(|value| !value.is_empty()).map(|value| Setting { name, value }));
    };
    let image = seen.pod.container("linkerd-proxy").map(|container| container.image.clone());
    add("Image", image);
    add("Proxy Version", heard.of("proxy_build_info").next().map(|series| series.label("version").to_owned()));
    add("Control Plane", Some(seen.control_namespace().to_owned()));
    SETTINGS.iter().for_each(|(name, variable)| add(name, environment.get(variable).map(str::to_owned)));
    let count = environment.anchors().and_then(|pem| certificate::read_pem(pem.as_bytes()).ok()).map(|all| all.len());
    add("Trust Anchors", count.map(|count| count.to_string()));
}

fn secrets(facts: &Facts, seen: &Seen, environment: &Environment, shown: &mut Shown) {
    let secret = |name: &'static str, one: &certificate::Certificate, problem: Option<String>| {
        let over = || (!one.is_valid_at(facts.now)).then(|| "it is not valid now: whoever is shown it refuses it".to_owned());
        Secret {
            name,
            subject: one.dns_names.first().cloned().unwrap_or_else(|| one.subject.clone()),
            serial_number: one.serial_number.clone(),
            not_before: one.not_before.clone(),
            not_after: one.not_after.clone(),
            valid: one.is_valid_at(facts.now),
            problem: problem.or_else(over),
        }
    };
    match identity::of(facts, seen).map(|one| one.chain) {
        Some(Ok(chain)) => {
            for (at, one) in chain.iter().enumerate() {
                shown.secrets.push(secret(if at == 0 { "leaf" } else { "issuer" }, one, None));
            }
        }
        Some(Err(why)) => shown.faults.push(format!("the certificates that it shows: {}", why.why())),
        None => shown.faults.push("it has no identity: nothing names one in its environment".to_owned()),
    }
    let published = published(facts, seen.control_namespace());
    let own = environment.anchors().and_then(|pem| certificate::read_pem(pem.as_bytes()).ok()).unwrap_or_default();
    for anchor in &own {
        let gone = published.as_ref().is_some_and(|all| !all.contains(anchor));
        let problem = gone.then(|| format!("ConfigMap {}/{ANCHORS} has it no more", seen.control_namespace()));
        shown.secrets.push(secret("anchor", anchor, problem));
    }
    for new in published.iter().flatten().filter(|one| !own.contains(one)) {
        shown.faults.push(format!(
            "it lacks the anchor {} of ConfigMap {}/{ANCHORS}: restart its pod",
            new.serial_number,
            seen.control_namespace()
        ));
    }
}

fn published(facts: &Facts, namespace: &str) -> Option<Vec<certificate::Certificate>> {
    let mut found = None;
    let named = |object: &&Object| &*object.name == ANCHORS && &*object.namespace == namespace;
    for object in facts.every(&kinds::CONFIG_MAP).filter(named) {
        let mut data = object.read::<crate::mesh::view::ConfigMap>().unwrap_or_default().data;
        found = data.remove("ca-bundle.crt").and_then(|pem| certificate::read_pem(pem.as_bytes()).ok());
    }
    found
}

fn balanced(facts: &Facts, heard: &Heard, slices: &Slices, replicas: &[Replica], targets: &[Target], shown: &mut Shown) {
    let title = |target: &Target| format!("{}.{}:{}", target.name, target.namespace, target.port);
    for target in targets {
        let ready: Option<BTreeSet<String>> = slices.ready(target).map(|all| all.into_values().flatten().collect());
        let counted = sync::counted(heard, target);
        let mut sent = BTreeMap::new();
        let mut endpoints: BTreeMap<String, Endpoint> = BTreeMap::new();
        for replica in replicas {
            let all = match replica.endpoints(facts, target) {
                Ok(all) => all,
                Err(why) => {
                    shown.faults.push(format!("endpoints of {} from {}: {}", title(target), replica.name, why.why()));
                    continue;
                }
            };
            sent.insert(replica.name.clone(), all.len());
            for one in all {
                let Some(addr) = &one.addr else { continue };
                let ip = addr.ip.as_ref().map(super::api::IpAddress::text).unwrap_or_default();
                let known = endpoints.entry(format!("{ip}:{}", addr.port)).or_insert_with(|| Endpoint {
                    service: title(target),
                    address: format!("{ip}:{}", addr.port),
                    pod: one.metric_labels.get("pod").cloned().unwrap_or_default(),
                    identity: one
                        .tls_identity
                        .as_ref()
                        .and_then(|tls| tls.dns_like.as_ref().or(tls.uri_like.as_ref()))
                        .map(|name| name.name.clone())
                        .unwrap_or_default(),
                    hint: match &one.protocol_hint {
                        Some(hint) if hint.opaque.is_some() => "opaque",
                        Some(hint) if hint.h2.is_some() => "HTTP/2",
                        _ => "",
                    },
                    weight: one.weight,
                    ready: ready.as_ref().map(|all| all.contains(&ip)),
                    sent_by: Vec::new(),
                });
                known.sent_by.push(replica.name.clone());
            }
        }
        for (protocol, ready_count, pending) in counted {
            let slices = ready.as_ref().map(BTreeSet::len);
            let cluster = Cluster { service: title(target), protocol, ready: ready_count, pending, slices, sent: sent.clone() };
            shown.clusters.push(cluster);
        }
        shown.endpoints.extend(endpoints.into_values());
    }
}

/// Its port, and the one program that it speaks with.
pub fn admin(pod: &Pod) -> Vec<crate::mesh::admin::Admin> {
    use crate::mesh::admin::{Admin, Speaks};
    let own = pod.container("linkerd-proxy").filter(|container| container.name == "linkerd-proxy");
    let admin = |_| Admin { speaks: Speaks::Metrics, port: ADMIN, container: "linkerd-proxy".to_owned(), command: &[] };
    own.map(admin).into_iter().collect()
}
