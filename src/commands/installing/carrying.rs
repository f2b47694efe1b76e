//! Carries a plan out: release by release, with a record in the cluster before the first change and after the last.

use super::back;
use super::planning::{Ground, failed, namespace};
use super::wanted::mesh_named;
use super::{readiness, run_record, waiting};
use crate::charts::manifest;
use crate::charts::object::{self, Ref};
use crate::charts::plan::{Action, Plan, Step};
use crate::charts::release::{self, Hook, LastRun, Release};
use crate::cli::Ctx;
use crate::commands::load;
use crate::error::{Error, Kind, Result};
use crate::mesh::install::Closes;
use crate::source::apply::{Kinds, Manner, Refused};
use crate::source::charts;
use futures::{StreamExt, TryStreamExt};
use serde_json::{Value, json};
use std::time::Duration;

const CONCURRENT: usize = 16;
/// A kind that is established is in the server's own list of kinds after this.
const TOLD: Duration = Duration::from_secs(10);

pub struct Carrier<'a> {
    pub ctx: &'a Ctx,
    pub ground: &'a Ground<'a>,
    /// For one release to become ready.
    pub deadline: Duration,
}

/// What became of a release.
pub struct Done {
    pub name: String,
    pub version: u64,
    pub seconds_applied: f64,
    pub seconds_ready: f64,
}

impl Carrier<'_> {
    pub async fn carry(&self, plan: &Plan) -> Result<Vec<Done>> {
        for name in &plan.namespaces {
            let object = namespace(name);
            self.apply(&self.ground.kinds, &object, false).await?;
        }
        // Before anything could be started that looks for them.
        for keyed in &plan.keys {
            let missing = || Error::new(Kind::Internal, format!("the key for {} is not at hand", keyed.object));
            self.apply(&self.ground.kinds, &keyed.secret().ok_or_else(missing)?, keyed.replaces).await?;
        }
        run_record::begin(self.ctx, self.ground, plan).await;
        let closes = mesh_named(&plan.mesh)?.distribution().closes;
        let (mut done, mut kinds) = (Vec::new(), self.ground.kinds.clone());
        for step in plan.steps.iter().filter(|step| step.touched) {
            done.push(self.release(step, &mut kinds, closes.filter(|closes| closes.part == step.part)).await?);
            if step.passing {
                back::erase(self.ground, &step.release).await?;
                self.ctx.ui.hint(&format!("{} has passed, and is gone again", step.release.name));
            }
        }
        run_record::end(self.ground, plan).await?;
        Ok(done)
    }

    /// One release; whatever stops it, Ctrl-C too, is written into its record.
    async fn release(&self, step: &Step, kinds: &mut Kinds, closes: Option<&Closes>) -> Result<Done> {
        let began = charts::now();
        let pending = format!("pending-{}", event(step));
        self.record(&with_status(&step.release, &pending, "meshctl is at it")).await?;
        let progress = self.ctx.ui.progress(&format!("{}: applying", step.release.name));
        let worked = tokio::select! {
            worked = self.work(step, kinds, closes, &progress) => worked,
            error = load::interrupted() => Err(error),
        };
        drop(progress);
        let seconds =
            |from: &jiff::Zoned| (charts::now().timestamp().as_millisecond() - from.timestamp().as_millisecond()) as f64 / 1000.0;
        match worked {
            Ok((applied, hooks)) => {
                let said = match event(step) {
                    "install" => "Install complete",
                    "upgrade" => "Upgrade complete",
                    _ => &step.release.info.description,
                };
                let mut release = with_status(&step.release, release::DEPLOYED, said);
                release.hooks = hooks;
                self.record(&release).await?;
                self.supersede(&release).await?;
                let applied = (applied.timestamp().as_millisecond() - began.timestamp().as_millisecond()) as f64 / 1000.0;
                let done = Done {
                    name: release.name.clone(),
                    version: release.version,
                    seconds_applied: applied,
                    seconds_ready: seconds(&began),
                };
                self.ctx.ui.hint(&format!("{} is ready after {:.1}s", done.name, done.seconds_ready));
                Ok(done)
            }
            Err(error) => {
                let why = error.causes.last().unwrap_or(&error.message).clone();
                // The first failure is the one to tell, whether or not it can be written down.
                let _ = self.record(&with_status(&step.release, release::FAILED, &why)).await;
                if error.kind == Kind::Interrupted {
                    self.ctx.ui.warning(&format!(
                        "stopped in release {}; it is marked as failed, and --resume goes on",
                        step.release.name
                    ));
                }
                Err(error.hint("what was done is kept: --resume goes on from here, --rollback undoes it"))
            }
        }
    }

    async fn work(
        &self,
        step: &Step,
        kinds: &mut Kinds,
        closes: Option<&Closes>,
        progress: &crate::ui::Progress,
    ) -> Result<(jiff::Zoned, Vec<Hook>)> {
        let event = event(step);
        let creating = |object: &Value| {
            let at = Ref::of(object);
            step.changes.iter().find(|change| change.object == at)
        };
        let before = format!("pre-{event}");
        self.all(kinds, &step.definitions, &creating).await?;
        if step.release.hooks.iter().any(|hook| hook.events.contains(&before)) {
            self.known(kinds, step, progress).await?;
        }
        let mut hooks = self.hooks(step, &before, step.release.hooks.clone(), progress).await?;
        // Definitions first: until they are established, the server knows no kind of theirs.
        let (defined, mut rest): (Vec<Value>, Vec<Value>) = step.objects.iter().cloned().partition(object::defines);
        self.all(kinds, &defined, &creating).await?;
        self.known(kinds, step, progress).await?;
        // One kind after another, in Helm's order, or several that don't look at each other; within them at once.
        rest.sort_by(|a, b| wave(a).cmp(&wave(b)));
        for group in rest.chunk_by(|a, b| wave(a) == wave(b)) {
            self.all(kinds, group, &creating).await?;
        }
        for change in step.changes.iter().filter(|change| change.action == Action::Remove) {
            let gone = self.ground.writer.delete(kinds, &change.object).await;
            gone.map_err(|e| failed(&format!("remove {}", change.object), &e))?;
        }
        let applied = charts::now();
        self.ready(kinds, &step.definitions, progress).await?;
        self.ready(kinds, &step.objects, progress).await?;
        hooks = self.hooks(step, &format!("post-{event}"), hooks, progress).await?;
        if let Some(closes) = closes {
            self.closed(kinds, step, closes, progress).await;
        }
        Ok((applied, hooks))
    }

    /// Waits for definitions where something is of their kinds, and learns these.
    async fn known(&self, kinds: &mut Kinds, step: &Step, progress: &crate::ui::Progress) -> Result<()> {
        let unknown = |kinds: &Kinds| {
            let mut all = step.objects.iter().map(Ref::of);
            all.any(|at| kinds.place(&at.api_version, &at.kind).is_none())
        };
        if !unknown(kinds) {
            return Ok(());
        }
        self.ready(kinds, &step.definitions, progress).await?;
        let defined: Vec<Value> = step.objects.iter().filter(|object| object::defines(object)).cloned().collect();
        self.ready(kinds, &defined, progress).await?;
        // What is established is told a moment later.
        let (until, mut next) = (charts::now().timestamp() + TOLD, waiting::PAUSES.0);
        loop {
            *kinds = self.ground.writer.kinds().await?;
            if !unknown(kinds) || charts::now().timestamp() >= until {
                return Ok(());
            }
            waiting::pause(&mut next).await;
        }
    }

    async fn all<'s>(
        &self,
        kinds: &Kinds,
        objects: &[Value],
        changing: &impl Fn(&Value) -> Option<&'s crate::charts::plan::Change>,
    ) -> Result<()> {
        let wanted = objects.iter().filter(|object| changing(object).is_some());
        let work = wanted.map(|object| async move {
            if changing(object).is_some_and(|change| change.recreated) {
                let at = Ref::of(object);
                self.ground.writer.delete(kinds, &at).await.map_err(|e| failed(&format!("remove {at}"), &e))?;
                self.gone(&at, charts::now().timestamp() + self.deadline).await?;
            }
            // What the plan showed is what is done: it has told whose fields these are.
            self.apply(kinds, object, true).await
        });
        futures::stream::iter(work).buffer_unordered(CONCURRENT).try_collect::<Vec<()>>().await.map(|_| ())
    }

    async fn apply(&self, kinds: &Kinds, object: &Value, force: bool) -> Result<()> {
        let at = Ref::of(object);
        let applied = self.ground.writer.apply(kinds, &at, object, Manner { dry_run: false, force }).await;
        applied.map(|_| ()).map_err(|e| refused(&at, &e))
    }

    /// Runs the hooks of an event, one after another.
    async fn hooks(&self, step: &Step, event: &str, mut hooks: Vec<Hook>, progress: &crate::ui::Progress) -> Result<Vec<Hook>> {
        let mut order: Vec<usize> = (0..hooks.len()).filter(|i| hooks[*i].events.iter().any(|e| e == event)).collect();
        order.sort_by_key(|i| (hooks[*i].weight, hooks[*i].name.clone()));
        let until = charts::now().timestamp() + self.deadline;
        for i in order {
            let document = crate::charts::manifest::Document {
                source: hooks[i].path.clone(),
                kind: hooks[i].kind.clone(),
                text: hooks[i].manifest.clone(),
            };
            let objects = crate::charts::object::objects(&document);
            let objects =
                objects.map_err(|why| Error::new(Kind::Input, format!("can't read the hook {}", hooks[i].name)).cause(why))?;
            let policy = |word: &str| hooks[i].delete_policies.iter().any(|policy| policy == word);
            let (before, after) =
                (hooks[i].delete_policies.is_empty() || policy("before-hook-creation"), policy("hook-succeeded"));
            let started = charts::now();
            for mut object in objects {
                let mut at = Ref::of(&object);
                let place = self.ground.kinds.place(&at.api_version, &at.kind);
                if at.namespace.is_empty() && place.is_some_and(|place| place.namespaced) {
                    object["metadata"]["namespace"] = step.release.namespace.clone().into();
                    at = Ref::of(&object);
                }
                let error = |what: &str, e: &Refused| failed(&format!("{what} the hook {at}"), e);
                if before && self.ground.writer.delete(&self.ground.kinds, &at).await.map_err(|e| error("replace", &e))? {
                    self.gone(&at, until).await?;
                }
                self.apply(&self.ground.kinds, &object, true).await?;
                if at.kind == "Job" {
                    self.until(&self.ground.kinds, &at, until, progress).await?;
                }
                if after {
                    self.ground.writer.delete(&self.ground.kinds, &at).await.map_err(|e| error("remove", &e))?;
                }
            }
            let stamp = |time: &jiff::Zoned| time.timestamp().to_string();
            hooks[i].last_run =
                LastRun { started_at: stamp(&started), completed_at: stamp(&charts::now()), phase: "Succeeded".to_owned() };
        }
        Ok(hooks)
    }

    async fn record(&self, release: &Release) -> Result<()> {
        record(self.ground, release).await
    }

    /// Of several revisions one is deployed.
    async fn supersede(&self, release: &Release) -> Result<()> {
        let Some(before) = self.ground.release(&release.namespace, &release.name) else { return Ok(()) };
        if before.info.status != release::DEPLOYED {
            return Ok(());
        }
        self.record(&with_status(before, release::SUPERSEDED, &before.info.description)).await
    }
}

fn wave(object: &Value) -> (usize, &str) {
    manifest::wave(object["kind"].as_str().unwrap_or_default())
}

pub async fn record(ground: &Ground<'_>, release: &Release) -> Result<()> {
    let secret = release.secret(charts::now().timestamp().as_second());
    let secret = secret.map_err(|why| Error::new(Kind::Internal, "can't write the release down").cause(why))?;
    let at = Ref::of(&secret);
    let is_new = release.info.status.starts_with("pending");
    ground.writer.write(&ground.kinds, &at, &secret, is_new).await.map_err(|e| failed(&format!("keep the record {at}"), &e))
}

/// What Helm calls it.
fn event(step: &Step) -> &'static str {
    match step.release.version {
        _ if step.release.info.description.starts_with("Rollback") => "rollback",
        0 | 1 => "install",
        _ => "upgrade",
    }
}

pub fn with_status(release: &Release, status: &str, description: &str) -> Release {
    let mut release = release.clone();
    release.info.status = status.to_owned();
    release.info.description = description.to_owned();
    release
}

fn refused(at: &Ref, refused: &Refused) -> Error {
    let error = failed(&format!("apply {at}"), refused);
    // A quota says "forbidden" as well, and it is not about rights.
    if let Some(next) = readiness::next(&refused.words(), &at.namespace) {
        return error.hint(next);
    }
    match refused {
        Refused::Forbidden(_) => error.hint(format!("kubectl auth can-i patch {} tells whether you may", at.kind.to_lowercase())),
        Refused::Conflicts(_) => error.hint("--force-conflicts overwrites them"),
        _ => error,
    }
}

/// A change of one field, as a merge patch.
pub fn without_finalizers() -> Value {
    json!({ "metadata": { "finalizers": null } })
}
