//! A plan, and what became of it, for people.

use super::carrying::Done;
use super::planning::is_immutable;
use crate::charts::plan::{Action, Change, Keyed, Plan, Step};
use crate::report::{Block, Column, Line, Report, Severity, Span, Table, Tone};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Fields that are told of one object.
const TOLD: usize = 12;

pub fn report(plan: &Plan, schema: &str, cluster: &str) -> Report {
    let mut body = vec![field("Cluster", cluster), field("Mesh", &about(plan))];
    for name in &plan.namespaces {
        body.push(field("Namespace", &format!("{name} is made")));
    }
    if !plan.keys.is_empty() {
        body.extend([Block::Blank, Block::Heading("Certificates, each in a Secret of its own".to_owned()), keys(&plan.keys)]);
    }
    for step in plan.steps.iter().filter(|step| step.touched) {
        body.extend([Block::Blank, Block::Heading(title(step))]);
        body.extend(changes(&step.changes));
    }
    let summary = plan.summary();
    body.extend([Block::Blank, Block::Paragraph(vec![Span::new(summary.clone(), Tone::Strong)])]);
    let blocked = blocked(plan);
    let steps: Vec<Value> = plan.steps.iter().map(data).collect();
    let data = json!({ "cluster": cluster, "mesh": plan.mesh, "profile": plan.profile, "revision": plan.revision,
        "namespaces": plan.namespaces, "keys": keys_data(&plan.keys), "releases": steps, "summary": summary,
        "create": plan.count(Action::Create), "change": plan.count(Action::Change), "remove": plan.count(Action::Remove),
        "unchanged": plan.unchanged(), "blocked": blocked });
    if !blocked.is_empty() {
        body.extend([Block::Blank, Block::Heading("What stands in the way".to_owned())]);
        body.push(Block::Bullets(blocked.iter().map(|text| vec![Span::new(text.clone(), Tone::Bad)]).collect()));
    }
    let mut report = Report::new(schema, &data, body);
    report.worst = (!plan.is_done()).then_some(Severity::Error);
    report
}

fn keys(all: &[Keyed]) -> Block {
    let row = |keyed: &Keyed| {
        let (mark, tone) = if keyed.replaces { ("~", Tone::Warn) } else { ("+", Tone::Good) };
        let name = format!("{}/{}", keyed.object.namespace, keyed.object.name);
        vec![vec![Span::new(mark, tone)], vec![Span::from(name)], vec![Span::from(keyed.about.clone())]]
    };
    let columns = ["", "SECRET", "HOLDS"].map(Column::new).to_vec();
    Block::Table(Table { columns, rows: all.iter().map(row).collect() })
}

fn keys_data(all: &[Keyed]) -> Vec<Value> {
    let one = |keyed: &Keyed| json!({ "secret": keyed.object, "about": keyed.about, "certificate": keyed.certificate, "replaces": keyed.replaces });
    all.iter().map(one).collect()
}

fn field(label: &str, text: &str) -> Block {
    Block::Field { label: label.to_owned(), lines: vec![vec![text.into()]] }
}

fn about(plan: &Plan) -> String {
    let revision = if plan.revision.is_empty() { String::new() } else { format!(", revision {}", plan.revision) };
    let version = plan.steps.last().map(|step| step.release.chart.app_version()).filter(|v| !v.is_empty());
    format!("{} {}, profile {}{revision}", plan.mesh, version.unwrap_or_default(), plan.profile)
}

fn title(step: &Step) -> String {
    let release = &step.release;
    let what = match release.version {
        _ if step.passing => "tried before the upgrade, and gone again once it is ready".to_owned(),
        0 | 1 => "new".to_owned(),
        version => format!("revision {version}"),
    };
    format!(
        "Release {} in {} ({what}): chart {} {}",
        release.name,
        release.namespace,
        release.chart.name(),
        release.chart.version()
    )
}

fn data(step: &Step) -> Value {
    let release = &step.release;
    json!({ "part": step.part, "release": release.name, "namespace": release.namespace, "revision": release.version,
        "chart": release.chart.name(), "version": release.chart.version(), "touched": step.touched, "passing": step.passing,
        "changes": step.changes, "unchanged": step.unchanged })
}

/// What has to be decided before any of it may be done.
pub fn blocked(plan: &Plan) -> Vec<String> {
    let mut found = Vec::new();
    for change in plan.changes() {
        if let Some(why) = &change.refused {
            let way = if is_immutable(why) { "; --recreate removes it and makes it anew" } else { "" };
            found.push(format!("{}: the server refuses it: {why}{way}", change.object));
        }
        if let Some(owner) = &change.foreign {
            found.push(format!("{} belongs to {owner}; --take-ownership takes it over", change.object));
        }
        for (manager, path) in &change.conflicts {
            found.push(format!("{}: {path} is managed by {manager}; --force-conflicts overwrites it", change.object));
        }
    }
    found
}

/// New objects by kind, the others one by one with their fields.
fn changes(all: &[Change]) -> Vec<Block> {
    let mut created: BTreeMap<&str, Vec<&Change>> = BTreeMap::new();
    let mut order = Vec::new();
    for change in all.iter().filter(|change| change.action == Action::Create) {
        if !created.contains_key(change.object.kind.as_str()) {
            order.push(change.object.kind.as_str());
        }
        created.entry(&change.object.kind).or_default().push(change);
    }
    let mut rows: Vec<Vec<Line>> = Vec::new();
    let mut notes: Vec<(usize, Line)> = Vec::new();
    let cell = |text: &str, tone| vec![Span::new(text, tone)];
    for kind in order {
        let of = &created[kind];
        let names: Vec<&str> = of.iter().map(|change| change.object.name.as_str()).collect();
        let unchecked = if of.iter().any(|change| change.unchecked) { "not tried on the server" } else { "" };
        let text =
            if names.len() > 3 { format!("{} and {} more", names[..3].join(", "), names.len() - 3) } else { names.join(", ") };
        rows.push(vec![cell("+", Tone::Good), cell(kind, Tone::Plain), cell(&text, Tone::Plain), cell(unchecked, Tone::Dim)]);
    }
    for change in all.iter().filter(|change| change.action != Action::Create) {
        let tone = if change.action == Action::Remove { Tone::Bad } else { Tone::Warn };
        let name = match change.object.namespace.as_str() {
            "" => change.object.name.clone(),
            namespace => format!("{namespace}/{}", change.object.name),
        };
        rows.push(vec![
            cell(if change.recreated { "-/+" } else { change.action.mark() }, tone),
            cell(&change.object.kind, Tone::Plain),
            cell(&name, Tone::Plain),
            Vec::new(),
        ]);
        let at = rows.len() - 1;
        for field in change.fields.iter().take(TOLD) {
            let text = match (&field.before, &field.after) {
                (Some(before), Some(after)) => format!("~ {}: {before} → {after}", field.path),
                (None, Some(after)) => format!("+ {}: {after}", field.path),
                (Some(before), None) => format!("- {}: {before}", field.path),
                (None, None) => continue,
            };
            notes.push((at, vec![Span::new(text, Tone::Dim)]));
        }
        if change.fields.len() > TOLD {
            notes.push((
                at,
                vec![Span::new(format!("and {} more fields; -o json has them", change.fields.len() - TOLD), Tone::Dim)],
            ));
        }
    }
    if rows.is_empty() {
        return vec![Block::Paragraph(vec![
            "Its objects are as they should be; the release itself is written down anew.".into(),
        ])];
    }
    let columns = ["", "KIND", "NAME", ""].map(Column::new).to_vec();
    vec![Block::Noted { table: Table { columns, rows }, notes }]
}

/// What was done.
pub fn done(plan: &Plan, done: &[Done], cluster: &str, next: Vec<Line>) -> Report {
    let rows = plan.steps.iter().map(|step| {
        let release = &step.release;
        let ended = done.iter().find(|done| done.name == release.name);
        let text = |text: String| vec![Span::from(text)];
        let (state, times) = match ended {
            Some(done) if step.passing => ("passed", format!("{:.1}s ready", done.seconds_ready)),
            Some(done) => ("deployed", format!("{:.1}s applied, {:.1}s ready", done.seconds_applied, done.seconds_ready)),
            None => ("unchanged", String::new()),
        };
        let revision = ended.map_or(release.version.saturating_sub(1), |done| done.version);
        vec![
            text(release.name.clone()),
            text(release.namespace.clone()),
            text(revision.to_string()),
            text(format!("{} {}", release.chart.name(), release.chart.version())),
            vec![Span::new(state, Tone::Good)],
            text(times),
        ]
    });
    let columns = ["RELEASE", "NAMESPACE", "REVISION", "CHART", "STATUS", "TIME"].map(Column::new).to_vec();
    let table = Table { columns, rows: rows.collect() };
    let mut body = vec![field("Cluster", cluster), field("Mesh", &about(plan)), Block::Blank, Block::Table(table)];
    if done.is_empty() {
        body.push(Block::Paragraph(vec!["Nothing to do: everything is as it should be.".into()]));
    }
    if !next.is_empty() {
        body.extend([Block::Blank, Block::Bullets(next)]);
    }
    let releases: Vec<Value> = done
        .iter()
        .map(|d| json!({ "release": d.name, "revision": d.version, "applied_seconds": d.seconds_applied, "ready_seconds": d.seconds_ready }))
        .collect();
    let data = json!({ "cluster": cluster, "mesh": plan.mesh, "profile": plan.profile, "revision": plan.revision,
        "releases": releases, "summary": plan.summary() });
    Report::new("meshctl/install/v1", &data, body)
}
