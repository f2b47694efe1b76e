//! The index of a Helm repository: which charts it has, in which versions, and where each of them lies.

use super::functions::versions;
use super::value::{Entries, Value};
use super::yaml::load;
use std::cmp::Ordering;

/// One version of a chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub version: String,
    pub app_version: String,
    pub created: String,
    pub description: String,
    pub deprecated: bool,
    /// Where the archive is: absolute, or from the repository on.
    pub urls: Vec<String>,
    /// SHA-256 in hexadecimal, as the index has it.
    pub digest: Option<String>,
}

#[derive(Debug)]
pub struct Index(Vec<(String, Vec<Entry>)>);

impl Index {
    pub fn parse(text: &str) -> Result<Index, String> {
        let root = load::document(text)?;
        let Some(root) = root.as_map() else { return Err("it is no mapping".to_owned()) };
        let root = root.entries.borrow();
        if !matches!(root.get("apiVersion"), Some(Value::Str(_))) {
            return Err("it says no apiVersion: this is no index of charts".to_owned());
        }
        let mut all = Vec::new();
        if let Some(charts) = root.get("entries").and_then(Value::as_map) {
            for (name, list) in charts.entries.borrow().iter() {
                let Value::List(list) = list else { continue };
                let mut entries: Vec<Entry> = list.items.iter().filter_map(entry).collect();
                newest_first(&mut entries, |entry| &entry.version);
                all.push((name.to_string(), entries));
            }
        }
        Ok(Index(all))
    }

    /// The versions of a chart, the newest first; empty if there is no such chart.
    pub fn chart(&self, name: &str) -> &[Entry] {
        self.0.iter().find(|(known, _)| known == name).map_or(&[], |(_, entries)| entries)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}

/// What is no version is left out, as Helm does.
fn entry(value: &Value) -> Option<Entry> {
    let map = value.as_map()?.entries.borrow();
    let text = |map: &Entries, key: &str| match map.get(key) {
        Some(Value::Str(text)) => text.to_string(),
        Some(Value::Float(number)) => super::template::print::float(*number),
        _ => String::new(),
    };
    let version = text(&map, "version");
    versions::parse(&version)?;
    let urls = match map.get("urls") {
        Some(Value::List(list)) => {
            list.items.iter().filter_map(|url| if let Value::Str(url) = url { Some(url.to_string()) } else { None })
        }
        _ => return None,
    };
    let digest = text(&map, "digest");
    Some(Entry {
        urls: urls.collect(),
        digest: Some(digest.strip_prefix("sha256:").unwrap_or(&digest).to_lowercase()).filter(|digest| !digest.is_empty()),
        app_version: text(&map, "appVersion"),
        created: text(&map, "created"),
        description: text(&map, "description"),
        deprecated: matches!(map.get("deprecated"), Some(Value::Bool(true))),
        version,
    })
}

pub fn newest_first<T>(all: &mut [T], version: impl Fn(&T) -> &str) {
    all.sort_by(|a, b| match (versions::parse(version(a)), versions::parse(version(b))) {
        (Some(a), Some(b)) => b.cmp_precedence(&a),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => version(b).cmp(version(a)),
    });
}

/// Of versions with the newest first: exactly the one that is named, else the newest in the range; without a range the
/// newest that is no pre-release.
pub fn choose<'a, T>(all: &'a [T], version: impl Fn(&T) -> &str, range: Option<&str>) -> Result<Option<&'a T>, String> {
    let wanted = range.unwrap_or("*");
    let said = |item: &&T| version(item) == wanted;
    if let Some(exact) = all.iter().find(said) {
        return Ok(Some(exact));
    }
    for item in all {
        let Some(parsed) = versions::parse(version(item)) else { continue };
        if versions::fits(wanted, &parsed)? {
            return Ok(Some(item));
        }
    }
    // So that a range that can't be read is told where there is nothing to compare it with.
    versions::fits(wanted, &semver::Version::new(0, 0, 0)).map(|_| None)
}

/// A full version, which means no other.
pub fn is_exact(range: &str) -> bool {
    semver::Version::parse(range.strip_prefix('v').unwrap_or(range)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "\
apiVersion: v1
entries:
  web:
  - {version: 1.9.0, urls: [web-1.9.0.tgz], digest: sha256:AB}
  - {version: 1.10.0, urls: ['https://b.example/web-1.10.0.tgz'], appVersion: 2.0}
  - {version: 2.0.0-rc.1, urls: [web-2.0.0-rc.1.tgz]}
  - {version: nonsense, urls: [x]}
  - {version: 3.0.0}
  old: null
";

    #[test]
    fn versions_are_in_order_and_what_is_none_is_left_out() {
        let index = Index::parse(INDEX).unwrap();
        let versions: Vec<&str> = index.chart("web").iter().map(|entry| entry.version.as_str()).collect();
        assert_eq!(versions, ["2.0.0-rc.1", "1.10.0", "1.9.0"]);
        assert_eq!(index.chart("web")[2].digest.as_deref(), Some("ab"));
        assert_eq!(index.chart("web")[1].app_version, "2");
        assert!(index.chart("old").is_empty() && index.chart("none").is_empty());
        for text in ["[]", "entries: {}", "{", "<html>404</html>"] {
            assert!(Index::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_range_takes_the_newest_in_it() {
        let index = Index::parse(INDEX).unwrap();
        let chosen =
            |range| choose(index.chart("web"), |entry| &entry.version, range).map(|entry| entry.map(|e| e.version.clone()));
        for (range, wanted) in [
            (None, Some("1.10.0")),
            (Some("1.9.0"), Some("1.9.0")),
            (Some("1.9"), Some("1.9.0")),
            (Some("~1.9"), Some("1.9.0")),
            (Some("<1.10"), Some("1.9.0")),
            (Some(">0-0"), Some("2.0.0-rc.1")),
            (Some("2.0.0-rc.1"), Some("2.0.0-rc.1")),
            (Some("^2"), None),
        ] {
            assert_eq!(chosen(range).unwrap().as_deref(), wanted, "{range:?}");
        }
        assert!(chosen(Some("newest")).is_err());
        assert!(choose(&[] as &[String], |text| text, Some("newest")).is_err());
        assert!(is_exact("v1.2.3-rc.1") && !is_exact("1.2") && !is_exact("^1.2.3"));
    }
}
