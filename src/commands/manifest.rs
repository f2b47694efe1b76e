//! `meshctl manifest`: what would be applied, from the charts of a mesh or from any Helm chart.

use super::installing::planning::Ground;
use super::installing::wanted::{Wanted, WantedArgs, wanted};
use super::load;
use super::plan::only;
use super::rendering::{Layer, Lookup, Order, printed};
use super::sourcing::{self, SourceArgs};
use crate::charts::manifest::{Document, Manifests};
use crate::charts::{capabilities, object::needs_own_namespace};
use crate::cli::Ctx;
use crate::error::{Error, Kind, Result};
use crate::report::{Block, Report};
use clap::Args;
use serde::Serialize;
use serde_json::json;

const EXAMPLES: &str = "\
Examples:
  meshctl manifest istio --profile ambient --charts charts/   everything `install` would apply
  meshctl manifest linkerd --version '^2026.1' | kubectl diff -f -
  meshctl manifest --chart charts/gateway --name ingress -n gateways
  meshctl manifest --chart oci://registry.example/charts/web:1.2.3 -f values.yaml --set a=b
  meshctl manifest --chart web --repo https://charts.example --version '~1.2'

With --chart it prints what `helm template` prints: the objects in the order of installing, then
hooks. For a mesh: namespaces, then chart by chart CRDs, objects and hooks, in that order.";

/// Print what a mesh, or a Helm chart, would apply
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
#[command(mut_arg("take_ownership", |arg| arg.hide(true)), mut_arg("force_conflicts", |arg| arg.hide(true)))]
pub struct ManifestArgs {
    #[command(flatten)]
    pub wanted: WantedArgs,
    /// Chart: a folder, a packed .tgz, its address, oci://HOST/PATH/NAME, or a name with --repo
    #[arg(long, value_name = "CHART", conflicts_with_all = ["mesh", "profile", "charts", "with", "without", "revision"])]
    pub chart: Option<String>,
    /// Name of the release
    #[arg(long, value_name = "RELEASE", default_value = "release-name")]
    pub name: String,
    /// Kubernetes version that the chart is told
    #[arg(long, value_name = "VERSION", default_value = capabilities::KUBERNETES)]
    pub kube_version: String,
    /// Further API versions that the chart is told, such as monitoring.coreos.com/v1
    #[arg(long, value_name = "VERSION", value_delimiter = ',')]
    pub api_versions: Vec<String>,
    /// Tell the chart the versions of the cluster, and let `lookup` see what is in it
    #[arg(long, conflicts_with = "kube_version")]
    pub live: bool,
    /// Print the chart's crds/ as well
    #[arg(long)]
    pub include_crds: bool,
    /// Leave hooks out
    #[arg(long)]
    pub no_hooks: bool,
    /// Tell the chart of an upgrade, rather than of an installation
    #[arg(long)]
    pub is_upgrade: bool,
    /// Print only what comes from these templates, such as templates/service.yaml
    #[arg(short, long, value_name = "FILE", requires = "chart")]
    pub show_only: Vec<String>,
}

/// What charts are told about the cluster.
struct Told<'a> {
    kubernetes: semver::Version,
    versions: Vec<String>,
    lookup: Option<Lookup<'a>>,
}

pub fn run(ctx: &Ctx, args: &ManifestArgs) -> Result<Report> {
    let wanted = match (&args.chart, &args.wanted.mesh) {
        (Some(_), _) => None,
        (None, Some(_)) => Some(wanted(ctx, &args.wanted)?),
        (None, None) => {
            return Err(Error::new(Kind::Usage, "which mesh, or which chart?")
                .hint("meshctl manifest istio prints a mesh, meshctl manifest --chart PATH a chart")
                .hint("meshctl charts list shows the meshes and their charts"));
        }
    };
    let made = load::block_on(async {
        if !args.live {
            let kubernetes = capabilities::kubernetes(&args.kube_version).ok_or_else(|| {
                Error::new(Kind::Usage, format!("{} is no Kubernetes version", args.kube_version))
                    .hint("give one such as --kube-version 1.34.0")
            })?;
            let versions = [capabilities::known(), args.api_versions.clone()].concat();
            return told(ctx, args, wanted.as_ref(), &Told { kubernetes, versions, lookup: None }).await;
        }
        let cluster = only(ctx).await?;
        let ground = Ground::read(&cluster).await?;
        let lookup = |api: &str, kind: &str, namespace: &str, name: &str| ground.lookup(api, kind, namespace, name);
        let versions = [ground.kinds.api_versions(), args.api_versions.clone()].concat();
        let told_by_cluster = Told { kubernetes: ground.kubernetes.clone(), versions, lookup: Some(&lookup) };
        told(ctx, args, wanted.as_ref(), &told_by_cluster).await
    })?;
    if let Some(wanted) = &wanted {
        wanted.notes.iter().for_each(|note| ctx.ui.note(note));
        wanted.tell(ctx);
    }
    Ok(made)
}

async fn told(ctx: &Ctx, args: &ManifestArgs, wanted: Option<&Wanted>, about: &Told<'_>) -> Result<Report> {
    match (wanted, &args.chart) {
        (Some(wanted), _) => mesh(args, wanted, about).await,
        (None, Some(chart)) => one(ctx, args, chart, about).await,
        (None, None) => Err(Error::new(Kind::Internal, "neither a mesh nor a chart")),
    }
}

async fn one(ctx: &Ctx, args: &ManifestArgs, chart: &str, about: &Told<'_>) -> Result<Report> {
    let namespace = ctx.global.namespace.clone().unwrap_or_else(|| "default".to_owned());
    let source: &SourceArgs = &args.wanted.source;
    let reference = sourcing::reference(chart, source.repo.as_deref())?;
    let elsewhere = "meshctl charts pull --chart CHART --to DIR, with the same words";
    let trust = args.wanted.verify.trust()?;
    let fetcher = source.fetcher(ctx);
    let local = sourcing::local(&fetcher, &reference, source.version.as_deref(), elsewhere, trust.as_ref()).await?;
    local.verified.iter().for_each(|verified| ctx.ui.note(&verified.words()));
    let mut manifests = render(args, about, &local.path, (&args.name, &namespace), &args.wanted.given.layers()?)?;
    chosen(args, &mut manifests)?;
    let definitions = if args.include_crds { std::mem::take(&mut manifests.definitions) } else { Vec::new() };
    let mut text = if args.include_crds { manifests.print_definitions() } else { String::new() };
    text.push_str(&manifests.print());
    let one = |hook| move |Document { kind, source, text, .. }| Object { hook, kind, source, yaml: text };
    let objects = definitions.into_iter().chain(manifests.objects).map(one(false));
    let objects = objects.chain(manifests.hooks.into_iter().map(one(true))).collect();
    let release = args.name.clone();
    let data = Printed { manifest: text.clone(), namespace, objects, release };
    Ok(Report::large("meshctl/manifest/v1", data, vec![Block::Code(text)]))
}

/// A chart's documents for machines.
#[derive(Serialize)]
struct Printed {
    manifest: String,
    namespace: String,
    objects: Vec<Object>,
    release: String,
}

#[derive(Serialize)]
struct Object {
    hook: bool,
    kind: String,
    source: String,
    yaml: String,
}

async fn mesh(args: &ManifestArgs, wanted: &Wanted, about: &Told<'_>) -> Result<Report> {
    let mut namespaces: Vec<&str> = wanted.chosen().map(|piece| piece.namespace.as_str()).collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    let mut text: String = namespaces
        .iter()
        .filter(|name| needs_own_namespace(name))
        .map(|name| format!("---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n"))
        .collect();
    let mut releases = Vec::new();
    for piece in wanted.chosen() {
        let chart = wanted.chart(piece.part, None).await?;
        let mut manifests = render(args, about, &chart, (&piece.release, &piece.namespace), &piece.layers)?;
        if args.no_hooks {
            manifests.hooks.clear();
        }
        let definitions = std::mem::take(&mut manifests.definitions);
        text.push_str(&manifests.print_definitions());
        text.push_str(&manifests.print());
        let objects = kinds(&definitions, &manifests);
        releases
            .push(json!({ "part": piece.part.id, "release": piece.release, "namespace": piece.namespace, "objects": objects }));
    }
    let data = json!({ "mesh": wanted.mesh.id(), "profile": wanted.profile.name, "releases": releases, "manifest": text });
    Ok(Report::new("meshctl/manifest/v1", &data, vec![Block::Code(text)]))
}

/// One chart, as release and namespace say.
fn render(
    args: &ManifestArgs,
    about: &Told<'_>,
    chart: &str,
    (release, namespace): (&str, &str),
    layers: &[Layer],
) -> Result<Manifests> {
    let order = Order {
        chart,
        release,
        namespace,
        revision: 1,
        is_upgrade: args.is_upgrade,
        kubernetes: about.kubernetes.clone(),
        api_versions: Some(&about.versions),
        lookup: about.lookup,
        layers,
    };
    printed(&order)
}

/// What `--no-hooks` and `--show-only` leave.
fn chosen(args: &ManifestArgs, manifests: &mut Manifests) -> Result<()> {
    if args.no_hooks {
        manifests.hooks.clear();
    }
    if args.show_only.is_empty() {
        return Ok(());
    }
    // The first part of a path is the chart's name.
    let path = |document: &Document| document.source.split_once('/').map_or(String::new(), |(_, rest)| rest.to_owned());
    let sources: Vec<String> = manifests.objects.iter().chain(&manifests.hooks).map(path).collect();
    for file in &args.show_only {
        if !sources.contains(file) {
            let error = Error::new(Kind::Input, format!("nothing comes from the template {file}"));
            let mut known = sources.clone();
            known.sort();
            known.dedup();
            known.truncate(8);
            return Err(error.hint(format!("these give something: {}", known.join(", "))));
        }
    }
    let wanted = |document: &Document| args.show_only.contains(&path(document));
    manifests.objects.retain(wanted);
    manifests.hooks.retain(wanted);
    Ok(())
}

fn kinds(definitions: &[Document], manifests: &Manifests) -> Vec<serde_json::Value> {
    let all = definitions.iter().chain(&manifests.objects).map(|document| (document, false));
    all.chain(manifests.hooks.iter().map(|document| (document, true)))
        .map(|(document, hook)| json!({ "kind": document.kind, "source": document.source, "hook": hook, "yaml": document.text }))
        .collect()
}
