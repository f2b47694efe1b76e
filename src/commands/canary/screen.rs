//! What was moved, and what is next.

use super::Wave;
use super::moving::{Move, data};
use crate::commands::installing::attached::Attached;
use crate::report::{Block, Column, Line, Report, Span, Table, Tone};
use serde_json::{Value, json};

/// So many workloads are named.
const NAMED: usize = 20;
const SCHEMA: &str = "meshctl/canary/v1";

fn text(text: impl Into<String>) -> Line {
    vec![Span::from(text.into())]
}

/// What is installed, and the waves after it.
pub fn planned(installed: Report, revision: &str, moves: &[Move], by: usize) -> Report {
    let mut report = installed;
    report.body.extend([Block::Blank, Block::Heading(format!("Then these namespaces move to revision {revision}"))]);
    let rows = moves.iter().enumerate().map(|(i, one)| {
        let wave = (i / by + 1).to_string();
        vec![text(wave), text(&*one.namespace), text(&*one.from), text(one.workloads.len().to_string())]
    });
    let columns = ["WAVE", "NAMESPACE", "FROM", "RESTARTED"].map(Column::new).to_vec();
    report.body.push(if moves.is_empty() {
        Block::Paragraph(vec!["None: every namespace is there already.".into()])
    } else {
        Block::Table(Table { columns, rows: rows.collect() })
    });
    if let Some(map) = report.data.as_object_mut() {
        map.insert(
            "waves".to_owned(),
            moves.chunks(by).map(|wave| Value::from(wave.iter().map(data).collect::<Vec<_>>())).collect(),
        );
    }
    report
}

pub fn done(again: &str, mesh: &str, revision: &str, waves: &[Wave], left: &[Attached], removed: &[String]) -> Report {
    let rows = waves.iter().enumerate().flat_map(|(i, wave)| {
        wave.namespaces.iter().map(move |one| {
            let requests = if wave.requests > 0 { format!("{} of {}", wave.failed, wave.requests) } else { "-".to_owned() };
            vec![
                text((i + 1).to_string()),
                text(&*one.namespace),
                text(&*one.from),
                text(one.workloads.len().to_string()),
                text(requests),
                text(wave.rate.to_string()),
                text(format!("{}s", wave.seconds)),
            ]
        })
    });
    let columns = ["WAVE", "NAMESPACE", "FROM", "RESTARTED", "FAILED", "RATE", "TOOK"].map(Column::new).to_vec();
    let rows: Vec<Vec<Line>> = rows.collect();
    let mut body = vec![match rows.is_empty() {
        true => Block::Paragraph(vec![Span::new(format!("No namespace had to be moved to revision {revision}."), Tone::Strong)]),
        false => Block::Table(Table { columns, rows }),
    }];
    let by_hand = waves.iter().flat_map(|wave| &wave.namespaces).flat_map(|one| &one.by_hand);
    let still: Vec<String> = left.iter().map(|(revision, at)| format!("{at} ({revision})")).collect();
    let still: Vec<String> = still.into_iter().chain(by_hand.map(ToString::to_string).filter(|_| left.is_empty())).collect();
    if !removed.is_empty() {
        body.extend([
            Block::Blank,
            Block::Paragraph(vec![Span::new(format!("Revision {} is gone.", removed.join(", ")), Tone::Strong)]),
        ]);
    } else if !still.is_empty() {
        body.extend([Block::Blank, Block::Heading("Still with an old revision".to_owned())]);
        body.push(Block::Bullets(still.iter().take(NAMED).map(|words| text(words.as_str())).collect()));
        if still.len() > NAMED {
            body.push(Block::Paragraph(vec![Span::new(format!("and {} more: -o json", still.len() - NAMED), Tone::Dim)]));
        }
    }
    if removed.is_empty() {
        let next = [format!("{again} --remove-old"), format!("{again} --rollback")];
        body.push(Block::Blank);
        body.push(Block::Bullets(next.into_iter().map(|command| vec![Span::new(command, Tone::Code)]).collect()));
    }
    let waves: Vec<Value> = waves
        .iter()
        .map(|wave| {
            json!({ "namespaces": wave.namespaces.iter().map(data).collect::<Vec<_>>(), "requests": wave.requests, "failed": wave.failed,
                "rate": wave.rate.0, "seconds": wave.seconds })
        })
        .collect();
    let data = json!({ "mesh": mesh, "revision": revision, "waves": waves, "left": still, "removed": removed });
    Report::new(SCHEMA, &data, body)
}

pub fn back(mesh: &str, revision: &str, moved: &[Move]) -> Report {
    let rows = moved.iter().map(|one| vec![text(&*one.namespace), text(&*one.from), text(one.workloads.len().to_string())]);
    let columns = ["NAMESPACE", "BACK TO", "RESTARTED"].map(Column::new).to_vec();
    let next = vec![vec![Span::new(format!("meshctl uninstall {mesh} --revision {revision}"), Tone::Code)]];
    let body = vec![Block::Table(Table { columns, rows: rows.collect() }), Block::Blank, Block::Bullets(next)];
    let data = json!({ "mesh": mesh, "revision": revision, "back": moved.iter().map(data).collect::<Vec<_>>() });
    Report::new(SCHEMA, &data, body)
}
