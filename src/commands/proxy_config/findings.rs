//! What is wrong with what a proxy runs, in words: the part of the answer that one looks for at night. It stands below the
//! tables, where a terminal ends.

use super::document::Document;
use crate::envoy::certificate::{Age, Certificate};
use crate::envoy::entry::{Rejection, Standing};
use crate::envoy::{State, hosts, secrets};
use crate::mesh::origin::Difference;
use crate::mesh::sync::age;
use crate::report::{Line, Severity, Span, Tone};
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// So many names are told in one line.
const NAMED: usize = 3;

/// One thing that is wrong.
#[derive(Clone, Debug)]
pub struct Finding {
    pub severity: Severity,
    pub line: Line,
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Told {
            severity: Severity,
            text: String,
        }
        let text = self.line.iter().map(|span| span.text.as_str()).collect();
        Told { severity: self.severity, text }.serialize(serializer)
    }
}

impl Finding {
    /// `whose` in front of what is wrong with it.
    pub fn new(severity: Severity, whose: impl Into<String>, what: String) -> Self {
        let tone = match severity {
            Severity::Error => Tone::Bad,
            Severity::Warning => Tone::Warn,
            Severity::Info => Tone::Dim,
        };
        Finding { severity, line: vec![Span::new(whose, Tone::Strong), Span::new(what, tone)] }
    }
}

pub fn worst(findings: &[Finding]) -> Option<Severity> {
    findings.iter().map(|finding| finding.severity).max()
}

/// Everything, worst first; of equals section by section.
pub fn of(document: &Document<'_>, now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    let rows = document.clusters.iter().flatten().map(|row| (row.name, &row.standing));
    section("cluster", rows, &mut findings);
    section("listener", document.listeners.iter().flatten().map(|row| (row.name, &row.standing)), &mut findings);
    section("route", document.routes.iter().flatten().map(|row| (row.name, &row.standing)), &mut findings);
    section("secret", document.secrets.iter().flatten().map(|row| (row.name, &row.standing)), &mut findings);
    document.secrets.iter().flatten().for_each(|row| findings.extend(certificates(row, now)));
    section("extension", document.ecds.iter().flatten().map(|row| (row.name, &row.standing)), &mut findings);
    if let Some(rows) = &document.endpoints {
        findings.extend(endpoints(rows, &document.no_hosts));
    }
    let told = |one: &Difference| Finding::new(one.severity, one.whose.clone(), one.what.clone());
    findings.extend(document.differences.iter().map(told));
    sort(&mut findings);
    findings
}

pub fn sort(findings: &mut [Finding]) {
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
}

/// Of the resources of one kind: what changes, and what was refused.
fn section<'r>(kind: &'static str, rows: impl Iterator<Item = (&'r str, &'r Standing<'r>)>, findings: &mut Vec<Finding>) {
    let mut rejected: Vec<Rejected<'r>> = Vec::new();
    for (name, standing) in rows {
        if let Some(why) = standing.rejected {
            Rejected::add(&mut rejected, kind, name, standing.state.is_in_use(), why);
        }
        findings.extend(transition(kind, name, standing));
    }
    findings.extend(rejected.into_iter().map(Rejected::finding));
}

/// What Envoy refused for one reason: a single mistake often reaches many resources.
struct Rejected<'r> {
    kind: &'static str,
    names: Vec<String>,
    /// What was there before serves.
    in_use: bool,
    why: &'r Rejection<'r>,
}

impl<'r> Rejected<'r> {
    fn add(all: &mut Vec<Self>, kind: &'static str, name: &str, in_use: bool, why: &'r Rejection<'r>) {
        let same = |one: &&mut Self| one.kind == kind && one.in_use == in_use && one.why.details == why.details;
        match all.iter_mut().find(same) {
            Some(one) => one.names.push(name.to_owned()),
            None => all.push(Rejected { kind, names: vec![name.to_owned()], in_use, why }),
        }
    }

    /// In Envoy's own words.
    fn finding(self) -> Finding {
        let Rejected { kind, names, in_use, why } = self;
        let when = why.at.some().map(|at| format!(" ({at})")).unwrap_or_default();
        let (whose, runs) = match names.as_slice() {
            [name] => (format!("{kind} {name}"), "; the one before is still in use"),
            names => (format!("{} {kind}s", names.len()), "; the ones before are still in use"),
        };
        let mut line = vec![
            Span::new(whose, Tone::Strong),
            Span::new(format!(" rejected by the proxy{when}{}: ", if in_use { runs } else { "" }), Tone::Plain),
            Span::new(why.details.trim_end().to_owned(), Tone::Bad),
        ];
        if names.len() > 1 {
            line.push(Span::new(format!(" ({})", few(&names)), Tone::Dim));
        }
        Finding { severity: Severity::Error, line }
    }
}

/// The first names, and how many more.
fn few<S: AsRef<str>>(names: &[S]) -> String {
    let first = names.iter().take(NAMED).map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(NAMED) {
        None | Some(0) => first,
        Some(more) => format!("{first} and {more} more"),
    }
}

fn transition(kind: &str, name: &str, standing: &Standing<'_>) -> Option<Finding> {
    let since = standing.last_updated.map(|at| format!(" since {at}")).unwrap_or_default();
    let (severity, what) = match (standing.state, kind) {
        (State::Warming, "secret") => (Severity::Warning, format!(" was asked for{since} and has not come")),
        (State::Warming, _) => {
            let waits = if kind == "cluster" { "its first endpoints or certificates" } else { "its routes or certificates" };
            (Severity::Warning, format!(" is warming{since}: it waits for {waits}, and what was there before is in use"))
        }
        (State::Draining, _) => (Severity::Info, format!(" is draining{since}: it serves the connections that it had")),
        _ => return None,
    };
    Some(Finding::new(severity, format!("{kind} {name}"), what))
}

fn certificates(row: &secrets::Row<'_>, now: Timestamp) -> Vec<Finding> {
    let mut found = Vec::new();
    let whose = |one: &Certificate| {
        let more = if row.certificates.len() > 1 { format!(" (serial number {})", one.serial_number) } else { String::new() };
        format!("secret {}{more}", row.name)
    };
    for one in &row.certificates {
        let left = one.seconds_left(now);
        let (severity, what) = match one.age(now) {
            Age::Fine => continue,
            Age::Expired => (Severity::Error, format!(" expired {} ago, at {}: peers refuse it", age(-left), one.not_after)),
            Age::NotYet => (Severity::Error, format!(" is not valid before {}: peers refuse it", one.not_before)),
            Age::Ending => (Severity::Warning, format!(" expires in {}, at {}", age(left), one.not_after)),
        };
        found.push(Finding::new(severity, whose(one), what));
    }
    if let Some(problem) = &row.problem {
        found.push(Finding::new(Severity::Error, format!("secret {}", row.name), format!(" can't be read: {problem}")));
    }
    if row.status == "UNINITIALIZED" {
        let what = " was asked for and has not come".to_owned();
        found.push(Finding::new(Severity::Warning, format!("secret {}", row.name), what));
    }
    found
}

/// Clusters without anybody to send a request to.
fn endpoints<'r, R: std::ops::Deref<Target = hosts::Row<'r>>>(rows: &[R], none: &[&str]) -> Vec<Finding> {
    let unusable = |row: &hosts::Row<'_>| match (row.status(), row.reasons().first()) {
        (_, Some(reason)) if !row.is_degraded() => Some((*reason).to_owned()),
        ("UNHEALTHY" | "DRAINING" | "TIMEOUT", _) => Some(format!("{} says the control plane", row.status())),
        _ => None,
    };
    // Nearly all clusters are well.
    let mut clusters: BTreeMap<&str, (usize, BTreeMap<String, usize>)> = BTreeMap::new();
    let mut ejected = 0;
    for row in rows {
        ejected += usize::from(row.outlier_check() == "FAILED");
        if let Some(reason) = unusable(row) {
            *clusters.entry(row.cluster()).or_default().1.entry(reason).or_default() += 1;
        }
    }
    if !clusters.is_empty() {
        for row in rows.iter().filter(|row| unusable(row).is_none()) {
            clusters.entry(row.cluster()).and_modify(|(usable, _)| *usable += 1);
        }
    }
    let mut found = Vec::new();
    for (cluster, (_, why)) in clusters.iter().filter(|(_, (usable, _))| *usable == 0) {
        let all: usize = why.values().sum();
        let reasons: Vec<String> = why.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        let what = format!(" has no healthy endpoint of {all}: {}", reasons.join(", "));
        found.push(Finding::new(Severity::Error, format!("cluster {cluster}"), what));
    }
    if ejected > 0 {
        let what = format!(
            "{ejected} of {} endpoints ejected as outliers: they failed too often and come back after a time",
            rows.len()
        );
        found.push(Finding::new(Severity::Warning, "", what));
    }
    if !none.is_empty() {
        let clusters = if none.len() == 1 { "1 cluster has" } else { &format!("{} clusters have", none.len()) };
        found.push(Finding::new(
            Severity::Info,
            "",
            format!("{clusters} no endpoint at all, so calls there get 503: {}", few(none)),
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envoy::hosts::Hosts;

    fn told(findings: &[Finding]) -> Vec<String> {
        findings.iter().map(|finding| finding.line.iter().map(|span| span.text.as_str()).collect()).collect()
    }

    #[test]
    fn a_cluster_without_anybody_to_call_is_told_with_why() {
        let text = r#"{"cluster_statuses":[
            {"name":"dead","host_statuses":[{"health_status":{"eds_health_status":"UNHEALTHY"}},{"health_status":{"failed_outlier_check":true,"eds_health_status":"HEALTHY"}}]},
            {"name":"slow","host_statuses":[{"health_status":{"failed_active_degraded_check":true,"eds_health_status":"HEALTHY"}}]},
            {"name":"half","host_statuses":[{"health_status":{"failed_active_health_check":true}},{}]},
            {"name":"empty","eds_service_name":"empty"},{"name":"passthrough"}]}"#;
        let hosts = Hosts::read(text, false).expect("an answer");
        let rows = hosts::rows(&hosts, &Default::default());
        let rows: Vec<&hosts::Row<'_>> = rows.iter().collect();
        let found = endpoints(&rows, &hosts.without_hosts());
        assert_eq!(
            told(&found),
            [
                "cluster dead has no healthy endpoint of 2: 1 UNHEALTHY says the control plane, 1 ejected as an outlier",
                "1 of 5 endpoints ejected as outliers: they failed too often and come back after a time",
                "1 cluster has no endpoint at all, so calls there get 503: empty",
            ]
        );
        assert_eq!(worst(&found), Some(Severity::Error));
    }
}
