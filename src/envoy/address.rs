//! Addresses: a socket, a Unix socket, or a listener inside of the proxy.

use super::field::{Int, Text};
use serde::Deserialize;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Address<'a> {
    #[serde(borrow, alias = "socketAddress")]
    pub socket_address: Option<SocketAddress<'a>>,
    #[serde(borrow)]
    pub pipe: Option<Pipe<'a>>,
    #[serde(borrow, alias = "envoyInternalAddress")]
    pub envoy_internal_address: Option<InternalAddress<'a>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SocketAddress<'a> {
    #[serde(borrow)]
    pub protocol: Text<'a>,
    #[serde(borrow)]
    pub address: Text<'a>,
    #[serde(alias = "portValue")]
    pub port_value: Int,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Pipe<'a> {
    #[serde(borrow)]
    pub path: Text<'a>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct InternalAddress<'a> {
    #[serde(borrow, alias = "serverListenerName")]
    pub server_listener_name: Text<'a>,
    #[serde(borrow, alias = "endpointId")]
    pub endpoint_id: Text<'a>,
}

/// Some lists wrap each address in an object.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wrapped<'a> {
    #[serde(borrow)]
    pub address: Address<'a>,
}

impl Address<'_> {
    pub fn port(&self) -> u64 {
        self.socket_address.as_ref().map_or(0, |socket| socket.port_value.0)
    }

    /// `envoy://LISTENER/ENDPOINT` for a listener inside of the proxy.
    pub fn internal(&self) -> Option<String> {
        let internal = self.envoy_internal_address.as_ref()?;
        Some(format!("envoy://{}/{}", &*internal.server_listener_name, &*internal.endpoint_id))
    }
}
