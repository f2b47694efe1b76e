//! What istioctl users type and meshctl doesn't have: told by name, with what to use instead.

use crate::error::{Error, Kind};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::ffi::OsString;

/// Names of a command of istioctl, and what does the same today.
struct Absent {
    names: &'static [&'static str],
    instead: &'static str,
}

const fn absent(names: &'static [&'static str], instead: &'static str) -> Absent {
    Absent { names, instead }
}

/// When a command arrives, its line goes; `commands_that_exist_are_not_absent` below sees to it.
const ABSENT: &[Absent] = &[
    absent(&["kube-inject"], "istioctl kube-inject"),
    absent(&["waypoint"], "istioctl waypoint"),
    absent(&["dashboard", "dash", "d"], "istioctl dashboard"),
    absent(&["bug-report"], "istioctl bug-report"),
    absent(&["validate", "v"], "istioctl validate, or kubectl apply --dry-run=server"),
    absent(&["authz"], "istioctl x authz check"),
    absent(&["x", "experimental"], "istioctl experimental"),
    absent(&["admin", "istiod"], "istioctl admin"),
    absent(&["create-remote-secret"], "istioctl create-remote-secret"),
    absent(&["remote-clusters"], "istioctl remote-clusters"),
    absent(&["verify-install"], "istioctl analyze; istioctl itself dropped verify-install in 1.24"),
];

/// A better error for something that another tool has; `None` leaves clap's own.
pub fn explain(args: &[OsString], error: &clap::Error) -> Option<Error> {
    let named = |kind: ContextKind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let word = named(ContextKind::InvalidSubcommand)?;
            match word {
                "completion" => {
                    return Some(Error::new(Kind::Usage, "there is no command `completion`").hint("meshctl completions bash"));
                }
                "options" => {
                    return Some(Error::new(Kind::Usage, "there is no command `options`").hint("meshctl --help lists them"));
                }
                _ => {}
            }
            let absent = ABSENT.iter().find(|absent| absent.names.contains(&word))?;
            Some(
                Error::new(Kind::Usage, format!("`{word}` isn't in this version of meshctl yet"))
                    .hint(format!("until then: {}", absent.instead))
                    .hint("meshctl --help lists what is there"),
            )
        }
        ErrorKind::UnknownArgument => {
            let flag = named(ContextKind::InvalidArg)?;
            let hint = flag_hint(flag.split('=').next().unwrap_or(flag), args)?;
            Some(Error::new(Kind::Usage, format!("there is no flag {flag}")).hint(hint))
        }
        _ => None,
    }
}

/// Flags of istioctl and kubectl that go by another name here.
fn flag_hint(flag: &str, args: &[OsString]) -> Option<String> {
    Some(match flag {
        "--use-kube" | "-k" => "name files with --from: meshctl analyze --from shop.yaml".to_owned(),
        "--filename" | "-f" | "-R" | "--recursive" => {
            let after = args.iter().skip_while(|word| word.to_string_lossy() != flag).nth(1);
            let path = after.map_or_else(|| "shop.yaml".into(), |word| word.to_string_lossy());
            format!("name files and folders with --from: --from {}", super::quoted(&path))
        }
        "--remote-contexts" => "name clusters with --context (again and again), or --all-contexts".to_owned(),
        "--failure-threshold" => "--fail-on info|warning|error|never".to_owned(),
        "--kubeclient-timeout" | "--timeout" => "--request-timeout 15s".to_owned(),
        "--istioNamespace" | "-i" => "the mesh is found wherever it is installed; leave it out".to_owned(),
        "--json" => "-o json".to_owned(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_that_exist_are_not_absent() {
        let command = crate::cli::command();
        let here: Vec<&str> = command.get_subcommands().flat_map(|sub| sub.get_name_and_visible_aliases()).collect();
        for name in ABSENT.iter().flat_map(|absent| absent.names) {
            assert!(!here.contains(name), "{name} is a command; take it out of ABSENT");
        }
    }
}
