//! Test results as build servers read them. A report without single results is one case, by its worst finding.

use super::sanitize;
use crate::report::{Case, Report, Severity};
use std::collections::BTreeMap;
use std::fmt::Write;

pub fn render(report: &Report) -> String {
    let whole = || Case {
        suite: "meshctl".to_owned(),
        name: report.schema.clone(),
        failures: report.worst.filter(|worst| *worst > Severity::Info).map(|worst| format!("{worst:?}")).into_iter().collect(),
        skipped: None,
    };
    let single = [whole()];
    let cases = if report.cases.is_empty() { single.as_slice() } else { &report.cases };
    let mut suites: BTreeMap<&str, Vec<&Case>> = BTreeMap::new();
    cases.iter().for_each(|case| suites.entry(&case.suite).or_default().push(case));
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"meshctl\">\n");
    for (suite, cases) in suites {
        let count = |fits: &dyn Fn(&Case) -> bool| cases.iter().filter(|case| fits(case)).count();
        let (failed, skipped) = (count(&|c| !c.failures.is_empty()), count(&|c| c.failures.is_empty() && c.skipped.is_some()));
        let name = escaped(suite);
        let _ = writeln!(
            out,
            "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{failed}\" errors=\"0\" skipped=\"{skipped}\">",
            cases.len()
        );
        for case in cases {
            let _ = write!(out, "    <testcase classname=\"{name}\" name=\"{}\"", escaped(&case.name));
            match (case.failures.first(), &case.skipped) {
                (Some(first), _) => {
                    let _ = writeln!(
                        out,
                        ">\n      <failure message=\"{}\">{}</failure>\n    </testcase>",
                        escaped(first),
                        escaped(&case.failures.join("\n"))
                    );
                }
                (None, Some(why)) => {
                    let _ = writeln!(out, ">\n      <skipped message=\"{}\"/>\n    </testcase>", escaped(why));
                }
                (None, None) => out.push_str("/>\n"),
            }
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

/// XML takes neither control characters nor its own marks in text.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in sanitize::block(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_what_could_not_be_told_and_what_is_well() {
        let case = |name: &str, failures: &[&str], skipped: Option<&str>| Case {
            suite: "c & d".to_owned(),
            name: name.to_owned(),
            failures: failures.iter().map(|text| (*text).to_owned()).collect(),
            skipped: skipped.map(str::to_owned),
        };
        let mut report = Report::new("x", &serde_json::json!({}), Vec::new());
        report.cases = vec![case("a", &["<bad>\u{1b}[2J", "too"], None), case("b", &[], Some("not seen")), case("c", &[], None)];
        let text = render(&report);
        assert!(text.contains("name=\"c &amp; d\" tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"1\""), "{text}");
        assert!(text.contains("&lt;bad&gt;") && !text.contains('\u{1b}'), "{text}");
        assert!(text.contains("<skipped message=\"not seen\"/>") && text.contains("name=\"c\"/>"), "{text}");
    }
}
