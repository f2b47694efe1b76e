//! What to ask an admin port for, and what else to ask when it can't answer whole.
//!
//! One resource of a type that the proxy doesn't know makes the whole dump fail, and so does one that never ends. Asked
//! section by section, and a failing section list by list, only the list with that resource is missing.

use super::{List, Section};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::fmt::Write;

/// Endpoints as the proxy judges them.
pub const HOSTS: &str = "clusters?format=json";
/// Certificates that are loaded, from wherever.
pub const CERTS: &str = "certs";
/// Everything that a dump can hold.
pub const WHOLE: &str = "config_dump?include_eds=true";

impl Section {
    /// The whole section and nothing else. A mask must fit the message that it is for, so there is one for each.
    pub fn path(self) -> String {
        let eds = if self == Section::Endpoints { "include_eds=true&" } else { "" };
        let lists: Vec<&str> = self.lists().map(|list| list.name).collect();
        format!("config_dump?{eds}mask={}", lists.join(","))
    }
}

impl List {
    /// The elements of this list. Of a listener, the update that it refused is most often what can't be printed, so
    /// that is left out and only its reason is asked for.
    pub fn path(self) -> String {
        let eds = if self.section == Section::Endpoints { "include_eds=true&" } else { "" };
        let mask = match self.name {
            "dynamic_listeners" => {
                "&mask=name,active_state,warming_state,draining_state,client_status,error_state.details,error_state.last_update_attempt,error_state.version_info"
            }
            "dynamic_active_clusters" | "dynamic_warming_clusters" => {
                "&mask=version_info,cluster,last_updated,client_status,error_state.details,error_state.last_update_attempt,error_state.version_info"
            }
            _ => "",
        };
        format!("config_dump?{eds}resource={}{mask}", self.name)
    }
}

/// One piece of a dump that was asked for in pieces.
#[derive(Clone, Copy, Debug)]
pub enum Piece<'t> {
    /// The answer of [`Section::path`].
    Section(Section, &'t str),
    /// The answer of [`List::path`].
    List(List, &'t str),
    /// The section is there and has nothing.
    Empty(Section),
}

#[derive(Deserialize)]
struct Answer<'t> {
    #[serde(borrow, default)]
    configs: Vec<&'t RawValue>,
}

/// One dump made of pieces. A piece that can't be read is left out, and its place in the argument is told.
pub fn compose(pieces: &[Piece<'_>]) -> (String, Vec<usize>) {
    let mut text = String::from("{\"configs\":[");
    let mut bad = Vec::new();
    let mut first = true;
    let mut push = |config: &str| {
        if !std::mem::take(&mut first) {
            text.push(',');
        }
        text.push_str(config);
    };
    for (number, piece) in pieces.iter().enumerate() {
        let head = |section: Section| format!("{{\"@type\":\"type.googleapis.com/envoy.admin.v3.{}\"", section.message());
        match piece {
            Piece::Empty(section) => push(&format!("{}}}", head(*section))),
            Piece::Section(_, answer) => match serde_json::from_str::<Answer<'_>>(answer) {
                Ok(answer) => answer.configs.iter().for_each(|config| push(config.get())),
                Err(_) => bad.push(number),
            },
            Piece::List(list, answer) => match serde_json::from_str::<Answer<'_>>(answer) {
                Ok(answer) => {
                    let mut config = head(list.section);
                    let _ = write!(config, ",\"{}\":[", list.name);
                    for (i, element) in answer.configs.iter().enumerate() {
                        if i > 0 {
                            config.push(',');
                        }
                        config.push_str(element.get());
                    }
                    config.push_str("]}");
                    push(&config);
                }
                Err(_) => bad.push(number),
            },
        }
    }
    text.push_str("]}");
    (text, bad)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envoy::{Dump, Want};

    #[test]
    fn a_list_asked_by_itself_reads_as_if_it_stood_in_its_section() {
        let list = Section::Clusters.lists().next().expect("dynamic_active_clusters");
        let answer = r#"{"configs":[{"@type":"type.googleapis.com/envoy.admin.v3.ClustersConfigDump.DynamicCluster",
            "version_info":"7","cluster":{"@type":"type.googleapis.com/envoy.config.cluster.v3.Cluster","name":"web"}}]}"#;
        let section =
            r#"{"configs":[{"@type":"type.googleapis.com/envoy.admin.v3.BootstrapConfigDump","bootstrap":{"node":{"id":"n"}}}]}"#;
        let pieces = [
            Piece::Section(Section::Bootstrap, section),
            Piece::List(list, answer),
            Piece::Section(Section::Routes, "<html>"),
            Piece::Empty(Section::Extensions),
        ];
        let (text, bad) = compose(&pieces);
        assert_eq!(bad, [2]);
        let sections = [Section::Bootstrap, Section::Clusters, Section::Extensions];
        let dump = Dump::read(&text, Want { sections: &sections, raw: false }).expect("a dump");
        assert_eq!((&*dump.clusters[0].value.name, &*dump.clusters[0].version), ("web", "7"));
        assert_eq!(&*dump.bootstrap[0].value.node.id, "n");
        assert!(dump.faults.is_empty(), "{:?}", dump.faults);
    }

    #[test]
    fn every_list_that_is_asked_for_is_one_that_is_read() {
        for section in Section::ALL {
            assert!(section.lists().count() > 0 && section.lists().all(|list| List::of_name(list.name) == Some(&list)));
            let url = format!("type.googleapis.com/envoy.admin.v3.{}", section.message());
            assert_eq!(Section::of_type(&url), Some(section));
        }
        assert_eq!(List::of_name("dynamicRouteConfigs").map(|list| list.name), Some("dynamic_route_configs"));
        assert_eq!(List::of_name("dynamicroute"), None);
    }
}
