//! Functions on lists. None changes its list.

use super::{Builtin, Param::*, fixed, int, numbers, open};
use crate::charts::value::{DEPTH, List, ListKind, Value};
use std::rc::Rc;

pub const TABLE: &[Builtin] = &[
    open("list", &[], Any, |_, a| Ok(Value::list(a.to_vec()))),
    open("tuple", &[], Any, |_, a| Ok(Value::list(a.to_vec()))),
    fixed("append", &[Any, Any], push),
    fixed("push", &[Any, Any], push),
    fixed("mustAppend", &[Any, Any], push),
    fixed("mustPush", &[Any, Any], push),
    fixed("prepend", &[Any, Any], prepend),
    fixed("mustPrepend", &[Any, Any], prepend),
    fixed("first", &[Any], |_, a| Ok(items(&a[0], "find first on")?.first().cloned().unwrap_or(Value::Nil))),
    fixed("mustFirst", &[Any], |_, a| Ok(items(&a[0], "find first on")?.first().cloned().unwrap_or(Value::Nil))),
    fixed("last", &[Any], |_, a| Ok(items(&a[0], "find last on")?.last().cloned().unwrap_or(Value::Nil))),
    fixed("mustLast", &[Any], |_, a| Ok(items(&a[0], "find last on")?.last().cloned().unwrap_or(Value::Nil))),
    fixed("rest", &[Any], |_, a| Ok(tail(&items(&a[0], "find rest on")?))),
    fixed("mustRest", &[Any], |_, a| Ok(tail(&items(&a[0], "find rest on")?))),
    fixed("initial", &[Any], |_, a| Ok(head(&items(&a[0], "find initial on")?))),
    fixed("mustInitial", &[Any], |_, a| Ok(head(&items(&a[0], "find initial on")?))),
    fixed("reverse", &[Any], |_, a| Ok(Value::list(items(&a[0], "find reverse on")?.into_iter().rev().collect()))),
    fixed("mustReverse", &[Any], |_, a| Ok(Value::list(items(&a[0], "find reverse on")?.into_iter().rev().collect()))),
    fixed("compact", &[Any], |_, a| Ok(Value::list(items(&a[0], "compact on")?.into_iter().filter(Value::truth).collect()))),
    fixed("mustCompact", &[Any], |_, a| Ok(Value::list(items(&a[0], "compact on")?.into_iter().filter(Value::truth).collect()))),
    fixed("uniq", &[Any], |_, a| uniq(&a[0])),
    fixed("mustUniq", &[Any], |_, a| uniq(&a[0])),
    open("without", &[Any], Any, |_, a| without(a)),
    open("mustWithout", &[Any], Any, |_, a| without(a)),
    fixed("has", &[Any, Any], |_, a| has(a)),
    fixed("mustHas", &[Any, Any], |_, a| has(a)),
    open("slice", &[Any], Any, |_, a| slice(a)),
    open("mustSlice", &[Any], Any, |_, a| slice(a)),
    open("concat", &[], Any, |_, a| {
        let mut all = Vec::new();
        for list in a {
            all.extend(items(list, "concat")?);
        }
        Ok(Value::list(all))
    }),
    fixed("chunk", &[Int, Any], |_, a| chunk(a)),
    fixed("mustChunk", &[Int, Any], |_, a| chunk(a)),
    fixed("until", &[Int], |_, a| {
        let count = int(a, 0);
        numbers::steps(0, count, if count < 0 { -1 } else { 1 }).map(Value::ints)
    }),
    fixed("untilStep", &[Int, Int, Int], |_, a| numbers::steps(int(a, 0), int(a, 1), int(a, 2)).map(Value::ints)),
];

fn items(value: &Value, what: &str) -> Result<Vec<Value>, String> {
    match value {
        Value::List(list) => Ok(list.items.to_vec()),
        Value::Bytes(bytes) => Ok(bytes.iter().map(|byte| Value::Int(i64::from(*byte))).collect()),
        Value::Nil => Err(format!("Cannot {what} nothing: it is no list")),
        other => Err(format!("Cannot {what} type {}", other.kind_name())),
    }
}

fn push(_: &super::Context<'_>, args: &[Value]) -> Result<Value, String> {
    let mut all = items(&args[0], "push on")?;
    all.push(args[1].clone());
    Ok(Value::list(all))
}

fn prepend(_: &super::Context<'_>, args: &[Value]) -> Result<Value, String> {
    let mut all = items(&args[0], "prepend on")?;
    all.insert(0, args[1].clone());
    Ok(Value::list(all))
}

/// Of an empty list, Go gives a nil list: it prints as `[]` and as `null` in JSON.
fn tail(all: &[Value]) -> Value {
    Value::list(all.get(1..).unwrap_or_default().to_vec())
}

fn head(all: &[Value]) -> Value {
    Value::list(all[..all.len().saturating_sub(1)].to_vec())
}

fn contains(all: &[Value], wanted: &Value) -> Result<bool, String> {
    for item in all {
        if item.same(wanted, DEPTH)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn uniq(list: &Value) -> Result<Value, String> {
    let mut found: Vec<Value> = Vec::new();
    for item in items(list, "find uniq on")? {
        if !contains(&found, &item)? {
            found.push(item);
        }
    }
    Ok(Value::list(found))
}

fn without(args: &[Value]) -> Result<Value, String> {
    let mut left = Vec::new();
    for item in items(&args[0], "find without on")? {
        if !contains(&args[1..], &item)? {
            left.push(item);
        }
    }
    Ok(Value::list(left))
}

fn has(args: &[Value]) -> Result<Value, String> {
    if matches!(args[1], Value::Nil) {
        return Ok(Value::Bool(false));
    }
    contains(&items(&args[1], "find has on")?, &args[0]).map(Value::Bool)
}

fn slice(args: &[Value]) -> Result<Value, String> {
    let all = match &args[0] {
        Value::List(list) => list,
        other => return Err(format!("list should be type of slice or array but {}", other.kind_name())),
    };
    if all.items.is_empty() {
        return Ok(Value::Nil);
    }
    let at = |i: usize, default: i64| args.get(i).map_or(default, numbers::to_int);
    let (start, end) = (at(1, 0), at(2, all.items.len() as i64));
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    let part = range.filter(|(start, end)| start <= end).and_then(|(start, end)| all.items.get(start..end));
    let part = part.ok_or_else(|| format!("slice index out of bounds: [{start}:{end}]"))?;
    Ok(Value::List(List { kind: all.kind, items: Rc::new(part.to_vec()) }))
}

fn chunk(args: &[Value]) -> Result<Value, String> {
    let size = usize::try_from(int(args, 0)).ok().filter(|size| *size > 0).ok_or("the size of a chunk must be above 0")?;
    let chunks = items(&args[1], "chunk")?.chunks(size).map(|part| Value::list(part.to_vec())).collect();
    Ok(Value::List(List { kind: ListKind::Lists, items: Rc::new(chunks) }))
}
