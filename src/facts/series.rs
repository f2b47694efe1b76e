//! The answer of an instant PromQL query.

use serde::Deserialize;
use std::collections::BTreeMap;

/// One series of a vector: its labels and its value at the query's time.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

impl Series {
    /// Reads the `data` member of Prometheus' reply: `{"resultType":"vector","result":[…]}`.
    pub fn parse(data: &str) -> Option<Vec<Series>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Data {
            result_type: String,
            #[serde(default)]
            result: Vec<Sample>,
        }
        #[derive(Deserialize)]
        struct Sample {
            #[serde(default)]
            metric: BTreeMap<String, String>,
            value: (f64, String),
        }
        let data: Data = serde_json::from_str(data).ok()?;
        if data.result_type != "vector" {
            return None;
        }
        let series = data.result.into_iter().map(|s| Series { labels: s.metric, value: s.value.1.parse().unwrap_or(f64::NAN) });
        Some(series.collect())
    }

    /// A label, or "" — Prometheus treats a missing label as an empty one.
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}
