//! `--explain`: all the evidence of one part.

use super::decision::Decision;
use super::q2::NeedAnswer;
use super::{Section, explain_choice, screen};
use crate::model::{Evidence, SignalKind};
use crate::report::{Block, Column, Line, Span, Table, Tone};

pub fn body(d: &Decision, sections: &[Section], next: &str) -> Vec<Block> {
    let mut blocks = vec![
        Block::Paragraph(screen::header(d)),
        Block::Paragraph(vec![
            Span::from("verdict: "),
            Span::new(d.verdict.word(), screen::tone(d.verdict)),
            Span::from(format!("; {}", d.reason)),
        ]),
    ];
    blocks.push(Block::Paragraph(vec![
        Span::from("the guide: "),
        Span::new(d.guide_verdict.word(), Tone::Strong),
        Span::from(format!("; {}", d.guide_reason)),
    ]));
    blocks.extend(d.dissent.iter().map(|note| Block::Paragraph(vec![Span::new("dissent: ", Tone::Warn), note.as_str().into()])));
    let all = sections.contains(&Section::All);
    type Part = fn(&Decision) -> Vec<Block>;
    let parts: [(Section, Part); 6] = [
        (Section::Q1, q1),
        (Section::Q2, q2),
        (Section::Candidates, explain_choice::candidates),
        (Section::Cost, explain_choice::cost),
        (Section::Traps, explain_choice::traps),
        (Section::Plan, explain_choice::plan),
    ];
    for (section, part) in parts {
        if all || sections.contains(&section) {
            blocks.push(Block::Blank);
            blocks.extend(part(d));
        }
    }
    if all || sections.iter().any(|section| matches!(section, Section::Q1 | Section::Q2)) {
        blocks.push(Block::Blank);
        blocks.extend(flips(d));
    }
    if !d.told.is_empty() {
        blocks.push(Block::Blank);
        blocks.push(Block::Heading("What you told us".to_owned()));
        blocks.push(Block::Bullets(d.told.iter().map(|word| vec![code(&word.flag), dim(" (your word)")]).collect()));
    }
    blocks.push(Block::Blank);
    blocks.push(Block::Paragraph(vec![Span::from(format!("{}: ", d.next.text)), code(&format!("{next} {}", d.next.flags))]));
    blocks
}

/// Every smallest set of facts that would change the verdict, with what settles each.
fn flips(d: &Decision) -> Vec<Block> {
    let line = |flip: &super::flip::Flip| {
        let mut line = vec![Span::new(format!("{}: ", flip.then.word()), Tone::Strong)];
        for (i, fact) in flip.facts.iter().enumerate() {
            let and = if i > 0 { "; and " } else { "" };
            line.push(Span::from(format!("{and}{} ", fact.text)));
            line.push(code(&fact.settle));
        }
        line
    };
    let against = format!("against it: {} ({})", d.counter_argument.text, d.counter_argument.source);
    vec![
        Block::Heading("What would change the verdict".to_owned()),
        Block::Bullets(d.flips.iter().map(line).collect()),
        Block::Paragraph(text(against)),
    ]
}

pub fn code(text: &str) -> Span {
    Span::new(text, Tone::Code)
}
pub fn dim(text: &str) -> Span {
    Span::new(text, Tone::Dim)
}
pub fn text(text: impl Into<String>) -> Line {
    vec![Span::from(text.into())]
}
pub fn table(titles: &[&str], rows: Vec<Vec<Line>>) -> Block {
    Block::Table(Table { columns: titles.iter().map(|title| Column::new(*title)).collect(), rows })
}

/// `Deployment shop/web env[CART_ADDR] = cart:7070 (shop.yaml:12:5)`.
fn evidence(e: &Evidence) -> String {
    let mut out = e.object.clone();
    if !e.field.is_empty() {
        out.push_str(&format!(" {}", e.field));
    }
    if !e.text.is_empty() {
        out.push_str(&format!(" = {}", e.text));
    }
    if let Some(place) = e.place.as_ref().filter(|place| place.is_known()) {
        out.push_str(&format!(" ({place})"));
    }
    out
}

fn q1(d: &Decision) -> Vec<Block> {
    let q = &d.q1;
    let mut blocks = vec![
        Block::Heading(format!("Q1 {}", q.question)),
        Block::Paragraph(vec![
            screen::answer(q.answer),
            Span::from(format!(" {} ({}): {}", q.bounds, q.confidence.word(), q.why)),
        ]),
    ];
    if let Some(flag) = &q.your_word {
        blocks.push(Block::Paragraph(vec![code(flag), dim(" (your word)")]));
    }
    if !q.widened_by.is_empty() {
        blocks.push(Block::Paragraph(text("What widens the bounds:")));
        blocks.push(Block::Bullets(q.widened_by.iter().map(text).collect()));
    }
    let rows = q.applications.iter().map(|app| {
        let connected = if app.connected { "yes" } else { "not seen" };
        vec![text(&app.name), text(connected), text(app.workloads.join(", "))]
    });
    blocks.push(table(&["APPLICATION", "CONNECTED", "WORKLOADS"], rows.collect()));
    if !q.left_out.is_empty() {
        blocks.push(Block::Paragraph(text("Not counted:")));
        blocks.push(table(&["WORKLOAD", "WHY"], q.left_out.iter().map(|l| vec![text(&l.workload), text(&l.why)]).collect()));
    }
    blocks.push(Block::Paragraph(text(format!("Known calls and references ({}):", d.edges.len()))));
    for edge in &d.edges {
        let to = edge.port.map_or_else(|| edge.to.clone(), |port| format!("{}:{port}", edge.to));
        let mut lines = vec![vec![Span::from(format!("{} → {to}  ", edge.from)), dim(&word(&edge.grade))]];
        lines.extend(edge.evidence.iter().map(|e| vec![dim(&evidence(e))]));
        blocks.push(Block::Field { label: word(&edge.class), lines });
    }
    if !d.dangling.is_empty() {
        blocks.push(Block::Paragraph(text("References to Services that don't exist:")));
        let line = |l: &super::edge_line::DanglingLine| {
            let port = l.port.map_or_else(String::new, |port| format!(":{port}"));
            vec![text(&l.from), text(format!("{}{port}", l.host)), text(evidence(&l.evidence))]
        };
        blocks.push(table(&["FROM", "HOST", "EVIDENCE"], d.dangling.iter().map(line).collect()));
    }
    blocks.extend(sources(d));
    blocks.extend(not_seen(d));
    blocks
}

fn sources(d: &Decision) -> Vec<Block> {
    if d.sources.is_empty() {
        return vec![Block::Paragraph(text("No source of observed calls answered (metrics, flows or traces)."))];
    }
    let rows = d.sources.iter().map(|s| {
        let caveat = if s.caveat.is_empty() { String::new() } else { format!("; {}", s.caveat) };
        vec![
            text(&s.name),
            text(&s.window),
            text(format!("{} ({} unmapped)", s.series, s.unmapped)),
            text(format!("{}{caveat}", s.detection)),
            text(&s.query),
        ]
    });
    let mut columns: Vec<Column> = ["SOURCE", "WINDOW", "SERIES", "DETECTION LIMIT"].map(Column::new).into();
    columns.push(Column::new("QUERY").wide());
    vec![Block::Paragraph(text("Sources of observed calls:")), Block::Table(Table { columns, rows: rows.collect() })]
}

fn not_seen(d: &Decision) -> Vec<Block> {
    if d.not_seen.is_empty() {
        return Vec::new();
    }
    let rows = d.not_seen.iter().map(|n| vec![text(&n.what), text(&n.outcome), text(&n.why), text(&n.leaves_open)]);
    vec![Block::Paragraph(text("Not seen:")), table(&["WHAT", "OUTCOME", "WHY", "LEAVES OPEN"], rows.collect())]
}

fn q2(d: &Decision) -> Vec<Block> {
    let q = &d.q2;
    let mut blocks = vec![
        Block::Heading(format!("Q2 {}", q.question)),
        Block::Paragraph(vec![
            screen::answer(q.answer),
            Span::from(format!(
                " ({}); as the guide asks, whatever meets it already: {}",
                q.confidence.word(),
                q.guide_answer.word()
            )),
        ]),
    ];
    let rows = q.needs.iter().map(|need| {
        let name = if need.in_guide { need.name.to_owned() } else { format!("{} (not in the guide)", need.name) };
        vec![text(name), vec![screen::answer(need.answer)], text(&need.why)]
    });
    blocks.push(table(&["NEED", "SPEAKS FOR A MESH", "WHY"], rows.collect()));
    for need in q.needs.iter().filter(|need| !need.evidence.is_empty()) {
        blocks.extend(signals(need));
    }
    for library in &q.libraries {
        let retries = if library.retries { ", which retries" } else { "" };
        blocks.push(Block::Paragraph(text(format!(
            "Resilience inside applications (generation 1): {}{retries}, in {}",
            library.name,
            library.workloads.join(", ")
        ))));
    }
    let names = if q.languages.known.is_empty() { "none".to_owned() } else { q.languages.names() };
    blocks.push(Block::Paragraph(text(format!(
        "Languages known for {} of {} workloads: {names}. Libraries without a trace in the cluster (compiled in) need an SBOM \
or the source: not visible here, which is not the same as absent.",
        q.languages.seen, q.languages.of
    ))));
    blocks
}

fn signals(need: &NeedAnswer) -> Vec<Block> {
    let mut lines = Vec::new();
    for signal in &need.evidence {
        let (lead, tone) = match signal.kind {
            SignalKind::Evidenced => ("asks for it: ", Tone::Warn),
            SignalKind::Satisfied => ("meets it: ", Tone::Good),
            SignalKind::Hint => ("hint: ", Tone::Dim),
        };
        lines.push(vec![Span::new(lead, tone), Span::from(signal.text.as_str())]);
        lines.extend(signal.evidence.iter().map(|e| vec![dim(&format!("  {}", evidence(e)))]));
    }
    vec![Block::Paragraph(vec![Span::new(need.name, Tone::Strong)]), Block::Bullets(lines)]
}

/// The word that JSON uses, so that screen and JSON agree.
pub fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
