//! Messages that were recorded as JSON, as the bytes that they were on the wire.
//!
//! The table names the fields of Linkerd's API that stand in recordings; a field that it lacks is an error, so that nothing is
//! lost silently.

use prost::bytes::BufMut;
use prost::encoding::{self, WireType};
use serde_json::Value;

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    Truth,
    Fixed32,
    Fixed64,
    Float,
    /// `10s`
    Duration,
    /// Of text to text.
    Map,
    Method,
    Message(&'static str),
}
use Kind::{Duration, Fixed32, Fixed64, Float, Map, Message, Method, Number, Text, Truth};

type Field = (&'static str, u32, Kind);

/// A message by name; several that have the same fields share one.
fn fields(message: &str) -> &'static [Field] {
    match message {
        "Update" => &[("add", 1, Message("AddrSet")), ("remove", 2, Message("Removed")), ("noEndpoints", 3, Message("None"))],
        "AddrSet" => &[("addrs", 1, Message("Weighted")), ("metricLabels", 2, Map)],
        "Removed" => &[("addrs", 1, Message("Tcp"))],
        "None" => &[("exists", 1, Truth)],
        "Weighted" => &[
            ("addr", 1, Message("Tcp")),
            ("weight", 3, Number),
            ("metricLabels", 4, Map),
            ("tlsIdentity", 5, Message("Identity")),
            ("protocolHint", 6, Message("Hint")),
            ("http2", 8, Message("Http2")),
        ],
        "Tcp" => &[("ip", 1, Message("Ip")), ("port", 2, Number)],
        "Ip" => &[("ipv4", 1, Fixed32), ("ipv6", 2, Message("Ipv6"))],
        "Ipv6" => &[("first", 1, Fixed64), ("last", 2, Fixed64)],
        "Identity" => &[("dnsLikeIdentity", 1, Message("Name")), ("serverName", 4, Message("Name"))],
        "Name" => &[("name", 1, Text)],
        "Hint" => &[("h2", 1, Message("Empty")), ("opaqueTransport", 2, Message("Transport")), ("opaque", 3, Message("Empty"))],
        "Transport" => &[("inboundPort", 1, Number)],
        "Http2" => &[("keepAlive", 2, Message("KeepAlive"))],
        "KeepAlive" => &[("interval", 1, Duration), ("timeout", 2, Duration), ("whileIdle", 3, Truth)],
        "DestinationProfile" => &[
            ("routes", 1, Message("ProfileRoute")),
            ("retryBudget", 2, Message("Budget")),
            ("opaqueProtocol", 4, Truth),
            ("fullyQualifiedName", 5, Text),
            ("parentRef", 7, Message("Metadata")),
            ("profileRef", 8, Message("Metadata")),
        ],
        "ProfileRoute" => &[
            ("condition", 1, Message("Request")),
            ("metricsLabels", 3, Map),
            ("isRetryable", 4, Truth),
            ("timeout", 5, Duration),
        ],
        "Request" => &[("all", 1, Message("Requests")), ("path", 4, Message("Regex")), ("method", 5, Message("Method"))],
        "Requests" => &[("matches", 1, Message("Request"))],
        "Regex" => &[("regex", 1, Text)],
        "Method" => &[("registered", 1, Method)],
        "Budget" => &[("retryRatio", 1, Float), ("minRetriesPerSecond", 2, Number), ("ttl", 3, Duration)],
        "Metadata" => &[("default", 1, Text), ("resource", 2, Message("Resource"))],
        "Resource" => &[("group", 1, Text), ("kind", 2, Text), ("name", 3, Text), ("namespace", 4, Text), ("port", 6, Number)],
        "Server" => &[("protocol", 1, Message("Inbound")), ("authorizations", 3, Message("Authz")), ("labels", 4, Map)],
        "Inbound" => &[
            ("detect", 1, Message("InboundDetect")),
            ("opaque", 2, Message("Empty")),
            ("http1", 4, Message("InboundRoutes")),
            ("http2", 5, Message("InboundRoutes")),
            ("grpc", 6, Message("InboundRoutes")),
        ],
        "InboundDetect" => &[("timeout", 1, Duration), ("httpRoutes", 3, Message("InboundRoute"))],
        "InboundRoutes" => &[("routes", 2, Message("InboundRoute"))],
        "InboundRoute" => {
            &[("metadata", 1, Message("Metadata")), ("authorizations", 3, Message("Authz")), ("rules", 4, Message("Rule"))]
        }
        "Authz" => &[
            ("networks", 1, Message("Network")),
            ("authentication", 2, Message("Authn")),
            ("labels", 3, Map),
            ("metadata", 4, Message("Metadata")),
        ],
        "Network" => &[("net", 1, Message("Net"))],
        "Net" => &[("ip", 1, Message("Ip")), ("prefixLen", 2, Number)],
        "Authn" => &[("unauthenticated", 1, Message("Empty")), ("meshTLS", 2, Message("MeshTls"))],
        "MeshTls" => &[("unauthenticated", 1, Message("Empty")), ("identities", 2, Message("Clients"))],
        "Clients" => &[("identities", 1, Message("Name"))],
        "OutboundPolicy" => &[("protocol", 1, Message("Outbound")), ("metadata", 2, Message("Metadata"))],
        "Outbound" => &[
            ("detect", 1, Message("OutboundDetect")),
            ("opaque", 2, Message("StreamRoutes")),
            ("http1", 3, Message("OutboundRoutes")),
            ("http2", 4, Message("OutboundRoutes")),
            ("grpc", 5, Message("OutboundRoutes")),
        ],
        "OutboundDetect" => &[
            ("timeout", 1, Duration),
            ("opaque", 2, Message("StreamRoutes")),
            ("http1", 3, Message("OutboundRoutes")),
            ("http2", 4, Message("OutboundRoutes")),
        ],
        "OutboundRoutes" => &[("routes", 1, Message("OutboundRoute"))],
        "OutboundRoute" => &[("metadata", 1, Message("Metadata")), ("rules", 3, Message("Rule"))],
        "StreamRoutes" => &[("routes", 1, Message("StreamRoute"))],
        "StreamRoute" => &[("metadata", 1, Message("Metadata")), ("rules", 3, Message("StreamRule"))],
        "StreamRule" => &[("backends", 1, Message("Distribution"))],
        "Rule" => &[
            ("matches", 1, Message("Match")),
            ("backends", 3, Message("Distribution")),
            ("requestTimeout", 4, Duration),
            ("timeouts", 5, Message("Timeouts")),
        ],
        "Match" => &[("path", 1, Message("Path")), ("method", 4, Message("Method"))],
        "Path" => &[("exact", 1, Text), ("prefix", 2, Text), ("regex", 3, Text)],
        "Timeouts" => &[("response", 1, Duration), ("request", 2, Duration), ("idle", 3, Duration)],
        "Distribution" => &[
            ("empty", 1, Message("Empty")),
            ("firstAvailable", 2, Message("Backends")),
            ("randomAvailable", 3, Message("WeightedBackends")),
        ],
        "Backends" => &[("backends", 1, Message("RouteBackend"))],
        "WeightedBackends" => &[("backends", 1, Message("WeightedBackend"))],
        "WeightedBackend" => &[("backend", 1, Message("RouteBackend")), ("weight", 2, Number)],
        "RouteBackend" => {
            &[("backend", 1, Message("Backend")), ("filters", 3, Message("Filter")), ("requestTimeout", 4, Duration)]
        }
        "Filter" => &[("failureInjector", 1, Message("Failure"))],
        "Failure" => &[("status", 1, Number), ("message", 2, Text)],
        "Backend" => {
            &[("metadata", 1, Message("Metadata")), ("balancer", 3, Message("Balancer")), ("queue", 4, Message("Queue"))]
        }
        "Balancer" => &[("discovery", 1, Message("Discovery")), ("peakEwma", 2, Message("Ewma"))],
        "Discovery" => &[("dst", 1, Message("Path1"))],
        "Path1" => &[("path", 1, Text)],
        "Ewma" => &[("defaultRtt", 1, Duration), ("decay", 2, Duration)],
        "Queue" => &[("capacity", 1, Number), ("failfastTimeout", 2, Duration)],
        "Empty" => &[],
        other => panic!("no message {other}"),
    }
}

/// The message of this name.
pub fn encode(message: &str, json: &Value) -> Vec<u8> {
    let all = json.as_object().expect("a message");
    let known = fields(message);
    if let Some(lost) = all.keys().find(|key| !known.iter().any(|(name, ..)| name == key)) {
        panic!("{message} has {lost}, which nobody encodes");
    }
    let mut to = Vec::new();
    for (name, tag, kind) in known {
        match (all.get(*name), kind) {
            (None, _) => {}
            (Some(Value::Array(items)), _) => items.iter().for_each(|item| one(*tag, *kind, item, &mut to)),
            (Some(value), Map) => {
                let mut entries: Vec<_> = value.as_object().expect("a map").iter().collect();
                entries.sort_by_key(|(key, _)| (*key).clone());
                for (key, value) in entries {
                    let mut entry = Vec::new();
                    one(1, Text, &Value::from(key.as_str()), &mut entry);
                    // A value of no characters is left out, as every default.
                    if value != "" {
                        one(2, Text, value, &mut entry);
                    }
                    delimited(*tag, &entry, &mut to);
                }
            }
            (Some(value), _) => one(*tag, *kind, value, &mut to),
        }
    }
    to
}

fn one(tag: u32, kind: Kind, value: &Value, to: &mut Vec<u8>) {
    // Numbers of 64 bits are texts in JSON.
    let number = || value.as_u64().or_else(|| value.as_str()?.parse().ok()).expect("a number");
    let varint = |number: u64, to: &mut Vec<u8>| {
        encoding::encode_key(tag, WireType::Varint, to);
        encoding::encode_varint(number, to);
    };
    match kind {
        Text => delimited(tag, value.as_str().expect("a text").as_bytes(), to),
        Number => varint(number(), to),
        Truth => varint(value.as_bool().expect("yes or no").into(), to),
        Method => {
            const METHODS: [&str; 9] = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "HEAD", "TRACE"];
            let at = METHODS.iter().position(|name| value == name).expect("a method");
            varint(at as u64, to);
        }
        Fixed32 => {
            encoding::encode_key(tag, WireType::ThirtyTwoBit, to);
            to.put_u32_le(number().try_into().expect("32 bits"));
        }
        Fixed64 => {
            encoding::encode_key(tag, WireType::SixtyFourBit, to);
            to.put_u64_le(number());
        }
        Float => {
            encoding::encode_key(tag, WireType::ThirtyTwoBit, to);
            to.put_f32_le(value.as_f64().expect("a number") as f32);
        }
        Duration => {
            let seconds: f64 = value.as_str().and_then(|text| text.strip_suffix('s')?.parse().ok()).expect("a duration");
            let mut inner = Vec::new();
            for (tag, part) in [(1, seconds.trunc()), (2, (seconds.fract() * 1e9).round())] {
                if part != 0.0 {
                    encoding::encode_key(tag, WireType::Varint, &mut inner);
                    encoding::encode_varint(part as u64, &mut inner);
                }
            }
            delimited(tag, &inner, to);
        }
        Map => panic!("a map is no value"),
        Message(name) => delimited(tag, &encode(name, value), to),
    }
}

fn delimited(tag: u32, bytes: &[u8], to: &mut Vec<u8>) {
    encoding::encode_key(tag, WireType::LengthDelimited, to);
    encoding::encode_varint(bytes.len() as u64, to);
    to.extend_from_slice(bytes);
}
