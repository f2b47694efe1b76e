//! `meshctl charts pull`: charts into a folder, checked on the way.

use super::WhichArgs;
use crate::cli::{Ctx, quoted};
use crate::commands::load;
use crate::commands::sourcing::VerifyArgs;
use crate::error::{Error, Kind, Result};
use crate::report::{Block, Column, Line, Report, Span, Table, Tone};
use crate::source::charts::fetch::{Fetcher, Got, Vouched, Wish};
use clap::Args;
use serde_json::json;

pub const EXAMPLES: &str = "\
Examples:
  meshctl charts pull istio --version 1.29 --to charts    every part of it
  meshctl charts pull linkerd crds control-plane          two parts, into this folder
  meshctl charts pull --chart oci://registry.example/charts/web --version '^1.2'
  meshctl charts pull --chart web --repo https://charts.example --verify --keyring trusted.gpg
A checksum that is not the one which index or registry promise ends it, and so does a signature that
--verify finds wrong; nothing is written then.";

#[derive(Args, Debug)]
pub struct PullArgs {
    #[command(flatten)]
    pub which: WhichArgs,
    /// The folder to put them in; it is made if it isn't there
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub to: String,
    /// Fetch the provenance file of each chart as well, where it has one, and don't verify its signature
    #[arg(long)]
    pub prov: bool,
    #[command(flatten)]
    pub verify: VerifyArgs,
}

/// What the provenance file says of the archive. Unless it has to be verified, its signature is not looked at.
#[derive(Clone, Copy, PartialEq)]
enum Provenance {
    Verified,
    NotAsked,
    Missing,
    Names,
    NamesAnother,
}

pub fn run(ctx: &Ctx, args: &PullArgs) -> Result<Report> {
    let fetcher = args.which.source.fetcher(ctx);
    let which = args.which.all()?;
    let trust = args.verify.trust()?;
    let elsewhere = args.which.elsewhere();
    let progress = ctx.ui.progress("fetching charts");
    let all = load::block_on(async {
        let mut all = Vec::new();
        for which in &which {
            let range = args.which.source.version.as_deref();
            let (reference, provenance, trust) = (&which.reference, args.prov, trust.as_ref());
            let got = one(&fetcher, Wish { reference, range, provenance, trust, elsewhere: &elsewhere }).await?;
            all.push((which.parts.clone(), got));
        }
        Ok(all)
    })?;
    drop(progress);
    let mut rows: Vec<Vec<Line>> = Vec::new();
    let mut data = Vec::new();
    for (parts, got) in &all {
        let provenance = provenance(args, got);
        let file = got.put(&args.to)?;
        rows.push(row(got, provenance));
        let seen = match provenance {
            Provenance::Verified => "verified",
            Provenance::NotAsked => "not asked for",
            Provenance::Missing => "none",
            Provenance::Names => "names this archive; its signature was not verified",
            Provenance::NamesAnother => "names another archive",
        };
        data.push(json!({
            "chart": got.name, "version": got.version, "parts": parts, "from": got.from, "file": file,
            "sha256": got.digest, "checksum": got.vouched.words(), "provenance": seen,
            "signedBy": got.verified.as_ref().map(|it| &it.signed.by),
            "fingerprint": got.verified.as_ref().map(|it| &it.signed.fingerprint),
        }));
        got.verified.iter().for_each(|verified| ctx.ui.note(&verified.words()));
    }
    if all.iter().any(|(_, got)| got.vouched == Vouched::Nobody && got.verified.is_none()) {
        ctx.ui.warning("nobody gives a checksum for some of them: what came is taken as it is");
    }
    if args.prov && !args.verify.verify {
        ctx.ui.hint("--verify checks whose signatures they are");
    }
    if let Some(mesh) = &args.which.mesh {
        ctx.ui.hint(&format!("meshctl install {mesh} --charts {} uses them, and asks no repository", quoted(&args.to)));
    }
    let columns = ["CHART", "VERSION", "SHA-256", "CHECKED"].map(Column::new).to_vec();
    let place = vec![Span::new(format!("{} in ", counted(all.len())), Tone::Plain), Span::new(args.to.as_str(), Tone::Code)];
    let body = vec![Block::Table(Table { columns, rows }), Block::Blank, Block::Paragraph(place)];
    Ok(Report::new("meshctl/charts-pulled/v1", &json!({ "folder": args.to, "charts": data }), body))
}

async fn one(fetcher: &Fetcher, wish: Wish<'_>) -> Result<Got> {
    if let crate::charts::reference::Reference::Path(path) = wish.reference {
        return Err(Error::new(Kind::Usage, format!("{} is on this machine already", quoted(path)))
            .hint("name a chart by its address, oci://HOST/PATH/NAME, or a name with --repo URL"));
    }
    fetcher.get(wish).await
}

fn counted(charts: usize) -> String {
    if charts == 1 { "1 chart".to_owned() } else { format!("{charts} charts") }
}

/// The checksum in a provenance file is that of the archive, or the file is another's.
fn provenance(args: &PullArgs, got: &Got) -> Provenance {
    if got.verified.is_some() {
        return Provenance::Verified;
    }
    let Some(text) = got.provenance.as_deref().map(String::from_utf8_lossy) else {
        return if args.prov { Provenance::Missing } else { Provenance::NotAsked };
    };
    let named = text.lines().any(|line| line.trim().ends_with(&format!("sha256:{}", got.digest)));
    if named { Provenance::Names } else { Provenance::NamesAnother }
}

fn row(got: &Got, provenance: Provenance) -> Vec<Line> {
    let by = got.verified.iter().flat_map(|it| it.signed.by.first());
    let mut checked: Vec<Span> = by.map(|by| Span::new(format!("signed by {by}; "), Tone::Good)).collect();
    let tone = if got.vouched == Vouched::Nobody && checked.is_empty() { Tone::Warn } else { Tone::Good };
    checked.push(Span::new(got.vouched.words(), tone));
    match provenance {
        Provenance::NotAsked | Provenance::Verified => {}
        Provenance::Missing => checked.push(Span::new("; no provenance", Tone::Warn)),
        Provenance::Names => checked.push(Span::new("; provenance fits, signature not verified", Tone::Warn)),
        Provenance::NamesAnother => checked.push(Span::new("; provenance is another archive's", Tone::Bad)),
    }
    let digest = format!("{}…", &got.digest[..12.min(got.digest.len())]);
    vec![vec![got.name.as_str().into()], vec![got.version.as_str().into()], vec![Span::new(digest, Tone::Dim)], checked]
}
