//! Charts in OCI registries: tags, a manifest, and the layer that is the chart.

use super::web::{Answer, Silence, Web, meaning};
use super::{LARGEST, digest};
use crate::charts::reference::{Image, is_sha256};
use reqwest::Url;
use reqwest::header::{LINK, WWW_AUTHENTICATE};
use serde::Deserialize;
use std::sync::Mutex;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CHART: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
const PROVENANCE: &str = "application/vnd.cncf.helm.chart.provenance.v1.prov";
const DIGEST: &str = "docker-content-digest";
/// A manifest, a page of tags, a token.
const SMALL: u64 = 4 << 20;
const PAGES: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    #[serde(default)]
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    media_type: String,
    digest: String,
    size: u64,
}

#[derive(Deserialize)]
struct Tags {
    #[serde(default)]
    tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
}

pub struct Registry<'a> {
    web: &'a Web,
    image: &'a Image,
    base: Url,
    /// Once the registry has asked for it.
    authorization: Mutex<Option<String>>,
}

/// An archive, and its provenance if the registry has it.
pub struct Pulled {
    pub bytes: Vec<u8>,
    pub provenance: Option<Vec<u8>>,
}

fn wrong(why: impl Into<String>) -> Silence {
    Silence { unreached: false, why: why.into() }
}

impl<'a> Registry<'a> {
    pub fn new(web: &'a Web, image: &'a Image) -> Result<Registry<'a>, Silence> {
        let scheme = if web.options.plain_http { "http" } else { "https" };
        let base = Url::parse(&format!("{scheme}://{}/v2/{}/", image.host, image.path));
        let base = base.map_err(|e| wrong(format!("{} is no host: {e}", image.host)))?;
        Ok(Registry { web, image, base, authorization: Mutex::new(None) })
    }

    /// Every tag, page by page.
    pub async fn tags(&self) -> Result<Vec<String>, Silence> {
        let mut next = Some(self.at("tags/list")?);
        let mut all = Vec::new();
        for _ in 0..PAGES {
            let Some(url) = next.take() else { break };
            let answer = self.ask(&url, "application/json", SMALL).await?;
            let tags: Tags =
                serde_json::from_slice(&answer.body).map_err(|e| wrong(format!("its list of tags can't be read: {e}")))?;
            all.extend(tags.tags.unwrap_or_default());
            let link = answer.headers.get(LINK).and_then(|link| link.to_str().ok()).filter(|link| link.contains("rel=\"next\""));
            let target = link.and_then(|link| link.split_once('<')?.1.split_once('>').map(|(target, _)| target));
            // Another host is no next page.
            next = target.and_then(|target| url.join(target).ok()).filter(|to| to.origin() == url.origin());
        }
        Ok(all)
    }

    pub async fn pull(&self, tag: &str, provenance: bool) -> Result<Pulled, Silence> {
        let name = self.image.digest.as_deref().unwrap_or(tag);
        let answer = self.ask(&self.at(&format!("manifests/{name}"))?, MANIFEST, SMALL).await?;
        let own = format!("sha256:{}", digest(&answer.body));
        let promised = answer.headers.get(DIGEST).and_then(|value| value.to_str().ok());
        for promised in self.image.digest.as_deref().into_iter().chain(promised.filter(|text| text.starts_with("sha256:"))) {
            if promised != own {
                return Err(wrong(format!("its manifest has the checksum {own}, and {promised} is promised")));
            }
        }
        let manifest: Manifest =
            serde_json::from_slice(&answer.body).map_err(|e| wrong(format!("its manifest can't be read: {e}")))?;
        let layer = |kind: &str| manifest.layers.iter().find(|layer| layer.media_type == kind);
        let chart = layer(CHART).ok_or_else(|| wrong("it is an image, and no Helm chart"))?;
        let bytes = self.blob(chart).await?;
        let provenance = match layer(PROVENANCE).filter(|_| provenance) {
            Some(layer) => Some(self.blob(layer).await?),
            None => None,
        };
        Ok(Pulled { bytes, provenance })
    }

    async fn blob(&self, layer: &Layer) -> Result<Vec<u8>, Silence> {
        let hex = layer.digest.strip_prefix("sha256:").filter(|hex| is_sha256(hex));
        let hex = hex.ok_or_else(|| wrong(format!("its layer has the checksum {:?}, which is no SHA-256", layer.digest)))?;
        if layer.size > LARGEST {
            return Err(wrong(format!("the chart is larger than {LARGEST} bytes")));
        }
        let answer = self.ask(&self.at(&format!("blobs/{}", layer.digest))?, "", layer.size.max(1)).await?;
        let own = digest(&answer.body);
        if own != hex {
            return Err(wrong(format!("what came has the checksum sha256:{own}, and the manifest promises sha256:{hex}")));
        }
        Ok(answer.body)
    }

    fn at(&self, path: &str) -> Result<Url, Silence> {
        self.base.join(path).map_err(|e| wrong(e.to_string()))
    }

    fn known(&self) -> Option<String> {
        self.authorization.lock().ok()?.clone()
    }

    async fn ask(&self, url: &Url, accept: &str, most: u64) -> Result<Answer, Silence> {
        let known = self.known();
        let mut answer = self.web.get(url, accept, known.as_deref(), most.max(SMALL)).await?;
        if answer.status == 401 && known.is_none() {
            let header =
                answer.headers.get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
            let got = self.authorize(&header).await?;
            answer = self.web.get(url, accept, Some(&got), most.max(SMALL)).await?;
            if let Ok(mut slot) = self.authorization.lock() {
                *slot = Some(got);
            }
        }
        match answer.status {
            200 if answer.body.len() as u64 <= most => Ok(answer),
            200 => Err(wrong(format!("the answer is longer than the {most} bytes that are promised"))),
            status => Err(wrong(meaning(status))),
        }
    }

    /// What the registry wants to see, by its challenge: a token, or name and password.
    async fn authorize(&self, challenge: &str) -> Result<String, Silence> {
        let (scheme, rest) = challenge.split_once(' ').unwrap_or((challenge, ""));
        let basic = self.web.basic();
        if scheme.eq_ignore_ascii_case("basic") {
            return basic.ok_or_else(|| wrong(meaning(401)));
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(wrong(format!("it wants to know who asks, in a way that is not supported: {challenge:?}")));
        }
        let realm = parameter(rest, "realm").and_then(|realm| Url::parse(&realm).ok());
        let mut realm = realm.ok_or_else(|| wrong("it wants a token and does not say from where"))?;
        if realm.scheme() != "https" && !self.web.options.plain_http {
            return Err(wrong("it wants a token from a place without TLS"));
        }
        for name in ["service", "scope"] {
            if let Some(value) = parameter(rest, name) {
                realm.query_pairs_mut().append_pair(name, &value);
            }
        }
        let answer = self.web.get(&realm, "application/json", basic.as_deref(), SMALL).await?;
        if answer.status != 200 {
            return Err(wrong(format!("no token: {}", meaning(answer.status))));
        }
        let token: Token = serde_json::from_slice(&answer.body).map_err(|_| wrong("its token can't be read"))?;
        let token = if token.token.is_empty() { token.access_token } else { token.token };
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(wrong("its token can't be read"));
        }
        Ok(format!("Bearer {token}"))
    }
}

/// `name="value"` of a challenge; values may hold commas.
fn parameter(text: &str, name: &str) -> Option<String> {
    let mut rest = text;
    loop {
        let (key, after) = rest.split_once('=')?;
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_once(',').unwrap_or((after, "")),
        };
        if key.trim_matches([',', ' ']).eq_ignore_ascii_case(name) {
            return Some(value.to_owned());
        }
        rest = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read() {
        let text = r#"realm="https://auth.example/token",service=r.example,scope="repository:a/b:pull,push""#;
        assert_eq!(parameter(text, "realm").as_deref(), Some("https://auth.example/token"));
        assert_eq!(parameter(text, "service").as_deref(), Some("r.example"));
        assert_eq!(parameter(text, "scope").as_deref(), Some("repository:a/b:pull,push"));
        assert_eq!(parameter(text, "error"), None);
        assert_eq!(parameter("realm=\"", "realm"), None);
    }
}
