//! TOML as Helm's `toToml` writes it: keys sorted, those without tables first, two blanks a level.

use crate::charts::functions::layout;
use crate::charts::template::print;
use crate::charts::value::{DEPTH, Value};
use std::fmt::Write;

/// What cannot be written is told in place of the text, as Helm does; `Err` is for what we can't do.
pub fn write(value: &Value) -> Result<String, String> {
    let mut writer = Writer { out: String::new() };
    match writer.top(value) {
        Ok(()) => Ok(writer.out),
        Err(Wrong::Told(message)) => Ok(format!("toml: {message}")),
        Err(Wrong::Ours(message)) => Err(message),
    }
}

enum Wrong {
    Told(&'static str),
    Ours(String),
}

#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Nothing,
    Plain,
    Table,
    Tables,
}

/// What a value is in TOML. A list is looked through to its end: nothing in it may be nil.
fn shape(value: &Value, depth: usize) -> Result<Shape, Wrong> {
    let next = depth.checked_sub(1).ok_or_else(|| Wrong::Ours("the value holds itself or is nested too deeply".to_owned()))?;
    Ok(match value {
        Value::Nil => Shape::Nothing,
        Value::Map(_) => Shape::Table,
        Value::List(list) => {
            let mut all_tables = !list.items.is_empty();
            for item in list.items.iter() {
                match shape(item, next)? {
                    Shape::Nothing => return Err(Wrong::Told("cannot encode array with nil element")),
                    Shape::Table => {}
                    _ => all_tables = false,
                }
            }
            if all_tables { Shape::Tables } else { Shape::Plain }
        }
        Value::Struct(_) | Value::Files(_) => {
            return Err(Wrong::Ours(format!("toToml of {} is not supported", value.type_name())));
        }
        _ => Shape::Plain,
    })
}

struct Writer {
    out: String,
}

impl Writer {
    fn top(&mut self, value: &Value) -> Result<(), Wrong> {
        match shape(value, DEPTH)? {
            Shape::Nothing => Err(Wrong::Ours("reflect: call of reflect.Value.Type on zero Value".to_owned())),
            Shape::Table => self.table(&mut Vec::new(), value),
            Shape::Tables => Err(Wrong::Told("top-level values must be Go maps or structs")),
            Shape::Plain => self.item(value),
        }
    }

    fn newline(&mut self) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
    }

    fn heading(&mut self, path: &[String], open: &str, close: &str) {
        let words: Vec<String> = path.iter().map(|key| quoted_key(key)).collect();
        let indent = "  ".repeat(path.len() - 1);
        _ = write!(self.out, "{indent}{open}{}{close}", words.join("."));
        self.newline();
    }

    /// What a table holds; its heading is there already.
    fn table(&mut self, path: &mut Vec<String>, value: &Value) -> Result<(), Wrong> {
        for (key, value, shape) in parts(value)? {
            path.push(key);
            match shape {
                Shape::Nothing => {}
                Shape::Plain => {
                    let key = quoted_key(&path[path.len() - 1]);
                    _ = write!(self.out, "{}{key} = ", "  ".repeat(path.len() - 1));
                    self.item(&value)?;
                    self.newline();
                }
                Shape::Table => {
                    if path.len() == 1 {
                        self.newline();
                    }
                    self.heading(path, "[", "]");
                    self.table(path, &value)?;
                }
                Shape::Tables => {
                    let Value::List(list) = &value else { continue };
                    for item in list.items.iter() {
                        self.newline();
                        self.heading(path, "[[", "]]");
                        self.table(path, item)?;
                    }
                }
            }
            path.pop();
        }
        Ok(())
    }

    /// A value on its line.
    fn item(&mut self, value: &Value) -> Result<(), Wrong> {
        match value {
            Value::Str(text) => self.out.push_str(&quoted(text)),
            Value::Float(f) => {
                let text = if f.is_nan() { "nan".to_owned() } else { print::float(*f) };
                let text = text.replace("+Inf", "inf").replace("Inf", "inf");
                let whole = f.is_finite() && !text.contains(['.', 'e']);
                _ = write!(self.out, "{text}{}", if whole { ".0" } else { "" });
            }
            Value::Time(time) => self.out.push_str(&layout::format(time, "2006-01-02T15:04:05.999999999Z07:00")),
            Value::Bytes(bytes) => {
                let words: Vec<String> = bytes.iter().map(ToString::to_string).collect();
                _ = write!(self.out, "[{}]", words.join(", "));
            }
            Value::List(list) => {
                self.out.push('[');
                for (i, item) in list.items.iter().enumerate() {
                    self.out.push_str(if i > 0 { ", " } else { "" });
                    self.item(item)?;
                }
                self.out.push(']');
            }
            Value::Map(_) => {
                let all = parts(value)?;
                self.out.push('{');
                // Go puts the comma behind every key but the last, whether or not that one is written.
                for (i, (key, value, shape)) in all.iter().enumerate() {
                    if *shape == Shape::Nothing {
                        continue;
                    }
                    _ = write!(self.out, "{} = ", quoted_key(key));
                    self.item(value)?;
                    self.out.push_str(if i + 1 < all.len() { ", " } else { "" });
                }
                self.out.push('}');
            }
            other => self.out.push_str(&print::value(other)),
        }
        Ok(())
    }
}

/// Keys and what they hold, tables last.
fn parts(value: &Value) -> Result<Vec<(String, Value, Shape)>, Wrong> {
    let Value::Map(map) = value else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    for (key, value) in map.entries.borrow().iter() {
        all.push((key.to_string(), value.clone(), shape(value, DEPTH)?));
    }
    all.sort_by_key(|(_, _, shape)| matches!(shape, Shape::Table | Shape::Tables));
    Ok(all)
}

fn quoted_key(key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !key.is_empty() && key.chars().all(bare) { key.to_owned() } else { quoted(key) }
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            c if c < ' ' || c == '\u{7f}' => _ = write!(out, "\\u{:04x}", c as u32),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charts::value::Entries;

    fn map(pairs: &[(&str, Value)]) -> Value {
        Value::map(pairs.iter().map(|(key, value)| ((*key).into(), value.clone())).collect::<Entries>())
    }

    #[test]
    fn tables_come_after_what_is_plain() {
        let inner = map(&[("c d", Value::Float(1.0)), ("e", Value::Nil)]);
        let value = map(&[
            ("a", inner.clone()),
            ("b", Value::list(vec![Value::Int(1), Value::str("x\n")])),
            ("t", Value::list(vec![inner.clone(), map(&[("deep", inner.clone())])])),
            ("z", Value::list(vec![Value::Bool(true), inner])),
        ]);
        let wanted = "b = [1, \"x\\n\"]\nz = [true, {\"c d\" = 1.0, }]\n\n[a]\n  \"c d\" = 1.0\n\n[[t]]\n  \"c d\" = 1.0\n\n[[t]]\n  [t.deep]\n    \"c d\" = 1.0\n";
        assert_eq!(write(&value).unwrap(), wanted);
    }

    #[test]
    fn what_has_no_place_in_toml_is_told_as_helm_tells_it() {
        let list = |items: Vec<Value>| write(&map(&[("a", Value::list(items))])).unwrap();
        assert_eq!(list(vec![Value::Nil]), "toml: cannot encode array with nil element");
        assert_eq!(write(&Value::list(vec![map(&[])])).unwrap(), "toml: top-level values must be Go maps or structs");
        assert_eq!(write(&map(&[])).unwrap(), "");
        assert!(write(&Value::Nil).is_err());
    }
}
