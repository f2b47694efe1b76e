//! Ways to pods that are opened before anybody asks for them.
//!
//! The pods of a control plane are looked for by a label, and a port-forward to one takes longer than that. Those that had a
//! fleet to tell of last time are known by name: the ways to them are begun beside the look-up. For each server and look-up
//! these names are kept, and nothing that is told comes from them: a wrong guess is a port-forward that nobody uses.

use super::call::Caller;
use super::tunnel::Tunnel;
use crate::facts::{Answer, Need, Outcome};
use crate::source::cache;
use crate::source::visit::Door;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Shorter answers are not worth a way of their own before the others.
const LONG: usize = 1 << 20;
/// Such ways at a time.
const MOST: usize = 4;
/// So long other ways wait for them, since a server takes its time to open each.
const HELD: Duration = Duration::from_millis(20);

/// What is known of one cluster.
pub struct Ahead {
    /// `None` where nothing is kept from run to run.
    folder: Option<PathBuf>,
    server: String,
    state: Mutex<State>,
    /// Whatever is being opened listens to it.
    opening: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    /// By look-up: the ports of pods that gave a long answer, as they are kept.
    long: BTreeMap<Need, BTreeSet<Door>>,
    /// By look-up: namespace and name of the pods that are there.
    found: BTreeMap<Need, BTreeSet<(String, String)>>,
    begun: BTreeMap<Door, Begun>,
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
        Ahead { folder, server, state: Mutex::default(), opening: watch::Sender::default() }
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
                state.begun.insert(door, Begun(tokio::spawn(opening)));
            }
        }
    }

    /// The way there for whoever asks first; one that was not begun waits a little for those that were.
    pub async fn take(&self, door: &Door) -> Option<Begun> {
        let begun = self.state().begun.remove(door);
        if begun.is_none() {
            let _ = timeout(HELD, self.opening.closed()).await;
        }
        begun
    }

    /// What came, for the next time.
    pub fn learn(&self, answers: &[(Need, Answer)]) {
        let Some(folder) = &self.folder else { return };
        let mut state = self.state();
        let State { long, found, .. } = &mut *state;
        for (need, answer) in answers {
            match (need, &answer.outcome) {
                (Need::Select { .. }, Outcome::Objects(objects)) => {
                    let pods = objects.iter().map(|one| (one.namespace.to_string(), one.name.to_string())).collect();
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
        // Those that are gone make place for others.
        for (look_up, pods) in found.iter() {
            let Some(kept) = long.get_mut(look_up) else { continue };
            let before = kept.len();
            kept.retain(|door| pods.contains(&(door.namespace.clone(), door.pod.clone())));
            if kept.len() < before {
                self.keep(folder, look_up, kept);
            }
        }
    }

    fn keep(&self, folder: &Path, look_up: &Need, doors: &BTreeSet<Door>) {
        if cache::own(folder).is_ok() {
            let lines: String = doors.iter().map(line).collect();
            cache::replace(&self.file(folder, look_up), &lines);
        }
    }

    fn file(&self, folder: &Path, look_up: &Need) -> PathBuf {
        cache::file(folder, &format!("{} {look_up:?}", self.server))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
