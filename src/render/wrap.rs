//! Lines of spans, broken at spaces by their width on the screen.

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

/// What must stay together, as clean pieces of one tone each.
#[derive(Default)]
struct Word {
    pieces: Vec<(String, Tone)>,
    width: usize,
    /// Spaces in front of it, in the tone of the text around.
    gap: usize,
}

/// Breaks a line into painted lines of at most `limit` columns; a longer word stands alone and sticks out.
/// A line that fits keeps its spaces as they are.
pub fn wrap(line: &[Span], limit: usize, color: bool) -> Vec<String> {
    let clean: Vec<(String, Tone)> = line.iter().map(|span| (sanitize::inline(&span.text).into_owned(), span.tone)).collect();
    let whole: usize = clean.iter().map(|(text, _)| width(text)).sum();
    if whole <= limit {
        return vec![clean.iter().map(|(text, tone)| paint(text, *tone, color)).collect()];
    }
    let mut lines = Vec::new();
    let mut current: Vec<Word> = Vec::new();
    let mut used = 0;
    for mut word in words(&clean, limit) {
        if used > 0 && used + word.gap + word.width > limit {
            lines.push(join(&current, color));
            current.clear();
            used = 0;
            word.gap = 0;
        }
        used += word.gap + word.width;
        current.push(word);
    }
    if !current.is_empty() {
        lines.push(join(&current, color));
    }
    lines
}

fn words(clean: &[(String, Tone)], limit: usize) -> Vec<Word> {
    let mut words = Vec::new();
    let mut word = Word::default();
    for (text, tone) in clean {
        // A command is copied by a double click or by eye; keep it in one piece if a line can hold it.
        if *tone == Tone::Code && width(text) <= limit {
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
    words
}

/// Neighbours of one tone are painted together, so that a sentence is one run of colour.
fn join(words: &[Word], color: bool) -> String {
    let mut runs: Vec<(String, Tone)> = Vec::new();
    for word in words {
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
