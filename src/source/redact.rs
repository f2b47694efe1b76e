//! Runs before anything reaches `Facts`, so that nothing secret can be printed or written.
//!
//! [`intake`] is the only way from an object's JSON to an [`Object`], whatever the source, and [`sent`] the same from its
//! text; the recording's writer passes every object through it once more. [`text()`] does the same for free text,
//! [`dump()`] for what a proxy answered.
//!
//! What is dropped: `managedFields`, whole-object copies in annotations, the schemas of CRDs.
//!
//! What becomes `<redacted>`, keeping what a call graph needs (host, port, names):
//!
//! - a Secret's `data` and `stringData`, except public certificates; a ConfigMap's `binaryData`;
//! - env values, header values, ConfigMap entries, flags and fields whose *name* says that they are secret;
//! - in any string: private keys (PEM, also base64 of it), JWTs, bearer tokens, passwords in URLs and DSNs,
//!   `password=…` and its kin.
//!
//! Masking twice gives the same as masking once.

mod dump;
mod flows;
mod names;
mod scan;
mod seen;
mod sent;

pub use dump::{Arriving, dump};
pub use flows::flows;
pub use sent::sent;

use crate::facts::{Object, Place};
use names::{exact_secret_field, secret_name};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::sync::Arc;

/// What stands where a secret was.
pub const MARKER: &str = "<redacted>";

/// Annotations that hold a copy of the whole object, with everything that would have to be masked in it.
const COPIES: [&str; 2] = ["kubectl.kubernetes.io/last-applied-configuration", "consul.hashicorp.com/original-pod"];

/// Drops copies, masks secrets, and keeps the rest. `None` if it has no `metadata.name` or `generateName`.
pub fn intake(mut value: Value, place: Option<Place>) -> Option<Object> {
    let metadata = value.get("metadata")?;
    let field = |key: &str| metadata.get(key).and_then(Value::as_str).unwrap_or_default();
    let name = if field("name").is_empty() { field("generateName") } else { field("name") };
    if name.is_empty() {
        return None;
    }
    let (name, namespace) = (Arc::from(name), Arc::from(field("namespace")));
    scrub(&mut value);
    let mut json = Vec::with_capacity(4096);
    serde_json::to_writer(&mut json, &value).ok()?;
    // A copy of its own size: shrunk in place, it would keep up to twice its bytes as long as it lives.
    let json = Arc::from(std::str::from_utf8(&json).ok()?);
    Some(Object { namespace, name, json, place })
}

/// An object from our own recording, which holds only what [`intake`] let through: its name is read, nothing else.
pub fn trusted(json: Arc<str>, place: Option<Place>) -> Option<Object> {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(borrow)]
        metadata: Metadata<'a>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Metadata<'a> {
        #[serde(borrow, default)]
        name: Cow<'a, str>,
        #[serde(borrow, default)]
        namespace: Cow<'a, str>,
        #[serde(borrow, default)]
        generate_name: Cow<'a, str>,
    }
    let head: Head<'_> = serde_json::from_str(&json).ok()?;
    let name = if head.metadata.name.is_empty() { head.metadata.generate_name } else { head.metadata.name };
    if name.is_empty() {
        return None;
    }
    let (name, namespace) = (Arc::from(&*name), Arc::from(&*head.metadata.namespace));
    Some(Object { namespace, name, json, place })
}

/// Masks secrets in free text; borrows if there is nothing to mask.
pub fn text(text: &str) -> Cow<'_, str> {
    scan::mask(text)
}

fn scrub(value: &mut Value) {
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            COPIES.iter().for_each(|copy| drop(annotations.remove(*copy)));
        }
    }
    // Kinds are told by shape: the items of a list that the API server sends have no `kind`.
    if let Some(versions) = value.pointer_mut("/spec/versions").and_then(Value::as_array_mut) {
        for version in versions.iter_mut().filter_map(Value::as_object_mut) {
            version.remove("schema");
        }
    }
    if let Some(root) = value.as_object_mut() {
        if is_secret(root) {
            mask_members(root, "data", |_, value| !public_certificate(value));
            mask_members(root, "stringData", |_, value| !public_certificate(value));
        } else if root.get("kind").is_none_or(|kind| kind == "ConfigMap") {
            mask_members(root, "data", |key, value| secret_name(key) && !public_certificate(value));
        }
        mask_members(root, "binaryData", |_, _| true);
    }
    walk(value, "");
}

/// The items of a list have no `kind`; there, a Secret is told by its `type`, which the API server always fills in.
fn is_secret(root: &Map<String, Value>) -> bool {
    match root.get("kind").and_then(Value::as_str) {
        Some(kind) => kind == "Secret",
        None => root.contains_key("stringData") || (root.contains_key("data") && root.contains_key("type")),
    }
}

fn mask_members(root: &mut Map<String, Value>, field: &str, mask: impl Fn(&str, &str) -> bool) {
    let Some(members) = root.get_mut(field).and_then(Value::as_object_mut) else { return };
    for (key, value) in members.iter_mut() {
        match value {
            Value::String(text) if text.is_empty() || !mask(key, text) => {}
            Value::Null => {}
            Value::String(text) => MARKER.clone_into(text),
            // No API server accepts it, so nobody needs it; but it may be a secret all the same.
            other if mask(key, "") => *other = Value::String(MARKER.to_owned()),
            _ => {}
        }
    }
}

/// Certificates and nothing else, as PEM or as base64 of PEM.
fn public_certificate(value: &str) -> bool {
    let only_certificates = |pem: &str| {
        let mut rest = pem.trim();
        if rest.is_empty() {
            return false;
        }
        while !rest.is_empty() {
            let Some(body) = rest.strip_prefix("-----BEGIN CERTIFICATE-----") else { return false };
            let Some((body, after)) = body.split_once("-----END CERTIFICATE-----") else { return false };
            if !body.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=\r\n \t".contains(&b)) {
                return false;
            }
            rest = after.trim_start();
        }
        true
    };
    if value.trim_start().starts_with("-----BEGIN") {
        return only_certificates(value);
    }
    value.starts_with(scan::PEM_BASE64)
        && scan::decode_base64(value.as_bytes()).is_some_and(|bytes| std::str::from_utf8(&bytes).is_ok_and(only_certificates))
}

/// Masks every string below `value`; `field` is the name of the field that holds it.
fn walk(value: &mut Value, field: &str) {
    match value {
        Value::String(text) => mask_string(text),
        Value::Array(items) => match field {
            "args" | "command" => mask_args(items),
            _ => items.iter_mut().for_each(|item| {
                if matches!(field, "env" | "httpHeaders") {
                    mask_named(item);
                }
                walk(item, "");
            }),
        },
        Value::Object(members) => {
            for (key, member) in members.iter_mut() {
                match member {
                    Value::String(text) if exact_secret_field(key) => mask_by_name(text),
                    _ => walk(member, key),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn mask_string(text: &mut String) {
    if let Cow::Owned(masked) = scan::mask(text) {
        *text = masked;
    }
}

/// `{name: DB_PASSWORD, value: …}`.
fn mask_named(entry: &mut Value) {
    let secret = entry.get("name").and_then(Value::as_str).is_some_and(secret_name);
    if let (true, Some(value)) = (secret, entry.get_mut("value")) {
        match value {
            Value::String(text) => mask_by_name(text),
            Value::Null | Value::Bool(_) => {}
            other => *other = Value::String(MARKER.to_owned()),
        }
    }
}

/// The name says that it is secret: masked whole, unless it only points somewhere. Of a URL the host survives, because
/// `TOKEN_SERVICE=http://tokens:8080` is a call.
fn mask_by_name(value: &mut String) {
    if let Some(kept) = names::harmless_part(value) {
        let masked = if kept.len() == value.len() { kept.to_owned() } else { format!("{kept}{MARKER}") };
        *value = scan::mask(&masked).into_owned();
    } else {
        MARKER.clone_into(value);
    }
}

/// `--token=…`, and `--token` with its value in the next argument.
fn mask_args(items: &mut [Value]) {
    let mut next_is_secret = false;
    for item in items {
        let Value::String(text) = item else {
            walk(item, "");
            next_is_secret = false;
            continue;
        };
        if std::mem::take(&mut next_is_secret) && !text.starts_with('-') {
            mask_by_name(text);
            continue;
        }
        if text.starts_with('-') && !text.contains(char::is_whitespace) {
            match text.split_once('=') {
                Some((flag, value)) if secret_name(flag) => {
                    let mut value = value.to_owned();
                    mask_by_name(&mut value);
                    *text = format!("{flag}={value}");
                    continue;
                }
                None => next_is_secret = secret_name(text),
                Some(_) => {}
            }
        }
        mask_string(text);
    }
}

#[cfg(test)]
mod tests;
