//! What only Linkerd can have wrong, as far as objects and the control plane's events tell.

use super::{certificates, policy_checks};
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
];
