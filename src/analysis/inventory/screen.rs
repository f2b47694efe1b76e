//! The inventory as a person reads it, at 100 columns.

use super::{Enrolled, Installed, Inventory, SCHEMA, Unmeshed};
use crate::facts::SourceKind;
use crate::mesh::membership::Standing;
use crate::report::{Block, Column, Line, Report, Severity, Span, Table, Tone};
use serde_json::json;
use std::collections::BTreeMap;

/// So many pods of a kind are named on the screen; all of them stand in JSON.
const NAMED: usize = 4;

pub fn report(all: &[Inventory], next: &str) -> Report {
    let mut body = Vec::new();
    for (i, inventory) in all.iter().enumerate() {
        if i > 0 {
            body.push(Block::Blank);
        }
        body.extend(one(inventory, next));
    }
    let bad = |i: &Inventory| {
        i.unmeshed.iter().any(|u| u.membership.standing == Standing::Missing) || i.meshes.iter().any(|m| !ready(m).1)
    };
    let worst = all.iter().any(bad).then_some(Severity::Warning);
    Report::new(SCHEMA, &json!({ "clusters": all }), body).worst(worst)
}

/// The first line of every report on a cluster.
pub fn header(cluster: &str, source: SourceKind, now: &str, more: &[String]) -> Line {
    let when = now.get(..16).map_or_else(|| now.to_owned(), |now| now.replace('T', " "));
    let source = match source {
        SourceKind::Live => "live".to_owned(),
        SourceKind::Recording => format!("recorded {when} UTC"),
        SourceKind::Manifests => "manifests, nothing running seen".to_owned(),
    };
    let rest: Vec<&str> = std::iter::once(source.as_str()).chain(more.iter().map(String::as_str)).collect();
    vec![Span::new(cluster, Tone::Strong), Span::new(format!("  {}", rest.join(", ")), Tone::Dim)]
}

fn one(i: &Inventory, next: &str) -> Vec<Block> {
    let mut more: Vec<String> = i.namespace.iter().map(|ns| format!("only namespace {ns}")).collect();
    more.extend(i.kubernetes_version.iter().map(|v| format!("Kubernetes {v}")));
    more.extend(i.gateway_api_version.iter().map(|v| format!("Gateway API {v}")));
    let mut body = vec![Block::Paragraph(header(&i.cluster, i.source, &i.now, &more))];
    if i.meshes.is_empty() {
        let text =
            if i.not_seen.is_empty() { "No mesh is installed." } else { "No mesh was seen; what was not seen may hide one." };
        body.push(Block::Paragraph(vec![Span::new(text, Tone::Strong)]));
    } else {
        let columns = ["MESH", "REVISION", "NAMESPACE", "MODE", "VERSION", "CONTROL PLANE"];
        let mut columns: Vec<Column> = columns.into_iter().map(Column::new).collect();
        columns.extend([
            Column::right("PROXIES"),
            Column::new("DATA PLANE"),
            Column::new("IN NAMESPACES"),
            Column::new("EVIDENCE").wide(),
        ]);
        body.push(Block::Table(Table { columns, rows: i.meshes.iter().map(row).collect() }));
    }
    let lines: Vec<Line> = i.enrolled.iter().map(enrolled).collect();
    if !lines.is_empty() {
        body.extend([Block::Heading("Enrolled namespaces".to_owned()), Block::Bullets(lines)]);
    }
    if !i.unmeshed.is_empty() {
        body.extend([Block::Heading("Pods without a mesh".to_owned()), Block::Bullets(unmeshed(&i.unmeshed))]);
    }
    if !i.libraries.is_empty() {
        let line = |l: &super::InApplications| vec![Span::from(format!("{}: {}", l.library, some(&l.workloads)))];
        body.extend([Block::Heading("In applications".to_owned()), Block::Bullets(i.libraries.iter().map(line).collect())]);
    }
    if !i.recognised.is_empty() {
        let line = |r: &crate::mesh::known::Recognised| {
            vec![Span::new(r.name, Tone::Strong), Span::from(format!(" ({}): {}", r.evidence.object, r.support))]
        };
        body.extend([Block::Heading("Recognised, not read".to_owned()), Block::Bullets(i.recognised.iter().map(line).collect())]);
    }
    if !i.not_seen.is_empty() {
        let text = format!("not seen: {}; what they hold is unknown", i.not_seen.join(", "));
        body.extend([Block::Blank, Block::Paragraph(vec![Span::new(text, Tone::Warn)])]);
    }
    if let Some(first) = i.unmeshed.first() {
        let words = next.replacen(" meshes", " check-inject", 1);
        let command = format!("{words} {}.{}", first.pod, first.namespace);
        body.extend([Block::Blank, Block::Paragraph(vec![Span::from("why, and what to do: "), Span::new(command, Tone::Code)])]);
    }
    body
}

fn row(m: &Installed) -> Vec<Line> {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "unknown".to_owned());
    let (parts, whole) = ready(m);
    let versions: Vec<String> = m
        .versions
        .iter()
        .map(|(version, count)| {
            let name = if version.is_empty() { "unknown" } else { version };
            if m.versions.len() > 1 { format!("{name} ({count})") } else { name.to_owned() }
        })
        .collect();
    let evidence: Vec<String> = m.evidence.iter().map(|e| e.object.clone()).collect();
    let cell = |text: String| vec![Span::from(text)];
    vec![
        vec![Span::new(m.mesh, Tone::Strong)],
        cell(m.revision.clone().unwrap_or_else(|| "-".to_owned())),
        cell(if m.namespace.is_empty() { "unknown".to_owned() } else { m.namespace.clone() }),
        cell(mode(m)),
        cell(text(&m.version)),
        vec![Span::new(parts, if whole { Tone::Plain } else { Tone::Bad })],
        cell(m.proxies.map_or_else(|| "unknown".to_owned(), |count| count.to_string())),
        vec![Span::new(
            if versions.is_empty() { "-".to_owned() } else { versions.join(", ") },
            if m.versions.len() > 1 { Tone::Warn } else { Tone::Plain },
        )],
        cell(if m.namespaces.is_empty() { "-".to_owned() } else { m.namespaces.join(", ") }),
        cell(evidence.join(", ")),
    ]
}

/// How the proxies really run, where that says more than the installation.
fn mode(m: &Installed) -> String {
    let mut ways: Vec<&str> = m.modes.keys().copied().filter(|mode| *mode != "gateway").collect();
    ways.sort_unstable();
    if ways.is_empty() || m.mode == "network only" { m.mode.clone() } else { ways.join(", ").replace('-', " ") }
}

/// `3/3 ready`, or the parts that are not.
fn ready(m: &Installed) -> (String, bool) {
    let bad: Vec<String> = m
        .components
        .iter()
        .filter_map(|c| Some(format!("{} {}/{}", c.name, c.ready.filter(|r| !r.is_whole())?.ready, c.ready?.wanted)))
        .collect();
    if !bad.is_empty() {
        return (bad.join(", "), false);
    }
    let known: Vec<_> = m.components.iter().filter_map(|c| c.ready).collect();
    if known.is_empty() || known.len() < m.components.len() {
        return ("unknown".to_owned(), true);
    }
    let (ready, wanted) = known.iter().fold((0, 0), |(r, w), one| (r + one.ready, w + one.wanted));
    (format!("{ready}/{wanted} ready"), true)
}

fn enrolled(e: &Enrolled) -> Line {
    let others = match e.others {
        0 => String::new(),
        n => format!(", {n} not"),
    };
    let revision = e.revision.as_ref().map(|r| format!(" {r}")).unwrap_or_default();
    let pods = if e.members + e.others == 0 { "no pods".to_owned() } else { format!("{} pods in it{others}", e.members) };
    vec![
        Span::new(&e.namespace, Tone::Strong),
        Span::from(format!(": {}{revision} ({}), {pods}", e.mesh, e.mode)),
        Span::new(
            format!(
                "  {}={}",
                e.evidence.field.rsplit_once('[').map_or(&*e.evidence.field, |(_, key)| key.trim_end_matches(']')),
                e.evidence.text
            ),
            Tone::Dim,
        ),
    ]
}

/// One line for each namespace, mesh and reason.
fn unmeshed(all: &[Unmeshed]) -> Vec<Line> {
    let mut groups: BTreeMap<(Standing, &str, &str, &str), Vec<String>> = BTreeMap::new();
    for one in all {
        let m = &one.membership;
        groups.entry((m.standing, &one.namespace, m.mesh, &m.reason)).or_default().push(one.pod.clone());
    }
    let line = |((standing, namespace, mesh, reason), pods): (&(Standing, &str, &str, &str), &Vec<String>)| {
        let tone = if *standing == Standing::Missing { Tone::Bad } else { Tone::Dim };
        vec![Span::new(standing.word(), tone), Span::from(format!(" in {mesh}: {namespace}/{}: {reason}", some(pods)))]
    };
    groups.iter().map(line).collect()
}

fn some(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(NAMED).map(String::as_str).collect();
    let more = names.len().saturating_sub(NAMED);
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}
