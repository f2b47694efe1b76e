//! `ztunnel-config log`: the log level of the proxy of a node, shown or set.

use super::NodeArgs;
use crate::cli::Ctx;
use crate::commands::fleet;
use crate::commands::proxy_config::many::{self, Answered, Kept};
use crate::commands::proxy_config::questions::Shown;
use crate::error::{Error, Kind, Result};
use crate::facts::Outcome;
use crate::render::Format;
use crate::report::{Block, Column, Report, Table};
use crate::source::visit::{Answers, Method, Questions};
use clap::Args;
use serde_json::json;

const SCHEMA: &str = "meshctl/proxy-log/v1";

pub const EXAMPLES: &str = "\
Examples:
  meshctl ztunnel-config log                              the level of every ztunnel
  meshctl ztunnel-config log --node worker-2 --level debug
  meshctl ztunnel-config log --level access:debug,info
  meshctl ztunnel-config log --reset                      back to info";

#[derive(Args, Clone, Debug)]
pub struct LogArgs {
    #[command(flatten)]
    pub of: NodeArgs,
    /// Set the level, or LOGGER:LEVEL,…; trace, debug, info, warn, error, off
    #[arg(long, value_name = "LEVELS", conflicts_with = "reset")]
    pub level: Option<String>,
    /// Set the level to info
    #[arg(short, long)]
    pub reset: bool,
}

struct Level {
    path: String,
    changes: bool,
}

impl Questions for Level {
    type Made = std::result::Result<Shown, String>;

    fn next(&self, _: usize, known: &Answers) -> Vec<String> {
        if known.is_empty() { vec![self.path.clone()] } else { Vec::new() }
    }

    fn done(&self, _: usize, known: Answers) -> Self::Made {
        match known.into_iter().next().map(|(_, answer)| answer.outcome) {
            Some(Outcome::Bytes(bytes)) => Ok(shown(&parse(&String::from_utf8_lossy(&bytes)), self.changes)),
            Some(other) => Err(other.why().to_owned()),
            None => Err("it was not asked".to_owned()),
        }
    }

    fn method(&self) -> Method {
        Method::Post
    }
}

/// `current log level is rustls=off,info`; the level without a name is everybody else's.
fn parse(text: &str) -> Vec<(String, String)> {
    let levels = text.trim().rsplit("level is ").next().unwrap_or_default();
    let one = |part: &str| match part.trim().split_once('=') {
        Some((logger, level)) => (logger.to_owned(), level.to_owned()),
        None => ("(all others)".to_owned(), part.trim().to_owned()),
    };
    levels.lines().next().unwrap_or_default().split(',').map(one).collect()
}

/// As a ztunnel takes it: `LOGGER=LEVEL,LEVEL`.
fn wanted(text: &str) -> std::result::Result<String, String> {
    const LEVELS: [&str; 6] = ["trace", "debug", "info", "warn", "error", "off"];
    let level = |level: &str| {
        let lower = level.trim().to_ascii_lowercase();
        let level = match lower.as_str() {
            "warning" => "warn",
            "critical" => "error",
            "none" => "off",
            other => other,
        };
        let found = LEVELS.iter().find(|known| **known == level).copied();
        found.ok_or_else(|| format!("{level:?} is no level; these are: {}", LEVELS.join(", ")))
    };
    let one = |part: &str| match part.rsplit_once([':', '=']) {
        None => level(part).map(str::to_owned),
        Some((logger, of)) => {
            let plain = |c: char| c.is_ascii_alphanumeric() || "_-:".contains(c);
            if logger.is_empty() || !logger.chars().all(plain) {
                return Err(format!("{logger:?} is no logger"));
            }
            Ok(format!("{logger}={}", level(of)?))
        }
    };
    let parts: std::result::Result<Vec<String>, String> =
        text.split(',').filter(|part| !part.trim().is_empty()).map(one).collect();
    Ok(parts?.join(","))
}

pub fn run(ctx: &Ctx, args: &LogArgs) -> Result<Report> {
    let level =
        args.level.as_deref().map(wanted).transpose().map_err(|why| Error::new(Kind::Usage, format!("--level: {why}")))?;
    if ctx.global.from.is_some() || !args.of.file.is_empty() {
        return Err(Error::new(Kind::Usage, "only a live ztunnel has a log level").hint("leave out --from and -f"));
    }
    let path = match (level, args.reset) {
        (Some(level), _) => format!("logging?level={level}"),
        (None, true) => "logging?level=info&reset".to_owned(),
        (None, false) => "logging".to_owned(),
    };
    let changes = path != "logging";
    let answered: Answered<Shown> = many::split(fleet::ask(ctx, args.of.who(), |_| Level { path: path.clone(), changes })?)?;
    if changes {
        ctx.ui
            .hint(&format!("changed the log level of {} ztunnels; it stays until they restart or --reset", answered.good.len()));
    }
    Ok(many::report(SCHEMA, answered, matches!(ctx.global.output, Format::Json | Format::Yaml)))
}

fn shown(levels: &[(String, String)], changed: bool) -> Shown {
    let rows = levels.iter().map(|(logger, level)| vec![vec![logger.as_str().into()], vec![level.as_str().into()]]).collect();
    let loggers: serde_json::Map<_, _> = levels.iter().map(|(logger, level)| (logger.clone(), level.as_str().into())).collect();
    Shown {
        blocks: vec![Block::Table(Table { columns: vec![Column::new("LOGGER"), Column::new("LEVEL")], rows })],
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
    fn levels_as_a_ztunnel_writes_and_takes_them() {
        let read = parse("current log level is hickory_server::server=off,info\n");
        assert_eq!(
            read,
            [("hickory_server::server".to_owned(), "off".to_owned()), ("(all others)".to_owned(), "info".to_owned())]
        );
        assert_eq!(wanted("access:DEBUG,warning").unwrap(), "access=debug,warn");
        assert_eq!(wanted("ztunnel::proxy=trace").unwrap(), "ztunnel::proxy=trace");
        for wrong in ["loud", "a&b:info", ":info"] {
            assert!(wanted(wrong).is_err(), "{wrong}");
        }
    }
}
