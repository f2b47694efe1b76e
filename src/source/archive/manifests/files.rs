//! Which files, and their bytes.

use crate::error::{Error, Kind, Result};
use crate::facts::{Place, Problem};
use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// More than this in one file is no manifest.
const MAX_FILE: u64 = 1 << 30;
/// So much is looked at before the rest is read.
const HEAD: u64 = 64 << 10;
/// A folder with more files than this is not a folder of manifests (a home directory, say).
const MAX_FILES: usize = 100_000;

/// A file, as it is called in messages, and its bytes or why it has none.
pub struct Input {
    pub name: Arc<str>,
    pub text: std::result::Result<Vec<u8>, Problem>,
}

impl Input {
    pub fn stdin() -> Result<Vec<Input>> {
        let text = read_bounded(std::io::stdin().lock())
            .map_err(|e| Error::new(Kind::Input, "can't read manifests from stdin").because(&e))?;
        Ok(vec![Input { name: "stdin".into(), text: Ok(text) }])
    }

    pub fn file(path: &Path) -> Result<Vec<Input>> {
        let name: Arc<str> = path.display().to_string().into();
        let text = fs::File::open(path)
            .and_then(read_bounded)
            .map_err(|e| Error::new(Kind::Input, format!("can't read {name}")).because(&e))?;
        Ok(vec![Input { name, text: Ok(text) }])
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
        let mut inputs: Vec<Input> = problems.into_iter().map(|p| Input { name: p.place.file.clone(), text: Err(p) }).collect();
        for file in files {
            let name: Arc<str> = file.display().to_string().into();
            let text = fs::File::open(&file).and_then(read_bounded).map_err(|e| unreadable(&name, &e));
            inputs.push(Input { name, text });
        }
        Ok(inputs)
    }
}

fn unreadable(name: &Arc<str>, error: &std::io::Error) -> Problem {
    Problem::new(Place { file: name.clone(), ..Place::default() }, format!("can't be read: {error}"))
}

fn read_bounded(mut from: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // A look first: no need to swallow a disk image, a core dump or /dev/zero to see that it is no text.
    from.by_ref().take(HEAD).read_to_end(&mut bytes)?;
    let utf_16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    if bytes.len() as u64 == HEAD && bytes.contains(&0) && !utf_16 {
        return Err(std::io::Error::other("it is binary (it holds NUL bytes), so it can't be a manifest"));
    }
    from.take(MAX_FILE + 1 - bytes.len() as u64).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(std::io::Error::other("it is larger than 1 GiB"));
    }
    Ok(bytes)
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
