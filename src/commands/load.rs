//! What every reading command starts with: find the sources, gather their facts, name what did not answer.

use crate::cli::{Ctx, quoted};
use crate::error::{Error, Kind, Result};
use crate::facts::{Facts, Need, Outcome, Purpose, SourceKind, kinds};
use crate::mesh::MESHES;
use crate::report::{Block, Column, Report, Span, Table, Tone};
use crate::source::live::{self, prometheus::Prometheus};
use crate::source::{self, Base, Source, archive};
use clap::Args;
use futures::future::join_all;
use jiff::Timestamp;
use serde_json::json;
use std::future::Future;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::Notify;

/// More warnings than this tell nobody anything.
const SHOWN_PROBLEMS: usize = 20;
/// After so long without an answer it is asked whether there is a server at all.
const PATIENCE: Duration = Duration::from_millis(100);

/// How far back is looked unless `--window` says otherwise.
pub const DEFAULT_WINDOW: &str = "7d";

/// Where metrics come from; flattened into the commands that look at traffic.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Metrics")]
pub struct Metrics {
    /// Ask this Prometheus instead of looking for one in the cluster
    #[arg(long, value_name = "URL", env = "MESHCTL_PROMETHEUS", hide_env = true)]
    pub prometheus: Option<String>,
    /// Bearer token for it; hidden, because a process list shows flags: set MESHCTL_PROMETHEUS_TOKEN
    #[arg(long = "prometheus-token", hide = true, env = "MESHCTL_PROMETHEUS_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// How far back metrics and flows are looked at, such as 30m, 24h or 7d
    #[arg(long, value_name = "TIME", default_value = DEFAULT_WINDOW, value_parser = parse_window)]
    pub window: String,
    /// Ask Hubble's relay here instead of looking for it in the cluster; over TLS if a root is given
    #[arg(long, value_name = "HOST:PORT", value_parser = parse_address)]
    pub hubble: Option<String>,
    /// The root certificate of Hubble's relay, in this file
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub hubble_ca_file: Option<PathBuf>,
    /// Read the root certificate of Hubble's relay from its Secret in the cluster
    #[arg(long, conflicts_with = "hubble_ca_file")]
    pub hubble_ca_from_secret: bool,
}

/// `HOST:PORT`.
fn parse_address(text: &str) -> std::result::Result<String, String> {
    let port = text.rsplit_once(':').and_then(|(host, port)| port.parse::<u16>().ok().filter(|_| !host.is_empty()));
    port.map(|_| text.to_owned()).ok_or_else(|| "write HOST:PORT, such as localhost:4245".to_owned())
}

impl Metrics {
    /// Where flows are asked for, if the user says it.
    pub fn flows(&self) -> Option<String> {
        let secured = self.hubble_ca_file.is_some() || self.hubble_ca_from_secret;
        self.hubble.as_ref().map(|address| if secured { format!("tls://{address}") } else { address.clone() })
    }
    /// The flags once more, for a command that can be copied.
    pub fn hubble_flags(&self) -> String {
        let address = self.hubble.iter().map(|address| format!(" --hubble {}", quoted(address)));
        let file = self.hubble_ca_file.iter().map(|file| format!(" --hubble-ca-file {}", quoted(&file.display().to_string())));
        let secret = self.hubble_ca_from_secret.then(|| " --hubble-ca-from-secret".to_owned());
        address.chain(file).chain(secret).collect()
    }
    fn source(&self, ctx: &Ctx) -> Result<Option<Prometheus>> {
        let new = |url: &str| Prometheus::with_token(url, ctx.global.request_timeout, self.token.clone());
        self.prometheus.as_deref().map(new).transpose()
    }
}

/// A Prometheus duration: numbers with `ms s m h d w y`, largest unit first, each at most once.
pub fn parse_window(text: &str) -> std::result::Result<String, String> {
    let wrong = || "write a Prometheus duration, such as 30m, 24h, 7d or 1d12h".to_owned();
    const UNITS: [&str; 7] = ["y", "w", "d", "h", "m", "s", "ms"];
    let (mut rest, mut next, mut anything) = (text, 0, false);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, tail) = tail.split_at(letters);
        let at = UNITS.iter().position(|known| *known == unit).ok_or_else(wrong)?;
        if at < next {
            return Err(wrong());
        }
        anything |= number.parse::<u32>().map_err(|_| wrong())? > 0;
        (rest, next) = (tail, at + 1);
    }
    if anything { Ok(text.to_owned()) } else { Err(wrong()) }
}

/// The facts of every cluster that answered, and the ones that did not.
pub struct Loaded {
    pub facts: Vec<Facts>,
    /// Named on stderr already; the report lists them too.
    pub unreachable: Vec<(String, Error)>,
}

/// Gathers what `purpose` needs from every source that the flags name.
///
/// One dead cluster of several is a warning; all of them dead is an error.
pub fn load(ctx: &Ctx, purpose: &Purpose, metrics: Option<&Metrics>) -> Result<Loaded> {
    let now = now();
    let loaded = match &ctx.global.from {
        Some(from) => stored(ctx, from, purpose, metrics, now)?,
        None => running(ctx, purpose, metrics, now)?,
    };
    for (name, error) in loaded.unreachable.iter().filter(|_| loaded.facts.len() + loaded.unreachable.len() > 1) {
        let why = error.causes.last().unwrap_or(&error.message);
        ctx.ui.warning(&format!("{name} is left out: {why}"));
    }
    settled(ctx, loaded)
}

/// Clusters that are asked more than once, over the same connections.
pub async fn open(ctx: &Ctx, metrics: Option<&Metrics>) -> Result<Vec<Source>> {
    let roots =
        metrics.map(|metrics| live::Given { file: metrics.hubble_ca_file.clone(), from_cluster: metrics.hubble_ca_from_secret });
    let options = live::Options { roots: roots.unwrap_or_default(), ..ctx.live_options() };
    let clusters = live::connect(&options).await?;
    let source = |cluster| {
        let prometheus = metrics.map(|metrics| metrics.source(ctx)).transpose()?.flatten();
        Ok(Source { base: Base::Live(Box::new(cluster)), prometheus })
    };
    clusters.into_iter().map(source).collect()
}

/// Asks each of them, as [`load`] does; whoever looks again and again says himself what is left out.
pub async fn look(ctx: &Ctx, sources: &[Source], purpose: &Purpose) -> Result<Loaded> {
    settled(ctx, answers(sources, purpose, now()).await)
}

/// Nothing at all is an error.
fn settled(ctx: &Ctx, mut loaded: Loaded) -> Result<Loaded> {
    // With one cluster its error is the answer, not a line in a list.
    if loaded.facts.is_empty() && loaded.unreachable.len() == 1 {
        return Err(loaded.unreachable.remove(0).1);
    }
    if loaded.facts.is_empty() {
        return Err(match loaded.unreachable.len() {
            0 => Error::new(Kind::Input, "there is nothing to look at"),
            n => Error::new(Kind::Unreachable, format!("none of {n} clusters could be read")),
        });
    }
    known_namespace(ctx, &loaded.facts)?;
    tell_problems(ctx, &loaded);
    if ctx.global.narrate {
        loaded.facts.iter().for_each(|facts| tell_asked(ctx, facts));
    }
    Ok(loaded)
}

/// Every question with what came of it.
fn tell_asked(ctx: &Ctx, facts: &Facts) {
    for (need, answer) in facts.iter() {
        let came = match &answer.outcome {
            Outcome::Objects(objects) => format!("{} objects", objects.len()),
            Outcome::Text(text) => format!("{} bytes", text.len()),
            Outcome::Bytes(bytes) => format!("{} bytes", bytes.len()),
            other => format!("{}: {}", other.word(), other.reason().unwrap_or_default()),
        };
        let partial = answer.partial.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        ctx.ui.note(&format!("{}: {}: {came}{partial}", facts.cluster, need.title()));
    }
}

/// A namespace that is nowhere is a typo, and an empty view would pass for an answer.
pub fn known_namespace(ctx: &Ctx, all: &[Facts]) -> Result<()> {
    let Some(wanted) = ctx.global.namespace.as_deref() else { return Ok(()) };
    let mut names = Vec::new();
    for facts in all {
        // Manifests need not hold the Namespace they are applied to. Where namespaces could not be listed, nothing is
        // known. A live list holds the wanted one only, so there an empty list says that it does not exist.
        match facts.get(&Need::list(&kinds::NAMESPACE)).map(|answer| (&answer.outcome, &answer.partial)) {
            Some((Outcome::Objects(found), None)) if facts.kind != SourceKind::Manifests => {
                names.extend(found.iter().map(|object| object.name.to_string()));
            }
            _ => return Ok(()),
        }
    }
    if names.iter().any(|name| name == wanted) {
        return Ok(());
    }
    names.sort();
    names.dedup();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let near = live::nearest(wanted, &names);
    let more = names.len() - near.len();
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    let there = all.iter().map(|facts| facts.cluster.as_str()).collect::<Vec<_>>().join(", ");
    let error = Error::new(Kind::Input, format!("there is no namespace {wanted:?} in {there}"));
    Err(match near.first() {
        Some(first) => error
            .cause(format!("there are: {}{rest}", near.join(", ")))
            .hint(format!("did you mean -n {} ? All of them: -A", crate::cli::quoted(first))),
        None => error.hint("kubectl get namespaces lists them; all of them: -A"),
    })
}

/// What `--from` names, whole: not only what one purpose asks.
pub fn opened(ctx: &Ctx) -> Result<Vec<Facts>> {
    let from = ctx.global.from.as_deref().unwrap_or_default();
    let facts = archive::open(from, ctx.global.namespace.as_deref(), now())?;
    let loaded = Loaded { facts, unreachable: Vec::new() };
    tell_problems(ctx, &loaded);
    Ok(loaded.facts)
}

#[expect(clippy::disallowed_methods, reason = "the one look at the clock; a recording brings its own")]
pub fn now() -> Timestamp {
    Timestamp::now()
}

fn stored(ctx: &Ctx, from: &str, purpose: &Purpose, metrics: Option<&Metrics>, now: Timestamp) -> Result<Loaded> {
    let channel = purpose.channel();
    let wanted = |need: &Need| purpose.of_sync() || purpose.of_health() && matches!(need, Need::Exec { .. });
    let dumps = |need: &Need| wanted(need) && MESHES.iter().any(|mesh| mesh.sync_reads(need, &channel));
    let progress = ctx.ui.progress(&format!("reading {from}"));
    let all = archive::open_with(from, ctx.global.namespace.as_deref(), now, &dumps)?;
    let facts = block_on(async {
        let mut facts = Vec::new();
        for stored in all {
            let prometheus = metrics.map(|metrics| metrics.source(ctx)).transpose()?.flatten();
            facts.push(source::gather(&Source { base: Base::Stored(Box::new(stored)), prometheus }, purpose, now).await?);
        }
        Ok(facts)
    });
    drop(progress);
    Ok(Loaded { facts: facts?, unreachable: Vec::new() })
}

fn running(ctx: &Ctx, purpose: &Purpose, metrics: Option<&Metrics>, now: Timestamp) -> Result<Loaded> {
    let progress = ctx.ui.progress(&match ctx.global.context.as_slice() {
        [] if ctx.global.all_contexts => "reading every context".to_owned(),
        [] => "reading the cluster".to_owned(),
        names => format!("reading {}", names.join(", ")),
    });
    let loaded = block_on(async { Ok(answers(&open(ctx, metrics).await?, purpose, now).await) });
    drop(progress);
    loaded
}

/// Each on its own, so that one that doesn't answer costs only itself.
async fn answers(sources: &[Source], purpose: &Purpose, now: Timestamp) -> Loaded {
    let mut loaded = Loaded { facts: Vec::new(), unreachable: Vec::new() };
    for (name, answer) in join_all(sources.iter().map(|source| one(source, purpose, now))).await {
        match answer {
            Ok(facts) => loaded.facts.push(facts),
            Err(error) => loaded.unreachable.push((name, error)),
        }
    }
    loaded
}

async fn one(source: &Source, purpose: &Purpose, now: Timestamp) -> (String, Result<Facts>) {
    let probed = async {
        match &source.base {
            Base::Live(cluster) => cluster.probe().await,
            Base::Stored(_) => Ok(()),
        }
    };
    let gathered = source::gather(source, purpose, now);
    let answered = async {
        tokio::pin!(gathered, probed);
        let facts = match tokio::time::timeout(PATIENCE, &mut gathered).await {
            Ok(facts) => facts?,
            // Beside each other: where nobody answers, the probe ends it before forty lists wait for their deadline.
            Err(_) => return Ok(futures::future::try_join(gathered, probed).await?.0),
        };
        // A server that gave objects tells no more by its version.
        let told = |outcome: &Outcome| matches!(outcome, Outcome::Objects(objects) if !objects.is_empty());
        if !facts.iter().any(|(_, answer)| told(&answer.outcome)) {
            probed.await?;
        }
        Ok(facts)
    };
    (source.name().to_owned(), answered.await)
}

fn tell_problems(ctx: &Ctx, loaded: &Loaded) {
    let problems: Vec<_> = source::problems(&loaded.facts).collect();
    for problem in problems.iter().take(SHOWN_PROBLEMS) {
        ctx.ui.warning(&format!("{}: {}", problem.place, problem.reason));
    }
    if problems.len() > SHOWN_PROBLEMS {
        ctx.ui.warning(&format!("and {} more documents could not be read", problems.len() - SHOWN_PROBLEMS));
    }
    let refused = |outcome: &Outcome| matches!(outcome, Outcome::Forbidden(_) | Outcome::TimedOut(_) | Outcome::Failed(_));
    let unread = loaded.facts.iter().flat_map(Facts::iter).any(|(_, answer)| refused(&answer.outcome));
    if unread || !(problems.is_empty() && loaded.unreachable.is_empty()) {
        ctx.incomplete.set(true);
    }
}

/// Runs I/O to its end or to Ctrl-C.
pub fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    uninterrupted(async {
        tokio::select! {
            answer = work => answer,
            error = interrupted() => Err(error),
        }
    })
}

/// Who minds Ctrl-C. As long as nobody does, it ends the program.
static MINDING: AtomicUsize = AtomicUsize::new(0);
static INTERRUPT: Notify = Notify::const_new();

/// Comes at the next Ctrl-C, which then leaves the rest to whoever waits for this.
pub async fn interrupted() -> Error {
    struct Minding;
    impl Drop for Minding {
        fn drop(&mut self) {
            MINDING.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let mut told = std::pin::pin!(INTERRUPT.notified());
    told.as_mut().enable();
    MINDING.fetch_add(1, Ordering::SeqCst);
    let _minding = Minding;
    told.await;
    Error::new(Kind::Interrupted, "interrupted")
}

/// The one listener: a handler stays for good once it is there, and must not swallow what nobody minds, such as Ctrl-C at
/// a question or while a report is made. One that can't be installed leaves the signal as it is.
async fn listen() {
    while tokio::signal::ctrl_c().await.is_ok() {
        if MINDING.load(Ordering::SeqCst) == 0 {
            #[expect(clippy::disallowed_methods, reason = "nobody is left to return to: what runs now minds no Ctrl-C")]
            std::process::exit(Kind::Interrupted.exit_code().into());
        }
        INTERRUPT.notify_waiters();
    }
}

/// One for the whole process: a connection lives on the runtime that made it, and is used again by the next question.
/// It is never shut down, so that a thread that hangs in a name look-up does not hold the prompt.
static RUNTIME: OnceLock<Runtime> = OnceLock::new();

/// For work that minds Ctrl-C itself, since it has something to leave in order.
pub fn uninterrupted<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = match RUNTIME.get() {
        Some(runtime) => runtime,
        None => {
            let made = tokio::runtime::Builder::new_multi_thread().enable_all().build();
            let made = made.map_err(|e| Error::new(Kind::Internal, "can't start the runtime").because(&e))?;
            RUNTIME.get_or_init(|| {
                made.spawn(listen());
                made
            })
        }
    };
    runtime.block_on(work)
}

/// Adds the clusters that could not be read, so that nobody takes the rest for all of them.
pub fn with_unreachable(mut report: Report, loaded: &Loaded) -> Report {
    if loaded.unreachable.is_empty() {
        return report;
    }
    let why = |error: &Error| std::iter::once(&error.message).chain(&error.causes).cloned().collect::<Vec<_>>().join(": ");
    let rows =
        loaded.unreachable.iter().map(|(name, error)| vec![vec![name.as_str().into()], vec![Span::new(why(error), Tone::Warn)]]);
    let table = Table { columns: vec![Column::new("CLUSTER"), Column::new("WHY")], rows: rows.collect() };
    report.body.extend([Block::Blank, Block::Heading("Not reached".to_owned()), Block::Table(table)]);
    if let Some(data) = report.data.as_object_mut() {
        let list: Vec<_> = loaded.unreachable.iter().map(|(name, error)| json!({ "cluster": name, "why": why(error) })).collect();
        data.insert("unreachable".to_owned(), list.into());
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        /// It is pasted into queries, so nothing but digits and units may pass.
        #[test]
        fn a_window_can_not_break_out_of_a_query(text in "([0-9]{1,4}|ms|[smhdwy]|[\\[\\](){} ]|\\PC){0,8}") {
            if let Ok(window) = parse_window(&text) {
                proptest::prop_assert!(!window.is_empty() && window.bytes().all(|b| b.is_ascii_alphanumeric()), "{window}");
            }
        }
    }

    #[test]
    fn windows() {
        for good in ["7d", "30m", "1d12h", "500ms", "1h30m5s"] {
            assert_eq!(parse_window(good).as_deref(), Ok(good));
        }
        for bad in ["", "7", "d", "7 d", "12h1d", "0d", "1.5h", "7d]) or vector(1", "99999999999d", "1h1h"] {
            assert!(parse_window(bad).is_err(), "{bad}");
        }
    }
}
