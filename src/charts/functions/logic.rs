//! Go's own functions, and those about defaults and types.

use super::{Builtin, Kind, Param::*, done, fixed, open, text};
use crate::charts::template::{access, compare, format, print};
use crate::charts::value::{DEPTH, MapKind, Value};
use std::cmp::Ordering;

pub const TABLE: &[Builtin] = &[
    Builtin { name: "and", params: &[Any], rest: Some(Any), kind: Kind::And },
    Builtin { name: "or", params: &[Any], rest: Some(Any), kind: Kind::Or },
    Builtin { name: "include", params: &[Str, Any], rest: None, kind: Kind::Include },
    Builtin { name: "tpl", params: &[Str, Any], rest: None, kind: Kind::Tpl },
    Builtin { name: "required", params: &[Str, Any], rest: None, kind: Kind::Required },
    Builtin { name: "fail", params: &[Str], rest: None, kind: Kind::Fail },
    fixed("not", &[Any], |_, a| Ok(Value::Bool(!a[0].truth()))),
    open("eq", &[Any], Any, |_, a| compare::equal(a).map(Value::Bool)),
    fixed("ne", &[Any, Any], |_, a| Ok(Value::Bool(!compare::equal(a)?))),
    fixed("lt", &[Any, Any], |_, a| ordered(a, |o| o == Ordering::Less)),
    fixed("le", &[Any, Any], |_, a| ordered(a, |o| o != Ordering::Greater)),
    fixed("gt", &[Any, Any], |_, a| greater(a, false)),
    fixed("ge", &[Any, Any], |_, a| greater(a, true)),
    fixed("len", &[Any], |_, a| length(&a[0])),
    open("index", &[Any], Any, index),
    open("print", &[], Any, |_, a| done(printed(a))),
    open("println", &[], Any, |_, a| {
        let words: Vec<String> = a.iter().map(print::value).collect();
        done(words.join(" ") + "\n")
    }),
    open("printf", &[Str], Any, |_, a| done(format::printf(text(a, 0), &a[1..])?)),
    open("html", &[], Any, |_, a| done(escaped_html(&evaluated(a)))),
    open("js", &[], Any, |_, a| done(escaped_js(&evaluated(a)))),
    open("urlquery", &[], Any, |_, a| done(super::urls::query_escaped(&evaluated(a)))),
    open("call", &[Any], Any, |_, a| Err(format!("non-function of type {}", a[0].type_name()))),
    open("default", &[Any], Any, |_, a| Ok(a.get(1).filter(|given| given.truth()).unwrap_or(&a[0]).clone())),
    fixed("empty", &[Any], |_, a| Ok(Value::Bool(!a[0].truth()))),
    open("coalesce", &[], Any, |_, a| Ok(a.iter().find(|value| value.truth()).cloned().unwrap_or(Value::Nil))),
    open("all", &[], Any, |_, a| Ok(Value::Bool(a.iter().all(Value::truth)))),
    open("any", &[], Any, |_, a| Ok(Value::Bool(a.iter().any(Value::truth)))),
    fixed("ternary", &[Any, Any, Bool], |_, a| Ok(a[usize::from(!a[2].truth())].clone())),
    fixed("typeOf", &[Any], |_, a| done(a[0].type_name())),
    fixed("typeIs", &[Str, Any], |_, a| Ok(Value::Bool(text(a, 0) == a[1].type_name()))),
    fixed("typeIsLike", &[Str, Any], |_, a| {
        let name = a[1].type_name();
        Ok(Value::Bool(text(a, 0) == name || format!("*{}", text(a, 0)) == name))
    }),
    fixed("kindOf", &[Any], |_, a| done(a[0].kind_name())),
    fixed("kindIs", &[Str, Any], |_, a| Ok(Value::Bool(text(a, 0) == a[1].kind_name()))),
    fixed("deepEqual", &[Any, Any], |_, a| a[0].same(&a[1], DEPTH).map(Value::Bool)),
    fixed("deepCopy", &[Any], |_, a| a[0].deep_copy(DEPTH)),
    fixed("mustDeepCopy", &[Any], |_, a| a[0].deep_copy(DEPTH)),
    fixed("hello", &[], |_, _| done("Hello!")),
    fixed("lookup", &[Str, Str, Str, Str], |c, a| (c.lookup)(text(a, 0), text(a, 1), text(a, 2), text(a, 3))),
    fixed("getHostByName", &[Str], |_, _| done("")),
];

fn ordered(args: &[Value], wanted: fn(Ordering) -> bool) -> Result<Value, String> {
    Ok(Value::Bool(compare::order(&args[0], &args[1])?.is_some_and(wanted)))
}

/// Go computes these as the opposite of `le` and `lt`.
fn greater(args: &[Value], or_equal: bool) -> Result<Value, String> {
    let order = compare::order(&args[0], &args[1])?;
    let less = order == Some(Ordering::Less);
    Ok(Value::Bool(if or_equal { !less } else { !(less || order == Some(Ordering::Equal)) }))
}

fn length(value: &Value) -> Result<Value, String> {
    let length = match value {
        Value::Str(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(list) => list.items.len(),
        Value::Map(map) => map.entries.borrow().len(),
        Value::Files(files) => files.0.len(),
        Value::Nil => return Err("len of nil pointer".to_owned()),
        other => return Err(format!("len of type {}", other.type_name())),
    };
    Ok(Value::Int(length as i64))
}

fn index(_: &super::Context<'_>, args: &[Value]) -> Result<Value, String> {
    let (first, keys) = args.split_first().ok_or("index of nothing")?;
    let mut value = first.clone();
    if matches!(value, Value::Nil) {
        return Err("index of untyped nil".to_owned());
    }
    for key in keys {
        let bounds = |length: usize| match key {
            Value::Int(i) | Value::Int64(i) => {
                usize::try_from(*i).ok().filter(|i| *i < length).ok_or_else(|| format!("index out of range: {i}"))
            }
            Value::Nil => Err("cannot index slice/array with nil".to_owned()),
            other => Err(format!("cannot index slice/array with type {}", other.type_name())),
        };
        value = match &value {
            Value::Nil => return Err("index of nil pointer".to_owned()),
            Value::List(list) => list.items[bounds(list.items.len())?].clone(),
            Value::Str(text) => Value::Int(i64::from(text.as_bytes()[bounds(text.len())?])),
            Value::Bytes(bytes) => Value::Int(i64::from(bytes[bounds(bytes.len())?])),
            Value::Map(map) => match key {
                Value::Str(key) => {
                    let missing = if map.kind == MapKind::Str { Value::str("") } else { Value::Nil };
                    map.entries.borrow().get(key).cloned().unwrap_or(missing)
                }
                Value::Nil => return Err("value is nil; should be of type string".to_owned()),
                other => return Err(format!("value has type {}; should be string", other.type_name())),
            },
            Value::Files(_) => match key {
                Value::Str(key) => access::field(&value, key, &[])?,
                _ => return Err("value should be string".to_owned()),
            },
            other => return Err(format!("can't index item of type {}", other.type_name())),
        };
    }
    Ok(value)
}

/// Go's `fmt.Sprint`: a space between two operands when neither is a string.
fn printed(args: &[Value]) -> String {
    let mut out = String::new();
    for (i, arg) in args.iter().enumerate() {
        let both = i > 0 && !matches!(arg, Value::Str(_)) && !matches!(args[i - 1], Value::Str(_));
        out.push_str(if both { " " } else { "" });
        out.push_str(&print::value(arg));
    }
    out
}

/// What the escapers of Go's templates work on.
fn evaluated(args: &[Value]) -> String {
    match args {
        [Value::Str(text)] => text.to_string(),
        [Value::Nil] => print::NO_VALUE.to_owned(),
        _ => printed(args),
    }
}

fn escaped_html(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\0' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

fn escaped_js(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '"' => out.push_str("\\\""),
            '<' | '>' | '&' | '=' => out.push_str(&format!("\\u{:04X}", c as u32)),
            c if c < ' ' || (c >= '\u{80}' && !print::printable(c)) => out.push_str(&format!("\\u{:04X}", c as u32)),
            c => out.push(c),
        }
    }
    out
}
