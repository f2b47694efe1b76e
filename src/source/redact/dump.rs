//! Secrets in what a proxy's admin port answered: JSON of any size, masked without being built.
//!
//! Strings are looked at one by one and everything else is copied, so numbers keep their spelling and a dump with
//! nothing to hide is not copied at all.

use super::{MARKER, scan};
use crate::envoy::redact::{is_kept, is_secret};
use std::borrow::Cow;

/// Base64 of what Envoy itself writes over a secret, and that text.
const DONE: [&str; 3] = ["W3JlZGFjdGVkXQ==", "[redacted]", MARKER];

/// The answer without private keys, passwords and tokens. What is no JSON is masked as free text.
pub fn dump(bytes: &[u8]) -> Cow<'_, [u8]> {
    // Nearly always it is text, and to see that is quick.
    let text = std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed);
    let masked = if text.trim_start().starts_with(['{', '[']) { json(&text) } else { scan::mask(&text) };
    match (masked, &text) {
        (Cow::Owned(masked), _) => Cow::Owned(masked.into_bytes()),
        // Broken characters came from a broken answer, and may stay.
        (Cow::Borrowed(_), _) => Cow::Borrowed(bytes),
    }
}

/// What the key of a value says about it.
#[derive(Clone, Copy, PartialEq)]
enum Said {
    Nothing,
    Secret,
    /// Below a secret: names and files, which only say where it is.
    Kept,
}

fn json(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut out = Output { text, done: 0, new: String::new() };
    // Whether the strings of each open container are hidden.
    let mut open: Vec<bool> = Vec::new();
    let mut said = Said::Nothing;
    let mut at = 0;
    while let Some(step) = bytes[at..].iter().position(|byte| matches!(byte, b'"' | b'{' | b'[' | b'}' | b']' | b',')) {
        at += step;
        let hidden = |said: Said| said == Said::Secret || (said == Said::Nothing && open.last() == Some(&true));
        match bytes[at] {
            b'{' | b'[' => {
                let hide = hidden(said);
                open.push(hide);
                said = Said::Nothing;
            }
            b'}' | b']' => drop(open.pop()),
            b'"' => {
                let start = at + 1;
                let (length, seen) = string(&bytes[start..]);
                let end = start + length;
                let inner = &text[start..end];
                if is_key(&bytes[end..]) {
                    said = match (is_secret(inner), open.last()) {
                        (true, _) => Said::Secret,
                        (false, Some(true)) if is_kept(inner) => Said::Kept,
                        (false, _) => Said::Nothing,
                    };
                } else {
                    if hidden(said) {
                        if !inner.is_empty() && !DONE.contains(&inner) {
                            out.put(start..end, MARKER);
                        }
                    } else if !seen.harmless() || seen.escaped() {
                        plain(inner, start..end, &mut out);
                    }
                    said = Said::Nothing;
                }
                at = end;
            }
            _ => said = Said::Nothing,
        }
        at += 1;
        if at >= bytes.len() {
            break;
        }
    }
    out.finish()
}

/// A string that no key calls secret may hold one all the same.
fn plain(inner: &str, range: std::ops::Range<usize>, out: &mut Output<'_>) {
    if inner.len() < 8 {
        return;
    }
    if !inner.contains('\\') {
        if let Cow::Owned(masked) = scan::mask(inner) {
            out.put(range, &masked);
        }
        return;
    }
    let Ok(unescaped) = serde_json::from_str::<String>(&format!("\"{inner}\"")) else { return };
    if let Cow::Owned(masked) = scan::mask(&unescaped) {
        let quoted = serde_json::Value::String(masked).to_string();
        out.put(range, &quoted[1..quoted.len() - 1]);
    }
}

/// How long it is up to the closing quote, or to the end of a text that is cut off, and what is in it.
fn string(bytes: &[u8]) -> (usize, scan::Seen) {
    let mut seen = scan::Seen::default();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if seen.note(byte) {
            if byte == b'"' {
                return (at, seen);
            }
            at += 1;
        }
        at += 1;
    }
    (bytes.len(), seen)
}

/// Whether a colon follows the closing quote.
fn is_key(rest: &[u8]) -> bool {
    rest.iter().skip(1).find(|byte| !byte.is_ascii_whitespace()) == Some(&b':')
}

/// Copies only when something changes.
struct Output<'a> {
    text: &'a str,
    done: usize,
    new: String,
}

impl<'a> Output<'a> {
    fn put(&mut self, range: std::ops::Range<usize>, instead: &str) {
        if self.new.is_empty() {
            self.new.reserve(self.text.len());
        }
        self.new.push_str(&self.text[self.done..range.start]);
        self.new.push_str(instead);
        self.done = range.end;
    }

    fn finish(mut self) -> Cow<'a, str> {
        if self.done == 0 {
            return Cow::Borrowed(self.text);
        }
        self.new.push_str(&self.text[self.done..]);
        Cow::Owned(self.new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        String::from_utf8(dump(text.as_bytes()).into_owned()).expect("text")
    }

    #[test]
    fn what_a_key_calls_secret_is_hidden_wherever_it_lies() {
        let text =
            r#"{"tls":[{"private_key":{"inline_string":"KEY\"K","filename":"/k.pem"},"n":1.50},{"password" : "pw"}],"z":"pw2"}"#;
        let expected = r#"{"tls":[{"private_key":{"inline_string":"<redacted>","filename":"/k.pem"},"n":1.50},{"password" : "<redacted>"}],"z":"pw2"}"#;
        assert_eq!(masked(text), expected);
        assert_eq!(masked(expected), expected, "once is enough");
    }

    #[test]
    fn a_secret_list_ends_where_it_ends() {
        let text = r#"{"session_ticket_keys":{"keys":["aaaa",{"b":["cccc"]}]},"after":["dddd"]}"#;
        assert_eq!(masked(text), r#"{"session_ticket_keys":{"keys":["<redacted>",{"b":["<redacted>"]}]},"after":["dddd"]}"#);
    }

    #[test]
    fn keys_and_tokens_in_any_string() {
        let pem = r#"{"a":"x\n-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----\n","b":"Bearer abc123DEF456ghi789JKL012","c":"u://me:hunter2@h"}"#;
        let clean = masked(pem);
        assert!(!clean.contains("MIIB") && !clean.contains("abc123") && !clean.contains("hunter2"), "{clean}");
        assert!(serde_json::from_str::<serde_json::Value>(&clean).is_ok(), "{clean}");
    }

    #[test]
    fn a_dump_with_nothing_to_hide_is_not_copied() {
        let text = r#"{"configs":[{"private_key":{"inline_bytes":"W3JlZGFjdGVkXQ=="},"x":"plain text of some length"}]}"#;
        assert!(matches!(dump(text.as_bytes()), Cow::Borrowed(_)));
    }

    #[test]
    fn cut_off_anywhere() {
        let text = r#"{"a":{"password":"secretsecret","b":"c\"d"},"e":["f"]}"#;
        for end in 0..text.len() {
            assert!(!masked(&text[..end]).contains("secretsecret"), "{end}");
        }
    }
}
