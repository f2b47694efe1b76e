//! Whether more requests fail than before: counted by the proxies themselves, host by host, or asked of a Prometheus.

use super::Canary;
use super::moving::{Move, pause};
use crate::commands::fleet::{self, Who};
use crate::commands::load::{block_on, now};
use crate::error::{Error, Kind, Result};
use crate::facts::{Facts, Need, Outcome, SourceKind};
use crate::source::live::prometheus::Prometheus;
use crate::source::visit::{Answers, Questions};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// More proxies than this are not asked every few seconds: then only those of the wave are.
const MANY: usize = 300;

/// A share of requests; none, if there were no requests.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rate(pub Option<f64>);

impl Rate {
    pub fn parse(text: &str) -> std::result::Result<Rate, String> {
        let number = text.trim().trim_end_matches('%').trim().parse::<f64>().ok();
        let number = number.filter(|n| (0.0..=100.0).contains(n)).ok_or("write a percentage, such as 1% or 0.5%")?;
        Ok(Rate(Some(number / 100.0)))
    }

    fn of(failed: u64, total: u64) -> Rate {
        Rate((total > 0).then(|| failed as f64 / total as f64))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(share) => write!(f, "{:.2}%", share * 100.0),
            None => f.write_str("unknown"),
        }
    }
}

/// Counters of the hosts behind clusters, and how they grow. A host that is seen for the first time began at zero.
#[derive(Debug, Default)]
pub struct Meter {
    last: BTreeMap<(String, String), (u64, u64)>,
    begun: bool,
    pub total: u64,
    pub failed: u64,
}

impl Meter {
    /// `texts`: what proxies say of their clusters, by proxy. `counts`: whether a cluster of a proxy does.
    fn add(&mut self, texts: &[(String, Vec<Host>)]) {
        for (proxy, hosts) in texts {
            for host in hosts {
                let last = self.last.entry((proxy.clone(), host.name.clone())).or_default();
                if self.begun {
                    self.total += host.total.saturating_sub(last.0);
                    self.failed += host.failed.saturating_sub(last.1);
                }
                *last = (host.total, host.failed);
            }
        }
        self.begun = true;
    }
}

/// One host of one cluster, as a proxy counts it.
#[derive(Clone, Debug, PartialEq)]
pub struct Host {
    name: String,
    total: u64,
    failed: u64,
}

/// `cluster::10.0.0.1:80::rq_total::7`, of the clusters that count.
fn hosts(text: &str, counts: &dyn Fn(&str) -> bool) -> Vec<Host> {
    let mut found: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for line in text.lines() {
        let Some((rest, value)) = line.rsplit_once("::") else { continue };
        let Some((host, counter)) = rest.rsplit_once("::") else { continue };
        let (Ok(value), true) = (value.parse::<u64>(), counts(host.split("::").next().unwrap_or_default())) else { continue };
        let sums = match counter {
            "rq_total" => (value, 0),
            // A connection that was never made fails a request that no host counts.
            "rq_error" | "cx_connect_fail" => (0, value),
            _ => continue,
        };
        let one = found.entry(host).or_default();
        *one = (one.0 + sums.0, one.1 + sums.1);
    }
    found.into_iter().map(|(name, (total, failed))| Host { name: name.to_owned(), total, failed }).collect()
}

struct Ask {
    /// Of each proxy: does it belong to the wave?
    own: Vec<bool>,
    by: &'static dyn crate::mesh::revisions::Revisions,
    namespaces: Vec<String>,
}

impl Questions for Ask {
    type Made = Vec<Host>;

    fn next(&self, _: usize, known: &Answers) -> Vec<String> {
        if known.is_empty() { vec!["clusters".to_owned()] } else { Vec::new() }
    }

    fn done(&self, number: usize, known: Answers) -> Vec<Host> {
        // A proxy that ends while it is asked has said its last number before.
        let Some(Outcome::Bytes(bytes)) = known.into_iter().next().map(|(_, answer)| answer.outcome) else { return Vec::new() };
        let own = self.own.get(number).copied().unwrap_or(false);
        hosts(&String::from_utf8_lossy(&bytes), &|cluster| self.by.counts(cluster, own, &self.namespaces))
    }
}

/// Looks at a wave before, while and after it moves.
pub struct Gate<'c, 'a> {
    canary: &'c Canary<'a>,
    namespaces: BTreeSet<String>,
    prometheus: Option<Prometheus>,
    before: Rate,
    meter: Meter,
    /// Nothing is looked at.
    off: bool,
}

impl<'c, 'a> Gate<'c, 'a> {
    pub fn none(canary: &'c Canary<'a>) -> Self {
        let (namespaces, before, meter) = (BTreeSet::new(), Rate(None), Meter::default());
        Gate { canary, namespaces, prometheus: None, before, meter, off: true }
    }

    /// Watches for a while how many requests fail before anything is moved.
    pub fn new(canary: &'c Canary<'a>, wave: &[Move]) -> Result<Self> {
        let url = canary.args.prometheus.as_deref();
        let new = |url: &str| Prometheus::with_token(url, canary.ctx.global.request_timeout, canary.args.token.clone());
        let namespaces = wave.iter().map(|one| one.namespace.clone()).collect();
        let mut gate = Gate { namespaces, prometheus: url.map(new).transpose()?, off: false, ..Gate::none(canary) };
        if wave.iter().all(|one| one.workloads.is_empty()) {
            gate.off = true;
            return Ok(gate);
        }
        let (rate, ..) = gate.watched()?;
        gate.before = rate;
        gate.meter = Meter::default();
        gate.look()?;
        Ok(gate)
    }

    /// Counts what came since the last look.
    pub fn look(&mut self) -> Result<()> {
        if self.off || self.prometheus.is_some() {
            return Ok(());
        }
        let texts = self.ask(None)?;
        self.meter.add(&texts);
        Ok(())
    }

    fn ask(&self, only: Option<&str>) -> Result<Vec<(String, Vec<Host>)>> {
        let who = Who::envoys();
        let namespaces: Vec<String> = self.namespaces.iter().cloned().collect();
        let mut many = false;
        let visited = fleet::ask(&self.canary.of(only), who, |found| {
            many = only.is_none() && found.proxies.len() > MANY;
            let own = found.proxies.iter().map(|proxy| self.namespaces.contains(&proxy.namespace)).collect();
            Ask { own, by: self.canary.by, namespaces: namespaces.clone() }
        });
        match visited {
            Ok(_) if many => {
                let each = namespaces.iter().map(|name| self.ask(Some(name.as_str())));
                Ok(each.collect::<Result<Vec<_>>>()?.concat())
            }
            Ok(visited) => Ok(visited.proxies.into_iter().map(|(proxy, hosts)| (proxy.name(), hosts)).collect()),
            // No proxy there is no request either; anything else is worth a word.
            Err(error) if error.kind == Kind::Input => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// So many seconds, and how many requests failed in them.
    fn watched(&mut self) -> Result<(Rate, u64, u64)> {
        let until = now() + self.canary.args.settle;
        let progress = self.canary.ctx.ui.progress("watching requests");
        self.look()?;
        while now() < until {
            progress.say(&format!("watching requests: {} of {} failed", self.meter.failed, self.meter.total));
            pause()?;
            self.look()?;
        }
        match &self.prometheus {
            Some(prometheus) => Ok((self.told(prometheus)?, 0, 0)),
            None => Ok((Rate::of(self.meter.failed, self.meter.total), self.meter.total, self.meter.failed)),
        }
    }

    fn told(&self, prometheus: &Prometheus) -> Result<Rate> {
        let seconds = self.canary.args.settle.as_secs().max(30);
        let queries = self.namespaces.iter().map(|name| Need::query(self.canary.by.failures(name, seconds)));
        let mut facts = Facts::new("", SourceKind::Live, now());
        block_on(async {
            prometheus.answer(queries.collect(), &mut facts).await;
            Ok(())
        })?;
        let mut worst: Option<f64> = None;
        for (_, answer) in facts.iter() {
            match &answer.outcome {
                Outcome::Text(text) => {
                    worst = match (worst, share(text)) {
                        (Some(one), Some(other)) => Some(one.max(other)),
                        (one, other) => one.or(other),
                    }
                }
                other => {
                    return Err(Error::new(Kind::Unreachable, "Prometheus does not tell how many requests fail")
                        .cause(other.why().to_owned())
                        .hint("leave --prometheus out: then the proxies are asked"));
                }
            }
        }
        Ok(Rate(worst))
    }

    /// Goes on watching, and refuses what is worse than before by more than is allowed.
    pub fn settled(mut self) -> Result<(Rate, u64, u64)> {
        if self.off {
            return Ok((Rate(None), 0, 0));
        }
        let (rate, total, failed) = self.watched()?;
        match rate.0 {
            None => self.canary.ctx.ui.warning("no request was seen, so nothing is known of failures"),
            Some(share) if share > self.before.0.unwrap_or(0.0) + self.canary.args.max_error_rate.0.unwrap_or(0.0) => {
                let counted = if total > 0 { format!(" ({failed} of {total})") } else { String::new() };
                return Err(Error::new(Kind::Unreachable, format!("{rate} of requests failed{counted}"))
                    .cause(format!("before it was {}, and {} more is allowed", self.before, self.canary.args.max_error_rate)));
            }
            Some(_) => {}
        }
        Ok((rate, total, failed))
    }
}

/// The number of an instant vector; none, if it has none or nobody asked.
fn share(text: &str) -> Option<f64> {
    #[derive(Deserialize)]
    struct Data {
        result: Vec<Sample>,
    }
    #[derive(Deserialize)]
    struct Sample {
        value: (f64, String),
    }
    let data: Data = serde_json::from_str(text).ok()?;
    data.result.first()?.value.1.parse::<f64>().ok().filter(|share| share.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_is_counted_and_what_is_new_began_at_zero() {
        let of = |hosts: &[(&str, u64, u64)]| {
            let host =
                |(name, total, failed): &(&str, u64, u64)| Host { name: (*name).to_owned(), total: *total, failed: *failed };
            vec![("p".to_owned(), hosts.iter().map(host).collect::<Vec<_>>())]
        };
        let mut meter = Meter::default();
        meter.add(&of(&[("a", 100, 7)]));
        assert_eq!((meter.total, meter.failed), (0, 0), "what was before is not ours");
        meter.add(&of(&[("a", 110, 7), ("b", 5, 1)]));
        assert_eq!((meter.total, meter.failed), (15, 1));
        meter.add(&of(&[("a", 3, 0)]));
        assert_eq!((meter.total, meter.failed), (15, 1), "a proxy that began anew takes nothing away");
    }

    #[test]
    fn hosts_are_read_from_the_clusters_that_count() {
        let text = "in::10.0.0.1:80::rq_total::7\nin::10.0.0.1:80::rq_error::2\nin::10.0.0.1:80::cx_connect_fail::1\n\
                    in::default_priority::max_requests::1024\nxds::1.1.1.1:1::rq_total::9\nin::[::1]:80::rq_total::4\nnoise\n";
        let found = hosts(text, &|cluster| cluster == "in");
        let host = |name: &str, total, failed| Host { name: name.to_owned(), total, failed };
        assert_eq!(found, [host("in::10.0.0.1:80", 7, 3), host("in::[::1]:80", 4, 0)]);
    }

    #[test]
    fn rates() {
        assert_eq!(Rate::parse("0.5%"), Ok(Rate(Some(0.005))));
        assert_eq!(Rate::parse("2").map(|rate| rate.to_string()).as_deref(), Ok("2.00%"));
        assert!(Rate::parse("-1").is_err() && Rate::parse("x").is_err() && Rate::parse("101").is_err());
        assert_eq!(Rate::of(0, 0).to_string(), "unknown");
        assert_eq!(share(r#"{"resultType":"vector","result":[{"metric":{},"value":[1,"0.25"]}]}"#), Some(0.25));
        assert_eq!(share(r#"{"resultType":"vector","result":[{"metric":{},"value":[1,"NaN"]}]}"#), None);
    }
}
