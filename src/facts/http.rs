//! A question to a control plane's own HTTP API, which may want TLS and a token.

use super::At;
use serde::{Deserialize, Serialize};

/// A GET. What a recording keeps of it says where, and neither a root nor a token.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Http {
    pub at: At,
    /// Without its leading slash.
    pub path: String,
    /// `None`: in the clear.
    pub tls: Option<Trust>,
    pub token: Option<TokenIn>,
    /// A header of the answer that says that the asker may not see all of it.
    #[serde(default)]
    pub filtered: String,
    /// One that says `deny` where nobody may see anything unless it is allowed.
    #[serde(default)]
    pub denies: String,
}

/// What the certificate of the other side must be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Trust {
    pub server_name: String,
    /// PEM, as the cluster publishes it.
    #[serde(skip)]
    pub roots: String,
}

/// Where the cluster keeps the root of a server's certificate, if that is no ConfigMap: read only when the user says so, or
/// he gives the root himself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RootIn {
    pub server_name: String,
    pub namespace: String,
    pub secret: String,
    pub key: String,
}

/// Where the cluster keeps a token, which is read only when the user says so. Without any the question is nobody's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TokenIn {
    /// The header it is sent in.
    pub header: String,
    pub namespace: String,
    pub secret: String,
    pub key: String,
}
