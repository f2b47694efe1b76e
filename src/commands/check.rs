//! `meshctl check`: what is wrong with the meshes that are here.

use super::load;
use crate::analysis::health;
use crate::cli::{Ctx, complete, parse_duration};
use crate::error::{Error, Kind, Result};
use crate::facts::Purpose;
use crate::mesh::{self, MESHES};
use crate::report::Report;
use clap::Args;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  meshctl check                              every mesh that is installed
  meshctl check --mesh linkerd               one of them, and what lies between meshes
  meshctl check --fail-on warning -o junit   for a build server
  meshctl check --wait 2m                    until nothing is wrong, at most so long
  meshctl check --proxies                    what each proxy itself says, too
  meshctl check --pre --mesh linkerd         what an installation of it would meet
  meshctl check --from cluster.tar.zst       a recording";

/// Check the health of every installed mesh, and what lies between them
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct CheckArgs {
    /// Only this mesh; may be given several times
    #[arg(long, value_name = "MESH", value_delimiter = ',', add = complete::words(ids))]
    pub mesh: Vec<String>,
    /// Before an installation: versions, rights, other meshes, what is left of an earlier one
    #[arg(long)]
    pub pre: bool,
    /// Ask each proxy too, not only the control planes: a request for each
    #[arg(long, conflicts_with = "pre")]
    pub proxies: bool,
    /// Look again until nothing is wrong (as --fail-on says), at most so long, such as 90s or 5m
    #[arg(long, value_name = "TIME", value_parser = parse_duration, conflicts_with = "from")]
    pub wait: Option<Duration>,
}

/// Between two looks: long enough for a control plane to change anything.
const PAUSE: Duration = Duration::from_secs(3);

fn ids() -> Vec<(String, String)> {
    MESHES.iter().map(|mesh| (mesh.id().to_owned(), mesh.state().name().to_owned())).collect()
}

pub fn run(ctx: &Ctx, args: &CheckArgs) -> Result<Report> {
    let known: Vec<&str> = MESHES.iter().map(|mesh| mesh.id()).collect();
    if let Some(unknown) = args.mesh.iter().find(|id| !known.contains(&id.as_str())) {
        return Err(Error::new(Kind::Usage, format!("there is no mesh {unknown:?}"))
            .hint(format!("meshes that are checked: {}", known.join(", "))));
    }
    let Some(wait) = args.wait else { return look(ctx, args) };
    let until = load::now() + wait;
    loop {
        ctx.incomplete.set(false);
        let looked = look(ctx, args);
        let well = match &looked {
            Ok(report) => !ctx.is_bad_news(report),
            // What is not up yet may come up; what was asked wrongly stays wrong.
            Err(error) => error.kind != Kind::Unreachable,
        };
        let now = load::now();
        if well || now >= until {
            return looked;
        }
        let left = until.duration_since(now).as_secs();
        let waiting = ctx.ui.progress(&format!("not well yet; looking again for {left}s"));
        load::block_on(async {
            tokio::time::sleep(PAUSE).await;
            Ok(())
        })?;
        drop(waiting);
    }
}

fn look(ctx: &Ctx, args: &CheckArgs) -> Result<Report> {
    // A recording holds what the proxies said: reading it asks nobody.
    let proxies = args.proxies || ctx.global.from.is_some();
    let purpose = if args.pre { Purpose::Before } else { Purpose::Health { proxies, deep: args.proxies } };
    let judge = if args.pre { health::before } else { health::take };
    let loaded = load::load(ctx, &purpose, None)?;
    let all: Vec<_> = loaded.facts.iter().map(|facts| judge(facts, &mesh::model(facts), &args.mesh)).collect();
    Ok(load::with_unreachable(health::report(&all), &loaded))
}
