//! `-o table` and `-o wide`: for people.

use super::style::{cell, loudest, paint};
use super::wrap::{width, wrap};
use super::{Style, sanitize};
use crate::report::{Block, Line, Report, Table, Tone};
use comfy_table::{CellAlignment, ContentArrangement, presets};

/// Narrower than this, wrapping does more harm than a terminal that wraps by itself.
const NARROWEST: usize = 40;

pub fn render(report: &Report, style: &Style, wide: bool) -> String {
    let limit = if wide { usize::MAX } else { style.width.max(NARROWEST) };
    let page = Page { limit, wide, color: style.color };
    let mut out = String::new();
    let mut blocks = report.body.as_slice();
    while let [block, rest @ ..] = blocks {
        // Labels that follow each other share one column.
        let fields = blocks.iter().take_while(|block| matches!(block, Block::Field { .. })).count();
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
            Block::Paragraph(line) => wrap(line, self.limit, self.color).iter().for_each(|text| self.push(text, out)),
            Block::Bullets(lines) => lines.iter().for_each(|line| self.hang("- ", "  ", line, out)),
            Block::Table(table) => self.table(table, out),
            // Verbatim and from the first column: this is what gets copied or piped.
            Block::Code(text) => sanitize::block(text).lines().for_each(|text| self.push(text, out)),
            Block::Blank => out.push('\n'),
            Block::Field { .. } => self.fields(std::slice::from_ref(block), out),
        }
    }

    fn push(&self, text: &str, out: &mut String) {
        out.push_str(text.trim_end());
        out.push('\n');
    }

    /// `first` in front of the first line, `rest` (of the same width) in front of the others.
    fn hang(&self, first: &str, rest: &str, line: &Line, out: &mut String) {
        let limit = self.limit.saturating_sub(rest.len()).max(NARROWEST / 2);
        for (i, text) in wrap(line, limit, self.color).iter().enumerate() {
            self.push(&format!("{}{text}", if i == 0 { first } else { rest }), out);
        }
    }

    fn fields(&self, fields: &[Block], out: &mut String) {
        let fields = fields.iter().filter_map(|block| match block {
            Block::Field { label, lines } => Some((sanitize::inline(label), lines)),
            _ => None,
        });
        let fields: Vec<_> = fields.collect();
        // A label that would leave no room stands in a line of its own.
        let most = self.limit / 3;
        let column = fields.iter().map(|(label, _)| width(label)).filter(|&w| w <= most).max().unwrap_or(0) + 2;
        let indent = " ".repeat(column);
        for (label, lines) in fields {
            let taken = width(&label);
            let painted = paint(&label, Tone::Strong, self.color);
            let mut first = format!("{painted}{}", " ".repeat(column.saturating_sub(taken)));
            if taken > most || lines.is_empty() {
                self.push(&painted, out);
                first.clone_from(&indent);
            }
            for line in lines {
                self.hang(&first, &indent, line, out);
                first.clone_from(&indent);
            }
        }
    }

    fn table(&self, table: &Table, out: &mut String) {
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
        match u16::try_from(self.limit) {
            Ok(limit) if !self.wide => grid.set_content_arrangement(ContentArrangement::Dynamic).set_width(limit),
            _ => grid.set_content_arrangement(ContentArrangement::Disabled),
        };
        grid.set_header(shown.iter().map(|&i| cell(&sanitize::inline(&table.columns[i].title), Tone::Strong)));
        for row in &table.rows {
            grid.add_row(shown.iter().map(|&i| row.get(i).map_or_else(|| cell("", Tone::Plain), line_cell)));
        }
        for (at, &i) in shown.iter().enumerate() {
            if let Some(column) = grid.column_mut(at) {
                let last = at + 1 == shown.len();
                column.set_padding((0, if last { 0 } else { 2 }));
                if table.columns[i].align_right {
                    column.set_cell_alignment(CellAlignment::Right);
                }
            }
        }
        grid.lines().for_each(|text| self.push(&text, out));
    }
}

fn line_cell(line: &Line) -> comfy_table::Cell {
    let text: String = line.iter().map(|span| sanitize::inline(&span.text)).collect();
    cell(&text, loudest(line.iter().filter(|span| !span.text.trim().is_empty()).map(|span| span.tone)))
}
