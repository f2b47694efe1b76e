//! `meshctl uninstall`: takes a mesh away again, and tells what stays.

use super::installing::carrying::without_finalizers;
use super::installing::planning::{Ground, failed, kept};
use super::installing::wanted::mesh_named;
use super::load;
use super::plan::only;
use crate::charts::object::{self, Ref};
use crate::charts::release::Release;
use crate::cli::Ctx;
use crate::error::{Error, Kind, Result};
use crate::facts::Purpose;
use crate::mesh;
use crate::mesh::install::Distribution;
use crate::report::{Block, Column, Line, Report, Span, Table, Tone};
use crate::ui::{Choice, Prompt};
use clap::Args;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const EXAMPLES: &str = "\
Examples:
  meshctl uninstall istio                     control plane, gateways, everything it was installed with
  meshctl uninstall istio --revision canary   one control plane of several
  meshctl uninstall istio --purge             definitions, custom resources, keys and the namespace too
  meshctl uninstall istio --dry-run           what would go, what would stay";

/// Remove a mesh from the cluster
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct UninstallArgs {
    /// The mesh
    #[arg(value_name = "MESH")]
    pub mesh: String,
    /// Only the control plane of this revision
    #[arg(short, long, value_name = "NAME", default_value = "")]
    pub revision: String,
    /// Also what a later installation could need: definitions and their objects, keys, the namespace
    #[arg(long, conflicts_with = "revision")]
    pub purge: bool,
    /// Although proxies are still attached
    #[arg(long)]
    pub force: bool,
    /// Only show what would be removed
    #[arg(long)]
    pub dry_run: bool,
    /// Don't ask
    #[arg(short, long, visible_alias = "skip-confirmation")]
    pub yes: bool,
}

/// Proxies that are named before the rest is only counted.
const NAMED: usize = 30;

pub fn run(ctx: &Ctx, args: &UninstallArgs) -> Result<Report> {
    let mesh = mesh_named(&args.mesh)?;
    let loaded = load::load(ctx, &Purpose::State, None)?;
    let mut attached: Vec<Ref> = Vec::new();
    for facts in &loaded.facts {
        let model = mesh::model(facts);
        let revision = |name: &Option<String>| name.as_deref().unwrap_or("default").to_owned();
        let ours = model.installations.iter().filter(|one| one.id == mesh.id());
        for one in ours.filter(|one| args.revision.is_empty() || revision(&one.revision) == args.revision) {
            let workloads = one.meshed.iter().filter_map(|id| model.workloads.get(*id));
            attached.extend(workloads.map(|w| Ref::new("", w.kind.as_str(), &w.namespace, &w.name)));
        }
    }
    attached.sort();
    attached.dedup();
    load::block_on(go(ctx, args, mesh.distribution(), attached))
}

/// What goes: releases with their objects, and what is left of them otherwise.
struct Removal {
    releases: Vec<Release>,
    objects: Vec<Ref>,
    /// Objects that their chart says to keep.
    kept: Vec<Ref>,
}

async fn go(ctx: &Ctx, args: &UninstallArgs, all: &Distribution, attached: Vec<Ref>) -> Result<Report> {
    let cluster = only(ctx).await?;
    let ground = Ground::read(&cluster).await?;
    let removal = removal(&ground, args, all)?;
    if removal.releases.is_empty() {
        return Err(nothing(&ground, args, all));
    }
    let going: BTreeSet<(&str, &str)> = removal.objects.iter().map(|at| (at.namespace.as_str(), at.name.as_str())).collect();
    let attached: Vec<Ref> =
        attached.into_iter().filter(|at| !going.contains(&(at.namespace.as_str(), at.name.as_str()))).collect();
    if !attached.is_empty() && !args.force && !args.dry_run {
        let shown: Vec<String> = attached.iter().take(NAMED).map(ToString::to_string).collect();
        let more = attached.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        return Err(Error::new(Kind::Input, format!("{} workloads still have proxies of {}", attached.len(), args.mesh))
            .cause(format!("{}{more}", shown.join(", ")))
            .hint("take the injection labels away and restart them first")
            .hint("--force goes on: their proxies keep their last configuration, and their certificates run out"));
    }
    let leftovers = leftovers(&ground, args, all, &removal).await?;
    if args.dry_run {
        return Ok(report(args, cluster.name(), &removal, &leftovers, false));
    }
    agreed(ctx, args, cluster.name(), &removal, &leftovers)?;
    let progress = ctx.ui.progress("removing");
    let (custom, rest): (Vec<&Ref>, Vec<&Ref>) = leftovers.gone.iter().partition(|at| leftovers.custom.contains(at));
    // Custom resources first, while their controllers are there to let go of them; what holds on is made to let go.
    for at in custom {
        remove(&ground, at).await?;
        if ground.writer.get(&ground.kinds, at).await.map_err(|e| failed(&format!("read {at}"), &e))?.is_some() {
            ground.writer.merge(&ground.kinds, at, &without_finalizers()).await.or_else(gone)?;
        }
    }
    for at in &removal.objects {
        progress.say(&format!("removing {at}"));
        remove(&ground, at).await?;
    }
    for release in &removal.releases {
        for version in 1..=release.version {
            let secret = Release { version, ..release.clone() }.secret_name();
            remove(&ground, &Ref::new("v1", "Secret", &release.namespace, &secret)).await?;
        }
    }
    for at in rest {
        remove(&ground, at).await?;
    }
    drop(progress);
    Ok(report(args, cluster.name(), &removal, &leftovers, true))
}

fn gone(refused: crate::source::apply::Refused) -> Result<()> {
    match refused {
        crate::source::apply::Refused::Missing(_) => Ok(()),
        other => Err(failed("take a finalizer away", &other)),
    }
}

async fn remove(ground: &Ground<'_>, at: &Ref) -> Result<bool> {
    ground
        .writer
        .delete(&ground.kinds, at)
        .await
        .map_err(|e| failed(&format!("remove {at}"), &e).hint("the same command goes on from here"))
}

fn removal(ground: &Ground<'_>, args: &UninstallArgs, all: &Distribution) -> Result<Removal> {
    let mut removal = Removal { releases: Vec::new(), objects: Vec::new(), kept: Vec::new() };
    for part in all.parts.iter().rev() {
        let of = |release: &&Release| {
            let ours =
                release.chart.name() == part.chart || part.folders.iter().any(|folder| folder.ends_with(release.chart.name()));
            let named = release.name == part.release_of(&args.revision)
                || args.revision.is_empty() && part.revisioned && release.name.starts_with(&format!("{}-", part.release));
            ours && named && (args.revision.is_empty() || part.revisioned)
        };
        removal.releases.extend(ground.releases.values().filter(of).cloned());
    }
    for release in &removal.releases {
        for object in kept(release, &ground.kinds)?.into_iter().rev() {
            let at = Ref::of(&object);
            if object::is_kept(&object) && !args.purge { removal.kept.push(at) } else { removal.objects.push(at) }
        }
    }
    Ok(removal)
}

fn nothing(ground: &Ground<'_>, args: &UninstallArgs, all: &Distribution) -> Error {
    let of = if args.revision.is_empty() { String::new() } else { format!(" of revision {}", args.revision) };
    let error = Error::new(Kind::Input, format!("there is no release of {}{of} in this cluster", args.mesh));
    let names: Vec<String> =
        ground.releases.values().map(|release| format!("{} in {}", release.name, release.namespace)).collect();
    let error = if names.is_empty() {
        error.cause("there are no releases at all")
    } else {
        error.cause(format!("there are: {}", names.join(", ")))
    };
    let other = all.installers.iter().find(|name| !name.eq_ignore_ascii_case("helm"));
    match other {
        Some(_) => error
            .hint(format!("was it installed by its own tool? meshctl install {} --take-ownership adopts it first", args.mesh)),
        None => error,
    }
}

/// What no release holds: made by controllers, or by the user for this mesh.
#[derive(Default)]
struct Leftovers {
    gone: Vec<Ref>,
    stays: Vec<Ref>,
    custom: Vec<Ref>,
}

async fn leftovers(ground: &Ground<'_>, args: &UninstallArgs, all: &Distribution, removal: &Removal) -> Result<Leftovers> {
    let mut found = Leftovers::default();
    // One control plane of several: the others still need all of it.
    let others = args.revision.is_empty();
    let namespaces: BTreeSet<&str> = removal.releases.iter().map(|release| release.namespace.as_str()).collect();
    let list = |api: &'static str, kind: &'static str| async move {
        ground.writer.list(&ground.kinds, (api, kind), None, "").await.map_err(|e| failed(&format!("list {kind}s"), &e))
    };
    for (api, kind) in all.leftovers.iter().map(|one| (one.api_version, one.kind)).collect::<BTreeSet<_>>() {
        if !others {
            break;
        }
        for object in list(api, kind).await? {
            let at = Ref::of(&object);
            let fits = all.leftovers.iter().find(|one| {
                (one.api_version, one.kind) == (api, kind)
                    && one.fits(&at.name)
                    && (one.everywhere || namespaces.contains(at.namespace.as_str()))
            });
            // What a release holds is told with it.
            let Some(fits) = fits.filter(|_| !removal.objects.contains(&at)) else { continue };
            if args.purge || !fits.secret { found.gone.push(at) } else { found.stays.push(at) }
        }
    }
    if others {
        for (api, kind) in ground.kinds.of_groups(all.groups) {
            let listed = ground.writer.list(&ground.kinds, (&api, &kind), None, "").await;
            for object in listed.map_err(|e| failed(&format!("list {kind}s"), &e))? {
                let at = Ref::of(&object);
                if found.custom.iter().any(|other| other.identity() == at.identity()) {
                    continue;
                }
                found.custom.push(at.clone());
                if args.purge { found.gone.push(at) } else { found.stays.push(at) }
            }
        }
    }
    for name in namespaces {
        let at = Ref::new("v1", "Namespace", "", name);
        let pods = ground.writer.list(&ground.kinds, ("v1", "Pod"), Some(name), "").await.map_err(|e| failed("list pods", &e))?;
        let foreign = pods.iter().any(|pod| {
            let text = pod["metadata"]["name"].as_str().unwrap_or_default();
            !removal.objects.iter().any(|at| at.namespace == name && text.starts_with(&at.name))
        });
        // A namespace with something else in it is not ours to remove, and those of Kubernetes never are.
        if args.purge && !foreign && !name.starts_with("kube-") && name != "default" {
            found.gone.push(at)
        } else {
            found.stays.push(at)
        }
    }
    found.stays.extend(removal.kept.iter().cloned());
    Ok(found)
}

fn agreed(ctx: &Ctx, args: &UninstallArgs, cluster: &str, removal: &Removal, leftovers: &Leftovers) -> Result<()> {
    if args.yes {
        return Ok(());
    }
    let summary = format!("{} objects of {} releases go", removal.objects.len() + leftovers.gone.len(), removal.releases.len());
    if !ctx.ui.can_ask() {
        return Err(Error::new(Kind::Usage, "nobody is here to say yes")
            .cause(format!("{summary} from cluster {cluster}"))
            .hint("--yes goes on without a question; --dry-run shows what would go"));
    }
    let text = format!("Remove {} from cluster {cluster}?", args.mesh);
    match ctx.ui.ask(&Prompt { text: &text, why: &summary, choices: &["yes", "no"] })? {
        Choice::Answer(answer) if answer == "yes" => Ok(()),
        _ => Err(Error::new(Kind::Interrupted, "not done")),
    }
}

fn report(args: &UninstallArgs, cluster: &str, removal: &Removal, leftovers: &Leftovers, done: bool) -> Report {
    let text = |text: &str| vec![Span::from(text)];
    let state = if done { "removed" } else { "would go" };
    let rows = removal.releases.iter().map(|release| {
        let revision = release.version.to_string();
        vec![text(&release.name), text(&release.namespace), text(&revision), vec![Span::new(state, Tone::Plain)]]
    });
    let columns = ["RELEASE", "NAMESPACE", "REVISION", "STATUS"].map(Column::new).to_vec();
    let mut body = vec![Block::Table(Table { columns, rows: rows.collect() }), Block::Blank];
    let all = removal.objects.len() + leftovers.gone.len();
    body.push(Block::Paragraph(vec![Span::new(
        format!("{all} objects {}.", if done { "are gone" } else { "would go" }),
        Tone::Strong,
    )]));
    if !leftovers.stays.is_empty() {
        let title = if args.purge { "What stays" } else { "What stays, and goes with --purge" };
        body.extend([Block::Blank, Block::Heading(title.to_owned())]);
        let lines: Vec<Line> = leftovers.stays.iter().map(|at| text(&at.to_string())).collect();
        body.push(Block::Bullets(lines));
    }
    let list = |all: &[Ref]| -> Vec<Value> { all.iter().map(|at| json!(at)).collect() };
    let data = json!({ "cluster": cluster, "mesh": args.mesh, "revision": args.revision, "done": done,
        "releases": removal.releases.iter().map(|r| json!({ "release": r.name, "namespace": r.namespace, "revision": r.version })).collect::<Vec<_>>(),
        "removed": list(&removal.objects).into_iter().chain(list(&leftovers.gone)).collect::<Vec<_>>(), "stays": list(&leftovers.stays) });
    Report::new("meshctl/uninstall/v1", &data, body)
}
