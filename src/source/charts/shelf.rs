//! Charts that were fetched before, on disk, each with the checksum it had.

use super::digest;
use crate::charts::index;
use crate::charts::reference::is_sha256;
use crate::error::{Error, Kind, Result};
use crate::source::cache::{self, Readers, replace};
use std::fs;
use std::path::{Path, PathBuf};

/// `$XDG_CACHE_HOME/meshctl/charts`: a folder for each repository, in it `NAME-VERSION.tgz` and its SHA-256.
pub struct Shelf(PathBuf);

impl Shelf {
    pub fn open() -> Option<Shelf> {
        Some(Shelf(cache::root()?.join("charts")))
    }

    fn folder(&self, repository: &str) -> PathBuf {
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' || c == '-' { c } else { '_' };
        let (_, rest) = repository.split_once("://").unwrap_or(("", repository));
        let readable: String = rest.chars().take(60).map(plain).collect();
        // Two addresses may look the same in plain characters.
        self.0.join(format!("{readable}-{}", &digest(repository.as_bytes())[..12]))
    }

    /// A chart that is whole: where it lies, and its checksum.
    pub fn find(&self, repository: &str, name: &str, version: &str) -> Option<(String, String)> {
        let path = self.folder(repository).join(format!("{name}-{version}.tgz"));
        let promised = fs::read_to_string(checksum(&path)).ok()?.trim().to_owned();
        let bytes = fs::read(&path).ok()?;
        (is_sha256(&promised) && digest(&bytes) == promised).then(|| (path.to_string_lossy().into_owned(), promised))
    }

    /// Versions that are there, the newest first.
    pub fn versions(&self, repository: &str, name: &str) -> Vec<String> {
        let entries = fs::read_dir(self.folder(repository)).into_iter().flatten().flatten();
        let version = |entry: fs::DirEntry| {
            let name_of = entry.file_name().into_string().ok()?;
            let version = name_of.strip_suffix(".tgz")?.strip_prefix(name)?.strip_prefix('-')?.to_owned();
            index::is_exact(&version).then_some(version)
        };
        let mut all: Vec<String> = entries.filter_map(version).collect();
        index::newest_first(&mut all, |version| version);
        all
    }

    pub fn keep(&self, repository: &str, name: &str, version: &str, bytes: &[u8]) -> Result<String> {
        let folder = self.folder(repository);
        let path = folder.join(format!("{name}-{version}.tgz"));
        let cannot = |e: std::io::Error| {
            Error::new(Kind::Output, format!("can't keep the chart in {}", folder.display()))
                .because(&e)
                .hint("XDG_CACHE_HOME=DIR names another place for it")
        };
        cache::own(&folder).map_err(cannot)?;
        replace(&path, bytes, Readers::Usual).map_err(cannot)?;
        replace(&checksum(&path), format!("{}\n", digest(bytes)).as_bytes(), Readers::Usual).map_err(cannot)?;
        Ok(path.to_string_lossy().into_owned())
    }
}

fn checksum(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".sha256");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_damaged_is_not_found() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf(folder.path().join("charts"));
        let repository = "https://a.example/charts";
        assert!(shelf.find(repository, "web", "1.2.3").is_none());
        let path = shelf.keep(repository, "web", "1.2.3", b"archive").unwrap();
        shelf.keep(repository, "web", "1.10.0", b"later").unwrap();
        shelf.keep(repository, "web-crds", "9.0.0", b"another").unwrap();
        assert_eq!(shelf.find(repository, "web", "1.2.3"), Some((path.clone(), digest(b"archive"))));
        assert_eq!(shelf.versions(repository, "web"), ["1.10.0", "1.2.3"]);
        assert!(shelf.find("https://a.example_charts", "web", "1.2.3").is_none(), "another repository");
        fs::write(&path, b"archive, and more").unwrap();
        assert!(shelf.find(repository, "web", "1.2.3").is_none());
    }
}
