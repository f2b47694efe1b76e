//! One file of a recording.

use super::Content;
use crate::facts::{Object, Outcome, Place};
use crate::shares;
use crate::source::{memory, redact};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

/// No object of an API server comes near it; its limit is 1.5 MiB.
const MAX_LINE: usize = 64 << 20;
/// Lines are kept in blocks of about this size, so that several threads can read them, and each ends with its reading.
const BLOCK: usize = 256 << 10;
/// So many blocks are worth a thread.
const SHARE: usize = 2;
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

/// What came out of a file at once.
pub enum Came {
    Read(Got),
    /// Most commands look at a few of the lists.
    Lines(Lines),
}

/// `size`: as the recording says, which may be wrong.
pub fn read(content: Content, size: u64, from: &mut dyn Read) -> Came {
    let whole = |read: io::Result<Outcome>| match read {
        Ok(outcome) => Got { outcome: Some(outcome), ..Got::default() },
        Err(error) => Got { broken: Some(error.to_string()), ..Got::default() },
    };
    Came::Read(match content {
        Content::Objects => return Came::Lines(Lines::take(size, from)),
        Content::Text => whole(text(from).map(Outcome::Text)),
        Content::Bytes => bytes(size, from),
        Content::List => whole(text(from).and_then(|text| list(&text)).map(Outcome::Objects)),
    })
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
    memory::ready(&mut bytes, 0..size);
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

/// Objects as they were written, a line each: they are made when somebody asks for them.
pub struct Lines {
    /// Each ends where a line does. Empty once they were read.
    blocks: Vec<Mutex<Vec<u8>>>,
    broken: Option<String>,
}

impl Lines {
    fn take(size: u64, from: &mut dyn Read) -> Lines {
        let mut lines = Lines { blocks: Vec::new(), broken: None };
        let mut seen = 0;
        let mut rest = Vec::with_capacity(usize::try_from(size).unwrap_or(BLOCK).min(BLOCK));
        loop {
            let mut block = std::mem::take(&mut rest);
            let before = block.len();
            let came = from.take(BLOCK.min(MAX_LINE - before) as u64).read_to_end(&mut block);
            let end = came.as_ref().is_ok_and(|came| *came == 0);
            let whole = memchr::memrchr(b'\n', &block[before..]).map_or(0, |at| before + at + 1);
            // The last line may lack its end; one that breaks off is none.
            if !end {
                rest = block.split_off(whole);
            }
            lines.broken = match came {
                Err(error) => Some(error.to_string()),
                Ok(_) if rest.len() >= MAX_LINE => {
                    let number = seen + newlines(&block) + 1;
                    Some(format!("line {number} is longer than {} MiB", MAX_LINE >> 20))
                }
                Ok(_) => None,
            };
            seen += newlines(&block);
            if !block.is_empty() {
                lines.blocks.push(Mutex::new(block));
            }
            if end || lines.broken.is_some() {
                return lines;
            }
        }
    }

    /// Makes the objects; the text is gone afterwards.
    pub fn read(&self) -> Got {
        let made = shares::map(&self.blocks, SHARE, |block| {
            objects(&std::mem::take(&mut *block.lock().unwrap_or_else(PoisonError::into_inner)))
        });
        let (mut all, mut bad, mut before) = (Vec::new(), Vec::new(), 0);
        for Block { objects, bad: numbers, lines } in made {
            all.extend(objects);
            bad.extend(numbers.iter().map(|number| format!("line {} is no recorded object", before + number)));
            before += lines;
        }
        bad.truncate(MAX_BAD);
        Got { outcome: Some(Outcome::Objects(all)), broken: self.broken.clone(), bad }
    }
}

fn newlines(block: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', block).count()
}

struct Block {
    objects: Vec<Object>,
    /// Lines that are no object, from 1.
    bad: Vec<usize>,
    lines: usize,
}

/// One pass: the object's own JSON is checked and copied, never built.
fn objects(block: &[u8]) -> Block {
    let mut made = Block { objects: Vec::new(), bad: Vec::new(), lines: 0 };
    for line in block.split_inclusive(|byte| *byte == b'\n') {
        made.lines += 1;
        match object(line) {
            Some(object) => made.objects.push(object),
            None if line.trim_ascii().is_empty() || made.bad.len() == MAX_BAD => {}
            None => made.bad.push(made.lines),
        }
    }
    made
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
    struct List<'a> {
        #[serde(borrow)]
        items: Vec<&'a RawValue>,
    }
    let list: List<'_> = serde_json::from_str(text)?;
    Ok(list.items.into_iter().filter_map(|item| redact::sent(item.get(), None)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: usize) -> String {
        format!("{{\"namespace\":\"shop\",\"name\":\"n{number}\",\"object\":{{\"pad\":\"{}\"}}}}\n", "x".repeat(number % 500))
    }

    fn names(got: &Got) -> Vec<String> {
        let Some(Outcome::Objects(objects)) = &got.outcome else { return Vec::new() };
        objects.iter().map(|object| object.name.to_string()).collect()
    }

    #[test]
    fn lines_of_many_blocks_stay_in_order_and_bad_ones_are_named_by_their_number() {
        let mut text: Vec<String> = (0..5000).map(line).collect();
        for bad in [1, 2500, 4998] {
            text[bad] = "{\"object\":7}\n".to_owned();
        }
        text[3] = "\n".to_owned();
        // The last need not end.
        let text = text.concat();
        let lines = Lines::take(7, &mut text.trim_end().as_bytes());
        assert!(lines.blocks.len() > 3 && lines.broken.is_none());
        let got = lines.read();
        let expected: Vec<_> = (0..5000).filter(|n| ![1, 3, 2500, 4998].contains(n)).map(|n| format!("n{n}")).collect();
        assert_eq!(names(&got), expected);
        assert_eq!(got.bad, [2, 2501, 4999].map(|number| format!("line {number} is no recorded object")));
    }

    #[test]
    fn a_line_that_breaks_off_is_none() {
        struct Breaks;
        impl Read for Breaks {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("cut"))
            }
        }
        let text = format!("{}{}", line(1), &line(2)[..20]);
        let got = Lines::take(0, &mut text.as_bytes().chain(Breaks)).read();
        assert_eq!((names(&got), got.broken.as_deref(), got.bad.len()), (vec!["n1".to_owned()], Some("cut"), 0));
    }

    #[test]
    fn a_line_without_end_is_not_taken() {
        let endless = io::repeat(b'x').take(MAX_LINE as u64 + 2 * BLOCK as u64);
        let got = Lines::take(0, &mut line(1).as_bytes().chain(endless)).read();
        assert_eq!((names(&got), got.broken.as_deref()), (vec!["n1".to_owned()], Some("line 2 is longer than 64 MiB")));
    }
}
