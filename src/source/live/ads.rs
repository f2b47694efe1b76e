//! One question over xDS: an ADS stream on which one request is sent and one response awaited.
//!
//! Through a port-forward nothing listens on this machine. TLS is done here and not by tonic, so that a certificate that
//! doesn't fit is told in its own words, and so that verification is dropped only where the user says so.

use super::call::{Caller, escape, spoken};
use super::tls::Anything;
use super::tunnel::{Forward, Stream};
use super::why::why;
use crate::facts::{Account, Ads, At, Outcome, Tls};
use futures::StreamExt;
use http::uri::PathAndQuery;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{ConfigMap, ServiceAccount};
use kube::Api;
use kube::api::PostParams;
use prost::Message;
use prost::bytes::{Buf, BufMut};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Channel, Endpoint};

/// Aggregated discovery, state of the world.
pub const METHOD: &str = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";
/// The state of 10,000 proxies is some 30 MB.
const LIMIT: usize = 1 << 30;
/// gRPC's own windows of 64 KiB make a fleet's answer wait for a hundred round trips.
const WINDOW: u32 = 8 << 20;
const GRPC: &str = "over gRPC";
/// The shortest life that the API server gives a token.
const TOKEN_SECONDS: i64 = 600;

/// How we prove who we are to a control plane, and how far we trust it; from flags.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// With `cert-chain.pem`, `key.pem` and `root-cert.pem`.
    pub cert_dir: Option<PathBuf>,
    /// Take whatever certificate is shown.
    pub insecure: bool,
    /// They are asked in no other way.
    pub alone: bool,
}

#[derive(Clone, PartialEq, Message)]
struct DiscoveryRequest {
    #[prost(message, optional, tag = "2")]
    node: Option<Node>,
    #[prost(string, tag = "4")]
    type_url: String,
}
#[derive(Clone, PartialEq, Message)]
struct Node {
    #[prost(string, tag = "1")]
    id: String,
}

pub async fn ask(caller: &Caller, question: &Ads, credentials: &Credentials) -> Outcome {
    match asked(caller, question, credentials).await {
        Ok(body) => Outcome::Bytes(Arc::new(body)),
        // With TLS 1.3 a client certificate is refused after the handshake, and often by closing the connection.
        Err(Outcome::Failed(why)) if credentials.cert_dir.is_some() && why.contains(GRPC) => {
            Outcome::Failed(format!("{why} (it may not accept the client certificate)"))
        }
        Err(outcome) => outcome,
    }
}

async fn asked(caller: &Caller, question: &Ads, credentials: &Credentials) -> Result<Vec<u8>, Outcome> {
    let place = format!("{} {GRPC}", question.at);
    let failed = |why: String| Outcome::Failed(format!("{place}: {why}"));
    let late = |_| Outcome::TimedOut(format!("{place}: no answer within {}", spoken(caller.deadline)));
    let opening = async {
        let token = match &question.account {
            Some(account) if credentials.cert_dir.is_none() => Some(token(caller, account).await?),
            _ => None,
        };
        let (stream, forward) = connected(caller, &question.at, &place).await?;
        let stream: Box<dyn Stream> = match &question.tls {
            Some(tls) => {
                let config = configured(caller, tls, credentials).await?;
                let name = ServerName::try_from(tls.server_name.clone());
                let name = name.map_err(|_| failed(format!("{:?} is no name of a server", tls.server_name)))?;
                let secured = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await;
                Box::new(secured.map_err(|e| failed(refused_certificate(&e, &tls.server_name)))?)
            }
            None => stream,
        };
        Ok((channel(stream).await.map_err(failed)?, token, forward))
    };
    let (channel, token, _forward) = timeout(caller.deadline, opening).await.map_err(late)??;

    let body = DiscoveryRequest { node: Some(Node { id: question.node.clone() }), type_url: question.type_url.clone() };
    // The stream stays open until the answer is here: a client that is done sending is answered with an end.
    let requests = futures::stream::once(async move { body.encode_to_vec() }).chain(futures::stream::pending());
    let mut request = tonic::Request::new(requests);
    if let Some(token) = token {
        let value = format!("Bearer {token}").parse::<tonic::metadata::MetadataValue<_>>();
        let mut value = value.map_err(|_| failed("the token is none".to_owned()))?;
        value.set_sensitive(true);
        request.metadata_mut().insert("authorization", value);
    }
    let mut client = tonic::client::Grpc::new(channel).max_decoding_message_size(LIMIT);
    let answering = async {
        client.ready().await.map_err(|e| failed(why(&e)))?;
        let answers = client.streaming(request, PathAndQuery::from_static(METHOD), Plain).await;
        let mut answers = answers.map_err(|status| said(&status, &place))?.into_inner();
        match answers.message().await {
            Ok(Some(message)) => Ok(message),
            Ok(None) => Err(failed("the stream ended without an answer".to_owned())),
            Err(status) => Err(said(&status, &place)),
        }
    };
    timeout(caller.deadline, answering).await.map_err(late)?
}

/// HTTP/2 over a connection that is there already, once: it is not made again when it breaks.
pub(super) async fn channel(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Result<Channel, String> {
    let once = Arc::new(Mutex::new(Some(stream)));
    let connector = tower::service_fn(move |_: http::Uri| {
        let stream = once.lock().ok().and_then(|mut stream| stream.take());
        async move { stream.map(TokioIo::new).ok_or_else(|| std::io::Error::other("the connection ended")) }
    });
    let endpoint = Endpoint::from_static("http://control-plane");
    let endpoint = endpoint.initial_stream_window_size(WINDOW).initial_connection_window_size(WINDOW);
    endpoint.connect_with_connector(connector).await.map_err(|e| why(&e))
}

/// The bytes' way, and what must live as long as it does.
async fn connected(caller: &Caller, at: &At, place: &str) -> Result<(Box<dyn Stream>, Option<Forward>), Outcome> {
    match at {
        At::Address(address) => {
            let stream = super::client::dial(address).await;
            let stream = stream.map_err(|e| Outcome::Failed(format!("{place}: no connection: {}", why(&e))))?;
            Ok((Box::new(stream), None))
        }
        At::Pod { namespace, pod, port } => {
            let (stream, forward) = Forward::open(caller, namespace, pod, *port, place).await?;
            Ok((stream, Some(forward)))
        }
    }
}

async fn token(caller: &Caller, account: &Account) -> Result<String, Outcome> {
    let Account { namespace, name, audience } = account;
    let accounts: Api<ServiceAccount> = Api::namespaced(caller.client.clone(), namespace);
    let spec = TokenRequestSpec {
        audiences: Some(vec![audience.clone()]),
        expiration_seconds: Some(TOKEN_SECONDS),
        ..Default::default()
    };
    let asked = TokenRequest { spec: Some(spec), ..Default::default() };
    let given = accounts.create_token_request(&escape(name), &PostParams::default(), &asked).await;
    let given = given.map_err(|error| {
        let what = format!("a token of service account {namespace}/{name}");
        match &error {
            kube::Error::Api(status) if status.code == 403 => {
                Outcome::Forbidden(format!("{what} needs `create` on serviceaccounts/token: {}", status.message))
            }
            kube::Error::Api(status) => Outcome::Failed(format!("{what}: {}", status.message)),
            other => Outcome::Failed(format!("{what}: {}", why(other))),
        }
    })?;
    let token = given.status.and_then(|status| status.token).filter(|token| !token.is_empty());
    token.ok_or_else(|| Outcome::Failed("the API server answers a request for a token with none".to_owned()))
}

async fn configured(caller: &Caller, tls: &Tls, credentials: &Credentials) -> Result<rustls::ClientConfig, Outcome> {
    let unusable = |what: &str, why: String| Outcome::Failed(format!("{what}: {why}"));
    let own = |dir: &Path, name: &str| {
        let path = dir.join(name);
        std::fs::read(&path).map_err(|e| unusable(&path.display().to_string(), e.to_string()))
    };
    let builder = rustls::ClientConfig::builder();
    let builder = if credentials.insecure {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(Anything::new()))
    } else {
        let (pem, origin) = match &credentials.cert_dir {
            Some(dir) => (own(dir, "root-cert.pem")?, dir.join("root-cert.pem").display().to_string()),
            None => (published(caller, tls).await?, format!("ConfigMap {}/{}", tls.namespace, tls.config_map)),
        };
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|e| unusable(&origin, format!("no certificate: {e}")))?;
            roots.add(certificate).map_err(|e| unusable(&origin, e.to_string()))?;
        }
        if roots.is_empty() {
            return Err(unusable(&origin, "it holds no root certificate".to_owned()));
        }
        builder.with_root_certificates(roots)
    };
    let mut config = match &credentials.cert_dir {
        Some(dir) => {
            let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&own(dir, "cert-chain.pem")?).collect();
            let chain = chain.map_err(|e| unusable("cert-chain.pem", format!("no certificate: {e}")))?;
            let key = PrivateKeyDer::from_pem_slice(&own(dir, "key.pem")?);
            let key = key.map_err(|e| unusable("key.pem", format!("no private key: {e}")))?;
            builder.with_client_auth_cert(chain, key).map_err(|e| unusable("the client certificate", e.to_string()))?
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

/// The roots that the cluster itself says its control plane is signed by.
async fn published(caller: &Caller, tls: &Tls) -> Result<Vec<u8>, Outcome> {
    let Tls { namespace, config_map, key, .. } = tls;
    let what = format!("the root certificate in ConfigMap {namespace}/{config_map}");
    let maps: Api<ConfigMap> = Api::namespaced(caller.client.clone(), namespace);
    let map = maps.get(config_map).await.map_err(|error| match &error {
        kube::Error::Api(status) if status.code == 403 => Outcome::Forbidden(format!("{what}: {}", status.message)),
        kube::Error::Api(status) => Outcome::Failed(format!("{what}: {}", status.message)),
        other => Outcome::Failed(format!("{what}: {}", why(other))),
    })?;
    let pem = map.data.and_then(|mut data| data.remove(key));
    pem.map(String::into_bytes).ok_or_else(|| Outcome::Failed(format!("{what}: it has no key {key}")))
}

pub(super) fn refused_certificate(error: &std::io::Error, server_name: &str) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(why)) => {
            format!("the certificate shown is not one to trust as {server_name}: {why}")
        }
        _ => format!("no TLS: {}", why(error)),
    }
}

pub(super) fn said(status: &tonic::Status, place: &str) -> Outcome {
    // Of a connection that broke, tonic says no more than that it did; its source knows.
    let words = match std::error::Error::source(status) {
        Some(source) => why(source),
        None => status.message().to_owned(),
    };
    let text = format!("{place}: {words}");
    match status.code() {
        tonic::Code::Unauthenticated | tonic::Code::PermissionDenied => Outcome::Forbidden(text),
        tonic::Code::Unimplemented | tonic::Code::NotFound => Outcome::Absent(text),
        _ => Outcome::Failed(text),
    }
}

/// Messages as their bytes: what they mean is for whoever asked.
pub struct Plain;

impl Codec for Plain {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Plain;
    type Decoder = Plain;
    fn encoder(&mut self) -> Plain {
        Plain
    }
    fn decoder(&mut self) -> Plain {
        Plain
    }
}

impl Encoder for Plain {
    type Item = Vec<u8>;
    type Error = tonic::Status;
    fn encode(&mut self, item: Vec<u8>, into: &mut EncodeBuf<'_>) -> Result<(), tonic::Status> {
        into.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Plain {
    type Item = Vec<u8>;
    type Error = tonic::Status;
    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, tonic::Status> {
        let bytes: Bytes = from.copy_to_bytes(from.remaining());
        Ok(Some(bytes.into()))
    }
}
