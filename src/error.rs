//! Error kinds, hints and exit codes.
//!
//! A command fails with [`Error`]: a kind, a chain of causes and the next step. What is merely missing from an answer
//! is no error: it lands in [`crate::facts::Facts`] and is shown as not seen.

use std::fmt;

/// What went wrong, as far as the user's next step depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The command line is wrong.
    Usage,
    /// A file, a document or stdin can't be read as what it should be.
    Input,
    /// No cluster was named: no kubeconfig, no such context.
    NoCluster,
    /// The cluster was named and doesn't answer, or refuses us altogether.
    Unreachable,
    /// The cluster answers and says no.
    Forbidden,
    /// A file can't be written.
    Output,
    /// Our own fault.
    Internal,
    /// Ctrl-C.
    Interrupted,
}

impl Kind {
    /// What the process ends with.
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Usage | Kind::Input | Kind::NoCluster | Kind::Unreachable | Kind::Forbidden | Kind::Output | Kind::Internal => {
                EXIT_FAILED
            }
            Kind::Interrupted => EXIT_INTERRUPTED,
        }
    }
}

/// Exit code of a run that could not do what it was asked.
pub const EXIT_FAILED: u8 = 2;
/// Exit code of a run whose answer is bad news at or above `--fail-on`.
pub const EXIT_BAD_NEWS: u8 = 1;

/// Exit code after Ctrl-C: 128 and the number of the signal, as shells have it.
pub const EXIT_INTERRUPTED: u8 = 130;

/// A failed command: what, why, and what to do next.
#[derive(Debug)]
pub struct Error {
    pub kind: Kind,
    /// Lower-case fragment that names the place: "can't read shop.yaml:12:5".
    pub message: String,
    /// From the outermost cause to the innermost.
    pub causes: Vec<String>,
    /// Next steps, best first.
    pub hints: Vec<String>,
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Error { kind, message: message.into(), causes: Vec::new(), hints: Vec::new() }
    }

    /// Keeps the whole chain of `cause`, without repeating a text that the level above already ends with.
    #[must_use]
    pub fn because(mut self, cause: &(dyn std::error::Error + 'static)) -> Self {
        let mut next = Some(cause);
        while let Some(error) = next {
            let text = error.to_string();
            if !self.causes.last().unwrap_or(&self.message).ends_with(&text) {
                self.causes.push(text);
            }
            next = error.source();
        }
        self
    }

    #[must_use]
    pub fn cause(mut self, text: impl Into<String>) -> Self {
        self.causes.push(text.into());
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

/// A word as a shell takes it.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,~".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Level(&'static str, Option<Box<Level>>);
    impl fmt::Display for Level {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }
    impl std::error::Error for Level {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            self.1.as_deref().map(|level| level as _)
        }
    }

    #[test]
    fn a_repeated_cause_is_told_once() {
        let cause = Level("connect: refused", Some(Box::new(Level("refused", Some(Box::new(Level("no route", None)))))));
        let error = Error::new(Kind::Unreachable, "can't reach the cluster").because(&cause);
        assert_eq!(error.causes, ["connect: refused", "no route"]);
    }
}
