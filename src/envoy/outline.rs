//! Where the resources of a dump lie, found without reading them.

use super::decode::Element;
use super::dump::Want;
use super::section::{List, Section};
use crate::json::{Error, Raw, Reader};

/// The places of the elements that were asked for, and what else a look from above tells.
#[derive(Debug, Default)]
pub(super) struct Outline<'a> {
    pub elements: Vec<Element>,
    pub unknown: Vec<Raw<'a>>,
    /// Sections that are there, empty or not.
    pub present: Vec<Section>,
    /// Where the reader is, for telling where a dump breaks off.
    pub inside: Option<Section>,
    /// Keys of the outermost object, for telling what a text is instead of a dump.
    pub keys: Vec<String>,
    pub saw_configs: bool,
}

impl<'a> Outline<'a> {
    /// As far as the text goes, and why no further.
    pub fn of(text: &'a str, want: Want<'_>) -> (Self, Result<(), Error>) {
        let mut outline = Outline::default();
        let mut reader = Reader::new(text);
        let end = reader
            .object(|reader, key| {
                // Enough to tell what a text is; a hostile one must not fill memory.
                if outline.keys.len() < 4 {
                    outline.keys.push(key.chars().take(40).collect());
                }
                match &*key {
                    "configs" => outline.configs(reader, want),
                    _ => reader.skip(),
                }
            })
            .and_then(|()| reader.end());
        (outline, end)
    }

    fn configs(&mut self, reader: &mut Reader<'a>, want: Want<'_>) -> Result<(), Error> {
        self.saw_configs = true;
        if reader.peek() == Some(b'n') {
            return reader.skip();
        }
        reader.array(|reader| self.config(reader, want))
    }

    /// One section.
    fn config(&mut self, reader: &mut Reader<'a>, want: Want<'_>) -> Result<(), Error> {
        self.inside = None;
        reader.peek();
        let mut whole = reader.clone();
        let mut known = false;
        reader.object(|reader, key| {
            let named = match List::of_name(&key) {
                Some(list) => Some(list.section),
                None if key == "@type" && reader.peek() == Some(b'"') => Section::of_type(&reader.string()?),
                None => return reader.skip(),
            };
            let Some(section) = named else { return Ok(()) };
            known = true;
            self.inside = Some(section);
            self.saw(section);
            let Some(list) = List::of_name(&key) else { return Ok(()) };
            if !want.sections.contains(&section) {
                return reader.skip();
            }
            if section == Section::Bootstrap { self.element(reader, list) } else { self.list(reader, list) }
        })?;
        if !known && want.raw {
            self.unknown.push(whole.raw()?);
        }
        self.inside = None;
        Ok(())
    }

    fn list(&mut self, reader: &mut Reader<'a>, list: &List) -> Result<(), Error> {
        match reader.peek() {
            Some(b'n') => reader.skip(),
            Some(b'[') => reader.array(|reader| self.element(reader, list)),
            // One list of another shape is no reason to lose the others.
            Some(_) => self.element(reader, list),
            None => reader.skip(),
        }
    }

    fn element(&mut self, reader: &mut Reader<'a>, list: &List) -> Result<(), Error> {
        reader.peek();
        let from = reader.at();
        reader.skip()?;
        self.elements.push(Element { section: list.section, state: list.state, from, end: reader.at() });
        Ok(())
    }

    fn saw(&mut self, section: Section) {
        if !self.present.contains(&section) {
            self.present.push(section);
        }
    }
}
