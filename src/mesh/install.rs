//! How a mesh is installed: its charts, their order, and the ways to set them up. Dated data, as its publisher
//! documents it; carrying it out is the same for all.

use std::time::Duration;

/// What a mesh's own Helm charts are, and how they fit together.
#[derive(Debug)]
pub struct Distribution {
    /// Where its releases go unless `-n` says otherwise.
    pub namespace: &'static str,
    /// Its Helm repository, and who says so.
    pub repository: &'static str,
    /// In the order of installing.
    pub parts: &'static [Part],
    /// The first is the one that is taken when none is named.
    pub profiles: &'static [Profile],
    /// Field managers of its own controllers: what they change in objects of its charts is theirs.
    pub controllers: &'static [&'static str],
    /// Field managers of other installers of it.
    pub installers: &'static [&'static str],
    /// Objects that its controllers make and nobody removes: kind, name, and whether it is in every namespace.
    pub leftovers: &'static [Leftover],
    /// API groups of its custom resources, removed with `--purge`.
    pub groups: &'static [&'static str],
    /// The value that tells charts its namespace when that is another one; empty where the release's own tells.
    pub namespace_value: &'static str,
    /// What has to be known before it can be installed; empty when nothing has.
    pub caveat: &'static str,
    /// How many minor versions an upgrade may go at once; `None`: its publisher names no bound.
    pub minors: Option<Minors>,
    /// What its pods ask of a node when nothing is set, the greatest first.
    pub pods: &'static [Footprint],
    /// A label of namespaces that hold something which can't do without it.
    pub extensions: &'static str,
    /// Key pairs that its charts don't make, or would make anew with every run.
    pub keys: Option<&'static Keys>,
    /// What has to be tried before an upgrade; `None`: its publisher asks for nothing.
    pub preflight: Option<&'static Preflight>,
    /// Webhooks that are open at first, and closed by its control plane.
    pub closes: Option<&'static Closes>,
}

#[derive(Debug)]
pub struct Footprint {
    pub name: &'static str,
    pub cpu_milli: u64,
    pub memory_mib: u64,
}

#[derive(Debug)]
pub struct Minors {
    pub in_place: u64,
    /// With the new control plane beside the old one.
    pub beside: u64,
    /// Who says so.
    pub source: &'static str,
}

/// Key pairs of a mesh: kept in Secrets beside its releases, so that no release and no saved plan holds a key.
#[derive(Debug)]
pub struct Keys {
    /// The part whose chart is told of them.
    pub part: &'static str,
    /// The value for the trust anchors; who gives it looks after all keys himself, in the chart's own way.
    pub anchors: &'static str,
    /// Names of anchor and issuer; `{namespace}` and `{domain}` are filled in.
    pub anchor: &'static str,
    pub issuer: &'static str,
    /// The issuer's Secret, and what says that it is one of type kubernetes.io/tls.
    pub secret: &'static str,
    pub scheme: (&'static str, &'static str),
    /// ConfigMap and key that another installer keeps the anchors in.
    pub roots: (&'static str, &'static str),
    /// Values that name the trust domain, best first, and what it is without them.
    pub domain: &'static [&'static str],
    pub usual_domain: &'static str,
    pub serving: &'static [Serving],
    /// Values that stay as they are from one run to the next.
    pub kept: &'static [&'static str],
}

/// Of a webhook's server.
#[derive(Debug)]
pub struct Serving {
    pub secret: &'static str,
    /// Its Service; the host is that name in the namespace.
    pub service: &'static str,
    /// The value that says that the Secret is there already, and the one for its certificate.
    pub external: &'static str,
    pub bundle: &'static str,
}

/// A release that is there only until it is ready, with the chart of the version to come.
#[derive(Debug)]
pub struct Preflight {
    /// The part that is upgraded after it.
    pub part: &'static str,
    pub release: &'static str,
    /// Its values in YAML, and which of those for the part it takes as well.
    pub values: &'static str,
    pub takes: &'static [&'static str],
    /// The part's value for the version that was installed first.
    pub since: &'static str,
}

/// Validating webhooks that let everything pass until the control plane has seen that it is asked.
#[derive(Debug)]
pub struct Closes {
    /// The part whose pods close them.
    pub part: &'static str,
    /// The label that tells which control plane a webhook is of.
    pub label: &'static str,
    /// It takes seconds; if not, waiting longer won't help.
    pub within: Duration,
    /// What it means when they stay open, and where to look; `{namespace}` is filled in.
    pub open: &'static str,
    pub look: &'static str,
}

/// One chart of it.
#[derive(Debug)]
pub struct Part {
    pub id: &'static str,
    /// Its name in the repository.
    pub chart: &'static str,
    /// Where it lies in the project's own source, below its charts.
    pub folders: &'static [&'static str],
    pub release: &'static str,
    /// One release for each revision: the name gets `-REVISION`.
    pub revisioned: bool,
    /// Of the values for all parts it takes only these; `None`: all of them.
    pub takes: Option<&'static [&'static str]>,
    /// Where it is installed, another part gets these values.
    pub tells: Option<(&'static str, &'static str)>,
}

#[derive(Debug)]
pub struct Profile {
    pub name: &'static str,
    pub about: &'static str,
    /// Parts, by id.
    pub parts: &'static [&'static str],
    /// Values in YAML by part; of every part where the id is empty.
    pub values: &'static [(&'static str, &'static str)],
}

#[derive(Debug)]
pub struct Leftover {
    pub api_version: &'static str,
    pub kind: &'static str,
    /// A name; one `*` in it stands for anything.
    pub name: &'static str,
    /// In every namespace, not only its own.
    pub everywhere: bool,
    /// Holds keys: only with `--purge`.
    pub secret: bool,
}

/// What somebody wrote for another installer, in the terms of charts.
#[derive(Debug, Default, PartialEq)]
pub struct Translated {
    pub profile: Option<String>,
    pub revision: Option<String>,
    pub namespace: Option<String>,
    /// Namespaces of single parts.
    pub namespaces: Vec<(&'static str, String)>,
    /// Parts that are wanted beside those of the profile, and ones that are not.
    pub with: Vec<&'static str>,
    pub without: Vec<&'static str>,
    /// Values by part; of every part where the id is empty.
    pub values: Vec<(&'static str, serde_json::Value)>,
    /// What was understood in another way than a reader may think.
    pub notes: Vec<String>,
}

impl Distribution {
    pub fn part(&self, id: &str) -> Option<&'static Part> {
        self.parts.iter().find(|part| part.id == id)
    }

    pub fn profile(&self, name: &str) -> Option<&'static Profile> {
        self.profiles.iter().find(|profile| profile.name == name)
    }
}

impl Part {
    pub fn release_of(&self, revision: &str) -> String {
        if self.revisioned && !revision.is_empty() && revision != "default" {
            return format!("{}-{revision}", self.release);
        }
        self.release.to_owned()
    }
}

impl Leftover {
    pub fn fits(&self, name: &str) -> bool {
        // Two would have to share what is between them, and no name needs that.
        let mut parts = self.name.split('*');
        let (start, end) = (parts.next().unwrap_or_default(), parts.next_back());
        let Some(end) = end else { return self.name == name };
        let Some(middle) = name.strip_prefix(start).and_then(|rest| rest.strip_suffix(end)) else { return false };
        parts.next().is_none_or(|between| middle.contains(between))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        let fits = |pattern: &'static str, name: &str| {
            Leftover { api_version: "v1", kind: "Secret", name: pattern, everywhere: false, secret: true }.fits(name)
        };
        assert!(fits("a", "a") && !fits("a", "ab"));
        assert!(fits("a-*", "a-b") && !fits("a-*", "b-a-"));
        assert!(fits("a-*-tls", "a-x-tls") && !fits("a-*-tls", "a-tls") && !fits("a-*-tls", "a-x-tlsx"));
        assert!(fits("data-*-server-*", "data-consul-consul-server-0") && !fits("data-*-server-*", "data-x-client-0"));
    }
}
