//! What is Istio's own in a cluster.

use crate::mesh::marks::{Image, Marks};

pub static MARKS: Marks = Marks {
    containers: &["istio-proxy", "istio-init", "istio-validation", "enable-core-dump"],
    proxy_images: &[Image::named("proxyv2")],
    component_images: &[
        Image::named("istiod"),
        Image::named("ztunnel"),
        Image { within: "istio", name: "pilot" },
        Image { within: "istio", name: "install-cni" },
    ],
    namespaces: &["istio-system", "istio-operator", "istio-cni"],
    gateway_labels: &[("istio", "gateway")],
    waypoint_labels: &[("gateway.istio.io/managed", "mesh")],
    routes: &[],
};
