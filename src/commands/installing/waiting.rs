//! Waiting until what was applied is up, and saying what holds it up while it is not.

use super::carrying::Carrier;
use super::planning::failed;
use super::readiness::{has_failed, holds, is_open, next, selector, waits_for, warned};
use crate::charts::object::{self, Ref};
use crate::charts::plan::Step;
use crate::error::{Error, Kind, Result};
use crate::mesh::install::Closes;
use crate::source::apply::{Kinds, Writer};
use crate::source::charts;
use crate::ui::Progress;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const WEBHOOKS: (&str, &str) = ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration");
/// Between two looks: at first hardly anything, since many things are up at once.
pub const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));
/// Nearly all definitions are established after this.
const SOON: Duration = Duration::from_secs(4);
/// Looks at an object between two at what holds it up.
const LOOKS: usize = 15;

/// Waits longer each time, up to the longest.
pub async fn pause(next: &mut Duration) {
    tokio::time::sleep(*next).await;
    *next = (*next * 2).min(PAUSES.1);
}

impl Carrier<'_> {
    /// Waits until all of them are up.
    pub(super) async fn ready(&self, kinds: &Kinds, objects: &[Value], progress: &Progress) -> Result<()> {
        let until = charts::now().timestamp() + self.deadline;
        let of =
            |wanted: &[&str]| objects.iter().map(Ref::of).filter(|at| wanted.contains(&at.kind.as_str())).collect::<Vec<_>>();
        let defined: Vec<&Value> = objects.iter().filter(|object| object::defines(object)).collect();
        if !self.served(&defined, until).await {
            for at in defined.into_iter().map(Ref::of) {
                self.until(kinds, &at, until, progress).await?;
            }
        }
        // One after another, so that one at a time is said to be waited for.
        for at in of(&["Deployment", "StatefulSet", "DaemonSet"]) {
            self.until(kinds, &at, until, progress).await?;
        }
        Ok(())
    }

    /// Whether the server has every kind of these definitions by itself soon. Their own conditions tell why not, and to say them
    /// costs a server that is busy with them much more.
    async fn served(&self, definitions: &[&Value], until: jiff::Timestamp) -> bool {
        let mut left: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for spec in definitions.iter().map(|definition| &definition["spec"]) {
            let text = |value: &'_ Value| value.as_str().unwrap_or_default().to_owned();
            let stored = spec["versions"].as_array().into_iter().flatten().find(|version| version["served"] == true);
            let api = format!("{}/{}", text(&spec["group"]), stored.map(|version| text(&version["name"])).unwrap_or_default());
            left.entry(api).or_default().insert(spec["names"]["plural"].as_str().unwrap_or_default());
        }
        let (until, mut next) = (until.min(charts::now().timestamp() + SOON), PAUSES.0);
        while charts::now().timestamp() < until {
            let asked = left.keys().map(|api| async move { (api, self.ground.writer.served(api).await.unwrap_or_default()) });
            let there: BTreeMap<String, BTreeSet<String>> =
                futures::future::join_all(asked).await.into_iter().map(|(api, names)| (api.clone(), names)).collect();
            left.retain(|api, wanted| {
                wanted.retain(|name| !there.get(api).is_some_and(|names| names.contains(*name)));
                !wanted.is_empty()
            });
            if left.is_empty() {
                return true;
            }
            pause(&mut next).await;
        }
        false
    }

    pub(super) async fn until(&self, kinds: &Kinds, at: &Ref, until: jiff::Timestamp, progress: &Progress) -> Result<()> {
        let (mut told, mut next) = (String::new(), PAUSES.0);
        for look in 1.. {
            let there = self.ground.writer.get(kinds, at).await.map_err(|e| failed(&format!("read {at}"), &e))?;
            let there = there.ok_or_else(|| Error::new(Kind::Unreachable, format!("{at} is gone while it is waited for")))?;
            if let Some(why) = has_failed(&there) {
                return Err(Error::new(Kind::Unreachable, format!("{at} failed")).cause(why));
            }
            let Some(waiting) = waits_for(&there) else { return Ok(()) };
            let late = charts::now().timestamp() >= until;
            let reason = if late || look % LOOKS == 0 { why(&self.ground.writer, kinds, at, &there).await } else { None };
            if late {
                return Err(self.late(at, reason.unwrap_or(waiting)));
            }
            if let Some(reason) = reason.filter(|reason| *reason != told) {
                // One line for each new reason, so that a build server's log has it too.
                if !self.ctx.global.quiet {
                    self.ctx.ui.note(&format!("{at}: {reason}"));
                }
                told = reason;
            }
            progress.say(&format!("{at}: {}", if told.is_empty() { &waiting } else { &told }));
            pause(&mut next).await;
        }
        Ok(())
    }

    /// Waits until the control plane has closed its webhooks. If it doesn't, that is told, and nothing has failed: the
    /// mesh is up, and goes on trying by itself.
    pub(super) async fn closed(&self, kinds: &Kinds, step: &Step, closes: &Closes, progress: &Progress) {
        let namespace = step.release.namespace.as_str();
        let of = |kind: &str| step.objects.iter().find(|object| object["kind"] == kind);
        let label = of(WEBHOOKS.1).and_then(|object| object["metadata"]["labels"][closes.label].as_str());
        // Without a control plane of its own here nobody closes them.
        let Some(label) = label.filter(|_| of("Deployment").is_some()) else { return };
        let labels = format!("{}={label}", closes.label);
        let until = charts::now().timestamp() + closes.within.min(self.deadline);
        let mut next = PAUSES.0;
        loop {
            // Those of other releases too: one is shared by all revisions. Who may not look doesn't wait.
            let Ok(all) = self.ground.writer.list(kinds, WEBHOOKS, None, &labels).await else { return };
            let open: Vec<String> = all.iter().filter(|one| is_open(one, namespace)).map(|one| Ref::of(one).name).collect();
            let Some(first) = open.first() else { return };
            if charts::now().timestamp() >= until {
                let names = open.join(", ");
                self.ctx.ui.warning(&format!("webhook {names} is still open (failurePolicy Ignore): {}", closes.open));
                return self.ctx.ui.hint(&closes.look.replace("{namespace}", namespace));
            }
            progress.say(&format!("{}: its webhook {first} is still open", step.release.name));
            pause(&mut next).await;
        }
    }

    fn late(&self, at: &Ref, why: String) -> Error {
        let (namespace, kind) = (&at.namespace, at.kind.to_lowercase());
        let hint = next(&why, namespace);
        let error = Error::new(Kind::Unreachable, format!("{at} is not ready after {}s", self.deadline.as_secs())).cause(why);
        let scope = if namespace.is_empty() { String::new() } else { format!("-n {namespace} ") };
        hint.into_iter().fold(error, Error::hint).hint(format!("kubectl {scope}describe {kind} {}", at.name))
    }

    pub(super) async fn gone(&self, at: &Ref, until: jiff::Timestamp) -> Result<()> {
        let mut next = PAUSES.0;
        while self.ground.writer.get(&self.ground.kinds, at).await.map_err(|e| failed(&format!("read {at}"), &e))?.is_some() {
            if charts::now().timestamp() >= until {
                return Err(Error::new(Kind::Unreachable, format!("{at} is still being removed")));
            }
            pause(&mut next).await;
        }
        Ok(())
    }
}

/// What the pods of a workload say, or else the events about them and about what should make them.
pub async fn why(writer: &Writer<'_>, kinds: &Kinds, at: &Ref, workload: &Value) -> Option<String> {
    let labels = selector(workload)?;
    let pods = writer.list(kinds, ("v1", "Pod"), Some(&at.namespace), &labels).await.ok()?;
    let name = |pod: &Value| pod["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let unready = |pod: &&Value| {
        let conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
        !conditions.iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
    };
    let held = pods.iter().filter(unready).find_map(|pod| Some((name(pod), holds(pod)?)));
    // Its own words say what the container's state does not: why a probe fails, what can't be mounted.
    let events = writer.list(kinds, ("v1", "Event"), Some(&at.namespace), "").await.unwrap_or_default();
    match held {
        Some((pod, why)) if why.contains("readiness probe") => {
            let more = warned(&events, &[("Pod", pod.as_str())]).map(|more| format!(" ({more})")).unwrap_or_default();
            Some(format!("pod {pod}: {why}{more}"))
        }
        Some((pod, why)) => Some(format!("pod {pod}: {why}")),
        None => {
            let unready: Vec<String> = pods.iter().filter(unready).map(name).collect();
            let of_pods: Vec<(&str, &str)> = unready.iter().map(|pod| ("Pod", pod.as_str())).collect();
            let sets = format!("{}-", at.name);
            let makers = [(at.kind.as_str(), at.name.as_str()), ("ReplicaSet", sets.as_str())];
            let of_makers = || warned(&events, &makers).filter(|_| pods.is_empty());
            warned(&events, &of_pods).filter(|_| !of_pods.is_empty()).or_else(of_makers)
        }
    }
}
