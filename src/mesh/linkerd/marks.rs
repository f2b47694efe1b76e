//! What is Linkerd's own in a cluster.

use crate::facts::kinds;
use crate::mesh::marks::{Image, Marks};

pub static MARKS: Marks = Marks {
    containers: &["linkerd-proxy", "linkerd-init", "linkerd-network-validator", "linkerd-debug"],
    proxy_images: &[Image { within: "linkerd", name: "proxy" }, Image { within: "linkerd", name: "proxy-init" }],
    component_images: &[
        Image { within: "linkerd", name: "controller" },
        Image { within: "linkerd", name: "policy-controller" },
        Image { within: "linkerd", name: "web" },
        Image { within: "linkerd", name: "metrics-api" },
        Image { within: "linkerd", name: "tap" },
        Image { within: "linkerd", name: "cni-plugin" },
    ],
    namespaces: &[
        "linkerd",
        "linkerd-viz",
        "linkerd-jaeger",
        "linkerd-multicluster",
        "linkerd-cni",
        "linkerd-smi",
        "linkerd-failover",
        "linkerd-buoyant",
    ],
    gateway_labels: &[],
    waypoint_labels: &[],
    routes: &[&kinds::LINKERD_HTTP_ROUTE],
};
