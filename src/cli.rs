//! The command line: global flags, streams, exit codes.

use crate::error::{self, Error, Kind, Result};
use crate::report::{Report, Severity};
use crate::source::live;
use crate::ui::Ui;
use crate::{commands, render};
use clap::{Args, Parser, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

#[derive(Parser, Debug)]
#[command(name = "meshctl", version, about, long_about = None, arg_required_else_help = true, propagate_version = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: commands::Command,
}

/// Flags that every command takes.
#[derive(Args, Clone, Debug)]
pub struct Global {
    /// Read a recording, manifests (file, folder, `-`) or `demo` instead of a live cluster
    #[arg(long, global = true, value_name = "PATH", help_heading = "Where from")]
    pub from: Option<String>,
    /// kubeconfig file [default: $KUBECONFIG, then ~/.kube/config]
    #[arg(short = 'c', long, global = true, value_name = "FILE", help_heading = "Where from")]
    pub kubeconfig: Option<PathBuf>,
    /// kubeconfig context; may be given several times
    #[arg(long, global = true, value_name = "NAME", help_heading = "Where from", conflicts_with = "all_contexts")]
    pub context: Vec<String>,
    /// Every context of the kubeconfig
    #[arg(long, global = true, help_heading = "Where from")]
    pub all_contexts: bool,
    /// Only this namespace
    #[arg(short, long, global = true, value_name = "NAME", help_heading = "Where from", conflicts_with = "all_namespaces")]
    pub namespace: Option<String>,
    /// All namespaces (the default)
    #[arg(short = 'A', long, global = true, help_heading = "Where from")]
    pub all_namespaces: bool,
    /// User to impersonate
    #[arg(long = "as", global = true, value_name = "USER", help_heading = "Where from")]
    pub as_user: Option<String>,
    /// Group to impersonate; may be given several times
    #[arg(long, global = true, value_name = "GROUP", help_heading = "Where from")]
    pub as_group: Vec<String>,
    /// Deadline of each call, such as 5s or 1m
    #[arg(long, global = true, value_name = "TIME", default_value = "10s", value_parser = parse_duration, env = "MESHCTL_REQUEST_TIMEOUT", help_heading = "Where from")]
    pub request_timeout: Duration,
    /// How to show the answer
    #[arg(short, long, global = true, value_name = "FORMAT", default_value = "table", help_heading = "How shown")]
    pub output: render::Format,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "How shown")]
    pub color: ColorWhen,
    /// Exit 1 when the worst finding is at least this bad
    #[arg(long, global = true, value_name = "LEVEL", help_heading = "How shown")]
    pub fail_on: Option<FailOn>,
    /// Exit 2 if any part of the input could not be read
    #[arg(long, global = true, help_heading = "Where from")]
    pub strict: bool,
    /// No progress and no hints on stderr
    #[arg(short, long, global = true, help_heading = "How shown")]
    pub quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    Info,
    Warning,
    Error,
    Never,
}

/// `5s`, `250ms`, `2m`, `1h`, or seconds.
pub fn parse_duration(text: &str) -> std::result::Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 = number.parse().map_err(|_| "write a number and a unit, such as 5s, 250ms or 2m".to_owned())?;
    let seconds = match unit {
        "ms" => number / 1000.0,
        "" | "s" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        _ => return Err(format!("unknown unit {unit:?}; use ms, s, m or h")),
    };
    Duration::try_from_secs_f64(seconds).map_err(|e| e.to_string())
}

/// What a command gets beside its own arguments.
pub struct Ctx {
    pub global: Global,
    pub ui: Ui,
}

impl Ctx {
    /// How the user reached the data, for next commands that can be copied: `meshctl analyze --from demo`.
    pub fn invocation(&self, command: &str) -> String {
        let mut words = format!("meshctl {command}");
        if let Some(from) = &self.global.from {
            words.push_str(" --from ");
            words.push_str(from);
        }
        for context in &self.global.context {
            words.push_str(" --context ");
            words.push_str(context);
        }
        if let Some(namespace) = &self.global.namespace {
            words.push_str(" -n ");
            words.push_str(namespace);
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
        }
    }
}

pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    let ctx = Ctx { ui: Ui::new(&cli.global), global: cli.global };
    match commands::run(&ctx, cli.command).and_then(|report| show(&ctx, &report)) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            ctx.ui.error(&error);
            ExitCode::from(error::EXIT_FAILED)
        }
    }
}

fn show(ctx: &Ctx, report: &Report) -> Result<u8> {
    let text = render::render(report, &render::Style::new(&ctx.global));
    render::print(&text).map_err(|e| Error::new(Kind::Output, "can't write to stdout").because(&e))?;
    let threshold = match ctx.global.fail_on {
        None | Some(FailOn::Never) => return Ok(0),
        Some(FailOn::Info) => Severity::Info,
        Some(FailOn::Warning) => Severity::Warning,
        Some(FailOn::Error) => Severity::Error,
    };
    Ok(if report.worst >= Some(threshold) { error::EXIT_BAD_NEWS } else { 0 })
}
