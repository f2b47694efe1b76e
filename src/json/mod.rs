//! JSON that is mostly skipped.
//!
//! Of a dump's forty megabytes a table shows a few hundred kilobytes. General readers look at every byte, to check it;
//! this one looks at what is asked for and jumps over the rest ([`scan`]). [`reader`] walks a text by hand, [`de`] fills
//! serde's structs, [`Raw`] keeps a value as its slice of the text.
//!
//! What is asked for is held to the same rules as by serde_json: both take and refuse the same texts, and read the same
//! from them. What is jumped over is not checked: a part of a dump that is broken, but that nobody asked for, stays unnoticed as long
//! as its brackets and quotes come in pairs.

mod de;
mod error;
mod keep;
mod list;
mod mould;
mod raw;
mod reader;
pub(crate) mod scan;

pub use error::{Error, Kind, line_and_column};
pub use keep::{AsItIs, Copies, Keep};
pub use list::list;
pub use mould::{Fit, Mould, Moulds};
pub use raw::Raw;
pub use reader::Reader;
pub use scan::{after_space, end_of_string};

use serde::Deserialize;

/// Decodes a text that is one value.
pub fn from_str<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Error> {
    let mut reader = Reader::new(text);
    let value = reader.decode()?;
    reader.end()?;
    Ok(value)
}

#[cfg(test)]
mod tests;
