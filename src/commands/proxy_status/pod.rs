//! `proxy-status POD`: what the proxy has beside what its control plane would send it now.

use super::{Asked, Filter, Question, Sort};
use crate::analysis::sync::{self, Proxy};
use crate::cli::Ctx;
use crate::commands::proxy_config::as_text;
use crate::commands::proxy_config::diff::{self, Found, Side};
use crate::envoy::certificate::read_pem;
use crate::envoy::diff::{Compared as SectionDiff, Scope, compare, naming};
use crate::envoy::identity::Expected;
use crate::envoy::{Dump, Section, spelling};
use crate::error::{Error, Kind, Result};
use crate::facts::{Channel, Facts};
use crate::mesh;
use crate::mesh::sync::{Identity, Intended};
use crate::report::{Block, Report, Severity, Span, Tone};
use jiff::Timestamp;
use serde::Serialize;

const SCHEMA: &str = "meshctl/proxy-sync/v1";
const SIDES: [&str; 2] = ["CONTROL PLANE", "PROXY"];
/// What a control plane sends. Of secrets it tells no more than names, and most come from the agent beside the proxy.
const SECTIONS: [Section; 5] = [Section::Clusters, Section::Listeners, Section::Routes, Section::Endpoints, Section::Extensions];

#[derive(Serialize)]
struct Data<'d> {
    cluster: &'d str,
    proxy: Option<&'d Proxy>,
    /// The replica that was compared with.
    control_plane: Option<&'d str>,
    different: usize,
    sections: &'d [SectionDiff],
    faults: &'d [String],
}

pub fn run(ctx: &Ctx, asked: &Asked, word: &str) -> Result<Report> {
    // A proxy that hangs is no reason not to say what its control plane knows of it.
    let Found { pod: key, side: has } = diff::of_proxy(ctx, word, None, None)?;
    let channel = Channel { dump_of: vec![key.clone()], ..asked.channel(ctx)? };
    let question = Question { channel, credentials: asked.credentials(), filter: Filter::pod(&key), sort: Sort::Health };
    let taken = question.once(ctx)?;
    let Some(at) = taken.all.iter().position(|status| !status.proxies.is_empty()) else {
        return Err(has.err().unwrap_or_else(|| nobody(&format!("{}.{}", key.1, key.0))));
    };
    let facts = &taken.loaded.facts[at];
    let intended = mesh::intended(facts, std::slice::from_ref(&key)).remove(&key);
    if has.is_err() || intended.as_ref().is_none_or(|one| one.dump.is_err()) {
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
    let identity = intended.as_ref().and_then(|one| one.identity.clone());
    let should = match intended {
        Some(Intended { dump: Ok(bytes), .. }) => Some(bytes),
        Some(Intended { plane, dump: Err(why), .. }) => {
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
        let found = compared_with(name, should, has, &[], facts.now)?;
        compared = found.sections;
        faults.extend(found.faults);
        if let Some(identity) = &identity {
            let (secrets, fault) = identities(name, should, has, identity, facts.now)?;
            compared.push(secrets);
            faults.extend(fault);
        }
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
pub struct Compared {
    pub sections: Vec<SectionDiff>,
    pub faults: Vec<String>,
    /// Whether one of the traces stands in either of both.
    pub concerned: bool,
}

/// With traces, only resources count in which one of them stands.
pub fn compared_with(plane: &str, should: &[u8], has: &Side, traces: &[String], now: Timestamp) -> Result<Compared> {
    read_both(plane, should, has, |a, b| {
        // A section that the control plane leaves out is one it has nothing for, and so is one that is empty.
        let asked: Vec<Section> = SECTIONS.into_iter().filter(|section| a.has(*section) && a.count(*section) > 0).collect();
        let faults = diff::uncompared((plane, a), (&has.name, b), &asked);
        let mut sections = compare(a, b, &SECTIONS, Scope::Dynamic, now);
        let mut concerned = true;
        if !traces.is_empty() {
            let mut named = naming(a, traces);
            named.extend(naming(b, traces));
            concerned = !named.is_empty();
            for one in &mut sections {
                let section = one.section;
                one.differences.retain(|difference| named.contains(&(section, difference.name().to_owned())));
            }
        }
        Compared { sections, faults, concerned }
    })
}

fn read_both<T>(plane: &str, should: &[u8], has: &Side, made: impl FnOnce(&Dump<'_>, &Dump<'_>) -> T) -> Result<T> {
    let (should, has_text) = (as_text(should).0, as_text(&has.bytes).0);
    // Both, so that names which are data and no fields are the same on both sides.
    let (should, has_text) = (spelling::snake_case(&should), spelling::snake_case(&has_text));
    let sections = [&SECTIONS[..], &[Section::Secrets]].concat();
    let (a, b): (Dump<'_>, Dump<'_>) = (diff::read(plane, &should, &sections)?, diff::read(&has.name, &has_text, &sections)?);
    Ok(made(&a, &b))
}

/// Whose certificates it holds, and whom it trusts. What it should hold is known without what is sent, which is masked.
fn identities(
    plane: &str,
    should: &[u8],
    has: &Side,
    identity: &Identity,
    now: Timestamp,
) -> Result<(SectionDiff, Option<String>)> {
    let (roots, fault) = match &identity.roots {
        Ok(pem) => match read_pem(pem.as_bytes()) {
            Ok(roots) => (roots, None),
            Err(why) => (Vec::new(), Some(format!("the roots that it should trust can't be read: {why}"))),
        },
        Err(why) => (Vec::new(), Some(format!("the roots that it should trust are not known: {why}"))),
    };
    let expected = Expected {
        secret: identity.secret,
        trust_domain: identity.trust_domain.as_deref(),
        path: &identity.path,
        root_secret: identity.root_secret,
        roots: &roots,
    };
    let compared = read_both(plane, should, has, |a, b| {
        if b.has(Section::Secrets) { Some(crate::envoy::identity::compare(a, b, Some(&expected), now)) } else { None }
    })?;
    let none = SectionDiff { section: Section::Secrets, equal: 0, differences: Vec::new() };
    match compared {
        Some(compared) => Ok((compared, fault)),
        None => Ok((none, Some(format!("secrets not compared: the dump of {} has none", has.name)))),
    }
}
