//! A question to a control plane in the protocol that proxies speak with it: one type of resources over a stream of the
//! aggregated discovery service (ADS).

use serde::{Deserialize, Serialize};
use std::fmt;

/// One question. Who asks it proves who he is by an account's token or a client certificate, whichever the user has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ads {
    pub at: At,
    /// `None`: in the clear.
    pub tls: Option<Tls>,
    /// Its token is asked of the API server.
    pub account: Option<Account>,
    /// Who we say we are: the identifier of a node.
    pub node: String,
    pub type_url: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum At {
    Pod {
        namespace: String,
        pod: String,
        port: u16,
    },
    /// `host:port`
    Address(String),
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            At::Pod { namespace, pod, port } => write!(f, "{pod}.{namespace} (port {port})"),
            At::Address(address) => f.write_str(address),
        }
    }
}

/// What the certificate of the other side must be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tls {
    pub server_name: String,
    /// The ConfigMap with the root certificates, and its key.
    pub namespace: String,
    pub config_map: String,
    pub key: String,
}

/// A service account whose token is shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Account {
    pub namespace: String,
    pub name: String,
    pub audience: String,
}

/// How control planes are asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Channel {
    pub transport: Transport,
    /// Instead of the control planes found in the cluster.
    pub address: Option<String>,
    /// The name its certificate must have, where that is not the usual one.
    pub authority: Option<String>,
    pub plaintext: bool,
    /// Proxies are asked too, where control planes tell of them.
    pub deep: bool,
    /// Also what would be sent to the proxies of these pods (namespace, name).
    pub dump_of: Vec<(String, String)>,
    /// The same, to every proxy whose pod is here.
    pub dump_of_all: bool,
    /// Also which objects of the cluster control planes have seen, in which state.
    pub objects: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Transport {
    /// HTTP, and gRPC where that is off
    #[default]
    Auto,
    /// The debug endpoint, through a port-forward: no token, no certificate
    Http,
    /// xDS (ADS) with a token or a client certificate
    Grpc,
}
