//! Where a proxy's certificates are: in the secrets that it discovers, or in the configuration of its listeners and
//! clusters. Its own list of what it has loaded tells whether the first are all.

use super::as_text;
use super::conversation::{Came, Wanted};
use crate::envoy::ask::CERTS;
use crate::envoy::secrets::{self, Beside};
use crate::envoy::{Dump, Section, Want, certs, inline};
use crate::facts::{Answer, Outcome};
use crate::source::visit::Answers;
use jiff::Timestamp;

/// Where certificates stand that are no secrets.
const CONTEXTS: [Section; 2] = [Section::Listeners, Section::Clusters];

/// What to ask for the sections that are wanted, and for certificates beside them.
pub fn next(wanted: &Wanted, known: &Answers) -> Vec<String> {
    let of_dump = dump_answers(wanted, known);
    let mut paths = wanted.next(&of_dump);
    if !known.iter().any(|(path, _)| path == CERTS) {
        paths.push(CERTS.to_owned());
    }
    if paths.is_empty() && wanted.live && !wanted.whole && lacks_some(wanted, &of_dump, known) {
        paths.extend(CONTEXTS.map(Section::path));
        paths.retain(|path| !known.iter().any(|(asked, _)| asked == path));
    }
    paths
}

/// What came of the dump, without what was asked beside it.
pub fn came(wanted: &Wanted, known: &Answers) -> Result<Came, String> {
    wanted.came(&dump_answers(wanted, known))
}

/// What is beside the secrets of `dump`, whose text is `text`.
pub fn beside(wanted: &Wanted, known: &Answers, text: &str, dump: &Dump<'_>) -> Beside {
    let mut beside = Beside { inline: Vec::new(), loaded: loaded(known) };
    if !wanted.live || wanted.whole {
        beside.inline = in_text(text, dump, wanted.whole);
        return beside;
    }
    for path in CONTEXTS.map(Section::path) {
        if let Some((_, Answer { outcome: Outcome::Bytes(bytes), .. })) = known.iter().find(|(asked, _)| *asked == path) {
            beside.inline.extend(inline::find(&as_text(bytes).0));
        }
    }
    beside
}

/// Those that stand in a whole dump. In an answer about everything they are only looked for where there are no secrets: the
/// search goes over all of a text that may have hundreds of megabytes.
pub fn in_text(text: &str, dump: &Dump<'_>, all: bool) -> Vec<inline::Found> {
    let secrets = dump.secrets.len();
    if (all && secrets > 0) || !inline::may_have(text, secrets) { Vec::new() } else { inline::find(text) }
}

fn dump_answers(wanted: &Wanted, known: &Answers) -> Answers {
    let other =
        |path: &str| path == CERTS || CONTEXTS.iter().any(|section| !wanted.sections.contains(section) && section.path() == path);
    known.iter().filter(|(path, _)| !other(path)).cloned().collect()
}

fn loaded(known: &Answers) -> Vec<certs::Loaded> {
    match known.iter().find(|(path, _)| path == CERTS).map(|(_, answer)| &answer.outcome) {
        Some(Outcome::Bytes(bytes)) => certs::read(&as_text(bytes).0).unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// Whether the discovered secrets are not all that the proxy has.
fn lacks_some(wanted: &Wanted, of_dump: &Answers, known: &Answers) -> bool {
    let Ok(came) = wanted.came(of_dump) else { return true };
    let (text, _) = as_text(&came.bytes);
    let Ok(dump) = Dump::read(&text, Want { sections: &[Section::Secrets], raw: false }) else { return true };
    let rows = secrets::rows(&dump.secrets, Timestamp::UNIX_EPOCH);
    let beside = Beside { inline: Vec::new(), loaded: loaded(known) };
    rows.is_empty() || beside.has_more_than(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn bytes(text: &str) -> Answer {
        Answer { outcome: Outcome::Bytes(Arc::new(text.as_bytes().to_vec())), at: Timestamp::UNIX_EPOCH, partial: None }
    }

    fn certs(serial: &str) -> String {
        format!(
            r#"{{"certificates":[{{"cert_chain":[{{"path":"<inline>","serial_number":"{serial}",
            "valid_from":"2026-11-23T19:45:08Z","expiration_time":"2026-11-26T19:45:08Z"}}]}}]}}"#
        )
    }

    #[test]
    fn listeners_and_clusters_are_only_asked_where_secrets_are_not_all() {
        let wanted = Wanted { sections: vec![Section::Secrets], whole: false, live: true };
        let none = r#"{"configs":[{"@type":"type.googleapis.com/envoy.admin.v3.SecretsConfigDump"}]}"#;
        assert_eq!(next(&wanted, &Answers::new()), [Section::Secrets.path(), CERTS.to_owned()]);
        let mut known = vec![(Section::Secrets.path(), bytes(none)), (CERTS.to_owned(), bytes(&certs("0f")))];
        assert_eq!(next(&wanted, &known), CONTEXTS.map(Section::path));
        known.extend(CONTEXTS.map(|section| (section.path(), bytes(r#"{"configs":[]}"#))));
        assert!(next(&wanted, &known).is_empty());
        let came = came(&wanted, &known).expect("a dump");
        let dump = Dump::read(none, Want { sections: &[Section::Secrets], raw: false }).expect("a dump");
        assert_eq!(came.bytes.as_slice(), none.as_bytes());
        let beside = beside(&wanted, &known, none, &dump);
        let rows = secrets::all(&dump.secrets, &beside, Timestamp::UNIX_EPOCH);
        assert_eq!(rows.iter().map(|row| (row.name, row.kind)).collect::<Vec<_>>(), [("<inline>", "Cert Chain")]);
    }
}
