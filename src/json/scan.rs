//! Finds where a JSON value ends without looking at what is in it: sixty-four bytes at a time.
//!
//! A block is turned into bit masks, one bit a byte: quotes, backslashes, brackets that open, brackets that close. Which
//! bytes lie within strings follows from the quotes alone (each flips the state of all that come after it), and how deep
//! the block ends from counting bits. Only the block in which the depth reaches zero is looked at bit by bit.

const BLOCK: usize = 64;

/// One bit for each byte of a block.
struct Masks {
    quotes: u64,
    backslashes: u64,
    opening: u64,
    closing: u64,
}

/// The end of the object or array whose opening bracket stands before `from`: the place after its closing bracket.
/// `None` if the text ends before. The kinds of brackets are not held against each other.
pub fn end_of_nested(text: &[u8], from: usize) -> Option<usize> {
    Nested::default().end(text.get(from..)?, true).ok().map(|end| from + end)
}

/// The place of the next byte that isn't white space, or the end.
#[inline]
pub fn after_space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
        // Printed JSON is indented: most white space is runs of spaces.
        while let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
            let other = u64::from_le_bytes(*word) ^ u64::from_le_bytes(*b"        ");
            at += (other.trailing_zeros() / 8) as usize;
            if other != 0 {
                break;
            }
        }
    }
    at
}

/// The place of the next byte that a string can't hold as it is, a quote, a backslash or a control character, or the end.
#[inline]
pub fn end_of_plain(bytes: &[u8], mut at: usize) -> usize {
    while let Some(part) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let plain = plain(part);
        at += plain;
        if plain < PART {
            return at;
        }
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| is_not_plain(*byte)).unwrap_or(rest.len())
}

pub const PART: usize = 16;

fn is_not_plain(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | ..b' ')
}

/// How many of the bytes at the start are plain.
#[inline]
fn plain(part: &[u8; PART]) -> usize {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: it asks for a feature that every processor of this kind has.
    return unsafe { x86::plain_sse2(part) };
    #[cfg(not(target_arch = "x86_64"))]
    plain_portable(part)
}

/// Eight bytes as one number. Of each mask the lowest bit that is set is right, whatever is above it.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn plain_portable(part: &[u8; PART]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    let (words, _) = part.as_chunks::<8>();
    let mut plain = 0;
    for word in words {
        let word = u64::from_le_bytes(*word);
        let is = |byte: u8| {
            let other = word ^ (ONES * u64::from(byte));
            other.wrapping_sub(ONES) & !other
        };
        let control = word.wrapping_sub(ONES * u64::from(b' ')) & !word;
        let found = (is(b'"') | is(b'\\') | control) & (ONES << 7);
        plain += (found.trailing_zeros() / 8) as usize;
        if found != 0 {
            break;
        }
    }
    plain
}

/// The place behind the quote that closes the string whose opening quote stands before `from`.
pub fn end_of_string(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let found = end_of_plain(bytes, at);
        match bytes.get(found)? {
            b'"' => return Some(found + 1),
            b'\\' => at = found + 2,
            _ => at = found + 1,
        }
    }
}

/// Where a number or a word ends.
pub fn end_of_scalar(bytes: &[u8], from: usize) -> usize {
    let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b':' | b'"' | b' ' | b'\n' | b'\r' | b'\t');
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest.iter().position(ends).unwrap_or(rest.len())
}

/// Within an object or array, its opening bracket taken; the text may come in parts.
#[derive(Clone, Debug)]
pub struct Nested {
    depth: u64,
    /// All ones if the last block ended within a string.
    in_string: u64,
    /// The last block ended in a backslash that escapes the first byte of the next.
    escapes_next: bool,
}

impl Default for Nested {
    fn default() -> Self {
        Nested { depth: 1, in_string: 0, escapes_next: false }
    }
}

impl Nested {
    /// The place after the closing bracket; or, if that is not in this part, how far it was looked at: the next part has to
    /// begin there. `last` says that nothing follows, so that there the error is the whole part.
    pub fn end(&mut self, text: &[u8], last: bool) -> Result<usize, usize> {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt") && is_x86_feature_detected!("bmi1") {
            // SAFETY: it asks of its caller that the processor has these features, and the line above asked the processor.
            // It takes a slice and has no pointers, so wrong masks would give a wrong place, which the tests hold against a
            // walk byte by byte, and readers cut the text there by checked slicing.
            return unsafe { x86::walk_avx2(self, text, last) };
        }
        self.walk(text, last, portable)
    }

    #[inline(always)]
    fn walk(&mut self, text: &[u8], last: bool, masks: impl Fn(&[u8; BLOCK]) -> Masks) -> Result<usize, usize> {
        let (blocks, tail) = text.as_chunks::<BLOCK>();
        for (i, block) in blocks.iter().enumerate() {
            if let Some(end) = self.step(&masks(block)) {
                return Ok(i * BLOCK + end);
            }
        }
        let seen = blocks.len() * BLOCK;
        if !last {
            return Err(seen);
        }
        let mut rest = [b' '; BLOCK];
        rest[..tail.len()].copy_from_slice(tail);
        self.step(&masks(&rest)).map(|end| seen + end).ok_or(text.len())
    }

    #[inline(always)]
    fn step(&mut self, masks: &Masks) -> Option<usize> {
        let escaped = self.escaped(masks.backslashes);
        let strings = flip_after(masks.quotes & !escaped) ^ self.in_string;
        self.in_string = if strings >> (BLOCK - 1) == 1 { u64::MAX } else { 0 };
        let (opening, mut closing) = (masks.opening & !strings, masks.closing & !strings);
        let closes = u64::from(closing.count_ones());
        if closes < self.depth {
            self.depth = self.depth - closes + u64::from(opening.count_ones());
            return None;
        }
        let mut closed = 0;
        while closing != 0 {
            let at = closing.trailing_zeros();
            closed += 1;
            let opened = u64::from((opening & ((1 << at) - 1)).count_ones());
            if self.depth + opened == closed {
                return Some(at as usize + 1);
            }
            closing &= closing - 1;
        }
        self.depth = self.depth + u64::from(opening.count_ones()) - closed;
        None
    }

    /// Which bytes stand behind a backslash that isn't escaped itself.
    #[inline(always)]
    fn escaped(&mut self, mut backslashes: u64) -> u64 {
        let mut escaped = u64::from(self.escapes_next);
        self.escapes_next = false;
        backslashes &= !escaped;
        while backslashes != 0 {
            let at = backslashes.trailing_zeros();
            backslashes &= backslashes - 1;
            if at as usize + 1 == BLOCK {
                self.escapes_next = true;
            } else {
                escaped |= 1 << (at + 1);
                backslashes &= !(1 << (at + 1));
            }
        }
        escaped
    }
}

/// Each set bit flips itself and all bits above it.
#[inline(always)]
fn flip_after(mut bits: u64) -> u64 {
    let mut by = 1;
    while by < BLOCK {
        bits ^= bits << by;
        by *= 2;
    }
    bits
}

/// For any machine; compilers make something of it.
fn portable(block: &[u8; BLOCK]) -> Masks {
    let mut masks = Masks { quotes: 0, backslashes: 0, opening: 0, closing: 0 };
    for (i, &byte) in block.iter().enumerate() {
        masks.quotes |= u64::from(byte == b'"') << i;
        masks.backslashes |= u64::from(byte == b'\\') << i;
        masks.opening |= u64::from(byte | 0x20 == b'{') << i;
        masks.closing |= u64::from(byte | 0x20 == b'}') << i;
    }
    masks
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{BLOCK, Masks, Nested, PART};
    use std::arch::x86_64::*;

    fn word(block: &[u8; BLOCK], at: usize) -> i64 {
        block[at..].first_chunk().map_or(0, |bytes| i64::from_le_bytes(*bytes))
    }

    /// `[` and `{` differ in one bit, and so do `]` and `}`.
    const CASE: i8 = 0x20;

    #[inline]
    #[target_feature(enable = "avx2")]
    fn masks_avx2(block: &[u8; BLOCK]) -> Masks {
        let mut masks = Masks { quotes: 0, backslashes: 0, opening: 0, closing: 0 };
        for part in 0..2 {
            let at = part * 32;
            let bytes = _mm256_set_epi64x(word(block, at + 24), word(block, at + 16), word(block, at + 8), word(block, at));
            let folded = _mm256_or_si256(bytes, _mm256_set1_epi8(CASE));
            let equal =
                |bytes, to: u8| u64::from(_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(to as i8))) as u32);
            masks.quotes |= equal(bytes, b'"') << at;
            masks.backslashes |= equal(bytes, b'\\') << at;
            masks.opening |= equal(folded, b'{') << at;
            masks.closing |= equal(folded, b'}') << at;
        }
        masks
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    pub fn plain_sse2(part: &[u8; PART]) -> usize {
        let word = |at: usize| part[at..].first_chunk().map_or(0, |bytes| i64::from_le_bytes(*bytes));
        let bytes = _mm_set_epi64x(word(8), word(0));
        let is = |byte: u8| _mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte as i8));
        let control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
        let found = _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(is(b'"'), is(b'\\')), control)) as u32;
        (found | 1 << PART).trailing_zeros() as usize
    }

    #[target_feature(enable = "avx2,popcnt,bmi1")]
    pub fn walk_avx2(nested: &mut Nested, text: &[u8], last: bool) -> Result<usize, usize> {
        nested.walk(text, last, |block| masks_avx2(block))
    }
}

/// Each the way with the processor's help and the way without, for comparing.
#[cfg(test)]
pub fn both_ways_of_plain(part: &[u8; PART]) -> [usize; 2] {
    [plain(part), plain_portable(part)]
}

/// The way without the processor's help, for comparing.
#[cfg(test)]
pub fn end_of_nested_portable(text: &[u8]) -> Option<usize> {
    Nested::default().walk(text, true, portable).ok()
}
