//! CiliumEnvoyConfigs beside what the node's Envoy runs: each listener that one writes has to be there, under the object's
//! name. The agent gives Envoy's dump, whether Envoy is embedded in it or a DaemonSet of its own.

use super::Agent;
use crate::envoy::{Dump, Section, Want};
use crate::facts::{Facts, Need, Outcome, Resource, kinds};
use crate::mesh::sync::{Health, Part};
use crate::mesh::view::nullable;
use serde::Deserialize;

const KINDS: [&Resource; 2] = [&kinds::CILIUM_ENVOY_CONFIG, &kinds::CILIUM_CLUSTERWIDE_ENVOY_CONFIG];
const LISTENER: &str = "type.googleapis.com/envoy.config.listener.v3.Listener";

pub fn lists() -> [Need; 2] {
    KINDS.map(Need::list)
}

fn dump(agent: &Agent) -> Need {
    agent.run(&["envoy", "admin", "config", "all"])
}

/// Dumps are big, and asked for only where something is written.
pub fn needs(known: &Facts, agent: &Agent) -> Option<Need> {
    let written = KINDS.iter().any(|kind| !known.objects(kind).is_empty());
    written.then(|| dump(agent))
}

/// A listener as an object writes it, and as Envoy has to call it.
struct Written {
    title: String,
    name: String,
}

fn written(facts: &Facts) -> Vec<Written> {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Config {
        spec: Spec,
    }
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Spec {
        #[serde(deserialize_with = "nullable")]
        resources: Vec<One>,
    }
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct One {
        #[serde(rename = "@type")]
        kind: String,
        #[serde(deserialize_with = "nullable")]
        name: String,
    }
    let mut all = Vec::new();
    for kind in KINDS {
        facts.read::<Config>(kind, |object, config| {
            let title = match &*object.namespace {
                "" => format!("{} {}", kind.kind, object.name),
                namespace => format!("{} {namespace}/{}", kind.kind, object.name),
            };
            let listeners = config.spec.resources.into_iter().filter(|one| one.kind == LISTENER && !one.name.is_empty());
            // One without a namespace keeps the slash.
            let name = |one: One| format!("{}/{}/{}", object.namespace, object.name, one.name);
            all.extend(listeners.map(|one| Written { title: title.clone(), name: name(one) }));
        });
    }
    all
}

/// Nothing where nothing is written.
pub fn part(facts: &Facts, agent: &Agent) -> Option<Part> {
    let written = written(facts);
    if written.is_empty() {
        return None;
    }
    let unknown = |why: String| Some(Part::of("ENVOY", vec![(Health::Unknown, why)]));
    let text = match facts.get(&dump(agent)).map(|answer| &answer.outcome) {
        Some(Outcome::Bytes(bytes)) => String::from_utf8_lossy(bytes),
        other => return unknown(format!("its Envoy gave no dump: {}", other.map_or("nobody asked", Outcome::why))),
    };
    let dump = match Dump::read(&text, Want { sections: &[Section::Listeners], raw: false }) {
        Ok(dump) => dump,
        Err(unusable) => return unknown(format!("its Envoy's dump can't be read: {}", unusable.why)),
    };
    let found = written.iter().filter_map(|one| {
        let there = dump.listeners.iter().find(|listener| listener.name.some() == Some(one.name.as_str()));
        match there {
            None => Some((Health::Stale, format!("{}: Envoy has no listener {}", one.title, one.name))),
            Some(listener) => {
                let rejected = listener.rejected.as_ref()?;
                Some((Health::Rejected, format!("{}: listener {} was refused: {}", one.title, one.name, &*rejected.details)))
            }
        }
    });
    Some(Part::of("ENVOY", found.collect()))
}
