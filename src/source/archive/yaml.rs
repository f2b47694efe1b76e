//! One YAML document → JSON, as kubectl reads it.
//!
//! kubectl reads YAML 1.1: `0644` is 420, `yes` and `on` are true, also as keys. Plain scalars are resolved here, on the
//! events of the parser, because that also gives every list item its line, and lets aliases be counted before they grow.
//! Most documents need no parser of all YAML; [`everyday`] reads those.

mod everyday;

use serde_json::{Map, Number, Value};
use serde_saphyr::granit_parser::{ErrorKind, Event, Options, Parser, ScalarStyle, ScanError, Span, StrInput};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Deeper than any object of an API server, and shallow enough for the JSON reader, whose limit is 128.
pub const MAX_DEPTH: usize = 100;
/// What aliases may add to a document: a part that even a small one may use, and a multiple of its length.
const ALIAS_ALLOWANCE: usize = 64 * 1024;
const ALIAS_FACTOR: usize = 16;

/// Why a document can't be used, and where: 1-based, counted from the document's first line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub line: u32,
    pub column: u32,
    pub reason: String,
}

/// A document's value and where its parts stand.
#[derive(Debug, PartialEq)]
pub struct Document {
    pub value: Value,
    pub line: u32,
    pub column: u32,
    /// Lines and columns of the entries of a top-level `items`.
    pub items: Vec<(u32, u32)>,
}

/// Reads the documents of a piece of text: mostly one, more if `...` ends one. What came before a fault is kept.
pub fn documents(text: &str) -> (Vec<Document>, Option<Fault>) {
    match everyday::document(text) {
        Some(document) => (vec![document], None),
        None => full(text),
    }
}

/// The same by the parser of all YAML.
fn full(text: &str) -> (Vec<Document>, Option<Fault>) {
    // Limits of the parser itself; depth and aliases are watched by the loader.
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.block_nesting_limit = 250;
    options.flow_nesting_limit = 250;
    options.simple_key_max_lookahead = 64 * 1024;
    let parser = Parser::new_from_str_with_options(text, options);
    let mut loader =
        Loader { parser, anchors: BTreeMap::new(), budget: ALIAS_ALLOWANCE + ALIAS_FACTOR * text.len(), items: Vec::new() };
    let mut documents = Vec::new();
    loop {
        match loader.document() {
            Ok(Some(document)) => documents.push(document),
            Ok(None) => return (documents, None),
            Err(fault) => return (documents, Some(fault)),
        }
    }
}

struct Anchor {
    value: Value,
    weight: usize,
    depth: usize,
}

struct Loader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    anchors: BTreeMap<usize, Anchor>,
    /// Bytes that copies for aliases may still take.
    budget: usize,
    items: Vec<(u32, u32)>,
}

fn position(span: &Span) -> (u32, u32) {
    let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    (clamp(span.start.line()), clamp(span.start.col() + 1))
}

fn fault(span: &Span, reason: impl Into<String>) -> Fault {
    let (line, column) = position(span);
    Fault { line, column, reason: reason.into() }
}

fn scan_fault(error: &ScanError) -> Fault {
    let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let marker = error.marker();
    let reason = match error.kind() {
        ErrorKind::RecursionLimitExceeded => format!("nested deeper than {MAX_DEPTH} levels"),
        _ => error.info(),
    };
    Fault { line: clamp(marker.line()), column: clamp(marker.col() + 1), reason }
}

impl<'a> Loader<'a> {
    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Fault> {
        self.parser.next_event().transpose().map_err(|error| scan_fault(&error))
    }

    fn need(&mut self) -> Result<(Event<'a>, Span), Fault> {
        self.next()?.ok_or_else(|| Fault { line: 0, column: 0, reason: "the document ends too early".to_owned() })
    }

    fn document(&mut self) -> Result<Option<Document>, Fault> {
        loop {
            match self.next()? {
                None | Some((Event::StreamEnd, _)) => return Ok(None),
                Some((Event::DocumentStart(..), _)) => break,
                Some(_) => {}
            }
        }
        self.anchors.clear();
        self.items.clear();
        let (event, span) = self.need()?;
        let (line, column) = position(&span);
        let (value, _) = self.node(event, &span, 0, false)?;
        Ok(Some(Document { value, line, column, items: std::mem::take(&mut self.items) }))
    }

    /// A node and how deep it goes; `listed` is the sequence whose entries' places are wanted.
    fn node(&mut self, event: Event<'a>, span: &Span, depth: usize, listed: bool) -> Result<(Value, usize), Fault> {
        if depth > MAX_DEPTH {
            return Err(fault(span, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let (value, height, anchor) = match event {
            Event::Alias(id) => return self.alias(id, span, depth),
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.as_ref().and_then(|tag| tag.core_suffix());
                let plain = style == ScalarStyle::Plain && !matches!(tag, Some("str" | "binary"));
                let typed = matches!(tag, Some("int" | "float" | "bool" | "null"));
                (if plain || typed { resolve(text) } else { Value::String(text.into_owned()) }, 0, anchor)
            }
            Event::SequenceStart(_, anchor, _) => {
                let (mut items, mut height) = (Vec::new(), 0);
                loop {
                    let (event, span) = self.need()?;
                    if event == Event::SequenceEnd {
                        break;
                    }
                    if listed {
                        self.items.push(position(&span));
                    }
                    let (value, below) = self.node(event, &span, depth + 1, false)?;
                    height = height.max(below + 1);
                    items.push(value);
                }
                (Value::Array(items), height, anchor)
            }
            Event::MappingStart(_, anchor, _) => {
                let (members, height) = self.mapping(depth)?;
                (Value::Object(members), height, anchor)
            }
            _ => return Err(fault(span, "a value was expected here")),
        };
        if anchor != 0 {
            let weight = weigh(&value);
            self.spend(weight, span)?;
            self.anchors.insert(anchor, Anchor { value: value.clone(), weight, depth: height });
        }
        Ok((value, height))
    }

    fn mapping(&mut self, depth: usize) -> Result<(Map<String, Value>, usize), Fault> {
        let (mut members, mut height) = (Map::new(), 0);
        let mut merged = Vec::new();
        loop {
            let (event, key_span) = self.need()?;
            if event == Event::MappingEnd {
                break;
            }
            let merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, _) if text == "<<");
            let (key, _) = match event {
                Event::Scalar(..) | Event::Alias(_) => self.node(event, &key_span, depth + 1, false)?,
                _ => return Err(fault(&key_span, "a mapping or a list can't be a key")),
            };
            let key = key_text(key).ok_or_else(|| fault(&key_span, "this can't be a key"))?;
            let (event, span) = self.need()?;
            let (value, below) = self.node(event, &span, depth + 1, depth == 0 && key == "items")?;
            height = height.max(below + 1);
            if merge {
                merged.push((value, span));
            } else if members.contains_key(&key) {
                return Err(fault(&key_span, format!("the key {key:?} stands here a second time")));
            } else {
                members.insert(key, value);
            }
        }
        // What the mapping says itself outranks what it merges, and the first merged outranks the later.
        for (value, span) in merged {
            let sources = match value {
                Value::Array(sources) => sources,
                single => vec![single],
            };
            for source in sources {
                let Value::Object(source) = source else { return Err(fault(&span, "`<<` merges mappings only")) };
                for (key, value) in source {
                    members.entry(key).or_insert(value);
                }
            }
        }
        Ok((members, height))
    }

    fn alias(&mut self, id: usize, span: &Span, depth: usize) -> Result<(Value, usize), Fault> {
        let anchor = self.anchors.get(&id).ok_or_else(|| fault(span, "an alias can't stand inside what it names"))?;
        let (weight, height) = (anchor.weight, anchor.depth);
        if depth + height > MAX_DEPTH {
            return Err(fault(span, format!("nested deeper than {MAX_DEPTH} levels through an alias")));
        }
        self.spend(weight, span)?;
        Ok((self.anchors.get(&id).map_or(Value::Null, |anchor| anchor.value.clone()), height))
    }

    fn spend(&mut self, weight: usize, span: &Span) -> Result<(), Fault> {
        self.budget = self
            .budget
            .checked_sub(weight)
            .ok_or_else(|| fault(span, "its aliases unfold to far more than the document holds (an alias bomb?)"))?;
        Ok(())
    }
}

/// About the bytes that a copy takes.
fn weigh(value: &Value) -> usize {
    8 + match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weigh).sum(),
        Value::Object(members) => members.iter().map(|(key, value)| key.len() + weigh(value)).sum(),
        _ => 0,
    }
}

fn key_text(key: Value) -> Option<String> {
    match key {
        Value::String(text) => Some(text),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A plain scalar by the rules of YAML 1.1, as kubectl's reader has them.
fn resolve(text: Cow<'_, str>) -> Value {
    match &*text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "y" | "Y" => return Value::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "n" | "N" => return Value::Bool(false),
        _ => {}
    }
    if text.as_bytes().first().is_some_and(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.'))
        && let Some(number) = number(&text)
    {
        return Value::Number(number);
    }
    Value::String(text.into_owned())
}

fn number(text: &str) -> Option<Number> {
    if text.len() > 64 || !text.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    let plain = if text.contains('_') { Cow::Owned(text.replace('_', "")) } else { Cow::Borrowed(text) };
    let (negative, digits) = match plain.as_bytes()[0] {
        b'-' => (true, &plain[1..]),
        b'+' => (false, &plain[1..]),
        _ => (false, &plain[..]),
    };
    let (radix, body) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if !body.starts_with(['+', '-'])
        && let Ok(magnitude) = u64::from_str_radix(body, radix)
    {
        if !negative {
            return Some(magnitude.into());
        }
        if let Some(value) = 0i64.checked_sub_unsigned(magnitude) {
            return Some(value.into());
        }
    }
    // Digits, a dot and an exponent only: Rust would also take "inf" and "nan".
    if !digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-')) {
        return None;
    }
    if digits.starts_with(['e', 'E', '+', '-']) {
        return None;
    }
    let value: f64 = plain.parse().ok()?;
    // JSON has one kind of number; 1e3 is written 1000, as kubectl does.
    if value.fract() == 0.0 && value.abs() < 9e15 {
        return Some((value as i64).into());
    }
    Number::from_f64(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn value(text: &str) -> Value {
        let (mut documents, fault) = documents(text);
        assert_eq!(fault, None, "{text}");
        documents.remove(0).value
    }

    #[test]
    fn scalars_are_read_as_kubectl_reads_them() {
        for (text, expected) in [
            ("0660", json!(432)),
            ("0o17", json!(15)),
            ("0x1F", json!(31)),
            ("1_000", json!(1000)),
            ("-12", json!(-12)),
            ("089", json!(89)),
            ("18446744073709551615", json!(18446744073709551615u64)),
            ("1.5", json!(1.5)),
            ("1e3", json!(1000)),
            ("yes", json!(true)),
            ("off", json!(false)),
            ("~", json!(null)),
            ("\"0660\"", json!("0660")),
            ("!!str 12", json!("12")),
            ("1.2.3", json!("1.2.3")),
            ("2001-01-01", json!("2001-01-01")),
            ("12:30", json!("12:30")),
            ("100m", json!("100m")),
            ("1e", json!("1e")),
            (".", json!(".")),
            ("-", json!([null])),
        ] {
            assert_eq!(value(&format!("{text}\n")), expected, "{text}");
        }
        assert_eq!(value("on: 1\nn: 2\n8080: 3\n"), json!({"true": 1, "false": 2, "8080": 3}));
    }

    #[test]
    fn places_are_counted_from_one() {
        let (documents, _) = documents("# note\n---\nkind: List\nitems:\n- a: 1\n-  b: 2\n");
        let document = &documents[0];
        assert_eq!((document.line, document.column), (3, 1));
        assert_eq!(document.items, [(5, 3), (6, 4)]);
    }

    #[test]
    fn merges_and_aliases() {
        assert_eq!(value("a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3\n"), json!({"a": {"p": 1, "q": 2}, "b": {"p": 1, "q": 3}}));
    }

    #[test]
    fn faults_have_places() {
        let fault = |text: &str| documents(text).1.expect("a fault");
        assert_eq!(
            fault("a: 1\nb: 2\na: 3\n"),
            Fault { line: 3, column: 1, reason: "the key \"a\" stands here a second time".into() }
        );
        assert_eq!(fault("a:\n\tb: 1\n").line, 2);
        assert_eq!(fault("a: &x [*x]\n").reason, "an alias can't stand inside what it names");
        let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
        assert!(fault(&deep).reason.starts_with("nested deeper"), "{}", fault(&deep).reason);
    }
}
