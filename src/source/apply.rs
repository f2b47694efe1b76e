//! The only writer to a cluster: server-side apply, deletion, and the reading that goes with them.
//!
//! What is to be written is decided elsewhere; here is how, and what the server says to it.

use super::live::Cluster;
use super::live::call::{Caller, Failure, Refusal, escape};
use crate::charts::object::Ref;
use crate::error::{Error, Kind, Result};
use http::Method;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Who we are among the managers of an object's fields.
pub const MANAGER: &str = "meshctl";
const JSON: &str = "application/json";
const APPLY: &str = "application/apply-patch+yaml";
const MERGE: &str = "application/merge-patch+json";
const DISCOVERY: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// Where objects of a kind are found.
#[derive(Clone, Debug)]
pub struct Place {
    pub plural: String,
    pub namespaced: bool,
}

/// The kinds of a server, by API version and name.
#[derive(Clone, Debug, Default)]
pub struct Kinds(BTreeMap<(String, String), Place>);

impl Kinds {
    pub fn place(&self, api_version: &str, kind: &str) -> Option<&Place> {
        self.0.get(&(api_version.to_owned(), kind.to_owned()))
    }

    /// Every kind of these API groups.
    pub fn of_groups(&self, groups: &[&str]) -> Vec<(String, String)> {
        let ours = |api: &str| api.split_once('/').is_some_and(|(group, _)| groups.contains(&group));
        self.0.keys().filter(|(api, _)| ours(api)).cloned().collect()
    }

    /// What charts may ask for: versions, and kinds of them.
    pub fn api_versions(&self) -> Vec<String> {
        let mut all: Vec<String> = self.0.keys().flat_map(|(api, kind)| [api.clone(), format!("{api}/{kind}")]).collect();
        all.sort();
        all.dedup();
        all
    }
}

#[derive(Deserialize)]
struct Groups {
    #[serde(default)]
    items: Vec<Group>,
}
#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    metadata: Name,
    #[serde(default)]
    versions: Vec<Version>,
}
#[derive(Default, Deserialize)]
struct Name {
    #[serde(default)]
    name: String,
}
#[derive(Deserialize)]
struct Version {
    version: String,
    #[serde(default)]
    resources: Vec<Resource>,
}
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    resource: String,
    #[serde(default)]
    scope: String,
    response_kind: Option<Gvk>,
}
#[derive(Deserialize)]
struct Gvk {
    kind: String,
}

/// Why the server did not take an object.
#[derive(Debug)]
pub enum Refused {
    /// Fields that others manage: manager, field.
    Conflicts(Vec<(String, String)>),
    /// What is wrong with the object, as the server says it.
    Invalid(String),
    Forbidden(String),
    /// The namespace or the kind is not there.
    Missing(String),
    Other(String),
}

impl Refused {
    pub fn words(&self) -> String {
        match self {
            Refused::Conflicts(all) => {
                all.iter().map(|(manager, field)| format!("{field} is managed by {manager}")).collect::<Vec<_>>().join("; ")
            }
            Refused::Invalid(why) | Refused::Forbidden(why) | Refused::Missing(why) | Refused::Other(why) => why.clone(),
        }
    }

    fn of(failure: &Failure) -> Refused {
        let Failure::Refused(refusal) = failure else { return Refused::Other(failure.words()) };
        let Refusal { code, message, causes, .. } = refusal;
        match code {
            409 if causes.iter().any(|(reason, ..)| reason == "FieldManagerConflict") => {
                let manager = |text: &str| text.split('"').nth(1).unwrap_or(text).to_owned();
                Refused::Conflicts(causes.iter().map(|(_, field, text)| (manager(text), field.clone())).collect())
            }
            403 => Refused::Forbidden(message.clone()),
            404 => Refused::Missing(message.clone()),
            400 | 422 => Refused::Invalid(message.clone()),
            _ => Refused::Other(failure.words()),
        }
    }
}

/// How an object is applied.
#[derive(Clone, Copy, Default)]
pub struct Manner {
    /// Nothing is kept.
    pub dry_run: bool,
    /// Fields of other managers are taken over.
    pub force: bool,
}

pub struct Writer<'c> {
    caller: &'c Caller,
}

impl<'c> Writer<'c> {
    pub async fn new(cluster: &'c Cluster) -> Result<Writer<'c>> {
        Ok(Writer { caller: cluster.direct().await? })
    }

    /// The server's version, as `v1.36.2`.
    pub async fn version(&self) -> Result<String> {
        let body = self.caller.get("/version", JSON).await.map_err(|f| unread("its version", &f))?;
        let version: Value = serde_json::from_slice(&body).unwrap_or_default();
        Ok(version["gitVersion"].as_str().unwrap_or_default().to_owned())
    }

    pub async fn kinds(&self) -> Result<Kinds> {
        let mut kinds = BTreeMap::new();
        let (core, groups) = futures::join!(self.caller.get("/api", DISCOVERY), self.caller.get("/apis", DISCOVERY));
        for body in [core, groups] {
            let body = body.map_err(|f| unread("which kinds it has", &f))?;
            let groups: Groups = serde_json::from_slice(&body).map_err(|e| {
                Error::new(Kind::Unreachable, "can't read which kinds the cluster has")
                    .because(&e)
                    .hint("installing needs Kubernetes 1.27 or later")
            })?;
            for group in groups.items {
                for version in group.versions {
                    let name = &group.metadata.name;
                    let api = if name.is_empty() { version.version.clone() } else { format!("{name}/{}", version.version) };
                    for resource in version.resources {
                        let Some(gvk) = resource.response_kind else { continue };
                        let place = Place { plural: resource.resource, namespaced: resource.scope == "Namespaced" };
                        kinds.entry((api.clone(), gvk.kind)).or_insert(place);
                    }
                }
            }
        }
        if kinds.is_empty() {
            return Err(Error::new(Kind::Unreachable, "the cluster does not say which kinds it has")
                .hint("installing needs Kubernetes 1.27 or later"));
        }
        Ok(Kinds(kinds))
    }

    /// The names of what the server has in a version of a group. Little is sent, however large the definitions are.
    pub async fn served(&self, api_version: &str) -> std::result::Result<BTreeSet<String>, Refused> {
        #[derive(Deserialize)]
        struct Served {
            #[serde(default)]
            resources: Vec<Name>,
        }
        match self.caller.get(&format!("/apis/{api_version}"), JSON).await {
            Ok(body) => {
                let served: Served = serde_json::from_slice(&body).map_err(|e| Refused::Other(e.to_string()))?;
                Ok(served.resources.into_iter().map(|resource| resource.name).collect())
            }
            Err(Failure::Refused(refusal)) if refusal.code == 404 => Ok(BTreeSet::new()),
            Err(failure) => Err(Refused::of(&failure)),
        }
    }

    /// The object, or `None` if there is none.
    pub async fn get(&self, kinds: &Kinds, at: &Ref) -> std::result::Result<Option<Value>, Refused> {
        let Some(path) = path(kinds, at) else { return Ok(None) };
        match self.caller.get(&path, JSON).await {
            Ok(body) => serde_json::from_slice(&body).map(Some).map_err(|e| Refused::Other(e.to_string())),
            Err(Failure::Refused(refusal)) if refusal.code == 404 => Ok(None),
            Err(failure) => Err(Refused::of(&failure)),
        }
    }

    /// The objects of a kind; everywhere, if no namespace is given.
    pub async fn list(
        &self,
        kinds: &Kinds,
        (api_version, kind): (&str, &str),
        namespace: Option<&str>,
        labels: &str,
    ) -> std::result::Result<Vec<Value>, Refused> {
        let Some(place) = kinds.place(api_version, kind) else { return Ok(Vec::new()) };
        let path = format!("{}?labelSelector={}", folder(api_version, place, namespace), escape(labels));
        match self.caller.get(&path, JSON).await {
            Ok(body) => {
                let list: Value = serde_json::from_slice(&body).map_err(|e| Refused::Other(e.to_string()))?;
                let named = |mut item: Value| {
                    item["apiVersion"] = api_version.into();
                    item["kind"] = kind.into();
                    item
                };
                Ok(list["items"].as_array().into_iter().flatten().cloned().map(named).collect())
            }
            Err(Failure::Refused(refusal)) if refusal.code == 404 || refusal.code == 405 => Ok(Vec::new()),
            Err(failure) => Err(Refused::of(&failure)),
        }
    }

    /// Server-side apply.
    pub async fn apply(&self, kinds: &Kinds, at: &Ref, object: &Value, manner: Manner) -> std::result::Result<Value, Refused> {
        let missing = || Refused::Missing(format!("the server has no kind {} in {}", at.kind, at.api_version));
        let path = path(kinds, at).ok_or_else(missing)?;
        let dry = if manner.dry_run { "&dryRun=All" } else { "" };
        let path = format!("{path}?fieldManager={MANAGER}&force={}{dry}", manner.force);
        let body = serde_json::to_vec(object).map_err(|e| Refused::Other(e.to_string()))?;
        let answer = self.caller.change(Method::PATCH, &path, APPLY, body).await.map_err(|f| Refused::of(&f))?;
        serde_json::from_slice(&answer).map_err(|e| Refused::Other(e.to_string()))
    }

    /// Whether the server would make this object: what an apply of it would come to, for less of the server's time. Fields
    /// that it doesn't know are refused as by an apply.
    pub async fn try_create(&self, kinds: &Kinds, at: &Ref, object: &Value) -> std::result::Result<(), Refused> {
        let missing = || Refused::Missing(format!("the server has no kind {} in {}", at.kind, at.api_version));
        let place = kinds.place(&at.api_version, &at.kind).ok_or_else(missing)?;
        let all = folder(&at.api_version, place, Some(&at.namespace));
        let path = format!("{all}?fieldManager={MANAGER}&fieldValidation=Strict&dryRun=All");
        let body = serde_json::to_vec(object).map_err(|e| Refused::Other(e.to_string()))?;
        self.caller.change(Method::POST, &path, JSON, body).await.map(|_| ()).map_err(|f| Refused::of(&f))
    }

    /// Writes an object that nobody else has fields in; quicker than an apply where it is large. `is_new` is what is
    /// expected, and need not be so.
    pub async fn write(&self, kinds: &Kinds, at: &Ref, object: &Value, is_new: bool) -> std::result::Result<(), Refused> {
        let missing = || Refused::Missing(format!("the server has no kind {} in {}", at.kind, at.api_version));
        let place = kinds.place(&at.api_version, &at.kind).ok_or_else(missing)?;
        let all = folder(&at.api_version, place, Some(&at.namespace));
        let body = serde_json::to_vec(object).map_err(|e| Refused::Other(e.to_string()))?;
        let create = (Method::POST, format!("{all}?fieldManager={MANAGER}"), 409);
        let replace = (Method::PUT, format!("{all}/{}?fieldManager={MANAGER}", escape(&at.name)), 404);
        let [first, second] = if is_new { [create, replace] } else { [replace, create] };
        match self.caller.change(first.0, &first.1, JSON, body.clone()).await {
            Err(Failure::Refused(refusal)) if refusal.code == first.2 => {
                self.caller.change(second.0, &second.1, JSON, body).await.map(|_| ()).map_err(|f| Refused::of(&f))
            }
            other => other.map(|_| ()).map_err(|f| Refused::of(&f)),
        }
    }

    /// Changes some fields, whoever manages them.
    pub async fn merge(&self, kinds: &Kinds, at: &Ref, change: &Value) -> std::result::Result<(), Refused> {
        let Some(path) = path(kinds, at) else { return Ok(()) };
        let path = format!("{path}?fieldManager={MANAGER}");
        let body = serde_json::to_vec(change).map_err(|e| Refused::Other(e.to_string()))?;
        self.caller.change(Method::PATCH, &path, MERGE, body).await.map(|_| ()).map_err(|f| Refused::of(&f))
    }

    /// Whether it was there.
    pub async fn delete(&self, kinds: &Kinds, at: &Ref) -> std::result::Result<bool, Refused> {
        let Some(path) = path(kinds, at) else { return Ok(false) };
        let body = br#"{"kind":"DeleteOptions","apiVersion":"v1","propagationPolicy":"Background"}"#.to_vec();
        match self.caller.change(Method::DELETE, &path, JSON, body).await {
            Ok(_) => Ok(true),
            Err(Failure::Refused(refusal)) if refusal.code == 404 => Ok(false),
            Err(failure) => Err(Refused::of(&failure)),
        }
    }
}

fn unread(what: &str, failure: &Failure) -> Error {
    Error::new(Kind::Unreachable, format!("can't ask the cluster {what}")).cause(failure.words())
}

fn folder(api_version: &str, place: &Place, namespace: Option<&str>) -> String {
    let root = if api_version.contains('/') { format!("/apis/{api_version}") } else { format!("/api/{api_version}") };
    match namespace.filter(|_| place.namespaced) {
        Some(namespace) => format!("{root}/namespaces/{}/{}", escape(namespace), place.plural),
        None => format!("{root}/{}", place.plural),
    }
}

fn path(kinds: &Kinds, at: &Ref) -> Option<String> {
    let place = kinds.place(&at.api_version, &at.kind)?;
    let namespace = Some(at.namespace.as_str()).filter(|namespace| !namespace.is_empty());
    Some(format!("{}/{}", folder(&at.api_version, place, namespace), escape(&at.name)))
}
