//! Which files, and their bytes.

use super::windows::{Window, Windows, open};
use crate::error::{Error, Kind, Result};
use crate::facts::{Place, Problem};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A folder with more files than this is not a folder of manifests (a home directory, say).
const MAX_FILES: usize = 100_000;

/// A file, as it is called in messages, or why there is none.
pub struct Input {
    pub name: Arc<str>,
    origin: Origin,
}

enum Origin {
    Stdin,
    /// The only one that was asked for, so without it there is nothing to do.
    File(PathBuf),
    OneOfMany(PathBuf),
    Nothing(Problem),
}

impl Input {
    pub fn stdin() -> Vec<Input> {
        vec![Input { name: "stdin".into(), origin: Origin::Stdin }]
    }

    pub fn file(path: &Path) -> Vec<Input> {
        vec![Input { name: path.display().to_string().into(), origin: Origin::File(path.to_owned()) }]
    }

    /// Every `*.yaml`, `*.yml` and `*.json` below the folder, sorted by path; hidden files and folders are skipped.
    pub fn folder(path: &Path) -> Result<Vec<Input>> {
        let mut files = BTreeSet::new();
        let mut problems = Vec::new();
        walk(path, &mut files, &mut problems);
        if files.len() >= MAX_FILES {
            return Err(Error::new(Kind::Input, format!("{} holds more than {MAX_FILES} files", path.display()))
                .hint("give the folder that holds the manifests"));
        }
        if files.is_empty() {
            return Err(Error::new(Kind::Input, format!("{} holds no manifests", path.display()))
                .cause("no *.yaml, *.yml or *.json in it")
                .hint("give a folder with Kubernetes manifests, or record a cluster: meshctl snapshot record FILE.tar.zst"));
        }
        let mut inputs: Vec<Input> =
            problems.into_iter().map(|p| Input { name: p.place.file.clone(), origin: Origin::Nothing(p) }).collect();
        inputs.extend(
            files.into_iter().map(|file| Input { name: file.display().to_string().into(), origin: Origin::OneOfMany(file) }),
        );
        Ok(inputs)
    }

    /// Passes the file on in windows of whole documents; what can't be read of one of many is a problem.
    pub fn windows(&self, problems: &mut Vec<Problem>, mut each: impl FnMut(Window, &mut Vec<Problem>)) -> Result<()> {
        let mut pass = |window: Window| each(window, problems);
        let read = match &self.origin {
            Origin::Stdin => Windows::of(std::io::stdin().lock(), 0).read(&self.name, &mut pass),
            Origin::File(path) | Origin::OneOfMany(path) => open(path).and_then(|windows| windows.read(&self.name, &mut pass)),
            Origin::Nothing(problem) => {
                problems.push(problem.clone());
                return Ok(());
            }
        };
        match (read, &self.origin) {
            (Ok(()), _) => Ok(()),
            (Err(error), Origin::OneOfMany(_)) => {
                problems.push(unreadable(&self.name, &error));
                Ok(())
            }
            (Err(error), Origin::Stdin) => Err(Error::new(Kind::Input, "can't read manifests from stdin").because(&error)),
            (Err(error), _) => Err(Error::new(Kind::Input, format!("can't read {}", self.name)).because(&error)),
        }
    }
}

fn unreadable(name: &Arc<str>, error: &std::io::Error) -> Problem {
    Problem::new(Place { file: name.clone(), ..Place::default() }, format!("can't be read: {error}"))
}

/// Links to files are followed, links to folders are not, as with `kubectl -R`: they may loop, or lead out to all there is.
fn walk(folder: &Path, files: &mut BTreeSet<PathBuf>, problems: &mut Vec<Problem>) {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            problems.push(unreadable(&folder.display().to_string().into(), &error));
            return;
        }
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.sort();
    for path in paths {
        if files.len() >= MAX_FILES {
            return;
        }
        if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")) {
            continue;
        }
        let wanted = path.extension().is_some_and(|ext| matches!(ext.to_str(), Some("yaml" | "yml" | "json")));
        match fs::metadata(&path) {
            Ok(meta) if meta.is_dir() && fs::symlink_metadata(&path).is_ok_and(|own| own.is_dir()) => {
                walk(&path, files, problems)
            }
            // A pipe or a device would keep us waiting.
            Ok(meta) if meta.is_file() && wanted => drop(files.insert(path)),
            Err(error) if wanted => problems.push(unreadable(&path.display().to_string().into(), &error)),
            _ => {}
        }
    }
}
