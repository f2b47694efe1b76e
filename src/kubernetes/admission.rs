//! Admission webhooks: whom they would be asked about, and whether anybody would answer.

use super::view::Selector;
use crate::facts::{Facts, Object, kinds};
use crate::mesh::view::{Judged, Metadata, nullable};
use serde::Deserialize;
use std::collections::BTreeMap;

/// One webhook of a MutatingWebhookConfiguration or a ValidatingWebhookConfiguration.
pub struct Webhook<'a> {
    pub configuration: &'a Object,
    pub kind: &'static str,
    /// Labels of the configuration: whose it is.
    pub labels: BTreeMap<String, String>,
    pub created: Option<jiff::Timestamp>,
    pub spec: Spec,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct Spec {
    pub name: String,
    pub client_config: Client,
    #[serde(deserialize_with = "nullable")]
    pub failure_policy: String,
    #[serde(deserialize_with = "nullable")]
    namespace_selector: Selector,
    #[serde(deserialize_with = "nullable")]
    object_selector: Selector,
    #[serde(deserialize_with = "nullable")]
    rules: Vec<Rule>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct Client {
    pub service: Option<ServiceRef>,
    /// PEM in base64, as the API has bytes.
    #[serde(deserialize_with = "nullable")]
    pub ca_bundle: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct ServiceRef {
    pub namespace: String,
    pub name: String,
    port: Option<u16>,
}

impl ServiceRef {
    pub fn port(&self) -> u16 {
        // The default of the API.
        self.port.unwrap_or(443)
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Rule {
    #[serde(deserialize_with = "nullable")]
    operations: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    resources: Vec<String>,
}

/// Why a webhook is not asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Passes {
    /// It is asked.
    Fits,
    /// The labels of the namespace keep it away.
    Namespace,
    /// The labels of the pod keep it away.
    Object,
}

impl Webhook<'_> {
    /// Whether pods are sent to it when they are created.
    pub fn takes_pods(&self) -> bool {
        let fits = |list: &[String], word: &str| list.iter().any(|own| own == word || own == "*" || own == "*/*");
        self.spec.rules.iter().any(|rule| fits(&rule.operations, "CREATE") && fits(&rule.resources, "pods"))
    }

    /// As the API server decides it: both selectors, evaluated.
    pub fn passes(&self, namespace: &BTreeMap<String, String>, pod: &BTreeMap<String, String>) -> Passes {
        if !self.spec.namespace_selector.matches(namespace) {
            Passes::Namespace
        } else if !self.spec.object_selector.matches(pod) {
            Passes::Object
        } else {
            Passes::Fits
        }
    }

    /// Without an answer the object is refused.
    pub fn fails_closed(&self) -> bool {
        // The default of the API.
        self.spec.failure_policy.is_empty() || self.spec.failure_policy == "Fail"
    }

    /// `MutatingWebhookConfiguration a (webhook b)`.
    pub fn title(&self) -> String {
        format!("{} {} (webhook {})", self.kind, self.configuration.name, self.spec.name)
    }
}

/// Every webhook of both kinds that can be read, in the order of their names.
pub fn webhooks(facts: &Facts) -> Vec<Webhook<'_>> {
    #[derive(Deserialize)]
    struct View {
        #[serde(default)]
        metadata: Created,
        #[serde(default, deserialize_with = "nullable")]
        webhooks: Vec<Spec>,
    }
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Created {
        #[serde(flatten)]
        names: Metadata,
        #[serde(rename = "creationTimestamp")]
        created: Option<jiff::Timestamp>,
    }
    let mut all = Vec::new();
    for (resource, kind) in [
        (&kinds::MUTATING_WEBHOOK, "MutatingWebhookConfiguration"),
        (&kinds::VALIDATING_WEBHOOK, "ValidatingWebhookConfiguration"),
    ] {
        facts.read::<View>(resource, |configuration, view| {
            let Created { names, created } = view.metadata;
            let webhook = |spec| Webhook { configuration, kind, labels: names.labels.clone(), created, spec };
            all.extend(view.webhooks.into_iter().map(webhook));
        });
    }
    all
}

/// Pods that a ReplicaSet wanted to make and was not let.
pub struct Refusal {
    pub namespace: String,
    pub replica_set: String,
    /// What the API server answered.
    pub message: String,
}

/// What ReplicaSets say of pods that were refused. ReplicaSets that nobody asked for refuse nothing.
pub fn refusals(facts: &Facts) -> Vec<Refusal> {
    let mut all = Vec::new();
    facts.read::<Judged>(&kinds::REPLICA_SET, |object, view| {
        if let Some(condition) = view.status.of("ReplicaFailure").filter(|condition| condition.is_true()) {
            let (namespace, replica_set) = (object.namespace.to_string(), object.name.to_string());
            all.push(Refusal { namespace, replica_set, message: condition.message.clone() });
        }
    });
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::testing;
    use serde_json::json;

    #[test]
    fn selectors_decide_and_no_policy_fails_closed() {
        let rules = json!([{"operations": ["CREATE"], "resources": ["pods"]}]);
        let webhook = json!({"name": "w", "clientConfig": {"service": {"namespace": "n", "name": "s"}}, "rules": rules,
            "namespaceSelector": {"matchExpressions": [{"key": "in", "operator": "In", "values": ["yes"]}]},
            "objectSelector": {"matchExpressions": [{"key": "in", "operator": "NotIn", "values": ["no"]}]}});
        let config = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": "c", "creationTimestamp": "2026-11-23T20:00:00Z"}, "webhooks": [webhook]});
        let facts = testing::facts(&[config]);
        let all = webhooks(&facts);
        let [webhook] = all.as_slice() else { panic!("one webhook") };
        let labels = |value: &str| BTreeMap::from([("in".to_owned(), value.to_owned())]);
        assert_eq!(webhook.passes(&labels("yes"), &BTreeMap::new()), Passes::Fits);
        assert_eq!(webhook.passes(&labels("no"), &BTreeMap::new()), Passes::Namespace);
        assert_eq!(webhook.passes(&labels("yes"), &labels("no")), Passes::Object);
        assert!(webhook.takes_pods() && webhook.fails_closed() && webhook.created.is_some());
    }
}
