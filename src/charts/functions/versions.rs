//! Semantic versions and ranges of them, as Masterminds' library reads them.

use super::{Builtin, Param::*, fixed, text};
use crate::charts::value::{Struct, Value};
use semver::{Prerelease, Version};
use std::rc::Rc;

pub const TABLE: &[Builtin] = &[
    fixed("semver", &[Str], |_, a| describe(text(a, 0))),
    fixed("semverCompare", &[Str, Str], |_, a| {
        let version = parse(text(a, 1)).ok_or("invalid semantic version")?;
        fits(text(a, 0), &version).map(Value::Bool)
    }),
];

/// Reads `v1.2`, `1`, `1.2.3-rc.1+build`.
pub fn parse(text: &str) -> Option<Version> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let (core, build) = text.split_once('+').map_or((text, ""), |(core, build)| (core, build));
    let (numbers, pre) = core.split_once('-').map_or((core, None), |(numbers, pre)| (numbers, Some(pre)));
    let parts: Vec<&str> = numbers.split('.').collect();
    if parts.len() > 3 || parts.iter().any(|part| part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit())) {
        return None;
    }
    let number = |i: usize| parts.get(i).map_or(Some(0), |part| part.parse().ok());
    let mut version = Version::new(number(0)?, number(1)?, number(2)?);
    if let Some(pre) = pre {
        version.pre = Prerelease::new(pre).ok()?;
    }
    version.build = semver::BuildMetadata::new(build).ok()?;
    Some(version)
}

fn describe(original: &str) -> Result<Value, String> {
    let version = parse(original).ok_or("invalid semantic version")?;
    let number = |n: u64| Value::Int64(i64::try_from(n).unwrap_or(i64::MAX));
    let text = |text: &str| Value::str(text);
    Ok(Value::Struct(Rc::new(Struct {
        type_name: "*semver.Version",
        string: Some(version.to_string().into()),
        fields: Vec::new(),
        methods: vec![
            ("Major", number(version.major)),
            ("Minor", number(version.minor)),
            ("Patch", number(version.patch)),
            ("Prerelease", text(version.pre.as_str())),
            ("Metadata", text(version.build.as_str())),
            ("Original", text(original)),
            ("String", text(&version.to_string())),
        ],
    })))
}

/// One comparison: an operator, and a version of which parts may be left open.
struct Condition {
    operator: String,
    version: Version,
    /// How many of the three numbers are given.
    given: usize,
}

/// Whether the version is in the range. A pre-release only is where the range names one.
pub fn fits(range: &str, version: &Version) -> Result<bool, String> {
    let mut any = false;
    for alternative in range.split("||") {
        let conditions = conditions(alternative).ok_or_else(|| format!("improper constraint: {range}"))?;
        any |= conditions.iter().all(|condition| holds(condition, version));
    }
    Ok(any)
}

fn conditions(text: &str) -> Option<Vec<Condition>> {
    // A range with a hyphen has spaces around it.
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut all = Vec::new();
    let mut i = 0;
    if words.is_empty() {
        return None;
    }
    while i < words.len() {
        if words.get(i + 1) == Some(&"-") {
            all.push(condition(">=", words[i])?);
            all.push(condition("<=", words.get(i + 2)?)?);
            i += 3;
            continue;
        }
        for part in words[i].split(',').filter(|part| !part.is_empty()) {
            let operator = &part[..part.len() - part.trim_start_matches(['=', '!', '<', '>', '~', '^']).len()];
            let rest = &part[operator.len()..];
            if rest.is_empty() {
                i += 1;
                let next = words.get(i)?.trim_end_matches(',');
                all.push(condition(operator, next)?);
            } else {
                all.push(condition(operator, rest)?);
            }
        }
        i += 1;
    }
    Some(all)
}

fn condition(operator: &str, text: &str) -> Option<Condition> {
    let known = ["", "=", "!=", ">", "<", ">=", "=>", "<=", "=<", "~", "~>", "^"];
    let operator = known.contains(&operator).then_some(operator)?;
    let bare = text.strip_prefix('v').unwrap_or(text);
    let (numbers, tail) = bare.find(['-', '+']).map_or((bare, ""), |i| bare.split_at(i));
    let parts: Vec<&str> = numbers.split('.').collect();
    let given = parts.iter().position(|part| ["x", "X", "*"].contains(part)).unwrap_or(parts.len());
    let mut padded: Vec<&str> = parts[..given].to_vec();
    padded.resize(3, "0");
    let version = parse(&format!("{}{tail}", padded.join(".")))?;
    Some(Condition { operator: operator.to_owned(), version, given })
}

fn holds(condition: &Condition, version: &Version) -> bool {
    let wanted = &condition.version;
    let compare = || cmp(version, wanted);
    // Pre-releases are out unless the condition names one.
    if !version.pre.is_empty() && wanted.pre.is_empty() {
        return condition.operator == "!=" && compare() != std::cmp::Ordering::Equal;
    }
    let below = |limit: Version| cmp(version, &limit).is_lt();
    let (major, minor) = (wanted.major, wanted.minor);
    let minor_up = || Version::new(major, minor + 1, 0);
    let major_up = || Version::new(major + 1, 0, 0);
    // What is left open stands for everything below it.
    let end = || match condition.given {
        0 => None,
        1 => Some(major_up()),
        2 => Some(minor_up()),
        _ => None,
    };
    let open = condition.given < 3;
    let within = || compare().is_ge() && end().is_none_or(below);
    match condition.operator.as_str() {
        "" | "=" if open => within(),
        "" | "=" => compare().is_eq(),
        "!=" if open => !within(),
        "!=" => compare().is_ne(),
        ">" if open => end().is_some_and(|end| cmp(version, &end).is_ge()),
        ">" => compare().is_gt(),
        "<" => compare().is_lt(),
        ">=" | "=>" => compare().is_ge(),
        "<=" | "=<" if open => end().is_none_or(below),
        "<=" | "=<" => compare().is_le(),
        "~" | "~>" => {
            let limit = if condition.given >= 2 {
                Some(minor_up())
            } else if condition.given == 1 {
                Some(major_up())
            } else {
                None
            };
            compare().is_ge() && limit.is_none_or(below)
        }
        _ => {
            let limit = match (condition.given, major, minor) {
                (0, ..) => None,
                (_, 1.., _) | (1, ..) => Some(major_up()),
                (_, 0, 1..) | (2, ..) => Some(minor_up()),
                _ => Some(Version::new(0, 0, wanted.patch + 1)),
            };
            compare().is_ge() && limit.is_none_or(below)
        }
    }
}

/// Precedence: build metadata doesn't count.
fn cmp(a: &Version, b: &Version) -> std::cmp::Ordering {
    a.cmp_precedence(b)
}
