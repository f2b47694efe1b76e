//! HTTP/1.1 to a port of a pod: one port-forward through the API server, one connection over it, one request after
//! another. Nothing listens on this machine.

use super::call::{Caller, escape, spoken};
use super::spdy::{self, Asked};
use super::why::why;
use crate::facts::Outcome;
use crate::source::memory;
use futures::FutureExt;
use futures::future::{BoxFuture, Either, Fuse, poll_fn, ready, select};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::Portforwarder;
use rustls::pki_types::ServerName;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout};

/// The deadline is for the next sign of life, because a dump of 200 MB over a slow link is no failure; in all, so many
/// deadlines.
const WHOLE: u32 = 30;

/// Most answers are shorter.
const FEW: usize = 64 << 10;
/// Of a long one so much is reserved.
const MANY: usize = 16 << 20;
/// So much memory is made ready at a time.
const READY: usize = 1 << 20;
/// What is reserved beforehand, whatever length the other side announces.
const RESERVED: usize = 64 << 20;

pub struct Tunnel {
    sender: http1::SendRequest<Full<Bytes>>,
    connection: Connection,
    forward: Forward,
    deadline: Duration,
}

/// What carries requests and answers. It goes on beside whoever waits for them, in his own task: as another one, each piece
/// of a long answer would wake up two threads.
struct Connection(Fuse<BoxFuture<'static, ()>>);

impl Connection {
    async fn beside<T>(&mut self, waiting: impl Future<Output = T>) -> T {
        let mut waiting = pin!(waiting);
        poll_fn(|context| {
            // What breaks it, whoever waits is told.
            let _ = self.0.poll_unpin(context);
            waiting.as_mut().poll(context)
        })
        .await
    }
}

/// One port of one pod, as a stream of bytes; the way ends with it.
pub struct Forward {
    /// What the pod's side says when it can't connect.
    complaint: Option<BoxFuture<'static, Option<String>>>,
    carrier: Option<Portforwarder>,
}

impl Drop for Forward {
    fn drop(&mut self) {
        if let Some(carrier) = &self.carrier {
            carrier.abort();
        }
    }
}

/// The bytes, and what goes with them.
type Opened = Result<(Box<dyn Stream>, Forward), Outcome>;

impl Forward {
    pub async fn open(caller: &Caller, namespace: &str, pod: &str, port: u16, place: &str) -> Opened {
        let websocket = Forward::over_websocket(caller, namespace, pod, port, place);
        if !caller.speaks_spdy() {
            return websocket.await;
        }
        let mut spdy = pin!(Forward::over_spdy(caller, namespace, pod, port, place));
        match timeout(caller.deadline / 2, &mut spdy).await {
            Ok(Some(opened)) => opened,
            Ok(None) => websocket.await,
            // Somebody on the way may swallow what he doesn't know.
            Err(_) => match select(spdy, pin!(websocket)).await {
                Either::Left((Some(opened), _)) => opened,
                Either::Left((None, websocket)) => websocket.await,
                Either::Right((Ok(opened), _)) => {
                    caller.no_spdy();
                    Ok(opened)
                }
                Either::Right((Err(failed), spdy)) => spdy.await.unwrap_or(Err(failed)),
            },
        }
    }

    /// Nothing where a WebSocket may do better.
    async fn over_spdy(caller: &Caller, namespace: &str, pod: &str, port: u16, place: &str) -> Option<Opened> {
        let path = format!("/api/v1/namespaces/{}/pods/{}/portforward?ports={port}", escape(namespace), escape(pod));
        match spdy::open(caller, &path, port).await {
            Asked::Open(stream, complaint) => {
                let complaint = Some(complaint.map(Result::ok).boxed());
                Some(Ok((stream, Forward { complaint, carrier: None })))
            }
            Asked::Absent(why) => Some(Err(Outcome::Absent(format!("{place}: {why}")))),
            Asked::Unspoken => {
                caller.no_spdy();
                None
            }
            Asked::Failed => None,
        }
    }

    async fn over_websocket(caller: &Caller, namespace: &str, pod: &str, port: u16, place: &str) -> Opened {
        let pods: Api<Pod> = Api::namespaced(caller.client.clone(), namespace);
        let mut opened = pods.portforward(pod, &[port]).await;
        // A connection to the API server that waited for its next use may be closed just then; a second one tells.
        if opened.as_ref().is_err_and(|error| !matches!(error, kube::Error::Api(_))) {
            opened = pods.portforward(pod, &[port]).await;
        }
        let mut carrier = opened.map_err(|e| refused(&e, place))?;
        let complaint = carrier.take_error(port).map(FutureExt::boxed);
        let stream = carrier.take_stream(port);
        let stream = stream.ok_or_else(|| Outcome::Failed(format!("{place}: the port-forward has no stream")))?;
        Ok((Box::new(stream), Forward { complaint, carrier: Some(carrier) }))
    }

    /// Why the pod's side could not connect, if that is what happened.
    pub async fn complaint(&mut self) -> Option<String> {
        timeout(Duration::from_millis(200), self.complaint.as_mut()?).await.ok().flatten()
    }
}

/// What the other side has to show before anything is said to it.
pub struct Secured {
    pub config: Arc<rustls::ClientConfig>,
    pub name: ServerName<'static>,
}

pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Is shown what has come so far, and whether that is all.
pub type Look<'l> = dyn FnMut(&[u8], bool) + Send + 'l;

/// What came.
pub struct Reply {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub body: Vec<u8>,
    /// Why the body ends before its end.
    pub broken: Option<String>,
}

impl Tunnel {
    /// `place` names the pod in failures.
    pub async fn open(caller: &Caller, namespace: &str, pod: &str, port: u16, place: &str) -> Result<Tunnel, Outcome> {
        Tunnel::open_to(caller, namespace, pod, port, place, None).await
    }

    /// The same over TLS, if the other side is to be somebody.
    pub async fn open_to(
        caller: &Caller,
        namespace: &str,
        pod: &str,
        port: u16,
        place: &str,
        secured: Option<Secured>,
    ) -> Result<Tunnel, Outcome> {
        let opening = async {
            let (stream, mut forward) = Forward::open(caller, namespace, pod, port, place).await?;
            let stream: Box<dyn Stream> = match secured {
                None => stream,
                Some(Secured { config, name }) => match tokio_rustls::TlsConnector::from(config).connect(name, stream).await {
                    Ok(stream) => Box::new(stream),
                    Err(error) => {
                        let complaint = forward.complaint().await.unwrap_or_else(|| format!("no TLS: {}", why(&error)));
                        return Err(Outcome::Failed(format!("{place}: {}", complaint.trim())));
                    }
                },
            };
            let (sender, connection) =
                http1::handshake(TokioIo::new(stream)).await.map_err(|e| Outcome::Failed(format!("{place}: {}", why(&e))))?;
            let mut connection = Connection(connection.map(drop).boxed().fuse());
            // The pod's side connects to the port before anything is said.
            connection.beside(ready(())).await;
            Ok(Tunnel { sender, connection, forward, deadline: caller.deadline })
        };
        match timeout(caller.deadline, opening).await {
            Ok(result) => result,
            Err(_) => Err(Outcome::TimedOut(format!("{place}: no port-forward within {}", spoken(caller.deadline)))),
        }
    }

    /// One exchange; a body that breaks off is kept as far as it came. After an error the tunnel is of no more use.
    pub async fn send(
        &mut self,
        request: http::Request<Full<Bytes>>,
        limit: usize,
        place: &str,
        look: &mut Look<'_>,
    ) -> Result<Reply, Outcome> {
        let late = || Outcome::TimedOut(format!("{place}: no answer within {}", spoken(self.deadline)));
        let until = Instant::now() + self.deadline * WHOLE;
        let sent = async {
            self.sender.ready().await?;
            self.sender.send_request(request).await
        };
        let response = match timeout(self.deadline, self.connection.beside(sent)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                // "Connection closed" is what we see; the pod's side may have said why.
                let complaint = self.forward.complaint().await.unwrap_or_else(|| why(&error));
                return Err(Outcome::Failed(format!("{place}: {}", complaint.trim())));
            }
            Err(_) => return Err(late()),
        };
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let mut incoming = response.into_body();
        let announced = usize::try_from(incoming.size_hint().exact().unwrap_or(0)).unwrap_or(usize::MAX);
        if announced > limit {
            return Err(Outcome::Failed(format!(
                "{place}: the answer is {announced} bytes long; more than {limit} are not taken"
            )));
        }
        let mut body = Vec::new();
        let mut made_ready = FEW;
        let broken = loop {
            let wait = self.deadline.min(until.saturating_duration_since(Instant::now()));
            match timeout(wait, self.connection.beside(incoming.frame())).await {
                Ok(None) => break None,
                Ok(Some(Ok(frame))) => {
                    let Some(data) = frame.data_ref() else { continue };
                    if body.len() + data.len() > limit {
                        break Some(format!("it is longer than {limit} bytes"));
                    }
                    grow(&mut body, data.len(), announced);
                    if body.len() + data.len() > made_ready {
                        made_ready = prepared(&mut body);
                    }
                    body.extend_from_slice(data);
                    look(&body, false);
                }
                Ok(Some(Err(error))) => break Some(why(&error)),
                Err(_) => break Some(format!("nothing came for {}", spoken(wait))),
            }
        };
        look(&body, true);
        Ok(Reply { status, headers, body, broken })
    }
}

/// Few say how long they are, and what grows by the half is copied as often as it is long: memory that nothing was written
/// to costs nothing.
fn grow(body: &mut Vec<u8>, by: usize, announced: usize) {
    if body.capacity() - body.len() < by {
        let few = body.capacity() < FEW;
        body.reserve(by.max(if few && announced < FEW { FEW } else { announced.clamp(MANY, RESERVED) }));
    }
}

/// Makes the next part of its memory ready, and tells how far that goes.
fn prepared(body: &mut Vec<u8>) -> usize {
    let (from, to) = (body.len(), body.capacity().min(body.len() + READY));
    memory::ready(body, from..to);
    to
}

fn refused(error: &kube::Error, place: &str) -> Outcome {
    match error {
        kube::Error::Api(status) if status.code == 403 => {
            Outcome::Forbidden(format!("{place} needs pods/portforward: {}", status.message))
        }
        kube::Error::Api(status) if status.code == 404 => Outcome::Absent(format!("{place}: {}", status.message)),
        kube::Error::Api(status) => Outcome::Failed(format!("{place}: the port-forward failed: {}", status.message)),
        other => Outcome::Failed(format!("{place}: the port-forward failed: {}", why(other))),
    }
}
