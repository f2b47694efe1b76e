//! Cuts a stream of manifests into pieces that stand or fall alone.
//!
//! A `---` in the first column ends a document wherever it stands, even inside a quoted or a block scalar, so lines are
//! enough to cut at; a broken document then can't hurt the next one. A long `List` is cut at its entries in the same way.

/// A piece of a file: its text and the line where it begins (1-based).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    pub text: &'a [u8],
    pub line: u32,
}

/// Where the last document begins that begins behind the first byte; `searched` bytes are known to hold none.
pub fn last_document(bytes: &[u8], searched: usize) -> Option<usize> {
    // A marker may lie across the end of what was searched.
    let from = searched.saturating_sub(8);
    // Its blank must be there too: `----` is no marker.
    let found = bytes[from..].windows(5).rposition(|five| five.starts_with(b"\n---") && is_marker(&five[1..]));
    found.map(|at| from + at + 1)
}

/// Cuts before each line that begins with `---` and a blank, or is `---`. Joined again, the pieces are the input.
pub fn documents(bytes: &[u8]) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut start, mut start_line, mut line) = (0, 1u32, 1u32);
    let mut at = 0;
    while at < bytes.len() {
        let end = bytes[at..].iter().position(|b| *b == b'\n').map_or(bytes.len(), |i| at + i + 1);
        if at > start && is_marker(&bytes[at..end]) {
            pieces.push(Piece { text: &bytes[start..at], line: start_line });
            (start, start_line) = (at, line);
        }
        at = end;
        line = line.saturating_add(1);
    }
    if start < bytes.len() {
        pieces.push(Piece { text: &bytes[start..], line: start_line });
    }
    pieces
}

fn is_marker(line: &[u8]) -> bool {
    line.starts_with(b"---") && line.get(3).is_none_or(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r'))
}

/// Nothing but blank lines, comments, document markers and directives.
pub fn is_empty(text: &[u8]) -> bool {
    text.split(|b| *b == b'\n').all(|line| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = if is_marker(line) { &line[3..] } else { line };
        let line = line.trim_ascii();
        line.is_empty() || line.starts_with(b"#") || line.starts_with(b"%") || line == b"..."
    })
}

/// A `List` as `kubectl get -o yaml` writes it, cut at its entries: the head with an empty list, and the entries, each
/// from its `- ` on. `None` if it has another shape; then it is read as a whole.
pub fn list_entries(piece: Piece<'_>) -> Option<(Vec<u8>, Vec<Piece<'_>>)> {
    let mut head = Vec::new();
    let mut entries: Vec<Piece<'_>> = Vec::new();
    let (mut inside, mut begin) = (false, 0);
    let mut at = 0;
    for (line, number) in piece.text.split_inclusive(|b| *b == b'\n').zip(piece.line..) {
        // An anchor may be used across entries: such a list is read as a whole.
        if line.contains(&b'&') && line.trim_ascii_start().split(|b| *b == b' ').any(|word| word.starts_with(b"&")) {
            return None;
        }
        let trimmed = line.trim_ascii_end();
        if !inside && trimmed == b"items:" {
            if !entries.is_empty() {
                return None;
            }
            inside = true;
        } else if inside && line.starts_with(b"- ") {
            begin = at;
            entries.push(Piece { text: line, line: number });
        } else if inside && (line.starts_with(b"  ") || trimmed.is_empty() || line.starts_with(b"#")) {
            match entries.last_mut() {
                Some(entry) => entry.text = &piece.text[begin..at + line.len()],
                None if trimmed.is_empty() => {}
                None => return None,
            }
        } else {
            inside = false;
            head.extend_from_slice(line);
        }
        at += line.len();
    }
    (entries.len() > 1).then_some((head, entries))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_list_is_cut_at_its_entries() {
        let list = b"apiVersion: v1\nitems:\n- a: 1\n  b: |\n    - x\n- a: 2\nkind: List\n";
        let (head, entries) = list_entries(Piece { text: list, line: 5 }).expect("a list");
        assert_eq!(head, b"apiVersion: v1\nkind: List\n");
        let entry = |line, text: &'static str| Piece { text: text.as_bytes(), line };
        assert_eq!(entries, [entry(7, "- a: 1\n  b: |\n    - x\n"), entry(10, "- a: 2\n")]);
    }

    proptest! {
        #[test]
        fn joined_documents_come_back(bodies in prop::collection::vec("([a-z]{1,5}: [a-z-]{0,5}(\r)?\n| --- x\n|----\n){1,4}", 1..8)) {
            let joined: String = bodies.iter().map(|body| format!("---\n{body}")).collect();
            let pieces = documents(joined.as_bytes());
            prop_assert_eq!(pieces.len(), bodies.len());
            let mut line = 1;
            for (piece, body) in pieces.iter().zip(&bodies) {
                let document = format!("---\n{body}");
                prop_assert_eq!(piece.text, document.as_bytes());
                prop_assert_eq!(piece.line, line);
                line += 1 + body.matches('\n').count() as u32;
            }
        }

        #[test]
        fn any_bytes_come_back(bytes in prop::collection::vec(prop_oneof![Just(b'-'), Just(b'\n'), any::<u8>()], 0..200)) {
            let joined: Vec<u8> = documents(&bytes).iter().flat_map(|piece| piece.text.iter().copied()).collect();
            prop_assert_eq!(joined, bytes);
        }
    }
}
