//! `--explain candidates|cost|traps|plan`.

use super::candidates::{Choice, Standing};
use super::cost::{Amount, Range};
use super::decision::Decision;
use super::explain::{dim, table, text};
use crate::report::{Block, Column, Line, Span, Table, Tone};

pub fn candidates(d: &Decision) -> Vec<Block> {
    let mut blocks = vec![Block::Heading("Candidates".to_owned())];
    let rows = d.candidates.iter().map(|choice| {
        let c = choice.candidate;
        let priced = d.cost.candidates.iter().find(|p| p.candidate == c.id);
        vec![
            vec![Span::new(choice.rank.map_or_else(|| "–".to_owned(), |rank| rank.to_string()), Tone::Dim)],
            text(c.name),
            text(c.complexity.word()),
            here(choice),
            text(priced.map_or_else(String::new, |p| amount(&p.used, "GB"))),
            text(priced.map_or_else(String::new, |p| amount(&p.reserved, "GiB"))),
        ]
    });
    blocks.push(table(&["#", "MESH", "COMPLEXITY", "HERE", "USES", "RESERVES"], rows.collect()));
    blocks.push(Block::Paragraph(text("In the guide's words:")));
    let rows = d.candidates.iter().map(|choice| {
        let c = choice.candidate;
        [c.name, c.proxy, c.guide_complexity, c.guide_mtls, c.guide_traffic, c.guide_best_for].map(text).into()
    });
    blocks.push(table(&["MESH", "PROXY", "COMPLEXITY", "MTLS", "TRAFFIC MANAGEMENT", "BEST FOR"], rows.collect()));
    for choice in &d.candidates {
        let mut lines: Vec<Line> = Vec::new();
        let part = |lead: &str, tone, texts: &[String]| {
            texts.iter().map(|t| vec![Span::new(lead, tone), Span::from(t.as_str())]).collect::<Vec<_>>()
        };
        lines.extend(part("excluded: ", Tone::Bad, &choice.excluded_by));
        lines.extend(part("for it: ", Tone::Good, &choice.pros));
        lines.extend(part("caution: ", Tone::Warn, &choice.cautions));
        let c = choice.candidate;
        lines.push(text(format!("complexity {}: {}", c.complexity.word(), c.complexity_note)));
        lines.push(text(format!("licence and support: {}", c.licence_note)));
        lines.extend(c.guide_corrections.iter().map(|t| vec![dim("the guide is out of date: "), Span::from(*t)]));
        blocks.push(Block::Paragraph(vec![Span::new(c.name, Tone::Strong), dim(&format!("  {}", choice.fit))]));
        blocks.push(Block::Bullets(lines));
    }
    blocks
}

fn here(choice: &Choice) -> Line {
    match choice.standing {
        Standing::Excluded => vec![Span::new("excluded", Tone::Bad)],
        Standing::Untested => vec![Span::new(format!("{}; untested", choice.fit), Tone::Warn)],
        Standing::Possible => text(&choice.fit),
    }
}

fn number(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

fn range((low, high): Range) -> String {
    let (low, high) = (number(low), number(high));
    if low == high { low } else { format!("{low}–{high}") }
}

fn amount(amount: &Amount, unit: &str) -> String {
    match (amount.cores, amount.memory) {
        (None, None) if amount.no_cores == amount.no_memory => amount.no_cores.to_owned(),
        (cores, memory) => {
            let cores = cores.map_or_else(|| format!("CPU: {}", amount.no_cores), |r| format!("{} cores", range(r)));
            let memory = memory.map_or_else(|| format!("memory: {}", amount.no_memory), |r| format!("{} {unit}", range(r)));
            format!("{cores}, {memory}")
        }
    }
}

pub fn cost(d: &Decision) -> Vec<Block> {
    let load = &d.cost.load;
    let unknown = || "unknown".to_owned();
    let rps = load.rps.map_or_else(
        || "unknown (--answer rps=N, or metrics)".to_owned(),
        |rps| format!("{} ({})", number(rps), load.rps_source.unwrap_or_default()),
    );
    let pods = if load.pods.0 == load.pods.1 { load.pods.0.to_string() } else { format!("{}–{}", load.pods.0, load.pods.1) };
    let mut blocks = vec![
        Block::Heading("Cost".to_owned()),
        Block::Paragraph(text(format!(
            "Pods: {pods} (now, and with autoscalers at their maximum); nodes: {}; requests/s between services: {rps}; layer-7 \
proxies where those are separate: {} (one a namespace). Every call passes two proxies. No mesh, and the lighter way, use \
and reserve none of this.",
            load.nodes.map_or_else(unknown, |n| n.to_string()),
            load.l7_proxies
        ))),
    ];
    let rows = d.cost.candidates.iter().map(|p| {
        let percent = p.percent_of_requests.map_or_else(unknown, |r| format!("{} %", range(r)));
        let short = match p.short_nodes {
            None => unknown(),
            Some((0, of)) => format!("room on all {of}"),
            Some((short, of)) => format!("{short} of {of} too full"),
        };
        let control =
            p.control_plane.map_or_else(|| "no data".to_owned(), |(c, m)| format!("{} cores, {} GiB", number(c), number(m)));
        vec![
            text(p.name),
            text(amount(&p.used, "GB")),
            text(amount(&p.reserved, "GiB")),
            text(percent),
            text(short),
            text(control),
        ]
    });
    let mut columns: Vec<Column> = ["MESH", "USED", "RESERVED", "OF CPU REQUESTS NOW", "NODES"].map(Column::new).into();
    columns.push(Column::new("CONTROL PLANE").wide());
    blocks.push(Block::Table(Table { columns, rows: rows.collect() }));
    for p in &d.cost.candidates {
        blocks.push(Block::Paragraph(vec![Span::new(p.name, Tone::Strong), dim(&format!("  {}", p.note))]));
        let figure = |f: &crate::mesh::CostFigure| vec![Span::from(f.text), dim(&format!(" ({}, {})", f.publisher, f.date))];
        blocks.push(Block::Bullets(p.figures.iter().map(figure).collect()));
    }
    blocks.push(Block::Paragraph(text(
        "Nearly every benchmark favours its publisher, so the publisher stands beside each figure. Latency: add a mesh's \
delay per call along the path; percentiles don't add up.",
    )));
    blocks
}

pub fn traps(d: &Decision) -> Vec<Block> {
    let mut blocks = vec![Block::Heading("Traps".to_owned())];
    if d.traps.is_empty() {
        blocks.push(Block::Paragraph(text("None was found in what was seen.")));
    }
    for trap in &d.traps {
        blocks.push(Block::Paragraph(vec![
            Span::new(trap.id, Tone::Warn),
            Span::from(format!(" ({}): {}", trap.count, trap.what)),
        ]));
        blocks.push(Block::Bullets(vec![
            text(format!("fix: {}", trap.fix)),
            text(format!("concerns: {}", trap.concerns.join(", "))),
            text(format!("on: {}", trap.on.join(", "))),
        ]));
    }
    blocks
}

pub fn plan(d: &Decision) -> Vec<Block> {
    let mut blocks = vec![Block::Heading(format!("Plan: {}", d.plan.title))];
    for phase in &d.plan.phases {
        blocks.push(Block::Paragraph(vec![Span::new(format!("{} {}", phase.id, phase.title), Tone::Strong)]));
        if !phase.steps.is_empty() {
            blocks.push(Block::Bullets(phase.steps.iter().map(text).collect()));
        }
        blocks.extend(phase.commands.iter().cloned().map(Block::Code));
        blocks.push(Block::Paragraph(text(format!("gate: {}", phase.gate))));
        blocks.extend(phase.queries.iter().cloned().map(Block::Code));
        blocks.push(Block::Paragraph(text(format!("way back: {}", phase.rollback))));
    }
    blocks.push(Block::Paragraph(text("Ask again when services, languages or requirements change, and after each phase.")));
    blocks
}
