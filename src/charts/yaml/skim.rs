//! The kind of a document, without reading it as YAML: one pass over its lines.
//!
//! Most documents of charts are of the plainest YAML: block mappings and lists, scalars on their lines, texts below `|`.
//! These are recognized here, and nothing else is: where a line could be anything else, even YAML that is broken, there
//! is no answer, and the parser has to say what it is. A test holds both against each other.

use super::scalar::{Plain, resolve};

/// Longer documents could have more nodes than the parser allows.
const LONGEST: usize = 3 << 20;
/// Deeper ones as well.
const DEEPEST: usize = 100;

#[derive(Clone, Copy, PartialEq)]
enum Block {
    Map,
    List,
}

/// An open mapping or list.
struct Frame {
    column: usize,
    block: Block,
    /// A key or a dash is there, and its value may still come.
    waits: bool,
}

/// The kind that a document names, `""` if it names none; `None` where only the parser knows. That it is a mapping, and
/// YAML as a whole, is said with it.
pub fn kind(text: &str) -> Option<&str> {
    let plain = |c: char| matches!(c, '\n' | ' '..='~' | '\u{a1}'..='\u{1fff}' | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{d7ff}' | '\u{10000}'..='\u{1ffff}');
    if text.len() > LONGEST || !text.chars().all(plain) {
        return None;
    }
    let mut skim = Skim { lines: text.split('\n').collect(), at: 0, frames: Vec::new(), kind: None };
    while skim.at < skim.lines.len() {
        skim.line()?;
    }
    skim.frames.first()?;
    Some(skim.kind.unwrap_or_default())
}

struct Skim<'a> {
    lines: Vec<&'a str>,
    at: usize,
    frames: Vec<Frame>,
    kind: Option<&'a str>,
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

fn is_blank(line: &str) -> bool {
    line.bytes().all(|byte| byte == b' ')
}

/// What may stand behind a value.
fn is_end(rest: &str) -> bool {
    is_blank(rest) || rest.trim_start_matches(' ').starts_with('#') && rest.starts_with(' ')
}

impl<'a> Skim<'a> {
    fn line(&mut self) -> Option<()> {
        let line = self.lines[self.at];
        let mut column = indent(line);
        let mut rest = &line[column..];
        self.at += 1;
        if rest.is_empty() || rest.starts_with('#') {
            return Some(());
        }
        if column == 0 && (rest.starts_with("---") || rest.starts_with("...") || rest.starts_with('%')) {
            return None;
        }
        let mut inside = false;
        while rest == "-" || rest.starts_with("- ") {
            self.open(column, Block::List, inside)?;
            let next = rest[1..].trim_start_matches(' ');
            if next.is_empty() || next.starts_with('#') {
                return Some(());
            }
            column += rest.len() - next.len();
            rest = next;
            inside = true;
        }
        match key(rest) {
            Some((key, value)) => {
                self.open(column, Block::Map, inside)?;
                let frames = self.frames.len();
                let value = self.value(value, column)?;
                if frames == 1 && key.trim_matches(['"', '\'']) == "kind" {
                    // Said twice, or in another way than in one word: which one counts is the parser's to say.
                    let word = value.filter(|word| resolve(word) == Plain::Text && self.kind.is_none())?;
                    self.kind = Some(word);
                }
            }
            None => {
                let frame = self.frames.iter().rev().find(|frame| inside || frame.column < column)?;
                let around = frame.column;
                // A scalar on a line of its own below its key: only where nothing else is open.
                if !self.frames.last().is_some_and(|last| last.waits && last.column == around) {
                    return None;
                }
                self.value(rest, around)?;
            }
        }
        Some(())
    }

    /// A key or a dash in this column, in a block that is open or begins here. `inside`: on the line of a dash.
    fn open(&mut self, column: usize, block: Block, inside: bool) -> Option<()> {
        if !inside {
            while self.frames.last().is_some_and(|last| last.column > column) {
                self.frames.pop();
            }
            // A list may stand in the column of the key that it belongs to.
            if let [.., above, last] = self.frames.as_slice()
                && (last.column, last.block, above.column) == (column, Block::List, column)
                && block == Block::Map
            {
                self.frames.pop();
            }
        }
        match self.frames.last_mut() {
            Some(last) if !inside && last.column == column && last.block == block => {
                last.waits = true;
                return Some(());
            }
            Some(last) => {
                let below = last.column < column || last.column == column && (last.block, block) == (Block::Map, Block::List);
                if !last.waits || !below {
                    return None;
                }
                last.waits = false;
            }
            None if column == 0 && block == Block::Map => {}
            None => return None,
        }
        self.frames.push(Frame { column, block, waits: true });
        (self.frames.len() < DEEPEST).then_some(())
    }

    /// The value of the innermost key or dash, with the lines that belong to it. A word on its line is given.
    fn value(&mut self, text: &'a str, around: usize) -> Option<Option<&'a str>> {
        let text = text.trim_start_matches(' ');
        if text.is_empty() || text.starts_with('#') {
            return Some(None);
        }
        self.frames.last_mut()?.waits = false;
        match text.as_bytes()[0] {
            b'|' | b'>' => self.below(text, around).map(|()| None),
            b'"' | b'\'' => self.quoted(text, around),
            b'{' | b'[' => is_flat(text).then_some(None),
            _ => self.plain(text, around),
        }
    }

    /// A text below `|` or `>`.
    fn below(&mut self, text: &str, around: usize) -> Option<()> {
        let head = text.split(' ').next()?;
        if !is_end(&text[head.len()..]) {
            return None;
        }
        let digit = |digit: &str| digit.parse::<usize>().ok().filter(|digit| (1..=9).contains(digit));
        let mut inner = match head[1..].trim_end_matches(['+', '-']) {
            "" if head.len() <= 2 => None,
            said if said.len() == 1 && head.len() <= 3 => Some(around + digit(said)?),
            _ => return None,
        };
        let mut blanks = 0;
        while let Some(line) = self.lines.get(self.at) {
            let column = indent(line);
            if is_blank(line) {
                blanks = blanks.max(column);
            } else if column <= around {
                break;
            } else if inner.is_some_and(|inner| column < inner) {
                return None;
            } else if inner.is_none() {
                inner = Some(column);
                if blanks > column {
                    return None;
                }
            }
            self.at += 1;
        }
        // Blanks alone could be a text.
        (inner.is_some() || blanks == 0).then_some(())
    }

    fn quoted(&mut self, text: &'a str, around: usize) -> Option<Option<&'a str>> {
        let quote = text.chars().next()?;
        let mut line = &text[1..];
        let mut many = false;
        loop {
            if let Some(rest) = closed(line, quote)? {
                let word = &line[..line.len() - rest.len() - 1];
                // `''` and `\` stand for something else.
                let simple = !many && !word.contains(['\'', '\\', '"']);
                return is_end(rest).then_some(Some(word).filter(|_| simple));
            }
            line = self.lines.get(self.at)?;
            self.at += 1;
            many = true;
            if !is_blank(line) && indent(line) <= around {
                return None;
            }
        }
    }

    fn plain(&mut self, text: &'a str, around: usize) -> Option<Option<&'a str>> {
        let first = text.as_bytes()[0];
        let begins =
            first.is_ascii_alphanumeric() || matches!(first, b'_' | b'/' | b'$' | b'(' | b'.' | b'-' | b'+' | b'<' | b'^' | b'=');
        let word = uncommented(text)?;
        // `.inf` and `.nan` are no numbers in JSON.
        let odd = word.len() <= 5 && word.contains('.') && word.ends_with(['f', 'F', 'n', 'N']);
        if !begins || odd || word.starts_with("- ") || word == "-" {
            return None;
        }
        let ended = word.len() < text.trim_end_matches(' ').len();
        let mut many = false;
        while let Some(line) = self.lines.get(self.at) {
            let column = indent(line);
            let rest = &line[column..];
            if is_blank(line) {
                // What comes behind could be more of it.
                let next = self.lines[self.at..].iter().find(|line| !is_blank(line));
                if next.is_some_and(|next| indent(next) > around) {
                    return None;
                }
                break;
            }
            if column <= around || rest.starts_with('#') {
                break;
            }
            if ended || rest.starts_with("- ") || rest == "-" || uncommented(rest)?.len() < rest.trim_end_matches(' ').len() {
                return None;
            }
            many = true;
            self.at += 1;
        }
        // A comment ends it, so that nothing deeper may follow.
        Some(Some(word).filter(|_| !many))
    }
}

/// A plain text up to a comment; `None` if something in it means more.
fn uncommented(text: &str) -> Option<&str> {
    let text = text.find(" #").map_or(text, |at| &text[..at]).trim_end_matches(' ');
    (!text.contains(": ") && !text.ends_with(':')).then_some(text)
}

/// What is behind the closing quote; `Some(None)` if it is not on this line.
fn closed(line: &str, quote: char) -> Option<Option<&str>> {
    let bytes = line.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if quote == '"' => {
                if !matches!(bytes.get(at + 1)?, b'"' | b'\\' | b'n' | b't') {
                    return None;
                }
                at += 2;
            }
            b'\'' if quote == '\'' && bytes.get(at + 1) == Some(&b'\'') => at += 2,
            byte if byte == quote as u8 => return Some(Some(&line[at + 1..])),
            _ => at += 1,
        }
    }
    Some(None)
}

/// `key: value`, where the key is a plain word or a quoted one.
fn key(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'/' | b'-');
    let end = match bytes[0] {
        quote @ (b'"' | b'\'') => {
            let length = bytes[1..].iter().take_while(|byte| **byte != quote && **byte != b'\\').count();
            (bytes.get(length + 1) == Some(&quote)).then_some(length + 2)?
        }
        first if first.is_ascii_alphabetic() || first == b'_' => bytes.iter().take_while(|byte| word(byte)).count(),
        _ => return None,
    };
    let rest = text[end..].strip_prefix(':')?;
    (end < 128 && (rest.is_empty() || rest.starts_with(' '))).then_some((&text[..end], rest))
}

/// `{}`, `[]`, and a list of words.
fn is_flat(text: &str) -> bool {
    if let Some(rest) = text.strip_prefix("{}").or_else(|| text.strip_prefix("[]")) {
        return is_end(rest);
    }
    let Some((inner, rest)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) else { return false };
    let word = |word: &str| {
        let word = word.trim_matches(' ');
        let bare =
            |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'/' | b'*'));
        let quoted = word.strip_prefix('"').and_then(|word| word.strip_suffix('"'));
        quoted.map_or_else(|| bare(word) && !word.starts_with('*'), |word| word.is_empty() || bare(word))
    };
    is_end(rest) && inner.split(',').all(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charts::value::Value;
    use crate::charts::yaml::load;
    use proptest::prelude::*;

    const PLAIN: &[&str] = &[
        "# a\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a-b\n  labels: {}\ndata:\n  \"k\": 'it''s'\n  t: |-\n    x: y\n      z\n\n    w\n  u: >\n    f\n  v: |2-\n\n      g\n    h\n",
        "kind: CustomResourceDefinition\nspec:\n  versions:\n  - description: 'A text of\n        two lines.'\n    x: plain text that\n      goes on\n    list:\n    - a\n    -\n      b: 1\n    - - c\n      - d\n  e: \"q\\\"\\n\" # c\nmore: [\"v1\", b, \"*\"]\n",
        "a:\n- b: c\n  d:\n  - e\n- f\n\ng:\n  h\n  i\nkind: \"Service\"  # x\n",
        "apiVersion: apps/v1\nkind: Deployment\nspec:\n    template:\n        spec:\n            containers:\n                - name: x\n                  args: []\n                  command:\n                    - --flag=a:b\n                    - /bin/sh\n            empty:\nstatus: null\n",
    ];

    fn by_parser(text: &str) -> Option<String> {
        let Ok(Value::Map(map)) = load::document(text) else { return None };
        match map.entries.borrow().get("kind") {
            Some(Value::Str(kind)) => Some(kind.to_string()),
            _ => Some(String::new()),
        }
    }

    #[test]
    fn what_is_plain_is_known_without_the_parser() {
        for text in PLAIN {
            assert!(kind(text).is_some(), "{text}");
            assert_eq!(kind(text).map(str::to_owned), by_parser(text), "{text}");
        }
    }

    #[test]
    fn what_could_mean_more_is_left_to_the_parser() {
        for text in [
            "",
            "# c\n",
            "- a\n",
            "a\n",
            "  kind: A\n",
            "kind: 5\n",
            "kind:\n  a: b\n",
            "kind: A\nkind: B\n",
            "a: &x b\n",
            "a: *x\n",
            "a: !!str b\n",
            "a: b: c\n",
            "a: .inf\n",
            "a: {b: c}\n",
            "a: \"\\u0041\"\n",
            "a: b\n c: d\n",
            "? a\n: b\n",
            "<<: {}\n",
            "a:\tb\n",
            "a: |22\n   b\n",
            "a: |0\n b\n",
            "a: |2\n b\n",
            "a: 'b\nc: d\n",
            "---\na: b\n",
            "a: b\n...\n",
            "a: b\n# c\n  d\n",
            "a: [b\n",
            "a: %b\n",
            "a: @b\n",
            "a:\n    b\n  c: d\n",
            "a: |\n    b\n  c\n",
        ] {
            assert_eq!(kind(text), None, "{text:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]
        /// Whatever becomes of a document: an answer is that of the parser.
        #[test]
        fn an_answer_is_that_of_the_parser(
            which in 0..PLAIN.len(),
            edits in prop::collection::vec((any::<prop::sample::Index>(), 0usize..6, prop::sample::select("2 \n:-#\"'|>[]{},&*!%\\.?ak".chars().collect::<Vec<_>>())), 1..6),
        ) {
            let mut text: Vec<char> = PLAIN[which].chars().collect();
            for (at, what, c) in edits {
                let at = at.index(text.len() + 1);
                match what {
                    0 if at < text.len() => _ = text.remove(at),
                    1 => text.splice(at..at, [' ', ' ']).for_each(drop),
                    2 => text.splice(at..at, [c, ' ']).for_each(drop),
                    3 => text.splice(at..at, ['\n', ' ', ' ', c]).for_each(drop),
                    4 => {
                        let end = (at + 9).min(text.len());
                        let piece = text[at..end].to_vec();
                        text.splice(at..at, piece).for_each(drop);
                    }
                    _ => text.insert(at, c),
                }
            }
            let text: String = text.into_iter().collect();
            if let Some(kind) = kind(&text) {
                prop_assert_eq!(Some(kind.to_owned()), by_parser(&text), "{}", text);
            }
        }
    }
}
