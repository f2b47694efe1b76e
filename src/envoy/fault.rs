//! What of a dump could not be read, and why; and why something is no dump at all.

use super::Section;
use serde::Serialize;
use std::fmt;

/// A part that the answer lacks. The rest is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// The text ends, or stops being JSON, before the dump does.
    Cut {
        line: usize,
        column: usize,
        inside: Option<Section>,
        why: String,
        /// Sections that were asked for and that may have come after it.
        unseen: Vec<Section>,
    },
    /// One resource can't be decoded.
    Unreadable { section: Section, name: String, why: String },
    /// The section isn't in the dump.
    Missing { section: Section },
    /// The text is not UTF-8 throughout; what is wrong is shown as the replacement character.
    NotUtf8 { byte: usize },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Cut { line, column, inside, why, unseen } => {
                write!(f, "the dump breaks off at line {line} column {column}")?;
                if let Some(section) = inside {
                    write!(f, ", among the {section}")?;
                }
                write!(f, " ({why}); what was complete before is shown, the rest is missing")?;
                if let [first, rest @ ..] = unseen.as_slice() {
                    write!(f, ", as are the {first}")?;
                    rest.iter().try_for_each(|section| write!(f, ", {section}"))?;
                }
                Ok(())
            }
            Fault::Unreadable { section, name, why } => {
                let name = if name.is_empty() { "without a name" } else { name };
                write!(f, "one of the {section} can't be read: {name}: {why}")
            }
            Fault::Missing { section } => write!(f, "the dump has no {section}{}", section.how_to_get()),
            Fault::NotUtf8 { byte } => write!(f, "the text is not UTF-8 at byte {byte}; that is shown as \u{fffd}"),
        }
    }
}

/// The text is not what it was taken for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    pub why: String,
    /// What to do instead, if that can be told.
    pub hint: Option<String>,
}

impl Unusable {
    /// `wanted` is what the text should have been; `keys` are the first keys of the object that it is instead.
    pub(super) fn new(text: &str, wanted: &str, keys: &[String], error: Option<&crate::json::Error>) -> Self {
        let start = text.trim_start();
        let hint = |text: &str| Some(text.to_owned());
        if start.is_empty() {
            return Unusable { why: "it is empty".to_owned(), hint: None };
        }
        let has = |key: &str| keys.iter().any(|k| k == key);
        if has("cluster_statuses") || has("clusterStatuses") {
            return Unusable {
                why: format!("it is the answer of `clusters?format=json`, not {wanted}"),
                hint: hint("meshctl proxy-config endpoint -f reads it"),
            };
        }
        if has("configs") {
            return Unusable {
                why: format!("it is a config dump, not {wanted}"),
                hint: hint(
                    "`meshctl proxy-config eds -f` reads endpoints from a config dump that was taken with ?include_eds=true",
                ),
            };
        }
        if start.starts_with('<') {
            return Unusable { why: format!("it is HTML or XML, not {wanted}: probably an error page"), hint: None };
        }
        if start.contains("::added_via_api::") || start.contains("::default_priority::") {
            return Unusable {
                why: "it is the text form of `clusters`".to_owned(),
                hint: hint("fetch `clusters?format=json` instead"),
            };
        }
        if start.starts_with('{') && !keys.is_empty() {
            return Unusable { why: format!("it is JSON, but not {wanted}: it has {}", keys.join(", ")), hint: None };
        }
        let why = match error {
            Some(error) if !start.starts_with(['{', '[']) => {
                let first: String = start.lines().next().unwrap_or_default().chars().take(60).collect();
                format!("it is not {wanted}: it starts with {first:?} ({error})")
            }
            Some(error) => format!("it is not {wanted}: {error}"),
            None => format!("it is not {wanted}"),
        };
        Unusable { why, hint: None }
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for Unusable {}
