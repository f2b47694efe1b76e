//! JSON as Go writes it.

use crate::charts::template::print;
use crate::charts::value::{DEPTH, Entries, Value};
use std::fmt::Write;

/// `html`: Go writes `<`, `>` and `&` as escapes unless told otherwise.
pub fn compact(value: &Value, html: bool) -> Result<String, String> {
    let mut out = String::new();
    write(value, html, None, 0, &mut out)?;
    Ok(out)
}

pub fn pretty(value: &Value) -> Result<String, String> {
    let mut out = String::new();
    write(value, true, Some("  "), 0, &mut out)?;
    Ok(out)
}

/// A number as Go's JSON has it: an exponent below 1e-6 and from 1e21 on.
pub fn number(value: f64) -> Result<String, String> {
    if !value.is_finite() {
        return Err(format!("json: unsupported value: {}", print::float(value)));
    }
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{value:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        return Ok(if exponent.starts_with('-') { format!("{mantissa}e{exponent}") } else { format!("{mantissa}e+{exponent}") });
    }
    Ok(format!("{value}"))
}

fn write(value: &Value, html: bool, indent: Option<&str>, level: usize, out: &mut String) -> Result<(), String> {
    if level > DEPTH {
        return Err("the value holds itself or is nested too deeply".to_owned());
    }
    let line = |level: usize, out: &mut String| {
        if let Some(indent) = indent {
            out.push('\n');
            (0..level).for_each(|_| out.push_str(indent));
        }
    };
    match value {
        Value::Nil => out.push_str("null"),
        Value::Bool(b) => _ = write!(out, "{b}"),
        Value::Int(i) | Value::Int64(i) => _ = write!(out, "{i}"),
        Value::Float(f) => out.push_str(&number(*f)?),
        Value::Str(text) => string(text, html, out),
        Value::Bytes(bytes) => {
            use base64::Engine;
            string(&base64::engine::general_purpose::STANDARD.encode(bytes), html, out);
        }
        Value::Time(time) => {
            string(&crate::charts::functions::layout::format(time, "2006-01-02T15:04:05.999999999Z07:00"), html, out)
        }
        Value::List(list) => {
            out.push('[');
            for (i, item) in list.items.iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                line(level + 1, out);
                write(item, html, indent, level + 1, out)?;
            }
            if !list.items.is_empty() {
                line(level, out);
            }
            out.push(']');
        }
        Value::Map(_) | Value::Struct(_) | Value::Files(_) => {
            let entries = entries(value);
            out.push('{');
            for (i, (key, item)) in entries.iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                line(level + 1, out);
                string(key, html, out);
                out.push_str(if indent.is_some() { ": " } else { ":" });
                write(item, html, indent, level + 1, out)?;
            }
            if !entries.is_empty() {
                line(level, out);
            }
            out.push('}');
        }
    }
    Ok(())
}

/// What a value that is an object in JSON holds, in the order in which Go writes it.
pub fn entries(value: &Value) -> Vec<(String, Value)> {
    match value {
        Value::Map(map) => map.entries.borrow().iter().map(|(key, value)| (key.to_string(), value.clone())).collect(),
        Value::Files(files) => files.0.iter().map(|(key, bytes)| (key.to_string(), Value::Bytes(bytes.clone()))).collect(),
        Value::Struct(it) => {
            let shown = it.fields.iter().filter(|field| !field.omit_empty || field.value.truth());
            shown.map(|field| (field.key.to_owned(), field.value.clone())).collect()
        }
        _ => Vec::new(),
    }
}

fn string(text: &str, html: bool, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' if html => _ = write!(out, "\\u{:04x}", c as u32),
            c if (c as u32) < 0x20 => _ = write!(out, "\\u{:04x}", c as u32),
            '\u{2028}' | '\u{2029}' => _ = write!(out, "\\u{:04x}", c as u32),
            c => out.push(c),
        }
    }
    out.push('"');
}

pub fn parse(text: &str) -> Result<Value, String> {
    let value: serde_json::Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
    Ok(convert(value))
}

/// As the API's machinery reads JSON: whole numbers stay whole.
pub fn exact(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Number(n) => n.as_i64().map_or_else(|| Value::Float(n.as_f64().unwrap_or(0.0)), Value::Int64),
        serde_json::Value::Array(items) => Value::list(items.iter().map(exact).collect()),
        serde_json::Value::Object(map) => Value::map(map.iter().map(|(k, v)| (k.as_str().into(), exact(v))).collect::<Entries>()),
        other => convert(other.clone()),
    }
}

/// Every number is a float, as in Go.
fn convert(value: serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(b) => Value::Bool(b),
        serde_json::Value::Number(n) => Value::Float(n.as_f64().unwrap_or(0.0)),
        serde_json::Value::String(text) => Value::str(text),
        serde_json::Value::Array(items) => Value::list(items.into_iter().map(convert).collect()),
        serde_json::Value::Object(map) => Value::map(map.into_iter().map(|(k, v)| (k.into(), convert(v))).collect::<Entries>()),
    }
}
