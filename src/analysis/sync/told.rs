//! Rows of proxies that speak for themselves.

use super::{Health, Proxy, Type};
use crate::kubernetes::subject::Subject;
use crate::mesh::membership::Membership;
use crate::mesh::sync::{Part, Told, word};
use crate::report::Severity;
use jiff::Timestamp;

/// One proxy, and its pod where it has one of its own.
pub fn row(told: &Told, pod: Option<&(&Subject, Membership)>, mesh: &'static str, now: Timestamp) -> Proxy {
    let health = match &told.silent {
        Some(_) => Health::Unknown,
        None => told.parts.iter().map(|part| part.health).min().unwrap_or(Health::Unknown),
    };
    let since = told.parts.iter().filter(|part| part.health == health && health != Health::Synced).filter_map(|part| part.at);
    let since = since.min();
    // The worst first: what follows may be its consequence.
    let mut bad: Vec<&Part> = told.parts.iter().filter(|part| part.health != Health::Synced).collect();
    bad.sort_by_key(|part| part.health);
    let member = pod.map(|(_, member)| member);
    Proxy {
        name: told.proxy.clone(),
        namespace: word(&told.namespace),
        cluster: word(""),
        mesh,
        kind: super::kind(told.kind.or(member.and_then(|member| member.mode))),
        version: told.version.as_deref().or(member.and_then(|member| member.version.as_deref())).map(word),
        revision: member.and_then(|member| member.revision.as_deref()).map(word),
        control_plane: told.plane.as_deref().map(word),
        health,
        since,
        age_seconds: since.map(|at| (now.as_second() - at.as_second()).max(0)),
        reasons: bad.iter().flat_map(|part| part.why.iter().cloned()).chain(told.silent.clone()).collect(),
        types: told.parts.iter().map(|part| of_part(part, now)).collect(),
        severity: match health {
            Health::Rejected | Health::Disconnected => Some(Severity::Error),
            Health::Stale | Health::NotSent | Health::Unknown => Some(Severity::Warning),
            Health::Synced => None,
        },
        said: told.said.clone(),
        labels: pod.map(|(pod, _)| pod.labels.clone()).unwrap_or_default(),
    }
}

/// What a proxy says of itself, to what its control plane says of it. Where both don't agree, the worse is believed.
pub fn add(proxy: &mut Proxy, told: &Told, now: Timestamp) {
    let own = row(told, None, proxy.mesh, now);
    let knows = proxy.control_plane.clone().filter(|_| own.health == Health::Disconnected);
    proxy.reasons.extend(own.reasons);
    proxy.reasons.extend(knows.map(|plane| format!("{plane} still lists its connection")));
    proxy.types.extend(own.types.into_iter().map(|one| Type { kind: format!("PROXY {}", one.kind).into(), ..one }));
    proxy.said = own.said;
    if own.health < proxy.health {
        (proxy.health, proxy.since, proxy.age_seconds) = (own.health, own.since, own.age_seconds);
    }
    proxy.severity = proxy.severity.max(own.severity);
}

fn of_part(part: &Part, now: Timestamp) -> Type {
    Type {
        kind: part.kind.into(),
        health: part.health,
        sent_at: part.at,
        age_seconds: part.at.map(|at| (now.as_second() - at.as_second()).max(0)),
        error: (!part.why.is_empty()).then(|| part.why.join("; ")),
    }
}
