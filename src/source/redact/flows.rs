//! Flows of a network: who called whom is kept, and nothing of what was said. A flow of layer 7 holds paths, headers and
//! names that were looked up, so fields are chosen, not struck out: what a newer agent adds stays out too.

use crate::facts::{Grpc, grpc};
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, encode_key, encode_varint, skip_field};

/// The method whose answers these are.
const METHOD: &str = "/observer.Observer/GetFlows";

/// Numbers of the fields on the way to what is kept, of `GetFlowsResponse`. Where nothing has the last number, the message
/// above it is kept empty: that it is there tells the protocol.
const KEPT: &[&[u32]] = &[
    &[1, 1, 1],    // time, in seconds
    &[1, 2],       // verdict
    &[1, 6, 1, 2], // destination port: TCP, UDP, SCTP
    &[1, 6, 2, 2],
    &[1, 6, 5, 2],
    &[1, 8, 3], // source: namespace, pod, workloads
    &[1, 8, 5],
    &[1, 8, 6],
    &[1, 9, 3], // destination
    &[1, 9, 5],
    &[1, 9, 6],
    &[1, 10],    // type
    &[1, 15, 1], // layer 7: request or response; DNS, HTTP, Kafka
    &[1, 15, 100, 0],
    &[1, 15, 101, 0],
    &[1, 15, 102, 0],
    &[1, 26], // is it a reply
    &[2],     // state of nodes
    &[3, 2],  // how many events were lost
    &[1000],  // node
];

/// The answer to this call as it may be kept; `None` if it is kept as it is.
pub fn flows(call: &Grpc, answer: &[u8]) -> Option<Vec<u8>> {
    if call.method != METHOD {
        return None;
    }
    let messages: Vec<Vec<u8>> = grpc::messages(answer).into_iter().map(|message| chosen(message, KEPT)).collect();
    Some(grpc::join(messages.iter().map(Vec::as_slice)))
}

/// A message with the fields on these ways; what can't be read ends it.
fn chosen(mut from: &[u8], kept: &[&[u32]]) -> Vec<u8> {
    let mut into = Vec::new();
    while !from.is_empty() {
        let whole = from;
        let Ok((tag, wire)) = decode_key(&mut from) else { break };
        let ways: Vec<&[u32]> = kept.iter().filter(|way| way.first() == Some(&tag)).map(|way| &way[1..]).collect();
        let here = ways.iter().any(|way| way.is_empty());
        if wire == WireType::LengthDelimited && !ways.is_empty() && !here {
            let Some(length) = decode_varint(&mut from).ok().and_then(|length| usize::try_from(length).ok()) else { break };
            let Some((inner, rest)) = from.split_at_checked(length) else { break };
            from = rest;
            let inner = chosen(inner, &ways);
            encode_key(tag, wire, &mut into);
            encode_varint(inner.len() as u64, &mut into);
            into.extend_from_slice(&inner);
            continue;
        }
        if skip_field(wire, tag, &mut from, DecodeContext::default()).is_err() {
            break;
        }
        if here {
            into.extend_from_slice(&whole[..whole.len() - from.len()]);
        }
    }
    into
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{At, Take};
    use proptest::prelude::*;
    use prost::Message;

    #[derive(Clone, PartialEq, Message)]
    struct Event {
        #[prost(message, optional, tag = "1")]
        flow: Option<Flow>,
        #[prost(string, tag = "1000")]
        node: String,
    }
    #[derive(Clone, PartialEq, Message)]
    struct Flow {
        #[prost(int32, tag = "2")]
        verdict: i32,
        #[prost(message, optional, tag = "15")]
        l7: Option<Layer7>,
        #[prost(string, tag = "100000")]
        summary: String,
    }
    #[derive(Clone, PartialEq, Message)]
    struct Layer7 {
        #[prost(int32, tag = "1")]
        kind: i32,
        #[prost(message, optional, tag = "101")]
        http: Option<Http>,
    }
    #[derive(Clone, PartialEq, Message)]
    struct Http {
        #[prost(string, tag = "3")]
        url: String,
    }

    fn call(method: &str) -> Grpc {
        Grpc { at: At::Address("r:1".into()), method: method.into(), request: Vec::new(), take: Take::One, tls: None }
    }

    #[test]
    fn nothing_of_a_request_is_kept_but_that_it_was_one() {
        let http = Http { url: "http://pay/?token=hunter2".into() };
        let l7 = Layer7 { kind: 1, http: Some(http) };
        let flow = Flow { verdict: 1, l7: Some(l7), summary: "GET http://pay/?token=hunter2".into() };
        let event = Event { flow: Some(flow), node: "n1".into() };
        let answer = grpc::join([event.encode_to_vec().as_slice()]);
        let clean = flows(&call(METHOD), &answer).expect("a choice");
        assert!(!String::from_utf8_lossy(&clean).contains("hunter2"));
        let back = Event::decode(grpc::messages(&clean)[0]).expect("a message");
        let l7 = Layer7 { kind: 1, http: Some(Http::default()) };
        let flow = Flow { verdict: 1, l7: Some(l7), summary: String::new() };
        assert_eq!(back, Event { flow: Some(flow), node: "n1".into() });
        assert_eq!(flows(&call(METHOD), &clean).as_ref(), Some(&clean), "choosing twice is choosing once");
        assert_eq!(flows(&call("/observer.Observer/ServerStatus"), &answer), None);
    }

    proptest! {
        #[test]
        fn hostile_messages(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let once = chosen(&bytes, KEPT);
            prop_assert_eq!(&chosen(&once, KEPT), &once);
        }
    }
}
