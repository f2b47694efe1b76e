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
use super::entry::Resource;
use super::extensions::Extension;
use super::fault::{Fault, Unusable};
use super::json::{Raw, line_and_column};
use super::listeners::Listener;
use super::outline::Outline;
use super::routes::RouteConfig;
use super::secrets::Secret;
use super::section::{List, Section};

/// What to read of a dump.
#[derive(Clone, Copy, Debug)]
pub struct Want<'w> {
    pub sections: &'w [Section],
    /// Keep the proxy's own text of each resource.
    pub raw: bool,
}

/// An answer that is a dump, or a part of one.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    pub text: &'a str,
    /// The list that was asked for (`config_dump?resource=…`): its resources stand bare in `configs`, and their type doesn't
    /// tell warming from active.
    pub list: Option<List>,
}

impl<'a> Piece<'a> {
    pub fn whole(text: &'a str) -> Self {
        Piece { text, list: None }
    }

    /// The answer to `config_dump?resource=NAME`.
    pub fn of_list(text: &'a str, name: &str) -> Self {
        Piece { text, list: List::of_name(name) }
    }
}

/// A part of a dump that meshctl doesn't know, untouched.
pub type Unknown<'a> = Raw<'a>;

/// What was read.
#[derive(Debug, Default)]
pub struct Dump<'a> {
    pub bootstrap: Vec<Resource<'a, Bootstrap<'a>>>,
    pub clusters: Vec<Resource<'a, Cluster<'a>>>,
    pub listeners: Vec<Resource<'a, Listener<'a>>>,
    pub routes: Vec<Resource<'a, RouteConfig<'a>>>,
    pub secrets: Vec<Resource<'a, Secret<'a>>>,
    pub endpoints: Vec<Resource<'a, Assignment<'a>>>,
    pub extensions: Vec<Resource<'a, Extension<'a>>>,
    /// Only with [`Want::raw`].
    pub unknown: Vec<Unknown<'a>>,
    pub faults: Vec<Fault>,
    /// Sections that are there, empty or not.
    present: Vec<Section>,
}

impl<'a> Dump<'a> {
    /// Reads `text`, as far as it goes.
    pub fn read(text: &'a str, want: Want<'_>) -> Result<Self, Unusable> {
        Dump::read_pieces(&[Piece::whole(text)], want)
    }

    /// Reads several answers of one proxy into one view. A piece that is no dump at all is told as one; only if no piece is
    /// usable there is nothing to show.
    pub fn read_pieces(pieces: &[Piece<'a>], want: Want<'_>) -> Result<Self, Unusable> {
        let mut dump = Dump::default();
        let mut unusable = None;
        let mut used = false;
        for piece in pieces {
            let (outline, end) = Outline::of(*piece, want);
            if !outline.is_dump(piece, end.as_ref().err()) {
                let why = Unusable::new(piece.text, "a config dump", &outline.keys, end.as_ref().err());
                dump.faults.extend(piece.list.map(|list| Fault::Unanswered { section: list.section, why: why.why.clone() }));
                unusable = unusable.or(Some(why));
                continue;
            }
            used = true;
            dump.saw(&outline.present);
            if let Err(error) = end {
                let (line, column, why) = cut(piece.text, &error);
                dump.faults.push(Fault::Cut { line, column, inside: outline.inside, why, unseen: Vec::new() });
            }
            dump.add(piece.text, &outline.elements, want);
            if want.raw {
                dump.unknown.extend(outline.unknown);
            }
        }
        match unusable {
            Some(unusable) if !used => return Err(unusable),
            _ => dump.name_what_is_missing(want),
        }
        Ok(dump)
    }

    /// What didn't come may stand behind the cut, or not be there at all.
    fn name_what_is_missing(&mut self, want: Want<'_>) {
        let missing: Vec<Section> = want.sections.iter().copied().filter(|section| !self.present.contains(section)).collect();
        let told = |section: &Section| {
            let is = |fault: &Fault| matches!(fault, Fault::Unanswered { section: told, .. } if told == section);
            self.faults.iter().any(is)
        };
        let missing: Vec<Section> = missing.into_iter().filter(|section| !told(section)).collect();
        let last_cut = self.faults.iter_mut().rev().find_map(|fault| match fault {
            Fault::Cut { unseen, .. } => Some(unseen),
            _ => None,
        });
        match last_cut {
            Some(unseen) => *unseen = missing,
            None => self.faults.extend(missing.into_iter().map(|section| Fault::Missing { section })),
        }
    }

    fn add(&mut self, text: &'a str, elements: &[Element], want: Want<'_>) {
        for same in elements.chunk_by(|a, b| a.section == b.section) {
            let section = same.first().map_or(Section::Bootstrap, |first| first.section);
            let faults = &mut self.faults;
            match section {
                Section::Bootstrap => decode::values(text, same, &mut self.bootstrap, faults, &|value, state, raw| Resource {
                    state,
                    value,
                    raw: Some(raw).filter(|_| want.raw),
                    ..Resource::default()
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

    fn saw(&mut self, sections: &[Section]) {
        for section in sections {
            if !self.present.contains(section) {
                self.present.push(*section);
            }
        }
    }
}

/// Where a text stops being one. What jumps over values sees only that it came to the end; a general reader, which is asked
/// only now, knows the place.
pub(super) fn cut(text: &str, error: &super::json::Error) -> (usize, usize, String) {
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
