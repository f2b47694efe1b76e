//! The fleet as a person reads it: how many are well, who is not and why, and the next command.

use super::{Health, Proxy, SCHEMA, Status};
use crate::analysis::inventory::header;
use crate::mesh::sync::{Machine, Plane, age};
use crate::report::{self, Block, Cell, Column, Line, Made, Report, Rows, Span, Tone};
use serde::ser::{Serialize, SerializeStruct, Serializer};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

/// For whom it is shown: of ten thousand proxies neither form is made in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    Screen,
    /// Every column.
    Wide,
    Machine,
}

struct Document(Arc<Vec<Status>>);

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut fields = to.serialize_struct("Document", 1)?;
        fields.serialize_field("clusters", &*self.0)?;
        fields.end()
    }
}

/// `next` makes a command that can be copied from its words.
pub fn report(all: Vec<Status>, shown: Shown, next: impl Fn(&str) -> String) -> Report {
    let worst = all.iter().filter_map(Status::worst).max();
    let all = Arc::new(all);
    if shown == Shown::Machine {
        return Report::large(SCHEMA, Document(all), Vec::new()).worst(worst);
    }
    let mut body = Vec::new();
    for i in 0..all.len() {
        body.extend((i > 0).then_some(Block::Blank));
        body.extend(one(&all, i, shown, &next));
    }
    Report::large(SCHEMA, Document(all), body).worst(worst)
}

/// The proxies of one cluster, without what to do next.
pub fn rows(status: &Status) -> Vec<Block> {
    let mut body = vec![Block::Paragraph(header(&status.cluster, status.source, &status.now, &[]))];
    body.extend(silent(&status.control_planes));
    body.push(table(Arc::new(vec![status.clone()]), 0, Shown::Wide));
    body
}

fn one(all: &Arc<Vec<Status>>, which: usize, shown: Shown, next: &impl Fn(&str) -> String) -> Vec<Block> {
    let status = &all[which];
    let mut body =
        vec![Block::Paragraph(header(&status.cluster, status.source, &status.now, &[])), Block::Paragraph(summary(status))];
    body.extend(silent(&status.control_planes));
    if !status.proxies.is_empty() {
        body.push(table(all.clone(), which, shown));
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

/// The proxies of one of these clusters. Ten thousand rows are not kept beside what they are made of.
struct Listing {
    all: Arc<Vec<Status>>,
    which: usize,
    columns: Vec<Column>,
    /// xDS types that have a column.
    kinds: Vec<Cow<'static, str>>,
    notes: Vec<(usize, Line)>,
}

fn table(all: Arc<Vec<Status>>, which: usize, shown: Shown) -> Block {
    let proxies = &all[which].proxies;
    let several = |of: fn(&Proxy) -> &str| {
        let mut named = proxies.iter().map(of).filter(|name| !name.is_empty());
        let first = named.next();
        named.any(|name| Some(name) != first)
    };
    let some = |column: Column, several: bool| if several { column } else { column.wide() };
    let mut columns = vec![
        Column::new("PROXY"),
        Column::new("NAMESPACE"),
        some(Column::new("CLUSTER"), several(|p| &p.cluster)),
        some(Column::new("MESH"), several(|p| p.mesh)),
        Column::new("TYPE"),
        Column::new("VERSION"),
        Column::new("CONTROL PLANE"),
        Column::new("REVISION").wide(),
        Column::new("HEALTH"),
    ];
    let mut kinds = BTreeSet::new();
    if shown == Shown::Wide {
        kinds.extend(proxies.iter().flat_map(|p| &p.types).map(|one| &one.kind));
    }
    let kinds: Vec<_> = kinds.into_iter().cloned().collect();
    columns.extend(kinds.iter().map(|kind| Column::new(&**kind).wide()));
    let notes = notes(proxies);
    Block::Made(Made(Arc::new(Listing { all, which, columns, kinds, notes })))
}

impl Listing {
    fn proxies(&self) -> &[Proxy] {
        &self.all[self.which].proxies
    }
}

impl Rows for Listing {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn count(&self) -> usize {
        self.proxies().len()
    }

    fn row<'s>(&'s self, at: usize, put: &mut dyn FnMut(Cell<'s>)) {
        let p = &self.proxies()[at];
        let dash = |text: &'s str| Cell::text(if text.is_empty() { "-" } else { text });
        put(Cell::text(&p.name));
        put(dash(&p.namespace));
        put(dash(&p.cluster));
        put(dash(p.mesh));
        put(dash(&p.kind));
        put(dash(p.version.as_deref().unwrap_or("unknown")));
        put(dash(p.control_plane.as_deref().unwrap_or_default()));
        put(dash(p.revision.as_deref().unwrap_or_default()));
        // Since when stands in the reason.
        put(Cell::Text(p.health.word().into(), tone(p.health)));
        for kind in &self.kinds {
            put(match p.types.iter().find(|one| one.kind == *kind) {
                Some(one) => Cell::Text(words(one.health, one.age_seconds).into(), tone(one.health)),
                None => Cell::Text("-".into(), Tone::Dim),
            });
        }
    }

    fn under(&self, at: usize, put: &mut dyn FnMut(&Line)) {
        report::lines_of(&self.notes, at).for_each(put);
    }
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
