//! What an installation of any mesh creates, and whether we may.

use crate::facts::{Facts, Need, Outcome};

/// Group and plural of what every installer makes: its parts, their rights, its kinds, its webhooks.
const MADE: [(&str, &str); 15] = [
    ("", "configmaps"),
    ("", "namespaces"),
    ("", "secrets"),
    ("", "serviceaccounts"),
    ("", "services"),
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
    ("apiextensions.k8s.io", "customresourcedefinitions"),
    ("apps", "daemonsets"),
    ("apps", "deployments"),
    ("policy", "poddisruptionbudgets"),
    ("rbac.authorization.k8s.io", "clusterrolebindings"),
    ("rbac.authorization.k8s.io", "clusterroles"),
    ("rbac.authorization.k8s.io", "rolebindings"),
    ("rbac.authorization.k8s.io", "roles"),
];

pub fn needs() -> Vec<Need> {
    let create = |(group, resource): &(&str, &str)| Need::Access {
        verb: "create".to_owned(),
        group: (*group).to_owned(),
        resource: (*resource).to_owned(),
    };
    MADE.iter().map(create).collect()
}

/// What came of the questions.
#[derive(Default)]
pub struct Rights {
    pub allowed: usize,
    /// What may not be done, with the server's reason.
    pub denied: Vec<(String, String)>,
    /// What was not answered, and why.
    pub unknown: Vec<(String, String)>,
}

pub fn of(facts: &Facts) -> Rights {
    let mut rights = Rights::default();
    for need in needs() {
        let Need::Access { group, resource, .. } = &need else { continue };
        let name = if group.is_empty() { resource.clone() } else { format!("{resource}.{group}") };
        match facts.get(&need).map(|answer| &answer.outcome) {
            Some(Outcome::Text(word)) if word == ALLOWED => rights.allowed += 1,
            Some(Outcome::Text(why)) => rights.denied.push((name, why.clone())),
            Some(other) => rights.unknown.push((name, other.why().to_owned())),
            None => rights.unknown.push((name, "not asked".to_owned())),
        }
    }
    rights
}

/// The answer of a right that is there; any other text says why it is not.
pub const ALLOWED: &str = "allowed";
