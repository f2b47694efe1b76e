//! One answer, ready to be shown.
//!
//! A report holds its machine form ([`Report::data`]) and its human form ([`Report::body`]), both made by the analysis
//! from one typed value. Renderers add nothing and compute nothing.

use crate::render::JsonWriter;
use serde::Serialize;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// How bad the worst finding is; compared with `--fail-on`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    #[default]
    Info,
    Warning,
    Error,
}

/// Meaning of a piece of text; the renderer picks the colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tone {
    #[default]
    Plain,
    Strong,
    Dim,
    Good,
    Warn,
    Bad,
    /// Names the user can type: commands, flags, resource names.
    Code,
}

/// A piece of text with its meaning. Text may be hostile; renderers sanitize it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub text: String,
    pub tone: Tone,
}

impl Span {
    pub fn new(text: impl Into<String>, tone: Tone) -> Self {
        Span { text: text.into(), tone }
    }
}

impl From<&str> for Span {
    fn from(text: &str) -> Self {
        Span::new(text, Tone::Plain)
    }
}
impl From<String> for Span {
    fn from(text: String) -> Self {
        Span::new(text, Tone::Plain)
    }
}

/// A line of spans.
pub type Line = Vec<Span>;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Column {
    pub title: String,
    pub align_right: bool,
    /// Shown only with `-o wide` (and in Markdown).
    pub wide: bool,
    /// Left out of the table form where there is no room for all.
    pub spare: bool,
    /// A cell takes at most so many rows in the table form, and ends in `…`; 0 is without limit.
    pub rows: usize,
}

impl Column {
    pub fn new(title: impl Into<String>) -> Self {
        Column { title: title.into(), ..Column::default() }
    }
    pub fn right(title: impl Into<String>) -> Self {
        Column { title: title.into(), align_right: true, ..Column::default() }
    }
    #[must_use]
    pub fn wide(mut self) -> Self {
        self.wide = true;
        self
    }
    #[must_use]
    pub fn spare(mut self) -> Self {
        self.spare = true;
        self
    }
    #[must_use]
    pub fn rows(mut self, most: usize) -> Self {
        self.rows = most;
        self
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    pub columns: Vec<Column>,
    /// Each cell is a line of spans; a row has as many cells as there are columns.
    pub rows: Vec<Vec<Line>>,
}

/// A cell, kept as a line or made for the moment.
#[derive(Clone, Debug)]
pub enum Cell<'c> {
    Line(&'c [Span]),
    Text(Cow<'c, str>, Tone),
}

impl<'c> Cell<'c> {
    pub fn text(text: impl Into<Cow<'c, str>>) -> Self {
        Cell::Text(text.into(), Tone::Plain)
    }
}

/// A table of which the rows are made when they are measured and when they are drawn: of a hundred thousand, most cells
/// already stand somewhere, and to keep all as lines takes more time than to say them twice.
pub trait Rows: Sync {
    fn columns(&self) -> &[Column];
    fn count(&self) -> usize;
    /// Gives the cells of a row, one for each column.
    fn row<'s>(&'s self, at: usize, put: &mut dyn FnMut(Cell<'s>));
    /// Gives the lines that stand under a row.
    fn under(&self, _at: usize, _put: &mut dyn FnMut(&Line)) {}
}

/// Rows that are made of what is kept anyway, as a part of a report.
#[derive(Clone)]
pub struct Made(pub Arc<dyn Rows + Send>);

impl fmt::Debug for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Table::of(&*self.0).fmt(f)
    }
}

impl PartialEq for Made {
    fn eq(&self, other: &Self) -> bool {
        Table::of(&*self.0) == Table::of(&*other.0) && under(&*self.0) == under(&*other.0)
    }
}

/// Lines that stand under rows, with the number of the row.
pub fn under(rows: &dyn Rows) -> Vec<(usize, Line)> {
    let mut lines = Vec::new();
    (0..rows.count()).for_each(|at| rows.under(at, &mut |line| lines.push((at, line.clone()))));
    lines
}

/// Those of one row.
pub fn lines_of(all: &[(usize, Line)], row: usize) -> impl Iterator<Item = &Line> {
    let first = all.partition_point(|(at, _)| *at < row);
    all[first..].iter().take_while(move |(at, _)| *at == row).map(|(_, line)| line)
}

/// A table and its lines, in the order of the rows that they stand under.
pub struct Noted<'n>(pub &'n Table, pub &'n [(usize, Line)]);

impl Rows for Noted<'_> {
    fn columns(&self) -> &[Column] {
        &self.0.columns
    }
    fn count(&self) -> usize {
        self.0.rows.len()
    }
    fn row<'s>(&'s self, at: usize, put: &mut dyn FnMut(Cell<'s>)) {
        self.0.row(at, put);
    }
    fn under(&self, at: usize, put: &mut dyn FnMut(&Line)) {
        lines_of(self.1, at).for_each(put);
    }
}

impl Rows for Table {
    fn columns(&self) -> &[Column] {
        &self.columns
    }
    fn count(&self) -> usize {
        self.rows.len()
    }
    fn row<'s>(&'s self, at: usize, put: &mut dyn FnMut(Cell<'s>)) {
        self.rows[at].iter().for_each(|line| put(Cell::Line(line)));
    }
}

impl Table {
    /// The same, kept.
    pub fn of(rows: &dyn Rows) -> Self {
        let row = |at: usize| {
            let mut cells = Vec::with_capacity(rows.columns().len());
            rows.row(at, &mut |cell| {
                cells.push(match cell {
                    Cell::Line(line) => line.to_vec(),
                    // Most cells are empty, and nothing takes no room.
                    Cell::Text(text, _) if text.is_empty() => Line::new(),
                    Cell::Text(text, tone) => vec![Span::new(text, tone)],
                });
            });
            cells
        };
        Table { columns: rows.columns().to_vec(), rows: (0..rows.count()).map(row).collect() }
    }
}

/// A part of the human form, top to bottom.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    Heading(String),
    /// Wrapped to the width.
    Paragraph(Line),
    /// A label in a left column of fixed width, and lines of text beside it: the first screen's shape.
    Field {
        label: String,
        lines: Vec<Line>,
    },
    /// The same for a page that must not grow: on a screen of usual width each paragraph takes at most so many rows
    /// and ends in `…`, on a narrower one as many more. `-o wide` and Markdown show it whole.
    Brief {
        label: String,
        lines: Vec<Line>,
        rows: usize,
    },
    Bullets(Vec<Line>),
    Table(Table),
    /// The same with lines under some of its rows, by position.
    Noted {
        table: Table,
        notes: Vec<(usize, Line)>,
    },
    /// The same of rows that are not kept as such.
    Made(Made),
    /// Text to copy: a command, a manifest. Never wrapped.
    Code(String),
    Blank,
}

/// One answer with its machine form and its human form.
#[derive(Debug)]
pub struct Report {
    /// `meshctl/decision/v1`.
    pub schema: String,
    /// The machine form, without the schema; an object.
    pub data: Value,
    /// The same of a large answer, which is written as it is and never built as a value; `data` adds to it.
    pub document: Option<Box<dyn Document>>,
    pub body: Vec<Block>,
    pub worst: Option<Severity>,
    /// From where on the news is bad when `--fail-on` says nothing: `None` for commands that only show.
    pub fails_on: Option<Severity>,
    /// Single results, for formats that count them.
    pub cases: Vec<Case>,
    /// It was shown while it came.
    pub shown: bool,
}

/// A machine form that is kept as what it was made from.
pub trait Document: Send + Sync {
    /// With the schema before its fields and `more` after them.
    fn write(&self, schema: &str, more: &Map<String, Value>, to: &mut JsonWriter<'_>) -> serde_json::Result<()>;
    /// Its fields, for formats that need them as values.
    fn value(&self) -> Value;
}

impl fmt::Debug for dyn Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a document")
    }
}

#[derive(Serialize)]
struct Whole<'w, T> {
    schema: &'w str,
    #[serde(flatten)]
    fields: &'w T,
    #[serde(flatten)]
    more: &'w Map<String, Value>,
}

impl<T: Serialize + Send + Sync> Document for T {
    fn write(&self, schema: &str, more: &Map<String, Value>, to: &mut JsonWriter<'_>) -> serde_json::Result<()> {
        Whole { schema, fields: self, more }.serialize(to)
    }
    fn value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_else(|e| Value::String(e.to_string()))
    }
}

/// One thing that was tested, and what came of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Case {
    /// What it belongs to: a cluster and a mesh.
    pub suite: String,
    pub name: String,
    /// What is wrong; empty when nothing is.
    pub failures: Vec<String>,
    /// Why it could not be told.
    pub skipped: Option<String>,
}

impl Report {
    /// `data` must serialize to a JSON object.
    pub fn new(schema: &str, data: &impl Serialize, body: Vec<Block>) -> Self {
        let data = serde_json::to_value(data).unwrap_or_else(|e| Value::String(e.to_string()));
        let schema = schema.to_owned();
        Report { schema, data, document: None, body, worst: None, fails_on: None, cases: Vec::new(), shown: false }
    }
    /// Of an answer with tens of thousands of rows.
    pub fn large(schema: &str, document: impl Document + 'static, body: Vec<Block>) -> Self {
        Report { document: Some(Box::new(document)), ..Report::new(schema, &Map::new(), body) }
    }
    #[must_use]
    pub fn worst(mut self, worst: Option<Severity>) -> Self {
        self.worst = worst;
        self
    }
}
