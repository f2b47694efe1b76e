//! What filters add to a route by its `typed_per_filter_config`: faults and rate limits.

use super::field::{ByName, Int, Text};
use crate::json::Raw;
use serde::Deserialize;

/// Settings of filters for one route or virtual host, by the filter's name. Decoded only when shown.
pub type PerFilter<'a> = ByName<'a>;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Fault<'a> {
    #[serde(borrow)]
    abort: Option<Abort<'a>>,
    #[serde(borrow)]
    delay: Option<Delay<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Abort<'a> {
    #[serde(alias = "httpStatus")]
    http_status: Option<Int>,
    #[serde(alias = "grpcStatus")]
    grpc_status: Option<Int>,
    #[serde(borrow)]
    percentage: Share<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Delay<'a> {
    #[serde(borrow, alias = "fixedDelay")]
    fixed_delay: Text<'a>,
    #[serde(borrow)]
    percentage: Share<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Share<'a> {
    numerator: Int,
    /// `HUNDRED`, `TEN_THOUSAND` or `MILLION`.
    #[serde(borrow)]
    denominator: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Local<'a> {
    #[serde(borrow, alias = "tokenBucket")]
    token_bucket: Bucket<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Bucket<'a> {
    #[serde(alias = "maxTokens")]
    max_tokens: Int,
    #[serde(alias = "tokensPerFill")]
    tokens_per_fill: Option<Int>,
    #[serde(borrow, alias = "fillInterval")]
    fill_interval: Text<'a>,
}

impl Share<'_> {
    /// `0.5%`
    fn label(&self) -> String {
        let of = match &*self.denominator {
            "TEN_THOUSAND" => 10_000.0,
            "MILLION" => 1_000_000.0,
            _ => 100.0,
        };
        // Far below what a float holds exactly.
        format!("{}%", self.numerator.0 as f64 * 100.0 / of)
    }
}

fn of_filter<'a, T: Deserialize<'a>>(settings: &PerFilter<'a>, kind: &str) -> Option<T> {
    // A name is free; the type at the start is not, but some write the settings without it.
    let is = |name: &str, raw: &Raw<'_>| {
        let text = raw.get();
        let start = &text[..text.floor_char_boundary(160)];
        name.ends_with(kind) || start.contains(&format!(".filters.http.{kind}."))
    };
    settings.iter().find(|(name, raw)| is(name, raw))?.1.read().ok()
}

/// `abort 503 for 10%, delay 5s for 100%`; empty if none is injected.
pub fn fault(settings: &PerFilter<'_>) -> String {
    let Some(fault) = of_filter::<Fault>(settings, "fault") else { return String::new() };
    let abort = fault.abort.map(|abort| {
        let status = match (abort.http_status, abort.grpc_status) {
            (Some(status), _) => status.0.to_string(),
            (None, Some(status)) => format!("gRPC {}", status.0),
            (None, None) => "by header".to_owned(),
        };
        format!("abort {status} for {}", abort.percentage.label())
    });
    let delay = fault
        .delay
        .map(|delay| format!("delay {} for {}", delay.fixed_delay.some().unwrap_or("by header"), delay.percentage.label()));
    abort.into_iter().chain(delay).collect::<Vec<_>>().join(", ")
}

/// `100 per 60s, at most 200 at once`; empty if there is no limit of the proxy's own.
pub fn local_limit(settings: &PerFilter<'_>) -> String {
    let Some(Local { token_bucket: bucket }) = of_filter::<Local>(settings, "local_ratelimit") else { return String::new() };
    let fill = bucket.tokens_per_fill.map_or(1, |fill| fill.0);
    match bucket.fill_interval.some() {
        None => String::new(),
        Some(interval) if fill == bucket.max_tokens.0 => format!("{fill} per {interval}"),
        Some(interval) => format!("{fill} per {interval}, at most {} at once", bucket.max_tokens.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> PerFilter<'_> {
        crate::json::from_str(text).unwrap_or_default()
    }

    #[test]
    fn faults() {
        let both = r#"{"envoy.filters.http.fault":{"@type":"type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault",
            "abort":{"http_status":503,"percentage":{"numerator":100000,"denominator":"MILLION"}},
            "delay":{"fixed_delay":"5s","percentage":{"numerator":100}}}}"#;
        assert_eq!(fault(&settings(both)), "abort 503 for 10%, delay 5s for 100%");
        let camel = r#"{"mine":{"@type":"x.filters.http.fault.v3.HTTPFault","abort":{"grpcStatus":14,"percentage":{"numerator":5,"denominator":"TEN_THOUSAND"}}}}"#;
        assert_eq!(fault(&settings(camel)), "abort gRPC 14 for 0.05%");
        assert_eq!(fault(&settings(r#"{"envoy.filters.http.rbac":{}}"#)), "");
    }

    #[test]
    fn limits() {
        let limit = |bucket: &str| {
            local_limit(&settings(&format!(r#"{{"envoy.filters.http.local_ratelimit":{{"token_bucket":{bucket}}}}}"#)))
        };
        assert_eq!(limit(r#"{"max_tokens":100,"tokens_per_fill":100,"fill_interval":"60s"}"#), "100 per 60s");
        assert_eq!(limit(r#"{"max_tokens":200,"tokens_per_fill":10,"fill_interval":"1s"}"#), "10 per 1s, at most 200 at once");
        assert_eq!(limit("{}"), "");
    }
}
