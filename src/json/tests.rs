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
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Any bytes, also such that are no JSON.
    #[test]
    fn every_way_of_jumping_ends_at_the_same_place(text in "[\\[\\]{}\"\\\\ a]{0,400}") {
        let expected = slow_end(text.as_bytes());
        prop_assert_eq!(scan::end_of_nested(text.as_bytes(), 0), expected);
        prop_assert_eq!(scan::end_of_nested_portable(text.as_bytes()), expected);
    }

    #[test]
    fn in_parts_too(text in "[\\[\\]{}\"\\\\ a]{0,400}", part in 1_usize..200) {
        let text = text.as_bytes();
        let (mut nested, mut at) = (scan::Nested::default(), 0);
        let mut known = 0;
        let end = loop {
            known = (known + part).min(text.len());
            match nested.end(&text[at..known], known == text.len()) {
                Ok(length) => break Some(at + length),
                Err(_) if known == text.len() => break None,
                Err(length) => at += length,
            }
        };
        prop_assert_eq!(end, slow_end(text));
    }

    #[test]
    fn many_bytes_at_once_are_as_one_by_one(text in "[ \n\r\ta\"\\\\\u{1}é~]{0,90}|( {0,40}a{0,40}[\"\n ]?){0,3}", at in 0_usize..20) {
        let bytes = text.as_bytes();
        let find = |wanted: &dyn Fn(u8) -> bool| (at..bytes.len()).find(|i| wanted(bytes[*i])).unwrap_or(at.max(bytes.len()));
        prop_assert_eq!(scan::after_space(bytes, at), find(&|byte| !matches!(byte, b' ' | b'\n' | b'\r' | b'\t')));
        prop_assert_eq!(scan::end_of_plain(bytes, at), find(&|byte| byte < b' ' || byte == b'"' || byte == b'\\'));
    }

    #[test]
    fn every_way_of_finding_what_is_not_plain_finds_the_same(part in any::<[u8; scan::PART]>(), plain in "[a-z\"\\\\\u{7f}]{16}") {
        for part in [part, plain.as_bytes().first_chunk().copied().unwrap_or_default()] {
            let slow = part.iter().take_while(|byte| **byte >= b' ' && **byte != b'"' && **byte != b'\\').count();
            prop_assert_eq!(scan::both_ways_of_plain(&part), [slow, slow]);
        }
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

    /// Texts that are nearly JSON, and any others.
    #[test]
    fn takes_and_refuses_what_a_general_reader_does(any in any::<String>(), near in near_json(), raw in proptest::collection::vec(any::<u8>(), 0..60)) {
        let bytes = String::from_utf8_lossy(&raw).into_owned();
        for text in [any, near, bytes] {
            same(&text)?;
            // What is jumped over must not be fewer than what is read.
            if from_str::<Value>(&text).is_ok() {
                prop_assert!(from_str::<IgnoredAny>(&text).is_ok() && from_str::<Raw>(&text).is_ok());
            }
        }
    }

    #[test]
    fn numbers_are_read_alike(number in "-?(0|[0-9]{1,3}|[0-9]{17,22})([.][0-9]{0,20})?([eE][+-]?[0-9]{0,2})?", junk in "[-+.eE0-9]{0,8}") {
        same(&number)?;
        same(&junk)?;
        same(&format!("[{number},{junk}]"))?;
    }

    #[test]
    fn escapes_are_read_alike(inner in r#"(\\u(d[89a-f]|D[89AB]|[0-9a-g]{2})[0-9a-f]{2}|\\["\\/bfnrtx]|[a-zé\x00-\x1f\\"]){0,8}"#) {
        same(&format!("\"{inner}\""))?;
        same(&format!("{{\"{inner}\":1}}"))?;
    }
}

/// Each reads what the other reads. serde_json's fractions may be off by their last digits.
fn same(text: &str) -> Result<(), TestCaseError> {
    let (ours, theirs) = (from_str::<Value>(text), serde_json::from_str::<Value>(text));
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => prop_assert!(alike(&ours, &theirs), "{text:?}: {ours} and {theirs}"),
        (ours, theirs) => prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?}: {:?} and {:?}", text, ours, theirs),
    }
    Ok(())
}

fn alike(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => match (a.is_f64(), a.as_f64(), b.as_f64()) {
            (true, Some(x), Some(y)) => {
                b.is_f64() && x.is_sign_negative() == y.is_sign_negative() && (x - y).abs() <= x.abs() * 1e-14
            }
            _ => a == b,
        },
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| alike(a, b)))
        }
        _ => a == b,
    }
}

/// JSON with one byte too many, too few, or another.
fn near_json() -> impl Strategy<Value = String> {
    (json(), any::<bool>(), any::<prop::sample::Index>(), 0..3u8, "[\\[\\]{}\",:\\\\a1tn .-]").prop_map(
        |(value, pretty, at, how, other)| {
            let text =
                if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap_or_default();
            let mut chars: Vec<char> = text.chars().collect();
            let at = at.index(chars.len());
            match how {
                0 => drop(chars.remove(at)),
                1 => chars.splice(at..=at, other.chars()).for_each(drop),
                _ => chars.splice(at..at, other.chars()).for_each(drop),
            }
            chars.into_iter().collect()
        },
    )
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
    assert_eq!(read(r#""\ud83d\ude00x""#).as_deref(), Some("\u{1f600}x"));
    for half in [r#""\ud83dx""#, r#""\ude00""#, r#""\ud83d\ud83d""#, r#""\ud83d\u0041""#, r#""\ud83d\""#] {
        assert_eq!(read(half), None, "{half}");
    }
    assert_eq!(read(r#""\x""#), None);
    assert_eq!(read(r#""\u00g0""#), None);
}

#[test]
fn numbers_have_an_end() {
    for text in ["18446744073709551615", "18446744073709551616", "-9223372036854775808", "-9223372036854775809", "-0", "1e308"] {
        assert!(same(text).is_ok(), "{text}");
    }
    for text in ["1e309", "-1e400", "1e", "01", "-01", "1.", ".5", "+1", "- 1", "1_0", "0x1", "inf", "NaN"] {
        assert!(from_str::<Value>(text).is_err() && serde_json::from_str::<Value>(text).is_err(), "{text}");
    }
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
fn as_deep_as_a_general_reader_and_no_deeper() {
    for depth in [126, 127, 128, 129, 200] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let text = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            assert_eq!(from_str::<Value>(&text).is_ok(), serde_json::from_str::<Value>(&text).is_ok(), "{depth}");
            assert_eq!(from_str::<Value>(&text).is_ok(), depth < 128);
        }
    }
}

#[test]
fn what_nobody_asks_for_may_be_as_deep_as_it_likes() {
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    assert!(from_str::<IgnoredAny>(&deep).is_ok());
}
