//! One file a command: arguments, gather → pure call → report.

pub mod analyze;
pub mod canary;
pub mod charts;
pub mod check;
pub mod check_inject;
pub mod completions;
pub mod fleet;
pub mod install;
pub mod installing;
pub mod load;
pub mod manifest;
pub mod meshes;
pub mod permissions;
pub mod plan;
pub mod proxy_config;
pub mod proxy_status;
pub mod rendering;
pub mod snapshot;
pub mod sourcing;
pub mod tag;
pub mod uninstall;
pub mod upgrade;
pub mod version;
pub mod wait;
pub mod ztunnel_config;

use crate::cli::Ctx;
use crate::error::Result;
use crate::report::Report;
use clap::Subcommand;

#[derive(Subcommand, Debug)]
pub enum Command {
    Analyze(analyze::AnalyzeArgs),
    Meshes(meshes::MeshesArgs),
    Check(check::CheckArgs),
    CheckInject(check_inject::CheckInjectArgs),
    #[command(visible_alias = "ps")]
    ProxyStatus(proxy_status::ProxyStatusArgs),
    Wait(wait::WaitArgs),
    #[command(visible_alias = "pc")]
    ProxyConfig(proxy_config::ProxyConfigArgs),
    #[command(visible_alias = "zc")]
    ZtunnelConfig(ztunnel_config::ZtunnelConfigArgs),
    Snapshot(snapshot::SnapshotArgs),
    Plan(plan::PlanArgs),
    Install(install::InstallArgs),
    Upgrade(upgrade::UpgradeArgs),
    Tag(tag::TagArgs),
    Uninstall(uninstall::UninstallArgs),
    Manifest(manifest::ManifestArgs),
    Charts(charts::ChartsArgs),
    Permissions(permissions::PermissionsArgs),
    Version(version::VersionArgs),
    Completions(completions::CompletionsArgs),
}

impl Command {
    /// Whether its answer can be given in the words of the proxy.
    pub fn shows_resources(&self) -> bool {
        matches!(self, Command::ProxyConfig(args) if args.part.shows_resources())
    }

    /// Whether its answer can be given as Prometheus scrapes it.
    pub fn shows_stats(&self) -> bool {
        matches!(self, Command::ProxyConfig(args) if matches!(args.part, proxy_config::Part::Stats(_)))
    }
}

pub fn run(ctx: &Ctx, command: Command) -> Result<Report> {
    match command {
        Command::Analyze(args) => analyze::run(ctx, args),
        Command::Meshes(args) => meshes::run(ctx, &args),
        Command::Check(args) => check::run(ctx, &args),
        Command::CheckInject(args) => check_inject::run(ctx, &args),
        Command::ProxyStatus(args) => proxy_status::run(ctx, &args),
        Command::Wait(args) => wait::run(ctx, &args),
        Command::ProxyConfig(args) => proxy_config::run(ctx, &args),
        Command::ZtunnelConfig(args) => ztunnel_config::run(ctx, &args),
        Command::Plan(args) => plan::run(ctx, &args),
        Command::Install(args) => install::run(ctx, &args, false),
        Command::Upgrade(args) => upgrade::run(ctx, &args),
        Command::Tag(args) => tag::run(ctx, &args),
        Command::Uninstall(args) => uninstall::run(ctx, &args),
        Command::Manifest(args) => manifest::run(ctx, &args),
        Command::Charts(args) => charts::run(ctx, &args),
        Command::Permissions(args) => permissions::run(ctx, &args),
        Command::Version(args) => version::run(ctx, &args),
        Command::Completions(args) => completions::run(&args),
        Command::Snapshot(args) => snapshot::run(ctx, args),
    }
}
