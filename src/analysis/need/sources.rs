//! What the sources of observed calls could and could not see.

use crate::model::{Model, ObservedSource};
use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SourceLine {
    pub name: String,
    pub query: String,
    pub window: String,
    pub series: usize,
    pub unmapped: usize,
    pub sampling: f64,
    /// Requests per second from which a call is seen with 95 % probability: 3 / (sampling × window).
    pub detection_limit_rps: Option<f64>,
    /// The same in words.
    pub detection: String,
    pub caveat: String,
}

pub fn lines(model: &Model) -> Vec<SourceLine> {
    model.observed.iter().map(line).collect()
}

fn line(source: &ObservedSource) -> SourceLine {
    let limit = limit(source.sampling, &source.window);
    SourceLine {
        name: source.name.clone(),
        query: source.query.clone(),
        window: source.window.clone(),
        series: source.series,
        unmapped: source.unmapped,
        sampling: source.sampling,
        detection_limit_rps: limit,
        detection: limit.map_or_else(|| "detection limit unknown".to_owned(), words),
        caveat: source.caveat.clone(),
    }
}

/// A call made r times a second is unseen with probability e^(−r·s·W); 95 % detection needs r ≥ 3/(s·W).
pub fn limit(sampling: f64, window: &str) -> Option<f64> {
    let seconds = seconds(window)?;
    (sampling > 0.0 && seconds > 0.0).then(|| 3.0 / (sampling * seconds))
}

fn words(rps: f64) -> String {
    let rate = if rps >= 0.01 { format!("{rps:.3} requests/s") } else { format!("{:.2} requests an hour", rps * 3600.0) };
    format!("a call is seen with 95 % probability from {rate}")
}

/// A Prometheus duration: `7d`, `1h30m`, `90s`.
pub fn seconds(window: &str) -> Option<f64> {
    let mut total = 0.0;
    let mut rest = window.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        total += number
            * match &rest[..unit] {
                "ms" => 0.001,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                "w" => 604_800.0,
                "y" => 31_536_000.0,
                _ => return None,
            };
        rest = &rest[unit..];
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousandth_of_the_traces_over_a_day_hides_calls_below_0_035_rps() {
        let limit = limit(0.001, "24h").unwrap_or_default();
        assert!((limit - 0.0347).abs() < 0.0001, "{limit}");
        assert!(words(limit).contains("0.035 requests/s"));
        assert!(words(3.0 / 604_800.0).contains("0.02 requests an hour"));
    }

    #[test]
    fn windows_are_prometheus_durations() {
        assert_eq!(seconds("7d"), Some(604_800.0));
        assert_eq!(seconds("1h30m"), Some(5400.0));
        for bad in ["", "7", "x", "7q", "d"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }
}
