//! Field names as Envoy writes them. A control plane that prints the same messages with the standard JSON mapping of
//! protobuf says `lbPolicy` where Envoy says `lb_policy`.

use std::borrow::Cow;

/// The same document with every member name in snake case, and without an underscore before a digit, because the standard
/// mapping loses that one: `consecutive_5xx` is `consecutive5xx`. Names that no protobuf field can have
/// (`ISTIO_VERSION`, `envoy.filters.http.router`) stay as they are.
pub fn snake_case(json: &str) -> Cow<'_, str> {
    let bytes = json.as_bytes();
    let mut out = String::new();
    let (mut copied, mut at) = (0, 0);
    while let Some(open) = bytes[at..].iter().position(|byte| *byte == b'"').map(|found| at + found) {
        let Some(close) = end_of_string(bytes, open + 1) else { break };
        at = close + 1;
        let next = bytes[at..].iter().find(|byte| !byte.is_ascii_whitespace());
        let name = &json[open + 1..close];
        if next == Some(&b':') && needs_change(name) {
            if out.is_empty() {
                out.reserve(json.len() + json.len() / 16);
            }
            out.push_str(&json[copied..=open]);
            let mut rest = name.chars().peekable();
            while let Some(c) = rest.next() {
                match c {
                    '_' if rest.peek().is_some_and(char::is_ascii_digit) => {}
                    _ if c.is_ascii_uppercase() => out.extend(['_', c.to_ascii_lowercase()]),
                    _ => out.push(c),
                }
            }
            copied = close;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(json);
    }
    out.push_str(&json[copied..]);
    Cow::Owned(out)
}

/// Position of the closing quote.
fn end_of_string(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn needs_change(name: &str) -> bool {
    let camel = || name.bytes().all(|c| c.is_ascii_alphanumeric()) && name.bytes().any(|c| c.is_ascii_uppercase());
    let numbered = || {
        name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_')
            && name.as_bytes().windows(2).any(|pair| pair[0] == b'_' && pair[1].is_ascii_digit())
    };
    name.starts_with(|c: char| c.is_ascii_lowercase()) && (camel() || numbered())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[test]
    fn members_and_nothing_else() {
        let text = r#"{"lbPolicy" : "lbPolicy", "http2Options":{"a.b":1,"ISTIO_VERSION":2,"x\"y:Z":3}, "l_5xx":["aB","\\"]}"#;
        let same = r#"{"lb_policy" : "lbPolicy", "http2_options":{"a.b":1,"ISTIO_VERSION":2,"x\"y:Z":3}, "l5xx":["aB","\\"]}"#;
        assert_eq!(snake_case(text), same);
        assert!(matches!(snake_case(r#"{"a":{"b_c":1}}"#), Cow::Borrowed(_)));
        assert_eq!(snake_case(r#"{"aB":"cut"#), r#"{"a_b":"cut"#);
    }

    proptest! {
        #[test]
        fn values_are_never_changed(key in "[a-z][a-zA-Z0-9]{0,8}", value in ".{0,12}") {
            let text = json!({ &key: [&value] }).to_string();
            let read: Value = serde_json::from_str(&snake_case(&text)).expect("still JSON");
            let (name, kept) = read.as_object().and_then(|map| map.iter().next()).expect("one member");
            prop_assert_eq!(name.replace('_', ""), key.to_ascii_lowercase());
            prop_assert_eq!(kept, &json!([value]));
        }
        #[test]
        fn whatever_it_is_given_it_ends(text in "[\\\\\"a-zA-Z:{} ]{0,64}") {
            let _ = snake_case(&text);
        }
    }
}
