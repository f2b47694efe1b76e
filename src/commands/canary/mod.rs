//! `upgrade --canary`: a control plane beside the old one, and the namespaces moved to it in waves.

mod finish;
mod meter;
mod moving;
mod screen;

use super::install::{self, InstallArgs};
use super::installing::wanted::asked_mesh;
use super::load;
use crate::cli::{Ctx, parse_duration};
use crate::error::{Error, Kind, Result};
use crate::mesh::Mesh;
use crate::mesh::revisions::Revisions;
use crate::report::Report;
use crate::ui::{Choice, Prompt};
use clap::Args;
use meter::{Gate, Rate};
use moving::{Move, State};
use std::time::Duration;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Beside the old one")]
pub struct CanaryArgs {
    /// Install the revision beside the old one and move namespaces to it in waves
    #[arg(long, conflicts_with_all = ["plan", "resume"])]
    pub canary: bool,
    /// Only these namespaces; the others stay where they are
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub only: Vec<String>,
    /// So many namespaces make a wave
    #[arg(long, value_name = "COUNT", default_value = "1", value_parser = clap::value_parser!(u16).range(1..))]
    pub namespace_by: u16,
    /// How long a wave is watched once it is in sync
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = parse_duration)]
    pub settle: Duration,
    /// So many more requests may fail than before
    #[arg(long, value_name = "PERCENT", default_value = "1%", value_parser = Rate::parse)]
    pub max_error_rate: Rate,
    /// Ask this Prometheus for failed requests, instead of the proxies themselves
    #[arg(long, value_name = "URL", env = "MESHCTL_PROMETHEUS", hide_env = true)]
    pub prometheus: Option<String>,
    /// Bearer token for it; set MESHCTL_PROMETHEUS_TOKEN
    #[arg(long = "prometheus-token", hide = true, env = "MESHCTL_PROMETHEUS_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// At the end, remove the old control plane
    #[arg(long, conflicts_with_all = ["only", "rollback"])]
    pub remove_old: bool,
}

/// How a wave ended.
pub struct Wave {
    pub namespaces: Vec<Move>,
    pub rate: Rate,
    pub requests: u64,
    pub failed: u64,
    pub seconds: u64,
}

/// What is the same for every wave.
struct Canary<'a> {
    ctx: &'a Ctx,
    mesh: &'static dyn Mesh,
    by: &'static dyn Revisions,
    revision: &'a str,
    args: &'a CanaryArgs,
    /// For one wave to come up.
    deadline: Duration,
}

pub fn run(ctx: &Ctx, install: &InstallArgs, args: &CanaryArgs) -> Result<Report> {
    let mesh = asked_mesh(&install.wanted)?;
    let Some(by) = mesh.revisions() else {
        return Err(Error::new(Kind::Usage, format!("{} has one control plane in a cluster", mesh.state().name()))
            .hint(format!("leave --canary out: meshctl upgrade {}", mesh.id())));
    };
    let revision = install.wanted.revision.as_str();
    if revision.is_empty() {
        return Err(
            Error::new(Kind::Usage, "which revision is the new control plane?").hint("--revision NAME, such as --revision 1-31")
        );
    }
    if ctx.global.from.is_some() {
        return Err(Error::new(Kind::Usage, "--from reads no cluster, and this needs one").hint("leave --from out"));
    }
    let canary = Canary { ctx, mesh, by, revision, args, deadline: install.readiness_timeout };
    if install.rollback {
        return canary.back();
    }
    let installed = install::run(ctx, install, true)?;
    let moves = canary.moves()?;
    if install.dry_run {
        return Ok(screen::planned(installed, revision, &moves, usize::from(args.namespace_by)));
    }
    canary.agreed(install.yes, &moves)?;
    let mut waves = Vec::new();
    for (number, wave) in moves.chunks(usize::from(args.namespace_by)).enumerate() {
        let total = moves.len().div_ceil(usize::from(args.namespace_by));
        waves.push(canary.wave(number + 1, total, wave)?);
    }
    let left = canary.left()?;
    let removed = if args.remove_old { canary.finish(install)? } else { Vec::new() };
    Ok(screen::done(&canary.invocation(), mesh.id(), revision, &waves, &left, &removed))
}

impl Canary<'_> {
    /// Of every namespace, whatever `-n` says: that is where the control plane goes.
    fn wide(&self) -> Ctx {
        self.of(None)
    }

    fn of(&self, namespace: Option<&str>) -> Ctx {
        let mut global = self.ctx.global.clone();
        global.namespace = namespace.map(str::to_owned);
        global.all_namespaces = namespace.is_none();
        Ctx::new(global)
    }

    fn invocation(&self) -> String {
        self.ctx.invocation(&format!("upgrade {} --revision {} --canary", self.mesh.id(), self.revision))
    }

    fn say(&self, text: &str) {
        if !self.ctx.global.quiet {
            self.ctx.ui.note(text);
        }
    }

    fn agreed(&self, yes: bool, moves: &[Move]) -> Result<()> {
        if yes || moves.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = moves.iter().map(|one| one.namespace.as_str()).collect();
        let why = format!("{} are relabelled and restarted, {} at a time", names.join(", "), self.args.namespace_by);
        if !self.ctx.ui.can_ask() {
            return Err(Error::new(Kind::Usage, "nobody is here to say yes").cause(why).hint("--yes goes on without a question"));
        }
        let text = format!("Move {} namespaces to revision {}?", moves.len(), self.revision);
        match self.ctx.ui.ask(&Prompt { text: &text, why: &why, choices: &["yes", "no"] })? {
            Choice::Answer(answer) if answer == "yes" => Ok(()),
            _ => Err(Error::new(Kind::Interrupted, "not done")),
        }
    }

    fn wave(&self, number: usize, total: usize, wave: &[Move]) -> Result<Wave> {
        let names = wave.iter().map(|one| one.namespace.as_str()).collect::<Vec<_>>().join(", ");
        self.say(&format!("wave {number} of {total}: {names}"));
        let begun = load::now();
        let mut gate = Gate::new(self, wave)?;
        let tried = self.relabel(wave, State::New).and_then(|()| self.restarted(wave, &mut gate)).and_then(|()| gate.settled());
        let seconds = u64::try_from(load::now().as_second() - begun.as_second()).unwrap_or(0);
        match tried {
            Ok((rate, requests, failed)) => Ok(Wave { namespaces: wave.to_vec(), rate, requests, failed, seconds }),
            Err(error) if error.kind == Kind::Interrupted => {
                self.ctx.ui.warning(&format!("stopped while {names} was being moved"));
                self.ctx.ui.hint(&format!("the same command goes on; {} --rollback moves everything back", self.invocation()));
                Err(error)
            }
            Err(error) => {
                self.ctx.ui.warning(&format!("wave {number} goes back: {}", error.message));
                let error = match self.undo(wave) {
                    Ok(()) => error.hint(format!("{names} is back where it was; waves before it stay with {}", self.revision)),
                    Err(second) => error.cause(format!("and it could not be moved back: {}", second.message)),
                };
                Err(error.hint(format!("{} --rollback moves everything back", self.invocation())))
            }
        }
    }

    /// Everything that was moved goes back.
    fn back(&self) -> Result<Report> {
        let moved = self.moved()?;
        if moved.is_empty() {
            return Err(Error::new(Kind::Input, format!("no namespace was moved to revision {}", self.revision))
                .hint("meshctl meshes shows which namespace is with which"));
        }
        self.undo(&moved)?;
        Ok(screen::back(self.mesh.id(), self.revision, &moved))
    }

    fn undo(&self, moves: &[Move]) -> Result<()> {
        self.relabel(moves, State::Before)?;
        self.restarted(moves, &mut Gate::none(self))?;
        self.forget(moves)
    }
}
