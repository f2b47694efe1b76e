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
    match serde_yaml::to_string(&marked(value)) {
        Ok(text) => sanitize::block(&requoted(&text)),
        Err(e) => format!("# {}\n", sanitize::inline(&e.to_string())),
    }
}

/// Stands before a string that has to be quoted; a private-use character, which no name holds.
const MARK: char = '\u{f8ff}';

/// The writer knows YAML 1.2 only: to kubectl, PyYAML and many others a plain `no` is false, and a plain date a date.
fn marked(value: &Value) -> Value {
    match value {
        Value::String(text) if misread(text) => Value::String(format!("{MARK}{text}")),
        Value::Array(items) => items.iter().map(marked).collect(),
        Value::Object(fields) => {
            let key = |key: &String| if misread(key) { format!("{MARK}{key}") } else { key.clone() };
            Value::Object(fields.iter().map(|(name, value)| (key(name), marked(value))).collect())
        }
        other => other.clone(),
    }
}

/// What YAML 1.1 takes for something else than a string: a boolean, a date or time, a number with `:` or `_` in it.
fn misread(text: &str) -> bool {
    const BOOLEANS: [&str; 8] = ["y", "n", "yes", "no", "on", "off", "true", "false"];
    // `1:30` is 90 to it.
    let number = |c: char| c.is_ascii_digit() || "+-.:_ TtZeE".contains(c);
    let numeric = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) && text.chars().all(number);
    let odd = text.contains([':', '_']) || text.contains('-') || text.contains('T');
    let based = text.trim_start_matches(['+', '-']).get(..2).is_some_and(|start| ["0x", "0o", "0b"].contains(&start));
    let digits = based && text.contains('_') && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-_".contains(c));
    // To kubectl a capital letter makes a base as well.
    let loud = text.trim_start_matches(['+', '-']).get(..2).is_some_and(|start| ["0X", "0O", "0B"].contains(&start));
    let loud = loud && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-_".contains(c));
    let boolean = BOOLEANS.iter().any(|word| word.eq_ignore_ascii_case(text));
    boolean || digits || loud || (numeric && odd && !text.contains(": "))
}

/// A marked string is plain ASCII without quotes, so whatever stands up to its end can be put in quotes.
fn requoted(text: &str) -> String {
    if !text.contains(MARK) {
        return text.to_owned();
    }
    let ours = |c: char| c.is_ascii_alphanumeric() || "+-._ ".contains(c);
    let mut out = String::with_capacity(text.len() + 64);
    for line in text.split_inclusive('\n') {
        let mut rest = line;
        while let Some((before, after)) = rest.split_once(MARK) {
            // Up to the end of the line, or to the colon that ends a key.
            let mut end = after.len();
            for (i, c) in after.char_indices() {
                let ends_key = c == ':' && after[i + 1..].starts_with([' ', '\n']);
                if ends_key || !(ours(c) || c == ':') {
                    end = i;
                    break;
                }
            }
            let (word, tail) = after.split_at(end);
            // The writer may have quoted it already, for reasons of its own.
            let quoted = before.ends_with(['"', '\'']);
            let quote = if quoted { "" } else { "'" };
            out.push_str(&format!("{before}{quote}{word}{quote}"));
            rest = tail;
        }
        out.push_str(rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_yaml_1_1_reads_otherwise_is_quoted() {
        let value = json!({
            "no": "no", "on": ["Yes", "y", true], "at": "2026-11-23T20:00:00Z", "day": "2026-11-23", "ratio": "1:30",
            "plain": "no need", "0_E0": "0x_F", "port": "8080", "number": 7,
        });
        let text = document(&value);
        for line in [
            "'no': 'no'",
            "'on':",
            "- 'Yes'",
            "- 'y'",
            "- true",
            "at: '2026-11-23T20:00:00Z'",
            "day: '2026-11-23'",
            "'0_E0': '0x_F'",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        assert!(text.contains("plain: no need") && text.contains("ratio: '1:30'"), "{text}");
        assert_eq!(serde_yaml::from_str::<Value>(&text).expect("valid YAML"), value);
    }
}
