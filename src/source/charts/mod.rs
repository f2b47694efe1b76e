//! Charts: from a folder or a packed `.tgz`, with bounds on both, and from repositories and registries to there.

pub mod fetch;
mod registry;
mod shelf;
pub mod trust;
pub mod web;

use crate::charts::chart::{Chart, Content};
use crate::charts::functions::versions;
use crate::charts::ignore::Ignore;
use crate::error::{Error, Kind, Result};
use flate2::read::GzDecoder;
use std::fs;
use std::io::Read;
use std::path::Path;

/// Bytes of a chart, unpacked; files in it.
pub(super) const LARGEST: u64 = 100 << 20;
const MOST: usize = 20_000;
const DEEPEST: usize = 32;

/// The chart at `path`.
pub fn load(path: &str) -> Result<Chart> {
    let hint = "a chart is a folder with a Chart.yaml in it, or such a folder packed as .tgz";
    Chart::new(&content(path)?, &unpack).map_err(|why| unreadable(path, why).hint(hint))
}

/// One file of the chart at `path`, as text.
pub fn file_of(path: &str, name: &str) -> Result<Option<String>> {
    Ok(content(path)?.get(name).map(|bytes| String::from_utf8_lossy(bytes).into_owned()))
}

fn unreadable(path: &str, why: impl Into<String>) -> Error {
    Error::new(Kind::Input, format!("can't read the chart {path}")).cause(why)
}

fn content(path: &str) -> Result<Content> {
    let meta = fs::metadata(path).map_err(|e| unreadable(path, e.to_string()))?;
    if meta.is_dir() {
        return folder(Path::new(path)).map_err(|why| unreadable(path, why));
    }
    if meta.len() > LARGEST {
        return Err(unreadable(path, format!("it is larger than {LARGEST} bytes")));
    }
    let bytes = fs::read(path).map_err(|e| unreadable(path, e.to_string()))?;
    unpack(&bytes).map_err(|why| unreadable(path, why))
}

/// The chart in an archive.
fn read(bytes: &[u8]) -> std::result::Result<Chart, String> {
    Chart::new(&unpack(bytes)?, &unpack)
}

/// SHA-256 in hexadecimal.
pub fn digest(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A chart below a folder: unpacked in one of `folders`, or packed under its name; the newest that is in the range, if
/// there are several.
pub fn find(root: &str, chart: &str, folders: &[&str], range: Option<&str>) -> Option<String> {
    let in_range = |version: &semver::Version| range.is_none_or(|range| versions::fits(range, version).unwrap_or(false));
    for base in ["", "charts", "manifests/charts"] {
        let base = Path::new(root).join(base);
        for folder in folders {
            let path = base.join(folder);
            // A folder of the name may hold another chart: a mesh's source has several layouts.
            let told = fs::read_to_string(path.join("Chart.yaml"));
            let version = || told.as_deref().ok().and_then(version_in);
            if told.is_ok() && (range.is_none() || version().is_some_and(|version| in_range(&version))) {
                return Some(path.to_string_lossy().into_owned());
            }
        }
        let packed = fs::read_dir(&base).into_iter().flatten().flatten().filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let version = name.strip_suffix(".tgz")?.strip_prefix(chart)?;
            let version = version.strip_prefix('-').map_or_else(
                || version.is_empty().then(|| semver::Version::new(0, 0, 0)),
                |text| semver::Version::parse(text.trim_start_matches('v')).ok(),
            )?;
            in_range(&version).then(|| (version, entry.path()))
        });
        if let Some((_, path)) = packed.max() {
            return Some(path.to_string_lossy().into_owned());
        }
    }
    None
}

/// The version that a `Chart.yaml` tells.
fn version_in(text: &str) -> Option<semver::Version> {
    let value = crate::charts::yaml::load::document(text).ok()?;
    let version = value.as_map()?.entries.borrow().get("version").cloned()?;
    versions::parse(&crate::charts::template::print::plain(&version))
}

fn folder(root: &Path) -> std::result::Result<Content, String> {
    let rules = fs::read_to_string(root.join(".helmignore")).unwrap_or_default();
    let ignore = Ignore::parse(&rules)?;
    let mut content = Content::new();
    let mut left = LARGEST;
    walk(root, "", &ignore, 0, &mut left, &mut content)?;
    Ok(content)
}

fn walk(
    folder: &Path,
    prefix: &str,
    ignore: &Ignore,
    depth: usize,
    left: &mut u64,
    content: &mut Content,
) -> std::result::Result<(), String> {
    if depth > DEEPEST {
        return Err(format!("folders nest more than {DEEPEST} levels deep in {prefix}"));
    }
    for entry in fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))? {
        let entry = entry.map_err(|e| e.to_string())?;
        let name = entry.file_name().into_string().map_err(|name| format!("the name {} is no text", name.display()))?;
        let path = format!("{prefix}{name}");
        // Links are followed, as Helm does; their targets count against the same bounds.
        let meta = fs::metadata(entry.path()).map_err(|e| format!("{path}: {e}"))?;
        if ignore.ignores(&path, meta.is_dir()) {
            continue;
        }
        if meta.is_dir() {
            walk(&entry.path(), &format!("{path}/"), ignore, depth + 1, left, content)?;
            continue;
        }
        if !meta.is_file() {
            return Err(format!("{path} is no regular file"));
        }
        *left = left.checked_sub(meta.len()).ok_or("the chart is too large")?;
        if content.len() >= MOST {
            return Err(format!("the chart has more than {MOST} files"));
        }
        content.insert(path.clone(), fs::read(entry.path()).map_err(|e| format!("{path}: {e}"))?);
    }
    Ok(())
}

/// The files of a `.tgz`, without the folder that holds them all. A path that leaves it is refused.
fn unpack(bytes: &[u8]) -> std::result::Result<Content, String> {
    let mut archive = tar::Archive::new(GzDecoder::new(bytes).take(LARGEST + (1 << 20)));
    let mut content = Content::new();
    let mut left = LARGEST;
    for entry in archive.entries().map_err(|e| e.to_string())? {
        let mut entry = entry.map_err(|e| format!("it is no gzipped tar: {e}"))?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = entry.path().map_err(|e| e.to_string())?.to_string_lossy().replace('\\', "/");
        if path.starts_with('/') || path.contains(':') || path.split('/').any(|part| part == "..") {
            return Err(format!("chart illegally contains the path {path:?}"));
        }
        let Some((_, inner)) = path.trim_start_matches("./").split_once('/') else {
            return Err(format!("chart illegally contains content outside the base directory: {path:?}"));
        };
        left = left.checked_sub(entry.size()).ok_or("the chart is too large when unpacked")?;
        if content.len() >= MOST {
            return Err(format!("the chart has more than {MOST} files"));
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(|e| format!("{path}: {e}"))?;
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").map(<[u8]>::to_vec).unwrap_or(bytes);
        content.insert(inner.to_owned(), bytes);
    }
    if content.is_empty() {
        return Err("the archive holds no files".to_owned());
    }
    Ok(content)
}

/// Random bytes from the system.
pub fn random(bytes: &mut [u8]) {
    use ring::rand::SecureRandom;
    // The system's generator doesn't fail once it has started.
    _ = ring::rand::SystemRandom::new().fill(bytes);
}

/// Now, in the zone of this machine.
#[expect(clippy::disallowed_methods, reason = "this is the room that knows the clock")]
pub fn now() -> jiff::Zoned {
    jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::system())
}
