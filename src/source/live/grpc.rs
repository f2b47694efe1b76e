//! Calls over gRPC to one port of one pod: one port-forward, one HTTP/2 connection, and all calls at once over it.

use super::ads::{Plain, channel, refused_certificate, said};
use super::call::{Caller, spoken};
use super::http::{Given, rooted};
use super::tunnel::{Forward, Secured};
use super::why::why;
use crate::facts::{At, Grpc, Outcome, RootIn, Take, grpc};
use futures::StreamExt;
use http::uri::PathAndQuery;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tonic::transport::Channel;

/// Calls at a time over one connection.
const CONCURRENT: usize = 32;
/// One message.
const LIMIT: usize = 256 << 20;
/// After such a pause a stream without an end has said what it knows.
const PAUSE: Duration = Duration::from_millis(250);
/// Of a stream that never pauses, so many messages are taken.
const CHATTER: usize = 64;

/// An outcome, and what is missing from it.
pub type Answered = (Outcome, Option<String>);

/// The answers, in the order of the calls; all are for the same place.
pub async fn ask(caller: &Caller, at: &At, tls: Option<(&RootIn, &Given)>, calls: &[&Grpc]) -> Vec<Answered> {
    let place = format!("{at} over gRPC");
    let opening = timeout(caller.deadline, open(caller, at, tls, &place)).await;
    let late = |_| Outcome::TimedOut(format!("{place}: no connection within {}", spoken(caller.deadline)));
    let (channel, mut forward) = match opening.map_err(late).and_then(|opened| opened) {
        Ok(opened) => opened,
        Err(outcome) => return vec![(outcome, None); calls.len()],
    };
    let asked = calls.iter().map(|call| one(channel.clone(), call, &place, caller.deadline));
    let mut answers: Vec<Answered> = futures::stream::iter(asked).buffered(CONCURRENT).collect().await;
    let broken = |(outcome, _): &Answered| matches!(outcome, Outcome::Failed(_));
    // "Connection closed" is what we see; the pod's side may have said why.
    if answers.iter().all(broken)
        && let Some(forward) = &mut forward
        && let Some(complaint) = forward.complaint().await
    {
        answers.fill((Outcome::Failed(format!("{place}: {}", complaint.trim())), None));
    }
    answers
}

async fn open(
    caller: &Caller,
    at: &At,
    tls: Option<(&RootIn, &Given)>,
    place: &str,
) -> Result<(Channel, Option<Forward>), Outcome> {
    let failed = |words: String| Outcome::Failed(format!("{place}: {words}"));
    // Before the way is opened: without a root nothing is said.
    let secured = match tls {
        Some((root, given)) => Some((rooted(caller, root, given).await?, root.server_name.as_str())),
        None => None,
    };
    match at {
        At::Address(address) => {
            let stream = super::client::dial(address).await;
            let stream = stream.map_err(|e| failed(format!("no connection: {}", why(&e))))?;
            Ok((spoken_to(stream, secured).await.map_err(failed)?, None))
        }
        At::Pod { namespace, pod, port } => {
            let (stream, forward) = Forward::open(caller, namespace, pod, *port, place).await?;
            Ok((spoken_to(stream, secured).await.map_err(failed)?, Some(forward)))
        }
    }
}

/// HTTP/2 over this connection, in the clear or once the other side has shown who it is.
async fn spoken_to(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    secured: Option<(Secured, &str)>,
) -> Result<Channel, String> {
    let Some((Secured { config, name }, shown)) = secured else { return channel(stream).await };
    let stream = tokio_rustls::TlsConnector::from(config).connect(name, stream).await;
    channel(stream.map_err(|error| refused_certificate(&error, shown))?).await
}

async fn one(channel: Channel, call: &Grpc, place: &str, deadline: Duration) -> Answered {
    let place = format!("{place}: {}", call.short_method());
    let late = || (Outcome::TimedOut(format!("{place}: no answer within {}", spoken(deadline))), None);
    let Ok(path) = PathAndQuery::try_from(call.method.as_str()) else {
        return (Outcome::Failed(format!("{place} is no method")), None);
    };
    let mut client = tonic::client::Grpc::new(channel).max_decoding_message_size(LIMIT);
    // One message is a stream that ends after it.
    let opening = async {
        client.ready().await.map_err(|e| Outcome::Failed(format!("{place}: {}", why(&e))))?;
        let request = tonic::Request::new(call.request.clone());
        client.server_streaming(request, path, Plain).await.map_err(|status| said(&status, &place))
    };
    let mut stream = match timeout(deadline, opening).await {
        Ok(Ok(response)) => response.into_inner(),
        Ok(Err(outcome)) => return (outcome, None),
        Err(_) => return late(),
    };
    let most = match call.take {
        Take::One => 1,
        Take::First => CHATTER,
        Take::Upto(most) => usize::try_from(most).unwrap_or(usize::MAX),
    };
    let (mut got, mut size): (Vec<Vec<u8>>, usize) = (Vec::new(), 0);
    let mut partial = None;
    while got.len() < most {
        let pausing = call.take == Take::First && !got.is_empty();
        match timeout(if pausing { PAUSE } else { deadline }, stream.message()).await {
            Ok(Ok(Some(message))) => {
                size += message.len();
                if size > LIMIT {
                    partial = Some(format!("it is longer than {LIMIT} bytes"));
                    break;
                }
                got.push(message);
            }
            Ok(Ok(None)) => break,
            Ok(Err(status)) if got.is_empty() => return (said(&status, &place), None),
            Ok(Err(status)) => {
                partial = said(&status, &place).reason().map(str::to_owned);
                break;
            }
            Err(_) if pausing => break,
            Err(_) if got.is_empty() => return late(),
            Err(_) => {
                partial = Some(format!("nothing came for {}", spoken(deadline)));
                break;
            }
        }
    }
    if got.is_empty() && !matches!(call.take, Take::Upto(_)) {
        return (Outcome::Failed(format!("{place}: the stream ended without an answer")), None);
    }
    (Outcome::Bytes(Arc::new(grpc::join(got.iter().map(Vec::as_slice)))), partial)
}
