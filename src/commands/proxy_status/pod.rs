//! `proxy-status POD`: what the proxy has beside what its control plane would send it now.

use super::{Asked, Filter, Sort, Taken};
use crate::analysis::sync::{self, Proxy};
use crate::cli::Ctx;
use crate::commands::proxy_config::as_text;
use crate::commands::proxy_config::diff::{self, Found, Side};
use crate::envoy::diff::{Compared, Scope, compare};
use crate::envoy::{Dump, Section, spelling};
use crate::error::{Error, Kind, Result};
use crate::facts::{Channel, Facts};
use crate::mesh;
use crate::mesh::sync::Intended;
use crate::report::{Block, Report, Severity, Span, Tone};
use jiff::Timestamp;
use serde::Serialize;

const SCHEMA: &str = "meshctl/proxy-sync/v1";
const SIDES: [&str; 2] = ["CONTROL PLANE", "PROXY"];
/// What a control plane sends; secrets come from the node's agent, or are hidden in its dump.
const SECTIONS: [Section; 5] = [Section::Clusters, Section::Listeners, Section::Routes, Section::Endpoints, Section::Extensions];

#[derive(Serialize)]
struct Data<'d> {
    cluster: &'d str,
    proxy: Option<&'d Proxy>,
    /// The replica that was compared with.
    control_plane: Option<&'d str>,
    different: usize,
    sections: &'d [Compared],
    faults: &'d [String],
}

pub fn run(ctx: &Ctx, asked: &Asked, word: &str) -> Result<Report> {
    // A proxy that hangs is no reason not to say what its control plane knows of it.
    let Found { pod: key, side: has } = diff::of_proxy(ctx, word, None, None)?;
    let channel = Channel { dump_of: vec![key.clone()], ..asked.channel(ctx)? };
    let taken = Taken::new(ctx, &channel, &asked.credentials(), &Filter::pod(&key), Sort::Health)?;
    let Some(at) = taken.all.iter().position(|status| !status.proxies.is_empty()) else {
        return Err(has.err().unwrap_or_else(|| nobody(&format!("{}.{}", key.1, key.0))));
    };
    let facts = &taken.loaded.facts[at];
    let intended = mesh::intended(facts, std::slice::from_ref(&key)).remove(&key);
    if has.is_err() || intended.as_ref().is_some_and(|one| one.dump.is_err()) {
        ctx.incomplete.set(true);
    }
    report(&taken.all[at], has, intended, facts)
}

fn nobody(name: &str) -> Error {
    Error::new(Kind::Input, format!("no control plane and no pod of a mesh tells anything of {name}"))
        .hint("meshctl proxy-status lists the proxies there are")
}

fn report(status: &sync::Status, has: Result<Side>, intended: Option<Intended>, facts: &Facts) -> Result<Report> {
    let mut faults = Vec::new();
    let plane = intended.as_ref().map(|one| one.plane.clone());
    let should = match intended {
        Some(Intended { dump: Ok(bytes), .. }) => Some(bytes),
        Some(Intended { plane, dump: Err(why) }) => {
            faults.push(format!("{plane} does not tell what it would send: {why}"));
            None
        }
        None => {
            faults.push("no control plane that answered has a connection of it, so there is nothing to compare with".to_owned());
            None
        }
    };
    let has = match has {
        Ok(side) => {
            faults.extend(side.gaps.iter().map(|gap| format!("{}: {gap}", side.name)));
            Some(side)
        }
        Err(error) => {
            faults.push(format!("the proxy: {}", error.causes.last().unwrap_or(&error.message)));
            None
        }
    };
    let mut compared = Vec::new();
    if let (Some(should), Some(has)) = (&should, &has) {
        let name = plane.as_deref().unwrap_or_default();
        let found = compared_with(name, should, has, facts.now)?;
        compared = found.0;
        faults.extend(found.1);
    }
    let different = diff::count(&compared);
    let mut body = sync::rows(status);
    if let (Some(plane), false) = (&plane, compared.is_empty()) {
        body.extend([
            Block::Blank,
            Block::Paragraph(vec![
                Span::from("What "),
                Span::new(plane.as_str(), Tone::Strong),
                Span::from(" would send now, and what the proxy has:"),
            ]),
        ]);
        body.extend(diff::blocks(&compared, SIDES));
        let verdict = match different {
            0 => Span::new("The proxy has what its control plane would send.", Tone::Good),
            1 => Span::new("1 resource differs.", Tone::Bad),
            n => Span::new(format!("{n} resources differ."), Tone::Bad),
        };
        body.extend([Block::Blank, Block::Paragraph(vec![verdict])]);
    }
    if !faults.is_empty() {
        let lines = faults.iter().map(|fault| vec![Span::new(fault.as_str(), Tone::Warn)]).collect();
        body.extend([Block::Blank, Block::Bullets(lines)]);
    }
    let differs = (different > 0 || !faults.is_empty()).then_some(Severity::Warning);
    let worst = status.worst().into_iter().chain(differs).max();
    let data = Data {
        cluster: &status.cluster,
        proxy: status.proxies.first(),
        control_plane: plane.as_deref(),
        different,
        sections: &compared,
        faults: &faults,
    };
    Ok(Report::new(SCHEMA, &data, body).worst(worst))
}

/// What differs, and what could not be compared.
pub fn compared_with(plane: &str, should: &[u8], has: &Side, now: Timestamp) -> Result<(Vec<Compared>, Vec<String>)> {
    let (should, has_text) = (as_text(should).0, as_text(&has.bytes).0);
    // Both, so that names which are data and no fields are the same on both sides.
    let (should, has_text) = (spelling::snake_case(&should), spelling::snake_case(&has_text));
    let (a, b): (Dump<'_>, Dump<'_>) = (diff::read(plane, &should, &SECTIONS)?, diff::read(&has.name, &has_text, &SECTIONS)?);
    // A section that the control plane leaves out is one it has nothing for, and so is one that is empty.
    let asked: Vec<Section> = SECTIONS.into_iter().filter(|section| a.has(*section) && a.count(*section) > 0).collect();
    let faults = diff::uncompared((plane, &a), (&has.name, &b), &asked);
    Ok((compare(&a, &b, &SECTIONS, Scope::Dynamic, now), faults))
}
