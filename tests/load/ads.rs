//! Proxies that are none: so many ADS streams to a control plane, each of which asks for clusters and listeners and
//! acknowledges what comes. To see how a fleet of thousands is read, without thousands of pods.
//!
//!     cargo run --release --example ads-load -- ADDRESS COUNT [NAMESPACE]
//!
//! ADDRESS is the plain xDS port (`127.0.0.1:15010`). Prints one line when everybody has acknowledged both types, and stays
//! until it is killed.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods, reason = "a tool of the benchmarks")]

use futures::StreamExt;
use http::uri::PathAndQuery;
use meshctl::source::live::{ADS_METHOD, Plain};
use prost::Message;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::mpsc;
use tonic::transport::{Channel, Endpoint};

const TYPES: [&str; 2] =
    ["type.googleapis.com/envoy.config.cluster.v3.Cluster", "type.googleapis.com/envoy.config.listener.v3.Listener"];
/// Servers allow a hundred streams on a connection, or more.
const STREAMS: usize = 100;

#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(string, tag = "1")]
    version_info: String,
    #[prost(message, optional, tag = "2")]
    node: Option<Node>,
    #[prost(string, tag = "4")]
    type_url: String,
    #[prost(string, tag = "5")]
    response_nonce: String,
}
#[derive(Clone, PartialEq, Message)]
struct Node {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(message, optional, tag = "3")]
    metadata: Option<Struct>,
}
#[derive(Clone, PartialEq, Message)]
struct Struct {
    #[prost(btree_map = "string, message", tag = "1")]
    fields: BTreeMap<String, Value>,
}
#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(oneof = "Kind", tags = "3, 5")]
    kind: Option<Kind>,
}
#[derive(Clone, PartialEq, prost::Oneof)]
enum Kind {
    #[prost(string, tag = "3")]
    Text(String),
    #[prost(message, tag = "5")]
    Fields(Struct),
}
#[derive(Clone, PartialEq, Message)]
struct Response {
    #[prost(string, tag = "1")]
    version_info: String,
    #[prost(string, tag = "4")]
    type_url: String,
    #[prost(string, tag = "5")]
    nonce: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let (Some(address), Some(count)) = (words.next(), words.next().and_then(|count| count.parse::<usize>().ok())) else {
        return Err("ads-load ADDRESS COUNT [NAMESPACE]".into());
    };
    let namespace = words.next().unwrap_or_else(|| "load".to_owned());
    let there = Arc::new(AtomicUsize::new(0));
    for first in (0..count).step_by(STREAMS) {
        let channel = Endpoint::from_shared(format!("http://{address}"))?.connect().await?;
        for number in first..count.min(first + STREAMS) {
            let (channel, namespace, there) = (channel.clone(), namespace.clone(), there.clone());
            tokio::spawn(async move {
                if let Err(status) = proxy(channel, number, &namespace, &there).await {
                    eprintln!("proxy {number}: {status}");
                }
            });
        }
    }
    while there.load(Ordering::Relaxed) < count {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    println!("{count} proxies have acknowledged");
    std::future::pending().await
}

async fn proxy(channel: Channel, number: usize, namespace: &str, there: &AtomicUsize) -> Result<(), tonic::Status> {
    let text = |text: &str| Value { kind: Some(Kind::Text(text.to_owned())) };
    let fields = [
        ("NAMESPACE", text(namespace)),
        ("CLUSTER_ID", text("Kubernetes")),
        ("ISTIO_VERSION", text("1.32.0")),
        ("PROXY_CONFIG", Value { kind: Some(Kind::Fields(Struct::default())) }),
    ];
    let node = Node {
        id: format!(
            "sidecar~10.{}.{}.{}~load-{number}.{namespace}~{namespace}.svc.cluster.local",
            100 + number / 65_536,
            number / 256 % 256,
            number % 256
        ),
        metadata: Some(Struct { fields: fields.map(|(key, value)| (key.to_owned(), value)).into() }),
    };
    let (send, receive) = mpsc::unbounded_channel::<Vec<u8>>();
    let requests = futures::stream::unfold(receive, |mut receive| async { Some((receive.recv().await?, receive)) });
    for kind in TYPES {
        let first = Request { node: Some(node.clone()), type_url: kind.to_owned(), ..Request::default() };
        let _ = send.send(first.encode_to_vec());
    }
    let mut client = tonic::client::Grpc::new(channel).max_decoding_message_size(64 << 20);
    client.ready().await.map_err(|e| tonic::Status::unavailable(e.to_string()))?;
    let answers = client.streaming(tonic::Request::new(requests), PathAndQuery::from_static(ADS_METHOD), Plain).await?;
    let mut answers = answers.into_inner();
    let mut came = Vec::new();
    while let Some(bytes) = answers.next().await {
        let response = Response::decode(bytes?.as_slice()).map_err(|e| tonic::Status::internal(e.to_string()))?;
        let Response { version_info, type_url, nonce } = response;
        if !came.contains(&type_url) {
            came.push(type_url.clone());
            if came.len() == TYPES.len() {
                there.fetch_add(1, Ordering::Relaxed);
            }
        }
        let _ = send.send(Request { version_info, node: None, type_url, response_nonce: nonce }.encode_to_vec());
    }
    Ok(())
}
