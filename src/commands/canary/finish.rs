//! The end of an upgrade beside the old one: names that stood for the old revision stand for the new one, what is shared
//! asks the new one, and the old one goes.

use super::Canary;
use super::meter::Gate;
use super::moving::{Move, State};
use crate::charts::object::Ref;
use crate::commands::install::InstallArgs;
use crate::commands::installing::attached::named;
use crate::commands::installing::carrying::Carrier;
use crate::commands::installing::planning::{Choices, Ground, kept, of_mesh, plan};
use crate::commands::installing::wanted::{Wanted, WantedArgs, wanted};
use crate::commands::load::{block_on, uninterrupted};
use crate::commands::plan::only;
use crate::commands::rendering::{Given, Layer};
use crate::commands::tag::{Seen, SetArgs};
use crate::commands::uninstall::{self, UninstallArgs};
use crate::error::{Error, Kind, Result};
use crate::mesh::revisions::DEFAULT;
use crate::source::charts;
use std::collections::BTreeSet;

/// So many who still hold on are named.
const NAMED: usize = 10;

impl Canary<'_> {
    /// The revisions that are gone then.
    pub fn finish(&self, install: &InstallArgs) -> Result<Vec<String>> {
        let moved = self.moved()?;
        let old = self.others()?;
        self.say("names of the old revision stand for the new one");
        self.tags(&moved)?;
        if old.iter().any(|revision| revision == DEFAULT) {
            self.shared(install)?;
        }
        self.gateways()?;
        let left = self.left()?;
        if !left.is_empty() {
            return Err(Error::new(Kind::Input, "the old control plane still has proxies, so it stays")
                .cause(named(&left, NAMED))
                .hint("restart or remove them, and run the same command again"));
        }
        for revision in &old {
            let args = UninstallArgs::of_revision(self.mesh.id(), revision);
            self.say(&format!("removing revision {revision}"));
            uninstall::run(&self.wide(), &args)?;
        }
        self.forget(&moved)?;
        Ok(old)
    }

    /// Revisions beside the new one that are there as releases.
    fn others(&self) -> Result<Vec<String>> {
        block_on(async {
            let cluster = only(&self.wide()).await?;
            let ground = Ground::read(&cluster).await?;
            let revision = |(part, release): (&crate::mesh::install::Part, &crate::charts::release::Release)| {
                let name = release.name.strip_prefix(part.release)?;
                part.revisioned.then(|| name.strip_prefix('-').map_or_else(|| DEFAULT.to_owned(), str::to_owned))
            };
            let all = of_mesh(&ground, self.mesh.distribution(), "").filter_map(revision);
            let all: BTreeSet<String> = all.filter(|revision| revision != self.revision).collect();
            Ok(all.into_iter().collect())
        })
    }

    /// A namespace that used a name uses it again, now that it stands for the new revision.
    fn tags(&self, moved: &[Move]) -> Result<()> {
        let wish = |one: &Move| {
            let labels = one.before.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?))).collect();
            self.by.wish(&labels)
        };
        block_on(async {
            let cluster = only(&self.wide()).await?;
            let seen = Seen::read(&cluster).await?;
            let is_name = |name: &String| name == DEFAULT || seen.tags.iter().any(|tag| tag.tag == *name);
            // Whoever asks for no revision by name gets the new one as well.
            let names: BTreeSet<String> = moved.iter().filter_map(wish).filter(is_name).chain([DEFAULT.to_owned()]).collect();
            for name in names {
                seen.set(&SetArgs::of(&name, self.revision)).await?;
            }
            Ok(())
        })?;
        let named: Vec<Move> =
            moved.iter().filter(|one| wish(one).is_some_and(|wish| wish != one.from || wish == DEFAULT)).cloned().collect();
        self.relabel(&named, State::Before)
    }

    /// The part that all revisions share is told which of them serves what names none.
    fn shared(&self, install: &InstallArgs) -> Result<()> {
        let (part, key) = self.by.shared_value();
        let given = Given { set: vec![format!("{part}:{key}={}", self.revision)], ..Given::default() };
        let args = WantedArgs {
            revision: String::new(),
            profile: None,
            given,
            with: Vec::new(),
            without: Vec::new(),
            ..install.wanted.clone()
        };
        let ctx = self.wide();
        let mut all: Wanted = wanted(self.ctx, &args)?;
        uninterrupted(async {
            let cluster = only(&ctx).await?;
            let ground = Ground::read(&cluster).await?;
            all.pieces.retain(|piece| piece.part.id == part);
            for piece in &mut all.pieces {
                let Some(before) = ground.release(&piece.namespace, &piece.release) else { continue };
                piece.chosen = true;
                piece.layers.insert(0, Layer::Text("the release".to_owned(), before.config.to_string()));
            }
            all.pieces.retain(|piece| piece.chosen);
            let now = charts::now().timestamp().to_string();
            let choices = Choices { take_ownership: false, force_conflicts: true, recreate: false };
            let plan = plan(&ground, &mut all, &choices, &now).await?;
            if !plan.is_done() {
                let carrier = Carrier { ctx: &ctx, ground: &ground, deadline: self.deadline };
                carrier.carry(&plan).await?;
            }
            Ok(())
        })
    }

    /// Proxies that are parts of the mesh themselves follow last: they ask for no revision by name.
    fn gateways(&self) -> Result<()> {
        let left = self.left()?;
        let own: Vec<Ref> = block_on(async {
            let cluster = only(&self.wide()).await?;
            let ground = Ground::read(&cluster).await?;
            let mut own = Vec::new();
            for (_, release) in of_mesh(&ground, self.mesh.distribution(), "") {
                own.extend(kept(release, &ground.kinds)?.iter().map(Ref::of));
            }
            let is_left = |at: &Ref| {
                left.iter().any(|(_, other)| (&other.kind, &other.namespace, &other.name) == (&at.kind, &at.namespace, &at.name))
            };
            own.retain(is_left);
            Ok(own)
        })?;
        if own.is_empty() {
            return Ok(());
        }
        self.restart(&own)?;
        self.rolled_out(&own, &mut Gate::none(self))
    }
}
