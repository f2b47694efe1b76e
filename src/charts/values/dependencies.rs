//! Which parts of a chart take part: conditions, tags, aliases, imported values.

use super::coalesce;
use crate::charts::chart::{Chart, Dependency};
use crate::charts::functions::versions;
use crate::charts::value::{DEPTH, Entries, Value};

/// Takes away what is switched off, and names the rest as its parent calls it.
pub fn process(chart: &mut Chart, given: &Entries) -> Result<(), String> {
    enabled(chart, given, "")?;
    import(chart)
}

fn fits(range: &str, version: &str) -> bool {
    versions::parse(version).is_some_and(|version| versions::fits(range, &version).unwrap_or(false))
}

fn enabled(chart: &mut Chart, given: &Entries, path: &str) -> Result<(), String> {
    let Some(mut wanted) = chart.dependencies.clone() else { return Ok(()) };
    let is_for =
        |part: &Chart, dependency: &Dependency| part.name() == dependency.name && fits(&dependency.version, &part.version());
    let mut parts: Vec<Chart> = Vec::new();
    for part in &chart.parts {
        if !wanted.iter().any(|dependency| is_for(part, dependency)) {
            parts.push(part.clone());
        }
    }
    for dependency in &mut wanted {
        if let Some(part) = chart.parts.iter().find(|part| is_for(part, dependency)) {
            let mut part = part.clone();
            if !dependency.alias.is_empty() {
                part.rename(&dependency.alias);
            }
            parts.push(part);
        }
        if !dependency.alias.is_empty() {
            dependency.name.clone_from(&dependency.alias);
        }
    }
    chart.parts = parts;
    let values = coalesce::values(chart, given, false)?;
    let tags = match values.get("tags") {
        Some(Value::Map(map)) => Some(map.entries.borrow().clone()),
        _ => None,
    };
    let is_on = |dependency: &Dependency| {
        let mut on = true;
        if let Some(tags) = &tags {
            let said: Vec<bool> = dependency.tags.iter().filter_map(|tag| tags.get(tag.as_str())).filter_map(as_bool).collect();
            on = said.is_empty() || said.contains(&true);
        }
        let condition = dependency.condition.trim();
        let mut found = condition.split(',').filter(|c| !c.is_empty()).filter_map(|c| at(&values, &format!("{path}{c}")));
        found.find_map(|value| as_bool(&value)).unwrap_or(on)
    };
    let off: Vec<String> =
        wanted.iter().filter(|dependency| !is_on(dependency)).map(|dependency| dependency.name.clone()).collect();
    chart.parts.retain(|part| !off.iter().any(|name| part.name() == name));
    wanted.retain(|dependency| !off.contains(&dependency.name));
    chart.dependencies = (!wanted.is_empty()).then_some(wanted);
    for part in &mut chart.parts {
        let path = format!("{path}{}.", part.name());
        enabled(part, &values, &path)?;
    }
    Ok(())
}

fn as_bool(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(b) => Some(*b),
        _ => None,
    }
}

/// What lies at a path with dots; a table is nothing.
fn at(values: &Entries, path: &str) -> Option<Value> {
    let mut entries = values.clone();
    let mut names = path.split('.').peekable();
    while let Some(name) = names.next() {
        let value = entries.get(name)?.clone();
        match (names.peek(), &value) {
            (None, Value::Map(_)) => return None,
            (None, _) => return Some(value),
            (Some(_), Value::Map(map)) => entries = map.entries.borrow().clone(),
            _ => return None,
        }
    }
    None
}

fn table(values: &Entries, path: &str) -> Option<Entries> {
    let mut entries = values.clone();
    for name in path.split('.') {
        let inner = entries.get(name)?.as_map()?.entries.borrow().clone();
        entries = inner;
    }
    Some(entries)
}

/// `import-values`: what a part exports becomes a default of its parent.
fn import(chart: &mut Chart) -> Result<(), String> {
    chart.parts.iter_mut().try_for_each(import)?;
    let Some(dependencies) = chart.dependencies.clone() else { return Ok(()) };
    let mut own = coalesce::values(chart, &Entries::new(), true)?;
    let mut imported = Entries::new();
    for dependency in &dependencies {
        for (child, parent) in &dependency.imports {
            let Some(found) = table(&own, &format!("{}.{child}", dependency.name)) else { continue };
            let mut wrapped = found;
            if parent != "." {
                for name in parent.rsplit('.') {
                    wrapped = Entries::from([(name.into(), Value::map(wrapped))]);
                }
            }
            coalesce::tables(&mut imported, wrapped, true);
        }
    }
    own = own.iter().map(|(key, value)| Ok((key.clone(), value.deep_copy(DEPTH)?))).collect::<Result<_, String>>()?;
    coalesce::tables(&mut own, imported, true);
    chart.values = own;
    Ok(())
}
