//! Edges that a mesh's metrics saw. Every mesh declares two queries a metric: one for existence over the whole window
//! (`last_over_time`, since `rate` misses a series born in it), one for rates.

use crate::facts::{Facts, Need, Series, kinds};
use crate::kubernetes::class::{Hint, classify};
use crate::kubernetes::observed as neutral;
use crate::kubernetes::queries::find;
use crate::model::{Edge, EdgeClass, Evidence, Grade, Model, ObservedSource, Party};
use std::collections::BTreeMap;

/// A metric that shows who called whom.
pub struct Metric {
    /// Shown to the user: `Istio metrics`.
    pub name: &'static str,
    /// Metric with its matchers: `istio_requests_total{reporter="source"}`.
    pub selector: &'static str,
    /// Labels to group by.
    pub by: &'static [&'static str],
    /// The value counts requests, so a rate is requests per second.
    pub requests: bool,
    /// Series begin at 0, before the first call: one that never rose shows what is configured, not who called.
    pub from_zero: bool,
    pub caveat: &'static str,
}

/// What a series says.
pub struct Call {
    pub from: Party,
    pub to: Party,
    pub port: Option<u16>,
    pub protocol: Option<String>,
}

impl Metric {
    pub fn exists(&self, window: &str) -> String {
        let risen = if self.from_zero { " > 0" } else { "" };
        format!("count by ({}) (last_over_time({}[{window}]){risen})", self.by.join(", "), self.selector)
    }
    pub fn rate(&self, window: &str) -> String {
        format!("sum by ({}) (rate({}[{window}]))", self.by.join(", "), self.selector)
    }
    pub fn needs(&self, window: Option<&str>) -> Vec<Need> {
        let Some(window) = window else { return Vec::new() };
        let exists = Need::query(self.exists(window));
        if self.requests { vec![exists, Need::query(self.rate(window))] } else { vec![exists] }
    }

    /// Adds an observed edge for each series that `call` can map; the others are counted, never dropped silently.
    pub fn observe(&self, facts: &Facts, model: &mut Model, call: impl Fn(&Model, &Series) -> Option<Call>) {
        let Some(answer) = find(facts, &self.exists("{window}")) else { return };
        if answer.series.is_empty() {
            return;
        }
        let rates = find(facts, &self.rate("{window}")).map(|answer| answer.series).unwrap_or_default();
        let rates: BTreeMap<_, _> = rates.into_iter().map(|s| (s.labels, s.value)).collect();
        let mut unmapped = 0;
        for one in &answer.series {
            let Some(Call { from, to, port, protocol }) = call(model, one) else {
                unmapped += 1;
                continue;
            };
            if from == to {
                continue;
            }
            let class = classify(model, &from, &to, Hint { port, ..Hint::default() });
            let labels: Vec<String> = one.labels.iter().map(|(key, value)| format!("{key}={value:?}")).collect();
            let metric = self.selector.split('{').next().unwrap_or(self.selector);
            let evidence = vec![Evidence::new(self.name, metric, labels.join(","))];
            let rate = rates.get(&one.labels).copied().filter(|rate| rate.is_finite());
            model.add_edge(Edge { from, to, port, protocol, class, grade: Grade::Observed, rate, evidence });
        }
        model.observed.push(ObservedSource {
            name: self.name.to_owned(),
            query: answer.promql,
            window: answer.window,
            series: answer.series.len(),
            unmapped,
            sampling: 1.0,
            caveat: self.caveat.to_owned(),
        });
    }
}

/// Whether a mesh with kinds of this API group may be there: decided once the list of kinds has been asked for, so that
/// metrics which only it has are asked in a later round, and not at all where it certainly is not.
pub fn may_have(known: &Facts, group: &str) -> bool {
    let kinds = &kinds::CUSTOM_RESOURCE_DEFINITION;
    let of_group = |name: &str| name.split_once('.').is_some_and(|(_, of)| of == group || of.ends_with(&format!(".{group}")));
    known.has(&Need::list(kinds)) && (!known.seen(kinds) || known.objects(kinds).iter().any(|crd| of_group(&crd.name)))
}

/// A workload by namespace and name, or who answers behind the Service; `None` for names that say nothing.
pub fn party(model: &Model, namespace: &str, workload: &str, service: &str) -> Option<Party> {
    let named = |name: &str| !name.is_empty() && name != "unknown";
    let workload = Some(workload).filter(|name| named(name)).and_then(|name| neutral::party(model, namespace, name));
    workload.or_else(|| neutral::service_party(model, namespace, Some(service).filter(|name| named(name))?))
}

/// What kind of call it is, by what the two ends are.
pub fn class(model: &Model, from: &Party, to: &Party) -> EdgeClass {
    classify(model, from, to, Hint::default())
}
