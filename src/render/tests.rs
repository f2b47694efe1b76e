//! One sample report in every format, at a fixed width.

use super::{Format, Style, render, table, wrap::width};
use crate::report::{Block, Cell, Column, Line, Report, Rows, Span, Table, Tone};
use proptest::prelude::*;
use serde_json::json;

fn sample() -> Report {
    let s = Span::new;
    let table = Table {
        columns: vec![Column::new("SERVICE"), Column::right("CALLS"), Column::new("STATE"), Column::new("SEEN IN").wide()],
        rows: vec![
            vec![vec!["cart".into()], vec!["12".into()], vec![s("ok", Tone::Good)], vec!["deploy/cart env CART_ADDR".into()]],
            vec![vec!["pay|ments".into()], vec!["3".into()], vec![s("down", Tone::Bad), s(" since noon", Tone::Dim)], vec![]],
        ],
    };
    let body = vec![
        Block::Heading("Do you need a mesh?".to_owned()),
        Block::Blank,
        Block::Field { label: "Verdict".to_owned(), lines: vec![vec![s("lighter solution", Tone::Warn)]] },
        Block::Field {
            label: "Question 1".to_owned(),
            lines: vec![
                vec!["between 4 and 9 services call each other, which is not enough to tell".into()],
                vec![s("2 candidates", Tone::Dim)],
            ],
        },
        Block::Blank,
        Block::Table(table),
        Block::Blank,
        Block::Bullets(vec![vec!["run ".into(), s("meshctl analyze --explain Q1", Tone::Code), " to see every edge".into()]]),
        Block::Code("kubectl get pods\n".to_owned()),
    ];
    Report::new("meshctl/sample/v1", &json!({"verdict": "lighter", "calls": [1, 2]}), body)
}

fn show(format: Format, width: usize, color: bool) -> String {
    render(&sample(), &Style { format, width, color })
}

#[test]
fn table() {
    let expected = "\
Do you need a mesh?

Verdict     lighter solution
Question 1  between 4 and 9 services call
            each other, which is not
            enough to tell
            2 candidates

SERVICE    CALLS  STATE
cart          12  ok
pay|ments      3  down since noon

- run meshctl analyze --explain Q1 to see
  every edge
kubectl get pods
";
    assert_eq!(show(Format::Table, 42, false), expected);
}

#[test]
fn wide_shows_every_column_and_never_wraps() {
    let text = show(Format::Wide, 40, false);
    assert!(text.contains("SERVICE    CALLS  STATE            SEEN IN\n"), "{text}");
    assert!(text.contains("cart          12  ok               deploy/cart env CART_ADDR\n"), "{text}");
    assert!(text.contains("between 4 and 9 services call each other, which is not enough to tell\n"), "{text}");
}

#[test]
fn json() {
    let expected = "\
{
  \"schema\": \"meshctl/sample/v1\",
  \"calls\": [
    1,
    2
  ],
  \"verdict\": \"lighter\"
}
";
    assert_eq!(show(Format::Json, 42, true), expected);
}

#[test]
fn yaml() {
    assert_eq!(show(Format::Yaml, 42, true), "schema: meshctl/sample/v1\ncalls:\n- 1\n- 2\nverdict: lighter\n");
}

#[test]
fn markdown() {
    let expected = "\
## Do you need a mesh?

- **Verdict**: lighter solution
- **Question 1**: between 4 and 9 services call each other, which is not enough to tell  
  2 candidates

| SERVICE | CALLS | STATE | SEEN IN |
| --- | --: | --- | --- |
| cart | 12 | ok | deploy/cart env CART_ADDR |
| pay\\|ments | 3 | **down** since noon |  |

- run `meshctl analyze --explain Q1` to see every edge

```
kubectl get pods
```
";
    assert_eq!(show(Format::Markdown, 42, true), expected);
}

/// Drops what `ESC [ … m` adds.
fn without_color(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        out.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    out + rest
}

#[test]
fn colour_changes_no_column() {
    let colored = show(Format::Table, 60, true);
    assert!(colored.contains("\u{1b}["));
    let trimmed: String = without_color(&colored).lines().map(|line| format!("{}\n", line.trim_end())).collect();
    assert_eq!(trimmed, show(Format::Table, 60, false));
}

#[test]
fn nothing_is_wider_than_the_terminal() {
    let line: Vec<Span> = vec!["größe 大規模 ".into(), Span::new("of everything that is there ", Tone::Bad), "and more ".into()];
    let long = std::iter::repeat_n(line, 9).flatten().collect();
    let report = Report::new("meshctl/sample/v1", &json!({}), vec![Block::Paragraph(long)]);
    let text = render(&report, &Style { format: Format::Table, width: 50, color: false });
    assert!(text.lines().count() > 5);
    assert!(text.lines().all(|line| width(line) <= 50), "{text}");
}

#[test]
fn a_hostile_name_reaches_no_terminal() {
    let bad = "x\u{1b}]0;owned\u{7}\u{202e}y\u{200b}\nz\u{9b}2J";
    let cell = || vec![Span::new(bad, Tone::Code)];
    let body = vec![
        Block::Heading(bad.to_owned()),
        Block::Paragraph(cell()),
        Block::Field { label: bad.to_owned(), lines: vec![cell()] },
        Block::Bullets(vec![cell()]),
        Block::Table(Table { columns: vec![Column::new(bad), Column::new("B")], rows: vec![vec![cell(), cell()]] }),
        Block::Code(bad.to_owned()),
    ];
    let report = Report::new("meshctl/sample/v1", &json!({ "name": bad }), body);
    for format in [Format::Table, Format::Wide, Format::Json, Format::Yaml, Format::Markdown] {
        let text = render(&report, &Style { format, width: 80, color: false });
        assert!(!text.contains(|c| c != '\n' && super::sanitize::is_hostile(c)), "{format:?}: {text:?}");
    }
    // What a machine reads is whole.
    let json = render(&report, &Style { format: Format::Json, width: 80, color: false });
    let back: serde_json::Value = serde_json::from_str(&json).expect("valid JSON");
    assert_eq!(back["name"], bad);
}

#[test]
fn yaml_of_a_hostile_name_reads_back() {
    let report = Report::new("meshctl/sample/v1", &json!({ "name": "a\u{1b}[0m: |b\n- c", "no": "off" }), Vec::new());
    let text = render(&report, &Style { format: Format::Yaml, width: 80, color: false });
    let back: serde_json::Value = serde_yaml::from_str(&text).expect("valid YAML");
    assert_eq!(back["name"], "a\u{1b}[0m: |b\n- c", "{text}");
}

/// Many rows are drawn by several threads and wave by wave.
#[test]
fn a_long_table_is_drawn_as_a_short_one() {
    let rows = |count: usize| {
        let row = |i: usize| -> Vec<Line> {
            let name = format!("name-{:05}", i % 7);
            vec![
                vec![name.as_str().into()],
                vec!["words that take more than one line of a table, ".repeat(1 + i % 3).as_str().into()],
            ]
        };
        Report {
            body: vec![Block::Table(Table {
                columns: vec![Column::new("NAME"), Column::new("WHY")],
                rows: (0..count).map(row).collect(),
            })],
            ..sample()
        }
    };
    let style = Style { format: Format::Table, width: 60, color: false };
    let (short, long) = (render(&rows(21), &style), render(&rows(21 * 600), &style));
    let (head, body) = short.split_once('\n').expect("a head");
    assert_eq!(long, format!("{head}\n{}", body.repeat(600)));
}

/// Rows of words that stand in one place each, or are made for the moment.
#[derive(Debug)]
struct Words {
    columns: Vec<Column>,
    words: Vec<String>,
    /// Which word, whether it is bad, and whether it is a copy.
    rows: Vec<Vec<(prop::sample::Index, bool, bool)>>,
}

impl Rows for Words {
    fn columns(&self) -> &[Column] {
        &self.columns
    }
    fn count(&self) -> usize {
        self.rows.len()
    }
    fn row<'s>(&'s self, at: usize, put: &mut dyn FnMut(Cell<'s>)) {
        for (word, bad, copy) in &self.rows[at] {
            let (word, tone) = (word.get(&self.words), if *bad { Tone::Bad } else { Tone::Plain });
            put(if *copy { Cell::Text(word.clone().into(), tone) } else { Cell::Text(word.into(), tone) });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_said_again_is_drawn_again(
        words in prop::collection::vec("[a-zé\u{1b} -]{0,30}", 1..4),
        rows in prop::collection::vec(prop::collection::vec(any::<(prop::sample::Index, bool, bool)>(), 3), 0..12),
        width in 20_usize..120, color: bool, wide: bool,
    ) {
        let columns = vec![Column::new("A"), Column::right("B").wide(), Column::new("C")];
        let words = Words { columns, words, rows };
        let style = Style { format: Format::Table, width, color };
        let drawn = |rows: &dyn Rows| {
            let mut out = String::new();
            table::draw_rows(rows, &style, wide, &mut |text| out.push_str(text));
            out
        };
        prop_assert_eq!(drawn(&words), drawn(&Table::of(&words)));
    }
}
