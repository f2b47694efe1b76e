//! What is Consul's own in a cluster.

use crate::mesh::marks::{Image, Marks};

pub static MARKS: Marks = Marks {
    containers: &["consul-dataplane*", "consul-connect-inject-init", "envoy-sidecar*"],
    proxy_images: &[Image::named("consul-dataplane")],
    component_images: &[Image::named("consul-k8s-control-plane"), Image::named("consul"), Image::named("consul-enterprise")],
    namespaces: &["consul"],
    gateway_labels: &[],
    waypoint_labels: &[],
    routes: &[],
};
