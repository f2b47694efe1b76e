//! The objects that are waited for: what was typed, and what the clusters have of it.

use crate::error::{Error, Kind, Result};
use crate::mesh::follow::{Followed, State};
use crate::mesh::sync::Key;
use crate::mesh::{MESHES, Mesh};
use crate::source::{Base, Source};

/// As it was typed: `virtualservice/reviews.shop`.
#[derive(Clone)]
pub struct Named {
    pub mesh: &'static dyn Mesh,
    pub followed: &'static Followed,
    name: String,
}

/// As one cluster has it.
#[derive(Clone)]
pub struct Object {
    pub named: Named,
    pub key: Key,
    pub state: State,
}

impl Object {
    /// `virtualservice/reviews.shop`
    pub fn title(&self) -> String {
        format!("{}/{}.{}", self.named.followed.resource.kind.to_lowercase(), self.key.1, self.key.0)
    }

    /// What stands in the configuration of a proxy that has it.
    pub fn trace(&self) -> Option<String> {
        self.named.followed.trace.map(|trace| trace(&self.key))
    }
}

/// What is wrong with a word is told before a cluster is asked.
pub fn parse(words: &[String]) -> Result<Vec<Named>> {
    words.iter().map(|word| one(word)).collect()
}

fn one(word: &str) -> Result<Named> {
    let wrong = |why: String| Error::new(Kind::Usage, why).hint("such as virtualservice/reviews.shop, or vs/reviews -n shop");
    let (kind, name) = word.split_once('/').ok_or_else(|| wrong(format!("{word:?} names no object: write TYPE/NAME")))?;
    if name.is_empty() || name.contains('/') {
        return Err(wrong(format!("{word:?} names no object: write TYPE/NAME")));
    }
    let all = || MESHES.iter().flat_map(|mesh| mesh.followed().iter().map(move |followed| (*mesh, followed)));
    match all().find(|(_, followed)| followed.is(kind)) {
        Some((mesh, followed)) => Ok(Named { mesh, followed, name: name.to_owned() }),
        None => {
            let known: Vec<String> = all().map(|(_, followed)| followed.resource.kind.to_lowercase()).collect();
            let error = Error::new(Kind::Usage, format!("{kind:?} is no kind whose way to the proxies can be followed"));
            Err(error.cause(format!("these are: {}", known.join(", "))).hint("all of a mesh: meshctl wait --for=distributed"))
        }
    }
}

impl Named {
    /// `None` where this cluster has none.
    pub async fn find(&self, source: &Source, namespace: Option<&str>) -> Result<Option<Object>> {
        let Base::Live(cluster) = &source.base else { return Ok(None) };
        for (namespace, name) in self.places(namespace.unwrap_or(cluster.default_namespace())) {
            if let Some(state) = cluster.state_of(&self.followed.resource, &namespace, &name).await? {
                return Ok(Some(Object { named: self.clone(), key: (namespace, name), state }));
            }
        }
        Ok(None)
    }

    /// The last dot ends the name, as istioctl has it; a name may hold dots too.
    fn places(&self, default: &str) -> Vec<Key> {
        let split = self.name.rsplit_once('.').filter(|(name, namespace)| !name.is_empty() && !namespace.is_empty());
        let own = split.map(|(name, namespace)| (namespace.to_owned(), name.to_owned()));
        own.into_iter().chain([(default.to_owned(), self.name.clone())]).collect()
    }

    pub fn absent(&self, default: &str) -> Error {
        let kind = self.followed.resource.kind.to_lowercase();
        let places: Vec<String> =
            self.places(default).into_iter().map(|(namespace, name)| format!("{name:?} in namespace {namespace}")).collect();
        Error::new(Kind::Input, format!("there is no {kind} {}", places.join(", nor ")))
            .hint(format!("kubectl get {} -A lists those there are", self.followed.resource.qualified()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_where_they_are_looked_for() {
        let named = one("vs/reviews.shop").expect("an object");
        let key = |namespace: &str, name: &str| (namespace.to_owned(), name.to_owned());
        assert_eq!(named.places("default"), [key("shop", "reviews"), key("default", "reviews.shop")]);
        assert_eq!(one("DestinationRule/x").expect("an object").places("y"), [key("y", "x")]);
        for (word, says) in [("reviews", "write TYPE/NAME"), ("vs/", "write TYPE/NAME"), ("pod/x", "no kind whose way")] {
            let error = one(word).err().expect(word);
            assert!(error.kind == Kind::Usage && error.message.contains(says), "{word}: {error:?}");
        }
    }
}
