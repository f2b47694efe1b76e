//! `meshctl charts versions`: what repositories and registries have.

use super::WhichArgs;
use crate::charts::functions::versions;
use crate::charts::index::Entry;
use crate::cli::Ctx;
use crate::commands::load;
use crate::error::{Error, Kind, Result};
use crate::report::{Block, Column, Line, Report, Span, Table, Tone};
use clap::Args;
use serde_json::json;

pub const EXAMPLES: &str = "\
Examples:
  meshctl charts versions istio istiod
  meshctl charts versions istio --version '>=1.28-0' --limit 0
  meshctl charts versions --chart oci://registry.example/charts/web";

#[derive(Args, Debug)]
pub struct VersionsArgs {
    #[command(flatten)]
    pub which: WhichArgs,
    /// Show so many of each chart; 0 is all
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub limit: usize,
}

pub fn run(ctx: &Ctx, args: &VersionsArgs) -> Result<Report> {
    let fetcher = args.which.source.fetcher(ctx);
    let range = args.which.source.version.as_deref();
    let progress = ctx.ui.progress("asking for versions");
    let (mut body, mut data) = (Vec::new(), Vec::new());
    for which in args.which.all()? {
        let entries = load::block_on(fetcher.versions(&which.reference, &args.which.elsewhere()))?;
        let kept = fetcher.kept_versions(&which.reference);
        let mut fitting = Vec::new();
        for entry in &entries {
            if fits(range, entry)? {
                fitting.push(entry);
            }
        }
        let limit = if args.limit == 0 { usize::MAX } else { args.limit };
        let rows = fitting.iter().take(limit).map(|entry| row(entry, kept.contains(&entry.version)));
        if !body.is_empty() {
            body.push(Block::Blank);
        }
        body.push(Block::Heading(which.chart.clone()));
        let columns = vec![Column::new("VERSION"), Column::new("APP"), Column::new("SINCE"), Column::new("FETCHED")];
        body.push(Block::Table(Table { columns, rows: rows.collect() }));
        if fitting.len() > limit {
            let more = format!("and {} more; --limit 0 shows them", fitting.len() - limit);
            body.push(Block::Paragraph(vec![Span::new(more, Tone::Dim)]));
        }
        let versions: Vec<_> = fitting.iter().map(|entry| machine(entry, kept.contains(&entry.version))).collect();
        data.push(json!({ "chart": which.chart, "parts": which.parts, "versions": versions }));
    }
    drop(progress);
    Ok(Report::new("meshctl/chart-versions/v1", &json!({ "charts": data }), body))
}

fn fits(range: Option<&str>, entry: &Entry) -> Result<bool> {
    let Some(range) = range else { return Ok(true) };
    let wrong = |why| Error::new(Kind::Usage, format!("{range:?} is no range of versions")).cause(why);
    match versions::parse(&entry.version) {
        Some(version) => versions::fits(range, &version).map_err(wrong),
        None => Ok(false),
    }
}

fn row(entry: &Entry, kept: bool) -> Vec<Line> {
    let mut version = vec![entry.version.as_str().into()];
    if entry.deprecated {
        version.push(Span::new(" deprecated", Tone::Warn));
    }
    let day = entry.created.split('T').next().unwrap_or_default();
    let kept = if kept { Span::new("yes", Tone::Good) } else { "".into() };
    vec![version, vec![entry.app_version.as_str().into()], vec![day.into()], vec![kept]]
}

fn machine(entry: &Entry, kept: bool) -> serde_json::Value {
    json!({
        "version": entry.version, "appVersion": entry.app_version, "created": entry.created,
        "deprecated": entry.deprecated, "digest": entry.digest, "fetched": kept,
    })
}
