//! `meshctl version`: the client, the control planes, the proxies, and whether they fit.

use super::load;
use crate::analysis::versions;
use crate::cli::Ctx;
use crate::error::Result;
use crate::facts::Purpose;
use crate::mesh;
use crate::report::Report;
use clap::Args;

const EXAMPLES: &str = "\
Examples:
  meshctl version                     client, control planes, proxies
  meshctl version --client            this program only; no cluster is asked
  meshctl version --fail-on warning   exit 1 if proxies are too old, or newer than their control plane";

/// Show versions of meshctl, control planes and proxies, and whether they fit
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct VersionArgs {
    /// Only meshctl's own; no cluster is asked
    #[arg(long)]
    pub client: bool,
}

pub fn run(ctx: &Ctx, args: &VersionArgs) -> Result<Report> {
    if args.client {
        return Ok(versions::report(&[]));
    }
    let mut everywhere = ctx.global.clone();
    everywhere.namespace = None;
    let wide = Ctx::new(everywhere);
    let loaded = load::load(&wide, &Purpose::Versions, None)?;
    ctx.incomplete.set(wide.incomplete.get());
    let all: Vec<_> = loaded.facts.iter().map(|facts| versions::take(facts, &mesh::inhabitants(facts))).collect();
    Ok(load::with_unreachable(versions::report(&all), &loaded))
}
