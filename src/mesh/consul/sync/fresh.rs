//! Endpoints × the catalog × the pods: who is out of date.

use super::catalog::{Catalog, Instance};
use super::envoy::{Heard, Upstream};
use crate::facts::{Facts, kinds};
use crate::mesh::sync::Health;
use crate::mesh::view::Pod;
use std::collections::{BTreeMap, BTreeSet};

struct Known {
    uid: String,
    ready: bool,
}

/// The pods of the cluster, as an endpoint or the catalog names them.
pub struct Pods {
    by_name: BTreeMap<(String, String), Known>,
    by_address: BTreeMap<String, bool>,
    /// Whether one that is not here is certainly not there.
    whole: bool,
}

impl Pods {
    pub fn of(facts: &Facts) -> Self {
        let mut pods = Pods { by_name: BTreeMap::new(), by_address: BTreeMap::new(), whole: facts.seen(&kinds::POD) };
        facts.read::<Pod>(&kinds::POD, |object, pod| {
            if matches!(pod.status.phase.as_str(), "Succeeded" | "Failed") {
                return;
            }
            let ready = pod.status.is_ready();
            pods.by_address.insert(pod.status.pod_ip, ready);
            let name = (object.namespace.to_string(), object.name.to_string());
            pods.by_name.insert(name, Known { uid: pod.metadata.uid, ready });
        });
        pods
    }

    /// Why an instance that Consul calls passing is not to be sent to anybody.
    pub fn against(&self, instance: &Instance) -> Option<String> {
        let (namespace, name, uid) = instance.pod.as_ref()?;
        match self.by_name.get(&(namespace.clone(), name.clone())) {
            Some(pod) if !uid.is_empty() && pod.uid != *uid => {
                Some(format!("of pod {namespace}/{name} as it was before: today's has another uid"))
            }
            Some(pod) if !pod.ready => Some(format!("of pod {namespace}/{name}, which is not ready")),
            Some(_) => None,
            None if self.lacks(namespace, name) => Some(format!("a ghost: there is no pod {namespace}/{name}")),
            None => None,
        }
    }

    /// A list that breaks off is in order: of the namespaces that came, whoever comes before one that came is not there.
    fn lacks(&self, namespace: &str, name: &str) -> bool {
        let from = (namespace.to_owned(), name.to_owned());
        self.whole || self.by_name.range(from..).next().is_some_and(|((other, _), _)| other == namespace)
    }
}

/// What is wrong with its endpoints, and why the catalog could not be asked.
pub fn compare(heard: &Heard, catalog: Option<&Catalog>, pods: &Pods, facts: &Facts) -> (Vec<(Health, String)>, Option<String>) {
    let mut found = BTreeSet::new();
    let mut unseen = None;
    for upstream in &heard.upstreams {
        let known = match catalog {
            Some(catalog) => catalog.instances(&upstream.service),
            None => Err("no server of it runs in what was seen".to_owned()),
        };
        if let Err(why) = &known {
            unseen = unseen.or(Some(why.clone()));
        }
        let part = catalog.and_then(|catalog| catalog.partial(&upstream.service));
        match known.ok() {
            // What the proxy has and the answer lacks may be what the asker may not see.
            Some(_) if part.is_some() => {
                unseen = unseen.or(part.map(|why| format!("{}: {why}", upstream.service)));
                found.extend(without(upstream, pods, facts));
            }
            Some(known) => found.extend(with_catalog(upstream, &known, pods)),
            None => found.extend(without(upstream, pods, facts)),
        }
    }
    (found.into_iter().collect(), unseen)
}

fn with_catalog(upstream: &Upstream, known: &[Instance], pods: &Pods) -> Vec<(Health, String)> {
    let service = &upstream.service;
    let mut found = Vec::new();
    // Those of another datacenter are its gateways.
    if known.iter().any(|one| one.datacenter != upstream.datacenter) {
        return found;
    }
    for (address, healthy) in &upstream.endpoints {
        let by_pod = pods.by_address.get(address.rsplit_once(':').map_or("", |(host, _)| host));
        let text = match (known.iter().find(|one| one.address == *address), by_pod) {
            (Some(one), _) if one.passing && !healthy => {
                format!("{address} of {service} passes in Consul, and the proxy has it as unhealthy")
            }
            (Some(one), _) if !one.passing && *healthy => {
                format!("{address} of {service} is critical in Consul, and the proxy has it as healthy")
            }
            // Both know that nothing is to be sent there.
            (_, _) if !healthy => continue,
            (Some(one), _) => match pods.against(one) {
                Some(what) => format!("{address} of {service} is {what}, and Consul calls it passing ({})", one.id),
                None => continue,
            },
            (None, Some(true)) => continue,
            (None, Some(false)) => format!("{address} of {service} is a pod that is not ready, and not in Consul's catalog"),
            (None, None) if known.is_empty() => continue,
            (None, None) => format!("{address} of {service} is neither in Consul's catalog nor a pod's"),
        };
        found.push((Health::Stale, format!("EDS: {text}")));
    }
    let missing = |one: &&Instance| one.passing && !upstream.endpoints.contains_key(&one.address) && pods.against(one).is_none();
    for one in known.iter().filter(missing).filter(|_| !upstream.subset) {
        found
            .push((Health::Stale, format!("EDS: {} of {service} passes in Consul, and the proxy does not have it", one.address)));
    }
    found
}

/// A pod that is not ready is wrong whatever the catalog says; an address of nobody may be a machine outside.
fn without(upstream: &Upstream, pods: &Pods, facts: &Facts) -> Vec<(Health, String)> {
    let service = &upstream.service;
    let judge = |address: &String| {
        let host = address.rsplit_once(':').map_or("", |(host, _)| host);
        match pods.by_address.get(host) {
            Some(true) => None,
            Some(false) => Some((Health::Stale, format!("EDS: {address} of {service} is a pod that is not ready"))),
            None if !facts.seen(&kinds::POD) => {
                Some((Health::Unknown, format!("EDS: {address} of {service}: not every pod was seen")))
            }
            None => {
                let why = format!(
                    "EDS: {address} of {service} is no pod's: a ghost, or a machine outside; Consul's catalog would tell"
                );
                Some((Health::Unknown, why))
            }
        }
    };
    upstream.endpoints.iter().filter(|(_, healthy)| **healthy).map(|(address, _)| address).filter_map(judge).collect()
}
