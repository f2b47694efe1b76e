//! What a ztunnel, ambient's proxy of a node, says it knows: the answer of its `config_dump`, which is no Envoy's.
//!
//! Its lists are JSON lists or maps, by version; both are read. What a version lacks is empty.

mod rows;

pub use rows::Filter;

use crate::envoy::redact;
use serde::de::{DeserializeOwned, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

/// The pods of ztunnels, as every chart labels them.
pub const LABELS: &str = "app=ztunnel";

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Dump {
    #[serde(deserialize_with = "list_or_map")]
    pub workloads: Vec<Element<Workload>>,
    #[serde(deserialize_with = "list_or_map")]
    pub services: Vec<Element<Service>>,
    #[serde(deserialize_with = "list_or_map")]
    pub policies: Vec<Element<Policy>>,
    #[serde(deserialize_with = "list_or_map")]
    pub certificates: Vec<Element<Certificates>>,
    #[serde(alias = "workloadstate", deserialize_with = "list_or_map")]
    pub workload_state: Vec<Element<State>>,
}

impl Dump {
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let keys: BTreeMap<String, serde::de::IgnoredAny> =
            serde_json::from_slice(bytes).map_err(|e| format!("it is no dump of a ztunnel: {e}"))?;
        if keys.contains_key("configs") {
            return Err("it is an Envoy's config dump; meshctl proxy-config reads it".to_owned());
        }
        if !["workloads", "services", "certificates"].iter().any(|key| keys.contains_key(*key)) {
            return Err("it is JSON, but no dump of a ztunnel".to_owned());
        }
        serde_json::from_slice(bytes).map_err(|e| format!("it is no dump of a ztunnel: {e}"))
    }
}

/// An element of a list, and the same as the ztunnel printed it.
#[derive(Debug)]
pub struct Element<T> {
    value: T,
    pub config: Value,
}

impl<T> Deref for Element<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Element<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut config = Value::deserialize(deserializer)?;
        let value = T::deserialize(&config).map_err(D::Error::custom)?;
        redact::mask(&mut config);
        Ok(Element { value, config })
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Workload {
    pub uid: String,
    pub workload_ips: Vec<String>,
    pub waypoint: Option<Gateway>,
    pub protocol: String,
    pub name: String,
    pub namespace: String,
    pub node: String,
    pub status: String,
    pub hostname: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Gateway {
    pub destination: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Service {
    pub name: String,
    pub namespace: String,
    pub hostname: String,
    /// `NETWORK/ADDRESS`.
    pub vips: Vec<String>,
    pub waypoint: Option<Gateway>,
    #[serde(deserialize_with = "list_or_map")]
    pub endpoints: Vec<Endpoint>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Endpoint {
    pub workload_uid: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Policy {
    pub name: String,
    pub namespace: String,
    pub scope: String,
    pub action: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Certificates {
    pub identity: String,
    /// A text, or an object with the reason.
    pub state: Value,
    pub cert_chain: Vec<Certificate>,
    pub root_certs: Vec<Certificate>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Certificate {
    /// Decimal.
    pub serial_number: String,
    pub valid_from: String,
    pub expiration_time: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct State {
    pub info: Info,
    pub connections: Connections,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Info {
    pub name: String,
    pub namespace: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Connections {
    pub inbound: Vec<Connection>,
    pub outbound: Vec<Connection>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Connection {
    pub src: String,
    pub original_dst: Option<String>,
    pub actual_dst: String,
    pub protocol: String,
}

fn list_or_map<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    struct Either<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
        type Value = Vec<T>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list or a map")
        }
        fn visit_unit<E>(self) -> Result<Vec<T>, E> {
            Ok(Vec::new())
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
            let mut all = Vec::new();
            while let Some(one) = seq.next_element()? {
                all.push(one);
            }
            Ok(all)
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<T>, A::Error> {
            let mut all = Vec::new();
            while let Some((_, one)) = map.next_entry::<serde::de::IgnoredAny, T>()? {
                all.push(one);
            }
            Ok(all)
        }
    }
    deserializer.deserialize_any(Either(PhantomData))
}

#[cfg(test)]
mod tests;
