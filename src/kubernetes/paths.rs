//! How deep calls go: the longest chain of rpc edges between applications, cycles taken as one step.

use crate::model::{EdgeClass, Evidence, Grade, Model, Party, WorkloadId};
use std::collections::{BTreeMap, BTreeSet};

/// Depths of the declared and observed rpc graph.
#[derive(Debug, Default)]
pub struct Depths {
    /// Hops of the longest chain; a cycle counts as one hop.
    pub longest: usize,
    /// The edges of a longest chain.
    chain: Vec<WorkloadId>,
}

impl Depths {
    pub fn new(model: &Model) -> Self {
        let mut next: BTreeMap<WorkloadId, BTreeSet<WorkloadId>> = BTreeMap::new();
        for edge in model.edges.iter().filter(|e| e.class == EdgeClass::Rpc && e.grade >= Grade::Declared) {
            if let (Party::Workload(from), Party::Workload(to)) = (&edge.from, &edge.to)
                && from != to
                && model.workloads[*from].counts()
                && model.workloads[*to].counts()
            {
                next.entry(*from).or_default().insert(*to);
            }
        }
        let chain = longest_chain(&next);
        Depths { longest: chain.len().saturating_sub(1), chain }
    }

    /// The edges of one longest chain.
    pub fn evidence(&self, model: &Model) -> Vec<Evidence> {
        let title = |id: &WorkloadId| model.workloads[*id].name.as_str();
        let path: Vec<&str> = self.chain.iter().map(title).collect();
        vec![Evidence::new("call graph", "", path.join(" → "))]
    }
}

/// Depth first without recursion; an edge back into the current path is not followed, so a cycle ends a chain.
fn longest_chain(next: &BTreeMap<WorkloadId, BTreeSet<WorkloadId>>) -> Vec<WorkloadId> {
    let mut best: BTreeMap<WorkloadId, (usize, Option<WorkloadId>)> = BTreeMap::new();
    for start in next.keys() {
        let mut open: BTreeSet<WorkloadId> = BTreeSet::new();
        let mut stack = vec![(*start, false)];
        while let Some((at, done)) = stack.pop() {
            let targets = || next.get(&at).into_iter().flatten();
            if done {
                open.remove(&at);
                let deepest =
                    targets().filter(|t| !open.contains(t)).filter_map(|t| best.get(t).map(|(d, _)| (d + 1, Some(*t)))).max();
                best.insert(at, deepest.unwrap_or((0, None)));
            } else if !best.contains_key(&at) && open.insert(at) {
                stack.push((at, true));
                stack.extend(targets().filter(|t| !best.contains_key(t) && !open.contains(t)).map(|t| (*t, false)));
            }
        }
    }
    let mut chain = Vec::new();
    let mut at = best.iter().max_by_key(|(id, (depth, _))| (*depth, std::cmp::Reverse(**id))).map(|(id, _)| *id);
    while let Some(id) = at {
        if chain.contains(&id) {
            break;
        }
        chain.push(id);
        at = best.get(&id).and_then(|(_, next)| *next);
    }
    if chain.len() == 1 { Vec::new() } else { chain }
}
