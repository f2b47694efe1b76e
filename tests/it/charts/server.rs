//! A place that charts come from, on a loopback port: a Helm repository, and a small OCI registry.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

#[derive(Clone, Debug)]
pub struct Request {
    pub path: String,
    pub query: String,
    pub authorization: String,
}

#[derive(Clone, Default)]
pub struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    /// So many bytes more are promised than come.
    missing: usize,
}

impl Reply {
    pub fn ok(body: impl Into<Vec<u8>>) -> Reply {
        Reply { status: 200, body: body.into(), ..Reply::default() }
    }
    pub fn status(status: u16) -> Reply {
        Reply { status, ..Reply::default() }
    }
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Reply {
        self.headers.push((name, value.into()));
        self
    }
    pub fn cut_off(mut self) -> Reply {
        self.missing = 1000;
        self
    }
}

type Script = Box<dyn Fn(&Request) -> Option<Reply> + Send>;

pub struct Server {
    pub port: u16,
    seen: Arc<Mutex<Vec<Request>>>,
    scripts: Arc<Mutex<Vec<Script>>>,
}

impl Server {
    pub fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let server = Server { port, seen: Arc::default(), scripts: Arc::default() };
        let (seen, scripts) = (server.seen.clone(), server.scripts.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, scripts) = (seen.clone(), scripts.clone());
                std::thread::spawn(move || serve(stream, &seen, &scripts));
            }
        });
        server
    }

    /// The newest script that answers wins; what none answers is a 404.
    pub fn on(&self, script: impl Fn(&Request) -> Option<Reply> + Send + 'static) {
        self.scripts.lock().expect("scripts").push(Box::new(script));
    }

    pub fn file(&self, path: &str, reply: Reply) {
        let path = path.to_owned();
        self.on(move |request| (request.path == path).then(|| reply.clone()));
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn asked(&self) -> Vec<Request> {
        self.seen.lock().expect("requests").clone()
    }

    pub fn asked_for(&self, path: &str) -> usize {
        self.asked().iter().filter(|request| request.path == path).count()
    }

    /// An index of these archives, with their checksums.
    pub fn repository(&self, charts: &[(&str, &str, &[u8])]) {
        let mut by_name: BTreeMap<&str, String> = BTreeMap::new();
        for (name, version, bytes) in charts {
            let file = format!("{name}-{version}.tgz");
            let entry = format!("  - {{name: {name}, version: {version}, urls: [{file}], digest: {}}}\n", sha256(bytes));
            by_name.entry(name).or_default().push_str(&entry);
            self.file(&format!("/{file}"), Reply::ok(*bytes));
        }
        let entries: String = by_name.iter().map(|(name, list)| format!("  {name}:\n{list}")).collect();
        self.file("/index.yaml", Reply::ok(format!("apiVersion: v1\nentries:\n{entries}")));
    }

    /// A chart in a registry, by its tag.
    pub fn image(&self, path: &str, tag: &str, bytes: &[u8]) {
        self.signed_image(path, tag, bytes, None);
    }

    /// A chart in a registry, and what was signed of it.
    pub fn signed_image(&self, path: &str, tag: &str, bytes: &[u8], provenance: Option<&[u8]>) {
        let second = provenance.map_or(String::new(), |signed| {
            let digest = format!("sha256:{}", sha256(signed));
            self.file(&format!("/v2/{path}/blobs/{digest}"), Reply::ok(signed));
            format!(
                r#",{{"mediaType":"application/vnd.cncf.helm.chart.provenance.v1.prov","digest":"{digest}","size":{}}}"#,
                signed.len()
            )
        });
        let layer = format!("sha256:{}", sha256(bytes));
        let manifest = format!(
            r#"{{"schemaVersion":2,"config":{{"mediaType":"application/vnd.cncf.helm.config.v1+json","digest":"sha256:{}","size":2}},"layers":[{{"mediaType":"application/vnd.cncf.helm.chart.content.v1.tar+gzip","digest":"{layer}","size":{}}}{second}]}}"#,
            sha256(b"{}"),
            bytes.len()
        );
        let digest = format!("sha256:{}", sha256(manifest.as_bytes()));
        let reply = Reply::ok(manifest).with("Docker-Content-Digest", digest.clone());
        self.file(&format!("/v2/{path}/manifests/{tag}"), reply.clone());
        self.file(&format!("/v2/{path}/manifests/{digest}"), reply);
        self.file(&format!("/v2/{path}/blobs/{layer}"), Reply::ok(bytes));
    }
}

fn serve(stream: TcpStream, seen: &Mutex<Vec<Request>>, scripts: &Mutex<Vec<Script>>) {
    let mut lines = BufReader::new(match stream.try_clone() {
        Ok(stream) => stream,
        Err(_) => return,
    })
    .lines();
    let mut out = stream;
    loop {
        let Some(Ok(first)) = lines.next() else { return };
        let target = first.split(' ').nth(1).unwrap_or_default().to_owned();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let mut request = Request { path: path.to_owned(), query: query.to_owned(), authorization: String::new() };
        for line in lines.by_ref() {
            let Ok(line) = line else { return };
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(": ")
                && name.eq_ignore_ascii_case("authorization")
            {
                request.authorization = value.to_owned();
            }
        }
        seen.lock().expect("requests").push(request.clone());
        let reply = scripts.lock().expect("scripts").iter().rev().find_map(|script| script(&request));
        let reply = reply.unwrap_or_else(|| Reply::status(404));
        let mut head = format!("HTTP/1.1 {} X\r\nContent-Length: {}\r\n", reply.status, reply.body.len() + reply.missing);
        reply.headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
        let written = out.write_all(format!("{head}\r\n").as_bytes()).and_then(|()| out.write_all(&reply.body));
        if written.is_err() || reply.missing > 0 {
            let _ = out.shutdown(std::net::Shutdown::Both);
            return;
        }
    }
}

pub fn sha256(bytes: &[u8]) -> String {
    meshctl::source::charts::digest(bytes)
}

/// A packed chart of these files.
pub fn packed(files: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        // Set by hand: the library refuses paths that lead out.
        header.as_gnu_mut().expect("a header").name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        tar.append(&header, text.as_bytes()).expect("packed");
    }
    tar.into_inner().and_then(flate2::write::GzEncoder::finish).expect("packed")
}

/// A chart with one ConfigMap that says its version.
pub fn chart(name: &str, version: &str) -> Vec<u8> {
    let meta = format!("apiVersion: v2\nname: {name}\nversion: {version}\nappVersion: \"7\"\n");
    let template =
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  from: {{ .Chart.Version }}\n";
    packed(&[
        (&format!("{name}/Chart.yaml"), &meta),
        (&format!("{name}/values.yaml"), "# said by its author\na: 1\n"),
        (&format!("{name}/templates/map.yaml"), template),
    ])
}
