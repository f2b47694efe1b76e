//! Queries to a Prometheus in the cluster, one after another over one tunnel.

use super::call::{Caller, escape};
use super::find::Site;
use super::promql::{self, Judged};
use super::tunnel::Tunnel;
use crate::facts::Outcome;
use http_body_util::Full;
use hyper::body::Bytes;

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
            tunnel = match Tunnel::open(caller, &site.namespace, &site.pod, site.port, &site.to_string()).await {
                Ok(open) => Some(open),
                Err(outcome) => {
                    answers.resize(queries.len(), (outcome, None));
                    return answers;
                }
            };
        }
        let Some(open) = tunnel.as_mut() else { continue };
        match ask(open, site, query).await {
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

async fn ask(tunnel: &mut Tunnel, site: &Site, query: &str) -> Result<Judged, Outcome> {
    let request = http::Request::post(format!("{}{}", site.prefix, promql::PATH))
        .header(http::header::HOST, format!("{}:{}", escape(&site.pod), site.port))
        .header(http::header::CONTENT_TYPE, promql::FORM)
        .header(http::header::ACCEPT, "application/json")
        .body(Full::new(Bytes::from(promql::form(query))))
        .map_err(|e| Outcome::Failed(format!("{site}: {e}")))?;
    let reply = tunnel.send(request, promql::BODY_LIMIT, &site.to_string(), &mut |_, _| {}).await?;
    match reply.broken {
        Some(why) => Err(Outcome::Failed(format!("{site}: {why}"))),
        None => Ok(promql::judge(reply.status, &reply.body, &site.to_string())),
    }
}
