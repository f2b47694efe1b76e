//! What is wrong first, with evidence and the way out; then one line for each check.

use super::{Checked, Health, Outcome, SCHEMA};
use crate::analysis::inventory::header;
use crate::mesh::check::Finding;
use crate::report::{Block, Case, Column, Line, Report, Severity, Span, Table, Tone};
use serde_json::json;

/// Pieces of evidence on the screen; all of them stand in JSON.
const EVIDENCE: usize = 3;

pub fn report(all: &[Health]) -> Report {
    let mut body = Vec::new();
    for (i, one) in all.iter().enumerate() {
        if i > 0 {
            body.push(Block::Blank);
        }
        screen(one, &mut body);
    }
    let worst = all.iter().flat_map(|health| &health.checks).map(|check| check.result).min();
    let worst = match worst {
        Some(Outcome::Error) => Some(Severity::Error),
        Some(Outcome::Warning) => Some(Severity::Warning),
        Some(Outcome::Unknown) => Some(Severity::Info),
        Some(Outcome::Ok) | None => None,
    };
    let mut report = Report::new(SCHEMA, &json!({ "clusters": all }), body).worst(worst);
    report.fails_on = Some(Severity::Error);
    report.cases = all.iter().flat_map(cases).collect();
    report
}

fn cases(health: &Health) -> Vec<Case> {
    let suite = |check: &Checked| format!("{} {}", health.cluster, check.mesh.unwrap_or("between meshes"));
    let case = |check: &Checked| Case {
        suite: suite(check),
        name: format!("{} {}", check.code, check.title),
        failures: check.findings.iter().map(|finding| finding.message.clone()).collect(),
        skipped: (!check.unknown.is_empty()).then(|| format!("not seen: {}", check.unknown.join(", "))),
    };
    health.checks.iter().map(case).collect()
}

fn tone(outcome: Outcome) -> Tone {
    match outcome {
        Outcome::Error => Tone::Bad,
        Outcome::Warning | Outcome::Unknown => Tone::Warn,
        Outcome::Ok => Tone::Good,
    }
}

fn screen(health: &Health, body: &mut Vec<Block>) {
    let count = |outcome: Outcome| health.checks.iter().filter(|check| check.result == outcome).count();
    let counts =
        [Outcome::Error, Outcome::Warning, Outcome::Unknown, Outcome::Ok].map(|outcome| (count(outcome), outcome.word()));
    let told: Vec<String> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    let mut more = if health.meshes.is_empty() { Vec::new() } else { vec![health.meshes.join(", ")] };
    more.push(format!("{} checks: {}", health.checks.len(), told.join(", ")));
    if health.checks.is_empty() {
        body.push(Block::Paragraph(header(&health.cluster, health.source, &health.now, &[])));
        body.push(Block::Paragraph(vec![Span::new(
            "no mesh is installed here, as far as can be seen: nothing to check",
            Tone::Strong,
        )]));
        return;
    }
    body.push(Block::Paragraph(header(&health.cluster, health.source, &health.now, &more)));
    let mut found: Vec<(&Checked, &Finding)> =
        health.checks.iter().flat_map(|check| check.findings.iter().map(move |f| (check, f))).collect();
    // The order of the checks goes from cause to effect, so it stays within a severity.
    found.sort_by_key(|(_, finding)| std::cmp::Reverse(finding.severity));
    for (check, finding) in found {
        body.push(Block::Blank);
        let (word, tone) = if finding.severity == Severity::Error { ("error", Tone::Bad) } else { ("warning", Tone::Warn) };
        let whose = check.mesh.map(|mesh| format!(" {mesh}:")).unwrap_or_default();
        body.push(Block::Paragraph(vec![
            Span::new(format!("{word} {}", check.code), tone),
            Span::new(format!("{whose} {}", finding.message), Tone::Strong),
        ]));
        let mut lines: Vec<Line> = Vec::new();
        for evidence in finding.evidence.iter().take(EVIDENCE) {
            let parts = [&evidence.object, &evidence.field, &evidence.text];
            let text: Vec<&str> = parts.into_iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
            lines.push(vec![Span::new(text.join(" "), Tone::Dim)]);
        }
        if !lines.is_empty() {
            body.push(Block::Field { label: "  seen".to_owned(), lines });
        }
        let fixes: Vec<Line> = finding.fix.iter().map(|fix| vec![Span::new(fix, Tone::Code)]).collect();
        if !fixes.is_empty() {
            body.push(Block::Field { label: "  do".to_owned(), lines: fixes });
        }
    }
    body.push(Block::Blank);
    let columns = ["RESULT", "MESH", "CATEGORY", "CHECK", "CODE"].into_iter().map(Column::new).collect();
    let row = |check: &Checked| {
        let mut what = vec![Span::from(check.title)];
        if check.result == Outcome::Unknown {
            what.push(Span::new(format!("; not seen: {}", check.unknown.join(", ")), Tone::Warn));
        } else if check.result == Outcome::Ok && !check.detail.is_empty() {
            what.push(Span::new(format!(" ({})", check.detail), Tone::Dim));
        }
        vec![
            vec![Span::new(check.result.word(), tone(check.result))],
            vec![Span::from(check.mesh.unwrap_or("-"))],
            vec![Span::from(check.category.word())],
            what,
            vec![Span::new(check.code, Tone::Dim)],
        ]
    };
    body.push(Block::Table(Table { columns, rows: health.checks.iter().map(row).collect() }));
}
