//! `-o json`: one document, whatever was asked. Text is left as it is; JSON escapes it.

use crate::report::Report;
use std::io::Write;

pub fn render(report: &Report) -> String {
    let mut out = Vec::new();
    // The schema leads, so that a person who looks at the first line knows what it is.
    let fields = match super::machine_form(report) {
        serde_json::Value::Object(fields) => fields,
        other => serde_json::Map::from_iter([("data".to_owned(), other)]),
    };
    let rest = fields.iter().filter(|(key, _)| *key != "schema");
    let ordered = fields.iter().filter(|(key, _)| *key == "schema").chain(rest);
    let _ = out.write_all(b"{");
    for (i, (key, value)) in ordered.enumerate() {
        let key = serde_json::Value::from(key.as_str());
        let value = serde_json::to_string_pretty(value).unwrap_or_else(|e| serde_json::Value::from(e.to_string()).to_string());
        let comma = if i == 0 { "" } else { "," };
        let _ = write!(out, "{comma}\n  {key}: {}", value.replace('\n', "\n  "));
    }
    let _ = out.write_all(b"\n}\n");
    safe(&String::from_utf8_lossy(&out))
}

/// JSON that says the same and moves no terminal.
pub(super) fn safe(text: &str) -> String {
    // DEL, C1 controls and bidirectional overrides are legal in JSON and still move a terminal; `\u` is legal too.
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && super::sanitize::is_hostile(c) {
            let mut units = [0; 2];
            c.encode_utf16(&mut units).iter().for_each(|unit| safe.push_str(&format!("\\u{unit:04x}")));
        } else {
            safe.push(c);
        }
    }
    safe
}
