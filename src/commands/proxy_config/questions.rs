//! What is asked of one proxy to show it, and what is made of its answers.

use super::as_text;
use super::certificates;
use super::conversation::{Came, Gap, Wanted};
use super::document::{self, Document, Selection};
use super::findings::{self, Finding};
use super::many::Kept;
use super::tables;
use crate::envoy::ask::HOSTS;
use crate::envoy::secrets::Beside;
use crate::envoy::{Dump, Fault, Section, Want, hosts};
use crate::facts::Outcome;
use crate::mesh::origin::Origins;
use crate::report::{Block, Severity};
use crate::source::visit::{Answers, Questions};
use serde::Serialize;
use std::sync::Arc;

pub struct Show {
    selection: Selection,
    /// Data is made, or else tables.
    machine: bool,
    wanted: Wanted,
    /// What else knows of each proxy's configuration.
    origins: Vec<Option<Arc<dyn Origins>>>,
}

/// What one proxy gave, made ready to be shown and free of its dump.
#[derive(Debug)]
pub struct Shown {
    pub blocks: Vec<Block>,
    /// What is wrong with what it runs, worst first.
    pub findings: Vec<Finding>,
    /// What is missing from it.
    pub faults: Vec<String>,
    pub data: Kept,
    pub worst: Option<Severity>,
}

impl Show {
    pub fn new(selection: Selection, machine: bool, live: bool) -> Self {
        let mut sections = selection.sections.clone();
        // Who the proxy is heads every document.
        if machine && !selection.printed && !sections.contains(&Section::Bootstrap) {
            sections.push(Section::Bootstrap);
        }
        Show { wanted: Wanted { sections, whole: selection.all, live }, selection, machine, origins: Vec::new() }
    }

    /// The service that a proxy stands for is in its bootstrap.
    pub fn with(mut self, origins: &[Option<Arc<dyn Origins>>]) -> Self {
        if origins.iter().any(Option::is_some) && !self.wanted.sections.contains(&Section::Bootstrap) {
            self.wanted.sections.push(Section::Bootstrap);
        }
        self.origins = origins.to_vec();
        self
    }
}

impl Questions for Show {
    type Made = Result<Shown, String>;

    fn next(&self, _: usize, known: &Answers) -> Vec<String> {
        match self.selection.hosts {
            true if known.is_empty() => vec![HOSTS.to_owned()],
            true => Vec::new(),
            false if self.of_certificates() => certificates::next(&self.wanted, known),
            false => self.wanted.next(known),
        }
    }

    fn done(&self, at: usize, known: Answers) -> Self::Made {
        if !self.selection.hosts && self.of_certificates() {
            return self.dump(at, &certificates::came(&self.wanted, &known)?, &known);
        }
        if !self.selection.hosts {
            return self.dump(at, &self.wanted.came(&known)?, &known);
        }
        match known.first().map(|(_, answer)| (&answer.outcome, &answer.partial)) {
            Some((Outcome::Bytes(bytes), partial)) => self.hosts(bytes, partial.as_deref()),
            Some((other, _)) => Err(other.why().to_owned()),
            None => Err("it was not asked".to_owned()),
        }
    }
}

impl Show {
    fn hosts(&self, bytes: &[u8], partial: Option<&str>) -> Result<Shown, String> {
        let (text, broken) = as_text(bytes);
        let hosts = hosts::Hosts::read(&text, self.machine).map_err(|unusable| unusable.why)?;
        let document = document::of_hosts(&hosts, &self.selection);
        let mut faults: Vec<Fault> = hosts.faults.clone();
        faults.extend(broken);
        Ok(self.shown(&document, &faults, &[], partial))
    }

    /// Whether certificates are looked for beside the dump.
    fn of_certificates(&self) -> bool {
        self.selection.sections.contains(&Section::Secrets) && !self.selection.printed
    }

    fn dump(&self, at: usize, came: &Came, known: &Answers) -> Result<Shown, String> {
        let (text, broken) = as_text(&came.bytes);
        let mut wanted = self.wanted.sections.clone();
        wanted.retain(|section| !came.gaps.iter().any(|gap| gap.section == *section && gap.list.is_none()));
        let mut dump = Dump::read(&text, Want { sections: &wanted, raw: self.machine }).map_err(|unusable| unusable.why)?;
        dump.faults.retain(|fault| self.selection.asks_for(fault));
        let beside = match self.of_certificates() {
            true => certificates::beside(&self.wanted, known, &text, &dump),
            false => Beside::default(),
        };
        let mut document = document::of_dump(&dump, &beside, &self.selection);
        if let Some(origins) = self.origins.get(at).and_then(Option::as_ref) {
            document.came_from(origins.of(&dump));
        }
        let mut faults = dump.faults.clone();
        faults.extend(broken);
        Ok(self.shown(&document, &faults, &came.gaps, None))
    }

    fn shown(&self, document: &Document<'_>, faults: &[Fault], gaps: &[Gap], partial: Option<&str>) -> Shown {
        #[derive(Serialize)]
        struct One<'d> {
            #[serde(flatten)]
            document: &'d Document<'d>,
            #[serde(skip_serializing_if = "<[Finding]>::is_empty")]
            findings: &'d [Finding],
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
        let findings = findings::of(document, self.selection.now);
        let missing = !(faults.is_empty() && gaps.is_empty());
        let worst = findings::worst(&findings).max(missing.then_some(Severity::Warning));
        let mut told: Vec<String> = faults.iter().map(Fault::to_string).collect();
        told.extend(gaps.iter().map(Gap::text));
        told.extend(partial.filter(|_| faults.is_empty()).map(str::to_owned));
        told.extend(document.pods_unknown.map(|why| format!("which pods are behind some endpoints is not known: {why}")));
        let (mut data, mut blocks) = (Kept::default(), Vec::new());
        if self.selection.printed {
            blocks = vec![Block::Code(document.as_printed())];
        } else if self.machine {
            let faults = faults.iter().map(|fault| Told { fault, text: fault.to_string() }).collect();
            data = Kept::of(&One { document, findings: &findings, faults, missing: gaps });
        } else {
            blocks = tables::blocks(document, &self.selection);
        }
        Shown { blocks, findings, faults: told, data, worst }
    }
}
