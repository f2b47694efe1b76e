//! Ways to pods that are opened before anybody asks for them.
//!
//! The pods of a control plane are looked for by a label, and a port-forward to one takes longer than that. Those that had a
//! fleet to tell of last time are known by name: the ways to them are begun beside the look-up. For each server and look-up
//! these names are kept, and nothing that is told comes from them: a wrong guess is a port-forward that nobody uses.

use super::OPENING;
use super::call::Caller;
use super::client::Distance;
use super::tunnel::Tunnel;
use crate::facts::{Answer, Need, Outcome};
use crate::source::cache;
use crate::source::visit::Door;
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
    /// By look-up: the ports of pods that gave a long answer, as they are kept.
    long: BTreeMap<Need, BTreeSet<Door>>,
    /// By look-up: namespace and name of the pods that are there.
    found: BTreeMap<Need, BTreeSet<(String, String)>>,
    begun: BTreeMap<Door, Begun>,
    /// Those of whom a long answer is expected.
    at_work: BTreeSet<Door>,
}

fn line(door: &Door) -> String {
    format!("{} {} {}\n", door.namespace, door.pod, door.port)
}

fn parse(line: &str) -> Option<Door> {
    // It goes into a path of the API server.
    let name = |word: &str| {
        let fits = word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.');
        (fits && !word.is_empty()).then(|| word.to_owned())
    };
    let mut words = line.split(' ');
    let (namespace, pod, port) = (name(words.next()?)?, name(words.next()?)?, words.next()?.parse().ok()?);
    words.next().is_none().then_some(Door { namespace, pod, port, inside: None })
}

/// A way that is being opened; nobody's any more, it ends.
pub struct Begun(JoinHandle<Result<Tunnel, Outcome>>);

impl Begun {
    pub async fn opened(mut self) -> Option<Result<Tunnel, Outcome>> {
        (&mut self.0).await.ok()
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Ahead {
    pub fn new(folder: Option<PathBuf>, server: String) -> Self {
        Ahead { folder, server, state: Mutex::default(), opening: watch::Sender::default(), turn: Semaphore::new(1) }
    }

    /// These are asked now: begins the ways that they led to last time.
    pub fn begin(&self, caller: &Caller, needs: &[Need]) {
        let Some(folder) = &self.folder else { return };
        let mut state = self.state();
        for need in needs.iter().filter(|need| matches!(need, Need::Select { .. })) {
            let kept = state.long.entry(need.clone()).or_insert_with(|| {
                let kept = fs::read_to_string(self.file(folder, need)).unwrap_or_default();
                kept.lines().filter_map(parse).take(MOST).collect()
            });
            for door in kept.clone() {
                let (caller, way, open) = (caller.clone(), door.clone(), self.opening.subscribe());
                let opening = async move {
                    let _until_open = open;
                    Tunnel::open(&caller, &way.namespace, &way.pod, way.port, &way.to_string()).await
                };
                state.at_work.insert(door.clone());
                state.begun.insert(door, Begun(tokio::spawn(opening)));
            }
        }
    }

    /// The way there for whoever asks first; one that was not begun waits a little for those that were.
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
        let State { long, found, at_work, .. } = &mut *state;
        for (need, answer) in answers {
            match (need, &answer.outcome) {
                (Need::Select { .. }, Outcome::Objects(objects)) => {
                    let pods: BTreeSet<_> = objects.iter().map(|one| (one.namespace.to_string(), one.name.to_string())).collect();
                    // Those that are gone make place for others, and nobody waits for them.
                    if let Some(kept) = long.get_mut(need) {
                        let is_there = |door: &Door| pods.contains(&(door.namespace.clone(), door.pod.clone()));
                        let gone: Vec<Door> = kept.iter().filter(|door| !is_there(door)).cloned().collect();
                        for door in &gone {
                            kept.remove(door);
                            at_work.remove(door);
                        }
                        if !gone.is_empty() {
                            self.keep(folder, need, kept);
                        }
                    }
                    found.insert(need.clone(), pods);
                }
                (Need::PodGet { namespace, pod, port, .. }, Outcome::Bytes(bytes)) if bytes.len() >= LONG => {
                    let key = (namespace.clone(), pod.clone());
                    let door = Door { namespace: namespace.clone(), pod: pod.clone(), port: *port, inside: None };
                    for (look_up, _) in found.iter().filter(|(_, pods)| pods.contains(&key)) {
                        let kept = long.entry(look_up.clone()).or_default();
                        if kept.len() < MOST && kept.insert(door.clone()) {
                            self.keep(folder, look_up, kept);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn keep(&self, folder: &Path, look_up: &Need, doors: &BTreeSet<Door>) {
        if cache::own(folder).is_ok() {
            let lines: String = doors.iter().map(line).collect();
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
