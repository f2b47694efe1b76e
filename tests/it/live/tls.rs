//! The certificates that a port shows, through a port-forward; and metrics of pods that no port-forward reaches.

use super::ask;
use super::server::{Reply, Server, status};
use meshctl::facts::{Need, Outcome};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const NAME: &str = "web.shop.serviceaccount.identity.l5d.cluster.local";

/// Shows a leaf of this name and its issuer; and their PEM. `strict` wants a certificate of its client as well.
pub fn acceptor(name: &str, strict: bool) -> (TlsAcceptor, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, "identity.l5d.cluster.local");
    let root = params.self_signed(&key).unwrap();
    let leaf_key = KeyPair::generate().unwrap();
    let mut leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
    // Long over: who looks does not mind.
    leaf.not_before = rcgen::date_time_ymd(2020, 1, 1);
    leaf.not_after = rcgen::date_time_ymd(2020, 1, 2);
    let leaf = leaf.signed_by(&leaf_key, &Issuer::from_params(&params, &key)).unwrap();
    let chain = vec![leaf.der().clone(), root.der().clone()];
    let pem = format!("{}{}", leaf.pem(), root.pem()).replace("\r\n", "\n");

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(root.der().clone()).unwrap();
    let clients = rustls::server::WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build().unwrap();
    let builder = if strict { builder.with_client_cert_verifier(clients) } else { builder.with_no_client_auth() };
    let config = builder.with_single_cert(chain, leaf_key.into()).unwrap();
    (TlsAcceptor::from(Arc::new(config)), pem)
}

/// Shows a leaf of this name that is valid and speaks HTTP/2; and the PEM of the root that signed it.
pub fn secured(name: &str) -> (TlsAcceptor, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = params.self_signed(&key).unwrap();
    let leaf_key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let leaf = leaf.signed_by(&leaf_key, &Issuer::from_params(&params, &key)).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_no_client_auth().with_single_cert(vec![leaf.der().clone()], leaf_key.into()).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    (TlsAcceptor::from(Arc::new(config)), root.pem())
}

async fn serve(strict: bool) -> (u16, String) {
    let (acceptor, pem) = acceptor(NAME, strict);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let _ = acceptor.accept(stream).await;
            });
        }
    });
    (port, pem)
}

fn need() -> Need {
    Need::Tls { namespace: "shop".into(), pod: "web-1".into(), port: 4191, server_name: NAME.into() }
}

async fn one(server: &Server, need: Need) -> Outcome {
    let cluster = server.cluster(|options| options.request_timeout = std::time::Duration::from_secs(5)).await;
    ask(&cluster, vec![need.clone()]).await.get(&need).expect("an answer").outcome.clone()
}

#[tokio::test]
async fn leaf_and_issuer_are_seen_however_old_and_whoever_may_come_in() {
    for strict in [false, true] {
        let (port, pem) = serve(strict).await;
        let server = Server::start(move |_, _| Reply::Through(port)).await;
        assert_eq!(one(&server, need()).await, Outcome::Text(pem), "{strict}");
    }
}

#[tokio::test]
async fn no_handshake_says_why() {
    let refused = Server::start(|_, _| status(403, "pods \"web-1\" is forbidden")).await;
    assert!(matches!(one(&refused, need()).await, Outcome::Forbidden(why) if why.contains("pods/portforward")));
    let dead = Server::start(|_, _| Reply::DeadTunnel("connect: connection refused")).await;
    assert!(matches!(one(&dead, need()).await, Outcome::Failed(why) if why.contains("connection refused")));
    let silent = super::grpc::serve(|_, _| super::grpc::Said::Status(2, "")).await;
    let plain = Server::start(move |_, _| Reply::Through(silent)).await;
    assert!(matches!(one(&plain, need()).await, Outcome::Failed(why) if why.contains("TLS")));
}

/// A pod that waits for its proxy is no running pod, and yet its proxy tells.
#[tokio::test]
async fn metrics_come_through_the_api_server_where_no_port_forward_is_possible() {
    let need = Need::PodMetrics {
        namespace: "shop".into(),
        pod: "web-1".into(),
        port: 4191,
        path: "metrics".into(),
        names: vec!["a".into()],
    };
    let server = Server::start(|request, _| match request.path.as_str() {
        "/api/v1/namespaces/shop/pods/web-1/portforward" => status(400, "pod is not running. Current status=Pending"),
        "/api/v1/namespaces/shop/pods/web-1:4191/proxy/metrics" => Reply::Json(200, "a 1\nb 2\n".into()),
        other => panic!("{other}"),
    })
    .await;
    assert_eq!(one(&server, need.clone()).await, Outcome::Text("a 1\n".into()));
    let neither = Server::start(|_, _| status(403, "not for you")).await;
    let Outcome::Forbidden(why) = one(&neither, need).await else { panic!("it was not refused") };
    assert!(why.contains("pods/portforward") && why.contains("nor through the API server"), "{why}");
}
