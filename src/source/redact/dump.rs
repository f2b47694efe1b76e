//! Secrets in what a proxy's admin port answered: JSON of any size, masked without being built.
//!
//! Strings are looked at one by one and everything else is copied, so numbers keep their spelling and a dump with
//! nothing to hide is not copied at all.

use super::seen::Seen;
use super::{MARKER, scan};
use crate::envoy::redact::{is_kept, is_secret};
use crate::json::{Fit, Mould, Moulds, after_space, end_of_string};
use std::borrow::Cow;
use std::ops::Range;

/// Base64 of what Envoy itself writes over a secret, and that text.
const DONE: [&str; 3] = ["W3JlZGFjdGVkXQ==", "[redacted]", MARKER];

/// The answer without private keys, passwords and tokens. What is no JSON is masked as free text.
pub fn dump(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut arriving = Arriving::default();
    arriving.look(bytes, true);
    arriving.masked(bytes)
}

/// So much more has to come before it is looked at again.
const STRIDE: usize = 64 << 10;

/// Longer elements of lists are not remembered.
const ELEMENT: usize = 16 << 10;

/// What the key of a value says about it.
#[derive(Clone, Copy, Default, PartialEq)]
enum Said {
    #[default]
    Nothing,
    Secret,
    /// Below a secret: names and files, which only say where it is.
    Kept,
}

/// An answer that is looked at while it comes, so that nothing is left to do when its end is there.
#[derive(Default)]
pub struct Arriving {
    /// How far it was looked at.
    at: usize,
    /// Before so much has come, nobody looks again.
    next: usize,
    /// It is JSON.
    json: Option<bool>,
    /// Whether the strings of each open container are hidden.
    open: Vec<bool>,
    said: Said,
    /// What stands instead of which part, in order.
    changes: Vec<(Range<usize>, String)>,
    /// How elements of what all of it is, a list nearly always, were written; none has a key that calls anything secret.
    harmless: Moulds<()>,
    /// Where an element begins that may be such a one.
    element: Option<usize>,
    texts: Vec<Range<usize>>,
}

impl Arriving {
    /// Goes on with what has come, if that is worth it; `bytes` are all of it, `whole` when nothing more will come.
    pub fn look(&mut self, bytes: &[u8], whole: bool) {
        if whole || bytes.len() >= self.next {
            self.go_on(bytes, whole);
            // A string that has not ended is looked at from its beginning again.
            self.next = bytes.len() + (bytes.len() - self.at).max(STRIDE);
        }
    }

    fn go_on(&mut self, bytes: &[u8], whole: bool) {
        if self.json.is_none() {
            let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
            self.json = first.map(|byte| matches!(byte, b'{' | b'['));
        }
        if self.json == Some(true) {
            self.structure(bytes, whole);
        }
    }

    fn structure(&mut self, bytes: &[u8], whole: bool) {
        while let Some(byte) = bytes.get(self.at) {
            match byte {
                b' ' | b'\n' | b'\r' | b'\t' => {
                    self.at = after_space(bytes, self.at);
                    continue;
                }
                b'{' | b'[' => {
                    let hide = self.hidden();
                    if *byte == b'{' && self.open.len() == 1 && !hide {
                        match self.harmless.fit(bytes, self.at, &mut self.texts) {
                            Fit::To(end) => {
                                self.only_texts(bytes);
                                (self.at, self.said) = (end, Said::Nothing);
                                continue;
                            }
                            Fit::Ends if !whole => return,
                            _ => self.element = Some(self.at),
                        }
                    }
                    self.open.push(hide);
                    self.said = Said::Nothing;
                }
                b'}' | b']' => {
                    self.open.pop();
                    if self.open.len() == 1 {
                        self.ended(bytes);
                    }
                }
                b'"' => {
                    let start = self.at + 1;
                    // Without a closing quote it goes to the end.
                    let end = end_of_string(bytes, start).map_or(bytes.len(), |behind| behind - 1);
                    let key = is_key(&bytes[end..]);
                    if key.is_none() && !whole {
                        return;
                    }
                    self.string(bytes, start..end, key == Some(true));
                    self.at = end;
                }
                b',' => self.said = Said::Nothing,
                _ => {}
            }
            self.at += 1;
        }
        self.at = bytes.len();
    }

    /// Looks at the texts of an element without keys that call anything secret. Many say twice in a row what they say.
    fn only_texts(&mut self, bytes: &[u8]) {
        let mut harmless = &[][..];
        for range in self.texts.drain(..) {
            let text = &bytes[range.clone()];
            if text == harmless {
                continue;
            }
            match plain(text) {
                Some(masked) => self.changes.push((range, masked)),
                None => harmless = text,
            }
        }
    }

    /// An element's last bracket stands here. Those that are written like it have the same keys, and only their texts are
    /// looked at.
    fn ended(&mut self, bytes: &[u8]) {
        let written = self.element.take().and_then(|start| bytes.get(start..=self.at));
        let written = written.filter(|written| written.len() <= ELEMENT);
        if let Some(written) = written.and_then(|written| std::str::from_utf8(written).ok()) {
            self.harmless.add(Mould::of(written).0, ());
        }
    }

    /// It is JSON, so much of it was looked at, and that was all.
    pub fn is_json_of(&self, length: usize) -> bool {
        self.json == Some(true) && self.at == length
    }

    fn hidden(&self) -> bool {
        self.said == Said::Secret || (self.said == Said::Nothing && self.open.last() == Some(&true))
    }

    fn string(&mut self, bytes: &[u8], range: Range<usize>, key: bool) {
        let inner = &bytes[range.clone()];
        if key {
            let name = || std::str::from_utf8(inner).unwrap_or_default();
            self.said = match (is_secret(inner), self.open.last()) {
                (true, _) => {
                    self.element = None;
                    Said::Secret
                }
                (false, Some(true)) if is_kept(name()) => Said::Kept,
                (false, _) => Said::Nothing,
            };
            return;
        }
        if !self.hidden() {
            if let Some(masked) = plain(inner) {
                self.element = None;
                self.changes.push((range, masked));
            }
        } else if !inner.is_empty() && !DONE.iter().any(|done| done.as_bytes() == inner) {
            self.changes.push((range, MARKER.to_owned()));
        }
        self.said = Said::Nothing;
    }

    /// What was looked at whole; a copy only if something changes.
    pub fn masked(self, bytes: &[u8]) -> Cow<'_, [u8]> {
        if self.json != Some(true) {
            return match scan::mask(&String::from_utf8_lossy(bytes)) {
                Cow::Owned(masked) => Cow::Owned(masked.into_bytes()),
                // Broken characters came from a broken answer, and may stay.
                Cow::Borrowed(_) => Cow::Borrowed(bytes),
            };
        }
        if self.changes.is_empty() {
            return Cow::Borrowed(bytes);
        }
        let mut new = Vec::with_capacity(bytes.len());
        let mut done = 0;
        for (range, instead) in self.changes {
            new.extend_from_slice(&bytes[done..range.start]);
            new.extend_from_slice(instead.as_bytes());
            done = range.end;
        }
        new.extend_from_slice(&bytes[done..]);
        Cow::Owned(new)
    }
}

/// A string that no key calls secret may hold one all the same.
fn plain(inner: &[u8]) -> Option<String> {
    let seen = Seen::of(inner);
    if inner.len() < scan::SHORTEST || seen.harmless() && !seen.escaped() {
        return None;
    }
    let text = String::from_utf8_lossy(inner);
    if !seen.escaped() {
        return match scan::mask(&text) {
            Cow::Owned(masked) => Some(masked),
            Cow::Borrowed(_) => None,
        };
    }
    let unescaped = serde_json::from_str::<String>(&format!("\"{text}\"")).ok()?;
    let Cow::Owned(masked) = scan::mask(&unescaped) else { return None };
    let quoted = serde_json::Value::String(masked).to_string();
    Some(quoted[1..quoted.len() - 1].to_owned())
}

/// Whether a colon follows the closing quote; unknown where nothing has come after it.
fn is_key(rest: &[u8]) -> Option<bool> {
    rest.iter().skip(1).find(|byte| !byte.is_ascii_whitespace()).map(|byte| *byte == b':')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

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
    fn in_pieces_it_is_the_same() {
        let text = r#" {"a" : {"password" :"secret\"secret"},"b":["eyJhbGciOi.eyJzdWIi.c2ln", 1.5],"c":"\u0074oken=hunter2"} "#;
        for size in 1..text.len() {
            let mut arriving = Arriving::default();
            (0..text.len()).step_by(size).for_each(|end| arriving.go_on(&text.as_bytes()[..end], false));
            arriving.look(text.as_bytes(), true);
            assert_eq!(String::from_utf8_lossy(&arriving.masked(text.as_bytes())), masked(text), "{size}");
        }
        assert_eq!(masked(text).matches(MARKER).count(), 3, "{}", masked(text));
    }

    fn any_element() -> impl Strategy<Value = Value> {
        let text = prop_oneof![
            4 => "[a-z]{0,3}",
            1 => Just("u://me:hunter2@host".to_owned()),
            1 => Just("-- token=hunter2hunter2".to_owned()),
            1 => Just("a\"b\n".to_owned()),
        ];
        let value = prop_oneof![text.prop_map(Value::from), any::<u8>().prop_map(Value::from)];
        let key = prop_oneof![4 => "[ab]", 1 => Just("password".to_owned())];
        let flat =
            prop::collection::btree_map(key, value.clone(), 1..3).prop_map(|map| Value::from(serde_json::Map::from_iter(map)));
        (flat, value.clone(), prop::option::of(value)).prop_map(|(inner, text, more)| match more {
            Some(more) => json!({"in": inner, "is": [text, more]}),
            None => json!({"in": inner, "name": text}),
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn one_that_is_written_like_another_hides_as_much(
            all in prop::collection::vec(any_element(), 1..30), size in 1_usize..400,
        ) {
            let text = Value::from(all.clone()).to_string();
            let each: Vec<String> = all.iter().map(|one| masked(&one.to_string())).collect();
            let mut arriving = Arriving::default();
            (0..text.len()).step_by(size).for_each(|end| arriving.go_on(&text.as_bytes()[..end], false));
            arriving.look(text.as_bytes(), true);
            let all = arriving.masked(text.as_bytes()).into_owned();
            prop_assert_eq!(String::from_utf8_lossy(&all), format!("[{}]", each.join(",")));
        }
    }

    #[test]
    fn broken_characters_hide_nothing() {
        let mut bytes = br#"{"a":"-_ password=hunter2","b":"x"}"#.to_vec();
        bytes[6] = 0xff;
        let clean = dump(&bytes).into_owned();
        assert!(!String::from_utf8_lossy(&clean).contains("hunter2"));
    }

    #[test]
    fn cut_off_anywhere() {
        let text = r#"{"a":{"password":"secretsecret","b":"c\"d"},"e":["f"]}"#;
        for end in 0..text.len() {
            assert!(!masked(&text[..end]).contains("secretsecret"), "{end}");
        }
    }
}
