//! What a person told us: `--require` and `--answer`. Checked here, believed elsewhere, always marked as "your word".

use super::interval::{Interval, Tri};
use crate::error::{Error, Kind, Result};
use crate::model::NeedKind;
use serde::Serialize;

/// What the user told: requirements and answers, each marked as the user's word in the report.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// `--require mtls=identity`: (key, value or "").
    pub require: Vec<(String, String)>,
    /// `--answer KEY=VALUE`.
    pub answers: Vec<(String, String)>,
}

/// One thing told, as the report repeats it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Word {
    /// `--require mtls=identity`.
    pub flag: String,
    /// Always `your word`: a person said so, nothing in the cluster was checked for it.
    pub source: &'static str,
}

/// What a value may be.
enum Values {
    None,
    OneOf(&'static [&'static str]),
    /// A whole number, or one of these words.
    Count(&'static [&'static str]),
    Rate,
}

const YES_NO: Values = Values::OneOf(&["yes", "no"]);

const REQUIRE: &[(&str, Values)] = &[
    ("mtls", Values::OneOf(&["encryption", "identity", "authorization"])),
    ("tracing", Values::None),
    ("canary", Values::None),
    ("retries", Values::None),
    ("multicluster", Values::None),
    ("vms", Values::None),
];

const ANSWER: &[(&str, Values)] = &[
    ("services", Values::Count(&["few", "many"])),
    ("calls", Values::Count(&["few", "many"])),
    ("needs", Values::OneOf(&["none"])),
    ("mtls", Values::OneOf(&["yes", "no", "encryption", "identity", "authorization"])),
    ("tracing", YES_NO),
    ("canary", YES_NO),
    ("retries", YES_NO),
    ("grpc", YES_NO),
    ("languages", Values::Count(&["one", "several"])),
    ("rps", Values::Rate),
    ("multicluster", YES_NO),
    ("vms", YES_NO),
    ("fips", YES_NO),
    ("oncall", YES_NO),
];

/// What `--require` takes, for completion.
pub fn require_words() -> Vec<String> {
    REQUIRE.iter().flat_map(|(key, values)| std::iter::once((*key).to_owned()).chain(with_values(key, values))).collect()
}

/// What `--answer` takes, for completion.
pub fn answer_words() -> Vec<String> {
    ANSWER.iter().flat_map(|(key, values)| with_values(key, values)).collect()
}

/// `oncall=yes`, `oncall=no`; `rps=` where only a number will do.
fn with_values(key: &str, values: &Values) -> Vec<String> {
    match values {
        Values::None => Vec::new(),
        Values::OneOf(words) | Values::Count(words) => words.iter().map(|word| format!("{key}={word}")).collect(),
        Values::Rate => vec![format!("{key}=")],
    }
}

/// Checks what came with `--require` and `--answer`. An unknown key or value is a usage error that lists what is known,
/// nearest first.
pub fn parse_told(require: &[String], answer: &[String]) -> Result<Told> {
    let mut told = Told::default();
    for text in require {
        told.require.push(parse(text, REQUIRE, "--require")?);
    }
    for text in answer {
        told.answers.push(parse(text, ANSWER, "--answer")?);
    }
    Ok(told)
}

fn parse(text: &str, table: &[(&'static str, Values)], flag: &str) -> Result<(String, String)> {
    let (key, value) = match text.split_once('=') {
        Some((key, value)) => (key.trim().to_lowercase(), Some(value.trim().to_lowercase())),
        None => (text.trim().to_lowercase(), None),
    };
    let Some((_, values)) = table.iter().find(|(known, _)| *known == key) else {
        let mut keys: Vec<&str> = table.iter().map(|(key, _)| *key).collect();
        keys.sort_by_key(|known| distance(known, &key));
        return Err(
            Error::new(Kind::Usage, format!("{flag}: unknown key {key:?}")).hint(format!("known keys: {}", keys.join(", ")))
        );
    };
    let bad = |wanted: String| {
        let got = value.as_deref().map_or_else(|| "no value".to_owned(), |value| format!("{value:?}"));
        Error::new(Kind::Usage, format!("{flag} {key}: can't use {got}")).hint(wanted)
    };
    let value_text = value.as_deref().unwrap_or_default();
    let accepted = match values {
        // mTLS without saying which kind is the identity that the m in it stands for.
        Values::OneOf(_) if value.is_none() && flag == "--require" => Ok("identity".to_owned()),
        Values::None => match value_text {
            "" | "yes" | "true" => Ok(String::new()),
            _ => Err(bad(format!("write {flag} {key} without a value"))),
        },
        Values::OneOf(choices) => match choices.contains(&value_text) {
            true => Ok(value_text.to_owned()),
            false => Err(bad(format!("write {flag} {key}={}", choices.join(&format!(", or {flag} {key}="))))),
        },
        Values::Count(words) if words.contains(&value_text) => Ok(value_text.to_owned()),
        Values::Count(words) => match value_text.parse::<u32>() {
            Ok(count) => Ok(count.to_string()),
            Err(_) => Err(bad(format!("write a whole number, such as {flag} {key}=12, or {}", words.join(" or ")))),
        },
        Values::Rate => match value_text.parse::<f64>() {
            Ok(rate) if rate.is_finite() && rate >= 0.0 => Ok(value_text.to_owned()),
            _ => Err(bad(format!("write requests per second, such as {flag} {key}=5000"))),
        },
    }?;
    Ok((key, accepted))
}

/// Edit distance, for "nearest first". Keys are short, so the plain table will do.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (diagonal + usize::from(left != *right)).min(above + 1).min(row[j] + 1);
            diagonal = above;
        }
    }
    row[b.len()]
}

impl Told {
    /// The last answer to `key`: what was said last counts.
    pub fn answer(&self, key: &str) -> Option<&str> {
        self.answers.iter().rev().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    pub fn requires(&self, key: &str, value: &str) -> bool {
        self.require.iter().any(|(known, told)| known == key && told == value)
    }

    /// How many services call each other, with the flag that said it: a number, `few` (5 or fewer) or `many`.
    pub fn services(&self) -> Option<(Interval, String)> {
        let (key, value) = self.answers.iter().rev().find(|(key, _)| key == "services" || key == "calls")?;
        let bounds = match value.as_str() {
            "few" => Interval { lower: 0, upper: Some(5) },
            "many" => Interval { lower: 6, upper: None },
            number => number.parse().map(|count| Interval { lower: count, upper: Some(count) }).ok()?,
        };
        Some((bounds, format!("--answer {key}={value}")))
    }

    pub fn rps(&self) -> Option<f64> {
        self.answer("rps")?.parse().ok()
    }

    pub fn languages(&self) -> Option<usize> {
        match self.answer("languages")? {
            "one" => Some(1),
            "several" => Some(2),
            number => number.parse().ok(),
        }
    }

    pub fn fips(&self) -> bool {
        self.answer("fips") == Some("yes")
    }

    /// Whether a requirement (`--require`) names this need. Identity and authorization stand on encryption, so they
    /// require it too.
    pub fn mandates(&self, need: NeedKind) -> bool {
        match need {
            NeedKind::Encryption => self.require.iter().any(|(key, _)| key == "mtls"),
            NeedKind::Identity => self.requires("mtls", "identity") || self.requires("mtls", "authorization"),
            NeedKind::Authorization => self.requires("mtls", "authorization"),
            NeedKind::Tracing => self.requires("tracing", ""),
            NeedKind::Canary => self.requires("canary", ""),
            NeedKind::Retries => self.requires("retries", ""),
            NeedKind::Multicluster => self.requires("multicluster", ""),
            NeedKind::VirtualMachines => self.requires("vms", ""),
            NeedKind::GrpcBalancing => false,
        }
    }

    /// What a person said of a need, with the flag that said it. A requirement outranks an answer.
    pub fn of(&self, need: NeedKind) -> Option<(Tri, String)> {
        if self.mandates(need) {
            // The most far-reaching of several: authorization stands on identity, identity on encryption.
            let rank = |value: &str| ["encryption", "identity", "authorization"].iter().position(|known| *known == value);
            let (key, value) = self.require.iter().filter(|(key, _)| key == key_of(need)).max_by_key(|(_, value)| rank(value))?;
            return Some((Tri::Yes, flag("--require", key, value)));
        }
        let key = key_of(need);
        if let Some(value) = self.answer(key) {
            let answer = match (need, value) {
                (_, "no") => Some(Tri::No),
                // "mTLS: yes" without saying which kind is the identity that the m in mTLS stands for.
                (NeedKind::Encryption, _) => Some(Tri::Yes),
                (NeedKind::Identity, "yes" | "identity" | "authorization") => Some(Tri::Yes),
                (NeedKind::Authorization, "authorization") => Some(Tri::Yes),
                (NeedKind::Authorization, "yes") => None,
                (NeedKind::Identity | NeedKind::Authorization, _) => Some(Tri::No),
                (_, "yes") => Some(Tri::Yes),
                _ => None,
            };
            if let Some(answer) = answer {
                return Some((answer, flag("--answer", key, value)));
            }
        }
        let guide = !matches!(need, NeedKind::Multicluster | NeedKind::VirtualMachines);
        if guide && self.answer("needs") == Some("none") {
            return Some((Tri::No, "--answer needs=none".to_owned()));
        }
        None
    }

    pub fn words(&self) -> Vec<Word> {
        let required = self.require.iter().map(|(key, value)| flag("--require", key, value));
        let answered = self.answers.iter().map(|(key, value)| flag("--answer", key, value));
        required.chain(answered).map(|flag| Word { flag, source: "your word" }).collect()
    }
}

fn flag(name: &str, key: &str, value: &str) -> String {
    if value.is_empty() { format!("{name} {key}") } else { format!("{name} {key}={value}") }
}

/// The key that `--require` and `--answer` know a need by.
pub fn key_of(need: NeedKind) -> &'static str {
    match need {
        NeedKind::Encryption | NeedKind::Identity | NeedKind::Authorization => "mtls",
        NeedKind::Tracing => "tracing",
        NeedKind::Canary => "canary",
        NeedKind::Retries => "retries",
        NeedKind::GrpcBalancing => "grpc",
        NeedKind::Multicluster => "multicluster",
        NeedKind::VirtualMachines => "vms",
    }
}

/// What `--require` or `--answer` says that this need exists.
pub fn flag_for(need: NeedKind) -> &'static str {
    match need {
        NeedKind::Encryption => "--require mtls=encryption",
        NeedKind::Identity => "--require mtls=identity",
        NeedKind::Authorization => "--require mtls=authorization",
        NeedKind::Tracing => "--require tracing",
        NeedKind::Canary => "--require canary",
        NeedKind::Retries => "--require retries",
        NeedKind::GrpcBalancing => "--answer grpc=yes",
        NeedKind::Multicluster => "--require multicluster",
        NeedKind::VirtualMachines => "--require vms",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(require: &[&str], answer: &[&str]) -> Result<Told> {
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        parse_told(&own(require), &own(answer))
    }

    #[test]
    fn an_unknown_key_names_the_nearest_first() {
        let error = told(&[], &["servces=12"]).unwrap_err();
        assert_eq!(error.kind, Kind::Usage);
        assert!(error.hints[0].starts_with("known keys: services, "), "{:?}", error.hints);
        assert!(told(&["mtsl=identity"], &[]).unwrap_err().hints[0].starts_with("known keys: mtls, "));
    }

    #[test]
    fn values_are_checked() {
        for bad in [&["mtls="][..], &["mtls=maybe"], &["tracing=no"]] {
            assert_eq!(told(bad, &[]).unwrap_err().kind, Kind::Usage, "{bad:?}");
        }
        for bad in ["services=lots", "services=-1", "services", "rps=NaN", "rps=-1", "canary=perhaps", "fips", "languages=few"] {
            assert_eq!(told(&[], &[bad]).unwrap_err().kind, Kind::Usage, "{bad}");
        }
        assert!(told(&["mtls=identity", "Tracing"], &["Services=12", "rps=5000.5", "needs=none"]).is_ok());
    }

    #[test]
    fn identity_requires_encryption_and_not_authorization() -> Result<()> {
        assert!(told(&["mtls"], &[])?.requires("mtls", "identity"));
        let told = told(&["mtls=identity"], &[])?;
        assert_eq!(told.of(NeedKind::Identity).map(|t| t.0), Some(Tri::Yes));
        assert_eq!(told.of(NeedKind::Encryption).map(|t| t.0), Some(Tri::Yes));
        assert_eq!(told.of(NeedKind::Authorization), None);
        Ok(())
    }

    #[test]
    fn the_last_answer_counts_and_a_requirement_outranks_it() -> Result<()> {
        assert_eq!(told(&[], &["services=3", "calls=12"])?.services().map(|s| s.0.lower), Some(12));
        assert_eq!(told(&[], &["services=few"])?.services().map(|s| s.0.more_than(5)), Some(Tri::No));
        assert_eq!(told(&[], &["services=many"])?.services().map(|s| s.0.more_than(5)), Some(Tri::Yes));
        assert_eq!(told(&["tracing"], &["tracing=no"])?.of(NeedKind::Tracing).map(|t| t.0), Some(Tri::Yes));
        assert_eq!(told(&[], &["needs=none", "canary=yes"])?.of(NeedKind::Canary).map(|t| t.0), Some(Tri::Yes));
        Ok(())
    }

    proptest::proptest! {
        #[test]
        fn any_word_is_taken_or_refused(text in "(mtls|services|calls|rps|languages|=|,|many|yes|[0-9]{1,30}|-|\\.|\\PC){0,6}") {
            drop(parse_told(std::slice::from_ref(&text), &[]));
            if let Ok(told) = parse_told(&[], &[text]) {
                drop((told.services(), told.rps(), told.languages(), told.words()));
            }
        }
    }
}
