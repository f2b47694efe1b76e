//! One pass over a config dump.
//!
//! The lists of a dump have names of their own (`dynamic_active_clusters`), so the section is known from the list and
//! `@type` may stand anywhere. Elements are decoded straight from the text; a list nobody asked for is skipped without
//! being kept. If an element can't be decoded, or the proxy's own text is wanted, a second, careful pass takes each
//! element as text first: slower, but a bad element then costs only itself.

use super::bootstrap::Bootstrap;
use super::clusters::Cluster;
use super::endpoints::Assignment;
use super::entry::{Entry, Resource, State};
use super::extensions::Extension;
use super::fault::{Fault, Unusable};
use super::field::Text;
use super::listeners::Listener;
use super::routes::RouteConfig;
use super::secrets::Secret;
use super::section::Section;
use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;
use std::fmt;

/// What to read of a dump.
#[derive(Clone, Copy, Debug)]
pub struct Want<'w> {
    pub sections: &'w [Section],
    /// Keep the proxy's own text of each resource.
    pub raw: bool,
}

/// A part of a dump that meshctl doesn't know, untouched.
#[derive(Clone, Debug)]
pub struct Unknown<'a> {
    pub type_url: Text<'a>,
    pub fields: Vec<(Text<'a>, &'a RawValue)>,
}

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
    /// Where the reader is, for telling where a dump breaks off.
    inside: Option<Section>,
    saw_configs: bool,
    /// Keys of the outermost object, for telling what a text is instead of a dump.
    keys: Vec<String>,
}

impl<'a> Dump<'a> {
    /// Reads `text`, as far as it goes.
    pub fn read(text: &'a str, want: Want<'_>) -> Result<Self, Unusable> {
        let mut dump = Dump::default();
        let mut result = dump.pass(text, want, want.raw);
        if result.as_ref().is_err_and(|error| error.classify() == Category::Data) && !want.raw {
            dump = Dump::default();
            result = dump.pass(text, want, true);
        }
        if !dump.saw_configs {
            return Err(Unusable::new(text, "a config dump", &dump.keys, result.as_ref().err()));
        }
        if let Err(error) = result {
            let why = match error.classify() {
                Category::Eof => "the text ends there".to_owned(),
                // The position is told already.
                _ => error.to_string().split(" at line ").next().unwrap_or_default().to_owned(),
            };
            let unseen = want.sections.iter().copied().filter(|section| !dump.present.contains(section)).collect();
            let (line, column) = (error.line(), error.column());
            dump.faults.insert(0, Fault::Cut { line, column, inside: dump.inside, why, unseen });
            return Ok(dump);
        }
        for &section in want.sections {
            if !dump.present.contains(&section) {
                dump.faults.push(Fault::Missing { section });
            }
        }
        Ok(dump)
    }

    fn pass(&mut self, text: &'a str, want: Want<'_>, careful: bool) -> Result<(), serde_json::Error> {
        let mut json = serde_json::Deserializer::from_str(text);
        Top { dump: self, want, careful }.deserialize(&mut json)?;
        json.end()
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

    fn saw(&mut self, section: Section) {
        self.inside = Some(section);
        if !self.present.contains(&section) {
            self.present.push(section);
        }
    }
}

/// `{"configs": [ … ]}`.
struct Top<'d, 'a, 'w> {
    dump: &'d mut Dump<'a>,
    want: Want<'w>,
    careful: bool,
}

impl<'de> DeserializeSeed<'de> for Top<'_, 'de, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Top<'_, 'de, '_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a config dump")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Text>()? {
            // Enough to tell what a text is; a hostile one must not fill memory.
            if self.dump.keys.len() < 4 {
                self.dump.keys.push(key.chars().take(40).collect());
            }
            if &*key == "configs" {
                self.dump.saw_configs = true;
                map.next_value_seed(Configs { dump: self.dump, want: self.want, careful: self.careful })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// The list of sections.
struct Configs<'d, 'a, 'w> {
    dump: &'d mut Dump<'a>,
    want: Want<'w>,
    careful: bool,
}

impl<'de> DeserializeSeed<'de> for Configs<'_, 'de, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Configs<'_, 'de, '_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of sections")
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Config { dump: self.dump, want: self.want, careful: self.careful })?.is_some() {}
        Ok(())
    }
}

/// One section.
struct Config<'d, 'a, 'w> {
    dump: &'d mut Dump<'a>,
    want: Want<'w>,
    careful: bool,
}

impl<'de> DeserializeSeed<'de> for Config<'_, 'de, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Config<'_, 'de, '_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a section of a config dump")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Config { dump, want, careful } = self;
        dump.inside = None;
        let mut unknown = Unknown { type_url: Text::default(), fields: Vec::new() };
        let mut known = false;
        while let Some(key) = map.next_key::<Text<'de>>()? {
            if &*key == "@type" {
                unknown.type_url = map.next_value()?;
                if let Some(section) = Section::of_type(&unknown.type_url) {
                    known = true;
                    dump.saw(section);
                }
                continue;
            }
            let list = if &*key == "bootstrap" { Some((Section::Bootstrap, State::Static)) } else { Section::of_list(&key) };
            let Some((section, state)) = list else {
                if want.raw && !known {
                    unknown.fields.push((key, map.next_value()?));
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
                continue;
            };
            known = true;
            dump.saw(section);
            if !want.sections.contains(&section) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let items = Rules { section, state, careful };
            let faults = &mut dump.faults;
            match section {
                Section::Bootstrap => map.next_value_seed(Single { rules: items, into: &mut dump.bootstrap, faults })?,
                Section::Clusters => map.next_value_seed(Items { rules: items, into: &mut dump.clusters, faults })?,
                Section::Listeners => map.next_value_seed(Items { rules: items, into: &mut dump.listeners, faults })?,
                Section::Routes => map.next_value_seed(Items { rules: items, into: &mut dump.routes, faults })?,
                Section::Secrets => map.next_value_seed(Items { rules: items, into: &mut dump.secrets, faults })?,
                Section::Endpoints => map.next_value_seed(Items { rules: items, into: &mut dump.endpoints, faults })?,
                Section::Extensions => map.next_value_seed(Items { rules: items, into: &mut dump.extensions, faults })?,
            }
        }
        if want.raw && !known {
            dump.unknown.push(unknown);
        }
        dump.inside = None;
        Ok(())
    }
}

#[derive(Clone, Copy)]
struct Rules {
    section: Section,
    state: State,
    careful: bool,
}

impl Rules {
    /// Decodes what was kept as text; what fails is named.
    fn decode<'a, T: Deserialize<'a>>(self, raw: &'a RawValue, faults: &mut Vec<Fault>) -> Option<(T, Option<&'a RawValue>)> {
        match serde_json::from_str(raw.get()) {
            Ok(value) => Some((value, Some(raw))),
            Err(error) => {
                #[derive(Deserialize)]
                struct Named<'n> {
                    #[serde(borrow, default, alias = "cluster_name", alias = "clusterName")]
                    name: Text<'n>,
                }
                let name = serde_json::from_str::<Named>(raw.get()).map(|named| named.name.0.into_owned()).unwrap_or_default();
                faults.push(Fault::Unreadable { section: self.section, name, why: error.to_string() });
                None
            }
        }
    }
}

/// One list of resources.
struct Items<'d, 'a, T> {
    rules: Rules,
    into: &'d mut Vec<Resource<'a, T>>,
    faults: &'d mut Vec<Fault>,
}

impl<'de, T: Deserialize<'de> + Default> DeserializeSeed<'de> for Items<'_, 'de, T> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for Items<'_, 'de, T> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of {}", self.rules.section)
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Items { rules, into, faults } = self;
        if !rules.careful {
            while let Some(entry) = seq.next_element::<Entry<'de, T>>()? {
                entry.unfold(rules.state, into, |value| Some((value, None)));
            }
            return Ok(());
        }
        while let Some(element) = seq.next_element::<&'de RawValue>()? {
            match serde_json::from_str::<Entry<'de, &'de RawValue>>(element.get()) {
                Ok(entry) => entry.unfold(rules.state, into, |raw| rules.decode(raw, faults)),
                Err(error) => {
                    faults.push(Fault::Unreadable { section: rules.section, name: String::new(), why: error.to_string() });
                }
            }
        }
        Ok(())
    }
}

/// A section that is one resource.
struct Single<'d, 'a, T> {
    rules: Rules,
    into: &'d mut Vec<Resource<'a, T>>,
    faults: &'d mut Vec<Fault>,
}

impl<'de, T: Deserialize<'de> + Default> DeserializeSeed<'de> for Single<'_, 'de, T> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let Single { rules, into, faults } = self;
        let decoded = if rules.careful {
            rules.decode(<&'de RawValue>::deserialize(deserializer).map_err(de::Error::custom)?, faults)
        } else {
            Some((T::deserialize(deserializer)?, None))
        };
        if let Some((value, raw)) = decoded {
            into.push(Resource { state: rules.state, value, raw, ..Resource::default() });
        }
        Ok(())
    }
}
