//! Three-valued logic and counts with bounds: what is not known stays unknown.

use serde::Serialize;

/// Yes, no, or not known. Unknown is an answer of its own and never counts as no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tri {
    No,
    Unknown,
    Yes,
}

impl Tri {
    /// Kleene's OR: one yes is enough, a no needs every part.
    #[must_use]
    pub fn or(self, other: Tri) -> Tri {
        self.max(other)
    }

    /// Kleene's OR over any number of parts; of none it is [`Tri::No`].
    pub fn any(parts: impl IntoIterator<Item = Tri>) -> Tri {
        parts.into_iter().fold(Tri::No, Tri::or)
    }

    pub fn word(self) -> &'static str {
        match self {
            Tri::Yes => "yes",
            Tri::No => "no",
            Tri::Unknown => "unknown",
        }
    }
}

/// A count of which only bounds are known. `upper: None` = no bound, because part of what is counted was not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Interval {
    pub lower: usize,
    pub upper: Option<usize>,
}

impl Interval {
    pub fn more_than(self, limit: usize) -> Tri {
        if self.lower > limit {
            Tri::Yes
        } else if self.upper.is_some_and(|upper| upper <= limit) {
            Tri::No
        } else {
            Tri::Unknown
        }
    }
}

impl std::fmt::Display for Interval {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.upper {
            Some(upper) => write!(f, "[{} .. {upper}]", self.lower),
            None => write!(f, "[{} .. ?]", self.lower),
        }
    }
}

/// How sure: the weakest link that the answer stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// Not answered.
    None,
    /// Inferred from names and images.
    Low,
    /// Written down somewhere (declared), but not seen happening.
    Medium,
    /// A person said so.
    YourWord,
    /// Seen happening, or counted over a whole list.
    High,
}

impl Confidence {
    pub fn word(self) -> &'static str {
        match self {
            Confidence::None => "open",
            Confidence::Low => "low confidence",
            Confidence::Medium => "medium confidence",
            Confidence::YourWord => "on your word",
            Confidence::High => "high confidence",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_yes_is_enough_and_no_needs_all() {
        assert_eq!(Tri::any([Tri::No, Tri::Unknown, Tri::Yes]), Tri::Yes);
        assert_eq!(Tri::any([Tri::No, Tri::Unknown]), Tri::Unknown);
        assert_eq!(Tri::any([Tri::No, Tri::No]), Tri::No);
    }

    #[test]
    fn without_an_upper_bound_there_is_no_no() {
        assert_eq!(Interval { lower: 0, upper: None }.more_than(5), Tri::Unknown);
        assert_eq!(Interval { lower: 6, upper: None }.more_than(5), Tri::Yes);
        assert_eq!(Interval { lower: 0, upper: Some(5) }.more_than(5), Tri::No);
        assert_eq!(Interval { lower: 5, upper: Some(6) }.more_than(5), Tri::Unknown);
    }
}
