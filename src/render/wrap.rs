//! Lines of spans, broken by their width on the screen: at spaces, and a word that no line can hold at its own joints.

use super::{sanitize, style::paint};
use crate::report::{Span, Tone};

/// Columns that a clean text takes; counted as the tables count.
pub fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    let mut table = comfy_table::Table::new();
    table.add_row([text]);
    table.column_max_content_widths().first().copied().map_or(0, usize::from)
}

/// A name of a kind, a path, a query may be broken after these.
const JOINTS: &[char] = &['.', '/', ',', ':', '=', '-', '_', '(', ')', '{', '}', '|'];

/// The same, by their bytes.
const IS_JOINT: [bool; 256] = {
    let mut is = [false; 256];
    let mut i = 0;
    while i < JOINTS.len() {
        is[JOINTS[i] as usize] = true;
        i += 1;
    }
    is
};

/// What becomes of a command that is longer than the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commands {
    /// Sticks out: the terminal wraps it by itself, and it still copies as one line.
    Whole,
    /// A column of a table has no room for that.
    Broken,
}

/// What must stay together, as clean pieces of one tone each.
#[derive(Clone, Default)]
struct Word {
    pieces: Vec<(String, Tone)>,
    width: usize,
    /// Spaces in front of it, in the tone of the text around.
    gap: usize,
}

impl Word {
    fn shorten(&mut self, limit: usize) {
        while self.width > limit {
            let Some((text, _)) = self.pieces.last_mut() else { return };
            let Some(c) = text.pop() else {
                self.pieces.pop();
                continue;
            };
            self.width -= width(c.encode_utf8(&mut [0; 4])).min(self.width);
        }
    }
}

/// A line of the screen, not painted yet.
pub struct Row(Vec<Word>);

impl Row {
    fn width(&self) -> usize {
        self.0.iter().enumerate().map(|(i, word)| word.width + if i > 0 { word.gap } else { 0 }).sum()
    }

    /// Neighbours of one tone are painted together, so that a sentence is one run of colour.
    pub fn paint(&self, color: bool) -> String {
        let mut runs: Vec<(String, Tone)> = Vec::new();
        for word in &self.0 {
            for (i, (text, tone)) in word.pieces.iter().enumerate() {
                let gap = if i == 0 { " ".repeat(word.gap) } else { String::new() };
                match runs.last_mut() {
                    Some((run, last)) if last == tone => run.push_str(&(gap + text)),
                    _ => {
                        if !gap.is_empty() {
                            runs.push((gap, Tone::Plain));
                        }
                        runs.push((text.clone(), *tone));
                    }
                }
            }
        }
        runs.iter().map(|(text, tone)| paint(text, *tone, color)).collect()
    }
}

/// Breaks a line into rows of at most `limit` columns. A line that fits keeps its spaces as they are.
pub fn wrap(line: &[Span], limit: usize, commands: Commands) -> Vec<Row> {
    let clean: Vec<(String, Tone)> = line.iter().map(|span| (sanitize::inline(&span.text).into_owned(), span.tone)).collect();
    let whole: usize = clean.iter().map(|(text, _)| width(text)).sum();
    if whole <= limit {
        return vec![Row(vec![Word { pieces: clean, width: whole, gap: 0 }])];
    }
    let mut rows = Vec::new();
    let mut row: Vec<Word> = Vec::new();
    let mut used = 0;
    for mut word in words(&clean, limit, commands) {
        if used > 0 && used + word.gap + word.width > limit {
            rows.push(Row(std::mem::take(&mut row)));
            used = 0;
            word.gap = 0;
        }
        used += word.gap + word.width;
        row.push(word);
    }
    if !row.is_empty() {
        rows.push(Row(row));
    }
    rows
}

/// The same rows of a clean text of one tone that is no command, as slices of it: tables have a hundred thousand cells.
pub fn slices(text: &str, limit: usize) -> Vec<&str> {
    if limit > 0 && text.is_ascii() && !text.contains(' ') {
        return slices_of_a_name(text, limit);
    }
    let mut rows = Vec::new();
    // Where the row begins and ends, and how many columns it takes.
    let (mut start, mut end, mut used) = (0, 0, 0);
    let mut at = 0;
    for part in text.split(' ') {
        let from = at;
        at += part.len() + 1;
        if part.is_empty() {
            continue;
        }
        let mut put = |from: usize, piece: &str, columns: usize| {
            let gap = from - end;
            if used > 0 && used + gap + columns > limit {
                rows.push(&text[start..end]);
                (start, used) = (from, columns);
            } else {
                used += gap + columns;
            }
            end = from + piece.len();
        };
        let columns = width(part);
        if columns <= limit {
            put(from, part, columns);
        } else {
            pieces(part, limit, |offset, piece, columns| put(from + offset, piece, columns));
        }
    }
    if end > 0 {
        rows.push(&text[start..end]);
    }
    rows
}

/// Of one word of ASCII: each row ends at the last joint that it has room for, or is full.
fn slices_of_a_name(mut name: &str, limit: usize) -> Vec<&str> {
    let mut rows = Vec::with_capacity(name.len() / limit + 1);
    while name.len() > limit {
        let joint = name.as_bytes()[..limit].iter().rposition(|byte| IS_JOINT[usize::from(*byte)]);
        let (row, rest) = name.split_at(joint.map_or(limit, |at| at + 1));
        rows.push(row);
        name = rest;
    }
    if !name.is_empty() {
        rows.push(name);
    }
    rows
}

/// The parts of a word that is wider than a line, as [`broken`] makes them.
fn pieces<'t>(word: &'t str, limit: usize, mut put: impl FnMut(usize, &'t str, usize)) {
    let mut from = 0;
    // Nearly all are ASCII, of which each byte is a column.
    if word.is_ascii() {
        while from < word.len() {
            let joint = word.as_bytes()[from..].iter().position(|byte| IS_JOINT[usize::from(*byte)]);
            let end = joint.map_or(word.len(), |at| from + at + 1);
            while from < end {
                let to = end.min(from + limit.max(1));
                put(from, &word[from..to], to - from);
                from = to;
            }
        }
        return;
    }
    for piece in word.split_inclusive(JOINTS) {
        let (mut start, mut taken) = (0, 0);
        for (at, c) in piece.char_indices() {
            let columns = if c.is_ascii() { 1 } else { width(c.encode_utf8(&mut [0; 4])) };
            if taken > 0 && taken + columns > limit {
                put(from + start, &piece[start..at], taken);
                (start, taken) = (at, 0);
            }
            taken += columns;
        }
        put(from + start, &piece[start..], taken);
        from += piece.len();
    }
}

/// Keeps `most` rows; `…` stands for the rest.
pub fn clip(mut rows: Vec<Row>, most: usize, limit: usize) -> Vec<Row> {
    if rows.len() <= most {
        return rows;
    }
    rows.truncate(most);
    if let Some(last) = rows.last_mut() {
        let tone = last.0.last().and_then(|word| word.pieces.last()).map_or(Tone::Plain, |(_, tone)| *tone);
        last.0.push(Word { pieces: vec![("…".to_owned(), tone)], width: 1, gap: 1 });
        while last.width() > limit && last.0.len() > 2 {
            last.0.remove(last.0.len() - 2);
        }
        if let [word, dots] = last.0.as_mut_slice() {
            dots.gap = usize::from(word.width + 2 <= limit);
            word.shorten(limit.saturating_sub(1));
        }
    }
    rows
}

fn words(clean: &[(String, Tone)], limit: usize, commands: Commands) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut word = Word::default();
    for (text, tone) in clean {
        // A command is copied by a double click or by eye, so it stays in one piece.
        if *tone == Tone::Code && (commands == Commands::Whole || width(text) <= limit) {
            word.width += width(text);
            word.pieces.push((text.clone(), *tone));
            continue;
        }
        for (i, part) in text.split(' ').enumerate() {
            if i > 0 {
                if word.pieces.is_empty() {
                    word.gap += 1;
                } else {
                    words.push(std::mem::replace(&mut word, Word { gap: 1, ..Word::default() }));
                }
            }
            if !part.is_empty() {
                word.width += width(part);
                word.pieces.push((part.to_owned(), *tone));
            }
        }
    }
    if !word.pieces.is_empty() {
        words.push(word);
    }
    let keep = |word: &Word| {
        let command = commands == Commands::Whole && word.pieces.iter().any(|(_, tone)| *tone == Tone::Code);
        word.width <= limit || command
    };
    words.into_iter().flat_map(|word| if keep(&word) { vec![word] } else { broken(&word, limit) }).collect()
}

/// The parts of a word that is wider than a line: up to each joint, and where there is none, what a line can hold.
fn broken(word: &Word, limit: usize) -> Vec<Word> {
    let mut parts: Vec<Word> = Vec::new();
    for (text, tone) in &word.pieces {
        for piece in text.split_inclusive(JOINTS) {
            let mut part = String::new();
            let mut taken = 0;
            for c in piece.chars() {
                let columns = if c.is_ascii() { 1 } else { width(c.encode_utf8(&mut [0; 4])) };
                if taken > 0 && taken + columns > limit {
                    parts.push(Word { pieces: vec![(std::mem::take(&mut part), *tone)], width: taken, gap: 0 });
                    taken = 0;
                }
                part.push(c);
                taken += columns;
            }
            parts.push(Word { pieces: vec![(part, *tone)], width: taken, gap: 0 });
        }
    }
    if let Some(first) = parts.first_mut() {
        first.gap = word.gap;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn drawn(rows: &[Row]) -> Vec<String> {
        rows.iter().map(|row| row.paint(false)).collect()
    }

    #[test]
    fn a_word_that_no_line_holds_breaks_at_its_joints() {
        let line = ["the server has no mutatingwebhookconfigurations.admissionregistration.k8s.io".into()];
        let rows = wrap(&line, 32, Commands::Whole);
        assert_eq!(drawn(&rows), ["the server has no", "mutatingwebhookconfigurations.", "admissionregistration.k8s.io"]);
    }

    #[test]
    fn a_command_is_never_broken_but_in_a_table() {
        let line = ["run ".into(), Span::new("meshctl analyze --from demo", Tone::Code)];
        assert_eq!(drawn(&wrap(&line, 12, Commands::Whole)), ["run", "meshctl analyze --from demo"]);
        assert_eq!(drawn(&wrap(&line, 12, Commands::Broken)), ["run meshctl", "analyze", "--from demo"]);
    }

    #[test]
    fn what_is_clipped_says_so() {
        let line = ["one, two, three, four, five".into()];
        assert_eq!(drawn(&clip(wrap(&line, 11, Commands::Whole), 1, 11)), ["one, two, …"]);
        assert_eq!(drawn(&clip(wrap(&line, 9, Commands::Whole), 2, 9)), ["one, two,", "three, …"]);
        assert_eq!(drawn(&clip(wrap(&line, 5, Commands::Whole), 2, 5)), ["one,", "two,…"]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_sticks_out(text in "([a-z.,/ü大]{0,30} {0,3}){0,9}", limit in 2_usize..40) {
            let rows = drawn(&wrap(&[text.as_str().into()], limit, Commands::Whole));
            prop_assert!(rows.iter().all(|row| width(row.trim_start()) <= limit), "{rows:?}");
            let letters = |text: &str| text.chars().filter(|c| *c != ' ').collect::<String>();
            prop_assert_eq!(letters(&rows.concat()), letters(&text));
        }

        #[test]
        fn slices_are_the_same_rows(text in "([a-z.,/ü大]{0,30} {0,3}){0,9}", limit in 2_usize..40) {
            let rows = drawn(&wrap(&[text.as_str().into()], limit, Commands::Broken));
            if width(&text) > limit {
                prop_assert_eq!(slices(&text, limit), rows);
            }
        }

        #[test]
        fn slices_of_a_name_are_the_same_rows(text in "([a-z]{0,12}[-.|]{0,2}){0,9}", limit in 2_usize..40) {
            if width(&text) > limit {
                prop_assert_eq!(slices(&text, limit), drawn(&wrap(&[text.as_str().into()], limit, Commands::Broken)));
            }
        }

        #[test]
        fn a_clipped_line_keeps_to_its_room(text in "([a-z.大]{1,30} ){1,9}", limit in 2_usize..40, most in 1_usize..4) {
            let rows = drawn(&clip(wrap(&[text.as_str().into()], limit, Commands::Whole), most, limit));
            prop_assert!(rows.len() <= most && rows.iter().all(|row| width(row) <= limit.max(2)), "{rows:?}");
        }
    }
}
