//! The certificates that Linkerd's webhooks really show: the API server refuses one that its bundle did not sign, and asks
//! nobody then.

use super::controllers::Silence;
use super::sync::{Seen, seen};
use crate::envoy::certificate::{self, Certificate};
use crate::facts::{Facts, Need, Outcome};
use crate::mesh::check::{Findings, Subject, counted};
use crate::model::Evidence;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;

const SOON: SignedDuration = SignedDuration::from_hours(60 * 24);
/// Component whose pods serve it, port, Service, and the name of the webhook.
const SERVED: [(&str, u16, &str, &str); 3] = [
    ("proxy-injector", 8443, "linkerd-proxy-injector", "linkerd-proxy-injector.linkerd.io"),
    ("destination", 8443, "linkerd-sp-validator", "linkerd-sp-validator.linkerd.io"),
    ("destination", 9443, "linkerd-policy-validator", "linkerd-policy-validator.linkerd.io"),
];

/// One ready pod of each: all replicas have the same Secret.
fn asked(facts: &Facts) -> Vec<(&'static str, Need)> {
    let all = seen(facts);
    let one = |(component, port, service, webhook): &(&str, u16, &str, &'static str)| {
        let serves = |pod: &&Seen| pod.component() == Some(*component) && pod.runs() && pod.pod.status.is_ready();
        let pod = all.iter().find(serves)?;
        let (namespace, name) = (pod.object.namespace.to_string(), pod.object.name.to_string());
        let server_name = format!("{service}.{namespace}.svc");
        Some((*webhook, Need::Tls { namespace, pod: name, port: *port, server_name }))
    };
    SERVED.iter().filter_map(one).collect()
}

pub fn needs(known: &Facts) -> Vec<Need> {
    asked(known).into_iter().map(|(_, need)| need).collect()
}

pub fn served(subject: &Subject, findings: &mut Findings) {
    let scene = subject.scene;
    let mut looked = 0;
    let mut silent: Vec<String> = Vec::new();
    for (webhook, need) in asked(scene.facts) {
        let Need::Tls { namespace, pod, port, server_name } = &need else { continue };
        let title = format!("Pod {namespace}/{pod}");
        let chain = match scene.facts.get(&need).map(|answer| &answer.outcome) {
            Some(Outcome::Text(pem)) => certificate::read_pem(pem.as_bytes()).map_err(Silence::Failed),
            Some(Outcome::NotAsked(_)) | None => Err(Silence::NotAsked),
            Some(other) => Err(Silence::Failed(other.why().to_owned())),
        };
        let chain = match chain {
            Ok(chain) => chain,
            Err(why) => {
                silent.push(why.why().to_owned());
                continue;
            }
        };
        looked += 1;
        let field = format!("certificate shown on port {port}");
        let evidence = |value: String| vec![Evidence::new(&title, &field, value)];
        let fix = || {
            vec![format!("linkerd upgrade or helm upgrade makes it anew; then: kubectl rollout restart deploy -n {namespace}")]
        };
        let Some(leaf) = chain.first() else { continue };
        let left = leaf.ends().map(|until| until.duration_since(scene.facts.now));
        if left.is_some_and(|left| left.is_negative()) {
            findings.error(
                format!("the certificate of {webhook} expired at {}: it is asked no more", leaf.not_after),
                evidence(leaf.not_after.clone()),
                fix(),
            );
        } else if left.is_some_and(|left| left < SOON) {
            findings.warning(
                format!("the certificate of {webhook} expires at {}", leaf.not_after),
                evidence(leaf.not_after.clone()),
                fix(),
            );
        }
        if !leaf.dns_names.contains(server_name) {
            findings.error(
                format!("{webhook} shows a certificate of another name than {server_name}"),
                evidence(leaf.dns_names.join(", ")),
                fix(),
            );
        }
        let Some(bundle) = bundle(subject, webhook) else {
            findings.unknown.push(format!("the caBundle of {webhook}"));
            continue;
        };
        if !bundle.iter().any(|root| chain.iter().any(|one| one == root || root.may_have_signed(one))) {
            let message =
                format!("the certificate of {webhook} is not signed by the caBundle that the API server has: it is refused");
            findings.error(message, evidence(format!("issuer {}", leaf.issuer)), fix());
        }
    }
    findings.detail = counted(looked, "webhook");
    if let Some(first) = silent.first() {
        findings.unknown.push(format!("the certificates of {} ({first})", counted(silent.len(), "webhook")));
    }
}

fn bundle(subject: &Subject, webhook: &str) -> Option<Vec<Certificate>> {
    let own = subject.scene.webhooks.iter().find(|one| one.spec.name == webhook)?;
    certificate::read_pem(&STANDARD.decode(&own.spec.client_config.ca_bundle).ok()?).ok()
}
