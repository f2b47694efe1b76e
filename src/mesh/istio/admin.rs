//! Admin ports of Istio's proxies: sidecars, gateways, waypoints, and the ztunnel of each node.

use crate::envoy::listeners::Protocols;
use crate::kubernetes::image_base;
use crate::mesh::admin::{Admin, Speaks};
use crate::mesh::view::{Container, Pod};

/// How it writes the protocols that a filter chain takes, in the words of istioctl.
pub const PROTOCOLS: Protocols = &[
    ("HTTP TLS", &["http/1.0", "http/1.1", "h2c", "istio-http/1.0", "istio-http/1.1", "istio-h2"]),
    ("Istio HTTP Plain", &["istio", "istio-http/1.0", "istio-http/1.1", "istio-h2"]),
    ("TCP TLS", &["istio-peer-exchange", "istio"]),
    ("HTTP", &["http/1.0", "http/1.1", "h2c"]),
];

const PORT: u16 = 15000;
const AGENT: &[&str] = &["pilot-agent", "request", "{method}", "{path}"];

pub fn admins(pod: &Pod) -> Vec<Admin> {
    let is_ztunnel = |container: &Container| {
        image_base(&container.image) == "ztunnel" || container.args.iter().take(2).any(|word| word == "ztunnel")
    };
    // The init containers that prepare the network have the same image and don't go on.
    let is_proxy = |container: &&Container| {
        let own = container.name == "istio-proxy" || matches!(image_base(&container.image), "proxyv2" | "ztunnel");
        own && !matches!(container.name.as_str(), "istio-init" | "istio-validation" | "enable-core-dump")
    };
    let Some(proxy) = pod.all_containers().find(is_proxy) else { return Vec::new() };
    let (speaks, command) = if is_ztunnel(proxy) { (Speaks::NodeProxy, &[][..]) } else { (Speaks::Envoy, AGENT) };
    vec![Admin { speaks, port: port(pod).unwrap_or(PORT), container: proxy.name.clone(), command }]
}

/// `proxyAdminPort` of the pod's own proxy configuration.
fn port(pod: &Pod) -> Option<u16> {
    let config = pod.metadata.annotations.get("proxy.istio.io/config")?;
    let (_, after) = config.split_once("proxyAdminPort")?;
    let digits = after.trim_start_matches(['"', '\'', ':', ' ']);
    digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(metadata: serde_json::Value, spec: serde_json::Value) -> Vec<Admin> {
        admins(&serde_json::from_value(json!({"metadata": metadata, "spec": spec})).expect("a pod"))
    }

    #[test]
    fn sidecars_old_and_native_gateways_and_ztunnel() {
        let proxy = json!({"name": "istio-proxy", "image": "docker.io/istio/proxyv2:1.32"});
        let init = json!({"name": "istio-init", "image": "docker.io/istio/proxyv2:1.32"});
        let app = json!({"name": "app", "image": "acme/app"});
        let native = found(json!({}), json!({"containers": [app], "initContainers": [init, proxy]}));
        assert_eq!((native[0].port, native[0].container.as_str(), native[0].speaks), (15000, "istio-proxy", Speaks::Envoy));
        assert_eq!(found(json!({}), json!({"containers": [proxy]})), native);
        assert!(found(json!({}), json!({"containers": [app], "initContainers": [init]})).is_empty());
        let ztunnel = json!({"name": "istio-proxy", "image": "docker.io/istio/ztunnel:1.32", "args": ["proxy", "ztunnel"]});
        assert_eq!(found(json!({}), json!({"containers": [ztunnel]}))[0].speaks, Speaks::NodeProxy);
    }

    #[test]
    fn the_port_of_the_pods_own_configuration() {
        let spec = || json!({"containers": [{"name": "istio-proxy", "image": "x"}]});
        for config in ["concurrency: 2\nproxyAdminPort: 15999\n", r#"{"proxyAdminPort":15999}"#] {
            assert_eq!(found(json!({"annotations": {"proxy.istio.io/config": config}}), spec())[0].port, 15999, "{config}");
        }
    }
}
