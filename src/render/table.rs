//! `-o table` and `-o wide`: for people.

use super::layout;
use super::style::{cell, loudest, paint};
use super::wrap::{Commands, Row, clip, width, wrap};
use super::{Style, WIDTH, sanitize};
use crate::report::{Block, Line, Report, Table, Tone};
use comfy_table::{CellAlignment, ContentArrangement, presets};

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
        if shown.is_empty() {
            return;
        }
        let mut grid = comfy_table::Table::new();
        grid.load_style(presets::NOTHING);
        // comfy-table looks at the terminal by itself; width and colour were decided before.
        grid.force_no_tty();
        if self.color {
            grid.enforce_styling();
        }
        // The widths are ours: comfy-table breaks a name in the middle of a word.
        grid.set_content_arrangement(ContentArrangement::Disabled);
        let widths = if self.wide { vec![usize::MAX; shown.len()] } else { layout::widths(table, &shown, GAP, self.limit) };
        grid.set_header(shown.iter().map(|&i| cell(&sanitize::inline(&table.columns[i].title), Tone::Strong)));
        let mut heights = Vec::with_capacity(table.rows.len());
        for row in &table.rows {
            let mut height = 1;
            let cells = shown.iter().zip(&widths).map(|(&i, &width)| match row.get(i) {
                Some(line) => {
                    let (cell, rows) = line_cell(line, width, table.columns[i].rows);
                    height = height.max(rows);
                    cell
                }
                None => cell("", Tone::Plain),
            });
            let cells: Vec<_> = cells.collect();
            grid.add_row(cells);
            heights.push(height);
        }
        for (at, &i) in shown.iter().enumerate() {
            if let Some(column) = grid.column_mut(at) {
                let last = at + 1 == shown.len();
                column.set_padding((0, if last { 0 } else { GAP }));
                if table.columns[i].align_right {
                    column.set_cell_alignment(CellAlignment::Right);
                }
            }
        }
        let mut lines = grid.lines();
        lines.by_ref().take(1).for_each(|text| self.push(&text, out));
        let mut notes = notes.iter().peekable();
        for (at, height) in heights.into_iter().enumerate() {
            lines.by_ref().take(height).for_each(|text| self.push(&text, out));
            while let Some((_, line)) = notes.next_if(|(row, _)| *row == at) {
                self.hang("  ", "  ", line, 0, out);
            }
        }
        lines.for_each(|text| self.push(&text, out));
    }
}

/// The cell, and how many rows of text it takes.
fn line_cell(line: &Line, limit: usize, most: usize) -> (comfy_table::Cell, usize) {
    let mut rows = wrap(line, limit, Commands::Broken);
    if most > 0 && limit < usize::MAX {
        rows = clip(rows, most, limit);
    }
    let text = rows.iter().map(|row| Row::paint(row, false)).collect::<Vec<_>>().join("\n");
    let painted = cell(&text, loudest(line.iter().filter(|span| !span.text.trim().is_empty()).map(|span| span.tone)));
    (painted, rows.len())
}
