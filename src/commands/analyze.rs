//! `meshctl analyze`: do you need a mesh, and which one?

use super::load::{self, DEFAULT_WINDOW, Loaded, Metrics};
use crate::analysis::need::{self, Decision, Section, Told};
use crate::cli::{Ctx, complete};
use crate::error::{Error, Kind, Result};
use crate::facts::Purpose;
use crate::mesh;
use crate::report::Report;
use crate::ui::{Choice, Prompt};
use clap::Args;
use std::collections::BTreeSet;

const EXAMPLES: &str = "\
Examples:
  meshctl analyze --from demo                      see it work, without a cluster
  meshctl analyze                                  ask the cluster of your kubeconfig
  meshctl analyze --explain Q1,Q2                  every piece of evidence, with object and field
  meshctl analyze --require mtls=identity,canary   add what you know and no cluster tells
  helm template shop ./chart | meshctl analyze --from -";

/// Answer whether this cluster needs a service mesh, and which one
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct AnalyzeArgs {
    /// Show all the evidence of a part; comma separated
    #[arg(long, value_name = "PART", value_delimiter = ',', ignore_case = true, help_heading = "What to show")]
    pub explain: Vec<Section>,
    /// Say what you need: mtls[=encryption|identity|authorization], tracing, canary, retries, multicluster, vms
    #[arg(long, value_name = "NEED", value_delimiter = ',', add = complete::words(needs), help_heading = "What you know")]
    pub require: Vec<String>,
    /// Say what no cluster tells: services=few|many|N, languages=N, rps=N, oncall=no, fips=yes, mtls=no, needs=none, …; may be given several times
    #[arg(long, value_name = "KEY=VALUE", add = complete::words(answers), help_heading = "What you know")]
    pub answer: Vec<String>,
    /// Be asked what no cluster tells
    #[arg(long, help_heading = "What you know")]
    pub ask: bool,
    #[command(flatten)]
    pub metrics: Metrics,
    /// Words that istioctl takes here; answered with what to write instead
    #[arg(hide = true)]
    pub words: Vec<String>,
}

fn needs() -> Vec<(String, String)> {
    need::require_words().into_iter().map(|word| (word, String::new())).collect()
}

fn answers() -> Vec<(String, String)> {
    need::answer_words().into_iter().map(|word| (word, String::new())).collect()
}

pub fn run(ctx: &Ctx, mut args: AnalyzeArgs) -> Result<Report> {
    refuse_words(&args.words)?;
    // Before anything is fetched: a typo should not cost the time of forty lists.
    let told = need::parse_told(&args.require, &args.answer)?;
    if args.ask && !ctx.ui.can_ask() {
        return Err(Error::new(Kind::Usage, "--ask needs a terminal, and stdin or stderr is none")
            .hint("give the answers on the command line: --answer KEY=VALUE, --require NEED"));
    }
    let purpose = Purpose::Decide { window: args.metrics.window.clone(), flows: args.metrics.flows() };
    let loaded = load::load(ctx, &purpose, Some(&args.metrics))?;
    let mut decisions = decide(&loaded, &told, &args.metrics.window);
    if args.ask {
        decisions = ask(ctx, &loaded, &mut args, decisions)?;
    }
    Ok(load::with_unreachable(need::report_many(&decisions, &args.explain, &next(ctx, &args)), &loaded))
}

fn decide(loaded: &Loaded, told: &Told, window: &str) -> Vec<Decision> {
    loaded.facts.iter().map(|facts| need::decide(facts, &mesh::model(facts), told, window)).collect()
}

/// The command as it was called, with what the user told, so that a next command gives the same verdict.
fn next(ctx: &Ctx, args: &AnalyzeArgs) -> String {
    let mut next = ctx.invocation("analyze");
    if let Some(url) = &args.metrics.prometheus {
        next.push_str(&format!(" --prometheus {}", crate::cli::quoted(url)));
    }
    next.push_str(&args.metrics.hubble_flags());
    if args.metrics.window != DEFAULT_WINDOW {
        next.push_str(&format!(" --window {}", args.metrics.window));
    }
    if !args.require.is_empty() {
        next.push_str(&format!(" --require {}", crate::cli::quoted(&args.require.join(","))));
    }
    args.answer.iter().for_each(|answer| next.push_str(&format!(" --answer {}", crate::cli::quoted(answer))));
    next
}

/// Each question once, whichever cluster raises it. An answer decides what is asked next: `few` services end it.
fn ask(ctx: &Ctx, loaded: &Loaded, args: &mut AnalyzeArgs, mut decisions: Vec<Decision>) -> Result<Vec<Decision>> {
    let mut asked = BTreeSet::new();
    while let Some(question) = decisions.iter().flat_map(need::questions).find(|question| asked.insert(question.key.clone())) {
        let choices: Vec<&str> = question.choices.iter().map(AsRef::as_ref).collect();
        match ctx.ui.ask(&Prompt { text: &question.text, why: &question.why, choices: &choices })? {
            Choice::Answer(answer) => args.answer.push(format!("{}={answer}", question.key)),
            Choice::Skip => continue,
            Choice::Done => break,
        }
        let told = need::parse_told(&args.require, &args.answer)?;
        decisions = decide(loaded, &told, &args.metrics.window);
    }
    if asked.is_empty() {
        ctx.ui.hint("there is nothing to ask: everything that decides is known");
    }
    Ok(decisions)
}

fn refuse_words(words: &[String]) -> Result<()> {
    let Some(word) = words.first() else { return Ok(()) };
    Err(if word == "config" {
        Error::new(Kind::Usage, "`analyze config`, the lint of mesh configuration, isn't in this version yet")
            .hint("until then: istioctl analyze")
            .hint("meshctl analyze answers whether you need a mesh")
    } else {
        Error::new(Kind::Usage, format!("analyze takes no {word:?} here"))
            .hint(format!("if it is a file or a folder: meshctl analyze --from {}", crate::cli::quoted(word)))
    })
}
