//! Names of clusters that carry direction, port, subset and host: `outbound|8080|v1|b.mesh.svc.cluster.local`, and the forms
//! that control planes have of their own.

/// The parts of such a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NameParts<'a> {
    pub direction: &'a str,
    /// `None` where names of that form carry none.
    pub port: Option<u32>,
    pub subset: &'a str,
    pub host: &'a str,
}

/// Reads a name of one control plane's own form.
pub type Form = for<'a> fn(&'a str) -> Option<NameParts<'a>>;

/// What is tried after the form with bars.
pub type Forms = &'static [Form];

impl<'a> NameParts<'a> {
    /// `None` if the name is of another form.
    pub fn of(name: &'a str, forms: Forms) -> Option<Self> {
        NameParts::with_bars(name).or_else(|| forms.iter().find_map(|form| form(name)))
    }

    fn with_bars(name: &'a str) -> Option<Self> {
        let mut parts = name.splitn(4, '|');
        let (direction, port, subset, host) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        // A fifth part means that the host is none.
        let host = if host.contains('|') { "" } else { host };
        Some(NameParts { direction, port: Some(port.parse().unwrap_or(0)), subset, host })
    }

    /// What names are ordered by: host, subset, port, direction. Any other name is a host.
    pub fn order(name: &'a str, forms: Forms) -> (&'a str, &'a str, Option<u32>, &'a str) {
        match NameParts::of(name, forms) {
            Some(parts) => (parts.host, parts.subset, parts.port, parts.direction),
            None => (name, "", Some(0), ""),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let of = |name: &'static str| NameParts::of(name, &[]);
        let parts = NameParts { direction: "outbound", port: Some(8080), subset: "v1", host: "b.mesh.svc.cluster.local" };
        assert_eq!(of("outbound|8080|v1|b.mesh.svc.cluster.local"), Some(parts));
        assert_eq!(of("inbound|80||"), Some(NameParts { direction: "inbound", port: Some(80), ..NameParts::default() }));
        assert_eq!(of("BlackHoleCluster"), None);
        assert_eq!(of("outbound_.80_._.a.b"), None);
        assert_eq!(of("a|b|c|d|e").map(|parts| parts.host), Some(""));
        let dotted: Forms = &[|name| Some(NameParts { host: name.strip_suffix(".local")?, ..NameParts::default() })];
        assert_eq!(NameParts::of("b.local", dotted).map(|parts| (parts.host, parts.port)), Some(("b", None)));
        assert_eq!(NameParts::of("inbound|80||", dotted), of("inbound|80||"));
    }
}
