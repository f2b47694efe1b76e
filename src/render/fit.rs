//! Which columns of a table are shown where not all have room.

use super::layout::Natural;
use crate::report::Column;

/// `shown` without the columns that can be spared, from the last, until the rest fits; each with how wide it wants to be.
pub fn fitting(columns: &[Column], shown: Vec<(usize, Natural)>, gap: u16, limit: usize) -> Vec<(usize, Natural)> {
    let mut shown = shown;
    let total = |shown: &[(usize, Natural)]| shown.iter().map(|(_, it)| it.wanted() + usize::from(gap)).sum::<usize>();
    while total(&shown) > limit + usize::from(gap)
        && let Some(last) = shown.iter().rposition(|(i, _)| columns[*i].spare)
    {
        shown.remove(last);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::super::layout::natural;
    use super::*;
    use crate::report::Table;

    #[test]
    fn what_says_nothing_gives_way() {
        let columns = vec![Column::new("A"), Column::new("SPARE").spare(), Column::new("B"), Column::new("C").spare()];
        let table = Table { columns, rows: vec![["aaaaaaaa", "s", "bbbbbbbb", "c"].map(|text| vec![text.into()]).to_vec()] };
        let all: Vec<_> = natural(&table, &[0, 1, 2, 3]).into_iter().enumerate().collect();
        let shown = |limit| fitting(&table.columns, all.clone(), 2, limit).into_iter().map(|(i, _)| i).collect::<Vec<_>>();
        assert_eq!(shown(28), [0, 1, 2, 3]);
        assert_eq!(shown(27), [0, 1, 2]);
        assert_eq!(shown(24), [0, 2]);
        assert_eq!(shown(3), [0, 2], "the others are never left out");
    }
}
