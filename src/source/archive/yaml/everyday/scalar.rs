//! Scalars of the everyday part: plain ones, also over several lines; quoted ones on one line; `|` blocks.

use super::super::resolve;
use super::Reader;
use serde_json::Value;
use std::borrow::Cow;

/// Control characters and the first bytes of those that the full parser treats specially (U+0080 to U+00BF, U+F000 to
/// U+FFFF) are not for here. Tabs are, inside a `|` block.
pub fn is_everyday(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\t' | b' '..=b'~') || byte >= 0x80 && byte != 0xc2 && byte != 0xef
}

pub fn blanks(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| **byte == b' ').count()
}

/// The length of a plain key of letters, digits and the signs of names, up to its colon.
pub fn plain_key(line: &[u8]) -> Option<usize> {
    if !matches!(line.first()?, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'/' | b'$') {
        return None;
    }
    for (i, byte) in line.iter().enumerate() {
        match byte {
            b':' if matches!(line.get(i + 1), None | Some(b' ')) => return Some(i),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'/' | b'$' | b'-' | b':' => {}
            _ => return None,
        }
    }
    None
}

/// A quoted scalar that ends on its line, and its length with the quotes.
pub fn quoted(line: &str) -> Option<(Cow<'_, str>, usize)> {
    let bytes = line.as_bytes();
    let quote = *bytes.first()?;
    let (mut text, mut from, mut at) = (String::new(), 1, 1);
    loop {
        match *bytes.get(at)? {
            b'\t' => return None,
            b'\'' if quote == b'\'' && bytes.get(at + 1) == Some(&b'\'') => {
                text.push_str(&line[from..=at]);
                (from, at) = (at + 2, at + 2);
            }
            b'\\' if quote == b'"' => {
                text.push_str(&line[from..at]);
                text.push(match bytes.get(at + 1)? {
                    b'"' => '"',
                    b'\\' => '\\',
                    b'/' => '/',
                    b'n' => '\n',
                    b't' => '\t',
                    b'r' => '\r',
                    _ => return None,
                });
                (from, at) = (at + 2, at + 2);
            }
            byte if byte == quote => {
                let rest = &line[from..at];
                let text = if from == 1 { Cow::Borrowed(rest) } else { Cow::Owned(text + rest) };
                return Some((text, at + 1));
            }
            _ => at += 1,
        }
    }
}

/// Whether a plain scalar may begin with these bytes, as far as it matters every day.
pub fn begins_plain(bytes: &[u8]) -> bool {
    match bytes {
        [b'-', second, ..] => matches!(second, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'/'),
        [first, ..] => !b"-?:,[]{}#&*!|>'\"%@`\t".contains(first),
        [] => false,
    }
}

/// The length of a plain scalar on this line; `true` if a comment follows.
fn plain_length(line: &[u8]) -> Option<(usize, bool)> {
    for (i, byte) in line.iter().enumerate() {
        match byte {
            b'\t' => return None,
            b':' if matches!(line.get(i + 1), None | Some(b' ')) => return None,
            b'#' if line[i - 1] == b' ' => return Some((line[..i].trim_ascii_end().len(), true)),
            _ => {}
        }
    }
    Some((line.trim_ascii_end().len(), false))
}

impl Reader<'_> {
    pub(super) fn plain(&mut self, at: usize, indent: usize) -> Option<Value> {
        let line = &self.bytes[at..self.end];
        if !begins_plain(line) {
            return None;
        }
        let (length, mut closed) = plain_length(line)?;
        let mut text = Cow::Borrowed(&self.text[at..at + length]);
        self.advance();
        // Lines further right go on with it: a line break is a blank, an empty line a line break.
        while self.indent > Some(indent) {
            if closed || self.gap.comments || !begins_plain(self.line()) {
                return None;
            }
            let (length, comment) = plain_length(self.line())?;
            let folded = text.to_mut();
            if self.gap.blank == 0 {
                folded.push(' ');
            }
            folded.extend(std::iter::repeat_n('\n', self.gap.blank));
            folded.push_str(&self.text[self.start..self.start + length]);
            closed = comment;
            self.advance();
        }
        Some(resolve(text))
    }

    /// `|`, `|-` and `|+`.
    pub(super) fn literal(&mut self, at: usize, indent: usize) -> Option<Value> {
        let chomp = match self.bytes[at..self.end].trim_ascii_end() {
            b"|" => None,
            b"|-" => Some(false),
            b"|+" => Some(true),
            _ => return None,
        };
        let mut next = self.end + 1;
        let mut number = self.number;
        let mut text = String::new();
        let mut column = None;
        let mut empty = 0;
        loop {
            let line = self.bytes.get(next..).filter(|rest| !rest.is_empty());
            // Without a line break at its end the last line is a matter of its own.
            let Some(line) = line else { break };
            let end = next + self.text[next..].find('\n')?;
            let deep = blanks(line);
            if next + deep == end && column.is_none_or(|column| deep <= column) {
                if column.is_none() && deep > 0 {
                    return None;
                }
                empty += 1;
            } else {
                let column = *column.get_or_insert(deep);
                if column <= indent || deep < column {
                    break;
                }
                text.extend(std::iter::repeat_n('\n', empty));
                empty = 0;
                text.push_str(&self.text[next + column..=end]);
            }
            number += 1;
            next = end + 1;
        }
        // A block without text, and one that ends at a line that stands neither here nor there, are no everyday matter.
        let odd = self.bytes.get(next..).is_some_and(|rest| {
            let deep = blanks(rest);
            deep > indent && !rest[deep..].is_empty()
        });
        if text.is_empty() || odd {
            return None;
        }
        match chomp {
            None => {}
            Some(false) => drop(text.pop()),
            Some(true) => text.extend(std::iter::repeat_n('\n', empty)),
        }
        self.number = number;
        self.read_line(next);
        Some(Value::String(text))
    }
}
