//! Tone → colour: the one table of it.

use crate::report::Tone;
use colored::{Color, ColoredString, Colorize, Styles};

/// Colour and weight of a tone.
fn look(tone: Tone) -> (Option<Color>, Option<Styles>) {
    match tone {
        Tone::Plain => (None, None),
        Tone::Strong => (None, Some(Styles::Bold)),
        Tone::Dim => (None, Some(Styles::Dimmed)),
        Tone::Good => (Some(Color::Green), None),
        Tone::Warn => (Some(Color::Yellow), None),
        Tone::Bad => (Some(Color::Red), Some(Styles::Bold)),
        Tone::Code => (Some(Color::Cyan), None),
    }
}

/// Clean text in the colours of its tone. The caller decides about colour, because stdout and stderr differ.
pub fn paint(text: &str, tone: Tone, color: bool) -> String {
    if !color || tone == Tone::Plain || text.is_empty() {
        return text.to_owned();
    }
    // colored looks at stdout by itself; the decision was made by whoever calls us.
    colored::control::set_override(true);
    let mut painted = ColoredString::from(text);
    let (foreground, weight) = look(tone);
    if let Some(color) = foreground {
        painted = painted.color(color);
    }
    match weight {
        Some(Styles::Bold) => painted.bold(),
        Some(Styles::Dimmed) => painted.dimmed(),
        _ => painted,
    }
    .to_string()
}

/// The tone of a cell with several spans: a cell has one colour, so the most urgent wins.
pub fn loudest(tones: impl Iterator<Item = Tone>) -> Tone {
    let rank = |tone: &Tone| match tone {
        Tone::Bad => 6,
        Tone::Warn => 5,
        Tone::Good => 4,
        Tone::Code => 3,
        Tone::Strong => 2,
        Tone::Plain => 1,
        Tone::Dim => 0,
    };
    tones.max_by_key(rank).unwrap_or_default()
}
