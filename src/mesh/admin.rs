//! Where the proxies of a pod can be asked what they run.

use super::MESHES;
use super::view::{Container, Pod};
use crate::facts::Object;

/// What speaks at the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// Envoy's admin interface, or a proxy's that answers as Envoy does.
    Envoy,
    /// A node's proxy with a dump of its own form.
    NodeProxy,
    /// Metrics, and no dump: what it has is asked of others as well ([`super::proxy`]).
    Metrics,
}

/// One proxy of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    pub speaks: Speaks,
    pub port: u16,
    pub container: String,
    /// A program in that container that makes requests, with `{method}`, `{port}` and `{path}`; empty if there is none.
    pub command: &'static [&'static str],
}

/// The proxies of a pod, by what the meshes know of their own; none for a pod outside of every mesh.
pub fn of_pod(pod: &Object) -> Vec<Admin> {
    let Ok(view) = pod.read::<Pod>() else { return Vec::new() };
    MESHES.iter().flat_map(|mesh| mesh.admins(&view)).collect()
}

/// For a port that the user names: the proxy's container if there is one that looks like it, else the first.
pub fn at_port(pod: &Object, port: u16) -> Admin {
    const CURL: &[&str] = &["curl", "-sSf", "-X", "{method}", "http://127.0.0.1:{port}/{path}"];
    if let Some(known) = of_pod(pod).into_iter().find(|admin| admin.speaks == Speaks::Envoy) {
        // Its program may go to a port of its own.
        let command = if known.port == port { known.command } else { CURL };
        return Admin { port, command, ..known };
    }
    let view: Pod = pod.read().unwrap_or_default();
    let all = || view.spec.containers.iter().chain(&view.spec.init_containers);
    let container = all().find(|container| container.image.contains("envoy")).or_else(|| all().next());
    Admin { speaks: Speaks::Envoy, port, container: container.map(|c| c.name.clone()).unwrap_or_default(), command: CURL }
}

impl Pod {
    /// Containers and the init containers that go on running, where sidecars are.
    pub fn all_containers(&self) -> impl Iterator<Item = &Container> {
        self.spec.containers.iter().chain(&self.spec.init_containers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(containers: serde_json::Value) -> Object {
        let json = json!({"metadata": {"name": "p", "namespace": "n"}, "spec": {"containers": containers}});
        Object { namespace: "n".into(), name: "p".into(), json: json.to_string().into(), place: None }
    }

    #[test]
    fn a_port_that_is_named_finds_the_container_that_looks_like_a_proxy() {
        let bare = pod(json!([{"name": "web", "image": "acme/web"}, {"name": "e", "image": "envoyproxy/envoy:v1.40"}]));
        assert!(of_pod(&bare).is_empty());
        let admin = at_port(&bare, 9901);
        assert_eq!((admin.container.as_str(), admin.port, admin.command[0]), ("e", 9901, "curl"));
    }
}
