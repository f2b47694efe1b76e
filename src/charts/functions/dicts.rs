//! Functions on maps. `set` and `unset` change the map they are given: charts depend on it.

use super::{Builtin, Param::*, fixed, open, text};
use crate::charts::template::print;
use crate::charts::value::{Entries, Map, Value};

pub const TABLE: &[Builtin] = &[
    open("dict", &[], Any, |_, a| {
        let pairs = a.chunks(2).map(|pair| (print::plain(&pair[0]).into(), pair.get(1).cloned().unwrap_or(Value::str(""))));
        Ok(Value::map(pairs.collect()))
    }),
    fixed("get", &[Map, Str], |_, a| Ok(map(a, 0)?.entries.borrow().get(text(a, 1)).cloned().unwrap_or(Value::str("")))),
    fixed("set", &[Map, Str, Any], |_, a| {
        map(a, 0)?.entries.borrow_mut().insert(text(a, 1).into(), a[2].clone());
        Ok(a[0].clone())
    }),
    fixed("unset", &[Map, Str], |_, a| {
        map(a, 0)?.entries.borrow_mut().remove(text(a, 1));
        Ok(a[0].clone())
    }),
    fixed("hasKey", &[Map, Str], |_, a| Ok(Value::Bool(map(a, 0)?.entries.borrow().contains_key(text(a, 1))))),
    open("pluck", &[Str], Map, |_, a| {
        let mut found = Vec::new();
        for i in 1..a.len() {
            found.extend(map(a, i)?.entries.borrow().get(text(a, 0)).cloned());
        }
        Ok(Value::list(found))
    }),
    open("keys", &[], Map, |_, a| {
        let mut keys = Vec::new();
        for i in 0..a.len() {
            keys.extend(map(a, i)?.entries.borrow().keys().cloned());
        }
        Ok(Value::strings(keys))
    }),
    fixed("values", &[Map], |_, a| Ok(Value::list(map(a, 0)?.entries.borrow().values().cloned().collect()))),
    open("pick", &[Map], Str, |_, a| {
        let from = map(a, 0)?.entries.borrow();
        let picked = (1..a.len()).filter_map(|i| from.get_key_value(text(a, i)));
        Ok(Value::map(picked.map(|(key, value)| (key.clone(), value.clone())).collect()))
    }),
    open("omit", &[Map], Str, |_, a| {
        let mut left: Entries = map(a, 0)?.entries.borrow().clone();
        (1..a.len()).for_each(|i| _ = left.remove(text(a, i)));
        Ok(Value::map(left))
    }),
    open("dig", &[], Any, |_, a| dig(a)),
];

pub fn map(args: &[Value], i: usize) -> Result<&Map, String> {
    args.get(i).and_then(Value::as_map).ok_or_else(|| "a map was expected".to_owned())
}

fn dig(args: &[Value]) -> Result<Value, String> {
    let [keys @ .., default, from] = args else { return Err("dig needs at least three arguments".to_owned()) };
    if keys.is_empty() {
        return Err("dig needs at least three arguments".to_owned());
    }
    let mut value = from.clone();
    for key in keys {
        let Value::Str(key) = key else {
            return Err(format!("interface conversion: interface {{}} is {}, not string", key.type_name()));
        };
        let Value::Map(map) = &value else {
            return Err(format!("interface conversion: interface {{}} is {}, not map[string]interface {{}}", value.type_name()));
        };
        if map.kind != crate::charts::value::MapKind::Any {
            return Err(format!("interface conversion: interface {{}} is {}, not map[string]interface {{}}", value.type_name()));
        }
        let next = map.entries.borrow().get(key).cloned();
        match next {
            Some(next) => value = next,
            None => return Ok(default.clone()),
        }
    }
    Ok(value)
}
