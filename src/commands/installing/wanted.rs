//! From the command line to charts and values: what is wanted, before the cluster is asked.

use super::keys::KeysArgs;
use crate::charts::release;
use crate::charts::yaml::load;
use crate::cli::{Ctx, complete};
use crate::commands::rendering::{Given, Layer, values_file};
use crate::commands::sourcing::{self, Local, SourceArgs, VerifyArgs};
use crate::error::{Error, Kind, Result};
use crate::mesh::install::{Distribution, Part, Profile, Translated};
use crate::mesh::{self, MESHES, Mesh};
use crate::source::charts::fetch::Fetcher;
use crate::source::charts::trust::{Trust, Verified};
use clap::Args;
use std::cell::RefCell;

#[derive(Args, Clone, Debug)]
pub struct WantedArgs {
    /// The mesh
    #[arg(value_name = "MESH", add = complete::words(ids))]
    pub mesh: Option<String>,
    /// How it is set up [default: as it is installed, else `default`]
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Install the control plane beside others, under this revision
    #[arg(short, long, value_name = "NAME", default_value = "")]
    pub revision: String,
    /// A further part of the mesh, such as `cni`
    #[arg(long, value_name = "PART", value_delimiter = ',')]
    pub with: Vec<String>,
    /// A part of the profile that is not wanted
    #[arg(long, value_name = "PART", value_delimiter = ',')]
    pub without: Vec<String>,
    /// Take charts from this folder, and ask no repository: packed, unpacked, or the project's own source
    #[arg(short = 'd', long, value_name = "DIR", alias = "manifests", conflicts_with = "repo")]
    pub charts: Option<String>,
    #[command(flatten)]
    pub source: SourceArgs,
    #[command(flatten)]
    pub verify: VerifyArgs,
    #[command(flatten)]
    pub given: Given,
    /// Take over objects that belong to another release or installer
    #[arg(long)]
    pub take_ownership: bool,
    /// Overwrite fields that somebody else manages, such as what was changed by hand
    #[arg(long)]
    pub force_conflicts: bool,
    /// Remove and make anew what has a field that can't be changed
    #[arg(long)]
    pub recreate: bool,
    #[command(flatten)]
    pub keys: KeysArgs,
}

fn ids() -> Vec<(String, String)> {
    MESHES.iter().map(|mesh| (mesh.id().to_owned(), mesh.state().name().to_owned())).collect()
}

/// One chart to be rendered.
pub struct Piece {
    pub part: &'static Part,
    pub release: String,
    pub namespace: String,
    pub layers: Vec<Layer>,
    /// Part of the profile, or asked for by name.
    pub chosen: bool,
    /// Nobody said what it should be like: it stays as it is, if it is there.
    pub silent: bool,
}

pub struct Wanted {
    pub mesh: &'static dyn Mesh,
    pub profile: &'static Profile,
    pub revision: String,
    pub pieces: Vec<Piece>,
    /// Nobody named a profile: what is installed already is what is wanted.
    pub as_installed: bool,
    pub notes: Vec<String>,
    pub keys: KeysArgs,
    /// The folder that charts are in; else they come from where `source` says.
    pub charts: Option<String>,
    pub source: SourceArgs,
    pub fetcher: Fetcher,
    /// Who has to have signed the charts.
    pub trust: Option<Trust>,
    /// Charts that were verified so far.
    pub verified: RefCell<Vec<Verified>>,
    /// The newest charts, rather than those of the releases that are there.
    pub newest: bool,
}

pub fn mesh_named(name: &str) -> Result<&'static dyn Mesh> {
    mesh::named(name).ok_or_else(|| {
        let known: Vec<&str> = MESHES.iter().map(|mesh| mesh.id()).collect();
        Error::new(Kind::Usage, format!("there is no mesh {name:?}")).hint(format!("there are: {}", known.join(", ")))
    })
}

pub fn asked_mesh(args: &WantedArgs) -> Result<&'static dyn Mesh> {
    let mesh = args.mesh.as_deref().ok_or_else(|| {
        let known: Vec<&str> = MESHES.iter().map(|mesh| mesh.id()).collect();
        Error::new(Kind::Usage, "which mesh?").hint(format!("name one: {}", known.join(", ")))
    })?;
    mesh_named(mesh)
}

pub fn wanted(ctx: &Ctx, args: &WantedArgs) -> Result<Wanted> {
    let mesh = asked_mesh(args)?;
    let all = mesh.distribution();
    let told = files(mesh, all, &args.given)?;
    let name = args.profile.as_deref().or(told.foreign.profile.as_deref());
    let profile = match name {
        Some(name) => all.profile(name).ok_or_else(|| {
            let error = Error::new(Kind::Usage, format!("{} has no profile {name:?}", mesh.state().name()));
            all.profiles.iter().fold(error, |error, profile| error.hint(format!("{}: {}", profile.name, profile.about)))
        })?,
        None => all.profiles.first().ok_or_else(|| Error::new(Kind::Internal, "the mesh has no profiles"))?,
    };
    let revision =
        if args.revision.is_empty() { told.foreign.revision.clone().unwrap_or_default() } else { args.revision.clone() };
    valid_revision(&revision)?;
    let without: Vec<&str> = args.without.iter().map(String::as_str).chain(told.foreign.without.iter().copied()).collect();
    let with: Vec<&str> = args.with.iter().map(String::as_str).chain(told.foreign.with.iter().copied()).collect();
    for id in with.iter().chain(&without) {
        if all.part(id).is_none() {
            let known: Vec<&str> = all.parts.iter().map(|part| part.id).collect();
            let error = Error::new(Kind::Usage, format!("{} has no part {id:?}", mesh.state().name()));
            return Err(error.hint(format!("its parts are: {}", known.join(", "))));
        }
    }
    let mut pieces = Vec::new();
    for part in all.parts.iter().filter(|part| !without.contains(&part.id)) {
        let own = told.foreign.namespaces.iter().find(|(id, _)| *id == part.id).map(|(_, name)| name.clone());
        let namespace = ctx.global.namespace.clone().or(own);
        let namespace = namespace.or_else(|| told.foreign.namespace.clone()).unwrap_or_else(|| all.namespace.to_owned());
        let mut layers = Vec::new();
        for (id, text) in profile.values {
            if id.is_empty() || *id == part.id {
                layers.push(shared(part, id.is_empty(), Layer::Text(format!("profile {}", profile.name), (*text).to_owned()))?);
            }
        }
        let there = |part: &&Part| with.contains(&part.id) || profile.parts.contains(&part.id) && !without.contains(&part.id);
        for (other, (id, text)) in all.parts.iter().filter(there).filter_map(|other| other.tells.map(|tells| (other, tells))) {
            if id == part.id {
                layers.push(Some(Layer::Text(format!("part {}", other.id), text.to_owned())));
            }
        }
        for (id, layer) in &told.layers {
            if id.is_empty() || *id == part.id {
                layers.push(shared(part, id.is_empty(), layer.clone())?);
            }
        }
        let mut layers: Vec<Layer> = layers.into_iter().flatten().collect();
        // What all control planes share is not changed for one of them.
        let beside = !revision.is_empty() && !part.revisioned;
        let silent = name.is_none() && (told.layers.is_empty() || beside);
        if !revision.is_empty() && (part.revisioned || part.takes.is_some()) {
            layers.push(Layer::SetString(format!("revision={revision}")));
        }
        if namespace != all.namespace && !all.namespace_value.is_empty() && part.takes.is_none() {
            let control = ctx.global.namespace.as_ref().or(told.foreign.namespace.as_ref());
            layers.extend(control.map(|name| Layer::SetString(format!("{}={name}", all.namespace_value))));
        }
        let chosen = with.contains(&part.id) || name.is_some() && profile.parts.contains(&part.id);
        let release = part.release_of(&revision);
        pieces.push(Piece { part, release, namespace, layers, chosen, silent });
    }
    Ok(Wanted {
        mesh,
        profile,
        revision,
        pieces,
        as_installed: name.is_none(),
        notes: told.foreign.notes,
        keys: args.keys.clone(),
        charts: args.charts.clone(),
        source: args.source.clone(),
        fetcher: args.source.fetcher(ctx),
        trust: args.verify.trust()?,
        verified: RefCell::default(),
        newest: false,
    })
}

fn valid_revision(revision: &str) -> Result<()> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if revision.chars().all(fits) && !revision.starts_with('-') && !revision.ends_with('-') && revision.len() <= 56 {
        return Ok(());
    }
    let named = revision.replace('.', "-").to_lowercase();
    Err(Error::new(Kind::Usage, format!("{revision:?} can't be the name of a revision"))
        .cause("it becomes a part of object names: lower-case letters, digits and `-`")
        .hint(format!("such as --revision {}", crate::cli::quoted(&named))))
}

/// What files and flags say.
struct Told {
    foreign: Translated,
    /// By part; of all where the id is empty.
    layers: Vec<(&'static str, Layer)>,
}

fn files(mesh: &'static dyn Mesh, all: &'static Distribution, given: &Given) -> Result<Told> {
    let mut told = Told { foreign: Translated::default(), layers: Vec::new() };
    for path in &given.values {
        let (id, path) = scoped(all, path);
        let text = values_file(path)?;
        let parsed = load::document(&text).and_then(|value| release::json(&value));
        let parsed = parsed.map_err(|why| Error::new(Kind::Input, format!("can't read values from {path}")).cause(why))?;
        match mesh.translated(&parsed) {
            Some(Ok(translated)) => {
                for (id, values) in &translated.values {
                    told.layers.push((id, Layer::Text(path.to_owned(), values.to_string())));
                }
                let notes = [told.foreign.notes, translated.notes.clone()].concat();
                told.foreign = Translated { notes, ..translated };
            }
            Some(Err(why)) => {
                let error = Error::new(Kind::Input, format!("can't translate {path} to the charts' values")).cause(why);
                return Err(error.hint("leave that out of the file and give it as --set PART:KEY=VALUE"));
            }
            None => told.layers.push((id, Layer::Text(path.to_owned(), text))),
        }
    }
    for (text, layer) in given.flags() {
        let (id, text) = scoped(all, text);
        told.layers.push((id, layer(text.to_owned())));
    }
    Ok(told)
}

/// `ingress:service.type=NodePort`: for that part only.
fn scoped<'a>(all: &'static Distribution, text: &'a str) -> (&'static str, &'a str) {
    let part = text.split_once(':').and_then(|(id, rest)| Some((all.part(id)?.id, rest)));
    part.unwrap_or(("", text))
}

/// A layer for all parts, as far as this one takes it.
fn shared(part: &Part, is_shared: bool, layer: Layer) -> Result<Option<Layer>> {
    let Some(takes) = part.takes.filter(|_| is_shared) else { return Ok(Some(layer)) };
    Ok(match layer {
        Layer::Text(from, text) => {
            let parsed = load::document(&text).and_then(|value| release::json(&value));
            let mut parsed =
                parsed.map_err(|why| Error::new(Kind::Input, format!("can't read values from {from}")).cause(why))?;
            if let Some(map) = parsed.as_object_mut() {
                map.retain(|key, _| takes.contains(&key.as_str()));
            }
            Some(Layer::Text(from, parsed.to_string()))
        }
        Layer::Set(text) | Layer::SetString(text) | Layer::SetFile(text) | Layer::SetJson(text) | Layer::SetLiteral(text)
            if !takes.contains(&text.split(['.', '[', '=']).next().unwrap_or_default()) =>
        {
            None
        }
        layer => Some(layer),
    })
}

impl Wanted {
    /// The parts that are there unless something else is installed.
    pub fn chosen(&self) -> impl Iterator<Item = &Piece> {
        let of_profile = |piece: &Piece| self.as_installed && self.profile.parts.contains(&piece.part.id);
        self.pieces.iter().filter(move |piece| piece.chosen || of_profile(piece))
    }

    /// The chart of a part on this machine. `installed`: the version that stays unless another is asked for.
    pub async fn chart(&self, part: &Part, installed: Option<&str>) -> Result<String> {
        let (range, trust) = (self.source.version.as_deref(), self.trust.as_ref());
        let local = if let Some(folder) = &self.charts {
            Local::new(sourcing::in_folder(folder, part, range)?, trust)?
        } else {
            let reference = sourcing::of_part(self.mesh.distribution(), part, self.source.repo.as_deref())?;
            let elsewhere = format!("meshctl charts pull {} --to DIR", self.mesh.id());
            let range = range.or(installed.filter(|_| !self.newest));
            sourcing::local(&self.fetcher, &reference, range, &elsewhere, trust).await?
        };
        self.verified.borrow_mut().extend(local.verified);
        Ok(local.path)
    }

    /// Says who signed the charts.
    pub fn tell(&self, ctx: &Ctx) {
        let mut told: Vec<String> = self.verified.take().iter().map(Verified::words).collect();
        told.dedup();
        told.iter().for_each(|words| ctx.ui.note(words));
    }
}
