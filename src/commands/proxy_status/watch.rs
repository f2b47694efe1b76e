//! `proxy-status --watch`: the same screen again and again, and what changed since it began.
//!
//! Nothing has to be put back when it ends: the screen is only written over, never switched.

use super::{Question, Taken};
use crate::cli::Ctx;
use crate::commands::load::{block_on, now};
use crate::error::{Error, Kind, Result};
use crate::mesh::sync::{Health, age};
use crate::render::{self, Format, Style};
use crate::report::{Block, Report, Span, Tone};
use crate::source::live::spoken;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::Duration;

/// So many of the last changes are shown.
const CHANGES: usize = 6;
/// So many looks back goes the trend.
const TREND: usize = 20;

/// Where each proxy stood, and what became of it.
#[derive(Default)]
struct History {
    begun: Option<Timestamp>,
    last: BTreeMap<(String, String, String), Health>,
    /// Newest first.
    changes: Vec<String>,
    /// How many were not well, at each look.
    unwell: Vec<usize>,
}

pub fn run(ctx: &Ctx, every: Duration, question: &Question) -> Result<Report> {
    if ctx.global.from.is_some() {
        return Err(
            Error::new(Kind::Usage, "a recording doesn't change, so there is nothing to watch").hint("leave --watch away")
        );
    }
    let table = matches!(ctx.global.output, Format::Table | Format::Wide);
    let screen = table && std::io::stdout().is_terminal();
    let mut history = History::default();
    let mut last: Option<Report> = None;
    let ended = block_on(async {
        let sources = question.open(ctx).await?;
        loop {
            match question.again(ctx, &sources).await {
                Ok(taken) => {
                    history.note(&taken, now());
                    let mut report = taken.report(ctx);
                    if table {
                        report.body.extend(history.blocks(every, now()));
                    }
                    show(&report, ctx, screen)?;
                    last = Some(report);
                }
                // The first look tells whether anything can be seen at all; later, a cluster may come back.
                Err(error) if last.is_none() => return Err(error),
                Err(error) => {
                    let why = error.causes.last().unwrap_or(&error.message);
                    ctx.ui.warning(&format!("{}: {why}; trying again", error.message));
                }
            }
            tokio::time::sleep(every).await;
        }
    });
    match (ended, last) {
        (Err::<(), _>(error), Some(mut report)) if error.kind == Kind::Interrupted => {
            report.shown = true;
            Ok(report)
        }
        (Err(error), _) => Err(error),
        (Ok(()), _) => Err(Error::new(Kind::Internal, "what is watched has no end, and it ended")),
    }
}

fn show(report: &Report, ctx: &Ctx, screen: bool) -> Result<()> {
    let text = render::render(report, &Style::new(&ctx.global));
    render::print(&if screen { render::screen::over(&text) } else { format!("{text}\n") })
        .map_err(|e| Error::new(Kind::Output, "can't write to stdout").because(&e))
}

impl History {
    fn note(&mut self, taken: &Taken, now: Timestamp) {
        let first = self.begun.is_none();
        self.begun.get_or_insert(now);
        let all = taken.all.iter().flat_map(|status| status.proxies.iter().map(move |proxy| (status, proxy)));
        let current: BTreeMap<_, _> = all
            .map(|(status, proxy)| ((status.cluster.clone(), proxy.namespace.to_string(), proxy.name.clone()), proxy.health))
            .collect();
        self.unwell.push(current.values().filter(|health| **health != Health::Synced).count());
        if self.unwell.len() > TREND {
            self.unwell.remove(0);
        }
        if !first {
            let clock = now.strftime("%H:%M:%S UTC");
            let mut changes = Vec::new();
            for (key, health) in &current {
                match self.last.get(key) {
                    Some(before) if before == health => {}
                    Some(before) => changes.push(format!("{clock}  {}.{}  {} → {}", key.2, key.1, before.word(), health.word())),
                    None => changes.push(format!("{clock}  {}.{}  new: {}", key.2, key.1, health.word())),
                }
            }
            let gone = self.last.keys().filter(|key| !current.contains_key(*key));
            changes.extend(gone.map(|key| format!("{clock}  {}.{}  gone", key.2, key.1)));
            self.changes.splice(0..0, changes);
            self.changes.truncate(CHANGES);
        }
        self.last = current;
    }

    fn blocks(&self, every: Duration, now: Timestamp) -> Vec<Block> {
        let for_how_long = self.begun.map_or(0, |begun| now.as_second() - begun.as_second());
        let trend: Vec<String> = self.unwell.iter().map(usize::to_string).collect();
        let head = format!("watching for {}, every {}; not well: {}", age(for_how_long), spoken(every), trend.join(" "));
        let mut blocks = vec![Block::Blank, Block::Paragraph(vec![Span::new(head, Tone::Dim)])];
        blocks.extend(self.changes.iter().map(|change| Block::Paragraph(vec![Span::from(change.as_str())])));
        blocks
    }
}
