//! The part of YAML that kubectl and helm print and people write every day, read at a fraction of the full parser's
//! price.
//!
//! [`document`] gives up at anything else (a tab, an anchor, a tag, a folded scalar, a fault of any kind), and then the
//! full parser reads the text from its beginning: it alone decides what is wrong, and where. So only one thing has to
//! hold: what is read here has the value and the places that the full parser gives it. `tests.rs` holds it to that.

mod flow;
mod scalar;
#[cfg(test)]
mod tests;

use super::{Document, key_text, resolve};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// Deeper than objects go; the full parser has the last word on the limit.
const DEEPEST: usize = 60;
/// Longer names are left to the full parser, which bounds how far it looks for their colon.
const LONGEST_KEY: usize = 256;

/// Reads a text that holds one document; `None` if it holds anything that is not an everyday matter.
pub fn document(text: &str) -> Option<Document> {
    if !text.bytes().all(scalar::is_everyday) {
        return None;
    }
    let mut reader = Reader { text, bytes: text.as_bytes(), start: 0, end: 0, number: 0, indent: None, gap: Gap::default() };
    reader.read_line(0);
    if reader.line() == b"---" && reader.indent == Some(0) {
        reader.advance();
    }
    let (line, column) = (reader.number, u32::try_from(reader.indent?).ok()? + 1);
    let mut items = Vec::new();
    let value = reader.block(0, &mut items)?;
    reader.indent.is_none().then_some(Document { value, line, column, items })
}

/// What was skipped before the line at hand.
#[derive(Default)]
struct Gap {
    blank: usize,
    comments: bool,
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    /// What is left of the line at hand: from its first character that is no blank to its end.
    start: usize,
    end: usize,
    /// Counted from 1.
    number: u32,
    /// The column of `start`, from 0; `None` behind the last line.
    indent: Option<usize>,
    gap: Gap,
}

type Places = Vec<(u32, u32)>;

impl<'a> Reader<'a> {
    fn line(&self) -> &'a [u8] {
        &self.bytes[self.start..self.end]
    }

    /// Goes to the next line that is neither blank nor a comment.
    fn advance(&mut self) {
        self.read_line(self.end + 1);
    }

    fn read_line(&mut self, mut at: usize) {
        self.gap = Gap::default();
        while at < self.bytes.len() {
            self.number += 1;
            let blanks = scalar::blanks(&self.bytes[at..]);
            let start = at + blanks;
            match self.bytes.get(start) {
                None => break,
                Some(b'\n') => (self.gap.blank, at) = (self.gap.blank + 1, start + 1),
                Some(first) => {
                    let end = start + self.text[start..].find('\n').unwrap_or(self.text.len() - start);
                    if *first != b'#' {
                        (self.start, self.end, self.indent) = (start, end, Some(blanks));
                        return;
                    }
                    (self.gap.comments, at) = (true, end + 1);
                }
            }
        }
        (self.start, self.end, self.indent) = (self.bytes.len(), self.bytes.len(), None);
    }

    fn at_dash(&self) -> bool {
        matches!(self.line(), [b'-'] | [b'-', b' ', ..])
    }

    /// The mapping or the list that begins at the line at hand.
    fn block(&mut self, depth: usize, items: &mut Places) -> Option<Value> {
        let indent = self.indent?;
        if depth > DEEPEST {
            return None;
        }
        if self.at_dash() { self.sequence(indent, depth, None) } else { self.mapping(indent, depth, items) }
    }

    fn mapping(&mut self, indent: usize, depth: usize, items: &mut Places) -> Option<Value> {
        let mut members = Map::new();
        while self.indent == Some(indent) {
            let (key, behind) = self.key()?;
            if members.contains_key(&key) {
                return None;
            }
            let listed = (depth == 0 && key == "items").then_some(&mut *items);
            let value = match self.skip_blanks(behind) {
                at if self.is_over(at) => self.below(indent, depth, listed)?,
                at if listed.is_some() && self.bytes[at] == b'[' => return None,
                at => self.inline(at, indent, depth + 1)?,
            };
            members.insert(key, value);
        }
        (self.indent < Some(indent)).then_some(Value::Object(members))
    }

    /// What a key without a value on its own line is given by the lines below it.
    fn below(&mut self, indent: usize, depth: usize, listed: Option<&mut Places>) -> Option<Value> {
        self.advance();
        if self.indent >= Some(indent) && self.at_dash() {
            return self.sequence(self.indent?, depth + 1, listed);
        }
        if self.indent > Some(indent) { self.block(depth + 1, &mut Places::new()) } else { Some(Value::Null) }
    }

    fn sequence(&mut self, indent: usize, depth: usize, mut listed: Option<&mut Places>) -> Option<Value> {
        if depth >= DEEPEST {
            return None;
        }
        let mut entries = Vec::new();
        while self.indent == Some(indent) && self.at_dash() {
            let at = self.skip_blanks(self.start + 1);
            let over = self.is_over(at);
            if over {
                self.advance();
                // An entry without anything is read, but where it stands is for the full parser to say.
                if self.indent <= Some(indent) {
                    return None;
                }
            } else {
                // The entry is a line of its own that begins further right.
                self.indent = Some(indent + at - self.start);
                self.start = at;
            }
            if let Some(places) = &mut listed {
                places.push((self.number, u32::try_from(self.indent?).ok()? + 1));
            }
            let nested = over || self.at_dash() || self.has_key();
            let entry = if nested { self.block(depth + 1, &mut Places::new())? } else { self.inline(at, indent, depth + 1)? };
            entries.push(entry);
        }
        (self.indent <= Some(indent)).then_some(Value::Array(entries))
    }

    /// A value that begins on the line at hand, and everything up to the next line of the structure.
    fn inline(&mut self, at: usize, indent: usize, depth: usize) -> Option<Value> {
        match self.bytes[at] {
            b'|' => self.literal(at, indent),
            b'"' | b'\'' => {
                let (text, behind) = scalar::quoted(&self.text[at..self.end])?;
                self.close(at + behind, Value::String(text.into_owned()))
            }
            b'{' | b'[' => {
                let (value, behind) = flow::value(&self.text[at..self.end], depth)?;
                self.close(at + behind, value)
            }
            _ => self.plain(at, indent),
        }
    }

    /// Nothing but a comment may follow a value on its line.
    fn close(&mut self, at: usize, value: Value) -> Option<Value> {
        let rest = self.skip_blanks(at);
        if !self.is_over(rest) || rest == at && rest < self.end {
            return None;
        }
        self.advance();
        Some(value)
    }

    fn skip_blanks(&self, at: usize) -> usize {
        at + scalar::blanks(&self.bytes[at..self.end])
    }

    /// Whether the line ends here, or a comment begins; `at` stands behind a blank.
    fn is_over(&self, at: usize) -> bool {
        at == self.end || self.bytes[at] == b'#'
    }

    /// The key at the beginning of the line, and where its colon ends.
    fn key(&self) -> Option<(String, usize)> {
        let (key, length) = match *self.line().first()? {
            b'"' | b'\'' => {
                let (text, behind) = scalar::quoted(&self.text[self.start..self.end])?;
                (text.into_owned(), behind)
            }
            _ => {
                let length = scalar::plain_key(self.line())?;
                (key_text(resolve(Cow::Borrowed(&self.text[self.start..self.start + length])))?, length)
            }
        };
        let colon = self.start + length;
        let followed = colon + 1 == self.end || self.bytes.get(colon + 1) == Some(&b' ');
        (length <= LONGEST_KEY && self.bytes.get(colon) == Some(&b':') && followed).then_some((key, colon + 1))
    }

    /// Whether the rest of the line begins a mapping. A wrong yes costs nothing: the key can't be read then.
    fn has_key(&self) -> bool {
        let line = self.line();
        match line.first() {
            Some(b'"' | b'\'') => self.key().is_some(),
            Some(b'{' | b'[' | b'|') => false,
            _ => line.windows(2).any(|pair| pair == b": ") || line.ends_with(b":"),
        }
    }
}
