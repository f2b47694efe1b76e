//! What a mesh leaves in a cluster that is its own: proxies in pods, components, namespaces, gateways. None of it is the
//! user's, so the neutral translation asks here what not to count.

use super::MESHES;
use crate::facts::Resource;
use crate::kubernetes::{image_base, repository};
use crate::model::{Role, Workload};

/// One mesh's marks. Whole words only: a user's namespace that merely starts like a mesh's must not vanish from a count.
#[derive(Clone, Copy, Debug)]
pub struct Marks {
    /// Names of the containers that it puts into pods; one that ends in `*` is a beginning.
    pub containers: &'static [&'static str],
    /// Images of those containers: images are mirrored, so the last word decides, and a word anywhere before it.
    pub proxy_images: &'static [Image],
    /// Images of its own components.
    pub component_images: &'static [Image],
    /// Namespaces that hold its own components only.
    pub namespaces: &'static [&'static str],
    /// Pod label and the end of its value, for gateways at the edge.
    pub gateway_labels: &'static [(&'static str, &'static str)],
    /// Pod label and a part of its value, for proxies between services that are workloads of their own.
    pub waypoint_labels: &'static [(&'static str, &'static str)],
    /// Kinds of its own that are written like the Gateway API's HTTPRoute.
    pub routes: &'static [&'static Resource],
}

/// `Image { within: "linkerd", name: "proxy" }` is `mirror/linkerd/proxy:1`.
#[derive(Clone, Copy, Debug)]
pub struct Image {
    /// A word that the path has to hold; empty if the name alone tells.
    pub within: &'static str,
    /// The last word of the path; one that ends in `*` is a beginning.
    pub name: &'static str,
}

impl Image {
    /// An image whose name alone tells.
    pub const fn named(name: &'static str) -> Self {
        Image { within: "", name }
    }
}

fn fits(pattern: &str, text: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == text, |start| text.starts_with(start))
}

fn all() -> impl Iterator<Item = &'static Marks> {
    MESHES.iter().map(|mesh| mesh.marks())
}

/// An injected proxy or its helper: what it runs, reads and dials says nothing about the application. By the container's
/// name first, since images are mirrored under other names.
pub fn is_proxy(name: &str, image: &str) -> bool {
    all().any(|marks| is_proxy_of(marks, name, image))
}

/// The same, of one mesh.
pub fn is_proxy_of(marks: &Marks, name: &str, image: &str) -> bool {
    let base = image_base(image);
    marks.containers.iter().any(|own| fits(own, name))
        || marks.proxy_images.iter().any(|own| fits(own.name, base) && image.contains(own.within))
}

/// A namespace of a mesh's own components.
pub fn is_own_namespace(namespace: &str) -> bool {
    all().any(|marks| marks.namespaces.contains(&namespace))
}

/// A gateway or a waypoint of some mesh, by label. It is one wherever it stands, and its proxy is its main container.
pub fn gateway_role(workload: &Workload) -> Option<(Role, String)> {
    let label = |key: &str, fits: &dyn Fn(&str) -> bool| workload.labels.get(key).is_some_and(|value| fits(value));
    let waypoint = all().flat_map(|marks| marks.waypoint_labels).find(|(key, part)| label(key, &|value| value.contains(part)));
    if let Some((key, _)) = waypoint {
        return Some((Role::Mesh, format!("label {key} (waypoint)")));
    }
    let gateway = all().flat_map(|marks| marks.gateway_labels).find(|(key, end)| label(key, &|value| value.ends_with(end)));
    gateway.map(|(key, _)| (Role::Gateway, format!("label {key}={}", workload.labels[*key])))
}

/// Kinds of any mesh that say, like an HTTPRoute, where calls to a Service go.
pub fn routes() -> impl Iterator<Item = &'static Resource> {
    all().flat_map(|marks| marks.routes).copied()
}

/// A mesh's own component, by its namespace or by the image it runs.
pub fn component_role(namespace: &str, image: &str) -> Option<(Role, String)> {
    if is_own_namespace(namespace) {
        return Some((Role::Mesh, format!("namespace {namespace} of a mesh")));
    }
    let (base, path) = (image_base(image), repository(image));
    let within = |word: &str| word.is_empty() || path.split('/').any(|part| part == word);
    let own = all().flat_map(|marks| marks.component_images).any(|own| fits(own.name, base) && within(own.within));
    own.then(|| (Role::Mesh, format!("image {base} of a mesh")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn injected_containers_are_told_from_the_app() {
        assert!(is_proxy("istio-proxy", "mirror/anything:1"));
        assert!(is_proxy("p", "docker.io/istio/proxyv2:1.29.0"));
        assert!(is_proxy("linkerd-proxy", "cr.l5d.io/linkerd/proxy:edge"));
        assert!(is_proxy("p", "mirror/linkerd-io/proxy:edge"));
        assert!(is_proxy("consul-dataplane-web", "x"));
        assert!(!is_proxy("proxy", "acme/frontend-proxy:1"));
        assert!(!is_proxy("proxy", "acme/proxy:1"));
        assert!(!is_proxy("web", "acme/web"));
    }

    #[test]
    fn a_namespace_that_only_starts_like_a_meshs_is_the_users() {
        for own in ["istio-system", "linkerd", "linkerd-viz", "consul", "cilium"] {
            assert!(is_own_namespace(own), "{own}");
        }
        for users in ["linkerd-demo", "istio-shop", "consul-apps", "cilium-test", "shop-istio"] {
            assert!(!is_own_namespace(users), "{users}");
        }
    }

    #[test]
    fn components_are_told_by_image_wherever_they_stand() {
        for image in ["docker.io/istio/pilot:1.29", "cr.l5d.io/linkerd/controller:edge", "quay.io/cilium/operator-generic:v1.18"]
        {
            assert!(component_role("infra", image).is_some(), "{image}");
        }
        for image in ["acme/controller:1", "acme/web", "acme/pilot:2"] {
            assert!(component_role("infra", image).is_none(), "{image}");
        }
    }
}
