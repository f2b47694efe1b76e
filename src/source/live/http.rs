//! A GET to a control plane's own API: through a port-forward, over TLS where it wants that, with a token where there is one.
//!
//! A token comes from a file that the user names, or from a Secret if he says that it may be read; it is never shown, and
//! never kept.

use super::call::{Caller, spoken};
use super::pods::Answered;
use super::tunnel::{Reply, Secured, Tunnel};
use super::why::why;
use crate::facts::{At, Http, Outcome, RootIn, TokenIn, Trust};
use http::HeaderValue;
use http_body_util::Full;
use hyper::body::Bytes;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::OnceCell;
use tokio::time::timeout;

const LIMIT: usize = 64 << 20;
/// Of a refusal, so much is told.
const TOLD: usize = 300;

/// Something that a Secret of the cluster holds, as the user lets us have it; from flags.
#[derive(Clone, Debug, Default)]
pub struct Given {
    pub file: Option<PathBuf>,
    /// The Secret in the cluster may be read.
    pub from_cluster: bool,
}

/// The token, once it was looked for. Clusters have one installation, so one is enough.
#[derive(Default)]
pub struct Found(OnceCell<Result<Option<HeaderValue>, Outcome>>);

impl Found {
    async fn get(&self, caller: &Caller, tokens: &Given, place: &TokenIn) -> Result<Option<HeaderValue>, Outcome> {
        let look = || async {
            let text = match (&tokens.file, tokens.from_cluster) {
                (Some(file), _) => {
                    let text = tokio::task::block_in_place(|| std::fs::read_to_string(file));
                    text.map_err(|e| Outcome::Failed(format!("the token file {}: {e}", file.display())))?
                }
                (None, true) => {
                    let TokenIn { namespace, secret: name, key, .. } = place;
                    secret(caller, "the token", namespace, name, key).await?
                }
                (None, false) => return Ok(None),
            };
            let mut value = HeaderValue::from_str(text.trim()).map_err(|_| Outcome::Failed("the token is none".to_owned()))?;
            value.set_sensitive(true);
            Ok(Some(value))
        };
        self.0.get_or_init(look).await.clone()
    }
}

async fn secret(caller: &Caller, what: &str, namespace: &str, name: &str, key: &str) -> Result<String, Outcome> {
    let what = format!("{what} in Secret {namespace}/{name}");
    let secrets: Api<Secret> = Api::namespaced(caller.client.clone(), namespace);
    let answer = timeout(caller.deadline, secrets.get(name)).await;
    let answer = answer.map_err(|_| Outcome::TimedOut(format!("{what}: no answer within {}", spoken(caller.deadline))))?;
    let secret = answer.map_err(|error| match &error {
        kube::Error::Api(status) if status.code == 403 => {
            Outcome::Forbidden(format!("{what} needs `get` on secrets: {}", status.message))
        }
        kube::Error::Api(status) if status.code == 404 => Outcome::Absent(format!("{what}: {}", status.message)),
        kube::Error::Api(status) => Outcome::Failed(format!("{what}: {}", status.message)),
        other => Outcome::Failed(format!("{what}: {}", why(other))),
    })?;
    let text = secret.data.and_then(|mut data| String::from_utf8(data.remove(key)?.0).ok());
    text.ok_or_else(|| Outcome::Failed(format!("{what}: it has no key {key}")))
}

pub async fn ask(caller: &Caller, question: &Http, tokens: &Given, found: &Found) -> Answered {
    match asked(caller, question, tokens, found).await {
        Ok(answered) => answered,
        Err(outcome) => (outcome, None),
    }
}

async fn asked(caller: &Caller, question: &Http, tokens: &Given, found: &Found) -> Result<Answered, Outcome> {
    let At::Pod { namespace, pod, port } = &question.at else {
        return Err(Outcome::NotAsked(format!("{} is no pod", question.at)));
    };
    let place = question.at.to_string();
    let failed = |words: String| Outcome::Failed(format!("{place}: {words}"));
    let secured = question.tls.as_ref().map(|trust| trusting(trust).map_err(failed)).transpose()?;
    let token = match &question.token {
        Some(place) => found.get(caller, tokens, place).await?.map(|value| (place.header.as_str(), value)),
        None => None,
    };
    let anonymous = question.token.is_some() && token.is_none();
    let mut request = http::Request::get(format!("/{}", question.path)).header(http::header::HOST, format!("localhost:{port}"));
    if let Some((name, value)) = token {
        request = request.header(name, value);
    }
    let request = request.body(Full::new(Bytes::new())).map_err(|e| failed(e.to_string()))?;
    let mut tunnel = Tunnel::open_to(caller, namespace, pod, *port, &place, secured).await?;
    let reply = tunnel.send(request, LIMIT, &place, &mut |_, _| {}).await?;
    Ok(judge(question, reply, anonymous, &place))
}

/// What the answer means to who asked: with some servers a right that is missing shows as a list that is shorter.
fn judge(question: &Http, reply: Reply, anonymous: bool, place: &str) -> Answered {
    let nobody = if anonymous { "; it was asked without a token" } else { "" };
    let filtered = !question.filtered.is_empty() && reply.headers.get(&question.filtered).is_some_and(|value| value == "true");
    if (200..300).contains(&reply.status) {
        // Of nobody in particular it is not told what was left out; with nothing at all that is likely.
        let denies = reply.headers.get(&question.denies).is_some_and(|value| value == "deny");
        let empty = matches!(reply.body.trim_ascii(), b"[]" | b"{}" | b"null");
        let filtered = filtered || anonymous && denies && empty;
        let hidden = filtered.then(|| format!("the server left out what may not be seen{nobody}"));
        return (Outcome::Bytes(Arc::new(reply.body)), reply.broken.or(hidden));
    }
    let said = String::from_utf8_lossy(&reply.body);
    let said = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no reason given");
    let said: String = said.chars().take(TOLD).collect();
    let why = format!("{place} answers {} to {}: {said}{nobody}", reply.status, question.path);
    let outcome = match reply.status {
        401 | 403 => Outcome::Forbidden(why),
        404 => Outcome::Absent(why),
        _ => Outcome::Failed(why),
    };
    (outcome, None)
}

/// What a server over gRPC must show, with the root that the user gives or lets be read.
pub async fn rooted(caller: &Caller, root: &RootIn, given: &Given) -> Result<Secured, Outcome> {
    let RootIn { server_name, namespace, secret: name, key } = root;
    let roots = match (&given.file, given.from_cluster) {
        (Some(file), _) => tokio::task::block_in_place(|| std::fs::read_to_string(file))
            .map_err(|e| Outcome::Failed(format!("the file with the root certificate, {}: {e}", file.display())))?,
        (None, true) => secret(caller, "the root certificate", namespace, name, key).await?,
        (None, false) => {
            let why = format!("it takes TLS, and its root certificate is in Secret {namespace}/{name}");
            return Err(Outcome::NotAsked(why));
        }
    };
    let mut secured = trusting(&Trust { server_name: server_name.clone(), roots }).map_err(Outcome::Failed)?;
    let mut config = rustls::ClientConfig::clone(&secured.config);
    config.alpn_protocols = vec![b"h2".to_vec()];
    secured.config = Arc::new(config);
    Ok(secured)
}

fn trusting(trust: &Trust) -> Result<Secured, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(trust.roots.as_bytes()) {
        let certificate = certificate.map_err(|e| format!("its root certificate is none: {e}"))?;
        roots.add(certificate).map_err(|e| format!("its root certificate is none: {e}"))?;
    }
    if roots.is_empty() {
        return Err("it wants TLS, and its root certificate was not found in the cluster".to_owned());
    }
    let name = ServerName::try_from(trust.server_name.clone());
    let name = name.map_err(|_| format!("{:?} is no name of a server", trust.server_name))?;
    let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    Ok(Secured { config: Arc::new(config), name })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> Http {
        let at = At::Pod { namespace: "consul".into(), pod: "s-0".into(), port: 8501 };
        Http { at, path: "v1/x".into(), tls: None, token: None, filtered: "x-filtered".into(), denies: "x-policy".into() }
    }

    fn reply(status: u16, body: &str, filtered: bool) -> Reply {
        let mut headers = http::HeaderMap::new();
        if filtered {
            headers.insert("x-filtered", HeaderValue::from_static("true"));
        }
        Reply { status, headers, body: body.as_bytes().to_vec(), broken: None }
    }

    #[test]
    fn what_may_not_be_seen_is_said() {
        let (outcome, partial) = judge(&question(), reply(200, "[]", true), true, "s");
        assert_eq!(outcome.word(), "answered");
        assert!(partial.is_some_and(|why| why.contains("left out") && why.contains("without a token")));
        assert_eq!(judge(&question(), reply(200, "[]", false), true, "s").1, None);
        let denied = |body: &str| {
            let mut reply = reply(200, body, false);
            reply.headers.insert("x-policy", HeaderValue::from_static("deny"));
            judge(&question(), reply, true, "s").1.is_some()
        };
        assert!(denied("[]") && !denied("[1]"), "nothing is suspicious where nobody may see anything");
        let (outcome, _) = judge(&question(), reply(403, "Permission denied: anonymous token\n", false), true, "s");
        let said = "s answers 403 to v1/x: Permission denied: anonymous token; it was asked without a token";
        assert_eq!((outcome.word(), outcome.why()), ("forbidden", said));
        assert_eq!(judge(&question(), reply(404, "", false), false, "s").0.word(), "absent");
    }

    #[test]
    fn without_a_root_nothing_is_trusted() {
        let trust = |roots: &str| Trust { server_name: "localhost".into(), roots: roots.into() };
        assert!(trusting(&trust("")).err().is_some_and(|why| why.contains("not found")));
        assert!(trusting(&trust("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n")).is_err());
    }
}
