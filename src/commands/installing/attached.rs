//! Workloads with proxies of a mesh: what an uninstallation would cut off, and what has to be restarted for a new version.

use crate::charts::object::Ref;
use crate::cli::Ctx;
use crate::commands::load;
use crate::error::Result;
use crate::facts::Purpose;
use crate::mesh;
use crate::mesh::revisions::DEFAULT;

/// Kinds that make new pods when they are told to.
pub const RESTARTS: [&str; 3] = ["Deployment", "StatefulSet", "DaemonSet"];

/// A workload with a proxy, and the revision of that.
pub type Attached = (String, Ref);

/// In the order of revisions, then of names. Those of proxies that run on nodes are not among them.
pub fn attached(ctx: &Ctx, id: &str) -> Result<Vec<Attached>> {
    let loaded = load::load(ctx, &Purpose::State, None)?;
    let mut all = Vec::new();
    for facts in &loaded.facts {
        let model = mesh::model(facts);
        for one in model.installations.iter().filter(|one| one.id == id) {
            let revision = one.revision.as_deref().unwrap_or(DEFAULT);
            let workloads = one.meshed.iter().filter_map(|id| model.workloads.get(*id));
            all.extend(workloads.map(|w| {
                let api = if RESTARTS.contains(&w.kind.as_str()) { "apps/v1" } else { "" };
                (revision.to_owned(), Ref::new(api, w.kind.as_str(), &w.namespace, &w.name))
            }));
        }
    }
    all.sort();
    all.dedup();
    Ok(all)
}

/// So many are named, and the others counted.
pub fn named(all: &[Attached], most: usize) -> String {
    let shown: Vec<String> = all.iter().take(most).map(|(_, at)| at.to_string()).collect();
    let more = all.len().saturating_sub(most);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}
