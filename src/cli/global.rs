//! Flags that every command takes.

use super::complete;
use crate::render;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Parser, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Args, Clone, Debug)]
pub struct Global {
    /// Read a recording, manifests (file, folder, `-`) or `demo` instead of a live cluster
    #[arg(long, global = true, value_name = "PATH", help_heading = "Where from", env = "MESHCTL_FROM", hide_env = true, add = complete::from())]
    pub from: Option<String>,
    /// Use this kubeconfig file [default: $KUBECONFIG, then ~/.kube/config]
    #[arg(short = 'c', long, global = true, value_name = "FILE", help_heading = "Where from")]
    pub kubeconfig: Option<PathBuf>,
    /// Use this context of the kubeconfig; may be given several times
    #[arg(long, global = true, value_name = "NAME", help_heading = "Where from", env = "MESHCTL_CONTEXT", hide_env = true, add = complete::contexts())]
    pub context: Vec<String>,
    /// Use every context of the kubeconfig
    #[arg(long, global = true, help_heading = "Where from")]
    pub all_contexts: bool,
    /// Look only at this namespace
    #[arg(short, long, global = true, value_name = "NAME", help_heading = "Where from", env = "MESHCTL_NAMESPACE", hide_env = true, add = complete::namespaces())]
    pub namespace: Option<String>,
    /// Look at all namespaces (the default)
    #[arg(short = 'A', long, global = true, help_heading = "Where from")]
    pub all_namespaces: bool,
    /// Impersonate this user
    #[arg(long = "as", global = true, value_name = "USER", help_heading = "Where from")]
    pub as_user: Option<String>,
    /// Impersonate this group; may be given several times
    #[arg(long, global = true, value_name = "GROUP", help_heading = "Where from")]
    pub as_group: Vec<String>,
    /// Give up a call after this time, such as 5s or 1m
    #[arg(long, global = true, value_name = "TIME", default_value = "10s", value_parser = parse_duration, env = "MESHCTL_REQUEST_TIMEOUT", hide_env = true, help_heading = "Where from")]
    pub request_timeout: Duration,
    /// Token for the API of Consul's servers, in this file
    #[arg(long, global = true, value_name = "FILE", value_hint = clap::ValueHint::FilePath, help_heading = "Where from")]
    pub consul_token_file: Option<PathBuf>,
    /// Read Consul's bootstrap token from its Secret in the cluster
    #[arg(long, global = true, conflicts_with = "consul_token_file", help_heading = "Where from")]
    pub consul_token_from_secret: bool,
    /// Exit 2 if any part of the input could not be read
    #[arg(long, global = true, help_heading = "Where from")]
    pub strict: bool,
    /// Show the answer in this form
    #[arg(
        short,
        long,
        global = true,
        value_name = "FORMAT",
        default_value = "table",
        env = "MESHCTL_OUTPUT",
        hide_env = true,
        help_heading = "How shown"
    )]
    pub output: render::Format,
    /// Use colour; auto minds the terminal, NO_COLOR and CLICOLOR_FORCE
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "How shown")]
    pub color: ColorWhen,
    /// Say on stderr what was asked of whom, and what came of it
    // No `--verbose`: proxy-config has one of its own, as its users know it.
    #[arg(short = 'v', global = true, help_heading = "How shown")]
    pub narrate: bool,
    /// Exit 1 when the worst finding is at least this bad
    #[arg(long, global = true, value_name = "LEVEL", help_heading = "How shown")]
    pub fail_on: Option<FailOn>,
    /// Keep progress and hints off stderr
    #[arg(short, long, global = true, help_heading = "How shown")]
    pub quiet: bool,
    // The environment's say; flags only because clap is the one reader of it.
    #[arg(long, global = true, hide = true, env = "COLUMNS")]
    pub columns: Option<String>,
    #[arg(long, global = true, hide = true, env = "NO_COLOR", num_args = 0..=1, require_equals = true, default_missing_value = "1")]
    pub no_color: Option<String>,
    #[arg(long, global = true, hide = true, env = "CLICOLOR_FORCE", num_args = 0..=1, require_equals = true, default_missing_value = "1")]
    pub clicolor_force: Option<String>,
    #[arg(long, global = true, hide = true, env = "ISTIOCTL_NAMESPACE")]
    istioctl_namespace: Option<String>,
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

/// Only the flags, for errors that come before a command line is understood.
#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    global: Global,
}

/// Whether a flag stands on the command line, rather than in the environment or nowhere.
pub fn typed(matches: &ArgMatches, id: &str) -> bool {
    let here = matches.try_contains_id(id).is_ok() && matches.value_source(id) == Some(ValueSource::CommandLine);
    here || matches.subcommand().is_some_and(|(_, deeper)| typed(deeper, id))
}

impl Global {
    /// Every flag at its default, with this colour; the environment still counts.
    pub fn for_errors(color: ColorWhen) -> Self {
        let flags = Flags::try_parse_from(["meshctl"]).or_else(|_| {
            // An environment variable is what is wrong; the colour must not fail over it.
            Flags::try_parse_from(["meshctl", "--output", "table", "--request-timeout", "10s"])
        });
        let mut global = flags.map(|flags| flags.global).unwrap_or_else(|e| e.exit());
        global.color = color;
        global
    }

    /// What excludes each other. What is typed beats what the environment says; two typed flags are a mistake.
    pub fn settle(&mut self, matches: &ArgMatches) -> Result<(), String> {
        let typed = |id: &str| typed(matches, id);
        const LIVE: [(&str, &str); 5] = [
            ("context", "--context"),
            ("all_contexts", "--all-contexts"),
            ("kubeconfig", "--kubeconfig"),
            ("as_user", "--as"),
            ("as_group", "--as-group"),
        ];
        let live = LIVE.iter().find(|(id, _)| typed(id)).map(|(_, flag)| *flag);
        match live {
            Some(flag) if typed("from") => {
                return Err(format!("--from reads no cluster, so {flag} has no meaning beside it; leave one of them out"));
            }
            Some(_) => self.from = None,
            None if self.from.is_some() => self.context.clear(),
            None => {}
        }
        if typed("all_contexts") && typed("context") {
            return Err("--context and --all-contexts exclude each other".to_owned());
        }
        if self.all_contexts {
            self.context.clear();
        }
        if typed("all_namespaces") && typed("namespace") {
            return Err("--namespace and --all-namespaces exclude each other".to_owned());
        }
        self.namespace = self.namespace.take().or(self.istioctl_namespace.take()).filter(|name| !name.is_empty());
        if self.all_namespaces {
            self.namespace = None;
        }
        self.from = self.from.take().filter(|from| !from.is_empty());
        self.context.retain(|name| !name.is_empty());
        Ok(())
    }
}

/// `--color` before the command line is understood, so that its own errors follow it.
pub fn color_of(args: &[OsString]) -> ColorWhen {
    let mut words = args.iter().map(|word| word.to_string_lossy());
    while let Some(word) = words.next() {
        let value = match word.strip_prefix("--color") {
            Some("") => words.next().map(|value| value.into_owned()),
            Some(rest) => rest.strip_prefix('=').map(str::to_owned),
            None => None,
        };
        if let Some(when) = value.and_then(|value| ColorWhen::from_str(&value, false).ok()) {
            return when;
        }
    }
    ColorWhen::Auto
}

/// `5s`, `250ms`, `2m`, `1h`, or seconds.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
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
    let duration = Duration::try_from_secs_f64(seconds).map_err(|e| e.to_string())?;
    // Less than a nanosecond is nothing too.
    if duration.is_zero() {
        return Err("must be more than zero".to_owned());
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("7"), Ok(Duration::from_secs(7)));
        for bad in ["", "s", "5 s", "5d", "0s", "0.0000000001s", "1e99h", "9999999999999999999999h"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_duration_or_refused(text in "([0-9.]|ms|[smhd]|e|-|\\PC){0,10}") {
            if let Ok(duration) = parse_duration(&text) {
                proptest::prop_assert!(!duration.is_zero(), "{text} would give up at once");
            }
        }

        #[test]
        fn milliseconds_come_back(count in 1_u32..) {
            proptest::prop_assert_eq!(parse_duration(&format!("{count}ms")).map(|d| d.as_millis()), Ok(u128::from(count)));
        }
    }

    #[test]
    fn colour_is_known_before_the_rest() {
        let color = |args: &[&str]| color_of(&args.iter().map(OsString::from).collect::<Vec<_>>());
        assert_eq!(color(&["meshctl", "--bogus", "--color", "always"]), ColorWhen::Always);
        assert_eq!(color(&["meshctl", "--color=never"]), ColorWhen::Never);
        assert_eq!(color(&["meshctl", "--color", "pink", "--colored"]), ColorWhen::Auto);
    }
}
