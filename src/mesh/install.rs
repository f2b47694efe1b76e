//! How a mesh is installed: its charts, their order, and the ways to set them up. Dated data, as its publisher
//! documents it; carrying it out is the same for all.

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
    /// A name, or with a `*` at its end the start of names.
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
        self.name.strip_suffix('*').map_or(self.name == name, |start| name.starts_with(start))
    }
}
