//! Pieces of work: a document or an item of a list, with the place where it stands.

use super::super::split::{self, Piece};
use super::super::yaml;
use super::windows::Window;
use crate::facts::{Place, Problem};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::sync::Arc;

pub const HELM: &str = "this looks like a Helm template; render it first: helm template . | meshctl analyze --from -";

/// A YAML list shorter than this isn't worth cutting.
const LONG_LIST: usize = 256 * 1024;

/// Something to parse alone.
#[derive(Clone)]
pub struct Unit<'a> {
    pub file: Arc<str>,
    pub text: &'a [u8],
    /// An entry of a list in YAML: it begins with the list's dash, which counts as a blank.
    pub entry: bool,
    /// Where the text begins, 1-based.
    pub line: u32,
    pub column: u32,
    pub list: Option<ListOf>,
}

impl Unit<'_> {
    pub fn weight(&self) -> usize {
        self.text.len() + 64
    }
}

/// The list that an item stands in: items of a `PodList` don't say that they are Pods.
#[derive(Clone)]
pub struct ListOf {
    kind: Arc<str>,
    version: Arc<str>,
}

impl ListOf {
    pub fn new(kind: &str, version: &str) -> Self {
        ListOf { kind: kind.strip_suffix("List").unwrap_or(kind).into(), version: version.into() }
    }

    pub fn stamp(&self, members: &mut Map<String, Value>) {
        if !self.kind.is_empty() && !members.contains_key("kind") {
            members.insert("kind".to_owned(), Value::from(&*self.kind));
            members.entry("apiVersion").or_insert_with(|| Value::from(&*self.version));
        }
    }
}

/// Cuts a window of a file into units.
pub fn cut<'a>(window: &'a Window, units: &mut Vec<Unit<'a>>, problems: &mut Vec<Problem>) {
    let Window { file, bytes, line: first } = window;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        let place = Place { file: file.clone(), line: 1, column: 1 };
        problems.push(Problem::new(place, "this is UTF-16; save it as UTF-8"));
        return;
    }
    for piece in split::documents(bytes) {
        if split::is_empty(piece.text) {
            continue;
        }
        let piece = Piece { line: first.saturating_add(piece.line - 1), ..piece };
        let unit = Unit { file: file.clone(), text: piece.text, entry: false, line: piece.line, column: 1, list: None };
        if json_items(&unit, piece, units) {
            continue;
        }
        if piece.text.len() > LONG_LIST
            && let Some((head, entries)) = split::list_entries(piece)
            && let (documents, None) = std::str::from_utf8(&head).map(yaml::documents).unwrap_or_default()
            && let [document] = documents.as_slice()
            && let (Some(kind), Some(version)) = (document.value["kind"].as_str(), document.value["apiVersion"].as_str())
            && kind.ends_with("List")
        {
            let list = ListOf::new(kind, version);
            units.extend(entries.into_iter().map(|entry| Unit {
                file: file.clone(),
                text: entry.text,
                entry: true,
                line: entry.line,
                column: 1,
                list: Some(list.clone()),
            }));
            continue;
        }
        units.push(unit);
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonList<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    api_version: Cow<'a, str>,
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
}

/// A list in JSON is cut at its items without building them.
fn json_items<'a>(unit: &Unit<'a>, piece: Piece<'a>, units: &mut Vec<Unit<'a>>) -> bool {
    let start = piece.text.trim_ascii_start();
    if !start.strip_prefix(b"---").unwrap_or(start).trim_ascii_start().starts_with(b"{") {
        return false;
    }
    let Ok(text) = std::str::from_utf8(piece.text) else { return false };
    let skipped = text.len() - json_start(text).len();
    let Ok(list) = serde_json::from_str::<JsonList<'_>>(&text[skipped..]) else { return false };
    if !list.kind.ends_with("List") || list.items.is_empty() {
        return false;
    }
    let of = ListOf::new(&list.kind, &list.api_version);
    let mut walker = Walker { text: text.as_bytes(), at: 0, line: piece.line, column: 1 };
    for item in list.items {
        // The item borrows from the piece, so the distance of the two is where it stands.
        let (line, column) = walker.to(item.get().as_ptr().addr() - text.as_ptr().addr());
        let list = Some(of.clone());
        units.push(Unit { text: item.get().as_bytes(), line, column, list, ..unit.clone() });
    }
    true
}

/// The text behind a `---` and blanks.
fn json_start(text: &str) -> &str {
    let text = text.trim_start();
    text.strip_prefix("---").unwrap_or(text).trim_start()
}

/// A value, its place, and the places of its `items`.
type Parsed = (Value, Place, Vec<Place>);

/// The values of a unit, and what stopped it, if something did.
pub fn parse(unit: &Unit<'_>) -> (Vec<Parsed>, Option<Problem>) {
    let problem = |(line, column): (u32, u32), reason: String| Problem::new(place(unit, line, column), reason);
    let mut bytes = Cow::Borrowed(unit.text);
    if unit.entry {
        bytes.to_mut()[0] = b' ';
    }
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) => text,
        Err(error) => {
            let at = position(&bytes[..error.valid_up_to()]);
            return (Vec::new(), Some(problem(at, "this byte is not UTF-8".to_owned())));
        }
    };
    if let Some(nul) = text.find('\0') {
        return (Vec::new(), Some(problem(position(&text.as_bytes()[..nul]), "a NUL byte; this is no text file".to_owned())));
    }
    let start = json_start(text);
    let mut json_fault = None;
    if start.starts_with('{') && !start.starts_with("{{") {
        let (parsed, fault) = parse_json(unit, text, text.len() - start.len());
        match fault {
            None => return (parsed, None),
            // YAML is a superset of JSON, so `{a: b}` gets a second chance; what means to be JSON does not.
            Some(fault) if start[1..].trim_start().starts_with(['"', '}']) => json_fault = Some((parsed, fault)),
            Some(_) => {}
        }
    }
    let (documents, fault) = yaml::documents(text);
    let parsed: Vec<Parsed> = documents
        .into_iter()
        .map(|document| {
            let items = document.items.iter().map(|(line, column)| place(unit, *line, *column)).collect();
            (document.value, place(unit, document.line, document.column), items)
        })
        .collect();
    let Some(fault) = fault else { return (parsed, None) };
    if let Some((parsed, problem)) = json_fault {
        return (parsed, Some(problem));
    }
    if let Some(at) = template(text) {
        return (parsed, Some(problem(position(&text.as_bytes()[..at]), HELM.to_owned())));
    }
    (parsed, Some(problem((fault.line.max(1), fault.column.max(1)), fault.reason)))
}

/// Where a template's braces stand, if they begin a line or a value: YAML can't have them there, while text such as a
/// dashboard's legend may well hold others.
fn template(text: &str) -> Option<usize> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_start();
        let braces = line.find("{{").filter(|_| !bare.starts_with('#'));
        if let Some(braces) = braces {
            let before = line[..braces].trim_end();
            if before.is_empty() || before.ends_with([':', '-']) {
                return Some(at + braces);
            }
        }
        at += line.len();
    }
    None
}

/// One or several JSON documents in a row.
fn parse_json(unit: &Unit<'_>, text: &str, skipped: usize) -> (Vec<Parsed>, Option<Problem>) {
    let mut stream = serde_json::Deserializer::from_str(&text[skipped..]).into_iter::<Value>();
    let mut parsed = Vec::new();
    let mut walker = Walker { text: text.as_bytes(), at: 0, line: 1, column: 1 };
    loop {
        let rest = &text[skipped + stream.byte_offset()..];
        let start = text.len() - rest.trim_start().len();
        let (line, column) = walker.to(start);
        match stream.next() {
            None => return (parsed, None),
            Some(Ok(value)) => parsed.push((value, place(unit, line, column), Vec::new())),
            Some(Err(error)) => {
                let (line, column) = position(&text.as_bytes()[..skipped]);
                let error_line = u32::try_from(error.line()).unwrap_or(u32::MAX);
                let error_column = u32::try_from(error.column()).unwrap_or(u32::MAX).max(1);
                let column = if error_line <= 1 { column + error_column - 1 } else { error_column };
                let reason = error.to_string();
                let reason = reason.split_once(" at line ").map_or(reason.as_str(), |(reason, _)| reason).to_owned();
                return (parsed, Some(Problem::new(place(unit, line + error_line.max(1) - 1, column), reason)));
            }
        }
    }
}

/// Counts lines and columns on the way, so that twenty thousand items cost one pass.
struct Walker<'a> {
    text: &'a [u8],
    at: usize,
    line: u32,
    column: u32,
}

impl Walker<'_> {
    fn to(&mut self, target: usize) -> (u32, u32) {
        for byte in self.text.get(self.at..target).unwrap_or_default() {
            match byte {
                b'\n' => (self.line, self.column) = (self.line.saturating_add(1), 1),
                0x80..=0xbf => {}
                _ => self.column = self.column.saturating_add(1),
            }
        }
        self.at = target.max(self.at);
        (self.line, self.column)
    }
}

/// Line and column behind these bytes, 1-based.
fn position(before: &[u8]) -> (u32, u32) {
    let line = before.iter().filter(|b| **b == b'\n').count() + 1;
    let line_start = before.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
    let column = before[line_start..].iter().filter(|b| !matches!(b, 0x80..=0xbf)).count() + 1;
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}

/// The place in the file of a place in the unit.
fn place(unit: &Unit<'_>, line: u32, column: u32) -> Place {
    let first = line <= 1;
    let file = unit.file.clone();
    Place {
        file,
        line: unit.line.saturating_add(line.max(1) - 1),
        column: if first { unit.column.saturating_add(column.max(1) - 1) } else { column },
    }
}
