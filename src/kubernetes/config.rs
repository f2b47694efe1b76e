//! What a container is told: environment, command, and the ConfigMaps it reads.

use super::proxies;
use super::view::{self, Text};
use super::world::{ConfigMap, World, namespace_of};
use crate::facts::kinds;
use crate::model::{Evidence, Workload, WorkloadId, WorkloadKind};
use std::collections::BTreeMap;

/// One text that a container is given under a name.
pub struct Setting {
    /// Variable or flag; empty for a positional word.
    pub name: String,
    /// With `$(VAR)` filled in.
    pub value: String,
    /// The word after it, for `--host db` and `nc -z db 5432`.
    pub next: Option<String>,
    /// The word before it.
    pub previous: Option<String>,
    pub origin: Origin,
    pub container: String,
    /// In an init container that isn't a native sidecar.
    pub init: bool,
    /// From a ConfigMap that many read whole.
    pub shared: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Env { from: Option<String> },
    Word { list: &'static str, index: usize },
}

impl Setting {
    /// Where it stands, with what was found there.
    pub fn evidence(&self, workload: &Workload, text: String) -> Evidence {
        let list = if self.init { "initContainers" } else { "containers" };
        let prefix = pod_spec_path(workload.kind);
        let tail = match &self.origin {
            Origin::Env { from: None } => format!("env[{}]", self.name),
            Origin::Env { from: Some(source) } => format!("env[{}] from {source}", self.name),
            Origin::Word { list, index } => format!("{list}[{index}]"),
        };
        let field = format!("{prefix}.{list}[{}].{tail}", self.container);
        Evidence { place: workload.place.clone(), ..Evidence::new(workload.title(), field, text) }
    }
}

/// Where the pod's spec stands in an object of this kind.
pub fn pod_spec_path(kind: WorkloadKind) -> &'static str {
    match kind {
        WorkloadKind::Pod => "spec",
        WorkloadKind::CronJob => "spec.jobTemplate.spec.template.spec",
        _ => "spec.template.spec",
    }
}

/// Reads the ConfigMaps that some template names, and notes who reads them whole.
pub fn collect(world: &mut World) {
    let mut named: BTreeMap<(String, String), Vec<WorkloadId>> = BTreeMap::new();
    for (id, spec) in world.templates.iter().enumerate() {
        let namespace = &world.model.workloads[id].namespace;
        let whole =
            mounted(spec).chain(containers(spec).flat_map(|(c, _)| c.env_from.iter().filter_map(|e| e.config_map.as_ref())));
        for name in whole.map(|r| &r.name.0) {
            named.entry((namespace.clone(), name.clone())).or_default().push(id);
        }
        for (container, _) in containers(spec) {
            for key in container.env.iter().filter_map(|e| e.from.as_ref()?.config_map.as_ref()) {
                named.entry((namespace.clone(), key.name.0.clone())).or_default();
            }
        }
    }
    for object in world.facts.objects(&kinds::CONFIG_MAP) {
        let namespace = namespace_of(object);
        let Some(readers) = named.get(&(namespace.to_owned(), object.name.to_string())) else { continue };
        // Every pod mounts the cluster's own root certificate.
        if &*object.name == "kube-root-ca.crt" {
            continue;
        }
        match object.read::<view::ConfigMap>() {
            Ok(view) => {
                let config_map = ConfigMap { object, data: view.data, readers: readers.iter().copied().collect() };
                world.config_maps.entry(namespace.to_owned()).or_default().insert(object.name.to_string(), config_map);
            }
            Err(error) => world.model.add_not_seen(crate::model::NotSeen {
                what: format!("ConfigMap {namespace}/{}", object.name),
                outcome: "failed".to_owned(),
                why: error.to_string(),
                leaves_open: "addresses in it are not among the edges".to_owned(),
            }),
        }
    }
}

/// ConfigMaps that a pod mounts.
pub fn mounted(spec: &view::PodSpec) -> impl Iterator<Item = &view::NameRef> {
    spec.volumes.iter().flat_map(|v| {
        let projected = v.projected.iter().flat_map(|p| p.sources.iter().filter_map(|s| s.config_map.as_ref()));
        v.config_map.iter().chain(projected)
    })
}

/// The application's own containers, with whether each runs only at the start.
pub fn containers(spec: &view::PodSpec) -> impl Iterator<Item = (&view::Container, bool)> {
    let init = spec.init_containers.iter().map(|c| (c, &*c.restart_policy != "Always"));
    init.chain(spec.containers.iter().map(|c| (c, false))).filter(|(c, _)| !proxies::is_proxy(&c.name, &c.image))
}

/// Everything that the containers of a workload are told, ConfigMap files apart.
pub fn settings(world: &World, namespace: &str, spec: &view::PodSpec) -> Vec<Setting> {
    let mut all = Vec::new();
    let config_map = |name: &str| world.config_maps.get(namespace).and_then(|maps| maps.get(name));
    for (container, init) in containers(spec) {
        let mut known: BTreeMap<String, String> = BTreeMap::new();
        let env = |name: &str, value: String, from: Option<String>, shared: bool| Setting {
            name: name.to_owned(),
            value,
            next: None,
            previous: None,
            origin: Origin::Env { from },
            container: container.name.0.clone(),
            init,
            shared,
        };
        for source in &container.env_from {
            let Some(map) = source.config_map.as_ref().and_then(|r| config_map(&r.name)) else { continue };
            for (key, value) in &map.data {
                let name = format!("{}{key}", &*source.prefix);
                let from = format!("ConfigMap {namespace}/{} data[{key}]", map.object.name);
                known.insert(name.clone(), value.0.clone());
                all.push(env(&name, value.0.clone(), Some(from), map.is_shared()));
            }
        }
        for var in &container.env {
            let key = var.from.as_ref().and_then(|f| f.config_map.as_ref());
            let (value, from) = match key {
                Some(key) => {
                    let value = config_map(&key.name).and_then(|map| map.data.get(&*key.key)).map(|v| v.0.clone());
                    (value.unwrap_or_default(), Some(format!("ConfigMap {namespace}/{} data[{}]", &*key.name, &*key.key)))
                }
                None => (expand(&var.value, &known, false), None),
            };
            known.insert(var.name.0.clone(), value.clone());
            if !value.is_empty() {
                all.push(env(&var.name, value, from, false));
            }
        }
        all.extend(words(container, init, &known));
    }
    all
}

/// Command and arguments, cut into words as a shell would cut `sh -c "…"`.
fn words(container: &view::Container, init: bool, known: &BTreeMap<String, String>) -> Vec<Setting> {
    let lists = [("command", &container.command), ("args", &container.args)];
    let mut words: Vec<(&'static str, usize, String)> = Vec::new();
    for (list, items) in lists {
        for (index, Text(item)) in items.iter().enumerate() {
            let item = expand(item, known, true);
            let cut = item.split(|c: char| c.is_whitespace() || matches!(c, ';' | '"' | '\'' | '(' | ')' | '|' | '&' | '`'));
            // Only a script is cut; an argument with a blank in it, such as a connection string, stays whole too.
            if item.contains(char::is_whitespace) && item.contains('=') && item.len() < 4096 {
                words.push((list, index, item.clone()));
            }
            words.extend(cut.filter(|w| !w.is_empty()).map(|w| (list, index, w.to_owned())));
        }
    }
    let texts: Vec<String> = words.iter().map(|(_, _, word)| word.clone()).collect();
    let setting = |(at, (list, index, word)): (usize, (&'static str, usize, String))| {
        let flag = word.starts_with('-').then(|| word.trim_start_matches('-').split_once('=')).flatten();
        let (name, value) = match flag {
            Some((name, value)) => (name.to_owned(), value.to_owned()),
            None => (String::new(), word),
        };
        Setting {
            name,
            value,
            next: texts.get(at + 1).cloned(),
            previous: at.checked_sub(1).and_then(|i| texts.get(i).cloned()),
            origin: Origin::Word { list, index },
            container: container.name.0.clone(),
            init,
            shared: false,
        }
    };
    words.into_iter().enumerate().map(setting).collect()
}

/// Fills in `$(VAR)` as the kubelet does (`$$` escapes), and `$VAR`/`${VAR}` as a shell does. Unknown ones stay.
fn expand(text: &str, known: &BTreeMap<String, String>, shell: bool) -> String {
    if !text.contains('$') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let (name, after) = match rest.as_bytes().first() {
            Some(b'(') => rest[1..].split_once(')').unwrap_or(("", rest)),
            Some(b'{') if shell => rest[1..].split_once('}').unwrap_or(("", rest)),
            _ if shell => rest.split_at(rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len())),
            _ => ("", rest),
        };
        match known.get(name) {
            // A value that grows without end is nobody's address.
            Some(value) if out.len() + value.len() < 64 * 1024 => {
                out.push_str(value);
                rest = after;
            }
            _ => out.push('$'),
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_filled_in() {
        let known = BTreeMap::from([("HOST".to_owned(), "cart".to_owned())]);
        for (text, shell, wanted) in [
            ("http://$(HOST):80", false, "http://cart:80"),
            ("$$(HOST)", false, "$(HOST)"),
            ("$(NOPE):1", false, "$(NOPE):1"),
            ("$(HOST", false, "$(HOST"),
            ("nc -z $HOST 80", true, "nc -z cart 80"),
            ("${HOST}:80", true, "cart:80"),
            ("${HOST}:80", false, "${HOST}:80"),
            ("$", true, "$"),
            ("é$(HOST)é", true, "écarté"),
        ] {
            assert_eq!(expand(text, &known, shell), wanted, "{text}");
        }
    }
}
