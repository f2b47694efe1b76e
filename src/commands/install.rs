//! `meshctl install` and `meshctl upgrade`: plan, ask, carry out.

use super::installing::attached::{attached, named};
use super::installing::back;
use super::installing::carrying::Carrier;
use super::installing::planning::{Choices, Ground, compare, failed, of_mesh, plan};
use super::installing::wanted::{Wanted, WantedArgs, asked_mesh, mesh_named, wanted};
use super::installing::{run_record, saved, screen};
use super::load;
use super::plan::only;
use crate::analysis::health;
use crate::charts::plan::{Plan, Step};
use crate::charts::release::Release;
use crate::cli::{Ctx, parse_duration};
use crate::error::{Error, Kind, Result};
use crate::facts::{Facts, Purpose};
use crate::mesh::revisions::DEFAULT;
use crate::mesh::{self, Mesh};
use crate::report::{Block, Line, Report, Severity, Span, Tone};
use crate::source::charts;
use crate::ui::{Choice, Prompt};
use clap::Args;
use serde_json::json;
use std::thread::JoinHandle;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  meshctl install istio --charts charts/                          control plane and ingress gateway
  meshctl install istio --charts charts/ --profile ambient -y     without a question
  meshctl install istio --charts charts/ --set ingress:service.type=NodePort
  meshctl install --plan istio.plan                               exactly what `plan --out` showed
  meshctl install istio --resume                                  go on after a failure; --rollback undoes it
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
    /// Go on with a run that was broken off, as it was planned then
    #[arg(long, conflicts_with_all = ["plan", "rollback", "profile", "values", "set"])]
    pub resume: bool,
    /// Back to what was there before the last run
    #[arg(long, conflicts_with_all = ["plan", "profile", "values", "set"])]
    pub rollback: bool,
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

pub fn run(ctx: &Ctx, args: &InstallArgs, upgrade: bool) -> Result<Report> {
    let asked = match &args.plan {
        Some(path) => Asked::Saved(saved::read(path)?),
        None if args.resume || args.rollback => Asked::Earlier(asked_mesh(&args.wanted)?),
        None => Asked::Now(Box::new(Wanted { newest: upgrade, ..wanted(ctx, &args.wanted)? })),
    };
    // Beside the plan, as neither needs the other.
    let checking = match (&asked, args.skip_checks || args.dry_run, &ctx.global.from) {
        (Asked::Now(wanted), false, None) => Some(prerequisites(ctx, wanted.mesh.id())),
        _ => None,
    };
    let (mut report, newer) = load::uninterrupted(go(ctx, args, asked, upgrade, checking))?;
    if upgrade && newer {
        to_restart(ctx, args, &mut report)?;
    }
    Ok(report)
}

/// So many workloads are named.
const TOLD: usize = 20;

/// What `check --pre` finds wrong, apart from the mesh being there already: that is what a plan is compared with.
const PRESENT: &str = "MSH3004";

fn prerequisites(ctx: &Ctx, id: &'static str) -> JoinHandle<Result<()>> {
    // The namespace need not be there yet; and one spinner is enough.
    let mut everywhere = ctx.global.clone();
    (everywhere.namespace, everywhere.quiet) = (None, true);
    std::thread::spawn(move || {
        let loaded = load::load(&Ctx::new(everywhere), &Purpose::Before, None)?;
        loaded.facts.iter().try_for_each(|facts| fit(facts, id))
    })
}

/// Whether the mesh can be installed in this cluster.
fn fit(facts: &Facts, id: &str) -> Result<()> {
    let health = health::before(facts, &mesh::model(facts), &[id.to_owned()]);
    let found = health.checks.iter().filter(|check| check.code != PRESENT).flat_map(|check| &check.findings);
    let wrong: Vec<_> = found.filter(|finding| finding.severity == Severity::Error).collect();
    let [first, ..] = wrong.as_slice() else { return Ok(()) };
    let error = Error::new(Kind::Input, format!("{id} can't be installed in {}", health.cluster));
    let error = wrong.iter().fold(error, |error, finding| error.cause(finding.message.clone()));
    let error = first.fix.iter().fold(error, |error, fix| error.hint(fix.clone()));
    Err(error.hint(format!("meshctl check --pre --mesh {id} shows the evidence")).hint("--skip-checks goes on all the same"))
}

/// The report, and whether a part is of another version now.
async fn go(
    ctx: &Ctx,
    args: &InstallArgs,
    asked: Asked,
    upgrade: bool,
    checking: Option<JoinHandle<Result<()>>>,
) -> Result<(Report, bool)> {
    let cluster = only(ctx).await?;
    let progress = ctx.ui.progress("comparing with the cluster");
    let planned = async {
        let ground = Ground::read(&cluster).await?;
        let (plan, new) = planned(ctx, args, asked, &ground).await?;
        Ok((ground, plan, new))
    };
    let planned = tokio::select! {
        planned = planned => planned,
        error = load::interrupted() => Err(error),
    };
    // What the cluster lacks tells more than what fails without it.
    if let Some(checking) = checking {
        checking.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    }
    let (ground, plan, new) = planned?;
    drop(progress);
    if upgrade && !args.resume && !args.rollback {
        can_upgrade(&ground, &plan)?;
    }
    let name = cluster.name().to_owned();
    if args.dry_run {
        return Ok((screen::report(&plan, "meshctl/plan/v1", &name), false));
    }
    if let [first, rest @ ..] = screen::blocked(&plan).as_slice() {
        let error = Error::new(Kind::Input, format!("{} can't be installed as it is asked", plan.mesh)).cause(first.clone());
        let error = rest.iter().take(4).fold(error, |error, next| error.cause(next.clone()));
        return Err(error.hint("meshctl plan, with the same words, shows all of it; nothing was changed"));
    }
    if plan.is_done() && new.is_empty() {
        return Ok((screen::done(&plan, &[], &name, Vec::new()), false));
    }
    agreed(ctx, args, &plan, &name)?;
    let carrier = Carrier { ctx, ground: &ground, deadline: args.readiness_timeout };
    for release in new.iter().rev() {
        back::erase(&ground, release).await?;
        ctx.ui.hint(&format!("release {} is gone: there was none before", release.name));
    }
    let done = carrier.carry(&plan).await?;
    run_record::clear(&ground, &plan.mesh).await?;
    let next = [format!("meshctl check --mesh {}", plan.mesh), "meshctl proxy-status".to_owned()];
    let next: Vec<Line> = next.into_iter().map(|command| vec![Span::new(command, Tone::Code)]).collect();
    let other_version = |step: &Step| {
        let before = ground.release(&step.release.namespace, &step.release.name);
        step.touched && before.is_some_and(|before| before.chart.app_version() != step.release.chart.app_version())
    };
    let newer = plan.steps.iter().any(other_version);
    Ok((screen::done(&plan, &done, &name, next), newer))
}

/// What is to be done, and the releases that were not there before a run which is undone.
async fn planned(ctx: &Ctx, args: &InstallArgs, asked: Asked, ground: &Ground<'_>) -> Result<(Plan, Vec<Release>)> {
    let now = charts::now().timestamp().to_string();
    let mut new = Vec::new();
    let plan = match asked {
        Asked::Earlier(mesh) if args.rollback => {
            let back = back::plan(ground, mesh.id(), mesh.distribution(), &args.wanted.revision, &now).await?;
            new = back.new;
            back.plan
        }
        Asked::Earlier(mesh) => {
            let mut plan = run_record::unfinished(ground, mesh.id()).await?;
            let choices = Choices::of(&args.wanted);
            compare(ground, &mut plan, mesh.distribution(), &choices).await?;
            plan
        }
        Asked::Saved(saved) => still_true(ground, saved, args).await?,
        Asked::Now(mut wanted) => {
            wanted.notes.iter().for_each(|note| ctx.ui.note(note));
            let choices = Choices::of(&args.wanted);
            let plan = plan(ground, &mut wanted, &choices, &now).await?;
            wanted.tell(ctx);
            plan
        }
    };
    Ok((plan, new))
}

enum Asked {
    Saved(Plan),
    Now(Box<Wanted>),
    /// To go on with the last run of this mesh, or to undo it.
    Earlier(&'static dyn Mesh),
}

/// A saved plan is carried out only where and while it says the truth.
async fn still_true(ground: &Ground<'_>, saved: Plan, args: &InstallArgs) -> Result<Plan> {
    if saved.cluster != ground.cluster {
        return Err(Error::new(Kind::Input, "the plan was made for another cluster")
            .cause(format!("its kube-system is {}, here it is {}", saved.cluster, ground.cluster))
            .hint("choose its cluster with --context, or plan again"));
    }
    let choices = Choices::of(&args.wanted);
    let mut now = saved.clone();
    now.namespaces.retain(|name| !ground.namespaces.contains(name));
    compare(ground, &mut now, mesh_named(&saved.mesh)?.distribution(), &choices).await?;
    for keyed in saved.keys.iter().filter(|keyed| !keyed.replaces) {
        if ground
            .writer
            .get(&ground.kinds, &keyed.object)
            .await
            .map_err(|e| failed(&format!("read {}", keyed.object), &e))?
            .is_some()
        {
            return Err(Error::new(Kind::Input, "the cluster has changed since the plan was made")
                .cause(format!("{} is there now", keyed.object))
                .hint("plan again: what is there is taken as it is"));
        }
    }
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

/// An upgrade is of something that is there, or that has an older one beside it, and no further than its publisher allows.
fn can_upgrade(ground: &Ground<'_>, plan: &Plan) -> Result<()> {
    let mut there = false;
    let all = mesh_named(&plan.mesh)?.distribution();
    let version = |release: &Release| semver::Version::parse(release.chart.version().trim_start_matches('v')).ok();
    for step in &plan.steps {
        let name = &step.release.name;
        let same = ground.release(&step.release.namespace, name);
        let beside =
            || of_mesh(ground, all, "").filter(|(part, _)| part.id == step.part && part.revisioned).map(|(_, other)| other);
        let Some(before) = same.or_else(|| beside().max_by_key(|other| version(other))) else { continue };
        there = true;
        let (Some(old), Some(new)) = (version(before), version(&step.release)) else { continue };
        let most =
            all.minors.as_ref().map(|minors| (if same.is_some() { minors.in_place } else { minors.beside }, minors.source));
        if let Some((most, source)) = most.filter(|(most, _)| old.major == new.major && new.minor > old.minor + most) {
            let at_once = if most == 1 { "one minor version".to_owned() } else { format!("{most} minor versions") };
            return Err(Error::new(Kind::Input, format!("{name} can't go from {old} to {new} at once"))
                .cause(format!("it is upgraded by {at_once} at a time ({source})"))
                .hint(format!("go to {}.{} first", old.major, old.minor + most)));
        }
        if new < old && same.is_some() {
            return Err(Error::new(Kind::Input, format!("{name} is at {old} already, and {new} is older"))
                .hint("meshctl install brings it there all the same; data may not go back"));
        }
    }
    if there {
        return Ok(());
    }
    Err(Error::new(Kind::Input, format!("{} is not installed here as a release", plan.mesh))
        .hint(format!("meshctl install {} installs it", plan.mesh)))
}

/// After another version of the control plane: whose proxies are still of the old one.
fn to_restart(ctx: &Ctx, args: &InstallArgs, report: &mut Report) -> Result<()> {
    let mut everywhere = ctx.global.clone();
    everywhere.namespace = None;
    let revision = if args.wanted.revision.is_empty() { DEFAULT } else { &args.wanted.revision };
    let mesh = mesh_named(report.data["mesh"].as_str().unwrap_or_default())?;
    let mut all = attached(&Ctx::new(everywhere), mesh.id())?;
    all.retain(|(own, _)| own == revision || mesh.revisions().is_none());
    if let Some(map) = report.data.as_object_mut() {
        map.insert("restart".to_owned(), json!(all.iter().map(|(_, at)| at).collect::<Vec<_>>()));
    }
    if !all.is_empty() {
        report
            .body
            .extend([Block::Blank, Block::Heading("What has to be restarted to get proxies of the new version".to_owned())]);
        report.body.push(Block::Paragraph(vec![Span::from(named(&all, TOLD))]));
    }
    Ok(())
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
