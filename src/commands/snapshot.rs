//! `meshctl snapshot`: record a cluster, and look at a recording.

mod dumps;

use crate::cli::{Ctx, complete};
use crate::commands::load::{self, Metrics, load};
use crate::error::Result;
use crate::facts::{Facts, Purpose};
use crate::report::{Block, Column, Line, Report, Span, Table, Tone};
use crate::source::archive;
use crate::source::archive::Summary;
use clap::{Args, Subcommand};
use serde::Serialize;
use std::path::PathBuf;

const SCHEMA: &str = "meshctl/snapshot/v1";

const EXAMPLES: &str = "\
Examples:
  meshctl snapshot record shop.tar.zst     write the cluster down, once
  meshctl snapshot info shop.tar.zst       what it holds, and what it could not see
  meshctl analyze --from shop.tar.zst      ask it, without the cluster";

const EXAMPLES_RECORD: &str = "\
Examples:
  meshctl snapshot record shop.tar.zst                     the cluster of your kubeconfig
  meshctl snapshot record shop/ -n shop --force            one namespace, as a folder, again
  meshctl snapshot record shop.tar.zst --proxies           with what every proxy runs
  meshctl snapshot record all.tar.zst --all-contexts       several clusters in one recording";

const EXAMPLES_INFO: &str = "\
Examples:
  meshctl snapshot info shop.tar.zst
  meshctl snapshot info shop.tar.zst -o wide    with whole queries, and when each was answered
  meshctl snapshot info demo                    the recording that is built in";

/// Record a cluster for later, or look at a recording
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct SnapshotArgs {
    #[command(subcommand)]
    pub command: SnapshotCommand,
}

#[derive(Subcommand, Debug)]
pub enum SnapshotCommand {
    /// Write down everything that a reading command may ask; secrets are masked
    #[command(after_help = EXAMPLES_RECORD)]
    Record {
        /// A file that ends in .tar.zst, or a folder
        #[arg(value_name = "FILE", value_hint = clap::ValueHint::AnyPath)]
        file: PathBuf,
        /// Replace a recording that is already there
        #[arg(long)]
        force: bool,
        /// Also what every proxy runs, for proxy-config: some hundred kilobytes each, and its secrets masked
        #[arg(long)]
        proxies: bool,
        #[command(flatten)]
        metrics: Metrics,
    },
    /// Show what a recording holds, and what it could not see
    #[command(after_help = EXAMPLES_INFO)]
    Info {
        /// The recording
        #[arg(value_name = "FILE", add = complete::recording())]
        file: PathBuf,
    },
}

/// The machine form.
#[derive(Serialize)]
struct Shown<'a> {
    file: String,
    #[serde(flatten)]
    summary: &'a Summary,
}

pub fn run(ctx: &Ctx, args: SnapshotArgs) -> Result<Report> {
    let (file, summary) = match args.command {
        SnapshotCommand::Info { file } => (file.clone(), archive::summary(&file)?),
        SnapshotCommand::Record { file, force, proxies, metrics } => {
            let mut clusters = gather(ctx, &metrics, proxies)?;
            if proxies && ctx.global.from.is_none() {
                dumps::add(ctx, &mut clusters)?;
            }
            (file.clone(), archive::write(&file, &clusters, force)?)
        }
    };
    let file = file.display().to_string();
    let body = body(&file, &summary);
    Ok(Report::new(SCHEMA, &Shown { file, summary: &summary }, body))
}

fn gather(ctx: &Ctx, metrics: &Metrics, proxies: bool) -> Result<Vec<Facts>> {
    if metrics.prometheus.is_none() && ctx.global.from.is_some() {
        // Already whole: recorded again as it is, in today's format.
        return load::opened(ctx);
    }
    let purpose = Purpose::Record { window: metrics.window.clone(), proxies, flows: metrics.flows() };
    Ok(load(ctx, &purpose, Some(metrics))?.facts)
}

fn body(file: &str, summary: &Summary) -> Vec<Block> {
    let field = |label: &str, text: String| Block::Field { label: label.to_owned(), lines: vec![vec![text.into()]] };
    let mut body = vec![
        field("Recording", file.to_owned()),
        field("Taken", summary.taken.clone()),
        field("Format", format!("version {}", summary.format_version)),
    ];
    if !summary.tool_version.is_empty() {
        body.push(field("Written by", format!("meshctl {}", summary.tool_version)));
    }
    body.push(field("Size", bytes(summary.bytes)));
    for cluster in &summary.clusters {
        body.push(Block::Heading(format!("Cluster {}", cluster.name)));
        let columns = vec![
            // A query can be longer than the screen.
            Column::new("NEED").rows(2),
            Column::new("OUTCOME"),
            Column::right("OBJECTS"),
            Column::new("TIME").wide(),
            Column::new("REASON"),
        ];
        let rows = cluster.needs.iter().map(|need| {
            let tone = match need.outcome.as_str() {
                _ if need.outcome == "answered" && need.reason.is_some() => Tone::Warn,
                "answered" => Tone::Good,
                "empty" | "absent" | "not asked" => Tone::Dim,
                "forbidden" => Tone::Warn,
                _ => Tone::Bad,
            };
            let outcome = if need.outcome == "answered" && need.reason.is_some() { "partial" } else { &need.outcome };
            let objects = if need.objects > 0 { need.objects.to_string() } else { String::new() };
            let cells: [Span; 5] = [
                need.need.clone().into(),
                Span::new(outcome, tone),
                objects.into(),
                need.at.clone().into(),
                need.reason.clone().unwrap_or_default().into(),
            ];
            cells.into_iter().map(|cell| vec![cell]).collect::<Vec<Line>>()
        });
        body.push(Block::Table(Table { columns, rows: rows.collect() }));
        if !cluster.problems.is_empty() {
            body.push(Block::Heading("Could not be read".to_owned()));
            let problem =
                |p: &crate::facts::Problem| vec![Span::new(p.place.to_string(), Tone::Strong), format!(": {}", p.reason).into()];
            body.push(Block::Bullets(cluster.problems.iter().map(problem).collect()));
        }
    }
    body
}

/// `1.2 MiB`.
fn bytes(count: u64) -> String {
    let mut value = count as f64;
    for unit in ["B", "KiB", "MiB"] {
        if value < 1024.0 {
            return if unit == "B" { format!("{count} B") } else { format!("{value:.1} {unit}") };
        }
        value /= 1024.0;
    }
    format!("{value:.1} GiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_readable() {
        assert_eq!((bytes(12), bytes(1536), bytes(5 << 30)), ("12 B".into(), "1.5 KiB".into(), "5.0 GiB".into()));
    }

    #[test]
    fn the_demo_is_shown() {
        let summary = archive::summary(std::path::Path::new("demo")).expect("the demo");
        let body = body("demo", &summary);
        let rows = body.iter().find_map(|block| if let Block::Table(table) = block { Some(table.rows.len()) } else { None });
        assert_eq!(rows, Some(summary.clusters[0].needs.len()));
    }
}
