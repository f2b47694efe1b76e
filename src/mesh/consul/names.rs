//! What Consul writes into the names of clusters: `v1.api.default.dc1.internal.TRUST-DOMAIN.consul`. In front of it may stand
//! why it is not the plain one: `db31938f~` of settings that one caller has, `failover-target~`.

use crate::envoy::name::NameParts;

/// An upstream, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upstream<'n> {
    pub service: &'n str,
    /// Empty for the service as a whole.
    pub subset: &'n str,
    pub datacenter: &'n str,
    /// `api.default.dc1`
    pub host: &'n str,
    /// A caller's own settings made it differ from what others have.
    pub own: bool,
    /// Of another cluster of servers.
    pub peered: bool,
}

impl<'n> Upstream<'n> {
    /// `None` for a name of another form.
    pub fn of(cluster: &'n str) -> Option<Self> {
        let (before, name) = cluster.rsplit_once('~').map_or(("", cluster), |(before, name)| (before, name));
        let words: Vec<&str> = name.split('.').collect();
        let at = words.iter().position(|word| matches!(*word, "internal" | "internal-v1" | "external"))?;
        // A service, its namespace, perhaps its partition, and where it is; the subset may stand in front.
        let (kind, least) = (words[at], if words[at] == "internal-v1" { 4 } else { 3 });
        let first = match at.checked_sub(least)? {
            0 => 0,
            1 if kind != "external" => 1,
            _ => return None,
        };
        let start: usize = words[..first].iter().map(|word| word.len() + 1).sum();
        let end = words[..at].iter().map(|word| word.len() + 1).sum::<usize>() - 1;
        Some(Upstream {
            service: words[first],
            subset: if first == 1 { words[0] } else { "" },
            datacenter: words[at - 1],
            host: name.get(start..end)?,
            own: !before.is_empty() && !before.starts_with("failover-target"),
            peered: kind == "external",
        })
    }
}

pub fn parts(cluster: &str) -> Option<NameParts<'_>> {
    // Said of every name of a table, so what is none of its own goes first.
    let Upstream { subset, host, .. } = cluster.ends_with(".consul").then(|| Upstream::of(cluster))??;
    Some(NameParts { direction: "outbound", port: None, subset, host })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_name_says() {
        let of = |name: &'static str| Upstream::of(name).map(|one| (one.service, one.subset, one.host, one.own, one.peered));
        assert_eq!(of("db.default.dc1.internal.81e2.consul"), Some(("db", "", "db.default.dc1", false, false)));
        let custom = "db31938f~v1.api.default.dc1.internal.81e2.consul";
        assert_eq!(of(custom), Some(("api", "v1", "api.default.dc1", true, false)));
        assert_eq!(of("failover-target~db.default.dc2.internal.81e2.consul").map(|one| one.3), Some(false));
        assert_eq!(of("db.ns.part.dc1.internal-v1.81e2.consul"), Some(("db", "", "db.ns.part.dc1", false, false)));
        assert_eq!(of("v1.db.ns.part.dc1.internal-v1.81e2.consul").map(|one| one.1), Some("v1"));
        assert_eq!(of("api.default.peer1.external.81e2.consul"), Some(("api", "", "api.default.peer1", false, true)));
        for other in ["local_app", "original-destination", ".internal.", "a.b.c.d.e.internal.x.consul", "api.mesh.internal.x"] {
            assert_eq!(of(other), None, "{other}");
        }
        assert!(parts("v1.api.default.dc1.internal.81e2").is_none());
    }
}
