//! Resources as the proxy printed them, put together to a dump again: whatever reads a dump reads this.

use super::entry::Printed;
use super::json::Raw;
use super::section::{List, Section};

/// The elements and their lists in the order of the dump, each once; `unknown` are whole sections.
pub fn dump<'a>(elements: impl Iterator<Item = Printed<'a>>, unknown: &[Raw<'a>]) -> String {
    let mut elements: Vec<Printed<'a>> = elements.collect();
    elements.sort_by_key(|element| place(element.text));
    elements.dedup_by_key(|element| place(element.text));
    let mut sections = Vec::new();
    for section in Section::ALL {
        let mut lists: Vec<List> = section.lists().collect();
        lists.sort_by_key(|list| elements.iter().position(|element| element.list == list));
        let lists = lists.into_iter().map(|list| fields(list, &elements)).filter(|text| !text.is_empty());
        let lists: Vec<String> = lists.collect();
        if !lists.is_empty() {
            let url = format!("type.googleapis.com/envoy.admin.v3.{}", section.message());
            sections.push(format!("{{\"@type\": \"{url}\",\n{}}}", lists.join(",\n")));
        }
    }
    sections.extend(unknown.iter().map(|section| section.get().to_owned()));
    format!("{{\"configs\": [\n{}\n]}}\n", sections.join(",\n"))
}

/// The same of an answer of `clusters?format=json`.
pub fn clusters<'a>(elements: impl Iterator<Item = Raw<'a>>) -> String {
    let mut elements: Vec<Raw<'a>> = elements.collect();
    elements.sort_by_key(|element| place(*element));
    elements.dedup_by_key(|element| place(*element));
    format!("{{\"cluster_statuses\": [\n{}\n]}}\n", joined(&elements))
}

fn fields(list: List, elements: &[Printed<'_>]) -> String {
    let own: Vec<Raw<'_>> = elements.iter().filter(|element| *element.list == list).map(|element| element.text).collect();
    match (list.section, own.last()) {
        (_, None) => String::new(),
        // Not a list; a proxy has one.
        (Section::Bootstrap, Some(last)) => format!("\"{}\": {}", list.name, last.get()),
        _ => format!("\"{}\": [\n{}\n]", list.name, joined(&own)),
    }
}

/// They are slices of one text, so that their places in memory are their order.
fn place(raw: Raw<'_>) -> usize {
    raw.get().as_ptr() as usize
}

fn joined(elements: &[Raw<'_>]) -> String {
    elements.iter().map(|element| element.get()).collect::<Vec<_>>().join(",\n")
}
