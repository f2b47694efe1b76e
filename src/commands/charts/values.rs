//! `meshctl charts values`: the values of a chart with its author's comments.

use super::WhichArgs;
use crate::cli::Ctx;
use crate::commands::load;
use crate::commands::sourcing::{self, Local, VerifyArgs};
use crate::error::{Error, Kind, Result};
use crate::mesh;
use crate::report::{Block, Report};
use crate::source::charts;
use clap::Args;
use serde_json::json;

pub const EXAMPLES: &str = "\
Examples:
  meshctl charts values istio istiod
  meshctl charts values istio istiod --charts charts/
  meshctl charts values --chart oci://registry.example/charts/web:1.2.3";

#[derive(Args, Debug)]
pub struct ValuesArgs {
    #[command(flatten)]
    pub which: WhichArgs,
    /// Take the chart from this folder, and ask no repository
    #[arg(short = 'd', long, value_name = "DIR", alias = "manifests", conflicts_with = "repo")]
    pub charts: Option<String>,
    #[command(flatten)]
    pub verify: VerifyArgs,
}

pub fn run(ctx: &Ctx, args: &ValuesArgs) -> Result<Report> {
    let all = args.which.all()?;
    let [which] = all.as_slice() else {
        let ids: Vec<&str> = all.iter().flat_map(|which| &which.parts).copied().collect();
        return Err(Error::new(Kind::Usage, "which part?").hint(format!("name one: {}", ids.join(", "))));
    };
    let range = args.which.source.version.as_deref();
    let part = args.which.mesh.as_deref().and_then(mesh::named).and_then(|mesh| mesh.distribution().part(which.parts.first()?));
    let trust = args.verify.trust()?;
    let local = match (&args.charts, part) {
        (Some(folder), Some(part)) => Local::new(sourcing::in_folder(folder, part, range)?, trust.as_ref())?,
        _ => {
            let fetcher = args.which.source.fetcher(ctx);
            load::block_on(sourcing::local(&fetcher, &which.reference, range, &args.which.elsewhere(), trust.as_ref()))?
        }
    };
    local.verified.iter().for_each(|verified| ctx.ui.note(&verified.words()));
    let text = charts::file_of(&local.path, "values.yaml")?.unwrap_or_default();
    Ok(Report::new("meshctl/chart-values/v1", &json!({ "chart": which.chart, "values": text }), vec![Block::Code(text)]))
}
