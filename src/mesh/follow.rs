//! Objects whose way to the proxies can be followed, and how far a control plane says it is.

use super::sync::Key;
use crate::facts::Resource;
use jiff::Timestamp;

/// A kind of configuration that a control plane makes the proxies' own of.
pub struct Followed {
    pub resource: Resource,
    /// As kubectl takes it too, besides its plural and its kind.
    pub short: &'static [&'static str],
    /// What stands in a resource of a proxy that was made of this object, as it is written in a dump; `None` where
    /// nothing does.
    pub trace: Option<fn(&Key) -> String>,
}

impl Followed {
    /// Whether a person means this kind by that word.
    pub fn is(&self, word: &str) -> bool {
        let word = word.to_ascii_lowercase();
        let plural = self.resource.plural.as_ref();
        word == plural
            || word == self.resource.qualified()
            || word == self.resource.kind.to_lowercase()
            || word == format!("{}.{}", self.resource.kind.to_lowercase(), self.resource.group)
            || self.short.contains(&word.as_str())
    }
}

/// One state of an object, as the API server has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    pub generation: i64,
    pub resource_version: String,
    /// When it was last changed, other than in its status.
    pub changed: Option<Timestamp>,
}

/// Whether one replica of a control plane has seen it; or why that can't be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    pub plane: String,
    pub holds: Result<bool, String>,
}
