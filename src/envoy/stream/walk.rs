//! Finds in a text that comes in parts where the elements of the wanted lists lie.

use super::{Batch, Odd, Part, Shape, What};
use crate::envoy::entry::State;
use crate::envoy::section::{List, Section};
use crate::json::scan::{self, Nested};
use std::io::Read;

/// Where in the text it is. What the outer brackets are follows from the inner ones.
#[derive(Clone, Copy, Debug)]
enum Place {
    Start,
    Root { first: bool },
    Configs { first: bool },
    Section { first: bool },
    List { list: &'static List, first: bool },
    Entry { list: &'static List, first: bool },
    RouteConfig { list: &'static List, first: bool },
    VirtualHosts { list: &'static List, first: bool },
    End,
}

/// What stands around the virtual hosts of a route configuration.
#[derive(Default)]
struct Around {
    text: Vec<u8>,
    /// From there it was not copied yet; nothing while it is at a virtual host.
    from: Option<usize>,
    /// The list that it belongs to, once it is whole.
    whole: Option<&'static List>,
}

/// A value that is being passed, or kept for somebody.
struct Value {
    keep: Option<(&'static List, What)>,
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
pub struct Walk<'w, I> {
    input: I,
    shape: Shape<'w>,
    size: usize,
    place: Place,
    value: Option<Value>,
    around: Around,
    /// What was read and belongs to the next batch.
    rest: Vec<u8>,
    at: usize,
    /// Up to there the batch is UTF-8.
    checked: usize,
    ended: bool,
    done: bool,
    odd: bool,
    seen: bool,
    pub present: Vec<Section>,
}

/// Endpoints as the proxy judges them.
const HOSTS: List = List { name: "cluster_statuses", section: Section::Endpoints, state: State::Active };

impl<'w, I: Read> Walk<'w, I> {
    pub fn new(input: I, shape: Shape<'w>, size: usize) -> Self {
        Walk {
            input,
            shape,
            size,
            place: Place::Start,
            value: None,
            around: Around::default(),
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

    pub fn stop(&mut self) {
        self.odd = true;
    }

    /// Fills the batch with the next elements; `false` if there are no more, and all is in order.
    pub fn next(&mut self, batch: &mut Batch) -> Result<bool, Odd> {
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
        batch.parts.clear();
        batch.around.clear();
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
                        return Ok(!batch.parts.is_empty());
                    }
                }
            }
            let needed = self.value.as_ref().map_or(self.at, |value| if value.keep.is_some() { value.from } else { value.seen });
            let needed = self.around.from.map_or(needed, |from| from.min(needed));
            if batch.parts.is_empty() {
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
        if let Some(from) = &mut self.around.from {
            *from -= by.min(*from);
        }
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
            if let Some((&List { section, state, .. }, what)) = value.keep {
                batch.parts.push(Part { what, section, state, from: value.from, end });
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
        if let Some(&List { section, state, .. }) = self.around.whole.take() {
            let from = batch.around.len();
            batch.around.append(&mut self.around.text);
            batch.parts.push(Part { what: What::Around, section, state, from, end: batch.around.len() });
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
                Member::Last => self.enter_at(self.outside()),
                Member::Named(_, b'{') if list.section == Section::Routes => {
                    self.around.from = Some(self.at);
                    self.enter(Place::Entry { list, first: true })
                }
                Member::Named(..) => self.pass(Some((list, What::Element)), Place::List { list, first: false }),
            },
            Place::Entry { list, first } => match self.member(bytes, byte, first)? {
                Member::Short => Ok(Step::Short),
                Member::Last => {
                    self.copy_around(bytes);
                    self.around.whole = Some(list);
                    self.enter_at(Place::List { list, first: false })
                }
                Member::Named("route_config" | "routeConfig", b'{') => self.enter(Place::RouteConfig { list, first: true }),
                Member::Named(..) => self.pass(None, Place::Entry { list, first: false }),
            },
            Place::RouteConfig { list, first } => match self.member(bytes, byte, first)? {
                Member::Short => Ok(Step::Short),
                Member::Last => self.enter_at(Place::Entry { list, first: false }),
                Member::Named("virtual_hosts" | "virtualHosts", b'[') => {
                    let step = self.enter(Place::VirtualHosts { list, first: true });
                    self.copy_around(bytes);
                    step
                }
                Member::Named(..) => self.pass(None, Place::RouteConfig { list, first: false }),
            },
            Place::VirtualHosts { list, first } => match self.element(bytes, byte, first)? {
                Member::Short => Ok(Step::Short),
                Member::Last => {
                    self.around.from = Some(self.at - 1);
                    self.enter_at(Place::RouteConfig { list, first: false })
                }
                Member::Named(..) => self.pass(Some((list, What::VirtualHost)), Place::VirtualHosts { list, first: false }),
            },
            Place::Start | Place::End => Err(Odd),
        }
    }

    /// Up to where it is.
    fn copy_around(&mut self, bytes: &[u8]) {
        if let Some(from) = self.around.from.take() {
            self.around.text.extend_from_slice(bytes.get(from..self.at).unwrap_or_default());
        }
    }

    fn outside(&self) -> Place {
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
            _ => self.pass(Some((list, What::Element)).filter(|_| wanted), after),
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

    fn pass(&mut self, keep: Option<(&'static List, What)>, after: Place) -> Result<Step, Odd> {
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
    /// The place behind it, if that has come; the same values are taken as by [`crate::json::Reader::skip`].
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
