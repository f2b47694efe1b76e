//! Prometheus' HTTP API, by URL.

use super::call::spoken;
use super::promql;
use super::{CONCURRENT, now};
use crate::error::{Error, Kind, Result};
use crate::facts::{Answer, Facts, Need, Outcome};
use futures::StreamExt;
use std::time::Duration;

/// A server that answers PromQL: Prometheus, Thanos, VictoriaMetrics, Mimir.
///
/// No `Debug`: the URL may hold a password, and there may be a token.
pub struct Prometheus {
    client: reqwest::Client,
    /// With user info; reqwest makes it an `Authorization` header.
    url: reqwest::Url,
    /// The URL that may be printed.
    shown: String,
    token: Option<String>,
    deadline: Duration,
}

impl Prometheus {
    /// `url` is the base, as in Grafana's data source: `http://localhost:9090`, `https://user:password@host/prometheus`.
    pub fn new(url: &str, deadline: Duration) -> Result<Self> {
        Self::with_token(url, deadline, None)
    }

    /// As [`Prometheus::new`], with a bearer token (`MESHCTL_PROMETHEUS_TOKEN`).
    pub fn with_token(url: &str, deadline: Duration, token: Option<String>) -> Result<Self> {
        super::crypto();
        // The text itself is not repeated in the message: it may hold a password.
        let bad = |why: &str| {
            Error::new(Kind::Usage, format!("the URL of Prometheus is not usable: {why}"))
                .hint("write it as http://HOST:PORT or https://HOST/BASE/PATH")
        };
        let mut base: reqwest::Url = url.parse().map_err(|e| bad(&format!("{e}")))?;
        if !matches!(base.scheme(), "http" | "https") || !base.has_host() {
            return Err(bad("it must begin with http:// or https:// and name a host"));
        }
        base.set_query(None);
        base.set_fragment(None);
        let path = base.path().trim_end_matches('/').to_owned();
        base.set_path(&path);
        let mut plain = base.clone();
        // Can't fail: the URL has a host.
        let _ = plain.set_username("");
        let _ = plain.set_password(None);
        let shown = plain.as_str().trim_end_matches('/').to_owned();
        base.set_path(&format!("{path}{}", promql::PATH));
        let client = reqwest::Client::builder()
            .user_agent(concat!("meshctl/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(4).min(deadline))
            .timeout(deadline)
            .build()
            .map_err(|e| Error::new(Kind::Internal, "can't make an HTTP client").because(&e))?;
        Ok(Prometheus { client, url: base, shown, token, deadline })
    }

    /// Base URL without user info.
    pub fn url(&self) -> &str {
        &self.shown
    }

    /// Instant queries, concurrently; other needs are left alone. Each query gets an answer or its failure.
    pub async fn answer(&self, needs: Vec<Need>, facts: &mut Facts) {
        let asked = needs.into_iter().map(|need| async move {
            let (outcome, partial) = match &need {
                Need::Query { promql } => self.ask(promql).await,
                _ => (Outcome::NotAsked("Prometheus answers queries only".to_owned()), None),
            };
            (need, Answer { outcome, at: now(), partial })
        });
        let answers: Vec<_> = futures::stream::iter(asked).buffer_unordered(CONCURRENT).collect().await;
        for (need, answer) in answers {
            facts.insert(need, answer);
        }
    }

    async fn ask(&self, query: &str) -> promql::Judged {
        match self.post(query).await {
            Ok((status, body)) => promql::judge(status, &body, &self.shown),
            Err(outcome) => (outcome, None),
        }
    }

    async fn post(&self, query: &str) -> std::result::Result<(u16, Vec<u8>), Outcome> {
        let mut request = self
            .client
            .post(self.url.clone())
            .header(http::header::CONTENT_TYPE, promql::FORM)
            .header(http::header::ACCEPT, "application/json")
            .body(promql::form(query));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let mut response = request.send().await.map_err(|e| self.failed(e))?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| self.failed(e))? {
            if body.len() + chunk.len() > promql::BODY_LIMIT {
                return Err(Outcome::Failed(format!("{}: the answer is longer than 64 MiB", self.shown)));
            }
            body.extend_from_slice(&chunk);
        }
        Ok((status, body))
    }

    fn failed(&self, error: reqwest::Error) -> Outcome {
        // reqwest's message holds the URL with its password.
        let error = error.without_url();
        if error.is_timeout() && !error.is_connect() {
            return Outcome::TimedOut(format!("{}: no answer within {}", self.shown, spoken(self.deadline)));
        }
        Outcome::Failed(format!("{}: {}", self.shown, super::why::why(&error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let new = |url| Prometheus::new(url, Duration::from_secs(1));
        let good = new("https://me:s3cret@host:9090/base/?x=1").unwrap();
        assert_eq!(good.url(), "https://host:9090/base");
        assert_eq!(good.url.path(), "/base/api/v1/query");
        assert_eq!(new("http://host").unwrap().url.as_str(), "http://host/api/v1/query");
        for bad in ["localhost:9090", "ftp://host", "http://", "prometheus", "http://me:s3cret@:x"] {
            let error = new(bad).err().unwrap();
            assert_eq!(error.kind, Kind::Usage);
            assert!(!error.message.contains("s3cret"), "{error}");
        }
    }
}
