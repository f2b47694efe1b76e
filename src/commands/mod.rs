//! One file a command: arguments, gather → pure call → report.

pub mod analyze;
pub mod snapshot;

use crate::cli::Ctx;
use crate::error::Result;
use crate::report::Report;
use clap::Subcommand;

#[derive(Subcommand, Debug)]
pub enum Command {
    Analyze(analyze::AnalyzeArgs),
    Snapshot(snapshot::SnapshotArgs),
}

pub fn run(ctx: &Ctx, command: Command) -> Result<Report> {
    match command {
        Command::Analyze(args) => analyze::run(ctx, args),
        Command::Snapshot(args) => snapshot::run(ctx, args),
    }
}
