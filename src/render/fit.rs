//! Which columns of a table are shown where not all have room.

use super::sanitize;
use super::wrap::width;
use crate::report::{Line, Table};

/// `shown` without the columns that can be spared, from the last, until the rest fits.
pub fn fitting(table: &Table, shown: Vec<usize>, gap: u16, limit: usize) -> Vec<usize> {
    if !shown.iter().any(|&i| table.columns[i].spare) {
        return shown;
    }
    let text = |line: &Line| line.iter().map(|span| width(&sanitize::inline(&span.text))).sum::<usize>();
    let natural = |&i: &usize| {
        let cells = table.rows.iter().filter_map(|row| row.get(i)).map(text);
        cells.max().unwrap_or(0).max(width(&table.columns[i].title))
    };
    let mut columns: Vec<(usize, usize)> = shown.iter().map(|i| (*i, natural(i))).collect();
    let total = |columns: &[(usize, usize)]| columns.iter().map(|(_, width)| width + usize::from(gap)).sum::<usize>();
    while total(&columns) > limit + usize::from(gap)
        && let Some(last) = columns.iter().rposition(|(i, _)| table.columns[*i].spare)
    {
        columns.remove(last);
    }
    columns.into_iter().map(|(i, _)| i).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Column;

    #[test]
    fn what_says_nothing_gives_way() {
        let columns = vec![Column::new("A"), Column::new("SPARE").spare(), Column::new("B"), Column::new("C").spare()];
        let table = Table { columns, rows: vec![["aaaaaaaa", "s", "bbbbbbbb", "c"].map(|text| vec![text.into()]).to_vec()] };
        let shown = |limit| fitting(&table, vec![0, 1, 2, 3], 2, limit);
        assert_eq!(shown(28), [0, 1, 2, 3]);
        assert_eq!(shown(27), [0, 1, 2]);
        assert_eq!(shown(24), [0, 2]);
        assert_eq!(shown(3), [0, 2], "the others are never left out");
    }
}
