//! Where what was decoded has its texts from.

use bumpalo::Bump;
use std::array;
use std::cell::Cell;

/// What becomes of a part of the text that outlives its reader.
pub trait Keep<'t, 'k>: Copy {
    fn keep(self, text: &'t str) -> &'k str;
}

/// The text lives as long as what is read from it.
#[derive(Clone, Copy, Debug)]
pub struct AsItIs;

impl<'t> Keep<'t, 't> for AsItIs {
    fn keep(self, text: &'t str) -> &'t str {
        text
    }
}

/// The text is soon gone; what is decoded is copied into an arena, field by field. Much of a dump is said again and again,
/// versions, times, types, and what was seen lately is not copied again.
#[derive(Debug)]
pub struct Copies<'k> {
    arena: &'k Bump,
    lately: [Cell<&'k str>; LATELY],
}

const LATELY: usize = 256;

impl<'k> Copies<'k> {
    pub fn new(arena: &'k Bump) -> Self {
        Copies { arena, lately: array::from_fn(|_| Cell::new("")) }
    }

    /// Names differ at their ends, or where their numbers are.
    fn place(text: &str) -> usize {
        let word = |bytes: Option<&[u8; 8]>| bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let bytes = text.as_bytes();
        let mixed = word(bytes.last_chunk()).rotate_left(23) ^ word(bytes.get(bytes.len() / 2..).and_then(<[u8]>::first_chunk));
        let last = bytes.last().copied().unwrap_or_default();
        let mixed = (mixed ^ (bytes.len() as u64) << 8 ^ u64::from(last)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed >> 32) as usize % LATELY
    }
}

impl<'t, 'k> Keep<'t, 'k> for &Copies<'k> {
    fn keep(self, text: &'t str) -> &'k str {
        let lately = &self.lately[Copies::place(text)];
        if lately.get() != text {
            lately.set(self.arena.alloc_str(text));
        }
        lately.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_again_is_not_copied_again() {
        let arena = Bump::new();
        let copies = Copies::new(&arena);
        let texts: Vec<String> = (0..2000).map(|n| format!("{:1$}", n, n % 40)).collect();
        for text in texts.iter().flat_map(|text| [text, text]) {
            let kept = copies.keep(text);
            assert_eq!(kept, text);
            assert_ne!(kept.as_ptr(), text.as_ptr());
            assert_eq!(copies.keep(&text.clone()).as_ptr(), kept.as_ptr());
        }
        assert_eq!(copies.keep(""), "");
    }
}
