//! What ports and programs answered, found again by what is asked for today: the recordings keep it under names of their own.

use super::protobuf;
use meshctl::facts::{Answer, Channel, Facts, Grpc, Need, Outcome, Purpose, exposition, grpc, kinds};
use meshctl::mesh;
use prost::Message;
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
        // What is shown of proxies without a dump. Objects by name stand in the lists.
        let pods = known.objects(&kinds::POD).to_vec();
        needs.extend(pods.iter().flat_map(|pod| mesh::proxy::needs(&known, pod, &mesh::proxy::Part::ALL)));
        needs.extend(mesh::origin::needs(&known, &pods.iter().collect::<Vec<_>>()));
        needs.retain(|need| !matches!(need, Need::Get { .. }));
        needs.retain(|need| !known.has(need));
        needs.sort();
        needs.dedup();
        for need in needs {
            let outcome = match &need {
                Need::PodMetrics { namespace, pod, port, names, .. } => metrics(folder, namespace, pod, *port, names),
                Need::PodGet { namespace, pod, port: 4191, path } => admin(folder, namespace, pod, path),
                Need::PodGet { pod, path, .. } => envoy(folder, pod, path),
                Need::Http(question) => server(folder, &question.path),
                Need::Exec { command, .. } => program(folder, command),
                // Only the proxies' own ports were dialed.
                Need::Tls { namespace, pod, port: 4191, .. } => {
                    text(&folder.join(format!("proxies/{namespace}.{pod}/tls-chain.pem"))).map(Outcome::Text)
                }
                Need::Grpc(call) => controller(folder, call),
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
    let own = folder.join(format!("proxies/{namespace}.{pod}"));
    // Of a pod that was not running yet.
    let of_proxy = own.join(if own.join("metrics.txt").exists() { "metrics.txt" } else { "apiserver-proxy-metrics.txt" });
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

/// `proxies/NAMESPACE.POD/env.json`
fn admin(folder: &Path, namespace: &str, pod: &str, path: &str) -> Option<Outcome> {
    let own = folder.join(format!("proxies/{namespace}.{pod}"));
    let file = match path {
        "metrics" => "metrics.txt",
        "env.json" => "env.json",
        "proxy-log-level" => "proxy-log-level.txt",
        _ => return None,
    };
    text(&own.join(file)).map(bytes)
}

#[derive(Clone, PartialEq, Message)]
struct Asked {
    /// The workload that is asked about, or calls.
    #[prost(string, tag = "1")]
    first: String,
}

/// `grpc/NAME.json`, whose line in `index.tsv` has the request as JSON.
fn controller(folder: &Path, call: &Grpc) -> Option<Outcome> {
    let service_and_method = call.method.strip_prefix('/')?;
    let lines = text(&folder.join("index.tsv"))?;
    let asked = |line: &str| -> Option<Value> {
        let (_, request) = line.split_once(" -d ")?;
        serde_json::Deserializer::from_str(request).into_iter::<Value>().next()?.ok()
    };
    let same = |line: &&str| line.ends_with(service_and_method) && asked(line).is_some_and(|json| is_asked(call, &json));
    let file = lines.lines().find(same)?.split('\t').next()?;
    let message = match call.short_method() {
        "Destination/Get" => "Update",
        "Destination/GetProfile" => "DestinationProfile",
        "InboundServerPolicies/GetPort" => "Server",
        _ => "OutboundPolicy",
    };
    let all = text(&folder.join(file))?;
    let messages: Vec<Vec<u8>> = serde_json::Deserializer::from_str(&all)
        .into_iter::<Value>()
        .map_while(Result::ok)
        .map(|json| protobuf::encode(message, &json))
        .collect();
    let joined = grpc::join(messages.iter().map(Vec::as_slice));
    (!messages.is_empty()).then(|| Outcome::Bytes(Arc::new(joined)))
}

/// The names in a request, whatever else it says.
fn is_asked(call: &Grpc, json: &Value) -> bool {
    let text = String::from_utf8_lossy(&call.request);
    let workload = |key: &str| serde_json::from_str::<Value>(json[key].as_str()?).ok();
    let own = |wanted: Option<Value>| {
        let read = Asked::decode(call.request.as_slice()).ok().and_then(|asked| serde_json::from_str::<Value>(&asked.first).ok());
        wanted == read
    };
    match call.short_method() {
        "InboundServerPolicies/GetPort" => {
            let port = json["port"].as_u64().map(|port| protobuf::encode("Tcp", &serde_json::json!({ "port": port })));
            own(workload("workload")) && port.is_some_and(|port| call.request.ends_with(&port))
        }
        "OutboundPolicies/Get" => {
            own(workload("source_workload")) && json["authority"].as_str().is_some_and(|at| text.ends_with(at))
        }
        _ => json["path"].as_str().is_some_and(|at| text.ends_with(at)),
    }
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
