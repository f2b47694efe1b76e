//! Declared edges: what env, arguments and ConfigMaps name, resolved to Services.

use super::class::{self, Hint};
use super::config::{self, Setting};
use super::reference::{self, Form, Reference};
use super::resolve::{self, Target};
use super::world::{World, is_many};
use crate::model::{Dangling, Edge, Evidence, Grade, NotSeen, Party, ServiceId, WorkloadId};
use std::collections::{BTreeMap, BTreeSet};

/// A reference with the circumstances that decide what it is worth.
struct Clue<'a> {
    reference: Reference,
    name: &'a str,
    /// The name says that a host stands here.
    named: bool,
    init: bool,
    /// Only a candidate, because a ConfigMap that many read names it.
    shared: bool,
    /// Whether public hosts and missing Services are worth a word.
    speaks: bool,
}

/// Adds the edges of every workload.
pub fn collect(world: &mut World) {
    let templates = std::mem::take(&mut world.templates);
    let mut files = Files { copies: copies(world), ..Files::default() };
    let mut edges = Vec::new();
    let mut dangling = Vec::new();
    for (id, spec) in templates.iter().enumerate() {
        let world = &*world;
        let mut out = Out { world, from: id, edges: &mut edges, dangling: &mut dangling };
        let namespace = world.model.workloads[id].namespace.clone();
        let settings = config::settings(world, &namespace, spec);
        let off = switched_off(&settings);
        for setting in &settings {
            let ports = || settings.iter().filter(|s| s.container == setting.container);
            for mut clue in clues(setting) {
                if clue.reference.port.is_none() && clue.reference.form == Form::Bare {
                    clue.reference.port = sibling_port(&setting.name, ports());
                }
                let disabled = off.as_deref().filter(|_| class::is_telemetry_name(&setting.name));
                out.take(&clue, disabled, |text| setting.evidence(&world.model.workloads[id], text));
            }
        }
        let maps: BTreeSet<&str> = config::mounted(spec).map(|r| &*r.name.0).collect();
        for name in maps {
            files.edges_of(&mut out, &namespace, name);
        }
    }
    world.templates = templates;
    for edge in edges {
        world.model.add_edge(edge);
    }
    world.model.dangling.extend(dangling);
    for (what, readers) in files.too_wide {
        world.model.add_not_seen(NotSeen {
            what,
            outcome: "partial".to_owned(),
            why: format!("{readers} workloads read it, and it names too much to say who calls whom"),
            leaves_open: "candidates of edges that only it names".to_owned(),
        });
    }
}

/// What says that tracing is configured but switched off.
fn switched_off(settings: &[Setting]) -> Option<String> {
    const SWITCHES: [&str; 6] = [
        "zipkin.enabled=false",
        "tracing.enabled=false",
        "jaeger.enabled=false",
        "sleuth.enabled=false",
        "otel.sdk.disabled=true",
        "otel.enabled=false",
    ];
    let words = settings.iter().flat_map(|s| {
        // Only the telling word is shown: the rest of the value may be anything.
        let alone = !s.name.is_empty() && !s.value.contains(char::is_whitespace);
        let pair = alone.then(|| format!("{}={}", s.name, s.value));
        pair.into_iter().chain(s.value.split_whitespace().map(str::to_owned))
    });
    words.into_iter().find(|word| {
        let plain = word.to_ascii_lowercase().replace('_', ".");
        SWITCHES.iter().any(|switch| plain.ends_with(switch))
    })
}

/// The last word of a variable that holds a host alone.
fn holds_host(name: &str) -> bool {
    const LAST: [&str; 14] = [
        "HOST", "HOSTNAME", "HOSTS", "SERVICE", "SVC", "ADDR", "ADDRESS", "ENDPOINT", "SERVER", "SERVERS", "URL", "URI",
        "DOMAIN", "UPSTREAM",
    ];
    class::words(name)
        .last()
        .is_some_and(|last| LAST.contains(&last.as_str()) || last.ends_with("HOST") || last.ends_with("HOSTNAME"))
}

/// A variable that is about an address, so that `name:port` in it is one.
fn is_about_address(name: &str) -> bool {
    const ANY: [&str; 10] = ["ADDR", "HOST", "URL", "URI", "ENDPOINT", "SERVICE", "SERVER", "BROKER", "BOOTSTRAP", "DSN"];
    let name = name.to_ascii_uppercase();
    ANY.iter().any(|word| name.contains(word))
}

fn clues(setting: &Setting) -> Vec<Clue<'_>> {
    let env = matches!(setting.origin, config::Origin::Env { .. });
    let named = is_about_address(&setting.name);
    let clue = |reference, named| Clue {
        reference,
        name: &setting.name,
        named,
        init: setting.init,
        shared: setting.shared,
        speaks: !setting.shared,
    };
    let mut found: Vec<Clue> = reference::scan(&setting.value).into_iter().map(|r| clue(r, named)).collect();
    let bare = |text: &str, port: Option<u16>| {
        reference::host_name(text).map(|host| Reference { host, port, scheme: String::new(), form: Form::Bare })
    };
    if found.is_empty() {
        let fqdn = setting.value.contains(".svc.") || setting.value.ends_with(".svc");
        // A flag's value may be the next word: `--redis-host redis`, `-h db`.
        let after_flag = setting.previous.as_deref().filter(|p| p.starts_with('-') && !p.contains('='));
        let flagged = after_flag.is_some_and(|flag| holds_host(flag) || (setting.init && matches!(flag, "-h" | "-H")));
        let asked = setting.init
            && setting.previous.as_deref().is_some_and(|p| matches!(p, "nslookup" | "ping" | "hosts" | "host" | "dig"));
        let port = setting.next.as_deref().filter(|_| !env).and_then(|p| p.parse::<u16>().ok()).filter(|p| *p > 0);
        if (env || !setting.name.is_empty()) && (holds_host(&setting.name) || fqdn) || flagged || asked {
            let path = setting.value.split('/').next().unwrap_or_default();
            found.extend(path.split(',').filter_map(|h| bare(h.trim(), None)).map(|r| clue(r, true)));
        } else if !env && (port.is_some() || fqdn) && setting.name.is_empty() {
            // `nc -z db 5432`: two words that are a host and a port only if the host is a Service.
            found.extend(bare(&setting.value, port).map(|r| Clue { speaks: fqdn, ..clue(r, false) }));
        }
    }
    found
}

/// `ORDER_QUEUE_PORT` of `ORDER_QUEUE_HOSTNAME`.
fn sibling_port<'s>(name: &str, mut settings: impl Iterator<Item = &'s Setting>) -> Option<u16> {
    let stem = ["HOSTNAME", "HOST", "ADDRESS", "ADDR", "SERVER", "ENDPOINT"].iter().find_map(|last| name.strip_suffix(last))?;
    settings.find(|s| s.name.strip_prefix(stem) == Some("PORT")).and_then(|s| s.value.parse().ok())
}

/// Where the edges of one workload go.
struct Out<'w, 'a> {
    world: &'w World<'a>,
    from: WorkloadId,
    edges: &'w mut Vec<Edge>,
    dangling: &'w mut Vec<Dangling>,
}

impl Out<'_, '_> {
    fn take(&mut self, clue: &Clue, disabled: Option<&str>, evidence: impl Fn(String) -> Evidence) {
        let r = &clue.reference;
        let workload = &self.world.model.workloads[self.from];
        let target = resolve::resolve(self.world, &workload.namespace, &r.host);
        if let (Some(switch), Target::Service(_) | Target::Unseen(_) | Target::Missing) = (disabled, &target) {
            if !matches!(target, Target::Service(_)) {
                self.missing(clue, evidence(format!("{} (switched off by {switch})", r.text())));
            }
            return;
        }
        let in_cluster = r.host.contains(".svc.") || r.host.ends_with(".svc");
        let trusted = r.form == Form::Url || clue.named;
        match target {
            Target::Service(service) => self.service(clue, service, evidence),
            Target::Missing
                if clue.speaks && trusted && (r.port.is_some() || in_cluster) && !class::is_browser_name(clue.name) =>
            {
                self.missing(clue, evidence(r.text()));
            }
            Target::Unseen(name) if clue.speaks && trusted && (r.port.is_some() || in_cluster) => {
                self.push(
                    clue,
                    Party::Service(name),
                    r.port,
                    None,
                    Grade::Inferred,
                    evidence(format!("{} (not in sight)", r.text())),
                );
            }
            Target::External if clue.speaks && trusted => {
                self.push(clue, Party::External(r.host.clone()), r.port, None, Grade::Declared, evidence(r.text()));
            }
            _ => {}
        }
    }

    /// A Service that isn't there; of what kind it would be is told by its name, its port and the variable.
    fn missing(&mut self, clue: &Clue, evidence: Evidence) {
        let r = &clue.reference;
        if self.dangling.iter().any(|d| d.from == self.from && d.host == r.host && d.port == r.port) {
            return;
        }
        let name = r.host.split('.').find(|label| !label.starts_with('_')).unwrap_or_default();
        let hint = Hint { name: clue.name, scheme: &r.scheme, port: r.port, init: false };
        let (from, to) = (Party::Workload(self.from), Party::Service(name.to_owned()));
        let class = class::classify(&self.world.model, &from, &to, hint);
        self.dangling.push(Dangling { from: self.from, host: r.host.clone(), port: r.port, class, evidence });
    }

    fn service(&mut self, clue: &Clue, id: ServiceId, evidence: impl Fn(String) -> Evidence) {
        let r = &clue.reference;
        let service = &self.world.model.services[id];
        // Its own Service: what it is called, not whom it calls.
        if service.workloads.contains(&self.from) {
            return;
        }
        let default = match &*r.scheme {
            "http" => Some(80),
            "https" => Some(443),
            _ => None,
        };
        let known = |port: u16| service.ports.iter().find(|p| p.number == port);
        let single = (service.ports.len() == 1).then(|| &service.ports[0]);
        let port = r.port.or_else(|| default.filter(|p| known(*p).is_some())).or(single.map(|p| p.number));
        let entry = port.and_then(known);
        let fits = r.port.is_none_or(|p| known(p).is_some()) || service.headless || service.ports.is_empty();
        if !fits && r.form != Form::Url && !clue.named {
            return;
        }
        let (grade, text) = match (clue.shared, fits) {
            (true, _) => (Grade::Candidate, format!("{} (a ConfigMap that many read names it)", r.text())),
            (false, true) => (Grade::Declared, r.text()),
            (false, false) => (Grade::Inferred, format!("{} (the Service has no such port)", r.text())),
        };
        let protocol = class::protocol(&r.scheme, entry);
        for party in resolve::parties(&self.world.model, id) {
            self.push(clue, party, port, protocol.clone(), grade, evidence(text.clone()));
        }
    }

    fn push(&mut self, clue: &Clue, to: Party, port: Option<u16>, protocol: Option<String>, grade: Grade, evidence: Evidence) {
        let from = Party::Workload(self.from);
        if from == to {
            return;
        }
        let hint = Hint { name: clue.name, scheme: &clue.reference.scheme, port, init: clue.init };
        let class = class::classify(&self.world.model, &from, &to, hint);
        let protocol = protocol.or_else(|| class::protocol(&clue.reference.scheme, None));
        self.edges.push(Edge { from, to, port, protocol, class, grade, rate: None, evidence: vec![evidence] });
    }
}

/// What the files of ConfigMaps name; scanned once, however many mount them.
#[derive(Default)]
struct Files {
    scanned: BTreeMap<(String, String), Vec<Line>>,
    /// Files that many workloads read, each from a ConfigMap of its own: namespace, ConfigMap, key.
    copies: BTreeSet<(String, String, String)>,
    /// ConfigMaps that name too much, with how many read them.
    too_wide: BTreeMap<String, usize>,
}

struct Line {
    key: String,
    number: usize,
    /// `host` of `host: cart`.
    name: String,
    /// In a file that many read: only candidates.
    shared: bool,
    references: Vec<Reference>,
}

/// Files of ConfigMaps with the same text in the hands of three workloads or more, such as a chart's copy of one table
/// of addresses for each of its parts. As with a ConfigMap that many mount, such a table doesn't say who calls whom; a
/// file with one address does: it is what all of them call.
fn copies(world: &World) -> BTreeSet<(String, String, String)> {
    let mut copies = BTreeSet::new();
    for (namespace, maps) in &world.config_maps {
        let mut same: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
        for (name, map) in maps {
            for (key, text) in map.data.iter().filter(|(_, text)| text.contains('\n')) {
                same.entry(text).or_default().push((name, key));
            }
        }
        for (text, places) in same.into_iter().filter(|(_, places)| places.len() > 1) {
            let readers: BTreeSet<WorkloadId> = places.iter().flat_map(|(name, _)| maps[*name].readers.iter().copied()).collect();
            let many = || {
                let found = text.lines().flat_map(|line| named_hosts(world, namespace, line));
                found.collect::<BTreeSet<String>>().len() > 1
            };
            if is_many(readers.len()) && many() {
                let place = |(name, key): (&str, &str)| (namespace.clone(), name.to_owned(), key.to_owned());
                copies.extend(places.into_iter().map(place));
            }
        }
    }
    copies
}

/// What a line names that is a Service of this namespace.
fn named_hosts(world: &World, namespace: &str, line: &str) -> Vec<String> {
    let mut found = references(line);
    found.extend(service_words(world, namespace, line));
    found.retain(|r| matches!(resolve::resolve(world, namespace, &r.host), Target::Service(_)));
    found.into_iter().map(|r| r.host).collect()
}

/// More candidates than this say nothing that a person would read.
const MOST_CANDIDATES: usize = 4000;

impl Files {
    fn edges_of(&mut self, out: &mut Out, namespace: &str, name: &str) {
        let Some(map) = out.world.config_maps.get(namespace).and_then(|maps| maps.get(name)) else { return };
        let copies = &self.copies;
        let copied = |key: &str| copies.contains(&(namespace.to_owned(), name.to_owned(), key.to_owned()));
        let scan = || scan_files(out.world, namespace, &map.data, |key| map.is_shared() || copied(key));
        let lines = self.scanned.entry((namespace.to_owned(), name.to_owned())).or_insert_with(scan);
        if map.is_shared() && lines.len().saturating_mul(map.readers.len()) > MOST_CANDIDATES {
            self.too_wide.insert(format!("ConfigMap {namespace}/{name}"), map.readers.len());
            return;
        }
        for line in lines.iter() {
            let shared = line.shared;
            for reference in &line.references {
                // Files are full of addresses of schemas, licences and examples: public hosts in them are not news.
                let speaks = !shared && reference.port.is_some() && reference.form == Form::Url && !reference.host.contains('.');
                let named = reference.form == Form::Bare;
                let clue = Clue { reference: reference.clone(), name: &line.name, named, init: false, shared, speaks };
                let place = map.object.place.clone();
                let evidence = |text: String| {
                    let field = format!("data[{}] line {}", line.key, line.number);
                    Evidence { place: place.clone(), ..Evidence::new(format!("ConfigMap {namespace}/{name}"), field, text) }
                };
                out.take(&clue, None, evidence);
            }
        }
    }
}

fn scan_files(world: &World, namespace: &str, data: &super::view::Map, shared: impl Fn(&str) -> bool) -> Vec<Line> {
    let mut lines = Vec::new();
    for (key, text) in data {
        let shared = shared(key);
        // Certificates and dashboards are large and name nobody.
        if text.len() > 512 * 1024 || text.starts_with("-----BEGIN") {
            continue;
        }
        for (at, line) in text.lines().enumerate() {
            let trimmed = line.trim_start();
            if trimmed.starts_with('#') || trimmed.starts_with("//") {
                continue;
            }
            let mut references = references(line);
            let (name, _) = key_value(trimmed);
            if shared {
                references.extend(service_words(world, namespace, line));
                references.dedup_by(|a, b| a.host == b.host);
            }
            if !references.is_empty() {
                lines.push(Line { key: key.clone(), number: at + 1, name: name.to_owned(), shared, references });
            }
        }
    }
    lines
}

/// What a line of a file names: addresses, or a host alone under a key that is named after one.
fn references(line: &str) -> Vec<Reference> {
    let mut found = reference::scan(line);
    let (name, value) = key_value(line.trim_start());
    if found.is_empty() && holds_host(name) {
        let bare = |host| Reference { host, port: None, scheme: String::new(), form: Form::Bare };
        found.extend(reference::host_name(value).map(bare));
    }
    found
}

/// `"addr": "cart",` and `cart.host=cart` → key and value.
fn key_value(line: &str) -> (&str, &str) {
    let noise = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | '-');
    line.split_once([':', '=']).map_or(("", ""), |(key, value)| (key.trim_matches(noise), value.trim_matches(noise)))
}

/// Quoted words that are Services' names, in a ConfigMap that many read: candidates.
fn service_words(world: &World, namespace: &str, line: &str) -> Vec<Reference> {
    let words = line.split(['"', '\'']).skip(1).step_by(2);
    let named = words.filter(|w| w.len() > 1 && world.model.service(namespace, w).is_some());
    named.map(|w| Reference { host: w.to_owned(), port: None, scheme: String::new(), form: Form::Bare }).collect()
}
