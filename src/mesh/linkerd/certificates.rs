//! Certificates without a look at a Secret: each proxy shows its own with its issuer, the identity service tells by Events what
//! it issued and why it could not, and the anchors of each proxy stand in its pod. Events age out (an hour by default), so
//! their silence proves nothing; they count where a proxy could not be asked.

use super::environment::{ANCHORS, Environment};
use super::identity::{self, Shown};
use super::sync;
use crate::envoy::certificate::{self, Certificate};
use crate::facts::kinds;
use crate::mesh::check::{Findings, Subject, counted};
use crate::mesh::view::nullable;
use crate::model::Evidence;
use crate::report::Severity;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// What is left of an issuer's life when somebody has to be told.
const SOON: SignedDuration = SignedDuration::from_hours(24 * 60);
/// What is left of it when nothing can be put off any more.
const NOW: SignedDuration = SignedDuration::from_hours(24);

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
    let facts = subject.scene.facts;
    let told = events(subject, &["IssuerValidationFailed", "IssuerUpdated", "IssuedLeafCertificate"]);
    let failed = told.iter().rfind(|e| e.reason == "IssuerValidationFailed");
    let later = |than: &Event| told.iter().any(|e| e.reason != "IssuerValidationFailed" && e.at() > than.at());
    if let Some(failed) = failed.filter(|failed| !later(failed)) {
        let message = "the identity service can't sign: its issuer certificate is refused, so no proxy starts or renews";
        findings.error(message, vec![failed.evidence()], restart_identity(subject));
        return;
    }
    let shown = identity::shown(facts);
    if let Some((until, evidence)) = own_word(facts).or_else(|| newest(&shown)) {
        findings.detail = format!("until {until}");
        return ends(subject, findings, until, evidence);
    }
    findings.needs(subject.scene, &[&kinds::EVENT]);
    let Some(life) = issuance_lifetime(subject) else {
        return findings.unknown.push("how long certificates should live (ConfigMap linkerd-config)".to_owned());
    };
    // A certificate never outlives its issuer, so one that is cut short tells when that is. The newest one counts.
    let newest = told.iter().rfind(|e| e.reason == "IssuedLeafCertificate");
    let Some((event, until, at)) = newest.and_then(|e| Some((e, e.until()?, e.at()?))) else { return };
    // The clock allowance is on top; half a minute less is a slow clock.
    if until.duration_since(at) < life - SignedDuration::from_secs(30) {
        ends(subject, findings, until, event.evidence());
    }
}

fn ends(subject: &Subject, findings: &mut Findings, until: Timestamp, evidence: Evidence) {
    let left = until.duration_since(subject.scene.facts.now);
    let when = if left.is_negative() { "expired" } else { "expires" };
    let severity = if left < NOW { Severity::Error } else { Severity::Warning };
    if left < SOON {
        let message = format!("the issuer certificate {when} at {until}: certificates are cut to that");
        findings.add(severity, message, vec![evidence], restart_identity(subject));
    }
}

/// What the identity service says of its issuer.
fn own_word(facts: &crate::facts::Facts) -> Option<(Timestamp, Evidence)> {
    let pods = sync::seen(facts);
    let told = pods.iter().filter(|pod| pod.component() == Some("identity")).filter_map(|pod| {
        let left = sync::asked(facts, &pod.plane_needs()?).ok()?.first()?.series.value;
        let until = facts.now.checked_add(SignedDuration::try_from_secs_f64(left).ok()?).ok()?;
        let until = Timestamp::from_second(until.as_second()).ok()?;
        let title = format!("Pod {}/{}", pod.object.namespace, pod.object.name);
        Some((until, Evidence::new(title, "issuer_cert_ttl_seconds", format!("{left:.0}"))))
    });
    told.min_by_key(|(until, _)| *until)
}

/// The issuer of the leaf that was signed last.
fn newest(shown: &[Shown]) -> Option<(Timestamp, Evidence)> {
    let last = shown.iter().filter(|one| one.issuer().is_some()).max_by_key(|one| one.leaf().and_then(Certificate::begins))?;
    let issuer = last.issuer()?;
    Some((issuer.ends()?, Evidence::new(last.title(), "issuer of its certificate, notAfter", &issuer.not_after)))
}

/// As the control plane was installed: `issuanceLifetime: 24h0m0s`.
fn issuance_lifetime(subject: &Subject) -> Option<SignedDuration> {
    let namespace = &subject.installations.first()?.namespace;
    let values = subject.scene.config_map(namespace, "linkerd-config")?.remove("values")?;
    let line = values.lines().find_map(|line| line.trim().strip_prefix("issuanceLifetime:"))?;
    line.trim().trim_matches('"').parse().ok()
}

/// A certificate has expired, and a proxy still uses it: it can't get another with it.
pub fn leaves(subject: &Subject, findings: &mut Findings) {
    findings.needs(subject.scene, &[&kinds::POD]);
    let scene = subject.scene;
    let shown = identity::shown(scene.facts);
    let mut expired: BTreeMap<(&str, String), Vec<&Shown>> = BTreeMap::new();
    let (mut looked, mut silent): (usize, Vec<&str>) = (0, Vec::new());
    for one in &shown {
        silent.extend(one.silence());
        if let Some(leaf) = one.leaf() {
            looked += 1;
            if leaf.ends().is_some_and(|until| until < scene.facts.now) {
                expired.entry((&one.identity, leaf.not_after.clone())).or_default().push(one);
            }
        }
    }
    for ((name, until), proxies) in &expired {
        let names: Vec<&str> = proxies.iter().map(|one| one.pod.as_str()).collect();
        let evidence = proxies.iter().take(3).map(|one| {
            let issuer = one.issuer().map(|issuer| format!(", its issuer {}", issuer.not_after)).unwrap_or_default();
            Evidence::new(one.title(), format!("certificate shown on port {}", sync::ADMIN), format!("notAfter {until}{issuer}"))
        });
        let message = format!(
            "the certificate of {name} expired at {until}, and {} still uses it: it can't renew it alone, and new connections fail",
            names.join(", ")
        );
        let pod = scene.pods.iter().find(|pod| pod.name == proxies[0].pod && pod.namespace == proxies[0].namespace);
        findings.error(
            message,
            evidence.collect(),
            pod.map(|pod| crate::kubernetes::subject::restart(scene.model, pod)).into_iter().collect(),
        );
    }
    findings.detail = counted(looked, "proxy");
    if let Some(first) = silent.first() {
        findings.unknown.push(format!("the certificates of {} ({first})", counted(silent.len(), "proxy")));
    }
    by_events(subject, findings, &shown);
}

/// Of those that were not asked, the last certificate that was issued to their account tells.
fn by_events(subject: &Subject, findings: &mut Findings, shown: &[Shown]) {
    let scene = subject.scene;
    let own_word = |pod: &crate::kubernetes::subject::Subject| {
        shown.iter().any(|one| one.pod == pod.name && one.namespace == pod.namespace && one.leaf().is_some())
    };
    if !shown.is_empty() && shown.iter().all(|one| one.leaf().is_some()) {
        return;
    }
    findings.needs(scene, &[&kinds::EVENT]);
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
                && !own_word(pod)
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

/// What a proxy shows must bear its name and lead to an anchor that is published: else everybody else refuses it.
pub fn chains(subject: &Subject, findings: &mut Findings) {
    let scene = subject.scene;
    let anchors: Vec<Certificate> = subject
        .installations
        .iter()
        .flat_map(|installation| subject.state.roots(scene, installation))
        .flat_map(|(_, pem)| certificate::read_pem(pem.as_bytes()).unwrap_or_default())
        .collect();
    findings.needs(scene, &[&kinds::CONFIG_MAP, &kinds::POD]);
    if anchors.is_empty() {
        findings.unknown.push("the anchors (ConfigMap linkerd-identity-trust-roots)".to_owned());
    }
    let (mut looked, mut unheard): (usize, Vec<String>) = (0, Vec::new());
    for one in identity::shown(scene.facts) {
        let Some(leaf) = one.leaf() else {
            unheard.extend(one.silence().map(str::to_owned));
            continue;
        };
        looked += 1;
        let restart = || {
            let pod = scene.pods.iter().find(|pod| pod.name == one.pod && pod.namespace == one.namespace);
            pod.map(|pod| crate::kubernetes::subject::restart(scene.model, pod)).into_iter().collect::<Vec<_>>()
        };
        let field = format!("certificate shown on port {}", sync::ADMIN);
        if !leaf.dns_names.contains(&one.identity) {
            let message = format!("{} shows a certificate of another name than {}", one.title(), one.identity);
            findings.error(message, vec![Evidence::new(one.title(), &field, leaf.dns_names.join(", "))], restart());
        }
        let top = one.chain.as_ref().ok().and_then(|chain| chain.last()).unwrap_or(leaf);
        if !anchors.is_empty() && !anchors.iter().any(|anchor| anchor.may_have_signed(top) || top == anchor) {
            let message =
                format!("the certificate of {} leads to no anchor that is published: other proxies refuse it", one.title());
            findings.error(message, vec![Evidence::new(one.title(), &field, format!("issuer {}", top.issuer))], restart());
        }
    }
    findings.detail = counted(looked, "proxy");
    if let Some(first) = unheard.first() {
        findings.unknown.push(format!("the certificates of {} ({first})", counted(unheard.len(), "proxy")));
    }
}

/// Anchors stand in each pod's environment as they were when it was made.
pub fn anchors(subject: &Subject, findings: &mut Findings) {
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
        for pod in sync::seen(scene.facts) {
            if let Some(own) = Environment::of(pod.object).anchors() {
                trusted.insert((pod.object.namespace.to_string(), pod.object.name.to_string()), serials(own));
            }
        }
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
                Evidence::new(title, "data[ca-bundle.crt]", counted(today.len(), "anchor")),
                Evidence::new(
                    first.title(),
                    format!("env[{ANCHORS}]"),
                    counted(trusted[&(first.namespace.clone(), first.name.clone())].len(), "anchor"),
                ),
            ];
            let mut fix: Vec<String> = old.iter().map(|pod| crate::kubernetes::subject::restart(scene.model, pod)).collect();
            fix.dedup();
            findings.warning(message, evidence, fix);
            old.clear();
        }
    }
    findings.detail = counted(looked, "proxy");
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
