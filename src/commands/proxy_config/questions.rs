//! The conversation with one proxy: what to ask it, what else when it can't answer whole, and what is made of it.

use super::as_text;
use super::document::{self, Document, Selection};
use super::tables;
use crate::envoy::ask::{HOSTS, List, Piece, WHOLE, compose};
use crate::envoy::{Dump, Fault, Section, Want, hosts};
use crate::facts::Outcome;
use crate::report::{Block, Line, Severity};
use crate::source::visit::{Answers, Questions};
use serde::Serialize;
use serde_json::Value;
use std::borrow::Cow;

/// Without endpoints; what older recordings may hold.
const BARE: &str = "config_dump";

pub struct Show {
    pub selection: Selection,
    /// Data is made, or else tables.
    pub machine: bool,
    /// A recording holds whole dumps; a live proxy is asked for no more than is shown.
    pub live: bool,
}

/// What one proxy gave, made ready to be shown and free of its dump.
#[derive(Debug)]
pub struct Shown {
    pub blocks: Vec<Block>,
    pub rejections: Vec<Line>,
    /// What is missing from it.
    pub faults: Vec<String>,
    pub data: Value,
    pub worst: Option<Severity>,
}

/// A part that the proxy did not give.
#[derive(Clone, Debug, Serialize)]
struct Gap {
    section: Section,
    #[serde(skip_serializing_if = "Option::is_none")]
    list: Option<&'static str>,
    reason: String,
}

impl Gap {
    fn text(&self) -> String {
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
        (Outcome::Bytes(bytes), None) => Went::Well(bytes),
        (Outcome::Bytes(_), Some(why)) => Went::Badly(format!("it broke off: {why}")),
        (Outcome::Failed(why), _) if why.contains("could not be successfully applied to any configs") => Went::Nothing,
        (Outcome::Failed(why) | Outcome::TimedOut(why), _) => Went::Badly(why.clone()),
        (other, _) => Went::NotAtAll(other.reason().unwrap_or_else(|| other.word()).to_owned()),
    })
}

impl Show {
    fn sections(&self) -> Vec<Section> {
        let mut sections = self.selection.sections.clone();
        // Who the proxy is heads every document.
        if self.machine && !sections.contains(&Section::Bootstrap) {
            sections.push(Section::Bootstrap);
        }
        sections
    }

    /// Requests for single lists, where a section failed and has lists of its own.
    fn lists(section: Section) -> impl Iterator<Item = List> {
        section.parts().filter(move |_| section != Section::Bootstrap)
    }
}

impl Questions for Show {
    type Made = Result<Shown, String>;

    fn next(&self, _: usize, known: &Answers) -> Vec<String> {
        if self.selection.hosts {
            return if known.is_empty() { vec![HOSTS.to_owned()] } else { Vec::new() };
        }
        if !self.live {
            let path = match known.len() {
                0 => WHOLE,
                1 if !matches!(known[0].1.outcome, Outcome::Bytes(_)) => BARE,
                _ => return Vec::new(),
            };
            return vec![path.to_owned()];
        }
        if self.selection.all {
            match went(known, WHOLE) {
                None => return vec![WHOLE.to_owned()],
                Some(Went::Badly(_)) => {}
                Some(_) => return Vec::new(),
            }
        }
        let sections = self.sections();
        let open: Vec<String> =
            sections.iter().map(|section| section.path()).filter(|path| went(known, path).is_none()).collect();
        if !open.is_empty() {
            return open;
        }
        let failed = sections.into_iter().filter(|section| matches!(went(known, &section.path()), Some(Went::Badly(_))));
        failed.flat_map(Show::lists).map(List::path).filter(|path| went(known, path).is_none()).collect()
    }

    fn done(&self, _: usize, known: Answers) -> Self::Made {
        if self.selection.hosts {
            return match known.first().map(|(_, answer)| (&answer.outcome, &answer.partial)) {
                Some((Outcome::Bytes(bytes), partial)) => self.hosts(bytes, partial.as_deref()),
                Some((other, _)) => Err(other.reason().unwrap_or_else(|| other.word()).to_owned()),
                None => Err("it was not asked".to_owned()),
            };
        }
        let whole = known.iter().find(|(path, _)| path == WHOLE || path == BARE && !self.live);
        let last = if self.live { whole } else { known.last() };
        match last.map(|(_, answer)| (&answer.outcome, &answer.partial)) {
            Some((Outcome::Bytes(bytes), None)) => return self.dump(bytes, Vec::new()),
            // All there is.
            Some((Outcome::Bytes(bytes), Some(_))) if !self.live => return self.dump(bytes, Vec::new()),
            Some((other, _)) if !self.live => return Err(other.reason().unwrap_or_else(|| other.word()).to_owned()),
            Some((other, _)) if known.len() == 1 => return Err(other.reason().unwrap_or_else(|| other.word()).to_owned()),
            _ => {}
        }
        self.pieces(&known)
    }
}

impl Show {
    fn hosts(&self, bytes: &[u8], partial: Option<&str>) -> Result<Shown, String> {
        let (text, broken) = as_text(bytes);
        let hosts = hosts::Hosts::read(&text, self.machine).map_err(|unusable| unusable.why)?;
        let document = document::of_hosts(&hosts, &self.selection, self.machine);
        let mut faults: Vec<Fault> = hosts.faults.clone();
        faults.extend(broken);
        Ok(self.shown(&document, &faults, &[], partial))
    }

    fn dump(&self, bytes: &[u8], gaps: Vec<Gap>) -> Result<Shown, String> {
        let (text, broken) = as_text(bytes);
        let mut wanted = self.sections();
        wanted.retain(|section| !gaps.iter().any(|gap| gap.section == *section && gap.list.is_none()));
        let mut dump = Dump::read(&text, Want { sections: &wanted, raw: self.machine }).map_err(|unusable| unusable.why)?;
        dump.faults.retain(|fault| self.selection.asks_for(fault));
        let document = document::of_dump(&dump, &self.selection);
        let mut faults = dump.faults.clone();
        faults.extend(broken);
        Ok(self.shown(&document, &faults, &gaps, None))
    }

    /// One dump from what was asked piece by piece.
    fn pieces(&self, known: &Answers) -> Result<Shown, String> {
        let mut texts: Vec<(Section, Option<List>, Cow<'_, str>)> = Vec::new();
        let (mut empty, mut gaps) = (Vec::new(), Vec::new());
        for section in self.sections() {
            match went(known, &section.path()) {
                Some(Went::Well(bytes)) => texts.push((section, None, String::from_utf8_lossy(bytes))),
                Some(Went::Nothing) if section == Section::Extensions => empty.push(section),
                Some(Went::Nothing) | None => {}
                Some(Went::NotAtAll(reason)) => gaps.push(Gap { section, list: None, reason }),
                Some(Went::Badly(reason)) => {
                    let mut came = false;
                    let mut lost = Vec::new();
                    for list in Show::lists(section) {
                        match went(known, &list.path()) {
                            Some(Went::Well(bytes)) => {
                                came = true;
                                texts.push((section, Some(list), String::from_utf8_lossy(bytes)));
                            }
                            Some(Went::Badly(reason) | Went::NotAtAll(reason)) => {
                                lost.push(Gap { section, list: Some(list.name), reason });
                            }
                            Some(Went::Nothing) | None => {}
                        }
                    }
                    if came {
                        gaps.extend(lost);
                    } else {
                        gaps.push(Gap { section, list: None, reason });
                    }
                }
            }
        }
        let bootstrap_only = self.machine && !self.selection.sections.contains(&Section::Bootstrap);
        let something = texts.iter().any(|(section, ..)| !(bootstrap_only && *section == Section::Bootstrap));
        if !something && empty.is_empty() {
            let reason = gaps.first().map(|gap| gap.reason.clone());
            return Err(reason.unwrap_or_else(|| "it has nothing of the kind".to_owned()));
        }
        let mut pieces: Vec<Piece<'_>> = texts
            .iter()
            .map(|(section, list, text)| match list {
                Some(list) => Piece::List(*list, text),
                None => Piece::Section(*section, text),
            })
            .collect();
        pieces.extend(empty.into_iter().map(Piece::Empty));
        let (text, bad) = compose(&pieces);
        for number in bad {
            if let Some((section, list, _)) = texts.get(number) {
                let reason = "the answer is no config dump".to_owned();
                gaps.push(Gap { section: *section, list: list.map(|list| list.name), reason });
            }
        }
        self.dump(text.as_bytes(), gaps)
    }

    fn shown(&self, document: &Document<'_>, faults: &[Fault], gaps: &[Gap], partial: Option<&str>) -> Shown {
        #[derive(Serialize)]
        struct One<'d> {
            #[serde(flatten)]
            document: &'d Document<'d>,
            #[serde(skip_serializing_if = "Vec::is_empty")]
            faults: Vec<Told<'d>>,
            #[serde(skip_serializing_if = "<[Gap]>::is_empty")]
            missing: &'d [Gap],
        }
        #[derive(Serialize)]
        struct Told<'d> {
            #[serde(flatten)]
            fault: &'d Fault,
            text: String,
        }
        let rejections = tables::rejections(document);
        let worst = match (rejections.is_empty(), faults.is_empty() && gaps.is_empty()) {
            (false, _) => Some(Severity::Error),
            (true, false) => Some(Severity::Warning),
            (true, true) => None,
        };
        let mut told: Vec<String> = faults.iter().map(Fault::to_string).collect();
        told.extend(gaps.iter().map(Gap::text));
        told.extend(partial.filter(|_| faults.is_empty()).map(str::to_owned));
        let (mut data, mut blocks) = (Value::Null, Vec::new());
        if self.machine {
            let faults = faults.iter().map(|fault| Told { fault, text: fault.to_string() }).collect();
            data = serde_json::to_value(One { document, faults, missing: gaps }).unwrap_or_else(|e| Value::String(e.to_string()));
        } else {
            blocks = tables::blocks(document, &self.selection);
        }
        Shown { blocks, rejections, faults: told, data, worst }
    }
}
