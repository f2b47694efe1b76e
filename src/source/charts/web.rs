//! One GET to a place that charts come from: bounded in time and size, redirects followed, words for what failed.

use crate::error::{Error, Kind, Result};
use crate::source::live::{crypto, why::why};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Url};
use std::fs;
use std::time::Duration;

const REDIRECTS: usize = 10;
/// A whole download, however slowly it drips.
const LONGEST: Duration = Duration::from_secs(600);

/// How repositories and registries are asked.
#[derive(Clone, Default)]
pub struct Options {
    pub username: Option<String>,
    pub password: Option<String>,
    /// Further certificates that are trusted, in PEM.
    pub ca_file: Option<String>,
    /// Registries without TLS.
    pub plain_http: bool,
    /// How long a silence may be.
    pub patience: Duration,
}

pub struct Web {
    client: Client,
    pub options: Options,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug)]
pub struct Silence {
    /// The server was never reached: another machine may have a way to it.
    pub unreached: bool,
    pub why: String,
}

impl Web {
    pub fn new(options: &Options) -> Result<Web> {
        crypto();
        // No `Accept-Encoding`: an archive must arrive as it lies there, or its checksum is another's.
        let mut builder = Client::builder()
            .user_agent(concat!("meshctl/", env!("CARGO_PKG_VERSION")))
            .no_gzip()
            .connect_timeout(options.patience)
            .read_timeout(options.patience)
            .timeout(LONGEST)
            .redirect(redirects());
        if let Some(path) = &options.ca_file {
            let wrong = || Error::new(Kind::Input, format!("can't read certificates from {path}"));
            let pem = fs::read(path).map_err(|e| wrong().because(&e))?;
            let all = Certificate::from_pem_bundle(&pem).map_err(|e| wrong().because(&e))?;
            if all.is_empty() {
                return Err(wrong().cause("there is none in PEM"));
            }
            for certificate in all {
                builder = builder.add_root_certificate(certificate);
            }
        }
        let client = builder.build().map_err(|e| Error::new(Kind::Internal, "can't make an HTTP client").because(&e))?;
        Ok(Web { client, options: options.clone() })
    }

    /// The user's name and password as a header, where there are any.
    pub fn basic(&self) -> Option<String> {
        use base64::Engine;
        let username = self.options.username.as_ref()?;
        let password = self.options.password.as_deref().unwrap_or_default();
        let both = base64::engine::general_purpose::STANDARD.encode(format!("{username}:{password}"));
        Some(format!("Basic {both}"))
    }

    /// `authorization` goes to this host only, not to where it redirects.
    pub async fn get(
        &self,
        url: &Url,
        accept: &str,
        authorization: Option<&str>,
        most: u64,
    ) -> std::result::Result<Answer, Silence> {
        let mut request = self.client.get(url.clone());
        if !accept.is_empty() {
            request = request.header(ACCEPT, accept);
        }
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let mut response = request.send().await.map_err(silence)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let too_long = || Silence { unreached: false, why: format!("the answer is longer than {most} bytes") };
        if response.content_length().is_some_and(|length| length > most) {
            return Err(too_long());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(silence)? {
            if (body.len() + chunk.len()) as u64 > most {
                return Err(too_long());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body })
    }
}

fn redirects() -> Policy {
    Policy::custom(|attempt| {
        let secure = attempt.previous().iter().any(|url| url.scheme() == "https");
        if attempt.previous().len() > REDIRECTS {
            return attempt.error("it redirects without end");
        }
        match attempt.url().scheme() {
            "https" => attempt.follow(),
            "http" if !secure => attempt.follow(),
            _ => attempt.error("it redirects from https to something less safe"),
        }
    })
}

fn silence(error: reqwest::Error) -> Silence {
    // reqwest's message holds the address with its password.
    let error = error.without_url();
    let unreached = error.is_connect();
    if error.is_timeout() {
        let what = if unreached { "no connection in time" } else { "it stopped answering" };
        return Silence { unreached, why: what.to_owned() };
    }
    Silence { unreached, why: why(&error) }
}

/// The address without a user's name and password.
pub fn shown(url: &Url) -> String {
    let mut plain = url.clone();
    // Fails only where there can be neither.
    let _ = plain.set_username("");
    let _ = plain.set_password(None);
    plain.as_str().trim_end_matches('/').to_owned()
}

/// What a status means to somebody who wants a chart.
pub fn meaning(status: u16) -> String {
    match status {
        401 => "it wants a user's name and password (401)".to_owned(),
        403 => "it refuses (403)".to_owned(),
        404 => "there is nothing (404)".to_owned(),
        429 => "it was asked too often (429)".to_owned(),
        code => format!("it answers {code}"),
    }
}
