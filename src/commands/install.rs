//! `meshctl install` and `meshctl upgrade`: plan, ask, carry out.

use super::installing::carrying::Carrier;
use super::installing::planning::{Choices, Ground, compare, plan};
use super::installing::wanted::{Wanted, WantedArgs, mesh_named, wanted};
use super::installing::{saved, screen};
use super::load;
use super::plan::only;
use crate::analysis::health;
use crate::charts::plan::Plan;
use crate::cli::{Ctx, parse_duration};
use crate::error::{Error, Kind, Result};
use crate::facts::Purpose;
use crate::mesh;
use crate::report::{Line, Report, Severity, Span, Tone};
use crate::source::charts;
use crate::ui::{Choice, Prompt};
use clap::Args;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  meshctl install istio --charts charts/                          control plane and ingress gateway
  meshctl install istio --charts charts/ --profile ambient -y     without a question
  meshctl install istio --charts charts/ --set ingress:service.type=NodePort
  meshctl install --plan istio.plan                               exactly what `plan --out` showed
Values are Helm's; PART:KEY=VALUE is for one chart of the mesh. Releases are kept as Helm keeps them: helm list shows them.";

/// Install a mesh, or bring it to what is asked
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct InstallArgs {
    #[command(flatten)]
    pub wanted: WantedArgs,
    /// Carry out a saved plan
    #[arg(long, value_name = "FILE", conflicts_with = "mesh")]
    pub plan: Option<String>,
    /// Only show what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// Although `check --pre` finds something wrong
    #[arg(long)]
    pub skip_checks: bool,
    /// Don't ask
    #[arg(short, long, visible_alias = "skip-confirmation")]
    pub yes: bool,
    /// Wait so long for each release to become ready
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = parse_duration)]
    pub readiness_timeout: Duration,
}

/// Bring an installed mesh to the next version
#[derive(Args, Debug)]
pub struct UpgradeArgs {
    #[command(flatten)]
    pub install: InstallArgs,
}

pub fn run(ctx: &Ctx, args: &InstallArgs, upgrade: bool) -> Result<Report> {
    let asked = match &args.plan {
        Some(path) => Asked::Saved(saved::read(path)?),
        None => Asked::Now(Box::new(Wanted { newest: upgrade, ..wanted(ctx, &args.wanted)? })),
    };
    if let (Asked::Now(wanted), false, None) = (&asked, args.skip_checks || args.dry_run, &ctx.global.from) {
        prerequisites(ctx, wanted.mesh.id())?;
    }
    load::uninterrupted(go(ctx, args, asked, upgrade))
}

/// What `check --pre` finds wrong, apart from the mesh being there already: that is what a plan is compared with.
const PRESENT: &str = "MSH3004";

fn prerequisites(ctx: &Ctx, id: &str) -> Result<()> {
    // The namespace need not be there yet.
    let mut everywhere = ctx.global.clone();
    everywhere.namespace = None;
    let loaded = load::load(&Ctx::new(everywhere), &Purpose::Before, None)?;
    for facts in &loaded.facts {
        let health = health::before(facts, &mesh::model(facts), &[id.to_owned()]);
        let found = health.checks.iter().filter(|check| check.code != PRESENT).flat_map(|check| &check.findings);
        let wrong: Vec<_> = found.filter(|finding| finding.severity == Severity::Error).collect();
        if let [first, ..] = wrong.as_slice() {
            let error = Error::new(Kind::Input, format!("{id} can't be installed in {}", health.cluster));
            let error = wrong.iter().fold(error, |error, finding| error.cause(finding.message.clone()));
            let error = first.fix.iter().fold(error, |error, fix| error.hint(fix.clone()));
            return Err(error
                .hint(format!("meshctl check --pre --mesh {id} shows the evidence"))
                .hint("--skip-checks goes on all the same"));
        }
    }
    Ok(())
}

async fn go(ctx: &Ctx, args: &InstallArgs, asked: Asked, upgrade: bool) -> Result<Report> {
    let now = charts::now().timestamp().to_string();
    let cluster = only(ctx).await?;
    let progress = ctx.ui.progress("comparing with the cluster");
    let ground = Ground::read(&cluster).await?;
    let plan = match asked {
        Asked::Saved(saved) => still_true(&ground, saved, args).await?,
        Asked::Now(wanted) => {
            wanted.notes.iter().for_each(|note| ctx.ui.note(note));
            let choices = Choices { take_ownership: args.wanted.take_ownership, force_conflicts: args.wanted.force_conflicts };
            plan(&ground, &wanted, &choices, &now).await?
        }
    };
    drop(progress);
    if upgrade {
        can_upgrade(&ground, &plan)?;
    }
    let name = cluster.name().to_owned();
    if args.dry_run {
        return Ok(screen::report(&plan, "meshctl/plan/v1", &name));
    }
    if let [first, rest @ ..] = screen::blocked(&plan).as_slice() {
        let error = Error::new(Kind::Input, format!("{} can't be installed as it is asked", plan.mesh)).cause(first.clone());
        let error = rest.iter().take(4).fold(error, |error, next| error.cause(next.clone()));
        return Err(error.hint("meshctl plan, with the same words, shows all of it; nothing was changed"));
    }
    if plan.is_done() {
        return Ok(screen::done(&plan, &[], &name, Vec::new()));
    }
    agreed(ctx, args, &plan, &name)?;
    let carrier = Carrier { ctx, ground: &ground, deadline: args.readiness_timeout };
    let done = carrier.carry(&plan).await?;
    let next = [format!("meshctl check --mesh {}", plan.mesh), "meshctl proxy-status".to_owned()];
    let next: Vec<Line> = next.into_iter().map(|command| vec![Span::new(command, Tone::Code)]).collect();
    Ok(screen::done(&plan, &done, &name, next))
}

enum Asked {
    Saved(Plan),
    Now(Box<Wanted>),
}

/// A saved plan is carried out only where and while it says the truth.
async fn still_true(ground: &Ground<'_>, saved: Plan, args: &InstallArgs) -> Result<Plan> {
    if saved.cluster != ground.cluster {
        return Err(Error::new(Kind::Input, "the plan was made for another cluster")
            .cause(format!("its kube-system is {}, here it is {}", saved.cluster, ground.cluster))
            .hint("choose its cluster with --context, or plan again"));
    }
    let choices = Choices { take_ownership: args.wanted.take_ownership, force_conflicts: args.wanted.force_conflicts };
    let mut now = saved.clone();
    now.namespaces.retain(|name| !ground.namespaces.contains(name));
    compare(ground, &mut now, mesh_named(&saved.mesh)?.distribution(), &choices).await?;
    for (then, now) in saved.steps.iter().zip(&now.steps) {
        let before = ground.release(&now.release.namespace, &now.release.name).map_or(0, |release| release.version);
        if then.changes != now.changes || before + 1 != then.release.version {
            return Err(Error::new(Kind::Input, "the cluster has changed since the plan was made")
                .cause(format!("release {} would be changed in another way now", now.release.name))
                .hint("plan again, and look at what is different"));
        }
    }
    Ok(now)
}

/// An upgrade is of something that is there, to the next minor version at most.
fn can_upgrade(ground: &Ground<'_>, plan: &Plan) -> Result<()> {
    let mut there = false;
    for step in &plan.steps {
        let Some(before) = ground.release(&step.release.namespace, &step.release.name) else { continue };
        there = true;
        let version = |text: &str| semver::Version::parse(text.trim_start_matches('v')).ok();
        let (Some(old), Some(new)) = (version(before.chart.version()), version(step.release.chart.version())) else { continue };
        if old.major == new.major && new.minor > old.minor + 1 {
            return Err(Error::new(Kind::Input, format!("{} can't go from {old} to {new} at once", step.release.name))
                .cause("meshes are upgraded one minor version at a time")
                .hint(format!("go to {}.{} first", old.major, old.minor + 1)));
        }
        if new < old {
            return Err(Error::new(Kind::Input, format!("{} is at {old} already, and {new} is older", step.release.name))
                .hint("meshctl install brings it there all the same; data may not go back"));
        }
    }
    if there {
        return Ok(());
    }
    Err(Error::new(Kind::Input, format!("{} is not installed here as a release", plan.mesh))
        .hint(format!("meshctl install {} installs it", plan.mesh)))
}

/// The last word before anything changes.
fn agreed(ctx: &Ctx, args: &InstallArgs, plan: &Plan, cluster: &str) -> Result<()> {
    if args.yes || args.plan.is_some() {
        return Ok(());
    }
    if !ctx.ui.can_ask() {
        return Err(Error::new(Kind::Usage, "nobody is here to say yes")
            .cause(format!("{} in cluster {cluster}", plan.summary()))
            .hint("--yes goes on without a question; --dry-run shows what would be done"));
    }
    let text = format!(
        "Go on? Cluster {cluster}, {} in {}",
        plan.mesh,
        plan.steps.iter().map(|s| s.release.namespace.as_str()).next().unwrap_or_default()
    );
    match ctx.ui.ask(&Prompt { text: &text, why: &plan.summary(), choices: &["yes", "no"] })? {
        Choice::Answer(answer) if answer == "yes" => Ok(()),
        _ => Err(Error::new(Kind::Interrupted, "not done")),
    }
}
