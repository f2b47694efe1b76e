//! The client of an API server: kube's own layers over connections that send at once what they have.
//!
//! kube's connections wait with a small request until the one before it was acknowledged (Nagle's algorithm), and a server
//! with nothing to say acknowledges 40 ms late: so long the first request of every resumed TLS session waits, for its
//! handshake ends with a message of ours (kube-rs issue 2056).

use http_body_util::BodyExt;
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ClientBuilder, ConfigExt};
use kube::{Client, Config};
use std::io;
use tokio::net::TcpStream;
use tower::{BoxError, ServiceBuilder};
use tower_http::decompression::DecompressionLayer;

pub fn client(config: Config) -> kube::Result<Client> {
    // kube knows the ways through proxies; there, what is in between has its own waits.
    if config.proxy_url.is_some() {
        return Client::try_from(config);
    }
    let auth = config.auth_layer()?;
    let mut connector = TimeoutConnector::new(config.rustls_https_connector_with_connector(at_once())?);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    let client = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build::<_, Body>(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .map_response(|response: http::Response<_>| response.map(|body| BodyExt::map_err(body, BoxError::from)))
        .layer(DecompressionLayer::new().no_br().no_deflate().no_zstd().gzip(!config.disable_compression))
        .option_layer(auth)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(client);
    Ok(ClientBuilder::new(service, config.default_namespace.clone()).build())
}

/// To a place that the user names.
pub async fn dial(address: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn at_once() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector
}

#[cfg(test)]
mod tests {
    use super::*;
    use tower::Service;

    #[tokio::test]
    async fn connections_send_at_once() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let stream = at_once().call(format!("https://{address}").parse().expect("a URI")).await.expect("a connection");
        assert!(stream.inner().nodelay().expect("an option"));
        assert!(dial(&address).await.expect("a connection").nodelay().expect("an option"));
    }
}
