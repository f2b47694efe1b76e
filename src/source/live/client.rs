//! The client of an API server: kube's own layers over connections that send at once what they have.
//!
//! kube's connections wait with a small request until the one before it was acknowledged (Nagle's algorithm), and a server
//! with nothing to say acknowledges 40 ms late: so long the first request of every resumed TLS session waits, for its
//! handshake ends with a message of ours (kube-rs issue 2056).

use http::Uri;
use http_body_util::BodyExt;
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo};
use kube::client::{Body, ClientBuilder, ConfigExt};
use kube::{Client, Config};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, BufReader, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tower::{BoxError, Service, ServiceBuilder};
use tower_http::decompression::DecompressionLayer;

/// There and back.
const NEAR: Duration = Duration::from_millis(1);

/// How far away a server is, once there was a connection to it.
#[derive(Clone, Default)]
pub struct Distance(Arc<AtomicU64>);

impl Distance {
    /// Of so many microseconds there and back; zero is not known.
    fn measured(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
        let nearer = |known: u64| (known == 0 || took < known).then_some(took);
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, nearer);
    }

    /// On this machine, or in the next room.
    pub fn is_near(&self) -> bool {
        let known = self.0.load(Ordering::Relaxed);
        known > 0 && Duration::from_micros(known) < NEAR
    }
}

pub fn client(config: Config, distance: &Distance) -> kube::Result<Client> {
    // kube knows the ways through proxies; there, what is in between has its own waits.
    if config.proxy_url.is_some() {
        return Client::try_from(config);
    }
    let auth = config.auth_layer()?;
    let mut connector = TimeoutConnector::new(config.rustls_https_connector_with_connector(at_once(distance.clone()))?);
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

fn at_once(
    distance: Distance,
) -> impl Service<Uri, Response = TokioIo<Wide>, Error = BoxError, Future: Send + 'static> + Clone + Send + Sync + 'static {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    tower::service_fn(move |to: Uri| {
        let (connecting, distance, begun) = (connector.call(to), distance.clone(), Instant::now());
        async move {
            let stream = connecting.await?;
            distance.measured(begun.elapsed());
            Ok::<_, BoxError>(Wide::of(stream))
        }
    })
}

/// TLS asks for four kilobytes at a time; so much is taken from the system at once.
const TAKEN: usize = 64 << 10;

struct Wide(BufReader<TcpStream>);

impl Wide {
    fn of(stream: TokioIo<TcpStream>) -> TokioIo<Wide> {
        TokioIo::new(Wide(BufReader::with_capacity(TAKEN, stream.into_inner())))
    }
}

impl Connection for Wide {
    fn connected(&self) -> Connected {
        self.0.get_ref().connected()
    }
}

impl AsyncRead for Wide {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, to)
    }
}

impl AsyncWrite for Wide {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(context, parts)
    }
    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_way_tells_how_far_it_is() {
        let distance = Distance::default();
        assert!(!distance.is_near(), "nothing is known");
        for (took, near) in [(30_000, false), (400, true), (50_000, true), (0, true)] {
            distance.measured(Duration::from_micros(took));
            assert_eq!(distance.is_near(), near, "after {took}");
        }
    }

    #[tokio::test]
    async fn connections_send_at_once() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let stream =
            at_once(Distance::default()).call(format!("https://{address}").parse().expect("a URI")).await.expect("a connection");
        assert!(stream.inner().0.get_ref().nodelay().expect("an option"));
        assert!(dial(&address).await.expect("a connection").nodelay().expect("an option"));
    }
}
