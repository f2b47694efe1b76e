//! From a host as written to the Service it names, in the eyes of a pod of one namespace.

use super::world::World;
use crate::model::{Model, Party, ServiceId};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Service(ServiceId),
    /// An in-cluster name without a Service.
    Missing,
    /// An in-cluster name in a namespace that we can't see: `ns/name`.
    Unseen(String),
    /// A public name.
    External,
    /// This pod, this node, the API server, or nothing that can be judged.
    Nobody,
}

/// What a pod in `namespace` reaches under `host` (lowercase, as [`super::reference`] gives it).
pub fn resolve(world: &World, namespace: &str, host: &str) -> Target {
    let mut labels: Vec<&str> = host.split('.').collect();
    while labels.first().is_some_and(|l| l.starts_with('_')) {
        labels.remove(0);
    }
    let service = |ns: &str, name: &str| world.model.service(ns, name).map(Target::Service);
    let absent = |ns: &str, name: &str| {
        // Without the list of Services, or outside the namespaces that were looked at, nothing can be called missing.
        let all = world.known_namespaces.contains(ns) || !world.model.manifests_only;
        let looked_at = world.facts.namespace.as_deref().map_or(all, |only| only == ns);
        let visible = world.facts.seen(&crate::facts::kinds::SERVICE) && looked_at;
        if visible { Target::Missing } else { Target::Unseen(format!("{ns}/{name}")) }
    };
    match *labels.as_slice() {
        [] | ["localhost" | "kubernetes"] | ["kubernetes", "default", ..] | [.., "localhost"] => Target::Nobody,
        [name] => service(namespace, name).unwrap_or_else(|| absent(namespace, name)),
        [name, ns, "svc", ..] => service(ns, name).unwrap_or_else(|| absent(ns, name)),
        // The pod of a StatefulSet behind its headless Service: `web-0.web.shop.svc…`.
        [_, name, ns, "svc", ..] => service(ns, name).unwrap_or_else(|| absent(ns, name)),
        [first, second] => {
            let headless = || world.model.service(namespace, second).filter(|id| world.model.services[*id].headless);
            service(second, first)
                .or_else(|| headless().map(Target::Service))
                .unwrap_or_else(|| if world.known_namespaces.contains(second) { absent(second, first) } else { public(host) })
        }
        [_, name, ns] => service(ns, name).unwrap_or_else(|| public(host)),
        _ => public(host),
    }
}

/// A host with dots that no Service has.
fn public(host: &str) -> Target {
    const NOT_PUBLIC: [&str; 6] =
        ["cluster.local", "host.docker.internal", "metadata.google.internal", "example.com", "example.org", "www.w3.org"];
    let top = host.rsplit('.').next().unwrap_or_default();
    // A top level domain has letters only; the endings are files that stand where hosts do.
    let plausible = top.len() >= 2
        && top.bytes().all(|b| b.is_ascii_alphabetic())
        && !matches!(
            top,
            "yaml" | "yml" | "json" | "xml" | "conf" | "go" | "js" | "ts" | "py" | "java" | "sock" | "txt" | "html" | "jar"
        );
    if plausible && !NOT_PUBLIC.contains(&host) { Target::External } else { Target::Nobody }
}

/// Who answers behind a Service: its workloads, what an ExternalName points at, or the Service itself.
pub fn parties(model: &Model, service: ServiceId) -> Vec<Party> {
    let mut at = service;
    // An ExternalName may name a Service, which may be an ExternalName; four steps are a ring or a joke.
    for _ in 0..4 {
        let s = &model.services[at];
        if !s.workloads.is_empty() {
            return s.workloads.iter().map(|id| Party::Workload(*id)).collect();
        }
        let Some(host) = &s.external_name else { break };
        let labels: Vec<&str> = host.split('.').collect();
        match labels.as_slice() {
            [name, ns, "svc", ..] => match model.service(ns, name) {
                Some(next) => at = next,
                None => return vec![Party::Service(format!("{ns}/{name}"))],
            },
            _ => return vec![Party::External(host.clone())],
        }
    }
    let s = &model.services[at];
    vec![Party::Service(format!("{}/{}", s.namespace, s.name))]
}
