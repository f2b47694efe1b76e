//! What each proxy has beside what its control plane would send to it now.

use crate::commands::fleet::door;
use crate::commands::proxy_config::conversation::Wanted;
use crate::commands::proxy_config::diff::{Side, count};
use crate::commands::proxy_status::{Compared, compared_with};
use crate::envoy::Section;
use crate::facts::{Channel, Facts, Object, Purpose, kinds};
use crate::mesh;
use crate::mesh::admin::{self, Speaks};
use crate::mesh::sync::{Intended, Key};
use crate::source::Source;
use crate::source::visit::{Answers, Door, Questions, visit};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Dumps of so many proxies are held at a time.
const CHUNK: usize = 64;

/// One proxy to be judged.
#[derive(Clone)]
pub struct Subject {
    pub key: Key,
    /// Why it can't have everything; then it is not asked, only whether it is concerned.
    pub behind: Option<String>,
    /// Whether it is asked at all, rather than taken at its control plane's word.
    pub asked: bool,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Has,
    /// Nothing that is waited for is meant for it.
    Unconcerned,
    Lacks(String),
}

/// In the order of the subjects. With traces, only resources count in which one of them stands.
pub async fn verdicts(
    source: &Source,
    facts: &mut Facts,
    channel: &Channel,
    subjects: &[Subject],
    traces: &[String],
    mut told: impl FnMut(usize),
) -> Vec<Verdict> {
    let mut all = Vec::with_capacity(subjects.len());
    for chunk in subjects.chunks(CHUNK) {
        let keys: Vec<Key> = chunk.iter().map(|subject| subject.key.clone()).collect();
        let purpose = Purpose::Sync(Channel { dump_of: keys.clone(), ..channel.clone() });
        let mut needs = mesh::needs(facts, &purpose);
        needs.retain(|need| !facts.has(need));
        needs.sort();
        needs.dedup();
        source.answer(needs.clone(), facts).await;
        let intended = mesh::intended(facts, &keys);
        let before = all.len();
        let verdicts = judged(source, facts, chunk, intended, traces, |count| told(before + count)).await;
        all.extend(verdicts);
        needs.iter().for_each(|need| facts.forget(need));
    }
    all
}

async fn judged(
    source: &Source,
    facts: &Facts,
    chunk: &[Subject],
    intended: BTreeMap<Key, Intended>,
    traces: &[String],
    told: impl FnMut(usize),
) -> Vec<Verdict> {
    let pods: BTreeMap<(&str, &str), &Object> =
        facts.objects(&kinds::POD).iter().map(|pod| ((&*pod.namespace, &*pod.name), pod)).collect();
    let mut verdicts: Vec<Option<Verdict>> = Vec::new();
    let (mut doors, mut asked): (Vec<Door>, Vec<(usize, Key)>) = (Vec::new(), Vec::new());
    for (number, subject) in chunk.iter().enumerate() {
        let said = intended.get(&subject.key);
        verdicts.push(match (&subject.behind, subject.asked) {
            (Some(why), _) => Some(by_word(said, traces, Some(why))),
            (None, false) => Some(by_word(said, traces, None)),
            (None, true) => match way(pods.get(&(subject.key.0.as_str(), subject.key.1.as_str()))) {
                Ok(Some(door)) => {
                    doors.push(door);
                    asked.push((number, subject.key.clone()));
                    None
                }
                // What has no dump to compare is what its control plane says it is.
                Ok(None) => Some(if traces.is_empty() { Verdict::Has } else { Verdict::Unconcerned }),
                Err(why) => Some(Verdict::Lacks(why)),
            },
        });
    }
    let wanted = Wanted { sections: Section::ALL.to_vec(), whole: true, live: true };
    let keys = asked.iter().map(|(_, key)| key.clone()).collect();
    let compare = Compare { keys, wanted, intended, traces: traces.to_vec(), now: facts.now };
    let compared = visit(source, &doors, compare, told).await;
    for ((number, _), verdict) in asked.into_iter().zip(compared) {
        verdicts[number] = Some(verdict);
    }
    verdicts.into_iter().map(|one| one.unwrap_or_else(|| Verdict::Lacks("it was not asked".to_owned()))).collect()
}

/// How it is asked; `None` where nothing could be compared.
fn way(pod: Option<&&Object>) -> Result<Option<Door>, String> {
    let pod = pod.ok_or("its pod is not in this cluster, so it can't be asked")?;
    let admins = admin::of_pod(pod);
    match admins.iter().find(|admin| admin.speaks == Speaks::Envoy) {
        Some(envoy) => Ok(Some(door(pod, envoy))),
        None if admins.is_empty() => Err("nothing in its pod can be asked".to_owned()),
        None => Ok(None),
    }
}

/// Whether it is meant for the proxy at all, by what its control plane would send to it.
fn by_word(intended: Option<&Intended>, traces: &[String], behind: Option<&String>) -> Verdict {
    let concerned = match intended.map(|one| &one.dump) {
        _ if traces.is_empty() => true,
        // As text, because that is what it is; a trace is no part of anything else.
        Some(Ok(dump)) => {
            let text = String::from_utf8_lossy(dump);
            traces.iter().any(|trace| text.contains(trace.as_str()))
        }
        // Nobody says that it is not.
        Some(Err(_)) | None => true,
    };
    match (concerned, behind) {
        (false, _) => Verdict::Unconcerned,
        (true, Some(why)) => Verdict::Lacks(why.clone()),
        (true, None) => match intended {
            Some(Intended { dump: Err(why), plane, .. }) => {
                Verdict::Lacks(format!("{plane} does not tell what it would send: {why}"))
            }
            None if !traces.is_empty() => Verdict::Lacks("its control plane does not tell what it would send".to_owned()),
            _ => Verdict::Has,
        },
    }
}

/// Of a dump only the result is kept.
struct Compare {
    keys: Vec<Key>,
    wanted: Wanted,
    intended: BTreeMap<Key, Intended>,
    traces: Vec<String>,
    now: Timestamp,
}

impl Questions for Compare {
    type Made = Verdict;

    fn next(&self, _: usize, known: &Answers) -> Vec<String> {
        self.wanted.next(known)
    }

    fn done(&self, number: usize, known: Answers) -> Verdict {
        let key = &self.keys[number];
        let Some(intended) = self.intended.get(key) else {
            return Verdict::Lacks("its control plane does not tell what it would send".to_owned());
        };
        let (should, came) = match (&intended.dump, self.wanted.came(&known)) {
            (Ok(should), Ok(came)) => (should, came),
            (Err(why), _) => return Verdict::Lacks(format!("{} does not tell what it would send: {why}", intended.plane)),
            (_, Err(why)) => return Verdict::Lacks(why),
        };
        let side = Side { name: format!("{}.{}", key.1, key.0), bytes: came.bytes, gaps: Vec::new() };
        match compared_with(&intended.plane, should, &side, &self.traces, self.now) {
            Ok(found) => verdict(&found),
            Err(error) => Verdict::Lacks(error.message),
        }
    }
}

fn verdict(found: &Compared) -> Verdict {
    let differ: Vec<String> =
        found.sections.iter().filter(|one| !one.differences.is_empty()).map(|one| one.section.to_string()).collect();
    match count(&found.sections) {
        _ if !found.concerned => Verdict::Unconcerned,
        0 if found.faults.is_empty() => Verdict::Has,
        0 => Verdict::Lacks(found.faults.join("; ")),
        1 => Verdict::Lacks(format!("1 of its resources differs: {}", differ.join(", "))),
        n => Verdict::Lacks(format!("{n} of its resources differ: {}", differ.join(", "))),
    }
}
