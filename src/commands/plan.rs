//! `meshctl plan`: what an installation would change, tried on the server and not kept.

use super::installing::planning::{Choices, Ground, plan};
use super::installing::wanted::{WantedArgs, wanted};
use super::installing::{saved, screen};
use super::load;
use crate::cli::Ctx;
use crate::error::{Error, Kind, Result};
use crate::report::{Report, Severity};
use crate::source::{charts, live};
use clap::Args;

const EXAMPLES: &str = "\
Examples:
  meshctl plan istio --charts charts/                     what an installation would do
  meshctl plan istio --charts charts/ --profile ambient   another way to set it up
  meshctl plan istio --charts charts/ --out istio.plan    kept; meshctl install --plan istio.plan runs it
Exit codes: 0 nothing to do, 1 changes are pending, 2 it failed.";

/// Show what installing or upgrading a mesh would change
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct PlanArgs {
    #[command(flatten)]
    pub wanted: WantedArgs,
    /// Keep the plan in this file; keys that it makes are beside it in FILE.key
    #[arg(long, value_name = "FILE")]
    pub out: Option<String>,
}

pub fn run(ctx: &Ctx, args: &PlanArgs) -> Result<Report> {
    let mut wanted = wanted(ctx, &args.wanted)?;
    wanted.notes.iter().for_each(|note| ctx.ui.note(note));
    let choices = Choices::of(&args.wanted);
    let now = charts::now().timestamp().to_string();
    let progress = ctx.ui.progress("comparing with the cluster");
    let made = load::block_on(async {
        let cluster = only(ctx).await?;
        let ground = Ground::read(&cluster).await?;
        Ok((plan(&ground, &mut wanted, &choices, &now).await?, cluster.name().to_owned()))
    });
    drop(progress);
    let (plan, cluster) = made?;
    wanted.tell(ctx);
    let mut report = screen::report(&plan, "meshctl/plan/v1", &cluster);
    report.fails_on = Some(Severity::Error);
    if let Some(path) = &args.out {
        saved::keep(path, &plan)?;
        ctx.ui.hint(&format!("meshctl install --plan {} carries out exactly this", crate::cli::quoted(path)));
    }
    Ok(report)
}

/// The one cluster that is meant: nothing is installed into several at once.
pub async fn only(ctx: &Ctx) -> Result<live::Cluster> {
    if ctx.global.from.is_some() {
        return Err(Error::new(Kind::Usage, "--from reads no cluster, and this needs one").hint("leave --from out"));
    }
    let mut clusters = live::connect(&ctx.live_options()).await?;
    match (clusters.pop(), clusters.is_empty()) {
        (Some(cluster), true) => Ok(cluster),
        _ => Err(Error::new(Kind::Usage, "one cluster at a time").hint("name one: --context NAME")),
    }
}
