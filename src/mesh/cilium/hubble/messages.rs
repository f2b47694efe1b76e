//! The few fields of Hubble's messages that are read (`observer.proto`, `flow.proto`, `relay.proto` of Cilium's API).

use prost::Message;

pub const FLOWS: &str = "/observer.Observer/GetFlows";
pub const STATUS: &str = "/observer.Observer/ServerStatus";

pub const FORWARDED: i32 = 1;
pub const L3_L4: i32 = 1;
pub const L7: i32 = 2;
/// Of a layer-7 flow: the request, not its response.
pub const REQUEST: i32 = 1;
pub const NODE_CONNECTED: i32 = 1;

#[derive(Clone, PartialEq, Message)]
pub struct GetFlows {
    /// The latest so many that fit.
    #[prost(uint64, tag = "1")]
    pub number: u64,
    /// One of them has to fit.
    #[prost(message, repeated, tag = "6")]
    pub allow: Vec<Filter>,
}
#[derive(Clone, PartialEq, Message)]
pub struct Filter {
    #[prost(int32, repeated, tag = "5")]
    pub verdict: Vec<i32>,
    #[prost(bool, repeated, tag = "15")]
    pub reply: Vec<bool>,
}

/// Of a stream of flows: one of the three.
#[derive(Clone, PartialEq, Message)]
pub struct Event {
    #[prost(message, optional, tag = "1")]
    pub flow: Option<Flow>,
    #[prost(message, optional, tag = "2")]
    pub nodes: Option<Nodes>,
    #[prost(message, optional, tag = "3")]
    pub lost: Option<Lost>,
    #[prost(string, tag = "1000")]
    pub node: String,
}
#[derive(Clone, PartialEq, Message)]
pub struct Flow {
    #[prost(message, optional, tag = "1")]
    pub time: Option<Time>,
    #[prost(int32, tag = "2")]
    pub verdict: i32,
    #[prost(message, optional, tag = "6")]
    pub l4: Option<Layer4>,
    #[prost(message, optional, tag = "8")]
    pub source: Option<End>,
    #[prost(message, optional, tag = "9")]
    pub destination: Option<End>,
    #[prost(int32, tag = "10")]
    pub kind: i32,
    #[prost(message, optional, tag = "15")]
    pub l7: Option<Layer7>,
    /// Missing where the agent can't tell.
    #[prost(message, optional, tag = "26")]
    pub is_reply: Option<Truth>,
}
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Time {
    #[prost(int64, tag = "1")]
    pub seconds: i64,
}
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Truth {
    #[prost(bool, tag = "1")]
    pub value: bool,
}
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Layer4 {
    #[prost(message, optional, tag = "1")]
    pub tcp: Option<Ports>,
    #[prost(message, optional, tag = "2")]
    pub udp: Option<Ports>,
    #[prost(message, optional, tag = "5")]
    pub sctp: Option<Ports>,
}
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Ports {
    #[prost(uint32, tag = "2")]
    pub destination: u32,
}
#[derive(Clone, PartialEq, Message)]
pub struct End {
    #[prost(string, tag = "3")]
    pub namespace: String,
    #[prost(string, tag = "5")]
    pub pod: String,
    #[prost(message, repeated, tag = "6")]
    pub workloads: Vec<Workload>,
}
#[derive(Clone, PartialEq, Message)]
pub struct Workload {
    #[prost(string, tag = "1")]
    pub name: String,
}
/// What was asked is never read: paths, headers and names may hold secrets.
#[derive(Clone, PartialEq, Message)]
pub struct Layer7 {
    #[prost(int32, tag = "1")]
    pub kind: i32,
    #[prost(message, optional, tag = "100")]
    pub dns: Option<Nothing>,
    #[prost(message, optional, tag = "101")]
    pub http: Option<Nothing>,
    #[prost(message, optional, tag = "102")]
    pub kafka: Option<Nothing>,
}
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Nothing {}
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Lost {
    #[prost(uint64, tag = "2")]
    pub number: u64,
}
#[derive(Clone, PartialEq, Message)]
pub struct Nodes {
    #[prost(int32, tag = "1")]
    pub state: i32,
    #[prost(string, repeated, tag = "2")]
    pub names: Vec<String>,
    #[prost(string, tag = "3")]
    pub message: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Status {
    #[prost(uint64, tag = "1")]
    pub flows: u64,
    #[prost(uint64, tag = "2")]
    pub most: u64,
    #[prost(uint64, tag = "3")]
    pub seen: u64,
    #[prost(uint64, tag = "4")]
    pub uptime_ns: u64,
    #[prost(message, optional, tag = "5")]
    pub connected: Option<Number>,
    #[prost(message, optional, tag = "6")]
    pub unavailable: Option<Number>,
    #[prost(string, repeated, tag = "7")]
    pub unavailable_names: Vec<String>,
    #[prost(string, tag = "8")]
    pub version: String,
}
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Number {
    #[prost(uint32, tag = "1")]
    pub value: u32,
}
