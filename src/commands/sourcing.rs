//! Where charts come from, as the command line says it.

use crate::charts::reference::Reference;
use crate::cli::{Ctx, quoted};
use crate::error::{Error, Kind, Result};
use crate::mesh::install::{Distribution, Part};
use crate::source::charts::fetch::{Fetcher, Wish};
use crate::source::charts::trust::{Trust, Verified};
use crate::source::charts::web::Options;
use crate::source::{charts, file};
use clap::Args;

const HEADING: &str = "Where charts come from";

#[derive(Args, Clone, Debug, Default)]
pub struct SourceArgs {
    /// Version of the charts, or a range such as `>=1.28 <1.30` [default: the newest]
    #[arg(long, help_heading = HEADING, value_name = "RANGE")]
    pub version: Option<String>,
    /// Repository or registry to take them from: https://… or oci://…
    #[arg(long, help_heading = HEADING, value_name = "URL")]
    pub repo: Option<String>,
    /// User of the repository; its password is read from MESHCTL_CHARTS_PASSWORD
    #[arg(long, help_heading = HEADING, value_name = "NAME", env = "MESHCTL_CHARTS_USERNAME", hide_env = true)]
    pub username: Option<String>,
    // Hidden, because a process list shows flags.
    #[arg(long, hide = true, env = "MESHCTL_CHARTS_PASSWORD", hide_env_values = true)]
    pub password: Option<String>,
    /// Trust the certificates in this file too
    #[arg(long, help_heading = HEADING, value_name = "FILE")]
    pub ca_file: Option<String>,
    /// Ask registries without TLS
    #[arg(long, help_heading = HEADING)]
    pub plain_http: bool,
}

impl SourceArgs {
    pub fn fetcher(&self, ctx: &Ctx) -> Fetcher {
        Fetcher::new(&Options {
            username: self.username.clone(),
            password: self.password.clone(),
            ca_file: self.ca_file.clone(),
            plain_http: self.plain_http,
            patience: ctx.global.request_timeout,
        })
    }
}

#[derive(Args, Clone, Debug, Default)]
pub struct VerifyArgs {
    /// Take only charts that somebody in the keyring has signed
    #[arg(long, help_heading = HEADING)]
    pub verify: bool,
    /// Public keys that are trusted, as gpg --export writes them [default: ~/.gnupg/pubring.gpg]
    #[arg(long, help_heading = HEADING, value_name = "FILE", requires = "verify")]
    pub keyring: Option<String>,
}

impl VerifyArgs {
    /// Who is trusted, if somebody has to have signed.
    pub fn trust(&self) -> Result<Option<Trust>> {
        self.verify.then(|| Trust::read(self.keyring.as_deref())).transpose()
    }
}

/// A chart by what its user calls it. `name`: of the flag or argument that says it.
pub fn reference(chart: &str, repo: Option<&str>) -> Result<Reference> {
    Reference::parse(chart, repo).map_err(|why| {
        Error::new(Kind::Usage, format!("can't tell where the chart {} is", quoted(chart)))
            .cause(why)
            .hint("a chart is a folder, a .tgz, its address, oci://HOST/PATH/NAME, or a name with --repo URL")
    })
}

/// The chart of a part in its publisher's repository, or in the mirror that is named.
pub fn of_part(all: &Distribution, part: &Part, repo: Option<&str>) -> Result<Reference> {
    reference(part.chart, Some(repo.unwrap_or(all.repository)))
}

/// A chart on this machine.
pub struct Local {
    pub path: String,
    /// Who signed it, if somebody had to.
    pub verified: Option<Verified>,
}

impl Local {
    pub fn new(path: String, trust: Option<&Trust>) -> Result<Local> {
        let verified = trust.map(|trust| trust.file(&path)).transpose()?;
        Ok(Local { path, verified })
    }
}

/// The chart, from where it is to this machine.
pub async fn local(
    fetcher: &Fetcher,
    reference: &Reference,
    range: Option<&str>,
    elsewhere: &str,
    trust: Option<&Trust>,
) -> Result<Local> {
    if let Reference::Path(path) = reference {
        return Local::new(path.clone(), trust);
    }
    let got = fetcher.get(Wish { reference, range, provenance: false, trust, elsewhere }).await?;
    Ok(Local { path: got.path, verified: got.verified })
}

/// The chart of a part in a folder of charts.
pub fn in_folder(folder: &str, part: &Part, range: Option<&str>) -> Result<String> {
    let found = charts::find(folder, part.chart, part.folders, range);
    found.ok_or_else(|| {
        let seen = match (file::is_folder(folder), range) {
            (true, Some(range)) => format!("there is no such chart in it with a version that fits {range}"),
            (true, None) => "there is no such chart in it".to_owned(),
            _ => "there is no such folder".to_owned(),
        };
        Error::new(Kind::Input, format!("can't find the chart {} in {folder}", part.chart)).cause(seen).hint(format!(
            "looked for {}/Chart.yaml and {}-VERSION.tgz there, and below charts/ and manifests/charts/",
            part.folders.join("/Chart.yaml, "),
            part.chart
        ))
    })
}
