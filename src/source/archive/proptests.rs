//! The YAML reader against what another writer writes.

use super::yaml;
use proptest::prelude::*;
use serde_json::{Map, Value};

/// `text` is the pattern of its strings.
fn any_value(text: &'static str) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[a-zA-Z0-9./_ -]{1,10}", inner, 0..5).prop_map(|map| Value::from(Map::from_iter(map))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// JSON is YAML, on one line and on many.
    #[test]
    fn json_is_read_as_it_is(value in any_value("(\\PC|\n|\t){0,20}"), pretty: bool) {
        let whole = serde_json::json!({ "kind": value });
        let text = if pretty { serde_json::to_string_pretty(&whole) } else { serde_json::to_string(&whole) }.expect("JSON");
        let (documents, fault) = yaml::documents(&text);
        prop_assert!(fault.is_none(), "{text}: {fault:?}");
        prop_assert_eq!(documents.first().map(|document| &document.value), Some(&whole), "{}", text);
    }

    /// What our own writer prints, ours reads.
    #[test]
    fn what_we_write_we_read(value in any_value("(\\PC|\n){0,20}")) {
        let whole = serde_json::json!({ "kind": value });
        let text = crate::render::yaml::document(&whole);
        let hostile = |c: char| c != '\n' && crate::render::sanitize::is_hostile(c);
        // The renderer shows those as escapes.
        prop_assume!(!whole.to_string().contains(hostile));
        let (documents, fault) = yaml::documents(&text);
        prop_assert!(fault.is_none(), "{text}: {fault:?}");
        prop_assert_eq!(documents.first().map(|document| &document.value), Some(&whole), "{}", text);
    }

    #[test]
    fn any_text_is_survived(text in "(\\PC|\n|- |[a-z]+: |---\n|\\.\\.\\.\n|[&*!|>{}\\[\\]\"'#,?%@`]|\t|  |<<: |&a |\\*a ){0,50}") {
        let (documents, fault) = yaml::documents(&text);
        let lines = text.lines().count() as u32 + 1;
        prop_assert!(documents.iter().all(|document| document.line <= lines));
        prop_assert!(fault.is_none_or(|fault| fault.line <= lines), "{text:?}");
    }
}
