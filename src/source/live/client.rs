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
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, BufReader, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tower::{BoxError, Service, ServiceBuilder};
use tower_http::decompression::DecompressionLayer;

/// There and back, to somebody near.
const NEAR: Duration = Duration::from_millis(1);
/// The same with a TLS handshake, in which both sides calculate.
const AGREED: Duration = Duration::from_millis(15);

/// What connections to a server have told of how far away it is.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    #[default]
    Unknown,
    Far,
    /// Whoever takes the connection is near: the server, or a proxy that nobody sees.
    Begins,
    Near,
}

/// How far away a server is; the shortest way that was seen to it.
#[derive(Clone, Default)]
pub struct Distance(Arc<watch::Sender<Way>>);

impl Distance {
    fn tell(&self, way: Way) {
        self.0.send_if_modified(|known| {
            let nearer = *known < way;
            *known = way.max(*known);
            nearer
        });
    }

    /// There is a connection. Behind this machine's own loopback a tunnel may begin.
    pub fn connected(&self, took: Duration, loopback: bool) {
        self.tell(if took < NEAR && !loopback { Way::Begins } else { Way::Far });
    }

    /// The server has answered over it, if only with its certificate: a proxy that hands bytes on can't do that for it.
    pub fn reached(&self, took: Duration) {
        if *self.0.borrow() == Way::Begins && took < AGREED {
            self.tell(Way::Near);
        }
    }

    /// On this machine, or in the next room.
    pub fn is_near(&self) -> bool {
        *self.0.borrow() == Way::Near
    }

    /// The same while the first connection is made.
    pub async fn proves_near(&self) -> bool {
        let mut way = self.0.subscribe();
        for (from, longest) in [(Way::Far, 2 * NEAR), (Way::Near, AGREED)] {
            let told = timeout(longest, way.wait_for(|way| *way >= from)).await.is_ok();
            if !told || *self.0.borrow() == Way::Far {
                break;
            }
        }
        self.is_near()
    }
}

pub fn client(config: Config, distance: &Distance) -> kube::Result<Client> {
    // kube knows the ways through proxies; there, what is in between has its own waits.
    if config.proxy_url.is_some() {
        return Client::try_from(config);
    }
    let auth = config.auth_layer()?;
    let https = config.rustls_https_connector_with_connector(at_once(distance.clone()))?;
    let mut connector = TimeoutConnector::new(measured(https, distance.clone()));
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
            let loopback = stream.inner().peer_addr().is_ok_and(|server| server.ip().is_loopback());
            distance.connected(begun.elapsed(), loopback);
            Ok::<_, BoxError>(Wide::of(stream))
        }
    })
}

/// The whole way, with TLS.
fn measured<C>(
    connector: C,
    distance: Distance,
) -> impl Service<Uri, Response = C::Response, Error = BoxError, Future: Send + 'static> + Clone + Send + 'static
where
    C: Service<Uri, Error: Into<BoxError>, Future: Send + 'static> + Clone + Send + 'static,
{
    tower::service_fn(move |to: Uri| {
        let (connecting, distance, begun) = (connector.clone().call(to), distance.clone(), Instant::now());
        async move {
            let stream = connecting.await.map_err(Into::into)?;
            distance.reached(begun.elapsed());
            Ok(stream)
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
    use futures::{FutureExt, poll};
    use std::pin::pin;

    #[test]
    fn the_shortest_way_tells_how_far_it_is() {
        let distance = Distance::default();
        assert!(!distance.is_near(), "nothing is known");
        // Microseconds until there is a connection, on the loopback or not, and until there is TLS.
        let ways =
            [(30_000, false, 35_000, false), (100, true, 500, false), (400, false, 40_000, false), (400, false, 4_000, true)];
        for (connected, loopback, reached, near) in ways {
            distance.connected(Duration::from_micros(connected), loopback);
            distance.reached(Duration::from_micros(reached));
            assert_eq!(distance.is_near(), near, "after {connected} and {reached}");
        }
        distance.connected(Duration::from_secs(1), false);
        assert!(distance.is_near(), "it was reached sooner before");
    }

    #[tokio::test]
    async fn the_first_connection_is_waited_for_as_long_as_it_may_prove_something() {
        assert!(!Distance::default().proves_near().await, "nobody takes the connection");
        let far = Distance::default();
        far.connected(Duration::from_millis(5), false);
        assert_eq!(far.proves_near().now_or_never(), Some(false));
        let near = Distance::default();
        near.connected(Duration::ZERO, false);
        let mut proof = pin!(near.proves_near());
        assert!(poll!(&mut proof).is_pending());
        near.reached(Duration::from_millis(4));
        assert_eq!(poll!(&mut proof), Poll::Ready(true));
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
