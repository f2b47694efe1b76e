//! The dumps of proxies for a recording: what `proxy-config` and `ztunnel-config` may ask for later.

use crate::cli::Ctx;
use crate::commands::fleet::{self, Who};
use crate::commands::proxy_config::conversation::Wanted;
use crate::envoy::Section;
use crate::envoy::ask::HOSTS;
use crate::error::{Kind, Result};
use crate::facts::{Facts, Need};
use crate::mesh;
use crate::mesh::admin::Speaks;
use crate::mesh::istio::ztunnel::LABELS;
use crate::source::visit::{Answers, Questions};

/// Everything, as it comes.
struct Keep {
    speaks: Speaks,
}

impl Questions for Keep {
    type Made = Answers;

    fn next(&self, _: usize, known: &Answers) -> Vec<String> {
        let wanted = Wanted { sections: Section::ALL.to_vec(), whole: true, live: true };
        match (self.speaks, known.len()) {
            (Speaks::NodeProxy, 0) => vec!["config_dump".to_owned()],
            (Speaks::NodeProxy | Speaks::Metrics, _) => Vec::new(),
            (Speaks::Envoy, 0) => vec![HOSTS.to_owned(), "stats".to_owned()].into_iter().chain(wanted.next(known)).collect(),
            (Speaks::Envoy, _) => wanted.next(known),
        }
    }

    fn done(&self, _: usize, known: Answers) -> Answers {
        known
    }
}

/// Asks every proxy of the clusters that were gathered. A cluster without any is no failure.
pub fn add(ctx: &Ctx, clusters: &mut [Facts]) -> Result<()> {
    for speaks in [Speaks::Envoy, Speaks::NodeProxy] {
        let nodes = (speaks == Speaks::NodeProxy).then_some((LABELS, None));
        let selector = nodes.is_none().then_some("");
        let who = Who { names: &[], selector, port: None, speaks, from: None, nodes, one_is_enough: false };
        let visited = match fleet::ask(ctx, who, |_| Keep { speaks }) {
            Ok(visited) => visited,
            Err(error) if error.kind == Kind::Input => continue,
            Err(error) => return Err(error),
        };
        let others = without_dump(&visited.others, clusters)?;
        for (proxy, answers) in visited.proxies.into_iter().chain(others) {
            let facts = clusters.iter_mut().find(|facts| proxy.cluster.as_ref().is_none_or(|name| *name == facts.cluster));
            let Some(facts) = facts else { continue };
            for (path, answer) in answers {
                let (namespace, pod, port) = (proxy.namespace.clone(), proxy.pod.clone(), proxy.port);
                facts.insert(Need::PodGet { namespace, pod, port, path }, answer);
            }
        }
    }
    Ok(())
}

/// Of proxies without a dump: what is shown of them, and all that they count.
fn without_dump(others: &[fleet::Others], clusters: &mut [Facts]) -> Result<Vec<(fleet::Proxy, Answers)>> {
    let asked = fleet::gathered(others, |facts, pod| mesh::proxy::needs(facts, pod, &mesh::proxy::Part::ALL))?;
    // Objects by name stand in the lists already.
    let kept = |need: &Need| !matches!(need, Need::Get { .. } | Need::Select { .. });
    for about in &asked {
        let Some(facts) = clusters.iter_mut().find(|facts| facts.cluster == about.cluster) else { continue };
        about.iter().filter(|(need, _)| kept(need)).for_each(|(need, answer)| facts.insert(need.clone(), answer.clone()));
    }
    fleet::visit_others(others, |_| Counters)
}

struct Counters;

impl Questions for Counters {
    type Made = Answers;

    fn next(&self, _: usize, known: &Answers) -> Vec<String> {
        if known.is_empty() { vec!["metrics".to_owned()] } else { Vec::new() }
    }

    fn done(&self, _: usize, known: Answers) -> Answers {
        known
    }
}
