//! A place in a text, and the steps that can be taken from it.

use super::error::{Error, Kind};
use super::keep::{AsItIs, Keep};
use super::{Raw, scan};
use serde::Deserialize;
use std::borrow::Cow;

/// Reads JSON from front to back. What it decodes borrows from the text, or from where `keep` puts a copy.
#[derive(Clone, Debug)]
pub struct Reader<'a, K = AsItIs> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    /// How many more values may lie in each other. Only decoding counts; jumping over needs no stack.
    pub(super) depth: u8,
    pub(super) keep: K,
}

const DEEPEST: u8 = 127;

impl<'a> Reader<'a> {
    pub fn new(text: &'a str) -> Self {
        Reader { text, at: 0, depth: DEEPEST, keep: AsItIs }
    }

    /// A reader of the part of the text that ends before `end`; places stay those of the whole text.
    pub fn part(text: &'a str, from: usize, end: usize) -> Self {
        Reader { text: text.get(..end).unwrap_or(text), at: from, depth: DEEPEST, keep: AsItIs }
    }
}

impl<'a, K> Reader<'a, K> {
    /// A reader of a text that is soon gone.
    pub fn keeping(text: &'a str, keep: K) -> Self {
        Reader { text, at: 0, depth: DEEPEST, keep }
    }

    pub fn at(&self) -> usize {
        self.at
    }

    /// The next byte that isn't white space; it isn't taken.
    #[inline]
    pub fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        self.at = scan::after_space(bytes, self.at);
        bytes.get(self.at).copied()
    }

    pub fn decode<'k, T: Deserialize<'k>>(&mut self) -> Result<T, Error>
    where
        K: Keep<'a, 'k>,
    {
        T::deserialize(&mut *self).map_err(|error| error.or_at(self.at))
    }

    /// The same with the text that it was decoded from.
    pub fn written<'k, T: Deserialize<'k>>(&mut self) -> Result<(&'a str, T), Error>
    where
        K: Keep<'a, 'k>,
    {
        self.peek();
        let start = self.at;
        let value = self.decode()?;
        Ok((&self.text[start..self.at], value))
    }

    pub(super) fn is_next(&self, byte: u8) -> bool {
        let bytes = self.text.as_bytes();
        bytes.get(scan::after_space(bytes, self.at)) == Some(&byte)
    }

    /// Nothing but white space may follow.
    pub fn end(&mut self) -> Result<(), Error> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.syntax("something follows the end")),
        }
    }

    /// Takes `{` and calls `member` for each key; it must take the value.
    pub fn object(&mut self, mut member: impl FnMut(&mut Self, Cow<'a, str>) -> Result<(), Error>) -> Result<(), Error> {
        self.take(b'{', "an object")?;
        let mut first = true;
        while let Some(key) = self.next_key(first)? {
            first = false;
            member(self, key)?;
        }
        Ok(())
    }

    /// Takes `[` and calls `element` before each; it must take the element.
    pub fn array(&mut self, mut element: impl FnMut(&mut Self) -> Result<(), Error>) -> Result<(), Error> {
        self.take(b'[', "a list")?;
        let mut first = true;
        while self.next_element(first)? {
            first = false;
            element(self)?;
        }
        Ok(())
    }

    /// The next key with its colon, or `None` after the closing bracket.
    #[inline]
    pub(super) fn next_key(&mut self, first: bool) -> Result<Option<Cow<'a, str>>, Error> {
        match self.peek() {
            Some(b'}') => {
                self.at += 1;
                return Ok(None);
            }
            Some(b',') if !first => {
                self.at += 1;
                self.peek();
            }
            Some(_) if first => {}
            Some(_) => return Err(self.syntax("expected `,` or `}`")),
            None => return Err(self.eof()),
        }
        let key = self.string()?;
        match self.peek() {
            Some(b':') => self.at += 1,
            Some(_) => return Err(self.syntax("expected `:`")),
            None => return Err(self.eof()),
        }
        Ok(Some(key))
    }

    /// Whether there is a next element; after the last the closing bracket is taken.
    #[inline]
    pub(super) fn next_element(&mut self, first: bool) -> Result<bool, Error> {
        match self.peek() {
            Some(b']') => {
                self.at += 1;
                Ok(false)
            }
            Some(b',') if !first => {
                self.at += 1;
                Ok(true)
            }
            Some(_) if first => Ok(true),
            Some(_) => Err(self.syntax("expected `,` or `]`")),
            None => Err(self.eof()),
        }
    }

    /// Takes a string.
    #[inline]
    pub fn string(&mut self) -> Result<Cow<'a, str>, Error> {
        self.take(b'"', "a text")?;
        let start = self.at;
        let end = scan::end_of_plain(self.text.as_bytes(), start);
        match self.text.as_bytes().get(end) {
            Some(b'"') => {
                self.at = end + 1;
                Ok(Cow::Borrowed(&self.text[start..end]))
            }
            Some(_) => self.escaped_string(start),
            None => Err(self.eof()),
        }
    }

    #[cold]
    fn escaped_string(&mut self, start: usize) -> Result<Cow<'a, str>, Error> {
        self.skip_string()?;
        let text = self.printable(start, self.at - 1)?;
        unescape(text).map(Cow::Owned).ok_or_else(|| Error::new(Kind::Syntax, start, "bad escape in a text"))
    }

    /// Control characters have to be escaped.
    fn printable(&self, start: usize, end: usize) -> Result<&'a str, Error> {
        let text = &self.text[start..end];
        if text.bytes().any(|byte| byte < b' ') {
            return Err(Error::new(Kind::Syntax, start, "control character in a text"));
        }
        Ok(text)
    }

    /// Jumps over the value that stands next.
    pub fn skip(&mut self) -> Result<(), Error> {
        match self.peek() {
            Some(b'{' | b'[') => {
                self.at = scan::end_of_nested(self.text.as_bytes(), self.at + 1).ok_or_else(|| self.eof())?;
                Ok(())
            }
            Some(b'"') => {
                self.at += 1;
                self.skip_string()
            }
            Some(b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
                self.scalar();
                Ok(())
            }
            Some(_) => Err(self.syntax("expected a value")),
            None => Err(self.eof()),
        }
    }

    /// Jumps over the value that stands next, and gives its text.
    pub fn raw(&mut self) -> Result<Raw<'a>, Error> {
        self.peek();
        let start = self.at;
        self.skip()?;
        Ok(Raw::new(&self.text[start..self.at]))
    }

    /// A number or a word, up to what ends it.
    pub fn scalar(&mut self) -> &'a str {
        let start = self.at;
        self.at = scan::end_of_scalar(self.text.as_bytes(), start);
        // It ends where the text does or at a byte of ASCII.
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// To behind the closing quote; the opening one is taken.
    fn skip_string(&mut self) -> Result<(), Error> {
        self.at = scan::end_of_string(self.text.as_bytes(), self.at).ok_or_else(|| self.eof())?;
        Ok(())
    }

    pub(super) fn take(&mut self, wanted: u8, what: &str) -> Result<(), Error> {
        match self.peek() {
            Some(byte) if byte == wanted => {
                self.at += 1;
                Ok(())
            }
            Some(b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
                Err(Error::new(Kind::Data, self.at, format_args!("expected {what}")))
            }
            Some(_) => Err(self.syntax(&format!("expected {what}"))),
            None => Err(self.eof()),
        }
    }

    pub(super) fn syntax(&self, what: &str) -> Error {
        Error::new(Kind::Syntax, self.at, what)
    }

    #[cold]
    pub(super) fn eof(&self) -> Error {
        Error::new(Kind::Eof, self.text.len(), "the text ends there")
    }
}

fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        out.push_str(plain);
        let mut chars = escaped.chars();
        out.push(match chars.next()? {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'b' => '\u{8}',
            'f' => '\u{c}',
            c @ ('"' | '\\' | '/') => c,
            'u' => {
                let (c, after) = character(chars.as_str())?;
                chars = after.chars();
                c
            }
            _ => return None,
        });
        rest = chars.as_str();
    }
    out.push_str(rest);
    Some(out)
}

/// What stands behind `\u`; beyond sixteen bits it takes two of them, and half of such a pair is nothing.
fn character(text: &str) -> Option<(char, &str)> {
    let (first, after) = unit(text)?;
    if !(0xd800..0xdc00).contains(&first) {
        return Some((char::from_u32(first)?, after));
    }
    let (low, after) = unit(after.strip_prefix("\\u")?)?;
    (0xdc00..0xe000).contains(&low).then_some(())?;
    Some((char::from_u32(0x10000 + ((first - 0xd800) << 10) + (low - 0xdc00))?, after))
}

/// Four hexadecimal digits, and what follows.
fn unit(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    let valid = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    valid.then(|| u32::from_str_radix(digits, 16).ok()).flatten().map(|unit| (unit, rest))
}
