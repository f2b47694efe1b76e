//! Versions of control planes and of the proxies they serve, and whether the two may differ so: the answer of `version`.

use crate::analysis::inventory::header;
use crate::analysis::sync::{self, Proxy, Status};
use crate::facts::{Facts, SourceKind};
use crate::mesh::scene::Scene;
use crate::mesh::state::Skew;
use crate::mesh::sync::Plane;
use crate::mesh::{MESHES, Mesh};
use crate::model::{Installation, Model};
use crate::report::{Block, Column, Line, Report, Severity, Span, Table, Tone};
use serde::Serialize;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

pub const SCHEMA: &str = "meshctl/version/v1";

/// So many proxies are named on the screen; all of them stand in JSON.
const NAMED: usize = 3;

/// One cluster.
#[derive(Clone, Debug, Serialize)]
pub struct Versions {
    pub cluster: String,
    pub source: SourceKind,
    pub now: String,
    pub control_planes: Vec<ControlPlane>,
}

/// One revision of one mesh, and the proxies it serves.
#[derive(Clone, Debug, Serialize)]
pub struct ControlPlane {
    pub mesh: &'static str,
    pub revision: String,
    /// `None` when its control plane was not seen.
    pub namespace: Option<String>,
    pub version: Option<String>,
    /// Its pods, where they can be told.
    pub replicas: Vec<String>,
    /// How many proxies run which version; `unknown` is one of them.
    pub data_plane: BTreeMap<String, usize>,
    /// How far both may differ, where the mesh's makers say so in numbers.
    pub policy: Option<Skew>,
    pub findings: Vec<Finding>,
}

/// Proxies whose version doesn't fit their control plane's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    pub severity: Severity,
    pub text: String,
    /// `NAME.NAMESPACE`
    pub proxies: Vec<String>,
    /// Who says so.
    pub rule: String,
}

const DEFAULT: &str = "default";

pub fn take(facts: &Facts, model: &Model) -> Versions {
    let scene = Scene::new(facts, model);
    let status = sync::judge(facts, model);
    let mut all = Vec::new();
    for mesh in MESHES {
        let own = |i: &&Installation| i.id == mesh.id();
        let mut revisions: BTreeSet<&str> = model.installations.iter().filter(own).map(revision).collect();
        let name = mesh.state().name();
        revisions.extend(status.proxies.iter().filter(|p| p.mesh == name).map(|p| served_by(model, mesh.id(), p)));
        let planes = mesh.sync(facts).map(|fleet| fleet.planes).unwrap_or_default();
        all.extend(revisions.into_iter().map(|revision| one(*mesh, revision, &planes, &scene, &status)));
    }
    Versions { cluster: facts.cluster.clone(), source: facts.kind, now: facts.now.to_string(), control_planes: all }
}

fn revision(installation: &Installation) -> &str {
    installation.revision.as_deref().unwrap_or(DEFAULT)
}

/// The revision that a proxy belongs to. Proxies of a mesh without revisions say the namespace of their control plane.
fn served_by<'a>(model: &'a Model, id: &str, proxy: &'a Proxy) -> &'a str {
    let said = proxy.revision.as_deref().unwrap_or(DEFAULT);
    let own = || model.installations.iter().filter(|i| i.id == id);
    if own().any(|i| revision(i) == said) {
        return said;
    }
    own().find(|i| i.namespace == said).map_or(said, revision)
}

fn one(mesh: &dyn Mesh, name: &str, planes: &[Plane], scene: &Scene, status: &Status) -> ControlPlane {
    let state = mesh.state();
    let all = &scene.model.installations;
    let installed = all.iter().find(|i| i.id == mesh.id() && revision(i) == name && !i.namespace.is_empty());
    let mut proxies: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for proxy in &status.proxies {
        if proxy.mesh == state.name() && served_by(scene.model, mesh.id(), proxy) == name {
            let version = proxy.version.as_deref().unwrap_or("unknown");
            proxies.entry(version).or_default().push(format!("{}.{}", proxy.name, proxy.namespace));
        }
    }
    let wanted = installed.and_then(|i| state.proxy_version(scene, i));
    let findings =
        wanted.iter().flat_map(|wanted| proxies.iter().filter_map(|(have, who)| judge(wanted, have, who, state.skew())));
    ControlPlane {
        mesh: state.name(),
        revision: name.to_owned(),
        namespace: installed.map(|i| i.namespace.clone()),
        version: installed.and_then(|i| i.version.clone()),
        replicas: planes.iter().filter(|plane| plane.revision == name).map(|plane| plane.name.clone()).collect(),
        policy: state.skew(),
        findings: findings.collect(),
        data_plane: proxies.iter().map(|(version, who)| ((*version).to_owned(), who.len())).collect(),
    }
}

/// Words before a number that say from which channel it is, and nothing about the number.
const CHANNELS: [&str; 3] = ["stable-", "enterprise-", "preview-"];

/// `1.29.1`, `v1.29`, `1.32-dev`, `stable-2.14.1`: the two numbers that a policy speaks of.
fn minor(version: &str) -> Option<(u32, u32)> {
    let version = CHANNELS.iter().find_map(|channel| version.strip_prefix(channel)).unwrap_or(version);
    let mut numbers = version.trim_start_matches('v').splitn(3, '.');
    let major = numbers.next()?.parse().ok()?;
    let rest = numbers.next()?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    Some((major, rest[..digits].parse().ok()?))
}

fn judge(wanted: &str, have: &str, who: &[String], policy: Option<Skew>) -> Option<Finding> {
    if wanted == have {
        return None;
    }
    let found =
        |severity, text: String, rule: &str| Some(Finding { severity, text, proxies: who.to_vec(), rule: rule.to_owned() });
    let rule = policy.map(|policy| format!("{}; as of {}", policy.source, policy.as_of)).unwrap_or_default();
    if have == "unknown" {
        return found(Severity::Info, "their version can't be told from the image".to_owned(), "");
    }
    let (Some(policy), Some(plane), Some(proxy)) = (policy, minor(wanted), minor(have)) else {
        return found(Severity::Info, format!("they run {have}, their control plane asks for {wanted}"), "");
    };
    if plane.0 != proxy.0 {
        return found(Severity::Warning, format!("{have} and {wanted} differ in more than a minor version"), &rule);
    }
    match i64::from(plane.1) - i64::from(proxy.1) {
        ..0 => {
            let text = format!("{have} is ahead of its control plane ({wanted}), which is not supported");
            found(Severity::Warning, text, &rule)
        }
        0 => found(Severity::Info, format!("{have} and {wanted} differ in the patch: allowed, a restart brings {wanted}"), &rule),
        behind if behind <= i64::from(policy.behind) => {
            let text = format!("{have} is {behind} minor behind {wanted}: allowed during an upgrade, a restart brings {wanted}");
            found(Severity::Info, text, &rule)
        }
        behind => {
            let text = format!(
                "{have} is {behind} minor versions behind {wanted}, and only {} are supported: restart them",
                policy.behind
            );
            found(Severity::Warning, text, &rule)
        }
    }
}

pub fn client() -> Line {
    vec![Span::new("meshctl ", Tone::Strong), Span::from(env!("CARGO_PKG_VERSION"))]
}

pub fn report(all: &[Versions]) -> Report {
    let mut body = vec![Block::Paragraph(client())];
    for versions in all {
        body.push(Block::Paragraph(header(&versions.cluster, versions.source, &versions.now, &[])));
        if versions.control_planes.is_empty() {
            body.push(Block::Paragraph(vec!["no control plane and no proxy of a mesh was seen".into()]));
        } else {
            body.push(table(&versions.control_planes));
        }
    }
    let worst = all.iter().flat_map(|v| &v.control_planes).flat_map(|c| &c.findings).map(|f| f.severity).max();
    Report::new(SCHEMA, &json!({ "client": env!("CARGO_PKG_VERSION"), "clusters": all }), body).worst(worst)
}

fn table(all: &[ControlPlane]) -> Block {
    let columns = ["MESH", "REVISION", "NAMESPACE", "CONTROL PLANE"].map(Column::new).into_iter();
    let columns = columns.chain([Column::right("REPLICAS"), Column::right("PROXIES"), Column::new("DATA PLANE")]);
    let cell = |text: String| vec![Span::from(text)];
    let row = |one: &ControlPlane| {
        let count = one.data_plane.values().sum::<usize>();
        let versions: Vec<String> = match one.data_plane.len() {
            0 => vec!["-".to_owned()],
            1 => one.data_plane.keys().cloned().collect(),
            _ => one.data_plane.iter().map(|(version, count)| format!("{version} ({count})")).collect(),
        };
        vec![
            vec![Span::new(one.mesh, Tone::Strong)],
            cell(one.revision.clone()),
            cell(one.namespace.clone().unwrap_or_else(|| "not seen".to_owned())),
            cell(one.version.clone().unwrap_or_else(|| "unknown".to_owned())),
            cell(if one.replicas.is_empty() { "-".to_owned() } else { one.replicas.len().to_string() }),
            cell(count.to_string()),
            cell(versions.join(", ")),
        ]
    };
    let notes = all.iter().enumerate().flat_map(|(at, one)| one.findings.iter().map(move |finding| (at, note(finding))));
    Block::Noted { notes: notes.collect(), table: Table { columns: columns.collect(), rows: all.iter().map(row).collect() } }
}

fn note(finding: &Finding) -> Line {
    let mut who = finding.proxies.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if finding.proxies.len() > NAMED {
        who.push_str(&format!(" and {} more", finding.proxies.len() - NAMED));
    }
    let tone = if finding.severity > Severity::Info { Tone::Warn } else { Tone::Dim };
    let rule = if finding.rule.is_empty() { String::new() } else { format!(" [{}]", finding.rule) };
    vec![Span::new(format!("{who}: {}{rule}", finding.text), tone)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_differ_and_what_may_not() {
        let policy = Some(Skew { behind: 1, source: "docs", as_of: "2026-11-28" });
        let who = ["a.shop".to_owned()];
        let judged = |wanted, have| judge(wanted, have, &who, policy).map(|found| found.severity);
        assert_eq!(judged("1.29.1", "1.29.1"), None);
        assert_eq!(judged("1.29.1", "1.29.0"), Some(Severity::Info), "a patch");
        assert_eq!(judged("1.30.0", "1.29.7"), Some(Severity::Info), "one behind, as in an upgrade");
        assert_eq!(judged("1.31.0", "1.29.7"), Some(Severity::Warning), "two behind");
        assert_eq!(judged("1.29.0", "1.30.0"), Some(Severity::Warning), "ahead");
        assert_eq!(judged("2.0.0", "1.30.0"), Some(Severity::Warning));
        assert_eq!(judged("1.29.0", "unknown"), Some(Severity::Info));
        assert_eq!(judged("stable-2.14.1", "stable-2.12.0"), Some(Severity::Warning), "whatever the channel");
        assert_eq!(judged("edge-26.8.3", "edge-26.1.1"), Some(Severity::Info), "dates are no versions");
        assert_eq!(judge("edge-26.8.3", "edge-26.7.1", &who, None).map(|f| f.severity), Some(Severity::Info));
    }

    proptest::proptest! {
        #[test]
        fn tags_of_any_form(a in "\\PC{0,12}", b in "v?[0-9]{0,12}\\.[0-9]{0,12}(-dev|\\.[0-9])?") {
            for (wanted, have) in [(&a, &b), (&b, &a), (&b, &b)] {
                let found = judge(wanted, have, &[], Some(Skew { behind: 1, source: "", as_of: "" }));
                proptest::prop_assert_eq!(found.is_none(), wanted == have);
            }
        }
    }
}
