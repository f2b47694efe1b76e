//! What Linkerd's controllers say to its proxies: their messages, as far as anything of them is read. Field numbers are those
//! of Linkerd's API; what nobody reads is left out, and what is the same in several messages is one type here.

mod inbound;
mod outbound;

pub use inbound::{Authz, InboundProtocol, InboundRoute, Server};
pub use outbound::{
    Backend, Distribution, Filter, OutboundPolicy, OutboundRoute, OutboundRoutes, RouteMatch, Rule, StreamRoute, StreamRule,
};

use prost::Message;
use std::collections::BTreeMap;

pub const DESTINATION: &str = "/io.linkerd.proxy.destination.Destination";
pub const INBOUND: &str = "/io.linkerd.proxy.inbound.InboundServerPolicies";
pub const OUTBOUND: &str = "/io.linkerd.proxy.outbound.OutboundPolicies";

type Labels = BTreeMap<String, String>;

#[derive(Clone, PartialEq, Message)]
pub struct GetDestination {
    #[prost(string, tag = "1")]
    pub scheme: String,
    #[prost(string, tag = "2")]
    pub path: String,
}
#[derive(Clone, PartialEq, Message)]
pub struct PortSpec {
    #[prost(string, tag = "1")]
    pub workload: String,
    #[prost(uint32, tag = "2")]
    pub port: u32,
}
#[derive(Clone, PartialEq, Message)]
pub struct TrafficSpec {
    #[prost(string, tag = "1")]
    pub source_workload: String,
    #[prost(string, tag = "3")]
    pub authority: String,
}

/// One change of the endpoints of a Service.
#[derive(Clone, PartialEq, Message)]
pub struct Update {
    #[prost(message, optional, tag = "1")]
    pub add: Option<WeightedAddrSet>,
    #[prost(message, optional, tag = "2")]
    pub remove: Option<AddrSet>,
    #[prost(message, optional, tag = "3")]
    pub no_endpoints: Option<NoEndpoints>,
}
#[derive(Clone, PartialEq, Message)]
pub struct WeightedAddrSet {
    #[prost(message, repeated, tag = "1")]
    pub addrs: Vec<WeightedAddr>,
}
#[derive(Clone, PartialEq, Message)]
pub struct AddrSet {
    #[prost(message, repeated, tag = "1")]
    pub addrs: Vec<TcpAddress>,
}
#[derive(Clone, PartialEq, Message)]
pub struct NoEndpoints {
    #[prost(bool, tag = "1")]
    pub exists: bool,
}
#[derive(Clone, PartialEq, Message)]
pub struct WeightedAddr {
    #[prost(message, optional, tag = "1")]
    pub addr: Option<TcpAddress>,
    #[prost(uint32, tag = "3")]
    pub weight: u32,
    #[prost(btree_map = "string, string", tag = "4")]
    pub metric_labels: Labels,
    #[prost(message, optional, tag = "5")]
    pub tls_identity: Option<TlsIdentity>,
    #[prost(message, optional, tag = "6")]
    pub protocol_hint: Option<ProtocolHint>,
}
#[derive(Clone, PartialEq, Message)]
pub struct TlsIdentity {
    #[prost(message, optional, tag = "1")]
    pub dns_like: Option<Name>,
    #[prost(message, optional, tag = "3")]
    pub uri_like: Option<Name>,
}
/// A message of nothing but a name.
#[derive(Clone, PartialEq, Message)]
pub struct Name {
    #[prost(string, tag = "1")]
    pub name: String,
}
/// A message whose being there is all it says.
#[derive(Clone, PartialEq, Message)]
pub struct Empty {}
#[derive(Clone, PartialEq, Message)]
pub struct ProtocolHint {
    #[prost(message, optional, tag = "1")]
    pub h2: Option<Empty>,
    #[prost(message, optional, tag = "3")]
    pub opaque: Option<Empty>,
}
#[derive(Clone, PartialEq, Message)]
pub struct TcpAddress {
    #[prost(message, optional, tag = "1")]
    pub ip: Option<IpAddress>,
    #[prost(uint32, tag = "2")]
    pub port: u32,
}
#[derive(Clone, PartialEq, Message)]
pub struct IpAddress {
    #[prost(fixed32, optional, tag = "1")]
    pub ipv4: Option<u32>,
    #[prost(message, optional, tag = "2")]
    pub ipv6: Option<Ipv6>,
}
#[derive(Clone, PartialEq, Message)]
pub struct Ipv6 {
    #[prost(fixed64, tag = "1")]
    pub first: u64,
    #[prost(fixed64, tag = "2")]
    pub last: u64,
}
#[derive(Clone, PartialEq, Message)]
pub struct IpNetwork {
    #[prost(message, optional, tag = "1")]
    pub ip: Option<IpAddress>,
    #[prost(uint32, tag = "2")]
    pub prefix_len: u32,
}

/// What is known of a Service beside its endpoints: whether it is opaque, and the routes of its ServiceProfile.
#[derive(Clone, PartialEq, Message)]
pub struct DestinationProfile {
    #[prost(message, repeated, tag = "1")]
    pub routes: Vec<ProfileRoute>,
    #[prost(bool, tag = "4")]
    pub opaque_protocol: bool,
    #[prost(string, tag = "5")]
    pub fully_qualified_name: String,
    #[prost(message, optional, tag = "8")]
    pub profile_ref: Option<Metadata>,
}
#[derive(Clone, PartialEq, Message)]
pub struct ProfileRoute {
    #[prost(message, optional, tag = "1")]
    pub condition: Option<RequestMatch>,
    #[prost(btree_map = "string, string", tag = "3")]
    pub metrics_labels: Labels,
    #[prost(bool, tag = "4")]
    pub is_retryable: bool,
    #[prost(message, optional, tag = "5")]
    pub timeout: Option<Duration>,
}
#[derive(Clone, PartialEq, Message)]
pub struct RequestMatch {
    #[prost(message, optional, tag = "1")]
    pub all: Option<Sequence>,
    #[prost(message, optional, tag = "2")]
    pub any: Option<Sequence>,
    #[prost(message, optional, boxed, tag = "3")]
    pub not: Option<Box<RequestMatch>>,
    /// A regular expression.
    #[prost(message, optional, tag = "4")]
    pub path: Option<Name>,
    #[prost(message, optional, tag = "5")]
    pub method: Option<HttpMethod>,
}
#[derive(Clone, PartialEq, Message)]
pub struct Sequence {
    #[prost(message, repeated, tag = "1")]
    pub matches: Vec<RequestMatch>,
}
#[derive(Clone, PartialEq, Message)]
pub struct Duration {
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}
#[derive(Clone, PartialEq, Message)]
pub struct Metadata {
    #[prost(string, optional, tag = "1")]
    pub default: Option<String>,
    #[prost(message, optional, tag = "2")]
    pub resource: Option<Resource>,
}
#[derive(Clone, PartialEq, Message)]
pub struct Resource {
    #[prost(string, tag = "1")]
    pub group: String,
    #[prost(string, tag = "2")]
    pub kind: String,
    #[prost(string, tag = "3")]
    pub name: String,
    #[prost(string, tag = "4")]
    pub namespace: String,
    #[prost(uint32, tag = "6")]
    pub port: u32,
}
#[derive(Clone, PartialEq, Message)]
pub struct HttpMethod {
    #[prost(int32, optional, tag = "1")]
    pub registered: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub unregistered: Option<String>,
}
#[derive(Clone, PartialEq, Message)]
pub struct Suffix {
    #[prost(string, repeated, tag = "1")]
    pub parts: Vec<String>,
}

impl HttpMethod {
    pub fn name(&self) -> String {
        const REGISTERED: [&str; 9] = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "HEAD", "TRACE"];
        let known = |number: i32| REGISTERED.get(usize::try_from(number).ok()?).map(|name| (*name).to_owned());
        self.registered.and_then(known).or_else(|| self.unregistered.clone()).unwrap_or_default()
    }
}

impl Metadata {
    /// `HTTPRoute shop/cart-out`, `default http`; a name without a namespace is of that where it stands.
    pub fn title(&self) -> String {
        match (&self.resource, &self.default) {
            (Some(one), _) if one.namespace.is_empty() => format!("{} {}", one.kind, one.name),
            (Some(one), _) => format!("{} {}/{}", one.kind, one.namespace, one.name),
            (None, Some(name)) => format!("default {name}"),
            (None, None) => String::new(),
        }
    }
}

impl Duration {
    /// `3s`, `250ms`
    pub fn text(&self) -> String {
        let millis = self.seconds.saturating_mul(1000).saturating_add(i64::from(self.nanos) / 1_000_000);
        if millis % 1000 == 0 { format!("{}s", millis / 1000) } else { format!("{millis}ms") }
    }
}

impl IpAddress {
    pub fn text(&self) -> String {
        match (self.ipv4, &self.ipv6) {
            (Some(four), _) => core::net::Ipv4Addr::from(four).to_string(),
            (None, Some(six)) => core::net::Ipv6Addr::from(u128::from(six.first) << 64 | u128::from(six.last)).to_string(),
            (None, None) => String::new(),
        }
    }
}

impl IpNetwork {
    pub fn text(&self) -> String {
        format!("{}/{}", self.ip.as_ref().map(IpAddress::text).unwrap_or_default(), self.prefix_len)
    }
}

/// The endpoints after all these changes.
pub fn endpoints(updates: &[Update]) -> Vec<WeightedAddr> {
    let mut all: BTreeMap<(String, u32), WeightedAddr> = BTreeMap::new();
    let key = |addr: &TcpAddress| (addr.ip.as_ref().map(IpAddress::text).unwrap_or_default(), addr.port);
    for update in updates {
        for one in update.add.iter().flat_map(|set| &set.addrs) {
            all.extend(one.addr.as_ref().map(|addr| (key(addr), one.clone())));
        }
        for gone in update.remove.iter().flat_map(|set| &set.addrs) {
            all.remove(&key(gone));
        }
        if update.no_endpoints.is_some() {
            all.clear();
        }
    }
    all.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(last: u32) -> TcpAddress {
        TcpAddress { ip: Some(IpAddress { ipv4: Some(0x0af4_0000 + last), ipv6: None }), port: 80 }
    }

    #[test]
    fn endpoints_are_what_is_left_after_all_changes() {
        let add = |last: &[u32]| {
            let addrs = last.iter().map(|n| WeightedAddr { addr: Some(addr(*n)), ..WeightedAddr::default() }).collect();
            Update { add: Some(WeightedAddrSet { addrs }), ..Update::default() }
        };
        let names = |updates: &[Update]| -> Vec<String> {
            endpoints(updates).iter().filter_map(|one| Some(one.addr.as_ref()?.ip.as_ref()?.text())).collect()
        };
        let remove = Update { remove: Some(AddrSet { addrs: vec![addr(2)] }), ..Update::default() };
        let none = Update { no_endpoints: Some(NoEndpoints { exists: true }), ..Update::default() };
        assert_eq!(names(&[add(&[1, 2]), add(&[3]), remove]), ["10.244.0.1", "10.244.0.3"]);
        assert_eq!(names(&[add(&[1]), none]), Vec::<String>::new());
        let six = IpAddress { ipv4: None, ipv6: Some(Ipv6 { first: 0xfd00 << 48, last: 7 }) };
        assert_eq!((six.text().as_str(), IpAddress::default().text().as_str()), ("fd00::7", ""));
    }

    #[test]
    fn words() {
        let spell = |seconds, nanos| Duration { seconds, nanos }.text();
        assert_eq!((spell(3, 0), spell(0, 250_000_000), spell(1, 500_000_000)), ("3s".into(), "250ms".into(), "1500ms".into()));
        assert_eq!(HttpMethod { registered: Some(7), unregistered: None }.name(), "HEAD");
    }
}
