//! `values.schema.json`: what a chart's author says values have to be.

use crate::charts::chart::Chart;
use crate::charts::value::{Entries, MapKind, Value};
use crate::charts::yaml::json;
use std::fmt::Write;

/// Violations that are told of one chart; one mistake can break hundreds of rules.
const TOLD: usize = 10;

/// Holds the values against the schema of the chart and of each of its parts.
pub fn check(chart: &Chart, values: &Entries) -> Result<(), String> {
    let mut wrong = String::new();
    gather(chart, &Value::map_of(MapKind::Values, values.clone()), &mut wrong)?;
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!("values don't meet the specifications of the schema(s) in the following chart(s):\n{}", wrong.trim_end()))
}

fn gather(chart: &Chart, values: &Value, wrong: &mut String) -> Result<(), String> {
    if let Some(schema) = &chart.schema {
        let schema = serde_json::from_slice(schema).map_err(|e| format!("values.schema.json of {}: {e}", chart.name()))?;
        let values = serde_json::from_str(&json::compact(values, false)?).map_err(|e| e.to_string())?;
        let rules = jsonschema::validator_for(&schema).map_err(|e| format!("values.schema.json of {}: {e}", chart.name()))?;
        let found: Vec<String> = rules.iter_errors(&values).map(|e| format!("- at '{}': {e}\n", e.instance_path())).collect();
        if !found.is_empty() {
            _ = writeln!(wrong, "{}:", chart.name());
            found.iter().take(TOLD).for_each(|line| wrong.push_str(line));
            if found.len() > TOLD {
                _ = writeln!(wrong, "- and {} more", found.len() - TOLD);
            }
        }
    }
    for part in &chart.parts {
        let below = values.as_map().and_then(|map| map.entries.borrow().get(part.name()).cloned());
        if let Some(below @ Value::Map(_)) = below {
            gather(part, &below, wrong)?;
        }
    }
    Ok(())
}
