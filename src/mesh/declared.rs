//! Edges and needs that a mesh's own objects write down: who may call whom, and what is asked for.

use super::observed;
use crate::facts::Object;
use crate::kubernetes::Selector;
use crate::model::{Edge, Evidence, Grade, Model, NeedKind, Party, Signal, SignalKind, Workload, WorkloadId};

/// A reason that points at a field of `object`.
pub fn why(kind: &str, object: &Object, field: impl Into<String>, text: impl Into<String>) -> Evidence {
    let title = if object.namespace.is_empty() {
        format!("{kind} {}", object.name)
    } else {
        format!("{kind} {}/{}", object.namespace, object.name)
    };
    Evidence { place: object.place.clone(), ..Evidence::new(title, field, text) }
}

/// Workloads whose pods the selector chooses; all of the namespace when it is empty.
pub fn selected(model: &Model, namespace: &str, selector: &Selector) -> Vec<WorkloadId> {
    select(model, |w| w.namespace == namespace && selector.matches(&w.labels))
}

/// Workloads of any namespace whose pods the selector chooses.
pub fn selected_anywhere(model: &Model, selector: &Selector) -> Vec<WorkloadId> {
    select(model, |w| selector.matches(&w.labels))
}

/// Workloads that run as this service account. `default` and wildcards name nobody in particular.
pub fn running_as(model: &Model, namespace: &str, account: &str) -> Vec<WorkloadId> {
    if account == "default" || account.contains('*') {
        return Vec::new();
    }
    select(model, |w| w.namespace == namespace && w.service_account == account)
}

fn select(model: &Model, fits: impl Fn(&Workload) -> bool) -> Vec<WorkloadId> {
    let all = model.workloads.iter().enumerate();
    all.filter(|(_, w)| fits(w)).map(|(id, _)| id).collect()
}

/// An edge from each caller to each callee.
pub fn declare(model: &mut Model, callers: &[WorkloadId], callees: &[WorkloadId], grade: Grade, evidence: &Evidence) {
    for from in callers {
        for to in callees.iter().filter(|to| *to != from) {
            let (from, to) = (Party::Workload(*from), Party::Workload(*to));
            let class = observed::class(model, &from, &to);
            let evidence = vec![evidence.clone()];
            model.add_edge(Edge { from, to, port: None, protocol: None, class, grade, rate: None, evidence });
        }
    }
}

/// A signal, if there is any evidence of it.
pub fn signal(model: &mut Model, need: NeedKind, kind: SignalKind, text: &str, mut evidence: Vec<Evidence>) {
    if !evidence.is_empty() {
        evidence.sort();
        evidence.dedup();
        model.signals.push(Signal { need, kind, text: text.to_owned(), evidence });
    }
}
