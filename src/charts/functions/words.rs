//! Functions on the words of a text: their case, their first letters, their lines.

use super::{Builtin, Param::*, done, fixed, int, text};

pub const TABLE: &[Builtin] = &[
    fixed("title", &[Str], |_, a| done(capitalized(text(a, 0), |c| !(c.is_alphanumeric() || c == '_' || c == '\''), true))),
    fixed("untitle", &[Str], |_, a| done(capitalized(text(a, 0), char::is_whitespace, false))),
    fixed("nospace", &[Str], |_, a| done(text(a, 0).chars().filter(|c| !c.is_whitespace()).collect::<String>())),
    fixed("initials", &[Str], |_, a| {
        done(text(a, 0).split_whitespace().filter_map(|word| word.chars().next()).collect::<String>())
    }),
    fixed("swapcase", &[Str], |_, a| done(swapped(text(a, 0)))),
    fixed("shuffle", &[Str], |c, a| {
        let mut all: Vec<char> = text(a, 0).chars().collect();
        for i in (1..all.len()).rev() {
            all.swap(i, super::crypto::below(c, i as u64 + 1) as usize);
        }
        done(all.into_iter().collect::<String>())
    }),
    fixed("snakecase", &[Str], |_, a| done(parted(text(a, 0), '_')?)),
    fixed("kebabcase", &[Str], |_, a| done(parted(text(a, 0), '-')?)),
    fixed("camelcase", &[Str], |_, a| done(pascal(text(a, 0)))),
    fixed("wrap", &[Int, Str], |_, a| done(wrapped(text(a, 1), int(a, 0), "\n", false))),
    fixed("wrapWith", &[Int, Str, Str], |_, a| done(wrapped(text(a, 2), int(a, 0), text(a, 1), true))),
    fixed("abbrev", &[Int, Str], |_, a| {
        let (width, s) = (int(a, 0), text(a, 1));
        if width < 4 || s.len() as i64 <= width {
            return Ok(a[1].clone());
        }
        done(format!("{}...", super::cut(s, 0, width - 3)?))
    }),
    fixed("abbrevboth", &[Int, Int, Str], |_, a| {
        let (left, width, s) = (int(a, 0), int(a, 1), text(a, 2));
        let length = s.len() as i64;
        if width < 4 || (left > 0 && width < 7) || length <= width {
            return Ok(a[2].clone());
        }
        let mut offset = left.min(length);
        if length - offset < width - 3 {
            offset = length - (width - 3);
        }
        if offset <= 4 {
            return done(format!("{}...", super::cut(s, 0, width - 3)?));
        }
        if offset + width - 3 < length {
            let rest = super::cut(s, offset, length)?;
            return done(format!("...{}...", super::cut(rest, 0, width - 6)?));
        }
        done(format!("...{}", super::cut(s, length - (width - 3), length)?))
    }),
];

fn capitalized(text: &str, separates: impl Fn(char) -> bool, up: bool) -> String {
    let mut out = String::new();
    let mut first = true;
    for c in text.chars() {
        match (first && !separates(c), up) {
            (true, true) => out.extend(c.to_uppercase()),
            (true, false) => out.extend(c.to_lowercase()),
            _ => out.push(c),
        }
        first = separates(c);
    }
    out
}

/// Upper case turns lower; lower case turns upper, or title at the beginning of a word, which is the same for most.
fn swapped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_uppercase() { out.extend(c.to_lowercase()) } else { out.extend(c.to_uppercase()) }
    }
    out
}

#[derive(Clone, Copy, PartialEq)]
enum Class {
    Upper,
    Lower,
    Digit,
    Connector,
}

/// `FirstName` to `first_name`, for words of ASCII letters.
fn parted(text: &str, connector: char) -> Result<String, String> {
    let mut out = String::new();
    let chars: Vec<char> = text.chars().collect();
    let class = |c: char| match c {
        'A'..='Z' => Some(Class::Upper),
        'a'..='z' => Some(Class::Lower),
        '0'..='9' => Some(Class::Digit),
        ' ' | '_' | '-' => Some(Class::Connector),
        _ => None,
    };
    let mut before = None;
    for (i, c) in chars.iter().enumerate() {
        let now = class(*c).ok_or_else(|| format!("the case of {text:?} can't be changed: {c:?} is not supported"))?;
        let next = chars.get(i + 1).copied().and_then(class);
        if now == Class::Digit {
            return Err(format!("the case of {text:?} can't be changed: digits are not supported"));
        }
        let begins = match (before, now) {
            (Some(Class::Lower), Class::Upper) => true,
            (Some(Class::Upper), Class::Upper) => next == Some(Class::Lower),
            _ => false,
        };
        if begins {
            out.push(connector);
        }
        if now == Class::Connector {
            out.push(connector)
        } else {
            out.extend(c.to_lowercase())
        }
        before = Some(now);
    }
    Ok(out)
}

fn pascal(text: &str) -> String {
    let separates = |c: char| matches!(c, '_' | '-' | ' ');
    // Connectors at the beginning stay.
    let rest = text.trim_start_matches(separates);
    let mut out = text[..text.len() - rest.len()].to_owned();
    let trimmed = rest.trim_end_matches(separates);
    for word in trimmed.split(separates).filter(|word| !word.is_empty()) {
        let mut chars = word.chars();
        out.extend(chars.next().into_iter().flat_map(char::to_uppercase));
        out.push_str(chars.as_str());
    }
    out.push_str(&rest[trimmed.len()..]);
    out
}

/// Breaks lines at spaces; `hard` also inside words that are too long.
fn wrapped(text: &str, width: i64, separator: &str, hard: bool) -> String {
    let width = usize::try_from(width).unwrap_or(1).max(1);
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::new();
    let mut at = 0;
    while chars.len() - at > width {
        if chars[at] == ' ' {
            at += 1;
            continue;
        }
        let end = (at + width + 1).min(chars.len());
        let space = (at..end).rev().find(|i| chars[*i] == ' ');
        let (stop, next) = match space {
            Some(space) => (space, space + 1),
            None if hard => (at + width, at + width),
            None => match (at + width..chars.len()).find(|i| chars[*i] == ' ') {
                Some(space) => (space, space + 1),
                None => break,
            },
        };
        out.extend(&chars[at..stop]);
        out.push_str(separator);
        at = next;
    }
    out.extend(&chars[at..]);
    out
}
