//! Metrics in Prometheus' text form, as a port answers them: mostly histograms, of which a few series are wanted.

use super::Series;
use std::collections::BTreeMap;

/// One sample with its metric's name.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub name: String,
    pub series: Series,
}

/// The lines of metrics with these names.
pub fn keep(text: &str, names: &[String]) -> String {
    let wanted = |line: &&str| {
        let end = line.find(['{', ' ']).unwrap_or(line.len());
        names.iter().any(|name| *name == line[..end])
    };
    text.lines().filter(wanted).fold(String::new(), |mut kept, line| {
        kept.push_str(line);
        kept.push('\n');
        kept
    })
}

/// Every line that is a sample; what is none is passed over.
pub fn samples(text: &str) -> Vec<Sample> {
    text.lines().filter(|line| !line.starts_with('#')).filter_map(sample).collect()
}

fn sample(line: &str) -> Option<Sample> {
    let end = line.find(['{', ' '])?;
    let (name, rest) = line.split_at(end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (BTreeMap::new(), rest),
    };
    // A time may follow.
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some(Sample { name: name.to_owned(), series: Series { labels, value } })
}

/// `a="x",b="y"} 1`: the labels, and what follows the brace.
fn labels(mut rest: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let mut labels = BTreeMap::new();
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (name, after) = rest.split_once("=\"")?;
        let mut value = String::new();
        let mut letters = after.char_indices();
        let end = loop {
            match letters.next()? {
                (at, '"') => break at + 1,
                (_, '\\') => match letters.next()?.1 {
                    'n' => value.push('\n'),
                    other => value.push(other),
                },
                (_, letter) => value.push(letter),
            }
        };
        labels.insert(name.to_owned(), value);
        rest = &after[end..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_whole_and_values_may_hold_anything() {
        let text = "# TYPE up gauge\nup 1\nup_total 2\nin{a=\"x}\\\"y\",b=\"\"} 3.5 1700000000\nbroken{a=\"\nlate\n";
        assert_eq!(keep(text, &["up".to_owned(), "in".to_owned()]), "up 1\nin{a=\"x}\\\"y\",b=\"\"} 3.5 1700000000\n");
        let all = samples(text);
        assert_eq!(
            all.iter().map(|one| (one.name.as_str(), one.series.value)).collect::<Vec<_>>(),
            [("up", 1.0), ("up_total", 2.0), ("in", 3.5)]
        );
        assert_eq!((all[2].series.label("a"), all[2].series.label("b")), ("x}\"y", ""));
    }

    proptest! {
        #[test]
        fn hostile_text(text in "([a-z_]{1,4}|[{}=,\" \\\\\n.#0-9]|\\PC){0,60}") {
            let names = ["a".to_owned()];
            prop_assert!(samples(&keep(&text, &names)).len() <= samples(&text).len());
        }
    }
}
