//! `merge` and `mergeOverwrite`: maps into a map that is changed in place.
//!
//! The rules are mergo's: without overwriting, what is *empty* in the target is filled; with it, everything in the
//! source wins, nothing and empty values too. Maps below are shared, not copied.

use super::dicts::map;
use super::{Builtin, Context, Param::*, open};
use crate::charts::value::{DEPTH, Map, Value};
use std::rc::Rc;

pub const TABLE: &[Builtin] = &[
    open("merge", &[Map], Map, |_: &Context<'_>, a| merge(a, false)),
    open("mustMerge", &[Map], Map, |_, a| merge(a, false)),
    open("mergeOverwrite", &[Map], Map, |_, a| merge(a, true)),
    open("mustMergeOverwrite", &[Map], Map, |_, a| merge(a, true)),
];

fn merge(args: &[Value], overwrite: bool) -> Result<Value, String> {
    for i in 1..args.len() {
        into(map(args, 0)?, map(args, i)?, overwrite, DEPTH)?;
    }
    Ok(args[0].clone())
}

fn into(target: &Map, source: &Map, overwrite: bool, depth: usize) -> Result<(), String> {
    let next = depth.checked_sub(1).ok_or("a map holds itself or is nested too deeply")?;
    if Rc::ptr_eq(target, source) {
        return Ok(());
    }
    let pairs: Vec<_> = source.entries.borrow().iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    for (key, value) in pairs {
        let there = target.entries.borrow().get(&key).cloned();
        if matches!(value, Value::Nil) {
            if overwrite {
                target.entries.borrow_mut().insert(key, Value::Nil);
            }
            continue;
        }
        if let (Some(Value::Map(inner)), Value::Map(from)) = (&there, &value) {
            into(inner, from, overwrite, next)?;
            if !inner.entries.borrow().is_empty() {
                continue;
            }
        }
        let empty = there.as_ref().is_none_or(|there| !there.truth());
        if overwrite || empty {
            target.entries.borrow_mut().insert(key, value);
        }
    }
    Ok(())
}
