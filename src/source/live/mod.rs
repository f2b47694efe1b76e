//! A live cluster through the Kubernetes API.

pub mod prometheus;

use crate::error::Result;
use crate::facts::{Facts, Need, SourceKind};
use jiff::Timestamp;
use std::path::PathBuf;
use std::time::Duration;

/// Where the cluster is and who we are there; from the global flags.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub kubeconfig: Option<PathBuf>,
    pub contexts: Vec<String>,
    pub all_contexts: bool,
    /// Limit lists to one namespace.
    pub namespace: Option<String>,
    pub impersonate_user: Option<String>,
    pub impersonate_groups: Vec<String>,
    /// Deadline of each API call.
    pub request_timeout: Duration,
}

/// One cluster that we can ask.
pub struct Cluster {
    name: String,
}

/// One client a context; a context that can't be used is an error that names it.
pub async fn connect(_options: &Options) -> Result<Vec<Cluster>> {
    Ok(Vec::new())
}

impl Cluster {
    pub fn name(&self) -> &str {
        &self.name
    }
    pub fn facts(&self, now: Timestamp) -> Facts {
        Facts::new(self.name.clone(), SourceKind::Live, now)
    }
    /// Lists and `/version`, concurrently, each with its own deadline.
    pub async fn answer(&self, _needs: Vec<Need>, _facts: &mut Facts) {}
    /// Queries, through a Prometheus found in the cluster.
    pub async fn answer_queries(&self, _needs: Vec<Need>, _facts: &mut Facts) {}
}
