//! One Kubernetes object as it was read: its name, its text, and where it stands.

use crate::json;
use memchr::memmem;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Where an object came from, for messages: `shop.yaml:12:1`, or nothing for a live object.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    pub file: Arc<str>,
    /// 1-based; 0 when unknown.
    pub line: u32,
    /// 1-based; 0 when unknown.
    pub column: u32,
}

impl Place {
    pub fn is_known(&self) -> bool {
        !self.file.is_empty()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if self.column > 0 {
            write!(f, ":{}", self.column)?;
        }
        Ok(())
    }
}

/// An object's identity and its JSON, already redacted and without `managedFields`.
///
/// The JSON is kept as text: a view decodes only the fields that it names ([`Object::read`]), so that ten thousand pods
/// cost their bytes and one pass. A copy of the object is none of its bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Empty for a cluster-scoped object, and for a manifest that names none.
    pub namespace: Arc<str>,
    pub name: Arc<str>,
    pub json: Arc<str>,
    pub place: Option<Place>,
}

impl Object {
    /// Decodes the fields that `T` names.
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, json::Error> {
        json::from_str(&self.json)
    }
}

/// A word that is looked for in many objects: of ten thousand pods a few are a mesh's own.
pub struct Word<'w>(memmem::Finder<'w>);

impl<'w> Word<'w> {
    pub fn new(word: &'w str) -> Self {
        Word(memmem::Finder::new(word))
    }

    /// Anywhere in it.
    pub fn stands_in(&self, object: &Object) -> bool {
        self.0.find(object.json.as_bytes()).is_some()
    }
}
