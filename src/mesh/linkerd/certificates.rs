//! Certificates without a look at a Secret: the identity service tells by Events what it issued and why it could not, and
//! the anchors of each proxy stand in its pod. Events age out (an hour by default), so silence proves nothing.

use crate::envoy::certificate;
use crate::facts::kinds;
use crate::mesh::check::{Findings, Subject};
use crate::mesh::view::nullable;
use crate::model::Evidence;
use crate::report::Severity;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// What is left of an issuer's life when somebody has to be told.
const SOON: SignedDuration = SignedDuration::from_hours(24 * 60);
const ANCHORS: &str = "LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS";

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Event {
    reason: String,
    #[serde(deserialize_with = "nullable")]
    message: String,
    involved_object: About,
    last_timestamp: Option<Timestamp>,
    event_time: Option<Timestamp>,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct About {
    #[serde(deserialize_with = "nullable")]
    namespace: String,
    name: String,
}

impl Event {
    fn at(&self) -> Option<Timestamp> {
        self.last_timestamp.or(self.event_time)
    }
    fn evidence(&self) -> Evidence {
        Evidence::new(
            format!("Event on {}/{} at {}", self.about().0, self.about().1, self.at().unwrap_or_default()),
            &self.reason,
            &self.message,
        )
    }
    fn about(&self) -> (&str, &str) {
        (&self.involved_object.namespace, &self.involved_object.name)
    }
    /// `… until 2026-11-24 19:46:36 +0000 UTC: …`.
    fn until(&self) -> Option<Timestamp> {
        let (_, rest) = self.message.split_once(" until ")?;
        let (day, rest) = rest.split_once(' ')?;
        let (time, _) = rest.split_once(' ')?;
        format!("{day}T{time}Z").parse().ok()
    }
}

/// Events of these reasons, oldest first.
fn events(subject: &Subject, reasons: &[&str]) -> Vec<Event> {
    let mut found = Vec::new();
    subject.scene.facts.read::<Event>(&kinds::EVENT, |_, event| {
        if reasons.contains(&event.reason.as_str()) {
            found.push(event);
        }
    });
    found.sort_by_key(Event::at);
    found
}

fn restart_identity(subject: &Subject) -> Vec<String> {
    let namespace = subject.installations.first().map_or("linkerd", |i| &i.namespace);
    vec![format!(
        "renew Secret {namespace}/linkerd-identity-issuer, then: kubectl rollout restart deploy -n {namespace} linkerd-identity"
    )]
}

/// Refused by its own validation, or so short-lived that certificates are cut to its end.
pub fn issuer(subject: &Subject, findings: &mut Findings) {
    findings.needs(subject.scene, &[&kinds::EVENT]);
    let now = subject.scene.facts.now;
    let told = events(subject, &["IssuerValidationFailed", "IssuerUpdated", "IssuedLeafCertificate"]);
    let failed = told.iter().rfind(|e| e.reason == "IssuerValidationFailed");
    let later = |than: &Event| told.iter().any(|e| e.reason != "IssuerValidationFailed" && e.at() > than.at());
    if let Some(failed) = failed.filter(|failed| !later(failed)) {
        let message = "the identity service can't sign: its issuer certificate is refused, so no proxy starts or renews";
        findings.error(message, vec![failed.evidence()], restart_identity(subject));
        return;
    }
    let Some(life) = issuance_lifetime(subject) else {
        return findings.unknown.push("how long certificates should live (ConfigMap linkerd-config)".to_owned());
    };
    // A certificate never outlives its issuer, so one that is cut short tells when that is. The newest one counts.
    let newest = told.iter().rfind(|e| e.reason == "IssuedLeafCertificate");
    let Some((event, until, at)) = newest.and_then(|e| Some((e, e.until()?, e.at()?))) else { return };
    // The clock allowance is on top; half a minute less is a slow clock.
    if until.duration_since(at) >= life - SignedDuration::from_secs(30) {
        return;
    }
    let left = until.duration_since(now);
    let (severity, when) = if left.is_negative() { (Severity::Error, "expired") } else { (Severity::Error, "expires") };
    if left < SOON {
        let message = format!("the issuer certificate {when} at {until}: certificates are cut to that");
        findings.add(severity, message, vec![event.evidence()], restart_identity(subject));
    }
}

/// As the control plane was installed: `issuanceLifetime: 24h0m0s`.
fn issuance_lifetime(subject: &Subject) -> Option<SignedDuration> {
    let namespace = &subject.installations.first()?.namespace;
    let values = subject.scene.config_map(namespace, "linkerd-config")?.remove("values")?;
    let line = values.lines().find_map(|line| line.trim().strip_prefix("issuanceLifetime:"))?;
    line.trim().trim_matches('"').parse().ok()
}

/// The last certificate of an identity has expired, and a pod of it still runs from that time.
pub fn leaves(subject: &Subject, findings: &mut Findings) {
    findings.needs(subject.scene, &[&kinds::EVENT, &kinds::POD]);
    let scene = subject.scene;
    let mut last: BTreeMap<(String, String), Event> = BTreeMap::new();
    for event in events(subject, &["IssuedLeafCertificate"]) {
        let key = (event.about().0.to_owned(), event.about().1.to_owned());
        last.insert(key, event);
    }
    for ((namespace, account), event) in &last {
        let Some(until) = event.until().filter(|until| *until < scene.facts.now) else { continue };
        let of = |pod: &&crate::kubernetes::subject::Subject| {
            let owner = pod.owner.map(|id| &scene.model.workloads[id]);
            let same =
                owner.is_some_and(|w| w.service_account == *account || (w.service_account.is_empty() && account == "default"));
            *pod.namespace == **namespace
                && same
                && !pod.ended()
                && pod.carries("linkerd-proxy").is_some()
                && pod.created < Some(until)
        };
        let pods: Vec<_> = scene.pods.iter().filter(of).collect();
        if let Some(first) = pods.first() {
            let names: Vec<&str> = pods.iter().map(|pod| pod.name.as_str()).collect();
            let message = format!(
                "the certificate of {account}.{namespace} expired at {until}, and nothing newer was issued: {} can't renew it alone, and new connections fail",
                names.join(", ")
            );
            findings.error(message, vec![event.evidence()], vec![crate::kubernetes::subject::restart(scene.model, first)]);
        }
    }
}

/// Anchors stand in each pod's environment as they were when it was made.
pub fn anchors(subject: &Subject, findings: &mut Findings) {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct View {
        spec: Spec,
    }
    #[derive(Deserialize, Default)]
    #[serde(default, rename_all = "camelCase")]
    struct Spec {
        #[serde(deserialize_with = "nullable")]
        containers: Vec<Container>,
        #[serde(deserialize_with = "nullable")]
        init_containers: Vec<Container>,
    }
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Container {
        #[serde(deserialize_with = "nullable")]
        env: Vec<Variable>,
    }
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Variable {
        name: String,
        #[serde(deserialize_with = "nullable")]
        value: String,
    }
    let scene = subject.scene;
    findings.needs(scene, &[&kinds::CONFIG_MAP, &kinds::POD]);
    let mut old: Vec<&crate::kubernetes::subject::Subject> = Vec::new();
    let mut looked = 0;
    for installation in subject.installations {
        let Some((title, bundle)) = subject.state.roots(scene, installation).into_iter().next() else {
            findings.unknown.push(format!("ConfigMap {}/linkerd-identity-trust-roots", installation.namespace));
            continue;
        };
        let today = serials(&bundle);
        if today.is_empty() {
            findings.unknown.push(format!("{title}: no certificate in it can be read"));
            continue;
        }
        let mut trusted: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
        scene.facts.read::<View>(&kinds::POD, |object, view| {
            let all = view.spec.containers.into_iter().chain(view.spec.init_containers).flat_map(|c| c.env);
            if let Some(variable) = all.into_iter().find(|v| v.name == ANCHORS) {
                trusted.insert((object.namespace.to_string(), object.name.to_string()), serials(&variable.value));
            }
        });
        for pod in scene.pods.iter().filter(|pod| !pod.ended()) {
            match trusted.get(&(pod.namespace.clone(), pod.name.clone())) {
                Some(own) if !own.is_empty() => {
                    looked += 1;
                    if *own != today {
                        old.push(pod);
                    }
                }
                _ => {}
            }
        }
        if let Some(first) = old.first() {
            let names: Vec<String> = old.iter().map(|pod| format!("{}/{}", pod.namespace, pod.name)).collect();
            let message =
                format!("{} of {looked} proxies have other trust anchors than {title}: {}", old.len(), names.join(", "));
            let evidence = vec![
                Evidence::new(title, "data[ca-bundle.crt]", format!("{} anchors", today.len())),
                Evidence::new(
                    first.title(),
                    format!("env[{ANCHORS}]"),
                    format!("{} anchors", trusted[&(first.namespace.clone(), first.name.clone())].len()),
                ),
            ];
            let mut fix: Vec<String> = old.iter().map(|pod| crate::kubernetes::subject::restart(scene.model, pod)).collect();
            fix.dedup();
            findings.warning(message, evidence, fix);
            old.clear();
        }
    }
    findings.detail = format!("{looked} proxies");
}

fn serials(pem: &str) -> BTreeSet<String> {
    let all = certificate::read_pem(pem.as_bytes()).unwrap_or_default();
    all.into_iter().map(|c| format!("{} {}", c.issuer, c.serial_number)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_certificate_is_read_from_the_events_text() {
        let message = "issued certificate for web.shop until 2026-11-23 20:10:50 +0000 UTC: e02b".to_owned();
        let event = Event { message, ..Event::default() };
        assert_eq!(event.until(), "2026-11-23T20:10:50Z".parse().ok());
        assert_eq!(Event::default().until(), None);
    }
}
