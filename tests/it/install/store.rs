//! A small API server that keeps what it is sent: enough of it to install a mesh into, with faults where a test wants them.

use crate::live::server::{Kubeconfig, Reply, Request, Server, ok, status};
use meshctl::charts::release::Release;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Group and version, kind, plural, whether in a namespace.
const KINDS: &[(&str, &str, &str, bool)] = &[
    ("v1", "Namespace", "namespaces", false),
    ("v1", "Secret", "secrets", true),
    ("v1", "ConfigMap", "configmaps", true),
    ("v1", "Service", "services", true),
    ("v1", "ServiceAccount", "serviceaccounts", true),
    ("v1", "Pod", "pods", true),
    ("v1", "Event", "events", true),
    ("apps/v1", "Deployment", "deployments", true),
    ("apps/v1", "DaemonSet", "daemonsets", true),
    ("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", false),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", false),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", false),
    ("meshes.example/v1", "Thing", "things", true),
];

/// What a fault sees of a request: method, path without the query, whether it is only tried, and what it sends.
pub type Fault = dyn Fn(&str, &str, bool, &Value) -> Option<Reply> + Send + Sync;

type Objects = BTreeMap<String, Value>;

pub struct Store {
    pub server: Server,
    config: Kubeconfig,
    objects: Arc<Mutex<Objects>>,
    fault: Arc<Mutex<Option<Box<Fault>>>>,
}

impl Store {
    pub async fn start() -> Store {
        let objects: Arc<Mutex<Objects>> = Arc::default();
        for name in ["default", "kube-system"] {
            let object = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "uid": name } });
            objects.lock().unwrap().insert(format!("/api/v1/namespaces/{name}"), object);
        }
        let fault: Arc<Mutex<Option<Box<Fault>>>> = Arc::default();
        let (kept, wanted) = (objects.clone(), fault.clone());
        let server = Server::start(move |request, _| {
            let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
            let dry = request.query.contains("dryRun=All");
            let hurt = wanted.lock().unwrap().as_ref().and_then(|fault| fault(&request.method, &request.path, dry, &body));
            hurt.unwrap_or_else(|| answered(&mut kept.lock().unwrap(), request, body, dry))
        })
        .await;
        let config = Kubeconfig::new(&[("test", &server.url())]);
        Store { server, config, objects, fault }
    }

    /// From now on this stands between the program and the store.
    pub fn hurt(&self, fault: impl Fn(&str, &str, bool, &Value) -> Option<Reply> + Send + Sync + 'static) {
        *self.fault.lock().unwrap() = Some(Box::new(fault));
    }

    pub fn heal(&self) {
        *self.fault.lock().unwrap() = None;
    }

    /// Exit code, stdout, stderr.
    pub fn run(&self, words: &[&str]) -> (i32, String, String) {
        let path = self.config.path().display().to_string();
        crate::run(&[words, &["--kubeconfig", &path, "--request-timeout", "5s"]].concat())
    }

    pub fn get(&self, path: &str) -> Option<Value> {
        self.objects.lock().unwrap().get(path).cloned()
    }

    pub fn change(&self, path: &str, change: impl FnOnce(&mut Value)) {
        change(self.objects.lock().unwrap().get_mut(path).expect("the object"));
    }

    /// Paths of all objects, without releases and namespaces.
    pub fn paths(&self) -> Vec<String> {
        let kept = |path: &&String| !path.contains("/secrets/") && !path.starts_with("/api/v1/namespaces/default");
        let all = self.objects.lock().unwrap();
        all.keys()
            .filter(kept)
            .filter(|path| path.matches('/').count() != 4 || !path.starts_with("/api/v1/namespaces/"))
            .cloned()
            .collect()
    }

    /// Whether something of this name has ever been written, and not only tried.
    pub fn wrote(&self, name: &str) -> bool {
        let wrote = |request: &Request| request.method == "PATCH" && !request.query.contains("dryRun");
        self.server.seen().iter().any(|request| wrote(request) && request.path.ends_with(&format!("/{name}")))
    }

    /// Status of each revision of a release, and what it holds.
    pub fn releases(&self, name: &str) -> Vec<(u64, String, Release)> {
        let all = self.objects.lock().unwrap();
        let of = |object: &&Value| object["type"] == "helm.sh/release.v1" && object["metadata"]["labels"]["name"] == name;
        let read = |object: &Value| {
            let release = Release::decode(object["data"]["release"].as_str().expect("a release")).expect("a release");
            (release.version, release.info.status.clone(), release)
        };
        let mut found: Vec<_> = all.values().filter(of).map(read).collect();
        found.sort_by_key(|(version, ..)| *version);
        found
    }
}

fn discovery(core: bool) -> Reply {
    let mut groups: BTreeMap<(&str, &str), Vec<Value>> = BTreeMap::new();
    for (api, kind, plural, namespaced) in KINDS {
        let (group, version) = api.split_once('/').unwrap_or(("", api));
        if group.is_empty() != core {
            continue;
        }
        let scope = if *namespaced { "Namespaced" } else { "Cluster" };
        let resource =
            json!({ "resource": plural, "scope": scope, "responseKind": { "group": group, "version": version, "kind": kind } });
        groups.entry((group, version)).or_default().push(resource);
    }
    let group = |((group, version), resources): ((&str, &str), Vec<Value>)| json!({ "metadata": { "name": group }, "versions": [{ "version": version, "resources": resources }] });
    ok(json!({ "kind": "APIGroupDiscoveryList", "items": groups.into_iter().map(group).collect::<Vec<_>>() }))
}

fn answered(objects: &mut Objects, request: &Request, body: Value, dry: bool) -> Reply {
    let path = request.path.as_str();
    match (request.method.as_str(), path) {
        ("GET", "/version") => return ok(json!({ "major": "1", "minor": "37", "gitVersion": "v1.37.2" })),
        ("GET", "/api" | "/apis") => return discovery(path == "/api"),
        _ => {}
    }
    let namespace = path.split_once("/namespaces/").and_then(|(_, rest)| rest.split_once('/')).map(|(name, _)| name);
    let nowhere = namespace.filter(|name| !objects.contains_key(&format!("/api/v1/namespaces/{name}")));
    match request.method.as_str() {
        "GET" if path.starts_with("/apis/") && path.matches('/').count() == 3 => resources(objects, path),
        "GET" => match objects.get(path) {
            Some(object) => ok(object),
            None if KINDS.iter().any(|(_, _, plural, _)| path.ends_with(&format!("/{plural}"))) => listed(objects, request),
            None => status(404, &format!("{path} not found")),
        },
        "PATCH" | "POST" if nowhere.is_some() => status(404, &format!("namespaces {:?} not found", nowhere.unwrap_or_default())),
        "POST" => {
            let own = format!("{path}/{}", body["metadata"]["name"].as_str().unwrap_or_default());
            if objects.contains_key(&own) {
                return status(409, &format!("{own} already exists"));
            }
            if !dry {
                objects.insert(own, body.clone());
            }
            ok(body)
        }
        "PUT" => match objects.get_mut(path) {
            Some(object) => {
                *object = body.clone();
                ok(body)
            }
            None => status(404, &format!("{path} not found")),
        },
        "PATCH" => {
            let mut object = objects.get(path).cloned().unwrap_or_else(|| json!({}));
            let before = object.clone();
            laid(&mut object, &body);
            if before != object {
                object["metadata"]["generation"] = json!(before["metadata"]["generation"].as_i64().unwrap_or(0) + 1);
                up(&mut object);
            }
            if !dry {
                objects.insert(path.to_owned(), object.clone());
            }
            ok(object)
        }
        "DELETE" => match objects.remove(path) {
            Some(object) => ok(object),
            None => status(404, &format!("{path} not found")),
        },
        _ => status(405, "not here"),
    }
}

/// What a version of a group has; a kind that is defined, only where its definition is there.
fn resources(objects: &Objects, path: &str) -> Reply {
    let api = path.trim_start_matches("/apis/");
    let defined = |plural: &str| {
        let group = api.split('/').next().unwrap_or_default();
        objects.contains_key(&format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{plural}.{group}"))
    };
    let there = KINDS.iter().filter(|(of, _, plural, _)| *of == api && (!api.contains("example") || defined(plural)));
    let resources: Vec<Value> = there.map(|(_, kind, plural, _)| json!({ "name": plural, "kind": kind })).collect();
    if resources.is_empty() { status(404, "the server could not find it") } else { ok(json!({ "resources": resources })) }
}

fn listed(objects: &Objects, request: &Request) -> Reply {
    let selector = request.query.split('&').find_map(|part| part.strip_prefix("labelSelector=")).unwrap_or_default();
    let selector = selector.replace("%3D", "=").replace("%2C", ",").replace("%2F", "/");
    let fits = |object: &Value| {
        let mut pairs = selector.split(',').filter_map(|pair| pair.split_once('='));
        pairs.all(|(key, value)| object["metadata"]["labels"][key] == value)
    };
    let (folder, plural) = request.path.rsplit_once('/').unwrap_or_default();
    let within = |path: &str| {
        let (above, _) = path.rsplit_once('/').unwrap_or_default();
        above == request.path || path.starts_with(folder) && above.ends_with(&format!("/{plural}"))
    };
    let items: Vec<&Value> =
        objects.iter().filter(|(path, object)| within(path) && fits(object)).map(|(_, object)| object).collect();
    ok(json!({ "kind": "List", "apiVersion": "v1", "metadata": {}, "items": items }))
}

/// What was applied over what is there; lists are taken as they are.
fn laid(object: &mut Value, body: &Value) {
    match (object, body) {
        (Value::Object(map), Value::Object(new)) => {
            new.iter().for_each(|(key, value)| laid(map.entry(key.clone()).or_insert(Value::Null), value));
        }
        (object, body) => *object = body.clone(),
    }
}

/// Controllers that do their work at once.
fn up(object: &mut Value) {
    let generation = object["metadata"]["generation"].clone();
    let replicas = object["spec"]["replicas"].as_i64().unwrap_or(1);
    match object["kind"].as_str() {
        Some("Deployment") => {
            object["status"] = json!({ "observedGeneration": generation, "replicas": replicas, "updatedReplicas": replicas, "readyReplicas": replicas });
        }
        Some("DaemonSet") => {
            object["status"] = json!({ "observedGeneration": generation, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberReady": 2 });
        }
        Some("CustomResourceDefinition") => {
            object["status"] = json!({ "conditions": [{ "type": "Established", "status": "True" }] });
        }
        _ => {}
    }
}
