//! URLs. Those that need escaping are refused: Go's rules for them are many.

use super::dicts::map;
use super::{Builtin, Param::*, done, fixed, text};
use crate::charts::value::{Entries, Value};

pub const TABLE: &[Builtin] = &[fixed("urlParse", &[Str], |_, a| parse(text(a, 0))), fixed("urlJoin", &[Map], |_, a| join(a))];

/// Go's `url.QueryEscape`.
pub fn query_escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn plain(text: &str) -> Result<(), String> {
    let fine = |c: char| c.is_ascii_graphic() && !"%\"<>\\^`{}|".contains(c);
    if text.chars().all(fine) { Ok(()) } else { Err(format!("a URL with escapes such as {text:?} is not supported")) }
}

fn parse(url: &str) -> Result<Value, String> {
    plain(url)?;
    let (rest, fragment) = url.split_once('#').unwrap_or((url, ""));
    let scheme_end = rest.find(':').filter(|end| {
        let mut scheme = rest[..*end].chars();
        scheme.next().is_some_and(|c| c.is_ascii_alphabetic()) && scheme.all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    });
    if scheme_end.is_none() && rest.split('/').next().is_some_and(|first| first.contains(':')) {
        return Err(format!("unable to parse url: {url:?} has no scheme"));
    }
    let (scheme, rest) = scheme_end.map_or(("", rest), |end| (&rest[..end], &rest[end + 1..]));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (mut opaque, mut host, mut userinfo, mut path) = ("", "", "", rest);
    if !scheme.is_empty() && !rest.starts_with('/') {
        (opaque, path) = (rest, "");
    } else if let Some(after) = rest.strip_prefix("//") {
        let end = after.find('/').unwrap_or(after.len());
        let authority;
        (authority, path) = after.split_at(end);
        (userinfo, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    }
    let hostname = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((inner, _)) => inner,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    let lower = scheme.to_lowercase();
    let parts = [
        ("scheme", lower.as_str()),
        ("host", host),
        ("hostname", hostname),
        ("path", path),
        ("query", query),
        ("opaque", opaque),
        ("fragment", fragment),
        ("userinfo", userinfo),
    ];
    Ok(Value::map(parts.into_iter().map(|(key, value)| (key.into(), Value::str(value))).collect::<Entries>()))
}

fn join(args: &[Value]) -> Result<Value, String> {
    let from = map(args, 0)?.entries.borrow();
    let part = |key: &str| match from.get(key) {
        None => Ok(String::new()),
        Some(Value::Str(text)) => plain(text).map(|()| text.to_string()),
        Some(other) => Err(format!("unable to parse {key} key, must be of type string, but {} found", other.kind_name())),
    };
    let (scheme, host, path, userinfo) = (part("scheme")?, part("host")?, part("path")?, part("userinfo")?);
    let mut out = String::new();
    if !scheme.is_empty() {
        out.push_str(&format!("{scheme}:"));
    }
    let opaque = part("opaque")?;
    if opaque.is_empty() {
        if !scheme.is_empty() || !host.is_empty() || !userinfo.is_empty() {
            if !host.is_empty() || !path.is_empty() || !userinfo.is_empty() {
                out.push_str("//");
            }
            if !userinfo.is_empty() {
                out.push_str(&format!("{userinfo}@"));
            }
            out.push_str(&host);
        }
        if !path.is_empty() && !path.starts_with('/') && !host.is_empty() {
            out.push('/');
        }
        out.push_str(&path);
    } else {
        out.push_str(&opaque);
    }
    for (sign, key) in [('?', "query"), ('#', "fragment")] {
        let value = part(key)?;
        if !value.is_empty() {
            out.push(sign);
            out.push_str(&value);
        }
    }
    done(out)
}
