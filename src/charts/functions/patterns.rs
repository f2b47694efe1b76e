//! Regular expressions. Go's and ours share their syntax, but for the signs of replacements.

use super::{Builtin, Param::*, done, fixed, int, text};
use crate::charts::value::Value;
use regex::{Regex, RegexBuilder};

pub const TABLE: &[Builtin] = &[
    fixed("regexMatch", &[Str, Str], |_, a| Ok(Value::Bool(pattern(a)?.is_match(text(a, 1))))),
    fixed("mustRegexMatch", &[Str, Str], |_, a| Ok(Value::Bool(pattern(a)?.is_match(text(a, 1))))),
    fixed("regexFind", &[Str, Str], |_, a| find(a)),
    fixed("mustRegexFind", &[Str, Str], |_, a| find(a)),
    fixed("regexFindAll", &[Str, Str, Int], |_, a| find_all(a)),
    fixed("mustRegexFindAll", &[Str, Str, Int], |_, a| find_all(a)),
    fixed("regexReplaceAll", &[Str, Str, Str], |_, a| replace(a)),
    fixed("mustRegexReplaceAll", &[Str, Str, Str], |_, a| replace(a)),
    fixed("regexReplaceAllLiteral", &[Str, Str, Str], |_, a| literal(a)),
    fixed("mustRegexReplaceAllLiteral", &[Str, Str, Str], |_, a| literal(a)),
    fixed("regexSplit", &[Str, Str, Int], |_, a| split(a)),
    fixed("mustRegexSplit", &[Str, Str, Int], |_, a| split(a)),
    fixed("regexQuoteMeta", &[Str], |_, a| {
        let special = |c: char| r"\.+*?()|[]{}^$".contains(c);
        done(text(a, 0).chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect::<String>())
    }),
];

fn pattern(args: &[Value]) -> Result<Regex, String> {
    // Go's classes are those of ASCII.
    let wanted = text(args, 0).replace(r"\d", "[0-9]");
    let wanted = if text(args, 0).contains('[') { text(args, 0).to_owned() } else { wanted };
    let built = RegexBuilder::new(&wanted).size_limit(4 << 20).build();
    built.map_err(|e| format!("the regular expression {:?} is not supported: {e}", text(args, 0)))
}

fn find(args: &[Value]) -> Result<Value, String> {
    done(pattern(args)?.find(text(args, 1)).map_or("", |found| found.as_str()))
}

fn find_all(args: &[Value]) -> Result<Value, String> {
    let most = usize::try_from(int(args, 2)).unwrap_or(usize::MAX);
    Ok(Value::strings(pattern(args)?.find_iter(text(args, 1)).take(most).map(|found| found.as_str())))
}

fn replace(args: &[Value]) -> Result<Value, String> {
    // Go and this library agree on `$1`, `${1}`, `$name` and `$$`.
    done(pattern(args)?.replace_all(text(args, 1), text(args, 2)).into_owned())
}

fn literal(args: &[Value]) -> Result<Value, String> {
    done(pattern(args)?.replace_all(text(args, 1), regex::NoExpand(text(args, 2))).into_owned())
}

/// Go's `Split`: an empty match at the beginning gives no part.
fn split(args: &[Value]) -> Result<Value, String> {
    let (regex, s, most) = (pattern(args)?, text(args, 1), int(args, 2));
    if most == 0 {
        return Ok(Value::strings(Vec::<String>::new()));
    }
    if !text(args, 0).is_empty() && s.is_empty() {
        return Ok(Value::strings([""]));
    }
    let (mut begin, mut end) = (0, 0);
    let mut parts = Vec::new();
    for found in regex.find_iter(s) {
        if most > 0 && parts.len() as i64 == most - 1 {
            break;
        }
        end = found.start();
        if found.end() != 0 {
            parts.push(&s[begin..end]);
        }
        begin = found.end();
    }
    if end != s.len() {
        parts.push(&s[begin..]);
    }
    Ok(Value::strings(parts))
}
