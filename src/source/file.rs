//! One file, or stdin.

use crate::error::{Error, Kind, Result};
use std::fs;
use std::io::{self, Read};

/// Whether there is a plain file of this name.
pub fn is_there(path: &str) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file())
}

pub fn is_folder(path: &str) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_dir())
}

/// Writes a file that only its owner can read: it may hold keys.
pub fn keep(path: &str, bytes: &[u8]) -> Result<()> {
    use std::io::Write;
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    let cannot = |e: io::Error| Error::new(Kind::Output, format!("can't write {path}")).because(&e);
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).map_err(cannot)?;
    // One that was there already may have been for everybody.
    file.set_permissions(fs::Permissions::from_mode(0o600)).map_err(cannot)?;
    file.write_all(bytes).map_err(cannot)
}

/// Less is read at once.
const BIG: u64 = 1 << 20;

/// A plain file that is better read in parts, and that can be read again.
pub fn big(path: &str) -> Option<impl Read + Send> {
    let meta = fs::metadata(path).ok()?;
    if !meta.is_file() || meta.len() < BIG { None } else { fs::File::open(path).ok() }
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
