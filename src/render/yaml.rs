//! `-o yaml`: the JSON document as YAML; and manifests that are made to be applied.

use super::sanitize;
use crate::report::Report;
use serde_json::Value;

pub fn render(report: &Report) -> String {
    let schema = format!("schema: {}\n", document(&Value::from(report.schema.as_str())).trim_end());
    let mut rest = super::machine_form(report);
    let empty = rest.as_object_mut().is_none_or(|fields| {
        fields.remove("schema");
        fields.is_empty()
    });
    if empty { schema } else { schema + &document(&rest) }
}

/// One YAML document, without `---`.
pub fn document(value: &Value) -> String {
    // The writer escapes C0 controls inside double quotes; what it leaves alone is cleaned here.
    match serde_yaml::to_string(value) {
        Ok(text) => sanitize::block(&text),
        Err(e) => format!("# {}\n", sanitize::inline(&e.to_string())),
    }
}
