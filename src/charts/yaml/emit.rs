//! YAML as Helm's `toYaml` writes it: go-yaml's style, sorted keys, lists not indented, long lines folded. And as
//! `toYamlPretty` does, by a later go-yaml: lists indented, no line folded, values as they are and not by way of JSON.

use super::scalar::{Plain, is_base60, resolve};
use super::{json, order};
use crate::charts::functions::layout;
use crate::charts::template::print;
use crate::charts::value::{DEPTH, Value};

/// Lines are folded at the first space behind this column.
const WIDTH: usize = 80;

pub fn to_yaml(value: &Value) -> Result<String, String> {
    written(value, false)
}

pub fn to_yaml_pretty(value: &Value) -> Result<String, String> {
    written(value, true)
}

fn written(value: &Value, pretty: bool) -> Result<String, String> {
    let mut emitter = Emitter { out: String::new(), column: 0, whitespace: true, indention: true, pretty };
    emitter.node(value, None, Place::Root, DEPTH)?;
    let mut out = emitter.out;
    if out.ends_with('\n') && (pretty || !matches!(value, Value::Str(_))) {
        out.pop();
    }
    Ok(out)
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Root,
    Item,
    MappingValue,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

struct Emitter {
    out: String,
    column: usize,
    whitespace: bool,
    indention: bool,
    pretty: bool,
}

impl Emitter {
    fn width(&self) -> usize {
        if self.pretty { usize::MAX } else { WIDTH }
    }

    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column = if c == '\n' { 0 } else { self.column + 1 };
    }

    fn indicator(&mut self, text: &str, spaced: bool, whitespace: bool, indention: bool) {
        if spaced && !self.whitespace {
            self.put(' ');
        }
        text.chars().for_each(|c| self.put(c));
        self.whitespace = whitespace;
        self.indention = self.indention && indention;
    }

    fn indent(&mut self, indent: usize) {
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.put('\n');
        }
        while self.column < indent {
            self.put(' ');
        }
        self.whitespace = true;
        self.indention = true;
    }

    /// `indent` is that of the collection around; none at the root.
    fn node(&mut self, value: &Value, indent: Option<usize>, place: Place, depth: usize) -> Result<(), String> {
        let next = depth.checked_sub(1).ok_or("the value holds itself or is nested too deeply")?;
        let inner = indent.map_or(0, |indent| indent + 2);
        match value {
            Value::List(list) if list.items.is_empty() => self.indicator("[]", true, false, false),
            Value::List(list) => {
                // Inside a mapping a list starts where its key does.
                let inner =
                    if place == Place::MappingValue && !self.indention && !self.pretty { indent.unwrap_or(0) } else { inner };
                for item in list.items.iter() {
                    self.indent(inner);
                    self.indicator("-", true, false, true);
                    self.node(item, Some(inner), Place::Item, next)?;
                }
            }
            Value::Struct(it) if self.pretty => return Err(format!("toYamlPretty of {} is not supported", it.type_name)),
            Value::Map(_) | Value::Struct(_) | Value::Files(_) => {
                let mut entries = json::entries(value);
                if entries.is_empty() {
                    self.indicator("{}", true, false, false);
                    return Ok(());
                }
                entries.sort_by(|(a, _), (b, _)| order::compare(a, b, self.pretty));
                for (key, item) in &entries {
                    self.indent(inner);
                    let simple = key.len() <= 128 && !key.contains(BREAKS);
                    if simple {
                        self.scalar(key, inner + 2, true);
                        self.indicator(":", false, false, false);
                    } else {
                        self.indicator("?", true, false, true);
                        self.scalar(key, inner + 2, false);
                        self.indent(inner);
                        self.indicator(":", true, false, true);
                    }
                    self.node(item, Some(inner), Place::MappingValue, next)?;
                }
            }
            Value::Str(text) => self.scalar(text, indent.map_or(2, |indent| indent + 2), false),
            Value::Nil => self.indicator("null", true, false, false),
            Value::Bool(b) => self.indicator(if *b { "true" } else { "false" }, true, false, false),
            Value::Int(i) | Value::Int64(i) => self.indicator(&i.to_string(), true, false, false),
            Value::Float(f) if self.pretty => self.indicator(&print::float(*f), true, false, false),
            Value::Float(f) => self.indicator(&float(*f)?, true, false, false),
            Value::Bytes(bytes) if self.pretty => {
                let numbers = bytes.iter().map(|byte| Value::Int(i64::from(*byte))).collect();
                self.node(&Value::list(numbers), indent, place, next)?;
            }
            Value::Time(time) if self.pretty => {
                self.indicator(&layout::format(time, "2006-01-02T15:04:05.999999999Z07:00"), true, false, false);
            }
            Value::Bytes(_) | Value::Time(_) => {
                let quoted = json::compact(value, false)?;
                self.scalar(&quoted[1..quoted.len() - 1], indent.map_or(2, |indent| indent + 2), false);
            }
        }
        Ok(())
    }

    fn scalar(&mut self, text: &str, indent: usize, key: bool) {
        match style(text, key, self.pretty) {
            Style::Plain => self.plain(text, indent, !key),
            Style::Single => self.single(text, indent, !key),
            Style::Double => self.double(text, indent, !key),
            Style::Literal => self.literal(text, indent),
        }
    }

    fn plain(&mut self, text: &str, indent: usize, folds: bool) {
        if !self.whitespace {
            self.put(' ');
        }
        let mut spaces = false;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            if c == ' ' && folds && !spaces && self.column > self.width() && chars.peek() != Some(&' ') {
                self.indent(indent);
            } else {
                self.put(c);
                self.indention = false;
            }
            spaces = c == ' ';
        }
        self.whitespace = false;
        self.indention = false;
    }

    fn single(&mut self, text: &str, indent: usize, folds: bool) {
        self.indicator("'", true, false, false);
        let (mut spaces, mut breaks) = (false, false);
        let mut chars = text.char_indices().peekable();
        while let Some((i, c)) = chars.next() {
            let next = chars.peek().map(|(_, c)| *c);
            if c == ' ' {
                if folds && !spaces && self.column > self.width() && i > 0 && next.is_some_and(|c| c != ' ') {
                    self.indent(indent);
                } else {
                    self.put(c);
                }
                spaces = true;
            } else if BREAKS.contains(&c) {
                if !breaks && c == '\n' {
                    self.put('\n');
                }
                self.put('\n');
                self.indention = true;
                breaks = true;
            } else {
                if breaks {
                    self.indent(indent);
                }
                if c == '\'' {
                    self.put('\'');
                }
                self.put(c);
                self.indention = false;
                (spaces, breaks) = (false, false);
            }
        }
        self.indicator("'", false, false, false);
    }

    fn double(&mut self, text: &str, indent: usize, folds: bool) {
        self.indicator("\"", true, false, false);
        let mut spaces = false;
        let mut chars = text.char_indices().peekable();
        while let Some((i, c)) = chars.next() {
            let next = chars.peek().map(|(_, c)| *c);
            if c == ' ' {
                if folds && !spaces && self.column > self.width() && i > 0 && next.is_some() {
                    self.indent(indent);
                    if next == Some(' ') {
                        self.put('\\');
                    }
                } else {
                    self.put(' ');
                }
                spaces = true;
                continue;
            }
            spaces = false;
            if printable(c) && !BREAKS.contains(&c) && !matches!(c, '"' | '\\' | '\u{feff}') {
                self.put(c);
                continue;
            }
            let escape = match c {
                '\0' => "0".to_owned(),
                '\u{7}' => "a".to_owned(),
                '\u{8}' => "b".to_owned(),
                '\t' => "t".to_owned(),
                '\n' => "n".to_owned(),
                '\u{b}' => "v".to_owned(),
                '\u{c}' => "f".to_owned(),
                '\r' => "r".to_owned(),
                '\u{1b}' => "e".to_owned(),
                '"' | '\\' => c.to_string(),
                '\u{85}' => "N".to_owned(),
                '\u{a0}' => "_".to_owned(),
                '\u{2028}' => "L".to_owned(),
                '\u{2029}' => "P".to_owned(),
                c if (c as u32) <= 0xff => format!("x{:02X}", c as u32),
                c if (c as u32) <= 0xffff => format!("u{:04X}", c as u32),
                c => format!("U{:08X}", c as u32),
            };
            self.put('\\');
            escape.chars().for_each(|c| self.put(c));
        }
        self.indicator("\"", false, false, false);
        self.whitespace = false;
        self.indention = false;
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.indicator("|", true, false, false);
        if text.starts_with([' ', '\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']) {
            self.indicator("2", false, false, false);
        }
        let ends = text.chars().rev().take_while(|c| BREAKS.contains(c)).count();
        let chomp = match ends {
            0 => "-",
            _ if ends == 1 && text.chars().count() > 1 => "",
            _ => "+",
        };
        self.indicator(chomp, false, false, false);
        self.put('\n');
        self.indention = true;
        self.whitespace = true;
        let mut breaks = true;
        for c in text.chars() {
            if BREAKS.contains(&c) {
                self.put(c);
                self.column = 0;
                self.indention = true;
                breaks = true;
            } else {
                if breaks {
                    self.indent(indent);
                }
                self.put(c);
                self.indention = false;
                breaks = false;
            }
        }
    }
}

const BREAKS: [char; 5] = ['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'];

fn printable(c: char) -> bool {
    matches!(c as u32, 0x0a | 0x20..=0x7e | 0xa0..=0xd7ff | 0xe000..=0xfefe | 0xff00..=0xfffd | 0x10000..=0x10ffff)
}

/// A float by way of JSON: whole numbers lose their point.
fn float(value: f64) -> Result<String, String> {
    let text = json::number(value)?;
    if text.bytes().all(|b| b.is_ascii_digit() || b == b'-') && text.len() < 20 {
        return Ok(text);
    }
    Ok(crate::charts::template::print::float(value))
}

fn style(text: &str, key: bool, pretty: bool) -> Style {
    let chars: Vec<char> = text.chars().collect();
    let blank = |c: Option<&char>| c.is_none_or(|c| matches!(c, ' ' | '\t') || BREAKS.contains(c));
    let (mut block_plain, mut single, mut block) = (true, true, true);
    if text.is_empty() {
        block = false;
    }
    if text.starts_with("---") || text.starts_with("...") {
        block_plain = false;
    }
    let (mut line_breaks, mut previous_space, mut previous_break) = (false, false, false);
    let mut preceded = true;
    for (i, c) in chars.iter().enumerate() {
        let followed = blank(chars.get(i + 1).filter(|c| matches!(c, ' ' | '\t'))) || chars.get(i + 1).is_none();
        let followed = if chars.get(i + 1).is_some_and(|c| !matches!(c, ' ' | '\t')) { false } else { followed };
        let indicator = match c {
            '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' if i == 0 => true,
            '?' | '-' if i == 0 => followed,
            ':' => followed,
            '#' => preceded,
            _ => false,
        };
        block_plain &= !indicator;
        if pretty && *c == '\t' {
            (block_plain, single) = (false, false);
        } else if !printable(*c) || *c == '\u{feff}' {
            (block_plain, single, block) = (false, false, false);
        }
        let (first, last) = (i == 0, i + 1 == chars.len());
        if *c == ' ' {
            block_plain &= !(first || last || previous_break);
            block &= !last;
            single &= !previous_break;
            (previous_space, previous_break) = (true, false);
        } else if BREAKS.contains(c) {
            line_breaks = true;
            if previous_space {
                (single, block) = (false, false);
            }
            (previous_space, previous_break) = (false, true);
        } else {
            (previous_space, previous_break) = (false, false);
        }
        preceded = blank(Some(c)) || *c == '\0';
    }
    block_plain &= !line_breaks;
    let resolves = resolve(text) != Plain::Text || is_base60(text);
    let mut style = match (text.contains('\n'), resolves) {
        (true, _) => Style::Literal,
        (_, true) => Style::Double,
        _ => Style::Plain,
    };
    if key && line_breaks {
        style = Style::Double;
    }
    if style == Style::Plain && (!block_plain || (text.is_empty() && key)) {
        style = Style::Single;
    }
    if style == Style::Single && !single {
        style = Style::Double;
    }
    if style == Style::Literal && (!block || key) {
        style = Style::Double;
    }
    style
}
