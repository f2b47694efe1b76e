//! `meshctl check`: what is wrong with the meshes that are here.

use super::load;
use crate::analysis::health;
use crate::cli::{Ctx, complete};
use crate::error::{Error, Kind, Result};
use crate::facts::Purpose;
use crate::mesh::{self, MESHES};
use crate::report::Report;
use clap::Args;

const EXAMPLES: &str = "\
Examples:
  meshctl check                              every mesh that is installed
  meshctl check --mesh linkerd               one of them, and what lies between meshes
  meshctl check --fail-on warning -o junit   for a build server
  meshctl check --from cluster.tar.zst       a recording";

/// Check the health of every installed mesh, and what lies between them
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct CheckArgs {
    /// Only this mesh; may be given several times
    #[arg(long, value_name = "MESH", value_delimiter = ',', add = complete::words(ids))]
    pub mesh: Vec<String>,
}

fn ids() -> Vec<(String, String)> {
    MESHES.iter().map(|mesh| (mesh.id().to_owned(), mesh.state().name().to_owned())).collect()
}

pub fn run(ctx: &Ctx, args: &CheckArgs) -> Result<Report> {
    let known: Vec<&str> = MESHES.iter().map(|mesh| mesh.id()).collect();
    if let Some(unknown) = args.mesh.iter().find(|id| !known.contains(&id.as_str())) {
        return Err(Error::new(Kind::Usage, format!("there is no mesh {unknown:?}"))
            .hint(format!("meshes that are checked: {}", known.join(", "))));
    }
    let loaded = load::load(ctx, &Purpose::State, None)?;
    let all: Vec<_> = loaded.facts.iter().map(|facts| health::take(facts, &mesh::model(facts), &args.mesh)).collect();
    Ok(load::with_unreachable(health::report(&all), &loaded))
}
