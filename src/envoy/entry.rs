//! What Envoy's dump says about each resource beside its configuration: state, version, and why an update was rejected.

use super::field::Text;
use super::redact::Config;
use super::section::List;
use crate::json::Raw;
use serde::{Deserialize, Serialize};

/// Where a resource stands in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// From the bootstrap, never updated.
    Static,
    #[default]
    Active,
    /// Received, and waiting for something before it takes over.
    Warming,
    /// Replaced or removed, and still serving its old connections.
    Draining,
    /// Received and refused; nothing of that name runs.
    Rejected,
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            State::Static => "STATIC",
            State::Active => "ACTIVE",
            State::Warming => "WARMING",
            State::Draining => "DRAINING",
            State::Rejected => "REJECTED",
        }
    }
    /// Whether the proxy uses it for new connections.
    pub fn is_in_use(self) -> bool {
        matches!(self, State::Static | State::Active)
    }
}

/// An update that Envoy refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rejection<'a> {
    /// Envoy's own words.
    pub details: Text<'a>,
    #[serde(skip_serializing_if = "str_is_empty")]
    pub at: Text<'a>,
    #[serde(skip_serializing_if = "str_is_empty")]
    pub version: Text<'a>,
}

fn str_is_empty(text: &Text<'_>) -> bool {
    text.is_empty()
}

/// One resource of a dump.
#[derive(Clone, Debug, Default)]
pub struct Resource<'a, T> {
    /// The name outside of the configuration, where Envoy gives one.
    pub name: Text<'a>,
    pub state: State,
    pub version: Text<'a>,
    pub last_updated: Text<'a>,
    pub rejected: Option<Rejection<'a>>,
    /// What the client of the control plane says about it: `ACKED`, `NACKED`, `REQUESTED`, `DOES_NOT_EXIST`, …
    pub client_status: Text<'a>,
    pub value: T,
    /// The configuration as the proxy printed it, if asked for.
    pub raw: Option<Raw<'a>>,
    /// The same with what stands around it, if asked for.
    pub element: Option<Printed<'a>>,
}

/// One of a list, in a place of its own: a big dump is read in parts, and lists of what is big cost much to put together.
pub type Boxed<'a, T> = Box<Resource<'a, T>>;

/// An element of a dump's list as the proxy printed it; a listener that is replaced has several states in one.
#[derive(Clone, Copy, Debug)]
pub struct Printed<'a> {
    pub list: &'static List,
    pub text: Raw<'a>,
}

/// The part of a row that every kind of resource has.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Standing<'r> {
    pub state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_updated: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_status: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected: Option<&'r Rejection<'r>>,
    /// The proxy's own configuration, with private keys masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<Config<'r>>,
    #[serde(skip)]
    pub element: Option<Printed<'r>>,
}

impl<'a, T> Resource<'a, T> {
    pub fn standing<'r>(&'r self) -> Standing<'r>
    where
        'a: 'r,
    {
        Standing {
            state: self.state,
            version: self.version.some(),
            last_updated: self.last_updated.some(),
            client_status: self.client_status.some(),
            rejected: self.rejected.as_ref(),
            config: self.raw.map(Config),
            element: self.element,
        }
    }
}

/// An element of a dump's list. `T` is the resource, decoded or still raw.
#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
pub(super) struct Entry<'a, T> {
    #[serde(borrow, default)]
    name: Text<'a>,
    #[serde(borrow, default, alias = "versionInfo")]
    version_info: Text<'a>,
    #[serde(
        alias = "bootstrap",
        alias = "cluster",
        alias = "listener",
        alias = "route_config",
        alias = "routeConfig",
        alias = "endpoint_config",
        alias = "endpointConfig",
        alias = "secret",
        alias = "ecds_filter",
        alias = "ecdsFilter"
    )]
    resource: Option<T>,
    #[serde(borrow, default, alias = "lastUpdated")]
    last_updated: Text<'a>,
    #[serde(borrow, default, alias = "clientStatus")]
    client_status: Text<'a>,
    #[serde(borrow, alias = "errorState")]
    error_state: Option<ErrorState<'a, T>>,
    #[serde(borrow, alias = "activeState")]
    active_state: Option<Versioned<'a, T>>,
    #[serde(borrow, alias = "warmingState")]
    warming_state: Option<Versioned<'a, T>>,
    #[serde(borrow, alias = "drainingState")]
    draining_state: Option<Versioned<'a, T>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct Versioned<'a, T> {
    #[serde(borrow, default, alias = "versionInfo")]
    version_info: Text<'a>,
    #[serde(alias = "listener")]
    resource: Option<T>,
    #[serde(borrow, default, alias = "lastUpdated")]
    last_updated: Text<'a>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct ErrorState<'a, T> {
    #[serde(alias = "failedConfiguration")]
    failed_configuration: Option<T>,
    #[serde(borrow, default, alias = "lastUpdateAttempt")]
    last_update_attempt: Text<'a>,
    #[serde(borrow, default)]
    details: Text<'a>,
    #[serde(borrow, default, alias = "versionInfo")]
    version_info: Text<'a>,
}

impl<'a, R> Entry<'a, R> {
    /// Splits the element into resources, one for each state that it has. `list` is the state that the name of the list
    /// implies. `decode` gives the resource and, if kept, its raw text; `None` drops it (and has said why).
    pub(super) fn unfold<T: Default>(
        self,
        list: State,
        into: &mut Vec<Boxed<'a, T>>,
        mut decode: impl FnMut(R) -> Option<(T, Option<Raw<'a>>)>,
    ) {
        let (name, client_status) = (self.name, self.client_status);
        let mut failed = None;
        let mut rejected = self.error_state.map(|error| {
            failed = error.failed_configuration;
            Rejection { details: error.details, at: error.last_update_attempt, version: error.version_info }
        });
        let states = [
            (list, Some(Versioned { version_info: self.version_info, resource: self.resource, last_updated: self.last_updated })),
            (State::Active, self.active_state),
            (State::Warming, self.warming_state),
            (State::Draining, self.draining_state),
        ];
        let before = into.len();
        for (state, versioned) in states {
            let Some(Versioned { version_info, resource: Some(resource), last_updated }) = versioned else { continue };
            let Some((value, raw)) = decode(resource) else { return };
            into.push(Box::new(Resource {
                name: name.clone(),
                state,
                version: version_info,
                last_updated,
                // The rejection is about the name; once is enough.
                rejected: rejected.take(),
                client_status: client_status.clone(),
                value,
                raw,
                element: None,
            }));
        }
        if into.len() == before {
            let (value, raw) = match failed {
                Some(failed) => match decode(failed) {
                    Some(decoded) => decoded,
                    None => return,
                },
                None => (T::default(), None),
            };
            let state = if rejected.is_some() { State::Rejected } else { list };
            into.push(Box::new(Resource { name, state, rejected, client_status, value, raw, ..Resource::default() }));
        }
    }
}
