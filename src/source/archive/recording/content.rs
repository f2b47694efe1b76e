//! One file of a recording.

use super::Content;
use crate::facts::{Object, Outcome, Place};
use crate::source::redact;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;

/// No object of an API server comes near it; its limit is 1.5 MiB.
const MAX_LINE: u64 = 64 << 20;
/// A text answer: a large Prometheus reply has some MiB.
const MAX_TEXT: u64 = 512 << 20;
/// What a pod answered: as much as is taken from a live one.
const MAX_BYTES: u64 = 1 << 30;
/// So much room is made for what a file says of its size before its bytes come: more of it costs more than to read it.
const MAX_ROOM: u64 = 64 << 20;
/// So many bad lines are named; the rest is counted by the index.
const MAX_BAD: usize = 5;

/// What a file gave.
#[derive(Default)]
pub struct Got {
    pub outcome: Option<Outcome>,
    /// Why it ends before its end.
    pub broken: Option<String>,
    /// Lines that are no object.
    pub bad: Vec<String>,
}

/// `size`: as the recording says, which may be wrong.
pub fn read(content: Content, size: u64, from: &mut dyn Read) -> Got {
    match content {
        Content::Objects => objects(from),
        Content::Text => match text(from) {
            Ok(text) => Got { outcome: Some(Outcome::Text(text)), broken: None, bad: Vec::new() },
            Err(error) => Got { outcome: None, broken: Some(error.to_string()), bad: Vec::new() },
        },
        Content::Bytes => bytes(size, from),
        Content::List => match text(from).and_then(|text| list(&text)) {
            Ok(objects) => Got { outcome: Some(Outcome::Objects(objects)), broken: None, bad: Vec::new() },
            Err(error) => Got { outcome: None, broken: Some(error.to_string()), bad: Vec::new() },
        },
    }
}

/// A dump that is cut off still tells what came before.
fn bytes(size: u64, from: &mut dyn Read) -> Got {
    let mut bytes = room(usize::try_from(size.min(MAX_ROOM)).unwrap_or_default());
    let mut from = from.take(MAX_BYTES);
    let broken = fill(&mut bytes, &mut from).and_then(|()| from.read_to_end(&mut bytes)).err().map(|error| error.to_string());
    bytes.shrink_to_fit();
    Got { outcome: Some(Outcome::Bytes(Arc::new(bytes))), broken, bad: Vec::new() }
}

/// So many bytes, to be written over.
fn room(size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    #[cfg(target_os = "linux")]
    {
        const PAGE: usize = 4096;
        // Fewer are as quick one by one.
        const PAGES_AT_ONCE: usize = 16;
        let first = bytes.as_ptr().align_offset(PAGE).min(size);
        let whole = (size - first) / PAGE * PAGE;
        if whole > PAGES_AT_ONCE * PAGE {
            // Memory comes page by page, each with an interruption, unless it is asked for: a third of the time that reading takes.
            let pages = bytes[first..].as_mut_ptr().cast();
            // SAFETY: the pages lie within memory that is this function's own, and what they hold stays as it is; where the
            // system can't do so, it says so and does nothing.
            unsafe { libc::madvise(pages, whole, libc::MADV_POPULATE_WRITE) };
        }
    }
    bytes
}

/// Fills it, or takes what there is.
fn fill(bytes: &mut Vec<u8>, from: &mut dyn Read) -> io::Result<()> {
    let mut filled = 0;
    let result = loop {
        match from.read(&mut bytes[filled..]) {
            Ok(0) => break Ok(()),
            Ok(length) => filled += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Err(error),
        }
    };
    bytes.truncate(filled);
    result
}

fn text(from: &mut dyn Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    from.take(MAX_TEXT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_TEXT {
        return Err(io::Error::other("it is too large"));
    }
    String::from_utf8(bytes).map_err(io::Error::other)
}

/// One pass: the object's own JSON is checked and copied, never built.
fn objects(from: &mut dyn Read) -> Got {
    let (mut objects, mut broken, mut bad) = (Vec::new(), None, Vec::new());
    let mut lines = BufReader::with_capacity(256 * 1024, from);
    let mut line = Vec::new();
    for number in 1usize.. {
        line.clear();
        match (&mut lines).take(MAX_LINE).read_until(b'\n', &mut line) {
            Ok(0) => break,
            Ok(_) if line.last() != Some(&b'\n') && line.len() as u64 >= MAX_LINE => {
                broken = Some(format!("line {number} is longer than {} MiB", MAX_LINE >> 20));
                break;
            }
            Ok(_) => {}
            Err(error) => {
                broken = Some(error.to_string());
                break;
            }
        }
        match object(&line) {
            Some(object) => objects.push(object),
            None if line.trim_ascii().is_empty() => {}
            None if bad.len() < MAX_BAD => bad.push(format!("line {number} is no recorded object")),
            None => {}
        }
    }
    Got { outcome: Some(Outcome::Objects(objects)), broken, bad }
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, default)]
    namespace: Cow<'a, str>,
    #[serde(borrow, default)]
    name: Cow<'a, str>,
    #[serde(default)]
    place: Option<Place>,
    #[serde(borrow)]
    object: &'a RawValue,
}

fn object(line: &[u8]) -> Option<Object> {
    let line: Line<'_> = serde_json::from_str(std::str::from_utf8(line).ok()?).ok()?;
    let json = line.object.get();
    if !json.starts_with('{') {
        return None;
    }
    if line.name.is_empty() {
        return redact::trusted(json.into(), line.place);
    }
    Some(Object { namespace: (&*line.namespace).into(), name: (&*line.name).into(), json: json.into(), place: line.place })
}

/// A list as kubectl prints it; nobody has redacted it yet.
fn list(text: &str) -> io::Result<Vec<Object>> {
    #[derive(Deserialize)]
    struct List {
        items: Vec<Value>,
    }
    let list: List = serde_json::from_str(text)?;
    Ok(list.items.into_iter().filter_map(|item| redact::intake(item, None)).collect())
}
