//! What an instant query sends and what its answer means, whichever way it travels.

use super::call::escape;
use crate::facts::Outcome;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The longest answer to a query that we take.
pub const BODY_LIMIT: usize = 64 << 20;

/// The path below the server's base, and the content type of [`form`].
pub const PATH: &str = "/api/v1/query";
pub const FORM: &str = "application/x-www-form-urlencoded";

/// The body of the POST: queries outgrow what a URL may hold.
pub fn form(promql: &str) -> String {
    format!("query={}", escape(promql))
}

/// An outcome, and what the server warns is missing from it.
pub type Judged = (Outcome, Option<String>);

#[derive(Deserialize)]
struct Reply<'a> {
    status: String,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(rename = "errorType", default)]
    error_type: String,
    #[serde(default)]
    error: String,
    /// Thanos names the stores that did not answer here.
    #[serde(default)]
    warnings: Vec<String>,
}

/// Reads the reply; `place` names the server in failures.
pub fn judge(status: u16, body: &[u8], place: &str) -> Judged {
    let Ok(reply) = serde_json::from_slice::<Reply>(body) else {
        let outcome = match status {
            401 | 403 => Outcome::Forbidden(format!("{place} does not let us in ({status})")),
            404 => Outcome::Failed(format!("{place} has no {PATH} (404): is it a Prometheus, and its base path right?")),
            408 | 504 => Outcome::TimedOut(format!("{place} gave up the query ({status})")),
            _ => Outcome::Failed(format!("{place} did not answer as Prometheus does (status {status})")),
        };
        return (outcome, None);
    };
    match (reply.status.as_str(), reply.data) {
        ("success", Some(data)) => {
            (Outcome::Text(data.get().to_owned()), (!reply.warnings.is_empty()).then(|| reply.warnings.join("; ")))
        }
        ("success", None) => (Outcome::Failed(format!("{place} answered without data")), None),
        _ if matches!(reply.error_type.as_str(), "timeout" | "canceled") => {
            (Outcome::TimedOut(format!("{place}: {}: {}", reply.error_type, reply.error)), None)
        }
        _ if matches!(status, 401 | 403) => (Outcome::Forbidden(format!("{place}: {}", reply.error)), None),
        _ => (Outcome::Failed(format!("{place}: {}: {}", reply.error_type, reply.error)), None),
    }
}

/// Whether the answer has no series at all.
pub fn is_empty(outcome: &Outcome) -> bool {
    #[derive(Deserialize)]
    struct Data {
        result: Vec<serde::de::IgnoredAny>,
    }
    matches!(outcome, Outcome::Text(text) if serde_json::from_str::<Data>(text).is_ok_and(|data| data.result.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies() {
        let (outcome, partial) = judge(
            200,
            br#"{"status":"success","data":{"resultType":"vector","result":[]},"warnings":["store a is down"]}"#,
            "http://p",
        );
        assert_eq!(outcome, Outcome::Text(r#"{"resultType":"vector","result":[]}"#.to_owned()));
        assert!(is_empty(&outcome));
        assert_eq!(partial.as_deref(), Some("store a is down"));
        let says = |status, body: &str| judge(status, body.as_bytes(), "P").0;
        let error = |kind: &str| format!(r#"{{"status":"error","errorType":"{kind}","error":"no"}}"#);
        assert_eq!(says(400, &error("bad_data")), Outcome::Failed("P: bad_data: no".to_owned()));
        assert_eq!(says(503, &error("timeout")), Outcome::TimedOut("P: timeout: no".to_owned()));
        assert!(matches!(says(403, "<html>"), Outcome::Forbidden(_)));
        assert!(matches!(says(200, "<html>"), Outcome::Failed(_)));
        assert!(matches!(says(200, r#"{"status":"success"}"#), Outcome::Failed(_)));
    }
}
