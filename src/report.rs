//! One answer, ready to be shown.
//!
//! A report holds its machine form ([`Report::data`]) and its human form ([`Report::body`]), both made by the analysis
//! from one typed value. Renderers add nothing and compute nothing.

use serde::Serialize;
use serde_json::Value;

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
    /// Text to copy: a command, a manifest. Never wrapped.
    Code(String),
    Blank,
}

/// One answer with its machine form and its human form.
#[derive(Clone, Debug)]
pub struct Report {
    /// `meshctl/decision/v1`.
    pub schema: String,
    /// The machine form, without the schema; an object.
    pub data: Value,
    pub body: Vec<Block>,
    pub worst: Option<Severity>,
    /// From where on the news is bad when `--fail-on` says nothing: `None` for commands that only show.
    pub fails_on: Option<Severity>,
    /// Single results, for formats that count them.
    pub cases: Vec<Case>,
    /// It was shown while it came.
    pub shown: bool,
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
        Report { schema: schema.to_owned(), data, body, worst: None, fails_on: None, cases: Vec::new(), shown: false }
    }
    #[must_use]
    pub fn worst(mut self, worst: Option<Severity>) -> Self {
        self.worst = worst;
        self
    }
}
