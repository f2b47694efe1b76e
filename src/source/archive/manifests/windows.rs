//! A file in windows that end where a document ends, so that a big one need not be in memory as a whole.

use super::super::split;
use std::fs::File;
use std::io::{Error, Read, Result};
use std::path::Path;
use std::sync::Arc;

/// Enough to keep the cores busy, and little beside what is made of it.
pub const WINDOW: usize = 8 << 20;
/// More than this in one file is no manifest.
const MAX_FILE: u64 = 1 << 30;
/// So much is looked at before the rest is read.
const HEAD: usize = 64 << 10;

/// Whole documents of a file.
pub struct Window {
    pub file: Arc<str>,
    pub bytes: Vec<u8>,
    /// The line of the file that it begins at, from 1.
    pub line: u32,
}

pub struct Windows<R> {
    from: R,
    size: usize,
    /// What is known of its length before it is read; 0 if nothing is.
    length: u64,
}

pub fn open(path: &Path) -> Result<Windows<File>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    Ok(Windows::of(file, length))
}

impl<R: Read> Windows<R> {
    pub fn of(from: R, length: u64) -> Self {
        Windows { from, size: WINDOW, length }
    }

    /// A document that is larger than a window gets one of its own size.
    pub fn read(mut self, file: &Arc<str>, each: &mut impl FnMut(Window)) -> Result<()> {
        let (mut bytes, mut total, mut line, mut searched) = (Vec::new(), 0, 1u32, 0);
        // A look first: no need to swallow a disk image, a core dump or /dev/zero to see that it is no text.
        let head = HEAD.min(self.size);
        let mut wanted = head;
        loop {
            let missing = wanted.saturating_sub(bytes.len()) as u64;
            let read = (&mut self.from).take(missing).read_to_end(&mut bytes)? as u64;
            total += read;
            let utf_16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
            if total == head as u64 && bytes.contains(&0) && !utf_16 {
                return Err(Error::other("it is binary (it holds NUL bytes), so it can't be a manifest"));
            }
            if total.max(self.length) > MAX_FILE {
                return Err(Error::other("it is larger than 1 GiB"));
            }
            if read < missing {
                break;
            }
            if total == head as u64 && wanted < self.size {
                wanted = self.size;
                continue;
            }
            match split::last_document(&bytes, searched) {
                Some(at) => {
                    let mut rest = Vec::with_capacity(self.size);
                    rest.extend_from_slice(&bytes[at..]);
                    bytes.truncate(at);
                    let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
                    each(Window { file: file.clone(), bytes, line });
                    line = line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
                    (bytes, wanted, searched) = (rest, self.size, 0);
                }
                None => {
                    searched = bytes.len();
                    wanted = wanted.max(bytes.len() * 2);
                    // Room for all that is left, if that is known: growing step by step would copy it again and again.
                    bytes.reserve_exact(usize::try_from(self.length.saturating_sub(total)).unwrap_or_default());
                }
            }
        }
        if !bytes.is_empty() {
            each(Window { file: file.clone(), bytes, line });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn windows_are_the_file_and_end_with_documents(
            bodies in prop::collection::vec("([a-z]{1,9}: [a-z-]{0,5}(\r)?\n| --- x\n|----\n){1,9}", 0..60),
            size in 1usize..300,
        ) {
            let text: String = bodies.iter().map(|body| format!("---\n{body}")).collect();
            let mut joined = Vec::new();
            let windows = Windows { from: text.as_bytes(), size, length: 0 };
            windows.read(&"a".into(), &mut |window: Window| {
                assert!(window.bytes.starts_with(b"---\n"));
                assert_eq!(window.line as usize, 1 + joined.iter().filter(|byte| **byte == b'\n').count());
                joined.extend(window.bytes);
            }).expect("reads");
            prop_assert_eq!(joined, text.as_bytes());
        }
    }

    #[test]
    fn a_big_file_comes_in_parts() {
        let document = format!("---\na: {}\n", "x".repeat(1 << 20));
        let text = document.repeat(20);
        let mut sizes = Vec::new();
        Windows::of(text.as_bytes(), 0).read(&"a".into(), &mut |window: Window| sizes.push(window.bytes.len())).expect("reads");
        assert_eq!(sizes.iter().sum::<usize>(), text.len());
        assert!(sizes.len() > 2 && sizes.iter().all(|size| *size <= WINDOW), "{sizes:?}");
    }
}
