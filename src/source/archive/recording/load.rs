//! Files → facts.

use super::content::{self, Came, Got};
use super::{Content, Index, MANIFEST, MAX_ENTRIES, MAX_UNPACKED, Opened, Recorded, Stored};
use crate::error::{Error, Kind, Result};
use crate::facts::{Answer, Facts, Need, Object, Outcome, Place, Problem, SourceKind};
use crate::source::archive::opened::Kept;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Component, Path};

/// The index is expected first; this much may stand before it, for archives that were packed by hand.
const MAX_BEFORE_INDEX: u64 = 64 << 20;
/// The index itself.
const MAX_INDEX: u64 = 256 << 20;

/// Why something that was recorded is no answer.
const NOT_READ: &str = "it stands in the recording and was not read";

pub fn load(stored: &Stored, namespace: Option<&str>, dumps: &dyn Fn(&Need) -> bool) -> Result<(Index, Vec<Opened>)> {
    let mut loading = Loading::new(stored.name(), dumps);
    match stored {
        Stored::Folder(path) => loading.folder(path)?,
        Stored::Embedded(_, bytes) => loading.archive(*bytes)?,
        Stored::Archive(path) => {
            let file =
                File::open(path).map_err(|e| Error::new(Kind::Input, format!("can't read {}", loading.from)).because(&e))?;
            loading.archive(BufReader::new(file))?;
        }
    }
    loading.finish(namespace)
}

struct Loading<'d> {
    from: String,
    /// Whether a dump is read.
    dumps: &'d dyn Fn(&Need) -> bool,
    index: Option<Index>,
    /// The folder inside an archive that the index stands in, with its slash.
    prefix: String,
    got: BTreeMap<String, Came>,
    /// Content of each file that the index names and that is read.
    wanted: BTreeMap<String, Content>,
    /// Files that came before the index.
    early: BTreeMap<String, Vec<u8>>,
    early_bytes: u64,
    problems: Vec<String>,
    /// Why the archive ends before its end.
    broken: Option<String>,
}

impl<'d> Loading<'d> {
    fn new(from: String, dumps: &'d dyn Fn(&Need) -> bool) -> Self {
        Loading {
            from,
            dumps,
            index: None,
            prefix: String::new(),
            got: BTreeMap::new(),
            wanted: BTreeMap::new(),
            early: BTreeMap::new(),
            early_bytes: 0,
            problems: Vec::new(),
            broken: None,
        }
    }

    fn set_index(&mut self, bytes: &[u8]) -> Result<()> {
        let (index, skipped) = Index::parse(bytes, &self.from)?;
        self.problems.extend(skipped);
        for need in index.clusters.iter().flat_map(|cluster| &cluster.needs).filter(|need| reads(self.dumps, need)) {
            if let (Some(file), Some(content)) = (&need.file, need.content) {
                match inside(file) {
                    Some(clean) => drop(self.wanted.insert(clean, content)),
                    None => self.problems.push(format!("its index names {file:?}, which is outside of it; not read")),
                }
            }
        }
        self.index = Some(index);
        for (name, bytes) in std::mem::take(&mut self.early) {
            self.member(&name, bytes.len() as u64, &mut bytes.as_slice());
        }
        Ok(())
    }

    /// A file of the recording; one that the index doesn't name is passed over.
    fn member(&mut self, name: &str, size: u64, from: &mut dyn Read) {
        let Some(name) = name.strip_prefix(&self.prefix) else { return };
        let Some(content) = self.wanted.get(name) else { return };
        if !self.got.contains_key(name) {
            self.got.insert(name.to_owned(), content::read(*content, size, from));
        }
    }

    fn folder(&mut self, path: &Path) -> Result<()> {
        let open = |name: &str| -> io::Result<File> {
            let file = path.join(name);
            // No link is followed, and no pipe is waited for.
            if !fs::symlink_metadata(&file)?.is_file() {
                return Err(io::Error::other("it is no plain file"));
            }
            File::open(file)
        };
        let mut bytes = Vec::new();
        open(MANIFEST)
            .and_then(|file| file.take(MAX_INDEX).read_to_end(&mut bytes))
            .map_err(|e| Error::new(Kind::Input, format!("can't read {}", path.join(MANIFEST).display())).because(&e))?;
        self.set_index(&bytes)?;
        let mut left = MAX_UNPACKED;
        for name in self.wanted.keys().cloned().collect::<Vec<_>>() {
            match open(&name) {
                Ok(file) => {
                    let size = file.metadata().map_or(0, |meta| meta.len());
                    let mut file = Limited { from: file, left };
                    self.member(&name, size, &mut file);
                    left = file.left;
                }
                Err(error) => self.problems.push(format!("{name} can't be read: {error}")),
            }
        }
        Ok(())
    }

    /// Whether all was met that is wanted, and it is not the whole: of that, the last checksum is read too.
    fn complete(&self) -> bool {
        let whole = |index: &Index| index.clusters.iter().flat_map(|cluster| &cluster.needs).all(|need| reads(self.dumps, need));
        self.got.len() == self.wanted.len() && self.index.as_ref().is_some_and(|index| !whole(index))
    }

    fn archive<R: io::BufRead>(&mut self, mut from: R) -> Result<()> {
        let head = from.fill_buf().map(|head| head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]));
        let unreadable = |e: &io::Error| Error::new(Kind::Input, format!("{} can't be unpacked", self.from)).because(e);
        let unpacked: Box<dyn Read + '_> = match head.map_err(|e| unreadable(&e))? {
            true => Box::new(zstd::Decoder::with_buffer(from).map_err(|e| unreadable(&e))?),
            false => Box::new(from),
        };
        let mut tar = tar::Archive::new(Limited { from: unpacked, left: MAX_UNPACKED });
        let broken = self.entries(&mut tar)?;
        if broken.is_none() && !self.complete() {
            // The checksum of zstd stands at the end, behind the end of the tar.
            self.broken = io::copy(&mut tar.into_inner(), &mut io::sink()).err().map(|e| e.to_string());
        } else {
            self.broken = broken;
        }
        Ok(())
    }

    /// Goes through the entries; `Some` says why it had to stop.
    fn entries<R: Read>(&mut self, tar: &mut tar::Archive<R>) -> Result<Option<String>> {
        // Raw: long-name records would be read whole into memory, whatever size they claim. Ours have short names.
        let entries = match tar.entries() {
            Ok(entries) => entries.raw(true),
            Err(error) => return Ok(Some(error.to_string())),
        };
        let mut odd = 0;
        for (count, entry) in entries.enumerate() {
            if count >= MAX_ENTRIES {
                return Ok(Some(format!("it has more than {MAX_ENTRIES} entries")));
            }
            let mut entry = match entry {
                Ok(entry) => entry,
                Err(error) => return Ok(Some(error.to_string())),
            };
            // Dumps stand at the end, and need not even be unpacked. The checksum of what stands before them was read.
            if self.complete() {
                break;
            }
            let kind = entry.header().entry_type();
            if kind.is_pax_global_extensions() || kind.is_pax_local_extensions() || kind.is_gnu_longname() || kind.is_dir() {
                continue;
            }
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let (Some(name), true) = (inside(&path), kind.is_file()) else {
                odd += 1;
                if odd <= 3 {
                    let what = if kind.is_file() { "a path that leads outside" } else { "a link or a device" };
                    self.problems.push(format!("its entry {path:?} is {what}; not read"));
                }
                continue;
            };
            if self.index.is_some() {
                self.member(&name, entry.size(), &mut entry);
            } else if name == MANIFEST || name.split_once('/').is_some_and(|(_, file)| file == MANIFEST) {
                let mut bytes = Vec::new();
                if let Err(error) = (&mut entry).take(MAX_INDEX).read_to_end(&mut bytes) {
                    return Ok(Some(error.to_string()));
                }
                self.prefix = name[..name.len() - MANIFEST.len()].to_owned();
                self.set_index(&bytes)?;
            } else {
                self.early_bytes += entry.size().saturating_add(512);
                if self.early_bytes > MAX_BEFORE_INDEX {
                    return Ok(Some(format!("no {MANIFEST} in its first {} MiB", MAX_BEFORE_INDEX >> 20)));
                }
                let mut bytes = Vec::new();
                if let Err(error) = entry.read_to_end(&mut bytes) {
                    return Ok(Some(error.to_string()));
                }
                self.early.insert(name, bytes);
            }
        }
        if odd > 3 {
            self.problems.push(format!("{} more such entries were not read", odd - 3));
        }
        Ok(None)
    }

    fn finish(mut self, namespace: Option<&str>) -> Result<(Index, Vec<Opened>)> {
        let Some(index) = self.index.take() else {
            let error = Error::new(Kind::Input, format!("{} is no readable recording", self.from));
            let error = error.cause(self.broken.unwrap_or_else(|| format!("it holds no {MANIFEST}")));
            return Err(error.hint("record it again: meshctl snapshot record FILE.tar.zst"));
        };
        if index.clusters.is_empty() {
            return Err(Error::new(Kind::Input, format!("{} holds no cluster", self.from)));
        }
        if let Some(why) = &self.broken {
            self.problems.push(format!("it is damaged or cut off ({why}); what could be read is used"));
        }
        let place = Place { file: self.from.as_str().into(), ..Place::default() };
        let mut clusters = Vec::new();
        for cluster in &index.clusters {
            let mut facts = Facts::new(cluster.name.clone(), SourceKind::Recording, cluster.now);
            facts.namespace = namespace.map(str::to_owned).or_else(|| cluster.namespace.clone());
            facts.problems.clone_from(&cluster.problems);
            let limit = namespace.map(|only| Limit::new(only, cluster.namespace.as_deref()));
            let mut opened = Opened::from(facts);
            for recorded in &cluster.needs {
                opened.keep(recorded.need.clone(), self.answer(recorded, limit.as_ref(), &place));
            }
            clusters.push(opened);
        }
        if let Some(first) = clusters.first_mut() {
            first.complain(self.problems.into_iter().map(|reason| Problem::new(place.clone(), reason)));
        }
        Ok((index, clusters))
    }

    fn answer(&mut self, need: &Recorded, limit: Option<&Limit>, place: &Place) -> Kept {
        let now = |outcome| Kept::Read(Answer { outcome, at: need.at, partial: need.partial.clone() });
        if let Some(recorded) = limit.and_then(|limit| limit.instead(need)) {
            return now(Outcome::NotAsked(format!("the recording holds the namespace {recorded} only")));
        }
        let reason = need.reason.clone().unwrap_or_else(|| "no reason was recorded".to_owned());
        let outcome = match need.outcome.as_str() {
            "empty" => Outcome::Objects(Vec::new()),
            "absent" => Outcome::Absent(reason),
            "forbidden" => Outcome::Forbidden(reason),
            "timed out" => Outcome::TimedOut(reason),
            "failed" => Outcome::Failed(reason),
            "not asked" => Outcome::NotAsked(reason),
            "answered" if !reads(self.dumps, need) => Outcome::NotAsked(NOT_READ.to_owned()),
            "answered" => {
                let got = match need.file.as_deref().and_then(inside).and_then(|clean| self.got.remove(&clean)) {
                    Some(Came::Lines(lines)) => {
                        let (need, limit, place) = (need.clone(), limit.cloned(), place.clone());
                        return Kept::later(move || {
                            let (answer, wrong) = answered(&need, Some(lines.read()), limit.as_ref());
                            (answer, wrong.into_iter().map(|reason| Problem::new(place.clone(), reason)).collect())
                        });
                    }
                    Some(Came::Read(got)) => Some(got),
                    None => None,
                };
                let (answer, wrong) = answered(need, got, limit);
                self.problems.extend(wrong);
                return Kept::Read(answer);
            }
            other => Outcome::Failed(format!("the recording says {other:?}, which this version doesn't know")),
        };
        now(outcome)
    }
}

/// What a file gave, and what is wrong with it.
fn answered(need: &Recorded, got: Option<Got>, limit: Option<&Limit>) -> (Answer, Vec<String>) {
    let file = need.file.as_deref().unwrap_or("its file");
    let mut partial = need.partial.clone();
    let mut wrong = Vec::new();
    let outcome = match got {
        Some(Got { outcome: Some(Outcome::Objects(mut objects)), broken, bad }) => {
            let missing = need
                .objects
                .filter(|n| *n > objects.len())
                .map(|n| format!("{} of {n} objects are missing from {file}", n - objects.len()));
            wrong.extend(bad.iter().map(|bad| format!("{file}: {bad}")));
            if let Some(damage) = missing.or(broken).or_else(|| wrong.first().cloned()) {
                partial = Some(partial.map_or(damage.clone(), |partial| format!("{partial}; {damage}")));
            }
            if let Some(limit) = limit {
                objects.retain(|object| limit.shows(need, object));
            }
            Outcome::Objects(objects)
        }
        Some(Got { outcome: Some(outcome @ Outcome::Bytes(_)), broken: Some(why), .. }) => {
            partial = Some(why);
            outcome
        }
        Some(Got { outcome: Some(outcome), broken: None, .. }) => outcome,
        other => {
            let why = match other.and_then(|got| got.broken) {
                Some(why) => format!("{file} is damaged: {why}"),
                None => format!("{file} is missing from the recording"),
            };
            wrong.push(why.clone());
            Outcome::Failed(why)
        }
    };
    (Answer { outcome, at: need.at, partial }, wrong)
}

/// Dumps are large; what control planes say of all proxies together is small.
pub(super) fn reads(dumps: &dyn Fn(&Need) -> bool, need: &Recorded) -> bool {
    let of_all = |path: &str| path.starts_with("debug/") && !path.contains("config_dump");
    let small = match &need.need {
        Need::PodGet { path, .. } => of_all(path),
        other => matches!(other, Need::Http(_) | Need::Grpc(_)),
    };
    small || need.content != Some(Content::Bytes) || dumps(&need.need)
}

/// As if only this namespace had been asked for.
#[derive(Clone)]
struct Limit {
    only: String,
    /// The recording has another one, and nothing else.
    recorded: Option<String>,
}

impl Limit {
    fn new(only: &str, recorded: Option<&str>) -> Self {
        Limit { only: only.to_owned(), recorded: recorded.filter(|recorded| *recorded != only).map(str::to_owned) }
    }

    /// The namespace that was recorded, if therefore nothing is known of this list.
    fn instead(&self, need: &Recorded) -> Option<&str> {
        let of_namespace = matches!(&need.need, Need::List { resource } if resource.namespaced);
        let listed = matches!(need.outcome.as_str(), "answered" | "empty");
        self.recorded.as_deref().filter(|_| of_namespace && listed)
    }

    fn shows(&self, need: &Recorded, object: &Object) -> bool {
        !matches!(need.need, Need::List { .. }) || object.namespace.is_empty() || *object.namespace == *self.only
    }
}

/// The path without `./`; `None` if it is absolute, climbs with `..`, or is no path at all.
fn inside(path: &str) -> Option<String> {
    let mut clean = Vec::new();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(part) => clean.push(part.to_str()?),
            Component::CurDir => {}
            _ => return None,
        }
    }
    let odd = clean.is_empty() || path.contains('\0') || path.contains('\\');
    (!odd).then(|| clean.join("/"))
}

/// Stops a bomb.
struct Limited<R> {
    from: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(into)?;
        self.left = self
            .left
            .checked_sub(read as u64)
            .ok_or_else(|| io::Error::other(format!("it unpacks to more than {} GiB", MAX_UNPACKED >> 30)))?;
        Ok(read)
    }
}
