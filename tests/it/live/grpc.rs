//! Calls over gRPC through a port-forward, against a server that speaks real HTTP/2.

use super::ask;
use super::server::{Reply, Request, Server, status};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use meshctl::facts::{At, Grpc, Need, Outcome, RootIn, Take, grpc};
use meshctl::source::live::Given;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

/// What a call gets.
pub enum Said {
    /// These messages, and the end.
    All(Vec<Vec<u8>>),
    /// These messages, and then nothing for ever.
    Endless(Vec<Vec<u8>>),
    /// A code of gRPC with its words.
    Status(u32, &'static str),
}

type Answers = dyn Fn(&str, &[u8]) -> Said + Send + Sync;

/// A gRPC server on a port of the loopback; it gets the method and the request.
pub async fn serve(answers: impl Fn(&str, &[u8]) -> Said + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let answers: Arc<Answers> = Arc::new(answers);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(connection(stream, answers.clone()));
        }
    });
    port
}

/// The same over TLS, and the PEM of the root that it is signed by.
async fn serve_secured(name: &str, answers: impl Fn(&str, &[u8]) -> Said + Send + Sync + 'static) -> (u16, String) {
    let (acceptor, root) = super::tls::secured(name);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let answers: Arc<Answers> = Arc::new(answers);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, answers) = (acceptor.clone(), answers.clone());
            tokio::spawn(async move {
                // Who does not trust it goes away.
                if let Ok(stream) = acceptor.accept(stream).await {
                    connection(stream, answers).await;
                }
            });
        }
    });
    (port, root)
}

async fn connection(stream: impl AsyncRead + AsyncWrite + Unpin, answers: Arc<Answers>) {
    let mut connection = h2::server::handshake(stream).await.unwrap();
    while let Some(Ok((request, respond))) = connection.accept().await {
        tokio::spawn(call(request, respond, answers.clone()));
    }
}

async fn call(
    request: http::Request<h2::RecvStream>,
    mut respond: h2::server::SendResponse<prost::bytes::Bytes>,
    answers: Arc<Answers>,
) {
    let method = request.uri().path().to_owned();
    let mut incoming = request.into_body();
    let mut body = Vec::new();
    while let Some(Ok(data)) = incoming.data().await {
        body.extend_from_slice(&data);
    }
    let head = http::Response::builder().header("content-type", "application/grpc").body(()).unwrap();
    let mut stream = respond.send_response(head, false).unwrap();
    // A flag and four bytes of length stand before each message.
    let (messages, code, words) = match answers(&method, &body[5..]) {
        Said::All(messages) => (messages, Some(0), ""),
        Said::Endless(messages) => (messages, None, ""),
        Said::Status(code, words) => (Vec::new(), Some(code), words),
    };
    for message in messages {
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        stream.send_data([&[0], length.as_slice(), &message].concat().into(), false).unwrap();
    }
    let Some(code) = code else { return std::future::pending().await };
    let mut end = http::HeaderMap::new();
    end.insert("grpc-status", code.into());
    end.insert("grpc-message", words.parse().unwrap());
    let _ = stream.send_trailers(end);
}

const FORWARD: &str = "/api/v1/namespaces/l5d/pods/dst-1/portforward";

fn need(method: &str, request: &[u8], take: Take) -> Need {
    let at = At::Pod { namespace: "l5d".into(), pod: "dst-1".into(), port: 8086 };
    Need::Grpc(Box::new(Grpc { at, method: method.into(), request: request.to_vec(), take, tls: None }))
}

fn came(outcome: &Outcome) -> Vec<Vec<u8>> {
    match outcome {
        Outcome::Bytes(bytes) => grpc::messages(bytes).into_iter().map(<[u8]>::to_vec).collect(),
        other => panic!("{other:?}"),
    }
}

async fn all(needs: &[Need], script: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) -> (Server, Vec<Outcome>) {
    let server = Server::start(script).await;
    let cluster = server.cluster(|options| options.request_timeout = Duration::from_secs(2)).await;
    let facts = ask(&cluster, needs.to_vec()).await;
    (server, needs.iter().map(|need| facts.get(need).expect("an answer").outcome.clone()).collect())
}

#[tokio::test]
async fn calls_to_one_place_share_a_port_forward_and_streams_need_no_end() {
    let port = serve(|method, request| match (method, request) {
        ("/a.B/Get", [7]) => Said::Endless(vec![vec![1, 2], Vec::new()]),
        ("/a.B/Get", _) => Said::All(vec![vec![3]]),
        ("/a.B/List", _) => Said::All((0..9).map(|i| vec![i]).collect()),
        ("/a.B/None", _) => Said::All(Vec::new()),
        ("/a.B/Gone", _) => Said::Status(5, "no such pod"),
        ("/a.B/Mute", _) => Said::Endless(Vec::new()),
        _ => Said::Status(12, ""),
    })
    .await;
    let needs = [
        need("/a.B/Get", &[7], Take::First),
        need("/a.B/Get", &[8], Take::One),
        need("/a.B/List", &[], Take::Upto(4)),
        need("/a.B/None", &[], Take::Upto(4)),
        need("/a.B/None", &[], Take::First),
        need("/a.B/Gone", &[], Take::One),
        need("/a.B/Other", &[], Take::One),
        need("/a.B/Mute", &[], Take::First),
    ];
    let script = move |request: &Request, _: usize| match request.path.as_str() {
        FORWARD => Reply::Through(port),
        other => panic!("{other}"),
    };
    let (server, got) = all(&needs, script).await;
    assert_eq!(came(&got[0]), [vec![1, 2], vec![]], "an empty message is one, too");
    assert_eq!(came(&got[1]), [[3]]);
    assert_eq!(came(&got[2]), [[0], [1], [2], [3]]);
    assert_eq!(came(&got[3]), Vec::<Vec<u8>>::new());
    assert!(matches!(&got[4], Outcome::Failed(why) if why.contains("without an answer")), "{:?}", got[4]);
    assert!(matches!(&got[5], Outcome::Absent(why) if why.contains("no such pod")), "{:?}", got[5]);
    assert!(matches!(&got[6], Outcome::Absent(why) if why.contains("B/Other")), "{:?}", got[6]);
    assert_eq!(got[7], Outcome::TimedOut("dst-1.l5d (port 8086) over gRPC: B/Mute: no answer within 2s".into()));
    assert_eq!(server.queries(FORWARD).len(), 1);
}

#[tokio::test]
async fn what_stands_in_the_way_is_said() {
    let needs = [need("/a.B/Get", &[], Take::One), need("/a.B/Get", &[1], Take::One)];
    let (_, got) = all(&needs, |_, _| status(403, "pods \"dst-1\" is forbidden")).await;
    assert!(matches!(&got[1], Outcome::Forbidden(why) if why.contains("pods/portforward")), "{got:?}");
    let (_, got) = all(&needs, |_, _| Reply::DeadTunnel("connect: connection refused")).await;
    assert!(matches!(&got[0], Outcome::Failed(why) if why.contains("connection refused")), "{got:?}");
    // Something else listens there.
    let script = |request: &Request, _: usize| if request.path == FORWARD { Reply::Tunnel } else { status(404, "no") };
    let (_, got) = all(&needs, script).await;
    assert!(matches!(&got[0], Outcome::Failed(_) | Outcome::TimedOut(_)), "{got:?}");
}

/// The root comes from a file or, if that is allowed, from its Secret, and the name is checked against it.
#[tokio::test(flavor = "multi_thread")]
async fn over_tls_nothing_is_said_to_somebody_else() {
    const NAME: &str = "instance.relay.l5d";
    let (port, root) = serve_secured(NAME, |_, _| Said::All(vec![vec![7]])).await;
    let (_, other) = serve_secured(NAME, |_, _| Said::All(Vec::new())).await;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, pem: &str| {
        std::fs::write(folder.path().join(name), pem).unwrap();
        Given { file: Some(folder.path().join(name)), from_cluster: false }
    };
    let secret = serde_json::json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "relay-certs", "namespace": "l5d"},
        "data": {"ca.crt": STANDARD.encode(&root)}});
    let script = move |request: &Request, _: usize| match request.path.as_str() {
        FORWARD => Reply::Through(port),
        "/api/v1/namespaces/l5d/secrets/relay-certs" => Reply::Json(200, secret.to_string()),
        "/api/v1/namespaces/l5d/secrets/hidden" => status(403, "secrets \"hidden\" is forbidden"),
        other => panic!("{other}"),
    };
    let server = Server::start(script).await;
    let call = |server_name: &str, secret: &str| {
        let at = At::Pod { namespace: "l5d".into(), pod: "dst-1".into(), port: 8086 };
        let key = "ca.crt".to_owned();
        let root = RootIn { server_name: server_name.into(), namespace: "l5d".into(), secret: secret.into(), key };
        Need::Grpc(Box::new(Grpc { at, method: "/a.B/Get".into(), request: Vec::new(), take: Take::One, tls: Some(root) }))
    };
    let ask = async |need: Need, roots: Given| {
        let cluster = server.cluster(|options| options.roots = roots).await;
        super::ask(&cluster, vec![need.clone()]).await.get(&need).expect("an answer").outcome.clone()
    };
    let cluster = || Given { file: None, from_cluster: true };
    for given in [file("root.pem", &root), cluster()] {
        assert_eq!(came(&ask(call(NAME, "relay-certs"), given).await), [[7]]);
    }
    let got = ask(call(NAME, "relay-certs"), Given::default()).await;
    assert!(matches!(&got, Outcome::NotAsked(why) if why.contains("Secret l5d/relay-certs")), "{got:?}");
    let got = ask(call(NAME, "hidden"), cluster()).await;
    assert!(matches!(&got, Outcome::Forbidden(why) if why.contains("`get` on secrets")), "{got:?}");
    let got = ask(call(NAME, "relay-certs"), file("other.pem", &other)).await;
    assert!(matches!(&got, Outcome::Failed(why) if why.contains("not one to trust")), "{got:?}");
    let got = ask(call("other.relay.l5d", "relay-certs"), cluster()).await;
    assert!(matches!(&got, Outcome::Failed(why) if why.contains("not one to trust as other.relay.l5d")), "{got:?}");
}
