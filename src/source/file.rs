//! One file, or stdin.

use crate::error::{Error, Kind, Result};
use std::fs;
use std::io::{self, Read};

/// Whether there is a plain file of this name.
pub fn is_there(path: &str) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file())
}

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
