//! Edges that a mesh's metrics saw. Every mesh declares two queries a metric: one for existence over the whole window
//! (`last_over_time`, since `rate` misses a series born in it), one for rates.

use crate::facts::{Facts, Need, Series};
use crate::model::{Edge, EdgeClass, Evidence, Grade, Model, ObservedSource, Party, Role};
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
        format!("count by ({}) (last_over_time({}[{window}]))", self.by.join(", "), self.selector)
    }
    pub fn rate(&self, window: &str) -> String {
        format!("sum by ({}) (rate({}[{window}]))", self.by.join(", "), self.selector)
    }
    pub fn needs(&self, window: &str) -> Vec<Need> {
        let exists = Need::query(self.exists(window));
        if self.requests { vec![exists, Need::query(self.rate(window))] } else { vec![exists] }
    }

    /// Adds an observed edge for each series that `call` can map; the others are counted, never dropped silently.
    pub fn observe(&self, facts: &Facts, model: &mut Model, call: impl Fn(&Model, &Series) -> Option<Call>) {
        let Some(window) = facts.window().map(str::to_owned) else { return };
        let query = self.exists(&window);
        let Some(series) = facts.series(&query) else { return };
        if series.is_empty() {
            return;
        }
        let rates: BTreeMap<_, _> =
            facts.series(&self.rate(&window)).unwrap_or_default().into_iter().map(|s| (s.labels, s.value)).collect();
        let mut unmapped = 0;
        for one in &series {
            let Some(Call { from, to, port, protocol }) = call(model, one) else {
                unmapped += 1;
                continue;
            };
            if from == to {
                continue;
            }
            let class = class(model, &from, &to);
            let labels: Vec<String> = one.labels.iter().map(|(key, value)| format!("{key}={value:?}")).collect();
            let metric = self.selector.split('{').next().unwrap_or(self.selector);
            let evidence = vec![Evidence::new(self.name, metric, labels.join(","))];
            let rate = rates.get(&one.labels).copied().filter(|rate| rate.is_finite());
            model.add_edge(Edge { from, to, port, protocol, class, grade: Grade::Observed, rate, evidence });
        }
        model.observed.push(ObservedSource {
            name: self.name.to_owned(),
            query,
            window,
            series: series.len(),
            unmapped,
            sampling: 1.0,
            caveat: self.caveat.to_owned(),
        });
    }
}

/// A workload by namespace and name, or the Service's workload, or the Service itself.
pub fn party(model: &Model, namespace: &str, workload: &str, service: &str) -> Option<Party> {
    let named = |name: &str| !name.is_empty() && name != "unknown";
    if named(workload)
        && let Some(id) = model.workload_named(namespace, workload)
    {
        return Some(Party::Workload(id));
    }
    let service = if named(service) { model.service(namespace, service)? } else { return None };
    let service = &model.services[service];
    Some(match service.workloads.first() {
        Some(id) => Party::Workload(*id),
        None => Party::Service(format!("{}/{}", service.namespace, service.name)),
    })
}

/// What kind of call it is, by what the two ends are.
pub fn class(model: &Model, from: &Party, to: &Party) -> EdgeClass {
    let role = |party: &Party| match party {
        Party::Workload(id) => Some(model.workloads[*id].role),
        _ => None,
    };
    match (role(from), role(to)) {
        _ if *from == Party::Outside => EdgeClass::Entry,
        (Some(Role::LoadGenerator), _) => EdgeClass::LoadGenerator,
        (Some(Role::Telemetry), _) => EdgeClass::Scrape,
        (Some(Role::Gateway), _) => EdgeClass::Entry,
        (_, Some(Role::Datastore)) => EdgeClass::Datastore,
        (_, Some(Role::Broker)) => EdgeClass::Broker,
        (_, Some(Role::Telemetry | Role::Mesh | Role::System)) => EdgeClass::Telemetry,
        _ => EdgeClass::Rpc,
    }
}
