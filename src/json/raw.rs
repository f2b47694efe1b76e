//! A value as the text has it.

use serde::de::{self, Deserialize, Deserializer, Visitor};
use std::fmt;

/// The newtype by which a [`Raw`] tells our reader what it wants.
pub(super) const TOKEN: &str = "$meshctl::json::Raw";

/// A slice of the text that is one value; only its brackets and quotes were looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Raw<'a>(&'a str);

impl<'a> Raw<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Raw(text)
    }

    /// A part of a text that is known to be a value.
    pub fn part(text: &'a str, from: usize, end: usize) -> Self {
        Raw(text.get(from..end).unwrap_or_default())
    }

    pub fn get(self) -> &'a str {
        if self.0.is_empty() { "null" } else { self.0 }
    }

    /// Decodes it.
    pub fn read<T: Deserialize<'a>>(self) -> Result<T, super::Error> {
        super::from_str(self.get())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Raw<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Slice;
        impl<'de> Visitor<'de> for Slice {
            type Value = Raw<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }
            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Raw<'de>, E> {
                Ok(Raw(text))
            }
        }
        deserializer.deserialize_newtype_struct(TOKEN, Slice)
    }
}
