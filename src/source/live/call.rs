//! One GET to the API server: its deadline, its retries, and what came of it.
//!
//! kube's own retries are switched off (`connect.rs`): they know no deadline, and we must be able to say which of
//! "throttled", "broken", "cut off" and "too slow" it was.

use super::client::Distance;
use super::why;
use http_body_util::{BodyExt, Limited};
use kube::client::{Body, Client};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// The longest answer we take in one piece. A page of 500 objects at etcd's limit of 1.5 MiB each stays far below it in
/// practice; it is here so that a broken server can't eat the memory.
const BODY_LIMIT: usize = 512 << 20;
/// Waits between attempts when the server fails (5xx) and does not say how long to wait.
const BACKOFF: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(400)];
/// How often a throttled call (429) is repeated; the deadline is the tighter bound.
const THROTTLED: usize = 5;

/// Why a call brought nothing.
#[derive(Debug)]
pub enum Failure {
    /// The server answered with an error status.
    Refused(Refusal),
    /// No connection: nothing else needs to be tried.
    Unconnected(String),
    /// The connection broke, or what came is unusable.
    Broken(String),
    /// The credentials could not be made (exec plugin, token file).
    Credentials(String),
    /// The deadline passed.
    Late(Duration),
}

/// An error status with what the server says about it (`metav1.Status`, if it is one).
#[derive(Debug, Default)]
pub struct Refusal {
    pub code: u16,
    pub message: String,
    /// A 410 in mid-list may offer a way to go on.
    pub resume: Option<String>,
    /// Reason, field and message of each thing that is wrong with what was sent.
    pub causes: Vec<(String, String, String)>,
    retry_after: Option<Duration>,
}

impl Refusal {
    fn new(status: http::StatusCode, header: Option<Duration>, body: &[u8]) -> Self {
        let said: Option<kube::core::Status> = serde_json::from_slice(body).ok();
        let said_wait = said.as_ref().and_then(|s| s.details.as_ref()).map(|d| d.retry_after_seconds).filter(|s| *s > 0);
        let causes = said
            .as_ref()
            .and_then(|s| s.details.as_ref())
            .map(|d| d.causes.iter().map(|cause| (cause.reason.clone(), cause.field.clone(), cause.message.clone())).collect());
        let causes = causes.unwrap_or_default();
        let resume = said.as_ref().and_then(|s| s.metadata.as_ref()).and_then(|m| m.continue_.clone());
        let message = match said {
            Some(said) if !said.message.is_empty() => said.message,
            // Proxies in front of the API server answer in HTML or plain text: the first line is enough.
            _ => {
                let text = String::from_utf8_lossy(body);
                let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
                if line.is_empty() || line.starts_with('<') {
                    status.canonical_reason().unwrap_or("no reason given").to_owned()
                } else {
                    line.chars().take(200).collect()
                }
            }
        };
        let retry_after = header.or(said_wait.map(|s| Duration::from_secs(s.into())));
        Refusal { code: status.as_u16(), message, resume: resume.filter(|token| !token.is_empty()), causes, retry_after }
    }
}

fn question(path: &str, accept: &str, near: bool) -> http::Result<http::Request<Body>> {
    let request = http::Request::get(path).header(http::header::ACCEPT, accept);
    // To pack an answer takes longer than a short way; who names no encoding is asked for gzip.
    let request = if near { request.header(http::header::ACCEPT_ENCODING, "identity") } else { request };
    request.body(Body::empty())
}

/// A client with the deadline of each of its calls.
#[derive(Clone)]
pub struct Caller {
    pub client: Client,
    pub deadline: Duration,
    pub distance: Distance,
    /// Somebody on the way to the server does not speak SPDY.
    unspoken: Arc<AtomicBool>,
}

impl Caller {
    pub fn new(client: Client, deadline: Duration, distance: Distance) -> Self {
        Caller { client, deadline, distance, unspoken: Arc::default() }
    }

    /// Whether SPDY is worth a try.
    pub fn speaks_spdy(&self) -> bool {
        !self.unspoken.load(Ordering::Relaxed)
    }

    pub fn no_spdy(&self) {
        self.unspoken.store(true, Ordering::Relaxed);
    }

    /// The body of the answer. The deadline covers everything: waiting for a turn, retries, the last byte.
    pub async fn get(&self, path: &str, accept: &str) -> Result<Vec<u8>, Failure> {
        let until = Instant::now() + self.deadline;
        match timeout(self.deadline, self.attempts(path, accept, until)).await {
            Ok(result) => result,
            Err(_) => Err(Failure::Late(self.deadline)),
        }
    }

    /// A question that is put as an object, such as a review of rights: nothing is kept of it.
    pub async fn ask(&self, path: &str, body: Vec<u8>) -> Result<Vec<u8>, Failure> {
        let request = http::Request::post(path)
            .header(http::header::ACCEPT, "application/json")
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(Body::from(body))
            .map_err(|e| Failure::Broken(e.to_string()))?;
        match timeout(self.deadline, self.sent(request)).await {
            Ok(result) => result,
            Err(_) => Err(Failure::Late(self.deadline)),
        }
    }

    /// A change that comes to the same when it is made twice; repeated only where the server asks for that.
    pub async fn change(&self, method: http::Method, path: &str, kind: &str, body: Vec<u8>) -> Result<Vec<u8>, Failure> {
        let until = Instant::now() + self.deadline;
        let mut left = THROTTLED;
        loop {
            let request = http::Request::builder()
                .method(method.clone())
                .uri(path)
                .header(http::header::ACCEPT, "application/json")
                .header(http::header::CONTENT_TYPE, kind)
                .body(Body::from(body.clone()))
                .map_err(|e| Failure::Broken(e.to_string()))?;
            let spare = until.saturating_duration_since(Instant::now());
            let failure = match timeout(spare, self.sent(request)).await {
                Ok(Ok(body)) => return Ok(body),
                Ok(Err(failure)) => failure,
                Err(_) => return Err(Failure::Late(self.deadline)),
            };
            let wait = match &failure {
                Failure::Refused(refusal) if refusal.code == 429 || refusal.code == 503 => {
                    refusal.retry_after.unwrap_or(Duration::from_secs(1))
                }
                _ => return Err(failure),
            };
            if left == 0 || Instant::now() + wait >= until {
                return Err(failure);
            }
            left -= 1;
            sleep(wait).await;
        }
    }

    async fn attempts(&self, path: &str, accept: &str, until: Instant) -> Result<Vec<u8>, Failure> {
        let (mut throttled, mut failed, mut broken) = (0, 0, 0);
        loop {
            let failure = match self.once(path, accept).await {
                Ok(body) => return Ok(body),
                Err(failure) => failure,
            };
            let wait = match &failure {
                Failure::Refused(refusal) if refusal.code == 429 && throttled < THROTTLED => {
                    throttled += 1;
                    refusal.retry_after.unwrap_or(Duration::from_secs(1))
                }
                Failure::Refused(refusal) if (500..=599).contains(&refusal.code) && failed < BACKOFF.len() => {
                    failed += 1;
                    refusal.retry_after.unwrap_or(BACKOFF[failed - 1])
                }
                // A load balancer that lost its backend; a GET may be repeated.
                Failure::Broken(_) if broken == 0 => {
                    broken += 1;
                    BACKOFF[0]
                }
                _ => return Err(failure),
            };
            // Waiting past the deadline would turn a good reason into a mere "timed out".
            if Instant::now() + wait >= until {
                return Err(failure);
            }
            sleep(wait).await;
        }
    }

    async fn once(&self, path: &str, accept: &str) -> Result<Vec<u8>, Failure> {
        let request = question(path, accept, self.distance.is_near()).map_err(|e| Failure::Broken(e.to_string()))?;
        self.sent(request).await
    }

    async fn sent(&self, request: http::Request<Body>) -> Result<Vec<u8>, Failure> {
        let response = self.client.send(request).await.map_err(|e| classify(&e))?;
        let status = response.status();
        let wait = retry_after(response.headers());
        let body = Limited::new(response.into_body(), BODY_LIMIT).collect().await;
        let body = body.map_err(|e| Failure::Broken(why::why(e.as_ref())))?.to_bytes();
        if status.is_success() { Ok(body.into()) } else { Err(Failure::Refused(Refusal::new(status, wait, &body))) }
    }
}

/// `Retry-After` in seconds; the API server never sends a date.
fn retry_after(headers: &http::HeaderMap) -> Option<Duration> {
    let seconds = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn classify(error: &kube::Error) -> Failure {
    if let Some(words) = super::connect::credentials_words(error) {
        return Failure::Credentials(words);
    }
    let words = why::why(error);
    if why::never_connected(error) { Failure::Unconnected(words) } else { Failure::Broken(words) }
}

/// Percent-encodes everything that is not plain in a path segment, a query value or a form.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte.into()),
            _ => {
                const HEX: &[u8; 16] = b"0123456789ABCDEF";
                out.push('%');
                out.push(HEX[usize::from(byte >> 4)].into());
                out.push(HEX[usize::from(byte & 15)].into());
            }
        }
    }
    out
}

/// A deadline as a person writes it: `10s`, `1.5s`, `200ms`.
pub fn spoken(time: Duration) -> String {
    if time < Duration::from_secs(1) { format!("{}ms", time.as_millis()) } else { format!("{}s", time.as_secs_f64()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_has_a_meaning_in_urls() {
        assert_eq!(escape("a-b.c_d~1"), "a-b.c_d~1");
        assert_eq!(escape("x=1&y/ü"), "x%3D1%26y%2F%C3%BC");
    }

    #[test]
    fn nobody_packs_for_a_neighbour() {
        let encoding = |near| {
            let request = question("/api/v1/pods", "application/json", near).expect("a request");
            request.headers().get(http::header::ACCEPT_ENCODING).cloned()
        };
        assert_eq!(encoding(true).expect("an encoding"), "identity");
        assert_eq!(encoding(false), None, "the client's own");
    }

    #[test]
    fn a_refusal_speaks_plainly() {
        let status = http::StatusCode::FORBIDDEN;
        let body = br#"{"kind":"Status","message":"pods is forbidden","code":403}"#;
        assert_eq!(Refusal::new(status, None, body).message, "pods is forbidden");
        assert_eq!(Refusal::new(status, None, b"<html><body>no</body></html>").message, "Forbidden");
        assert_eq!(Refusal::new(status, None, b"\n go away\nnow").message, "go away");
        let gone = br#"{"kind":"Status","message":"too old","metadata":{"continue":"abc"},"details":{"retryAfterSeconds":3}}"#;
        let gone = Refusal::new(http::StatusCode::GONE, None, gone);
        assert_eq!((gone.resume.as_deref(), gone.retry_after), (Some("abc"), Some(Duration::from_secs(3))));
    }
}
