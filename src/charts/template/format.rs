//! Go's `printf`.

use super::print;
use crate::charts::value::Value;
use std::fmt::Write;

#[derive(Default)]
struct Flags {
    minus: bool,
    plus: bool,
    space: bool,
    zero: bool,
    sharp: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// What no printf of a chart needs more of.
const WIDEST: usize = 10_000;

pub fn printf(format: &str, args: &[Value]) -> Result<String, String> {
    let mut out = String::new();
    let mut chars = format.chars().peekable();
    let mut next = 0;
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut flags = Flags::default();
        while let Some(c) = chars.peek() {
            match c {
                '-' => flags.minus = true,
                '+' => flags.plus = true,
                ' ' => flags.space = true,
                '0' => flags.zero = true,
                '#' => flags.sharp = true,
                _ => break,
            }
            chars.next();
        }
        let mut number = |chars: &mut std::iter::Peekable<std::str::Chars<'_>>| -> Result<Option<usize>, String> {
            if chars.peek() == Some(&'*') {
                chars.next();
                next += 1;
                return match args.get(next - 1) {
                    Some(Value::Int(width)) if *width >= 0 && (*width as usize) <= WIDEST => Ok(Some(*width as usize)),
                    _ => Err("a width given with * must be a small int".to_owned()),
                };
            }
            let mut digits = String::new();
            while let Some(digit) = chars.peek().copied().filter(char::is_ascii_digit) {
                digits.push(digit);
                chars.next();
            }
            match digits.parse::<usize>() {
                Ok(number) if number <= WIDEST => Ok(Some(number)),
                Ok(_) => Err("a width or precision of printf is too large".to_owned()),
                Err(_) => Ok(None),
            }
        };
        flags.width = number(&mut chars)?;
        if chars.peek() == Some(&'.') {
            chars.next();
            flags.precision = Some(number(&mut chars)?.unwrap_or(0));
        }
        let Some(verb) = chars.next() else {
            out.push_str("%!(NOVERB)");
            break;
        };
        match verb {
            '%' => out.push('%'),
            '[' => return Err("argument indexes in printf are not supported".to_owned()),
            _ => match args.get(next) {
                None => _ = write!(out, "%!{verb}(MISSING)"),
                Some(arg) => {
                    next += 1;
                    one(verb, &flags, arg, &mut out)?;
                }
            },
        }
    }
    if next < args.len() {
        let extra: Vec<String> = args[next..]
            .iter()
            .map(|arg| match arg {
                Value::Nil => "<nil>".to_owned(),
                arg => format!("{}={}", arg.type_name(), print::value(arg)),
            })
            .collect();
        _ = write!(out, "%!(EXTRA {})", extra.join(", "));
    }
    Ok(out)
}

fn one(verb: char, flags: &Flags, arg: &Value, out: &mut String) -> Result<(), String> {
    // Formats reach into lists and maps, but for that of the type.
    let inside = !matches!(verb, 'v' | 'T');
    if let Value::List(list) = arg
        && inside
    {
        out.push('[');
        for (i, item) in list.items.iter().enumerate() {
            out.push_str(if i > 0 { " " } else { "" });
            one(verb, flags, item, out)?;
        }
        out.push(']');
        return Ok(());
    }
    if let Value::Map(map) = arg
        && inside
    {
        out.push_str("map[");
        for (i, (key, item)) in map.entries.borrow().iter().enumerate() {
            out.push_str(if i > 0 { " " } else { "" });
            one(verb, flags, &Value::Str(key.clone()), out)?;
            out.push(':');
            one(verb, flags, item, out)?;
        }
        out.push(']');
        return Ok(());
    }
    let cut = |text: &str| match flags.precision {
        Some(precision) => text.chars().take(precision).collect(),
        None => text.to_owned(),
    };
    let signed = |text: String| match (flags.plus, flags.space) {
        _ if text.starts_with('-') => text,
        (true, _) => format!("+{text}"),
        (_, true) => format!(" {text}"),
        _ => text,
    };
    let as_text = match arg {
        Value::Str(text) => Some(text.to_string()),
        Value::Bytes(bytes) if verb != 'v' => {
            Some(String::from_utf8(bytes.to_vec()).map_err(|_| "bytes that are no text can't be printed")?)
        }
        Value::Struct(it) => it.string.as_ref().map(ToString::to_string),
        Value::Time(_) => Some(print::value(arg)),
        _ => None,
    };
    let text = match (verb, arg) {
        ('v', _) if flags.sharp => return Err("%#v in printf is not supported".to_owned()),
        ('v' | 's', _) if as_text.is_some() => cut(&as_text.unwrap_or_default()),
        ('v', Value::Nil) => "<nil>".to_owned(),
        ('v', Value::Int(i) | Value::Int64(i)) => signed(padded(*i, flags)),
        ('v' | 'g' | 'G', Value::Float(f)) if flags.precision.is_none() => signed(print::float(*f)),
        ('v', Value::Float(_)) | ('g' | 'G', Value::Float(_)) => {
            return Err("a precision for %g in printf is not supported".to_owned());
        }
        ('v', _) => print::value(arg),
        ('q', _) if as_text.is_some() => print::quoted(&cut(&as_text.unwrap_or_default())),
        ('d', Value::Int(i) | Value::Int64(i)) => signed(padded(*i, flags)),
        ('t', Value::Bool(b)) => b.to_string(),
        ('c', Value::Int(i) | Value::Int64(i)) => {
            u32::try_from(*i).ok().and_then(char::from_u32).unwrap_or('\u{fffd}').to_string()
        }
        ('x', Value::Int(i) | Value::Int64(i)) => radix(*i, if flags.sharp { "0x" } else { "" }, |n| format!("{n:x}")),
        ('X', Value::Int(i) | Value::Int64(i)) => radix(*i, if flags.sharp { "0X" } else { "" }, |n| format!("{n:X}")),
        ('o', Value::Int(i) | Value::Int64(i)) => radix(*i, if flags.sharp { "0" } else { "" }, |n| format!("{n:o}")),
        ('b', Value::Int(i) | Value::Int64(i)) => radix(*i, "", |n| format!("{n:b}")),
        ('f' | 'F', Value::Float(f)) => signed(format!("{f:.*}", flags.precision.unwrap_or(6))),
        ('e', Value::Float(f)) => signed(exponent(*f, flags.precision.unwrap_or(6))),
        ('x', _) if as_text.is_some() => as_text.unwrap_or_default().bytes().map(|b| format!("{b:02x}")).collect(),
        ('X', _) if as_text.is_some() => as_text.unwrap_or_default().bytes().map(|b| format!("{b:02X}")).collect(),
        ('T', _) => arg.type_name().to_owned(),
        ('U', Value::Int(i) | Value::Int64(i)) => format!("U+{i:04X}"),
        ('p' | 'w', _) => return Err(format!("%{verb} in printf is not supported")),
        (_, Value::Nil) => format!("%!{verb}(<nil>)"),
        _ => {
            // What has no such form is shown in its own, with the same flags.
            _ = write!(out, "%!{verb}({}=", arg.type_name());
            one('v', flags, arg, out)?;
            out.push(')');
            return Ok(());
        }
    };
    let length = text.chars().count();
    let fill = flags.width.unwrap_or(0).saturating_sub(length);
    let numeric = matches!(arg, Value::Int(_) | Value::Int64(_) | Value::Float(_)) && !text.starts_with('%');
    match (flags.minus, flags.zero && (numeric || matches!(arg, Value::Str(_)))) {
        (true, _) => {
            out.push_str(&text);
            out.extend(std::iter::repeat_n(' ', fill));
        }
        (false, true) => {
            let split = usize::from(numeric && text.starts_with(['-', '+']));
            out.push_str(&text[..split]);
            out.extend(std::iter::repeat_n('0', fill));
            out.push_str(&text[split..]);
        }
        (false, false) => {
            out.extend(std::iter::repeat_n(' ', fill));
            out.push_str(&text);
        }
    }
    Ok(())
}

/// A precision is the least number of digits.
fn padded(value: i64, flags: &Flags) -> String {
    let digits = format!("{:0>1$}", value.unsigned_abs(), flags.precision.unwrap_or(1));
    if value < 0 { format!("-{digits}") } else { digits }
}

fn radix(value: i64, prefix: &str, digits: impl Fn(u64) -> String) -> String {
    let sign = if value < 0 { "-" } else { "" };
    format!("{sign}{prefix}{}", digits(value.unsigned_abs()))
}

fn exponent(value: f64, precision: usize) -> String {
    let text = format!("{value:.precision$e}");
    let Some((mantissa, exponent)) = text.split_once('e') else { return text };
    let number: i32 = exponent.parse().unwrap_or(0);
    format!("{mantissa}e{}{:02}", if number < 0 { '-' } else { '+' }, number.abs())
}
