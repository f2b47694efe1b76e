//! Should a pod be in a mesh, is it, and if not, why: the answer of `check-inject`.

use crate::analysis::inventory::{header, installed};
use crate::facts::{Facts, SourceKind};
use crate::kubernetes::subject::Subject;
use crate::mesh::membership::{Enrolment, Membership, Standing};
use crate::mesh::scene::Scene;
use crate::report::{Block, Column, Line, Report, Severity, Span, Table, Tone};
use serde::Serialize;
use serde_json::json;

pub const SCHEMA: &str = "meshctl/check-inject/v1";

/// One cluster's answer.
#[derive(Clone, Debug, Serialize)]
pub struct Injection {
    pub cluster: String,
    pub source: SourceKind,
    pub now: String,
    /// Meshes that are installed, or only the network of one.
    pub meshes: Vec<String>,
    pub pods: Vec<Judged>,
    pub namespaces: Vec<Namespace>,
    pub not_seen: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Judged {
    pub namespace: String,
    pub name: String,
    /// False where a template was judged, since no pod of it is there.
    pub exists: bool,
    /// By mesh; the ones that matter first.
    pub memberships: Vec<Membership>,
}

/// A namespace that was named.
#[derive(Clone, Debug, Serialize)]
pub struct Namespace {
    pub name: String,
    pub enrolments: Vec<Enrolment>,
}

/// What is asked about.
pub struct Asked {
    pub pods: Vec<Subject>,
    pub namespaces: Vec<String>,
}

pub fn judge(facts: &Facts, scene: &Scene, asked: &Asked) -> Injection {
    let here = installed(scene);
    let judged = |pod: &Subject| {
        let mut memberships: Vec<Membership> = here.iter().map(|(mesh, _)| mesh.state().membership(scene, pod)).collect();
        // What is wrong, then what is, then what nobody asked for.
        memberships.sort_by_key(|m| (m.standing, m.mesh));
        Judged { namespace: pod.namespace.clone(), name: pod.name.clone(), exists: pod.exists, memberships }
    };
    let namespace = |name: &String| {
        let own = scene.model.namespaces.iter().find(|n| n.name == *name);
        let enrolments = here.iter().filter_map(|(mesh, _)| mesh.state().enrols(scene, own?)).collect();
        Namespace { name: name.clone(), enrolments }
    };
    Injection {
        cluster: facts.cluster.clone(),
        source: facts.kind,
        now: facts.now.to_string(),
        meshes: here.iter().map(|(mesh, _)| mesh.state().name().to_owned()).collect(),
        pods: asked.pods.iter().map(judged).collect(),
        namespaces: asked.namespaces.iter().map(namespace).collect(),
        not_seen: super::inventory::not_seen(facts),
    }
}

pub fn report(all: &[Injection]) -> Report {
    let mut body = Vec::new();
    for (i, one) in all.iter().enumerate() {
        if i > 0 {
            body.push(Block::Blank);
        }
        screen(one, &mut body);
    }
    let missing = all.iter().flat_map(|i| &i.pods).flat_map(|p| &p.memberships).any(|m| m.standing == Standing::Missing);
    Report::new(SCHEMA, &json!({ "clusters": all }), body).worst(missing.then_some(Severity::Warning))
}

fn tone(standing: Standing) -> Tone {
    match standing {
        Standing::Member => Tone::Good,
        Standing::Missing => Tone::Bad,
        Standing::Leftover | Standing::Unknown => Tone::Warn,
        Standing::Excluded | Standing::Outside => Tone::Dim,
    }
}

fn screen(i: &Injection, body: &mut Vec<Block>) {
    body.push(Block::Paragraph(header(&i.cluster, i.source, &i.now, &[])));
    if i.meshes.is_empty() {
        let text = if i.not_seen.is_empty() { "no mesh is installed, so nothing is injected" } else { "no mesh was seen" };
        body.push(Block::Paragraph(vec![Span::new(text, Tone::Strong)]));
    }
    for namespace in &i.namespaces {
        let lines: Vec<Line> = match namespace.enrolments.as_slice() {
            [] => vec![vec![Span::from("nothing asks for a mesh in all of it; single pods may")]],
            some => some
                .iter()
                .map(|e| {
                    let revision = e.revision.as_ref().map(|r| format!(" {r}")).unwrap_or_default();
                    vec![Span::from(format!("{}{revision} ({})", e.mesh, e.mode)), evidence(&e.evidence)]
                })
                .collect(),
        };
        body.push(Block::Field { label: format!("Namespace {}", namespace.name), lines });
        if !i.pods.iter().any(|pod| pod.namespace == namespace.name) {
            body.push(Block::Paragraph(vec!["it has no pods".into()]));
        }
    }
    if let [only] = i.pods.as_slice() {
        whole(only, body);
    } else if !i.pods.is_empty() {
        many(i, body);
    }
    if !i.not_seen.is_empty() {
        let text = format!("not seen: {}", i.not_seen.join(", "));
        body.extend([Block::Blank, Block::Paragraph(vec![Span::new(text, Tone::Warn)])]);
    }
}

fn evidence(e: &crate::model::Evidence) -> Span {
    let parts = [&e.object, &e.field, &e.text];
    let text: Vec<&str> = parts.into_iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    Span::new(format!("  {}", text.join(" ")), Tone::Dim)
}

/// One pod: everything about it.
fn whole(pod: &Judged, body: &mut Vec<Block>) {
    let what = if pod.exists { "Pod" } else { "Template of" };
    body.push(Block::Paragraph(vec![Span::new(format!("{what} {}/{}", pod.namespace, pod.name), Tone::Strong)]));
    for m in &pod.memberships {
        let mut first = vec![Span::new(m.standing.word(), tone(m.standing)), Span::from(format!(": {}", m.reason))];
        let how: Vec<String> = [m.mode.map(str::to_owned), m.revision.clone(), m.version.clone()].into_iter().flatten().collect();
        if !how.is_empty() && m.standing != Standing::Outside {
            first.push(Span::new(format!("  ({})", how.join(", ")), Tone::Dim));
        }
        let mut lines = vec![first];
        lines.extend(m.evidence.iter().map(|e| vec![evidence(e)]));
        lines.extend(m.fix.iter().filter(|fix| !fix.is_empty()).map(|fix| vec![Span::from("→ "), Span::new(fix, Tone::Code)]));
        body.push(Block::Field { label: m.mesh.to_owned(), lines });
    }
}

/// Many pods: a row each, and the fixes below.
fn many(i: &Injection, body: &mut Vec<Block>) {
    let columns = ["NAMESPACE", "POD", "MESH", "STANDING", "WHY"].into_iter().map(Column::new).collect();
    let mut rows = Vec::new();
    let mut fixes: Vec<&str> = Vec::new();
    for pod in &i.pods {
        let shown: Vec<&Membership> = pod.memberships.iter().filter(|m| m.standing != Standing::Outside).collect();
        // A pod outside of every mesh has one row, not one for each mesh.
        let shown = if shown.is_empty() { pod.memberships.iter().take(1).collect() } else { shown };
        for m in shown {
            let mesh = if m.standing == Standing::Outside { "-" } else { m.mesh };
            let cells: [Span; 5] = [
                pod.namespace.clone().into(),
                pod.name.clone().into(),
                mesh.into(),
                Span::new(m.standing.word(), tone(m.standing)),
                m.reason.clone().into(),
            ];
            rows.push(cells.into_iter().map(|cell| vec![cell]).collect());
            if m.standing == Standing::Missing {
                fixes.extend(m.fix.iter().map(String::as_str).filter(|fix| !fix.is_empty()));
            }
        }
    }
    body.push(Block::Table(Table { columns, rows }));
    fixes.dedup();
    if !fixes.is_empty() {
        let lines = fixes.into_iter().map(|fix| vec![Span::new(fix, Tone::Code)]).collect();
        body.extend([Block::Heading("What to do".to_owned()), Block::Bullets(lines)]);
    }
}
