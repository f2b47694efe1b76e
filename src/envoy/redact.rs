//! Masks secret material in configuration that is shown as the proxy printed it.
//!
//! Envoy masks what its protos mark as sensitive; older versions, other vendors' extensions and Secrets that reach a
//! proxy by another way are why this looks again.

use crate::json::Raw;
use serde::{Serialize, Serializer};
use serde_json::Value;

const MASK: &str = "[redacted]";

/// The configuration as a value, without private keys, passwords, tokens and other secrets.
pub fn config(raw: Raw<'_>) -> Value {
    let mut value = serde_json::from_str(raw.get()).unwrap_or_else(|e| Value::String(e.to_string()));
    mask(&mut value);
    value
}

/// The same, made when it is written and gone after: all of them at once are many times their text.
#[derive(Clone, Copy, Debug)]
pub struct Config<'a>(pub Raw<'a>);

impl Serialize for Config<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        config(self.0).serialize(serializer)
    }
}

/// The same in place.
pub fn mask(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                if is_secret(key.as_bytes()) { hide(value) } else { mask(value) }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        _ => {}
    }
}

/// Whether a field of this name holds a secret.
pub fn is_secret(key: &[u8]) -> bool {
    matches!(
        key,
        b"private_key"
            | b"privateKey"
            | b"password"
            | b"pkcs12"
            | b"generic_secret"
            | b"genericSecret"
            | b"session_ticket_keys"
            | b"sessionTicketKeys"
            | b"private_key_provider"
            | b"privateKeyProvider"
            | b"inline_jwks_private"
            | b"token_secret"
            | b"tokenSecret"
            | b"hmac_secret"
            | b"hmacSecret"
    )
}

/// Whether a field of this name, below a secret, only says where the secret is.
pub fn is_kept(key: &str) -> bool {
    matches!(key, "filename" | "environment_variable" | "name" | "@type" | "sds_config" | "sdsConfig")
}

/// Masks every text below, but keeps the shape and the names of files: where a key lies is no secret.
fn hide(value: &mut Value) {
    match value {
        Value::String(text) => MASK.clone_into(text),
        Value::Object(fields) => {
            for (key, value) in fields {
                if !is_kept(key) {
                    hide(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hide),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn keys_are_masked_and_file_names_stay() {
        let text = r#"{"tls_certificates":[{"certificate_chain":{"inline_string":"CERT"},
            "private_key":{"inline_string":"KEY"}},{"privateKey":{"filename":"/k.pem"}}],"password":"pw"}"#;
        let raw: Raw = json::from_str(text).unwrap_or_default();
        let shown = config(raw).to_string();
        assert!(shown.contains("CERT") && shown.contains("/k.pem"));
        assert!(!shown.contains("KEY") && !shown.contains("\"pw\""));
    }
}
