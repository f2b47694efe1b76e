//! A config dump: first where its resources lie, then what they say.
//!
//! The lists of a dump have names of their own (`dynamic_active_clusters`), so the section is known from the list and
//! `@type` may stand anywhere. The first step ([`super::outline`]) jumps from element to element; lists nobody asked for
//! leave no trace. The second decodes each element by itself, on several threads where there is much, so that one that
//! can't be decoded costs only itself.

use super::bootstrap::Bootstrap;
use super::clusters::Cluster;
use super::decode::{self, Element};
use super::endpoints::Assignment;
use super::entry::{Boxed, Resource};
use super::extensions::Extension;
use super::fault::{Fault, Unusable};
use super::listeners::Listener;
use super::outline::Outline;
use super::routes::{RouteConfig, VirtualHost};
use super::secrets::Secret;
use super::section::Section;
use super::stream::{self, Arenas, Batch, Odd, Shape, What};
use crate::json::{Copies, Raw, Reader, line_and_column};
use bumpalo::Bump;
use std::io::Read;

/// What to read of a dump.
#[derive(Clone, Copy, Debug)]
pub struct Want<'w> {
    pub sections: &'w [Section],
    /// Keep the proxy's own text of each resource.
    pub raw: bool,
}

/// What was read.
#[derive(Debug, Default)]
pub struct Dump<'a> {
    pub bootstrap: Vec<Boxed<'a, Bootstrap<'a>>>,
    pub clusters: Vec<Boxed<'a, Cluster<'a>>>,
    pub listeners: Vec<Boxed<'a, Listener<'a>>>,
    pub routes: Vec<Boxed<'a, RouteConfig<'a>>>,
    pub secrets: Vec<Boxed<'a, Secret<'a>>>,
    pub endpoints: Vec<Boxed<'a, Assignment<'a>>>,
    pub extensions: Vec<Boxed<'a, Extension<'a>>>,
    /// Parts that meshctl doesn't know, untouched; only with [`Want::raw`].
    pub unknown: Vec<Raw<'a>>,
    pub faults: Vec<Fault>,
    /// Sections that are there, empty or not.
    present: Vec<Section>,
}

impl<'a> Dump<'a> {
    /// Reads `text`, as far as it goes.
    pub fn read(text: &'a str, want: Want<'_>) -> Result<Self, Unusable> {
        let (outline, end) = Outline::of(text, want);
        if !outline.saw_configs {
            return Err(Unusable::new(text, "a config dump", &outline.keys, end.as_ref().err()));
        }
        let missing: Vec<Section> = want.sections.iter().copied().filter(|section| !outline.present.contains(section)).collect();
        let mut dump = Dump { present: outline.present, unknown: outline.unknown, ..Dump::default() };
        // What didn't come may stand behind the cut, or not be there at all.
        let mut absent = Vec::new();
        match end {
            Ok(()) => absent.extend(missing.into_iter().map(|section| Fault::Missing { section })),
            Err(error) => {
                let (line, column, why) = cut(text, &error);
                dump.faults.push(Fault::Cut { line, column, inside: outline.inside, why, unseen: missing });
            }
        }
        dump.add(text, &outline.elements, want);
        dump.faults.append(&mut absent);
        Ok(dump)
    }

    /// Reads an answer that comes in parts, without the proxy's own text. [`Odd`] if it isn't in order throughout.
    pub fn read_parts(input: impl Read + Send, sections: &[Section], arenas: &'a mut Arenas) -> Result<Self, Odd> {
        let (parts, present) = stream::read(input, Shape::Dump(sections), arenas, Dump::of_batch)?;
        let mut parts = whole(parts);
        let mut dump = Dump { present, ..Dump::default() };
        macro_rules! join { ($($list:ident)*) => { $(
            dump.$list.reserve_exact(parts.iter().map(|part| part.$list.len()).sum());
            parts.iter_mut().for_each(|part| dump.$list.append(&mut part.$list));
        )* } }
        join!(bootstrap clusters listeners routes secrets endpoints extensions);
        let missing = sections.iter().copied().filter(|section| !dump.present.contains(section));
        dump.faults = missing.map(|section| Fault::Missing { section }).collect();
        Ok(dump)
    }

    /// What was read, and virtual hosts whose configuration ends in a later batch.
    fn of_batch(batch: &Batch, arena: &'a Bump) -> Result<(Self, Vec<VirtualHost<'a>>), Odd> {
        let (mut dump, mut hosts) = (Dump::default(), Vec::new());
        let copies = Copies::new(arena);
        for (part, text) in batch.parts() {
            let (text, state) = (text?, part.state);
            if part.what == What::VirtualHost {
                hosts.push(Reader::keeping(text, &copies).decode().map_err(|_| Odd)?);
                continue;
            }
            match part.section {
                Section::Bootstrap => {
                    let value = Reader::keeping(text, &copies).decode().map_err(|_| Odd)?;
                    dump.bootstrap.push(Box::new(Resource { state, value, ..Resource::default() }));
                }
                Section::Clusters => decode::entry(text, state, &copies, &mut dump.clusters)?,
                Section::Listeners => decode::entry(text, state, &copies, &mut dump.listeners)?,
                Section::Routes => {
                    let at = dump.routes.len();
                    decode::entry(text, state, &copies, &mut dump.routes)?;
                    if !hosts.is_empty() {
                        dump.routes.get_mut(at).ok_or(Odd)?.value.virtual_hosts = std::mem::take(&mut hosts);
                    }
                }
                Section::Secrets => decode::entry(text, state, &copies, &mut dump.secrets)?,
                Section::Endpoints => decode::entry(text, state, &copies, &mut dump.endpoints)?,
                Section::Extensions => decode::entry(text, state, &copies, &mut dump.extensions)?,
            }
        }
        Ok((dump, hosts))
    }

    fn add(&mut self, text: &'a str, elements: &[Element], want: Want<'_>) {
        for same in elements.chunk_by(|a, b| a.section == b.section) {
            let section = same.first().map_or(Section::Bootstrap, |first| first.section);
            let faults = &mut self.faults;
            match section {
                Section::Bootstrap => decode::values(text, same, &mut self.bootstrap, faults, &|value, state, raw| {
                    Box::new(Resource {
                        state,
                        value,
                        raw: Some(raw).filter(|_| want.raw),
                        element: same.first().filter(|_| want.raw).and_then(|one| one.printed(text)),
                        ..Resource::default()
                    })
                }),
                Section::Clusters => decode::entries(text, same, want.raw, &mut self.clusters, faults),
                Section::Listeners => decode::entries(text, same, want.raw, &mut self.listeners, faults),
                Section::Routes => decode::entries(text, same, want.raw, &mut self.routes, faults),
                Section::Secrets => decode::entries(text, same, want.raw, &mut self.secrets, faults),
                Section::Endpoints => decode::entries(text, same, want.raw, &mut self.endpoints, faults),
                Section::Extensions => decode::entries(text, same, want.raw, &mut self.extensions, faults),
            }
        }
    }

    pub fn has(&self, section: Section) -> bool {
        self.present.contains(&section)
    }

    /// How many resources it has.
    pub fn count(&self, section: Section) -> usize {
        match section {
            Section::Bootstrap => self.bootstrap.len(),
            Section::Clusters => self.clusters.len(),
            Section::Listeners => self.listeners.len(),
            Section::Routes => self.routes.len(),
            Section::Endpoints => self.endpoints.len(),
            Section::Extensions => self.extensions.len(),
            Section::Secrets => self.secrets.len(),
        }
    }
}

/// Gives the virtual hosts of each batch to the configuration that ends in a later one.
fn whole<'a>(parts: Vec<(Dump<'a>, Vec<VirtualHost<'a>>)>) -> Vec<Dump<'a>> {
    let mut waiting: Vec<VirtualHost<'a>> = Vec::new();
    let each = parts.into_iter().map(|(mut dump, mut hosts)| {
        if let Some(first) = dump.routes.first_mut().filter(|_| !waiting.is_empty()) {
            waiting.append(&mut first.value.virtual_hosts);
            first.value.virtual_hosts = std::mem::take(&mut waiting);
        }
        waiting.append(&mut hosts);
        dump
    });
    each.collect()
}

/// Where a text stops being one. What jumps over values sees only that it came to the end; a general reader, which is asked
/// only now, knows the place.
pub(super) fn cut(text: &str, error: &crate::json::Error) -> (usize, usize, String) {
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Err(strict) if strict.is_eof() => (strict.line(), strict.column(), "the text ends there".to_owned()),
        Err(strict) => {
            let why = strict.to_string();
            (strict.line(), strict.column(), why.split(" at line ").next().unwrap_or_default().to_owned())
        }
        Ok(_) => {
            let (line, column) = line_and_column(text, error.at());
            (line, column, error.to_string())
        }
    }
}
