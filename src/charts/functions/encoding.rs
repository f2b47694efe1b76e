//! Text in other forms: base64, base32, JSON, YAML, digests.

use super::bases::{base32, from_base32, from_base64};
use super::{Builtin, Param::*, done, fixed, text};
use crate::charts::toml;
use crate::charts::value::Value;
use crate::charts::yaml::{emit, json, load};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest;

pub const TABLE: &[Builtin] = &[
    fixed("b64enc", &[Str], |_, a| done(STANDARD.encode(text(a, 0)))),
    fixed("b64dec", &[Str], |_, a| decoded(from_base64(text(a, 0)))),
    fixed("b32enc", &[Str], |_, a| done(base32(text(a, 0).as_bytes()))),
    fixed("b32dec", &[Str], |_, a| decoded(from_base32(text(a, 0)))),
    fixed("toJson", &[Any], |_, a| done(json::compact(&a[0], true).unwrap_or_default())),
    fixed("mustToJson", &[Any], |_, a| done(json::compact(&a[0], true)?)),
    fixed("toPrettyJson", &[Any], |_, a| done(json::pretty(&a[0]).unwrap_or_default())),
    fixed("mustToPrettyJson", &[Any], |_, a| done(json::pretty(&a[0])?)),
    fixed("toRawJson", &[Any], |_, a| done(json::compact(&a[0], false)?)),
    fixed("mustToRawJson", &[Any], |_, a| done(json::compact(&a[0], false)?)),
    fixed("fromJson", &[Str], |_, a| match json::parse(text(a, 0)) {
        Ok(value @ Value::Map(_)) => Ok(value),
        Ok(Value::Nil) => Ok(Value::map(Default::default())),
        Ok(other) => Ok(told(unfit(&other, MAP))),
        Err(message) => Err(format!("fromJson of text that is no JSON is not supported: {message}")),
    }),
    fixed("fromJsonArray", &[Str], |_, a| match json::parse(text(a, 0)) {
        Ok(value @ Value::List(_)) => Ok(value),
        Ok(Value::Nil) => Ok(Value::list(Vec::new())),
        Ok(other) => Ok(Value::list(vec![Value::str(unfit(&other, LIST))])),
        Err(message) => Err(format!("fromJsonArray of text that is no JSON is not supported: {message}")),
    }),
    fixed("mustFromJson", &[Str], |_, a| json::parse(text(a, 0))),
    fixed("toYaml", &[Any], |_, a| done(emit::to_yaml(&a[0])?)),
    fixed("toYamlPretty", &[Any], |_, a| done(emit::to_yaml_pretty(&a[0])?)),
    fixed("fromYaml", &[Str], |_, a| match load::document(text(a, 0)) {
        Ok(value @ Value::Map(_)) => Ok(value),
        Ok(Value::Nil) => Ok(Value::map(Default::default())),
        Ok(other) => Ok(told(format!("{YAML}{}", unfit(&other, MAP)))),
        Err(message) => Err(format!("fromYaml of text that is no YAML is not supported: {message}")),
    }),
    fixed("fromYamlArray", &[Str], |_, a| match load::document(text(a, 0)) {
        Ok(value @ Value::List(_)) => Ok(value),
        Ok(Value::Nil) => Ok(Value::list(Vec::new())),
        Ok(other) => Ok(Value::list(vec![Value::str(format!("{YAML}{}", unfit(&other, LIST)))])),
        Err(message) => Err(format!("fromYamlArray of text that is no YAML is not supported: {message}")),
    }),
    fixed("toToml", &[Any], |_, a| done(toml::write(&a[0])?)),
    fixed("fromToml", &[Str], |c, a| {
        let read = toml::read(text(a, 0), c.now.time_zone());
        read.map_err(|message| format!("fromToml of text that is no TOML is not supported: {message}"))
    }),
    fixed("sha1sum", &[Str], |_, a| done(hex(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text(a, 0).as_bytes()).as_ref()))),
    fixed("sha256sum", &[Str], |_, a| done(hex(digest::digest(&digest::SHA256, text(a, 0).as_bytes()).as_ref()))),
    fixed("sha512sum", &[Str], |_, a| done(hex(digest::digest(&digest::SHA512, text(a, 0).as_bytes()).as_ref()))),
    fixed("adler32sum", &[Str], |_, a| {
        let (mut low, mut high) = (1u32, 0u32);
        for byte in text(a, 0).bytes() {
            low = (low + u32::from(byte)) % 65521;
            high = (high + low) % 65521;
        }
        done(((high << 16) | low).to_string())
    }),
];

/// What is wrong stands in place of the text.
fn decoded(bytes: Result<Vec<u8>, String>) -> Result<Value, String> {
    match bytes {
        Ok(bytes) => done(String::from_utf8(bytes).map_err(|_| "decoded bytes that are no text are not supported")?),
        Err(wrong) => done(wrong),
    }
}

const MAP: &str = "map[string]interface {}";
const LIST: &str = "[]interface {}";
const YAML: &str = "error unmarshaling JSON: while decoding JSON: ";

/// What Go says of JSON that is something else. Charts look for it in the result.
fn unfit(value: &Value, wanted: &str) -> String {
    let is = match value {
        Value::List(_) => "array",
        Value::Map(_) => "object",
        Value::Str(_) => "string",
        Value::Bool(_) => "bool",
        _ => "number",
    };
    format!("json: cannot unmarshal {is} into Go value of type {wanted}")
}

fn told(error: String) -> Value {
    Value::map([("Error".into(), Value::str(error))].into())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
