//! What is to be done to a cluster, whole: so that it can be read, kept, and carried out later as it stands.

use super::diff::Field;
use super::object::Ref;
use super::release::Release;
use serde::{Deserialize, Serialize};

pub const SCHEMA: &str = "meshctl/saved-plan/v1";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    pub schema: String,
    pub mesh: String,
    pub profile: String,
    pub revision: String,
    /// UID of the namespace kube-system: the cluster that it was made for, whatever it is called.
    pub cluster: String,
    /// Namespaces that releases need and nobody has made.
    pub namespaces: Vec<String>,
    /// Key pairs that are made before the first release.
    #[serde(default)]
    pub keys: Vec<Keyed>,
    pub steps: Vec<Step>,
}

/// A key pair of a mesh, for a Secret of its own beside the releases. The private key is never part of what is kept or
/// shown of a plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Keyed {
    pub object: Ref,
    /// What it is and until when, in words.
    pub about: String,
    pub certificate: String,
    /// Who vouches for it.
    pub authority: String,
    /// There is another one already.
    pub replaces: bool,
    #[serde(skip)]
    pub key: Option<PrivateKey>,
}

/// A private key in PEM. It prints itself as nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKey(String);

impl PrivateKey {
    pub fn new(pem: String) -> Self {
        PrivateKey(pem)
    }

    /// Only for the Secret that it belongs to, and for the file that its owner keeps it in.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PrivateKey(…)")
    }
}

impl Keyed {
    /// The Secret, if the key is at hand.
    pub fn secret(&self) -> Option<serde_json::Value> {
        let key = self.key.as_ref()?;
        let metadata = serde_json::json!({ "name": self.object.name, "namespace": self.object.namespace,
            "labels": { "app.kubernetes.io/managed-by": "meshctl" } });
        let data = serde_json::json!({ "tls.crt": self.certificate, "tls.key": key.expose(), "ca.crt": self.authority });
        Some(serde_json::json!({ "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": metadata,
            "stringData": data }))
    }
}

/// One release.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Step {
    pub part: String,
    /// As it will be kept.
    pub release: Release,
    /// The revision that is kept says the same, only as it was said then: of an installation, or with its own number.
    #[serde(default)]
    pub as_kept: Option<u64>,
    /// It is there only until it is ready: what follows depends on that.
    #[serde(default)]
    pub passing: bool,
    /// Objects of `crds/`: made if they are not there, never changed.
    pub definitions: Vec<serde_json::Value>,
    pub objects: Vec<serde_json::Value>,
    /// In the order of carrying them out; what is the same already is not among them.
    pub changes: Vec<Change>,
    pub unchanged: usize,
    /// Whether it has to be kept as a new revision of the release.
    pub touched: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    Create,
    Change,
    Remove,
}

impl Action {
    pub fn mark(self) -> &'static str {
        match self {
            Action::Create => "+",
            Action::Change => "~",
            Action::Remove => "-",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    pub action: Action,
    pub object: Ref,
    pub fields: Vec<Field>,
    /// Fields that somebody else manages: manager, field.
    pub conflicts: Vec<(String, String)>,
    /// Who it belongs to now, if that is somebody else.
    pub foreign: Option<String>,
    /// The server could not be asked: its namespace or kind comes with the plan.
    pub unchecked: bool,
    /// Why the server won't take it.
    pub refused: Option<String>,
    /// A field of it can't be changed, so it is removed and made anew.
    #[serde(default)]
    pub recreated: bool,
}

impl Plan {
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.steps.iter().flat_map(|step| &step.changes)
    }

    /// Nothing to do, and nothing to keep.
    pub fn is_done(&self) -> bool {
        self.keys.is_empty() && self.steps.iter().all(|step| !step.touched && step.changes.is_empty())
    }

    pub fn count(&self, action: Action) -> usize {
        self.changes().filter(|change| change.action == action).count()
    }

    pub fn unchanged(&self) -> usize {
        self.steps.iter().map(|step| step.unchanged).sum()
    }

    /// `12 to create, 1 to change, 0 to remove, 30 as they should be`.
    pub fn summary(&self) -> String {
        let [create, change, remove] = [Action::Create, Action::Change, Action::Remove].map(|action| self.count(action));
        format!("{create} to create, {change} to change, {remove} to remove, {} as they should be", self.unchanged())
    }
}
