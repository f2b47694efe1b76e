//! The tables: istioctl's columns, and what it leaves out with `-o wide` or when there is something to tell.

mod endpoints;
mod secrets;

use super::document::{Document, Selection};
use crate::envoy::entry::Standing;
use crate::envoy::origin::Origin;
use crate::envoy::{Section, State, clusters, extensions, field, listeners, routes};
use crate::mesh;
use crate::render;
use crate::report::{Block, Cell, Column, Rows, Span, Table, Tone};
use std::borrow::{Borrow, Cow};

pub fn blocks(document: &Document<'_>, selection: &Selection) -> Vec<Block> {
    let mut all = Vec::new();
    each(document, selection, &mut true, &mut |piece| match piece {
        render::Piece::Blocks(blocks) => all.extend_from_slice(blocks),
        render::Piece::Rows(rows) => all.push(Block::Table(Table::of(rows))),
    });
    all
}

/// What gives a row, cell by cell.
type Make<'d> = Box<dyn Fn(usize, &mut dyn FnMut(Cell<'d>)) + Sync + 'd>;

/// The rows of a section.
struct Listing<'d> {
    columns: Vec<Column>,
    count: usize,
    make: Make<'d>,
}

impl<'d> Listing<'d> {
    /// `cells` gives those of one row.
    fn over<T: Sync, const N: usize>(
        columns: impl IntoIterator<Item = Column>,
        rows: &'d [T],
        cells: impl Fn(&'d T) -> [Cell<'d>; N] + Sync + 'd,
    ) -> Self {
        Listing {
            columns: columns.into_iter().collect(),
            count: rows.len(),
            make: Box::new(move |at, put| cells(&rows[at]).into_iter().for_each(put)),
        }
    }

    /// The same of items that nobody else has.
    fn of<T: Sync + 'd, const N: usize>(
        columns: impl IntoIterator<Item = Column>,
        items: Vec<T>,
        cells: impl Fn(&T) -> [Cell<'d>; N] + Sync + 'd,
    ) -> Self {
        let count = items.len();
        Listing {
            columns: columns.into_iter().collect(),
            count,
            make: Box::new(move |at, put| cells(&items[at]).into_iter().for_each(put)),
        }
    }
}

impl Rows for Listing<'_> {
    fn columns(&self) -> &[Column] {
        &self.columns
    }
    fn count(&self) -> usize {
        self.count
    }
    fn row<'s>(&'s self, at: usize, put: &mut dyn FnMut(Cell<'s>)) {
        (self.make)(at, &mut |cell| put(cell));
    }
}

/// The sections in their order; whether one is the `first` of the answer is remembered for those that come later.
pub fn each(document: &Document<'_>, selection: &Selection, first: &mut bool, put: &mut dyn FnMut(render::Piece<'_>)) {
    let all = selection.all;
    let mut heading = |title: &str, put: &mut dyn FnMut(render::Piece<'_>)| {
        if all {
            let blank = (!std::mem::take(first)).then_some(Block::Blank);
            let blocks: Vec<Block> = blank.into_iter().chain([Block::Heading(title.to_owned())]).collect();
            put(render::Piece::Blocks(&blocks));
        }
    };
    if document.proxy.is_some() && selection.sections.contains(&Section::Bootstrap) {
        heading("Bootstrap", put);
        put(render::Piece::Blocks(&bootstrap(document)));
    }
    let mut push = |title: &str, listing: Listing<'_>, none: &str| {
        heading(title, put);
        match listing.count {
            0 => put(render::Piece::Blocks(&[Block::Paragraph(vec![Span::new(none, Tone::Dim)])])),
            _ => put(render::Piece::Rows(&listing)),
        }
    };
    if let Some(rows) = &document.clusters {
        push("Clusters", clusters(rows, all), "no clusters");
    }
    if let Some(rows) = &document.listeners {
        push("Listeners", listeners(rows, selection), "no listeners");
    }
    if let Some(rows) = &document.routes {
        push("Routes", routes(rows, selection), "no routes");
    }
    if let Some(rows) = &document.secrets {
        push("Secrets", secrets::table(rows, all), "no secrets: the proxy got none by discovery");
    }
    if let Some(rows) = &document.endpoints {
        push("Endpoints", endpoints::hosts(rows), "no endpoints");
    }
    if let Some(rows) = &document.eds {
        push("Endpoints", endpoints::sent(rows, all), "no endpoints");
    }
    if let Some(rows) = &document.ecds {
        push("Extension configs", extensions(rows), "no extension configs");
    }
}

fn plain<'d>(text: impl Into<Cow<'d, str>>) -> Cell<'d> {
    Cell::text(text)
}

fn number(number: u64) -> Cell<'static> {
    match number {
        // What weights and priorities nearly all are.
        0 => plain("0"),
        1 => plain("1"),
        _ => {
            let mut text = String::with_capacity(8);
            field::push_number(number, &mut text);
            plain(text)
        }
    }
}

fn toned<'d>(text: impl Into<Cow<'d, str>>, tone: Tone) -> Cell<'d> {
    Cell::Text(text.into(), tone)
}

fn columns<'t>(titles: &'t [&str]) -> impl Iterator<Item = Column> + use<'t> {
    titles.iter().map(|title| Column::new(*title))
}

fn wide<'t>(titles: &'t [&str]) -> impl Iterator<Item = Column> + use<'t> {
    columns(titles).map(Column::wide)
}

/// A cell of a name, which says what kind it is of where several sections stand in one answer.
fn name_cell<'d>(all: bool, kind: &str, name: &'d str) -> Cell<'d> {
    if all { plain([kind, "/", name].concat()) } else { plain(name) }
}

/// STATE is hidden while there is nothing to tell; the others are always for `-o wide`.
fn standing_columns<'s>(mut standings: impl Iterator<Item = impl Borrow<Standing<'s>>>) -> [Column; 4] {
    let told = |standing: &Standing<'_>| !standing.state.is_in_use() || standing.rejected.is_some();
    let told = standings.any(|standing| told(standing.borrow()));
    let state = Column::new("STATE");
    let [version, updated, client] = ["VERSION", "LAST UPDATED", "CLIENT STATUS"].map(|title| Column::new(title).wide());
    [if told { state } else { state.wide() }, version, updated, client]
}

fn standing<'d>(standing: &Standing<'d>) -> [Cell<'d>; 4] {
    let state = match (standing.state, standing.rejected) {
        (State::Rejected, _) => toned("REJECTED", Tone::Bad),
        (state, Some(_)) => toned(format!("{}, UPDATE REJECTED", state.name()), Tone::Bad),
        (state @ (State::Warming | State::Draining), None) => toned(state.name(), Tone::Warn),
        (state, None) => plain(state.name()),
    };
    let texts = [standing.version, standing.last_updated, standing.client_status].map(|text| plain(text.unwrap_or_default()));
    let [version, updated, client] = texts;
    [state, version, updated, client]
}

fn bootstrap(document: &Document<'_>) -> Vec<Block> {
    let Some(proxy) = &document.proxy else { return Vec::new() };
    let field =
        |label: &str, text: &str| Block::Field { label: label.to_owned(), lines: vec![vec![Span::new(text, Tone::Plain)]] };
    let versions = proxy.versions.iter().map(|(label, version)| field(label, version));
    let envoy = if proxy.envoy_version.is_empty() { "unknown" } else { &proxy.envoy_version };
    let names = [("Node", &proxy.id), ("Cluster", &proxy.cluster)].into_iter().filter(|(_, text)| !text.is_empty());
    versions.chain([field("Envoy Version", envoy)]).chain(names.map(|(label, text)| field(label, text))).collect()
}

/// Where something leads, without what all names of that control plane have in common; machines get them whole.
fn leads(text: &str) -> Cow<'_, str> {
    let short = |word: &str| {
        let (name, comma) = word.strip_suffix(',').map_or((word, ""), |name| (name, ","));
        let parts = mesh::cluster_names().iter().find_map(|form| form(name))?;
        let subset = if parts.subset.is_empty() { String::new() } else { format!("{}.", parts.subset) };
        Some(format!("{subset}{}{comma}", parts.host))
    };
    let (mut all, mut any) = (String::new(), false);
    for (i, word) in text.split(' ').enumerate() {
        if i > 0 {
            all.push(' ');
        }
        let short = short(word);
        any |= short.is_some();
        all.push_str(short.as_deref().unwrap_or(word));
    }
    if any { all.into() } else { text.into() }
}

/// Who each was made from, where that is known from others than the proxy: shown if one row has it.
fn sources<'d>(listing: Listing<'d>, at: usize, all: Vec<&'d [Origin]>) -> Listing<'d> {
    if all.iter().all(|origins| origins.is_empty()) {
        return listing;
    }
    let Listing { mut columns, count, make } = listing;
    // What the proxy itself would say stands before it, and here it says nothing.
    if let Some(own) = at.checked_sub(1).and_then(|at| columns.get_mut(at)).filter(|column| column.spare) {
        own.wide = true;
    }
    columns.insert(at, Column::new("CAME FROM"));
    Listing {
        columns,
        count,
        make: Box::new(move |row, put| {
            let mut n = 0;
            make(row, &mut |cell| {
                if n == at {
                    put(plain(all[row].iter().map(Origin::title).collect::<Vec<_>>().join(", ")));
                }
                n += 1;
                put(cell);
            });
        }),
    }
}

fn clusters<'d>(rows: &'d [clusters::Row<'_>], all: bool) -> Listing<'d> {
    let mut own: Vec<Column> =
        columns(&["NAME", "SERVICE FQDN", "PORT", "SUBSET", "DIRECTION", "TYPE", "DESTINATION RULE"]).collect();
    own[3].spare = rows.iter().all(|row| row.subset.is_empty());
    own[6].spare = rows.iter().all(|row| row.origin_label.is_empty());
    let states = standing_columns(rows.iter().map(|row| &row.standing));
    let dash = |text: &'d str| plain(if text.is_empty() { "-" } else { text });
    let port = |row: &clusters::Row<'_>| row.port.map_or_else(|| plain("-"), |port| number(port.into()));
    let cells = move |row: &'d clusters::Row<'_>| {
        let [state, version, updated, client] = standing(&row.standing);
        [
            name_cell(true, "cluster", row.name),
            plain(row.service_fqdn),
            port(row),
            dash(row.subset),
            dash(row.direction),
            plain(row.kind),
            plain(row.origin_label.as_str()),
            state,
            version,
            updated,
            client,
        ]
    };
    let listing = Listing::over(own.into_iter().chain(states), rows, cells);
    named(all, sources(listing, 7, rows.iter().map(|row| row.came_from.as_slice()).collect()))
}

/// Without the first column, which says name and kind, where one section stands alone.
fn named(all: bool, listing: Listing<'_>) -> Listing<'_> {
    if all {
        return listing;
    }
    let Listing { mut columns, count, make } = listing;
    columns.remove(0);
    Listing {
        columns,
        count,
        make: Box::new(move |at, put| {
            let mut first = true;
            make(at, &mut |cell| {
                if !std::mem::take(&mut first) {
                    put(cell);
                }
            });
        }),
    }
}

/// Each way to a chain by itself, with the names of listener and chain.
fn chains<'d>(rows: &'d [listeners::Row<'_>]) -> Listing<'d> {
    let mut ways = Vec::new();
    for row in rows {
        for chain in &row.filter_chains {
            let own = format!("envoy://{}", row.name);
            let alone = row.internal && row.filter_chains.len() == 1 && chain.name == own;
            let listener = if alone { "internal".to_owned() } else { own };
            ways.extend(chain.matches.split(" or ").map(|way| (listener.clone(), chain, way)));
        }
    }
    let cells = |(listener, chain, way): &(String, &'d listeners::ChainRow<'_>, &'d str)| {
        [plain(listener.clone()), plain(chain.name), plain(*way), plain(chain.destination.as_str())]
    };
    Listing::of(columns(&["LISTENER", "CHAIN", "MATCH", "DESTINATION"]), ways, cells)
}

fn listeners<'d>(rows: &'d [listeners::Row<'_>], selection: &Selection) -> Listing<'d> {
    if selection.chains {
        return chains(rows);
    }
    let states = standing_columns(rows.iter().map(|row| &row.standing));
    let head = |row: &'d listeners::Row<'_>| {
        let addresses = match row.addresses.as_slice() {
            [only] => plain(*only),
            many => plain(many.join(",")),
        };
        [name_cell(true, "listener", row.name), addresses, plain(row.port.to_string())]
    };
    if !selection.verbose {
        let own = columns(&["NAME", "ADDRESSES", "PORT", "TYPE"]).chain(wide(&["LISTENER", "CHAINS"]));
        let cells = move |row: &'d listeners::Row<'_>| {
            let [name, addresses, port] = head(row);
            let [state, version, updated, client] = standing(&row.standing);
            let chains = plain(row.filter_chains.len().to_string());
            [name, addresses, port, plain(row.kind), plain(row.name), chains, state, version, updated, client]
        };
        return named(selection.all, Listing::over(own.chain(states), rows, cells));
    }
    let own =
        columns(&["NAME", "ADDRESSES", "PORT", "MATCH", "DESTINATION"]).chain(wide(&["LISTENER", "CHAIN", "TLS", "FILTERS"]));
    let items = rows.iter().flat_map(|row| row.filter_chains.iter().map(move |chain| (row, chain))).collect();
    let cells = move |(row, chain): &(&'d listeners::Row<'_>, &'d listeners::ChainRow<'_>)| {
        let [name, addresses, port] = head(row);
        let [state, version, updated, client] = standing(&row.standing);
        let (matches, destination) = (plain(chain.matches.as_str()), plain(leads(&chain.destination)));
        let filters = plain(chain.filters.join("; "));
        let (listener, chain, tls) = (plain(row.name), plain(chain.name), plain(chain.tls));
        [name, addresses, port, matches, destination, listener, chain, tls, filters, state, version, updated, client]
    };
    let from = rows.iter().flat_map(|row| &row.filter_chains).map(|chain| chain.came_from.as_slice()).collect();
    named(selection.all, sources(Listing::of(own.chain(states), items, cells), 5, from))
}

fn routes<'d>(rows: &'d [routes::Row<'_>], selection: &Selection) -> Listing<'d> {
    let all = selection.all;
    let states = standing_columns(rows.iter().map(|row| &row.standing));
    if !selection.verbose {
        let cells = move |row: &'d routes::Row<'_>| {
            let [state, version, updated, client] = standing(&row.standing);
            let hosts = plain(row.virtual_hosts.len().to_string());
            [name_cell(all, "route", row.name), hosts, state, version, updated, client]
        };
        return Listing::over(columns(&["NAME", "VIRTUAL HOSTS"]).chain(states), rows, cells);
    }
    let mut own: Vec<Column> = columns(&["NAME", "VHOST NAME", "DOMAINS", "MATCH", "VIRTUAL SERVICE"]).collect();
    let hosts = || rows.iter().flat_map(|row| row.virtual_hosts.iter().map(move |host| (row, host)));
    own[4].spare = hosts().flat_map(|(_, host)| &host.routes).all(|route| route.origin_label.is_empty());
    own.extend(wide(&["DESTINATION", "TIMEOUT", "RETRIES", "MIRROR", "FAULT", "RATE LIMIT", "HEADERS"]));
    let mut items = Vec::new();
    for (row, host) in hosts() {
        items.extend(host.routes.iter().map(|route| (row, host, Some(route))));
        items.extend(host.no_routes.then_some((row, host, None)));
    }
    let from: Vec<&[Origin]> =
        items.iter().map(|(_, _, route)| route.map(|route| route.came_from.as_slice()).unwrap_or_default()).collect();
    // Without a name that says where a route leads, who reads it needs to see that.
    own[5].wide = from.iter().all(|origins| origins.is_empty());
    let led = !own[5].wide || selection.listeners.detail;
    let cells = move |(row, host, route): &(&'d routes::Row<'_>, &'d routes::HostRow<'_>, Option<&'d routes::RouteRow<'_>>)| {
        let [state, version, updated, client] = standing(&row.standing);
        let middle = match route {
            Some(route) => [
                plain(route.matches.as_str()),
                plain(route.origin_label.as_str()),
                if led { plain(leads(&route.destination)) } else { plain("") },
                plain(route.timeout.unwrap_or_default()),
                plain(route.retries.as_str()),
                plain(route.mirrors.join(", ")),
                toned(route.fault.as_str(), Tone::Warn),
                plain(route.rate_limit.as_str()),
                plain(route.headers.join(", ")),
            ],
            None => ["/*", "404", "", "", "", "", "", "", ""].map(plain),
        };
        let [matches, origin, to, timeout, retries, mirror, fault, limit, headers] = middle;
        let (name, vhost, domains) = (name_cell(all, "route", row.name), plain(host.name), plain(host.domains_label.as_str()));
        [
            name, vhost, domains, matches, origin, to, timeout, retries, mirror, fault, limit, headers, state, version, updated,
            client,
        ]
    };
    sources(Listing::of(own.into_iter().chain(states), items, cells), 5, from)
}

fn extensions<'d>(rows: &'d [extensions::Row<'_>]) -> Listing<'d> {
    let states = standing_columns(rows.iter().map(|row| &row.standing));
    let cells = |row: &'d extensions::Row<'_>| {
        let [state, version, updated, client] = standing(&row.standing);
        [plain(row.name), plain(row.kind), state, version, updated, client]
    };
    Listing::over(columns(&["ECDS NAME", "TYPE"]).chain(states), rows, cells)
}
