use super::scan;
use super::*;
use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::Value;

/// Where the value at the start ends, one byte after the other.
fn slow_end(text: &[u8]) -> Option<usize> {
    let (mut depth, mut in_string, mut escaped) = (1usize, false, false);
    for (i, byte) in text.iter().enumerate() {
        match byte {
            b'\\' => {
                escaped = !escaped;
                continue;
            }
            b'"' if !escaped => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => {
                depth -= 1;
                if depth == 0 {
                    return Some(i + 1);
                }
            }
            _ => {}
        }
        escaped = false;
    }
    None
}

proptest! {
    /// Any bytes, also such that are no JSON.
    #[test]
    fn every_way_of_jumping_ends_at_the_same_place(text in "[\\[\\]{}\"\\\\ a]{0,400}") {
        let expected = slow_end(text.as_bytes());
        prop_assert_eq!(scan::end_of_nested(text.as_bytes(), 0), expected);
        prop_assert_eq!(scan::end_of_nested_portable(text.as_bytes()), expected);
    }

    /// What serde_json writes is read back as the same, whatever lies in it.
    #[test]
    fn reads_what_a_general_reader_reads(value in json(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap_or_default();
        prop_assert_eq!(from_str::<Value>(&text).map_err(|e| e.to_string()), Ok(value));
        let raw = from_str::<Raw>(&text).map(Raw::get).unwrap_or_default();
        prop_assert_eq!(raw, &text);
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            // A number is whole wherever it is cut.
            if text.starts_with(['{', '[', '"']) {
                prop_assert!(from_str::<Value>(&text[..end]).is_err());
                prop_assert!(from_str::<IgnoredAny>(&text[..end]).is_err());
            }
        }
    }

    #[test]
    fn nothing_makes_it_panic(text in any::<String>(), part in "[\\[\\]{}\",:\\\\a1tn ]{0,60}") {
        for text in [text, part] {
            let strict: Result<Value, _> = serde_json::from_str(&text);
            let ours = from_str::<Value>(&text);
            if let Ok(strict) = strict {
                prop_assert_eq!(ours.map_err(|e| e.to_string()), Ok(strict));
            }
            let _ = from_str::<Raw>(&text);
        }
    }
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[\"\\\\{}\\[\\]]{0,80}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..8).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

#[test]
fn escapes_are_undone() {
    let read = |text: &str| from_str::<String>(text).ok();
    assert_eq!(read(r#""a\"\\\/\b\f\n\r\t\u00e9""#).as_deref(), Some("a\"\\/\u{8}\u{c}\n\r\t\u{e9}"));
    assert_eq!(read(r#""\ud83d\ude00\ud83dx""#).as_deref(), Some("\u{1f600}\u{fffd}x"));
    assert_eq!(read(r#""\x""#), None);
    assert_eq!(read(r#""\u00g0""#), None);
}

#[test]
fn errors_know_their_place() {
    let text = "{\n \"a\": [1,\n  x]}";
    let error = from_str::<Value>(text).err().map(|error| (error.kind(), line_and_column(text, error.at())));
    assert_eq!(error, Some((Kind::Syntax, (3, 3))));
    assert_eq!(from_str::<Value>("[[").err().map(|error| error.kind()), Some(Kind::Eof));
    assert_eq!(from_str::<Value>("{\"a\":1}}").err().map(|error| error.kind()), Some(Kind::Syntax));
    assert_eq!(from_str::<Value>(&"[".repeat(1000)).err().map(|error| error.kind()), Some(Kind::Syntax));
}

#[test]
fn what_nobody_asks_for_may_be_as_deep_as_it_likes() {
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    assert!(from_str::<IgnoredAny>(&deep).is_ok());
}
