//! Calls to Linkerd's controllers, as its proxies make them, and their answers.

use super::api::{self, DestinationProfile, GetDestination, OutboundPolicy, PortSpec, Server, TrafficSpec, Update, WeightedAddr};
use crate::facts::{At, Facts, Grpc, Need, Outcome, Take, grpc};
use prost::Message;
use serde_json::json;

const DESTINATION: u16 = 8086;
const POLICY: u16 = 8090;

/// A replica of `linkerd-destination`, which holds the policy controller as well. They can disagree, so each is asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Replica {
    pub namespace: String,
    pub name: String,
}

/// A port of a Service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    pub namespace: String,
    pub name: String,
    pub port: u16,
    /// What stands behind `NAME.NAMESPACE.`: `svc.cluster.local`.
    pub suffix: String,
}

impl Target {
    fn authority(&self) -> String {
        format!("{}.{}.{}:{}", self.name, self.namespace, self.suffix, self.port)
    }
}

impl Replica {
    fn call(&self, port: u16, service: &str, method: &str, request: &impl Message, take: Take) -> Need {
        let at = At::Pod { namespace: self.namespace.clone(), pod: self.name.clone(), port };
        Need::Grpc(Box::new(Grpc {
            at,
            method: format!("{service}/{method}"),
            request: request.encode_to_vec(),
            take,
            tls: None,
        }))
    }
    /// Without the name of a node, so that nothing is left out for being far away.
    pub fn endpoints_need(&self, of: &Target) -> Need {
        let request = GetDestination { scheme: "k8s".to_owned(), path: of.authority() };
        self.call(DESTINATION, api::DESTINATION, "Get", &request, Take::First)
    }
    pub fn profile_need(&self, of: &Target) -> Need {
        let request = GetDestination { scheme: "k8s".to_owned(), path: of.authority() };
        self.call(DESTINATION, api::DESTINATION, "GetProfile", &request, Take::First)
    }
    pub fn inbound_need(&self, namespace: &str, pod: &str, port: u16) -> Need {
        let request = PortSpec { workload: workload(namespace, pod), port: port.into() };
        self.call(POLICY, api::INBOUND, "GetPort", &request, Take::One)
    }
    pub fn outbound_need(&self, namespace: &str, pod: &str, to: &Target) -> Need {
        let request = TrafficSpec { source_workload: workload(namespace, pod), authority: to.authority() };
        self.call(POLICY, api::OUTBOUND, "Get", &request, Take::One)
    }

    pub fn endpoints(&self, facts: &Facts, of: &Target) -> Result<Vec<WeightedAddr>, Silence> {
        let updates: Vec<Update> = messages(facts, &self.endpoints_need(of))?;
        // No endpoints is an answer, and a message of its own.
        if updates.is_empty() { Err(Silence::empty()) } else { Ok(api::endpoints(&updates)) }
    }
    pub fn profile(&self, facts: &Facts, of: &Target) -> Result<DestinationProfile, Silence> {
        last(messages(facts, &self.profile_need(of))?)
    }
    pub fn inbound(&self, facts: &Facts, namespace: &str, pod: &str, port: u16) -> Result<Server, Silence> {
        last(messages(facts, &self.inbound_need(namespace, pod, port))?)
    }
    pub fn outbound(&self, facts: &Facts, namespace: &str, pod: &str, to: &Target) -> Result<OutboundPolicy, Silence> {
        last(messages(facts, &self.outbound_need(namespace, pod, to))?)
    }
}

/// As the injector writes it into a proxy's environment.
fn workload(namespace: &str, pod: &str) -> String {
    json!({ "ns": namespace, "pod": pod }).to_string()
}

/// Why nothing is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Silence {
    /// Nobody asked, as in a recording that is older than the question.
    NotAsked,
    Failed(String),
}

impl Silence {
    fn empty() -> Self {
        Silence::Failed("its answer is empty".to_owned())
    }
    pub fn why(&self) -> &str {
        match self {
            Silence::NotAsked => "not asked",
            Silence::Failed(why) => why,
        }
    }
}

fn messages<M: Message + Default>(facts: &Facts, need: &Need) -> Result<Vec<M>, Silence> {
    match facts.get(need).map(|answer| &answer.outcome) {
        Some(Outcome::Bytes(bytes)) => {
            let read = grpc::messages(bytes).into_iter().map(M::decode).collect::<Result<Vec<M>, _>>();
            read.map_err(|why| Silence::Failed(format!("its answer can't be read: {why}")))
        }
        Some(Outcome::NotAsked(_)) | None => Err(Silence::NotAsked),
        Some(other) => Err(Silence::Failed(other.why().to_owned())),
    }
}

/// A later message takes the place of an earlier one.
fn last<M>(mut all: Vec<M>) -> Result<M, Silence> {
    all.pop().ok_or_else(Silence::empty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::testing;

    #[test]
    fn what_is_asked_and_what_comes_of_it() {
        let replica = Replica { namespace: "linkerd".into(), name: "dst-1".into() };
        let target = Target { namespace: "shop".into(), name: "cart".into(), port: 80, suffix: "svc.cluster.local".into() };
        let need = replica.inbound_need("shop", "cart-1", 8080);
        let Need::Grpc(call) = &need else { panic!("no call") };
        let spec = PortSpec::decode(call.request.as_slice()).expect("a request");
        assert_eq!((spec.workload.as_str(), spec.port), (r#"{"ns":"shop","pod":"cart-1"}"#, 8080));
        assert_eq!(need.title(), "dst-1.linkerd (port 8090) InboundServerPolicies/GetPort");

        let mut facts = testing::facts(&[]);
        assert_eq!(replica.inbound(&facts, "shop", "cart-1", 8080), Err(Silence::NotAsked));
        facts.answer(need.clone(), Outcome::Bytes(std::sync::Arc::new(grpc::join([[0xff].as_slice()]))));
        assert!(replica.inbound(&facts, "shop", "cart-1", 8080).is_err_and(|why| why.why().contains("can't be read")));
        facts.answer(need, Outcome::Forbidden("no".to_owned()));
        assert_eq!(replica.inbound(&facts, "shop", "cart-1", 8080), Err(Silence::Failed("no".to_owned())));
        // An answer without a message says nothing; one of no bytes is a message all the same.
        facts.answer(replica.endpoints_need(&target), Outcome::Bytes(std::sync::Arc::default()));
        assert!(replica.endpoints(&facts, &target).is_err());
        let nothing: [&[u8]; 1] = [&[]];
        facts.answer(replica.endpoints_need(&target), Outcome::Bytes(std::sync::Arc::new(grpc::join(nothing))));
        assert_eq!(replica.endpoints(&facts, &target), Ok(Vec::new()));
    }
}
