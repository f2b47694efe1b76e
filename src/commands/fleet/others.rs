//! Proxies that have no dump: what is shown of them is asked of several places, which their mesh names.

use super::Proxy;
use crate::commands::load::block_on;
use crate::error::Result;
use crate::facts::{Facts, Need, Object, SourceKind};
use crate::mesh::admin::{self, Speaks};
use crate::source::Source;
use crate::source::visit::{Door, Questions, visit};
use jiff::Timestamp;

/// More rounds than any mesh has use for.
const ROUNDS: usize = 5;

/// Pods of one cluster.
pub struct Others {
    pub source: Source,
    /// The cluster, if there are several.
    pub cluster: Option<String>,
    pub name: String,
    pub kind: SourceKind,
    pub now: Timestamp,
    pub pods: Vec<Object>,
}

impl std::fmt::Debug for Others {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} pods of {}", self.pods.len(), self.name)
    }
}

/// Whether this pod's proxy is one of them.
pub fn is_one(pod: &Object) -> bool {
    admin::of_pod(pod).iter().any(|admin| admin.speaks == Speaks::Metrics)
}

impl Others {
    fn proxies(&self) -> impl Iterator<Item = (Proxy, &Object)> {
        let port =
            |pod: &Object| admin::of_pod(pod).into_iter().find(|admin| admin.speaks == Speaks::Metrics).map(|one| one.port);
        self.pods.iter().map(move |pod| {
            let (namespace, name) = (pod.namespace.to_string(), pod.name.to_string());
            let port = port(pod).unwrap_or_default();
            let cluster = self.cluster.clone();
            (Proxy { cluster, namespace, pod: name, port, sake_of: Vec::new(), one_of_many: false }, pod)
        })
    }
}

/// Asks what `needs` says of each, in rounds, and makes something of what is known then.
pub fn about<T>(
    others: Vec<Others>,
    needs: impl Fn(&Facts, &Object) -> Vec<Need>,
    made: impl Fn(&Facts, &Object) -> T,
) -> Result<Vec<(Proxy, T)>> {
    let known = gathered(&others, needs)?;
    let of = |(one, facts): (&Others, &Facts)| one.proxies().map(|(proxy, pod)| (proxy, made(facts, pod))).collect::<Vec<_>>();
    Ok(others.iter().zip(&known).flat_map(of).collect())
}

/// What is known of each cluster when there is nothing more to ask.
pub fn gathered(others: &[Others], needs: impl Fn(&Facts, &Object) -> Vec<Need>) -> Result<Vec<Facts>> {
    block_on(async {
        let mut all = Vec::new();
        for one in others {
            let mut facts = Facts::new(one.name.clone(), one.kind, one.now);
            for _ in 0..ROUNDS {
                let mut wanted: Vec<Need> = one.pods.iter().flat_map(|pod| needs(&facts, pod)).collect();
                wanted.retain(|need| !facts.has(need));
                wanted.sort();
                wanted.dedup();
                if wanted.is_empty() {
                    break;
                }
                one.source.answer(wanted, &mut facts).await;
            }
            all.push(facts);
        }
        Ok(all)
    })
}

/// Asks their own ports.
pub fn visit_others<Q: Questions>(others: &[Others], mut questions: impl FnMut(&[Object]) -> Q) -> Result<Vec<(Proxy, Q::Made)>> {
    block_on(async {
        let mut all = Vec::new();
        for one in others {
            let proxies: Vec<Proxy> = one.proxies().map(|(proxy, _)| proxy).collect();
            let door = |proxy: &Proxy| Door {
                namespace: proxy.namespace.clone(),
                pod: proxy.pod.clone(),
                port: proxy.port,
                inside: None,
            };
            let doors: Vec<Door> = proxies.iter().map(door).collect();
            let made = visit(&one.source, &doors, questions(&one.pods), |_| ()).await;
            all.extend(proxies.into_iter().zip(made));
        }
        Ok(all)
    })
}
