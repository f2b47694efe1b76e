//! What ports and programs answered, found again by what is asked for today: the recordings keep it under names of their own.

use meshctl::facts::{Answer, Channel, Facts, Need, Outcome, Purpose, exposition};
use meshctl::mesh;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

/// Asks in rounds, as a live cluster is asked.
pub fn answer(facts: &mut Facts, folder: &Path) {
    // What has no answer here is known to have none, and stays out of the recording.
    let mut known = facts.clone();
    let decide = Purpose::Decide { window: "7d".to_owned(), flows: None };
    let purposes = [Purpose::Sync(Channel::default()), Purpose::Health { proxies: true, deep: false }, decide];
    for _ in 0..4 {
        let mut needs: Vec<Need> = purposes.iter().flat_map(|purpose| mesh::needs(&known, purpose)).collect();
        needs.retain(|need| !known.has(need));
        needs.sort();
        needs.dedup();
        for need in needs {
            let outcome = match &need {
                Need::PodMetrics { namespace, pod, port, names, .. } => metrics(folder, namespace, pod, *port, names),
                Need::PodGet { pod, path, .. } => envoy(folder, pod, path),
                Need::Http(question) => server(folder, &question.path),
                Need::Exec { command, .. } => program(folder, command),
                _ => None,
            };
            let answered = outcome.is_some();
            let outcome = outcome.unwrap_or_else(|| Outcome::NotAsked(String::new()));
            let answer = Answer { outcome, at: facts.now, partial: None };
            known.insert(need.clone(), answer.clone());
            if answered {
                facts.insert(need, answer);
            }
        }
    }
}

fn text(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

fn json(path: &Path) -> Option<Value> {
    serde_json::from_str(&text(path)?).ok()
}

fn bytes(text: String) -> Outcome {
    Outcome::Bytes(Arc::new(text.into_bytes()))
}

/// `proxies/NAMESPACE.POD/metrics.txt`, or `controlplane/POD.CONTAINER-PORT.metrics.txt`.
fn metrics(folder: &Path, namespace: &str, pod: &str, port: u16, names: &[String]) -> Option<Outcome> {
    let of_proxy = folder.join(format!("proxies/{namespace}.{pod}/metrics.txt"));
    let of_plane = || {
        let end = format!("-{port}.metrics.txt");
        let all = std::fs::read_dir(folder.join("controlplane")).ok()?.flatten().map(|entry| entry.path());
        let fits = |path: &Path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.starts_with(&format!("{pod}.")) && name.ends_with(&end)
        };
        text(&all.into_iter().find(|path| fits(path))?)
    };
    let found = if port == 4191 { text(&of_proxy) } else { of_plane() };
    Some(Outcome::Text(exposition::keep(&found?, names)))
}

/// `envoy/DEPLOYMENT/`, whose `pod.txt` says whose it is.
fn envoy(folder: &Path, pod: &str, path: &str) -> Option<Outcome> {
    let all = std::fs::read_dir(folder.join("envoy")).ok()?.flatten().map(|entry| entry.path());
    let of_pod = |folder: &Path| text(&folder.join("pod.txt")).is_some_and(|name| name.trim() == pod);
    let own = all.into_iter().find(|folder| of_pod(folder))?;
    match path.split_once('?').map_or(path, |(path, _)| path) {
        "config_dump" => text(&own.join("config_dump.json")).map(bytes),
        "certs" => text(&own.join("certs.json")).map(bytes),
        "stats" => json(&own.join("stats.json")).map(|stats| bytes(counters(&stats))),
        _ => None,
    }
}

/// As `/stats` prints them. Zeros were left out, so what is asked by name and is not there is one.
fn counters(stats: &Value) -> String {
    let all = stats["stats"].as_array().into_iter().flatten();
    let mut found: BTreeMap<&str, String> =
        all.filter_map(|stat| Some((stat["name"].as_str()?, stat["value"].to_string()))).collect();
    found.entry("control_plane.connected_state").or_insert_with(|| "0".to_owned());
    found.iter().fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "{name}: {value}");
        text
    })
}

/// `consul/NAME.json`, whose `index.txt` says of which path it is.
fn server(folder: &Path, path: &str) -> Option<Outcome> {
    let index = text(&folder.join("consul/index.txt"))?;
    let asked = format!("GET /{path}");
    let line =
        index.lines().map(|line| line.split('\t').collect::<Vec<_>>()).find(|line| line.get(2) == Some(&asked.as_str()))?;
    match line[1] {
        "200" => text(&folder.join(format!("consul/{}.json", line[0]))).map(bytes),
        "000" => Some(Outcome::Failed("nothing listens".to_owned())),
        "403" => Some(Outcome::Forbidden(format!("it answers 403 to {path}"))),
        status => Some(Outcome::Failed(format!("it answers {status} to {path}"))),
    }
}

/// `agent/status.json` of `… status -o json`; of an agent that is down, what the program said of it.
fn program(folder: &Path, command: &[String]) -> Option<Outcome> {
    let words: Vec<&str> = command.iter().skip(1).map(String::as_str).take_while(|word| !word.starts_with('-')).collect();
    let came = text(&folder.join(format!("agent/{}.json", words.join("-")))).map(bytes);
    let down = || Some(Outcome::Failed(text(&folder.join("cilium-dbg-status.txt"))?.lines().next()?.to_owned()));
    came.or_else(down)
}
