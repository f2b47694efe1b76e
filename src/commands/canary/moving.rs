//! Moving namespaces: which, by what labels, and until their proxies are the new ones.

use super::Canary;
use super::meter::Gate;
use crate::charts::object::Ref;
use crate::commands::installing::attached::{Attached, RESTARTS, attached};
use crate::commands::installing::planning::failed;
use crate::commands::installing::readiness::waits_for;
use crate::commands::installing::waiting::why;
use crate::commands::load::{block_on, now};
use crate::commands::plan::only;
use crate::commands::proxy_status::{Filter, Question, Sort};
use crate::commands::tag::Seen;
use crate::error::{Error, Kind, Result};
use crate::facts::Channel;
use crate::mesh::sync::Health;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// What a namespace asked for before it was moved.
const BEFORE: &str = "meshctl.dev/revision-before";
const RESTARTED: &str = "kubectl.kubernetes.io/restartedAt";
const PAUSE: Duration = Duration::from_secs(2);

/// A namespace on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Move {
    pub namespace: String,
    /// The revision that it is with now.
    pub from: String,
    /// The labels that say so; `None` for one that is not there.
    pub before: BTreeMap<String, Option<String>>,
    pub workloads: Vec<Ref>,
    /// What runs there and makes no new pods by itself.
    pub by_hand: Vec<Ref>,
}

#[derive(Clone, Copy, PartialEq)]
pub enum State {
    Before,
    New,
}

impl Canary<'_> {
    fn attached(&self) -> Result<Vec<Attached>> {
        attached(&self.wide(), self.mesh.id())
    }

    /// Namespaces that get their proxies from another revision, in the order of their names.
    pub fn moves(&self) -> Result<Vec<Move>> {
        let attached = self.attached()?;
        block_on(async {
            let cluster = only(&self.wide()).await?;
            let seen = Seen::read(&cluster).await?;
            if let Some(unknown) = self.args.only.iter().find(|name| !seen.namespaces.contains_key(*name)) {
                return Err(Error::new(Kind::Input, format!("there is no namespace {unknown:?}")));
            }
            let asked = |name: &str| self.args.only.is_empty() || self.args.only.iter().any(|only| only == name);
            let of = |(name, labels): (&String, &BTreeMap<String, String>)| {
                let from = seen.revision_of(labels)?;
                let before = self.by.keys().iter().map(|key| ((*key).to_owned(), labels.get(*key).cloned())).collect();
                let elsewhere = attached.iter().any(|(revision, at)| at.namespace == *name && revision != self.revision);
                (from != self.revision || elsewhere).then(|| moved(name, from, before, &attached, self.revision))
            };
            Ok(seen.namespaces.iter().filter(|(name, _)| asked(name)).filter_map(of).collect())
        })
    }

    /// Namespaces that were moved here, as they are written down.
    pub fn moved(&self) -> Result<Vec<Move>> {
        let attached = self.attached()?;
        block_on(async {
            let cluster = only(&self.wide()).await?;
            let seen = Seen::read(&cluster).await?;
            let spaces = seen.writer.list(&seen.kinds, ("v1", "Namespace"), None, "").await;
            let spaces = spaces.map_err(|e| failed("list namespaces", &e))?;
            let of = |space: &Value| {
                let name = space["metadata"]["name"].as_str()?;
                let text = space["metadata"]["annotations"][BEFORE].as_str()?;
                let noted: Noted = serde_json::from_str(text).ok()?;
                // Those that were moved by another upgrade are that one's.
                (noted.to == self.revision).then(|| moved(name, noted.from, noted.labels, &attached, ""))
            };
            Ok(spaces.iter().filter_map(of).collect())
        })
    }

    pub fn relabel(&self, moves: &[Move], to: State) -> Result<()> {
        block_on(async {
            let cluster = only(&self.wide()).await?;
            let seen = Seen::read(&cluster).await?;
            for one in moves {
                let at = Ref::new("v1", "Namespace", "", &one.namespace);
                let change = match to {
                    State::New => {
                        let noted = Noted { to: self.revision.to_owned(), from: one.from.clone(), labels: one.before.clone() };
                        let noted = serde_json::to_string(&noted)
                            .map_err(|e| Error::new(Kind::Internal, "can't write down what it was").because(&e))?;
                        // One that is on its way already keeps what it was at first.
                        let there = seen.writer.get(&seen.kinds, &at).await.map_err(|e| failed(&format!("read {at}"), &e))?;
                        let known = there.is_some_and(|there| there["metadata"]["annotations"][BEFORE].is_string());
                        let annotations = if known { json!({}) } else { json!({ BEFORE: noted }) };
                        json!({ "metadata": { "labels": self.by.labels(self.revision), "annotations": annotations } })
                    }
                    State::Before => json!({ "metadata": { "labels": one.before } }),
                };
                seen.writer.merge(&seen.kinds, &at, &change).await.map_err(|e| failed(&format!("relabel {at}"), &e))?;
            }
            Ok(())
        })
    }

    /// Nothing more is to be moved back.
    pub fn forget(&self, moves: &[Move]) -> Result<()> {
        block_on(async {
            let cluster = only(&self.wide()).await?;
            let seen = Seen::read(&cluster).await?;
            for one in moves {
                let at = Ref::new("v1", "Namespace", "", &one.namespace);
                let change = json!({ "metadata": { "annotations": { BEFORE: null } } });
                seen.writer.merge(&seen.kinds, &at, &change).await.map_err(|e| failed(&format!("change {at}"), &e))?;
            }
            Ok(())
        })
    }

    /// Restarts what has proxies there, and waits until the new pods are up and their proxies in sync.
    pub fn restarted(&self, moves: &[Move], gate: &mut Gate<'_, '_>) -> Result<()> {
        let workloads: Vec<Ref> = moves.iter().flat_map(|one| one.workloads.clone()).collect();
        self.restart(&workloads)?;
        self.rolled_out(&workloads, gate)?;
        for one in moves.iter().filter(|one| !one.workloads.is_empty()) {
            self.synced(&one.namespace)?;
        }
        Ok(())
    }

    pub fn restart(&self, workloads: &[Ref]) -> Result<()> {
        block_on(async {
            let cluster = only(&self.wide()).await?;
            let seen = Seen::read(&cluster).await?;
            let change = json!({ "spec": { "template": { "metadata": { "annotations": { RESTARTED: now().to_string() } } } } });
            for at in workloads {
                seen.writer.merge(&seen.kinds, at, &change).await.map_err(|e| failed(&format!("restart {at}"), &e))?;
            }
            Ok(())
        })
    }

    pub fn rolled_out(&self, workloads: &[Ref], gate: &mut Gate<'_, '_>) -> Result<()> {
        let until = now() + self.deadline;
        let progress = self.ctx.ui.progress("restarting");
        loop {
            let waiting = block_on(async {
                let cluster = only(&self.wide()).await?;
                let seen = Seen::read(&cluster).await?;
                let mut waiting = Vec::new();
                for at in workloads {
                    let there = seen.writer.get(&seen.kinds, at).await.map_err(|e| failed(&format!("read {at}"), &e))?;
                    // One that somebody removed meanwhile is waited for no longer.
                    let Some(there) = there else { continue };
                    let Some(words) = waits_for(&there) else { continue };
                    let reason = if now() >= until { why(&seen.writer, &seen.kinds, at, &there).await } else { None };
                    waiting.push((at.clone(), reason.unwrap_or(words)));
                }
                Ok(waiting)
            })?;
            let Some((at, words)) = waiting.first() else { return Ok(()) };
            if now() >= until {
                let late = format!("{at} does not come up within {}s", self.deadline.as_secs());
                return Err(Error::new(Kind::Unreachable, late).cause(words.clone()));
            }
            progress.say(&format!("{at}: {words}"));
            gate.look()?;
            pause()?;
        }
    }

    fn synced(&self, namespace: &str) -> Result<()> {
        let ctx = self.of(Some(namespace));
        let filter = Filter::new(&ctx, None, None, Vec::new())?;
        let question = Question { channel: Channel::default(), credentials: ctx.xds.clone(), filter, sort: Sort::Health };
        let until = now() + self.deadline;
        loop {
            let taken = question.once(&ctx)?;
            let behind: Vec<String> = taken
                .all
                .iter()
                .flat_map(|status| &status.proxies)
                .filter(|proxy| proxy.health != Health::Synced)
                .map(|proxy| format!("{}: {}", proxy.name, proxy.health.word()))
                .collect();
            let Some(first) = behind.first() else { return Ok(()) };
            if now() >= until {
                let late = format!("{} proxies of {namespace} are not in sync within {}s", behind.len(), self.deadline.as_secs());
                return Err(Error::new(Kind::Unreachable, late)
                    .cause(first.clone())
                    .hint(format!("meshctl proxy-status -n {namespace}")));
            }
            pause()?;
        }
    }

    /// Workloads that still have a proxy of another revision.
    pub fn left(&self) -> Result<Vec<Attached>> {
        Ok(self.attached()?.into_iter().filter(|(revision, _)| revision != self.revision).collect())
    }
}

/// Between two looks.
pub fn pause() -> Result<()> {
    block_on(async {
        tokio::time::sleep(PAUSE).await;
        Ok(())
    })
}

/// In an annotation of the namespace.
#[derive(serde::Serialize, serde::Deserialize)]
struct Noted {
    to: String,
    from: String,
    labels: BTreeMap<String, Option<String>>,
}

/// What of a namespace has to be restarted: what has a proxy of another revision than this.
fn moved(name: &str, from: String, before: BTreeMap<String, Option<String>>, attached: &[Attached], revision: &str) -> Move {
    let there = attached.iter().filter(|(own, at)| at.namespace == name && own != revision).map(|(_, at)| at.clone());
    let (workloads, by_hand) = there.partition(|at| RESTARTS.contains(&at.kind.as_str()));
    Move { namespace: name.to_owned(), from, before, workloads, by_hand }
}

/// For the report.
pub fn data(one: &Move) -> Value {
    let mut map = Map::new();
    map.insert("namespace".to_owned(), one.namespace.as_str().into());
    map.insert("from".to_owned(), one.from.as_str().into());
    map.insert("workloads".to_owned(), json!(one.workloads));
    map.insert("by_hand".to_owned(), json!(one.by_hand));
    Value::Object(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_another_proxy_is_restarted() {
        let at = |kind: &str, name: &str| Ref::new("apps/v1", kind, "shop", name);
        let attached = [
            ("default".to_owned(), at("Deployment", "web")),
            ("default".to_owned(), at("Job", "import")),
            ("1-31".to_owned(), at("Deployment", "cart")),
            ("default".to_owned(), Ref::new("apps/v1", "Deployment", "other", "x")),
        ];
        let one = moved("shop", "default".to_owned(), BTreeMap::new(), &attached, "1-31");
        assert_eq!((one.workloads, one.by_hand), (vec![at("Deployment", "web")], vec![at("Job", "import")]));
    }

    #[test]
    fn what_it_was_survives_its_annotation() {
        let labels = BTreeMap::from([("a".to_owned(), Some("b".to_owned())), ("c".to_owned(), None)]);
        let text = serde_json::to_string(&Noted { to: "n".into(), from: "o".into(), labels: labels.clone() }).unwrap();
        assert_eq!(serde_json::from_str::<Noted>(&text).unwrap().labels, labels);
    }
}
