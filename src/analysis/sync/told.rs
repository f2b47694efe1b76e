//! Rows of proxies that speak for themselves.

use super::{Health, Proxy, Type};
use crate::kubernetes::subject::Subject;
use crate::mesh::membership::Membership;
use crate::mesh::sync::{Part, Told};
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
        namespace: told.namespace.clone(),
        cluster: String::new(),
        mesh,
        kind: told.kind.or(member.and_then(|member| member.mode)).unwrap_or("unknown").replace("native-", ""),
        version: told.version.clone().or_else(|| member.and_then(|member| member.version.clone())),
        revision: member.and_then(|member| member.revision.clone()),
        control_plane: told.plane.clone(),
        health,
        since: since.map(|at| at.to_string()),
        age_seconds: since.map(|at| (now.as_second() - at.as_second()).max(0)),
        reasons: bad.iter().flat_map(|part| part.why.iter().cloned()).chain(told.silent.clone()).collect(),
        types: told.parts.iter().map(|part| kind(part, now)).collect(),
        severity: match health {
            Health::Rejected | Health::Disconnected => Some(Severity::Error),
            Health::Stale | Health::NotSent | Health::Unknown => Some(Severity::Warning),
            Health::Synced => None,
        },
        labels: pod.map(|(pod, _)| pod.labels.clone()).unwrap_or_default(),
    }
}

fn kind(part: &Part, now: Timestamp) -> Type {
    Type {
        kind: part.kind.to_owned(),
        health: part.health,
        sent_at: part.at.map(|at| at.to_string()),
        age_seconds: part.at.map(|at| (now.as_second() - at.as_second()).max(0)),
        error: (!part.why.is_empty()).then(|| part.why.join("; ")),
    }
}
