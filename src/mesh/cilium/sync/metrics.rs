//! An agent's metrics, where its own program may not be run: that something is behind or fails, and not what.

use crate::facts::{Need, exposition};
use crate::mesh::sync::{Health, Part};

/// Where the chart lets it show them.
pub const PORT: u16 = 9962;

const STATES: &str = "cilium_endpoint_state";
const FAILING: &str = "cilium_controllers_failing";
const REVISION: &str = "cilium_policy_max_revision";
const UNREACHABLE: &str = "cilium_unreachable_nodes";

pub fn need(namespace: &str, pod: &str, port: u16) -> Need {
    let names = [FAILING, STATES, REVISION, UNREACHABLE].map(str::to_owned).into();
    Need::PodMetrics { namespace: namespace.to_owned(), pod: pod.to_owned(), port, path: "metrics".to_owned(), names }
}

/// An endpoint is `ready` when its programs have the last policy; the states before that are its way there.
pub fn parts(text: &str) -> Vec<Part> {
    let samples = exposition::samples(text);
    let of = |name: &'static str| samples.iter().filter(move |one| one.name == name);
    let behind: Vec<String> = of(STATES)
        .filter(|one| one.series.label("endpoint_state") != "ready" && one.series.value > 0.0)
        .map(|one| format!("{} {}", one.series.value, one.series.label("endpoint_state")))
        .collect();
    let policy = match (of(STATES).next(), behind.is_empty()) {
        (None, _) => vec![(Health::Unknown, format!("its metrics don't tell how its endpoints are ({STATES})"))],
        (Some(_), true) => Vec::new(),
        (Some(_), false) => vec![(Health::Stale, format!("policy: of its endpoints are {} ({STATES})", behind.join(", ")))],
    };
    // Some releases leave the metric out unless it is asked for.
    let count: f64 = of(FAILING).map(|one| one.series.value).sum();
    let controllers = match of(FAILING).next() {
        Some(_) if count > 0.0 => vec![(Health::Stale, format!("{count} controllers fail ({FAILING})"))],
        Some(_) => Vec::new(),
        None => vec![(Health::Unknown, format!("its metrics don't tell whether a controller fails ({FAILING})"))],
    };
    let cut: f64 = of(UNREACHABLE).map(|one| one.series.value).sum();
    let nodes =
        (cut > 0.0).then(|| Part::of("NODES", vec![(Health::Stale, format!("{cut} nodes don't answer it ({UNREACHABLE})"))]));
    [Part::of("POLICY", policy), Part::of("CONTROLLERS", controllers)].into_iter().chain(nodes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bad(text: &str) -> Vec<(&'static str, &'static str)> {
        let parts = parts(text);
        parts.iter().filter(|part| part.health != Health::Synced).map(|part| (part.kind, part.health.word())).collect()
    }

    #[test]
    fn metrics_tell_that_something_is_behind() {
        let well = "cilium_endpoint_state{endpoint_state=\"ready\"} 5\ncilium_controllers_failing 0\n";
        assert_eq!(bad(well), []);
        let behind = format!("{well}cilium_endpoint_state{{endpoint_state=\"waiting-for-identity\"}} 1\n");
        assert_eq!(bad(&behind), [("POLICY", "STALE")]);
        assert_eq!(bad(&well.replace("failing 0", "failing 2")), [("CONTROLLERS", "STALE")]);
        assert_eq!(bad(&format!("{well}cilium_unreachable_nodes 1\n")), [("NODES", "STALE")]);
        // A metric that is not there is no zero.
        assert_eq!(bad(""), [("POLICY", "UNKNOWN"), ("CONTROLLERS", "UNKNOWN")]);
    }
}
