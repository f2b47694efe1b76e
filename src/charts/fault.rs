//! Why a chart can't be rendered: where, what, and through which templates one came there.

use super::template::ast::{Origin, Pos};
use std::fmt;

#[derive(Clone, Debug)]
pub struct Fault {
    /// `file:line:column`; none where no template is at fault.
    pub place: Option<String>,
    pub message: String,
    /// Who included it, from the inside out.
    pub through: Vec<String>,
    /// `fail` and `required` speak to the user of the chart.
    pub by_chart: bool,
}

/// More levels than this tell nothing more.
const SHOWN: usize = 8;

impl Fault {
    pub fn new(message: impl Into<String>) -> Self {
        Fault { place: None, message: message.into(), through: Vec::new(), by_chart: false }
    }

    pub fn at(origin: &Origin, _template: &str, pos: Pos, message: impl Into<String>) -> Self {
        let (line, column) = origin.place(pos);
        Fault { place: Some(format!("{}:{line}:{column}", origin.name)), ..Fault::new(message) }
    }

    #[must_use]
    pub fn by_chart(mut self) -> Self {
        self.by_chart = true;
        self
    }

    /// Adds a level: the place that included the faulty template, or that called what failed.
    #[must_use]
    pub fn through(mut self, origin: &Origin, _template: &str, pos: Pos) -> Self {
        let (line, column) = origin.place(pos);
        let place = format!("{}:{line}:{column}", origin.name);
        if self.place.is_none() {
            self.place = Some(place);
        } else if self.through.len() < SHOWN {
            self.through.push(place);
        }
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "{place}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl From<String> for Fault {
    fn from(message: String) -> Self {
        Fault::new(message)
    }
}
