//! Values as Go prints them.

use crate::charts::value::{DEPTH, Value};
use std::fmt::Write;

/// Go's shortest form with `%v`: an exponent below 1e-4 and from 1e6 on.
pub fn float(value: f64) -> String {
    float_with(value, 6)
}

/// `digits`: from which exponent on the scientific form is used.
pub fn float_with(value: f64, digits: i32) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    if value == 0.0 {
        return if value.is_sign_negative() { "-0" } else { "0" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if exponent < -4 || exponent >= digits {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    format!("{value}")
}

/// `%v`. A value that holds itself is cut off: what it is used in fails by its size or depth.
pub fn value(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out, DEPTH);
    out
}

fn write(value: &Value, out: &mut String, depth: usize) {
    let Some(next) = depth.checked_sub(1) else { return out.push('…') };
    match value {
        Value::Nil => out.push_str("<nil>"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Int(i) | Value::Int64(i) => _ = write!(out, "{i}"),
        Value::Float(f) => out.push_str(&float(*f)),
        Value::Str(s) => out.push_str(s),
        Value::Bytes(bytes) => {
            out.push('[');
            for (i, byte) in bytes.iter().enumerate() {
                _ = write!(out, "{}{byte}", if i > 0 { " " } else { "" });
            }
            out.push(']');
        }
        Value::List(list) => {
            out.push('[');
            for (i, item) in list.items.iter().enumerate() {
                if i > 0 {
                    out.push(' ');
                }
                write(item, out, next);
            }
            out.push(']');
        }
        Value::Map(map) => {
            out.push_str("map[");
            for (i, (key, item)) in map.entries.borrow().iter().enumerate() {
                _ = write!(out, "{}{key}:", if i > 0 { " " } else { "" });
                write(item, out, next);
            }
            out.push(']');
        }
        Value::Files(files) => {
            out.push_str("map[");
            for (i, (key, bytes)) in files.0.iter().enumerate() {
                _ = write!(out, "{}{key}:", if i > 0 { " " } else { "" });
                write(&Value::Bytes(bytes.clone()), out, next);
            }
            out.push(']');
        }
        Value::Struct(it) => match &it.string {
            Some(text) => out.push_str(text),
            None => {
                if it.type_name.starts_with('*') {
                    out.push('&');
                }
                out.push('{');
                for (i, field) in it.fields.iter().enumerate() {
                    if i > 0 {
                        out.push(' ');
                    }
                    write(&field.value, out, next);
                }
                out.push('}');
            }
        },
        Value::Time(time) => {
            out.push_str(&crate::charts::functions::layout::format(time, "2006-01-02 15:04:05.999999999 -0700 MST"))
        }
    }
}

/// What an action puts into the text.
pub fn output(value: &Value) -> String {
    match value {
        Value::Nil => NO_VALUE.to_owned(),
        other => self::value(other),
    }
}

/// What Go prints for nothing. Helm takes it out of the rendered text.
pub const NO_VALUE: &str = "<no value>";

/// Sprig's way to a string: text stays text, everything else is `%v`.
pub fn plain(value: &Value) -> String {
    match value {
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => self::value(other),
    }
}

/// Go's `%q`.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            ' '..='~' => out.push(c),
            c if (c as u32) < 0x80 => _ = write!(out, "\\x{:02x}", c as u32),
            c if printable(c) => out.push(c),
            c if (c as u32) < 0x10000 => _ = write!(out, "\\u{:04x}", c as u32),
            c => _ = write!(out, "\\U{:08x}", c as u32),
        }
    }
    out.push('"');
    out
}

/// Go's `unicode.IsPrint`, as far as it can be told without its tables: no control, format, private or space characters.
pub fn printable(c: char) -> bool {
    let hidden = matches!(c as u32, 0x80..=0xa0 | 0xad | 0x2000..=0x200f | 0x2028..=0x202f | 0x205f..=0x206f | 0x3000 | 0xfeff | 0xfff9..=0xfffb | 0xe000..=0xf8ff | 0xf0000..);
    !c.is_control() && !hidden
}
