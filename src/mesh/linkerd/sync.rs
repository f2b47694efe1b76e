//! How fresh Linkerd's proxies are, computed: no control plane keeps a list of who has what, so the proxies' own metrics are
//! compared with what runs and with the EndpointSlices.
//!
//! Neither a pod's readiness nor `/ready` says anything here: both mean that there once was a certificate. A proxy may count
//! a controller as ready for a while after the last one went, so whether one is there is asked of the pods. What needs the
//! controllers' gRPC (which addresses, which policies) is left open.

mod proxy;
mod slices;

use super::detect::{COMPONENT, CONTROL_NAMESPACE};
use crate::facts::{Facts, Need, Object, Outcome, exposition, kinds};
use crate::mesh::sync::{Fleet, Plane, Told};
use crate::mesh::view::Pod;
use proxy::{Controllers, Heard};
use slices::Slices;
use std::collections::BTreeSet;

const ADMIN: u16 = 4191;

struct Seen<'f> {
    object: &'f Object,
    pod: Pod,
}

impl Seen<'_> {
    fn ask(&self, port: u16, names: &[&str]) -> Need {
        let (namespace, pod) = (self.object.namespace.to_string(), self.object.name.to_string());
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Need::PodMetrics { namespace, pod, port, path: "metrics".to_owned(), names }
    }
    fn component(&self) -> Option<&str> {
        self.pod.metadata.labels.get(COMPONENT).map(String::as_str)
    }
    fn control_namespace(&self) -> &str {
        self.pod.metadata.labels.get(CONTROL_NAMESPACE).map_or("linkerd", String::as_str)
    }
    fn runs(&self) -> bool {
        matches!(self.pod.status.phase.as_str(), "" | "Running")
    }
    /// Port and names of what a replica of the control plane is asked, of those that serve proxies.
    fn plane_needs(&self) -> Option<Need> {
        match self.component()? {
            "identity" => Some(self.ask(9990, &["issuer_cert_ttl_seconds"])),
            // Nothing of it says how fresh it is; that it answers is something.
            "destination" => Some(self.ask(9996, &["process_start_time_seconds"])),
            _ => None,
        }
    }
}

fn seen(facts: &Facts) -> Vec<Seen<'_>> {
    let mut found = Vec::new();
    facts.read::<Pod>(&kinds::POD, |object, pod| {
        let own = pod.metadata.labels.contains_key(CONTROL_NAMESPACE) || pod.container("linkerd-proxy").is_some();
        if own && !matches!(pod.status.phase.as_str(), "Succeeded" | "Failed") {
            found.push(Seen { object, pod });
        }
    });
    found
}

fn is_proxy(pod: &&Seen) -> bool {
    pod.component().is_none() && pod.pod.container("linkerd-proxy").is_some()
}

pub fn needs(known: &Facts) -> Vec<Need> {
    let all = seen(known);
    let running = || all.iter().filter(|pod| pod.runs());
    let mut needs: Vec<Need> = running().filter(is_proxy).map(|pod| pod.ask(ADMIN, &proxy::NAMES)).collect();
    if !needs.is_empty() {
        needs.push(Need::list(&kinds::ENDPOINT_SLICE));
    }
    needs.extend(running().filter_map(Seen::plane_needs));
    needs
}

/// The samples that came, or why none did.
fn asked(facts: &Facts, need: &Need) -> Result<Vec<exposition::Sample>, String> {
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
        match asked(facts, &pod.ask(ADMIN, &proxy::NAMES)) {
            Ok(samples) => {
                let heard = Heard { samples, now: facts.now };
                told.parts = controllers.judge(&heard);
                told.parts.extend(slices.as_ref().map(|slices| slices.judge(&heard)));
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
