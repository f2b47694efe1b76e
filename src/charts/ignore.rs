//! `.helmignore`: which files of a folder are no part of its chart.

use regex::Regex;

struct Rule {
    pattern: Regex,
    negated: bool,
    only_folders: bool,
    /// With a slash in it, the whole path is compared, else the last name.
    whole: bool,
}

pub struct Ignore(Vec<Rule>);

impl Ignore {
    /// The rules of the file, and Helm's own: no dotfiles among templates.
    pub fn parse(text: &str) -> Result<Ignore, String> {
        let mut rules = Vec::new();
        for line in text.trim_start_matches('\u{feff}').lines().chain(["templates/.?*"]) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if line.contains("**") {
                return Err("double-star (**) syntax is not supported in .helmignore".to_owned());
            }
            let (negated, rest) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
            let (only_folders, rest) = rest.strip_suffix('/').map_or((false, rest), |rest| (true, rest));
            let whole = rest.contains('/');
            let pattern =
                pattern(rest.strip_prefix('/').unwrap_or(rest)).ok_or_else(|| format!("bad pattern {line:?} in .helmignore"))?;
            rules.push(Rule { pattern, negated, only_folders, whole });
        }
        Ok(Ignore(rules))
    }

    pub fn ignores(&self, path: &str, is_folder: bool) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        for rule in &self.0 {
            let fits = rule.pattern.is_match(if rule.whole { path } else { name });
            if rule.negated {
                if (rule.only_folders && !is_folder) || !fits {
                    return true;
                }
                continue;
            }
            if fits && (is_folder || !rule.only_folders) {
                return true;
            }
        }
        false
    }
}

/// Go's `filepath.Match`.
fn pattern(glob: &str) -> Option<Regex> {
    let mut out = String::from("^(?s:");
    let mut chars = glob.chars();
    while let Some(c) = chars.next() {
        match c {
            '*' => out.push_str("[^/]*"),
            '?' => out.push_str("[^/]"),
            '\\' => out.push_str(&regex::escape(&chars.next()?.to_string())),
            '[' => {
                let rest = chars.as_str();
                let end = rest.find(']')?;
                out.push_str(&format!("[{}]", &rest[..end]));
                chars = rest[end + 1..].chars();
            }
            c => out.push_str(&regex::escape(&c.to_string())),
        }
    }
    Regex::new(&(out + ")$")).ok()
}
