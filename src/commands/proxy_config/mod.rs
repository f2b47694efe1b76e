//! `meshctl proxy-config`: what a proxy really runs.

mod certificates;
pub mod conversation;
pub mod diff;
mod document;
mod findings;
mod joined;
mod log;
pub mod many;
mod pieces;
pub mod questions;
mod roots;
mod stats;
mod tables;
mod who;

use crate::cli::Ctx;
use crate::cli::complete::{self, Names};
use crate::commands::fleet::{self, Who};
use crate::envoy::secrets::Beside;
use crate::envoy::stream::Arenas;
use crate::envoy::{Dump, Fault, Section, Unusable, Want, certs, clusters, endpoints, hosts, listeners};
use crate::error::{Error, Kind, Result};
use crate::mesh;
use crate::render::{Format, Style};
use crate::report::Report;
use crate::source::file;
use clap::{ArgAction, Args, Subcommand};
use document::{Document, Selection};
use jiff::Timestamp;
use questions::Show;
use std::borrow::Cow;
use std::io::{self, Read};
use who::WhoArgs;

const EXAMPLES: &str = "\
Examples:
  meshctl proxy-config cluster web-7d9f.shop         one proxy, asked through the API server
  meshctl proxy-config route deploy/web.shop         every proxy of a Deployment
  meshctl proxy-config listener -A --port 15006      every proxy of the cluster
  meshctl proxy-config all web-7d9f.shop --from shop.tar.zst
  meshctl proxy-config cluster -f dump.json          a file with the answer of the admin port";

/// Show what proxies really run: any Envoy, live, recorded or from a file
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ProxyConfigArgs {
    #[command(subcommand)]
    pub part: Part,
}

#[derive(Subcommand, Debug)]
pub enum Part {
    /// Everything: bootstrap, clusters, listeners, routes, secrets, endpoints, extensions
    #[command(visible_alias = "a")]
    #[command(after_help = EXAMPLES)]
    All(AllArgs),
    /// Upstream clusters
    #[command(visible_aliases = ["clusters", "c"])]
    #[command(after_help = EXAMPLES)]
    Cluster(ClusterArgs),
    /// Listeners: what each filter chain matches and where it goes
    #[command(visible_aliases = ["listeners", "l"])]
    #[command(after_help = EXAMPLES)]
    Listener(ListenerArgs),
    /// Routes: virtual hosts, matches, destinations
    #[command(visible_aliases = ["routes", "r"])]
    #[command(after_help = EXAMPLES)]
    Route(RouteArgs),
    /// Endpoints as the proxy judges them, from `clusters?format=json`
    #[command(visible_aliases = ["endpoints", "ep"])]
    #[command(after_help = EXAMPLES)]
    Endpoint(EndpointArgs),
    /// Endpoints as the control plane sent them, from `config_dump?include_eds=true`
    #[command(after_help = EXAMPLES)]
    Eds(EndpointArgs),
    /// Certificates and roots
    #[command(visible_aliases = ["secrets", "s"])]
    #[command(after_help = EXAMPLES)]
    Secret(WhoArgs),
    /// Who the proxy is and what it was built from
    #[command(visible_alias = "b")]
    #[command(after_help = EXAMPLES)]
    Bootstrap(WhoArgs),
    /// Extension configs that were discovered by themselves
    #[command(visible_alias = "ec")]
    #[command(after_help = EXAMPLES)]
    Ecds(WhoArgs),
    /// Log levels: show them, or set them (the one thing that meshctl changes in a proxy)
    #[command(visible_alias = "o")]
    #[command(after_help = log::EXAMPLES)]
    Log(log::LogArgs),
    /// Whether proxies trust the same root certificates
    #[command(visible_alias = "rc")]
    #[command(after_help = roots::EXAMPLES)]
    RootcaCompare(roots::RootsArgs),
    /// Counters and gauges of the proxy, or of its upstream hosts
    #[command(after_help = stats::EXAMPLES)]
    Stats(stats::StatsArgs),
    /// What differs between two proxies, or between a proxy and what was recorded of it
    #[command(after_help = diff::EXAMPLES)]
    Diff(diff::DiffArgs),
}

impl Part {
    pub fn shows_resources(&self) -> bool {
        !matches!(self, Part::Log(_) | Part::RootcaCompare(_) | Part::Stats(_) | Part::Diff(_))
    }
}

#[derive(Args, Clone, Debug, Default)]
pub struct ClusterFilter {
    /// Only services with this in their host name
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true, add = complete::of_proxy(Names::Fqdn))]
    pub fqdn: String,
    /// Only subsets with this in their name
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true, add = complete::of_proxy(Names::Subset))]
    pub subset: String,
    /// Only this direction: inbound or outbound
    #[arg(long, value_name = "DIRECTION", default_value = "", hide_default_value = true, add = complete::words(directions))]
    pub direction: String,
}

#[derive(Args, Clone, Debug, Default)]
pub struct ClusterArgs {
    #[command(flatten)]
    pub who: WhoArgs,
    #[command(flatten)]
    pub filter: ClusterFilter,
    /// Only this port
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true, add = complete::of_proxy(Names::ClusterPort))]
    pub port: u32,
}

#[derive(Args, Clone, Copy, Debug)]
pub struct Detail {
    /// `--verbose=false` shows one line for each listener and route configuration
    #[arg(long, value_name = "BOOL", default_value_t = true, hide_default_value = true, action = ArgAction::Set)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub verbose: bool,
}

#[derive(Args, Clone, Debug)]
pub struct ListenerArgs {
    #[command(flatten)]
    pub who: WhoArgs,
    /// Only this address
    #[arg(long, value_name = "ADDRESS", default_value = "", hide_default_value = true, add = complete::of_proxy(Names::ListenerAddress))]
    pub address: String,
    /// Only this port
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true, add = complete::of_proxy(Names::ListenerPort))]
    pub port: u32,
    /// Only this type: HTTP, TCP or HTTP+TCP
    #[arg(long = "type", value_name = "TYPE", default_value = "", hide_default_value = true, add = complete::words(types))]
    pub kind: String,
    #[command(flatten)]
    pub detail: Detail,
    /// Listeners and chains by name, as one reads a waypoint; hidden in istioctl too
    #[arg(long, hide = true)]
    pub waypoint: bool,
}

#[derive(Args, Clone, Debug)]
pub struct RouteArgs {
    #[command(flatten)]
    pub who: WhoArgs,
    /// Only the route configuration of this name
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true, add = complete::of_proxy(Names::Route))]
    pub name: String,
    #[command(flatten)]
    pub detail: Detail,
}

#[derive(Args, Clone, Debug, Default)]
pub struct EndpointArgs {
    #[command(flatten)]
    pub who: WhoArgs,
    /// Only this address, with or without its port
    #[arg(long, value_name = "ADDRESS", default_value = "", hide_default_value = true)]
    pub address: String,
    /// Only this port
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    pub port: u32,
    /// Only the cluster of this name
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true, add = complete::of_proxy(Names::Cluster))]
    pub cluster: String,
    /// Only this health status, such as healthy
    #[arg(long, value_name = "STATUS", default_value = "", hide_default_value = true, add = complete::words(statuses))]
    pub status: String,
}

#[derive(Args, Clone, Debug)]
pub struct AllArgs {
    #[command(flatten)]
    pub who: WhoArgs,
    #[command(flatten)]
    pub clusters: ClusterFilter,
    /// Only this port: clusters, listeners and endpoints
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true, add = complete::of_proxy(Names::ListenerPort))]
    pub port: u32,
    /// Only this address: listeners and endpoints
    #[arg(long, value_name = "ADDRESS", default_value = "", hide_default_value = true, add = complete::of_proxy(Names::ListenerAddress))]
    pub address: String,
    /// Only listeners of this type: HTTP, TCP or HTTP+TCP
    #[arg(long = "type", value_name = "TYPE", default_value = "", hide_default_value = true, add = complete::words(types))]
    pub kind: String,
    /// Only the route configuration of this name
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true, add = complete::of_proxy(Names::Route))]
    pub name: String,
    #[command(flatten)]
    pub detail: Detail,
    /// Headings are always there; istioctl's flag is taken and changes nothing
    #[arg(long, hide = true)]
    pub with_headers: bool,
}

fn words(words: &[&str]) -> Vec<(String, String)> {
    words.iter().map(|word| ((*word).to_owned(), String::new())).collect()
}

fn directions() -> Vec<(String, String)> {
    words(&["inbound", "inbound-vip", "outbound"])
}

fn types() -> Vec<(String, String)> {
    words(&["HTTP", "TCP", "HTTP+TCP"])
}

fn statuses() -> Vec<(String, String)> {
    words(&["healthy", "unhealthy", "degraded", "draining", "timeout", "unknown"])
}

pub fn run(ctx: &Ctx, args: &ProxyConfigArgs) -> Result<Report> {
    #[expect(clippy::disallowed_methods, reason = "a file has no time of its own; certificates are judged now")]
    let now = Timestamp::now();
    let printed = ctx.global.output == Format::Envoy;
    let machine = printed || matches!(ctx.global.output, Format::Json | Format::Yaml);
    let (who, selection) = match &args.part {
        Part::Log(args) => return log::run(ctx, args),
        Part::RootcaCompare(args) => return roots::run(ctx, args),
        Part::Stats(args) => return stats::run(ctx, args),
        Part::Diff(args) => return diff::run(ctx, args, now),
        Part::Cluster(args) => args.selection(now),
        Part::Listener(args) => args.selection(now),
        Part::Route(args) => args.selection(now),
        Part::Endpoint(args) => (&args.who, Selection { endpoints: args.filter(), hosts: true, ..one(Section::Endpoints, now) }),
        Part::Eds(args) => (&args.who, Selection { endpoints: args.filter(), ..one(Section::Endpoints, now) }),
        Part::Secret(args) => (args, one(Section::Secrets, now)),
        Part::Bootstrap(args) => (args, one(Section::Bootstrap, now)),
        Part::Ecds(args) => (args, one(Section::Extensions, now)),
        Part::All(args) => (&args.who, args.selection(now)),
    };
    let mut selection = Selection { printed, ..selection };
    selection.listeners.detail = matches!(ctx.global.output, Format::Wide | Format::Markdown) || (machine && !printed);
    if who.file.is_empty() {
        return running(ctx, who, &selection, machine);
    }
    let path = who.file.as_str();
    let style = Style::new(&ctx.global);
    let stdout = |e: io::Error| Error::new(Kind::Output, "can't write to stdout").because(&e);
    if matches!(style.format, Format::Table | Format::Wide)
        && let Some(report) = file::big(path).and_then(|input| in_parts(input, &selection, &style))
    {
        return report.map_err(stdout);
    }
    let bytes = file::read(path)?;
    let unusable = |unusable: Unusable| {
        let name = if path == "-" { "stdin" } else { path };
        let error = Error::new(Kind::Input, format!("can't use {name}: {}", unusable.why));
        unusable.hint.into_iter().fold(error, Error::hint)
    };
    // Written as it is made: YAML needs it whole.
    if printed || style.format == Format::Json {
        let stream =
            |document: &Document<'_>, faults: &[Fault], also| document::stream(document, faults, also, &selection, &style);
        return made(&bytes, &selection, true, stream).map_err(unusable)?.map_err(stdout);
    }
    report(&bytes, &selection, machine).map_err(unusable)
}

/// From proxies that run, or that a recording holds.
fn running(ctx: &Ctx, who: &WhoArgs, selection: &Selection, machine: bool) -> Result<Report> {
    who.pods.nonempty(ctx)?;
    let addresses = selection.sections.contains(&Section::Endpoints) && !selection.printed;
    let made = |section: &Section| matches!(section, Section::Clusters | Section::Listeners | Section::Routes);
    let origins = selection.sections.iter().any(made) && !selection.printed;
    let mut visited = fleet::ask(ctx, Who { addresses, origins, ..who.pods.proxies() }, |found| {
        let selection = Selection { now: found.now, addresses: found.addresses, ..selection.clone() };
        Show::new(selection, machine, found.live).with(found.origins)
    })?;
    let others = std::mem::take(&mut visited.others);
    visited.proxies.extend(pieces::show(others, selection, machine)?);
    let answered = many::split(visited)?;
    if !answered.failed.is_empty() {
        ctx.incomplete.set(true);
    }
    Ok(many::report(document::SCHEMA, answered, machine && !selection.printed))
}

/// From the bytes of an answer to the report; `machine` decides which of its two forms is made, because the raw
/// configuration of a big proxy is many times its table.
fn report(bytes: &[u8], selection: &Selection, machine: bool) -> std::result::Result<Report, Unusable> {
    made(bytes, selection, machine, |document, faults, also| document::report(document, faults, also, selection, machine))
}

fn made<R>(
    bytes: &[u8],
    selection: &Selection,
    machine: bool,
    make: impl FnOnce(&Document<'_>, &[Fault], Option<Fault>) -> R,
) -> std::result::Result<R, Unusable> {
    let (text, fault) = as_text(bytes);
    if selection.sections == [Section::Secrets] && certs::is_one(&text) {
        let beside = Beside { loaded: certs::read(&text)?, ..Beside::default() };
        return Ok(make(&document::of_certificates(&beside, selection), &[], fault));
    }
    if selection.hosts {
        let hosts = hosts::Hosts::read(&text, machine)?;
        return Ok(make(&document::of_hosts(&hosts, selection), &hosts.faults, fault));
    }
    // Who the proxy is heads every document; the section is small.
    let mut sections = selection.sections.clone();
    if machine && !selection.printed && !sections.contains(&Section::Bootstrap) {
        sections.push(Section::Bootstrap);
    }
    let mut dump = Dump::read(&text, Want { sections: &sections, raw: machine })?;
    dump.faults.retain(|fault| selection.asks_for(fault));
    let mut beside = Beside::default();
    if selection.sections.contains(&Section::Secrets) {
        beside.inline = certificates::in_text(&text, &dump, selection.all);
    }
    Ok(make(&document::of_dump(&dump, &beside, selection), &dump.faults, fault))
}

/// From a big answer to its tables, if it is in order throughout.
fn in_parts(input: impl Read + Send, selection: &Selection, style: &Style) -> Option<io::Result<Report>> {
    // Certificates may stand anywhere, for which the whole text is searched.
    let secrets = selection.sections.contains(&Section::Secrets);
    if secrets && !selection.all {
        return None;
    }
    if selection.hosts {
        let mut arenas = Arenas::small();
        let hosts = hosts::Hosts::read_parts(input, &mut arenas).ok()?;
        let document = document::of_hosts(&hosts, selection);
        let report = document::stream(&document, &hosts.faults, None, selection, style);
        // The process ends now, and takes the memory back quicker than it is given back piece by piece.
        std::mem::forget(document);
        std::mem::forget(hosts);
        std::mem::forget(arenas);
        return Some(report);
    }
    let mut arenas = Arenas::default();
    let mut dump = Dump::read_parts(input, &selection.sections, &mut arenas).ok()?;
    if secrets && dump.secrets.is_empty() {
        return None;
    }
    dump.faults.retain(|fault| selection.asks_for(fault));
    let report = document::stream_sections(&dump, selection, style);
    std::mem::forget(dump);
    std::mem::forget(arenas);
    Some(report)
}

/// A text that ends within a character was cut off; one that is broken in the middle is mended and told.
pub fn as_text(bytes: &[u8]) -> (Cow<'_, str>, Option<Fault>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (Cow::Borrowed(text), None),
        Err(error) if error.error_len().is_none() => (String::from_utf8_lossy(&bytes[..error.valid_up_to()]), None),
        Err(error) => (String::from_utf8_lossy(bytes), Some(Fault::NotUtf8 { byte: error.valid_up_to() })),
    }
}

fn one(section: Section, now: Timestamp) -> Selection {
    Selection { sections: vec![section], verbose: true, ..Selection::new(now) }
}

impl ClusterArgs {
    fn selection(&self, now: Timestamp) -> (&WhoArgs, Selection) {
        (&self.who, Selection { clusters: self.filter.with(self.port), ..one(Section::Clusters, now) })
    }
}

impl ListenerArgs {
    fn selection(&self, now: Timestamp) -> (&WhoArgs, Selection) {
        let (address, port, kind) = (self.address.clone(), self.port, self.kind.clone());
        let listeners = listeners::Wanted { address, port, kind, protocols: mesh::protocols(), detail: false };
        let chains = self.waypoint;
        (&self.who, Selection { listeners, chains, verbose: self.detail.verbose, ..one(Section::Listeners, now) })
    }
}

impl RouteArgs {
    fn selection(&self, now: Timestamp) -> (&WhoArgs, Selection) {
        let route = self.name.clone();
        (&self.who, Selection { route, verbose: self.detail.verbose, ..one(Section::Routes, now) })
    }
}

impl ClusterFilter {
    fn with(&self, port: u32) -> clusters::Filter {
        let ClusterFilter { fqdn, subset, direction } = self.clone();
        clusters::Filter { fqdn, port, subset, direction, forms: mesh::cluster_names() }
    }
}

impl EndpointArgs {
    fn filter(&self) -> endpoints::Filter {
        let EndpointArgs { address, port, cluster, status, .. } = self.clone();
        endpoints::Filter { address, port, cluster, status }
    }
}

impl AllArgs {
    fn selection(&self, now: Timestamp) -> Selection {
        let AllArgs { address, port, kind, .. } = self.clone();
        Selection {
            sections: Section::ALL.to_vec(),
            clusters: self.clusters.with(port),
            endpoints: endpoints::Filter { address: address.clone(), port, ..endpoints::Filter::default() },
            listeners: listeners::Wanted { address, port, kind, protocols: mesh::protocols(), detail: false },
            route: self.name.clone(),
            verbose: self.detail.verbose,
            all: true,
            ..Selection::new(now)
        }
    }
}

#[cfg(test)]
mod tests;
