//! What control planes say they sent to each proxy, and what came back, in the words of xDS and of no mesh.

use jiff::Timestamp;
use serde::Serialize;
use std::sync::Arc;

/// The control planes of one mesh, and everybody who is connected to them.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    pub planes: Vec<Plane>,
    pub connections: Vec<Connection>,
    /// Why it is not even known which control planes there are.
    pub unseen: Option<String>,
}

impl Fleet {
    /// A control plane and those connected to it.
    pub fn add(&mut self, plane: Plane, transport: &'static str, connections: Vec<Connection>) {
        let transport = plane.failure.is_none().then_some(transport);
        self.planes.push(Plane { connections: connections.len(), transport, ..plane });
        self.connections.extend(connections);
    }
}

/// One replica of a control plane.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Plane {
    pub name: String,
    pub namespace: String,
    pub revision: String,
    /// Why it gave no answer.
    pub failure: Option<String>,
    /// `http` or `grpc`: how it answered.
    pub transport: Option<&'static str>,
    pub connections: usize,
}

/// What a control plane would send to one proxy.
#[derive(Clone, Debug)]
pub struct Intended {
    /// The replica that says so.
    pub plane: String,
    /// A dump in Envoy's form, or why there is none.
    pub dump: Result<Arc<Vec<u8>>, String>,
}

/// A proxy, as its control plane knows it.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    pub proxy: String,
    pub namespace: String,
    /// The cluster that the proxy says it is in.
    pub cluster: String,
    /// `sidecar`, `gateway`, `waypoint`, `ztunnel`; empty where the control plane doesn't say.
    pub kind: String,
    pub version: Option<String>,
    /// Position in [`Fleet::planes`].
    pub plane: usize,
    pub types: Vec<Subscription>,
}

impl Connection {
    /// When anything was last sent to it.
    pub fn latest(&self) -> Option<Timestamp> {
        self.types.iter().filter_map(|one| one.at).max()
    }
}

/// One type of resources that a proxy asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Subscription {
    /// `LDS`; the last part of the type's name where there is no short one.
    pub kind: String,
    pub sent: bool,
    /// The last that was sent is what was acknowledged.
    pub acknowledged: bool,
    /// Of the last that was sent.
    pub at: Option<Timestamp>,
    /// The proxy's words when it refused.
    pub error: Option<String>,
}

/// The short name of a type URL.
pub fn short(type_url: &str) -> String {
    let last = type_url.rsplit(['/', '.']).next().unwrap_or(type_url);
    let short = match last {
        "Cluster" => "CDS",
        "Listener" => "LDS",
        "RouteConfiguration" => "RDS",
        "ScopedRouteConfiguration" => "SRDS",
        "ClusterLoadAssignment" => "EDS",
        "Secret" => "SDS",
        "TypedExtensionConfig" => "ECDS",
        "NameTable" => "NDS",
        "ProxyConfig" => "PCDS",
        "Address" | "Workload" => "WDS",
        "Authorization" => "WADS",
        other => other,
    };
    short.to_owned()
}
