//! The command line: streams, exit codes, and what happens before a command runs.

mod absent;
pub mod complete;
mod global;

pub use crate::error::quoted;
pub use global::{ColorWhen, FailOn, Global, parse_duration};

use crate::error::{self, Error, Kind, Result};
use crate::report::{Report, Severity};
use crate::source::{cache, live};
use crate::ui::Ui;
use crate::{commands, render};
use clap::builder::styling::{AnsiColor, Style, Styles};
use clap::error::ErrorKind;
use clap::{ArgAction, ColorChoice, CommandFactory, FromArgMatches, Parser};
use std::cell::Cell;
use std::ffi::OsString;
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  meshctl analyze --from demo          see it work, without a cluster
  meshctl analyze                      ask the cluster of your kubeconfig
  meshctl proxy-status                 is every proxy in sync, and why not

`meshctl --help` lists the flags, `meshctl COMMAND --help` says more about a command.";

const STYLES: Styles = Styles::styled()
    .header(Style::new().bold())
    .usage(Style::new().bold())
    .literal(AnsiColor::Cyan.on_default())
    .placeholder(Style::new())
    .error(AnsiColor::Red.on_default().bold())
    .valid(AnsiColor::Green.on_default())
    .invalid(AnsiColor::Yellow.on_default());

/// Tell whether a cluster needs a service mesh, which one, and what is wrong with the one it has
#[derive(Parser, Debug)]
#[command(name = "meshctl", version, long_about = None, after_help = EXAMPLES, styles = STYLES, max_term_width = 100)]
#[command(arg_required_else_help = true, subcommand_value_name = "COMMAND", disable_help_flag = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    /// Print this help
    // One form for -h and --help: the long one gives every flag three lines.
    #[arg(short, long, global = true, action = ArgAction::HelpShort, help_heading = "How shown")]
    help: Option<bool>,
    #[command(subcommand)]
    pub command: commands::Command,
}

/// What a command gets beside its own arguments.
pub struct Ctx {
    pub global: Global,
    pub ui: Ui,
    /// Set when a part of the input could not be read: `--strict` turns that into exit code 2.
    pub incomplete: Cell<bool>,
    /// For control planes that are asked over xDS, where a command has flags for it.
    pub xds: live::Credentials,
}

impl Ctx {
    pub fn new(global: Global) -> Self {
        Ctx { ui: Ui::new(&global), global, incomplete: Cell::new(false), xds: live::Credentials::default() }
    }

    /// Whether the worst of it is at or above `--fail-on`.
    pub fn is_bad_news(&self, report: &Report) -> bool {
        let threshold = match self.global.fail_on {
            None => report.fails_on,
            Some(FailOn::Never) => None,
            Some(FailOn::Info) => Some(Severity::Info),
            Some(FailOn::Warning) => Some(Severity::Warning),
            Some(FailOn::Error) => Some(Severity::Error),
        };
        threshold.is_some_and(|threshold| report.worst >= Some(threshold))
    }

    /// How the user reached the data, for next commands that can be copied: `meshctl analyze --from demo`.
    pub fn invocation(&self, command: &str) -> String {
        let mut words = format!("meshctl {command}");
        let mut push = |flag: &str, value: &str| words.push_str(&format!(" {flag} {}", quoted(value)));
        if let Some(from) = &self.global.from {
            push("--from", from);
        }
        if let Some(file) = &self.global.kubeconfig {
            push("--kubeconfig", &file.display().to_string());
        }
        let contexts = &self.global.context;
        let first = |i: usize| !contexts[..i].contains(&contexts[i]);
        contexts.iter().enumerate().filter(|(i, _)| first(*i)).for_each(|(_, context)| push("--context", context));
        if let Some(file) = &self.global.consul_token_file {
            push("--consul-token-file", &file.display().to_string());
        }
        // Without them the next command would see something else.
        self.global.as_user.iter().for_each(|user| push("--as", user));
        self.global.as_group.iter().for_each(|group| push("--as-group", group));
        if let Some(namespace) = &self.global.namespace {
            push("-n", namespace);
        }
        if self.global.all_contexts {
            words.push_str(" --all-contexts");
        }
        if self.global.consul_token_from_secret {
            words.push_str(" --consul-token-from-secret");
        }
        words
    }

    pub fn live_options(&self) -> live::Options {
        live::Options {
            kubeconfig: self.global.kubeconfig.clone(),
            contexts: self.global.context.clone(),
            all_contexts: self.global.all_contexts,
            namespace: self.global.namespace.clone(),
            impersonate_user: self.global.as_user.clone(),
            impersonate_groups: self.global.as_group.clone(),
            request_timeout: self.global.request_timeout,
            xds: self.xds.clone(),
            tokens: live::Given {
                file: self.global.consul_token_file.clone(),
                from_cluster: self.global.consul_token_from_secret,
            },
            roots: live::Given::default(),
            // What was asked over HTTP last time says nothing about gRPC.
            kept: cache::root().filter(|_| !self.xds.alone).map(|root| root.join("ways")),
        }
    }
}

/// As kubectl calls us when we are its plugin.
const PLUGIN: &str = "kubectl-meshctl";

/// Help says what the user types: `kubectl meshctl analyze`.
fn as_plugin(command: clap::Command) -> clap::Command {
    fn told(command: clap::Command) -> clap::Command {
        let examples = command.get_after_help().map(|text| text.to_string().replace("meshctl ", "kubectl meshctl "));
        let command = command.mut_subcommands(told);
        match examples {
            Some(text) => command.after_help(text),
            None => command,
        }
    }
    told(command).bin_name("kubectl meshctl")
}

fn is_plugin(args: &[OsString]) -> bool {
    let name = args.first().map(std::path::Path::new).and_then(std::path::Path::file_stem);
    name.is_some_and(|name| name == PLUGIN)
}

/// The whole command line, for parsing, help and completion.
pub fn command() -> clap::Command {
    Cli::command()
}

pub fn run() -> ExitCode {
    // Before anything that could print: the shell reads our stdout.
    complete::answer_the_shell();
    // An error means that it is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let args: Vec<OsString> = std::env::args_os().collect();
    let cli = match parse(&args) {
        Ok(cli) => cli,
        Err(error) => return refuse(&args, &error),
    };
    let ctx = Ctx::new(cli.global);
    let shown = commands::run(&ctx, cli.command).and_then(|report| {
        let code = show(&ctx, &report);
        // The process ends: to give a big answer back piece by piece takes longer than the system takes for all of it.
        std::mem::forget(report);
        code
    });
    match shown {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            if error.kind != Kind::Interrupted {
                ctx.ui.error(&error);
            }
            ExitCode::from(error.kind.exit_code())
        }
    }
}

fn parse(args: &[OsString]) -> std::result::Result<Cli, clap::Error> {
    let command = if is_plugin(args) { as_plugin(command()) } else { command() };
    let mut command = command.color(match global::color_of(args) {
        ColorWhen::Auto => ColorChoice::Auto,
        ColorWhen::Always => ColorChoice::Always,
        ColorWhen::Never => ColorChoice::Never,
    });
    let matches = command.try_get_matches_from_mut(args)?;
    let mut cli = Cli::from_arg_matches(&matches).map_err(|e| e.format(&mut command))?;
    cli.global.settle(&matches).map_err(|text| command.error(ErrorKind::ArgumentConflict, text))?;
    let unfit = match cli.global.output {
        render::Format::Envoy if !cli.command.shows_resources() => Some(
            "-o envoy is for what a proxy printed: proxy-config all, cluster, listener, route, endpoint, eds, secret, bootstrap, ecds",
        ),
        render::Format::Prom if !cli.command.shows_stats() => Some("-o prom is for what a proxy counts: proxy-config stats"),
        _ => None,
    };
    if let Some(text) = unfit {
        return Err(command.error(ErrorKind::ArgumentConflict, text));
    }
    // A script that a shell sources must not change its form by an environment variable.
    if matches!(cli.command, commands::Command::Completions(_)) && !global::typed(&matches, "output") {
        cli.global.output = render::Format::Table;
    }
    Ok(cli)
}

/// Help is an answer; everything else is a usage error with exit code 2.
fn refuse(args: &[OsString], error: &clap::Error) -> ExitCode {
    // Two kinds: to clap, a flag that the environment sets is a word on the command line.
    let nothing = matches!(error.kind(), ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand);
    if nothing && args.len() < 2 {
        // Bare `meshctl` is a question, not a mistake; the flags would push the commands off the screen.
        let command = if is_plugin(args) { as_plugin(command()) } else { command() };
        let _ = render::print(&command.mut_args(|arg| arg.hide(true)).render_help().to_string());
        return ExitCode::SUCCESS;
    }
    if let Some(error) = absent::explain(args, error) {
        let quiet = Global::for_errors(global::color_of(args));
        Ui::new(&quiet).error(&error);
        return ExitCode::from(error::EXIT_FAILED);
    }
    // Nobody is left to tell when the stream is gone.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(error::EXIT_FAILED))
}

fn show(ctx: &Ctx, report: &Report) -> Result<u8> {
    if ctx.global.output.is_printed() {
        render::beside(report).iter().for_each(|text| ctx.ui.warning(text));
    }
    if !report.shown {
        render::show(report, &render::Style::new(&ctx.global))
            .map_err(|e| Error::new(Kind::Output, "can't write to stdout").because(&e))?;
    }
    if ctx.global.strict && ctx.incomplete.get() {
        return Ok(error::EXIT_FAILED);
    }
    Ok(if ctx.is_bad_news(report) { error::EXIT_BAD_NEWS } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn words_survive_the_shell() {
        assert_eq!(quoted("shop.yaml"), "shop.yaml");
        assert_eq!(quoted("my shop's $x"), r"'my shop'\''s $x'");
    }
}
