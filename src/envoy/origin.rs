//! The Kubernetes object that a resource was made from, if the control plane wrote it into the metadata.

use super::field::{ByName, Text};
use crate::json::Raw;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Metadata<'a> {
    #[serde(borrow, alias = "filterMetadata")]
    filter_metadata: ByName<'a>,
}

/// Where a resource came from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Origin {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    pub name: String,
}

/// The two forms in use: a path of the API server, and a list of object references.
#[derive(Deserialize)]
struct Written<'a> {
    #[serde(borrow)]
    config: Option<Raw<'a>>,
    #[serde(borrow, default)]
    resources: Vec<Reference<'a>>,
}

#[derive(Deserialize)]
struct Reference<'a> {
    #[serde(borrow, default)]
    kind: Text<'a>,
    #[serde(borrow, default)]
    namespace: Text<'a>,
    #[serde(borrow, default)]
    name: Text<'a>,
}

impl Metadata<'_> {
    /// `Err` if the metadata names a source in a form that nobody knows.
    pub fn origin(&self) -> Option<Result<Origin, ()>> {
        let mut unknown = None;
        for (_, raw) in self.filter_metadata.iter() {
            let Ok(written) = raw.read::<Written>() else { continue };
            if let Some(first) = written.resources.into_iter().find(|reference| !reference.name.is_empty()) {
                let text = |text: Text| text.0.into_owned();
                return Some(Ok(Origin { kind: text(first.kind), namespace: text(first.namespace), name: text(first.name) }));
            }
            let Some(config) = written.config else { continue };
            match config.read::<Text>().ok().and_then(|path| Origin::of_path(&path)) {
                Some(origin) => return Some(Ok(origin)),
                None => unknown = Some(Err(())),
            }
        }
        unknown
    }
}

impl Origin {
    /// `ServiceRouter api.shop`; one without a namespace stands in the control plane's own store.
    pub fn title(&self) -> String {
        match self.namespace.as_str() {
            "" => format!("{} {}", self.kind, self.name),
            namespace => format!("{} {}.{namespace}", self.kind, self.name),
        }
    }

    /// `/apis/GROUP/VERSION/namespaces/NAMESPACE/KIND/NAME`.
    fn of_path(path: &str) -> Option<Self> {
        let pieces: Vec<&str> = path.split('/').collect();
        match pieces.as_slice() {
            ["", "apis", _, _, "namespaces", namespace, kind, name] => {
                Some(Origin { kind: (*kind).to_owned(), namespace: (*namespace).to_owned(), name: (*name).to_owned() })
            }
            _ => None,
        }
    }
}

/// `NAME.NAMESPACE`; `<unknown>` if a source is named that can't be understood; empty if none is named.
pub fn label(origin: Option<&Result<Origin, ()>>) -> String {
    match origin {
        None => String::new(),
        Some(Err(())) => "<unknown>".to_owned(),
        Some(Ok(origin)) if origin.namespace.is_empty() => origin.name.clone(),
        Some(Ok(origin)) => format!("{}.{}", origin.name, origin.namespace),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        label(crate::json::from_str::<Metadata>(text).ok().and_then(|metadata| metadata.origin()).as_ref())
    }

    #[test]
    fn both_forms_are_understood() {
        let path = "/apis/networking.istio.io/v1alpha3/namespaces/mesh/destination-rule/b";
        assert_eq!(shown(&format!(r#"{{"filter_metadata":{{"x":{{"config":"{path}"}}}}}}"#)), "b.mesh");
        assert_eq!(shown(r#"{"filterMetadata":{"x":{"config":"/else/where"}}}"#), "<unknown>");
        assert_eq!(shown(r#"{"filter_metadata":{"x":{"services":[]}}}"#), "");
        let listed = r#"{"filter_metadata":{"eg":{"resources":[{"kind":"HTTPRoute","name":"r","namespace":"n"}]}}}"#;
        assert_eq!(shown(listed), "r.n");
        assert_eq!(shown(r#"{"filter_metadata":{"odd":7,"x":{"config":9}}}"#), "<unknown>");
        assert_eq!(shown("{}"), "");
    }
}
