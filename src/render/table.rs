//! `-o table` and `-o wide`: for people.

use super::fit::fitting;
use super::layout;
use super::style::{loudest, paint};
use super::wrap::{Commands, clip, slices, width, wrap};
use super::{Style, WIDTH, sanitize};
use crate::report::{Block, Line, Report, Table, Tone};
use crate::shares;
use std::borrow::Cow;

/// Between two columns of a table.
const GAP: u16 = 2;

/// So many rows are worth a thread.
pub(super) const SHARE: usize = 1000;
/// So many are drawn before they are given away.
const WAVE: usize = 4 * SHARE;

/// Narrower than this, wrapping does more harm than a terminal that wraps by itself.
const NARROWEST: usize = 40;

pub fn render(report: &Report, style: &Style, wide: bool) -> String {
    let mut out = String::new();
    draw(&report.body, style, wide, &mut |text| out.push_str(text));
    out
}

/// The same, given away piece by piece: of a big table the text is never there as a whole.
pub fn draw(mut blocks: &[Block], style: &Style, wide: bool, put: &mut dyn FnMut(&str)) {
    let limit = if wide { usize::MAX } else { style.width.max(NARROWEST) };
    let page = Page { limit, wide, color: style.color };
    let mut out = String::new();
    while let [block, rest @ ..] = blocks {
        // Labels that follow each other share one column.
        let fields = blocks.iter().take_while(|block| matches!(block, Block::Field { .. } | Block::Brief { .. })).count();
        if let Block::Table(table) = block
            && table.rows.len() > WAVE
        {
            page.long_table(table, put);
        } else if fields > 0 {
            page.fields(&blocks[..fields], &mut out);
        } else {
            page.block(block, &mut out);
        }
        put(&out);
        out.clear();
        blocks = if fields > 0 { &blocks[fields..] } else { rest };
    }
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
        let Some((grid, columns)) = self.measured(table, out) else { return };
        let mut notes = notes.iter().peekable();
        for (at, row) in table.rows.iter().enumerate() {
            self.row(&grid.cells(row).collect::<Vec<_>>(), &columns, out);
            while let Some((_, line)) = notes.next_if(|(row, _)| *row == at) {
                self.hang("  ", "  ", line, 0, out);
            }
        }
    }

    /// One of very many rows, wave by wave, each drawn on several threads.
    fn long_table(&self, table: &Table, put: &mut dyn FnMut(&str)) {
        let mut head = String::new();
        let Some((grid, columns)) = self.measured(table, &mut head) else { return };
        put(&head);
        for wave in table.rows.chunks(WAVE) {
            let drawn = shares::each(wave, SHARE, |rows| {
                let (mut out, mut cells) = (String::new(), Vec::with_capacity(columns.len()));
                for row in rows {
                    cells.clear();
                    cells.extend(grid.cells(row));
                    self.row(&cells, &columns, &mut out);
                }
                out
            });
            drawn.iter().for_each(|text| put(text));
        }
    }

    /// The head of a table, and how wide its columns are and whether they stand to the right; nothing if it has none.
    fn measured<'t>(&self, table: &'t Table, out: &mut String) -> Option<(Grid<'t>, Vec<(usize, bool)>)> {
        let shown: Vec<usize> = (0..table.columns.len()).filter(|&i| self.wide || !table.columns[i].wide).collect();
        let shown = if self.wide { shown } else { fitting(table, shown, GAP, self.limit) };
        if shown.is_empty() {
            return None;
        }
        let limits = if self.wide { vec![usize::MAX; shown.len()] } else { layout::widths(table, &shown, GAP, self.limit) };
        let grid = Grid { table, shown, limits };
        let title = |&i: &usize| Cell { lines: Lines::One(sanitize::inline(&table.columns[i].title)), tone: Tone::Strong };
        let titles: Vec<Cell<'_>> = grid.shown.iter().map(title).collect();
        // There may be a hundred thousand rows: they are broken twice, once to be measured, rather than kept.
        let mut widths: Vec<usize> = titles.iter().map(Cell::width).collect();
        let measured = shares::each(&table.rows, SHARE, |rows| {
            let mut widths = vec![0; grid.shown.len()];
            for row in rows {
                grid.cells(row).zip(&mut widths).for_each(|(cell, width)| *width = cell.width().max(*width));
            }
            widths
        });
        measured.iter().for_each(|share| share.iter().zip(&mut widths).for_each(|(one, width)| *width = *one.max(width)));
        let columns: Vec<(usize, bool)> =
            grid.shown.iter().zip(widths).map(|(&i, width)| (width, table.columns[i].align_right)).collect();
        self.row(&titles, &columns, out);
        Some((grid, columns))
    }

    /// `columns` are how wide each is, and whether it stands to the right.
    fn row(&self, cells: &[Cell<'_>], columns: &[(usize, bool)], out: &mut String) {
        let height = cells.iter().map(|cell| cell.lines.count()).max().unwrap_or(0).max(1);
        for n in 0..height {
            // Spaces are only written when something follows.
            let mut owed = 0;
            for (cell, (column, right)) in cells.iter().zip(columns) {
                let text = cell.lines.get(n).trim_end();
                let pad = column.saturating_sub(width(text));
                owed += if *right { pad } else { 0 };
                if !text.is_empty() {
                    push_spaces(std::mem::take(&mut owed), out);
                    if self.color { out.push_str(&paint(text, cell.tone, true)) } else { out.push_str(text) }
                }
                owed += usize::from(GAP) + if *right { 0 } else { pad };
            }
            out.push('\n');
        }
    }
}

fn push_spaces(mut count: usize, out: &mut String) {
    const SPACES: &str = "                                ";
    while count > SPACES.len() {
        out.push_str(SPACES);
        count -= SPACES.len();
    }
    out.push_str(&SPACES[..count]);
}

/// What is shown of a table, and how wide each column may be.
struct Grid<'g> {
    table: &'g Table,
    shown: Vec<usize>,
    limits: Vec<usize>,
}

impl Grid<'_> {
    fn cells<'t>(&self, row: &'t [Line]) -> impl Iterator<Item = Cell<'t>> {
        let cell = |i: usize, limit| Some(Cell::of(row.get(i)?, limit, self.table.columns[i].rows));
        self.shown.iter().zip(&self.limits).map(move |(&i, &limit)| cell(i, limit).unwrap_or_default())
    }
}

/// A cell has one colour.
#[derive(Default)]
struct Cell<'t> {
    lines: Lines<'t>,
    tone: Tone,
}

/// Nearly all are one.
enum Lines<'t> {
    One(Cow<'t, str>),
    Slices(Vec<&'t str>),
    Many(Vec<String>),
}

impl Default for Lines<'_> {
    fn default() -> Self {
        Lines::Slices(Vec::new())
    }
}

impl Lines<'_> {
    fn count(&self) -> usize {
        match self {
            Lines::One(_) => 1,
            Lines::Slices(lines) => lines.len(),
            Lines::Many(lines) => lines.len(),
        }
    }

    fn get(&self, n: usize) -> &str {
        match self {
            Lines::One(line) if n == 0 => line,
            Lines::One(_) => "",
            Lines::Slices(lines) => lines.get(n).copied().unwrap_or_default(),
            Lines::Many(lines) => lines.get(n).map(String::as_str).unwrap_or_default(),
        }
    }
}

impl<'t> Cell<'t> {
    fn of(line: &'t Line, limit: usize, most: usize) -> Self {
        if line.is_empty() {
            return Cell::default();
        }
        let tone = loudest(line.iter().filter(|span| !span.text.trim().is_empty()).map(|span| span.tone));
        // Nearly all are one text.
        if let [span] = line.as_slice() {
            let text = sanitize::inline(&span.text);
            if width(&text) <= limit {
                return Cell { lines: Lines::One(text), tone };
            }
            if let (Cow::Borrowed(text), 0, true) = (&text, most, span.tone != Tone::Code) {
                return Cell { lines: Lines::Slices(slices(text, limit)), tone };
            }
        }
        let mut rows = wrap(line, limit, Commands::Broken);
        if most > 0 && limit < usize::MAX {
            rows = clip(rows, most, limit);
        }
        Cell { lines: Lines::Many(rows.iter().map(|row| row.paint(false)).collect()), tone }
    }

    fn width(&self) -> usize {
        (0..self.lines.count()).map(|n| width(self.lines.get(n))).max().unwrap_or(0)
    }
}
