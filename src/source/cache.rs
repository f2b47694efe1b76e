//! Where things are kept that can be had again.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// `$XDG_CACHE_HOME/meshctl`, else `~/.cache/meshctl`; `None` if the environment names no place.
pub fn root() -> Option<PathBuf> {
    let absolute = |value: std::ffi::OsString| Some(PathBuf::from(value)).filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").and_then(absolute).map(|home| home.join(".cache"));
    Some(std::env::var_os("XDG_CACHE_HOME").and_then(absolute).or_else(home)?.join("meshctl"))
}

/// Makes a folder that only its owner can look into.
pub fn own(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Where in a folder what belongs to this key is kept.
pub fn file(folder: &Path, key: &str) -> PathBuf {
    folder.join(format!("{:016x}", hash(key)))
}

/// Who may read a file that is written here.
#[derive(Clone, Copy)]
pub enum Readers {
    Owner,
    /// As for any file of this user.
    Usual,
}

/// Whole or not at all: two programs may write at once.
pub fn replace(file: &Path, bytes: &[u8], readers: Readers) -> io::Result<()> {
    let mut new = file.as_os_str().to_owned();
    new.push(format!(".new{}", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    if let Readers::Owner = readers {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    #[cfg(not(unix))]
    let _ = readers;
    let written = options.open(&new).and_then(|mut out| out.write_all(bytes)).and_then(|()| fs::rename(&new, file));
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written
}

/// The lines of a cache for its owner; one that can't be written is only slower.
pub fn note(file: &Path, lines: &str) {
    let _ = replace(file, lines.as_bytes(), Readers::Owner);
}

/// FNV-1a: a file name that stays the same between versions of the standard library.
fn hash(key: &str) -> u64 {
    key.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
