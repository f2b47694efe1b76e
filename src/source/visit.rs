//! Talking to one port of many pods, such as the admin ports of proxies.
//!
//! What is asked next may depend on what came ([`Questions::next`]), and what came is made into something smaller at
//! once ([`Questions::done`]): two hundred dumps of 40 MB are never held together.

use super::archive::Opened;
use super::live::PODS;
use super::{Base, Source, replay};
use crate::facts::{Answer, Need, Outcome};
use futures::StreamExt;
use std::fmt;
use std::sync::Arc;

/// So many rounds are more than anybody needs; the bound keeps a faulty questioner from asking for ever.
const ROUNDS: usize = 4;

/// One port of one pod, and how else to get at it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Door {
    pub namespace: String,
    pub pod: String,
    pub port: u16,
    /// What can be run in the pod if a port-forward is not possible.
    pub inside: Option<Inside>,
}

/// A program in a container that makes HTTP requests.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Inside {
    pub container: String,
    /// With `{method}`, `{port}` and `{path}`.
    pub command: Vec<String>,
}

impl Inside {
    pub fn words(&self, method: Method, port: u16, path: &str) -> Vec<String> {
        let filled =
            |word: &String| word.replace("{method}", method.name()).replace("{port}", &port.to_string()).replace("{path}", path);
        self.command.iter().map(filled).collect()
    }
}

impl Door {
    pub fn need(&self, path: &str) -> Need {
        Need::PodGet { namespace: self.namespace.clone(), pod: self.pod.clone(), port: self.port, path: path.to_owned() }
    }
}

impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{} (port {})", self.pod, self.namespace, self.port)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    /// Changes something in the proxy: its log level, and nothing else that meshctl does.
    Post,
    /// The same, of those that take it so.
    Put,
}

impl Method {
    pub fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
        }
    }
}

/// What came, by path, in the order asked.
pub type Answers = Vec<(String, Answer)>;

/// What to ask, and what to make of it. Pure.
pub trait Questions: Send + Sync + 'static {
    type Made: Send + 'static;
    /// Paths to ask now, knowing what came; none when it is enough.
    fn next(&self, number: usize, known: &Answers) -> Vec<String>;
    fn done(&self, number: usize, known: Answers) -> Self::Made;
    fn method(&self) -> Method {
        Method::Get
    }
    /// What is sent along.
    fn body(&self, _number: usize) -> Vec<u8> {
        Vec::new()
    }
}

/// Visits every door, concurrently; what was made of it comes in the order of the doors.
pub async fn visit<Q: Questions>(source: &Source, doors: &[Door], questions: Q, mut told: impl FnMut(usize)) -> Vec<Q::Made> {
    let questions = Arc::new(questions);
    let visits = doors.iter().enumerate().map(|(number, door)| {
        let questions = questions.clone();
        async move {
            let known = one(source, door, number, &*questions).await;
            // Megabytes of JSON: off the network's threads, and on every core.
            let made = tokio::task::spawn_blocking(move || questions.done(number, known)).await;
            (number, made)
        }
    });
    let mut made: Vec<Option<Q::Made>> = doors.iter().map(|_| None).collect();
    let mut visits = futures::stream::iter(visits).buffer_unordered(PODS);
    let mut count = 0;
    while let Some((number, result)) = visits.next().await {
        count += 1;
        told(count);
        match result {
            Ok(one) => made[number] = Some(one),
            // A bug in the reader must look like one.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
    made.into_iter().flatten().collect()
}

async fn one<Q: Questions>(source: &Source, door: &Door, number: usize, questions: &Q) -> Answers {
    let mut known = Answers::new();
    let caller = match &source.base {
        Base::Live(cluster) => Some(cluster.line(door).await),
        Base::Stored(_) => None,
    };
    let mut line = match caller {
        Some(Ok(line)) => Some(line),
        Some(Err(outcome)) => {
            for path in questions.next(number, &known) {
                known.push((path, Answer { outcome: outcome.clone(), at: super::live::now(), partial: None }));
            }
            return known;
        }
        None => None,
    };
    for _ in 0..ROUNDS {
        let asked = questions.next(number, &known);
        if asked.is_empty() {
            break;
        }
        for path in asked {
            let answer = match (&mut line, &source.base) {
                (Some(line), _) => {
                    let (outcome, partial) = line.send(questions.method(), &path, questions.body(number)).await;
                    Answer { outcome, at: super::live::now(), partial }
                }
                (None, Base::Stored(stored)) => replayed(stored, door, &path),
                (None, Base::Live(_)) => break,
            };
            known.push((path, answer));
        }
    }
    known
}

fn replayed(stored: &Opened, door: &Door, path: &str) -> Answer {
    let need = door.need(path);
    let mut facts = stored.blank();
    replay(stored, need.clone(), &mut facts);
    facts.get(&need).cloned().unwrap_or_else(|| Answer {
        outcome: Outcome::NotAsked("the recording does not hold it".to_owned()),
        at: stored.now,
        partial: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_filled_in() {
        let command = ["curl", "-X", "{method}", "http://127.0.0.1:{port}/{path}"].map(str::to_owned).into();
        let inside = Inside { container: "c".into(), command };
        assert_eq!(
            inside.words(Method::Post, 9901, "logging?level=info"),
            ["curl", "-X", "POST", "http://127.0.0.1:9901/logging?level=info"]
        );
    }
}
