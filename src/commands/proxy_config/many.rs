//! One answer of many proxies: the same tables with a column for whose row it is.

use super::findings::Finding;
use super::questions::Shown;
use crate::commands::fleet::{Proxy, Visited};
use crate::error::{Error, Kind, Result};
use crate::report::{Block, Column, Line, Report, Severity, Span, Table, Tone};
use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use std::cmp::Reverse;

/// The column, and the field of the machine form, that says whose row it is.
pub const PROXY: &str = "PROXY";

/// So many labelled fields become columns that are always shown.
const FIELDS: usize = 3;

/// What was made of each proxy, in its order, and what did not answer.
pub struct Answered<T> {
    pub good: Vec<(Proxy, T)>,
    pub failed: Vec<(String, String)>,
}

/// A machine form as text: a fifth of what it takes as values, and hundreds are held before the first is written.
#[derive(Debug, Default)]
pub struct Kept(Box<str>);

impl Kept {
    /// Of what serializes to an object.
    pub fn of(data: &impl Serialize) -> Self {
        let text = serde_json::to_string(data).unwrap_or_else(|e| Value::String(e.to_string()).to_string());
        Kept(text.into())
    }
}

impl Serialize for Kept {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        serde_json::from_str::<Value>(&self.0).map_err(S::Error::custom)?.serialize(to)
    }
}

/// The machine form of all; each is read again when it is its turn.
#[derive(Serialize)]
struct Everybody {
    asked: usize,
    answered: usize,
    proxies: Vec<One>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failed: Vec<Failed>,
}

/// One proxy, with whose it is at its head.
#[derive(Serialize)]
struct One {
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<String>,
    pod: String,
    namespace: String,
    admin_port: u16,
    #[serde(flatten)]
    data: Kept,
}

#[derive(Serialize)]
struct Failed {
    name: String,
    reason: String,
}

/// None at all is an error; with a single one, its own.
pub fn split<T>(visited: Visited<std::result::Result<T, String>>) -> Result<Answered<T>> {
    let mut answered = Answered { good: Vec::new(), failed: visited.missing };
    for pod in visited.others.iter().flat_map(|others| &others.pods) {
        let why = format!("its proxy has no dump, so it has nothing of that kind; it has: {}", super::pieces::PARTS);
        answered.failed.push((format!("{}.{}", pod.name, pod.namespace), why));
    }
    for (proxy, result) in visited.proxies {
        match result {
            Ok(one) => answered.good.push((proxy, one)),
            Err(why) => answered.failed.push((proxy.name(), why)),
        }
    }
    if !answered.good.is_empty() {
        return Ok(answered);
    }
    let error = match answered.failed.as_slice() {
        [(name, why)] => Error::new(Kind::Unreachable, format!("no usable answer from the proxy of {name}")).cause(why.as_str()),
        many => {
            let error = Error::new(Kind::Unreachable, format!("none of {} proxies answered", many.len()));
            many.iter().take(5).fold(error, |error, (name, why)| error.cause(format!("{name}: {why}")))
        }
    };
    // One that answers, if only with a refusal, was reached.
    if answered.failed.iter().all(|(_, why)| why.contains(" answers ") || why.contains("of that kind")) {
        return Err(error);
    }
    if answered.failed.iter().all(|(_, why)| why.contains("the recording does not hold it")) {
        return Err(error.hint("meshctl snapshot record --proxies keeps what proxies say"));
    }
    let rights = "meshctl permissions proxy-config";
    Err(error.hint(format!("another admin port: --proxy-admin-port PORT; rights that it takes: {rights}")))
}

/// `machine` decides which of the two forms is there.
pub fn report(schema: &str, answered: Answered<Shown>, machine: bool) -> Report {
    let Answered { good, failed } = answered;
    let several = good.len() + failed.len() > 1;
    let worst = good.iter().map(|(_, shown)| shown.worst).max().flatten();
    let worst = if failed.is_empty() { worst } else { worst.max(Some(Severity::Warning)) };
    if machine {
        let one = |(Proxy { cluster, namespace, pod, port, .. }, shown): (Proxy, Shown)| -> One {
            One { cluster, pod, namespace, admin_port: port, data: shown.data }
        };
        let (asked, answered) = (good.len() + failed.len(), good.len());
        let failed = failed.into_iter().map(|(name, reason)| Failed { name, reason }).collect();
        let everybody = Everybody { asked, answered, proxies: good.into_iter().map(one).collect(), failed };
        return Report::large(schema, everybody, Vec::new()).worst(worst);
    }
    let mut findings: Vec<&Finding> = Vec::new();
    let (mut wrong, mut missing) = (Said::default(), Said::default());
    for (proxy, shown) in good.iter() {
        findings.extend(&shown.findings);
        shown.findings.iter().for_each(|finding| wrong.add(&finding.line, proxy));
        shown.faults.iter().for_each(|text| missing.add(&vec![Span::new(text.clone(), Tone::Warn)], proxy));
    }
    wrong.lines.sort_by_key(|(line, _)| findings.iter().find(|finding| finding.line == *line).map(|one| Reverse(one.severity)));
    let mut tables = Vec::new();
    let said = [wrong, missing].map(|said| said.lines(several));
    let answers = good.len();
    for (proxy, shown) in good {
        tables.push((proxy.name(), shown.blocks));
    }
    let mut body = if several { merge(tables) } else { tables.pop().map(|(_, blocks)| blocks).unwrap_or_default() };
    for lines in said {
        if !lines.is_empty() {
            body.extend([Block::Blank, Block::Bullets(lines)]);
        }
    }
    body.extend(footer(answers, &failed));
    Report::new(schema, &Map::new(), body).worst(worst)
}

/// Lines, and the proxies of which each is told: what is the same of many is told once.
#[derive(Default)]
struct Said {
    lines: Vec<(Line, Vec<String>)>,
}

impl Said {
    fn add(&mut self, line: &Line, proxy: &Proxy) {
        match self.lines.iter_mut().find(|(there, _)| there == line) {
            Some((_, proxies)) => proxies.push(proxy.name()),
            None => self.lines.push((line.clone(), vec![proxy.name()])),
        }
    }

    fn lines(self, several: bool) -> Vec<Line> {
        let whose = |proxies: &[String]| match proxies {
            [first, _, ..] => format!("{first} and {} more: ", proxies.len() - 1),
            [only] => format!("{only}: "),
            [] => String::new(),
        };
        let line = |(line, proxies): (Line, Vec<String>)| -> Line {
            let whose = several.then(|| Span::new(whose(&proxies), Tone::Strong));
            whose.into_iter().chain(line).collect()
        };
        self.lines.into_iter().map(line).collect()
    }
}

/// What did not answer and why, and how many did; nothing for a single proxy that did.
pub fn footer(answers: usize, failed: &[(String, String)]) -> Vec<Block> {
    let total = answers + failed.len();
    if total < 2 {
        return Vec::new();
    }
    let mut body = vec![Block::Blank];
    if !failed.is_empty() {
        let line = |(name, why): &(String, String)| -> Line {
            vec![Span::new(name.as_str(), Tone::Strong), Span::new(": ", Tone::Plain), Span::new(why.as_str(), Tone::Bad)]
        };
        body.push(Block::Bullets(failed.iter().map(line).collect()));
    }
    let tone = if failed.is_empty() { Tone::Dim } else { Tone::Warn };
    body.push(Block::Paragraph(vec![Span::new(format!("{answers} of {total} proxies answered"), tone)]));
    body
}

/// One part of the answers: its heading, if there are several parts, and the rows of everybody.
struct Part {
    heading: Option<String>,
    table: Table,
    /// What stands there instead of a table where there is nothing.
    words: Option<Line>,
}

/// Joins tables of the same columns under the same heading. Labelled fields become the columns of a table.
fn merge(all: Vec<(String, Vec<Block>)>) -> Vec<Block> {
    let mut parts: Vec<Part> = Vec::new();
    let mut printed = Vec::new();
    for (proxy, blocks) in all {
        let mut heading: Option<String> = None;
        let mut fields: Vec<(String, Line)> = Vec::new();
        for block in blocks {
            match block {
                Block::Heading(text) => {
                    add_fields(&mut parts, heading.as_ref(), &proxy, std::mem::take(&mut fields));
                    heading = Some(text);
                }
                Block::Field { label, lines } => fields.push((label, lines.into_iter().next().unwrap_or_default())),
                Block::Table(table) => add(&mut parts, heading.as_ref(), &proxy, table),
                // What a proxy printed stays a document of its own.
                Block::Code(text) => printed.push(Block::Code(text)),
                Block::Paragraph(words) => part(&mut parts, heading.as_ref()).words = Some(words),
                _ => {}
            }
        }
        add_fields(&mut parts, heading.as_ref(), &proxy, fields);
    }
    let mut blocks = printed;
    for part in parts {
        if let Some(heading) = part.heading {
            blocks.extend((!blocks.is_empty()).then_some(Block::Blank));
            blocks.push(Block::Heading(heading));
        }
        match part.words {
            Some(words) if part.table.rows.is_empty() => blocks.push(Block::Paragraph(words)),
            _ => blocks.push(Block::Table(part.table)),
        }
    }
    blocks
}

fn part<'p>(parts: &'p mut Vec<Part>, heading: Option<&String>) -> &'p mut Part {
    let at = parts.iter().position(|part| part.heading.as_ref() == heading).unwrap_or_else(|| {
        parts.push(Part { heading: heading.cloned(), table: Table::default(), words: None });
        parts.len() - 1
    });
    &mut parts[at]
}

fn add(parts: &mut Vec<Part>, heading: Option<&String>, proxy: &str, table: Table) {
    let Table { columns, rows } = table;
    let whole = &mut part(parts, heading).table;
    if whole.columns.is_empty() {
        whole.columns = vec![Column::new(PROXY)];
    }
    // A column that one proxy has something to tell in is shown for all; where one lacks a column, its cells are empty.
    let places: Vec<usize> = columns
        .into_iter()
        .map(|column| match whole.columns.iter().position(|known| known.title == column.title) {
            Some(at) => {
                whole.columns[at].wide &= column.wide;
                at
            }
            None => {
                whole.columns.push(column);
                whole.columns.len() - 1
            }
        })
        .collect();
    for row in rows {
        let mut cells: Vec<Line> = vec![Line::new(); whole.columns.len()];
        cells[0] = vec![Span::new(proxy, Tone::Plain)];
        for (cell, at) in row.into_iter().zip(&places) {
            cells[*at] = cell;
        }
        whole.rows.push(cells);
    }
}

fn add_fields(parts: &mut Vec<Part>, heading: Option<&String>, proxy: &str, fields: Vec<(String, Line)>) {
    if fields.is_empty() {
        return;
    }
    let columns = fields.iter().enumerate().map(|(at, (label, _))| {
        let column = Column::new(label.to_uppercase());
        // The versions, which come first, are what proxies are compared by.
        if at < FIELDS { column } else { column.wide() }
    });
    let columns = columns.collect();
    let row = fields.into_iter().map(|(_, line)| line).collect();
    add(parts, heading, proxy, Table { columns, rows: vec![row] });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(titles: &[&str], wide_last: bool, rows: &[&[&str]]) -> Block {
        let mut columns: Vec<Column> = titles.iter().map(|title| Column::new(*title)).collect();
        columns.last_mut().expect("a column").wide = wide_last;
        let rows = rows.iter().map(|row| row.iter().map(|cell| vec![Span::from(*cell)]).collect()).collect();
        Block::Table(Table { columns, rows })
    }

    fn only_table(blocks: &[Block]) -> &Table {
        match blocks {
            [Block::Table(table)] => table,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn rows_of_everybody_with_a_leading_column() {
        let blocks = merge(vec![
            ("a.n".into(), vec![table(&["PORT", "STATE"], true, &[&["80", "ACTIVE"]])]),
            ("b.n".into(), vec![Block::Paragraph(vec!["no clusters".into()])]),
            ("c.n".into(), vec![table(&["PORT", "STATE"], false, &[&["81", "WARMING"]])]),
        ]);
        let table = only_table(&blocks);
        assert_eq!(
            table.columns.iter().map(|c| (c.title.as_str(), c.wide)).collect::<Vec<_>>(),
            [("PROXY", false), ("PORT", false), ("STATE", false)]
        );
        assert_eq!(table.rows.iter().map(|row| row[0][0].text.as_str()).collect::<Vec<_>>(), ["a.n", "c.n"]);
    }

    #[test]
    fn sections_stay_apart_and_fields_become_columns() {
        let one = |name: &str| {
            let field = Block::Field { label: "Envoy Version".into(), lines: vec![vec!["1.40".into()]] };
            let blocks = vec![
                Block::Heading("Bootstrap".into()),
                field,
                Block::Blank,
                Block::Heading("Clusters".into()),
                table(&["A"], false, &[&["x"]]),
            ];
            (name.to_owned(), blocks)
        };
        let blocks = merge(vec![one("a.n"), one("b.n")]);
        let headings = blocks.iter().filter(|block| matches!(block, Block::Heading(_))).count();
        let tables: Vec<&Table> =
            blocks.iter().filter_map(|block| if let Block::Table(table) = block { Some(table) } else { None }).collect();
        assert_eq!(
            (headings, tables.len(), tables[0].columns[1].title.as_str(), tables[1].rows.len()),
            (2, 2, "ENVOY VERSION", 2)
        );
    }

    #[test]
    fn the_footer_names_what_failed() {
        let text = format!("{:?}", footer(199, &[("web.shop".into(), "no answer".into())]));
        assert!(text.contains("199 of 200 proxies answered") && text.contains("web.shop"), "{text}");
        assert!(footer(1, &[]).is_empty());
    }
}
