//! Why a text could not be read, and where.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The text ends too early.
    Eof,
    /// It is not JSON.
    Syntax,
    /// It is JSON of another shape.
    Data,
}

/// Boxed, so that results stay small on the way up.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    at: Option<usize>,
    what: String,
}

impl Error {
    pub(super) fn new(kind: Kind, at: usize, what: impl fmt::Display) -> Self {
        Error(Box::new(Inner { kind, at: Some(at), what: what.to_string() }))
    }

    /// Serde's errors don't know where they are.
    pub(super) fn or_at(mut self, at: usize) -> Self {
        self.0.at.get_or_insert(at);
        self
    }

    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The byte at which it shows.
    pub fn at(&self) -> usize {
        self.0.at.unwrap_or(0)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.what)
    }
}

impl std::error::Error for Error {}

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(what: T) -> Self {
        Error(Box::new(Inner { kind: Kind::Data, at: None, what: what.to_string() }))
    }
}

/// Counted from one; the column in bytes.
pub fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..at.min(text.len())];
    let start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
    (memchr::memchr_iter(b'\n', before).count() + 1, before.len() - start + 1)
}
