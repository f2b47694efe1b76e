//! What the kubeconfig names, for completion.

use crate::error::{Error, Kind, Result};
use kube::config::Kubeconfig;
use std::path::Path;

/// A context and what it points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    pub name: String,
    pub cluster: String,
    pub current: bool,
}

/// The contexts in the file's order.
pub fn contexts(file: Option<&Path>) -> Result<Vec<Context>> {
    let config = match file {
        Some(file) => Kubeconfig::read_from(file),
        None => Kubeconfig::read(),
    }
    .map_err(|e| Error::new(Kind::NoCluster, "can't read the kubeconfig").because(&e))?;
    let current = config.current_context.unwrap_or_default();
    Ok(config
        .contexts
        .into_iter()
        .map(|named| Context {
            current: named.name == current,
            cluster: named.context.map(|context| context.cluster).unwrap_or_default(),
            name: named.name,
        })
        .collect())
}
