//! One file, or stdin.

use crate::error::{Error, Kind, Result};
use std::fs;
use std::io::{self, Read};

/// The bytes of the file at `path`, or of stdin if it is `-`.
pub fn read(path: &str) -> Result<Vec<u8>> {
    let (name, bytes) = if path == "-" {
        let mut bytes = Vec::new();
        ("stdin", io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes))
    } else {
        (path, fs::read(path))
    };
    bytes.map_err(|e| Error::new(Kind::Input, format!("can't read {name}")).because(&e))
}
