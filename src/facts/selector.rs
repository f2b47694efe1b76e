//! Label selectors as the API server takes them: `app=web,version!=v1,tier in (a, b),!legacy`.
//!
//! A live server evaluates them itself; a recording is asked with this.

use std::collections::BTreeMap;

/// Requirements that all have to be met; none is met by everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    requirements: Vec<Requirement>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    /// `None`: any value will do.
    values: Option<Vec<String>>,
    /// Met by what the rest does not fit, also by objects without the label.
    negated: bool,
}

impl Selector {
    /// Reads the text form; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut requirements = Vec::new();
        for part in parts(text) {
            let part = part.trim();
            if part.is_empty() {
                return Err(format!("{text:?} has an empty part"));
            }
            requirements.push(Requirement::parse(part)?);
        }
        Ok(Selector { requirements })
    }

    pub fn fits(&self, labels: &BTreeMap<String, String>) -> bool {
        self.requirements.iter().all(|requirement| requirement.is_met(labels.get(&requirement.key)))
    }
}

/// At the commas that stand outside of parentheses; nothing for an empty text.
fn parts(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0usize);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if !text.trim().is_empty() {
        parts.push(&text[start..]);
    }
    parts
}

impl Requirement {
    fn parse(part: &str) -> Result<Self, String> {
        let new = |key: &str, values: Option<Vec<&str>>, negated: bool| {
            let key = key.trim().to_owned();
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
            if key.is_empty() || !key.chars().all(plain) {
                return Err(format!("{part:?} is no label selector; write it as app=web,version!=v1"));
            }
            let values = values.map(|values| values.into_iter().map(|value| value.trim().to_owned()).collect());
            Ok(Requirement { key, values, negated })
        };
        if let Some(key) = part.strip_prefix('!') {
            return new(key, None, true);
        }
        for (sign, negated) in [("!=", true), ("==", false), ("=", false)] {
            if let Some((key, value)) = part.split_once(sign) {
                return new(key, Some(vec![value]), negated);
            }
        }
        if let Some((head, values)) = part.strip_suffix(')').and_then(|part| part.split_once('(')) {
            let mut words = head.split_whitespace();
            return match (words.next(), words.next(), words.next()) {
                (Some(key), Some("in"), None) => new(key, Some(values.split(',').collect()), false),
                (Some(key), Some("notin"), None) => new(key, Some(values.split(',').collect()), true),
                _ => Err(format!("{part:?} is no label selector; write it as `app in (web, shop)`")),
            };
        }
        new(part, None, false)
    }

    fn is_met(&self, value: Option<&String>) -> bool {
        let fits = match (&self.values, value) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(values), Some(value)) => values.contains(value),
        };
        fits != self.negated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(selector: &str) -> bool {
        let labels = [("app", "web"), ("version", "v2")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        Selector::parse(selector).expect(selector).fits(&labels.into())
    }

    #[test]
    fn each_form() {
        for good in [
            "",
            "app",
            "app=web",
            "app == web",
            "version!=v1",
            "app in (shop, web),version",
            "tier notin (a)",
            "!tier",
            "tier!=a",
        ] {
            assert!(fits(good), "{good}");
        }
        for bad in ["tier", "app=shop", "version!=v2", "app in (shop)", "app notin (web)", "!app", "app=web,version=v1"] {
            assert!(!fits(bad), "{bad}");
        }
    }

    #[test]
    fn what_is_no_selector_is_said() {
        for wrong in ["app=web,", "=web", "a b", "app within (x)", ",", "app in x"] {
            assert!(Selector::parse(wrong).is_err(), "{wrong}");
        }
    }
}
