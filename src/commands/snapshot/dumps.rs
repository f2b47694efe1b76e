//! The dumps of proxies for a recording: what `proxy-config` and `ztunnel-config` may ask for later.

use crate::cli::Ctx;
use crate::commands::fleet::{self, Who};
use crate::commands::proxy_config::conversation::Wanted;
use crate::envoy::Section;
use crate::envoy::ask::{CERTS, HOSTS};
use crate::error::{Kind, Result};
use crate::facts::{Facts, Need};
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
            (Speaks::NodeProxy, _) => Vec::new(),
            (Speaks::Envoy, 0) => [HOSTS, CERTS, "stats"].map(str::to_owned).into_iter().chain(wanted.next(known)).collect(),
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
        let who = Who { selector, speaks, nodes, ..Who::envoys() };
        let visited = match fleet::ask(ctx, who, |_| Keep { speaks }) {
            Ok(visited) => visited,
            Err(error) if error.kind == Kind::Input => continue,
            Err(error) => return Err(error),
        };
        for (proxy, answers) in visited.proxies {
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
