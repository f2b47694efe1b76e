//! The fleet as a person reads it: how many are well, who is not and why, and the next command.

use super::{Health, Proxy, SCHEMA, Status};
use crate::analysis::inventory::header;
use crate::mesh::sync::{Machine, Plane, age};
use crate::report::{Block, Column, Line, Report, Span, Table, Tone};
use serde::Serialize;
use std::collections::BTreeSet;

/// For whom it is shown: of ten thousand proxies neither form is made in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    Screen,
    Machine,
}

#[derive(Serialize)]
struct Document {
    clusters: Vec<Status>,
}

/// `next` makes a command that can be copied from its words.
pub fn report(all: Vec<Status>, shown: Shown, next: impl Fn(&str) -> String) -> Report {
    let worst = all.iter().filter_map(Status::worst).max();
    if shown == Shown::Machine {
        return Report::large(SCHEMA, Document { clusters: all }, Vec::new()).worst(worst);
    }
    let mut body = Vec::new();
    for (i, status) in all.iter().enumerate() {
        body.extend((i > 0).then_some(Block::Blank));
        body.extend(one(status, &next));
    }
    Report::large(SCHEMA, Document { clusters: all }, body).worst(worst)
}

/// The proxies of one cluster, without what to do next.
pub fn rows(status: &Status) -> Vec<Block> {
    let mut body = vec![Block::Paragraph(header(&status.cluster, status.source, &status.now, &[]))];
    body.extend(silent(&status.control_planes));
    body.push(table(&status.proxies));
    body
}

fn one(status: &Status, next: &impl Fn(&str) -> String) -> Vec<Block> {
    let mut body =
        vec![Block::Paragraph(header(&status.cluster, status.source, &status.now, &[])), Block::Paragraph(summary(status))];
    body.extend(silent(&status.control_planes));
    if !status.proxies.is_empty() {
        body.push(table(&status.proxies));
    }
    if !status.elsewhere.is_empty() {
        body.extend([Block::Blank, Block::Paragraph(vec![Span::from("outside of Kubernetes, and not asked:")])]);
        let line = |one: &Machine| -> Line {
            let services = if one.services.is_empty() { String::new() } else { format!(": {}", one.services.join(", ")) };
            vec![Span::new(one.name.as_str(), Tone::Strong), Span::from(format!(" ({}){services}", one.address))]
        };
        body.push(Block::Bullets(status.elsewhere.iter().map(line).collect()));
    }
    if !status.not_seen.is_empty() {
        body.push(Block::Blank);
        let line = |text: &String| vec![Span::new(format!("not seen: {text}"), Tone::Warn)];
        body.extend(status.not_seen.iter().map(|text| Block::Paragraph(line(text))));
    }
    body.extend(next_step(status, next));
    body
}

/// Replicas without an answer; those with the same reason in one line.
fn silent(planes: &[Plane]) -> Option<Block> {
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    for plane in planes {
        let Some(why) = &plane.failure else { continue };
        // The reason names the replica once more: first as its place, then in the server's words.
        let place = format!("{}.{} (port ", plane.name, plane.namespace);
        let rest = why.strip_prefix(&place).and_then(|rest| Some(rest.split_once(')')?.1.trim_start_matches([':', ' '])));
        let why = rest.unwrap_or(why).replace(&format!("\"{}\"", plane.name), "it");
        match reasons.iter_mut().find(|(known, _)| *known == why) {
            Some((_, names)) => names.push(&plane.name),
            None => reasons.push((why, vec![&plane.name])),
        }
    }
    let line = |(why, names): (String, Vec<&str>)| {
        vec![Span::new(names.join(", "), Tone::Strong), Span::new(format!(": no answer: {why}"), Tone::Bad)]
    };
    (!reasons.is_empty()).then(|| Block::Bullets(reasons.into_iter().map(line).collect()))
}

fn summary(status: &Status) -> Line {
    let total = status.proxies.len();
    if total == 0 {
        let text = match status.left_out {
            0 => "no proxies".to_owned(),
            others => format!("none of {others} proxies is of that kind"),
        };
        return vec![Span::new(text, Tone::Strong)];
    }
    let mut line = vec![Span::new(if total == 1 { "1 proxy: ".to_owned() } else { format!("{total} proxies: ") }, Tone::Strong)];
    let mut first = true;
    for health in Health::ALL {
        let Some(count) = status.summary.get(health.word()) else { continue };
        let comma = if std::mem::take(&mut first) { "" } else { ", " };
        line.push(comma.into());
        line.push(Span::new(format!("{count} {}", health.word()), tone(health)));
    }
    let (planes, silent) = (status.control_planes.len(), status.control_planes.iter().filter(|p| p.failure.is_some()).count());
    if planes > 0 {
        let text = format!("; {} of {planes} control plane replicas answered", planes - silent);
        line.push(Span::new(text, if silent > 0 { Tone::Bad } else { Tone::Dim }));
    }
    line
}

fn tone(health: Health) -> Tone {
    match health {
        Health::Rejected | Health::Disconnected => Tone::Bad,
        Health::Stale | Health::NotSent | Health::Unknown => Tone::Warn,
        Health::Synced => Tone::Good,
    }
}

fn table(proxies: &[Proxy]) -> Block {
    let clusters: BTreeSet<&str> = proxies.iter().map(|p| p.cluster.as_str()).filter(|name| !name.is_empty()).collect();
    let meshes: BTreeSet<&str> = proxies.iter().map(|p| p.mesh).collect();
    let some = |column: Column, several: bool| if several { column } else { column.wide() };
    let mut columns = vec![
        Column::new("PROXY"),
        Column::new("NAMESPACE"),
        some(Column::new("CLUSTER"), clusters.len() > 1),
        some(Column::new("MESH"), meshes.len() > 1),
        Column::new("TYPE"),
        Column::new("VERSION"),
        Column::new("CONTROL PLANE"),
        Column::new("REVISION").wide(),
        Column::new("HEALTH"),
    ];
    let kinds: BTreeSet<&str> = proxies.iter().flat_map(|p| &p.types).map(|one| &*one.kind).collect();
    columns.extend(kinds.iter().map(|kind| Column::new(*kind).wide()));
    let dash = |text: &str| vec![Span::from(if text.is_empty() { "-" } else { text })];
    let row = |p: &Proxy| {
        let mut row = vec![
            vec![Span::from(p.name.as_str())],
            dash(&p.namespace),
            dash(&p.cluster),
            dash(p.mesh),
            dash(&p.kind),
            dash(p.version.as_deref().unwrap_or("unknown")),
            dash(p.control_plane.as_deref().unwrap_or_default()),
            dash(p.revision.as_deref().unwrap_or_default()),
            // Since when stands in the reason.
            vec![Span::new(p.health.word(), tone(p.health))],
        ];
        row.extend(kinds.iter().map(|kind| match p.types.iter().find(|one| *one.kind == **kind) {
            Some(one) => vec![Span::new(words(one.health, one.age_seconds), tone(one.health))],
            None => vec![Span::new("-", Tone::Dim)],
        }));
        row
    };
    Block::Noted { notes: notes(proxies), table: Table { columns, rows: proxies.iter().map(row).collect() } }
}

/// The reasons, under the last of the rows that follow each other with the same.
fn notes(proxies: &[Proxy]) -> Vec<(usize, Line)> {
    let mut notes = Vec::new();
    let mut at = 0;
    for same in proxies.chunk_by(|a, b| a.health == b.health && a.reasons == b.reasons) {
        at += same.len();
        let whose = if same.len() > 1 { format!("these {}: ", same.len()) } else { String::new() };
        let line = |reason: &String| vec![Span::new(format!("{whose}{reason}"), tone(same[0].health))];
        notes.extend(same[0].reasons.iter().map(|reason| (at - 1, line(reason))));
    }
    notes
}

/// `STALE 5m`: how long it is so, where that is known.
fn words(health: Health, seconds: Option<i64>) -> String {
    match seconds {
        Some(seconds) => format!("{} {}", health.word(), age(seconds)),
        None => health.word().to_owned(),
    }
}

fn next_step(status: &Status, next: &impl Fn(&str) -> String) -> Vec<Block> {
    let forbidden =
        status.control_planes.iter().filter_map(|p| p.failure.as_deref()).chain(status.not_seen.iter().map(String::as_str));
    let forbidden = forbidden.into_iter().any(|why| why.contains("forbidden") || why.contains("pods/portforward"));
    let (what, command) = match status.proxies.first() {
        _ if forbidden => ("the rights that are missing: ", "meshctl permissions proxy-status | kubectl apply -f -".to_owned()),
        Some(first) => match first.health {
            // Only what speaks xDS has a configuration to look at.
            _ if first.health < Health::Unknown && !first.types.is_empty() && !speaks_xds(first) => {
                ("what is wrong with the mesh: ", next("check"))
            }
            Health::Rejected => (
                "what it runs instead, and what it refused: ",
                next(&format!("proxy-config all {}.{}", first.name, first.namespace)),
            ),
            Health::Stale => (
                "whether it still answers, and what it runs: ",
                next(&format!("proxy-config all {}.{}", first.name, first.namespace)),
            ),
            Health::Disconnected | Health::NotSent => ("what is wrong with the control plane: ", next("check")),
            Health::Unknown | Health::Synced => return Vec::new(),
        },
        None => return Vec::new(),
    };
    vec![Block::Blank, Block::Paragraph(vec![Span::from(what), Span::new(command, Tone::Code)])]
}

fn speaks_xds(proxy: &Proxy) -> bool {
    proxy.types.iter().any(|one| one.kind.ends_with("DS"))
}
