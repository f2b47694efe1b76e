//! The sections of a config dump, and the lists that they are made of.

use super::entry::State;
use serde::Serialize;
use std::fmt;

/// The parts of a config dump that meshctl reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    Bootstrap,
    Clusters,
    Listeners,
    Routes,
    Secrets,
    Endpoints,
    Extensions,
}

impl Section {
    /// In the order in which they are shown.
    pub const ALL: [Section; 7] = [
        Section::Bootstrap,
        Section::Clusters,
        Section::Listeners,
        Section::Routes,
        Section::Secrets,
        Section::Endpoints,
        Section::Extensions,
    ];

    pub(super) fn how_to_get(self) -> &'static str {
        match self {
            Section::Endpoints => "; Envoy prints them with config_dump?include_eds=true",
            _ => "",
        }
    }

    /// The name of its message, without the version of the API.
    pub(super) fn message(self) -> &'static str {
        match self {
            Section::Bootstrap => "BootstrapConfigDump",
            Section::Clusters => "ClustersConfigDump",
            Section::Listeners => "ListenersConfigDump",
            Section::Routes => "RoutesConfigDump",
            Section::Secrets => "SecretsConfigDump",
            Section::Endpoints => "EndpointsConfigDump",
            Section::Extensions => "EcdsConfigDump",
        }
    }

    /// By `type.googleapis.com/envoy.admin.v3.ClustersConfigDump`, whatever the version of the API.
    pub(super) fn of_type(url: &str) -> Option<Section> {
        let message = url.rsplit('.').next()?;
        Section::ALL.into_iter().find(|section| section.message() == message)
    }
}

/// A list of a dump: its name, its section, and what the name says about the state of its elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct List {
    pub name: &'static str,
    pub section: Section,
    pub state: State,
}

impl List {
    /// `bootstrap` is a list of one.
    pub const ALL: [List; 14] = [
        List::new("bootstrap", Section::Bootstrap, State::Static),
        List::new("dynamic_active_clusters", Section::Clusters, State::Active),
        List::new("dynamic_warming_clusters", Section::Clusters, State::Warming),
        List::new("static_clusters", Section::Clusters, State::Static),
        List::new("dynamic_listeners", Section::Listeners, State::Active),
        List::new("static_listeners", Section::Listeners, State::Static),
        List::new("static_route_configs", Section::Routes, State::Static),
        List::new("dynamic_route_configs", Section::Routes, State::Active),
        List::new("dynamic_active_secrets", Section::Secrets, State::Active),
        List::new("dynamic_warming_secrets", Section::Secrets, State::Warming),
        List::new("static_secrets", Section::Secrets, State::Static),
        List::new("dynamic_endpoint_configs", Section::Endpoints, State::Active),
        List::new("static_endpoint_configs", Section::Endpoints, State::Static),
        List::new("ecds_filters", Section::Extensions, State::Active),
    ];

    const fn new(name: &'static str, section: Section, state: State) -> Self {
        List { name, section, state }
    }

    /// The states of a section's lists are all different.
    pub(super) fn of(section: Section, state: State) -> Option<&'static List> {
        List::ALL.iter().find(|list| list.section == section && list.state == state)
    }

    /// In either spelling.
    pub(super) fn of_name(key: &str) -> Option<&'static List> {
        let letters = |name: &'static str| name.bytes().filter(|byte| *byte != b'_');
        let camel = |name: &'static str| letters(name).eq(key.bytes().map(|byte| byte.to_ascii_lowercase()));
        List::ALL.iter().find(|list| list.name == key || camel(list.name))
    }
}

impl Section {
    /// The lists of its dump.
    pub fn lists(self) -> impl Iterator<Item = List> {
        List::ALL.into_iter().filter(move |list| list.section == self)
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Section::Bootstrap => "bootstrap",
            Section::Clusters => "clusters",
            Section::Listeners => "listeners",
            Section::Routes => "routes",
            Section::Secrets => "secrets",
            Section::Endpoints => "endpoints",
            Section::Extensions => "extension configs (ECDS)",
        })
    }
}
