//! The state of proxies as istiod says it over xDS: one `ClientConfig` of Envoy's status service (CSDS) a proxy.
//!
//! Only the fields that are read are declared; protobuf passes over the rest.

use crate::mesh::sync::{Connection, Subscription, short, word};
use jiff::Timestamp;
use prost::Message;
use std::collections::BTreeMap;

/// Answered whether or not istiod's debug endpoint is on.
pub const TYPE: &str = "istio.io/debug/syncz";

const NOT_SENT: i32 = 2;
const STALE: i32 = 3;
const ERROR: i32 = 4;

#[derive(Clone, PartialEq, Message)]
struct DiscoveryResponse {
    #[prost(message, repeated, tag = "2")]
    resources: Vec<Any>,
}
#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(bytes = "bytes", tag = "2")]
    value: prost::bytes::Bytes,
}
#[derive(Clone, PartialEq, Message)]
struct ClientConfig {
    #[prost(message, optional, tag = "1")]
    node: Option<Node>,
    #[prost(message, repeated, tag = "3")]
    configs: Vec<GenericXdsConfig>,
}
#[derive(Clone, PartialEq, Message)]
struct Node {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(message, optional, tag = "3")]
    metadata: Option<Struct>,
}
#[derive(Clone, PartialEq, Message)]
struct Struct {
    #[prost(btree_map = "string, message", tag = "1")]
    fields: BTreeMap<String, Value>,
}
#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, optional, tag = "3")]
    text: Option<String>,
}
#[derive(Clone, PartialEq, Message)]
struct GenericXdsConfig {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(message, optional, tag = "5")]
    last_updated: Option<Moment>,
    #[prost(int32, tag = "6")]
    config_status: i32,
    #[prost(message, optional, tag = "8")]
    error_state: Option<UpdateFailureState>,
}
#[derive(Clone, Copy, PartialEq, Message)]
struct Moment {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}
#[derive(Clone, PartialEq, Message)]
struct UpdateFailureState {
    #[prost(string, tag = "3")]
    details: String,
}

/// Of a `DiscoveryResponse` in its bytes.
pub fn connections(bytes: &[u8], plane: usize) -> Result<Vec<Connection>, String> {
    let unreadable = |e: prost::DecodeError| format!("not what is known of it: {e}");
    let response = DiscoveryResponse::decode(prost::bytes::Bytes::copy_from_slice(bytes)).map_err(unreadable)?;
    let all = response.resources.into_iter().map(|one| ClientConfig::decode(one.value).map(|config| connection(config, plane)));
    all.collect::<Result<_, _>>().map_err(unreadable)
}

fn connection(config: ClientConfig, plane: usize) -> Connection {
    let node = config.node.unwrap_or_default();
    let mut fields = node.metadata.unwrap_or_default().fields;
    let mut told = |key: &str| fields.remove(key).and_then(|value| value.text).unwrap_or_default();
    let (proxy, namespace) = node.id.rsplit_once('.').map_or((node.id.as_str(), None), |(pod, ns)| (pod, Some(ns)));
    let mut types: Vec<Subscription> = config.configs.into_iter().map(subscription).collect();
    types.sort_by(|a, b| a.kind.cmp(&b.kind));
    Connection {
        proxy: proxy.to_owned(),
        namespace: namespace.map_or_else(|| word(&told("NAMESPACE")), word),
        cluster: word(&told("CLUSTER_ID")),
        kind: word(""),
        version: Some(told("ISTIO_VERSION")).filter(|version| !version.is_empty()).map(|version| word(&version)),
        plane,
        types,
    }
}

fn subscription(one: GenericXdsConfig) -> Subscription {
    let error = one.error_state.map(|state| state.details.trim().to_owned()).filter(|details| !details.is_empty());
    Subscription {
        kind: short(&one.type_url),
        sent: one.config_status != NOT_SENT,
        acknowledged: !matches!(one.config_status, STALE | ERROR),
        // What was never sent has Go's zero time, which is no time.
        at: one.last_updated.filter(|at| at.seconds > 0).and_then(|at| Timestamp::new(at.seconds, at.nanos).ok()),
        error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(status: i32, seconds: i64, details: &str) -> GenericXdsConfig {
        GenericXdsConfig {
            type_url: "type.googleapis.com/envoy.config.listener.v3.Listener".to_owned(),
            last_updated: Some(Moment { seconds, nanos: 0 }),
            config_status: status,
            error_state: (!details.is_empty()).then(|| UpdateFailureState { details: details.to_owned() }),
        }
    }

    fn text(value: &str) -> Value {
        Value { text: Some(value.to_owned()) }
    }

    #[test]
    fn a_client_config_says_what_the_debug_endpoint_says() {
        let fields = [("CLUSTER_ID", "east"), ("NAMESPACE", "shop"), ("ISTIO_VERSION", "1.29.0")];
        let metadata = Struct { fields: fields.map(|(key, value)| (key.to_owned(), text(value))).into() };
        let configs = vec![
            config(1, 1_700_000_000, ""),
            config(NOT_SENT, -62_135_596_800, ""),
            config(STALE, 1_700_000_000, ""),
            config(ERROR, 1_700_000_000, "no\n"),
        ];
        let one = ClientConfig { node: Some(Node { id: "web-0.shop".to_owned(), metadata: Some(metadata) }), configs };
        let response = DiscoveryResponse { resources: vec![Any { value: one.encode_to_vec().into() }] };
        let read = connections(&response.encode_to_vec(), 2).expect("its own bytes");
        let [one] = read.as_slice() else { panic!("one proxy") };
        assert_eq!((&*one.proxy, &*one.namespace, &*one.cluster, one.plane), ("web-0", "shop", "east", 2));
        assert_eq!(one.version.as_deref(), Some("1.29.0"));
        let states: Vec<_> = one.types.iter().map(|t| (t.sent, t.acknowledged, t.at.is_some(), t.error.as_deref())).collect();
        assert_eq!(
            states,
            [(true, true, true, None), (false, true, false, None), (true, false, true, None), (true, false, true, Some("no"))]
        );
    }

    #[test]
    fn bytes_that_are_none_of_it_are_told() {
        assert!(connections(b"<html>", 0).is_err());
        assert!(connections(&[], 0).expect("an empty fleet").is_empty());
    }
}
