//! Certificates that are published: roots in ConfigMaps, authorities of webhooks. Secrets are never asked for.

use crate::envoy::certificate;
use crate::facts::kinds;
use crate::mesh::check::{Findings, Subject, counted};
use crate::mesh::leaf::verdict;
use crate::model::Evidence;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeSet;

pub fn published(subject: &Subject, findings: &mut Findings) {
    let scene = subject.scene;
    let now = scene.facts.now;
    let mut count = 0;
    let mut judge = |findings: &mut Findings, title: &str, field: &str, pem: &[u8]| match certificate::read_pem(pem) {
        Ok(all) => {
            count += all.len();
            for one in all {
                if let Some((error, what)) = verdict(&one, now) {
                    let message =
                        format!("{} in {title} {what}", if one.subject.is_empty() { "a certificate" } else { &one.subject });
                    let evidence = Evidence::new(title, field, format!("notAfter {}", one.not_after));
                    let fix = "rotate it as the mesh's guide to certificates says, roots first".to_owned();
                    if error {
                        findings.error(message, vec![evidence], vec![fix])
                    } else {
                        findings.warning(message, vec![evidence], vec![fix])
                    }
                }
            }
        }
        Err(why) => findings.unknown.push(format!("{title}: {why}")),
    };
    for installation in subject.installations {
        for (title, pem) in subject.state.roots(scene, installation) {
            let field = if title.starts_with("ConfigMap") { "data" } else { "certificate" };
            judge(findings, &title, field, pem.as_bytes());
        }
    }
    findings.needs(scene, &[&kinds::MUTATING_WEBHOOK, &kinds::VALIDATING_WEBHOOK]);
    let mut seen = BTreeSet::new();
    for webhook in scene.webhooks.iter().filter(|w| w.spec.name.ends_with(subject.state.domain())) {
        let bundle = &webhook.spec.client_config.ca_bundle;
        // All webhooks of a configuration bear the same one.
        if bundle.is_empty() || !seen.insert((webhook.configuration.name.as_ref(), bundle)) {
            continue;
        }
        let title = format!("{} {}", webhook.kind, webhook.configuration.name);
        match STANDARD.decode(bundle) {
            Ok(pem) => judge(findings, &title, "clientConfig.caBundle", &pem),
            Err(_) => findings.unknown.push(format!("caBundle of {title} is no base64")),
        }
    }
    findings.detail = counted(count, "certificate");
}
