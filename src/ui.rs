//! stderr only: progress, hints, prompts.

use crate::cli::Global;
use crate::error::Error;

pub struct Ui {}

impl Ui {
    pub fn new(_global: &Global) -> Self {
        Ui {}
    }
    pub fn error(&self, _error: &Error) {}
    /// Dim line that tells the next step; nothing with `--quiet`.
    pub fn hint(&self, _text: &str) {}
    /// Something is wrong with the input, yet the answer goes on.
    pub fn warning(&self, _text: &str) {}
}
