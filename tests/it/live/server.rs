//! A scripted server on a loopback port: what each request gets is a function of the request.

use futures::{SinkExt, StreamExt};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use meshctl::source::live::{Cluster, Options, connect};

#[derive(Clone, Debug, Default)]
pub struct Request {
    pub method: String,
    /// Without the query.
    pub path: String,
    pub query: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Request {
    pub fn header(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }
    fn parse(head: &str) -> Request {
        let mut lines = head.lines();
        let mut first = lines.next().unwrap_or_default().split(' ');
        let method = first.next().unwrap_or_default().to_owned();
        let target = first.next().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers = lines.filter_map(|line| line.split_once(": ")).map(|(k, v)| (k.to_ascii_lowercase(), v.to_owned()));
        Request { method, path: path.to_owned(), query: query.to_owned(), headers: headers.collect(), body: String::new() }
    }
}

pub enum Reply {
    Json(u16, String),
    With(u16, &'static str, String),
    /// The head promises more than is sent.
    Cut(String),
    /// Never a byte.
    Silence,
    /// A port-forward; what comes over it is answered by the same script.
    Tunnel,
    /// A port-forward to a server on this port of the loopback, whatever it speaks.
    Through(u16),
    /// A port-forward whose pod side can't connect.
    DeadTunnel(&'static str),
    /// A program that ran in a container: what it printed, and its last words if it failed.
    Ran(&'static str, Option<&'static str>),
}

pub fn ok(body: impl ToString) -> Reply {
    Reply::Json(200, body.to_string())
}

/// A `metav1.Status`.
pub fn status(code: u16, message: &str) -> Reply {
    let body = serde_json::json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message});
    Reply::Json(code, body.to_string())
}

type Script = dyn Fn(&Request, usize) -> Reply + Send + Sync;

#[derive(Clone)]
pub struct Server {
    pub port: u16,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// The script gets the request, and how many came for the same path before it.
    pub async fn start(script: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Server { port: listener.local_addr().unwrap().port(), seen: Arc::default() };
        let (me, script): (Server, Arc<Script>) = (server.clone(), Arc::new(script));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, me.clone(), script.clone()));
            }
        });
        server
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    /// Queries of the requests for this path, in order.
    pub fn queries(&self, path: &str) -> Vec<String> {
        self.seen().into_iter().filter(|request| request.path == path).map(|request| request.query).collect()
    }

    /// A cluster whose kubeconfig names this server.
    pub async fn cluster(&self, change: impl FnOnce(&mut Options)) -> Cluster {
        let config = Kubeconfig::new(&[("test", &self.url())]);
        let mut options = config.options();
        change(&mut options);
        connect(&options).await.unwrap().remove(0)
    }

    fn note(&self, request: &Request) -> usize {
        let mut seen = self.seen.lock().unwrap();
        let before = seen.iter().filter(|earlier| earlier.path == request.path).count();
        seen.push(request.clone());
        before
    }
}

/// A kubeconfig in a folder that goes away with it.
pub struct Kubeconfig {
    dir: tempfile::TempDir,
}

impl Kubeconfig {
    /// One context for each name and server; the first is current.
    pub fn new(contexts: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut text = format!("apiVersion: v1\nkind: Config\ncurrent-context: {}\n", contexts[0].0);
        text.push_str("users:\n- {name: me, user: {token: t0ken}}\nclusters:\n");
        for (name, server) in contexts {
            text.push_str(&format!("- {{name: {name}, cluster: {{server: \"{server}\"}}}}\n"));
        }
        text.push_str("contexts:\n");
        for (name, _) in contexts {
            text.push_str(&format!("- {{name: {name}, context: {{cluster: {name}, user: me}}}}\n"));
        }
        std::fs::write(dir.path().join("config"), text).unwrap();
        Kubeconfig { dir }
    }

    pub fn path(&self) -> PathBuf {
        self.dir.path().join("config")
    }

    pub fn options(&self) -> Options {
        Options { kubeconfig: Some(self.path()), request_timeout: Duration::from_secs(30), ..Default::default() }
    }
}

async fn serve(mut stream: TcpStream, server: Server, script: Arc<Script>) {
    let Some(request) = read(&mut stream).await else { return };
    let before = server.note(&request);
    match script(&request, before) {
        Reply::Silence => std::future::pending().await,
        Reply::Cut(body) => {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n";
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
        }
        Reply::Tunnel => tunnel(stream, &request, server, script, None).await,
        Reply::Through(port) => through(stream, &request, port).await,
        Reply::DeadTunnel(why) => tunnel(stream, &request, server, script, Some(why)).await,
        Reply::Ran(out, failed) => ran(stream, &request, out, failed).await,
        reply => {
            let _ = stream.write_all(&bytes(&reply, "close")).await;
        }
    }
}

fn bytes(reply: &Reply, connection: &str) -> Vec<u8> {
    let (code, header, body) = match reply {
        Reply::Json(code, body) => (*code, "X-Test: 1", body.as_str()),
        Reply::With(code, header, body) => (*code, *header, body.as_str()),
        _ => (500, "X-Test: 1", "not scripted here"),
    };
    let length = body.len();
    format!(
        "HTTP/1.1 {code} Code\r\nContent-Type: application/json\r\n{header}\r\nConnection: {connection}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut buffer = Vec::new();
    loop {
        if let Some((request, _)) = whole(&buffer) {
            return Some(request);
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            // A TLS handshake gets what a plain server says to it.
            Ok(n) if buffer.is_empty() && chunk[0] == 0x16 && n > 0 => {
                let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
                return None;
            }
            Ok(n) => buffer.extend_from_slice(&chunk[..n]),
        }
    }
}

/// A request with its body, and its length, once all of it is there.
fn whole(buffer: &[u8]) -> Option<(Request, usize)> {
    let end = buffer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let mut request = Request::parse(&String::from_utf8_lossy(&buffer[..end]));
    let length = request.header("content-length").first().and_then(|n| n.parse().ok()).unwrap_or(0);
    let body = buffer.get(end..end + length)?;
    request.body = String::from_utf8_lossy(body).into_owned();
    Some((request, end + length))
}

async fn websocket(mut stream: TcpStream, request: &Request) -> WebSocketStream<TcpStream> {
    let accept = derive_accept_key(request.header("sec-websocket-key")[0].as_bytes());
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    WebSocketStream::from_raw_socket(stream, Role::Server, None).await
}

/// An exec: channel 1 is stdout, 2 stderr, 3 how it ended.
async fn ran(stream: TcpStream, request: &Request, out: &str, failed: Option<&str>) {
    let mut socket = websocket(stream, request).await;
    let status = match failed {
        None => r#"{"metadata":{},"status":"Success"}"#.to_owned(),
        Some(_) => r#"{"metadata":{},"status":"Failure","message":"command terminated with exit code 1"}"#.to_owned(),
    };
    for (channel, text) in [(1, out), (2, failed.unwrap_or_default()), (3, status.as_str())] {
        let _ = socket.send(Message::binary([&[channel], text.as_bytes()].concat())).await;
    }
    let _ = socket.close(None).await;
}

/// The pod's side of a port-forward, in whichever protocol it was asked for.
enum Pod {
    /// `v4.channel.k8s.io`: channel 0 carries the bytes, channel 1 the complaint, and each begins with the port.
    WebSocket(Box<WebSocketStream<TcpStream>>),
    Spdy(TcpStream, Vec<u8>),
}

impl Pod {
    async fn of(mut stream: TcpStream, request: &Request) -> Pod {
        if request.header("upgrade") == ["SPDY/3.1"] {
            assert_eq!(
                (request.method.as_str(), request.header("x-stream-protocol-version")),
                ("POST", vec!["portforward.k8s.io"])
            );
            let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: SPDY/3.1\r\nConnection: Upgrade\r\n\r\n";
            stream.write_all(head.as_bytes()).await.unwrap();
            // Somebody who asks whether we are still there, and says what nobody has to know.
            stream.write_all(&[0x80, 3, 0, 6, 0, 0, 0, 4, 0, 0, 0, 2, 0x80, 3, 0, 4, 0, 0, 0, 4, 0, 0, 0, 0]).await.unwrap();
            return Pod::Spdy(stream, Vec::new());
        }
        let port: u16 = request.query.split("ports=").nth(1).unwrap().parse().unwrap();
        let mut socket = websocket(stream, request).await;
        let [low, high] = port.to_le_bytes();
        for channel in [0, 1] {
            socket.send(Message::binary(vec![channel, low, high])).await.unwrap();
        }
        Pod::WebSocket(Box::new(socket))
    }

    /// What comes for the port; nothing at the end. Can be asked again after it was left waiting.
    async fn hears(&mut self) -> Option<Vec<u8>> {
        match self {
            Pod::WebSocket(socket) => loop {
                match socket.next().await {
                    Some(Ok(Message::Binary(data))) => return Some(data[1..].to_vec()),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                    Some(Ok(_)) => {}
                }
            },
            Pod::Spdy(stream, come) => loop {
                if let Some(&[a, b, c, d, flags, e, f, g]) = come.first_chunk() {
                    let length = u32::from_be_bytes([0, e, f, g]) as usize;
                    if let Some(body) = come.get(8..8 + length) {
                        let body = body.to_vec();
                        come.drain(..8 + length);
                        match [a, b, c, d] {
                            [0, 0, 0, 3] if flags == 1 => return None,
                            [0, 0, 0, 3] => return Some(body),
                            // Streams, the end of the one that is ours alone, and an answer to what we asked.
                            [0x80, 3, 0, 1] | [0, 0, 0, 1] => {}
                            [0x80, 3, 0, 6] => assert_eq!(body, [0, 0, 0, 2]),
                            other => panic!("{other:?}"),
                        }
                        continue;
                    }
                }
                if !matches!(stream.read_buf(come).await, Ok(1..)) {
                    return None;
                }
            },
        }
    }

    /// On channel 0 the bytes, on 1 a complaint.
    async fn says(&mut self, channel: u8, bytes: &[u8]) -> bool {
        match self {
            Pod::WebSocket(socket) => socket.send(Message::binary([&[channel], bytes].concat())).await.is_ok(),
            Pod::Spdy(stream, _) => {
                let id = if channel == 0 { 3 } else { 1 };
                // In pieces, and the head of each by itself.
                for piece in bytes.chunks(30_000) {
                    let [_, e, f, g] = u32::try_from(piece.len()).unwrap().to_be_bytes();
                    for part in [&[0, 0, 0, id, 0, e, f, g][..], piece] {
                        if stream.write_all(part).await.is_err() {
                            return false;
                        }
                    }
                }
                true
            }
        }
    }

    async fn ends(mut self) {
        match &mut self {
            Pod::WebSocket(socket) => drop(WebSocketStream::close(socket, None).await),
            Pod::Spdy(stream, _) => {
                for id in [1, 3] {
                    let _ = stream.write_all(&[0, 0, 0, id, 1, 0, 0, 0]).await;
                }
                // Whoever reads has the end before the connection goes.
                let _ = stream.shutdown().await;
                while matches!(stream.read(&mut [0; 4096]).await, Ok(1..)) {}
            }
        }
    }
}

/// Bytes both ways, until one side ends.
async fn through(stream: TcpStream, request: &Request, port: u16) {
    let mut pod = Pod::of(stream, request).await;
    let mut there = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let mut chunk = vec![0; 16 << 10];
    loop {
        tokio::select! {
            heard = pod.hears() => match heard {
                Some(data) => there.write_all(&data).await.unwrap(),
                None => return,
            },
            read = there.read(&mut chunk) => match read {
                Ok(length) if length > 0 => {
                    if !pod.says(0, &chunk[..length]).await {
                        return;
                    }
                }
                _ => return pod.ends().await,
            },
        }
    }
}

async fn tunnel(stream: TcpStream, request: &Request, server: Server, script: Arc<Script>, dead: Option<&str>) {
    let mut pod = Pod::of(stream, request).await;
    let mut buffer = Vec::new();
    while let Some(data) = pod.hears().await {
        buffer.extend_from_slice(&data);
        if let Some(why) = dead {
            pod.says(1, why.as_bytes()).await;
            return pod.ends().await;
        }
        while let Some((inner, length)) = whole(&buffer) {
            buffer.drain(..length);
            let before = server.note(&inner);
            let reply = script(&inner, before);
            if matches!(reply, Reply::Silence) {
                std::future::pending::<()>().await;
            }
            if let Reply::Cut(body) = &reply {
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n{body}");
                pod.says(0, answer.as_bytes()).await;
                return pod.ends().await;
            }
            let answer = bytes(&reply, "keep-alive");
            if !pod.says(0, &answer).await {
                return;
            }
        }
    }
}
