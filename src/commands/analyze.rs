//! `meshctl analyze`: do you need a mesh, and which one?

use crate::analysis::need::{self, Section, Told};
use crate::cli::Ctx;
use crate::error::Result;
use crate::facts::Purpose;
use crate::mesh;
use crate::report::Report;
use crate::source::{self, Base, Source, archive, live};
use clap::Args;

/// Answer whether this cluster needs a service mesh, and which one
#[derive(Args, Debug)]
pub struct AnalyzeArgs {
    /// Show all the evidence of a part: Q1, Q2, candidates, cost, traps, plan
    #[arg(long, value_name = "PART", value_delimiter = ',')]
    pub explain: Vec<Section>,
    /// How far back metrics and flows are looked at (Prometheus duration)
    #[arg(long, value_name = "TIME", default_value = "7d")]
    pub window: String,
}

pub fn run(_ctx: &Ctx, _args: AnalyzeArgs) -> Result<Report> {
    unreachable!()
}
