//! How calls leave a pod; routes are the same on both sides.

use super::{Duration, HttpMethod, Metadata, Name, Suffix};
use prost::Message;

/// How calls to one Service leave a pod.
#[derive(Clone, PartialEq, Message)]
pub struct OutboundPolicy {
    #[prost(message, optional, tag = "1")]
    pub protocol: Option<OutboundProtocol>,
    #[prost(message, optional, tag = "2")]
    pub metadata: Option<Metadata>,
}
#[derive(Clone, PartialEq, Message)]
pub struct OutboundProtocol {
    #[prost(message, optional, tag = "1")]
    pub detect: Option<OutboundDetect>,
    #[prost(message, optional, tag = "2")]
    pub opaque: Option<StreamRoutes>,
    #[prost(message, optional, tag = "3")]
    pub http1: Option<OutboundRoutes>,
    #[prost(message, optional, tag = "4")]
    pub http2: Option<OutboundRoutes>,
    #[prost(message, optional, tag = "5")]
    pub grpc: Option<OutboundRoutes>,
    #[prost(message, optional, tag = "6")]
    pub tls: Option<StreamRoutes>,
}
#[derive(Clone, PartialEq, Message)]
pub struct OutboundDetect {
    #[prost(message, optional, tag = "3")]
    pub http1: Option<OutboundRoutes>,
    #[prost(message, optional, tag = "4")]
    pub http2: Option<OutboundRoutes>,
}
#[derive(Clone, PartialEq, Message)]
pub struct OutboundRoutes {
    #[prost(message, repeated, tag = "1")]
    pub routes: Vec<OutboundRoute>,
    #[prost(message, optional, tag = "2")]
    pub failure_accrual: Option<FailureAccrual>,
}
#[derive(Clone, PartialEq, Message)]
pub struct OutboundRoute {
    #[prost(message, optional, tag = "1")]
    pub metadata: Option<Metadata>,
    #[prost(message, repeated, tag = "2")]
    pub hosts: Vec<HostMatch>,
    #[prost(message, repeated, tag = "3")]
    pub rules: Vec<Rule>,
}
/// Of opaque and of TLS connections.
#[derive(Clone, PartialEq, Message)]
pub struct StreamRoutes {
    #[prost(message, repeated, tag = "1")]
    pub routes: Vec<StreamRoute>,
}
#[derive(Clone, PartialEq, Message)]
pub struct StreamRoute {
    #[prost(message, optional, tag = "1")]
    pub metadata: Option<Metadata>,
    #[prost(message, repeated, tag = "3")]
    pub rules: Vec<StreamRule>,
}
#[derive(Clone, PartialEq, Message)]
pub struct StreamRule {
    #[prost(message, optional, tag = "1")]
    pub backends: Option<Distribution>,
}
/// A rule of a route; an inbound one has no backends.
#[derive(Clone, PartialEq, Message)]
pub struct Rule {
    #[prost(message, repeated, tag = "1")]
    pub matches: Vec<RouteMatch>,
    #[prost(message, repeated, tag = "2")]
    pub filters: Vec<Filter>,
    #[prost(message, optional, tag = "3")]
    pub backends: Option<Distribution>,
    #[prost(message, optional, tag = "5")]
    pub timeouts: Option<Timeouts>,
    #[prost(message, optional, tag = "6")]
    pub retry: Option<Retry>,
}
/// Of HTTP, or of gRPC: the first field means a path in one and a method in the other, so it is read by [`RouteMatch::path`]
/// and [`RouteMatch::rpc`].
#[derive(Clone, PartialEq, Message)]
pub struct RouteMatch {
    #[prost(message, optional, tag = "1")]
    first: Option<Three>,
    #[prost(message, repeated, tag = "2")]
    pub headers: Vec<Name>,
    #[prost(message, optional, tag = "4")]
    pub method: Option<HttpMethod>,
}
#[derive(Clone, PartialEq, Message)]
struct Three {
    #[prost(string, optional, tag = "1")]
    one: Option<String>,
    #[prost(string, optional, tag = "2")]
    two: Option<String>,
    #[prost(string, optional, tag = "3")]
    three: Option<String>,
}
#[derive(Clone, PartialEq, Message)]
pub struct HostMatch {
    #[prost(string, optional, tag = "1")]
    pub exact: Option<String>,
    #[prost(message, optional, tag = "2")]
    pub suffix: Option<Suffix>,
}
#[derive(Clone, PartialEq, Message)]
pub struct Filter {
    #[prost(message, optional, tag = "1")]
    pub failure: Option<Failure>,
}
#[derive(Clone, PartialEq, Message)]
pub struct Failure {
    #[prost(uint32, tag = "1")]
    pub status: u32,
    #[prost(string, tag = "2")]
    pub message: String,
}
#[derive(Clone, PartialEq, Message)]
pub struct Timeouts {
    #[prost(message, optional, tag = "1")]
    pub response: Option<Duration>,
    #[prost(message, optional, tag = "2")]
    pub request: Option<Duration>,
    #[prost(message, optional, tag = "3")]
    pub idle: Option<Duration>,
}
#[derive(Clone, PartialEq, Message)]
pub struct Retry {
    #[prost(uint32, tag = "1")]
    pub max_retries: u32,
}
#[derive(Clone, PartialEq, Message)]
pub struct Distribution {
    #[prost(message, optional, tag = "2")]
    pub first: Option<Backends>,
    #[prost(message, optional, tag = "3")]
    pub random: Option<WeightedBackends>,
}
#[derive(Clone, PartialEq, Message)]
pub struct Backends {
    #[prost(message, repeated, tag = "1")]
    pub backends: Vec<RouteBackend>,
}
#[derive(Clone, PartialEq, Message)]
pub struct WeightedBackends {
    #[prost(message, repeated, tag = "1")]
    pub backends: Vec<WeightedBackend>,
}
#[derive(Clone, PartialEq, Message)]
pub struct WeightedBackend {
    #[prost(message, optional, tag = "1")]
    pub backend: Option<RouteBackend>,
    #[prost(uint32, tag = "2")]
    pub weight: u32,
}
#[derive(Clone, PartialEq, Message)]
pub struct RouteBackend {
    #[prost(message, optional, tag = "1")]
    pub backend: Option<Backend>,
    #[prost(message, repeated, tag = "3")]
    pub filters: Vec<Filter>,
}
#[derive(Clone, PartialEq, Message)]
pub struct Backend {
    #[prost(message, optional, tag = "1")]
    pub metadata: Option<Metadata>,
}
#[derive(Clone, PartialEq, Message)]
pub struct FailureAccrual {
    #[prost(message, optional, tag = "1")]
    pub consecutive: Option<Consecutive>,
}
#[derive(Clone, PartialEq, Message)]
pub struct Consecutive {
    #[prost(uint32, tag = "1")]
    pub max_failures: u32,
}

impl RouteMatch {
    /// `/ready`, `/shop/*`, `~ /a.*`
    pub fn path(&self) -> Option<String> {
        let first = self.first.as_ref()?;
        let prefix = first.two.as_ref().map(|prefix| format!("{}/*", prefix.trim_end_matches('/')));
        first.one.clone().or(prefix).or_else(|| first.three.as_ref().map(|regex| format!("~ {regex}")))
    }
    /// `shop.Cart/Get`, `shop.Cart/*`
    pub fn rpc(&self) -> Option<String> {
        let first = self.first.as_ref()?;
        let part = |part: &Option<String>| part.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| "*".to_owned());
        Some(format!("{}/{}", part(&first.one), part(&first.two)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        let path = |one: Option<&str>, two: Option<&str>, three: Option<&str>| {
            let own = |part: Option<&str>| part.map(str::to_owned);
            RouteMatch { first: Some(Three { one: own(one), two: own(two), three: own(three) }), ..RouteMatch::default() }
        };
        assert_eq!(path(Some("/ready"), None, None).path().as_deref(), Some("/ready"));
        assert_eq!(path(None, Some("/"), None).path().as_deref(), Some("/*"));
        assert_eq!(path(None, None, Some("/a.*")).path().as_deref(), Some("~ /a.*"));
        assert_eq!(path(Some("shop.Cart"), Some(""), None).rpc().as_deref(), Some("shop.Cart/*"));
    }
}
