//! Queries to a Prometheus in the cluster: one port-forward, one HTTP/1.1 connection over it, one query after another.

use super::call::{Caller, escape, spoken};
use super::find::Site;
use super::promql::{self, Judged};
use super::why::why;
use crate::facts::Outcome;
use futures::FutureExt;
use futures::future::BoxFuture;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::Portforwarder;
use tokio::time::timeout;

/// After so many queries in a row without an answer, the rest are not waited for.
const GIVE_UP: usize = 2;

/// Asks one server all the queries, in order.
pub async fn ask_all(caller: &Caller, site: &Site, queries: &[&str]) -> Vec<Judged> {
    let mut answers: Vec<Judged> = Vec::with_capacity(queries.len());
    let mut tunnel = None;
    let mut silent = 0;
    for query in queries {
        if silent >= GIVE_UP {
            answers
                .push((Outcome::TimedOut(format!("{site} left {GIVE_UP} queries unanswered, so this one was not sent")), None));
            continue;
        }
        // A connection that broke once is opened anew for the next query.
        if tunnel.is_none() {
            tunnel = match Tunnel::open(caller, site).await {
                Ok(open) => Some(open),
                Err(outcome) => {
                    answers.resize(queries.len(), (outcome, None));
                    return answers;
                }
            };
        }
        let Some(open) = tunnel.as_mut() else { continue };
        match open.ask(caller, site, query).await {
            Ok(judged) => {
                silent = 0;
                answers.push(judged);
            }
            Err(outcome) => {
                silent = if matches!(outcome, Outcome::TimedOut(_)) { silent + 1 } else { 0 };
                answers.push((outcome, None));
                tunnel = None;
            }
        }
    }
    answers
}

struct Tunnel {
    sender: http1::SendRequest<Full<Bytes>>,
    /// What the pod's side says when it can't connect.
    complaint: Option<BoxFuture<'static, Option<String>>>,
    /// Carries the bytes; the forward ends with it.
    forward: Portforwarder,
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.forward.abort();
    }
}

impl Tunnel {
    async fn open(caller: &Caller, site: &Site) -> Result<Tunnel, Outcome> {
        let opening = async {
            let pods: Api<Pod> = Api::namespaced(caller.client.clone(), &site.namespace);
            let mut forward = pods.portforward(&site.pod, &[site.port]).await.map_err(|e| refused(&e, site))?;
            let complaint = forward.take_error(site.port).map(FutureExt::boxed);
            let stream = forward.take_stream(site.port);
            let stream = stream.ok_or_else(|| Outcome::Failed(format!("{site}: the port-forward has no stream")))?;
            let (sender, connection) =
                http1::handshake(TokioIo::new(stream)).await.map_err(|e| Outcome::Failed(format!("{site}: {}", why(&e))))?;
            // Ends when the sender is dropped; its error reaches whoever waits for an answer.
            tokio::spawn(connection.map(drop));
            Ok(Tunnel { sender, complaint, forward })
        };
        match timeout(caller.deadline, opening).await {
            Ok(result) => result,
            Err(_) => Err(Outcome::TimedOut(format!("{site}: no port-forward within {}", spoken(caller.deadline)))),
        }
    }

    async fn ask(&mut self, caller: &Caller, site: &Site, query: &str) -> Result<Judged, Outcome> {
        let answer = match timeout(caller.deadline, self.post(site, query)).await {
            Ok(answer) => answer,
            Err(_) => {
                let late = format!("{site}: no answer within {}", spoken(caller.deadline));
                return Err(Outcome::TimedOut(late));
            }
        };
        match answer {
            Ok((status, body)) => Ok(promql::judge(status, &body, &site.to_string())),
            Err(cause) => {
                let complaint = self.complaint.as_mut().and_then(FutureExt::now_or_never).flatten();
                Err(Outcome::Failed(format!("{site}: {}", complaint.as_deref().map_or(cause.as_str(), str::trim))))
            }
        }
    }

    async fn post(&mut self, site: &Site, query: &str) -> Result<(u16, Bytes), String> {
        let request = http::Request::post(format!("{}{}", site.prefix, promql::PATH))
            .header(http::header::HOST, format!("{}:{}", escape(&site.pod), site.port))
            .header(http::header::CONTENT_TYPE, promql::FORM)
            .header(http::header::ACCEPT, "application/json")
            .body(Full::new(Bytes::from(promql::form(query))))
            .map_err(|e| e.to_string())?;
        self.sender.ready().await.map_err(|e| why(&e))?;
        let response = self.sender.send_request(request).await.map_err(|e| why(&e))?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), promql::BODY_LIMIT).collect().await.map_err(|e| why(e.as_ref()))?;
        Ok((status, body.to_bytes()))
    }
}

fn refused(error: &kube::Error, site: &Site) -> Outcome {
    match error {
        kube::Error::Api(status) if status.code == 403 => {
            Outcome::Forbidden(format!("{site} needs pods/portforward: {}", status.message))
        }
        kube::Error::Api(status) => Outcome::Failed(format!("{site}: the port-forward failed: {}", status.message)),
        other => Outcome::Failed(format!("{site}: the port-forward failed: {}", why(other))),
    }
}
