//! `meshctl snapshot`: record a cluster, and look at a recording.

use crate::cli::Ctx;
use crate::error::{Error, Kind, Result};
use crate::facts::{Facts, Purpose};
use crate::report::{Block, Column, Line, Report, Span, Table, Tone};
use crate::source::archive::Summary;
use crate::source::{self, Base, Source, archive, live};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;
use std::path::PathBuf;

const SCHEMA: &str = "meshctl/snapshot/v1";

/// Record a cluster for later, or look at a recording
#[derive(Args, Debug)]
pub struct SnapshotArgs {
    #[command(subcommand)]
    pub command: SnapshotCommand,
}

#[derive(Subcommand, Debug)]
pub enum SnapshotCommand {
    /// Write down everything that a reading command may ask; secrets are masked
    Record {
        /// A file that ends in .tar.zst, or a folder
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Replace a recording that is already there
        #[arg(long)]
        force: bool,
        /// How far back metrics are looked at (Prometheus duration)
        #[arg(long, value_name = "TIME", default_value = "7d")]
        window: String,
    },
    /// Show what a recording holds, and what it could not see
    Info {
        /// The recording
        #[arg(value_name = "FILE")]
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
        SnapshotCommand::Record { file, force, window } => {
            let clusters = gather(ctx, window)?;
            (file.clone(), archive::write(&file, &clusters, force)?)
        }
    };
    let file = file.display().to_string();
    let body = body(&file, &summary);
    Ok(Report::new(SCHEMA, &Shown { file, summary: &summary }, body))
}

fn gather(ctx: &Ctx, window: String) -> Result<Vec<Facts>> {
    // Commands read the clock once; everything below gets it passed.
    #[allow(clippy::disallowed_methods)]
    let now = Timestamp::now();
    if let Some(from) = &ctx.global.from {
        // Already whole: recorded again as it is, in today's format.
        return archive::open(from, ctx.global.namespace.as_deref(), now);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::new(Kind::Internal, "can't start the asynchronous runtime").because(&e))?;
    runtime.block_on(async {
        let mut clusters = Vec::new();
        let purpose = Purpose::Record { window };
        for cluster in live::connect(&ctx.live_options()).await? {
            let source = Source { base: Base::Live(Box::new(cluster)), prometheus: None };
            clusters.push(source::gather(&source, &purpose, now).await?);
        }
        if clusters.is_empty() {
            return Err(Error::new(Kind::NoCluster, "there is no cluster to record"));
        }
        Ok(clusters)
    })
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
            Column::new("NEED"),
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
