//! A big answer that comes in parts: what nobody asks for passes by, the rest is given away in batches.
//!
//! A dump of a big mesh is hundreds of megabytes, and a table shows a few of them: to hold the text takes more time than to
//! read it, because fresh memory is slow. Here a buffer of a size that fits a processor's cache is filled again and again;
//! [`Walk`] finds in it where the elements of the wanted lists lie, and several threads, in turn the one that walks, decode
//! what they were given into an arena of their own.
//!
//! Only what is in order is read this way. Whatever isn't, cut, broken or of another shape, is [`Odd`]: then the whole text
//! is read the other way ([`super::Dump::read`]), which can say what is wrong with it and where.

mod walk;

use super::entry::State;
use super::section::Section;
use crate::shares;
use bumpalo::Bump;
use std::io::Read;
use std::sync::{Mutex, PoisonError};
use std::thread;
use walk::Walk;

/// So much is read at once; with what is decoded from it, it fits the second cache of most processors.
const BATCH: usize = 256 << 10;
/// Of answers that are small as dumps go, so that it is not the most of what they take.
const SMALL: usize = 64 << 10;

/// It can't be read in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Odd;

/// Which answer it is, and what is wanted of it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape<'w> {
    Dump(&'w [Section]),
    Hosts,
}

/// What was decoded lives here: one for each thread.
#[derive(Debug)]
pub struct Arenas {
    arenas: Vec<Bump>,
    batch: usize,
}

impl Default for Arenas {
    fn default() -> Self {
        Arenas::new(shares::threads(), BATCH)
    }
}

impl Arenas {
    pub fn small() -> Self {
        Arenas::new(shares::threads(), SMALL)
    }

    fn new(threads: usize, batch: usize) -> Self {
        Arenas { arenas: (0..threads).map(|_| Bump::new()).collect(), batch }
    }
}

/// What is found in an answer. A route configuration may be nearly all of it, so its virtual hosts come one by one, and then
/// what stands around them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Element,
    VirtualHost,
    Around,
}

/// Where it lies: in the batch, or in the copies of what stood around something.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub what: What,
    pub section: Section,
    pub state: State,
    from: usize,
    end: usize,
}

/// Bytes of the answer, and where in them whole elements lie.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    filled: usize,
    parts: Vec<Part>,
    around: Vec<u8>,
}

impl Batch {
    /// The parts with their texts.
    pub fn parts(&self) -> impl Iterator<Item = (&Part, Result<&str, Odd>)> {
        let text = |part: &Part| {
            let bytes = if part.what == What::Around { &self.around } else { &self.bytes };
            bytes.get(part.from..part.end).and_then(|text| std::str::from_utf8(text).ok())
        };
        self.parts.iter().map(move |part| (part, text(part).ok_or(Odd)))
    }
}

/// Decodes all of it: `read` makes something of each batch, and the results come in the order of the text, with the
/// sections that are there.
pub(super) fn read<'k, R: Send>(
    input: impl Read + Send,
    shape: Shape<'_>,
    arenas: &'k mut Arenas,
    read: impl Fn(&Batch, &'k Bump) -> Result<R, Odd> + Sync,
) -> Result<(Vec<R>, Vec<Section>), Odd> {
    let walk = Mutex::new((0, Walk::new(input, shape, arenas.batch)));
    let work = |arena: &'k mut Bump| {
        let arena: &'k Bump = arena;
        let mut batch = Batch::default();
        let mut results = Vec::new();
        loop {
            let number = {
                let mut walk = walk.lock().unwrap_or_else(PoisonError::into_inner);
                if !walk.1.next(&mut batch)? {
                    return Ok(results);
                }
                walk.0 += 1;
                walk.0
            };
            match read(&batch, arena) {
                Ok(result) => results.push((number, result)),
                Err(odd) => {
                    walk.lock().unwrap_or_else(PoisonError::into_inner).1.stop();
                    return Err(odd);
                }
            }
        }
    };
    let shares: Vec<Result<Vec<(usize, R)>, Odd>> = thread::scope(|scope| {
        let Some((first, others)) = arenas.arenas.split_first_mut() else { return Vec::new() };
        let work = &work;
        let others: Vec<_> = others.iter_mut().map(|arena| scope.spawn(move || work(arena))).collect();
        let mut shares = vec![work(first)];
        shares.extend(others.into_iter().map(|other| other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))));
        shares
    });
    let mut results = Vec::new();
    for share in shares {
        results.extend(share?);
    }
    results.sort_by_key(|(number, _)| *number);
    let (_, walk) = walk.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok((results.into_iter().map(|(_, result)| result).collect(), walk.present))
}

#[cfg(test)]
mod tests;
