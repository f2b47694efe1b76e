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
    fixed("wrap", &[Int, Str], |_, a| done(wrapped(text(a, 1), int(a, 0), "\n", false)?)),
    fixed("wrapWith", &[Int, Str, Str], |_, a| done(wrapped(text(a, 2), int(a, 0), text(a, 1), true)?)),
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
    /// Capitals, or one capital and small letters behind it.
    Upper,
    Lower,
    Digits,
    Connector,
    Punctuation,
    Other,
}

impl Class {
    fn of(c: char) -> Class {
        match c {
            '-' | '_' => Class::Connector,
            c if c.is_whitespace() => Class::Connector,
            c if c.is_uppercase() => Class::Upper,
            c if c.is_lowercase() => Class::Lower,
            c if c.is_numeric() => Class::Digits,
            '!' | '"' | '#' | '%'..='*' | ',' | '.' | '/' | ':' | ';' | '?' | '@' | '['..=']' | '{' | '}' => Class::Punctuation,
            _ => Class::Other,
        }
    }

    fn is_word(self) -> bool {
        !matches!(self, Class::Connector | Class::Punctuation)
    }

    fn goes_on(self) -> bool {
        matches!(self, Class::Lower | Class::Digits)
    }
}

/// `HTTPServer2` is `HTTP`, `Server`, `2`.
fn words_of(text: &str) -> Result<Vec<(Class, String)>, String> {
    if let Some(c) = text.chars().find(|c| !c.is_ascii() && !c.is_uppercase() && !c.is_lowercase()) {
        return Err(format!("the case of {text:?} can't be changed: {c:?} is not supported"));
    }
    let mut words: Vec<(Class, String)> = Vec::new();
    let mut before = None;
    for c in text.chars() {
        let class = Class::of(c);
        match words.last_mut() {
            Some((last, word)) if *last == class => word.push(c),
            Some((Class::Upper, word)) if class == Class::Lower => {
                // Of several capitals the last begins the next word; a word goes on.
                let begins = before == Some(Class::Upper) && word.chars().count() > 1;
                let capital = if begins { word.pop() } else { None };
                match capital {
                    Some(capital) => words.push((Class::Upper, format!("{capital}{c}"))),
                    None => word.push(c),
                }
            }
            _ => words.push((class, c.to_string())),
        }
        // A capital behind small letters begins a word, though the class is the same.
        if class == Class::Upper
            && before == Some(Class::Lower)
            && let Some((Class::Upper, word)) = words.last_mut()
            && word.chars().count() > 1
        {
            word.pop();
            words.push((Class::Upper, c.to_string()));
        }
        before = Some(class);
    }
    Ok(words)
}

/// `FirstName` to `first_name`. A number belongs to what stands before it, unless small letters follow it.
fn parted(text: &str, connector: char) -> Result<String, String> {
    let words = words_of(text)?;
    let mut out = String::new();
    let push = |i: usize, out: &mut String| {
        let (class, word) = &words[i];
        match class {
            Class::Connector => out.extend(word.chars().map(|_| connector)),
            Class::Upper => out.push_str(&word.to_lowercase()),
            _ => out.push_str(word),
        }
    };
    let class = |i: usize| words.get(i).map(|(class, _)| *class);
    let mut i = 0;
    while i < words.len() {
        push(i, &mut out);
        let mut next = i + 1;
        let mut join = words[i].0.is_word();
        let number = join && words[i].0 != Class::Digits && class(next) == Some(Class::Digits);
        if number && class(next + 1) != Some(Class::Lower) {
            push(next, &mut out);
            next += 1;
        } else if number {
            out.push(connector);
        }
        if words[i].0 == Class::Digits || number && class(next) == Some(Class::Digits) {
            while class(next).is_some_and(Class::goes_on) {
                push(next, &mut out);
                next += 1;
            }
        }
        join &= class(next).is_some_and(Class::is_word);
        if join {
            out.push(connector);
        }
        i = next;
    }
    Ok(out)
}

/// `http_server` to `HttpServer`; of a word in capitals only the first stays one.
fn pascal(text: &str) -> String {
    let connects = |c: char| Class::of(c) == Class::Connector;
    let rest = text.trim_start_matches(connects);
    let mut out = text[..text.len() - rest.len()].to_owned();
    if rest.is_empty() {
        // As the library that sprig uses does.
        out.extend(text.chars().last());
        return out;
    }
    let inner = rest.trim_end_matches(connects);
    let (mut begins, mut capitals, mut connectors) = (true, false, 0);
    for c in inner.chars() {
        if connects(c) {
            connectors += 1;
            if connectors > 1 {
                out.push(c);
            }
            begins = true;
            continue;
        }
        connectors = 0;
        if begins {
            capitals = c.is_uppercase();
            out.extend(c.to_uppercase());
        } else if capitals && c.is_uppercase() {
            out.extend(c.to_lowercase());
        } else {
            capitals = false;
            out.push(c);
        }
        begins = false;
    }
    out.push_str(&rest[inner.len()..]);
    out
}

/// Breaks lines at spaces, counting bytes; `hard` also inside words that are too long.
fn wrapped(text: &str, width: i64, separator: &str, hard: bool) -> Result<String, String> {
    let width = usize::try_from(width).unwrap_or(1).max(1);
    let separator = if separator.is_empty() { "\n" } else { separator };
    let piece = |from: usize, to: usize| {
        text.get(from..to).ok_or_else(|| "a line that ends in the middle of a character is not supported".to_owned())
    };
    let space = |from: usize, to: usize| text.as_bytes()[from..to].iter().position(|b| *b == b' ').map(|i| from + i);
    let mut out = String::new();
    let mut at = 0;
    while text.len() - at > width {
        if text.as_bytes()[at] == b' ' {
            at += 1;
            continue;
        }
        let last = text.as_bytes()[at..at + width + 1].iter().rposition(|b| *b == b' ').map(|i| at + i);
        let (stop, next) = match last {
            Some(space) => (space, space + 1),
            None if hard => (at + width, at + width),
            None => match space(at + width, text.len()) {
                Some(space) => (space, space + 1),
                None => break,
            },
        };
        out.push_str(piece(at, stop)?);
        out.push_str(separator);
        at = next;
    }
    out.push_str(piece(at, text.len())?);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_names() {
        for (text, wanted) in [
            ("FirstName", "first-name"),
            ("HTTPServer", "http-server"),
            ("NoHTTPS", "no-https"),
            ("GO PATH", "go-path"),
            ("http2xx", "http-2xx"),
            ("HTTP20xOK", "http-20x-ok"),
            ("Duration2m3s", "duration-2m3s"),
            ("Bld4Floor3rd", "bld4-floor-3rd"),
            ("a__b", "a--b"),
            ("1.2.3-rc.1", "1.2.3-rc.1"),
        ] {
            assert_eq!(parted(text, '-').as_deref(), Ok(wanted), "{text}");
        }
        assert!(parted("漢字", '-').is_err());
    }

    #[test]
    fn words_are_put_together() {
        for (text, wanted) in [
            ("http_server", "HttpServer"),
            ("GOLANG_IS_GREAT", "GolangIsGreat"),
            ("_complex__case_", "_Complex_Case_"),
            ("some words", "SomeWords"),
            ("noHttps", "NoHttps"),
        ] {
            assert_eq!(pascal(text), wanted, "{text}");
        }
    }
}
