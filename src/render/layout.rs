//! How wide each column of a table is.

use super::sanitize;
use super::table::SHARE;
use super::wrap::{longest_word, width};
use crate::report::{Line, Table};
use crate::shares;

/// A column is not made narrower than this for the sake of another, nor than its title.
const LEAST: usize = 8;
/// A word of this width is rather broken than given all the room.
const LONG: usize = 32;

/// Columns that have room keep their width; the others share what is left, as evenly as their longest words allow.
pub fn widths(table: &Table, shown: &[usize], gap: u16, limit: usize) -> Vec<usize> {
    let room = limit.saturating_sub(usize::from(gap) * shown.len().saturating_sub(1));
    let titles: Vec<usize> = shown.iter().map(|&i| width(&sanitize::inline(&table.columns[i].title))).collect();
    let whole = |line: &Line| line.iter().map(|span| width(&sanitize::inline(&span.text))).sum();
    let wanted: Vec<usize> =
        longest(table, shown, whole).into_iter().zip(&titles).map(|(full, title)| full.max(*title)).collect();
    if wanted.iter().sum::<usize>() <= room {
        return wanted;
    }
    let word = |line: &Line| Some(longest_word(line)).filter(|&word| word <= LONG).unwrap_or(0);
    let words: Vec<_> = longest(table, shown, word).into_iter().zip(&wanted).zip(&titles).collect();
    // No word is broken if that can be; else the longest are.
    let floors = |longest: usize| -> Vec<usize> {
        words.iter().map(|&((word, &full), &title)| full.min(word.min(longest).max(title).max(LEAST))).collect()
    };
    let possible = (LEAST..=LONG).rev().map(floors).find(|floors| floors.iter().sum::<usize>() <= room);
    let floors = possible.unwrap_or_else(|| floors(LEAST));
    let at =
        |level: usize| -> Vec<usize> { wanted.iter().zip(&floors).map(|(&full, &floor)| full.min(level.max(floor))).collect() };
    let fits = |level: usize| at(level).iter().sum::<usize>() <= room;
    let highest = wanted.iter().copied().max().unwrap_or(0);
    let level = (0..=highest).rev().find(|&level| fits(level));
    let mut widths = at(level.unwrap_or(0));
    // What rounding left over goes to the first that can use it.
    let mut left = room.saturating_sub(widths.iter().sum());
    for (width, full) in widths.iter_mut().zip(&wanted) {
        let more = left.min(full - *width);
        *width += more;
        left -= more;
    }
    widths
}

/// The most that `measure` gives for a cell of each column.
pub fn longest(table: &Table, shown: &[usize], measure: impl Fn(&Line) -> usize + Sync) -> Vec<usize> {
    let of_column = |rows: &[Vec<Line>], i: usize| rows.iter().filter_map(|row| row.get(i)).map(&measure).max().unwrap_or(0);
    let shares = shares::each(&table.rows, SHARE, |rows| shown.iter().map(|&i| of_column(rows, i)).collect::<Vec<_>>());
    (0..shown.len()).map(|n| shares.iter().map(|share| share[n]).max().unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Column;

    fn table(rows: &[[&str; 3]]) -> Table {
        let cell = |text: &&str| -> Line { vec![(*text).into()] };
        Table {
            columns: ["NAME", "STATE", "WHY"].map(Column::new).into(),
            rows: rows.iter().map(|row| row.iter().map(cell).collect()).collect(),
        }
    }

    #[test]
    fn what_fits_is_left_alone_and_the_long_share_the_rest() {
        let long = "a reason of many short words which goes on";
        let name = "gateways.gateway.networking.k8s.io.and.a.few.more.words";
        let table = table(&[[name, "absent", long], ["pods", "answered", ""]]);
        assert_eq!(widths(&table, &[0, 1, 2], 2, 200), [55, 8, 42]);
        assert_eq!(widths(&table, &[0, 1, 2], 2, 62), [25, 8, 25]);
        assert_eq!(widths(&table, &[0, 2], 2, 60), [29, 29]);
    }

    #[test]
    fn a_short_word_is_not_broken_for_the_sake_of_a_long_text() {
        let table = table(&[["deployments.apps", "x", &"words ".repeat(50)]]);
        assert_eq!(widths(&table, &[0, 1, 2], 2, 40), [16, 5, 15]);
    }

    #[test]
    fn too_many_columns_still_have_a_width() {
        let table = table(&[["deployments.apps", "forbidden", "there is no room at all"]]);
        assert_eq!(widths(&table, &[0, 1, 2], 2, 10), [8, 8, 8]);
    }
}
