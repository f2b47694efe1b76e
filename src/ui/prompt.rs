//! Questions to a person: asked on stderr, answered on stdin, so that stdout stays the answer.

use super::Ui;
use crate::error::{Error, Kind, Result};
use crate::render::{paint, sanitize, sentence};
use crate::report::Tone;
use std::io::{self, BufRead};

/// One question. Without `choices` any number answers it.
pub struct Prompt<'a> {
    pub text: &'a str,
    /// Why it is asked: what the answer changes.
    pub why: &'a str,
    pub choices: &'a [&'a str],
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// One of the choices, or a number.
    Answer(String),
    Skip,
    /// End of input: no more questions.
    Done,
}

pub(super) fn ask(ui: &Ui, prompt: &Prompt<'_>) -> Result<Choice> {
    if !ui.can_ask() {
        return Err(Error::new(Kind::Usage, "there is nobody to ask: stdin or stderr is no terminal")
            .hint("give the answers on the command line: --answer KEY=VALUE, --require NEED"));
    }
    ui.write(&question(prompt, ui.width, ui.color));
    let stdin = io::stdin();
    loop {
        ui.write(&paint("> ", Tone::Strong, ui.color));
        let mut line = String::new();
        let read = stdin.lock().read_line(&mut line);
        if read.map_err(|e| Error::new(Kind::Input, "can't read the answer").because(&e))? == 0 {
            ui.write("\n");
            return Ok(Choice::Done);
        }
        match understand(&line, prompt.choices) {
            Some(choice) => return Ok(choice),
            None if prompt.choices.is_empty() => ui.write("a number, or Enter to skip\n"),
            None if is_yes_no(prompt.choices) => ui.write("y, n, or Enter to skip\n"),
            None => ui.write(&format!("a number from 1 to {}, or Enter to skip\n", prompt.choices.len())),
        }
    }
}

fn question(prompt: &Prompt<'_>, width: usize, color: bool) -> String {
    let clean = |text: &str| sanitize::inline(text).into_owned();
    let mut out = format!("\n{}", sentence(prompt.text, Tone::Strong, width, color));
    if !prompt.why.is_empty() {
        out.push_str(&sentence(prompt.why, Tone::Dim, width, color));
    }
    let yes_no = is_yes_no(prompt.choices);
    for (i, choice) in prompt.choices.iter().enumerate().filter(|_| !yes_no) {
        out.push_str(&format!("  {}  {}\n", paint(&(i + 1).to_string(), Tone::Code, color), clean(choice)));
    }
    let keys = if yes_no { "y/n, Enter to skip" } else { "number, Enter to skip" };
    out.push_str(&format!("{} ", paint(keys, Tone::Dim, color)));
    out
}

/// Asked as y/n, without numbers.
fn is_yes_no(choices: &[&str]) -> bool {
    choices == ["yes", "no"]
}

/// `None`: ask again.
fn understand(line: &str, choices: &[&str]) -> Option<Choice> {
    let line = line.trim();
    let answer = |text: &str| Some(Choice::Answer(text.to_owned()));
    if line.is_empty() || line.eq_ignore_ascii_case("skip") || line.eq_ignore_ascii_case("s") {
        return Some(Choice::Skip);
    }
    let word = match line.to_ascii_lowercase().as_str() {
        "y" => "yes".to_owned(),
        "n" => "no".to_owned(),
        other => other.to_owned(),
    };
    if let Some(choice) = choices.iter().find(|choice| choice.eq_ignore_ascii_case(&word)) {
        return answer(choice);
    }
    if choices.is_empty() {
        return line.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0).and_then(|_| answer(line));
    }
    if is_yes_no(choices) {
        return None;
    }
    let number: usize = line.parse().ok()?;
    choices.get(number.checked_sub(1)?).and_then(|choice| answer(choice))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_fits_the_terminal() {
        let text = "Do many services (more than 5) call each other over the network, or few?";
        let shown = question(&Prompt { text, why: "few: a mesh is premature", choices: &["many", "few"] }, 40, false);
        let expected = "\nDo many services (more than 5) call each\nother over the network, or few?\n\
                        few: a mesh is premature\n  1  many\n  2  few\nnumber, Enter to skip ";
        assert_eq!(shown, expected);
    }

    #[test]
    fn answers() {
        let said = |line: &str| understand(line, &["encryption", "identity"]);
        assert_eq!(said("2\n"), Some(Choice::Answer("identity".to_owned())));
        assert_eq!(said("Encryption"), Some(Choice::Answer("encryption".to_owned())));
        assert_eq!(said("\n"), Some(Choice::Skip));
        assert_eq!((said("0"), said("3"), said("y")), (None, None, None));
        assert_eq!(understand("Y", &["yes", "no"]), Some(Choice::Answer("yes".to_owned())));
        assert_eq!(understand("1", &["yes", "no"]), None, "one of what?");
        assert_eq!(understand("12", &[]), Some(Choice::Answer("12".to_owned())));
        assert_eq!(understand("a dozen", &[]), None);
    }
}
