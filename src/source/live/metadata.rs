//! One object's metadata: which state of it there is, and since when.

use super::Cluster;
use super::call::{Failure, escape};
use crate::error::{Error, Kind, Result};
use crate::facts::Resource;
use crate::mesh::follow::State;
use jiff::Timestamp;
use serde::Deserialize;

/// Without the object itself, which may be large and is nobody's business here.
const ACCEPT: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

#[derive(Deserialize)]
struct Object {
    metadata: Metadata,
}
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(default)]
    generation: i64,
    #[serde(default)]
    resource_version: String,
    creation_timestamp: Option<Timestamp>,
    #[serde(default)]
    managed_fields: Vec<Managed>,
}
#[derive(Deserialize)]
struct Managed {
    time: Option<Timestamp>,
    #[serde(default)]
    subresource: String,
}

impl Cluster {
    /// `None`: there is no such object.
    pub async fn state_of(&self, resource: &Resource, namespace: &str, name: &str) -> Result<Option<State>> {
        let path = format!(
            "/apis/{}/{}/namespaces/{}/{}/{}",
            resource.group,
            resource.version,
            escape(namespace),
            resource.plural,
            escape(name)
        );
        let failed = |why: String| {
            Error::new(Kind::Unreachable, format!("can't read {} {namespace}/{name}", resource.qualified())).cause(why)
        };
        let caller = self.direct().await?;
        match caller.get(&path, ACCEPT).await {
            Ok(body) => read(&body).map(Some).map_err(failed),
            Err(Failure::Refused(refusal)) if refusal.code == 404 => Ok(None),
            Err(failure) => Err(failed(failure.words())),
        }
    }
}

fn read(body: &[u8]) -> std::result::Result<State, String> {
    let object: Object = serde_json::from_slice(body).map_err(|e| format!("the answer is no object: {e}"))?;
    let Metadata { generation, resource_version, creation_timestamp, managed_fields } = object.metadata;
    // A status that was written since is no change.
    let changed = managed_fields.iter().filter(|one| one.subresource.is_empty()).filter_map(|one| one.time);
    Ok(State { generation, resource_version, changed: changed.max().or(creation_timestamp) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_change_is_not_the_status() {
        let body =
            br#"{"metadata":{"generation":3,"resourceVersion":"77","creationTimestamp":"2026-11-24T08:00:00Z","managedFields":[
            {"time":"2026-11-24T09:00:00Z"},{"time":"2026-11-24T10:00:00Z","subresource":"status"}]}}"#;
        let state = read(body).expect("an object");
        assert_eq!((state.generation, state.resource_version.as_str()), (3, "77"));
        assert_eq!(state.changed.map(|at| at.to_string()).as_deref(), Some("2026-11-24T09:00:00Z"));
        let bare = read(br#"{"metadata":{"creationTimestamp":"2026-11-24T08:00:00Z"}}"#).expect("an object");
        assert_eq!(bare.changed.map(|at| at.to_string()).as_deref(), Some("2026-11-24T08:00:00Z"));
        assert!(read(b"[]").is_err());
    }
}
