//! What was written down: recordings, manifests, the embedded demo.

use crate::error::Result;
use crate::facts::Facts;
use serde::Serialize;

/// Opens `--from`: `demo`, a recording (folder or `.tar.zst`), a manifest file or folder, or `-`.
/// `namespace` limits objects as `-n` does on a live cluster.
pub fn open(_from: &str, _namespace: Option<&str>) -> Result<Vec<Facts>> {
    Ok(Vec::new())
}

/// Writes a recording: a folder, or a `.tar.zst` by the path's ending. Refuses to overwrite without `force`.
pub fn write(_path: &std::path::Path, _clusters: &[Facts], _force: bool) -> Result<Summary> {
    Ok(Summary::default())
}

/// What a recording holds, without loading the objects.
pub fn summary(_path: &std::path::Path) -> Result<Summary> {
    Ok(Summary::default())
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
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct NeedSummary {
    pub need: String,
    pub outcome: String,
    pub objects: usize,
    pub at: String,
    pub reason: Option<String>,
}
