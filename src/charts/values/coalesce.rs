//! Laying the user's values over those of charts.
//!
//! What lies above wins, maps are joined, lists and scalars are replaced. A null above takes a default away.

use crate::charts::chart::Chart;
use crate::charts::value::{DEPTH, Entries, Value};

const GLOBAL: &str = "global";

fn is_table(value: &Value) -> bool {
    matches!(value, Value::Map(_))
}

/// The values of the chart and all its parts. `keep_null`: nulls stay, for a later round.
pub fn values(chart: &Chart, given: &Entries, keep_null: bool) -> Result<Entries, String> {
    let mut over = copy(given)?;
    chart_values(chart, &mut over, keep_null)?;
    Ok(over)
}

fn copy(entries: &Entries) -> Result<Entries, String> {
    entries.iter().map(|(key, value)| Ok((key.clone(), value.deep_copy(DEPTH)?))).collect()
}

fn chart_values(chart: &Chart, over: &mut Entries, keep_null: bool) -> Result<(), String> {
    for (key, default) in copy(&chart.values)? {
        match over.get(&key) {
            Some(Value::Nil) if !keep_null => _ = over.remove(&key),
            Some(Value::Map(target)) => {
                if let Value::Map(source) = &default {
                    let keep = keep_null || chart.parts.iter().any(|part| *part.name() == *key);
                    let mut merged = target.entries.borrow().clone();
                    tables(&mut merged, source.entries.borrow().clone(), keep);
                    target.entries.replace(merged);
                }
            }
            Some(_) => {}
            None => _ = over.insert(key, default),
        }
    }
    for part in &chart.parts {
        let name = part.name();
        let mut inner = match over.get(name) {
            None => Entries::new(),
            Some(Value::Map(map)) => map.entries.borrow().clone(),
            Some(other) => return Err(format!("type mismatch on {name}: {} where a map is needed", other.type_name())),
        };
        globals(&mut inner, over);
        chart_values(part, &mut inner, keep_null)?;
        over.insert(name.into(), Value::map(inner));
    }
    Ok(())
}

/// Globals go down, and win there.
fn globals(target: &mut Entries, source: &Entries) {
    let table = |entries: &Entries| match entries.get(GLOBAL) {
        None => Some(Entries::new()),
        Some(Value::Map(map)) => Some(map.entries.borrow().clone()),
        Some(_) => None,
    };
    let (Some(mut below), Some(above)) = (table(target), table(source)) else { return };
    for (key, value) in above {
        match (&value, below.get(&key)) {
            (Value::Map(map), Some(Value::Map(there))) => {
                let mut merged = map.entries.borrow().clone();
                tables(&mut merged, there.entries.borrow().clone(), true);
                below.insert(key, Value::map(merged));
            }
            (Value::Map(map), None) => _ = below.insert(key, Value::map(map.entries.borrow().clone())),
            (Value::Map(_), Some(_)) => {}
            (_, Some(Value::Map(_))) => {}
            _ => _ = below.insert(key, value),
        }
    }
    target.insert(GLOBAL.into(), Value::map(below));
}

/// Joins `source` under `target`.
pub fn tables(target: &mut Entries, source: Entries, keep_null: bool) {
    for (key, value) in source {
        match target.get(&key) {
            Some(Value::Nil) if !keep_null && !matches!(value, Value::Nil) => _ = target.remove(&key),
            None => _ = target.insert(key, value),
            Some(Value::Map(inner)) => {
                if let Value::Map(from) = &value {
                    let mut merged = inner.entries.borrow().clone();
                    tables(&mut merged, from.entries.borrow().clone(), keep_null);
                    // The outer map is our own copy; the inner one may be shared with a default.
                    target.insert(key, Value::map(merged));
                }
            }
            Some(_) => {}
        }
    }
}

/// Values of a file over those of earlier ones: as they are, nulls included.
pub fn over(target: &mut Entries, above: Entries) {
    for (key, value) in above {
        match (target.get(&key), &value) {
            (Some(there), Value::Map(map)) if is_table(there) => {
                let Some(inner) = there.as_map() else { continue };
                let mut merged = inner.entries.borrow().clone();
                over(&mut merged, map.entries.borrow().clone());
                target.insert(key, Value::map(merged));
            }
            _ => _ = target.insert(key, value),
        }
    }
}
