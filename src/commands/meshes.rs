//! `meshctl meshes`: what is installed where, and who is in it.

use super::load;
use crate::analysis::inventory;
use crate::cli::Ctx;
use crate::error::Result;
use crate::facts::Purpose;
use crate::mesh;
use crate::report::Report;
use clap::Args;

const EXAMPLES: &str = "\
Examples:
  meshctl meshes                             the cluster of your kubeconfig
  meshctl meshes --context east,west         several, one after another
  meshctl meshes --from cluster.tar.zst -o json
  meshctl check-inject -A                    pod by pod, with reason and fix";

/// Show which meshes are installed where, their versions, and who is in them
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct MeshesArgs {}

pub fn run(ctx: &Ctx, _args: &MeshesArgs) -> Result<Report> {
    let loaded = load::load(ctx, &Purpose::State, None)?;
    let all: Vec<_> = loaded.facts.iter().map(|facts| inventory::take(facts, &mesh::model(facts))).collect();
    Ok(load::with_unreachable(inventory::report(&all, &ctx.invocation("meshes")), &loaded))
}
