//! Facts → files.

use super::load::reads;
use super::{Cluster, Content, FORMAT_VERSION, Index, MANIFEST, Recorded, Summary, summarize};
use crate::error::{Error, Kind, Result};
use crate::facts::{Facts, Need, Object, Outcome, Place};
use crate::source::redact;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Writes a recording: a folder, or a `.tar.zst` by the path's ending. Refuses to overwrite without `force`.
///
/// It appears whole or not at all: it is written beside the target and renamed.
pub fn write(path: &Path, clusters: &[Facts], force: bool) -> Result<Summary> {
    let name = path.to_string_lossy();
    let archive = name.ends_with(".tar.zst") || name.ends_with(".tzst");
    let foreign = [".zst", ".tar", ".gz", ".tgz", ".zip", ".json", ".yaml", ".yml"];
    if !archive && foreign.iter().any(|end| name.ends_with(end)) {
        return Err(Error::new(Kind::Usage, format!("can't tell how to write {name}"))
            .hint("name a file that ends in .tar.zst, or a folder"));
    }
    let failed = |e: &io::Error| Error::new(Kind::Output, format!("can't write {name}")).because(e);
    let existing = fs::symlink_metadata(path).ok();
    if let Some(meta) = &existing {
        if !force {
            return Err(Error::new(Kind::Output, format!("{name} is already there"))
                .hint("overwrite it with --force, or give another name"));
        }
        if meta.is_dir() == archive || meta.is_dir() && !path.join(MANIFEST).is_file() {
            return Err(Error::new(Kind::Output, format!("{name} is no recording, so --force does not replace it"))
                .hint("give another name"));
        }
    }
    let index = index(clusters);
    let temporary = beside(path);
    let written = if archive { tar_zst(&temporary, &index, clusters) } else { folder(&temporary, &index, clusters) };
    let renamed = written.and_then(|bytes| {
        if !archive && existing.is_some() {
            fs::remove_dir_all(path)?;
        }
        fs::rename(&temporary, path).map(|()| bytes)
    });
    match renamed {
        Ok(bytes) => Ok(summarize(&index, clusters, bytes)),
        Err(error) => {
            // Best effort: the error that led here is the one to show.
            let _ = if archive { fs::remove_file(&temporary) } else { fs::remove_dir_all(&temporary) };
            Err(failed(&error))
        }
    }
}

fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().map_or_else(|| "recording".into(), |name| name.to_string_lossy().into_owned());
    path.with_file_name(format!(".{name}.{}.part", std::process::id()))
}

fn index(clusters: &[Facts]) -> Index {
    let cluster = |(number, facts): (usize, &Facts)| {
        let recorded = |(position, (need, answer)): (usize, (&Need, &crate::facts::Answer))| {
            let (content, objects) = match &answer.outcome {
                Outcome::Objects(objects) => (Some(Content::Objects), Some(objects.len())),
                Outcome::Text(_) => (Some(Content::Text), None),
                Outcome::Bytes(_) => (Some(Content::Bytes), None),
                _ => (None, None),
            };
            let content = content.filter(|_| objects != Some(0));
            Recorded {
                need: need.clone(),
                outcome: answer.outcome.word().to_owned(),
                reason: answer.outcome.reason().map(|reason| redact::text(reason).into_owned()),
                partial: answer.partial.as_deref().map(|partial| redact::text(partial).into_owned()),
                at: answer.at,
                content,
                file: content.map(|content| file_name(number, position, need, content)),
                objects,
            }
        };
        Cluster {
            name: facts.cluster.clone(),
            kind: facts.kind,
            namespace: facts.namespace.clone(),
            now: facts.now,
            problems: facts.problems.clone(),
            needs: facts.iter().enumerate().map(recorded).collect(),
        }
    };
    Index {
        format_version: FORMAT_VERSION,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        taken: clusters.iter().map(|facts| facts.now).max().unwrap_or(Timestamp::UNIX_EPOCH),
        clusters: clusters.iter().enumerate().map(cluster).collect(),
    }
}

/// Short enough for the name field of a plain tar header.
fn file_name(cluster: usize, position: usize, need: &Need, content: Content) -> String {
    let slug = match need {
        Need::Query { .. } => "query".to_owned(),
        Need::Version => "version".to_owned(),
        Need::PodGet { namespace, pod, path, .. } => {
            format!("{}.{pod}.{namespace}", path.split('?').next().unwrap_or_default())
        }
        Need::PodMetrics { namespace, pod, .. } => format!("metrics.{pod}.{namespace}"),
        Need::Exec { namespace, pod, command, .. } => format!("{}.{pod}.{namespace}", command.join("-")),
        Need::Http(question) => {
            format!("{}.{}", question.path.replace('/', "-"), question.at)
        }
        Need::Tls { namespace, pod, .. } => format!("certificates.{pod}.{namespace}"),
        Need::Grpc(call) => format!("{}.{}", call.short_method().replace('/', "-"), call.at),
        Need::List { .. } | Need::Get { .. } | Need::Select { .. } | Need::Access { .. } | Need::Ads(_) => need.title(),
    };
    let slug: String = slug.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-')).take(60).collect();
    let ending = match content {
        Content::Objects => "ndjson",
        Content::Bytes => "dump",
        Content::Text | Content::List => "txt",
    };
    format!("{cluster}/{position:03}-{slug}.{ending}")
}

/// Each file of the recording: what every command looks at comes first, so that few read more than that.
fn files(index: &Index, clusters: &[Facts], mut each: impl FnMut(&str, &[u8], bool) -> io::Result<()>) -> io::Result<()> {
    let mut json = serde_json::to_vec_pretty(index)?;
    json.push(b'\n');
    each(MANIFEST, &json, false)?;
    let all = || index.clusters.iter().zip(clusters).flat_map(|(recorded, facts)| recorded.needs.iter().zip(facts.iter()));
    for dumps in [false, true] {
        for (need, (_, answer)) in all().filter(|(need, _)| reads(&|_| false, need) != dumps) {
            match (&need.file, &answer.outcome) {
                (Some(file), Outcome::Objects(objects)) => each(file, &ndjson(objects)?, dumps)?,
                (Some(file), Outcome::Text(text)) => each(file, redact::text(text).as_bytes(), dumps)?,
                (Some(file), Outcome::Bytes(bytes)) => each(file, &redact::dump(bytes), dumps)?,
                _ => {}
            }
        }
    }
    Ok(())
}

#[derive(Serialize)]
struct Line<'a> {
    namespace: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<&'a Place>,
    object: &'a RawValue,
}

fn ndjson(objects: &[Object]) -> io::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(objects.iter().map(|object| object.json.len() + 64).sum());
    for object in objects {
        // Once more through the redaction: the object may come from a recording that something else wrote.
        let json = redact::sent(&object.json, None).map_or_else(|| object.json.clone(), |clean| clean.json);
        let json: &RawValue = serde_json::from_str(&json)?;
        let line = Line { namespace: &object.namespace, name: &object.name, place: object.place.as_ref(), object: json };
        serde_json::to_writer(&mut out, &line)?;
        out.push(b'\n');
    }
    Ok(out)
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn folder(path: &Path, index: &Index, clusters: &[Facts]) -> io::Result<u64> {
    let make = |path: &Path| fs::DirBuilder::new().mode(0o700).recursive(true).create(path);
    make(path)?;
    let mut bytes = 0;
    files(index, clusters, |name, content, _| {
        let file = path.join(name);
        file.parent().map_or(Ok(()), make)?;
        bytes += content.len() as u64;
        create(&file)?.write_all(content)
    })?;
    Ok(bytes)
}

fn tar_zst(path: &Path, index: &Index, clusters: &[Facts]) -> io::Result<u64> {
    let mut tar = tar::Builder::new(Frames::new(BufWriter::new(create(path)?))?);
    let mut in_dumps = false;
    files(index, clusters, |name, content, dump| {
        if dump && !std::mem::replace(&mut in_dumps, true) {
            tar.get_mut().next()?;
        }
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(0);
        tar.append_data(&mut header, name, content)
    })?;
    let file = tar.into_inner()?.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    Ok(file.metadata()?.len())
}

/// Frames of zstd one behind the other, as every reader of zstd takes them. Each has a checksum, so that a damaged part is
/// told from a whole one by who does not read the rest.
struct Frames<W: Write>(Option<zstd::Encoder<'static, W>>);

impl<W: Write> Frames<W> {
    fn new(to: W) -> io::Result<Self> {
        let mut encoder = zstd::Encoder::new(to, 3)?;
        encoder.include_checksum(true)?;
        Ok(Frames(Some(encoder)))
    }

    fn encoder(&mut self) -> io::Result<&mut zstd::Encoder<'static, W>> {
        self.0.as_mut().ok_or_else(ended)
    }

    fn next(&mut self) -> io::Result<()> {
        let to = self.end()?;
        *self = Frames::new(to)?;
        Ok(())
    }

    fn finish(mut self) -> io::Result<W> {
        self.end()
    }

    fn end(&mut self) -> io::Result<W> {
        self.0.take().ok_or_else(ended)?.finish()
    }
}

fn ended() -> io::Error {
    io::Error::other("the last frame could not be ended")
}

impl<W: Write> Write for Frames<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.encoder()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.encoder()?.flush()
    }
}
