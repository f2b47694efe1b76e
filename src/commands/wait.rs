//! `meshctl wait`: until the fleet has what it should have. A mesh is eventually consistent; this is the end of "eventually".
//!
//! A proxy that was found to have everything is not asked again while its control plane sends it nothing, so a second look
//! costs as much as `proxy-status`.

mod compare;
mod object;
mod screen;

use super::load::{block_on, now};
use super::proxy_status::{Asked, Filter, Question, Sort, Taken};
use crate::analysis::sync::{Health, Proxy};
use crate::cli::{Ctx, parse_duration};
use crate::error::{Error, Kind, Result};
use crate::facts::Channel;
use crate::mesh::sync::Key;
use crate::report::Report;
use crate::source::Source;
use crate::ui::Progress;
use clap::{Args, ValueEnum};
use compare::{Subject, Verdict, verdicts};
use jiff::Timestamp;
use object::{Named, Object};
use screen::{Laggard, Look};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  kubectl apply -f reviews.yaml && meshctl wait virtualservice/reviews.shop
  meshctl wait dr/web vs/web -n shop --timeout 2m        every proxy that should have both has them
  meshctl wait --for=connected -l app=web                a rollout, until a control plane has its proxies
  meshctl wait --for=synced --revision canary || meshctl proxy-status --revision canary

connected     a control plane has a connection of every proxy
synced        every proxy acknowledged what was sent last
distributed   every proxy has exactly what its control plane would send now, twice in a row

With RESOURCE only proxies count that should have it: those for which their control plane
makes something of it. A VirtualService, a DestinationRule or an AuthorizationPolicy is found in
the proxies' configuration by its name. Others leave no trace there, so then all of it counts.
Exit code: 0 when it is so, 1 when the time is over, 2 when it could not be looked at.";

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// So many who lag are named while it goes on.
const NAMED: usize = 3;

/// Wait until proxies have the configuration that they should have
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct WaitArgs {
    /// Wait for these objects: TYPE/NAME[.NAMESPACE]; -n is their namespace
    #[arg(value_name = "RESOURCE")]
    pub resources: Vec<String>,
    /// What to wait for [default: synced; distributed with RESOURCE]
    #[arg(long = "for", value_name = "STATE")]
    pub until: Option<Until>,
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

pub fn run(ctx: &Ctx, args: &WaitArgs) -> Result<Report> {
    if ctx.global.from.is_some() {
        return Err(Error::new(Kind::Usage, "a recording doesn't change, so there is nothing to wait for")
            .hint("meshctl proxy-status --from … tells how it was"));
    }
    let named = object::parse(&args.resources)?;
    let until = args.until.unwrap_or(if named.is_empty() { Until::Synced } else { Until::Distributed });
    if until == Until::Connected && !named.is_empty() {
        return Err(Error::new(Kind::Usage, "an object is not connected: proxies are")
            .hint("leave --for away, or the object: meshctl wait --for=connected"));
    }
    let mut filter = Filter::new(ctx, args.selector.as_deref(), args.revision.clone(), Vec::new())?;
    if !named.is_empty() {
        filter.everywhere();
    }
    let question =
        Question { channel: args.asked.channel(ctx)?, credentials: args.asked.credentials(), filter, sort: Sort::Health };
    let begun = now();
    let mut waiting = Waiting { ctx, until, named, question, settled: BTreeMap::new(), seen: BTreeSet::new() };
    let mut last = Look::default();
    let progress = ctx.ui.progress(&format!("looking for proxies that are not {}", until.word()));
    let ended = block_on(async {
        match tokio::time::timeout(args.timeout, waiting.go(&mut last, &progress)).await {
            Ok(ended) => ended.map(|()| true),
            Err(_) => Ok(false),
        }
    });
    drop(progress);
    let seconds = now().as_second() - begun.as_second();
    Ok(screen::report(until, &last, ended?, seconds, args.timeout))
}

/// What a control plane sent to a proxy when it was found to have it.
type Print = Vec<(Cow<'static, str>, Option<Timestamp>, Health)>;

struct Waiting<'c> {
    ctx: &'c Ctx,
    until: Until,
    named: Vec<Named>,
    question: Question,
    /// By cluster and proxy; and whether it is concerned.
    settled: BTreeMap<(String, Key), (Print, bool)>,
    /// Object with its state, and the replica that has seen it.
    seen: BTreeSet<(String, String)>,
}

impl Waiting<'_> {
    /// Ends when it is so.
    async fn go(&mut self, last: &mut Look, progress: &Progress) -> Result<()> {
        let sources = self.question.open(self.ctx).await?;
        let mut in_a_row = 0;
        // What was applied a moment ago may not have reached the control plane at the first look.
        let enough = if self.until == Until::Distributed { 2 } else { 1 };
        loop {
            match self.look(&sources, progress).await {
                Ok(look) => *last = look,
                // A cluster that answered once may come back.
                Err(error) if last.complete && error.kind == Kind::Unreachable => {
                    self.ctx.ui.warning(&format!("{}; trying again", error.message));
                    in_a_row = 0;
                }
                Err(error) => return Err(error),
            }
            in_a_row = if last.laggards.is_empty() { in_a_row + 1 } else { 0 };
            if in_a_row >= enough {
                return Ok(());
            }
            let names: Vec<&str> = last.laggards.iter().take(NAMED).map(|one| one.proxy.as_str()).collect();
            let more = if last.laggards.len() > NAMED { ", …" } else { "" };
            let there = last.proxies.saturating_sub(last.laggards.len());
            let text = match names.as_slice() {
                [] => format!("all {} proxies are {}; looking once more", last.proxies, self.until.word()),
                names => {
                    format!("{there} of {} proxies {}; not yet: {}{more}", last.proxies, self.until.word(), names.join(", "))
                }
            };
            progress.say(&text);
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn look(&mut self, sources: &[Source], progress: &Progress) -> Result<Look> {
        let mut objects = Vec::new();
        for source in sources {
            objects.push(self.objects(source).await?);
        }
        for (number, named) in self.named.iter().enumerate() {
            if !sources.is_empty() && objects.iter().all(|found| found[number].is_none()) {
                return Err(named.absent(self.ctx.global.namespace.as_deref().unwrap_or("default")));
            }
        }
        self.question.channel.objects = objects.iter().flatten().flatten().any(|object| !self.is_seen(object));
        let mut taken = self.question.again(self.ctx, sources).await?;
        if taken.all.iter().all(|status| status.proxies.is_empty()) {
            let error = Error::new(Kind::Input, "there is no proxy to wait for");
            return Err(error.hint("meshctl proxy-status lists those there are; -n, -l and --revision choose among them"));
        }
        let mut look = Look { complete: true, ..Look::default() };
        for (name, error) in &taken.loaded.unreachable {
            look.laggards.push(Laggard { proxy: format!("cluster {name}"), reason: error.message.clone() });
        }
        for (source, found) in sources.iter().zip(objects) {
            let found: Vec<Object> = found.into_iter().flatten().collect();
            let Some(at) = taken.loaded.facts.iter().position(|facts| facts.cluster == source.name()) else { continue };
            self.unseen(&taken, at, &found, &mut look);
            self.one(source, &mut taken, at, &found, &mut look, progress).await;
            look.objects.extend(found);
        }
        Ok(look)
    }

    async fn objects(&self, source: &Source) -> Result<Vec<Option<Object>>> {
        let mut found = Vec::new();
        for named in &self.named {
            found.push(named.find(source, self.ctx.global.namespace.as_deref()).await?);
        }
        Ok(found)
    }

    fn is_seen(&self, object: &Object) -> bool {
        self.seen.contains(&(mark(object), String::new()))
    }

    /// Replicas that have not read of the API server what is waited for.
    fn unseen(&mut self, taken: &Taken, at: usize, objects: &[Object], look: &mut Look) {
        for object in objects.iter().filter(|object| !self.seen.contains(&(mark(object), String::new()))).collect::<Vec<_>>() {
            let held = object.named.mesh.holds(&taken.loaded.facts[at], object.named.followed, &object.key, &object.state);
            let mut open = false;
            for replica in held {
                match replica.holds {
                    Ok(true) => {}
                    Ok(false) => {
                        open = true;
                        let reason = format!("it has not read {} as it is now", object.title());
                        look.laggards.push(Laggard { proxy: replica.plane, reason });
                    }
                    // Then its pushes have to tell.
                    Err(why) => {
                        if self.seen.insert((mark(object), replica.plane.clone())) {
                            self.ctx.ui.warning(&format!("{} does not tell which objects it has read: {why}", replica.plane));
                        }
                    }
                }
            }
            if !open {
                self.seen.insert((mark(object), String::new()));
            }
        }
    }

    /// The proxies of one cluster.
    async fn one(
        &mut self,
        source: &Source,
        taken: &mut Taken,
        at: usize,
        objects: &[Object],
        look: &mut Look,
        progress: &Progress,
    ) {
        let proxies = std::mem::take(&mut taken.all[at].proxies);
        let whole = objects.is_empty() || objects.iter().any(|object| object.trace().is_none());
        let traces: Vec<String> = if whole { Vec::new() } else { objects.iter().filter_map(Object::trace).collect() };
        let compared = self.until == Until::Distributed || !traces.is_empty();
        if !compared {
            look.proxies += proxies.len();
            look.laggards.extend(proxies.iter().filter_map(|proxy| Some(laggard(proxy, self.behind(proxy)?))));
            return;
        }
        let cluster = source.name().to_owned();
        let place = |proxy: &Proxy| (cluster.clone(), (proxy.namespace.to_string(), proxy.name.clone()));
        let settled = |proxy: &&Proxy| self.settled.get(&place(proxy)).is_some_and(|(before, _)| *before == print(proxy));
        let open: Vec<&Proxy> = proxies.iter().filter(|proxy| !settled(proxy)).collect();
        let subject =
            |proxy: &&Proxy| Subject { key: place(proxy).1, behind: self.behind(proxy), asked: self.until == Until::Distributed };
        let subjects: Vec<Subject> = open.iter().map(subject).collect();
        let channel = Channel { objects: false, ..self.question.channel.clone() };
        let told = |count: usize| progress.say(&format!("comparing: {count} of {} proxies", subjects.len()));
        let found = verdicts(source, &mut taken.loaded.facts[at], &channel, &subjects, &traces, told).await;
        let mut lacks: BTreeMap<Key, String> = BTreeMap::new();
        for (proxy, verdict) in open.iter().zip(found) {
            match verdict {
                Verdict::Has => drop(self.settled.insert(place(proxy), (print(proxy), true))),
                Verdict::Unconcerned => drop(self.settled.insert(place(proxy), (print(proxy), false))),
                Verdict::Lacks(why) => {
                    self.settled.remove(&place(proxy));
                    lacks.insert(place(proxy).1, why);
                }
            }
        }
        let changed = if traces.is_empty() { None } else { objects.iter().filter_map(|object| object.state.changed).max() };
        let mut concerned = 0;
        for proxy in &proxies {
            let reason = match (lacks.remove(&place(proxy).1), self.settled.get(&place(proxy))) {
                (Some(why), _) => Some(why),
                (None, Some((_, false)) | None) => continue,
                (None, Some((_, true))) => unsent(proxy, changed),
            };
            concerned += 1;
            look.laggards.extend(reason.map(|why| laggard(proxy, why)));
        }
        look.proxies += concerned;
        if concerned == 0 && !objects.is_empty() {
            let names: Vec<String> = objects.iter().map(Object::title).collect();
            let reason = "nothing is made of it for any of them: no host, gateway or selector in it fits".to_owned();
            look.laggards.push(Laggard { proxy: names.join(", "), reason });
        }
    }

    /// Why it can't have everything, as far as its control plane knows.
    fn behind(&self, proxy: &Proxy) -> Option<String> {
        let there = match self.until {
            Until::Connected => !matches!(proxy.health, Health::Disconnected | Health::Unknown),
            Until::Synced | Until::Distributed => proxy.health == Health::Synced,
        };
        let words = || std::iter::once(proxy.health.word().to_owned()).chain(proxy.reasons.iter().cloned());
        (!there).then(|| words().collect::<Vec<_>>().join(": "))
    }
}

/// The object in the state that it has now.
fn mark(object: &Object) -> String {
    format!("{} {} {}", object.title(), object.state.generation, object.state.resource_version)
}

fn print(proxy: &Proxy) -> Print {
    proxy.types.iter().map(|one| (one.kind.clone(), one.sent_at, one.health)).collect()
}

fn laggard(proxy: &Proxy, reason: String) -> Laggard {
    Laggard { proxy: format!("{}.{}", proxy.name, proxy.namespace), reason }
}

/// What it has is what its control plane would send, but that may not have been made of the change yet. Changes are
/// dated in whole seconds, rounded down.
fn unsent(proxy: &Proxy, changed: Option<Timestamp>) -> Option<String> {
    let changed = changed?;
    let latest = proxy.types.iter().filter_map(|one| one.sent_at).max();
    let since = latest.is_some_and(|latest| latest >= changed);
    (!since).then(|| format!("nothing was sent to it since the change of {changed}"))
}
