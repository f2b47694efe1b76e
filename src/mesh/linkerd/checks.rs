//! What only Linkerd can have wrong, as far as objects, the control plane's events and the proxies' certificates tell.

use super::{certificates, extensions, installed, policy_checks, webhooks};
use crate::mesh::check::{Category, Check};

pub static CHECKS: &[Check] = &[
    Check {
        code: "LNK0001",
        category: Category::Certificates,
        title: "the issuer can sign, and for long enough",
        run: certificates::issuer,
    },
    Check {
        code: "LNK0002",
        category: Category::Certificates,
        title: "no proxy is left with an expired certificate",
        run: certificates::leaves,
    },
    Check {
        code: "LNK0007",
        category: Category::Certificates,
        title: "proxies show certificates of their name and of today's anchors",
        run: certificates::chains,
    },
    Check {
        code: "LNK0003",
        category: Category::Certificates,
        title: "every proxy trusts the anchors of today",
        run: certificates::anchors,
    },
    Check {
        code: "LNK0004",
        category: Category::Configuration,
        title: "policies name what is there, and let somebody in",
        run: policy_checks::references,
    },
    Check {
        code: "LNK0005",
        category: Category::Configuration,
        title: "one Server governs a port",
        run: policy_checks::conflicts,
    },
    Check {
        code: "LNK0006",
        category: Category::Configuration,
        title: "opaque ports are the same on Services and pods",
        run: policy_checks::opaque,
    },
    Check {
        code: "LNK0008",
        category: Category::ControlPlane,
        title: "its kinds, webhooks and accounts are there",
        run: installed::parts,
    },
    Check {
        code: "LNK0009",
        category: Category::ControlPlane,
        title: "Kubernetes and the Gateway API are of versions it is made for",
        run: installed::versions,
    },
    Check {
        code: "LNK0010",
        category: Category::ControlPlane,
        title: "pods and Services lie in its cluster networks",
        run: installed::networks,
    },
    Check {
        code: "LNK0011",
        category: Category::ControlPlane,
        title: "where it is highly available, no part is alone",
        run: installed::availability,
    },
    Check { code: "LNK0012", category: Category::ControlPlane, title: "the CNI plugin runs on every node", run: installed::cni },
    Check {
        code: "LNK0013",
        category: Category::Admission,
        title: "webhooks show certificates that the API server takes",
        run: webhooks::served,
    },
    Check {
        code: "LNK0014",
        category: Category::Members,
        title: "labels and annotations stand where they are read",
        run: extensions::marks,
    },
    Check {
        code: "LNK0015",
        category: Category::ControlPlane,
        title: "every part of its extensions is ready and in the mesh",
        run: extensions::extensions,
    },
    Check {
        code: "LNK0016",
        category: Category::Configuration,
        title: "other clusters are mirrored, and mirrored Services have endpoints",
        run: extensions::multicluster,
    },
];

#[cfg(test)]
mod tests;
