//! Secrets in the middle of a string.
//!
//! Nearly every string of a cluster has none of the trigger bytes, so [`mask`] first looks at each byte once and returns.

use super::seen::{Seen, class};
use super::{MARKER, names};
use std::borrow::Cow;
use std::ops::Range;

/// Base64 of `-----BEGIN`, as far as it doesn't depend on what follows.
pub const PEM_BASE64: &str = "LS0tLS1CRUdJTi";

/// Words that make what follows `=` a secret.
const ASSIGNED: [&str; 15] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "token",
    "secret",
    "api_key",
    "api-key",
    "apikey",
    "access_key",
    "accesskey",
    "private_key",
    "accountkey",
    "credential",
    "credentials",
];
/// Words that make what follows `:` a secret. Fewer, because prose has colons too.
const MAPPED: [&str; 11] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "api_key",
    "api-key",
    "apikey",
    "access_key",
    "accesskey",
    "private_key",
    "client_secret",
];

/// Masks secrets; borrows if there are none.
pub fn mask(text: &str) -> Cow<'_, str> {
    mask_for(text, &Triggers::of(text))
}

fn mask_for<'t>(text: &'t str, triggers: &Triggers) -> Cow<'t, str> {
    let mut masked = Cow::Borrowed(text);
    let mut apply = |find: fn(&str) -> Vec<Range<usize>>| {
        let found = find(&masked);
        if !found.is_empty() {
            masked = Cow::Owned(replace(&masked, found));
        }
    };
    if triggers.pem {
        apply(private_keys);
    }
    if triggers.base64 {
        apply(base64_private_keys);
    }
    if triggers.jwt {
        apply(jwts);
    }
    if triggers.at {
        apply(userinfo);
    }
    if triggers.bearer {
        apply(bearers);
    }
    if triggers.assignment {
        apply(assignments);
    }
    masked
}

/// `pwd=x`
pub const SHORTEST: usize = 5;

/// What a cheap look at the bytes says may be in there.
#[derive(Default)]
struct Triggers {
    pem: bool,
    base64: bool,
    jwt: bool,
    at: bool,
    bearer: bool,
    assignment: bool,
}

impl Triggers {
    fn of(text: &str) -> Self {
        let mut triggers = Triggers::default();
        let seen = Seen::of(text.as_bytes());
        if text.len() < SHORTEST || seen.harmless() {
            return triggers;
        }
        let bytes = text.as_bytes();
        triggers.pem = seen.begins() && text.contains("-----BEGIN ");
        triggers.jwt = seen.has(class::TOKEN) && text.contains("eyJ");
        triggers.base64 = seen.has(class::ENCODED) && text.contains(PEM_BASE64);
        triggers.at = seen.has(class::AT);
        triggers.bearer = seen.has(class::SPACE)
            && bytes.iter().enumerate().any(|(i, byte)| {
                *byte == b' ' && (ends_with_word(&bytes[..i], b"bearer") || ends_with_word(&bytes[..i], b"basic"))
            });
        triggers.assignment = seen.assigns()
            && bytes.iter().enumerate().any(|(i, byte)| match byte | 0x20 {
                b'p' => starts(&bytes[i..], "pass") || starts(&bytes[i..], "pwd") || starts(&bytes[i..], "private_key"),
                b't' => starts(&bytes[i..], "token"),
                b's' => starts(&bytes[i..], "secret"),
                b'a' => starts(&bytes[i..], "api") || starts(&bytes[i..], "access") || starts(&bytes[i..], "accountkey"),
                b'c' => starts(&bytes[i..], "credential") || starts(&bytes[i..], "client_secret"),
                _ => false,
            });
        triggers
    }
}

fn starts(bytes: &[u8], word: &str) -> bool {
    bytes.len() >= word.len() && bytes[..word.len()].eq_ignore_ascii_case(word.as_bytes())
}

fn ends_with_word(bytes: &[u8], word: &[u8]) -> bool {
    bytes.len() >= word.len() && bytes[bytes.len() - word.len()..].eq_ignore_ascii_case(word)
}

/// Puts the marker in place of each range; they come in order and don't overlap.
fn replace(text: &str, ranges: Vec<Range<usize>>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for range in ranges {
        if range.start < done {
            continue;
        }
        out.push_str(&text[done..range.start]);
        out.push_str(MARKER);
        done = range.end;
    }
    out.push_str(&text[done..]);
    out
}

/// PEM blocks with a private key; one that is cut off reaches to the end.
fn private_keys(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = text[from..].find("-----BEGIN ").map(|i| from + i) {
        let label = start + "-----BEGIN ".len();
        from = label;
        let Some(label_end) = text[label..].find("-----").map(|i| label + i) else { break };
        if !text[label..label_end].contains("PRIVATE KEY") {
            continue;
        }
        let end = text[label_end + 5..].find("-----END ").map(|i| label_end + 5 + i + "-----END ".len());
        let end = end.and_then(|end| text[end..].find("-----").map(|i| end + i + 5)).unwrap_or(text.len());
        found.push(start..end);
        from = end;
    }
    found
}

fn base64_private_keys(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = text[from..].find(PEM_BASE64).map(|i| from + i) {
        let end = run(bytes, start, |b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b'\n' | b'\r'));
        let decoded = decode_base64(&bytes[start..end]);
        // What can't be decoded is no certificate that anybody could use.
        if decoded.is_none_or(|bytes| bytes.windows(11).any(|window| window == b"PRIVATE KEY")) {
            found.push(start..end);
        }
        from = end;
    }
    found
}

/// `eyJ….….…`
fn jwts(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let part = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = text[from..].find("eyJ").map(|i| from + i) {
        let head = run(bytes, start, part);
        from = head;
        if start > 0 && part(bytes[start - 1]) || bytes.get(head) != Some(&b'.') {
            continue;
        }
        let body = run(bytes, head + 1, part);
        if body == head + 1 || bytes.get(body) != Some(&b'.') {
            continue;
        }
        let end = run(bytes, body + 1, part);
        if end > body + 1 {
            found.push(start..end);
            from = end;
        }
    }
    found
}

fn run(bytes: &[u8], from: usize, belongs: impl Fn(u8) -> bool) -> usize {
    from + bytes[from..].iter().take_while(|byte| belongs(**byte)).count()
}

/// The password of `scheme://user:password@host` and of the Go form `user:password@tcp(host:port)`.
fn userinfo(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = text[from..].find("://").map(|i| from + i + 3) {
        from = start;
        let end = text[start..].find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>' | '|' | '\\'));
        // The marker of an earlier pass has angle brackets; what stands before it is masked already.
        let end = end.map_or(text.len(), |i| start + i);
        let stretch = &text[start..end];
        let authority = stretch.find(['/', '?', '#']).unwrap_or(stretch.len());
        let Some(at) = stretch[..authority].rfind('@').or_else(|| at_behind_slash(stretch, authority)) else { continue };
        match stretch[..at].find(':') {
            Some(colon) if colon + 1 < at => found.push(start + colon + 1..start + at),
            // A long user name without a password is a token: https://ghp_…@github.com.
            None if at >= 20 && !stretch[..at].contains('/') => found.push(start..start + at),
            _ => {}
        }
        from = start + at;
    }
    for transport in ["@tcp(", "@tcp6(", "@unix(", "@udp("] {
        for (at, _) in text.match_indices(transport) {
            let word = text[..at].rfind(|c: char| c.is_whitespace() || c == '"' || c == '\'').map_or(0, |i| i + 1);
            if let Some(colon) = text[word..at].find(':')
                && word + colon + 1 < at
                && !text[word..at].contains("://")
            {
                found.push(word + colon + 1..at);
            }
        }
    }
    found.sort_by_key(|range| range.start);
    found
}

/// A password may hold an unescaped `/`, and a path may hold an `@`: what stands before the slash decides, because only
/// a port is all digits.
fn at_behind_slash(stretch: &str, authority: usize) -> Option<usize> {
    let (_, port_or_password) = stretch[..authority].split_once(':')?;
    let port = port_or_password.bytes().all(|b| b.is_ascii_digit()) || stretch.starts_with('[');
    // Several hosts, as in `mongodb://a:1,b:2/db`.
    if port || port_or_password.contains(',') { None } else { stretch.rfind('@') }
}

/// `Bearer …` and `Basic …`.
fn bearers(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    for (space, _) in text.match_indices(' ') {
        let (before, start) = (&bytes[..space], space + 1);
        let end = run(bytes, start, |b| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b));
        let long_enough = if ends_with_word(before, b"bearer") { 8 } else { 12 };
        // A long word in prose has no digit and no capital.
        let opaque = bytes[start..end].iter().any(|b| b.is_ascii_digit() || b.is_ascii_uppercase() || *b == b'=');
        if (ends_with_word(before, b"bearer") || ends_with_word(before, b"basic")) && end - start >= long_enough && opaque {
            found.push(start..end);
        }
    }
    found
}

/// `password=…`, `Pwd = '…'`, `"password": "…"`, `--token …`.
fn assignments(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut i = 0;
    while i < bytes.len() {
        let Some(range) = assignment_at(text, bytes, i) else {
            i += 1;
            continue;
        };
        i = range.end.max(i + 1);
        if !range.is_empty() {
            found.push(range);
        }
    }
    found
}

fn assignment_at(text: &str, bytes: &[u8], start: usize) -> Option<Range<usize>> {
    if !matches!(bytes[start] | 0x20, b'p' | b't' | b's' | b'a' | b'c') {
        return None;
    }
    let here = &bytes[start..];
    let longest = |words: &[&str]| words.iter().filter(|word| starts(here, word)).map(|word| word.len()).max();
    let (assigned, mapped) = (longest(&ASSIGNED), longest(&MAPPED));
    let word = start + assigned.max(mapped)?;
    let quoted_name = matches!(bytes.get(word), Some(b'"' | b'\''));
    let after_name = word + usize::from(quoted_name);
    let sign = run(bytes, after_name, |b| b == b' ' || b == b'\t');
    let value = match bytes.get(sign) {
        Some(b'=') if assigned.is_some() => run(bytes, sign + 1, |b| b == b' '),
        Some(b':') if mapped.is_some() || quoted_name => run(bytes, sign + 1, |b| b == b' ' || b == b'\t'),
        // A flag and its value as two words of one string.
        _ if sign > word && is_flag(bytes, start) && assigned.is_some() && bytes.get(sign) != Some(&b'-') => sign,
        _ => return None,
    };
    let range = match bytes.get(value) {
        // `\"` is a quote inside a JSON string inside a string.
        Some(b'\\') if matches!(bytes.get(value + 1), Some(b'"')) => {
            value + 2..text[value + 2..].find("\\\"").map_or(text.len(), |i| value + 2 + i)
        }
        Some(quote @ (b'"' | b'\'')) => {
            value + 1..bytes[value + 1..].iter().position(|b| b == quote).map_or(text.len(), |i| value + 1 + i)
        }
        Some(_) => value..run(bytes, value, |b| !b.is_ascii_whitespace() && !b"&;,\"'`)}]|\\".contains(&b)),
        None => return None,
    };
    let inner = &text[range.clone()];
    // A reference such as `${PASSWORD}` or `$(PASSWORD)` is no secret, and a call graph needs it.
    let reference = inner.starts_with("${") || inner.starts_with("$(") || inner.starts_with("{{") || inner.starts_with('%');
    if reference || inner == MARKER || names::harmless_part(inner).is_some_and(|kept| kept.len() == inner.len()) {
        return Some(range.end..range.end);
    }
    Some(range)
}

/// The word at `start` belongs to `--some-token`.
fn is_flag(bytes: &[u8], start: usize) -> bool {
    let word = bytes[..start].iter().rposition(|b| !b.is_ascii_alphanumeric() && *b != b'-' && *b != b'_').map_or(0, |i| i + 1);
    bytes[word..start].starts_with(b"-")
}

/// Standard or URL-safe, with or without padding and line breaks; `None` if it is no base64.
pub fn decode_base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0);
    for byte in text {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' | b'\n' | b'\r' | b' ' => continue,
            _ => return None,
        };
        bits = bits << 6 | u32::from(six);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count & 0xff) as u8);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::super::seen::LETTERS;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_letters_are_in_every_word() {
        for word in ASSIGNED.iter().chain(&MAPPED) {
            assert!(word.bytes().any(|byte| LETTERS.contains(&byte)), "{word}");
        }
        assert!(LETTERS.iter().all(|byte| LETTERS.contains(&(byte ^ 0x20))), "in both cases");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn the_first_look_misses_nothing(parts in prop::collection::vec(
            prop_oneof![
                prop::sample::select(&ASSIGNED[..]).prop_map(str::to_owned),
                prop::sample::select(&MAPPED[..]).prop_map(str::to_uppercase),
                prop::sample::select(&["=", ":", " ", "\t", "--", "\"", "'", "-----BEGIN ", "PRIVATE KEY-----", "eyJ", ".", "Bearer ",
                    "basic ", "://", "@", PEM_BASE64, "UFJJVkFURSBLRVk", "/"][..]).prop_map(str::to_owned),
                "[a-zA-Z0-9_]{1,18}",
            ], 0..8))
        {
            let text = parts.concat();
            let all = Triggers { pem: true, base64: true, jwt: true, at: true, bearer: true, assignment: true };
            prop_assert_eq!(mask(&text), mask_for(&text, &all));
        }
    }
}
