//! `proxy-config stats`: what a proxy counts, of itself and of its upstream hosts.

use super::many::{self, Answered};
use super::questions::Shown;
use super::who::WhoArgs;
use crate::cli::Ctx;
use crate::commands::fleet;
use crate::error::{Error, Kind, Result};
use crate::facts::Outcome;
use crate::render::Format;
use crate::report::{Block, Column, Line, Report, Span, Table, Tone};
use crate::source::file;
use crate::source::visit::{Answers, Questions};
use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

const SCHEMA: &str = "meshctl/proxy-stats/v1";

pub const EXAMPLES: &str = "\
Examples:
  meshctl proxy-config stats web-7d9f.shop --filter upstream_rq_5xx
  meshctl proxy-config stats deploy/web.shop --filter listener_manager.lds
  meshctl proxy-config stats web-7d9f.shop --type clusters --filter cart
  meshctl proxy-config stats -f stats.txt --used";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Of {
    /// Counters, gauges and histograms of the proxy
    Server,
    /// Upstream hosts, as `/clusters` tells them
    #[value(alias = "cluster")]
    Clusters,
}

#[derive(Args, Clone, Debug)]
pub struct StatsArgs {
    #[command(flatten)]
    pub who: WhoArgs,
    /// What is counted
    #[arg(short = 't', long = "type", value_name = "TYPE", default_value = "server")]
    pub of: Of,
    /// Only names with this in them
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub filter: String,
    /// Only what is not zero
    #[arg(long)]
    pub used: bool,
}

/// One thing that is counted.
struct Stat {
    /// Of a host: its cluster and address.
    host: Option<(String, String)>,
    name: String,
    value: String,
}

struct Ask {
    of: Of,
    filter: String,
    used: bool,
}

impl Questions for Ask {
    type Made = std::result::Result<Shown, String>;

    fn next(&self, _: usize, known: &Answers) -> Vec<String> {
        let path = if self.of == Of::Server { "stats" } else { "clusters" };
        if known.is_empty() { vec![path.to_owned()] } else { Vec::new() }
    }

    fn done(&self, _: usize, known: Answers) -> Self::Made {
        match known.into_iter().next().map(|(_, answer)| (answer.outcome, answer.partial)) {
            Some((Outcome::Bytes(bytes), partial)) => Ok(Shown { faults: partial.into_iter().collect(), ..self.shown(&bytes)? }),
            Some((other, _)) => Err(other.reason().unwrap_or_else(|| other.word()).to_owned()),
            None => Err("it was not asked".to_owned()),
        }
    }
}

impl Ask {
    fn shown(&self, bytes: &[u8]) -> std::result::Result<Shown, String> {
        let text = String::from_utf8_lossy(bytes);
        if text.trim_start().starts_with(['<', '{']) {
            return Err(format!("it is not the text form of {}", if self.of == Of::Server { "stats" } else { "clusters" }));
        }
        let all = text.lines().filter_map(|line| if self.of == Of::Server { server(line) } else { host(line) });
        let fits = |stat: &Stat| {
            let named = |text: &str| text.contains(&self.filter);
            let passes = named(&stat.name) || stat.host.as_ref().is_some_and(|(cluster, host)| named(cluster) || named(host));
            passes && !(self.used && matches!(stat.value.as_str(), "0" | "" | "No recorded values"))
        };
        Ok(shown(&all.filter(fits).collect::<Vec<_>>()))
    }
}

/// `cluster.web.upstream_rq_total: 7`.
fn server(line: &str) -> Option<Stat> {
    let (name, value) = line.split_once(": ")?;
    Some(Stat { host: None, name: name.to_owned(), value: value.to_owned() })
}

/// `web::10.0.0.1:80::rq_total::7`, or without the host for the cluster itself. Names of clusters hold no `::`, but
/// addresses of version 6 do.
fn host(line: &str) -> Option<Stat> {
    let (cluster, rest) = line.split_once("::")?;
    let (rest, value) = rest.rsplit_once("::")?;
    let (host, name) = rest.rsplit_once("::").unwrap_or(("", rest));
    Some(Stat { host: Some((cluster.to_owned(), host.to_owned())), name: name.to_owned(), value: value.to_owned() })
}

fn shown(stats: &[Stat]) -> Shown {
    let cell = |text: &str| -> Line { vec![Span::new(text, Tone::Plain)] };
    let hosts = stats.iter().any(|stat| stat.host.is_some());
    let mut columns = vec![Column::new("STAT"), Column::new("VALUE")];
    if hosts {
        columns.splice(0..0, [Column::new("CLUSTER"), Column::new("HOST")]);
    }
    let row = |stat: &Stat| {
        let host = stat.host.iter().flat_map(|(cluster, host)| [cell(cluster), cell(host)]);
        host.chain([cell(&stat.name), cell(&stat.value)]).collect()
    };
    let table = Table { columns, rows: stats.iter().map(row).collect() };
    let none = || Block::Paragraph(vec![Span::new("nothing of that name is counted", Tone::Dim)]);
    let number = |text: &str| text.parse::<u64>().map_or_else(|_| Value::from(text), Value::from);
    let data: Vec<Value> = stats
        .iter()
        .map(|stat| {
            let mut one = Map::new();
            if let Some((cluster, host)) = &stat.host {
                one.insert("cluster".to_owned(), cluster.as_str().into());
                one.insert("host".to_owned(), host.as_str().into());
            }
            one.insert("name".to_owned(), stat.name.as_str().into());
            one.insert("value".to_owned(), number(&stat.value));
            Value::Object(one)
        })
        .collect();
    Shown {
        blocks: vec![if table.rows.is_empty() { none() } else { Block::Table(table) }],
        rejections: Vec::new(),
        faults: Vec::new(),
        data: json!({ "stats": data }),
        worst: None,
    }
}

pub fn run(ctx: &Ctx, args: &StatsArgs) -> Result<Report> {
    let ask = || Ask { of: args.of, filter: args.filter.clone(), used: args.used };
    let machine = matches!(ctx.global.output, Format::Json | Format::Yaml);
    let path = args.who.file.as_str();
    if !path.is_empty() {
        let shown = ask().shown(&file::read(path)?);
        let shown = shown.map_err(|why| {
            Error::new(Kind::Input, format!("can't use {path}: {why}")).hint("curl -s localhost:15000/stats > stats.txt makes it")
        })?;
        let data = json!({ "proxies": [shown.data] });
        return Ok(Report::new(SCHEMA, &data, shown.blocks));
    }
    args.who.pods.nonempty(ctx)?;
    let answered: Answered<Shown> = many::split(fleet::ask(ctx, args.who.pods.proxies(), |_| ask())?)?;
    if !answered.failed.is_empty() {
        ctx.incomplete.set(true);
    }
    Ok(many::report(SCHEMA, answered, machine))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(of: Of, filter: &str, used: bool, text: &str) -> Vec<String> {
        let shown = Ask { of, filter: filter.into(), used }.shown(text.as_bytes()).expect("stats");
        let Some(Block::Table(table)) = shown.blocks.into_iter().next() else { return Vec::new() };
        table.rows.iter().map(|row| row.iter().map(|cell| cell[0].text.clone()).collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn both_forms() {
        let stats = "cluster.web.rq: 7\ncluster.web.cx: 0\nlds.version_text: \"x: y\"\n";
        assert_eq!(texts(Of::Server, "web", true, stats), ["cluster.web.rq 7"]);
        let clusters =
            "web::added_via_api::true\nweb::10.0.0.1:80::rq_total::7\nweb::[::1]:80::rq_total::8\ndb::10.0.0.2:1::rq_total::9\n";
        assert_eq!(
            texts(Of::Clusters, "web", false, clusters),
            ["web  added_via_api true", "web 10.0.0.1:80 rq_total 7", "web [::1]:80 rq_total 8"]
        );
    }

    #[test]
    fn another_answer_is_refused() {
        for wrong in ["<html>", "{\"stats\":[]}"] {
            assert!(Ask { of: Of::Server, filter: String::new(), used: false }.shown(wrong.as_bytes()).is_err());
        }
    }
}
