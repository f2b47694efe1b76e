//! `--set a.b[0]=c,d={e,f}`: values on the command line.

use crate::charts::value::{Entries, Value};
use crate::charts::yaml::json;
use std::iter::Peekable;
use std::vec::IntoIter;

/// What a word on the command line may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typing {
    /// `--set`: numbers, booleans, null and text.
    Guessed,
    /// `--set-string`: text.
    Text,
}

const DEEPEST: usize = 30;
const LONGEST: usize = 65_536;

/// What stands behind a `=`.
enum Form<'a> {
    /// A word, or words in braces, up to a comma.
    Words(&'a dyn Fn(&str) -> Result<Value, String>),
    Json,
    /// All the rest, as it is.
    Literal,
}

struct Words<'a> {
    chars: Peekable<IntoIter<char>>,
    form: Form<'a>,
}

/// Puts what `text` says into the values.
pub fn into(text: &str, typing: Typing, values: &mut Entries) -> Result<(), String> {
    with(text, &|word| Ok(typed(word, typing)), values)
}

/// The same, where `read` turns a word into its value: `--set-file`.
pub fn with(text: &str, read: &dyn Fn(&str) -> Result<Value, String>, values: &mut Entries) -> Result<(), String> {
    all(text, Form::Words(read), values)
}

/// `--set-json`: values are JSON, and none at all is null.
pub fn json(text: &str, values: &mut Entries) -> Result<(), String> {
    all(text, Form::Json, values)
}

/// `--set-literal`: one value, whatever is in it.
pub fn literal(text: &str, values: &mut Entries) -> Result<(), String> {
    all(text, Form::Literal, values)
}

fn all(text: &str, form: Form<'_>, values: &mut Entries) -> Result<(), String> {
    let mut words = Words { chars: characters(text), form };
    while words.chars.peek().is_some() {
        words.key(values, 0)?;
    }
    Ok(())
}

fn characters(text: &str) -> Peekable<IntoIter<char>> {
    text.chars().collect::<Vec<_>>().into_iter().peekable()
}

fn typed(word: &str, typing: Typing) -> Value {
    if typing == Typing::Text {
        return Value::str(word);
    }
    match word.to_lowercase().as_str() {
        "true" => return Value::Bool(true),
        "false" => return Value::Bool(false),
        "null" => return Value::Nil,
        "0" => return Value::Int64(0),
        _ => {}
    }
    let number = word.strip_prefix('+').unwrap_or(word);
    let plain = !word.starts_with('0') && !number.starts_with(['+']);
    match number.parse::<i64>() {
        Ok(number) if plain => Value::Int64(number),
        _ => Value::str(word),
    }
}

impl Words<'_> {
    /// Up to one of the characters, which is taken too; a backslash takes the next as it is.
    fn until(&mut self, stop: &[char]) -> (String, Option<char>) {
        let mut word = String::new();
        while let Some(c) = self.chars.next() {
            if stop.contains(&c) {
                return (word, Some(c));
            }
            if c == '\\' && !matches!(self.form, Form::Literal) {
                word.extend(self.chars.next());
            } else {
                word.push(c);
            }
        }
        (word, None)
    }

    fn key(&mut self, values: &mut Entries, depth: usize) -> Result<(), String> {
        let stop: &[char] = if matches!(self.form, Form::Literal) { &['=', '[', '.'] } else { &['=', '[', '.', ','] };
        let (name, last) = self.until(stop);
        match last {
            None if name.is_empty() => Ok(()),
            None => Err(format!("key {name:?} has no value")),
            Some(',') => Err(format!("key {name:?} has no value (cannot end with ,)")),
            Some('=') => {
                let value = self.value()?;
                put(values, &name, value);
                Ok(())
            }
            Some('[') => {
                let at = self.index()?;
                let mut list = match values.get(name.as_str()) {
                    None | Some(Value::Nil) => Vec::new(),
                    Some(Value::List(list)) => list.items.to_vec(),
                    Some(other) => return Err(format!("{name} is {} and no list", other.type_name())),
                };
                self.item(&mut list, at, depth)?;
                put(values, &name, Value::list(list));
                Ok(())
            }
            Some(_) => {
                if depth >= DEEPEST {
                    return Err(format!("names nest more than {DEEPEST} levels deep"));
                }
                let mut inner = match values.get(name.as_str()) {
                    None => Entries::new(),
                    Some(Value::Map(map)) => map.entries.borrow().clone(),
                    Some(other) => return Err(format!("{name} is {} and no map", other.type_name())),
                };
                self.key(&mut inner, depth + 1)?;
                if inner.is_empty() {
                    return Err(format!("key map {name:?} has no value"));
                }
                put(values, &name, Value::map(inner));
                Ok(())
            }
        }
    }

    fn index(&mut self) -> Result<usize, String> {
        let (text, end) = self.until(&[']']);
        let at = end.and_then(|_| text.parse::<usize>().ok()).filter(|at| *at <= LONGEST);
        at.ok_or_else(|| format!("{text:?} is no index of a list"))
    }

    fn item(&mut self, list: &mut Vec<Value>, at: usize, depth: usize) -> Result<(), String> {
        if depth >= DEEPEST {
            return Err(format!("names nest more than {DEEPEST} levels deep"));
        }
        let (word, last) = self.until(&['[', '.', '=']);
        if !word.is_empty() {
            return Err(format!("unexpected data at end of array index: {word:?}"));
        }
        let old = list.get(at).cloned().unwrap_or(Value::Nil);
        let value = match last {
            Some('=') => self.value()?,
            Some('[') => {
                let next = self.index()?;
                let mut inner = match old {
                    Value::List(list) => list.items.to_vec(),
                    _ => Vec::new(),
                };
                self.item(&mut inner, next, depth + 1)?;
                Value::list(inner)
            }
            Some(_) => {
                let mut inner = match &old {
                    Value::Map(map) => map.entries.borrow().clone(),
                    _ => Entries::new(),
                };
                self.key(&mut inner, depth + 1)?;
                Value::map(inner)
            }
            None => return Err("an index of a list has no value".to_owned()),
        };
        if list.len() <= at {
            list.resize(at + 1, Value::Nil);
        }
        list[at] = value;
        Ok(())
    }

    fn value(&mut self) -> Result<Value, String> {
        let read = match self.form {
            Form::Words(read) => read,
            Form::Json => return self.json(),
            Form::Literal => return Ok(Value::str(self.chars.by_ref().collect::<String>())),
        };
        if self.chars.peek().is_none() {
            return Ok(Value::str(""));
        }
        if self.chars.peek() != Some(&'{') {
            let (word, _) = self.until(&[',']);
            return read(&word);
        }
        self.chars.next();
        let mut list = Vec::new();
        loop {
            let (word, last) = self.until(&[',', '}']);
            match last {
                None => return Err("list must terminate with '}'".to_owned()),
                Some(end) => list.push(read(&word).map(|value| (value, end))?),
            }
            if last == Some('}') {
                if self.chars.peek() == Some(&',') {
                    self.chars.next();
                }
                return Ok(Value::list(list.into_iter().map(|(value, _)| value).collect()));
            }
        }
    }

    /// JSON from here to its end, then perhaps a comma.
    fn json(&mut self) -> Result<Value, String> {
        if self.is_over() {
            return Ok(Value::Nil);
        }
        let rest: String = self.chars.by_ref().collect();
        let mut found = serde_json::Deserializer::from_str(&rest).into_iter::<Box<serde_json::value::RawValue>>();
        let raw = found.next().ok_or("there is no JSON")?.map_err(|e| format!("{rest:?} is no JSON: {e}"))?;
        let value = json::parse(raw.get())?;
        self.chars = characters(&rest[found.byte_offset()..]);
        self.is_over();
        Ok(value)
    }

    /// Skips blanks and one comma; whether that, or the end, was all there was.
    fn is_over(&mut self) -> bool {
        while self.chars.peek().is_some_and(|c| c.is_whitespace()) {
            self.chars.next();
        }
        match self.chars.peek() {
            Some(',') => {
                self.chars.next();
                true
            }
            next => next.is_none(),
        }
    }
}

fn put(values: &mut Entries, name: &str, value: Value) {
    if !name.is_empty() {
        values.insert(name.into(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(set: impl Fn(&mut Entries) -> Result<(), String>) -> Result<String, String> {
        let mut values = Entries::new();
        set(&mut values)?;
        json::compact(&Value::map(values), false)
    }

    #[test]
    fn json_is_taken_to_its_end() {
        for (text, wanted) in [
            (r#"a={"b":[1,"x,y"]},c=true"#, r#"{"a":{"b":[1,"x,y"]},"c":true}"#),
            ("a=,b=1", r#"{"a":null,"b":1}"#),
            (r#"a.b[1]="x" , c=2"#, r#"{" c":2,"a":{"b":[null,"x"]}}"#),
        ] {
            assert_eq!(shown(|values| json(text, values)).as_deref(), Ok(wanted), "{text}");
        }
        assert!(shown(|values| json("a={", values)).is_err());
    }

    #[test]
    fn a_literal_is_all_the_rest() {
        let wanted = r#"{"a":{"b":"x,y=\\{1}"}}"#;
        assert_eq!(shown(|values| literal(r"a.b=x,y=\{1}", values)).as_deref(), Ok(wanted));
        assert!(shown(|values| literal("a", values)).is_err());
    }
}
