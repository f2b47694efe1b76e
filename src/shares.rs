//! Work on many things of a kind, in shares of which each has its thread.

use std::num::NonZero;
use std::ops::Range;
use std::thread;

const MOST_THREADS: usize = 4;

/// Calls `work` for contiguous shares of so many and gives what came of them, in order. A share of fewer than `least` isn't
/// worth a thread.
pub fn ranges<R: Send>(count: usize, least: usize, work: impl Fn(Range<usize>) -> R + Sync) -> Vec<R> {
    let most = thread::available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS);
    let threads = (count / least.max(1)).clamp(1, most);
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
pub fn each<T: Sync, R: Send>(items: &[T], least: usize, work: impl Fn(&[T]) -> R + Sync) -> Vec<R> {
    ranges(items.len(), least, |range| work(&items[range]))
}

/// The same for one result for each.
pub fn map<T: Sync, R: Send>(items: &[T], least: usize, make: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let shares = each(items, least, |share| share.iter().map(&make).collect::<Vec<R>>());
    let mut all = Vec::with_capacity(items.len());
    shares.into_iter().for_each(|share| all.extend(share));
    all
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
            }
        }
    }
}
