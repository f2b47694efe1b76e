//! How wide each column of a table is.

use super::sanitize;
use super::table::SHARE;
use super::wrap::width;
use crate::report::{Cell, Rows};
use crate::shares;
use std::borrow::Cow;

/// A column is not made narrower than this for the sake of another, nor than its title.
const LEAST: usize = 8;
/// A word of this width is rather broken than given all the room.
const LONG: usize = 32;

/// What a column would take if there were room for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Natural {
    pub title: usize,
    /// Its widest cell.
    pub cell: usize,
    /// The longest of the words that are better not broken.
    word: usize,
}

impl Natural {
    pub fn wanted(&self) -> usize {
        self.cell.max(self.title)
    }
}

/// Of some columns of a table; each row is looked at once.
pub fn natural(rows: &dyn Rows, shown: &[usize]) -> Vec<Natural> {
    let columns = rows.columns();
    let mut place = vec![None; columns.len()];
    shown.iter().enumerate().for_each(|(n, &i)| place[i] = Some(n));
    let shares = shares::ranges(rows.count(), SHARE, |range| {
        let mut most = vec![(0, 0); shown.len()];
        // Many rows have a word in common.
        let mut last = vec![""; shown.len()];
        for at in range {
            let mut i = 0;
            rows.row(at, &mut |cell| {
                let n = place.get(i).copied().flatten();
                i += 1;
                let Some(n) = n else { return };
                if let Cell::Text(Cow::Borrowed(text), _) = cell
                    && std::mem::replace(&mut last[n], text) == text
                {
                    return;
                }
                measure(&cell, &mut most[n]);
            });
        }
        most
    });
    let title = |i: usize| width(&sanitize::inline(&columns[i].title));
    let most = |n: usize| shares.iter().fold((0, 0), |most, share| (most.0.max(share[n].0), most.1.max(share[n].1)));
    let one = |(n, &i): (usize, &usize)| Natural { title: title(i), cell: most(n).0, word: most(n).1 };
    shown.iter().enumerate().map(one).collect()
}

/// Raises what is too little for the cell.
fn measure(cell: &Cell<'_>, most: &mut (usize, usize)) {
    let (mut whole, mut longest) = (0, 0);
    let mut add = |text: &str| {
        let (clean, columns) = if sanitize::is_plain(text) {
            (Cow::Borrowed(text), text.len())
        } else {
            let clean = sanitize::inline(text);
            let columns = width(&clean);
            (clean, columns)
        };
        whole += columns;
        // No word is longer than its text.
        if columns > most.1.max(longest) {
            longest = clean.split(' ').map(width).max().unwrap_or(0).max(longest);
        }
    };
    match cell {
        Cell::Text(text, _) => add(text),
        Cell::Line(line) => line.iter().for_each(|span| add(&span.text)),
    }
    most.0 = most.0.max(whole);
    // One that is too long counts for nothing.
    if longest <= LONG {
        most.1 = most.1.max(longest);
    }
}

/// Columns that have room keep their width; the others share what is left, as evenly as their longest words allow.
pub fn widths(columns: &[Natural], gap: u16, limit: usize) -> Vec<usize> {
    let room = limit.saturating_sub(usize::from(gap) * columns.len().saturating_sub(1));
    let wanted: Vec<usize> = columns.iter().map(Natural::wanted).collect();
    if wanted.iter().sum::<usize>() <= room {
        return wanted;
    }
    let words: Vec<_> = columns.iter().zip(&wanted).collect();
    // No word is broken if that can be; else the longest are.
    let floors = |longest: usize| -> Vec<usize> {
        words.iter().map(|&(column, &full)| full.min(column.word.min(longest).max(column.title).max(LEAST))).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Column, Line, Table};

    fn widths(table: &Table, shown: &[usize], gap: u16, limit: usize) -> Vec<usize> {
        super::widths(&natural(table, shown), gap, limit)
    }

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
