//! `proxy-config log`: a proxy's log levels, shown or set. Setting them is the one thing that meshctl changes in a proxy.

mod filters;

use super::many::{self, Answered, Kept};
use super::questions::Shown;
use super::who::PodsArgs;
use crate::cli::Ctx;
use crate::commands::fleet;
use crate::error::{Error, Kind, Result};
use crate::facts::Outcome;
use crate::render::Format;
use crate::report::{Block, Column, Report, Span, Table, Tone};
use crate::source::visit::{Answers, Method, Questions};
use clap::Args;
use serde_json::json;

const SCHEMA: &str = "meshctl/proxy-log/v1";

pub const EXAMPLES: &str = "\
Examples:
  meshctl proxy-config log web-7d9f.shop                            show the levels
  meshctl proxy-config log deploy/web.shop --level http:debug,rbac:trace
  meshctl proxy-config log -l app=web --level info                  every logger
  meshctl proxy-config log -l app=web --reset                       back to warning";

const LEVELS: [&str; 7] = ["trace", "debug", "info", "warning", "error", "critical", "off"];
/// What `--reset` sets, as istioctl has it.
const DEFAULT: &str = "warning";

#[derive(Args, Clone, Debug)]
pub struct LogArgs {
    #[command(flatten)]
    pub pods: PodsArgs,
    /// Set levels: LEVEL for every logger, or LOGGER:LEVEL,…; trace, debug, info, warning, error, critical, off
    #[arg(long, value_name = "LEVELS", conflicts_with = "reset")]
    pub level: Option<String>,
    /// Set every logger to warning
    #[arg(short, long)]
    pub reset: bool,
}

/// Paths to post, the last of which answers with all levels.
struct Levels {
    paths: Vec<String>,
}

impl Questions for Levels {
    type Made = std::result::Result<Vec<(String, String)>, String>;

    fn next(&self, _: usize, known: &Answers) -> Vec<String> {
        if known.is_empty() { self.paths.clone() } else { Vec::new() }
    }

    fn done(&self, _: usize, known: Answers) -> Self::Made {
        let mut levels = Err("it was not asked".to_owned());
        for (_, answer) in known {
            match answer.outcome {
                Outcome::Bytes(bytes) => levels = parse(&String::from_utf8_lossy(&bytes)),
                other => return Err(other.why().to_owned()),
            }
        }
        levels
    }

    fn method(&self) -> Method {
        Method::Post
    }
}

/// `  http: debug`, one a line, under a heading.
fn parse(text: &str) -> std::result::Result<Vec<(String, String)>, String> {
    let line = |line: &str| {
        let (logger, level) = line.trim().rsplit_once(": ")?;
        Some((logger.to_owned(), level.to_owned()))
    };
    let levels: Vec<_> = text.lines().skip(1).filter_map(line).collect();
    if levels.is_empty() || !text.starts_with("active loggers") {
        Err(format!("it answers {:?}", text.lines().next().unwrap_or_default()))
    } else {
        Ok(levels)
    }
}

/// `http:debug,rbac:trace` or `debug` → what to post.
fn paths(level: &str) -> std::result::Result<Vec<String>, String> {
    let known = |level: &str| {
        let lower = level.trim().to_ascii_lowercase();
        let level = match lower.as_str() {
            "warn" => "warning",
            "none" => "off",
            other => other,
        };
        let all = LEVELS.join(", ");
        LEVELS.iter().find(|known| **known == level).copied().ok_or(format!("{level:?} is no level; these are: {all}"))
    };
    let one = |part: &str| {
        let Some((logger, level)) = part.split_once(':') else { return Ok(format!("logging?level={}", known(part)?)) };
        let logger = logger.trim();
        // `level` would set every logger, and anything odd would be another parameter.
        if logger.is_empty() || logger == "level" || !logger.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-./*".contains(&b)) {
            return Err(format!("{logger:?} is no logger"));
        }
        Ok(format!("logging?{logger}={}", known(level)?))
    };
    level.split(',').filter(|part| !part.trim().is_empty()).map(one).collect()
}

pub fn run(ctx: &Ctx, args: &LogArgs) -> Result<Report> {
    args.pods.nonempty(ctx)?;
    let set = match (&args.level, args.reset) {
        (Some(level), _) => paths(level).map_err(|why| Error::new(Kind::Usage, format!("--level: {why}")))?,
        (None, true) => vec![format!("logging?level={DEFAULT}")],
        (None, false) => Vec::new(),
    };
    if ctx.global.from.is_some() {
        return Err(Error::new(Kind::Usage, "a recording holds no log levels").hint("ask the live proxy: leave out --from"));
    }
    let changes = !set.is_empty();
    let paths = if changes { set } else { vec!["logging".to_owned()] };
    let mut visited = fleet::ask(ctx, args.pods.proxies(), |_| Levels { paths: paths.clone() })?;
    let others = std::mem::take(&mut visited.others);
    visited.proxies.extend(filters::levels(&others, args)?);
    let Answered { good, failed } = many::split(visited)?;
    let machine = matches!(ctx.global.output, Format::Json | Format::Yaml);
    if !failed.is_empty() {
        ctx.incomplete.set(true);
    }
    if changes {
        let names: Vec<String> = good.iter().map(|(proxy, _)| proxy.name()).collect();
        let of = if let [only] = names.as_slice() { only.clone() } else { format!("{} proxies", names.len()) };
        ctx.ui.hint(&format!("changed the log levels of {of}; they stay until the proxy restarts or --reset"));
    }
    let good = good.into_iter().map(|(proxy, levels)| (proxy, shown(&levels, changes)));
    Ok(many::report(SCHEMA, Answered { good: good.collect(), failed }, machine))
}

fn shown(levels: &[(String, String)], changed: bool) -> Shown {
    let row = |(logger, level): &(String, String)| {
        let tone = if matches!(level.as_str(), "trace" | "debug") { Tone::Warn } else { Tone::Plain };
        vec![vec![Span::new(logger.as_str(), Tone::Plain)], vec![Span::new(level.as_str(), tone)]]
    };
    let columns = vec![Column::new("LOGGER"), Column::new("LEVEL")];
    let loggers: serde_json::Map<_, _> = levels.iter().map(|(logger, level)| (logger.clone(), level.as_str().into())).collect();
    Shown {
        blocks: vec![Block::Table(Table { columns, rows: levels.iter().map(row).collect() })],
        findings: Vec::new(),
        faults: Vec::new(),
        data: Kept::of(&json!({ "changed": changed, "loggers": loggers })),
        worst: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_become_requests() {
        assert_eq!(paths("http:debug,rbac:TRACE").unwrap(), ["logging?http=debug", "logging?rbac=trace"]);
        assert_eq!(paths("none").unwrap(), ["logging?level=off"]);
        for wrong in ["loud", "http:loud", "level:debug", "a&level:debug", ":debug"] {
            assert!(paths(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_envoy_prints() {
        assert_eq!(parse("active loggers:\n  admin: warning\n  http: debug\n").unwrap()[1], ("http".into(), "debug".into()));
        assert!(parse("usage: /logging").is_err());
    }
}
