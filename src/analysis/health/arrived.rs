//! Whether the configuration arrived: what `proxy-status` judges, in one line a fault.

use crate::analysis::sync::{self, Health, Proxy};
use crate::mesh::MESHES;
use crate::mesh::check::{Findings, Subject, counted};
use crate::model::Evidence;
use crate::report::Severity;
use std::collections::BTreeMap;

/// So many proxies are named; the rest are counted.
const NAMED: usize = 3;

pub fn proxies(subject: &Subject, findings: &mut Findings) {
    let Some(mesh) = MESHES.iter().find(|mesh| mesh.state().name() == subject.state.name()) else { return };
    let status = sync::judge_mesh(*mesh, subject.scene);
    let count = |health: Health| status.summary.get(health.word()).copied().unwrap_or(0);
    findings.detail = format!("{} of {}", count(Health::Synced), counted(status.proxies.len(), "proxy"));
    // Many proxies have one fault: a control plane that is gone, a filter that none of them takes.
    let mut faults: BTreeMap<(Health, &[String]), Vec<&Proxy>> = BTreeMap::new();
    for proxy in status.proxies.iter().filter(|proxy| proxy.health != Health::Synced) {
        faults.entry((proxy.health, &proxy.reasons)).or_default().push(proxy);
    }
    for ((health, reasons), proxies) in faults {
        let why = reasons.join("; ");
        let severity = proxies.iter().filter_map(|proxy| proxy.severity).max().unwrap_or(Severity::Info);
        if health == Health::Unknown {
            let ask = if why.contains("nobody asked") { ": meshctl check --proxies does" } else { "" };
            findings.unknown.push(format!("{}: {why}{ask}", named(&proxies)));
        } else if severity > Severity::Info {
            let evidence = proxies.iter().take(NAMED).map(|proxy| {
                let age = proxy.age_seconds.map(|seconds| format!(" since {}", sync::age(seconds))).unwrap_or_default();
                Evidence::new(title(proxy), "proxy-status", format!("{}{age}", health.word()))
            });
            let message = format!("{}: {}: {why}", named(&proxies), health.word());
            findings.add(severity, message, evidence.collect(), vec![next(health, &proxies)]);
        }
    }
}

fn title(proxy: &Proxy) -> String {
    if proxy.namespace.is_empty() { proxy.name.clone() } else { format!("{}/{}", proxy.namespace, proxy.name) }
}

fn named(proxies: &[&Proxy]) -> String {
    let names: Vec<String> = proxies.iter().take(NAMED).map(|proxy| title(proxy)).collect();
    match proxies.len().saturating_sub(NAMED) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

/// What shows more of it.
fn next(health: Health, proxies: &[&Proxy]) -> String {
    match (health, proxies) {
        (Health::Rejected, [one, ..]) if !one.namespace.is_empty() => {
            format!("meshctl proxy-config all {}.{}", one.name, one.namespace)
        }
        _ => format!("meshctl proxy-status --only {}", health.word().to_lowercase().replace(' ', "-")),
    }
}
