//! `proxy-config rootca-compare`: whether proxies hold the same roots, and so can trust each other's certificates.

use super::as_text;
use super::certificates;
use super::conversation::Wanted;
use super::many::{self, Answered};
use super::who::PodsArgs;
use crate::cli::Ctx;
use crate::commands::fleet;
use crate::envoy::certificate::Certificate;
use crate::envoy::{Dump, Section, Want, secrets};
use crate::error::{Error, Kind, Result};
use crate::report::{Block, Column, Line, Report, Severity, Span, Table, Tone};
use crate::source::visit::{Answers, Questions};
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

const SCHEMA: &str = "meshctl/proxy-roots/v1";

pub const EXAMPLES: &str = "\
Examples:
  meshctl proxy-config rootca-compare web-7d9f.shop cart-5c8b.shop
  meshctl proxy-config rootca-compare -A --fail-on error     every proxy of the mesh against the first";

#[derive(Args, Clone, Debug)]
pub struct RootsArgs {
    #[command(flatten)]
    pub pods: PodsArgs,
}

/// A root, or a leaf, of one proxy.
#[derive(Clone, Debug, Default)]
struct Held {
    roots: Vec<Certificate>,
}

struct Ask {
    wanted: Wanted,
    now: Timestamp,
}

impl Questions for Ask {
    type Made = std::result::Result<Held, String>;

    fn next(&self, _: usize, known: &Answers) -> Vec<String> {
        certificates::next(&self.wanted, known)
    }

    fn done(&self, _: usize, known: Answers) -> Self::Made {
        let came = certificates::came(&self.wanted, &known)?;
        let (text, _) = as_text(&came.bytes);
        let dump = Dump::read(&text, Want { sections: &[Section::Secrets], raw: false }).map_err(|unusable| unusable.why)?;
        let beside = certificates::beside(&self.wanted, &known, &text, &dump);
        let rows = secrets::all(&dump.secrets, &beside, self.now);
        let mut roots: Vec<Certificate> =
            rows.into_iter().filter(|row| row.kind == "CA").flat_map(|row| row.certificates).collect();
        roots.sort_by(|a, b| (&a.serial_number, &a.subject).cmp(&(&b.serial_number, &b.subject)));
        roots.dedup();
        if roots.is_empty() {
            return Err("it holds no roots, neither among its secrets nor in its configuration".to_owned());
        }
        Ok(Held { roots })
    }
}

/// How the roots of two proxies relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Relation {
    Same,
    /// Some are held by both: what the others sign is trusted by one side only.
    Partly,
    /// None is: neither accepts the other's certificate.
    None,
}

fn relation(a: &Held, b: &Held) -> Relation {
    let shared = a.roots.iter().filter(|root| b.roots.contains(root)).count();
    match shared {
        0 => Relation::None,
        n if n == a.roots.len() && n == b.roots.len() => Relation::Same,
        _ => Relation::Partly,
    }
}

#[derive(Serialize)]
struct Data<'d> {
    /// What the others are compared with.
    with: String,
    proxies: Vec<One<'d>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failed: Vec<(String, String)>,
}

#[derive(Serialize)]
struct One<'d> {
    name: String,
    relation: Relation,
    roots: &'d [Certificate],
}

pub fn run(ctx: &Ctx, args: &RootsArgs) -> Result<Report> {
    args.pods.nonempty(ctx)?;
    let visited = fleet::ask(ctx, args.pods.proxies(), |found| Ask {
        wanted: Wanted { sections: vec![Section::Secrets], whole: false, live: found.live },
        now: found.now,
    })?;
    let Answered { good, failed } = many::split(visited)?;
    if !failed.is_empty() {
        ctx.incomplete.set(true);
    }
    let [(first, held), others @ ..] = good.as_slice() else {
        return Err(Error::new(Kind::Internal, "nobody answered, and no error says so"));
    };
    if others.is_empty() {
        let (name, why) = failed.first().map_or((String::new(), String::new()), |(name, why)| (name.clone(), why.clone()));
        let error = Error::new(Kind::Usage, format!("only {} has roots to compare; it takes two", first.name()));
        let error = if name.is_empty() { error } else { error.cause(format!("{name}: {why}")) };
        return Err(error.hint("name two pods, or take all: -A"));
    }
    let relations: Vec<(String, Relation)> = others.iter().map(|(proxy, other)| (proxy.name(), relation(held, other))).collect();
    let worst = relations.iter().filter_map(|(_, relation)| match relation {
        Relation::Same => None,
        Relation::Partly => Some(Severity::Warning),
        Relation::None => Some(Severity::Error),
    });
    let worst = worst.max();
    let mut body = vec![sentence(&first.name(), &relations), Block::Blank, Block::Table(table(&good))];
    body.extend(many::footer(good.len(), &failed));
    let relations = std::iter::once(Relation::Same).chain(relations.iter().map(|(_, relation)| *relation));
    let proxies =
        good.iter().zip(relations).map(|((proxy, held), relation)| One { name: proxy.name(), relation, roots: &held.roots });
    let data = Data { with: first.name(), proxies: proxies.collect(), failed };
    Ok(Report::new(SCHEMA, &data, body).worst(worst))
}

fn sentence(first: &str, relations: &[(String, Relation)]) -> Block {
    let of = |wanted: Relation| -> Vec<&str> {
        relations.iter().filter(|(_, relation)| *relation == wanted).map(|(name, _)| name.as_str()).collect()
    };
    let few = |names: &[&str]| match names {
        [only] => (*only).to_owned(),
        names if names.len() <= 3 => names.join(", "),
        names => format!("{} and {} more", names[..2].join(", "), names.len() - 2),
    };
    let (same, partly, none) = (of(Relation::Same), of(Relation::Partly), of(Relation::None));
    let mut words: Line = Vec::new();
    if !none.is_empty() {
        let text = format!("{first} shares no root with {}: neither trusts the other's certificate. ", few(&none));
        words.push(Span::new(text, Tone::Bad));
    }
    if !partly.is_empty() {
        let text =
            format!("{first} shares only some roots with {}: a certificate of the others is trusted by one side. ", few(&partly));
        words.push(Span::new(text, Tone::Warn));
    }
    if !same.is_empty() {
        words.push(Span::new(format!("{first} holds the same roots as {}.", few(&same)), Tone::Good));
    }
    Block::Paragraph(words)
}

fn table(good: &[(fleet::Proxy, Held)]) -> Table {
    let mut columns: Vec<Column> = [many::PROXY, "ROOT SERIAL NUMBER", "SUBJECT", "NOT AFTER"].map(Column::new).into();
    columns.push(Column::new("NOT BEFORE").wide());
    let mut rows = Vec::new();
    for (proxy, held) in good {
        for root in &held.roots {
            let cells = [&proxy.name(), &root.serial_number, &root.subject, &root.not_after, &root.not_before];
            rows.push(cells.map(|cell| vec![Span::new(cell.as_str(), Tone::Plain)]).to_vec());
        }
    }
    Table { columns, rows }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(serials: &[&str]) -> Held {
        let root = |serial: &&str| {
            // A certificate of which only what tells roots apart matters.
            let pem = include_str!("../../../fixtures/envoy/root.pem");
            let mut root = crate::envoy::certificate::read_pem(pem.as_bytes()).expect("a root").remove(0);
            root.serial_number = (*serial).to_owned();
            root
        };
        Held { roots: serials.iter().map(root).collect() }
    }

    #[test]
    fn roots_are_the_same_partly_or_not() {
        assert_eq!(relation(&held(&["1", "2"]), &held(&["1", "2"])), Relation::Same);
        assert_eq!(relation(&held(&["1", "2"]), &held(&["2"])), Relation::Partly);
        assert_eq!(relation(&held(&["1"]), &held(&["2"])), Relation::None);
    }
}
