//! What kind of call an edge is.

use super::roles;
use crate::model::{EdgeClass, Model, Party, Role};

/// What is known of a reference when it is classed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hint<'a> {
    /// The environment variable, flag or key it stands in; empty if none.
    pub name: &'a str,
    /// Lowercase scheme; empty if none.
    pub scheme: &'a str,
    pub port: Option<u16>,
    /// It stands in an init container.
    pub init: bool,
}

const DATASTORE_PORTS: [u16; 19] =
    [6379, 6380, 26379, 5432, 3306, 33060, 27017, 27018, 9042, 11211, 9200, 9300, 2379, 2380, 1433, 1521, 26257, 5984, 7687];
const BROKER_PORTS: [u16; 10] = [9092, 9094, 5671, 5672, 15672, 4222, 6650, 61616, 1883, 2181];
const TELEMETRY_PORTS: [u16; 10] = [4317, 4318, 14268, 14250, 9411, 6831, 6832, 8125, 8126, 24224];
const DATASTORE_SCHEMES: [&str; 18] = [
    "redis",
    "rediss",
    "valkey",
    "postgres",
    "postgresql",
    "mysql",
    "mariadb",
    "mongodb",
    "mongodb+srv",
    "cassandra",
    "cql",
    "memcached",
    "sqlserver",
    "clickhouse",
    "couchbase",
    "neo4j",
    "bolt",
    "cockroachdb",
];
const BROKER_SCHEMES: [&str; 10] = ["amqp", "amqps", "kafka", "nats", "pulsar", "stomp", "mqtt", "mqtts", "plaintext", "sasl"];

/// The words of `OTEL_EXPORTER_ENDPOINT` or `otel.exporter.endpoint`, uppercase.
pub fn words(name: &str) -> Vec<String> {
    name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_ascii_uppercase).collect()
}

/// Variables that configure tracing, metrics or log shipping.
pub fn is_telemetry_name(name: &str) -> bool {
    let words = words(name);
    let any = |wanted: &[&str]| words.iter().any(|w| wanted.contains(&w.as_str()));
    any(&["OTEL", "OTLP", "ZIPKIN", "JAEGER", "STATSD", "FLUENTD", "FLUENTBIT", "LOGSTASH"])
        || words.first().is_some_and(|w| w == "DD")
}

/// Compiled into what the user's browser loads.
pub fn is_browser_name(name: &str) -> bool {
    ["VUE_APP_", "REACT_APP_", "NEXT_PUBLIC_", "VITE_", "EXPO_PUBLIC_", "GATSBY_"].iter().any(|prefix| name.starts_with(prefix))
}

/// The role of one end, by its workload or, failing that, by the Service's name.
pub fn role_of(model: &Model, party: &Party) -> Option<Role> {
    match party {
        Party::Workload(id) => model.workloads.get(*id).map(|w| w.role),
        Party::Service(name) => Some(roles::of_name(name.rsplit('/').next().unwrap_or_default())),
        Party::External(_) | Party::Outside => None,
    }
}

/// The class of an edge, traps first: who waits, whose browser it is, who only looks.
pub fn classify(model: &Model, from: &Party, to: &Party, hint: Hint) -> EdgeClass {
    if *from == Party::Outside {
        return EdgeClass::Entry;
    }
    let (from, to_role) = (role_of(model, from), role_of(model, to));
    if hint.init {
        return EdgeClass::WaitFor;
    }
    if is_browser_name(hint.name) {
        return EdgeClass::Browser;
    }
    match from {
        Some(Role::LoadGenerator) => return EdgeClass::LoadGenerator,
        Some(Role::Telemetry) if to_role == Some(Role::Telemetry) => return EdgeClass::Telemetry,
        // A collector that names an app reads it; the call graph runs the other way or not at all.
        Some(Role::Telemetry) if to_role.is_some() => return EdgeClass::Scrape,
        Some(Role::Telemetry) => return EdgeClass::Telemetry,
        _ => {}
    }
    if to_role == Some(Role::Telemetry) || is_telemetry_name(hint.name) {
        return EdgeClass::Telemetry;
    }
    match to_role {
        Some(Role::Datastore) => return EdgeClass::Datastore,
        Some(Role::Broker) => return EdgeClass::Broker,
        _ => {}
    }
    if from == Some(Role::Gateway) && to_role == Some(Role::App) {
        return EdgeClass::Entry;
    }
    if DATASTORE_SCHEMES.contains(&hint.scheme) {
        return EdgeClass::Datastore;
    }
    if BROKER_SCHEMES.contains(&hint.scheme) {
        return EdgeClass::Broker;
    }
    // An app that serves HTTP on a datastore's port is still an app.
    let spoken = matches!(hint.scheme, "http" | "https" | "grpc" | "dns") && matches!(to, Party::Workload(_));
    match hint.port {
        Some(port) if spoken && !TELEMETRY_PORTS.contains(&port) => EdgeClass::Rpc,
        Some(port) if DATASTORE_PORTS.contains(&port) => EdgeClass::Datastore,
        Some(port) if BROKER_PORTS.contains(&port) => EdgeClass::Broker,
        Some(port) if TELEMETRY_PORTS.contains(&port) => EdgeClass::Telemetry,
        _ => EdgeClass::Rpc,
    }
}

/// `http`, `grpc`, … from a scheme, or from what the Service's port says of itself.
pub fn protocol(scheme: &str, port: Option<&crate::model::ServicePort>) -> Option<String> {
    match scheme {
        "" => {}
        "dns" | "xds" => return Some("grpc".to_owned()),
        other => return Some(other.to_owned()),
    }
    let port = port?;
    if !port.app_protocol.is_empty() {
        return Some(port.app_protocol.rsplit('/').next().unwrap_or_default().to_owned());
    }
    let prefix = port.name.split('-').next().unwrap_or_default();
    matches!(prefix, "http" | "http2" | "https" | "grpc" | "tcp" | "tls" | "redis" | "mongo" | "mysql" | "udp")
        .then(|| prefix.to_owned())
}
