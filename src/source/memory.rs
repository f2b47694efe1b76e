//! Memory for what is about to come.

use std::ops::Range;

/// Asks the system for this part of a vector's room at once: page by page, each comes with an interruption, which costs more
/// than to write to it. What it holds stays as it is.
pub fn ready(bytes: &mut Vec<u8>, part: Range<usize>) {
    #[cfg(target_os = "linux")]
    {
        const PAGE: usize = 4096;
        // Fewer are as quick one by one.
        const FEW: usize = 16;
        let end = part.end.min(bytes.capacity());
        let start = part.start.min(end);
        let room = bytes.as_mut_ptr().wrapping_add(start);
        let first = room.align_offset(PAGE).min(end - start);
        let whole = (end - start - first) / PAGE * PAGE;
        if whole > FEW * PAGE {
            // SAFETY: the pages lie within the room of a vector that is borrowed here alone, and keep what they hold; where
            // the system can't do so, it says so and does nothing.
            unsafe { libc::madvise(room.wrapping_add(first).cast(), whole, libc::MADV_POPULATE_WRITE) };
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (bytes, part);
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_there_stays() {
        let mut bytes: Vec<u8> = (0..1_000_000u32).map(|n| n.to_le_bytes()[0]).collect();
        let before = bytes.clone();
        bytes.reserve(1 << 20);
        for part in [0..bytes.len(), 500_001..1_500_000, 10..usize::MAX, 3_000_000..usize::MAX, 7..7] {
            super::ready(&mut bytes, part);
            assert_eq!(bytes, before);
        }
    }
}
