//! YAML 1.1 to values, by way of JSON as Helm does it: every number a float, every key a string.

use super::scalar::{Plain, resolve};
use crate::charts::value::{DEPTH, Entries, Value};
use granit_parser::{Event, Parser, ScalarStyle};
use std::collections::BTreeMap;

/// More nodes than this, aliases counted out, are an attack.
const NODES: usize = 2_000_000;

struct Loader<'a> {
    parser: Parser<'a, granit_parser::StrInput<'a>>,
    anchors: BTreeMap<usize, Value>,
    left: usize,
}

/// The first document of the text.
pub fn document(text: &str) -> Result<Value, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut loader = Loader { parser: Parser::new_from_str(text), anchors: BTreeMap::new(), left: NODES };
    loop {
        match loader.next()? {
            Event::StreamStart | Event::DocumentStart(..) => {}
            Event::StreamEnd | Event::DocumentEnd => return Ok(Value::Nil),
            event => {
                let value = loader.node(event, 0)?.value;
                // What stands behind it must be YAML as well.
                while !matches!(loader.next()?, Event::DocumentEnd | Event::StreamEnd) {}
                return Ok(value);
            }
        }
    }
}

/// A node, and what it is called if it is a key.
struct Node {
    value: Value,
    key: Option<String>,
    merge: bool,
}

impl<'a> Loader<'a> {
    fn next(&mut self) -> Result<Event<'a>, String> {
        loop {
            match self.parser.next_event() {
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok((event, _))) => return Ok(event),
                Some(Err(e)) => return Err(e.to_string()),
                None => return Ok(Event::StreamEnd),
            }
        }
    }

    fn spend(&mut self, nodes: usize) -> Result<(), String> {
        self.left = self.left.checked_sub(nodes).ok_or("the YAML has too many nodes")?;
        Ok(())
    }

    fn node(&mut self, event: Event<'a>, depth: usize) -> Result<Node, String> {
        self.spend(1)?;
        if depth > DEPTH {
            return Err("the YAML is nested too deeply".to_owned());
        }
        let (value, anchor, key, merge) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.as_deref().map(|tag| tag.suffix().to_owned());
                let (value, key, merge) = scalar(&text, style == ScalarStyle::Plain, tag.as_deref())?;
                (value, anchor, Some(key), merge)
            }
            Event::SequenceStart(_, anchor, _) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        Event::SequenceEnd => break,
                        event => items.push(self.node(event, depth + 1)?.value),
                    }
                }
                (Value::list(items), anchor, None, false)
            }
            Event::MappingStart(_, anchor, _) => {
                let mut entries = Entries::new();
                loop {
                    let key = match self.next()? {
                        Event::MappingEnd => break,
                        event => self.node(event, depth + 1)?,
                    };
                    let event = self.next()?;
                    let value = self.node(event, depth + 1)?.value;
                    if key.merge {
                        merge_into(&mut entries, &value)?;
                        continue;
                    }
                    let name = key.key.ok_or("a key that is a list or a mapping is not supported")?;
                    entries.insert(name.into(), value);
                }
                (Value::map(entries), anchor, None, false)
            }
            Event::Alias(anchor) => {
                let value = self.anchors.get(&anchor).cloned().ok_or("an alias without its anchor")?;
                self.spend(count(&value))?;
                let key = match &value {
                    Value::Str(text) => Some(text.to_string()),
                    Value::Bool(b) => Some(b.to_string()),
                    Value::Float(f) => Some(super::json::number(*f)?),
                    _ => None,
                };
                return Ok(Node { value: value.deep_copy(DEPTH)?, key, merge: false });
            }
            other => return Err(format!("unexpected {other:?} in YAML")),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, value.clone());
        }
        Ok(Node { value, key, merge })
    }
}

fn count(value: &Value) -> usize {
    match value {
        Value::List(list) => 1 + list.items.iter().map(count).sum::<usize>(),
        Value::Map(map) => 1 + map.entries.borrow().values().map(count).sum::<usize>(),
        _ => 1,
    }
}

fn scalar(text: &str, plain: bool, tag: Option<&str>) -> Result<(Value, String, bool), String> {
    let as_text = || Ok((Value::str(text), text.to_owned(), false));
    match tag {
        Some("str") => return as_text(),
        Some("int" | "float" | "bool" | "null") | None => {}
        // `!` alone says: no plain scalar.
        Some("") | Some("!") => return as_text(),
        Some("binary") => return Err("!!binary is not supported".to_owned()),
        Some(_) => return as_text(),
    }
    if !plain && tag.is_none() {
        return as_text();
    }
    Ok(match resolve(text) {
        Plain::Null => (Value::Nil, "null".to_owned(), false),
        Plain::Bool(b) => (Value::Bool(b), b.to_string(), false),
        Plain::Int(i) => (Value::Float(i as f64), i.to_string(), false),
        Plain::Float(f) if f.is_finite() => (Value::Float(f), super::json::number(f)?, false),
        Plain::Float(_) => return Err(format!("{text} is no number in JSON")),
        Plain::Merge => (Value::str(text), text.to_owned(), true),
        Plain::Timestamp | Plain::Text => return as_text(),
    })
}

/// `<<`: keys of other mappings. They win over keys before them and lose to those behind.
fn merge_into(entries: &mut Entries, from: &Value) -> Result<(), String> {
    match from {
        Value::Map(map) => {
            let pairs: Vec<_> = map.entries.borrow().iter().map(|(key, value)| (key.clone(), value.clone())).collect();
            for (key, value) in pairs {
                entries.insert(key, value.deep_copy(DEPTH)?);
            }
            Ok(())
        }
        Value::List(list) => list.items.iter().rev().try_for_each(|item| merge_into(entries, item)),
        _ => Err("map merge requires map or sequence of maps as the value".to_owned()),
    }
}
