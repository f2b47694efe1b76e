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

    /// `envoy.admin.v3.ClustersConfigDump`, whatever the version of the API.
    pub(super) fn of_type(url: &str) -> Option<Section> {
        Some(match url.rsplit('.').next()? {
            "BootstrapConfigDump" => Section::Bootstrap,
            "ClustersConfigDump" => Section::Clusters,
            "ListenersConfigDump" => Section::Listeners,
            "RoutesConfigDump" => Section::Routes,
            "SecretsConfigDump" => Section::Secrets,
            "EndpointsConfigDump" => Section::Endpoints,
            "EcdsConfigDump" => Section::Extensions,
            _ => return None,
        })
    }
}

/// A list of a dump: its section, and what its name says about the state of its elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct List {
    pub section: Section,
    pub state: State,
}

impl List {
    /// By the name of the field; `bootstrap` is a list of one.
    pub fn of_name(key: &str) -> Option<List> {
        let (section, state) = match key {
            "bootstrap" => (Section::Bootstrap, State::Static),
            "static_clusters" | "staticClusters" => (Section::Clusters, State::Static),
            "dynamic_active_clusters" | "dynamicActiveClusters" => (Section::Clusters, State::Active),
            "dynamic_warming_clusters" | "dynamicWarmingClusters" => (Section::Clusters, State::Warming),
            "static_listeners" | "staticListeners" => (Section::Listeners, State::Static),
            "dynamic_listeners" | "dynamicListeners" => (Section::Listeners, State::Active),
            "static_route_configs" | "staticRouteConfigs" => (Section::Routes, State::Static),
            "dynamic_route_configs" | "dynamicRouteConfigs" => (Section::Routes, State::Active),
            "static_secrets" | "staticSecrets" => (Section::Secrets, State::Static),
            "dynamic_active_secrets" | "dynamicActiveSecrets" => (Section::Secrets, State::Active),
            "dynamic_warming_secrets" | "dynamicWarmingSecrets" => (Section::Secrets, State::Warming),
            "static_endpoint_configs" | "staticEndpointConfigs" => (Section::Endpoints, State::Static),
            "dynamic_endpoint_configs" | "dynamicEndpointConfigs" => (Section::Endpoints, State::Active),
            "ecds_filters" | "ecdsFilters" => (Section::Extensions, State::Active),
            _ => return None,
        };
        Some(List { section, state })
    }

    /// By the type of an element that stands bare in `configs`, as `config_dump?resource=…` answers.
    pub(super) fn of_bare_type(url: &str) -> Option<List> {
        let (of, element) = url.rsplit_once('.')?;
        let section = match element {
            "Bootstrap" => Section::Bootstrap,
            _ => Section::of_type(of)?,
        };
        let is_static = element.starts_with("Static") || section == Section::Bootstrap;
        Some(List { section, state: if is_static { State::Static } else { State::Active } })
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
