//! Containers that a mesh puts into pods: what they run, read and dial says nothing about the application.

const NAMES: [&str; 10] = [
    "istio-proxy",
    "istio-init",
    "istio-validation",
    "enable-core-dump",
    "linkerd-proxy",
    "linkerd-init",
    "linkerd-network-validator",
    "linkerd-debug",
    "consul-dataplane",
    "consul-connect-inject-init",
];

/// An injected proxy or its helper. Named by container first: images are mirrored under other names.
pub fn is_proxy(name: &str, image: &str) -> bool {
    let base = super::roles::image_base(image);
    NAMES.contains(&name)
        || name.starts_with("envoy-sidecar")
        || matches!(base, "proxyv2" | "consul-dataplane")
        || (base == "proxy" && image.contains("linkerd"))
        || (base == "proxy-init" && image.contains("linkerd"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn injected_containers_are_told_from_the_app() {
        assert!(is_proxy("istio-proxy", "mirror/anything:1"));
        assert!(is_proxy("p", "docker.io/istio/proxyv2:1.29.0"));
        assert!(is_proxy("linkerd-proxy", "cr.l5d.io/linkerd/proxy:edge"));
        assert!(!is_proxy("proxy", "acme/frontend-proxy:1"));
        assert!(!is_proxy("web", "acme/web"));
    }
}
