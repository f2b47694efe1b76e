//! Releases as Helm 3 keeps them, so that `helm list`, `status`, `upgrade` and `uninstall` work on them.
//!
//! A release is a Secret of type `helm.sh/release.v1` called `sh.helm.release.v1.NAME.vN`; its only field holds
//! base64 of gzip of JSON. Kubernetes puts another base64 around it.

use super::chart;
use super::manifest::Document;
use super::value::{Entries, Value};
use super::yaml::json as text;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{Read, Write};

pub const TYPE: &str = "helm.sh/release.v1";
/// A Secret holds a megabyte; what unpacks to more than this is no release.
const LARGEST: u64 = 64 << 20;

pub const DEPLOYED: &str = "deployed";
pub const SUPERSEDED: &str = "superseded";
pub const FAILED: &str = "failed";

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Release {
    pub name: String,
    #[serde(default)]
    pub info: Info,
    #[serde(default)]
    pub chart: Chart,
    /// The user's values.
    #[serde(default)]
    pub config: serde_json::Value,
    #[serde(default)]
    pub manifest: String,
    #[serde(default)]
    pub hooks: Vec<Hook>,
    #[serde(default)]
    pub version: u64,
    #[serde(default)]
    pub namespace: String,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Info {
    #[serde(default)]
    pub first_deployed: String,
    #[serde(default)]
    pub last_deployed: String,
    #[serde(default)]
    pub deleted: String,
    #[serde(default)]
    pub description: String,
    /// `deployed`, `superseded`, `failed`, `pending-install`, `pending-upgrade`, `uninstalling`, …
    #[serde(default)]
    pub status: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub notes: String,
}

/// What is kept of a chart; parts in it are not, as with Helm.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Chart {
    #[serde(default)]
    pub metadata: serde_json::Value,
    #[serde(default)]
    pub lock: serde_json::Value,
    #[serde(default)]
    pub templates: Vec<File>,
    #[serde(default)]
    pub values: serde_json::Value,
    /// Base64.
    #[serde(default)]
    pub schema: Option<String>,
    #[serde(default)]
    pub files: Vec<File>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct File {
    pub name: String,
    /// Base64.
    #[serde(default)]
    pub data: Option<String>,
}

/// A document that runs beside the release, at an event of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Hook {
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub kind: String,
    #[serde(default)]
    pub path: String,
    #[serde(default)]
    pub manifest: String,
    #[serde(default)]
    pub events: Vec<String>,
    #[serde(default, skip_serializing_if = "LastRun::is_empty")]
    pub last_run: LastRun,
    #[serde(default)]
    pub weight: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delete_policies: Vec<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LastRun {
    #[serde(default)]
    pub started_at: String,
    #[serde(default)]
    pub completed_at: String,
    #[serde(default)]
    pub phase: String,
}

impl LastRun {
    fn is_empty(&self) -> bool {
        self.phase.is_empty()
    }
}

impl Chart {
    pub fn of(chart: &chart::Chart) -> Result<Chart, String> {
        let file = |name: &str, data: &[u8]| File { name: name.to_owned(), data: Some(STANDARD.encode(data)) };
        Ok(Chart {
            metadata: json(&Value::map(chart.metadata.clone()))?,
            lock: serde_json::Value::Null,
            templates: chart.templates.iter().map(|(name, text)| file(name, text.as_bytes())).collect(),
            values: json(&Value::map(chart.values.clone()))?,
            schema: chart.schema.as_ref().map(|bytes| STANDARD.encode(bytes)),
            files: chart.files.iter().map(|(name, bytes)| file(name, bytes)).collect(),
        })
    }

    fn about(&self, key: &str) -> &str {
        self.metadata[key].as_str().unwrap_or_default()
    }

    pub fn name(&self) -> &str {
        self.about("name")
    }

    pub fn version(&self) -> &str {
        self.about("version")
    }

    pub fn app_version(&self) -> &str {
        self.about("appVersion")
    }
}

/// A value as JSON has it.
pub fn json(value: &Value) -> Result<serde_json::Value, String> {
    serde_json::from_str(&text::compact(value, false)?).map_err(|e| e.to_string())
}

impl Hook {
    /// What its annotations say.
    pub fn of(document: &Document, object: &serde_json::Value) -> Hook {
        let annotations = &object["metadata"]["annotations"];
        let words = |key: &str| -> Vec<String> {
            let text = annotations[key].as_str().unwrap_or_default();
            text.split(',').map(|word| word.trim().to_lowercase()).filter(|word| !word.is_empty()).collect()
        };
        Hook {
            name: object["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
            kind: document.kind.clone(),
            path: document.source.clone(),
            manifest: document.text.clone(),
            events: words("helm.sh/hook"),
            last_run: LastRun::default(),
            weight: annotations["helm.sh/hook-weight"].as_str().and_then(|text| text.trim().parse().ok()).unwrap_or(0),
            delete_policies: words("helm.sh/hook-delete-policy"),
        }
    }
}

impl Release {
    pub fn secret_name(&self) -> String {
        format!("sh.helm.release.v1.{}.v{}", self.name, self.version)
    }

    /// The Secret that holds it. `seconds`: now, since the epoch.
    pub fn secret(&self, seconds: i64) -> Result<serde_json::Value, String> {
        let labels = BTreeMap::from([
            ("name", self.name.clone()),
            ("owner", "helm".to_owned()),
            ("status", self.info.status.clone()),
            ("version", self.version.to_string()),
            ("modifiedAt", seconds.to_string()),
        ]);
        let metadata = json!({ "name": self.secret_name(), "namespace": self.namespace, "labels": labels });
        let data = STANDARD.encode(self.encode()?);
        Ok(json!({ "apiVersion": "v1", "kind": "Secret", "type": TYPE, "metadata": metadata, "data": { "release": data } }))
    }

    fn encode(&self) -> Result<String, String> {
        let plain = serde_json::to_vec(self).map_err(|e| e.to_string())?;
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed.write_all(&plain).map_err(|e| e.to_string())?;
        Ok(STANDARD.encode(packed.finish().map_err(|e| e.to_string())?))
    }

    /// From a Secret's `data.release`.
    pub fn decode(field: &str) -> Result<Release, String> {
        let inner = STANDARD.decode(field).map_err(|e| format!("no base64: {e}"))?;
        let packed = STANDARD.decode(&inner).map_err(|e| format!("no base64 inside: {e}"))?;
        let mut plain = Vec::new();
        if packed.starts_with(&[0x1f, 0x8b]) {
            let read = GzDecoder::new(packed.as_slice()).take(LARGEST + 1).read_to_end(&mut plain);
            read.map_err(|e| format!("no gzip: {e}"))?;
        } else {
            // Releases of the first versions of Helm 3 are not packed.
            plain = packed;
        }
        if plain.len() as u64 > LARGEST {
            return Err(format!("it unpacks to more than {LARGEST} bytes"));
        }
        serde_json::from_slice(&plain).map_err(|e| format!("no release: {e}"))
    }
}

/// The values that a release was made with, as values again.
pub fn entries(config: &serde_json::Value) -> Result<Entries, String> {
    match text::parse(&config.to_string())? {
        Value::Map(map) => Ok(map.entries.borrow().clone()),
        _ => Ok(Entries::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_survives_its_secret() {
        let release = Release {
            name: "istiod".to_owned(),
            namespace: "istio-system".to_owned(),
            version: 3,
            config: json!({ "a": { "b": [1, "x"] } }),
            manifest: "---\na: b\n".repeat(100),
            info: Info { status: DEPLOYED.to_owned(), ..Info::default() },
            ..Release::default()
        };
        let secret = release.secret(1_700_000_000).unwrap();
        assert_eq!(secret["metadata"]["name"], "sh.helm.release.v1.istiod.v3");
        assert_eq!(secret["metadata"]["labels"]["status"], "deployed");
        let back = Release::decode(secret["data"]["release"].as_str().unwrap()).unwrap();
        assert_eq!((back.version, &back.config, &back.manifest), (3, &release.config, &release.manifest));
    }

    #[test]
    fn what_is_no_release_is_refused() {
        for (field, wanted) in [("***", "no base64"), ("YWJj", "inside"), (&STANDARD.encode(STANDARD.encode("{")), "no release")]
        {
            let wrong = Release::decode(field).unwrap_err();
            assert!(wrong.contains(wanted), "{field}: {wrong}");
        }
    }

    #[test]
    fn hooks_tell_when_they_run() {
        let object = json!({ "metadata": { "name": "job", "annotations": { "helm.sh/hook": "pre-install, pre-upgrade",
            "helm.sh/hook-weight": "-5", "helm.sh/hook-delete-policy": "before-hook-creation" } } });
        let document = Document { source: "c/templates/job.yaml".into(), kind: "Job".into(), text: String::new() };
        let hook = Hook::of(&document, &object);
        assert_eq!((hook.weight, hook.events.len(), hook.delete_policies.len()), (-5, 2, 1));
    }
}
