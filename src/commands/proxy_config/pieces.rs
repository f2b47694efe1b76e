//! `proxy-config` of a proxy without a dump: the same parts under the same commands, pieced together from its metrics, its
//! certificates and what its control plane sends.

use super::document::Selection;
use super::findings::{self, Finding};
use super::many::Kept;
use super::questions::Shown;
use crate::commands::fleet::{Others, Proxy, about};
use crate::envoy::{Section, clusters, endpoints};
use crate::error::Result;
use crate::mesh::check::counted;
use crate::mesh::proxy::{self, Allowed, Cluster, Endpoint, Part, Port, Route, Secret, Setting};
use crate::report::{Block, Column, Line, Severity, Span, Table, Tone};

/// What it can be shown of, for those who ask for something else.
pub const PARTS: &str = "all, bootstrap, cluster, listener, route, secret, endpoint, log, stats";

pub fn show(
    others: Vec<Others>,
    selection: &Selection,
    machine: bool,
) -> Result<Vec<(Proxy, std::result::Result<Shown, String>)>> {
    let parts: Vec<Part> = selection.sections.iter().filter_map(|section| part(*section)).collect();
    about(
        others,
        |facts, pod| if selection.printed { Vec::new() } else { proxy::needs(facts, pod, &parts) },
        |facts, pod| {
            if parts.is_empty() || selection.printed {
                return Err(format!("its proxy has nothing of that kind; it has: {PARTS}"));
            }
            let shown = proxy::shown(facts, pod, &parts).unwrap_or_else(|| Err("it has no proxy".to_owned()))?;
            Ok(made(&filtered(shown, selection), &parts, machine))
        },
    )
}

fn part(section: Section) -> Option<Part> {
    Some(match section {
        Section::Bootstrap => Part::Bootstrap,
        Section::Clusters => Part::Clusters,
        Section::Listeners => Part::Listeners,
        Section::Routes => Part::Routes,
        Section::Secrets => Part::Secrets,
        Section::Endpoints => Part::Endpoints,
        _ => return None,
    })
}

/// The filters that mean something here.
fn filtered(mut shown: proxy::Shown, selection: &Selection) -> proxy::Shown {
    let on = |port: u32, of: &str| port == 0 || of.rsplit(':').next() == Some(port.to_string().as_str());
    let clusters::Filter { fqdn, port, .. } = &selection.clusters;
    shown.clusters.retain(|one| one.service.contains(fqdn.as_str()) && on(*port, &one.service));
    let endpoints::Filter { address, port, cluster, .. } = &selection.endpoints;
    let at = |of: &str| address.is_empty() || of == address || of.rsplit_once(':').is_some_and(|(ip, _)| ip == address);
    shown.endpoints.retain(|one| at(&one.address) && on(*port, &one.address) && one.service.contains(cluster.as_str()));
    let port = selection.listeners.port;
    shown.listeners.retain(|one| port == 0 || u32::from(one.port) == port);
    shown.routes.retain(|one| selection.route.is_empty() || one.name.contains(&selection.route));
    shown
}

fn made(shown: &proxy::Shown, parts: &[Part], machine: bool) -> Shown {
    let data = if machine { Kept::of(shown) } else { Kept::default() };
    let mut blocks = Vec::new();
    for part in parts.iter().filter(|_| !machine) {
        let (heading, table) = match part {
            Part::Bootstrap => {
                blocks.extend(parts_heading(parts, "Bootstrap", &blocks));
                blocks.extend(shown.bootstrap.iter().map(setting));
                continue;
            }
            Part::Clusters => ("Services", clusters_table(&shown.clusters)),
            Part::Listeners => ("Ports", ports(&shown.listeners)),
            Part::Routes => ("Routes", routes(&shown.routes)),
            Part::Secrets => ("Certificates", secrets(&shown.secrets)),
            Part::Endpoints => ("Endpoints", endpoints_table(&shown.endpoints)),
        };
        blocks.extend(parts_heading(parts, heading, &blocks));
        let none = match part {
            Part::Clusters | Part::Listeners | Part::Routes | Part::Endpoints if shown.unheard => {
                "not known: it said nothing of itself"
            }
            Part::Endpoints if !shown.faults.is_empty() => "none is known: nobody told them",
            Part::Clusters | Part::Endpoints => "it balances over no Service just now: it has called none for a while",
            Part::Routes => "no routes: it called no Service, and nothing governs its ports",
            _ => "none",
        };
        blocks.push(if table.rows.is_empty() { Block::Paragraph(vec![Span::new(none, Tone::Dim)]) } else { Block::Table(table) });
    }
    let findings = wrong(shown);
    let worst = findings::worst(&findings).max((!shown.faults.is_empty()).then_some(Severity::Warning));
    Shown { blocks, findings, faults: shown.faults.clone(), data, worst }
}

/// What is wrong with what was found, worst first.
fn wrong(shown: &proxy::Shown) -> Vec<Finding> {
    let ended = shown.secrets.iter().filter(|one| !one.valid).map(|one| {
        let what =
            format!(" certificate is valid from {} to {} only: whoever is shown it refuses it", one.not_before, one.not_after);
        Finding::new(Severity::Error, one.name, what)
    });
    let broken = shown.routes.iter().flat_map(|one| one.backends.iter().map(move |backend| (one, backend)));
    let broken = broken.filter(|(_, backend)| backend.contains("(answers ")).map(|(route, backend)| {
        Finding::new(Severity::Error, route.name.clone(), format!(" of {} leads to {backend}", route.of))
    });
    let deaf = shown.clusters.iter().filter(|one| one.ready == 0 && one.pending > 0).map(|one| {
        let what =
            format!(" has {} that it reaches none of", counted(usize::try_from(one.pending).unwrap_or(usize::MAX), "endpoint"));
        Finding::new(Severity::Error, one.service.clone(), what)
    });
    ended.chain(broken).chain(deaf).collect()
}

/// With a single part there is nothing to tell apart.
fn parts_heading(parts: &[Part], text: &str, before: &[Block]) -> Vec<Block> {
    if parts.len() < 2 {
        return Vec::new();
    }
    let blank = (!before.is_empty()).then_some(Block::Blank);
    blank.into_iter().chain([Block::Heading(text.to_owned())]).collect()
}

fn plain(text: impl Into<String>) -> Line {
    vec![Span::new(text, Tone::Plain)]
}

fn columns(titles: &[&str]) -> Vec<Column> {
    titles.iter().map(|title| Column::new(*title)).collect()
}

fn setting(one: &Setting) -> Block {
    Block::Field { label: one.name.to_owned(), lines: vec![plain(one.value.clone())] }
}

/// A number beside the one that it should be.
fn compared(number: u64, wanted: Option<usize>) -> Line {
    let tone = if wanted.is_some_and(|wanted| wanted as u64 != number) { Tone::Warn } else { Tone::Plain };
    vec![Span::new(number.to_string(), tone)]
}

fn clusters_table(all: &[Cluster]) -> Table {
    let mut table = Table {
        columns: columns(&["SERVICE", "PROTOCOL", "READY", "PENDING", "SENT BY CONTROLLERS", "ENDPOINTSLICES"]),
        rows: Vec::new(),
    };
    for one in all {
        let sent: Vec<String> = one.sent.values().map(usize::to_string).collect();
        let odd = one.sent.values().any(|sent| one.slices.is_some_and(|slices| slices != *sent));
        table.rows.push(vec![
            plain(one.service.clone()),
            plain(one.protocol),
            compared(one.ready, one.slices),
            vec![Span::new(one.pending.to_string(), if one.pending > 0 { Tone::Warn } else { Tone::Plain })],
            vec![Span::new(
                if sent.is_empty() { "-".to_owned() } else { sent.join(", ") },
                if odd { Tone::Warn } else { Tone::Plain },
            )],
            plain(one.slices.map_or_else(|| "-".to_owned(), |count| count.to_string())),
        ]);
    }
    table
}

fn endpoints_table(all: &[Endpoint]) -> Table {
    let mut table = Table { columns: columns(&["ENDPOINT", "SERVICE", "STATUS", "POD", "SPOKEN"]), rows: Vec::new() };
    table.columns.extend(["IDENTITY", "WEIGHT", "SENT BY"].map(|title| Column::new(title).wide()));
    for one in all {
        // In the words of the mesh's own tables of endpoints: what the cluster says of the address.
        let status = match one.ready {
            Some(true) => Span::new("HEALTHY", Tone::Good),
            Some(false) => Span::new("GONE", Tone::Bad),
            None => Span::new("UNKNOWN", Tone::Warn),
        };
        let spoken = match (one.identity.is_empty(), one.hint) {
            (true, _) => "plain".to_owned(),
            (false, "") => "mTLS".to_owned(),
            (false, hint) => format!("mTLS, {hint}"),
        };
        table.rows.push(vec![
            plain(one.address.clone()),
            plain(one.service.clone()),
            vec![status],
            plain(one.pod.clone()),
            plain(spoken),
            plain(one.identity.clone()),
            plain(one.weight.to_string()),
            plain(one.sent_by.join(", ")),
        ]);
    }
    table
}

/// `authorizationpolicy catalog-clients: web.shop…, default.shop…`
fn allows(all: &[Allowed]) -> String {
    let one = |allowed: &Allowed| {
        let from = if allowed.from.is_empty() { String::new() } else { format!(" from {}", allowed.from.join(", ")) };
        format!("{} by {}{from}", allowed.clients.join(", "), allowed.by)
    };
    all.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn ports(all: &[Port]) -> Table {
    let mut table = Table { columns: columns(&["PORT", "PROTOCOL", "GOVERNED BY", "LETS IN"]), rows: Vec::new() };
    table.columns.extend([Column::right("ALLOWED"), Column::right("DENIED")]);
    for one in all {
        let count = |count: Option<u64>| count.map_or_else(|| "-".to_owned(), |count| count.to_string());
        let lets_in = match one.allows.as_slice() {
            [] => vec![Span::new("nobody, unless a route does", Tone::Warn)],
            some => plain(allows(some)),
        };
        let denied = if one.denied.is_some_and(|denied| denied > 0) { Tone::Bad } else { Tone::Plain };
        table.rows.push(vec![
            plain(one.port.to_string()),
            plain(one.protocol),
            plain(one.governed_by.clone()),
            lets_in,
            plain(count(one.allowed)),
            vec![Span::new(count(one.denied), denied)],
        ]);
    }
    table
}

fn routes(all: &[Route]) -> Table {
    let mut table = Table { columns: columns(&["DIRECTION", "OF", "ROUTE", "MATCH", "LEADS TO", "TIMEOUT"]), rows: Vec::new() };
    table.columns.extend(["PROTOCOL", "RETRIES"].map(|title| Column::new(title).wide()));
    for one in all {
        let leads = match (one.direction, one.backends.as_slice(), one.allows.as_slice()) {
            ("inbound", _, []) => "whom the port lets in".to_owned(),
            ("inbound", _, some) => allows(some),
            (_, [], _) => String::new(),
            (_, some, _) => some.join(", "),
        };
        let tone = if leads.contains("(answers ") { Tone::Bad } else { Tone::Plain };
        table.rows.push(vec![
            plain(one.direction),
            plain(one.of.clone()),
            plain(one.name.clone()),
            plain(if one.matches.is_empty() { "everything".to_owned() } else { one.matches.join(", ") }),
            vec![Span::new(leads, tone)],
            plain(one.timeout.clone().unwrap_or_default()),
            plain(one.protocol),
            plain(one.retries.map(|count| count.to_string()).unwrap_or_default()),
        ]);
    }
    table
}

fn secrets(all: &[Secret]) -> Table {
    let titles = ["RESOURCE NAME", "SUBJECT", "VALID CERT", "SERIAL NUMBER", "NOT AFTER", "NOT BEFORE"];
    let mut table = Table { columns: columns(&titles), rows: Vec::new() };
    if all.iter().any(|one| one.problem.is_some()) {
        table.columns.push(Column::new("PROBLEM"));
    }
    for one in all {
        let mut row = vec![
            plain(one.name),
            plain(one.subject.clone()),
            vec![Span::new(one.valid.to_string(), if one.valid { Tone::Good } else { Tone::Bad })],
            plain(one.serial_number.trim_start_matches('0').to_owned()),
            plain(one.not_after.clone()),
            plain(one.not_before.clone()),
        ];
        if table.columns.len() > row.len() {
            row.push(vec![Span::new(one.problem.clone().unwrap_or_default(), Tone::Warn)]);
        }
        table.rows.push(row);
    }
    table
}
