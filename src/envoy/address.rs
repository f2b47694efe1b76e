//! Addresses: a socket, a Unix socket, or a listener inside of the proxy.

use super::field::{Int, Text, push_number};
use serde::Deserialize;
use std::borrow::Cow;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Address<'a> {
    #[serde(borrow, alias = "socketAddress")]
    pub socket_address: Option<SocketAddress<'a>>,
    /// Boxed, as they are rare and there may be a hundred thousand addresses.
    #[serde(borrow)]
    pub pipe: Option<Box<Pipe<'a>>>,
    #[serde(borrow, alias = "envoyInternalAddress")]
    pub envoy_internal_address: Option<Box<InternalAddress<'a>>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SocketAddress<'a> {
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

    /// The address without its port: `10.0.0.1`, `unix://PATH`, `envoy://LISTENER/ENDPOINT`.
    pub fn name(&self) -> Cow<'_, str> {
        if let Some(socket) = &self.socket_address {
            return Cow::Borrowed(&socket.address);
        }
        if let Some(pipe) = &self.pipe {
            return Cow::Owned(format!("unix://{}", &*pipe.path));
        }
        self.internal().map_or(Cow::Borrowed("unknown"), Cow::Owned)
    }

    /// With its port, if it has one.
    pub fn with_port(&self) -> String {
        let mut all = self.name().into_owned();
        if self.port() != 0 {
            all.reserve_exact(6);
            all.push(':');
            push_number(self.port(), &mut all);
        }
        all
    }

    /// `envoy://LISTENER/ENDPOINT` for a listener inside of the proxy.
    pub fn internal(&self) -> Option<String> {
        let internal = self.envoy_internal_address.as_ref()?;
        Some(format!("envoy://{}/{}", &*internal.server_listener_name, &*internal.endpoint_id))
    }
}
