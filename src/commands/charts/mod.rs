//! `meshctl charts`: the Helm charts of meshes: which there are, in which versions, and fetched for machines without a way out.

mod list;
mod pull;
mod values;
mod versions;

use super::installing::wanted::mesh_named;
use super::sourcing::{self, SourceArgs};
use crate::charts::reference::Reference;
use crate::cli::{Ctx, complete, quoted};
use crate::error::{Error, Kind, Result};
use crate::mesh::install::Part;
use crate::mesh::{MESHES, Mesh};
use crate::report::Report;
use clap::{Args, Subcommand};

const EXAMPLES: &str = "\
Examples:
  meshctl charts list                             every mesh's charts, and what is fetched already
  meshctl charts versions istio                   what its repository has
  meshctl charts pull istio --to charts           for a machine without a way out
  meshctl install istio --charts charts           there";

/// List, fetch and look into the Helm charts of meshes
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ChartsArgs {
    #[command(subcommand)]
    pub command: ChartsCommand,
}

#[derive(Subcommand, Debug)]
pub enum ChartsCommand {
    /// Show which charts a mesh is made of, where they come from, and which are fetched already
    #[command(after_help = list::EXAMPLES)]
    List {
        /// The mesh [default: all]
        #[arg(value_name = "MESH", add = complete::words(ids))]
        mesh: Option<String>,
    },
    /// Ask repositories which versions there are
    #[command(after_help = versions::EXAMPLES)]
    Versions(versions::VersionsArgs),
    /// Fetch charts into a folder, for --charts
    #[command(after_help = pull::EXAMPLES)]
    Pull(pull::PullArgs),
    /// Print a chart's values and their meanings, as its author wrote them
    #[command(after_help = values::EXAMPLES)]
    Values(values::ValuesArgs),
}

fn ids() -> Vec<(String, String)> {
    MESHES.iter().map(|mesh| (mesh.id().to_owned(), mesh.state().name().to_owned())).collect()
}

pub fn run(ctx: &Ctx, args: &ChartsArgs) -> Result<Report> {
    match &args.command {
        ChartsCommand::List { mesh } => list::run(ctx, mesh.as_deref()),
        ChartsCommand::Versions(args) => versions::run(ctx, args),
        ChartsCommand::Pull(args) => pull::run(ctx, args),
        ChartsCommand::Values(args) => values::run(ctx, args),
    }
}

/// Charts that are meant: of a mesh, or one by its own name.
#[derive(Args, Clone, Debug)]
pub struct WhichArgs {
    /// The mesh
    #[arg(value_name = "MESH", add = complete::words(ids))]
    pub mesh: Option<String>,
    /// Only these parts of it, such as `cni`
    #[arg(value_name = "PART", requires = "mesh")]
    pub parts: Vec<String>,
    /// Another chart: its address, oci://HOST/PATH/NAME, or a name with --repo
    #[arg(long, value_name = "CHART", conflicts_with = "mesh")]
    pub chart: Option<String>,
    #[command(flatten)]
    pub source: SourceArgs,
}

/// A chart, and the parts that are made of it.
struct Which {
    chart: String,
    parts: Vec<&'static str>,
    reference: Reference,
}

impl WhichArgs {
    /// The command that fetches them on another machine.
    fn elsewhere(&self) -> String {
        match (&self.mesh, &self.chart) {
            (Some(mesh), _) => [
                &["meshctl charts pull", mesh],
                self.parts.iter().map(String::as_str).collect::<Vec<_>>().as_slice(),
                &["--to DIR"],
            ]
            .concat()
            .join(" "),
            (None, chart) => {
                format!("meshctl charts pull --chart {} --to DIR", chart.as_deref().map_or("CHART".to_owned(), quoted))
            }
        }
    }

    fn all(&self) -> Result<Vec<Which>> {
        let repo = self.source.repo.as_deref();
        if let Some(chart) = &self.chart {
            let reference = sourcing::reference(chart, repo)?;
            let name = reference.name().unwrap_or(chart).to_owned();
            return Ok(vec![Which { chart: name, parts: Vec::new(), reference }]);
        }
        let Some(mesh) = &self.mesh else {
            return Err(Error::new(Kind::Usage, "which mesh, or which chart?")
                .hint(format!("a mesh is one of: {}", ids().into_iter().map(|(id, _)| id).collect::<Vec<_>>().join(", ")))
                .hint("--chart CHART names any other"));
        };
        let mesh = mesh_named(mesh)?;
        let mut all: Vec<Which> = Vec::new();
        for part in parts(mesh, &self.parts)? {
            match all.iter_mut().find(|which| which.chart == part.chart) {
                Some(which) => which.parts.push(part.id),
                None => {
                    let reference = sourcing::of_part(mesh.distribution(), part, repo)?;
                    all.push(Which { chart: part.chart.to_owned(), parts: vec![part.id], reference });
                }
            }
        }
        Ok(all)
    }
}

/// The parts that are named, or all of them.
fn parts(mesh: &'static dyn Mesh, named: &[String]) -> Result<Vec<&'static Part>> {
    let all = mesh.distribution();
    if named.is_empty() {
        return Ok(all.parts.iter().collect());
    }
    let known = || all.parts.iter().map(|part| part.id).collect::<Vec<_>>().join(", ");
    let one = |id: &String| {
        all.part(id).ok_or_else(|| {
            let error = Error::new(Kind::Usage, format!("{} has no part {id:?}", mesh.state().name()));
            error.hint(format!("its parts are: {}", known()))
        })
    };
    named.iter().map(one).collect()
}
