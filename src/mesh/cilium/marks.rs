//! What is Cilium's own in a cluster.

use crate::mesh::marks::{Image, Marks};

pub static MARKS: Marks = Marks {
    containers: &[],
    proxy_images: &[],
    component_images: &[
        Image::named("hubble-relay"),
        Image::named("hubble-ui"),
        Image::named("hubble-ui-backend"),
        Image { within: "cilium", name: "cilium" },
        Image { within: "cilium", name: "cilium-envoy" },
        Image { within: "cilium", name: "operator*" },
    ],
    namespaces: &["cilium", "cilium-secrets", "cilium-spire"],
    gateway_labels: &[],
    waypoint_labels: &[],
    routes: &[],
};
