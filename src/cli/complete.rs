//! Completion that knows the cluster: the shell calls `COMPLETE=bash meshctl -- …` and we answer from one definition.
//!
//! To complete a value, one line in the argument's definition:
//!
//! ```text
//! #[arg(add = complete::objects(&kinds::POD))]          pods of the context and namespace on the command line
//! #[arg(add = complete::proxies())]                     POD.NAMESPACE of pods with a proxy that can be asked
//! #[arg(add = complete::of_proxy(Names::Fqdn))]        names of what the proxy on the command line has
//! #[arg(add = complete::words(codes))]                  fn codes() -> Vec<(String, String)>: a value and its help
//! ```
//!
//! Tab must never hang, print or fail: everything together has [`DEADLINE`], answers are kept on disk for [`FRESH`],
//! and whoever doesn't answer is left alone for as long.

mod bash;
mod cache;
mod line;
mod resources;

pub use resources::Names;

use crate::facts::{Facts, Need, Object, Outcome, Resource, kinds};
use crate::mesh::admin::{self, Speaks};
use crate::source::archive::{self, Opened};
use crate::source::live::{self, kubeconfig};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter};
use clap_complete::env::{CompleteEnv, Elvish, Fish, Powershell, Shells, Zsh};
use line::Typed;
use std::ffi::OsStr;
use std::sync::mpsc;
use std::time::Duration;

/// All the time there is for one Tab, unless [`PATIENCE`] says otherwise.
const DEADLINE: Duration = Duration::from_millis(300);
/// For clusters far away: `1s`.
const PATIENCE: &str = "MESHCTL_COMPLETION_TIMEOUT";
/// How long an answer is taken for true.
const FRESH: Duration = Duration::from_secs(10);

/// A value and what to say about it.
type Word = (String, String);

/// The shells that we write a script for.
pub const SHELLS: Shells<'static> = Shells(&[&bash::Bash, &Elvish, &Fish, &Powershell, &Zsh]);

/// Answers the shell and ends the process, if the shell is who called.
pub fn answer_the_shell() {
    CompleteEnv::with_factory(offered).shells(SHELLS).var("COMPLETE").complete();
}

/// The command line as Tab offers it: commands by their names, and no flags where a command is what comes next.
fn offered() -> clap::Command {
    fn plain(command: clap::Command, no_flags: bool) -> clap::Command {
        let aliases: Vec<String> = command.get_visible_aliases().map(str::to_owned).collect();
        let hide = no_flags && command.get_subcommands().next().is_some();
        // They are understood, yet `pc` in place of `proxy-config` would tell nobody what there is.
        let command = command.visible_alias(None::<&'static str>).aliases(aliases);
        let command = if hide { command.mut_args(|arg| arg.hide(true)) } else { command };
        command.mut_subcommands(|sub| plain(sub, no_flags))
    }
    let mut command = super::command();
    // Global flags reach the subcommands, which hide theirs each on their own.
    command.build();
    plain(command, line::at_an_empty_word())
}

/// Contexts of the kubeconfig.
pub fn contexts() -> ArgValueCompleter {
    completer(|| {
        let typed = Typed::read();
        in_time(move || {
            let contexts = kubeconfig::contexts(typed.kubeconfig.as_deref()).ok()?;
            Some(contexts.into_iter().map(|context| (context.name, context.cluster)).collect())
        })
        .unwrap_or_default()
    })
}

/// Namespaces of the context on the command line.
pub fn namespaces() -> ArgValueCompleter {
    objects(&kinds::NAMESPACE)
}

/// Names of objects of a kind, in the context and namespace on the command line.
pub fn objects(resource: &'static Resource) -> ArgValueCompleter {
    completer(move || listed(resource, "", name_of))
}

/// `POD.NAMESPACE` of the pods that have an Envoy of a mesh.
pub fn proxies() -> ArgValueCompleter {
    let any = |pod: &Object| with_proxy(pod, Speaks::Envoy).or_else(|| with_proxy(pod, Speaks::Metrics));
    completer(move || listed(&kinds::POD, "envoy", any))
}

/// `POD.NAMESPACE` of the proxies that serve a whole node.
pub fn node_proxies() -> ArgValueCompleter {
    completer(|| listed(&kinds::POD, "node", |pod| with_proxy(pod, Speaks::NodeProxy)))
}

fn with_proxy(pod: &Object, speaks: Speaks) -> Option<String> {
    let any = admin::of_pod(pod).iter().any(|admin| admin.speaks == speaks);
    any.then(|| format!("{}.{}", pod.name, pod.namespace))
}

/// Kinds as kubectl takes them, for `KIND/NAME`.
pub fn kinds() -> ArgValueCompleter {
    completer(|| kinds::ALL.iter().map(|resource| (resource.qualified(), resource.kind.to_string())).collect())
}

/// A list that needs no cluster, such as the codes of rules.
pub fn words(list: fn() -> Vec<Word>) -> ArgValueCompleter {
    completer(list)
}

/// A recording: paths, and the one that is built in.
pub fn recording() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let mut all = matching(current, [demo()]);
        all.extend(PathCompleter::any().complete(current));
        all
    })
}

fn demo() -> Word {
    ("demo".to_owned(), "the recording that is built in".to_owned())
}

/// `--from`: paths, stdin and the built-in recording.
pub fn from() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let mut all = matching(current, [demo()]);
        all.extend(PathCompleter::any().stdio().complete(current));
        all
    })
}

fn completer(list: impl Fn() -> Vec<Word> + Send + Sync + 'static) -> ArgValueCompleter {
    ArgValueCompleter::new(move |current: &OsStr| matching(current, list()))
}

fn matching(current: &OsStr, words: impl IntoIterator<Item = Word>) -> Vec<CompletionCandidate> {
    let start = current.to_string_lossy();
    // What could move the terminal is no name that anybody wants to type.
    let clean = |word: &str| !word.is_empty() && !word.contains(crate::render::sanitize::is_hostile);
    let words = words.into_iter().filter(|(word, _)| word.starts_with(&*start) && clean(word));
    words
        .map(|(word, help)| {
            let help = crate::render::sanitize::inline(&help).into_owned();
            CompletionCandidate::new(word).help((!help.is_empty()).then(|| help.into()))
        })
        .collect()
}

/// `form` tells answers apart that are made of the same objects.
fn listed(resource: &'static Resource, form: &str, each: fn(&Object) -> Option<String>) -> Vec<Word> {
    let typed = Typed::read();
    if let Some(from) = typed.from.clone() {
        let names = in_time(move || recorded(&from, resource, typed.namespace.as_deref(), each));
        return names.unwrap_or_default().into_iter().map(|name| (name, String::new())).collect();
    }
    let key = format!("{} {form}", typed.key(resource));
    cached(key, move || ask(resource, &typed, each))
}

/// Names of what the proxy on the command line has.
pub fn of_proxy(names: Names) -> ArgValueCompleter {
    completer(move || {
        let Some(line) = resources::Line::read() else { return Vec::new() };
        let key = format!("{:?} {line:?} {names:?}", std::env::var_os("KUBECONFIG"));
        cached(key, move || resources::ask(names, &line))
    })
}

/// What `ask` says, or said a moment ago.
fn cached(key: String, ask: impl FnOnce() -> Option<Vec<String>> + Send + 'static) -> Vec<Word> {
    let answer = in_time(move || {
        let Some(cache) = cache::Cache::open(&key) else { return ask() };
        let old = match cache.read(FRESH) {
            cache::Hit::Fresh(names) => return Some(names),
            cache::Hit::Stale(names) => Some(names),
            cache::Hit::Nothing => None,
        };
        // Marked first: if the deadline cuts us off, the next Tab must not wait again.
        cache.attempted();
        let new = ask();
        if let Some(names) = &new {
            cache.write(names);
        }
        new.or(old)
    });
    answer.unwrap_or_default().into_iter().map(|name| (name, String::new())).collect()
}

fn ask(resource: &'static Resource, typed: &Typed, each: fn(&Object) -> Option<String>) -> Option<Vec<String>> {
    let options = live::Options {
        kubeconfig: typed.kubeconfig.clone(),
        contexts: typed.context.iter().cloned().collect(),
        namespace: typed.namespace.clone().filter(|_| resource.namespaced),
        request_timeout: deadline(),
        ..live::Options::default()
    };
    // The shell calls before `main` has done anything.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    runtime.block_on(async {
        let cluster = live::connect(&options).await.ok()?.into_iter().next()?;
        #[expect(clippy::disallowed_methods, reason = "completion reads no recording")]
        let mut facts: Facts = cluster.facts(jiff::Timestamp::now());
        let need = Need::list(resource);
        cluster.answer(vec![need.clone()], &mut facts).await;
        match &facts.get(&need)?.outcome {
            Outcome::Objects(objects) => Some(objects.iter().filter_map(each).collect()),
            _ => None,
        }
    })
}

/// Of a recording, without the dumps of its proxies.
fn recorded(
    from: &str,
    resource: &'static Resource,
    namespace: Option<&str>,
    each: fn(&Object) -> Option<String>,
) -> Option<Vec<String>> {
    // stdin is the shell's.
    let from = (from != "-").then_some(from)?;
    #[expect(clippy::disallowed_methods, reason = "the time of a recording is its own")]
    let all = archive::open_with(from, namespace, jiff::Timestamp::now(), &|_| false).ok()?;
    let objects = |stored: &Opened| match stored.get(&Need::list(resource)).map(|answer| &answer.outcome) {
        Some(Outcome::Objects(objects)) => objects.iter().filter_map(each).collect(),
        _ => Vec::new(),
    };
    Some(all.iter().flat_map(objects).collect())
}

fn name_of(object: &Object) -> Option<String> {
    Some(object.name.to_string())
}

/// Runs beside us; what is not there in time is not there.
fn in_time<T: Send + 'static>(work: impl FnOnce() -> Option<T> + Send + 'static) -> Option<T> {
    let (sender, answer) = mpsc::channel();
    std::thread::spawn(move || sender.send(work()));
    answer.recv_timeout(deadline()).ok().flatten()
}

fn deadline() -> Duration {
    let said = std::env::var_os(PATIENCE);
    said.and_then(|value| super::parse_duration(value.to_str()?).ok()).unwrap_or(DEADLINE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_is_not_offered() {
        let words = ["prod", "pro\u{1b}[2Jd", "dev", ""].map(|word| (word.to_owned(), String::new()));
        let all: Vec<_> = matching(OsStr::new("p"), words).iter().map(|c| c.get_value().to_owned()).collect();
        assert_eq!(all, ["prod"]);
    }

    #[test]
    fn late_is_nothing() {
        let late = in_time(|| {
            std::thread::sleep(Duration::from_secs(5));
            Some(())
        });
        assert_eq!(late, None);
    }
}
