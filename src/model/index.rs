//! Lookup tables, so that a model of ten thousand workloads is built in one pass.

use super::{Edge, EdgeClass, Party, Service, ServiceId, Workload, WorkloadId};
use std::collections::BTreeMap;

type ByName<T> = BTreeMap<String, BTreeMap<String, T>>;

/// Lookup tables of a [`super::Model`]. A table that no longer fits its list (somebody pushed by hand) is not used.
#[derive(Clone, Debug, Default)]
pub struct Index {
    workloads: ByName<Vec<WorkloadId>>,
    workload_count: usize,
    services: ByName<ServiceId>,
    service_count: usize,
    edges: BTreeMap<(Party, Party, EdgeClass), Vec<usize>>,
    edge_count: usize,
}

impl Index {
    pub(super) fn new(workloads: &[Workload], services: &[Service], edges: &[Edge]) -> Self {
        let mut index = Index { workload_count: workloads.len(), service_count: services.len(), ..Index::default() };
        for (id, w) in workloads.iter().enumerate() {
            index.workloads.entry(w.namespace.clone()).or_default().entry(w.name.clone()).or_default().push(id);
        }
        for (id, s) in services.iter().enumerate() {
            index.services.entry(s.namespace.clone()).or_default().entry(s.name.clone()).or_insert(id);
        }
        index.edges(edges);
        index
    }

    fn edges(&mut self, edges: &[Edge]) {
        self.edges.clear();
        self.edge_count = 0;
        for (at, edge) in edges.iter().enumerate() {
            self.note_edge(at, edge);
        }
    }

    /// `None` when the table is out of date.
    pub(super) fn workloads(&self, workloads: &[Workload], namespace: &str, name: &str) -> Option<&[WorkloadId]> {
        if self.workload_count != workloads.len() {
            return None;
        }
        Some(self.workloads.get(namespace).and_then(|names| names.get(name)).map_or(&[], Vec::as_slice))
    }

    /// `None` when the table is out of date.
    pub(super) fn service(&self, services: &[Service], namespace: &str, name: &str) -> Option<Option<ServiceId>> {
        if self.service_count != services.len() {
            return None;
        }
        Some(self.services.get(namespace).and_then(|names| names.get(name)).copied())
    }

    /// The edge that `edge` is the same as.
    pub(super) fn edge(&mut self, edges: &[Edge], edge: &Edge) -> Option<usize> {
        if self.edge_count != edges.len() {
            self.edges(edges);
        }
        let key = (edge.from.clone(), edge.to.clone(), edge.class);
        let stale = |at: &usize| edges[*at].from != key.0 || edges[*at].to != key.1 || edges[*at].class != key.2;
        if self.edges.get(&key).is_some_and(|known| known.iter().any(stale)) {
            self.edges(edges);
        }
        let same = |at: &usize| edges[*at].port == edge.port || edges[*at].port.is_none() || edge.port.is_none();
        self.edges.get(&key)?.iter().copied().find(same)
    }

    pub(super) fn note_edge(&mut self, at: usize, edge: &Edge) {
        self.edges.entry((edge.from.clone(), edge.to.clone(), edge.class)).or_default().push(at);
        self.edge_count = at + 1;
    }
}
