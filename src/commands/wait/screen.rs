//! What came of waiting.

use super::Until;
use super::object::Object;
use crate::analysis::sync;
use crate::report::{Block, Column, Report, Severity, Span, Table, Tone};
use crate::source::live::spoken;
use jiff::Timestamp;
use serde::Serialize;
use std::time::Duration;

const SCHEMA: &str = "meshctl/wait/v1";
/// So many who lag are named.
const NAMED: usize = 20;

/// Who is not there yet, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Laggard {
    pub proxy: String,
    pub reason: String,
}

/// One look at the fleet.
#[derive(Default)]
pub struct Look {
    /// Of those that should have what is waited for.
    pub proxies: usize,
    pub laggards: Vec<Laggard>,
    pub objects: Vec<Object>,
    /// Every answer came.
    pub complete: bool,
}

#[derive(Serialize)]
struct Data<'d> {
    waited_for: &'static str,
    reached: bool,
    seconds: i64,
    proxies: usize,
    laggards: &'d [Laggard],
    objects: Vec<Followed>,
}

#[derive(Serialize)]
struct Followed {
    object: String,
    generation: i64,
    changed_at: Option<Timestamp>,
    /// What says that a proxy has it.
    judged_by: &'static str,
}

pub fn report(until: Until, look: &Look, reached: bool, seconds: i64, timeout: Duration) -> Report {
    let Look { proxies: total, laggards, objects, complete } = look;
    let word = until.word();
    let names: Vec<String> = objects.iter().map(Object::title).collect();
    let what = if names.is_empty() { String::new() } else { format!(" that should have {}", names.join(" and ")) };
    let verb = if names.is_empty() || until == Until::Synced { format!("are {word}") } else { "have it".to_owned() };
    let singular = verb.replacen("are ", "is ", 1).replacen("have", "has", 1);
    let text = match (reached, laggards.len()) {
        (true, _) if *total == 1 => format!("1 proxy{what} {singular} (after {})", sync::age(seconds)),
        (true, _) => format!("all {total} proxies{what} {verb} (after {})", sync::age(seconds)),
        (false, 0) if !complete => format!("nothing can be told after {}: not every answer came", spoken(timeout)),
        (false, 0) => format!("all {total} proxies{what}: {verb} once within {}, not twice", spoken(timeout)),
        (false, _) if *total == 0 && !names.is_empty() => {
            format!("not {word} after {}: no proxy has {}", spoken(timeout), names.join(" and "))
        }
        (false, n) => format!("not {word} after {}: {n} of {total} proxies{what}", spoken(timeout)),
    };
    let mut body = vec![Block::Paragraph(vec![Span::new(text, if reached { Tone::Good } else { Tone::Bad })])];
    if !laggards.is_empty() {
        let row = |one: &Laggard| vec![vec![Span::from(one.proxy.as_str())], vec![Span::new(one.reason.as_str(), Tone::Warn)]];
        let rows = laggards.iter().take(NAMED).map(row).collect();
        body.push(Block::Table(Table { columns: ["WHO", "WHY NOT"].map(Column::new).into(), rows }));
        if laggards.len() > NAMED {
            body.push(Block::Paragraph(vec![Span::new(format!("and {} more: -o json", laggards.len() - NAMED), Tone::Dim)]));
        }
    }
    let followed = |object: &Object| Followed {
        object: object.title(),
        generation: object.state.generation,
        changed_at: object.state.changed,
        judged_by: match object.trace() {
            Some(_) => "its trace in the proxies' configuration",
            None => "the whole configuration of every proxy: it leaves no trace there",
        },
    };
    let objects = objects.iter().map(followed).collect();
    let data = Data { waited_for: word, reached, seconds, proxies: *total, laggards, objects };
    let mut report = Report::new(SCHEMA, &data, body).worst((!reached).then_some(Severity::Error));
    report.fails_on = Some(Severity::Error);
    report
}
