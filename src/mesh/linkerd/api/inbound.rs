//! Policies of the ports that a pod serves.

use super::outbound::{HostMatch, Rule};
use super::{Empty, IpNetwork, Labels, Metadata, Name, Suffix};
use prost::Message;

/// What governs one port of a pod.
#[derive(Clone, PartialEq, Message)]
pub struct Server {
    #[prost(message, optional, tag = "1")]
    pub protocol: Option<InboundProtocol>,
    #[prost(message, repeated, tag = "3")]
    pub authorizations: Vec<Authz>,
    #[prost(btree_map = "string, string", tag = "4")]
    pub labels: Labels,
}
#[derive(Clone, PartialEq, Message)]
pub struct InboundProtocol {
    #[prost(message, optional, tag = "1")]
    pub detect: Option<InboundDetect>,
    #[prost(message, optional, tag = "2")]
    pub opaque: Option<Empty>,
    #[prost(message, optional, tag = "3")]
    pub tls: Option<Empty>,
    #[prost(message, optional, tag = "4")]
    pub http1: Option<InboundRoutes>,
    #[prost(message, optional, tag = "5")]
    pub http2: Option<InboundRoutes>,
    #[prost(message, optional, tag = "6")]
    pub grpc: Option<InboundRoutes>,
}
#[derive(Clone, PartialEq, Message)]
pub struct InboundDetect {
    #[prost(message, repeated, tag = "3")]
    pub routes: Vec<InboundRoute>,
}
#[derive(Clone, PartialEq, Message)]
pub struct InboundRoutes {
    #[prost(message, repeated, tag = "2")]
    pub routes: Vec<InboundRoute>,
}
#[derive(Clone, PartialEq, Message)]
pub struct InboundRoute {
    #[prost(message, optional, tag = "1")]
    pub metadata: Option<Metadata>,
    #[prost(message, repeated, tag = "2")]
    pub hosts: Vec<HostMatch>,
    #[prost(message, repeated, tag = "3")]
    pub authorizations: Vec<Authz>,
    #[prost(message, repeated, tag = "4")]
    pub rules: Vec<Rule>,
}
#[derive(Clone, PartialEq, Message)]
pub struct Authz {
    #[prost(message, repeated, tag = "1")]
    pub networks: Vec<Network>,
    #[prost(message, optional, tag = "2")]
    pub authentication: Option<Authn>,
    #[prost(message, optional, tag = "4")]
    pub metadata: Option<Metadata>,
}
#[derive(Clone, PartialEq, Message)]
pub struct Network {
    #[prost(message, optional, tag = "1")]
    pub net: Option<IpNetwork>,
    #[prost(message, repeated, tag = "2")]
    pub except: Vec<IpNetwork>,
}
#[derive(Clone, PartialEq, Message)]
pub struct Authn {
    #[prost(message, optional, tag = "1")]
    pub unauthenticated: Option<Empty>,
    #[prost(message, optional, tag = "2")]
    pub mesh_tls: Option<MeshTls>,
}
#[derive(Clone, PartialEq, Message)]
pub struct MeshTls {
    /// Whoever has any certificate of the mesh, or none.
    #[prost(message, optional, tag = "1")]
    pub unauthenticated: Option<Empty>,
    #[prost(message, optional, tag = "2")]
    pub clients: Option<Clients>,
}
#[derive(Clone, PartialEq, Message)]
pub struct Clients {
    #[prost(message, repeated, tag = "1")]
    pub identities: Vec<Name>,
    #[prost(message, repeated, tag = "2")]
    pub suffixes: Vec<Suffix>,
}
