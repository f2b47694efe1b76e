//! One file a command: arguments, gather → pure call → report.

pub mod analyze;
pub mod proxy_config;

use crate::cli::Ctx;
use crate::error::Result;
use crate::report::Report;
use clap::Subcommand;

#[derive(Subcommand, Debug)]
pub enum Command {
    Analyze(analyze::AnalyzeArgs),
    #[command(visible_alias = "pc")]
    ProxyConfig(proxy_config::ProxyConfigArgs),
}

pub fn run(ctx: &Ctx, command: Command) -> Result<Report> {
    match command {
        Command::Analyze(args) => analyze::run(ctx, args),
        Command::ProxyConfig(args) => proxy_config::run(ctx, &args),
    }
}
