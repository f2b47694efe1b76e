//! The terminal is hostile ground: names, annotations and messages come from a cluster that others write to.
//!
//! An escape sequence can hide a line, a bidirectional override can show another name, a zero-width character makes two
//! names look the same. What could do so is shown as an escape that a person can read.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a character can change how its surroundings look. Newline and tab count too; callers decide about those.
pub fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' // zero width, marks of direction
            | '\u{2028}'..='\u{202e}' // line separators, embeddings, overrides
            | '\u{2060}'..='\u{206f}' // joiners, isolates
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}') // invisible tags
}

/// Whether all of it is printable ASCII: each byte is a column then, and nothing has to be done to it.
pub fn is_plain(text: &str) -> bool {
    text.bytes().fold(true, |plain, byte| plain & (byte.wrapping_sub(b' ') < 95))
}

/// For a cell, a sentence, a label: one line. Newlines and tabs become spaces.
pub fn inline(text: &str) -> Cow<'_, str> {
    if is_plain(text) || !text.contains(is_hostile) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => clean.push(' '),
            '\r' => {}
            c => push(&mut clean, c),
        }
    }
    Cow::Owned(clean)
}

/// For text of several lines that is meant to be copied: newlines and tabs stay.
pub fn block(text: &str) -> String {
    let odd = |byte: &u8| !matches!(byte, b' '..=b'~' | b'\n' | b'\t');
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        // Nearly all of it is plain, and is taken as it stands.
        let (plain, other) = rest.split_at(rest.as_bytes().iter().position(odd).unwrap_or(rest.len()));
        clean.push_str(plain);
        let mut next = other.chars();
        match next.next() {
            None => return clean,
            Some('\r') => {}
            Some(c) => push(&mut clean, c),
        }
        rest = next.as_str();
    }
}

fn push(clean: &mut String, c: char) {
    if is_hostile(c) {
        // Writing to a string can't fail.
        let _ = write!(clean, "\\u{{{:x}}}", u32::from(c));
    } else {
        clean.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_become_readable() {
        assert_eq!(inline("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(inline("user\u{202e}nimda"), "user\\u{202e}nimda");
        assert_eq!(inline("pay\u{200b}ments"), "pay\\u{200b}ments");
        assert_eq!(inline("two\r\nlines\tone"), "two lines one");
        assert_eq!(inline("\u{9b}31m"), "\\u{9b}31m");
        assert_eq!(block("a\n\tb\u{7}"), "a\n\tb\\u{7}");
    }

    #[test]
    fn honest_text_is_not_copied() {
        assert!(matches!(inline("größe 大 é"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn nothing_hostile_is_left(text in "\\PC*|(?s).*") {
            prop_assert!(!inline(&text).contains(is_hostile));
            prop_assert!(!block(&text).contains(|c| is_hostile(c) && c != '\n' && c != '\t'));
        }
    }
}
