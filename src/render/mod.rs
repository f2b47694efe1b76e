//! Report → bytes. Tables, colours and output YAML live here only.
//!
//! To add a format: one file here, one variant of [`Format`], one arm of [`render`]. Every report gains it.

mod fit;
mod json;
mod junit;
mod layout;
mod markdown;
pub mod sanitize;
pub mod screen;
mod style;
mod table;
mod wrap;
pub mod yaml;

pub use json::JsonWriter;
pub use style::paint;

use crate::cli::{ColorWhen, Global};
use crate::report::{Block, Report, Rows, Span, Tone};
use serde::Serialize;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};

/// How to show the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people, as wide as the terminal
    // istioctl calls it so.
    #[value(alias = "short")]
    Table,
    /// The same with every column, never wrapped
    Wide,
    /// One JSON document with its `schema`
    Json,
    /// The same as YAML
    Yaml,
    /// For an issue, a wiki or a pull request
    Markdown,
    /// Test results for a build server: every check is a test case
    Junit,
    /// Of proxy-config: the proxy's own text, a dump that istioctl and other tools read too
    Envoy,
    /// Of proxy-config stats: as Prometheus scrapes them
    Prom,
}

impl Format {
    /// In the words of others, in which nothing of ours can be said.
    pub fn is_printed(self) -> bool {
        matches!(self, Format::Envoy | Format::Prom)
    }
}

/// Width of everything that goes to no terminal, so that the same input gives the same bytes.
pub const WIDTH: usize = 100;

/// A pipe takes so much at once.
const BUFFER: usize = 64 << 10;

/// How to draw: width, colour, format.
#[derive(Clone, Debug)]
pub struct Style {
    pub format: Format,
    pub width: usize,
    pub color: bool,
}

impl Style {
    /// Decided by stdout alone; stderr has its own colour.
    pub fn new(global: &Global) -> Self {
        let terminal = io::stdout().is_terminal();
        let measured = || if terminal { terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)) } else { None };
        Style {
            format: global.output,
            width: asked_width(global).or_else(measured).unwrap_or(WIDTH),
            color: wants_color(global, terminal),
        }
    }
}

/// What the environment says about the width; a stream that is a terminal knows better only without it.
pub fn asked_width(global: &Global) -> Option<usize> {
    global.columns.as_deref().and_then(|columns| columns.trim().parse().ok()).filter(|&width: &usize| width > 0)
}

/// A sentence as clean, painted lines of at most `limit` columns, for talk on stderr.
pub fn sentence(text: &str, tone: Tone, limit: usize, color: bool) -> String {
    let rows = wrap::wrap(&[Span::new(text, tone)], limit, wrap::Commands::Whole);
    rows.iter().map(|row| format!("{}\n", row.paint(color))).collect()
}

/// `--color` first, then `NO_COLOR`, then `CLICOLOR_FORCE`, then whether the stream is a terminal.
pub fn wants_color(global: &Global, terminal: bool) -> bool {
    let set = |value: &Option<String>| value.as_deref().is_some_and(|value| !value.is_empty());
    match global.color {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto if set(&global.no_color) => false,
        ColorWhen::Auto => terminal || (set(&global.clicolor_force) && global.clicolor_force.as_deref() != Some("0")),
    }
}

pub fn render(report: &Report, style: &Style) -> String {
    match style.format {
        Format::Table => table::render(report, style, false),
        Format::Wide => table::render(report, style, true),
        Format::Json => json::render(report),
        Format::Yaml => yaml::render(report),
        Format::Markdown => markdown::render(report),
        Format::Junit => junit::render(report),
        Format::Envoy | Format::Prom => printed(report),
    }
}

/// To stdout, as it is made where that can be done: the answer of a large fleet is never held as text.
pub fn show(report: &Report, style: &Style) -> io::Result<()> {
    match style.format {
        Format::Table | Format::Wide => stream_blocks(style, |put| put(Piece::Blocks(&report.body))),
        Format::Json => to_stdout(|out| json::write(report, out).map_err(io::Error::from)),
        _ => print(&render(report, style)),
    }
}

/// What others printed and nothing else; the rest goes to stderr ([`beside`]).
fn printed(report: &Report) -> String {
    let texts = report.body.iter().filter_map(|block| if let Block::Code(text) = block { Some(json::safe(text)) } else { None });
    texts.collect()
}

/// What a report in the words of others can't say itself: what is missing from it, and what the proxy refused.
pub fn beside(report: &Report) -> Vec<String> {
    let lines = report.body.iter().filter_map(|block| if let Block::Bullets(lines) = block { Some(lines) } else { None });
    lines.flatten().map(|line| line.iter().map(|span| span.text.as_str()).collect()).collect()
}

/// The only way to stdout. A reader that went away (`| head`) is no error.
///
/// SIGPIPE stays ignored on purpose: its default action would also end the process when a cluster cuts a connection.
pub fn print(text: &str) -> io::Result<()> {
    to_stdout(|out| out.write_all(text.as_bytes()))
}

/// What a machine form is made of, written to stdout as it is made: kept whole, that of a big proxy is many times its text.
pub fn stream(schema: &str, data: &impl Serialize) -> io::Result<()> {
    to_stdout(|out| json::write_data(out, schema, data))
}

/// The same of what others printed; `make` is given what takes the pieces.
pub fn stream_printed(make: impl FnOnce(&mut dyn FnMut(&str))) -> io::Result<()> {
    pieces(|put| make(&mut |piece| put(&json::safe(piece))))
}

/// A part of a human form that is made bit by bit.
pub enum Piece<'p> {
    Blocks(&'p [Block]),
    Rows(&'p dyn Rows),
}

/// The same of tables: `make` is given what takes the parts, of which blocks that belong together come together.
pub fn stream_blocks(style: &Style, make: impl FnOnce(&mut dyn FnMut(Piece<'_>))) -> io::Result<()> {
    let wide = style.format == Format::Wide;
    pieces(|put| {
        make(&mut |piece| match piece {
            Piece::Blocks(blocks) => table::draw(blocks, style, wide, put),
            Piece::Rows(rows) => table::draw_rows(rows, style, wide, put),
        });
    })
}

fn pieces(make: impl FnOnce(&mut dyn FnMut(&str))) -> io::Result<()> {
    to_stdout(|out| {
        let mut end = Ok(());
        make(&mut |piece| {
            if end.is_ok() {
                end = out.write_all(piece.as_bytes());
            }
        });
        end
    })
}

fn to_stdout(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(BUFFER, io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => {
            // What is still buffered would fail again when the writer is dropped.
            drop(out.into_parts());
            Ok(())
        }
        other => other,
    }
}

/// Schema first, then the fields; the machine form as a value.
fn machine_form(report: &Report) -> serde_json::Value {
    let mut document = serde_json::Map::new();
    document.insert("schema".to_owned(), report.schema.clone().into());
    if let Some(serde_json::Value::Object(fields)) = report.document.as_ref().map(|document| document.value()) {
        document.extend(fields);
    }
    match &report.data {
        serde_json::Value::Object(fields) => document.extend(fields.iter().map(|(key, value)| (key.clone(), value.clone()))),
        other => drop(document.insert("data".to_owned(), other.clone())),
    }
    serde_json::Value::Object(document)
}

#[cfg(test)]
mod tests;
