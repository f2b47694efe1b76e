//! From what is wanted to a plan: rendered, tried on the server without keeping anything, compared with what is there.

use super::keys;
use super::steps::{Workshop, same_wish};
use super::wanted::{Piece, Wanted, WantedArgs};
use crate::charts::object::{self, Ref};
use crate::charts::plan::{Action, Change, Plan, SCHEMA, Step};
use crate::charts::release::{self, Release};
use crate::charts::{capabilities, diff, manifest};
use crate::error::{Error, Kind, Result};
use crate::mesh::install::{Distribution, Part};
use crate::source::apply::{Kinds, Manner, Refused, Writer};
use futures::{StreamExt, TryStreamExt};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Questions that are under way at once.
const CONCURRENT: usize = 16;

/// What the cluster is, as far as charts ask, and what Helm keeps there.
pub struct Ground<'c> {
    pub writer: Writer<'c>,
    pub kinds: Kinds,
    pub kubernetes: semver::Version,
    /// UID of kube-system.
    pub cluster: String,
    /// The newest revision of each release, by namespace and name.
    pub releases: BTreeMap<(String, String), Release>,
    pub namespaces: BTreeSet<String>,
    runtime: tokio::runtime::Handle,
}

/// An object, or with an empty name the list of them; what is not there is an empty object, as with Helm.
async fn lookup(
    writer: &Writer<'_>,
    kinds: &Kinds,
    api_version: &str,
    kind: &str,
    (namespace, name): (&str, &str),
) -> std::result::Result<Value, String> {
    if name.is_empty() {
        let namespace = Some(namespace).filter(|namespace| !namespace.is_empty());
        let items = writer.list(kinds, (api_version, kind), namespace, "").await.map_err(|refused| refused.words())?;
        return Ok(json!({ "apiVersion": api_version, "kind": format!("{kind}List"), "metadata": {}, "items": items }));
    }
    let found = writer.get(kinds, &Ref::new(api_version, kind, namespace, name)).await;
    Ok(found.map_err(|refused| refused.words())?.unwrap_or_else(|| json!({})))
}

pub fn failed(what: &str, refused: &Refused) -> Error {
    let kind = if matches!(refused, Refused::Forbidden(_)) { Kind::Forbidden } else { Kind::Unreachable };
    Error::new(kind, format!("can't {what}")).cause(refused.words())
}

impl<'c> Ground<'c> {
    pub async fn read(cluster: &'c crate::source::live::Cluster) -> Result<Ground<'c>> {
        cluster.probe().await?;
        let writer = Writer::new(cluster).await?;
        let (kinds, version) = futures::join!(writer.kinds(), writer.version());
        let (kinds, version) = (kinds?, version?);
        let kubernetes = capabilities::kubernetes(&version)
            .ok_or_else(|| Error::new(Kind::Unreachable, format!("the cluster's version {version:?} can't be read")))?;
        let spaces = writer.list(&kinds, ("v1", "Namespace"), None, "").await.map_err(|e| failed("list namespaces", &e))?;
        let name = |object: &Value| object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let own = spaces.iter().find(|space| name(space) == "kube-system");
        let uid = own.and_then(|space| space["metadata"]["uid"].as_str()).unwrap_or_default().to_owned();
        let releases = releases(&writer, &kinds).await?;
        let namespaces = spaces.iter().map(name).collect();
        Ok(Ground { writer, kinds, kubernetes, cluster: uid, releases, namespaces, runtime: tokio::runtime::Handle::current() })
    }

    /// What charts see of the cluster. Called while a chart is rendered, on a thread of its own.
    pub fn lookup(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> std::result::Result<Value, String> {
        self.runtime.block_on(lookup(&self.writer, &self.kinds, api_version, kind, (namespace, name)))
    }

    pub fn release(&self, namespace: &str, name: &str) -> Option<&Release> {
        self.releases.get(&(namespace.to_owned(), name.to_owned()))
    }
}

/// The newest revision of every release.
async fn releases(writer: &Writer<'_>, kinds: &Kinds) -> Result<BTreeMap<(String, String), Release>> {
    let kept = writer.list(kinds, ("v1", "Secret"), None, "owner=helm").await.map_err(|e| failed("read Helm's releases", &e))?;
    let mut newest: BTreeMap<(String, String), (u64, &Value)> = BTreeMap::new();
    for secret in &kept {
        let labels = &secret["metadata"]["labels"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let key = (text(&secret["metadata"]["namespace"]), text(&labels["name"]));
        let version = text(&labels["version"]).parse().unwrap_or(0);
        if secret["type"] == release::TYPE && newest.get(&key).is_none_or(|(older, _)| *older < version) {
            newest.insert(key, (version, secret));
        }
    }
    let mut all = BTreeMap::new();
    for (key, (_, secret)) in newest {
        let field = secret["data"]["release"].as_str().unwrap_or_default();
        let release = Release::decode(field)
            .map_err(|why| Error::new(Kind::Input, format!("can't read the release {} in {}", key.1, key.0)).cause(why))?;
        all.insert(key, release);
    }
    Ok(all)
}

/// The releases of a mesh, with the part that each is, in the order of installing; of one revision, if one is named.
pub fn of_mesh<'g>(
    ground: &'g Ground<'_>,
    all: &'g Distribution,
    revision: &'g str,
) -> impl DoubleEndedIterator<Item = (&'static Part, &'g Release)> {
    let of = move |part: &'static Part| {
        let is_of = move |release: &&Release| {
            let chart = release.chart.name();
            let ours = chart == part.chart || part.folders.iter().any(|folder| folder.ends_with(chart));
            let tried = all.preflight.is_some_and(|preflight| preflight.part == part.id && preflight.release == release.name);
            let named = tried
                || release.name == part.release_of(revision)
                || revision.is_empty() && part.revisioned && release.name.starts_with(&format!("{}-", part.release));
            ours && named && (revision.is_empty() || part.revisioned)
        };
        ground.releases.values().filter(is_of).map(move |release| (part, release)).collect::<Vec<_>>()
    };
    all.parts.iter().flat_map(of)
}

#[derive(Clone, Copy)]
pub struct Choices {
    pub take_ownership: bool,
    pub force_conflicts: bool,
    pub recreate: bool,
}

impl Choices {
    pub fn of(args: &WantedArgs) -> Choices {
        Choices { take_ownership: args.take_ownership, force_conflicts: args.force_conflicts, recreate: args.recreate }
    }
}

pub async fn plan(ground: &Ground<'_>, wanted: &mut Wanted, choices: &Choices, now: &str) -> Result<Plan> {
    let keys = keys::settle(ground, wanted).await?;
    let api_versions = ground.kinds.api_versions();
    let workshop = Workshop { ground, api_versions: &api_versions, now };
    let mut steps = Vec::new();
    let there = |piece: &Piece| ground.release(&piece.namespace, &piece.release).is_some();
    // A control plane of another revision is added to what is there; the rest stays as it is.
    let installed = wanted.as_installed && wanted.pieces.iter().any(|piece| !piece.part.revisioned && there(piece));
    let wants = |piece: &&Piece| {
        piece.chosen
            || installed && (there(piece) || piece.part.revisioned)
            || wanted.as_installed && !installed && wanted.profile.parts.contains(&piece.part.id)
    };
    for piece in wanted.pieces.iter().filter(wants) {
        let installed = ground.release(&piece.namespace, &piece.release).map(|release| release.chart.version());
        let chart = wanted.chart(piece.part, installed).await?;
        steps.extend(workshop.steps(wanted, piece, &chart)?);
    }
    let mut namespaces: Vec<String> = steps.iter().map(|step: &Step| step.release.namespace.clone()).collect();
    namespaces.sort();
    namespaces.dedup();
    namespaces.retain(|name| !ground.namespaces.contains(name));
    let mut plan = Plan {
        schema: SCHEMA.to_owned(),
        mesh: wanted.mesh.id().to_owned(),
        profile: if installed { "as installed".to_owned() } else { wanted.profile.name.to_owned() },
        revision: wanted.revision.clone(),
        cluster: ground.cluster.clone(),
        namespaces,
        keys,
        steps,
    };
    compare(ground, &mut plan, wanted.mesh.distribution(), choices).await?;
    Ok(plan)
}

/// An object of a namespaced kind that names none is in that of its release.
pub fn placed(object: &mut Value, kinds: &Kinds, namespace: &str) {
    let at = Ref::of(object);
    if at.namespace.is_empty() && kinds.place(&at.api_version, &at.kind).is_some_and(|place| place.namespaced) {
        object["metadata"]["namespace"] = namespace.into();
    }
}

/// Fills in the changes of every step, as the server sees them now.
pub async fn compare(ground: &Ground<'_>, plan: &mut Plan, all: &Distribution, choices: &Choices) -> Result<()> {
    let missing: BTreeSet<String> = plan.namespaces.iter().cloned().collect();
    // All releases beside each other: a trial changes nothing that another could see.
    let compared = plan.steps.iter_mut().map(|step| compare_step(ground, step, all, choices, &missing));
    futures::future::try_join_all(compared).await.map(|_| ())
}

async fn compare_step(
    ground: &Ground<'_>,
    step: &mut Step,
    all: &Distribution,
    choices: &Choices,
    missing: &BTreeSet<String>,
) -> Result<()> {
    let release = (step.release.name.clone(), step.release.namespace.clone());
    let release = &release;
    let trial = |object, only_new| async move {
        let trial = Trial { ground, all, choices, missing, release: (&release.0, &release.1) };
        trial.change(object, only_new).await
    };
    let definitions = step.definitions.iter().map(|object| trial(object, true));
    let definitions: Vec<_> = futures::stream::iter(definitions).buffered(CONCURRENT).try_collect().await?;
    let tried: Vec<Option<(Change, Value)>> =
        futures::stream::iter(step.objects.iter().map(|object| trial(object, false))).buffered(CONCURRENT).try_collect().await?;
    step.unchanged = definitions.iter().filter(|change| change.is_none()).count();
    step.changes = definitions.into_iter().flatten().map(|(change, _)| change).collect();
    step.objects.clear();
    for (change, object) in tried.into_iter().flatten() {
        let same = change.action == Action::Change && change.fields.is_empty() && change.refused.is_none() && !change.recreated;
        // What is left to controllers is left out of what is applied.
        step.objects.push(object);
        if same { step.unchanged += 1 } else { step.changes.push(change) }
    }
    let before = ground.release(&step.release.namespace, &step.release.name);
    if let Some(before) = before {
        step.changes.extend(removed(ground, before, &step.objects).await?);
    }
    let same = before.is_some_and(|before| {
        before.info.status == release::DEPLOYED
            && (before.manifest == step.release.manifest || step.as_kept == Some(before.version))
            && same_wish(before, &step.release.chart, &step.release.config)
    });
    step.touched = !same || !step.changes.is_empty();
    Ok(())
}

/// What the release had and has no longer.
async fn removed(ground: &Ground<'_>, before: &Release, objects: &[Value]) -> Result<Vec<Change>> {
    let now: Vec<Ref> = objects.iter().map(Ref::of).collect();
    let mut changes = Vec::new();
    for object in kept(before, &ground.kinds)? {
        let at = Ref::of(&object);
        if object::is_kept(&object) || now.iter().any(|other| other.identity() == at.identity()) {
            continue;
        }
        if ground.writer.get(&ground.kinds, &at).await.map_err(|e| failed(&format!("read {at}"), &e))?.is_some() {
            changes.push(change(Action::Remove, at));
        }
    }
    Ok(changes)
}

/// The objects that a release was made of.
pub fn kept(release: &Release, kinds: &Kinds) -> Result<Vec<Value>> {
    let mut all = Vec::new();
    for text in manifest::documents(&release.manifest) {
        let document = manifest::Document { source: release.name.clone(), kind: String::new(), text };
        let objects = object::objects(&document);
        let objects = objects
            .map_err(|why| Error::new(Kind::Input, format!("can't read what release {} is made of", release.name)).cause(why))?;
        all.extend(objects.into_iter().map(|mut object| {
            placed(&mut object, kinds, &release.namespace);
            object
        }));
    }
    Ok(all)
}

fn change(action: Action, object: Ref) -> Change {
    Change {
        action,
        object,
        fields: Vec::new(),
        conflicts: Vec::new(),
        foreign: None,
        unchecked: false,
        refused: None,
        recreated: false,
    }
}

struct Trial<'a> {
    ground: &'a Ground<'a>,
    all: &'a Distribution,
    choices: &'a Choices,
    missing: &'a BTreeSet<String>,
    release: (&'a str, &'a str),
}

impl Trial<'_> {
    /// What comes of one object, and the object as it is to be applied. `None`: it is there, and stays as it is.
    async fn change(&self, object: &Value, only_new: bool) -> Result<Option<(Change, Value)>> {
        let (writer, kinds) = (&self.ground.writer, &self.ground.kinds);
        let at = Ref::of(object);
        let mut object = object.clone();
        if self.missing.contains(&at.namespace) || kinds.place(&at.api_version, &at.kind).is_none() {
            return Ok(Some((Change { unchecked: true, ..change(Action::Create, at) }, object)));
        }
        let there = writer.get(kinds, &at).await.map_err(|e| failed(&format!("read {at}"), &e))?;
        let Some(there) = there else {
            let mut change = change(Action::Create, at.clone());
            let tried = if object::defines(&object) {
                writer.try_create(kinds, &at, &object).await
            } else {
                writer.apply(kinds, &at, &object, Manner { dry_run: true, force: false }).await.map(|_| ())
            };
            match tried {
                Ok(()) => {}
                Err(Refused::Missing(_)) => change.unchecked = true,
                Err(refused) => change.refused = Some(refused.words()),
            }
            return Ok(Some((change, object)));
        };
        if only_new {
            return Ok(None);
        }
        let mut change = change(Action::Change, at.clone());
        change.foreign = foreign(&there, self.release);
        let mut taken = writer.apply(kinds, &at, &object, Manner { dry_run: true, force: false }).await;
        if let Err(Refused::Conflicts(conflicts)) = &taken {
            let (theirs, others): (Vec<_>, Vec<_>) =
                conflicts.iter().cloned().partition(|(manager, _)| self.all.controllers.contains(&manager.as_str()));
            for (_, field) in &theirs {
                diff::without(&mut object, field);
            }
            let may = |manager: &str| self.choices.take_ownership && self.all.installers.contains(&manager) || manager == "helm";
            change.conflicts = others.into_iter().filter(|(manager, _)| !self.choices.force_conflicts && !may(manager)).collect();
            taken = writer.apply(kinds, &at, &object, Manner { dry_run: true, force: true }).await;
        }
        match taken {
            Ok(after) => change.fields = diff::fields(&there, &after),
            Err(Refused::Invalid(why)) if self.choices.recreate && is_immutable(&why) => {
                change.fields = diff::fields(&there, &object).into_iter().filter(|field| field.after.is_some()).collect();
                change.recreated = true;
            }
            Err(refused) => change.refused = Some(refused.words()),
        }
        if self.choices.take_ownership || change.fields.is_empty() {
            change.foreign = None;
        }
        Ok(Some((change, object)))
    }
}

/// As the API server says it of a field that can be set only once.
pub fn is_immutable(why: &str) -> bool {
    ["immutable", "may not change", "updates to statefulset spec for fields other than", "cannot change roleRef"]
        .iter()
        .any(|words| why.contains(words))
}

/// Whose it is, if not the release's.
fn foreign(object: &Value, release: (&str, &str)) -> Option<String> {
    match object::owner(object) {
        Some(owner) if owner == release => None,
        Some((name, namespace)) => Some(format!("release {name} in {namespace}")),
        None => {
            let managers = object["metadata"]["managedFields"].as_array().into_iter().flatten();
            let names: BTreeSet<&str> = managers.filter_map(|entry| entry["manager"].as_str()).collect();
            Some(format!("no release; made by {}", names.into_iter().collect::<Vec<_>>().join(", ")))
        }
    }
}

/// A namespace, as it is made for a release.
pub fn namespace(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } })
}
