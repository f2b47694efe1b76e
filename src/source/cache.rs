//! Where things are kept that can be had again.

use std::path::{Path, PathBuf};
use std::{fs, io};

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
