//! Dumps that were cut, mixed up or made up: no panic, and what is whole in them is still read.

use super::dump::{Dump, Want};
use super::fault::Fault;
use super::hosts::Hosts;
use super::section::Section;
use super::{certificate, clusters, endpoints, extensions, hosts, listeners, name, redact, routes, secrets};
use crate::json::{self, Raw};
use jiff::Timestamp;
use proptest::prelude::*;

/// Small ones, so that a random cut or change hits a reader.
const HOSTS: &str = include_str!("../../fixtures/envoy/clusters.json");
const SECRETS: &str = include_str!("../../fixtures/envoy/secrets.json");

fn everything(text: &str, raw: bool) {
    let Ok(dump) = Dump::read(text, Want { sections: &Section::ALL, raw }) else { return };
    let shown = (
        clusters::rows(&dump.clusters, &clusters::Filter::default()).len(),
        listeners::rows(&dump.listeners, &listeners::Wanted::default()).len(),
        routes::rows(&dump.routes, "").len(),
        endpoints::rows(&dump.endpoints, &endpoints::Filter::default()).len(),
        secrets::rows(&dump.secrets, Timestamp::UNIX_EPOCH).len(),
        extensions::rows(&dump.extensions).len(),
    );
    drop((shown, dump.faults.iter().map(ToString::to_string).collect::<Vec<_>>()));
}

fn host_rows(text: &str, raw: bool) {
    if let Ok(read) = Hosts::read(text, raw) {
        drop(hosts::rows(&read, &endpoints::Filter::default()));
    }
}

/// Any JSON, with keys that the readers look for.
pub(super) fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let key = prop::sample::select(vec![
        "@type",
        "configs",
        "name",
        "cluster",
        "listener",
        "route_config",
        "version_info",
        "dynamic_listeners",
        "active_state",
        "filter_chains",
        "virtual_hosts",
        "routes",
        "match",
        "address",
        "socket_address",
        "port_value",
        "cluster_statuses",
        "host_statuses",
        "health_status",
        "dynamic_active_clusters",
        "static_clusters",
        "secret",
        "tls_certificate",
        "lb_endpoints",
        "endpoints",
        "metadata",
        "weight",
    ]);
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(|n| serde_json::json!(n)),
        "\\PC{0,12}".prop_map(Into::into),
        Just("type.googleapis.com/envoy.admin.v3.ListenersConfigDump".into()),
        Just("type.googleapis.com/envoy.admin.v3.ClustersConfigDump".into()),
        Just("type.googleapis.com/envoy.admin.v3.RoutesConfigDump".into()),
        Just("type.googleapis.com/envoy.admin.v3.SecretsConfigDump".into()),
    ];
    leaf.prop_recursive(6, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::btree_map(key.clone(), inner, 0..6).prop_map(|map| map
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect::<serde_json::Map<_, _>>()
                .into()),
        ]
    })
}

/// The names of what was read, and what is missing.
type Shown = (Vec<String>, Vec<Fault>);

/// Cut behind any byte: what is shown is the beginning of what the whole shows, and that the rest is missing is told.
#[test]
fn a_cut_answer_shows_its_beginning() {
    let secrets = |text: &str, raw| {
        let dump = Dump::read(text, Want { sections: &[Section::Secrets], raw }).ok()?;
        Some((dump.secrets.iter().map(|one| one.value.name.to_string()).collect(), dump.faults))
    };
    let hosts = |text: &str, raw| {
        let hosts = Hosts::read(text, raw).ok()?;
        Some((hosts.clusters.iter().map(|one| format!("{} {}", &*one.name, one.host_statuses.len())).collect(), hosts.faults))
    };
    let every_cut = |whole: &str, read: &dyn Fn(&str, bool) -> Option<Shown>| {
        for raw in [false, true] {
            let (all, faults) = read(whole, raw).expect("an answer");
            assert!(all.len() > 1 && faults.is_empty(), "{faults:?}");
            for end in 0..whole.trim_end().len() {
                let Some((shown, faults)) = read(&whole[..end], raw) else {
                    assert!(end < 24, "it is not seen what it was, of {end} bytes");
                    continue;
                };
                assert_eq!(shown, all[..shown.len()], "{end}");
                assert!(matches!(faults[..], [Fault::Cut { .. }]), "{end}: {faults:?}");
            }
        }
    };
    every_cut(SECRETS, &secrets);
    every_cut(HOSTS, &hosts);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_json_is_survived(value in any_json(), raw: bool) {
        let text = value.to_string();
        everything(&text, raw);
        everything(&format!("{{\"configs\": [{text}]}}"), raw);
        host_rows(&text, raw);
        host_rows(&format!("{{\"cluster_statuses\": [{text}]}}"), raw);
    }

    #[test]
    fn a_dump_that_is_cut_or_changed_is_survived(cut in 0_usize..40_000, at in 0_usize..40_000, byte in 32_u8..127, raw: bool) {
        for whole in [HOSTS, SECRETS] {
            let mut bytes = whole.as_bytes()[..cut.min(whole.len())].to_vec();
            if let Some(old) = bytes.get_mut(at % cut.max(1)) {
                *old = byte;
            }
            everything(&String::from_utf8_lossy(&bytes), raw);
            host_rows(&String::from_utf8_lossy(&bytes), raw);
        }
    }

    #[test]
    fn any_bytes_are_no_certificate_or_one(bytes in prop::collection::vec(any::<u8>(), 0..300), pem: bool) {
        let text = if pem { format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", String::from_utf8_lossy(&bytes)).into_bytes() } else { bytes };
        drop(certificate::read_pem(&text));
    }

    #[test]
    fn any_name_is_read(text in "(outbound|inbound|[|_.:]|[a-z0-9]{1,5}|\\PC){0,12}") {
        let _ = name::NameParts::of(&text, &[]);
        let _ = name::NameParts::order(&text, &[]);
    }

    #[test]
    fn what_is_shown_raw_stays_json(value in any_json()) {
        let text = value.to_string();
        let shown = json::from_str::<Raw>(&text).map(redact::config);
        prop_assert_eq!(shown.map(|shown| shown.is_object()).ok(), Some(value.is_object()));
    }
}
