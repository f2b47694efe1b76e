//! Log levels of proxies that take a filter as a whole, `warn,linkerd=info`, and answer with it.

use super::LogArgs;
use crate::commands::fleet::{self, Others, Proxy};
use crate::error::{Error, Kind, Result};
use crate::facts::{Object, Outcome};
use crate::mesh::proxy::log_levels;
use crate::source::visit::{Answers, Method, Questions};

const PATH: &str = "proxy-log-level";
/// What everything that no other part names has.
const EVERYTHING: &str = "(everything else)";

type Levels = std::result::Result<Vec<(String, String)>, String>;

struct Show;

impl Questions for Show {
    type Made = std::result::Result<String, String>;

    fn next(&self, _: usize, known: &Answers) -> Vec<String> {
        if known.is_empty() { vec![PATH.to_owned()] } else { Vec::new() }
    }

    fn done(&self, _: usize, known: Answers) -> Self::Made {
        match known.into_iter().next().map(|(_, answer)| answer.outcome) {
            Some(Outcome::Bytes(bytes)) => Ok(String::from_utf8_lossy(&bytes).trim().to_owned()),
            Some(other) => Err(other.why().to_owned()),
            None => Err("it was not asked".to_owned()),
        }
    }
}

/// One filter for each, or none where it is not known what stands there now.
struct Set {
    filters: Vec<Option<String>>,
}

impl Questions for Set {
    type Made = std::result::Result<(), String>;

    fn next(&self, number: usize, known: &Answers) -> Vec<String> {
        let there = self.filters.get(number).is_some_and(Option::is_some);
        if known.is_empty() && there { vec![PATH.to_owned()] } else { Vec::new() }
    }

    fn done(&self, _: usize, known: Answers) -> Self::Made {
        match known.into_iter().next().map(|(_, answer)| answer.outcome) {
            Some(Outcome::Bytes(_)) | None => Ok(()),
            Some(other) => Err(other.why().to_owned()),
        }
    }

    fn method(&self) -> Method {
        Method::Put
    }

    fn body(&self, number: usize) -> Vec<u8> {
        self.filters.get(number).cloned().flatten().unwrap_or_default().into_bytes()
    }
}

/// Shown, and set before if that is wanted.
pub fn levels(others: &[Others], args: &LogArgs) -> Result<Vec<(Proxy, Levels)>> {
    if others.is_empty() {
        return Ok(Vec::new());
    }
    let shown = fleet::visit_others(others, |_| Show)?;
    let parsed = |(proxy, filter): (Proxy, std::result::Result<String, String>)| (proxy, filter.map(|filter| parts(&filter)));
    if args.level.is_none() && !args.reset {
        return Ok(shown.into_iter().map(parsed).collect());
    }
    let pods: Vec<&Object> = others.iter().flat_map(|one| &one.pods).collect();
    let mut filters = Vec::new();
    for ((_, now), pod) in shown.iter().zip(pods) {
        filters.push(match &args.level {
            Some(level) => {
                let changed = now.as_ref().ok().map(|now| changed(now, level)).transpose();
                changed.map_err(|why| Error::new(Kind::Usage, format!("--level: {why}")))?
            }
            None => log_levels(pod),
        });
    }
    let set = fleet::visit_others(others, |pods| Set { filters: filters.drain(..pods.len()).collect() })?;
    let after = fleet::visit_others(others, |_| Show)?;
    let told = after.into_iter().zip(set).map(|((proxy, filter), (_, set))| (proxy, set.and(filter)));
    Ok(told.map(parsed).collect())
}

/// `warn,linkerd=info`
fn parts(filter: &str) -> Vec<(String, String)> {
    let one = |part: &str| match part.rsplit_once('=') {
        Some((target, level)) => (target.to_owned(), level.to_owned()),
        None => (EVERYTHING.to_owned(), part.to_owned()),
    };
    filter.split(',').map(str::trim).filter(|part| !part.is_empty()).map(one).collect()
}

/// `debug` is all of it; `linkerd_stack:trace` stands beside what was there.
fn changed(filter: &str, wanted: &str) -> std::result::Result<String, String> {
    let mut all = parts(filter);
    for part in wanted.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let Some((target, level)) = part.split_once(':') else {
            all = vec![(EVERYTHING.to_owned(), known(part)?.to_owned())];
            continue;
        };
        let target = target.trim();
        if target.is_empty() || !target.bytes().all(|b| b.is_ascii_alphanumeric() || b"_:-".contains(&b)) {
            return Err(format!("{target:?} is no module of the proxy, such as linkerd_stack"));
        }
        let level = known(level)?.to_owned();
        all.retain(|(there, _)| there != target);
        all.push((target.to_owned(), level));
    }
    let word = |(target, level): &(String, String)| match target.as_str() {
        EVERYTHING => level.clone(),
        target => format!("{target}={level}"),
    };
    Ok(all.iter().map(word).collect::<Vec<_>>().join(","))
}

fn known(level: &str) -> std::result::Result<&'static str, String> {
    const LEVELS: [&str; 6] = ["trace", "debug", "info", "warn", "error", "off"];
    let wanted = level.trim().to_ascii_lowercase();
    let wanted = match wanted.as_str() {
        "warning" => "warn",
        "critical" => "error",
        "none" => "off",
        other => other,
    };
    let found = LEVELS.iter().find(|level| **level == wanted).copied();
    found.ok_or_else(|| format!("{level:?} is no level; these are: {}", LEVELS.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_for_everything_replaces_the_filter_and_one_for_a_module_stands_beside_it() {
        let now = "_access_log=off,linkerd=info,[{request}]=off,warn";
        assert_eq!(parts(now).len(), 4);
        assert_eq!(changed(now, "debug").as_deref(), Ok("debug"));
        assert_eq!(changed("warn,linkerd=info", "linkerd:Trace").as_deref(), Ok("warn,linkerd=trace"));
        assert_eq!(changed("warn", "warning,linkerd_app:debug").as_deref(), Ok("warn,linkerd_app=debug"));
        for wrong in ["loud", "linkerd:loud", "a=b:debug", ":debug", "a,,b:debug"] {
            assert!(changed("warn", wrong).is_err(), "{wrong}");
        }
    }
}
