//! `-o table` and `-o wide`: for people.

use super::fit::fitting;
use super::layout::{self, Natural};
use super::style::{loudest, paint};
use super::wrap::{Commands, clip, slices, width, wrap};
use super::{Style, WIDTH, sanitize};
use crate::report::{self, Block, Line, Report, Rows, Span, Tone};
use crate::shares;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Between two columns of a table.
const GAP: u16 = 2;

/// So many rows are worth a thread.
pub(super) const SHARE: usize = 1000;

/// Narrower than this, wrapping does more harm than a terminal that wraps by itself.
const NARROWEST: usize = 40;

pub fn render(report: &Report, style: &Style, wide: bool) -> String {
    let mut out = String::new();
    draw(&report.body, style, wide, &mut |text| out.push_str(text));
    out
}

/// The same, given away piece by piece: of a big table the text is never there as a whole.
pub fn draw(mut blocks: &[Block], style: &Style, wide: bool, put: &mut dyn FnMut(&str)) {
    let page = Page::new(style, wide);
    let mut out = String::new();
    while let [block, rest @ ..] = blocks {
        // Labels that follow each other share one column.
        let fields = blocks.iter().take_while(|block| matches!(block, Block::Field { .. } | Block::Brief { .. })).count();
        match block {
            _ if fields > 0 => page.fields(&blocks[..fields], &mut out),
            Block::Table(table) => page.rows(table, put),
            Block::Noted { table, notes } => page.rows(&report::Noted(table, notes), put),
            Block::Made(made) => page.rows(&*made.0, put),
            Block::Heading(text) => page.push(&paint(&sanitize::inline(text), Tone::Strong, page.color), &mut out),
            Block::Paragraph(line) => page.hang("", "", line, 0, &mut out),
            Block::Bullets(lines) => lines.iter().for_each(|line| page.hang("- ", "  ", line, 0, &mut out)),
            // Verbatim and from the first column: this is what gets copied or piped.
            Block::Code(text) => sanitize::block(text).lines().for_each(|text| {
                out.push_str(text);
                out.push('\n');
            }),
            Block::Blank | Block::Field { .. } | Block::Brief { .. } => out.push('\n'),
        }
        put(&out);
        out.clear();
        blocks = if fields > 0 { &blocks[fields..] } else { rest };
    }
}

/// The same of rows that are made meanwhile.
pub fn draw_rows(rows: &dyn Rows, style: &Style, wide: bool, put: &mut dyn FnMut(&str)) {
    Page::new(style, wide).rows(rows, put);
}

struct Page {
    limit: usize,
    wide: bool,
    color: bool,
}

impl Page {
    fn new(style: &Style, wide: bool) -> Self {
        let limit = if wide { usize::MAX } else { style.width.max(NARROWEST) };
        Page { limit, wide, color: style.color }
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

    /// On several threads where there are many.
    fn rows(&self, rows: &dyn Rows, put: &mut dyn FnMut(&str)) {
        let mut head = String::new();
        let Some((grid, columns)) = self.measured(rows, &mut head) else { return };
        put(&head);
        let drawn = |range: Range<usize>| {
            let mut out = String::with_capacity(head.len() * range.len());
            self.drawn(&grid, &columns, range, &mut out);
            out
        };
        shares::in_order(rows.count(), SHARE, drawn, |text| put(&text));
    }

    fn drawn(&self, grid: &Grid<'_>, columns: &[(usize, bool)], rows: Range<usize>, out: &mut String) {
        let mut cells = Cells::new(grid);
        for at in rows {
            self.row(cells.row(at), columns, out);
            grid.rows.under(at, &mut |line| self.hang("  ", "  ", line, 0, out));
        }
    }

    /// The head of a table, and how wide its columns are and whether they stand to the right; nothing if it has none.
    fn measured<'t>(&self, rows: &'t dyn Rows, out: &mut String) -> Option<(Grid<'t>, Vec<(usize, bool)>)> {
        let columns = rows.columns();
        let seen: Vec<usize> = (0..columns.len()).filter(|&i| self.wide || !columns[i].wide).collect();
        let natural = layout::natural(rows, &seen);
        let mut seen: Vec<(usize, Natural)> = seen.into_iter().zip(natural).collect();
        if !self.wide {
            seen = fitting(columns, seen, GAP, self.limit);
        }
        if seen.is_empty() {
            return None;
        }
        let natural: Vec<Natural> = seen.iter().map(|(_, natural)| *natural).collect();
        let limits = if self.wide { vec![usize::MAX; seen.len()] } else { layout::widths(&natural, GAP, self.limit) };
        let place = |((i, _), limit): (&(usize, Natural), usize)| Shown { column: *i, limit, most: columns[*i].rows };
        let grid = Grid { rows, shown: seen.iter().zip(limits).map(place).collect() };
        // There may be a hundred thousand rows: they are broken twice, once to be measured, rather than kept. Where all have
        // room there is nothing to break.
        let narrow: Vec<bool> = grid.shown.iter().zip(&natural).map(|(shown, natural)| natural.cell > shown.limit).collect();
        let mut widths: Vec<usize> =
            natural.iter().zip(&narrow).map(|(it, narrow)| if *narrow { it.title } else { it.wanted() }).collect();
        if narrow.contains(&true) {
            let measured: Vec<AtomicUsize> = narrow.iter().map(|_| AtomicUsize::new(0)).collect();
            // None is wider than its limit.
            let open = |n: usize| narrow[n] && measured[n].load(Ordering::Relaxed) < grid.shown[n].limit;
            shares::ranges(rows.count(), SHARE, |range| {
                let mut cells = Cells::new(&grid);
                for at in range {
                    if !(0..narrow.len()).any(open) {
                        break;
                    }
                    let cells = cells.row(at);
                    for n in (0..cells.len()).filter(|n| open(*n)) {
                        let width = cells[n].width();
                        if measured[n].load(Ordering::Relaxed) < width {
                            measured[n].fetch_max(width, Ordering::Relaxed);
                        }
                    }
                }
            });
            measured.iter().zip(&mut widths).for_each(|(one, width)| *width = one.load(Ordering::Relaxed).max(*width));
        }
        let title = |shown: &Shown| Cell::of_text(&columns[shown.column].title, Tone::Strong, usize::MAX, 0);
        let titles: Vec<Cell<'_>> = grid.shown.iter().map(title).collect();
        let columns: Vec<(usize, bool)> =
            grid.shown.iter().zip(widths).map(|(shown, width)| (width, columns[shown.column].align_right)).collect();
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
                let pad = column.saturating_sub(cell.columns(text));
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

/// What is shown of a table.
struct Grid<'g> {
    rows: &'g dyn Rows,
    shown: Vec<Shown>,
}

/// A column, how wide it may be, and how many rows its cells may take.
struct Shown {
    column: usize,
    limit: usize,
    most: usize,
}

/// The cells of one row after the other. Many rows have a word in common, and it is not broken again.
struct Cells<'c, 'g> {
    grid: &'c Grid<'g>,
    cells: Vec<Cell<'g>>,
    said: Vec<Option<(&'g str, Tone)>>,
}

impl<'c, 'g> Cells<'c, 'g> {
    fn new(grid: &'c Grid<'g>) -> Self {
        let columns = grid.shown.len();
        Cells { grid, cells: (0..columns).map(|_| Cell::default()).collect(), said: vec![None; columns] }
    }

    /// Of those columns that are shown.
    fn row(&mut self, at: usize) -> &[Cell<'g>] {
        let (mut i, mut n) = (0, 0);
        self.grid.rows.row(at, &mut |cell| {
            if let Some(shown) = self.grid.shown.get(n).filter(|shown| shown.column == i) {
                let said = match cell {
                    report::Cell::Text(Cow::Borrowed(text), tone) => Some((text, tone)),
                    _ => None,
                };
                if said.is_none() || self.said[n] != said {
                    self.cells[n] = shown.cell(cell);
                    self.said[n] = said;
                }
                n += 1;
            }
            i += 1;
        });
        &self.cells[..n]
    }
}

impl Shown {
    fn cell<'c>(&self, cell: report::Cell<'c>) -> Cell<'c> {
        match cell {
            report::Cell::Line(line) => Cell::of(line, self.limit, self.most),
            report::Cell::Text(Cow::Borrowed(text), tone) => Cell::of_text(text, tone, self.limit, self.most),
            report::Cell::Text(Cow::Owned(text), tone) => Cell::of_text(&text, tone, self.limit, self.most).into_owned(),
        }
    }
}

/// A cell has one colour.
#[derive(Default)]
struct Cell<'t> {
    lines: Lines<'t>,
    tone: Tone,
    /// Each byte is a column.
    plain: bool,
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
    fn of(line: &'t [Span], limit: usize, most: usize) -> Self {
        // Nearly all are one text.
        if let [span] = line {
            return Cell::of_text(&span.text, span.tone, limit, most);
        }
        if line.is_empty() {
            return Cell::default();
        }
        let tone = loudest(line.iter().filter(|span| !span.text.trim().is_empty()).map(|span| span.tone));
        Cell { lines: Lines::Many(broken(line, limit, most)), tone, plain: false }
    }

    fn of_text(text: &'t str, tone: Tone, limit: usize, most: usize) -> Self {
        let plain = sanitize::is_plain(text);
        let clean = if plain { Cow::Borrowed(text) } else { sanitize::inline(text) };
        let columns = if plain { text.len() } else { width(&clean) };
        let lines = if columns <= limit {
            Lines::One(clean)
        } else if let (Cow::Borrowed(text), 0, true) = (&clean, most, tone != Tone::Code) {
            Lines::Slices(slices(text, limit))
        } else {
            Lines::Many(broken(&[Span::new(text, tone)], limit, most))
        };
        Cell { lines, tone: if text.trim().is_empty() { Tone::default() } else { tone }, plain }
    }

    fn into_owned<'o>(self) -> Cell<'o> {
        let lines = match self.lines {
            Lines::One(line) => Lines::One(Cow::Owned(line.into_owned())),
            Lines::Slices(lines) => Lines::Many(lines.into_iter().map(str::to_owned).collect()),
            Lines::Many(lines) => Lines::Many(lines),
        };
        Cell { lines, tone: self.tone, plain: self.plain }
    }

    /// What one of its lines takes.
    fn columns(&self, line: &str) -> usize {
        if self.plain { line.len() } else { width(line) }
    }

    fn width(&self) -> usize {
        (0..self.lines.count()).map(|n| self.columns(self.lines.get(n))).max().unwrap_or(0)
    }
}

fn broken(line: &[Span], limit: usize, most: usize) -> Vec<String> {
    let mut rows = wrap(line, limit, Commands::Broken);
    if most > 0 && limit < usize::MAX {
        rows = clip(rows, most, limit);
    }
    rows.iter().map(|row| row.paint(false)).collect()
}
