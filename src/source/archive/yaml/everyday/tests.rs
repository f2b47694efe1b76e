//! Whatever the quick reader reads, it reads as the full parser does: values, places, and no fault.

use super::super::full;
use super::document;
use proptest::prelude::*;

/// What kubectl, helm and people write, with the odd corners close by.
const WRITTEN: [&str; 6] = [
    include_str!("../../../../../fixtures/manifests/shop.yaml"),
    include_str!("../../../../../fixtures/systems/books.yaml"),
    include_str!("../../../../../fixtures/systems/online-shop.yaml"),
    "---\n# note\napiVersion: v1\nkind: List\nitems:\n- a: 1\n  b:\n  - x\n  - - y\n    - z: 0644\n-  c: {d: \"e\", f: [1, yes, ~]}\n-\n  g: 'it''s'\n- 12\n",
    "kind: ConfigMap\ndata:\n  a: |\n    one\n\n      two\n    three\n\n  b: |-\n    x: y # z\n  c: |+\n    t\n\n# end\n  d: a long text\n    that goes on\n\n    and on # here\n  e:\nmetadata: {name: c}\n",
    "spec:\n    args: [--a=b, \"c\\n\\td\", '-x']\n    command:\n    - /bin/sh\n    - -c\n    - |\n      exec a \\\n      \t--b\n    on: off\n    \"k\": -1.5\n    8080: 1e3\n    url: http://a:80/b#c\n    # last\n",
];

/// Nothing is asked of a text that the quick reader leaves to the full parser.
fn agrees(text: &str) -> Result<bool, String> {
    let Some(quick) = document(text) else { return Ok(false) };
    let (documents, fault) = full(text);
    match (documents.as_slice(), fault) {
        ([whole], None) if *whole == quick => Ok(true),
        (documents, fault) => Err(format!("{text}\nquick: {quick:?}\nfull:  {documents:?} {fault:?}")),
    }
}

fn pieces(text: &str) -> Vec<&str> {
    crate::source::archive::split::documents(text.as_bytes())
        .into_iter()
        .filter(|piece| !crate::source::archive::split::is_empty(piece.text))
        .map(|piece| std::str::from_utf8(piece.text).expect("text"))
        .collect()
}

#[test]
fn what_is_written_every_day_is_read_quickly() {
    for text in WRITTEN.into_iter().flat_map(pieces) {
        assert_eq!(agrees(text), Ok(true), "{text}");
    }
}

#[test]
fn the_rest_is_left_to_the_full_parser() {
    for text in [
        "a: &x 1\nb: *x\n",
        "a: !!str 1\n",
        "a: >\n  folded\n",
        "a: 1\na: 2\n",
        "a:\n\tb: 1\n",
        "<<: {a: 1}\n",
        "? a\n: b\n",
        "a: b: c\n",
        "a: [1,\n  2]\n",
        "a: 1\n  b: 2\n",
        "a: \"x\n  y\"\n",
        "a: 1\n...\n",
        "a: {{ .Values.b }}\n",
        "a: 1\r\n",
        "null: 1\n",
        "a: |\n   \n  b\n",
        "a: |\n  b\n c: 1\n",
        "a: |\n  b\n # c\n",
        "a: |\n\nb: 1\n",
        "a: |\n  b",
        "a: |2\n  b\n",
        "a: b\n# c\n  d\n",
        "a: b # c\n  d\n",
        "a: \"b\"\n  c\n",
        "a: 'b'#c\n",
        "a: {b:, c: 1}\n",
        "a: {b: c:}\n",
        "a: [b: c]\n",
        "a: [b, ]\n",
        "a: [b #c]\n",
        "a: {b: 1, b: 2}\n",
        "a:\n - {b: 1}\n  - c\n",
        "a:\n- b: 1\n   c: 2\n",
        "a:\n-\n- b\n",
        "- a\nb: 1\n",
        "  a: 1\nb: 2\n",
        "a: \u{85}b\n",
        "a: \u{feff}b\n",
        "a: \u{7}\n",
    ] {
        assert!(document(text).is_none(), "{text}");
    }
}

/// A change to a text: at a place (in 65536ths of it) put a word, or take some bytes away, or repeat some.
#[derive(Clone, Debug)]
enum Change {
    Put(u16, &'static str),
    Take(u16, usize),
    Repeat(u16, usize),
}

const WORDS: [&str; 60] = [
    " ", "  ", "    ", "\n", "\n\n", "\n  ", "\n    ", "\n ", "- ", "-", "\n- ", "\n  - ", ": ", ":", ":\n", ", ", ",", "[", "]",
    "{", "}", "\"", "'", "''", "\\", "\\n", "\\\"", "#", " # x", "|", "|-", "|+", ">", ": |\n", "&a ", "*a", "!", "%", "@", "`",
    "? ", "---\n", "\n---\n", "...\n", "\t", "\r", "\u{e9}", "\u{85}", "\u{2028}", "\u{feff}", "0", "1", "-1", "a", "a: b\n",
    "~", "on", "<<: ", "null", "items:\n",
];

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (any::<u16>(), prop::sample::select(&WORDS[..])).prop_map(|(at, word)| Change::Put(at, word)),
        2 => (any::<u16>(), 1usize..8).prop_map(|(at, n)| Change::Take(at, n)),
        1 => (any::<u16>(), 1usize..40).prop_map(|(at, n)| Change::Repeat(at, n)),
    ]
}

fn apply(text: &str, changes: &[Change]) -> String {
    let mut text = text.to_owned();
    let boundary = |text: &str, at: usize| (at.min(text.len())..=text.len()).find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    for change in changes {
        let (Change::Put(at, _) | Change::Take(at, _) | Change::Repeat(at, _)) = change;
        let at = boundary(&text, text.len() * usize::from(*at) / 65536);
        match change {
            Change::Put(_, word) => text.insert_str(at, word),
            Change::Take(_, n) => drop(text.drain(at..boundary(&text, at + n))),
            Change::Repeat(_, n) => {
                let again = text[at..boundary(&text, at + n)].to_owned();
                text.insert_str(at, &again);
            }
        }
    }
    text
}

/// A short text of nothing but corners.
fn corners() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop_oneof![2 => prop::sample::select(&WORDS[..]), 1 => Just("a"), 1 => Just("b: "), 1 => Just("\n")],
        1..14,
    )
    .prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn changed_texts(which in any::<prop::sample::Index>(), changes in prop::collection::vec(change(), 1..4)) {
        let texts: Vec<&str> = WRITTEN.into_iter().flat_map(pieces).collect();
        let text = apply(texts[which.index(texts.len())], &changes);
        prop_assert!(agrees(&text).is_ok(), "{}", agrees(&text).unwrap_err());
    }

    #[test]
    fn texts_of_corners(text in corners()) {
        prop_assert!(agrees(&text).is_ok(), "{}", agrees(&text).unwrap_err());
    }
}
