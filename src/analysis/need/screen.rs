//! The first screen: one terminal page. Paragraphs go out whole; the renderer wraps them, and keeps each to its rows.

use super::candidates::Standing;
use super::decision::Decision;
use super::flip::Flip;
use super::interval::Tri;
use super::q2;
use super::tree::Verdict;
use crate::facts::SourceKind;
use crate::model::{NeedKind, Role};
use crate::report::{Block, Line, Span, Tone};
use std::collections::BTreeMap;

/// The name of a cluster can be a path; the rest of it is in JSON.
const NAME: usize = 64;

pub fn body(d: &Decision, next: &str) -> Vec<Block> {
    let mut blocks = vec![Block::Paragraph(header(d))];
    blocks.push(brief("VERDICT", verdict(d), 2));
    blocks.push(brief("GUIDE", vec![guide(d)], 1));
    blocks.push(brief("Q1", q1(d), 2));
    blocks.push(brief("Q2", needs(d), 2));
    if !d.dissent.is_empty() {
        blocks.push(brief("DISSENT", plain(&d.dissent.join("; ")), 3));
    }
    // Never cut: the flags at the end are what somebody came for.
    blocks.push(Block::Field { label: "FLIPS IT".to_owned(), lines: flips(d) });
    let against = format!("{} ({})", d.counter_argument.text, d.counter_argument.source);
    blocks.push(brief("AGAINST", plain(&against), 2));
    if !d.installations.is_empty() {
        let texts: Vec<&str> = d.installations.iter().map(|i| i.text.as_str()).collect();
        let count = if texts.len() > 1 { format!("{}: ", texts.len()) } else { String::new() };
        blocks.push(brief("INSTALLED", plain(&format!("{count}{}", texts.join("; "))), 1));
    }
    if let Some(line) = choices(d) {
        blocks.push(brief("WHICH", plain(&line), 1));
    }
    if let Some(line) = traps(d) {
        blocks.push(brief("TRAPS", plain(&line), 1));
    }
    blocks.push(brief("NOT SEEN", plain(&not_seen(d)), 1));
    blocks.push(Block::Field { label: "NEXT".to_owned(), lines: step(d, next) });
    blocks
}

pub fn header(d: &Decision) -> Line {
    let h = &d.header;
    let when = h.now.get(..16).map_or_else(|| h.now.clone(), |now| format!("{} UTC", now.replace('T', " ")));
    let source = match h.source {
        SourceKind::Live => "live".to_owned(),
        SourceKind::Recording => format!("recorded {when}"),
        SourceKind::Manifests => "manifests, nothing running seen".to_owned(),
    };
    let only = h.namespace.as_deref().map_or_else(String::new, |ns| format!(", only namespace {}", cut(ns, 20)));
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let rest = format!("  {source}{only}, {} in {}", count(h.workloads, "workload"), count(h.namespaces, "namespace"));
    vec![Span::new(cut(&h.cluster, NAME), Tone::Strong), Span::new(rest, Tone::Dim)]
}

pub fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Justified => Tone::Good,
        Verdict::Premature | Verdict::LighterSolution => Tone::Strong,
        Verdict::Undetermined => Tone::Warn,
    }
}

fn verdict(d: &Decision) -> Vec<Line> {
    let (word, sure) = match d.verdict {
        Verdict::Undetermined if d.mesh == Tri::No => ("no mesh".to_owned(), "undetermined which way without one".to_owned()),
        Verdict::Undetermined => {
            let fewest = d.flips.iter().map(|flip| flip.facts.len()).min().unwrap_or(1);
            ("undetermined".to_owned(), format!("needs {fewest} more fact{}", if fewest == 1 { "" } else { "s" }))
        }
        verdict => (verdict.word().to_owned(), d.confidence.word().to_owned()),
    };
    let mut lines = vec![vec![Span::new(word, tone(d.verdict)), Span::new(format!("  {sure}"), Tone::Dim)]];
    lines.extend(plain(&d.reason));
    lines
}

fn guide(d: &Decision) -> Line {
    vec![Span::new(d.guide_verdict.word(), Tone::Strong), Span::new(format!("  ({})", d.guide_reason), Tone::Dim)]
}

fn q1(d: &Decision) -> Vec<Line> {
    let q = &d.q1;
    let c = q.counts;
    let told = if q.your_word.is_some() { " (your word)" } else { "" };
    let first = vec![
        Span::from("more than 5 services calling each other?  "),
        answer(q.answer),
        Span::from(format!("  {}{told}", q.bounds)),
    ];
    let mut counts =
        format!("{} observed, {} declared, {} inferred, {} candidates", c.observed, c.declared, c.inferred, c.candidates);
    counts.push_str(&format!("; {} applications", q.applications.len()));
    if let Some(why) = q.widened_by.first() {
        let more = q.widened_by.len() - 1;
        counts.push_str(&format!("; {why}"));
        if more > 0 {
            counts.push_str(&format!(" and {more} more"));
        }
    } else if c.observed + c.declared == 0 && q.answer == Tri::Unknown {
        counts.push_str("; no call seen means unknown");
    }
    let mut lines = vec![first];
    lines.extend(plain(&counts));
    lines
}

/// Each need in a few words, needs with the same words together, what is not in the guide last.
fn needs(d: &Decision) -> Vec<Line> {
    let mut said: Vec<(String, Vec<&str>)> = Vec::new();
    let mtls: Vec<&str> = d.q2.needs.iter().filter(|n| is_mtls(n.need)).map(|n| n.short.as_str()).collect();
    let whole = mtls.windows(2).all(|pair| pair[0] == pair[1]);
    for need in d.q2.needs.iter().filter(|need| need.in_guide) {
        let name = match need.need {
            NeedKind::Encryption if whole => "mTLS",
            NeedKind::Identity | NeedKind::Authorization if whole => continue,
            kind => q2::short_name(kind),
        };
        match said.iter_mut().find(|(short, _)| *short == need.short) {
            Some((_, names)) => names.push(name),
            None => said.push((need.short.clone(), vec![name])),
        }
    }
    let mut text: Vec<String> = said.into_iter().map(|(short, names)| format!("{}: {short}", names.join(", "))).collect();
    if let Some(grpc) = d.q2.need(NeedKind::GrpcBalancing).filter(|n| n.answer == Tri::Yes || !n.evidence.is_empty()) {
        text.push(format!("gRPC balancing (not in the guide): {}", grpc.short));
    }
    let mut lines = vec![vec![Span::from("any of mTLS, tracing, canary, consistent retries?  "), answer(d.q2.answer)]];
    lines.extend(plain(&text.join("; ")));
    lines
}

fn is_mtls(need: NeedKind) -> bool {
    matches!(need, NeedKind::Encryption | NeedKind::Identity | NeedKind::Authorization)
}

pub fn answer(answer: Tri) -> Span {
    let tone = if answer == Tri::Unknown { Tone::Warn } else { Tone::Strong };
    Span::new(answer.word(), tone)
}

/// One line a verdict, fewest facts first; needs that do the same are named together.
fn flips(d: &Decision) -> Vec<Line> {
    let mut best: BTreeMap<Verdict, Vec<&Flip>> = BTreeMap::new();
    for flip in &d.flips {
        let known = best.entry(flip.then).or_default();
        if known.first().is_none_or(|first| flip.facts.len() == first.facts.len()) {
            known.push(flip);
        } else if known.first().is_some_and(|first| flip.facts.len() < first.facts.len()) {
            *known = vec![flip];
        }
    }
    if best.is_empty() {
        return plain("no one or two facts would change it");
    }
    let mut verdicts: Vec<(Verdict, Vec<&Flip>)> = best.into_iter().collect();
    verdicts.sort_by_key(|(verdict, flips)| (flips[0].facts.len(), *verdict));
    let line = |(verdict, flips): (Verdict, Vec<&Flip>)| {
        let facts = &flips[0].facts;
        let mut settle: Vec<&str> = facts.iter().map(|fact| fact.settle.as_str()).collect();
        settle.dedup();
        let others = match flips.len() - 1 {
            0 => String::new(),
            1 => " (or 1 other)".to_owned(),
            more => format!(" (or {more} others)"),
        };
        let texts = facts.iter().map(|fact| fact.text.as_str()).collect::<Vec<_>>().join(" and ");
        vec![
            Span::new(format!("→ {}: ", verdict.word()), Tone::Strong),
            Span::from(format!("{texts}{others}  ")),
            Span::new(settle.join(" "), Tone::Code),
        ]
    };
    verdicts.into_iter().take(3).map(line).collect()
}

fn choices(d: &Decision) -> Option<String> {
    if d.mesh == Tri::No {
        return None;
    }
    let possible: Vec<&str> =
        d.candidates.iter().filter(|c| c.standing != Standing::Excluded).map(|c| c.candidate.name).collect();
    let excluded = d.candidates.len() - possible.len();
    let tail = if excluded > 0 { format!("; {excluded} excluded") } else { String::new() };
    let lead = if d.mesh == Tri::Yes { "" } else { "if it comes to a mesh: " };
    let list = if possible.is_empty() { "none fits this cluster".to_owned() } else { possible.join(", ") };
    Some(format!("{lead}{list}{tail}"))
}

fn traps(d: &Decision) -> Option<String> {
    if d.traps.is_empty() || d.mesh == Tri::No {
        return None;
    }
    let named: Vec<String> = d.traps.iter().map(|trap| format!("{} ({})", trap.id, trap.count)).collect();
    Some(named.join(", "))
}

fn not_seen(d: &Decision) -> String {
    if d.not_seen.is_empty() {
        return "nothing that was asked for is missing".to_owned();
    }
    let named: Vec<String> = d.not_seen.iter().map(|n| format!("{} ({})", n.what, n.outcome)).collect();
    format!("{}: {}", d.not_seen.len(), named.join(", "))
}

/// The command on a line of its own: it is never cut, so that it can be copied.
fn step(d: &Decision, next: &str) -> Vec<Line> {
    let command = d.next.command.map_or_else(|| format!("{next} {}", d.next.flags), str::to_owned);
    let mut lines = plain(&d.next.text);
    lines.push(vec![Span::new(command, Tone::Code)]);
    lines
}

fn brief(label: &str, lines: Vec<Line>, rows: usize) -> Block {
    Block::Brief { label: label.to_owned(), lines, rows }
}

fn plain(text: &str) -> Vec<Line> {
    vec![vec![Span::from(text)]]
}

pub fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

pub fn role_word(role: Role) -> &'static str {
    match role {
        Role::App => "application",
        Role::Datastore => "datastore",
        Role::Broker => "broker",
        Role::Telemetry => "telemetry",
        Role::LoadGenerator => "load generator",
        Role::Gateway => "gateway",
        Role::Mesh => "mesh",
        Role::System => "platform",
    }
}
