//! Every object of a kind: pages, and what happens when one of them does not come.

use super::call::{Caller, Failure, escape, spoken};
use super::discovery::{Plan, Served};
use crate::facts::{Object, Outcome, Resource};
use crate::json::{self, Raw};
use crate::kubernetes::rights::ALLOWED;
use crate::source::redact;
use serde::Deserialize;
use serde_json::json;

/// Objects a page, as kubectl asks.
const PAGE: usize = 500;
/// A server that hands out `continue` for ever is stopped here: a million objects of one kind.
const MAX_PAGES: usize = 2_000;

/// Ten thousand pods are 100 MB of JSON: more than this is read off the network's thread, and kinds in parallel.
const LITTLE: usize = 64 << 10;

/// An outcome, and what is missing from it.
pub type Listed = (Outcome, Option<String>);

/// Lists a kind in the namespace, or everywhere. Never fails: what went wrong is the outcome.
pub async fn list(caller: &Caller, served: &Served, resource: &Resource, namespace: Option<&str>) -> Listed {
    let versions = match served.plan(resource) {
        Plan::Absent(why) => return (Outcome::Absent(why), None),
        Plan::Ask(versions) => versions,
    };
    let mut answer = None;
    for version in versions {
        let mut listed = Pages::new(resource, &version, namespace).read(caller).await;
        if let (Outcome::Forbidden(_), Some(name), true) = (&listed.0, namespace, is_namespaces(resource)) {
            // Who has a role in one namespace only may not list namespaces, but may well read his own.
            let path = format!("/api/{version}/namespaces/{}", escape(name));
            let own = caller.get(&path, "application/json").await.ok();
            if let Some(object) = own.and_then(|body| taken(&body)) {
                listed = (Outcome::Objects(vec![object]), None);
            }
        }
        // The words of a server that was asked without knowing what it has.
        if matches!(&listed.0, Outcome::Absent(why) if why.contains("could not find the requested resource")) {
            listed.0 = Outcome::Absent(format!("the server has no {}", resource.qualified()));
        }
        let absent = matches!(listed.0, Outcome::Absent(_));
        answer = Some(listed);
        if !absent {
            break;
        }
    }
    answer.unwrap_or_else(|| (Outcome::Absent(format!("the server has no {}", resource.qualified())), None))
}

/// The object of this name; without a namespace, all of that name.
pub async fn get(caller: &Caller, resource: &Resource, namespace: Option<&str>, name: &str) -> Listed {
    let mut pages = Pages::new(resource, &resource.version, namespace);
    if namespace.is_none() && resource.namespaced {
        pages.selector = format!("&fieldSelector={}", escape(&format!("metadata.name={name}")));
        return pages.read(caller).await;
    }
    match caller.get(&format!("{}/{}", pages.path, escape(name)), "application/json").await {
        Ok(body) => match taken(&body) {
            Some(object) => (Outcome::Objects(vec![object]), None),
            None => (Outcome::Failed(format!("the answer is no {}", resource.kind)), None),
        },
        // Empty, because the kind is there: it is this one that is not.
        Err(Failure::Refused(refusal)) if refusal.code == 404 => (Outcome::Objects(Vec::new()), None),
        Err(failure) => (failure.outcome(), None),
    }
}

/// The objects that the labels fit.
pub async fn select(caller: &Caller, resource: &Resource, namespace: Option<&str>, labels: &str) -> Listed {
    let mut pages = Pages::new(resource, &resource.version, namespace);
    pages.selector = format!("&labelSelector={}", escape(labels));
    pages.read(caller).await
}

/// Asks the server what it would say; nothing is done and nothing is kept.
pub async fn may(caller: &Caller, verb: &str, group: &str, resource: &str) -> Outcome {
    #[derive(Deserialize)]
    struct Review {
        status: Said,
    }
    #[derive(Deserialize)]
    struct Said {
        allowed: bool,
        #[serde(default)]
        reason: String,
    }
    let attributes = json!({ "verb": verb, "group": group, "resource": resource });
    let review = json!({ "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": { "resourceAttributes": attributes } });
    let body = match caller.ask("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review.to_string().into_bytes()).await {
        Ok(body) => body,
        Err(failure) => return failure.outcome(),
    };
    match serde_json::from_slice::<Review>(&body) {
        Ok(Review { status }) if status.allowed => Outcome::Text(ALLOWED.to_owned()),
        Ok(Review { status }) if status.reason.is_empty() => Outcome::Text("no rule grants it".to_owned()),
        Ok(Review { status }) => Outcome::Text(status.reason),
        Err(error) => Outcome::Failed(format!("the review of rights can't be read: {error}")),
    }
}

fn taken(body: &[u8]) -> Option<Object> {
    redact::sent(std::str::from_utf8(body).ok()?, None)
}

fn is_namespaces(resource: &Resource) -> bool {
    resource.group.is_empty() && resource.plural == "namespaces"
}

struct Pages {
    path: String,
    /// Selects the one namespace, when namespaces are limited to one.
    selector: String,
    api_version: String,
    kind: String,
    objects: Vec<Object>,
    unreadable: usize,
    /// What the server said is still to come.
    remaining: Option<u64>,
}

impl Pages {
    fn new(resource: &Resource, version: &str, namespace: Option<&str>) -> Self {
        let api_version = if resource.group.is_empty() { version.to_owned() } else { format!("{}/{version}", resource.group) };
        let root = if resource.group.is_empty() { "/api" } else { "/apis" };
        let (scope, selector) = match namespace {
            Some(name) if resource.namespaced => (format!("namespaces/{}/", escape(name)), String::new()),
            Some(name) if is_namespaces(resource) => {
                (String::new(), format!("&fieldSelector={}", escape(&format!("metadata.name={name}"))))
            }
            _ => (String::new(), String::new()),
        };
        Pages {
            path: format!("{root}/{api_version}/{scope}{}", resource.plural),
            selector,
            api_version,
            kind: resource.kind.to_string(),
            objects: Vec::new(),
            unreadable: 0,
            remaining: None,
        }
    }

    async fn read(mut self, caller: &Caller) -> Listed {
        let mut query = format!("?limit={PAGE}");
        let mut token = String::new();
        let mut expired = false;
        // What came before an expired list was begun again; better than nothing if that fails as well.
        let mut before: Option<(Vec<Object>, usize)> = None;
        for page in 0..MAX_PAGES {
            let body = match caller.get(&format!("{}{query}{}", self.path, self.selector), "application/json").await {
                Ok(body) => body,
                Err(Failure::Refused(refusal)) if refusal.code == 410 && page > 0 && !expired => {
                    expired = true;
                    match refusal.resume {
                        // Goes on behind the last object, at a newer state.
                        Some(resume) => query = format!("?limit={PAGE}&continue={}", escape(&resume)),
                        // From the beginning, in one piece, so that it can't expire again.
                        None => {
                            before = Some((std::mem::take(&mut self.objects), std::mem::take(&mut self.unreadable)));
                            query = if self.selector.is_empty() { String::new() } else { "?".to_owned() };
                        }
                    }
                    continue;
                }
                Err(failure) => {
                    if let Some((objects, unreadable)) = before {
                        (self.objects, self.unreadable) = (objects, unreadable);
                    }
                    return if self.objects.is_empty() { (failure.outcome(), None) } else { self.finish(Some(failure.words())) };
                }
            };
            match self.take(body).await {
                Ok(next) if next.is_empty() => return self.finish(None),
                Ok(next) if next == token => return self.finish(Some("the server repeats a page".to_owned())),
                Ok(next) => {
                    query = format!("?limit={PAGE}&continue={}", escape(&next));
                    token = next;
                }
                Err(why) if self.objects.is_empty() => return (Outcome::Failed(why), None),
                Err(why) => return self.finish(Some(why)),
            }
        }
        self.finish(Some(format!("stopped after {MAX_PAGES} pages")))
    }

    /// Keeps a page's objects and returns the token of the next one, empty on the last.
    async fn take(&mut self, body: Vec<u8>) -> Result<String, String> {
        let page = if body.len() < LITTLE {
            Page::parse(&body, &self.api_version, &self.kind)
        } else {
            let (api_version, kind) = (self.api_version.clone(), self.kind.clone());
            let page = tokio::task::spawn_blocking(move || Page::parse(&body, &api_version, &kind));
            page.await.map_err(|e| e.to_string())?
        }?;
        self.objects.extend(page.objects);
        self.unreadable += page.unreadable;
        self.remaining = page.remaining;
        Ok(page.next)
    }

    /// Sorted, so that the same cluster gives the same bytes whatever order the server used.
    fn finish(mut self, broke: Option<String>) -> Listed {
        self.objects.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        let mut missing = Vec::new();
        if let Some(why) = broke {
            let rest = self.remaining.map(|n| format!(", about {n} are missing")).unwrap_or_default();
            missing.push(format!("the list broke off after {} objects{rest}: {why}", self.objects.len()));
        }
        if self.unreadable > 0 {
            missing.push(format!("{} objects could not be read", self.unreadable));
        }
        (Outcome::Objects(self.objects), (!missing.is_empty()).then(|| missing.join("; ")))
    }
}

#[derive(Deserialize)]
struct List<'a> {
    #[serde(default)]
    metadata: ListMetadata,
    // Go writes an empty list as null.
    #[serde(borrow)]
    items: Option<Vec<Raw<'a>>>,
    kind: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ListMetadata {
    r#continue: Option<String>,
    remaining_item_count: Option<u64>,
}

struct Page {
    objects: Vec<Object>,
    unreadable: usize,
    remaining: Option<u64>,
    next: String,
}

impl Page {
    fn parse(body: &[u8], api_version: &str, kind: &str) -> Result<Page, String> {
        let text = std::str::from_utf8(body).map_err(|e| format!("the answer is no list: {e}"))?;
        let list: List = json::from_str(text).map_err(|e| format!("the answer is no list: {e}"))?;
        if list.items.is_none() && !list.kind.as_deref().is_some_and(|kind| kind.ends_with("List")) {
            return Err("the answer is no list".to_owned());
        }
        let items = list.items.unwrap_or_default();
        // They lack their kind; a typed view and a recording need it.
        let objects: Vec<Object> = items.iter().filter_map(|item| redact::sent(item.get(), Some((api_version, kind)))).collect();
        Ok(Page {
            unreadable: items.len() - objects.len(),
            objects,
            remaining: list.metadata.remaining_item_count,
            next: list.metadata.r#continue.unwrap_or_default(),
        })
    }
}

impl Failure {
    /// What it means for the kind, or the text, that was asked for.
    pub fn outcome(self) -> Outcome {
        match &self {
            Failure::Refused(refusal) => match refusal.code {
                403 => Outcome::Forbidden(refusal.message.clone()),
                401 => Outcome::Forbidden(self.words()),
                404 => Outcome::Absent(refusal.message.clone()),
                // Not listable, or only in an encoding that is not JSON: there is nothing for us to see.
                405 | 406 => Outcome::Absent(self.words()),
                _ => Outcome::Failed(self.words()),
            },
            Failure::Late(_) => Outcome::TimedOut(self.words()),
            Failure::Unconnected(_) | Failure::Broken(_) | Failure::Credentials(_) => Outcome::Failed(self.words()),
        }
    }

    /// One line.
    pub fn words(&self) -> String {
        match self {
            Failure::Refused(refusal) if refusal.code == 401 => {
                format!("the server does not accept our credentials: {}", refusal.message)
            }
            Failure::Refused(refusal) => format!("the server says {}: {}", refusal.code, refusal.message),
            Failure::Unconnected(why) => format!("no connection: {why}"),
            Failure::Broken(why) => why.clone(),
            Failure::Credentials(why) => format!("no credentials: {why}"),
            Failure::Late(deadline) => format!("no answer within {}", spoken(*deadline)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::kinds;

    #[test]
    fn paths() {
        let path = |resource, namespace| {
            let pages = Pages::new(resource, "v1", namespace);
            format!("{}?{}", pages.path, pages.selector)
        };
        assert_eq!(path(&kinds::POD, None), "/api/v1/pods?");
        assert_eq!(path(&kinds::POD, Some("shop")), "/api/v1/namespaces/shop/pods?");
        assert_eq!(path(&kinds::DEPLOYMENT, Some("a/../b")), "/apis/apps/v1/namespaces/a%2F..%2Fb/deployments?");
        assert_eq!(path(&kinds::NAMESPACE, Some("shop")), "/api/v1/namespaces?&fieldSelector=metadata.name%3Dshop");
        assert_eq!(path(&kinds::NODE, Some("shop")), "/api/v1/nodes?");
    }

    #[test]
    fn a_page_without_items_is_empty_and_anything_else_is_no_page() {
        let parse = |text: &str| Page::parse(text.as_bytes(), "v1", "Pod");
        assert_eq!(parse(r#"{"kind":"PodList","items":null}"#).unwrap().objects.len(), 0);
        assert!(parse(r#"{"kind":"Status"}"#).is_err());
        assert!(parse("[1").is_err());
        let page = parse(r#"{"items":[{"metadata":{"name":"a"}},7,{}],"metadata":{"continue":"x"}}"#).unwrap();
        assert_eq!((page.objects.len(), page.unreadable, page.next.as_str()), (1, 2, "x"));
        assert!(page.objects[0].json.contains(r#""kind":"Pod""#));
    }
}
