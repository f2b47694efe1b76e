//! What a chart is called on the command line, and where that means it is.

/// A place that a chart comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// A folder or an archive on this machine.
    Path(String),
    /// An archive by its address.
    Archive(String),
    /// A chart in the index of a repository.
    Listed { repository: String, chart: String },
    /// A chart in an OCI registry.
    Registry(Image),
}

/// `HOST/PATH/NAME`, by tag or digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    pub host: String,
    pub path: String,
    pub tag: Option<String>,
    /// `sha256:…` of the manifest.
    pub digest: Option<String>,
}

const OCI: &str = "oci://";

impl Reference {
    /// `repository`: where a bare name is looked for.
    pub fn parse(chart: &str, repository: Option<&str>) -> Result<Reference, String> {
        if let Some(rest) = chart.strip_prefix(OCI) {
            return Image::parse(rest).map(Reference::Registry);
        }
        if chart.starts_with("https://") || chart.starts_with("http://") {
            return Ok(Reference::Archive(chart.to_owned()));
        }
        let Some(repository) = repository else { return Ok(Reference::Path(chart.to_owned())) };
        if chart.is_empty() || chart.contains(['/', '\\', ':', ' ']) {
            return Err(format!("{chart:?} is no name of a chart"));
        }
        match repository.strip_prefix(OCI) {
            Some(base) => Image::parse(&format!("{}/{chart}", base.trim_end_matches('/'))).map(Reference::Registry),
            None if repository.starts_with("https://") || repository.starts_with("http://") => {
                Ok(Reference::Listed { repository: repository.trim_end_matches('/').to_owned(), chart: chart.to_owned() })
            }
            None => Err("a repository's address begins with https:// or oci://".to_owned()),
        }
    }

    /// What the chart should be called.
    pub fn name(&self) -> Option<&str> {
        match self {
            Reference::Listed { chart, .. } => Some(chart),
            Reference::Registry(image) => image.path.rsplit('/').next(),
            Reference::Path(_) | Reference::Archive(_) => None,
        }
    }
}

impl Image {
    fn parse(text: &str) -> Result<Image, String> {
        let wrong = |why: &str| Err(format!("oci://{text} is no chart in a registry: {why}"));
        let Some((host, rest)) = text.split_once('/') else { return wrong("write oci://HOST/PATH/NAME") };
        let (rest, digest) = match rest.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.to_owned())),
            None => (rest, None),
        };
        let (path, tag) = match rest.rsplit_once(':') {
            Some((path, tag)) => (path, Some(tag.to_owned())),
            None => (rest, None),
        };
        let word = |word: &str| {
            let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-');
            let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
            word.bytes().all(inner) && edge(word.bytes().next()) && edge(word.bytes().last())
        };
        if host.is_empty() || host.contains(['@', ' ']) {
            return wrong("the host is missing or holds a user's name");
        }
        if !path.split('/').all(word) {
            return wrong("a path is words of a-z, 0-9, `.`, `_` and `-` with slashes between them");
        }
        let tag_fits = |tag: &String| {
            !tag.is_empty() && tag.len() <= 128 && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-+".contains(&b))
        };
        if tag.as_ref().is_some_and(|tag| !tag_fits(tag)) {
            return wrong("the tag is no tag");
        }
        if digest.as_ref().is_some_and(|digest| digest.strip_prefix("sha256:").is_none_or(|hex| !is_sha256(hex))) {
            return wrong("a digest is sha256: and 64 hexadecimal digits");
        }
        Ok(Image { host: host.to_owned(), path: path.to_owned(), tag, digest })
    }
}

pub fn is_sha256(hex: &str) -> bool {
    hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// Tags hold no `+`; Helm writes `_` in its place.
pub fn tag_of(version: &str) -> String {
    version.replace('+', "_")
}

pub fn version_of(tag: &str) -> String {
    tag.replace('_', "+")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(host: &str, path: &str, tag: Option<&str>) -> Reference {
        Reference::Registry(Image { host: host.into(), path: path.into(), tag: tag.map(str::to_owned), digest: None })
    }

    #[test]
    fn what_is_named_is_found_where_it_says() {
        let repo = Some("https://charts.example/stable/");
        let listed = Reference::Listed { repository: "https://charts.example/stable".into(), chart: "web".into() };
        for (chart, repo, wanted) in [
            ("charts/web", None, Reference::Path("charts/web".into())),
            ("web", repo, listed),
            ("https://a.example/web.tgz", None, Reference::Archive("https://a.example/web.tgz".into())),
            ("oci://r.example:5000/a/web:1.2.3", None, image("r.example:5000", "a/web", Some("1.2.3"))),
            ("web", Some("oci://r.example/a/"), image("r.example", "a/web", None)),
        ] {
            assert_eq!(Reference::parse(chart, repo).unwrap(), wanted, "{chart}");
        }
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for (chart, repo) in [
            ("oci://r.example", None),
            ("oci://r.example/A", None),
            ("oci://r.example/a/../b", None),
            ("oci://me@r.example/a", None),
            ("oci://r.example/a:x y", None),
            ("oci://r.example/a@sha256:1", None),
            ("../web", Some("https://a.example")),
            ("web", Some("ftp://a.example")),
        ] {
            assert!(Reference::parse(chart, repo).is_err(), "{chart}");
        }
    }
}
