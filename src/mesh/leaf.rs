//! How long certificates live: those that an Envoy uses, and those that somebody shows.

use super::sync::{Health, Part, Told, age};
use crate::envoy::certificate;
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What is left of a long-lived certificate when somebody has to be told.
const DAYS: i64 = 60;

/// Whether it is an error, and what is wrong. One that lives for days is renewed by itself, so its own life counts.
pub fn verdict(certificate: &certificate::Certificate, now: Timestamp) -> Option<(bool, String)> {
    let left = certificate.days_left(now);
    let life = certificate.days_of_life();
    if left < 0 {
        return Some((true, format!("expired {} days ago", -left)));
    }
    if !certificate.is_valid_at(now) {
        return Some((true, format!("is not valid yet, until {}", certificate.not_before)));
    }
    (left < DAYS && left < life / 5).then(|| (false, format!("expires in {left} days")))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Certificates {
    certificates: Vec<Pair>,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct Pair {
    cert_chain: Vec<Certificate>,
}
#[derive(Deserialize, Default)]
#[serde(default)]
struct Certificate {
    subject_alt_names: Vec<BTreeMap<String, String>>,
    valid_from: String,
    expiration_time: String,
}

impl Told {
    /// The workload's own: that with a SPIFFE identity which ends first.
    /// `late`: what is left of its life, in parts of it, when it should have been renewed.
    pub fn certificate(&mut self, bytes: &[u8], now: Timestamp, late: i64) {
        let all: Certificates = serde_json::from_slice(bytes).unwrap_or_default();
        let leaves = all.certificates.iter().filter_map(|pair| pair.cert_chain.first());
        let own = leaves.filter(|leaf| {
            leaf.subject_alt_names.iter().any(|name| name.get("uri").is_some_and(|uri| uri.starts_with("spiffe://")))
        });
        let times = own.filter_map(|leaf| {
            Some((leaf.expiration_time.parse::<Timestamp>().ok()?, leaf.valid_from.parse::<Timestamp>().ok()?))
        });
        let Some((end, start)) = times.min() else { return };
        self.said.insert("certificate_expires", end.to_string());
        let (left, life) = (end.as_second() - now.as_second(), end.as_second() - start.as_second());
        let found = match left {
            ..=0 => Some(format!("its certificate ended {} ago ({end}): peers refuse it", age(-left))),
            _ if left * late < life => Some(format!(
                "its certificate ends in {} ({end}) and should have been renewed: it lives {}",
                age(left),
                age(life)
            )),
            _ => None,
        };
        self.parts.push(Part::of("CERTIFICATE", found.map(|why| (Health::Stale, why)).into_iter().collect()));
    }
}
