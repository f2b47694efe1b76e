//! `meshctl charts list`: no repository is asked.

use super::super::installing::wanted::mesh_named;
use crate::cli::Ctx;
use crate::commands::sourcing::{SourceArgs, of_part};
use crate::error::Result;
use crate::mesh::{MESHES, Mesh};
use crate::report::{Block, Column, Line, Report, Span, Table, Tone};
use serde_json::json;

pub const EXAMPLES: &str = "\
Examples:
  meshctl charts list
  meshctl charts list istio -o json";

pub fn run(ctx: &Ctx, mesh: Option<&str>) -> Result<Report> {
    let meshes: Vec<&'static dyn Mesh> = match mesh {
        Some(name) => vec![mesh_named(name)?],
        None => MESHES.to_vec(),
    };
    let fetcher = SourceArgs::default().fetcher(ctx);
    let (mut body, mut data) = (Vec::new(), Vec::new());
    for mesh in meshes {
        let all = mesh.distribution();
        let mut rows: Vec<Vec<Line>> = Vec::new();
        let mut parts = Vec::new();
        for part in all.parts {
            let kept = fetcher.kept_versions(&of_part(all, part, None)?);
            let profiles: Vec<&str> =
                all.profiles.iter().filter(|profile| profile.parts.contains(&part.id)).map(|profile| profile.name).collect();
            let shown = if kept.is_empty() { Span::new("none", Tone::Dim) } else { kept.join(", ").into() };
            let profiled = if profiles.is_empty() { Span::new("on demand", Tone::Dim) } else { profiles.join(", ").into() };
            rows.push(vec![
                vec![part.id.into()],
                vec![part.chart.into()],
                vec![part.release.into()],
                vec![profiled],
                vec![shown],
            ]);
            parts.push(
                json!({ "part": part.id, "chart": part.chart, "release": part.release, "profiles": profiles, "fetched": kept }),
            );
        }
        let columns = ["PART", "CHART", "RELEASE", "PROFILES", "FETCHED"].map(Column::new).to_vec();
        if !body.is_empty() {
            body.push(Block::Blank);
        }
        body.push(Block::Heading(mesh.state().name().to_owned()));
        body.push(Block::Paragraph(vec![Span::new(all.repository, Tone::Code), format!(", into {}", all.namespace).into()]));
        body.push(Block::Table(Table { columns, rows }));
        data.push(json!({ "mesh": mesh.id(), "repository": all.repository, "namespace": all.namespace, "parts": parts }));
    }
    Ok(Report::new("meshctl/charts/v1", &json!({ "meshes": data }), body))
}
