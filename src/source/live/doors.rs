//! Requests to ports of pods: all that go to one port share a port-forward.

use super::ahead::Ahead;
use super::call::{Caller, escape};
use super::{now, pods};
use crate::facts::{Answer, Need, Outcome, exposition};
use crate::source::visit::{Door, Method};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Port-forwards to one port at a time, and so many requests are not worth a second one.
const FORWARDS: usize = 4;
const FEW: usize = 3;

/// Requests to one port of one pod, over one port-forward.
pub struct Doors {
    door: Door,
    needs: Vec<Need>,
}

impl Doors {
    /// A port with many requests gets several port-forwards.
    pub fn of(needs: Vec<Need>) -> (Vec<Doors>, Vec<Need>) {
        let mut found: BTreeMap<(String, String, u16), Vec<Need>> = BTreeMap::new();
        let mut rest = Vec::new();
        for need in needs {
            match &need {
                Need::PodGet { namespace, pod, port, .. } | Need::PodMetrics { namespace, pod, port, .. } => {
                    found.entry((namespace.clone(), pod.clone(), *port)).or_default().push(need);
                }
                _ => rest.push(need),
            }
        }
        let mut doors = Vec::new();
        for ((namespace, pod, port), mut needs) in found {
            let each = needs.len().div_ceil(FORWARDS).max(FEW);
            while !needs.is_empty() {
                let rest = needs.split_off(each.min(needs.len()));
                let door = Door { namespace: namespace.clone(), pod: pod.clone(), port, inside: None };
                doors.push(Doors { door, needs: std::mem::replace(&mut needs, rest) });
            }
        }
        (doors, rest)
    }

    pub async fn visit(self, caller: &Caller, ahead: &Ahead) -> Vec<(Need, Answer)> {
        let begun = ahead.take(&self.door).await;
        let _turn = if begun.is_some() { None } else { ahead.turn(&caller.distance).await };
        let mut line = pods::Line::begun(caller, &self.door, begun);
        let mut answers = Vec::new();
        for need in self.needs {
            let (outcome, partial) = match &need {
                Need::PodGet { path, .. } => line.ask(Method::Get, path).await,
                Need::PodMetrics { path, names, .. } => {
                    let answered = match line.metrics(path).await {
                        (failed @ (Outcome::Forbidden(_) | Outcome::Failed(_)), _) => {
                            proxied(caller, &self.door, path, failed).await
                        }
                        answered => answered,
                    };
                    match answered {
                        // At once: what is not wanted is by far the most of it.
                        (Outcome::Bytes(all), partial) => {
                            (Outcome::Text(exposition::keep(&String::from_utf8_lossy(&all), names)), partial)
                        }
                        other => other,
                    }
                }
                _ => continue,
            };
            answers.push((need, Answer { outcome, at: now(), partial }));
        }
        ahead.answered(&self.door);
        answers
    }
}

/// Through the API server's own proxy: it reaches pods that are not running yet, and is another right than port-forwards.
async fn proxied(caller: &Caller, door: &Door, path: &str, failed: Outcome) -> pods::Answered {
    let place = format!("/api/v1/namespaces/{}/pods/{}:{}", escape(&door.namespace), escape(&door.pod), door.port);
    match caller.get(&format!("{place}/proxy/{path}"), "*/*").await {
        Ok(body) => (Outcome::Bytes(Arc::new(body)), None),
        Err(failure) => {
            let words = format!("{}; nor through the API server: {}", failed.why(), failure.outcome().why());
            (if matches!(failed, Outcome::Forbidden(_)) { Outcome::Forbidden(words) } else { Outcome::Failed(words) }, None)
        }
    }
}
