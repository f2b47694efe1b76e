//! The tables: istioctl's columns, and what it leaves out with `-o wide` or when there is something to tell.

mod endpoints;
mod secrets;

use super::document::{Document, Selection};
use crate::envoy::entry::Standing;
use crate::envoy::origin::Origin;
use crate::envoy::{Section, State, clusters, extensions, listeners, routes};
use crate::mesh;
use crate::report::{Block, Column, Line, Span, Table, Tone};

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
        push("Secrets", or_none(secrets::table(rows, all), "no secrets: the proxy got none by discovery"));
    }
    if let Some(rows) = &document.endpoints {
        push("Endpoints", or_none(endpoints::hosts(rows), "no endpoints"));
    }
    if let Some(rows) = &document.eds {
        push("Endpoints", or_none(endpoints::sent(rows, all), "no endpoints"));
    }
    if let Some(rows) = &document.ecds {
        push("Extension configs", or_none(extensions(rows), "no extension configs"));
    }
}

fn or_none(table: Table, none: &str) -> Vec<Block> {
    vec![if table.rows.is_empty() { Block::Paragraph(vec![Span::new(none, Tone::Dim)]) } else { Block::Table(table) }]
}

fn plain(text: impl Into<String>) -> Line {
    toned(text, Tone::Plain)
}

/// Of a hundred thousand rows most cells are empty, and nothing takes no room.
fn toned(text: impl Into<String>, tone: Tone) -> Line {
    let text = text.into();
    if text.is_empty() { Line::new() } else { vec![Span::new(text, tone)] }
}

fn columns(titles: &[&str]) -> Vec<Column> {
    titles.iter().map(|title| Column::new(*title)).collect()
}

fn wide(titles: &[&str]) -> impl Iterator<Item = Column> {
    titles.iter().map(|title| Column::new(*title).wide())
}

/// STATE is hidden while there is nothing to tell; the others are always for `-o wide`.
fn standing_columns<'s>(mut standings: impl Iterator<Item = &'s Standing<'s>>) -> [Column; 4] {
    let told = standings.any(|standing| !standing.state.is_in_use() || standing.rejected.is_some());
    let state = Column::new("STATE");
    let [version, updated, client] = ["VERSION", "LAST UPDATED", "CLIENT STATUS"].map(|title| Column::new(title).wide());
    [if told { state } else { state.wide() }, version, updated, client]
}

fn standing(standing: &Standing<'_>) -> [Line; 4] {
    let state = match (standing.state, standing.rejected) {
        (State::Rejected, _) => Span::new("REJECTED", Tone::Bad),
        (state, Some(_)) => Span::new(format!("{}, UPDATE REJECTED", state.name()), Tone::Bad),
        (state @ (State::Warming | State::Draining), None) => Span::new(state.name(), Tone::Warn),
        (state, None) => Span::new(state.name(), Tone::Plain),
    };
    let texts = [standing.version, standing.last_updated, standing.client_status].map(|text| plain(text.unwrap_or_default()));
    let [version, updated, client] = texts;
    [vec![state], version, updated, client]
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

/// Where something leads, without what all names of that control plane have in common; machines get them whole.
fn leads(text: &str) -> String {
    let short = |word: &str| {
        let (name, comma) = word.strip_suffix(',').map_or((word, ""), |name| (name, ","));
        let parts = mesh::cluster_names().iter().find_map(|form| form(name))?;
        let subset = if parts.subset.is_empty() { String::new() } else { format!("{}.", parts.subset) };
        Some(format!("{subset}{}{comma}", parts.host))
    };
    text.split(' ').map(|word| short(word).unwrap_or_else(|| word.to_owned())).collect::<Vec<_>>().join(" ")
}

/// Who it was made from, where that is known from others than the proxy: shown if one row has it.
fn sources<'o>(table: &mut Table, at: usize, all: impl Iterator<Item = &'o [Origin]>) {
    let all: Vec<&[Origin]> = all.collect();
    if all.iter().all(|origins| origins.is_empty()) {
        return;
    }
    // What the proxy itself would say stands before it, and here it says nothing.
    if let Some(own) = at.checked_sub(1).and_then(|at| table.columns.get_mut(at)).filter(|column| column.spare) {
        own.wide = true;
    }
    table.columns.insert(at, Column::new("CAME FROM"));
    for (row, origins) in table.rows.iter_mut().zip(all) {
        row.insert(at, plain(origins.iter().map(Origin::title).collect::<Vec<_>>().join(", ")));
    }
}

fn clusters(rows: &[clusters::Row<'_>], all: bool) -> Table {
    let mut table = Table {
        columns: columns(&["SERVICE FQDN", "PORT", "SUBSET", "DIRECTION", "TYPE", "DESTINATION RULE"]),
        rows: Vec::with_capacity(rows.len()),
    };
    table.columns[2].spare = rows.iter().all(|row| row.subset.is_empty());
    table.columns[5].spare = rows.iter().all(|row| row.origin_label.is_empty());
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
    sources(&mut table, 6, rows.iter().map(|row| row.came_from.as_slice()));
    named(all, &mut table, "NAME", "cluster", rows.iter().map(|row| row.name.to_owned()));
    table
}

/// Each way to a chain by itself, with the names of listener and chain.
fn chains(rows: &[listeners::Row<'_>]) -> Table {
    let mut table = Table { columns: columns(&["LISTENER", "CHAIN", "MATCH", "DESTINATION"]), rows: Vec::new() };
    for row in rows {
        for chain in &row.filter_chains {
            let own = format!("envoy://{}", row.name);
            let listener = if row.internal && row.filter_chains.len() == 1 && chain.name == own { "internal" } else { &own };
            let ways = chain.matches.split(" or ");
            table.rows.extend(ways.map(|way| [listener, chain.name, way, chain.destination.as_str()].map(plain).to_vec()));
        }
    }
    table
}

fn listeners(rows: &[listeners::Row<'_>], selection: &Selection) -> Table {
    if selection.chains {
        return chains(rows);
    }
    let titles: &[&str] =
        if selection.verbose { &["ADDRESSES", "PORT", "MATCH", "DESTINATION"] } else { &["ADDRESSES", "PORT", "TYPE"] };
    let mut table = Table { columns: columns(titles), rows: Vec::new() };
    let details: &[&str] = if selection.verbose { &["LISTENER", "CHAIN", "TLS", "FILTERS"] } else { &["LISTENER", "CHAINS"] };
    table.columns.extend(wide(details));
    table.columns.extend(standing_columns(rows.iter().map(|row| &row.standing)));
    let mut names = Vec::new();
    let mut from: Vec<&[Origin]> = Vec::new();
    for row in rows {
        let mut push = |middle: Vec<Line>| {
            let mut cells = vec![plain(row.addresses.join(",")), plain(row.port.to_string())];
            cells.extend(middle);
            cells.extend(standing(&row.standing));
            table.rows.push(cells);
            names.push(row.name.to_owned());
        };
        if selection.verbose {
            row.filter_chains.iter().for_each(|chain| {
                let filters = plain(chain.filters.join("; "));
                let destination = leads(&chain.destination);
                let own = [chain.matches.as_str(), &destination, row.name, chain.name, chain.tls].map(plain);
                push(own.into_iter().chain([filters]).collect());
                from.push(&chain.came_from);
            });
        } else {
            push(vec![plain(row.kind), plain(row.name), plain(row.filter_chains.len().to_string())]);
        }
    }
    if selection.verbose {
        sources(&mut table, 4, from.into_iter());
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
    let all = || rows.iter().flat_map(|row| &row.virtual_hosts).flat_map(|host| &host.routes);
    table.columns[4].spare = all().all(|route| route.origin_label.is_empty());
    table.columns.extend(wide(&["DESTINATION", "TIMEOUT", "RETRIES", "MIRROR", "FAULT", "RATE LIMIT", "HEADERS"]));
    table.columns.extend(states());
    let mut from: Vec<&[Origin]> = Vec::new();
    for row in rows {
        for host in &row.virtual_hosts {
            let mut push = |middle: [Line; 9]| {
                let mut cells = vec![plain(name(row)), plain(host.name), plain(host.domains_label.as_str())];
                cells.extend(middle);
                cells.extend(standing(&row.standing));
                table.rows.push(cells);
            };
            for route in &host.routes {
                push([
                    plain(route.matches.as_str()),
                    plain(route.origin_label.as_str()),
                    plain(leads(&route.destination)),
                    plain(route.timeout.unwrap_or_default()),
                    plain(route.retries.as_str()),
                    plain(route.mirrors.join(", ")),
                    toned(route.fault.as_str(), Tone::Warn),
                    plain(route.rate_limit.as_str()),
                    plain(route.headers.join(", ")),
                ]);
                from.push(&route.came_from);
            }
            if host.no_routes {
                let empty = || plain("");
                push([plain("/*"), plain("404"), empty(), empty(), empty(), empty(), empty(), empty(), empty()]);
                from.push(&[]);
            }
        }
    }
    // Without a name that says where a route leads, who reads it needs to see that.
    table.columns[5].wide = from.iter().all(|origins| origins.is_empty());
    sources(&mut table, 5, from.into_iter());
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
