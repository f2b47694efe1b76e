//! Pods that are asked before anybody knows that they are there.
//!
//! The pods of a control plane are looked for by a label, and a port-forward to one takes longer than that. Those that had a
//! fleet to tell of last time are known by name: the ways to them are begun beside the look-up, and what was asked there
//! first is asked as soon as they are open, since that takes longer still. For each server and look-up these questions are kept,
//! and nothing that is told comes from them: a wrong guess is an answer that nobody takes.

use super::OPENING;
use super::call::Caller;
use super::client::Distance;
use super::pods::{Answered, Line};
use super::tunnel::Tunnel;
use crate::facts::{Answer, Need, Outcome};
use crate::source::cache;
use crate::source::visit::{Door, Method};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Shorter answers are not worth a way of their own before the others.
const LONG: usize = 1 << 20;
/// Such ways at a time.
const MOST: usize = 4;
/// So long its way has all to itself, where that is short.
const ALONE: Duration = Duration::from_millis(100);
/// Who is slow doesn't hold up the others for longer. What hangs is waited for in any case, and longer than that.
const LONGEST_TURN: Duration = Duration::from_secs(1);

/// What is known of one cluster.
pub struct Ahead {
    /// `None` where nothing is kept from run to run.
    folder: Option<PathBuf>,
    server: String,
    state: Mutex<State>,
    /// Whatever is being opened listens to it.
    opening: watch::Sender<()>,
    /// Of what goes one by one.
    turn: Semaphore,
}

#[derive(Default)]
struct State {
    /// By look-up: what had a long answer, as it is kept.
    long: BTreeMap<Need, BTreeSet<Question>>,
    /// By look-up: namespace and name of the pods that are there.
    found: BTreeMap<Need, BTreeSet<(String, String)>>,
    /// Those that have answered what they were asked first: what comes later depends on the command.
    first: BTreeSet<Door>,
    begun: BTreeMap<Door, Begun>,
    /// Those of whom a long answer is expected.
    at_work: BTreeSet<Door>,
}

/// What a port of a pod is asked, without the leading slash.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Question {
    door: Door,
    path: String,
}

impl Question {
    fn line(&self) -> String {
        let Question { door, path } = self;
        format!("{} {} {} {path}\n", door.namespace, door.pod, door.port)
    }

    fn parse(line: &str) -> Option<Self> {
        // They go into paths, of the API server and of the pod.
        let made_of = |word: &str, others: &[u8]| {
            let fits = word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || others.contains(&b));
            (fits && !word.is_empty()).then(|| word.to_owned())
        };
        let mut words = line.split(' ');
        let (namespace, pod) = (made_of(words.next()?, b"-.")?, made_of(words.next()?, b"-.")?);
        let (port, path) = (words.next()?.parse().ok()?, made_of(words.next()?, b"-_/")?);
        words.next().is_none().then_some(Question { door: Door { namespace, pod, port, inside: None }, path })
    }

    /// Asks it; `open` ends when the way there is open.
    async fn ask(self, caller: Caller, open: watch::Receiver<()>) -> Result<Told, Outcome> {
        let Question { door, path } = self;
        let tunnel = Tunnel::open(&caller, &door.namespace, &door.pod, door.port, &door.to_string()).await?;
        drop(open);
        let mut line = Line::over(&caller, &door, tunnel);
        let answered = line.ask(Method::Get, &path).await;
        Ok(Told { answered, tunnel: line.close() })
    }
}

/// What was answered before anybody asked.
pub struct Told {
    pub answered: Answered,
    /// The way there, if it is still open.
    pub tunnel: Option<Tunnel>,
}

/// A question that is being asked; nobody's any more, it ends.
pub struct Begun {
    path: String,
    asking: JoinHandle<Result<Told, Outcome>>,
}

impl Begun {
    pub fn asks(&self, path: &str) -> bool {
        self.path == path
    }

    pub async fn told(mut self) -> Option<Result<Told, Outcome>> {
        (&mut self.asking).await.ok()
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.asking.abort();
    }
}

impl Ahead {
    pub fn new(folder: Option<PathBuf>, server: String) -> Self {
        Ahead { folder, server, state: Mutex::default(), opening: watch::Sender::default(), turn: Semaphore::new(1) }
    }

    /// These are asked now: asks what they led to last time.
    pub fn begin(&self, caller: &Caller, needs: &[Need]) {
        let Some(folder) = &self.folder else { return };
        let mut state = self.state();
        for need in needs.iter().filter(|need| matches!(need, Need::Select { .. })) {
            let kept = state.long.entry(need.clone()).or_insert_with(|| {
                let kept = fs::read_to_string(self.file(folder, need)).unwrap_or_default();
                kept.lines().filter_map(Question::parse).take(MOST).collect()
            });
            for question in kept.clone() {
                let (door, path) = (question.door.clone(), question.path.clone());
                let asking = tokio::spawn(question.ask(caller.clone(), self.opening.subscribe()));
                state.at_work.insert(door.clone());
                state.begun.insert(door, Begun { path, asking });
            }
        }
    }

    /// What was asked there ahead; where nothing was, the ways that were begun are waited for a little.
    pub async fn take(&self, door: &Door) -> Option<Begun> {
        let begun = self.state().begun.remove(door);
        if begun.is_none() {
            let _ = timeout(OPENING, self.opening.closed()).await;
        }
        begun
    }

    /// Whose turn it is, of what can be asked beside a long answer.
    ///
    /// Where the server is near, the control plane is likely to be on the same few processors: eight questions at once take
    /// them away from it, and come no sooner, since they are short and their way is too. One after another, they also share
    /// a connection. The long answer's way is opened first of all.
    pub async fn turn(&self, distance: &Distance) -> Option<SemaphorePermit<'_>> {
        if self.state().at_work.is_empty() || !distance.proves_near().await {
            return None;
        }
        let _ = timeout(ALONE, self.opening.closed()).await;
        timeout(LONGEST_TURN, self.turn.acquire()).await.ok()?.ok()
    }

    /// It has answered, or won't.
    pub fn answered(&self, door: &Door) {
        self.state().at_work.remove(door);
    }

    /// What came, for the next time.
    pub fn learn(&self, answers: &[(Need, Answer)]) {
        let Some(folder) = &self.folder else { return };
        let mut state = self.state();
        let State { long, found, first, at_work, .. } = &mut *state;
        for (need, answer) in answers {
            match (need, &answer.outcome) {
                (Need::Select { .. }, Outcome::Objects(objects)) => {
                    let pods: BTreeSet<_> = objects.iter().map(|one| (one.namespace.to_string(), one.name.to_string())).collect();
                    // Those that are gone make place for others, and nobody waits for them.
                    if let Some(kept) = long.get_mut(need) {
                        let is_there = |door: &Door| pods.contains(&(door.namespace.clone(), door.pod.clone()));
                        let gone: Vec<Question> = kept.iter().filter(|one| !is_there(&one.door)).cloned().collect();
                        for one in &gone {
                            kept.remove(one);
                            at_work.remove(&one.door);
                        }
                        if !gone.is_empty() {
                            self.keep(folder, need, kept);
                        }
                    }
                    found.insert(need.clone(), pods);
                }
                (Need::PodGet { namespace, pod, port, path }, Outcome::Bytes(bytes)) => {
                    let key = (namespace.clone(), pod.clone());
                    let door = Door { namespace: namespace.clone(), pod: pod.clone(), port: *port, inside: None };
                    if !first.insert(door.clone()) || bytes.len() < LONG {
                        continue;
                    }
                    let question = Question { door, path: path.clone() };
                    for (look_up, _) in found.iter().filter(|(_, pods)| pods.contains(&key)) {
                        let kept = long.entry(look_up.clone()).or_default();
                        if kept.len() < MOST && kept.insert(question.clone()) {
                            self.keep(folder, look_up, kept);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn keep(&self, folder: &Path, look_up: &Need, questions: &BTreeSet<Question>) {
        if cache::own(folder).is_ok() {
            let lines: String = questions.iter().map(Question::line).collect();
            cache::note(&self.file(folder, look_up), &lines);
        }
    }

    fn file(&self, folder: &Path, look_up: &Need) -> PathBuf {
        cache::file(folder, &format!("{} {look_up:?}", self.server))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::poll;
    use std::pin::pin;

    #[tokio::test]
    async fn beside_a_long_answer_of_somebody_near_it_goes_one_by_one() {
        let ahead = Ahead::new(None, String::new());
        let [near, far, unknown] = [Some(100), Some(30_000), None].map(|took| {
            let distance = Distance::default();
            if let Some(took) = took.map(Duration::from_micros) {
                distance.connected(took, false);
                distance.reached(took);
            }
            distance
        });
        assert!(ahead.turn(&near).await.is_none(), "nobody is at work");
        let door = Door { namespace: "istio-system".into(), pod: "istiod-1".into(), port: 15014, inside: None };
        ahead.state().at_work.insert(door.clone());
        assert!(ahead.turn(&far).await.is_none(), "it is far away");
        assert!(ahead.turn(&unknown).await.is_none(), "as far as can be seen");
        let first = ahead.turn(&near).await;
        assert!(first.is_some());
        let mut second = pin!(ahead.turn(&near));
        assert!(poll!(&mut second).is_pending());
        drop(first);
        assert!(second.await.is_some());
        ahead.answered(&door);
        assert!(ahead.turn(&near).await.is_none(), "it has answered");
    }
}
