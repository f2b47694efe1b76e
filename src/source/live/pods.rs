//! One port of one pod: a tunnel while that is possible, a program inside of the container where it is not.

use super::ahead::{Begun, Told};
use super::call::{Caller, spoken};
use super::tunnel::{Look, Reply, Tunnel};
use super::why::why;
use crate::facts::Outcome;
use crate::source::redact::{self, Arriving};
use crate::source::visit::{Door, Method};
use http_body_util::Full;
use hyper::body::Bytes;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{AttachParams, AttachedProcess};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

/// The longest answer that is taken: three times the biggest dump we know of.
const LIMIT: usize = 1 << 30;
/// Of a refusal, so much is told.
const TOLD: usize = 300;
/// After so many requests in a row without a whole answer, the rest are not waited for.
const GIVE_UP: usize = 2;
/// What a program says on stderr.
const STDERR: usize = 64 << 10;

/// Requests to one pod, one after another.
pub struct Line<'c> {
    caller: &'c Caller,
    door: &'c Door,
    tunnel: Option<Tunnel>,
    /// What is being asked since before this was made.
    begun: Option<Begun>,
    /// Why port-forwards don't work here; not tried again.
    closed: Option<Outcome>,
    /// Requests in a row that did not end well in time.
    strikes: usize,
}

/// An outcome, and what is missing from it.
pub type Answered = (Outcome, Option<String>);

impl<'c> Line<'c> {
    pub fn new(caller: &'c Caller, door: &'c Door) -> Self {
        Line::begun(caller, door, None)
    }

    pub fn begun(caller: &'c Caller, door: &'c Door, begun: Option<Begun>) -> Self {
        Line { caller, door, tunnel: None, begun, closed: None, strikes: 0 }
    }

    /// A way that is open already.
    pub fn over(caller: &'c Caller, door: &'c Door, tunnel: Tunnel) -> Self {
        Line { tunnel: Some(tunnel), ..Line::new(caller, door) }
    }

    /// The way there, if it is still open.
    pub fn close(self) -> Option<Tunnel> {
        self.tunnel
    }

    /// `path` without its leading slash.
    pub async fn ask(&mut self, method: Method, path: &str) -> Answered {
        if let Some(begun) = self.begun.take().filter(|begun| method == Method::Get && begun.asks(path)) {
            match begun.told().await {
                Some(Ok(Told { answered: answered @ (Outcome::Bytes(_) | Outcome::TimedOut(_), _), tunnel })) => {
                    self.tunnel = tunnel;
                    self.strikes = usize::from(answered.1.is_some() || matches!(answered.0, Outcome::TimedOut(_)));
                    return answered;
                }
                // It had its time.
                Some(Err(late @ Outcome::TimedOut(_))) => {
                    self.closed = Some(late.clone());
                    return (late, None);
                }
                // What was opened before it was needed may have been closed again; a second one tells.
                Some(_) | None => {}
            }
        }
        self.send(method, path, Vec::new()).await
    }

    /// Without secrets. A program inside sends no body, so one with a body goes through the tunnel or not at all.
    pub async fn send(&mut self, method: Method, path: &str, body: Vec<u8>) -> Answered {
        let mut arriving = Arriving::default();
        let (outcome, partial) = self.said(method, path, body, &mut |bytes, whole| arriving.look(bytes, whole)).await;
        let outcome = match outcome {
            Outcome::Bytes(bytes) if arriving.is_json_of(bytes.len()) => cleaned(bytes, |bytes| arriving.masked(bytes)),
            other => masked(other).await,
        };
        (outcome, partial)
    }

    /// As they are, for those who take a few names out of them: by far the most is not wanted.
    pub async fn metrics(&mut self, path: &str) -> Answered {
        self.said(Method::Get, path, Vec::new(), &mut |_, _| {}).await
    }

    async fn said(&mut self, method: Method, path: &str, body: Vec<u8>, look: &mut Look<'_>) -> Answered {
        if self.strikes >= GIVE_UP {
            let why = format!("{} left {GIVE_UP} requests unanswered, so this one was not sent", self.door);
            return (Outcome::TimedOut(why), None);
        }
        if self.closed.is_none() {
            match self.through_tunnel(method, path, body, look).await {
                Ok(reply) => {
                    self.strikes = if reply.broken.is_some() { self.strikes + 1 } else { 0 };
                    return self.judge(path, reply);
                }
                // Opened again by the next request.
                Err((true, outcome)) => {
                    self.strikes += 1;
                    return (outcome, None);
                }
                Err((false, outcome)) => self.closed = Some(outcome),
            }
        }
        let closed = self.closed.clone().unwrap_or_else(|| Outcome::NotAsked(String::new()));
        let Some(inside) = &self.door.inside else { return (closed, None) };
        // A pod that is gone has no container to run anything in.
        if matches!(closed, Outcome::Absent(_)) {
            return (closed, None);
        }
        match self.run(inside.words(method, self.door.port, path), &inside.container).await {
            Ok(answered) => answered,
            Err(failed) => {
                let why = format!("{}; {failed}", closed.reason().unwrap_or_default());
                let outcome = match closed {
                    Outcome::Forbidden(_) => Outcome::Forbidden(why),
                    Outcome::TimedOut(_) => Outcome::TimedOut(why),
                    _ => Outcome::Failed(why),
                };
                (outcome, None)
            }
        }
    }

    /// What a program in a container prints.
    pub async fn say(&mut self, words: Vec<String>, container: &str) -> Answered {
        match self.run(words, container).await {
            Ok(answered) => answered,
            Err(why) if why.contains("needs pods/exec") => (Outcome::Forbidden(why), None),
            Err(why) => (Outcome::Failed(why), None),
        }
    }

    /// The error says whether the way was open at all.
    async fn through_tunnel(
        &mut self,
        method: Method,
        path: &str,
        body: Vec<u8>,
        look: &mut Look<'_>,
    ) -> Result<Reply, (bool, Outcome)> {
        let Door { namespace, pod, port, .. } = self.door;
        let place = self.door.to_string();
        let request = http::Request::builder()
            .method(method.name())
            .uri(format!("/{path}"))
            .header(http::header::HOST, format!("localhost:{port}"))
            .body(Full::new(Bytes::from(body)))
            .map_err(|e| (true, Outcome::Failed(format!("{place}: {e}"))))?;
        let mut tunnel = match self.tunnel.take() {
            Some(open) => open,
            None => Tunnel::open(self.caller, namespace, pod, *port, &place).await.map_err(|outcome| (false, outcome))?,
        };
        let sent = tunnel.send(request, LIMIT, &place, look).await;
        self.came(tunnel, sent, &place)
    }

    /// Where nobody listens, or the forward breaks, a program inside may do better; not where the pod is merely slow.
    fn came(&mut self, tunnel: Tunnel, sent: Result<Reply, Outcome>, place: &str) -> Result<Reply, (bool, Outcome)> {
        let reply = sent.map_err(|outcome| (matches!(outcome, Outcome::TimedOut(_)), plain(outcome, place)))?;
        self.tunnel = reply.broken.is_none().then_some(tunnel);
        Ok(reply)
    }

    fn judge(&self, path: &str, reply: Reply) -> Answered {
        if (200..300).contains(&reply.status) {
            return (Outcome::Bytes(Arc::new(reply.body)), reply.broken);
        }
        let said = String::from_utf8_lossy(&reply.body);
        let said = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no reason given");
        let said: String = said.chars().take(TOLD).collect();
        let why = format!("{} answers {} to {path}: {said}", self.door, reply.status);
        (if reply.status == 404 { Outcome::Absent(why) } else { Outcome::Failed(why) }, None)
    }

    async fn run(&mut self, words: Vec<String>, container: &str) -> Result<Answered, String> {
        let shown = words.first().cloned().unwrap_or_default();
        let failed = |why: String| format!("{shown} in container {container}: {why}");
        let pods: Api<Pod> = Api::namespaced(self.caller.client.clone(), &self.door.namespace);
        let params = AttachParams::default().container(container).max_stdout_buf_size(1 << 20).max_stderr_buf_size(STDERR);
        let deadline = self.caller.deadline;
        let started = timeout(deadline, pods.exec(&self.door.pod, words, &params)).await;
        let mut process = match started {
            Ok(Ok(process)) => process,
            Ok(Err(kube::Error::Api(status))) if status.code == 403 => {
                return Err(failed(format!("needs pods/exec: {}", status.message)));
            }
            Ok(Err(error)) => return Err(failed(why(&error))),
            Err(_) => return Err(failed(format!("did not start within {}", spoken(deadline)))),
        };
        let (out, err) = (process.stdout(), process.stderr());
        let (out, err) = tokio::join!(drain(out, LIMIT, deadline), drain(err, STDERR, deadline));
        let (body, broken) = out;
        let complaint = if broken.is_some() { None } else { complaint(&mut process, &err.0, deadline).await };
        match complaint {
            Some(why) => Err(failed(why)),
            None => Ok((Outcome::Bytes(Arc::new(body)), broken)),
        }
    }
}

async fn drain(from: Option<impl AsyncRead + Unpin>, limit: usize, deadline: Duration) -> (Vec<u8>, Option<String>) {
    let mut body = Vec::new();
    let Some(mut from) = from else { return (body, None) };
    loop {
        match timeout(deadline, from.read_buf(&mut body)).await {
            Ok(Ok(0)) => return (body, None),
            Ok(Ok(_)) if body.len() > limit => {
                body.truncate(limit);
                return (body, Some(format!("it is longer than {limit} bytes")));
            }
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return (body, Some(why(&error))),
            Err(_) => return (body, Some(format!("nothing came for {}", spoken(deadline)))),
        }
    }
}

/// Why the program failed, if it did: its own last words, or the server's.
async fn complaint(process: &mut AttachedProcess, said: &[u8], deadline: Duration) -> Option<String> {
    let status = timeout(deadline, process.take_status()?).await.ok()??;
    if status.status.as_deref() != Some("Failure") {
        return None;
    }
    let said = String::from_utf8_lossy(said);
    let last = said.lines().rev().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned);
    Some(last.or(status.message).unwrap_or_else(|| "it failed and says nothing".to_owned()).chars().take(TOLD).collect())
}

/// A node tells its network namespace and every address that it tried; what matters is that nobody listens.
fn plain(outcome: Outcome, place: &str) -> Outcome {
    match outcome {
        Outcome::Failed(why) if why.contains("connection refused") => {
            Outcome::Failed(format!("{place}: nothing listens on this port of the pod (connection refused)"))
        }
        other => other,
    }
}

/// The same bytes, unless something in them is masked.
fn cleaned(bytes: Arc<Vec<u8>>, mask: impl FnOnce(&[u8]) -> Cow<'_, [u8]>) -> Outcome {
    let changed = match mask(&bytes) {
        Cow::Owned(clean) => Some(clean),
        Cow::Borrowed(_) => None,
    };
    Outcome::Bytes(changed.map_or(bytes, Arc::new))
}

/// What a pod said, before anybody sees it. Megabytes are looked at off the network's threads.
pub(super) async fn masked(outcome: Outcome) -> Outcome {
    let Outcome::Bytes(bytes) = outcome else { return outcome };
    match tokio::task::spawn_blocking(move || cleaned(bytes, redact::dump)).await {
        Ok(clean) => clean,
        // A bug in the reader must look like one.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
