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

/// Whole or not at all: two programs may write at once. A cache that can't be written is only slower.
pub fn replace(file: &Path, text: &str) {
    let new = file.with_extension(format!("new{}", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&new).and_then(|mut out| out.write_all(text.as_bytes()));
    if written.and_then(|()| fs::rename(&new, file)).is_err() {
        let _ = fs::remove_file(&new);
    }
}

/// FNV-1a: a file name that stays the same between versions of the standard library.
fn hash(key: &str) -> u64 {
    key.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
