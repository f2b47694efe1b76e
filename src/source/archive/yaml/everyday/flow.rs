//! `{a: b, c: [1, 2]}` on one line.

use super::super::{key_text, resolve};
use super::{DEEPEST, LONGEST_KEY, scalar};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// The flow collection that a line begins with, and its length.
pub fn value(line: &str, depth: usize) -> Option<(Value, usize)> {
    let mut flow = Flow { text: line, bytes: line.as_bytes(), at: 0 };
    let value = flow.node(depth)?;
    Some((value, flow.at))
}

struct Flow<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl Flow<'_> {
    fn blanks(&mut self) {
        self.at += scalar::blanks(&self.bytes[self.at..]);
    }

    fn node(&mut self, depth: usize) -> Option<Value> {
        if depth > DEEPEST {
            return None;
        }
        match *self.bytes.get(self.at)? {
            b'{' => self.mapping(depth),
            b'[' => self.sequence(depth),
            b'"' | b'\'' => {
                let (text, length) = scalar::quoted(&self.text[self.at..])?;
                self.at += length;
                Some(Value::String(text.into_owned()))
            }
            _ => self.plain(),
        }
    }

    /// A plain scalar; its end is a comma, a bracket, or the colon of a key.
    fn plain(&mut self) -> Option<Value> {
        let rest = &self.bytes[self.at..];
        if !scalar::begins_plain(rest) {
            return None;
        }
        let length = rest.iter().position(|byte| b",]}".contains(byte))?;
        let text = &rest[..length];
        // What else may stand in one is looked at by the full parser.
        if text.iter().enumerate().any(|(i, byte)| match byte {
            b'{' | b'[' | b'#' | b'\t' => true,
            b':' => matches!(rest[i + 1], b' ' | b',' | b']' | b'}'),
            _ => false,
        }) {
            return None;
        }
        let text = self.text[self.at..self.at + length].trim_ascii_end();
        self.at += length;
        Some(resolve(Cow::Borrowed(text)))
    }

    fn mapping(&mut self, depth: usize) -> Option<Value> {
        let mut members = Map::new();
        self.at += 1;
        self.blanks();
        while *self.bytes.get(self.at)? != b'}' {
            let (key, length) = match self.bytes[self.at] {
                b'"' | b'\'' => {
                    let (text, length) = scalar::quoted(&self.text[self.at..])?;
                    (text.into_owned(), length)
                }
                _ => {
                    let length = scalar::plain_key(&self.bytes[self.at..])?;
                    (key_text(resolve(Cow::Borrowed(&self.text[self.at..self.at + length])))?, length)
                }
            };
            self.at += length;
            if length > LONGEST_KEY || self.bytes.get(self.at..self.at + 2)? != b": " || members.contains_key(&key) {
                return None;
            }
            self.at += 2;
            self.blanks();
            let value = self.node(depth + 1)?;
            members.insert(key, value);
            self.next(b'}')?;
        }
        self.at += 1;
        Some(Value::Object(members))
    }

    fn sequence(&mut self, depth: usize) -> Option<Value> {
        let mut entries = Vec::new();
        self.at += 1;
        self.blanks();
        while *self.bytes.get(self.at)? != b']' {
            entries.push(self.node(depth + 1)?);
            self.next(b']')?;
        }
        self.at += 1;
        Some(Value::Array(entries))
    }

    /// A comma and another entry, or the end.
    fn next(&mut self, end: u8) -> Option<()> {
        self.blanks();
        match *self.bytes.get(self.at)? {
            b',' => {
                self.at += 1;
                self.blanks();
                (*self.bytes.get(self.at)? != end).then_some(())
            }
            byte => (byte == end).then_some(()),
        }
    }
}
