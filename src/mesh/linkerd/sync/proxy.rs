//! One proxy and the controllers that it needs.

use super::{Seen, asked};
use crate::facts::exposition::Sample;
use crate::facts::{Facts, Object, kinds};
use crate::mesh::sync::{Health, Part, Plane};
use crate::mesh::view;
use jiff::Timestamp;

const DESTINATION: &str = "control_destination_balancer_endpoints";
const POLICY: &str = "control_policy_balancer_endpoints";
const EXPIRES: &str = "control_identity_cert_expiration_timestamp_seconds";
pub const HTTP: &str = "outbound_http_balancer_endpoints";
pub const TCP: &str = "outbound_tcp_balancer_endpoints";
/// What is kept of all that a proxy counts.
pub const NAMES: [&str; 11] = [
    DESTINATION,
    POLICY,
    EXPIRES,
    HTTP,
    TCP,
    "inbound_http_authz_allow_total",
    "inbound_http_authz_deny_total",
    "inbound_tcp_authz_allow_total",
    "inbound_tcp_authz_deny_total",
    "inbound_tcp_authz_terminate_total",
    "proxy_build_info",
];

/// What it said.
pub struct Heard {
    pub samples: Vec<Sample>,
    pub now: Timestamp,
}

impl Heard {
    pub fn of<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h crate::facts::Series> {
        self.samples.iter().filter(move |sample| sample.name == name).map(|sample| &sample.series)
    }
    /// How many controllers are in this state; `None` if it doesn't say.
    fn balanced(&self, name: &str, state: &str) -> Option<f64> {
        let mut all =
            self.of(name).filter(|series| series.label("endpoint_state") == state).map(|series| series.value).peekable();
        all.peek().is_some().then(|| all.sum())
    }
}

/// The controllers of one control plane, as they run.
pub struct Controllers<'n> {
    namespace: &'n str,
    /// Whether a ready replica was seen; `None` where pods were not.
    destination: Option<bool>,
    identity: Option<bool>,
    /// Seconds until the issuer ends.
    issuer: Option<f64>,
}

impl<'n> Controllers<'n> {
    pub fn of(facts: &Facts, all: &[Seen], namespace: &'n str) -> Self {
        let replicas = |component: &'static str| {
            all.iter().filter(move |pod| &*pod.object.namespace == namespace && pod.component() == Some(component))
        };
        let ready = |component| {
            let up = replicas(component).any(|pod| pod.pod.status.is_ready());
            (up || facts.seen(&kinds::POD)).then_some(up)
        };
        let issuers =
            replicas("identity").filter_map(|pod| asked(facts, &pod.plane_needs()?).ok()?.first().map(|s| s.series.value));
        Controllers {
            namespace,
            destination: ready("destination"),
            identity: ready("identity"),
            issuer: issuers.reduce(f64::min),
        }
    }

    /// Parts of which no replica runs.
    pub fn missing(&self) -> Vec<Plane> {
        let parts = [("linkerd-destination", self.destination), ("linkerd-identity", self.identity)];
        let gone = parts.into_iter().filter(|(_, up)| *up == Some(false));
        gone.map(|(name, _)| Plane::missing(name, self.namespace, "no replica of it is ready")).collect()
    }

    pub fn judge(&self, heard: &Heard) -> Vec<Part> {
        if self.destination == Some(false) {
            let why = format!(
                "no replica of linkerd-destination in {} is ready: it goes on with the endpoints and policies it has, and learns of nothing new",
                self.namespace
            );
            let policy = Part { why: Vec::new(), ..Part::of("POLICY", vec![(Health::Disconnected, String::new())]) };
            return vec![Part::of("DESTINATION", vec![(Health::Disconnected, why)]), policy, self.certificate(heard)];
        }
        vec![
            connected("DESTINATION", heard, DESTINATION, "it learns of no new endpoints"),
            connected("POLICY", heard, POLICY, "it learns of no new policies"),
            self.certificate(heard),
        ]
    }

    fn certificate(&self, heard: &Heard) -> Part {
        let kind = "CERTIFICATE";
        let Some(until) = heard.of(EXPIRES).next().and_then(|series| Timestamp::from_second(series.value as i64).ok()) else {
            return Part::of(
                kind,
                vec![(Health::Unknown, format!("it does not say until when its certificate is valid ({EXPIRES})"))],
            );
        };
        if until >= heard.now {
            return Part::of(kind, Vec::new());
        }
        let cause = self.no_certificates().map_or_else(
            || "it can't renew it with an expired one: restart its pod".to_owned(),
            |cause| format!("{cause}; once that is repaired, its pod has to be restarted"),
        );
        let why = format!("its certificate expired at {until}, and new connections fail: {cause}");
        Part { at: Some(until), ..Part::of(kind, vec![(Health::Disconnected, why)]) }
    }

    /// Of a proxy that does not start.
    pub fn first_certificate(&self) -> Part {
        let cause =
            self.no_certificates().unwrap_or_else(|| "linkerd-identity has given it none, and says why in its log".to_owned());
        Part::of(
            "CERTIFICATE",
            vec![(Health::NotSent, format!("it waits for its first certificate, and its pod with it: {cause}"))],
        )
    }

    /// Why nobody gets any.
    fn no_certificates(&self) -> Option<String> {
        match (self.identity, self.issuer) {
            (Some(false), _) => Some(format!("no replica of linkerd-identity in {} is ready", self.namespace)),
            (_, Some(left)) if left < 0.0 => Some(format!(
                "the issuer certificate expired {:.0}s ago (issuer_cert_ttl_seconds), so linkerd-identity signs nothing",
                -left
            )),
            _ => None,
        }
    }
}

fn connected(kind: &'static str, heard: &Heard, metric: &'static str, means: &str) -> Part {
    let found = match heard.balanced(metric, "ready") {
        Some(ready) if ready >= 1.0 => Vec::new(),
        Some(_) => {
            let pending = heard.balanced(metric, "pending").unwrap_or_default();
            vec![(Health::Disconnected, format!("{metric} has ready 0, pending {pending}: {means}"))]
        }
        None => vec![(Health::Unknown, format!("it does not say whether it reaches a controller ({metric})"))],
    };
    Part::of(kind, found)
}

/// Whether its proxy runs and is not ready, which holds back its pod.
pub fn waits(pod: &Object) -> bool {
    view::statuses(pod).iter().any(|one| one.name == "linkerd-proxy" && !one.ready && one.state.running.is_some())
}
