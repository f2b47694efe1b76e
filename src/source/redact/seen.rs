//! The first look at a text: which kinds of bytes it has. Most have none of those without which there is no secret.

/// One of these is in every word that makes a secret of what follows.
pub const LETTERS: &[u8] = b"krwKRW";

/// What each byte may be a part of, so that a text is looked at once and nearly always found harmless.
pub mod class {
    /// `-----BEGIN `
    pub const DASH: u16 = 1;
    pub const BEGIN: u16 = 1 << 1;
    /// `eyJ`
    pub const TOKEN: u16 = 1 << 2;
    /// Base64 of a key.
    pub const ENCODED: u16 = 1 << 3;
    pub const AT: u16 = 1 << 4;
    pub const SPACE: u16 = 1 << 5;
    /// What stands between a name and its value.
    pub const ASSIGNS: u16 = 1 << 6;
    /// One of these is in every word that makes a secret of what follows; times and numbers, hexadecimal ones too, have none.
    pub const LETTER: u16 = 1 << 7;
    pub const ESCAPE: u16 = 1 << 8;

    pub const OF: [u16; 256] = {
        let mut of = [0; 256];
        of[b'-' as usize] = DASH;
        of[b'B' as usize] = BEGIN;
        of[b'J' as usize] = TOKEN;
        of[b'L' as usize] = ENCODED;
        of[b'@' as usize] = AT;
        of[b' ' as usize] = SPACE | ASSIGNS;
        of[b'\t' as usize] = ASSIGNS;
        of[b'=' as usize] = ASSIGNS;
        of[b':' as usize] = ASSIGNS;
        of[b'"' as usize] = ASSIGNS;
        of[b'\'' as usize] = ASSIGNS;
        of[b'\\' as usize] = ESCAPE;
        let mut i = 0;
        while i < super::LETTERS.len() {
            of[super::LETTERS[i] as usize] |= LETTER;
            i += 1;
        }
        of
    };
}

/// Whether a text has none of the bytes without which it is harmless and not escaped: sixteen of them at once.
fn dull(bytes: &[u8]) -> bool {
    let is_one = |byte: u8, ones: &[u8]| ones.iter().fold(0, |seen, one| seen | u8::from(byte == *one));
    let matters = |byte: u8| is_one(byte, b"JL@ B\\") | is_one(byte | 0x20, b"krw");
    let (parts, rest) = bytes.as_chunks();
    // The last ones once more with those before them, or with some that don't matter.
    let mut filled = [0; 16];
    let last = bytes.last_chunk().unwrap_or_else(|| {
        filled[..rest.len()].copy_from_slice(rest);
        &filled
    });
    let seen =
        parts.iter().chain([last]).fold([0; 16], |seen: [u8; 16], part| std::array::from_fn(|i| seen[i] | matters(part[i])));
    seen == [0; 16]
}

/// Which kinds of bytes a text has.
#[derive(Clone, Copy, Default)]
pub struct Seen(u16);

impl Seen {
    /// Of most there is nothing to see.
    pub fn of(bytes: &[u8]) -> Self {
        if dull(bytes) { Seen::default() } else { Seen::each(bytes) }
    }

    fn each(bytes: &[u8]) -> Self {
        // Four at a time do not wait for each other.
        let class = |byte: u8| class::OF[usize::from(byte)];
        let (fours, rest) = bytes.as_chunks::<4>();
        let seen = fours.iter().fold([0; 4], |seen: [u16; 4], four| std::array::from_fn(|i| seen[i] | class(four[i])));
        Seen(rest.iter().fold(seen.into_iter().fold(0, |all, one| all | one), |seen, byte| seen | class(*byte)))
    }

    pub fn has(self, all: u16) -> bool {
        self.0 & all == all
    }

    /// With other characters in it than are written.
    pub fn escaped(self) -> bool {
        self.has(class::ESCAPE)
    }

    /// Nothing that [`super::text`] looks for can be in there.
    pub fn harmless(self) -> bool {
        self.0 & (class::TOKEN | class::ENCODED | class::AT | class::SPACE) == 0 && !self.begins() && !self.assigns()
    }

    pub fn begins(self) -> bool {
        self.has(class::DASH | class::BEGIN)
    }

    pub fn assigns(self) -> bool {
        self.has(class::ASSIGNS | class::LETTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dull_is_harmless_and_not_escaped() {
        for (byte, length) in (0..=u8::MAX).flat_map(|byte| [1, 15, 16, 17, 40].map(|length| (byte, length))) {
            for at in 0..length {
                let mut text = vec![b'x'; length];
                assert!(dull(&text));
                text[at] = byte;
                // Some kinds matter only beside another, and dull has neither.
                let part_of_a_pair = class::OF[usize::from(byte)] & (class::BEGIN | class::LETTER) != 0;
                let seen = Seen::each(&text);
                assert_eq!(dull(&text), seen.harmless() && !seen.escaped() && !part_of_a_pair, "{byte} at {at} of {length}");
            }
        }
    }
}
