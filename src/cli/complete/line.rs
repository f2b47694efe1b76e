//! What stands on the command line that is being completed. A completer sees only its own word; where to ask is in others.

use crate::facts::Resource;
use std::ffi::OsString;
use std::path::PathBuf;

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Typed {
    pub kubeconfig: Option<PathBuf>,
    pub context: Option<String>,
    pub namespace: Option<String>,
    pub from: Option<String>,
}

/// Whether nothing is typed yet of the word that is being completed.
pub fn at_an_empty_word() -> bool {
    let words: Vec<OsString> = std::env::args_os().skip_while(|word| word != "--").skip(1).collect();
    // fish and others leave out what stands behind the cursor.
    let index = std::env::var_os("_CLAP_COMPLETE_INDEX").and_then(|index| index.to_str()?.parse::<usize>().ok());
    index.map_or(words.last(), |index| words.get(index)).is_none_or(|word| word.is_empty())
}

impl Typed {
    /// From the words after `--` that the shell passed, then from the environment.
    pub fn read() -> Self {
        // clap isn't there yet: the line is not finished.
        let environment = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let mut typed = Typed::parse(std::env::args_os().skip_while(|word| word != "--").skip(1));
        let text = |value: OsString| value.into_string().ok();
        // As on the command line: a context that is typed beats what the environment says.
        let recorded = || environment("MESHCTL_FROM").filter(|_| typed.context.is_none()).and_then(text);
        typed.from = typed.from.take().or_else(recorded);
        if typed.from.is_none() {
            typed.context = typed.context.or_else(|| environment("MESHCTL_CONTEXT").and_then(text));
            typed.namespace = typed.namespace.or_else(|| environment("MESHCTL_NAMESPACE").and_then(text));
        }
        typed
    }

    fn parse(words: impl Iterator<Item = OsString>) -> Self {
        let mut typed = Typed::default();
        let mut words = words.map(|word| word.to_string_lossy().into_owned());
        while let Some(word) = words.next() {
            let (flag, value) = match word.split_once('=') {
                Some((flag, value)) if flag.starts_with("--") => (flag.to_owned(), Some(value.to_owned())),
                _ => (word, None),
            };
            let mut value = || value.clone().or_else(|| words.next()).filter(|value| !value.is_empty());
            match flag.as_str() {
                "--kubeconfig" | "-c" => typed.kubeconfig = value().map(PathBuf::from),
                "--context" => typed.context = value(),
                "--namespace" | "-n" => typed.namespace = value(),
                "--from" => typed.from = value(),
                _ => {}
            }
        }
        typed
    }

    /// Everything that the answer depends on.
    pub fn key(&self, resource: &Resource) -> String {
        // A kubeconfig from the environment is another cluster under perhaps the same context name.
        let file = self.kubeconfig.clone().map(PathBuf::into_os_string).or_else(|| std::env::var_os("KUBECONFIG"));
        let namespace = if resource.namespaced { self.namespace.as_deref() } else { None };
        format!("{file:?} {:?} {namespace:?} {}", self.context, resource.qualified())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_in_both_forms() {
        let parse = |line: &str| Typed::parse(line.split(' ').map(OsString::from));
        let typed = parse("meshctl -c kc --context=prod analyze -n shop --from");
        assert_eq!(typed.kubeconfig, Some("kc".into()));
        assert_eq!((typed.context.as_deref(), typed.namespace.as_deref(), typed.from), (Some("prod"), Some("shop"), None));
        assert_eq!(parse("meshctl --from=demo").from.as_deref(), Some("demo"));
    }
}
