//! The certificates that proxies really use: their admin port shows the leaf and its issuer to whoever asks for their name.
//! Nothing else tells: an expired leaf changes neither readiness nor any state of the pod.

use super::controllers::Silence;
use super::environment::Environment;
use super::sync::{ADMIN, Seen, seen};
use crate::envoy::certificate::{self, Certificate};
use crate::facts::{Facts, Need, Outcome};

/// What one proxy shows.
pub struct Shown {
    pub namespace: String,
    pub pod: String,
    /// The name that it goes by.
    pub identity: String,
    pub chain: Result<Vec<Certificate>, Silence>,
}

impl Shown {
    /// Why nothing is known of its certificates, and how it would be.
    pub fn silence(&self) -> Option<&str> {
        match &self.chain {
            Ok(_) => None,
            Err(Silence::NotAsked) => Some("not asked: meshctl check --proxies does"),
            Err(Silence::Failed(why)) => Some(why),
        }
    }
    pub fn title(&self) -> String {
        format!("Pod {}/{}", self.namespace, self.pod)
    }
    pub fn leaf(&self) -> Option<&Certificate> {
        self.chain.as_ref().ok()?.first()
    }
    /// Who signed the leaf.
    pub fn issuer(&self) -> Option<&Certificate> {
        self.chain.as_ref().ok()?.get(1)
    }
}

/// `None` for one that has no name, as where identity is switched off.
pub fn need(pod: &Seen) -> Option<Need> {
    let (namespace, name) = (pod.object.namespace.to_string(), pod.object.name.to_string());
    let server_name = Environment::of(pod.object).identity()?.to_owned();
    Some(Need::Tls { namespace, pod: name, port: ADMIN, server_name })
}

/// What the identity service says of its issuer; and what proxies show, also those of the control plane itself.
pub fn needs(known: &Facts, proxies: bool) -> Vec<Need> {
    let all = seen(known);
    let running = || all.iter().filter(|pod| pod.runs());
    let signers = running().filter(|pod| pod.component() == Some("identity")).filter_map(Seen::plane_needs);
    running().filter(|pod| proxies && pod.carries_proxy()).filter_map(need).chain(signers).collect()
}

pub fn shown(facts: &Facts) -> Vec<Shown> {
    let all = seen(facts);
    all.iter().filter(|pod| pod.runs() && pod.carries_proxy()).filter_map(|pod| of(facts, pod)).collect()
}

pub fn of(facts: &Facts, pod: &Seen) -> Option<Shown> {
    let need = need(pod)?;
    let chain = match facts.get(&need).map(|answer| &answer.outcome) {
        Some(Outcome::Text(pem)) => certificate::read_pem(pem.as_bytes()).map_err(Silence::Failed),
        Some(Outcome::NotAsked(_)) | None => Err(Silence::NotAsked),
        Some(other) => Err(Silence::Failed(other.why().to_owned())),
    };
    let Need::Tls { namespace, pod, server_name: identity, .. } = need else { return None };
    Some(Shown { namespace, pod, identity, chain })
}
