//! What sidecars and gateways say of themselves, beside what istiod says of them: `proxy-status --deep`.
//!
//! Two small answers of Envoy's admin port. What lies is left out: `update_rejected` counts refusals of the past, and
//! `days_until_expiration` is 0 for every certificate of a day.

use super::admin;
use crate::facts::{Facts, Need, Object, Outcome, kinds};
use crate::mesh::admin::Speaks;
use crate::mesh::sync::{Health, Part, Told};
use crate::mesh::view::Pod;
use jiff::Timestamp;
use std::collections::BTreeMap;

const STATS: &str = "stats?filter=^(control_plane.connected_state|cluster_manager.warming_clusters|\
                     listener_manager.total_listeners_warming|cluster_manager.cds.version_text|\
                     listener_manager.lds.version_text)$";
const CERTS: &str = "certs";

/// Certificates are renewed at half of their life; one that has less left than a quarter is not.
const LATE: i64 = 4;

struct Proxy<'f> {
    object: &'f Object,
    port: u16,
}

impl Proxy<'_> {
    fn ask(&self, path: &str) -> Need {
        let (namespace, pod) = (self.object.namespace.to_string(), self.object.name.to_string());
        Need::PodGet { namespace, pod, port: self.port, path: path.to_owned() }
    }
}

fn proxies(facts: &Facts) -> Vec<Proxy<'_>> {
    let mut found = Vec::new();
    facts.read::<Pod>(&kinds::POD, |object, pod| {
        let envoy = admin::admins(&pod).into_iter().find(|admin| admin.speaks == Speaks::Envoy);
        if let (Some(envoy), "" | "Running") = (envoy, pod.status.phase.as_str()) {
            found.push(Proxy { object, port: envoy.port });
        }
    });
    found
}

pub fn needs(known: &Facts) -> Vec<Need> {
    proxies(known).iter().flat_map(|proxy| [STATS, CERTS].map(|path| proxy.ask(path))).collect()
}

pub fn reads(need: &Need) -> bool {
    matches!(need, Need::PodGet { path, .. } if path == STATS || path == CERTS)
}

/// Of those that were asked.
pub fn read(facts: &Facts) -> Vec<Told> {
    let answer = |need: &Need| facts.get(need).map(|answer| &answer.outcome);
    let told = |proxy: &Proxy| Some(told(proxy, answer(&proxy.ask(STATS))?, answer(&proxy.ask(CERTS)), facts.now));
    proxies(facts).iter().filter_map(told).collect()
}

fn told(proxy: &Proxy, stats: &Outcome, certs: Option<&Outcome>, now: Timestamp) -> Told {
    let mut told =
        Told { proxy: proxy.object.name.to_string(), namespace: proxy.object.namespace.to_string(), ..Told::default() };
    let stats = match stats {
        Outcome::Bytes(bytes) => String::from_utf8_lossy(bytes),
        other => {
            told.silent = Some(format!("its Envoy gave no answer: {}", other.why()));
            return told;
        }
    };
    let stats: BTreeMap<&str, &str> = stats
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name, value.trim().trim_matches('"')))
        .collect();
    let stat = |name: &str| stats.get(name).copied();
    for (said, name) in [
        ("connected", "control_plane.connected_state"),
        ("warming_clusters", "cluster_manager.warming_clusters"),
        ("warming_listeners", "listener_manager.total_listeners_warming"),
        ("cds_version", "cluster_manager.cds.version_text"),
        ("lds_version", "listener_manager.lds.version_text"),
    ] {
        told.said.extend(stat(name).map(|value| (said, value.to_owned())));
    }
    // Its statistics may be limited to others (`proxyStatsMatcher`); then it says nothing, and nothing is made of that.
    let cut = stat("control_plane.connected_state").filter(|state| *state != "1");
    let cut = cut.map(|state| format!("Envoy says it has no connection (control_plane.connected_state is {state})"));
    told.parts.push(Part::of("XDS", cut.map(|why| (Health::Disconnected, why)).into_iter().collect()));
    for (kind, name, what) in
        [("CDS", "cluster_manager.warming_clusters", "cluster"), ("LDS", "listener_manager.total_listeners_warming", "listener")]
    {
        let count = stat(name).filter(|count| *count != "0");
        let why = |n: &str| {
            (
                Health::Stale,
                format!(
                    "{n} {what}{} warming: accepted, and not in use until a secret or endpoints come",
                    if n == "1" { " is" } else { "s are" }
                ),
            )
        };
        told.parts.push(Part::of(kind, count.map(why).into_iter().collect()));
    }
    match certs {
        Some(Outcome::Bytes(bytes)) => told.certificate(bytes, now, LATE),
        Some(other) => {
            told.parts.push(Part::of("CERTIFICATE", vec![(Health::Unknown, format!("its certificates: {}", other.why()))]))
        }
        None => {}
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::Arc;

    fn heard(stats: &str, from: &str, until: &str) -> Vec<(&'static str, Health, String)> {
        let object = Object { namespace: "shop".into(), name: "web-0".into(), json: "{}".into(), place: None };
        let bytes = |text: String| Outcome::Bytes(Arc::new(text.into_bytes()));
        let certs = json!({"certificates": [
            {"cert_chain": [{"subject_alt_names": [{"dns": "x"}], "valid_from": "2020-01-01T00:00:00Z", "expiration_time": "2020-01-02T00:00:00Z"}]},
            {"cert_chain": [{"subject_alt_names": [{"uri": "spiffe://c/ns/shop/sa/web"}], "valid_from": from, "expiration_time": until}]}]});
        let now = "2026-11-24T12:00:00Z".parse().expect("a time");
        let told = told(&Proxy { object: &object, port: 15000 }, &bytes(stats.to_owned()), Some(&bytes(certs.to_string())), now);
        told.parts.into_iter().map(|part| (part.kind, part.health, part.why.join("; "))).collect()
    }

    const WELL: &str =
        "control_plane.connected_state: 1\ncluster_manager.warming_clusters: 0\nlistener_manager.total_listeners_warming: 0\n";

    #[test]
    fn a_proxy_that_is_well_says_so() {
        let parts = heard(WELL, "2026-11-24T06:00:00Z", "2026-11-25T06:00:00Z");
        assert!(parts.len() == 4 && parts.iter().all(|part| part.1 == Health::Synced), "{parts:?}");
    }

    #[test]
    fn each_fault_is_told() {
        let cut = heard(&WELL.replace("state: 1", "state: 0"), "2026-11-24T06:00:00Z", "2026-11-25T06:00:00Z");
        assert_eq!((cut[0].0, cut[0].1), ("XDS", Health::Disconnected));
        let warming = heard(&WELL.replace("warming: 0", "warming: 2"), "2026-11-24T06:00:00Z", "2026-11-25T06:00:00Z");
        assert!(warming[2].1 == Health::Stale && warming[2].2.starts_with("2 listeners"), "{warming:?}");
        let late = heard(WELL, "2026-11-23T13:00:00Z", "2026-11-24T13:00:00Z");
        assert!(late[3].1 == Health::Stale && late[3].2.contains("ends in 1h"), "{late:?}");
        let over = heard(WELL, "2026-11-22T12:00:00Z", "2026-11-23T12:00:00Z");
        assert!(over[3].2.contains("ended 1d"), "{over:?}");
    }
}
