//! The bootstrap: who the proxy is and what it was built from.

use super::field::{Int, Text};
use crate::json::Raw;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Bootstrap<'a> {
    #[serde(borrow)]
    pub node: Node<'a>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Node<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    #[serde(borrow)]
    pub cluster: Text<'a>,
    #[serde(borrow)]
    pub metadata: BTreeMap<Text<'a>, Raw<'a>>,
    #[serde(borrow, alias = "userAgentBuildVersion")]
    pub user_agent_build_version: BuildVersion<'a>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct BuildVersion<'a> {
    pub version: Option<Semantic>,
    #[serde(borrow)]
    pub metadata: BTreeMap<Text<'a>, Text<'a>>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Semantic {
    #[serde(alias = "majorNumber")]
    pub major_number: Int,
    #[serde(alias = "minorNumber")]
    pub minor_number: Int,
    pub patch: Int,
}

/// Who a proxy is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Proxy {
    /// What it calls itself towards its control plane.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cluster: String,
    /// Versions that it carries in its metadata, by label.
    pub versions: Vec<(String, String)>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub envoy_version: String,
}

impl Bootstrap<'_> {
    pub fn proxy(&self) -> Proxy {
        Proxy {
            id: self.node.id.to_string(),
            cluster: self.node.cluster.to_string(),
            versions: self.node.versions(),
            envoy_version: self.node.user_agent_build_version.label(),
        }
    }
}

impl Node<'_> {
    /// `X_VERSION` is the version of X, `X_Y_SHA` the build of its part Y.
    fn versions(&self) -> Vec<(String, String)> {
        let mut versions: Vec<(String, String)> = Vec::new();
        for (key, raw) in &self.metadata {
            let Ok(text) = raw.read::<Text>() else { continue };
            let (what, version) = match (key.strip_suffix("_VERSION"), key.strip_suffix("_SHA")) {
                (Some(what), _) => (what, &*text),
                // `image:digest`: the second part is the build.
                (_, Some(what)) => (what, text.split(':').nth(1).unwrap_or(&text)),
                _ => continue,
            };
            if !version.is_empty() {
                versions.push((format!("{} Version", title(what)), version.to_owned()));
            }
        }
        // The mesh before its parts.
        versions.sort_by_key(|(label, _)| label.len());
        versions
    }
}

/// `ISTIO_PROXY` → `Istio Proxy`.
fn title(key: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_string() + &letters.as_str().to_ascii_lowercase()).unwrap_or_default()
    };
    key.split('_').map(word).collect::<Vec<_>>().join(" ")
}

impl BuildVersion<'_> {
    /// `1.40.0/Clean/RELEASE/BoringSSL`, as far as given; nothing where the version isn't.
    fn label(&self) -> String {
        let Some(Semantic { major_number, minor_number, patch }) = self.version else { return String::new() };
        let mut label = format!("{}.{}.{}", major_number.0, minor_number.0, patch.0);
        let keys = [("build.label", '-'), ("revision.status", '/'), ("build.type", '/'), ("ssl.version", '/')];
        for (key, before) in keys {
            if let Some(text) = self.metadata.get(&Text::from(key)) {
                label.push(before);
                label.push_str(text);
            }
        }
        label
    }
}
