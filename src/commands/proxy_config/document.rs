//! From rows to the report: one document whatever was asked, and the tables.

use super::findings::{self, Finding};
use super::joined::{Joined, join};
use super::tables;
use crate::envoy::bootstrap::{Bootstrap, Proxy};
use crate::envoy::entry::{Boxed, Printed, Standing};
use crate::envoy::redact::Config;
use crate::envoy::secrets::Beside;
use crate::envoy::{Dump, Fault, Section, clusters, endpoints, extensions, hosts, listeners, printed, routes, secrets};
use crate::json::Raw;
use crate::kubernetes::addresses::Addresses;
use crate::mesh;
use crate::mesh::origin::{Difference, Sources};
use crate::render::{self, Format, Style};
use crate::report::{Block, Line, Report, Severity, Span, Tone};
use crate::shares;
use crate::source::redact;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Map;
use std::borrow::Cow;
use std::io;
use std::sync::Arc;

pub const SCHEMA: &str = "meshctl/proxy-config/v1";

/// What to show of an answer.
#[derive(Clone, Debug)]
pub struct Selection {
    pub sections: Vec<Section>,
    /// The answer is that of `clusters?format=json`.
    pub hosts: bool,
    pub clusters: clusters::Filter,
    pub listeners: listeners::Wanted,
    pub route: String,
    pub endpoints: endpoints::Filter,
    pub verbose: bool,
    /// Listeners as a list of chains, by their names.
    pub chains: bool,
    /// `-o envoy`: neither tables nor our schema, but the proxy's own text.
    pub printed: bool,
    /// Several sections in one answer: each has its heading and its names say what they are.
    pub all: bool,
    pub now: Timestamp,
    /// Who has which address; a file alone can't tell.
    pub addresses: Option<Arc<Addresses>>,
}

impl Selection {
    pub fn new(now: Timestamp) -> Self {
        Selection {
            sections: Vec::new(),
            hosts: false,
            clusters: clusters::Filter { forms: mesh::cluster_names(), ..clusters::Filter::default() },
            listeners: listeners::Wanted { protocols: mesh::protocols(), ..listeners::Wanted::default() },
            route: String::new(),
            endpoints: endpoints::Filter::default(),
            verbose: true,
            chains: false,
            printed: false,
            all: false,
            now,
            addresses: None,
        }
    }

    fn pods_unknown(&self) -> Option<&str> {
        self.addresses.as_ref()?.unknown.as_deref()
    }

    /// Whether it matters to this answer. A proxy that discovers no extensions has no such section, nor is it asked for
    /// endpoints unless one wants them: in an answer about everything that is no fault.
    pub fn asks_for(&self, fault: &Fault) -> bool {
        match fault {
            Fault::Missing { section: Section::Extensions } if self.all => false,
            Fault::Missing { section } => self.sections.contains(section),
            _ => true,
        }
    }
}

/// What one proxy runs, as asked. An absent section wasn't asked for; an empty one is empty.
#[derive(Debug, Default, Serialize)]
pub struct Document<'r> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Proxy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bootstrap: Option<Standing<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clusters: Option<Vec<clusters::Row<'r>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listeners: Option<Vec<listeners::Row<'r>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routes: Option<Vec<routes::Row<'r>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secrets: Option<Vec<secrets::Row<'r>>>,
    /// As the proxy judges them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<Vec<Joined<'r, hosts::Row<'r>>>>,
    /// As the control plane sent them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eds: Option<Vec<Joined<'r, endpoints::Row<'r>>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ecds: Option<Vec<extensions::Row<'r>>>,
    /// Clusters that discover endpoints and have none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub no_hosts: Vec<&'r str>,
    /// Why it is not known which pods are behind some endpoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pods_unknown: Option<&'r str>,
    /// What is written and is not what it has; told as findings.
    #[serde(skip)]
    pub differences: Vec<Difference>,
    /// Sections that meshctl doesn't know, untouched.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other: Vec<Config<'r>>,
}

impl Document<'_> {
    /// What the proxy itself printed of all that is shown, piece by piece; secrets are masked in place.
    pub fn printed(&self, put: &mut dyn FnMut(&str)) {
        let mut masked = |piece: &str| match redact::dump(piece.as_bytes()) {
            Cow::Owned(masked) => put(&String::from_utf8_lossy(&masked)),
            Cow::Borrowed(_) => put(piece),
        };
        let other: Vec<Raw<'_>> = self.other.iter().map(|config| config.0).collect();
        match &self.endpoints {
            Some(rows) => printed::clusters(rows.iter().filter_map(|row| row.element()), &mut masked),
            None => printed::dump(self.elements(), &other, &mut masked),
        }
    }

    pub fn as_printed(&self) -> String {
        let mut text = String::new();
        self.printed(&mut |piece| text.push_str(piece));
        text
    }

    /// Adds what others than the proxy know of it.
    pub fn came_from(&mut self, sources: Sources) {
        for row in self.clusters.iter_mut().flatten() {
            row.came_from = sources.clusters.get(row.name).cloned().unwrap_or_default();
        }
        for row in self.listeners.iter_mut().flatten() {
            for chain in &mut row.filter_chains {
                chain.came_from = sources.chains.get(&(row.name.to_owned(), chain.at)).cloned().unwrap_or_default();
            }
        }
        for row in self.routes.iter_mut().flatten() {
            for (host, virtual_host) in row.virtual_hosts.iter_mut().enumerate() {
                for route in &mut virtual_host.routes {
                    let key = (row.name.to_owned(), host, route.at);
                    route.came_from = sources.routes.get(&key).cloned().unwrap_or_default();
                }
            }
        }
        self.differences = sources.differences;
    }

    fn elements(&self) -> impl Iterator<Item = Printed<'_>> {
        let clusters = self.clusters.iter().flatten().map(|row| &row.standing);
        let listeners = self.listeners.iter().flatten().map(|row| &row.standing);
        let routes = self.routes.iter().flatten().map(|row| &row.standing);
        let secrets = self.secrets.iter().flatten().map(|row| &row.standing);
        let ecds = self.ecds.iter().flatten().map(|row| &row.standing);
        let before = self.bootstrap.iter().chain(clusters).chain(listeners).chain(routes).chain(secrets);
        let eds = self.eds.iter().flatten().filter_map(|row| row.element());
        before.filter_map(|standing| standing.element).chain(eds).chain(ecds.filter_map(|standing| standing.element))
    }
}

pub fn of_dump<'r>(dump: &'r Dump<'_>, beside: &'r Beside, selection: &'r Selection) -> Document<'r> {
    // A section that isn't in the dump is unknown, not empty.
    let asked = |section: Section| selection.sections.contains(&section) && dump.has(section);
    let other = if selection.all { dump.unknown.as_slice() } else { &[] };
    let bootstrap: Option<&Boxed<'_, Bootstrap<'_>>> = dump.bootstrap.last();
    Document {
        // A bootstrap without anything in it says that nothing is known of the proxy.
        proxy: dump.has(Section::Bootstrap).then(|| bootstrap.map(|bootstrap| bootstrap.value.proxy()).unwrap_or_default()),
        bootstrap: bootstrap.filter(|_| asked(Section::Bootstrap)).map(|one| one.standing()),
        clusters: asked(Section::Clusters).then(|| clusters::rows(&dump.clusters, &selection.clusters)),
        listeners: asked(Section::Listeners).then(|| listeners::rows(&dump.listeners, &selection.listeners)),
        routes: asked(Section::Routes).then(|| routes::rows(&dump.routes, &selection.route)),
        secrets: asked(Section::Secrets).then(|| secrets::all(&dump.secrets, beside, selection.now)),
        endpoints: None,
        no_hosts: Vec::new(),
        eds: asked(Section::Endpoints).then(|| {
            let rows = endpoints::rows(&dump.endpoints, &selection.endpoints);
            join(rows, selection.addresses.as_deref(), endpoints::Row::address)
        }),
        pods_unknown: selection.pods_unknown().filter(|_| asked(Section::Endpoints)),
        differences: Vec::new(),
        ecds: asked(Section::Extensions).then(|| extensions::rows(&dump.extensions)),
        other: other.iter().copied().map(Config).collect(),
    }
}

/// Of the proxy's own list of what it has loaded.
pub fn of_certificates<'r>(beside: &'r Beside, selection: &Selection) -> Document<'r> {
    Document { secrets: Some(secrets::all(&[], beside, selection.now)), ..Document::default() }
}

pub fn of_hosts<'r>(hosts: &'r hosts::Hosts<'_>, selection: &'r Selection) -> Document<'r> {
    let rows = hosts::rows(hosts, &selection.endpoints);
    let rows = join(rows, selection.addresses.as_deref(), hosts::Row::endpoint);
    let no_hosts = hosts.without_hosts().into_iter().filter(|name| selection.endpoints.is_open_for(name)).collect();
    Document { endpoints: Some(rows), no_hosts, pods_unknown: selection.pods_unknown(), ..Document::default() }
}

#[derive(Serialize)]
struct Data<'d> {
    proxies: [One<'d>; 1],
}

#[derive(Serialize)]
struct One<'d> {
    #[serde(flatten)]
    document: &'d Document<'d>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<Finding>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    faults: Vec<Told<'d>>,
}

#[derive(Serialize)]
struct Told<'d> {
    #[serde(flatten)]
    fault: &'d Fault,
    text: String,
}

impl<'d> Data<'d> {
    fn new(document: &'d Document<'d>, findings: Vec<Finding>, faults: &[&'d Fault]) -> Self {
        let faults = faults.iter().map(|fault| Told { fault, text: fault.to_string() }).collect();
        Data { proxies: [One { document, findings, faults }] }
    }
}

/// `machine` makes the data, otherwise the tables are made.
pub fn report(document: &Document<'_>, faults: &[Fault], also: Option<Fault>, selection: &Selection, machine: bool) -> Report {
    let faults: Vec<&Fault> = faults.iter().chain(also.as_ref()).collect();
    let findings = findings::of(document, selection.now);
    let worst = worst(&findings, &faults);
    if machine && !selection.printed {
        return Report::new(SCHEMA, &Data::new(document, findings, &faults), Vec::new()).worst(worst);
    }
    let mut body = if selection.printed { vec![Block::Code(document.as_printed())] } else { tables::blocks(document, selection) };
    body.extend(beside(findings, &faults));
    Report::new(SCHEMA, &Map::new(), body).worst(worst)
}

/// Writes tables, JSON, or what the proxy printed, to stdout while it is made; the report has what stands beside.
pub fn stream(
    document: &Document<'_>,
    faults: &[Fault],
    also: Option<Fault>,
    selection: &Selection,
    style: &Style,
) -> io::Result<Report> {
    let faults: Vec<&Fault> = faults.iter().chain(also.as_ref()).collect();
    let findings = findings::of(document, selection.now);
    let worst = worst(&findings, &faults);
    let mut body = Vec::new();
    if selection.printed {
        render::stream_printed(|put| document.printed(put))?;
        body = beside(findings, &faults);
    } else if style.format == Format::Json {
        render::stream(SCHEMA, &Data::new(document, findings, &faults))?;
    } else {
        render::stream_blocks(style, |put| {
            tables::each(document, selection, &mut true, put);
            put(render::Piece::Blocks(&beside(findings, &faults)));
        })?;
    }
    let report = Report::new(SCHEMA, &Map::new(), body).worst(worst);
    Ok(Report { shown: true, ..report })
}

/// The tables of a big answer, one section after the other: the rows of each are gone before the next ones are made.
pub fn stream_sections(dump: &Dump<'_>, selection: &Selection, style: &Style) -> io::Result<Report> {
    let faults: Vec<&Fault> = dump.faults.iter().collect();
    let mut severity = None;
    render::stream_blocks(style, |put| {
        let (beside_it, mut findings, mut first) = (Beside::default(), Vec::new(), true);
        let asked = Section::ALL.into_iter().filter(|section| selection.sections.contains(section));
        let asked: Vec<_> = asked.map(|section| Selection { sections: vec![section], ..selection.clone() }).collect();
        let shown = |one: &Selection, document: Document<'_>| {
            findings.extend(findings::of(&document, selection.now));
            tables::each(&document, one, &mut first, put);
            let count = |one: &Selection| one.sections.iter().map(|section| dump.count(*section)).sum::<usize>();
            let later = asked.iter().skip_while(|other| !std::ptr::eq(*other, one)).skip(1);
            if later.map(count).sum::<usize>() < count(one) {
                // Little comes after it that could use its memory.
                std::mem::forget(document);
            }
        };
        shares::ahead(&asked, |one| of_dump(dump, &beside_it, one), shown);
        findings::sort(&mut findings);
        severity = worst(&findings, &faults);
        put(render::Piece::Blocks(&beside(findings, &faults)));
    })?;
    let report = Report::new(SCHEMA, &Map::new(), Vec::new()).worst(severity);
    Ok(Report { shown: true, ..report })
}

fn worst(findings: &[Finding], faults: &[&Fault]) -> Option<Severity> {
    findings::worst(findings).max((!faults.is_empty()).then_some(Severity::Warning))
}

fn beside(findings: Vec<Finding>, faults: &[&Fault]) -> Vec<Block> {
    let mut blocks = Vec::new();
    if !findings.is_empty() {
        blocks.extend([Block::Blank, Block::Bullets(findings.into_iter().map(|finding| finding.line).collect())]);
    }
    if !faults.is_empty() {
        let line = |fault: &&Fault| -> Line { vec![Span::new(fault.to_string(), Tone::Warn)] };
        blocks.extend([Block::Blank, Block::Bullets(faults.iter().map(line).collect())]);
    }
    blocks
}
