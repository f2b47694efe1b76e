//! Cluster names that carry direction, port, subset and host: `outbound|8080|v1|b.mesh.svc.cluster.local`.

/// The parts of such a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NameParts<'a> {
    pub direction: &'a str,
    pub port: u32,
    pub subset: &'a str,
    pub host: &'a str,
}

impl<'a> NameParts<'a> {
    /// `None` if the name is of another form.
    pub fn of(name: &'a str) -> Option<Self> {
        let mut parts = name.splitn(4, '|');
        let (direction, port, subset, host) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        // A fifth part means that the host is none.
        let host = if host.contains('|') { "" } else { host };
        Some(NameParts { direction, port: port.parse().unwrap_or(0), subset, host })
    }

    /// What names are ordered by: host, subset, port, direction. Any other name is a host.
    pub fn order(name: &'a str) -> (&'a str, &'a str, u32, &'a str) {
        match NameParts::of(name) {
            Some(parts) => (parts.host, parts.subset, parts.port, parts.direction),
            None => (name, "", 0, ""),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let parts = NameParts::of("outbound|8080|v1|b.mesh.svc.cluster.local");
        assert_eq!(parts, Some(NameParts { direction: "outbound", port: 8080, subset: "v1", host: "b.mesh.svc.cluster.local" }));
        assert_eq!(NameParts::of("inbound|80||"), Some(NameParts { direction: "inbound", port: 80, ..NameParts::default() }));
        assert_eq!(NameParts::of("BlackHoleCluster"), None);
        assert_eq!(NameParts::of("outbound_.80_._.a.b"), None);
        assert_eq!(NameParts::of("a|b|c|d|e").map(|parts| parts.host), Some(""));
    }
}
