//! Istio's own kinds on their way to the proxies: what istiod has read of the API server (`/debug/configz`), and the
//! traces that it leaves in clusters, routes and filters.

use super::sync::{PORT, running};
use crate::facts::{Facts, Need, Object, Outcome, Resource};
use crate::mesh::follow::{Followed, Held, State};
use crate::mesh::sync::Key;
use serde::Deserialize;
use std::borrow::Cow;

const PATH: &str = "debug/configz";

const NETWORKING: &str = "networking.istio.io";
const SECURITY: &str = "security.istio.io";

const fn kind(group: &'static str, kind: &'static str, plural: &'static str) -> Resource {
    Resource::new(group, "v1", kind, plural, true)
}

/// Metadata of a resource names the object by its path; the version in it is not always the same.
fn path(kind: &str, (namespace, name): &Key) -> String {
    format!("/namespaces/{namespace}/{kind}/{name}\"")
}

pub static FOLLOWED: &[Followed] = &[
    Followed {
        resource: kind(NETWORKING, "VirtualService", "virtualservices"),
        short: &["vs"],
        trace: Some(|key| path("virtual-service", key)),
    },
    Followed {
        resource: kind(NETWORKING, "DestinationRule", "destinationrules"),
        short: &["dr"],
        trace: Some(|key| path("destination-rule", key)),
    },
    Followed {
        resource: kind(SECURITY, "AuthorizationPolicy", "authorizationpolicies"),
        short: &["ap"],
        trace: Some(|(namespace, name)| format!("ns[{namespace}]-policy[{name}]-")),
    },
    Followed { resource: kind(NETWORKING, "Gateway", "gateways"), short: &["gw"], trace: None },
    Followed { resource: kind(NETWORKING, "ServiceEntry", "serviceentries"), short: &["se"], trace: None },
    Followed { resource: kind(NETWORKING, "Sidecar", "sidecars"), short: &[], trace: None },
    Followed { resource: kind(NETWORKING, "WorkloadEntry", "workloadentries"), short: &["we"], trace: None },
    Followed { resource: Resource::new(NETWORKING, "v1alpha3", "EnvoyFilter", "envoyfilters", true), short: &[], trace: None },
    Followed { resource: kind(SECURITY, "PeerAuthentication", "peerauthentications"), short: &["pa"], trace: None },
    Followed { resource: kind(SECURITY, "RequestAuthentication", "requestauthentications"), short: &["ra"], trace: None },
    Followed { resource: kind("telemetry.istio.io", "Telemetry", "telemetries"), short: &["telemetry"], trace: None },
];

fn question(pod: &Object) -> Need {
    Need::PodGet { namespace: pod.namespace.to_string(), pod: pod.name.to_string(), port: PORT, path: PATH.to_owned() }
}

pub fn needs(known: &Facts) -> Vec<Need> {
    running(known).map(question).collect()
}

#[derive(Deserialize)]
struct Config<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    metadata: Metadata<'a>,
}
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Metadata<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    namespace: Cow<'a, str>,
    #[serde(borrow)]
    resource_version: Cow<'a, str>,
    generation: i64,
}

/// By replica.
pub fn holds(facts: &Facts, followed: &Followed, key: &Key, state: &State) -> Vec<Held> {
    let of = |pod: &Object| {
        let outcome = facts.get(&question(pod)).map(|answer| &answer.outcome);
        let holds = match outcome {
            Some(Outcome::Bytes(bytes)) => match serde_json::from_slice::<Vec<Config>>(bytes) {
                Ok(all) => Ok(all.iter().any(|one| is_it(one, followed, key, state))),
                Err(error) => Err(format!("{PATH} is not what is known of it: {error}")),
            },
            Some(other) => Err(other.why().to_owned()),
            None => Err("it was not asked".to_owned()),
        };
        Held { plane: pod.name.to_string(), holds }
    };
    running(facts).map(of).collect()
}

fn is_it(one: &Config, followed: &Followed, (namespace, name): &Key, state: &State) -> bool {
    let same = one.kind == followed.resource.kind && one.metadata.name == *name && one.metadata.namespace == *namespace;
    let newer = state.generation > 0 && one.metadata.generation >= state.generation;
    same && (newer || one.metadata.resource_version == state.resource_version)
}

#[cfg(test)]
mod tests {
    use super::super::sync::replicas;
    use super::*;
    use crate::facts::SourceKind;
    use serde_json::json;
    use std::sync::Arc;

    fn held(configz: &str, state: &State) -> Vec<Held> {
        let now = "2026-11-24T08:00:00Z".parse().expect("a time");
        let mut facts = Facts::new("test", SourceKind::Live, now);
        let json = json!({"metadata": {"labels": {"app": "istiod"}}, "status": {"phase": "Running"}}).to_string();
        let pod = Object { namespace: "istio-system".into(), name: "istiod-0".into(), json: json.into(), place: None };
        facts.answer(question(&pod), Outcome::Bytes(Arc::new(configz.as_bytes().to_vec())));
        facts.answer(replicas(), Outcome::Objects(vec![pod]));
        holds(&facts, &FOLLOWED[0], &("shop".to_owned(), "reviews".to_owned()), state)
    }

    #[test]
    fn a_replica_holds_the_state_or_an_older_one() {
        let configz = json!([
            {"kind": "DestinationRule", "metadata": {"name": "reviews", "namespace": "shop", "resourceVersion": "9", "generation": 9}},
            {"kind": "VirtualService", "metadata": {"name": "reviews", "namespace": "shop", "resourceVersion": "7", "generation": 2}},
        ])
        .to_string();
        let state = |generation, version: &str| State { generation, resource_version: version.to_owned(), changed: None };
        for (wanted, holds) in [(state(2, "7"), true), (state(2, "8"), true), (state(3, "8"), false), (state(0, "6"), false)] {
            assert_eq!(held(&configz, &wanted), [Held { plane: "istiod-0".into(), holds: Ok(holds) }], "{wanted:?}");
        }
        assert!(held("<html>", &state(1, "1"))[0].holds.as_ref().is_err_and(|why| why.contains(PATH)));
    }

    #[test]
    fn kinds_by_every_word() {
        let found = |word: &str| FOLLOWED.iter().find(|one| one.is(word)).map(|one| one.resource.kind.to_string());
        for word in ["vs", "VirtualService", "virtualservices", "virtualservice.networking.istio.io"] {
            assert_eq!(found(word).as_deref(), Some("VirtualService"), "{word}");
        }
        assert_eq!(found("service"), None);
    }
}
