//! Observed edges: what traces, flows and metrics saw, with their names mapped to workloads.
//!
//! A mesh that reads its own metrics does the same with [`party`], [`service_party`] and [`edge`], then pushes an
//! [`ObservedSource`] that says how many series came and how many fit nobody.

use super::class::{self, Hint};
use super::queries::{self, Answered, find};
use super::resolve;
use super::world::World;
use crate::facts::Series;
use crate::model::{Edge, EdgeClass, Evidence, Grade, Model, ObservedSource, Party, WorkloadId};
use std::collections::{BTreeMap, BTreeSet};

/// A workload by namespace and name, whatever its kind: `source_workload` of a metric. `None` if there is no such.
pub fn party(model: &Model, namespace: &str, workload_name: &str) -> Option<Party> {
    model.workload_named(namespace, workload_name).map(Party::Workload)
}

/// Who answers behind a Service: its only workload, else the Service itself (several versions behind one Service
/// can't be told apart by its name). `None` if there is no such Service.
pub fn service_party(model: &Model, namespace: &str, service: &str) -> Option<Party> {
    let id = model.service(namespace, service)?;
    let mut parties = resolve::parties(model, id);
    match parties.len() {
        1 => parties.pop(),
        _ => Some(Party::Service(format!("{namespace}/{service}"))),
    }
}

/// The workload of a pod by the pod's name alone: `web-5d8f7-x2x4z` → Deployment `web`, `db-0` → StatefulSet `db`.
pub fn pod_party(model: &Model, namespace: &str, pod: &str) -> Option<Party> {
    let once = pod.rsplit_once('-').map(|(rest, _)| rest);
    let twice = once.and_then(|rest| rest.rsplit_once('-')).map(|(rest, _)| rest);
    [Some(pod), twice, once].into_iter().flatten().find_map(|name| party(model, namespace, name))
}

/// An observed edge with its class; the source's name and `text` become its evidence.
pub fn edge(model: &Model, from: Party, to: Party, port: Option<u16>, rate: Option<f64>, source: &str, text: String) -> Edge {
    let class = class::classify(model, &from, &to, Hint { port, ..Hint::default() });
    let rate = rate.filter(|r| r.is_finite() && *r > 0.0);
    Edge { from, to, port, protocol: None, class, grade: Grade::Observed, rate, evidence: vec![Evidence::new(source, "", text)] }
}

/// Names as tracing knows them: a workload's or a Service's, in whatever namespace, if only one fits.
struct Names(BTreeMap<String, BTreeSet<Party>>);

impl Names {
    fn new(model: &Model) -> Self {
        let mut names: BTreeMap<String, BTreeSet<Party>> = BTreeMap::new();
        for (id, w) in model.workloads.iter().enumerate() {
            names.entry(w.name.clone()).or_default().insert(Party::Workload(id));
        }
        for s in &model.services {
            if let Some(party) = service_party(model, &s.namespace, &s.name) {
                names.entry(s.name.clone()).or_default().insert(party);
            }
        }
        // `service.name` is often the `app` label, when name and Service carry a release's prefix.
        let mut by_label: BTreeMap<String, BTreeSet<Party>> = BTreeMap::new();
        for (id, w) in model.workloads.iter().enumerate() {
            for key in ["app.kubernetes.io/name", "app.kubernetes.io/component", "app"] {
                if let Some(label) = w.labels.get(key).filter(|label| !names.contains_key(*label)) {
                    by_label.entry(label.clone()).or_default().insert(Party::Workload(id));
                }
            }
        }
        names.extend(by_label);
        Names(names)
    }

    /// `cart` or `shop/cart`.
    fn find(&self, model: &Model, name: &str) -> Option<Party> {
        if let Some((namespace, name)) = name.split_once('/') {
            return party(model, namespace, name).or_else(|| service_party(model, namespace, name));
        }
        let parties = self.0.get(name)?;
        (parties.len() == 1).then(|| parties.first().cloned()).flatten()
    }
}

/// The workload of a `target_info` series, by its Kubernetes labels or its service name.
pub fn resource_party(model: &Model, series: &Series) -> Option<Party> {
    let namespace = series.label("k8s_namespace_name");
    let deployment = series.label("k8s_deployment_name");
    if !namespace.is_empty() && !deployment.is_empty() {
        return party(model, namespace, deployment);
    }
    // OpenTelemetry writes `job` as `service.namespace/service.name`.
    let name = if series.label("service_name").is_empty() { series.label("job") } else { series.label("service_name") };
    let name = name.rsplit('/').next().unwrap_or_default();
    if !namespace.is_empty() {
        return party(model, namespace, name).or_else(|| service_party(model, namespace, name));
    }
    let mut found = model.workloads.iter().enumerate().filter(|(_, w)| w.name == name).map(|(id, _)| id);
    match (found.next(), found.next()) {
        (Some(id), None) => Some(Party::Workload(id)),
        _ => None,
    }
}

/// The workloads whose pods carry a metric; a proxy's own metrics don't count.
pub fn pods_of(model: &Model, series: &[Series]) -> BTreeSet<WorkloadId> {
    let of = |s: &Series| {
        if crate::mesh::marks::is_proxy(s.label("container"), "") {
            return None;
        }
        let namespace = s.label("namespace");
        let by_pod = pod_party(model, namespace, s.label("pod")).filter(|_| !s.label("pod").is_empty());
        match by_pod.or_else(|| service_party(model, namespace, s.label("service")))? {
            Party::Workload(id) => Some(id),
            _ => None,
        }
    };
    series.iter().filter_map(of).collect()
}

/// Adds the edges of every generic source that answered.
pub fn collect(world: &mut World) {
    let facts = world.facts;
    let names = Names::new(&world.model);
    for source in queries::EDGE_SOURCES {
        let Some(answer) = find(facts, source.exists) else { continue };
        if answer.series.is_empty() {
            continue;
        }
        let rates = find(facts, source.rates).map(|a| a.series).unwrap_or_default();
        let traces = source.name == queries::SERVICE_GRAPH.name;
        let (edges, unmapped) = match source.name {
            n if n == queries::SERVICE_GRAPH.name => service_graph(&world.model, &names, &answer, &rates),
            n if n == queries::CARETTA.name => caretta(&world.model, &answer),
            _ => flows(&world.model, &answer, &rates),
        };
        for edge in edges {
            world.model.add_edge(edge);
        }
        world.model.observed.push(ObservedSource {
            name: source.name.to_owned(),
            query: answer.promql,
            window: answer.window,
            series: answer.series.len(),
            unmapped,
            sampling: 1.0,
            caveat: if traces {
                "names are service.name, not Kubernetes names; traces may be sampled, and the share is not in the metric"
                    .to_owned()
            } else if source.name == queries::CARETTA.name {
                String::new()
            } else {
                "bytes flow both ways: without ports the direction is judged by Services and byte counts".to_owned()
            },
        });
    }
}

fn service_graph(model: &Model, names: &Names, answer: &Answered, rates: &[Series]) -> (Vec<Edge>, usize) {
    let (mut edges, mut unmapped) = (Vec::new(), 0);
    for series in &answer.series {
        let (client, server, kind) = (series.label("client"), series.label("server"), series.label("connection_type"));
        let from = if client == "user" { Some(Party::Outside) } else { names.find(model, client) };
        let stands_in = matches!(kind, "database" | "virtual_node" | "messaging_system");
        let to =
            names.find(model, server).or_else(|| (stands_in && !server.is_empty()).then(|| Party::External(server.to_owned())));
        let (Some(from), Some(to)) = (from, to) else {
            unmapped += 1;
            continue;
        };
        if from == to {
            continue;
        }
        let rate = rates.iter().find(|r| r.labels == series.labels).map(|r| r.value);
        let mut edge = edge(model, from, to, None, rate, queries::SERVICE_GRAPH.name, format!("{client} → {server}"));
        // The trace's own word on what the peer is outranks a guess from its name.
        match kind {
            "database" => edge.class = EdgeClass::Datastore,
            "messaging_system" => edge.class = EdgeClass::Broker,
            _ => {}
        }
        edges.push(edge);
    }
    (edges, unmapped)
}

fn caretta(model: &Model, answer: &Answered) -> (Vec<Edge>, usize) {
    let (mut edges, mut unmapped) = (Vec::new(), 0);
    for s in &answer.series {
        let end = |side: &str| {
            let (namespace, name) = (s.label(&format!("{side}_namespace")), s.label(&format!("{side}_name")));
            match s.label(&format!("{side}_kind")) {
                "Service" => service_party(model, namespace, name),
                "external" | "External" => Some(Party::External(name.to_owned())),
                _ => party(model, namespace, name).or_else(|| service_party(model, namespace, name)),
            }
        };
        match (end("client"), end("server")) {
            (Some(from), Some(to)) if from != to => {
                let text = format!("{} → {}", s.label("client_name"), s.label("server_name"));
                edges.push(edge(model, from, to, s.label("server_port").parse().ok(), None, queries::CARETTA.name, text));
            }
            (Some(_), Some(_)) => {}
            _ => unmapped += 1,
        }
    }
    (edges, unmapped)
}

/// Flows are bytes, and bytes flow both ways: a pair of ends becomes one edge towards the server.
fn flows(model: &Model, answer: &Answered, rates: &[Series]) -> (Vec<Edge>, usize) {
    let mut unmapped = 0;
    let mut pairs: BTreeMap<(Party, Party), Flow> = BTreeMap::new();
    let bytes: BTreeMap<&BTreeMap<String, String>, f64> = rates.iter().map(|r| (&r.labels, r.value)).collect();
    for s in &answer.series {
        let end = |side: &str| {
            let (namespace, name) = (s.label(&format!("k8s_{side}_namespace")), s.label(&format!("k8s_{side}_owner_name")));
            party(model, namespace, name)
                .or_else(|| service_party(model, namespace, name))
                .or_else(|| pod_party(model, namespace, name))
        };
        let (Some(from), Some(to)) = (end("src"), end("dst")) else {
            unmapped += 1;
            continue;
        };
        if from == to {
            continue;
        }
        let value = bytes.get(&s.labels).copied().unwrap_or(0.0);
        let (src_port, dst_port) = (s.label("src_port").parse::<u16>().ok(), s.label("dst_port").parse::<u16>().ok());
        let flow = pairs.entry((from, to)).or_default();
        flow.bytes += value;
        flow.to_port.extend(dst_port);
        flow.from_port.extend(src_port);
    }
    let mut edges = Vec::new();
    for ((a, b), there) in &pairs {
        let back = pairs.get(&(b.clone(), a.clone()));
        // Each pair is judged once, in the order of its ends.
        if back.is_some() && a > b {
            continue;
        }
        let empty = Flow::default();
        let back = back.unwrap_or(&empty);
        let to_b = there.to_port.iter().chain(&back.from_port).find(|p| serves(model, b, **p)).copied();
        let to_a = back.to_port.iter().chain(&there.from_port).find(|p| serves(model, a, **p)).copied();
        let declared =
            |x: &Party, y: &Party| model.edges.iter().any(|e| e.from == *x && e.to == *y && e.grade >= Grade::Declared);
        let towards_b = match (to_b.is_some(), to_a.is_some()) {
            (true, false) => true,
            (false, true) => false,
            _ => match (has_service(model, b), has_service(model, a)) {
                (true, false) => true,
                (false, true) => false,
                _ if declared(a, b) != declared(b, a) => declared(a, b),
                // A server answers with more than it was asked with.
                _ => there.bytes <= back.bytes || back.bytes == 0.0,
            },
        };
        let (from, to, port) = if towards_b { (a, b, to_b) } else { (b, a, to_a) };
        let text = if port.is_some() { "flow towards a served port" } else { "flow; direction by Services or byte counts" };
        edges.push(edge(model, from.clone(), to.clone(), port, None, &answer.promql, text.to_owned()));
    }
    (edges, unmapped)
}

#[derive(Default)]
struct Flow {
    bytes: f64,
    to_port: BTreeSet<u16>,
    from_port: BTreeSet<u16>,
}

fn serves(model: &Model, party: &Party, port: u16) -> bool {
    match party {
        Party::Workload(id) => {
            let w = &model.workloads[*id];
            let target = port.to_string();
            w.main_containers().any(|c| c.ports.iter().any(|p| p.number == port))
                || model
                    .services
                    .iter()
                    .any(|s| s.workloads.contains(id) && s.ports.iter().any(|p| p.target == target || p.number == port))
        }
        Party::Service(name) => model
            .services
            .iter()
            .any(|s| format!("{}/{}", s.namespace, s.name) == *name && s.ports.iter().any(|p| p.number == port)),
        _ => false,
    }
}

fn has_service(model: &Model, party: &Party) -> bool {
    match party {
        Party::Workload(id) => model.services.iter().any(|s| s.workloads.contains(id)),
        Party::Service(_) => true,
        _ => false,
    }
}
