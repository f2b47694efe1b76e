//! `-o table` and `-o wide`: for people.

use super::fit::fitting;
use super::layout;
use super::style::{loudest, paint};
use super::wrap::{Commands, clip, width, wrap};
use super::{Style, WIDTH, sanitize};
use crate::report::{Block, Line, Report, Table, Tone};
use std::borrow::Cow;

/// Between two columns of a table.
const GAP: u16 = 2;

/// Narrower than this, wrapping does more harm than a terminal that wraps by itself.
const NARROWEST: usize = 40;

pub fn render(report: &Report, style: &Style, wide: bool) -> String {
    let limit = if wide { usize::MAX } else { style.width.max(NARROWEST) };
    let page = Page { limit, wide, color: style.color };
    let mut out = String::new();
    let mut blocks = report.body.as_slice();
    while let [block, rest @ ..] = blocks {
        // Labels that follow each other share one column.
        let fields = blocks.iter().take_while(|block| matches!(block, Block::Field { .. } | Block::Brief { .. })).count();
        if fields > 0 {
            page.fields(&blocks[..fields], &mut out);
            blocks = &blocks[fields..];
        } else {
            page.block(block, &mut out);
            blocks = rest;
        }
    }
    out
}

struct Page {
    limit: usize,
    wide: bool,
    color: bool,
}

impl Page {
    fn block(&self, block: &Block, out: &mut String) {
        match block {
            Block::Heading(text) => self.push(&paint(&sanitize::inline(text), Tone::Strong, self.color), out),
            Block::Paragraph(line) => self.hang("", "", line, 0, out),
            Block::Bullets(lines) => lines.iter().for_each(|line| self.hang("- ", "  ", line, 0, out)),
            Block::Table(table) => self.table(table, &[], out),
            Block::Noted { table, notes } => self.table(table, notes, out),
            // Verbatim and from the first column: this is what gets copied or piped.
            Block::Code(text) => sanitize::block(text).lines().for_each(|text| {
                out.push_str(text);
                out.push('\n');
            }),
            Block::Blank => out.push('\n'),
            Block::Field { .. } | Block::Brief { .. } => self.fields(std::slice::from_ref(block), out),
        }
    }

    fn push(&self, text: &str, out: &mut String) {
        out.push_str(text.trim_end());
        out.push('\n');
    }

    /// `first` in front of the first row, `rest` (of the same width) in front of the others; at most `most` rows where
    /// that isn't 0.
    fn hang(&self, first: &str, rest: &str, line: &Line, most: usize, out: &mut String) {
        let limit = self.limit.saturating_sub(rest.len()).max(NARROWEST / 2);
        let mut rows = wrap(line, limit, Commands::Whole);
        if most > 0 && !self.wide {
            let usual = WIDTH - rest.len().min(WIDTH / 2);
            rows = clip(rows, (most * usual).div_ceil(limit).max(most), limit);
        }
        for (i, row) in rows.iter().enumerate() {
            self.push(&format!("{}{}", if i == 0 { first } else { rest }, row.paint(self.color)), out);
        }
    }

    fn fields(&self, fields: &[Block], out: &mut String) {
        let fields = fields.iter().filter_map(|block| match block {
            Block::Field { label, lines } => Some((sanitize::inline(label), lines, 0)),
            Block::Brief { label, lines, rows } => Some((sanitize::inline(label), lines, *rows)),
            _ => None,
        });
        let fields: Vec<_> = fields.collect();
        // A label that would leave no room stands in a line of its own.
        let most = self.limit / 3;
        let column = fields.iter().map(|(label, ..)| width(label)).filter(|&w| w <= most).max().unwrap_or(0) + 2;
        let indent = " ".repeat(column);
        for (label, lines, rows) in fields {
            let taken = width(&label);
            let painted = paint(&label, Tone::Strong, self.color);
            let mut first = format!("{painted}{}", " ".repeat(column.saturating_sub(taken)));
            if taken > most || lines.is_empty() {
                self.push(&painted, out);
                first.clone_from(&indent);
            }
            for line in lines {
                self.hang(&first, &indent, line, rows, out);
                first.clone_from(&indent);
            }
        }
    }

    /// `notes` are in the order of the rows that they stand under.
    fn table(&self, table: &Table, notes: &[(usize, Line)], out: &mut String) {
        let shown: Vec<usize> = (0..table.columns.len()).filter(|&i| self.wide || !table.columns[i].wide).collect();
        let shown = if self.wide { shown } else { fitting(table, shown, GAP, self.limit) };
        if shown.is_empty() {
            return;
        }
        let limits = if self.wide { vec![usize::MAX; shown.len()] } else { layout::widths(table, &shown, GAP, self.limit) };
        let grid = Grid { table, shown: &shown, limits: &limits };
        let title = |&i: &usize| Cell { lines: vec![sanitize::inline(&table.columns[i].title)], tone: Tone::Strong };
        let titles: Vec<Cell<'_>> = shown.iter().map(title).collect();
        // There may be a hundred thousand rows: they are broken twice, once to be measured, rather than kept.
        let mut widths: Vec<usize> = titles.iter().map(Cell::width).collect();
        for row in &table.rows {
            grid.cells(row).iter().zip(&mut widths).for_each(|(cell, width)| *width = cell.width().max(*width));
        }
        let columns: Vec<(usize, bool)> =
            shown.iter().zip(widths).map(|(&i, width)| (width, table.columns[i].align_right)).collect();
        self.row(&titles, &columns, out);
        let mut notes = notes.iter().peekable();
        for (at, row) in table.rows.iter().enumerate() {
            self.row(&grid.cells(row), &columns, out);
            while let Some((_, line)) = notes.next_if(|(row, _)| *row == at) {
                self.hang("  ", "  ", line, 0, out);
            }
        }
    }

    /// `columns` are how wide each is, and whether it stands to the right.
    fn row(&self, cells: &[Cell<'_>], columns: &[(usize, bool)], out: &mut String) {
        let height = cells.iter().map(|cell| cell.lines.len()).max().unwrap_or(0).max(1);
        for n in 0..height {
            // Spaces are only written when something follows.
            let mut owed = 0;
            for (cell, (column, right)) in cells.iter().zip(columns) {
                let text = cell.lines.get(n).map_or("", |line| line.trim_end());
                let pad = column.saturating_sub(width(text));
                owed += if *right { pad } else { 0 };
                if !text.is_empty() {
                    out.extend(std::iter::repeat_n(' ', std::mem::take(&mut owed)));
                    if self.color { out.push_str(&paint(text, cell.tone, true)) } else { out.push_str(text) }
                }
                owed += usize::from(GAP) + if *right { 0 } else { pad };
            }
            out.push('\n');
        }
    }
}

/// What is shown of a table, and how wide each column may be.
struct Grid<'g> {
    table: &'g Table,
    shown: &'g [usize],
    limits: &'g [usize],
}

impl Grid<'_> {
    fn cells<'t>(&self, row: &'t [Line]) -> Vec<Cell<'t>> {
        let cell = |i: usize, limit| Some(Cell::of(row.get(i)?, limit, self.table.columns[i].rows));
        self.shown.iter().zip(self.limits).map(|(&i, &limit)| cell(i, limit).unwrap_or_default()).collect()
    }
}

/// A cell has one colour.
#[derive(Default)]
struct Cell<'t> {
    lines: Vec<Cow<'t, str>>,
    tone: Tone,
}

impl<'t> Cell<'t> {
    fn of(line: &'t Line, limit: usize, most: usize) -> Self {
        let tone = loudest(line.iter().filter(|span| !span.text.trim().is_empty()).map(|span| span.tone));
        // Nearly all are one short text.
        if let [span] = line.as_slice() {
            let text = sanitize::inline(&span.text);
            if width(&text) <= limit {
                return Cell { lines: vec![text], tone };
            }
        }
        let mut rows = wrap(line, limit, Commands::Broken);
        if most > 0 && limit < usize::MAX {
            rows = clip(rows, most, limit);
        }
        Cell { lines: rows.iter().map(|row| Cow::Owned(row.paint(false))).collect(), tone }
    }

    fn width(&self) -> usize {
        self.lines.iter().map(|line| width(line)).max().unwrap_or(0)
    }
}
