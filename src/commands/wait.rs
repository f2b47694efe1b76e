//! `meshctl wait`: until the fleet has what it should have. A mesh is eventually consistent; this is the end of "eventually".

use super::load::{block_on, now};
use super::proxy_config::conversation::Wanted;
use super::proxy_config::diff::{Side, count};
use super::proxy_status::{Asked, Filter, Sort, Taken, compared_with};
use crate::analysis::sync::{self, Proxy};
use crate::cli::{Ctx, parse_duration};
use crate::commands::fleet::{self, Who};
use crate::envoy::Section;
use crate::error::{Error, Kind, Result};
use crate::facts::Channel;
use crate::mesh;
use crate::mesh::sync::{Health, Intended, Key};
use crate::report::{Block, Column, Report, Severity, Span, Table, Tone};
use crate::source::live::spoken;
use crate::source::visit::{Answers, Questions};
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  kubectl apply -f routes.yaml && meshctl wait --for=distributed -n shop
  meshctl wait --for=connected -l app=web --timeout 2m
  meshctl wait --for=synced --revision canary || meshctl proxy-status --revision canary

connected     a control plane has a connection of every proxy
synced        every proxy acknowledged what was sent last
distributed   every proxy has exactly what its control plane would send now, twice in a row";

const SCHEMA: &str = "meshctl/wait/v1";
/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// So many who lag are named.
const NAMED: usize = 20;

/// Wait until proxies have the configuration that they should have
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct WaitArgs {
    /// What to wait for
    #[arg(long = "for", value_name = "STATE", default_value = "synced")]
    pub until: Until,
    /// Give up after this time, such as 30s or 5m, and exit 1
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = parse_duration)]
    pub timeout: Duration,
    /// Proxies of pods with these labels
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub selector: Option<String>,
    /// Proxies of this revision of the control plane
    #[arg(long, value_name = "REVISION")]
    pub revision: Option<String>,
    #[command(flatten)]
    pub asked: Asked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Until {
    Connected,
    Synced,
    Distributed,
}

impl Until {
    fn word(self) -> &'static str {
        match self {
            Until::Connected => "connected",
            Until::Synced => "synced",
            Until::Distributed => "distributed",
        }
    }
}

/// Who is not there yet, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Laggard {
    proxy: String,
    reason: String,
}

#[derive(Serialize)]
struct Data<'d> {
    waited_for: &'static str,
    reached: bool,
    seconds: i64,
    proxies: usize,
    laggards: &'d [Laggard],
}

pub fn run(ctx: &Ctx, args: &WaitArgs) -> Result<Report> {
    if ctx.global.from.is_some() {
        return Err(Error::new(Kind::Usage, "a recording doesn't change, so there is nothing to wait for")
            .hint("meshctl proxy-status --from … tells how it was"));
    }
    let filter = Filter::new(ctx, args.selector.as_deref(), args.revision.clone(), Vec::new())?;
    let channel = args.asked.channel(ctx)?;
    let credentials = args.asked.credentials();
    let look = |channel: &Channel| Taken::new(ctx, channel, &credentials, &filter, Sort::Health);
    let begun = now();
    let mut in_a_row = 0;
    loop {
        let taken = look(&channel)?;
        let proxies: Vec<&Proxy> = taken.all.iter().flat_map(|status| &status.proxies).collect();
        if proxies.is_empty() {
            let error = Error::new(Kind::Input, "there is no proxy to wait for");
            return Err(error.hint("meshctl proxy-status lists those there are; -n, -l and --revision choose among them"));
        }
        let total = proxies.len();
        let mut laggards = behind(&proxies, args.until);
        if args.until == Until::Distributed && laggards.is_empty() {
            let pods: Vec<Key> = proxies.iter().map(|proxy| (proxy.namespace.clone(), proxy.name.clone())).collect();
            let asked = look(&Channel { dump_of: pods.clone(), ..channel.clone() })?;
            let intended = asked.loaded.facts.iter().flat_map(|facts| mesh::intended(facts, &pods)).collect();
            laggards = different(ctx, &pods, intended)?;
        }
        in_a_row = if laggards.is_empty() { in_a_row + 1 } else { 0 };
        // What was applied a moment ago may not have reached the control plane at the first look.
        let reached = in_a_row >= if args.until == Until::Distributed { 2 } else { 1 };
        let seconds = now().as_second() - begun.as_second();
        let over = u64::try_from(seconds).unwrap_or(0) >= args.timeout.as_secs();
        if reached || over {
            return Ok(report(args, reached, seconds, total, &laggards));
        }
        let progress = ctx.ui.progress(&format!("{} of {total} proxies {}", total - laggards.len(), args.until.word()));
        block_on(async {
            tokio::time::sleep(PAUSE).await;
            Ok(())
        })?;
        drop(progress);
    }
}

fn behind(proxies: &[&Proxy], until: Until) -> Vec<Laggard> {
    let there = |health: Health| match until {
        Until::Connected => !matches!(health, Health::Disconnected | Health::Unknown),
        Until::Synced | Until::Distributed => health == Health::Synced,
    };
    let laggard = |proxy: &&Proxy| Laggard {
        proxy: format!("{}.{}", proxy.name, proxy.namespace),
        reason: std::iter::once(proxy.health.word().to_owned())
            .chain(proxy.reasons.iter().cloned())
            .collect::<Vec<_>>()
            .join(": "),
    };
    proxies.iter().filter(|proxy| !there(proxy.health)).map(laggard).collect()
}

/// Compares each proxy with what its control plane would send; of a dump only the result is kept.
struct Compare {
    proxies: Vec<fleet::Proxy>,
    wanted: Wanted,
    intended: BTreeMap<Key, Intended>,
    now: Timestamp,
}

impl Questions for Compare {
    type Made = Option<String>;

    fn next(&self, _: usize, known: &Answers) -> Vec<String> {
        self.wanted.next(known)
    }

    fn done(&self, number: usize, known: Answers) -> Self::Made {
        let proxy = &self.proxies[number];
        let key = (proxy.namespace.clone(), proxy.pod.clone());
        let Some(intended) = self.intended.get(&key) else {
            return Some("its control plane does not tell what it would send".to_owned());
        };
        let (should, came) = match (&intended.dump, self.wanted.came(&known)) {
            (Ok(should), Ok(came)) => (should, came),
            (Err(why), _) => return Some(format!("{} does not tell what it would send: {why}", intended.plane)),
            (_, Err(why)) => return Some(why),
        };
        let side = Side { name: proxy.name(), bytes: came.bytes, gaps: Vec::new() };
        match compared_with(&intended.plane, should, &side, self.now) {
            Ok((compared, faults)) => {
                let differ = count(&compared);
                let sections: Vec<String> =
                    compared.iter().filter(|one| !one.differences.is_empty()).map(|one| one.section.to_string()).collect();
                match (differ, faults.is_empty()) {
                    (0, true) => None,
                    (0, false) => Some(faults.join("; ")),
                    (n, _) => Some(format!("{n} of its resources differ: {}", sections.join(", "))),
                }
            }
            Err(error) => Some(error.message),
        }
    }
}

fn different(ctx: &Ctx, pods: &[Key], intended: BTreeMap<Key, Intended>) -> Result<Vec<Laggard>> {
    let names: Vec<String> = pods.iter().map(|(namespace, pod)| format!("{pod}.{namespace}")).collect();
    let who = Who { names: &names, ..Who::envoys() };
    let visited = fleet::ask(ctx, who, |found| Compare {
        proxies: found.proxies.to_vec(),
        wanted: Wanted { sections: Section::ALL.to_vec(), whole: true, live: found.live },
        intended: intended.clone(),
        now: found.now,
    })?;
    let mut laggards: Vec<Laggard> = visited
        .proxies
        .into_iter()
        .filter_map(|(proxy, reason)| Some(Laggard { proxy: proxy.name(), reason: reason? }))
        .collect();
    laggards.extend(visited.missing.into_iter().map(|(proxy, reason)| Laggard { proxy, reason }));
    Ok(laggards)
}

fn report(args: &WaitArgs, reached: bool, seconds: i64, total: usize, laggards: &[Laggard]) -> Report {
    let word = args.until.word();
    let plural = if total == 1 { "1 proxy is".to_owned() } else { format!("all {total} proxies are") };
    let mut body = vec![Block::Paragraph(vec![match reached {
        true => Span::new(format!("{plural} {word} (after {})", sync::age(seconds)), Tone::Good),
        false if laggards.is_empty() => {
            Span::new(format!("all {total} proxies were {word} once within {}, not twice", spoken(args.timeout)), Tone::Bad)
        }
        false => {
            Span::new(format!("{} of {total} proxies are not {word} after {}", laggards.len(), spoken(args.timeout)), Tone::Bad)
        }
    }])];
    if !laggards.is_empty() {
        let row = |one: &Laggard| vec![vec![Span::from(one.proxy.as_str())], vec![Span::new(one.reason.as_str(), Tone::Warn)]];
        let rows = laggards.iter().take(NAMED).map(row).collect();
        body.push(Block::Table(Table { columns: ["PROXY", "WHY NOT"].map(Column::new).into(), rows }));
        if laggards.len() > NAMED {
            body.push(Block::Paragraph(vec![Span::new(format!("and {} more: -o json", laggards.len() - NAMED), Tone::Dim)]));
        }
    }
    let data = Data { waited_for: word, reached, seconds, proxies: total, laggards };
    let mut report = Report::new(SCHEMA, &data, body).worst((!reached).then_some(Severity::Error));
    report.fails_on = Some(Severity::Error);
    report
}
