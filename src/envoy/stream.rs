//! A big answer that comes in parts: what nobody asks for passes by, the rest is given away in batches.
//!
//! A dump of a big mesh is hundreds of megabytes, and a table shows a few of them: to hold the text takes more time than to
//! read it, because fresh memory is slow. Here a buffer of a size that fits a processor's cache is filled again and again;
//! [`Walk`] finds in it where the elements of the wanted lists lie, and several threads, in turn the one that walks, decode
//! what they were given into an arena of their own.
//!
//! Only what is in order is read this way. Whatever isn't, cut, broken or of another shape, is [`Odd`]: then the whole text
//! is read the other way ([`super::Dump::read`]), which can say what is wrong with it and where.

use super::decode::Element;
use super::entry::State;
use super::json::scan::{self, Nested};
use super::section::{List, Section};
use crate::shares;
use bumpalo::Bump;
use std::io::Read;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// So much is read at once; with what is decoded from it, it fits the second cache of most processors.
const BATCH: usize = 256 << 10;

/// It can't be read in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Odd;

/// Which answer it is, and what is wanted of it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape<'w> {
    Dump(&'w [Section]),
    Hosts,
}

/// What was decoded lives here: one for each thread.
#[derive(Debug)]
pub struct Arenas {
    arenas: Vec<Bump>,
    batch: usize,
}

impl Default for Arenas {
    fn default() -> Self {
        Arenas::new(shares::threads(), BATCH)
    }
}

impl Arenas {
    fn new(threads: usize, batch: usize) -> Self {
        Arenas { arenas: (0..threads).map(|_| Bump::new()).collect(), batch }
    }
}

/// Bytes of the answer, and where in them whole elements lie.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    filled: usize,
    elements: Vec<Element>,
}

impl Batch {
    /// The elements with their texts.
    pub fn elements(&self) -> impl Iterator<Item = (&Element, Result<&str, Odd>)> {
        let text = |element: &Element| self.bytes.get(element.from..element.end).and_then(|text| std::str::from_utf8(text).ok());
        self.elements.iter().map(move |element| (element, text(element).ok_or(Odd)))
    }
}

/// Decodes all of it: `read` makes something of each batch, and the results come in the order of the text, with the
/// sections that are there.
pub(super) fn read<'k, R: Send>(
    input: impl Read + Send,
    shape: Shape<'_>,
    arenas: &'k mut Arenas,
    read: impl Fn(&Batch, &'k Bump) -> Result<R, Odd> + Sync,
) -> Result<(Vec<R>, Vec<Section>), Odd> {
    let walk = Mutex::new((0, Walk::new(input, shape, arenas.batch)));
    let work = |arena: &'k mut Bump| {
        let arena: &'k Bump = arena;
        let mut batch = Batch::default();
        let mut results = Vec::new();
        loop {
            let number = {
                let mut walk = walk.lock().unwrap_or_else(PoisonError::into_inner);
                if !walk.1.next(&mut batch)? {
                    return Ok(results);
                }
                walk.0 += 1;
                walk.0
            };
            match read(&batch, arena) {
                Ok(result) => results.push((number, result)),
                Err(odd) => {
                    walk.lock().unwrap_or_else(PoisonError::into_inner).1.stop();
                    return Err(odd);
                }
            }
        }
    };
    let shares: Vec<Result<Vec<(usize, R)>, Odd>> = thread::scope(|scope| {
        let Some((first, others)) = arenas.arenas.split_first_mut() else { return Vec::new() };
        let work = &work;
        let others: Vec<_> = others.iter_mut().map(|arena| scope.spawn(move || work(arena))).collect();
        let mut shares = vec![work(first)];
        shares.extend(others.into_iter().map(|other| other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))));
        shares
    });
    let mut results = Vec::new();
    for share in shares {
        results.extend(share?);
    }
    results.sort_by_key(|(number, _)| *number);
    let (_, walk) = walk.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok((results.into_iter().map(|(_, result)| result).collect(), walk.present))
}

/// Where in the text it is. What the outer brackets are follows from the inner ones.
#[derive(Clone, Copy, Debug)]
enum Place {
    Start,
    Root { first: bool },
    Configs { first: bool },
    Section { first: bool },
    List { list: &'static List, first: bool },
    End,
}

/// A value that is being passed, or kept for somebody.
struct Value {
    keep: Option<&'static List>,
    from: usize,
    /// Up to there it was looked at.
    seen: usize,
    nested: Option<Nested>,
}

enum Step {
    Taken,
    /// More bytes are needed to take it.
    Short,
    Done,
}

/// Goes through a text that comes in parts.
struct Walk<'w, I> {
    input: I,
    shape: Shape<'w>,
    size: usize,
    place: Place,
    value: Option<Value>,
    /// What was read and belongs to the next batch.
    rest: Vec<u8>,
    at: usize,
    /// Up to there the batch is UTF-8.
    checked: usize,
    ended: bool,
    done: bool,
    odd: bool,
    seen: bool,
    present: Vec<Section>,
}

/// Endpoints as the proxy judges them.
const HOSTS: List = List { name: "cluster_statuses", section: Section::Endpoints, state: State::Active };

impl<'w, I: Read> Walk<'w, I> {
    fn new(input: I, shape: Shape<'w>, size: usize) -> Self {
        Walk {
            input,
            shape,
            size,
            place: Place::Start,
            value: None,
            rest: Vec::new(),
            at: 0,
            checked: 0,
            ended: false,
            done: false,
            odd: false,
            seen: false,
            present: Vec::new(),
        }
    }

    fn stop(&mut self) {
        self.odd = true;
    }

    /// Fills the batch with the next elements; `false` if there are no more, and all is in order.
    fn next(&mut self, batch: &mut Batch) -> Result<bool, Odd> {
        if self.odd {
            return Err(Odd);
        }
        if self.done {
            return Ok(false);
        }
        let next = self.advance(batch);
        self.odd = next.is_err();
        next
    }

    fn advance(&mut self, batch: &mut Batch) -> Result<bool, Odd> {
        batch.elements.clear();
        batch.filled = self.rest.len();
        if batch.bytes.len() < batch.filled.max(self.size) {
            batch.bytes.resize(batch.filled.max(self.size), 0);
        }
        batch.bytes[..batch.filled].copy_from_slice(&self.rest);
        loop {
            loop {
                match self.step(batch)? {
                    Step::Taken => {}
                    Step::Short => break,
                    Step::Done => {
                        self.done = true;
                        return Ok(!batch.elements.is_empty());
                    }
                }
            }
            let needed = self.value.as_ref().map_or(self.at, |value| if value.keep.is_some() { value.from } else { value.seen });
            if batch.elements.is_empty() {
                // Nothing in the batch is for anybody but what is still needed.
                batch.bytes.copy_within(needed..batch.filled, 0);
                batch.filled -= needed;
                self.moved(needed);
            } else if batch.filled == batch.bytes.len() {
                self.rest.clear();
                self.rest.extend_from_slice(&batch.bytes[needed..batch.filled]);
                self.moved(needed);
                return Ok(true);
            }
            self.fill(batch)?;
        }
    }

    /// The batch begins so many bytes later.
    fn moved(&mut self, by: usize) {
        self.at -= by.min(self.at);
        self.checked -= by.min(self.checked);
        if let Some(value) = &mut self.value {
            value.from -= by.min(value.from);
            value.seen -= by.min(value.seen);
        }
    }

    fn fill(&mut self, batch: &mut Batch) -> Result<(), Odd> {
        if self.ended {
            return Err(Odd);
        }
        if batch.filled == batch.bytes.len() {
            // One element is bigger than the batch.
            batch.bytes.resize(batch.bytes.len() * 2, 0);
        }
        while batch.filled < batch.bytes.len() && !self.ended {
            match self.input.read(&mut batch.bytes[batch.filled..]) {
                Ok(0) => self.ended = true,
                Ok(length) => batch.filled += length,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Odd),
            }
        }
        match std::str::from_utf8(&batch.bytes[self.checked..batch.filled]) {
            Ok(_) => self.checked = batch.filled,
            // A character may come in two parts.
            Err(error) if error.error_len().is_none() && !self.ended => self.checked += error.valid_up_to(),
            Err(_) => return Err(Odd),
        }
        Ok(())
    }

    fn step(&mut self, batch: &mut Batch) -> Result<Step, Odd> {
        let bytes = &batch.bytes[..batch.filled];
        if let Some(value) = &mut self.value {
            let Some(end) = value.end(bytes, self.ended)? else { return Ok(Step::Short) };
            if let Some(&List { section, state, .. }) = value.keep {
                batch.elements.push(Element { section, state, from: value.from, end });
            }
            self.at = end;
            self.value = None;
            return Ok(Step::Taken);
        }
        let before = self.at;
        let step = self.between(bytes)?;
        if matches!(step, Step::Short) {
            self.at = before;
        }
        Ok(step)
    }

    /// From one value to the next: brackets, commas, keys.
    fn between(&mut self, bytes: &[u8]) -> Result<Step, Odd> {
        let Some(byte) = self.peek(bytes) else {
            let all = matches!(self.place, Place::End) && self.ended;
            return Ok(if all { Step::Done } else { Step::Short });
        };
        match self.place {
            Place::Start if byte == b'{' => self.enter(Place::Root { first: true }),
            Place::Root { first } => match self.member(bytes, byte, first)? {
                Member::Short => Ok(Step::Short),
                Member::Last if self.seen => self.enter_at(Place::End),
                // Either it is empty or it is something else.
                Member::Last => Err(Odd),
                Member::Named(key, value) => self.root(key, value),
            },
            Place::Configs { first } => match self.element(bytes, byte, first)? {
                Member::Short => Ok(Step::Short),
                Member::Last => self.enter_at(Place::Root { first: false }),
                Member::Named(_, b'{') => self.enter(Place::Section { first: true }),
                Member::Named(..) => Err(Odd),
            },
            Place::Section { first } => match self.member(bytes, byte, first)? {
                Member::Short => Ok(Step::Short),
                Member::Last => self.enter_at(Place::Configs { first: false }),
                Member::Named(key, value) => self.section(bytes, key, value),
            },
            Place::List { list, first } => match self.element(bytes, byte, first)? {
                Member::Short => Ok(Step::Short),
                Member::Last => self.enter_at(self.around()),
                Member::Named(..) => self.pass(Some(list), Place::List { list, first: false }),
            },
            Place::Start | Place::End => Err(Odd),
        }
    }

    fn around(&self) -> Place {
        match self.shape {
            Shape::Dump(_) => Place::Section { first: false },
            Shape::Hosts => Place::Root { first: false },
        }
    }

    fn root(&mut self, key: &str, value: u8) -> Result<Step, Odd> {
        let after = Place::Root { first: false };
        match (self.shape, key) {
            (Shape::Dump(_), "configs") => {
                self.seen = true;
                match value {
                    b'[' => self.enter(Place::Configs { first: true }),
                    b'n' => self.pass(None, after),
                    _ => Err(Odd),
                }
            }
            (Shape::Hosts, "cluster_statuses" | "clusterStatuses") => {
                self.seen = true;
                if value == b'[' { self.enter(Place::List { list: &HOSTS, first: true }) } else { Err(Odd) }
            }
            _ => self.pass(None, after),
        }
    }

    fn section(&mut self, bytes: &[u8], key: &str, value: u8) -> Result<Step, Odd> {
        let after = Place::Section { first: false };
        let Some(list) = List::of_name(key) else {
            if key == "@type" && value == b'"' {
                let Some((url, end)) = text(bytes, self.at)? else { return Ok(Step::Short) };
                self.at = end;
                self.place = after;
                Section::of_type(url).into_iter().for_each(|section| self.saw(section));
                return Ok(Step::Taken);
            }
            return self.pass(None, after);
        };
        self.saw(list.section);
        let wanted = matches!(self.shape, Shape::Dump(sections) if sections.contains(&list.section));
        match value {
            b'n' if list.section != Section::Bootstrap => self.pass(None, after),
            b'[' if wanted && list.section != Section::Bootstrap => self.enter(Place::List { list, first: true }),
            _ => self.pass(Some(list).filter(|_| wanted), after),
        }
    }

    fn saw(&mut self, section: Section) {
        if !self.present.contains(&section) {
            self.present.push(section);
        }
    }

    /// Takes the bracket that opens or closes.
    fn enter(&mut self, place: Place) -> Result<Step, Odd> {
        self.at += 1;
        self.enter_at(place)
    }

    fn enter_at(&mut self, place: Place) -> Result<Step, Odd> {
        self.place = place;
        Ok(Step::Taken)
    }

    fn pass(&mut self, keep: Option<&'static List>, after: Place) -> Result<Step, Odd> {
        self.value = Some(Value { keep, from: self.at, seen: self.at, nested: None });
        self.enter_at(after)
    }

    fn peek(&mut self, bytes: &[u8]) -> Option<u8> {
        self.at = scan::after_space(bytes, self.at);
        bytes.get(self.at).copied()
    }

    /// The key of the next member and the first byte of its value, where the walk then is.
    fn member<'b>(&mut self, bytes: &'b [u8], byte: u8, first: bool) -> Result<Member<'b>, Odd> {
        let byte = match byte {
            b'}' => {
                self.at += 1;
                return Ok(Member::Last);
            }
            b',' if !first => {
                self.at += 1;
                let Some(byte) = self.peek(bytes) else { return Ok(Member::Short) };
                byte
            }
            byte if first => byte,
            _ => return Err(Odd),
        };
        if byte != b'"' {
            return Err(Odd);
        }
        let Some((key, end)) = text(bytes, self.at)? else { return Ok(Member::Short) };
        self.at = end;
        match self.peek(bytes) {
            Some(b':') => self.at += 1,
            Some(_) => return Err(Odd),
            None => return Ok(Member::Short),
        }
        Ok(self.peek(bytes).map_or(Member::Short, |value| Member::Named(key, value)))
    }

    fn element(&mut self, bytes: &[u8], byte: u8, first: bool) -> Result<Member<'static>, Odd> {
        match byte {
            b']' => {
                self.at += 1;
                Ok(Member::Last)
            }
            b',' if !first => {
                self.at += 1;
                Ok(self.peek(bytes).map_or(Member::Short, |value| Member::Named("", value)))
            }
            byte if first => Ok(Member::Named("", byte)),
            _ => Err(Odd),
        }
    }
}

enum Member<'b> {
    Named(&'b str, u8),
    Last,
    Short,
}

impl Value {
    /// The place behind it, if that has come; the same values are taken as by [`super::json::Reader::skip`].
    fn end(&mut self, bytes: &[u8], last: bool) -> Result<Option<usize>, Odd> {
        if self.nested.is_none() {
            match bytes.get(self.from) {
                Some(b'{' | b'[') => {
                    self.nested = Some(Nested::default());
                    self.seen = self.from + 1;
                }
                Some(b'"') => return Ok(scan::end_of_string(bytes, self.from + 1)),
                Some(b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
                    let end = scan::end_of_scalar(bytes, self.from);
                    return Ok((end < bytes.len()).then_some(end));
                }
                _ => return Err(Odd),
            }
        }
        let Some(nested) = &mut self.nested else { return Err(Odd) };
        match nested.end(bytes.get(self.seen..).unwrap_or_default(), last) {
            Ok(length) => Ok(Some(self.seen + length)),
            Err(length) => {
                self.seen += length;
                Ok(None)
            }
        }
    }
}

/// The text whose quote stands there, and the place behind it. Keys and types have no escapes.
fn text(bytes: &[u8], at: usize) -> Result<Option<(&str, usize)>, Odd> {
    let rest = bytes.get(at + 1..).unwrap_or_default();
    let Some(length) = memchr::memchr2(b'"', b'\\', rest) else { return Ok(None) };
    let text = &rest[..length];
    if rest[length] == b'\\' || text.iter().any(|byte| *byte < b' ') {
        return Err(Odd);
    }
    std::str::from_utf8(text).map(|text| Some((text, at + length + 2))).map_err(|_| Odd)
}

#[cfg(test)]
mod tests;
