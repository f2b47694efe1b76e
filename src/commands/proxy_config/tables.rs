//! The tables: istioctl's columns, and what it leaves out with `-o wide` or when there is something to tell.

use super::document::{Document, Selection};
use crate::envoy::entry::Standing;
use crate::envoy::listeners::Protocols;
use crate::envoy::{Section, State, clusters, endpoints, extensions, hosts, listeners, routes, secrets};
use crate::report::{Block, Column, Line, Span, Table, Tone};

/// Fewer days than this until a certificate expires are marked; workload certificates live a day, so not for them.
const SOON: i64 = 30;

/// How Istio writes the protocols that a filter chain takes, in the words of istioctl.
pub const PROTOCOLS: Protocols = &[
    ("HTTP TLS", &["http/1.0", "http/1.1", "h2c", "istio-http/1.0", "istio-http/1.1", "istio-h2"]),
    ("Istio HTTP Plain", &["istio", "istio-http/1.0", "istio-http/1.1", "istio-h2"]),
    ("TCP TLS", &["istio-peer-exchange", "istio"]),
    ("HTTP", &["http/1.0", "http/1.1", "h2c"]),
];

pub fn blocks(document: &Document<'_>, selection: &Selection) -> Vec<Block> {
    let mut all = Vec::new();
    each(document, selection, &mut |mut blocks| all.append(&mut blocks));
    all
}

/// Section by section: what was taken of one can be gone before the next is made.
pub fn each(document: &Document<'_>, selection: &Selection, put: &mut dyn FnMut(Vec<Block>)) {
    let all = selection.all;
    let mut first = true;
    let mut push = |title: &str, block: Vec<Block>| {
        let mut blocks = Vec::new();
        if all {
            blocks.extend((!std::mem::take(&mut first)).then_some(Block::Blank));
            blocks.push(Block::Heading(title.to_owned()));
        }
        blocks.extend(block);
        put(blocks);
    };
    if document.proxy.is_some() && selection.sections.contains(&Section::Bootstrap) {
        push("Bootstrap", bootstrap(document));
    }
    if let Some(rows) = &document.clusters {
        push("Clusters", or_none(clusters(rows, all), "no clusters"));
    }
    if let Some(rows) = &document.listeners {
        push("Listeners", or_none(listeners(rows, selection), "no listeners"));
    }
    if let Some(rows) = &document.routes {
        push("Routes", or_none(routes(rows, selection), "no routes"));
    }
    if let Some(rows) = &document.secrets {
        push("Secrets", or_none(secrets(rows, all), "no secrets: the proxy got none by discovery"));
    }
    if let Some(rows) = &document.endpoints {
        push("Endpoints", or_none(hosts(rows), "no endpoints"));
    }
    if let Some(rows) = &document.eds {
        push("Endpoints", or_none(endpoints(rows, all), "no endpoints"));
    }
    if let Some(rows) = &document.ecds {
        push("Extension configs", or_none(extensions(rows), "no extension configs"));
    }
}

/// What Envoy refused, in its own words.
pub fn rejections(document: &Document<'_>) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut tell = |kind: &str, name: &str, standing: &Standing<'_>| {
        let Some(rejected) = standing.rejected else { return };
        let when = rejected.at.some().map(|at| format!(" ({at})")).unwrap_or_default();
        let runs = if standing.state.is_in_use() { "; the one before is still in use" } else { "" };
        lines.push(vec![
            Span::new(format!("{kind} {name}"), Tone::Strong),
            Span::new(format!(" rejected by the proxy{when}{runs}: "), Tone::Plain),
            Span::new(rejected.details.to_string(), Tone::Bad),
        ]);
    };
    document.clusters.iter().flatten().for_each(|row| tell("cluster", row.name, &row.standing));
    document.listeners.iter().flatten().for_each(|row| tell("listener", row.name, &row.standing));
    document.routes.iter().flatten().for_each(|row| tell("route", row.name, &row.standing));
    document.secrets.iter().flatten().for_each(|row| tell("secret", row.name, &row.standing));
    document.ecds.iter().flatten().for_each(|row| tell("extension", row.name, &row.standing));
    lines
}

fn or_none(table: Table, none: &str) -> Vec<Block> {
    vec![if table.rows.is_empty() { Block::Paragraph(vec![Span::new(none, Tone::Dim)]) } else { Block::Table(table) }]
}

fn plain(text: impl Into<String>) -> Line {
    vec![Span::new(text, Tone::Plain)]
}

fn columns(titles: &[&str]) -> Vec<Column> {
    titles.iter().map(|title| Column::new(*title)).collect()
}

fn wide(titles: &[&str]) -> impl Iterator<Item = Column> {
    titles.iter().map(|title| Column::new(*title).wide())
}

/// STATE is hidden while there is nothing to tell; VERSION and LAST UPDATED are always for `-o wide`.
fn standing_columns<'s>(standings: impl Iterator<Item = &'s Standing<'s>>) -> [Column; 3] {
    let mut standings = standings;
    let told = standings.any(|standing| !standing.state.is_in_use() || standing.rejected.is_some());
    let state = Column::new("STATE");
    [if told { state } else { state.wide() }, Column::new("VERSION").wide(), Column::new("LAST UPDATED").wide()]
}

fn standing(standing: &Standing<'_>) -> [Line; 3] {
    let state = match (standing.state, standing.rejected) {
        (State::Rejected, _) => Span::new("REJECTED", Tone::Bad),
        (state, Some(_)) => Span::new(format!("{}, UPDATE REJECTED", state.name()), Tone::Bad),
        (state @ (State::Warming | State::Draining), None) => Span::new(state.name(), Tone::Warn),
        (state, None) => Span::new(state.name(), Tone::Plain),
    };
    [vec![state], plain(standing.version.unwrap_or_default()), plain(standing.last_updated.unwrap_or_default())]
}

/// Adds a first column with the name and its kind, where several sections stand in one answer.
fn named(all: bool, table: &mut Table, title: &str, kind: &str, names: impl Iterator<Item = String>) {
    if all {
        table.columns.insert(0, Column::new(title));
        for (row, name) in table.rows.iter_mut().zip(names) {
            row.insert(0, plain(format!("{kind}/{name}")));
        }
    }
}

fn bootstrap(document: &Document<'_>) -> Vec<Block> {
    let Some(proxy) = &document.proxy else { return Vec::new() };
    let field = |label: &str, text: &str| Block::Field { label: label.to_owned(), lines: vec![plain(text)] };
    let versions = proxy.versions.iter().map(|(label, version)| field(label, version));
    let envoy = if proxy.envoy_version.is_empty() { "unknown" } else { &proxy.envoy_version };
    let names = [("Node", &proxy.id), ("Cluster", &proxy.cluster)].into_iter().filter(|(_, text)| !text.is_empty());
    versions.chain([field("Envoy Version", envoy)]).chain(names.map(|(label, text)| field(label, text))).collect()
}

fn clusters(rows: &[clusters::Row<'_>], all: bool) -> Table {
    let mut table = Table {
        columns: columns(&["SERVICE FQDN", "PORT", "SUBSET", "DIRECTION", "TYPE", "DESTINATION RULE"]),
        rows: Vec::with_capacity(rows.len()),
    };
    table.columns.extend(standing_columns(rows.iter().map(|row| &row.standing)));
    for row in rows {
        let dash = |text: &str| plain(if text.is_empty() { "-" } else { text });
        let mut cells = vec![
            plain(row.service_fqdn),
            row.port.map_or_else(|| plain("-"), |port| plain(port.to_string())),
            dash(row.subset),
            dash(row.direction),
            plain(row.kind),
            plain(row.origin_label.as_str()),
        ];
        cells.extend(standing(&row.standing));
        table.rows.push(cells);
    }
    named(all, &mut table, "NAME", "cluster", rows.iter().map(|row| row.name.to_owned()));
    table
}

fn listeners(rows: &[listeners::Row<'_>], selection: &Selection) -> Table {
    let titles: &[&str] =
        if selection.verbose { &["ADDRESSES", "PORT", "MATCH", "DESTINATION"] } else { &["ADDRESSES", "PORT", "TYPE"] };
    let mut table = Table { columns: columns(titles), rows: Vec::new() };
    table.columns.extend(standing_columns(rows.iter().map(|row| &row.standing)));
    let mut names = Vec::new();
    for row in rows {
        let mut push = |middle: Vec<Line>| {
            let mut cells = vec![plain(row.addresses.join(",")), plain(row.port.to_string())];
            cells.extend(middle);
            cells.extend(standing(&row.standing));
            table.rows.push(cells);
            names.push(row.name.to_owned());
        };
        if selection.verbose {
            row.filter_chains
                .iter()
                .for_each(|chain| push(vec![plain(chain.matches.as_str()), plain(chain.destination.as_str())]));
        } else {
            push(vec![plain(row.kind)]);
        }
    }
    named(selection.all, &mut table, "NAME", "listener", names.into_iter());
    table
}

fn routes(rows: &[routes::Row<'_>], selection: &Selection) -> Table {
    let name = |row: &routes::Row<'_>| if selection.all { format!("route/{}", row.name) } else { row.name.to_owned() };
    let states = || standing_columns(rows.iter().map(|row| &row.standing));
    if !selection.verbose {
        let mut table = Table { columns: columns(&["NAME", "VIRTUAL HOSTS"]), rows: Vec::new() };
        table.columns.extend(states());
        table.rows.extend(rows.iter().map(|row| {
            let mut cells = vec![plain(name(row)), plain(row.virtual_hosts.len().to_string())];
            cells.extend(standing(&row.standing));
            cells
        }));
        return table;
    }
    let mut table = Table { columns: columns(&["NAME", "VHOST NAME", "DOMAINS", "MATCH", "VIRTUAL SERVICE"]), rows: Vec::new() };
    table.columns.extend(wide(&["DESTINATION", "TIMEOUT", "RETRIES", "MIRROR", "HEADERS"]));
    table.columns.extend(states());
    for row in rows {
        for host in &row.virtual_hosts {
            let mut push = |middle: [Line; 7]| {
                let mut cells = vec![plain(name(row)), plain(host.name), plain(host.domains_label.as_str())];
                cells.extend(middle);
                cells.extend(standing(&row.standing));
                table.rows.push(cells);
            };
            for route in &host.routes {
                push([
                    plain(route.matches.as_str()),
                    plain(route.origin_label.as_str()),
                    plain(route.destination.as_str()),
                    plain(route.timeout.unwrap_or_default()),
                    plain(route.retries.as_str()),
                    plain(route.mirrors.join(", ")),
                    plain(route.headers.join(", ")),
                ]);
            }
            if host.no_routes {
                let empty = || plain("");
                push([plain("/*"), plain("404"), empty(), empty(), empty(), empty(), empty()]);
            }
        }
    }
    table
}

fn secrets(rows: &[secrets::Row<'_>], all: bool) -> Table {
    let titles = ["RESOURCE NAME", "TYPE", "STATUS", "VALID CERT", "SERIAL NUMBER", "NOT AFTER", "NOT BEFORE"];
    let mut table = Table { columns: columns(&titles), rows: Vec::new() };
    // Told only where all are known: then several trust domains are likely, and the difference matters.
    let domain = Column::new("TRUST DOMAIN");
    table.columns.push(if rows.iter().all(|row| !row.trust_domain.is_empty()) { domain } else { domain.wide() });
    table.columns.extend(wide(&["DAYS LEFT", "SPIFFE ID", "CERTIFICATES", "PROBLEM", "VERSION", "LAST UPDATED"]));
    for row in rows {
        let first = row.certificates.first();
        let text = |text: Option<&str>| plain(text.unwrap_or_default());
        let name = if all { format!("secret/{}", row.name) } else { row.name.to_owned() };
        let days = row.days_left.map_or_else(String::new, |days| days.to_string());
        let tone = match row.days_left {
            Some(..0) => Tone::Bad,
            Some(..SOON) if row.kind == "CA" => Tone::Warn,
            _ => Tone::Plain,
        };
        let [_, version, updated] = standing(&row.standing);
        table.rows.push(vec![
            plain(name),
            plain(row.kind),
            vec![Span::new(row.status, if matches!(row.status, "ACTIVE" | "STATIC") { Tone::Plain } else { Tone::Warn })],
            vec![Span::new(row.valid.to_string(), if row.valid { Tone::Good } else { Tone::Bad })],
            text(first.map(|first| first.serial_number.as_str())),
            text(first.map(|first| first.not_after.as_str())),
            text(first.map(|first| first.not_before.as_str())),
            plain(row.trust_domain.as_str()),
            vec![Span::new(days, tone)],
            text(first.and_then(|first| first.spiffe_id())),
            plain(row.certificates.len().to_string()),
            text(row.problem.as_deref()),
            version,
            updated,
        ]);
    }
    table
}

fn status(text: &str) -> Line {
    let tone = match text {
        "HEALTHY" => Tone::Good,
        "UNHEALTHY" | "TIMEOUT" => Tone::Bad,
        "DEGRADED" | "DRAINING" => Tone::Warn,
        _ => Tone::Plain,
    };
    vec![Span::new(text, tone)]
}

fn hosts(rows: &[hosts::Row<'_>]) -> Table {
    let mut table =
        Table { columns: columns(&["ENDPOINT", "STATUS", "OUTLIER CHECK", "CLUSTER"]), rows: Vec::with_capacity(rows.len()) };
    let reasons = Column::new("REASON");
    table.columns.push(if rows.iter().all(|row| row.reasons().is_empty()) { reasons.wide() } else { reasons });
    table.columns.extend(wide(&["WEIGHT", "PRIORITY", "LOCALITY", "HOSTNAME"]));
    for row in rows {
        table.rows.push(vec![
            plain(row.endpoint()),
            status(row.status()),
            vec![Span::new(row.outlier_check(), if row.outlier_check() == "OK" { Tone::Plain } else { Tone::Bad })],
            plain(row.cluster),
            vec![Span::new(row.reasons().join("; "), Tone::Warn)],
            plain(row.weight().map_or_else(String::new, |weight| weight.to_string())),
            plain(row.priority().to_string()),
            plain(row.locality()),
            plain(row.hostname().unwrap_or_default()),
        ]);
    }
    table
}

fn endpoints(rows: &[endpoints::Row<'_>], all: bool) -> Table {
    let mut table = Table { columns: columns(&["NAME", "STATUS", "LOCALITY", "CLUSTER"]), rows: Vec::with_capacity(rows.len()) };
    table.columns.extend(wide(&["WEIGHT", "PRIORITY"]));
    for row in rows {
        let name = row.addresses.join(",");
        table.rows.push(vec![
            plain(if all { format!("endpoint/{name}") } else { name }),
            status(row.status),
            plain(row.locality.as_str()),
            plain(row.cluster),
            plain(row.weight.map_or_else(String::new, |weight| weight.to_string())),
            plain(row.priority.to_string()),
        ]);
    }
    table
}

fn extensions(rows: &[extensions::Row<'_>]) -> Table {
    let mut table = Table { columns: columns(&["ECDS NAME", "TYPE"]), rows: Vec::new() };
    table.columns.extend(standing_columns(rows.iter().map(|row| &row.standing)));
    for row in rows {
        let mut cells = vec![plain(row.name), plain(row.kind)];
        cells.extend(standing(&row.standing));
        table.rows.push(cells);
    }
    table
}
