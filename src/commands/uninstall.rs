//! `meshctl uninstall`: takes a mesh away again, and tells what stays.

use super::installing::attached::{Attached, attached, named};
use super::installing::carrying::without_finalizers;
use super::installing::planning::{Ground, failed, kept, of_mesh};
use super::installing::run_record;
use super::installing::wanted::mesh_named;
use super::load;
use super::plan::only;
use super::tag::Seen;
use crate::charts::object::{self, Ref};
use crate::charts::release::Release;
use crate::cli::{Ctx, parse_duration};
use crate::error::{Error, Kind, Result};
use crate::mesh::install::Distribution;
use crate::report::{Block, Column, Line, Report, Span, Table, Tone};
use crate::source::live::Cluster;
use crate::ui::{Choice, Prompt};
use clap::Args;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

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
    /// Wait so long until everything is really gone
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = parse_duration)]
    pub timeout: Duration,
    /// Only show what would be removed
    #[arg(long)]
    pub dry_run: bool,
    /// Don't ask
    #[arg(short, long, visible_alias = "skip-confirmation")]
    pub yes: bool,
}

impl UninstallArgs {
    /// One control plane, without a question.
    pub fn of_revision(mesh: &str, revision: &str) -> UninstallArgs {
        let (mesh, revision) = (mesh.to_owned(), revision.to_owned());
        let timeout = Duration::from_secs(120);
        UninstallArgs { mesh, revision, purge: false, force: false, timeout, dry_run: false, yes: true }
    }
}

const DEFINITIONS: (&str, &str) = ("apiextensions.k8s.io/v1", "CustomResourceDefinition");
const PAUSE: Duration = Duration::from_millis(500);
/// Proxies that are named before the rest is only counted.
const NAMED: usize = 30;

pub fn run(ctx: &Ctx, args: &UninstallArgs) -> Result<Report> {
    let mesh = mesh_named(&args.mesh)?;
    let mut everywhere = ctx.global.clone();
    everywhere.namespace = None;
    let attached = attached(&Ctx::new(everywhere), mesh.id())?;
    let of = |revision: &String| args.revision.is_empty() || *revision == args.revision;
    let attached = attached.into_iter().filter(|(revision, _)| of(revision)).collect();
    load::block_on(go(ctx, args, mesh.distribution(), attached))
}

/// What goes: releases with their objects, and what is left of them otherwise.
struct Removal {
    releases: Vec<Release>,
    objects: Vec<Ref>,
    /// Objects that their chart says to keep.
    kept: Vec<Ref>,
}

async fn go(ctx: &Ctx, args: &UninstallArgs, all: &Distribution, attached: Vec<Attached>) -> Result<Report> {
    let cluster = only(ctx).await?;
    let ground = Ground::read(&cluster).await?;
    let removal = removal(&ground, args, all)?;
    if removal.releases.is_empty() {
        return Err(nothing(&ground, args, all));
    }
    let going: BTreeSet<(&str, &str)> = removal.objects.iter().map(|at| (at.namespace.as_str(), at.name.as_str())).collect();
    let stays = |at: &Ref| !going.contains(&(at.namespace.as_str(), at.name.as_str()));
    let attached: Vec<Attached> = attached.into_iter().filter(|(_, at)| stays(at)).collect();
    if !attached.is_empty() && !args.force && !args.dry_run {
        return Err(Error::new(Kind::Input, format!("{} workloads still have proxies of {}", attached.len(), args.mesh))
            .cause(named(&attached, NAMED))
            .hint("take the injection labels away and restart them first")
            .hint("--force goes on: their proxies keep their last configuration, and their certificates run out"));
    }
    let names = names(&cluster, args).await?;
    if !names.is_empty() && !args.force && !args.dry_run {
        return Err(Error::new(Kind::Input, format!("names still stand for revision {}", args.revision))
            .cause(format!("{}: pods of whoever uses them could not be started any more", names.join(", ")))
            .hint(format!("meshctl tag set {} --revision OTHER --overwrite, or meshctl tag remove {}", names[0], names[0]))
            .hint("--force goes on"));
    }
    let extensions = extensions(&ground, all).await?;
    if !extensions.is_empty() && args.revision.is_empty() && !args.force && !args.dry_run {
        return Err(Error::new(Kind::Input, format!("extensions of {} are still installed", args.mesh))
            .cause(extensions.join(", "))
            .hint("uninstall them first: they can't work without it")
            .hint("--force goes on"));
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
    if args.revision.is_empty() {
        run_record::clear(&ground, &args.mesh).await?;
    }
    progress.say("waiting until everything is gone");
    all_gone(&ground, removal.objects.iter().chain(&leftovers.gone), args.timeout).await?;
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

/// Removal is a wish: what has finalizers stays until somebody takes them away.
async fn all_gone(ground: &Ground<'_>, objects: impl Iterator<Item = &Ref>, within: Duration) -> Result<()> {
    let mut left: Vec<Ref> = objects.cloned().collect();
    let until = load::now() + within;
    loop {
        let mut held = Vec::new();
        for at in left {
            let there = ground.writer.get(&ground.kinds, &at).await;
            // What somebody made again meanwhile is his.
            let there = there.map_err(|e| failed(&format!("read {at}"), &e))?;
            if let Some(there) = there.filter(|there| !there["metadata"]["deletionTimestamp"].is_null()) {
                held.push((at, why_held(&there)));
            }
        }
        if held.is_empty() {
            return Ok(());
        }
        if load::now() >= until {
            let error =
                Error::new(Kind::Unreachable, format!("{} objects are still there after {}s", held.len(), within.as_secs()));
            let error = held.iter().take(NAMED).fold(error, |error, (at, why)| error.cause(format!("{at}: {why}")));
            return Err(error.hint("the same command waits again; what is told to hold them has to let go"));
        }
        left = held.into_iter().map(|(at, _)| at).collect();
        tokio::time::sleep(PAUSE).await;
    }
}

fn why_held(object: &Value) -> String {
    let finalizers: Vec<&str> =
        object["metadata"]["finalizers"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !finalizers.is_empty() {
        return format!("held by {}", finalizers.join(", "));
    }
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    let mut told =
        conditions.filter(|condition| condition["status"] == "True").filter_map(|condition| condition["message"].as_str());
    told.next_back().map_or_else(|| "it is being removed".to_owned(), str::to_owned)
}

/// Tags of the one revision that goes; with all of them their tags go as well.
async fn names(cluster: &Cluster, args: &UninstallArgs) -> Result<Vec<String>> {
    if args.revision.is_empty() {
        return Ok(Vec::new());
    }
    let seen = Seen::read(cluster).await?;
    Ok(seen.tags.into_iter().filter(|tag| tag.revision == args.revision).map(|tag| tag.tag).collect())
}

/// Namespaces with something that can't do without this mesh.
async fn extensions(ground: &Ground<'_>, all: &Distribution) -> Result<Vec<String>> {
    if all.extensions.is_empty() {
        return Ok(Vec::new());
    }
    let found = ground.writer.list(&ground.kinds, ("v1", "Namespace"), None, all.extensions).await;
    let found = found.map_err(|e| failed("list namespaces", &e))?;
    let told = |space: &Value| {
        let what = space["metadata"]["labels"][all.extensions].as_str().unwrap_or_default();
        format!("{what} in {}", space["metadata"]["name"].as_str().unwrap_or_default())
    };
    Ok(found.iter().map(told).collect())
}

fn removal(ground: &Ground<'_>, args: &UninstallArgs, all: &Distribution) -> Result<Removal> {
    let mut removal = Removal { releases: Vec::new(), objects: Vec::new(), kept: Vec::new() };
    removal.releases.extend(of_mesh(ground, all, &args.revision).rev().map(|(_, release)| release.clone()));
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
    if others {
        // Those that a controller made, and those of an earlier installation.
        for object in list(DEFINITIONS.0, DEFINITIONS.1).await? {
            let at = Ref::of(&object);
            let group = object.pointer("/spec/group").and_then(Value::as_str).unwrap_or_default();
            let told = |all: &[Ref]| all.iter().any(|other| other.identity() == at.identity());
            if all.groups.contains(&group) && !told(&removal.objects) && !told(&removal.kept) {
                if args.purge { found.gone.push(at) } else { found.stays.push(at) }
            }
        }
    }
    for name in namespaces {
        let at = Ref::new("v1", "Namespace", "", name);
        let pods = ground.writer.list(&ground.kinds, ("v1", "Pod"), Some(name), "").await.map_err(|e| failed("list pods", &e))?;
        let foreign = pods.iter().any(|pod| is_foreign(pod, name, &removal.objects));
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

/// Of somebody else, and there to stay.
fn is_foreign(pod: &Value, namespace: &str, going: &[Ref]) -> bool {
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    let ours = going.iter().any(|at| at.namespace == namespace && name.starts_with(&at.name));
    !ours && pod["metadata"]["deletionTimestamp"].is_null()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_kept_for_those_who_stay_in_it() {
        let going = [Ref::new("apps/v1", "Deployment", "mesh", "istiod")];
        let foreign = |pod: Value| is_foreign(&json!({ "metadata": pod }), "mesh", &going);
        assert!(foreign(json!({ "name": "web-1" })));
        assert!(!foreign(json!({ "name": "istiod-5c7b-x" })), "it goes with its Deployment");
        assert!(!foreign(json!({ "name": "web-1", "deletionTimestamp": "2026-11-29T00:00:00Z" })), "it is ending");
    }
}
