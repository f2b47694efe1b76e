//! Resources as the proxy printed them, put together to a dump again: whatever reads a dump reads this.

use super::entry::Printed;
use super::section::{List, Section};
use crate::json::Raw;

/// Puts the elements and their lists in the order of the dump, each once; `unknown` are whole sections. A piece is either an
/// element or what stands between two.
pub fn dump<'a>(elements: impl Iterator<Item = Printed<'a>>, unknown: &[Raw<'a>], put: &mut dyn FnMut(&str)) {
    let mut elements: Vec<Printed<'a>> = elements.collect();
    elements.sort_by_key(|element| place(element.text));
    elements.dedup_by_key(|element| place(element.text));
    put("{\"configs\": [\n");
    let mut between = Between::new();
    for section in Section::ALL {
        let first = |list: &List| elements.iter().position(|element| element.list == list);
        let mut lists: Vec<(usize, List)> = section.lists().filter_map(|list| Some((first(&list)?, list))).collect();
        lists.sort_by_key(|(first, _)| *first);
        if lists.is_empty() {
            continue;
        }
        between.next(put);
        put(&format!("{{\"@type\": \"type.googleapis.com/envoy.admin.v3.{}\",\n", section.message()));
        let mut between = Between::new();
        for (_, list) in lists {
            between.next(put);
            field(list, &elements, put);
        }
        put("}");
    }
    for section in unknown {
        between.next(put);
        put(section.get());
    }
    put("\n]}\n");
}

/// The same of an answer of `clusters?format=json`.
pub fn clusters<'a>(elements: impl Iterator<Item = Raw<'a>>, put: &mut dyn FnMut(&str)) {
    let mut elements: Vec<Raw<'a>> = elements.collect();
    elements.sort_by_key(|element| place(*element));
    elements.dedup_by_key(|element| place(*element));
    put("{\"cluster_statuses\": [\n");
    all(elements.into_iter(), put);
    put("\n]}\n");
}

fn field(list: List, elements: &[Printed<'_>], put: &mut dyn FnMut(&str)) {
    let mut own = elements.iter().filter(|element| *element.list == list).map(|element| element.text);
    if list.section == Section::Bootstrap {
        // Not a list; a proxy has one.
        put(&format!("\"{}\": ", list.name));
        own.next_back().into_iter().for_each(|last| put(last.get()));
    } else {
        put(&format!("\"{}\": [\n", list.name));
        all(own, put);
        put("\n]");
    }
}

fn all<'a>(elements: impl Iterator<Item = Raw<'a>>, put: &mut dyn FnMut(&str)) {
    let mut between = Between::new();
    for element in elements {
        between.next(put);
        put(element.get());
    }
}

/// They are slices of one text, so that their places in memory are their order.
fn place(raw: Raw<'_>) -> usize {
    raw.get().as_ptr() as usize
}

/// Commas between things that are put one after the other.
struct Between(bool);

impl Between {
    fn new() -> Self {
        Between(false)
    }

    fn next(&mut self, put: &mut dyn FnMut(&str)) {
        if std::mem::replace(&mut self.0, true) {
            put(",\n");
        }
    }
}
