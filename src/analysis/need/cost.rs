//! What a mesh would cost: *used* from published figures, *reserved* from default requests. Reservation, not use,
//! dominates at default requests, so both are shown.

use super::told::Told;
use crate::mesh::{Candidate, CostFigure, MESHES};
use crate::model::{EdgeClass, Model, Resources, Role, Workload};
use serde::Serialize;
use std::collections::BTreeSet;

/// Low and high.
pub type Range = (f64, f64);

/// What the cost depends on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Load {
    /// Pods that would be in the mesh: now, and with every autoscaler at its maximum.
    pub pods: (u64, u64),
    /// Linux nodes; null when nodes were not seen.
    pub nodes: Option<u64>,
    /// Requests per second between services.
    pub rps: Option<f64>,
    /// `metrics` or `your word`.
    pub rps_source: Option<&'static str>,
    /// Layer-7 proxies where those are separate: one a namespace.
    pub l7_proxies: u64,
    /// What the cluster's pods request now; null when unknown.
    pub requested: Option<Resources>,
    /// Free CPU (millicores) and memory (bytes) of each node.
    #[serde(skip)]
    pub free: Vec<Resources>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Cost {
    pub load: Load,
    pub candidates: Vec<Priced>,
}

/// Cores and memory as low..high; null where no figure is published or the load isn't known.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Amount {
    pub cores: Option<Range>,
    /// Why there is no number, where there is none.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub no_cores: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub no_memory: &'static str,
    /// GB (10⁹) for used, GiB (2³⁰) for reserved: as published and as Kubernetes counts.
    pub memory: Option<Range>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Priced {
    pub candidate: &'static str,
    pub name: &'static str,
    pub used: Amount,
    pub reserved: Amount,
    /// Control plane's default requests: cores, GiB; not in `reserved`.
    pub control_plane: Option<(f64, f64)>,
    /// Reserved CPU as a percentage of what is requested now.
    pub percent_of_requests: Option<Range>,
    /// Nodes without room for their share, of nodes whose room is known.
    pub short_nodes: Option<(usize, usize)>,
    pub note: &'static str,
    pub figures: &'static [CostFigure],
}

/// Would carry a proxy, or be reached through one.
pub fn meshable(workload: &Workload) -> bool {
    let role = matches!(workload.role, Role::App | Role::Datastore);
    role && !workload.kind.is_batch() && !workload.host_network && workload.os.as_deref() != Some("windows")
}

pub fn load(model: &Model, told: &Told) -> Load {
    let mut pods = (0_u64, 0_u64);
    for (id, workload) in model.workloads.iter().enumerate().filter(|(_, w)| meshable(w)) {
        let now = u64::from(workload.replicas);
        let highest = model.autoscalers.iter().filter(|a| a.target == Some(id)).map(|a| u64::from(a.max)).max();
        pods.0 += now;
        pods.1 += highest.unwrap_or(now).max(now);
    }
    let observed: Vec<f64> = model.edges.iter().filter(|e| e.class == EdgeClass::Rpc).filter_map(|e| e.rate).collect();
    let (rps, rps_source) = match (told.rps(), observed.is_empty()) {
        (Some(rps), _) => (Some(rps), Some("your word")),
        (None, false) => (Some(observed.iter().sum()), Some("metrics")),
        (None, true) => (None, None),
    };
    let linux = || model.cluster.nodes.iter().filter(|node| node.os != "windows");
    let apps = model.workloads.iter().filter(|w| w.role == Role::App && meshable(w));
    let free = |node: &crate::model::Node| {
        node.requested.map(|requested| Resources {
            cpu_milli: node.allocatable.cpu_milli.saturating_sub(requested.cpu_milli),
            memory_bytes: node.allocatable.memory_bytes.saturating_sub(requested.memory_bytes),
        })
    };
    Load {
        pods,
        nodes: Some(linux().count() as u64).filter(|count| *count > 0),
        rps,
        rps_source,
        l7_proxies: apps.map(|w| w.namespace.as_str()).collect::<BTreeSet<_>>().len() as u64,
        requested: requested(model),
        free: linux().filter_map(free).collect(),
    }
}

/// Of the nodes where known, else of the templates.
fn requested(model: &Model) -> Option<Resources> {
    let mut sum = Resources::default();
    let nodes: Vec<Resources> = model.cluster.nodes.iter().filter_map(|node| node.requested).collect();
    for node in &nodes {
        sum.cpu_milli = sum.cpu_milli.saturating_add(node.cpu_milli);
        sum.memory_bytes = sum.memory_bytes.saturating_add(node.memory_bytes);
    }
    if nodes.is_empty() {
        for workload in &model.workloads {
            for request in workload.main_containers().filter_map(|c| c.requests) {
                let replicas = u64::from(workload.replicas);
                sum.cpu_milli = sum.cpu_milli.saturating_add(request.cpu_milli.saturating_mul(replicas));
                sum.memory_bytes = sum.memory_bytes.saturating_add(request.memory_bytes.saturating_mul(replicas));
            }
        }
    }
    (sum.cpu_milli > 0).then_some(sum)
}

pub fn cost(load: Load) -> Cost {
    let candidates = MESHES.iter().flat_map(|mesh| mesh.candidates()).map(|candidate| price(candidate, &load)).collect();
    Cost { load, candidates }
}

pub fn price(candidate: &Candidate, load: &Load) -> Priced {
    let reserved = reserved(candidate, load);
    let percent = load.requested.and_then(|now| {
        let now = now.cpu_milli as f64 / 1000.0;
        reserved.cores.map(|(low, high)| (100.0 * low / now, 100.0 * high / now))
    });
    Priced {
        candidate: candidate.id,
        name: candidate.name,
        used: used(candidate, load),
        short_nodes: short_nodes(candidate, load, &reserved),
        reserved,
        control_plane: candidate.cost.control_plane_request.map(|(cpu, mib)| (f64::from(cpu) / 1000.0, f64::from(mib) / 1024.0)),
        percent_of_requests: percent,
        note: candidate.cost.note,
        figures: candidate.cost.figures,
    }
}

/// Every call passes two proxies; a separate layer-7 proxy is passed once, by none (low) or all calls (high).
fn used(candidate: &Candidate, load: &Load) -> Amount {
    let cost = &candidate.cost;
    let krps = load.rps.map(|rps| rps / 1000.0);
    let cores = krps.zip(cost.cpu_milli_per_krps).map(|(krps, (low, high))| {
        let l7 = cost.l7.map_or(0.0, |l7| l7.cpu_milli_per_krps * krps);
        (low * 2.0 * krps / 1000.0, (high * 2.0 * krps + l7) / 1000.0)
    });
    let memory = cost.memory_mb_per_proxy.zip(proxies(candidate, load)).map(|((low, high), (few, many))| {
        let l7 = cost.l7.map_or(0.0, |l7| l7.memory_mb * load.l7_proxies as f64);
        (low * few / 1000.0, (high * many + l7) / 1000.0)
    });
    let why = |published: bool, known: bool, unknown: &'static str| match (published, known) {
        (false, _) => "no figure published",
        (true, false) => unknown,
        (true, true) => "",
    };
    let no_cores = why(cost.cpu_milli_per_krps.is_some(), cores.is_some(), "request rate unknown");
    let no_memory = why(cost.memory_mb_per_proxy.is_some(), memory.is_some(), "nodes not seen");
    Amount { cores, memory, no_cores, no_memory }
}

fn reserved(candidate: &Candidate, load: &Load) -> Amount {
    let cost = &candidate.cost;
    let none = (0_u32, 0_u32);
    let (low, high) = match (cost.proxy_request, cost.proxy_request_ha) {
        (Some(request), _) => (request, request),
        (None, Some(ha)) => (none, ha),
        (None, None) => return nothing("no figure published"),
    };
    let Some((few, many)) = proxies(candidate, load) else { return nothing("nodes not seen") };
    let nodes = load.nodes.unwrap_or_default() as f64;
    let sum = |part: fn((u32, u32)) -> u32, unit: f64| {
        let node = nodes * f64::from(part(cost.node_request.unwrap_or(none)));
        let l7 = load.l7_proxies as f64 * f64::from(cost.l7.map_or(0, |l7| part(l7.request)));
        let proxy = |request, count| f64::from(part(request)) * count;
        Some(((proxy(low, few) + node) / unit, (proxy(high, many) + node + l7) / unit))
    };
    Amount { cores: sum(|r| r.0, 1000.0), memory: sum(|r| r.1, 1024.0), ..Amount::default() }
}

fn nothing(why: &'static str) -> Amount {
    Amount { no_cores: why, no_memory: why, ..Amount::default() }
}

/// How many proxies: pods now and at most, or nodes.
fn proxies(candidate: &Candidate, load: &Load) -> Option<Range> {
    if candidate.cost.per_pod {
        return Some((load.pods.0 as f64, load.pods.1 as f64));
    }
    load.nodes.map(|nodes| (nodes as f64, nodes as f64))
}

/// Each node's even share of what is reserved now against what is free on it. Where pods really land isn't known, so
/// cluster totals are avoided: they hide the full nodes.
fn short_nodes(candidate: &Candidate, load: &Load, reserved: &Amount) -> Option<(usize, usize)> {
    let nodes = load.nodes? as f64;
    if load.free.is_empty() || (reserved.cores?.1 <= 0.0 && reserved.memory?.1 <= 0.0) {
        return None;
    }
    // With no default request the high-availability value is what would be reserved.
    let pick = |range: Range| if candidate.cost.proxy_request.is_some() { range.0 } else { range.1 };
    let (cores, gib) = (pick(reserved.cores?) / nodes, pick(reserved.memory?) / nodes);
    let short = |free: &&Resources| {
        (free.cpu_milli as f64) < cores * 1000.0 || (free.memory_bytes as f64) < gib * 1024.0 * 1024.0 * 1024.0
    };
    Some((load.free.iter().filter(short).count(), load.free.len()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::model::{Autoscaler, Grade, Node};

    fn worked() -> Load {
        Load {
            pods: (500, 500),
            nodes: Some(50),
            rps: Some(10_000.0),
            rps_source: Some("your word"),
            l7_proxies: 40,
            requested: Some(Resources { cpu_milli: 500_000, memory_bytes: 0 }),
            free: vec![Resources { cpu_milli: 900, memory_bytes: 8 << 30 }, Resources { cpu_milli: 2000, memory_bytes: 8 << 30 }],
        }
    }

    fn priced(per_pod: bool, load: &Load) -> Priced {
        let mut all = MESHES.iter().flat_map(|mesh| mesh.candidates());
        let figures = |c: &&Candidate| c.cost.cpu_milli_per_krps.is_some() && c.cost.per_pod == per_pod;
        price(all.find(figures).expect("one with a CPU figure"), load)
    }

    fn near(range: Option<Range>, low: f64, high: f64) {
        let (a, b) = range.expect("a range");
        assert!((a - low).abs() < 0.06 && (b - high).abs() < 0.06, "{a} .. {b}, wanted {low} .. {high}");
    }

    /// The worked check of the research: 500 pods, 50 nodes, 10,000 requests/s, 40 waypoints.
    #[test]
    fn sidecars_use_four_cores_and_reserve_fifty() {
        let sidecar = priced(true, &worked());
        near(sidecar.used.cores, 4.0, 4.0);
        near(sidecar.used.memory, 30.0, 30.0);
        near(sidecar.reserved.cores, 50.0, 50.0);
        near(sidecar.reserved.memory, 62.5, 62.5);
        near(sidecar.percent_of_requests, 10.0, 10.0);
        assert_eq!(sidecar.short_nodes, Some((1, 2)), "one core a node is needed; one of two has less");
    }

    #[test]
    fn node_proxies_use_little_and_waypoints_add() {
        let node = priced(false, &worked());
        near(node.used.cores, 1.2, 1.2 + 2.5);
        near(node.used.memory, 0.6, 0.6 + 2.4);
        near(node.reserved.cores, 15.0, 15.0 + 4.0);
        near(node.reserved.memory, 29.9, 29.9 + 5.0);
    }

    #[test]
    fn what_is_not_known_is_not_computed() {
        let load = Load { rps: None, nodes: None, ..worked() };
        assert_eq!(priced(true, &load).used.cores, None);
        let node = priced(false, &load);
        assert_eq!((node.reserved.cores, node.reserved.no_cores), (None, "nodes not seen"));
        assert_eq!(node.used.no_cores, "request rate unknown");
    }

    #[test]
    fn pods_count_apps_and_datastores_up_to_the_autoscalers_maximum() {
        let mut model = star(4, Grade::Observed);
        model.workloads[1].role = Role::Datastore;
        model.workloads[2].host_network = true;
        model.workloads[3].role = Role::Telemetry;
        model.workloads[0].replicas = 2;
        model.edges[0].rate = Some(7.5);
        model.cluster.nodes.push(Node { os: "linux".to_owned(), ..Node::default() });
        model.autoscalers.push(Autoscaler {
            namespace: "shop".to_owned(),
            name: "w0".to_owned(),
            target: Some(0),
            target_name: "w0".to_owned(),
            min: 2,
            max: 10,
            metrics: Vec::new(),
            on_pod_cpu: true,
        });
        let load = load(&model, &told(&[], &[]));
        assert_eq!((load.pods, load.nodes, load.rps), ((3, 11), Some(1), Some(7.5)));
        assert_eq!(super::load(&model, &told(&[], &["rps=5000"])).rps, Some(5000.0));
    }
}
