//! Where the resources of a dump lie, found without reading them.

use super::decode::Element;
use super::dump::{Piece, Unknown, Want};
use super::json::{Error, Reader};
use super::section::{List, Section};

/// The places of the elements that were asked for, and what else a look from above tells.
#[derive(Debug, Default)]
pub(super) struct Outline<'a> {
    pub elements: Vec<Element>,
    pub unknown: Vec<Unknown<'a>>,
    /// Sections that are there, empty or not.
    pub present: Vec<Section>,
    /// Where the reader is, for telling where a dump breaks off.
    pub inside: Option<Section>,
    /// Keys of the outermost object, for telling what a text is instead of a dump.
    pub keys: Vec<String>,
    saw_configs: bool,
}

impl<'a> Outline<'a> {
    /// As far as the text goes, and why no further.
    pub fn of(piece: Piece<'a>, want: Want<'_>) -> (Self, Result<(), Error>) {
        let mut outline = Outline::default();
        let mut reader = Reader::new(piece.text);
        let end = reader
            .object(|reader, key| {
                // Enough to tell what a text is; a hostile one must not fill memory.
                if outline.keys.len() < 4 {
                    outline.keys.push(key.chars().take(40).collect());
                }
                match &*key {
                    "configs" => outline.configs(reader, piece.list, want),
                    _ => reader.skip(),
                }
            })
            .and_then(|()| reader.end());
        if let Some(list) = piece.list.filter(|_| end.is_ok()) {
            outline.saw(list.section);
        }
        (outline, end)
    }

    /// A list without elements is answered with an empty object.
    pub fn is_dump(&self, piece: &Piece<'_>, error: Option<&Error>) -> bool {
        self.saw_configs || (piece.list.is_some() && self.keys.is_empty() && error.is_none())
    }

    fn configs(&mut self, reader: &mut Reader<'a>, asked: Option<List>, want: Want<'_>) -> Result<(), Error> {
        self.saw_configs = true;
        if reader.peek() == Some(b'n') {
            return reader.skip();
        }
        reader.array(|reader| self.config(reader, asked, want))
    }

    /// One section, or one bare resource.
    fn config(&mut self, reader: &mut Reader<'a>, asked: Option<List>, want: Want<'_>) -> Result<(), Error> {
        self.inside = None;
        reader.peek();
        let mut whole = reader.clone();
        let (mut known, mut bare) = (false, None);
        reader.object(|reader, key| {
            if key == "@type" && reader.peek() == Some(b'"') {
                let url = reader.string()?;
                if let Some(section) = Section::of_type(&url) {
                    known = true;
                    self.inside = Some(section);
                    self.saw(section);
                } else if let Some(list) = List::of_bare_type(&url) {
                    bare = Some(asked.filter(|asked| asked.section == list.section).unwrap_or(list));
                    self.inside = bare.map(|list| list.section);
                }
                return Ok(());
            }
            // A static secret has a field `secret`, a bootstrap one `bootstrap`; no resource has a field named like a list.
            let Some(list) = List::of_name(&key).filter(|_| bare.is_none()) else { return reader.skip() };
            known = true;
            self.inside = Some(list.section);
            self.saw(list.section);
            if !want.sections.contains(&list.section) {
                return reader.skip();
            }
            if list.section == Section::Bootstrap { self.element(reader, list) } else { self.list(reader, list) }
        })?;
        match bare {
            Some(list) => {
                self.saw(list.section);
                if want.sections.contains(&list.section) {
                    self.elements.push(Element { section: list.section, state: list.state, from: whole.at(), end: reader.at() });
                }
            }
            None if !known && want.raw => self.unknown.push(whole.raw()?),
            None => {}
        }
        self.inside = None;
        Ok(())
    }

    fn list(&mut self, reader: &mut Reader<'a>, list: List) -> Result<(), Error> {
        match reader.peek() {
            Some(b'n') => reader.skip(),
            Some(b'[') => reader.array(|reader| self.element(reader, list)),
            // One list of another shape is no reason to lose the others.
            Some(_) => self.element(reader, list),
            None => reader.skip(),
        }
    }

    fn element(&mut self, reader: &mut Reader<'a>, list: List) -> Result<(), Error> {
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
