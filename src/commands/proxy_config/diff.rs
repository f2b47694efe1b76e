//! `proxy-config diff`: what two proxies, or one and its past, do not have in common.

use super::as_text;
use super::conversation::Wanted;
use super::many;
use crate::cli::{Ctx, complete};
use crate::commands::fleet::{self, Who};
use crate::envoy::diff::{Change, Compared, Difference, Scope, compare};
use crate::envoy::{Dump, Section, Want};
use crate::error::{Error, Kind, Result};
use crate::report::{Block, Column, Line, Report, Severity, Span, Table, Tone};
use crate::source::file;
use crate::source::visit::{Answers, Questions};
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

const SCHEMA: &str = "meshctl/proxy-diff/v1";

pub const EXAMPLES: &str = "\
Examples:
  meshctl proxy-config diff web-7d9f.shop web-x2k4.shop             two proxies
  meshctl proxy-config diff web-7d9f.shop before.json               a proxy and a dump of the admin port
  meshctl proxy-config diff web-7d9f.shop --against shop.tar.zst    a proxy and what was recorded of it
  meshctl proxy-config diff web-7d9f.shop --from a.tar.zst --against b.tar.zst
  meshctl proxy-config diff web-7d9f.shop web-x2k4.shop --fail-on warning    exit 1 if they differ";

/// Of a value that changed, so much is shown.
const SHOWN: usize = 60;
/// Of a resource, so many changes are shown in the table; the machine forms have all.
const CHANGES: usize = 6;
/// Everything but the bootstrap, which is each proxy's own.
const SECTIONS: [Section; 6] =
    [Section::Clusters, Section::Listeners, Section::Routes, Section::Secrets, Section::Endpoints, Section::Extensions];

#[derive(Args, Clone, Debug)]
pub struct DiffArgs {
    /// A pod, as POD[.NAMESPACE] or TYPE/NAME[.NAMESPACE], or a file with a dump
    #[arg(value_name = "A", add = complete::proxies())]
    pub a: String,
    /// What to compare it with; with --against the same pod if it is left out
    #[arg(value_name = "B", required_unless_present = "against", add = complete::proxies())]
    pub b: Option<String>,
    /// Take B from this recording
    #[arg(long, value_name = "PATH")]
    pub against: Option<String>,
    /// Compare the bootstraps too, which hold each proxy's own names and addresses
    #[arg(long)]
    pub bootstrap: bool,
    /// The port of the admin interface, for any Envoy [default: what the pod's mesh uses, such as 15000]
    #[arg(long, value_name = "PORT")]
    pub proxy_admin_port: Option<u16>,
}

/// One side.
pub struct Side {
    pub name: String,
    pub bytes: Arc<Vec<u8>>,
    /// What its proxy did not give.
    pub gaps: Vec<String>,
}

struct Ask {
    wanted: Wanted,
}

impl Questions for Ask {
    type Made = std::result::Result<(Arc<Vec<u8>>, Vec<String>), String>;

    fn next(&self, _: usize, known: &Answers) -> Vec<String> {
        self.wanted.next(known)
    }

    fn done(&self, _: usize, known: Answers) -> Self::Made {
        let came = self.wanted.came(&known)?;
        Ok((came.bytes, came.gaps.iter().map(super::conversation::Gap::text).collect()))
    }
}

pub fn run(ctx: &Ctx, args: &DiffArgs, now: Timestamp) -> Result<Report> {
    let mut sections = SECTIONS.to_vec();
    if args.bootstrap {
        sections.insert(0, Section::Bootstrap);
    }
    let a = side(ctx, args, &args.a, None)?;
    let b = side(ctx, args, args.b.as_deref().unwrap_or(&args.a), args.against.as_deref())?;
    let (text_a, text_b) = (as_text(&a.bytes).0, as_text(&b.bytes).0);
    let (dump_a, dump_b) = (read(&a.name, &text_a, &sections)?, read(&b.name, &text_b, &sections)?);
    let compared = compare(&dump_a, &dump_b, &sections, Scope::All, now);
    let mut faults = a.gaps.iter().map(|gap| format!("{}: {gap}", a.name)).collect::<Vec<_>>();
    faults.extend(b.gaps.iter().map(|gap| format!("{}: {gap}", b.name)));
    faults.extend(uncompared((&a.name, &dump_a), (&b.name, &dump_b), &sections));
    let different = count(&compared);
    let field = |label: &str, name: &str| Block::Field { label: label.to_owned(), lines: vec![vec![name.into()]] };
    let mut body = vec![field("A", &a.name), field("B", &b.name), Block::Blank];
    body.extend(blocks(&compared, ["A", "B"]));
    if different == 0 {
        body.extend([Block::Blank, Block::Paragraph(vec![Span::new("They are the same.", Tone::Good)])]);
    }
    if !faults.is_empty() {
        let lines = faults.iter().map(|fault| vec![Span::new(fault.as_str(), Tone::Warn)]).collect();
        body.extend([Block::Blank, Block::Bullets(lines)]);
    }
    let worst = (different > 0 || !faults.is_empty()).then_some(Severity::Warning);
    let data = Data { a: &a.name, b: &b.name, different, sections: &compared, faults: &faults };
    Ok(Report::new(SCHEMA, &data, body).worst(worst))
}

/// These sections with their raw text, which is what is compared.
pub fn read<'d>(name: &str, text: &'d str, sections: &[Section]) -> Result<Dump<'d>> {
    Dump::read(text, Want { sections, raw: true }).map_err(|unusable| {
        let error = Error::new(Kind::Input, format!("can't use {name}: {}", unusable.why));
        unusable.hint.into_iter().fold(error, Error::hint)
    })
}

/// Sections that only one of both has: neither has it, nothing to tell; one has, and the difference is an unknown one.
pub fn uncompared(a: (&str, &Dump<'_>), b: (&str, &Dump<'_>), sections: &[Section]) -> Vec<String> {
    let lacking = |section: &Section| {
        let lacks = match (a.1.has(*section), b.1.has(*section)) {
            (true, false) => b.0,
            (false, true) => a.0,
            _ => return None,
        };
        Some(format!("{section} not compared: the dump of {lacks} has none"))
    };
    sections.iter().filter_map(lacking).collect()
}

pub fn count(compared: &[Compared]) -> usize {
    compared.iter().map(|section| section.differences.len()).sum()
}

/// The summary and each section's differences; `sides` head the columns.
pub fn blocks(compared: &[Compared], sides: [&str; 2]) -> Vec<Block> {
    let mut body = vec![Block::Table(summary(compared, sides))];
    for section in compared.iter().filter(|section| !section.differences.is_empty()) {
        body.extend([Block::Blank, Block::Heading(capital(&section.section.to_string())), Block::Table(table(section, sides))]);
    }
    body
}

fn side(ctx: &Ctx, args: &DiffArgs, word: &str, from: Option<&str>) -> Result<Side> {
    if word == "-" || from.is_none() && file::is_there(word) {
        let name = if word == "-" { "stdin".to_owned() } else { word.to_owned() };
        return Ok(Side { name, bytes: Arc::new(file::read(word)?), gaps: Vec::new() });
    }
    of_proxy(ctx, word, args.proxy_admin_port, from)?.side
}

/// One proxy, and what it has.
pub struct Found {
    /// Namespace and name.
    pub pod: (String, String),
    pub side: Result<Side>,
}

/// Of a recording, if `from` names one.
pub fn of_proxy(ctx: &Ctx, word: &str, port: Option<u16>, from: Option<&str>) -> Result<Found> {
    let names = [word.to_owned()];
    let who = Who { names: &names, port, from, ..Who::envoys() };
    let visited =
        fleet::ask(ctx, who, |found| Ask { wanted: Wanted { sections: Section::ALL.to_vec(), whole: true, live: found.live } })?;
    if visited.proxies.len() > 1 {
        let pods: Vec<String> = visited.proxies.iter().map(|(proxy, _)| proxy.name()).take(5).collect();
        return Err(Error::new(Kind::Usage, format!("{word} has several proxies; a comparison takes one"))
            .hint(format!("name one of them: {}", pods.join(", "))));
    }
    let Some((proxy, _)) = visited.proxies.first() else {
        return Err(many::split(visited).err().unwrap_or_else(|| Error::new(Kind::Input, format!("{word} has no proxy"))));
    };
    let pod = (proxy.namespace.clone(), proxy.pod.clone());
    let place = from.or(ctx.global.from.as_deref()).map(|from| format!(" in {from}")).unwrap_or_default();
    let side = many::split(visited).and_then(|mut answered| match answered.good.pop() {
        Some((proxy, (bytes, gaps))) => Ok(Side { name: format!("{}{place}", proxy.name()), bytes, gaps }),
        None => Err(Error::new(Kind::Internal, format!("{word} gave nothing, and no error says so"))),
    });
    Ok(Found { pod, side })
}

#[derive(Serialize)]
struct Data<'d> {
    a: &'d str,
    b: &'d str,
    different: usize,
    sections: &'d [Compared],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    faults: &'d [String],
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn summary(compared: &[Compared], sides: [&str; 2]) -> Table {
    let mut columns = vec![Column::new("SECTION")];
    let only = sides.map(|side| format!("ONLY IN {side}"));
    columns.extend(["EQUAL", "CHANGED", &only[0], &only[1]].map(Column::right));
    let row = |section: &Compared| {
        let count = |of: fn(&Difference) -> bool| section.differences.iter().filter(|difference| of(difference)).count();
        let counts = [
            count(|d| matches!(d, Difference::Changed { .. })),
            count(|d| matches!(d, Difference::OnlyInA { .. })),
            count(|d| matches!(d, Difference::OnlyInB { .. })),
        ];
        let mut cells: Vec<Line> = vec![vec![section.section.to_string().into()], vec![section.equal.to_string().into()]];
        let tone = |n: usize| if n > 0 { Tone::Warn } else { Tone::Dim };
        cells.extend(counts.map(|n| vec![Span::new(n.to_string(), tone(n))]));
        cells
    };
    Table { columns, rows: compared.iter().map(row).collect() }
}

fn table(section: &Compared, sides: [&str; 2]) -> Table {
    let columns = ["NAME", "WHERE", sides[0], sides[1]].map(Column::new).into();
    let mut rows: Vec<Vec<Line>> = Vec::new();
    let cell = |text: &str, tone: Tone| vec![Span::new(text, tone)];
    for difference in &section.differences {
        match difference {
            Difference::OnlyInA { name } => {
                rows.push(vec![cell(name, Tone::Plain), Line::new(), cell("there", Tone::Plain), cell("missing", Tone::Warn)]);
            }
            Difference::OnlyInB { name } => {
                rows.push(vec![cell(name, Tone::Plain), Line::new(), cell("missing", Tone::Warn), cell("there", Tone::Plain)]);
            }
            Difference::Changed { name, changes } => {
                for change in changes.iter().take(CHANGES) {
                    let Change { path, a, b } = change;
                    rows.push(vec![cell(name, Tone::Plain), cell(path, Tone::Plain), value(a.as_ref()), value(b.as_ref())]);
                }
                if changes.len() > CHANGES {
                    let more = format!("and {} more; -o json has all", changes.len() - CHANGES);
                    rows.push(vec![cell(name, Tone::Plain), cell(&more, Tone::Dim), Line::new(), Line::new()]);
                }
            }
        }
    }
    Table { columns, rows }
}

fn value(value: Option<&Value>) -> Line {
    let Some(value) = value else { return vec![Span::new("missing", Tone::Warn)] };
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    vec![Span::new(shown, Tone::Plain)]
}
