//! Recordings: everything that a cluster answered, in a form that outlives this version of meshctl.
//!
//! # Format, version 1
//!
//! A folder, or the same files in a tar compressed with zstd (`.tar.zst`). Its first file is `meshctl-snapshot.json`:
//!
//! ```json
//! {
//!   "format_version": 1,
//!   "tool_version": "0.1.0",
//!   "taken": "2026-11-23T20:00:00Z",
//!   "clusters": [{
//!     "name": "prod", "kind": "live", "namespace": null, "now": "2026-11-23T20:00:00Z", "problems": [],
//!     "needs": [
//!       {"need": {"need": "list", "resource": {"group": "", "version": "v1", "kind": "Pod", "plural": "pods", "namespaced": true}},
//!        "outcome": "answered", "at": "2026-11-23T20:00:00Z", "content": "objects", "file": "0/002-pods.ndjson", "objects": 12},
//!       {"need": {"need": "version"}, "outcome": "forbidden", "reason": "may not get /version", "at": "2026-11-23T20:00:00Z"}
//!     ]
//!   }]
//! }
//! ```
//!
//! `outcome` is one of `answered`, `empty`, `absent`, `forbidden`, `timed out`, `failed`, `not asked`; the last five have
//! a `reason`. `partial` says what is missing from an answer that broke off. `content` tells how to read `file`:
//!
//! - `objects`: one object a line, `{"namespace": "shop", "name": "cart", "place": {…}, "object": {…}}`; `place` (file,
//!   line, column) only if it came from a manifest. `jq .object` gives what kubectl would have given, redacted.
//! - `text`: the answer itself, such as the `data` member of a reply of Prometheus.
//! - `bytes`: what a pod answered, as it came but for its secrets, such as a proxy's `config_dump`.
//! - `list`: a list as `kubectl get -o json` prints it (only made from version 0).
//!
//! Dumps of single proxies stand behind everything else: who does not look at them stops reading there.
//!
//! The same facts give the same bytes: needs and objects in order, time stamps of 0, mode 0600, no owner. Unknown fields
//! and needs are skipped, so fields may be added within a version; anything else raises it. A newer version is refused.
//!
//! # Version 0
//!
//! Lists that kubectl printed, with an index. It is easily made by hand, and proves that old versions still read:
//!
//! ```json
//! {"format_version": 0, "taken": "2026-01-02T03:04:05Z", "cluster": "prod", "files": {"pods": "pods.json"}}
//! ```
//!
//! The keys of `files` are the plurals of kinds with their group (`deployments.apps`), or `version` for `/version`.
//! Its objects are redacted when they are read.
//!
//! # Trust
//!
//! A recording may be damaged or hostile. Nothing is unpacked to disk; only files that the index names are looked at,
//! links and paths that lead outside never; sizes and counts are bounded ([`MAX_UNPACKED`], [`MAX_ENTRIES`]). What is
//! damaged is reported, and the rest is used.

mod content;
mod load;
mod write;

use crate::error::{Error, Kind, Result};
use crate::facts::{Facts, Need, Problem, Resource, SourceKind, kinds};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{ClusterSummary, NeedSummary, Opened, Summary};
pub use write::write;

/// The version that is written; this one and older ones are read.
pub const FORMAT_VERSION: u32 = 1;
/// The index, first file of a recording.
pub const MANIFEST: &str = "meshctl-snapshot.json";
/// Unpacked bytes of one recording.
pub const MAX_UNPACKED: u64 = 4 << 30;
/// Entries of one archive.
pub const MAX_ENTRIES: usize = 1_000_000;

/// Where a recording is.
pub enum Stored {
    Embedded(&'static str, &'static [u8]),
    Folder(PathBuf),
    Archive(PathBuf),
}

impl Stored {
    fn name(&self) -> String {
        match self {
            Stored::Embedded(name, _) => (*name).to_owned(),
            Stored::Folder(path) | Stored::Archive(path) => path.display().to_string(),
        }
    }

    /// The facts of each cluster; with a namespace, as if only that one had been asked for. What pods answered is most of
    /// a recording, and few commands look at it: what `dumps` doesn't name of it is left where it is.
    pub fn opened(&self, namespace: Option<&str>, dumps: &dyn Fn(&Need) -> bool) -> Result<Vec<Opened>> {
        Ok(load::load(self, namespace, dumps)?.1)
    }

    pub fn summary(&self) -> Result<Summary> {
        let (index, clusters) = load::load(self, None, &|_| true)?;
        let clusters: Vec<Facts> = clusters.into_iter().map(Opened::whole).collect();
        let bytes = match self {
            Stored::Embedded(_, bytes) => bytes.len() as u64,
            Stored::Archive(path) => std::fs::metadata(path).map_or(0, |meta| meta.len()),
            Stored::Folder(path) => folder_bytes(path, &index),
        };
        Ok(summarize(&index, &clusters, bytes))
    }
}

fn folder_bytes(folder: &std::path::Path, index: &Index) -> u64 {
    let files = index.clusters.iter().flat_map(|cluster| &cluster.needs).filter_map(|need| need.file.as_deref());
    files.chain([MANIFEST]).map(|file| std::fs::metadata(folder.join(file)).map_or(0, |meta| meta.len())).sum()
}

fn summarize(index: &Index, clusters: &[Facts], bytes: u64) -> Summary {
    let need = |(need, answer): (&Need, &crate::facts::Answer)| NeedSummary {
        need: need.title(),
        outcome: answer.outcome.word().to_owned(),
        objects: match &answer.outcome {
            crate::facts::Outcome::Objects(objects) => objects.len(),
            _ => 0,
        },
        at: answer.at.to_string(),
        reason: answer.outcome.reason().map(str::to_owned).or_else(|| answer.partial.clone()),
    };
    let cluster = |facts: &Facts| ClusterSummary {
        name: facts.cluster.clone(),
        needs: facts.iter().map(need).collect(),
        problems: facts.problems.clone(),
    };
    Summary {
        format_version: index.format_version,
        tool_version: index.tool_version.clone(),
        taken: index.taken.to_string(),
        bytes,
        clusters: clusters.iter().map(cluster).collect(),
    }
}

/// `meshctl-snapshot.json`.
#[derive(Serialize)]
struct Index {
    format_version: u32,
    tool_version: String,
    taken: Timestamp,
    clusters: Vec<Cluster>,
}

#[derive(Serialize)]
struct Cluster {
    name: String,
    kind: SourceKind,
    namespace: Option<String>,
    now: Timestamp,
    problems: Vec<Problem>,
    needs: Vec<Recorded>,
}

/// A need and how it was answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Recorded {
    need: Need,
    outcome: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    partial: Option<String>,
    at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content: Option<Content>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    objects: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Content {
    Objects,
    Text,
    Bytes,
    List,
}

impl Index {
    /// Reads the index of any version up to ours, and says what it had to skip.
    fn parse(bytes: &[u8], from: &str) -> Result<(Index, Vec<String>)> {
        #[derive(Deserialize)]
        struct Version {
            format_version: u32,
        }
        let broken = |e: &serde_json::Error| {
            Error::new(Kind::Input, format!("{from} is no readable recording: its {MANIFEST} is damaged"))
                .because(e)
                .hint("record it again: meshctl snapshot record FILE.tar.zst")
        };
        let version: Version = serde_json::from_slice(bytes).map_err(|e| broken(&e))?;
        match version.format_version {
            0 => serde_json::from_slice::<V0>(bytes).map(V0::upgrade).map_err(|e| broken(&e)),
            FORMAT_VERSION => serde_json::from_slice::<V1>(bytes).map(V1::checked).map_err(|e| broken(&e)),
            newer => Err(Error::new(
                Kind::Input,
                format!("{from} is a recording of format version {newer}; this meshctl reads up to version {FORMAT_VERSION}"),
            )
            .hint("upgrade meshctl, or record again with this version")),
        }
    }
}

/// Version 1 as it is read: needs one by one, because a newer tool may know more of them.
#[derive(Deserialize)]
struct V1 {
    #[serde(default)]
    tool_version: String,
    taken: Timestamp,
    clusters: Vec<V1Cluster>,
}

#[derive(Deserialize)]
struct V1Cluster {
    name: String,
    kind: SourceKind,
    #[serde(default)]
    namespace: Option<String>,
    now: Timestamp,
    #[serde(default)]
    problems: Vec<Problem>,
    needs: Vec<Value>,
}

impl V1 {
    fn checked(self) -> (Index, Vec<String>) {
        let mut skipped = Vec::new();
        let clusters = self.clusters.into_iter().map(|cluster| Cluster {
            needs: cluster
                .needs
                .into_iter()
                .filter_map(|need| {
                    Recorded::deserialize(&need)
                        .map_err(|e| skipped.push(format!("an entry of its index can't be used: {e}")))
                        .ok()
                })
                .collect(),
            name: cluster.name,
            kind: cluster.kind,
            namespace: cluster.namespace,
            now: cluster.now,
            problems: cluster.problems,
        });
        let clusters = clusters.collect();
        (Index { format_version: 1, tool_version: self.tool_version, taken: self.taken, clusters }, skipped)
    }
}

#[derive(Deserialize)]
struct V0 {
    taken: Timestamp,
    cluster: String,
    files: BTreeMap<String, String>,
}

impl V0 {
    fn upgrade(self) -> (Index, Vec<String>) {
        let (mut needs, mut skipped) = (Vec::new(), Vec::new());
        for (what, file) in self.files {
            let (need, content) = match kinds::ALL.iter().find(|kind: &&&Resource| kind.qualified() == what) {
                Some(kind) => (Need::list(kind), Content::List),
                None if what == "version" => (Need::Version, Content::Text),
                None => {
                    skipped.push(format!("{file} holds {what}, which nothing asks for"));
                    continue;
                }
            };
            needs.push(Recorded {
                need,
                outcome: "answered".to_owned(),
                reason: None,
                partial: None,
                at: self.taken,
                content: Some(content),
                file: Some(file),
                objects: None,
            });
        }
        let (name, kind, now) = (self.cluster, SourceKind::Live, self.taken);
        let cluster = Cluster { name, kind, namespace: None, now, problems: Vec::new(), needs };
        (Index { format_version: 0, tool_version: String::new(), taken: self.taken, clusters: vec![cluster] }, skipped)
    }
}
