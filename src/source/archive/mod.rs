//! What was written down: recordings, manifests, the embedded demo.

mod manifests;
mod opened;
mod recording;
mod split;
mod yaml;

use crate::error::{Error, Kind, Result};
use crate::facts::{Facts, Need, Problem};
use jiff::Timestamp;
use manifests::Input;
use serde::Serialize;
use std::io::Read;
use std::path::Path;

pub use opened::Opened;
pub use recording::{FORMAT_VERSION, MANIFEST, write};

/// The recording behind `--from demo`.
static DEMO: &[u8] = include_bytes!("../../../fixtures/snapshots/demo.tar.zst");

/// Opens `--from`: `demo`, a recording (folder or `.tar.zst`), a manifest file or folder, or `-`.
/// `namespace` limits objects as `-n` does on a live cluster; `now` is the time of manifests, which have none.
pub fn open(from: &str, namespace: Option<&str>, now: Timestamp) -> Result<Vec<Facts>> {
    Ok(open_with(from, namespace, now, &|_| true)?.into_iter().map(Opened::whole).collect())
}

/// The same with only those dumps of proxies that are looked at, which are most of a recording's bytes, and with lists that
/// are made when they are asked for.
pub fn open_with(from: &str, namespace: Option<&str>, now: Timestamp, dumps: &dyn Fn(&Need) -> bool) -> Result<Vec<Opened>> {
    let manifests = |inputs: Vec<Input>| Ok(vec![manifests::read(from, &inputs, namespace, now)?.into()]);
    if from == "-" {
        return manifests(Input::stdin());
    }
    match look(from)? {
        Found::Recording(recording) => recording.opened(namespace, dumps),
        Found::Folder => manifests(Input::folder(Path::new(from))?),
        Found::File => manifests(Input::file(Path::new(from))),
    }
}

/// What a recording holds.
pub fn summary(path: &Path) -> Result<Summary> {
    let look = look(&path.to_string_lossy()).map_err(|mut error| {
        // What `--from` takes is wider.
        error.hints = vec!["give a recording that was made by: meshctl snapshot record FILE.tar.zst".to_owned()];
        error
    });
    match look? {
        Found::Recording(recording) => recording.summary(),
        Found::Folder | Found::File => Err(Error::new(Kind::Input, format!("{} is no recording", path.display()))
            .hint("make one with: meshctl snapshot record FILE.tar.zst")),
    }
}

enum Found {
    Recording(recording::Stored),
    Folder,
    File,
}

/// Tells by the content, not by the name, what it is.
fn look(from: &str) -> Result<Found> {
    if from == "demo" {
        return Ok(Found::Recording(recording::Stored::Embedded("demo", DEMO)));
    }
    let path = Path::new(from);
    let unreadable = |e: &std::io::Error| {
        let error = Error::new(Kind::Input, format!("can't read {from}")).because(e);
        match e.kind() {
            std::io::ErrorKind::NotFound => {
                error.hint("--from takes a recording, a file or folder of manifests, - for stdin, or demo")
            }
            _ => error,
        }
    };
    let meta = std::fs::metadata(path).map_err(|e| unreadable(&e))?;
    if meta.is_dir() {
        let recorded = path.join(MANIFEST).is_file();
        return Ok(if recorded { Found::Recording(recording::Stored::Folder(path.to_owned())) } else { Found::Folder });
    }
    let mut head = Vec::new();
    if meta.is_file() {
        std::fs::File::open(path).and_then(|file| file.take(512).read_to_end(&mut head)).map_err(|e| unreadable(&e))?;
    }
    let unsupported = |what: &str| {
        Error::new(Kind::Input, format!("{from} is {what}; these are not supported yet"))
            .hint("give a recording made by meshctl snapshot record, or manifests")
    };
    if head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) || head.get(257..262) == Some(b"ustar") {
        return Ok(Found::Recording(recording::Stored::Archive(path.to_owned())));
    }
    if head.starts_with(&[0x1f, 0x8b]) {
        return Err(unsupported("a gzip archive, such as istioctl bug-report makes"));
    }
    if head.starts_with(b"PK\x03\x04") {
        return Err(unsupported("a zip archive, such as cilium sysdump makes"));
    }
    if path.file_name().is_some_and(|name| name == MANIFEST) {
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        return Ok(Found::Recording(recording::Stored::Folder(folder.to_owned())));
    }
    Ok(Found::File)
}

/// For `snapshot info` and the last line of `snapshot record`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    pub format_version: u32,
    pub tool_version: String,
    pub taken: String,
    pub bytes: u64,
    pub clusters: Vec<ClusterSummary>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct ClusterSummary {
    pub name: String,
    pub needs: Vec<NeedSummary>,
    /// What is damaged.
    pub problems: Vec<Problem>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct NeedSummary {
    pub need: String,
    pub outcome: String,
    pub objects: usize,
    pub at: String,
    pub reason: Option<String>,
}

#[cfg(test)]
mod proptests;
