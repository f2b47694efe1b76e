//! Upstream clusters.

use super::entry::{Boxed, Resource, Standing};
use super::field::Text;
use super::name::{Forms, NameParts};
use super::origin::{self, Metadata, Origin};
use crate::shares;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Cluster<'a> {
    #[serde(borrow)]
    pub name: Text<'a>,
    #[serde(borrow, rename = "type")]
    pub kind: Text<'a>,
    #[serde(borrow, alias = "clusterType")]
    pub cluster_type: Option<Extension<'a>>,
    #[serde(borrow)]
    pub metadata: Option<Metadata<'a>>,
}

/// An extension, of which only the name is shown.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Extension<'a> {
    #[serde(borrow)]
    pub name: Text<'a>,
}

/// Which clusters to show; an empty field lets everything pass.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// A part of the host, or of the whole name if it has a `|`; a whole name in any case.
    pub fqdn: String,
    pub port: u32,
    /// A part of the subset.
    pub subset: String,
    /// The start of the direction, such as `inbound`.
    pub direction: String,
    /// How control planes write names.
    pub forms: Forms,
}

impl Filter {
    fn lets_pass(&self, name: &str) -> bool {
        if self.port == 0 && [&self.fqdn, &self.subset, &self.direction].into_iter().all(String::is_empty) {
            return true;
        }
        let parts = NameParts::of(name, self.forms);
        let host = parts.map_or(name, |parts| parts.host);
        let fqdn =
            if self.fqdn.contains('|') { name.contains(&self.fqdn) } else { host.contains(&self.fqdn) || name == self.fqdn };
        let parts = parts.unwrap_or_default();
        fqdn && (self.port == 0 || parts.port == Some(self.port))
            && parts.subset.contains(&self.subset)
            && parts.direction.to_ascii_lowercase().starts_with(&self.direction.to_ascii_lowercase())
    }
}

/// A cluster as it is shown.
#[derive(Clone, Debug, Serialize)]
pub struct Row<'r> {
    pub name: &'r str,
    /// The whole name, if it doesn't carry a host.
    pub service_fqdn: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u32>,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub subset: &'r str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub direction: &'r str,
    #[serde(rename = "type")]
    pub kind: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    #[serde(skip)]
    pub origin_label: String,
    /// Objects that it was made from, where others tell than the proxy.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub came_from: Vec<Origin>,
    #[serde(flatten)]
    pub standing: Standing<'r>,
}

/// Clusters that pass, by host, subset, port and direction.
pub fn rows<'r>(clusters: &'r [Boxed<'_, Cluster<'_>>], filter: &Filter) -> Vec<Row<'r>> {
    let passed: Vec<_> = clusters.iter().filter(|cluster| filter.lets_pass(&cluster.value.name)).collect();
    let sorted = shares::sorted(passed, 500, |cluster| NameParts::order(&cluster.value.name, filter.forms));
    shares::map(&sorted, 500, |cluster| row(cluster, filter.forms))
}

fn row<'r>(cluster: &'r Resource<'_, Cluster<'_>>, forms: Forms) -> Row<'r> {
    let value = &cluster.value;
    let parts = NameParts::of(&value.name, forms);
    let origin = value.metadata.as_ref().and_then(Metadata::origin);
    let kind = match (&value.cluster_type, value.kind.some()) {
        (Some(custom), _) => &*custom.name,
        (None, Some(kind)) => kind,
        // Protobuf leaves the first value of an enum out.
        (None, None) => "STATIC",
    };
    Row {
        name: &value.name,
        service_fqdn: parts.map_or(&*value.name, |parts| parts.host),
        port: parts.and_then(|parts| parts.port),
        subset: parts.map_or("", |parts| parts.subset),
        direction: parts.map_or("", |parts| parts.direction),
        kind,
        origin_label: origin::label(origin.as_ref()),
        origin: origin.and_then(Result::ok),
        came_from: Vec::new(),
        standing: cluster.standing(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_look_at_the_field_they_are_named_after() {
        let passes = |filter: Filter, name: &str| filter.lets_pass(name);
        let name = "outbound|8080|v1|v2.inbound.svc";
        let none = Filter::default;
        assert!(passes(none(), name) && passes(none(), "agent"));
        assert!(passes(Filter { fqdn: "v2.in".into(), ..none() }, name));
        assert!(passes(Filter { fqdn: "8080|v1|v2".into(), ..none() }, name));
        assert!(!passes(Filter { fqdn: "outbound".into(), ..none() }, name));
        assert!(!passes(Filter { subset: "v2".into(), ..none() }, name));
        assert!(!passes(Filter { direction: "inbound".into(), ..none() }, name));
        assert!(passes(Filter { direction: "Outbound".into(), port: 8080, subset: "v".into(), ..none() }, name));
        assert!(!passes(Filter { port: 808, ..none() }, name));
        assert!(passes(Filter { fqdn: "age".into(), ..none() }, "agent"));
        let forms: Forms = &[|name| Some(NameParts { host: name.strip_suffix(".peer")?, ..NameParts::default() })];
        let whole = |fqdn: &str| Filter { fqdn: fqdn.into(), forms, ..none() };
        assert!(passes(whole("b.dc1.peer"), "b.dc1.peer") && !passes(whole("c1.peer"), "b.dc1.peer"));
        assert!(!passes(Filter { port: 1, ..none() }, "agent"));
    }
}
