//! `meshctl proxy-status`: the state of every proxy's configuration.

mod asked;
mod pod;
mod watch;

pub use asked::Asked;
pub use pod::{Compared, compared_with};

use super::load;
use crate::analysis::sync::{self, Health, Proxy, Shown, Status};
use crate::cli::{Ctx, complete, parse_duration};
use crate::error::{Error, Kind, Result};
use crate::facts::{Channel, Purpose, Selector};
use crate::mesh::{self, sync::Key};
use crate::render::Format;
use crate::report::Report;
use crate::source::Source;
use crate::source::live::Credentials;
use clap::{Args, ValueEnum};
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  meshctl proxy-status                          every proxy, the worst first
  meshctl proxy-status -n shop -l app=web       some of them
  meshctl proxy-status web-7d9f.shop            what it has beside what it should have
  meshctl proxy-status --deep                   ask the proxies too, and compare
  meshctl proxy-status --watch                  go on looking; Ctrl-C ends it
  meshctl proxy-status --only stale,rejected    those that are not well
  meshctl proxy-status --all-contexts -o wide   every cluster; each xDS type with its age
  meshctl proxy-status --fail-on error          exit 1 if one refuses its configuration or is cut off

REJECTED      it refused what was sent last (NACK), and goes on with what it had
DISCONNECTED  nothing new reaches it: no control plane has a connection of it (Istio), or it
              says itself that it has none (Consul, Linkerd), or its node's agent is gone (Cilium)
STALE         it has not acknowledged what was sent last, or holds something that is no longer so
NOT SENT      it is connected and got nothing
UNKNOWN       nobody who could tell was heard";

/// Show whether proxies have the configuration sent to them, and why not
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ProxyStatusArgs {
    /// Compare what this proxy has with what its control plane would send: POD[.NAMESPACE], or TYPE/NAME[.NAMESPACE]
    #[arg(value_name = "POD", add = complete::proxies())]
    pub pod: Option<String>,
    /// Proxies of pods with these labels
    #[arg(short = 'l', long, value_name = "SELECTOR", conflicts_with = "pod")]
    pub selector: Option<String>,
    /// Proxies with these states
    #[arg(long, value_name = "STATE", value_delimiter = ',')]
    pub only: Vec<Health>,
    /// Proxies of this revision of the control plane
    #[arg(long, value_name = "REVISION")]
    pub revision: Option<String>,
    /// Ask the proxies too: are they connected, is anything warming, how long do their certificates live
    #[arg(long, conflicts_with = "pod")]
    pub deep: bool,
    /// Look again and again, and tell what changes; every 2s unless a time is given
    #[arg(long, short = 'w', value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "2s", value_parser = parse_duration, conflicts_with = "pod")]
    pub watch: Option<Duration>,
    #[command(flatten)]
    pub asked: Asked,
    /// Order of the rows
    #[arg(long, value_name = "BY", default_value = "health")]
    pub sort: Sort,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Sort {
    /// The worst first
    Health,
    Name,
    Namespace,
    Version,
    /// The longest not well first
    Age,
}

pub fn run(ctx: &Ctx, args: &ProxyStatusArgs) -> Result<Report> {
    if let Some(pod) = &args.pod {
        return pod::run(ctx, &args.asked, pod);
    }
    let filter = Filter::new(ctx, args.selector.as_deref(), args.revision.clone(), args.only.clone())?;
    let channel = Channel { deep: args.deep, ..args.asked.channel(ctx)? };
    let question = Question { channel, credentials: args.asked.credentials(), filter, sort: args.sort };
    match args.watch {
        Some(every) => watch::run(ctx, every, &question),
        None => question.once(ctx).map(|taken| taken.report(ctx)),
    }
}

/// What is asked of whom, and which of the answers are meant.
pub struct Question {
    pub channel: Channel,
    pub credentials: Credentials,
    pub filter: Filter,
    pub sort: Sort,
}

impl Question {
    /// Of clusters or of a recording.
    pub fn once(&self, ctx: &Ctx) -> Result<Taken> {
        let wide = self.wide(ctx);
        let loaded = load::load(&wide, &self.purpose(), None)?;
        self.taken(ctx, wide, loaded)
    }

    /// Of clusters that are looked at more than once.
    pub async fn again(&self, ctx: &Ctx, sources: &[Source]) -> Result<Taken> {
        let wide = self.wide(ctx);
        let loaded = load::look(&wide, sources, &self.purpose()).await?;
        self.taken(ctx, wide, loaded)
    }

    pub async fn open(&self, ctx: &Ctx) -> Result<Vec<Source>> {
        load::open(&self.wide(ctx), None).await
    }

    fn purpose(&self) -> Purpose {
        Purpose::Sync(self.channel.clone())
    }

    /// Control planes live elsewhere, so a namespace limits what is shown, not what is read.
    fn wide(&self, ctx: &Ctx) -> Ctx {
        let mut everywhere = ctx.global.clone();
        everywhere.namespace = None;
        let mut wide = Ctx::new(everywhere);
        wide.xds = self.credentials.clone();
        wide
    }

    fn taken(&self, ctx: &Ctx, wide: Ctx, loaded: load::Loaded) -> Result<Taken> {
        ctx.incomplete.set(wide.incomplete.get());
        load::known_namespace(ctx, &loaded.facts)?;
        let status = |facts| {
            let mut status = sync::judge(facts, &mesh::inhabitants(facts));
            status.retain(|proxy| self.filter.fits(proxy));
            order(&mut status.proxies, self.sort);
            status
        };
        let all = loaded.facts.iter().map(status).collect();
        Ok(Taken { wide, loaded, all })
    }
}

/// Which proxies are meant.
#[derive(Default)]
pub struct Filter {
    namespace: Option<String>,
    name: Option<String>,
    selector: Option<Selector>,
    revision: Option<String>,
    only: Vec<Health>,
}

impl Filter {
    pub fn new(ctx: &Ctx, selector: Option<&str>, revision: Option<String>, only: Vec<Health>) -> Result<Self> {
        let selector = selector.map(Selector::parse).transpose();
        let selector = selector.map_err(|why| Error::new(Kind::Usage, why).hint("such as -l app=web,version!=v2"))?;
        Ok(Filter { namespace: ctx.global.namespace.clone(), name: None, selector, revision, only })
    }

    /// A namespace that says where something else is.
    pub fn everywhere(&mut self) {
        self.namespace = None;
    }

    fn pod((namespace, name): &Key) -> Self {
        Filter { namespace: Some(namespace.clone()), name: Some(name.clone()), ..Filter::default() }
    }

    fn fits(&self, proxy: &Proxy) -> bool {
        self.namespace.as_ref().is_none_or(|only| **only == *proxy.namespace)
            && self.name.as_ref().is_none_or(|only| *only == proxy.name)
            && self.selector.as_ref().is_none_or(|selector| selector.fits(&proxy.labels))
            && (self.only.is_empty() || self.only.contains(&proxy.health))
            && self.revision.as_ref().is_none_or(|only| proxy.revision.as_deref() == Some(only))
    }
}

/// The fleet at one moment.
pub struct Taken {
    /// Of every namespace: next commands that can be copied are made by it.
    wide: Ctx,
    pub loaded: load::Loaded,
    pub all: Vec<Status>,
}

impl Taken {
    fn report(mut self, ctx: &Ctx) -> Report {
        let shown = match ctx.global.output {
            Format::Json | Format::Yaml => Shown::Machine,
            Format::Table => Shown::Screen,
            _ => Shown::Wide,
        };
        // Answers of megabytes are of no more use.
        self.loaded.facts.clear();
        load::with_unreachable(sync::report(self.all, shown, |command| self.wide.invocation(command)), &self.loaded)
    }
}

/// Stable: what is equal stays the worst first.
fn order(proxies: &mut [Proxy], sort: Sort) {
    match sort {
        Sort::Health => {}
        Sort::Name => proxies.sort_by(|a, b| a.name.cmp(&b.name)),
        Sort::Namespace => proxies.sort_by(|a, b| a.namespace.cmp(&b.namespace)),
        Sort::Version => proxies.sort_by(|a, b| a.version.cmp(&b.version)),
        Sort::Age => proxies.sort_by_key(|proxy| std::cmp::Reverse(proxy.age_seconds)),
    }
}
