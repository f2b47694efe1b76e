//! Functions on text.

use super::{Builtin, Param::*, cut, done, fixed, int, open, text};
use crate::charts::template::print;
use crate::charts::value::{Entries, MapKind, Value};

/// No text of a chart is repeated or indented to more than this.
const LONGEST: usize = 64 << 20;

pub const TABLE: &[Builtin] = &[
    fixed("trim", &[Str], |_, a| done(text(a, 0).trim())),
    fixed("upper", &[Str], |_, a| done(text(a, 0).to_uppercase())),
    fixed("lower", &[Str], |_, a| done(text(a, 0).to_lowercase())),
    fixed("trunc", &[Int, Str], |_, a| {
        let (count, s) = (int(a, 0), text(a, 1));
        let length = s.len() as i64;
        if count < 0 && length + count > 0 {
            return done(cut(s, length + count, length)?);
        }
        if count >= 0 && length > count {
            return done(cut(s, 0, count)?);
        }
        Ok(a[1].clone())
    }),
    fixed("substr", &[Int, Int, Str], |_, a| {
        let (start, end, s) = (int(a, 0), int(a, 1), text(a, 2));
        let length = s.len() as i64;
        if start < 0 {
            return done(cut(s, 0, end)?);
        }
        done(cut(s, start, if end < 0 || end > length { length } else { end })?)
    }),
    fixed("repeat", &[Int, Str], |_, a| {
        let count = usize::try_from(int(a, 0)).map_err(|_| "negative Repeat count")?;
        if count.saturating_mul(text(a, 1).len()) > LONGEST {
            return Err("the repeated text is too long".to_owned());
        }
        done(text(a, 1).repeat(count))
    }),
    fixed("trimall", &[Str, Str], |_, a| done(trimmed(a))),
    fixed("trimAll", &[Str, Str], |_, a| done(trimmed(a))),
    fixed("trimSuffix", &[Str, Str], |_, a| done(text(a, 1).strip_suffix(text(a, 0)).unwrap_or(text(a, 1)))),
    fixed("trimPrefix", &[Str, Str], |_, a| done(text(a, 1).strip_prefix(text(a, 0)).unwrap_or(text(a, 1)))),
    fixed("contains", &[Str, Str], |_, a| Ok(Value::Bool(text(a, 1).contains(text(a, 0))))),
    fixed("hasPrefix", &[Str, Str], |_, a| Ok(Value::Bool(text(a, 1).starts_with(text(a, 0))))),
    fixed("hasSuffix", &[Str, Str], |_, a| Ok(Value::Bool(text(a, 1).ends_with(text(a, 0))))),
    open("quote", &[], Any, |_, a| done(joined(a, |value| print::quoted(&print::plain(value))))),
    open("squote", &[], Any, |_, a| done(joined(a, |value| format!("'{}'", print::value(value))))),
    open("cat", &[], Any, |_, a| done(joined(a, print::value))),
    fixed("indent", &[Int, Str], |_, a| done(indented(a, "")?)),
    fixed("nindent", &[Int, Str], |_, a| done(indented(a, "\n")?)),
    fixed("replace", &[Str, Str, Str], |_, a| {
        let (old, new, s) = (text(a, 0), text(a, 1), text(a, 2));
        if s.len().saturating_mul(new.len().max(1)) > LONGEST * 4 {
            return Err("the replaced text is too long".to_owned());
        }
        done(s.replace(old, new))
    }),
    fixed("plural", &[Str, Str, Int], |_, a| Ok(a[usize::from(int(a, 2) != 1)].clone())),
    fixed("toString", &[Any], |_, a| match &a[0] {
        Value::Str(_) => Ok(a[0].clone()),
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => done(text),
            Err(_) => Err("bytes that are no text are not supported".to_owned()),
        },
        other => done(print::plain(other)),
    }),
    fixed("split", &[Str, Str], |_, a| Ok(numbered(parts(text(a, 0), text(a, 1))))),
    fixed("splitList", &[Str, Str], |_, a| Ok(Value::strings(parts(text(a, 0), text(a, 1))))),
    fixed("splitn", &[Str, Int, Str], |_, a| {
        let (sep, count, s) = (text(a, 0), int(a, 1), text(a, 2));
        let all = match usize::try_from(count) {
            Ok(0) => Vec::new(),
            Ok(count) if !sep.is_empty() => s.splitn(count, sep).map(str::to_owned).collect(),
            Ok(count) => {
                let mut all = parts(sep, s);
                if all.len() > count {
                    let rest = all.split_off(count - 1).concat();
                    all.push(rest);
                }
                all
            }
            Err(_) => parts(sep, s),
        };
        Ok(numbered(all))
    }),
    fixed("toStrings", &[Any], |_, a| Ok(Value::strings(words(&a[0])))),
    fixed("join", &[Str, Any], |_, a| done(words(&a[1]).join(text(a, 0)))),
    fixed("sortAlpha", &[Any], |_, a| {
        let mut all = match &a[0] {
            Value::List(_) => words(&a[0]),
            other => vec![print::plain(other)],
        };
        all.sort();
        Ok(Value::strings(all))
    }),
];

fn trimmed(args: &[Value]) -> &str {
    let set: Vec<char> = text(args, 0).chars().collect();
    text(args, 1).trim_matches(set.as_slice())
}

fn joined(args: &[Value], show: impl Fn(&Value) -> String) -> String {
    let shown: Vec<String> = args.iter().filter(|value| !matches!(value, Value::Nil)).map(show).collect();
    shown.join(" ")
}

fn indented(args: &[Value], before: &str) -> Result<String, String> {
    let spaces = usize::try_from(int(args, 0)).map_err(|_| "negative Repeat count")?;
    let s = text(args, 1);
    if spaces.saturating_mul(s.matches('\n').count() + 1) > LONGEST {
        return Err("the indented text is too long".to_owned());
    }
    let pad = " ".repeat(spaces);
    Ok(format!("{before}{pad}{}", s.replace('\n', &format!("\n{pad}"))))
}

/// Go's `strings.Split`: an empty separator cuts between characters.
fn parts(sep: &str, s: &str) -> Vec<String> {
    if sep.is_empty() {
        return s.chars().map(String::from).collect();
    }
    s.split(sep).map(str::to_owned).collect()
}

fn numbered(parts: Vec<String>) -> Value {
    let entries: Entries = parts.into_iter().enumerate().map(|(i, part)| (format!("_{i}").into(), Value::str(part))).collect();
    Value::map_of(MapKind::Str, entries)
}

/// Sprig's way to a list of strings: nothing is left out.
pub fn words(value: &Value) -> Vec<String> {
    match value {
        Value::List(list) => list.items.iter().filter(|item| !matches!(item, Value::Nil)).map(print::plain).collect(),
        Value::Bytes(bytes) => bytes.iter().map(ToString::to_string).collect(),
        Value::Nil => Vec::new(),
        other => vec![print::plain(other)],
    }
}
