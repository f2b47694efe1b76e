//! `-o markdown`: for an issue, a wiki, a pull request. Every column is there; nothing is wrapped.

use super::sanitize;
use crate::report::{self, Block, Line, Report, Span, Table, Tone};

pub fn render(report: &Report) -> String {
    let mut out = String::new();
    for block in &report.body {
        let text = match block {
            Block::Heading(text) => format!("## {}\n", escape(text)),
            Block::Paragraph(line) => format!("{}\n", inline(line)),
            Block::Field { label, lines } | Block::Brief { label, lines, .. } => field(label, lines),
            Block::Bullets(lines) => lines.iter().map(|line| format!("- {}\n", inline(line))).collect(),
            Block::Table(table) => grid(table),
            Block::Noted { table, notes } => noted(table, notes),
            Block::Made(made) => noted(&Table::of(&*made.0), &report::under(&*made.0)),
            Block::Code(text) => fenced(text),
            Block::Blank => continue,
        };
        // A blank line between blocks; fields that follow each other stay one list.
        let list_goes_on =
            matches!(block, Block::Field { .. } | Block::Brief { .. }) && out.ends_with('\n') && last_line_is_field(&out);
        if !out.is_empty() && !list_goes_on {
            out.push('\n');
        }
        out.push_str(&text);
    }
    out
}

fn last_line_is_field(out: &str) -> bool {
    out.lines().next_back().is_some_and(|line| line.starts_with("- **") || line.starts_with("  "))
}

fn field(label: &str, lines: &[Line]) -> String {
    let mut out = format!("- **{}**", escape(label));
    for (i, line) in lines.iter().enumerate() {
        out.push_str(if i == 0 { ": " } else { "  \n  " });
        out.push_str(&inline(line));
    }
    out.push('\n');
    out
}

fn noted(table: &Table, notes: &[(usize, Line)]) -> String {
    if notes.is_empty() {
        return grid(table);
    }
    let first = |at: usize| table.rows.get(at).and_then(|row| row.first()).map(|line| inline(line)).unwrap_or_default();
    let notes = notes.iter().map(|(at, line)| format!("- {}: {}\n", first(*at), inline(line)));
    grid(table) + "\n" + &notes.collect::<String>()
}

fn grid(table: &Table) -> String {
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut out = row(table.columns.iter().map(|column| escape(&column.title)).collect());
    out.push_str(&row(table.columns.iter().map(|column| if column.align_right { "--:" } else { "---" }.to_owned()).collect()));
    for line in &table.rows {
        out.push_str(&row((0..table.columns.len()).map(|i| line.get(i).map(|line| inline(line)).unwrap_or_default()).collect()));
    }
    out
}

fn fenced(text: &str) -> String {
    let text = sanitize::block(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}\n{}\n{fence}\n", text.trim_end_matches('\n'))
}

fn inline(line: &[Span]) -> String {
    line.iter().map(span).collect()
}

fn span(span: &Span) -> String {
    let text = span.text.trim();
    if text.is_empty() {
        return sanitize::inline(&span.text).into_owned();
    }
    // Markers must touch the text, so the spaces around it go outside.
    let start = &span.text[..span.text.len() - span.text.trim_start().len()];
    let end = &span.text[span.text.trim_end().len()..];
    let marked = match span.tone {
        Tone::Strong | Tone::Bad => format!("**{}**", escape(text)),
        Tone::Code => code(text),
        Tone::Plain | Tone::Dim | Tone::Good | Tone::Warn => escape(text),
    };
    format!("{}{marked}{}", sanitize::inline(start), sanitize::inline(end))
}

fn code(text: &str) -> String {
    // In a table a bar ends the cell even inside of code.
    let text = sanitize::inline(text).replace('|', "\\|");
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if longest > 0 { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

fn escape(text: &str) -> String {
    let text = sanitize::inline(text);
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let inside_word = before.is_alphanumeric() && rest.peek().is_some_and(|c| c.is_alphanumeric());
        match c {
            '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '|' | '&' | '~' => out.extend(['\\', c]),
            '_' if !inside_word => out.extend(['\\', c]),
            '#' | '+' | '-' | '=' if out.is_empty() => out.extend(['\\', c]),
            c => out.push(c),
        }
        before = c;
    }
    out
}
