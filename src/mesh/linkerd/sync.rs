//! How fresh Linkerd's proxies are, computed: no control plane keeps a list of who has what, so the proxies' own metrics are
//! compared with what runs and with the EndpointSlices.
//!
//! Neither a pod's readiness nor `/ready` says anything here: both mean that there once was a certificate. A proxy may count
//! a controller as ready for a while after the last one went, so whether one is there is asked of the pods. Where a proxy has
//! other endpoints than the EndpointSlices, what each replica of the controller says names who is late; the same of policies
//! and routes, against the objects that they are made from.

mod policies;
mod proxy;
mod slices;

pub use policies::lists as policy_kinds;
pub use proxy::Heard;
pub use slices::{Slices, counted, targets};

use super::controllers::{Replica, Target};
use super::detect::{COMPONENT, CONTROL_NAMESPACE};
use super::environment::Environment;
use crate::facts::{Facts, Need, Object, Outcome, Word, exposition, kinds};
use crate::mesh::sync::{Fleet, Health, Part, Plane, Told};
use crate::mesh::view::Pod;
use policies::{Judged, Written};
use proxy::Controllers;
use slices::Claim;
use std::collections::{BTreeMap, BTreeSet};

pub const ADMIN: u16 = 4191;
/// What is told of a proxy's policies.
const POLICY: &str = "POLICY";

pub struct Seen<'f> {
    pub object: &'f Object,
    pub pod: Pod,
}

impl Seen<'_> {
    pub fn carries_proxy(&self) -> bool {
        self.pod.container("linkerd-proxy").is_some()
    }
    fn ask(&self, port: u16, names: &[&str]) -> Need {
        let (namespace, pod) = (self.object.namespace.to_string(), self.object.name.to_string());
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Need::PodMetrics { namespace, pod, port, path: "metrics".to_owned(), names }
    }
    pub fn metrics_need(&self) -> Need {
        self.ask(ADMIN, &proxy::NAMES)
    }
    pub fn component(&self) -> Option<&str> {
        self.pod.metadata.labels.get(COMPONENT).map(String::as_str)
    }
    pub fn control_namespace(&self) -> &str {
        self.pod.metadata.labels.get(CONTROL_NAMESPACE).map_or("linkerd", String::as_str)
    }
    pub fn runs(&self) -> bool {
        matches!(self.pod.status.phase.as_str(), "" | "Running")
    }
    /// Port and names of what a replica of the control plane is asked, of those that serve proxies.
    pub fn plane_needs(&self) -> Option<Need> {
        match self.component()? {
            "identity" => Some(self.ask(9990, &["issuer_cert_ttl_seconds"])),
            // Nothing of it says how fresh it is; that it answers is something.
            "destination" => Some(self.ask(9996, &["process_start_time_seconds"])),
            _ => None,
        }
    }
}

/// Pods of Linkerd that run or are about to.
pub fn seen(facts: &Facts) -> Vec<Seen<'_>> {
    let mut found: BTreeMap<(&str, &str), Seen> = BTreeMap::new();
    let word = Word::new("linkerd");
    for object in facts.every(&kinds::POD).filter(|pod| word.stands_in(pod)) {
        let Ok(pod) = object.read::<Pod>() else { continue };
        let own = pod.metadata.labels.contains_key(CONTROL_NAMESPACE) || pod.container("linkerd-proxy").is_some();
        if own && !matches!(pod.status.phase.as_str(), "Succeeded" | "Failed") {
            found.insert((&object.namespace, &object.name), Seen { object, pod });
        }
    }
    found.into_values().collect()
}

fn is_proxy(pod: &&Seen) -> bool {
    pod.component().is_none() && pod.carries_proxy()
}

/// Replicas of a control plane that answer proxies.
pub fn replicas(all: &[Seen], namespace: &str) -> Vec<Replica> {
    let serves = |pod: &&Seen| pod.component() == Some("destination") && pod.runs() && &*pod.object.namespace == namespace;
    let replica = |pod: &Seen| Replica { namespace: namespace.to_owned(), name: pod.object.name.to_string() };
    all.iter().filter(serves).map(replica).collect()
}

pub fn needs(known: &Facts) -> Vec<Need> {
    let all = seen(known);
    // One that waits for its certificate is told of by its pod, and tells itself what it can.
    let asked = |pod: &&Seen| pod.runs() || proxy::waits(pod.object);
    let proxies: Vec<&Seen> = all.iter().filter(is_proxy).filter(asked).collect();
    let mut needs: Vec<Need> = proxies.iter().map(|pod| pod.metrics_need()).collect();
    if !needs.is_empty() {
        needs.extend([&kinds::ENDPOINT_SLICE, &kinds::SERVICE].into_iter().chain(policies::lists()).map(Need::list));
    }
    needs.extend(all.iter().filter(|pod| pod.runs()).filter_map(Seen::plane_needs));
    // Once the proxies have said whom they balance over.
    let mut called: BTreeSet<(&str, Target)> = BTreeSet::new();
    let written = Written::of(known);
    for pod in proxies {
        let Ok(samples) = asked_of(known, pod) else { continue };
        let (heard, environment) = (Heard { samples, now: known.now }, Environment::of(pod.object));
        let targets = targets(&heard, environment.suffix());
        let replicas = replicas(&all, pod.control_namespace());
        needs.extend(policies::needs(&written, pod.object, &pod.pod, &environment, &heard, &targets, &replicas));
        called.extend(targets.into_iter().map(|target| (pod.control_namespace(), target)));
    }
    for (namespace, target) in called {
        needs.extend(replicas(&all, namespace).iter().map(|replica| replica.endpoints_need(&target)));
    }
    needs
}

/// Metrics of a proxy.
pub fn asked_of(facts: &Facts, pod: &Seen) -> Result<Vec<exposition::Sample>, String> {
    asked(facts, &pod.metrics_need())
}

/// The samples that came, or why none did.
pub fn asked(facts: &Facts, need: &Need) -> Result<Vec<exposition::Sample>, String> {
    match facts.get(need).map(|answer| &answer.outcome) {
        Some(Outcome::Text(text)) => Ok(exposition::samples(text)),
        Some(other) => Err(other.why().to_owned()),
        None => Err("nobody asked".to_owned()),
    }
}

pub fn read(facts: &Facts) -> Fleet {
    let all = seen(facts);
    let mut fleet = Fleet::default();
    for replica in &all {
        fleet.planes.extend(plane(facts, replica));
    }
    let proxies = || all.iter().filter(is_proxy);
    let namespaces: BTreeSet<&str> = proxies().map(Seen::control_namespace).collect();
    for namespace in namespaces {
        fleet.planes.extend(Controllers::of(facts, &all, namespace).missing());
    }
    let slices = facts.seen(&kinds::ENDPOINT_SLICE).then(|| Slices::of(facts));
    let written = Written::of(facts);
    let mut silent: BTreeSet<String> = BTreeSet::new();
    for pod in proxies() {
        let controllers = Controllers::of(facts, &all, pod.control_namespace());
        let mut told =
            Told { proxy: pod.object.name.to_string(), namespace: pod.object.namespace.to_string(), ..Told::default() };
        if !pod.runs() {
            match proxy::waits(pod.object) {
                true => told.parts.push(controllers.first_certificate()),
                false => told.silent = Some(format!("its pod is {}: nothing can be asked", pod.pod.status.phase)),
            }
            fleet.told.push(told);
            continue;
        }
        match asked_of(facts, pod) {
            Ok(samples) => {
                let heard = Heard { samples, now: facts.now };
                told.parts = controllers.judge(&heard);
                let replicas = replicas(&all, pod.control_namespace());
                let environment = Environment::of(pod.object);
                let suffix = environment.suffix().to_owned();
                let targets = targets(&heard, &suffix);
                let judged = Judged {
                    facts,
                    written: &written,
                    pod: pod.object,
                    view: &pod.pod,
                    environment: &environment,
                    heard: &heard,
                    targets: &targets,
                    replicas: &replicas,
                };
                let late = judged.judge(&mut silent);
                // One that hears no controller has that as its fault.
                let policy = told.parts.iter_mut().find(|part| part.kind == POLICY && part.health == Health::Synced);
                if let (Some(policy), false) = (policy, late.is_empty()) {
                    *policy = Part::of(POLICY, late);
                }
                let mut claims = |target: &Target| {
                    let claims: Vec<Claim> = replicas.iter().map(|replica| Claim::of(facts, replica, target)).collect();
                    silent.extend(claims.iter().filter_map(Claim::failure));
                    claims
                };
                told.parts.extend(slices.as_ref().map(|slices| slices.judge(&heard, &suffix, &mut claims)));
            }
            Err(why) => told.silent = Some(format!("its metrics did not come: {why}")),
        }
        fleet.told.push(told);
    }
    if slices.is_none() && fleet.told.iter().any(|told| !told.parts.is_empty()) {
        let answer = facts.get(&Need::list(&kinds::ENDPOINT_SLICE));
        let why = answer.map_or("not asked", |answer| if answer.partial.is_some() { "partial" } else { answer.outcome.word() });
        fleet.gaps.push(format!("EndpointSlices ({why}), so endpoints of Linkerd's proxies are not compared"));
    }
    if let Some(first) = silent.first() {
        let more = if silent.len() > 1 { format!(" (and {} more like it)", silent.len() - 1) } else { String::new() };
        fleet.gaps.push(format!("what linkerd-destination sends to proxies: {first}{more}"));
    }
    fleet
}

/// A replica that was asked.
fn plane(facts: &Facts, replica: &Seen) -> Option<Plane> {
    let need = replica.plane_needs()?;
    let failure = match facts.get(&need).map(|answer| &answer.outcome) {
        _ if !replica.runs() => Some(format!("its pod is {}", replica.pod.status.phase)),
        None | Some(Outcome::NotAsked(_)) => return None,
        Some(Outcome::Text(_)) => None,
        Some(other) => Some(other.why().to_owned()),
    };
    Some(Plane {
        name: replica.object.name.to_string(),
        namespace: replica.object.namespace.to_string(),
        revision: "default".to_owned(),
        failure,
        transport: None,
        connections: 0,
    })
}

#[cfg(test)]
mod tests;
