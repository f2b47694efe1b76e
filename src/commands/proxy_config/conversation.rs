//! What to ask one proxy for the sections that are wanted, what else when it can't answer whole, and one dump from what
//! came.

use crate::envoy::ask::{Piece, WHOLE, compose};
use crate::envoy::{List, Section};
use crate::facts::Outcome;
use crate::source::visit::Answers;
use serde::Serialize;
use std::borrow::Cow;
use std::sync::Arc;

/// Without endpoints; what older recordings may hold.
const BARE: &str = "config_dump";
/// Of an answer that is no dump, so much is told.
const TOLD: usize = 300;

/// A part that the proxy did not give.
#[derive(Clone, Debug, Serialize)]
pub struct Gap {
    pub section: Section,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<&'static str>,
    pub reason: String,
}

impl Gap {
    pub fn text(&self) -> String {
        match self.list {
            Some(list) => format!("{} ({list}) did not come: {}", self.section, self.reason),
            None => format!("{} did not come: {}", self.section, self.reason),
        }
    }
}

/// How one request went, as far as the next ones depend on it.
enum Went<'a> {
    Well(&'a [u8]),
    /// The proxy has nothing of the kind.
    Nothing,
    /// Smaller requests may go better.
    Badly(String),
    /// Nothing else will.
    NotAtAll(String),
}

fn went<'a>(known: &'a Answers, path: &str) -> Option<Went<'a>> {
    let (_, answer) = known.iter().find(|(asked, _)| asked == path)?;
    Some(match (&answer.outcome, &answer.partial) {
        (Outcome::Bytes(bytes), None) => match unusable(bytes) {
            None => Went::Well(bytes),
            Some(why) => Went::Badly(why),
        },
        (Outcome::Bytes(_), Some(why)) => Went::Badly(format!("it broke off: {why}")),
        (Outcome::Failed(why), _) if why.contains("could not be successfully applied to any configs") => Went::Nothing,
        (Outcome::Failed(why) | Outcome::TimedOut(why), _) => Went::Badly(why.clone()),
        (other, _) => Went::NotAtAll(other.why().to_owned()),
    })
}

/// Envoy says 200 and then, in words, that it could not print its dump; and an answer may end before its end.
fn unusable(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.trim_ascii();
    match (bytes.first(), bytes.last()) {
        (Some(b'{'), Some(b'}')) => None,
        (Some(b'{'), _) => Some("it breaks off".to_owned()),
        (None, _) => Some("it is empty".to_owned()),
        _ => {
            let words = String::from_utf8_lossy(&bytes[..bytes.len().min(TOLD)]);
            Some(format!("the proxy says: {}", words.lines().next().unwrap_or_default()))
        }
    }
}

/// The sections that are wanted of a proxy.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub sections: Vec<Section>,
    /// All of them are asked for in one piece.
    pub whole: bool,
    /// A recording holds whole dumps; a live proxy is asked for no more than is wanted.
    pub live: bool,
}

/// A dump, and what is missing from it.
#[derive(Debug)]
pub struct Came {
    pub bytes: Arc<Vec<u8>>,
    pub gaps: Vec<Gap>,
}

impl Wanted {
    /// Requests for single lists, where a section failed and has lists of its own.
    fn lists(section: Section) -> impl Iterator<Item = List> {
        section.lists().filter(move |_| section != Section::Bootstrap)
    }

    pub fn next(&self, known: &Answers) -> Vec<String> {
        // A recording holds the whole, and pieces only where that failed.
        if self.whole || !self.live {
            match went(known, WHOLE) {
                None => return vec![WHOLE.to_owned()],
                Some(Went::Badly(_)) => {}
                Some(Went::NotAtAll(_)) if !self.live && went(known, BARE).is_none() => return vec![BARE.to_owned()],
                Some(_) => return Vec::new(),
            }
        }
        let open: Vec<String> =
            self.sections.iter().map(|section| section.path()).filter(|path| went(known, path).is_none()).collect();
        if !open.is_empty() {
            return open;
        }
        let failed = self.sections.iter().filter(|section| matches!(went(known, &section.path()), Some(Went::Badly(_))));
        failed.flat_map(|section| Wanted::lists(*section)).map(List::path).filter(|path| went(known, path).is_none()).collect()
    }

    /// The error is why there is nothing at all.
    pub fn came(&self, known: &Answers) -> Result<Came, String> {
        if !self.live || self.whole {
            let whole = known.iter().rfind(|(path, _)| path == WHOLE || path == BARE);
            let well = |path: &str| path != WHOLE && path != BARE && matches!(went(known, path), Some(Went::Well(_)));
            let pieces = known.iter().any(|(path, _)| well(path));
            if let Some((path, answer)) = whole
                && let Some(Went::Well(_)) = went(known, path)
                && let Outcome::Bytes(bytes) = &answer.outcome
            {
                return Ok(Came { bytes: bytes.clone(), gaps: Vec::new() });
            }
            match whole.map(|(_, answer)| (&answer.outcome, &answer.partial)) {
                Some((Outcome::Bytes(bytes), _)) if !pieces => {
                    return Ok(Came { bytes: bytes.clone(), gaps: Vec::new() });
                }
                Some((other, _)) if !pieces => return Err(other.why().to_owned()),
                _ => {}
            }
        }
        self.pieces(known)
    }

    fn pieces(&self, known: &Answers) -> Result<Came, String> {
        let mut texts: Vec<(Section, Option<List>, Cow<'_, str>)> = Vec::new();
        let (mut empty, mut gaps) = (Vec::new(), Vec::new());
        for &section in &self.sections {
            match went(known, &section.path()) {
                Some(Went::Well(bytes)) => texts.push((section, None, String::from_utf8_lossy(bytes))),
                Some(Went::Nothing) if section == Section::Extensions => empty.push(section),
                Some(Went::Nothing) | None => {}
                Some(Went::NotAtAll(reason)) => gaps.push(Gap { section, list: None, reason }),
                Some(Went::Badly(reason)) => {
                    let before = texts.len();
                    let mut lost = Vec::new();
                    for list in Wanted::lists(section) {
                        match went(known, &list.path()) {
                            Some(Went::Well(bytes)) => texts.push((section, Some(list), String::from_utf8_lossy(bytes))),
                            Some(Went::Badly(reason) | Went::NotAtAll(reason)) => {
                                lost.push(Gap { section, list: Some(list.name), reason });
                            }
                            Some(Went::Nothing) | None => {}
                        }
                    }
                    if texts.len() > before {
                        gaps.extend(lost);
                    } else {
                        gaps.push(Gap { section, list: None, reason });
                    }
                }
            }
        }
        if texts.is_empty() && empty.is_empty() {
            let reason = gaps.first().map(|gap| gap.reason.clone());
            return Err(reason.unwrap_or_else(|| "it has nothing of the kind".to_owned()));
        }
        // The usual case: one section, whole.
        if let ([(_, None, _)], true, true) = (texts.as_slice(), empty.is_empty(), gaps.is_empty())
            && let [(_, answer)] = known.as_slice()
            && let Outcome::Bytes(bytes) = &answer.outcome
        {
            return Ok(Came { bytes: bytes.clone(), gaps });
        }
        let pieces = texts.iter().map(|(section, list, text)| match list {
            Some(list) => Piece::List(*list, text),
            None => Piece::Section(*section, text),
        });
        let pieces: Vec<Piece<'_>> = pieces.chain(empty.into_iter().map(Piece::Empty)).collect();
        let (text, bad) = compose(&pieces);
        for (section, list, _) in bad.into_iter().filter_map(|number| texts.get(number)) {
            let reason = "the answer is no config dump".to_owned();
            gaps.push(Gap { section: *section, list: list.map(|list| list.name), reason });
        }
        Ok(Came { bytes: Arc::new(text.into_bytes()), gaps })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Answer;
    use jiff::Timestamp;

    const CLUSTERS: &str = r#"{"configs":[{"@type":"type.googleapis.com/envoy.admin.v3.ClustersConfigDump","static_clusters":[{"cluster":{"name":"a"}}]}]}"#;

    /// Plays a proxy until nothing more is asked of it.
    fn talk(wanted: &Wanted, proxy: impl Fn(&str) -> Outcome) -> (Answers, Result<Came, String>) {
        let mut known = Answers::new();
        for _ in 0..4 {
            for path in wanted.next(&known) {
                let answer = Answer { outcome: proxy(&path), at: Timestamp::UNIX_EPOCH, partial: None };
                known.push((path, answer));
            }
        }
        let came = wanted.came(&known);
        (known, came)
    }

    fn bytes(text: &str) -> Outcome {
        Outcome::Bytes(Arc::new(text.as_bytes().to_vec()))
    }

    fn broken() -> Outcome {
        Outcome::Failed("it answers 500: unknown type".into())
    }

    #[test]
    fn a_dump_that_fails_as_a_whole_is_asked_by_sections_and_those_by_lists() {
        let wanted =
            Wanted { sections: vec![Section::Clusters, Section::Listeners, Section::Extensions], whole: true, live: true };
        let (known, came) = talk(&wanted, |path| match path {
            // As Envoy 1.40 does, with a status of 200.
            WHOLE => bytes("Failed to convert protobuf message to JSON string: could not find @type 'x'"),
            path if path == Section::Clusters.path() => bytes(CLUSTERS),
            path if path.contains("resource=static_listeners") => bytes(r#"{"configs":[{"listener":{"name":"s"}}]}"#),
            path if path.contains("ecds") => {
                Outcome::Failed("FieldMask could not be successfully applied to any configs.".into())
            }
            _ => broken(),
        });
        let came = came.expect("a part");
        let text = String::from_utf8(came.bytes.to_vec()).expect("text");
        assert!(
            text.contains("static_clusters") && text.contains(r#""static_listeners":[{"listener""#) && text.contains("Ecds"),
            "{text}"
        );
        let gaps: Vec<String> = came.gaps.iter().map(Gap::text).collect();
        assert_eq!(gaps, ["listeners (dynamic_listeners) did not come: it answers 500: unknown type"]);
        assert_eq!(known.len(), 6, "the whole, three sections, two lists");
    }

    #[test]
    fn one_section_is_one_request() {
        let wanted = Wanted { sections: vec![Section::Clusters], whole: false, live: true };
        let (known, came) = talk(&wanted, |_| bytes(CLUSTERS));
        assert_eq!((known.len(), came.expect("it").bytes.len()), (1, CLUSTERS.len()));
    }

    #[test]
    fn who_is_not_let_in_does_not_knock_again() {
        let wanted = Wanted { sections: Section::ALL.to_vec(), whole: true, live: true };
        let (known, came) = talk(&wanted, |_| Outcome::Forbidden("no".into()));
        assert_eq!((known.len(), came.map(|_| ()).map_err(|e| e.to_string())), (1, Err("no".to_owned())));
    }

    #[test]
    fn a_recording_is_asked_for_what_it_may_hold() {
        let wanted = Wanted { sections: vec![Section::Clusters], whole: false, live: false };
        let (known, came) = talk(&wanted, |path| if path == BARE { bytes(CLUSTERS) } else { Outcome::NotAsked("no".into()) });
        assert_eq!((known.len(), came.is_ok()), (2, true));
    }
}
