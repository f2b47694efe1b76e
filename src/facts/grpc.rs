//! A call over gRPC. Messages are bytes here: what they mean is for whoever asked.

use super::{At, RootIn};
use serde::{Deserialize, Serialize};

/// One call to a server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Grpc {
    pub at: At,
    /// `/package.Service/Method`
    pub method: String,
    /// The request, encoded.
    #[serde(with = "in_base64")]
    pub request: Vec<u8>,
    pub take: Take,
    /// `None`: in the clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<RootIn>,
}

/// How much of the answer is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Take {
    /// The only message.
    One,
    /// What a stream without an end says at first, until it pauses.
    First,
    /// Until the stream ends, and at most so many messages.
    Upto(u32),
}

impl Grpc {
    /// `Destination/Get`
    pub fn short_method(&self) -> &str {
        let start = self.method.rfind('/').and_then(|slash| self.method[..slash].rfind(['.', '/']));
        self.method.get(start.map_or(0, |at| at + 1)..).unwrap_or(&self.method)
    }
}

/// Messages as one answer: each after its length, as gRPC's own files of messages have it.
pub fn join<'m>(messages: impl IntoIterator<Item = &'m [u8]>) -> Vec<u8> {
    let mut all = Vec::new();
    for message in messages {
        // A vector takes whatever is written.
        let _ = prost::encode_length_delimiter(message.len(), &mut all);
        all.extend_from_slice(message);
    }
    all
}

/// The messages of an answer; one that is cut off is left out.
pub fn messages(mut answer: &[u8]) -> Vec<&[u8]> {
    let mut all = Vec::new();
    while !answer.is_empty() {
        let Ok(length) = prost::decode_length_delimiter(&mut answer) else { break };
        let Some((message, rest)) = answer.split_at_checked(length) else { break };
        all.push(message);
        answer = rest;
    }
    all
}

mod in_base64 {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_method_has_a_short_name_and_a_need_reads_back() {
        let at = At::Pod { namespace: "l5d".into(), pod: "d-1".into(), port: 8086 };
        let call = Grpc { at, method: "/io.proxy.Destination/Get".into(), request: vec![0, 255], take: Take::Upto(3), tls: None };
        assert_eq!(call.short_method(), "Destination/Get");
        let text = serde_json::to_string(&call).expect("JSON");
        assert!(text.contains(r#""request":"AP8=""#), "{text}");
        assert_eq!(serde_json::from_str::<Grpc>(&text).expect("the call"), call);
    }

    proptest! {
        #[test]
        fn what_is_joined_comes_apart(all in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..5), cut in 0..99_usize) {
            let joined = join(all.iter().map(Vec::as_slice));
            prop_assert_eq!(messages(&joined), all.iter().map(Vec::as_slice).collect::<Vec<_>>());
            let cut = joined.len().saturating_sub(cut);
            prop_assert!(messages(&joined[..cut]).len() <= all.len());
        }
        #[test]
        fn hostile_answers(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let held: usize = messages(&bytes).iter().map(|one| one.len()).sum();
            prop_assert!(held <= bytes.len());
        }
    }
}
