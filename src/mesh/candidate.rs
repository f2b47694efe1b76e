//! What a mesh says of itself as a choice: dated data. Judgement is in `analysis::need`.
//!
//! Every figure carries who published it and when. What could not be re-checked against its source says so in its note.

use crate::model::NeedKind;
use serde::Serialize;

/// One way to choose a mesh: a mesh with two data planes is two candidates.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Candidate {
    /// What `-o json` calls it.
    pub id: &'static str,
    /// What a person calls it.
    pub name: &'static str,
    /// `Mesh::id` of the mesh that it belongs to.
    pub mesh: &'static str,
    /// [`crate::model::Installation::mode`] of this way, when the mesh has several; empty when any is this one.
    pub mode: &'static str,
    /// `Envoy`, `Rust micro-proxy`, `eBPF + Envoy`, …
    pub proxy: &'static str,
    /// The guide's own words for the guide's own table.
    pub guide_complexity: &'static str,
    pub guide_mtls: &'static str,
    pub guide_traffic: &'static str,
    pub guide_best_for: &'static str,
    /// What the guide says of it that is no longer so, each with its source.
    pub guide_corrections: &'static [&'static str],
    /// Complexity as judged today, with the reason when it differs from the guide.
    pub complexity: Level,
    pub complexity_note: &'static str,
    /// The version that the figures below are about: `1.29`.
    pub version: &'static str,
    /// Kubernetes versions the vendor lists as tested. Older than the minimum is an exclusion; newer is *untested*.
    pub kubernetes: VersionRange,
    /// Older releases that list older versions of Kubernetes.
    pub older: &'static [OlderRelease],
    /// Kernel minimum, where there is one.
    pub kernel: Option<KernelRange>,
    /// CNIs it needs to be; empty when any will do. Another CNI means a migration.
    pub needs_cni: &'static [&'static str],
    pub windows: Fit,
    /// How well it meets each need; a need that isn't listed is not met.
    pub fits: &'static [(NeedKind, Fit)],
    pub licence_note: &'static str,
    pub cost: CostModel,
    pub traits: Traits,
    /// First command of its adoption, pinned as far as public docs go.
    pub observe_only_install: &'static str,
    pub enrol_namespace: &'static str,
    pub unenrol_namespace: &'static str,
    pub strict: &'static str,
    pub permissive: &'static str,
    pub uninstall: &'static str,
    /// A PromQL expression that gives a number while plaintext still comes into namespace `{namespace}` over `{window}`, and
    /// nothing once it doesn't.
    /// Empty when no metric tells.
    pub plaintext_query: &'static str,
    /// A PromQL expression for the share of failed requests in `{namespace}`; empty when no metric tells.
    pub error_rate_query: &'static str,
}

impl Candidate {
    pub fn fit(&self, need: NeedKind) -> Fit {
        let listed = self.fits.iter().find(|(kind, _)| *kind == need);
        listed.map_or(Fit::No { note: "not offered" }, |(_, fit)| *fit)
    }
}

/// What decides whether a workload is a trap for this candidate.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Traits {
    /// A proxy container in every pod.
    pub sidecar: bool,
    /// Runs as a native sidecar (`restartPolicy: Always` init container) by default, where Kubernetes has it.
    pub native_sidecar: bool,
    /// Needs an init container with NET_ADMIN in the pod unless its own CNI plugin is installed.
    pub privileged_init: bool,
    /// User id that the proxy's own traffic is told apart by: an application that runs as it is not intercepted.
    pub proxy_uid: Option<i64>,
    /// Ports that it passes through without protocol detection by default.
    pub opaque_ports: &'static [u16],
    /// What a headless target loses, if something.
    pub headless_note: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Low,
    Medium,
    High,
}

impl Level {
    pub fn word(self) -> &'static str {
        match self {
            Level::Low => "low",
            Level::Medium => "medium",
            Level::High => "high",
        }
    }
}

/// How well something is supported; `note` says why and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "fit", rename_all = "kebab-case")]
pub enum Fit {
    Full { note: &'static str },
    Partial { note: &'static str },
    No { note: &'static str },
}

impl Fit {
    pub fn note(self) -> &'static str {
        match self {
            Fit::Full { note } | Fit::Partial { note } | Fit::No { note } => note,
        }
    }
}

/// Inclusive `major.minor` bounds with their source and date.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct VersionRange {
    pub min: (u32, u32),
    /// Highest version that the vendor lists; newer is untested, not unsupported.
    pub tested_to: Option<(u32, u32)>,
    pub source: &'static str,
    pub date: &'static str,
}

/// An older release of the mesh and the Kubernetes versions that it lists.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct OlderRelease {
    pub version: &'static str,
    pub min: (u32, u32),
    pub tested_to: (u32, u32),
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct KernelRange {
    pub min: (u32, u32),
    /// Distributions whose older kernel has what is needed: (part of the node's OS image, kernel).
    pub except: &'static [(&'static str, (u32, u32))],
    pub source: &'static str,
    pub date: &'static str,
}

/// Numbers to compute *used* and *reserved* from. Ranges are (low, high); `None` means no published figure.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CostModel {
    /// Millicores per 1,000 requests/s through one proxy. Every call passes two.
    pub cpu_milli_per_krps: Option<(f64, f64)>,
    /// MB (10⁶ bytes, as published) per proxy.
    pub memory_mb_per_proxy: Option<(f64, f64)>,
    /// Proxies: one a pod (`true`) or one a node (`false`).
    pub per_pod: bool,
    /// Default requests of each proxy: millicores, MiB. `None` = no request set by default.
    pub proxy_request: Option<(u32, u32)>,
    /// Requests of each proxy in the vendor's high-availability values, when the default sets none.
    pub proxy_request_ha: Option<(u32, u32)>,
    /// Default requests of the control plane: millicores, MiB.
    pub control_plane_request: Option<(u32, u32)>,
    /// Further default requests on every node (CNI agent): millicores, MiB.
    pub node_request: Option<(u32, u32)>,
    /// A separate layer-7 proxy, where there is one.
    pub l7: Option<Layer7>,
    /// What the figures leave out, or that there are none.
    pub note: &'static str,
    pub figures: &'static [CostFigure],
}

/// A separate layer-7 proxy that some calls pass.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Layer7 {
    pub name: &'static str,
    pub cpu_milli_per_krps: f64,
    /// MB (10⁶ bytes) each.
    pub memory_mb: f64,
    /// Default requests: millicores, MiB.
    pub request: (u32, u32),
}

/// A published figure: nearly every benchmark favours its publisher, so the publisher is always shown.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CostFigure {
    pub text: &'static str,
    pub publisher: &'static str,
    pub date: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::MESHES;

    /// `2024` or `2024-11`.
    fn is_date(text: &str) -> bool {
        let (year, month) = text.split_once('-').unwrap_or((text, "01"));
        let number = |text: &str, digits: usize| text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
        number(year, 4) && number(month, 2) && (2000..2100).contains(&year.parse::<u32>().unwrap_or_default())
    }

    fn all() -> impl Iterator<Item = &'static Candidate> {
        MESHES.iter().flat_map(|mesh| mesh.candidates().iter().inspect(|c| assert_eq!(c.mesh, mesh.id(), "{}", c.id)))
    }

    #[test]
    fn every_version_and_figure_has_a_source_and_a_date() {
        assert!(is_date("2024-11") && !is_date("older releases") && !is_date("date not recorded") && !is_date(""));
        let mut ids: Vec<&str> = all().map(|c| c.id).collect();
        ids.dedup();
        assert_eq!(ids, ["istio-sidecar", "istio-ambient", "linkerd", "cilium", "consul"]);
        for c in all() {
            let range = c.kubernetes;
            assert!(range.min >= (1, 20) && range.tested_to.is_none_or(|to| to >= range.min), "{}", c.id);
            assert!(!range.source.is_empty() && is_date(range.date) && !c.version.is_empty(), "{}", c.id);
            for older in c.older {
                assert!(older.min <= older.tested_to && older.min <= range.min, "{} {}", c.id, older.version);
            }
            if let Some(kernel) = c.kernel {
                assert!(!kernel.source.is_empty() && is_date(kernel.date), "{}", c.id);
            }
            assert!(!c.cost.figures.is_empty() && !c.cost.note.is_empty(), "{}", c.id);
            for figure in c.cost.figures {
                assert!(!figure.publisher.is_empty() && is_date(figure.date), "{}: {}", c.id, figure.text);
                assert!(figure.text.bytes().any(|b| b.is_ascii_digit()) || figure.text.contains("twice"), "{}", figure.text);
            }
        }
    }

    #[test]
    fn what_was_not_checked_again_says_since_when() {
        let text = serde_json::to_string(&all().collect::<Vec<_>>()).unwrap_or_default();
        let marks: Vec<&str> = text.split("not re-checked").skip(1).collect();
        assert!(!marks.is_empty());
        for after in marks {
            let date = after.strip_prefix(", ").map(|rest| rest.chars().take(7).collect::<String>());
            assert!(date.as_deref().is_some_and(is_date), "not re-checked{}", after.chars().take(20).collect::<String>());
        }
    }

    #[test]
    fn every_phase_has_its_command_and_its_way_back() {
        let pairs = |text: &str, open: char, close: char| text.matches(open).count() == text.matches(close).count();
        for c in all() {
            let commands = [c.observe_only_install, c.enrol_namespace, c.unenrol_namespace, c.strict, c.permissive, c.uninstall];
            for command in commands {
                assert!(!command.trim().is_empty(), "{}", c.id);
                assert!(pairs(command, '{', '}') && command.matches('\'').count() % 2 == 0, "{}: {command}", c.id);
                for json in command.split('\'').filter(|part| part.starts_with("{\"")) {
                    let json = json.replace("{namespace}", "shop");
                    assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{}: {json}", c.id);
                }
            }
            assert_ne!(c.enrol_namespace, c.unenrol_namespace, "{}", c.id);
            assert_ne!(c.strict, c.permissive, "{}", c.id);
            for query in [c.plaintext_query, c.error_rate_query].into_iter().filter(|query| !query.is_empty()) {
                assert!(query.contains("{namespace}") && pairs(query, '{', '}') && pairs(query, '(', ')'), "{}: {query}", c.id);
                assert_eq!(query.matches('"').count() % 2, 0, "{}: {query}", c.id);
            }
        }
    }
}
