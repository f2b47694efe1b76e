//! `meshctl check-inject`: should a pod be in a mesh, is it, and if not, why.

use super::load::{self, block_on};
use crate::analysis::injection::{self, Asked};
use crate::cli::{Ctx, complete};
use crate::error::{Error, Kind, Result};
use crate::facts::{Facts, Purpose};
use crate::kubernetes::subject;
use crate::kubernetes::target::Targets;
use crate::mesh::{self, scene::Scene};
use crate::model::Model;
use crate::report::Report;
use crate::source::{Base, Source};
use clap::Args;
use std::collections::BTreeSet;

const EXAMPLES: &str = "\
Examples:
  meshctl check-inject web-7d9f.shop         one pod, for every mesh: reason, evidence, fix
  meshctl check-inject deploy/web.shop       the pods of a workload, or its template if it has none
  meshctl check-inject shop                  a namespace and all its pods
  meshctl check-inject -A                    every pod
  meshctl check-inject -A --fail-on warning  exit 1 if one is missing";

/// Names are looked up in rounds: the owner, then its pods.
const ROUNDS: usize = 5;

/// Tell whether pods should be in a mesh, whether they are, and if not why
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct CheckInjectArgs {
    /// POD[.NAMESPACE], TYPE/NAME[.NAMESPACE] or a namespace
    #[arg(value_name = "POD|NAMESPACE", add = complete::proxies())]
    pub names: Vec<String>,
    /// Pods with these labels
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub selector: Option<String>,
}

pub fn run(ctx: &Ctx, args: &CheckInjectArgs) -> Result<Report> {
    let named = ctx.global.namespace.is_some();
    if args.names.is_empty() && args.selector.is_none() && !ctx.global.all_namespaces && !named {
        return Err(Error::new(Kind::Usage, "say which pods").hint("one: POD.NAMESPACE; a namespace: its name; all of them: -A"));
    }
    // Injectors live elsewhere, so a namespace limits what is shown, not what is read.
    let mut everywhere = ctx.global.clone();
    everywhere.namespace = None;
    let wide = Ctx::new(everywhere);
    let loaded = load::load(&wide, &Purpose::Members, None)?;
    ctx.incomplete.set(wide.incomplete.get());
    let mut all = Vec::new();
    let mut missing: Vec<(String, String)> = Vec::new();
    for facts in &loaded.facts {
        let model = mesh::model(facts);
        let scene = Scene::new(facts, &model);
        let (asked, nowhere) = find(ctx, args, facts, &model, &scene)?;
        missing.extend(nowhere);
        all.push(injection::judge(facts, &scene, &asked));
    }
    let nothing = all.iter().all(|one| one.pods.is_empty() && one.namespaces.is_empty());
    if nothing {
        let mut error = Error::new(Kind::Input, "no such pod was found");
        error.causes.extend(missing.iter().map(|(name, why)| format!("{name}: {why}")));
        return Err(error.hint("kubectl get pods -A lists them"));
    }
    // One name of several clusters is there in one of them as a rule.
    if loaded.facts.len() == 1 {
        missing.iter().for_each(|(name, why)| ctx.ui.warning(&format!("{name}: {why}")));
    }
    Ok(load::with_unreachable(injection::report(&all), &loaded))
}

/// The pods that are meant, in order, and the names that gave none.
fn find(
    ctx: &Ctx,
    args: &CheckInjectArgs,
    facts: &Facts,
    model: &Model,
    scene: &Scene,
) -> Result<(Asked, Vec<(String, String)>)> {
    let limit = ctx.global.namespace.as_deref();
    let is_namespace = |name: &str| model.namespaces.iter().any(|n| n.name == name);
    let pod_named = |name: &str| scene.pods.iter().any(|p| p.name == name && limit.is_none_or(|ns| p.namespace == ns));
    let (spaces, names): (Vec<String>, Vec<String>) = args.names.iter().cloned().partition(|name| {
        let plain = name.strip_prefix("ns/").or_else(|| name.strip_prefix("namespace/"));
        plain.is_some() || (!name.contains('/') && is_namespace(name) && !pod_named(name))
    });
    let mut spaces: Vec<String> = spaces.iter().map(|name| name.rsplit('/').next().unwrap_or(name).to_owned()).collect();
    if let Some(unknown) = spaces.iter().find(|name| !is_namespace(name)) {
        return Err(Error::new(Kind::Input, format!("there is no namespace {unknown:?} in {}", facts.cluster)));
    }
    let all = args.names.is_empty() && args.selector.is_none();
    if all {
        spaces.extend(limit.map(str::to_owned));
    }
    let mut chosen: BTreeSet<(String, String)> = BTreeSet::new();
    let mut templates = Vec::new();
    let mut nowhere = Vec::new();
    if !names.is_empty() || args.selector.is_some() {
        let default = limit.unwrap_or("default");
        let targets = Targets::parse(&names, args.selector.as_deref(), false, limit, default)
            .map_err(|why| Error::new(Kind::Usage, why))?;
        let mut found = Facts::new(facts.cluster.clone(), facts.kind, facts.now);
        let source = Source { base: Base::Stored(Box::new(facts.clone().into())), prometheus: None };
        block_on(async {
            for _ in 0..ROUNDS {
                let needs = targets.needs(&found);
                if needs.is_empty() {
                    break;
                }
                source.answer(needs, &mut found).await;
            }
            Ok(())
        })?;
        let resolved = targets.resolve(&found);
        chosen.extend(resolved.pods.iter().map(|pod| (pod.namespace.to_string(), pod.name.to_string())));
        for (name, why) in resolved.missing {
            match template(&name, limit, model) {
                Some(id) => templates.push(subject::of_template(id, &model.workloads[id])),
                None => nowhere.push((name, why)),
            }
        }
    }
    let inside = |ns: &str| spaces.iter().any(|name| name == ns);
    let every = all && limit.is_none();
    let fits = |pod: &subject::Subject| {
        let named = chosen.contains(&(pod.namespace.clone(), pod.name.clone()));
        named || ((every || inside(&pod.namespace)) && !pod.ended())
    };
    let pods = scene.pods.iter().filter(|pod| fits(pod)).cloned().chain(templates).collect();
    Ok((Asked { pods, namespaces: spaces }, nowhere))
}

/// A workload without pods: `TYPE/NAME[.NAMESPACE]`.
fn template(typed: &str, limit: Option<&str>, model: &Model) -> Option<usize> {
    let (_, rest) = typed.split_once('/')?;
    let (name, namespace) = match rest.rsplit_once('.') {
        Some((name, namespace)) if limit.is_none() => (name, Some(namespace)),
        _ => (rest, limit),
    };
    let fits = |w: &crate::model::Workload| w.name == name && namespace.is_none_or(|ns| w.namespace == ns);
    model.workloads.iter().position(fits)
}
