//! Work on many things of a kind, in shares of which each has its thread.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::ops::Range;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

const MOST_THREADS: usize = 4;

/// So much may wait for what takes it.
const AHEAD: usize = 4;

/// How many threads have something to do at once. The system is asked once: it reads files to know.
pub fn threads() -> usize {
    static THREADS: LazyLock<usize> = LazyLock::new(|| thread::available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS));
    *THREADS
}

/// Calls `work` for contiguous shares of so many and gives what came of them, in order. A share of fewer than `least` isn't
/// worth a thread.
pub fn ranges<R: Send>(count: usize, least: usize, work: impl Fn(Range<usize>) -> R + Sync) -> Vec<R> {
    let threads = (count / least.max(1)).clamp(1, threads());
    if threads == 1 {
        return vec![work(0..count)];
    }
    let first = count / threads;
    thread::scope(|scope| {
        let size = (count - first).div_ceil(threads - 1);
        let work = &work;
        let starts = (first..count).step_by(size);
        let others: Vec<_> = starts.map(|start| scope.spawn(move || work(start..(start + size).min(count)))).collect();
        let mut results = vec![work(0..first)];
        results.extend(others.into_iter().map(|other| other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))));
        results
    })
}

/// The same for the items themselves.
pub fn each<'i, T: Sync, R: Send>(items: &'i [T], least: usize, work: impl Fn(&'i [T]) -> R + Sync) -> Vec<R> {
    ranges(items.len(), least, |range| work(&items[range]))
}

/// The same for one result for each.
pub fn map<'i, T: Sync, R: Send>(items: &'i [T], least: usize, make: impl Fn(&'i T) -> R + Sync) -> Vec<R> {
    let shares = each(items, least, |share| share.iter().map(&make).collect::<Vec<R>>());
    let mut all = Vec::with_capacity(items.len());
    shares.into_iter().for_each(|share| all.extend(share));
    all
}

/// Sorts, stably, by keys that are made once for each.
pub fn sorted<T: Copy + Sync, K: Ord + Send>(items: Vec<T>, least: usize, key: impl Fn(T) -> K + Sync) -> Vec<T> {
    let mut keyed: Vec<(K, usize)> = map(&items, least, |item| key(*item)).into_iter().zip(0..).collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, at)| items[at]).collect()
}

/// Calls `work` for shares of that size, and on this thread, in order, `take` with what came of each, while others are
/// worked on.
pub fn in_order<R: Send>(count: usize, size: usize, work: impl Fn(Range<usize>) -> R + Sync, mut take: impl FnMut(R)) {
    let size = size.max(1);
    let shares = count.div_ceil(size);
    let share = |n: usize| work(n * size..((n + 1) * size).min(count));
    let others = threads().min(shares).saturating_sub(1);
    let next = AtomicUsize::new(0);
    let claim = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|n| *n < shares);
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel(AHEAD);
        for _ in 0..others {
            let (sender, claim, share) = (sender.clone(), &claim, &share);
            scope.spawn(move || {
                while let Some(n) = claim() {
                    if sender.send((n, share(n))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut waiting = BTreeMap::new();
        let mut at = 0;
        while at < shares {
            if let Some(done) = waiting.remove(&at) {
                take(done);
                at += 1;
                continue;
            }
            let mine = || if waiting.len() < AHEAD { claim().map(|n| (n, share(n))) } else { None };
            // Nothing comes any more from a thread that panicked; the scope says so.
            let Some((n, done)) = receiver.try_recv().ok().or_else(mine).or_else(|| receiver.recv().ok()) else { return };
            waiting.insert(n, done);
        }
    });
}

/// Calls `make` for each item and `take` with what it gave, in order; the next is made while one is taken.
pub fn ahead<'i, T: Sync, R: Send>(items: &'i [T], make: impl Fn(&'i T) -> R + Sync, mut take: impl FnMut(&'i T, R)) {
    if threads() == 1 || items.len() < 2 {
        return items.iter().for_each(|item| take(item, make(item)));
    }
    thread::scope(|scope| {
        // Handed over, not laid down: of what is big there are two at most.
        let (sender, receiver) = mpsc::sync_channel(0);
        let make = &make;
        scope.spawn(move || items.iter().map(make).try_for_each(|made| sender.send(made)));
        items.iter().zip(receiver).for_each(|(item, made)| take(item, made));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_done_once_and_in_order() {
        for count in [0, 1, 7, 100, 1001] {
            let items: Vec<usize> = (0..count).collect();
            for least in [0, 1, 3, 50, 5000] {
                assert_eq!(each(&items, least, <[usize]>::to_vec).concat(), items);
                assert_eq!(map(&items, least, |item| *item), items);
                let mut by_key = items.clone();
                by_key.sort_by_key(|item| item % 7);
                assert_eq!(sorted(items.clone(), least, |item| item % 7), by_key);
                let mut taken = Vec::new();
                in_order(count, least, |range| items[range].to_vec(), |share| taken.extend(share));
                assert_eq!(taken, items);
            }
            let mut taken = Vec::new();
            ahead(&items, |item| item + 1, |item, made| taken.push((*item, made)));
            assert_eq!(taken, items.iter().map(|item| (*item, item + 1)).collect::<Vec<_>>());
        }
    }
}
