//! Answers of the last seconds, on disk: every Tab is a new process.

use crate::source::cache;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An older answer than this is no better than none.
const STALE: Duration = Duration::from_secs(3600);

pub struct Cache {
    file: PathBuf,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Hit {
    /// Take it.
    Fresh(Vec<String>),
    /// Ask again, and take it if nobody answers.
    Stale(Vec<String>),
    Nothing,
}

impl Cache {
    /// `$XDG_CACHE_HOME/meshctl/complete`, made if it isn't there; `None` if there is no place for it.
    pub fn open(key: &str) -> Option<Self> {
        Cache::open_in(&cache::root()?.join("complete"), key)
    }

    fn open_in(folder: &Path, key: &str) -> Option<Self> {
        cache::own(folder).ok()?;
        Some(Cache { file: cache::file(folder, key) })
    }

    pub fn read(&self, fresh: Duration) -> Hit {
        let age = |path: &Path| fs::metadata(path).ok()?.modified().ok()?.elapsed().ok();
        let tried = age(&self.attempt()).is_some_and(|age| age < fresh);
        let names = || fs::read_to_string(&self.file).unwrap_or_default().lines().map(str::to_owned).collect();
        match age(&self.file) {
            Some(age) if age < fresh => Hit::Fresh(names()),
            Some(age) if age < STALE && tried => Hit::Fresh(names()),
            Some(age) if age < STALE => Hit::Stale(names()),
            _ if tried => Hit::Fresh(Vec::new()),
            _ => Hit::Nothing,
        }
    }

    pub fn write(&self, names: &[String]) {
        let lines: String = names.iter().filter(|name| !name.contains('\n')).map(|name| format!("{name}\n")).collect();
        cache::note(&self.file, &lines);
    }

    /// Somebody asks now; until it is stale, nobody else does.
    pub fn attempted(&self) {
        cache::note(&self.attempt(), "");
    }

    fn attempt(&self) -> PathBuf {
        self.file.with_extension("asked")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_fresh_then_stale() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = || Cache::open_in(folder.path(), "a key").expect("a cache");
        assert_eq!(open().read(Duration::from_secs(10)), Hit::Nothing);
        let names = vec!["shop".to_owned(), "web".to_owned()];
        open().write(&names);
        assert_eq!(open().read(Duration::from_secs(10)), Hit::Fresh(names.clone()));
        assert_eq!(open().read(Duration::ZERO), Hit::Stale(names));
    }

    #[test]
    fn who_does_not_answer_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::open_in(folder.path(), "a key").expect("a cache");
        cache.attempted();
        assert_eq!(cache.read(Duration::from_secs(10)), Hit::Fresh(Vec::new()));
        assert_eq!(cache.read(Duration::ZERO), Hit::Nothing);
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_reads_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::open_in(&folder.path().join("meshctl"), "a key").expect("a cache");
        cache.write(&[]);
        let mode = |path: &Path| fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
        assert_eq!((mode(&folder.path().join("meshctl")), mode(&cache.file)), (0o700, 0o600));
    }
}
