//! Revisions and their tags, as istioctl and the charts make them: a tag is a webhook configuration of its own that sends
//! pods to the injector of its revision.

use crate::mesh::revisions::{DEFAULT, NewTag, Revisions, Tag};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub struct ByLabel;

const ENABLED: &str = "istio-injection";
const REVISION: &str = "istio.io/rev";
const TAG: &str = "istio.io/tag";
const INJECT: &str = "sidecar.istio.io/inject";
const INJECTOR: &str = "sidecar-injector.istio.io";
/// What matches no namespace and no pod.
const NEVER: &str = "istio.io/deactivated";
const VALIDATOR: &str = "istiod-default-validator";

impl Revisions for ByLabel {
    fn keys(&self) -> &'static [&'static str] {
        &[ENABLED, REVISION]
    }

    fn wish(&self, labels: &BTreeMap<String, String>) -> Option<String> {
        match labels.get(ENABLED).map(String::as_str) {
            Some("enabled") => Some(DEFAULT.to_owned()),
            Some(_) => None,
            None => labels.get(REVISION).cloned(),
        }
    }

    fn labels(&self, revision: &str) -> BTreeMap<&'static str, Option<String>> {
        BTreeMap::from([(ENABLED, None), (REVISION, Some(revision.to_owned()))])
    }

    fn tags(&self, webhooks: &[Value]) -> Vec<Tag> {
        let tag = |webhook: &Value| {
            let label = |key: &str| webhook["metadata"]["labels"][key].as_str().map(str::to_owned);
            let webhook = webhook["metadata"]["name"].as_str()?.to_owned();
            Some((label(TAG)?, label(REVISION)?, webhook))
        };
        let mut tags: Vec<Tag> =
            webhooks.iter().filter_map(tag).map(|(tag, revision, webhook)| Tag { tag, revision, webhook }).collect();
        tags.sort();
        tags
    }

    fn injector_of(&self, webhook: &Value) -> Option<String> {
        let labels = &webhook["metadata"]["labels"];
        let ours = webhook["webhooks"].as_array()?.iter().any(|one| one["name"].as_str().is_some_and(|n| n.ends_with(INJECTOR)));
        (ours && labels[TAG].is_null()).then(|| labels[REVISION].as_str().unwrap_or(DEFAULT).to_owned())
    }

    fn tagged(&self, injector: &Value, tag: &NewTag<'_>) -> Value {
        let revision = self.injector_of(injector).unwrap_or_else(|| DEFAULT.to_owned());
        let none = Vec::new();
        let all = injector["webhooks"].as_array().unwrap_or(&none);
        // They differ in their selectors only.
        let base = all.first().cloned().unwrap_or_default();
        let namespace = base.pointer("/clientConfig/service/namespace").and_then(Value::as_str).unwrap_or("istio-system");
        let name = match (tag.webhook, namespace) {
            ("", "istio-system") => format!("istio-revision-tag-{}", tag.name),
            ("", other) => format!("istio-revision-tag-{}-{other}", tag.name),
            (given, _) => given.to_owned(),
        };
        let selectors = [named(tag.name), if tag.name == DEFAULT { unnamed(tag.everywhere) } else { Vec::new() }].concat();
        let webhooks: Vec<Value> = selectors
            .into_iter()
            .map(|(prefix, namespaces, objects)| {
                let mut webhook = base.clone();
                webhook["name"] = format!("{prefix}.{INJECTOR}").into();
                webhook["namespaceSelector"] = json!({ "matchExpressions": namespaces });
                webhook["objectSelector"] = json!({ "matchExpressions": objects });
                webhook
            })
            .collect();
        let labels = json!({ "app": "sidecar-injector", REVISION: revision, TAG: tag.name });
        json!({ "apiVersion": injector["apiVersion"], "kind": injector["kind"],
            "metadata": { "name": name, "labels": labels }, "webhooks": webhooks })
    }

    fn service_of(&self, injector: &Value) -> Option<(String, String)> {
        let service = injector.pointer("/webhooks/0/clientConfig/service")?;
        Some((service["namespace"].as_str()?.to_owned(), service["name"].as_str()?.to_owned()))
    }

    fn tag_service(&self, service: &Value, tag: &str) -> Value {
        let ports = service.pointer("/spec/ports").and_then(Value::as_array).into_iter().flatten();
        let port = |port: &Value| {
            let mut port = port.clone();
            // That of a node is the other Service's.
            if let Some(map) = port.as_object_mut() {
                map.remove("nodePort");
            }
            port
        };
        let ports: Vec<Value> = ports.map(port).collect();
        let labels = json!({ "app": "istiod", "istio": "pilot", REVISION: service["metadata"]["labels"][REVISION], TAG: tag });
        json!({ "apiVersion": "v1", "kind": "Service",
            "metadata": { "name": format!("istiod-revision-tag-{tag}"), "namespace": service["metadata"]["namespace"], "labels": labels },
            "spec": { "ports": ports, "selector": service["spec"]["selector"] } })
    }

    fn released(&self, injector: &Value) -> Option<Value> {
        if self.injector_of(injector)? != DEFAULT {
            return None;
        }
        let never = json!({ "matchLabels": { NEVER: "never-match" } });
        let mut webhooks = injector["webhooks"].clone();
        let all = webhooks.as_array_mut()?;
        if all.iter().all(|webhook| webhook["namespaceSelector"] == never) {
            return None;
        }
        all.iter_mut().for_each(|webhook| webhook["namespaceSelector"] = never.clone());
        Some(json!({ "webhooks": webhooks }))
    }

    fn validator(&self, webhooks: &[Value], revision: &str) -> Option<Value> {
        let there = webhooks.iter().find(|one| one["metadata"]["name"] == VALIDATOR)?;
        let service = if revision == DEFAULT { "istiod".to_owned() } else { format!("istiod-{revision}") };
        let mut changed = there["webhooks"].clone();
        let asks = |webhook: &Value| webhook.pointer("/clientConfig/service/name").is_some_and(|name| *name == service);
        if changed.as_array()?.iter().all(asks) {
            return None;
        }
        changed
            .as_array_mut()?
            .iter_mut()
            .for_each(|webhook| webhook["clientConfig"]["service"]["name"] = service.clone().into());
        Some(json!({ "apiVersion": there["apiVersion"], "kind": there["kind"],
            "metadata": { "name": VALIDATOR, "labels": { REVISION: revision } }, "webhooks": changed }))
    }

    fn shared_value(&self) -> (&'static str, &'static str) {
        ("base", "defaultRevision")
    }

    fn counts(&self, cluster: &str, own: bool, namespaces: &[String]) -> bool {
        // `outbound|80|subset|web.shop.svc.cluster.local`
        let Some(rest) = cluster.strip_prefix("outbound|") else { return own && cluster.starts_with("inbound|") };
        let host = rest.rsplit('|').next().unwrap_or_default();
        own || host.split('.').nth(1).is_some_and(|namespace| namespaces.iter().any(|name| name == namespace))
    }

    fn failures(&self, namespace: &str, seconds: u64) -> String {
        // Escaped twice over: names of namespaces have no quotes in them.
        let of = |more: &str| {
            format!("sum(increase(istio_requests_total{{destination_workload_namespace=\"{namespace}\"{more}}}[{seconds}s]))")
        };
        format!("({} or vector(0)) / {}", of(",response_code=~\"5..|0\""), of(""))
    }
}

type Selectors = Vec<(&'static str, Value, Value)>;

fn is(key: &str, operator: &str, values: &[&str]) -> Value {
    match values {
        [] => json!({ "key": key, "operator": operator }),
        _ => json!({ "key": key, "operator": operator, "values": values }),
    }
}

/// Namespaces, and pods in namespaces without a wish, that name the tag.
fn named(tag: &str) -> Selectors {
    vec![
        (
            "rev.namespace",
            json!([is(REVISION, "In", &[tag]), is(ENABLED, "DoesNotExist", &[])]),
            json!([is(INJECT, "NotIn", &["false"])]),
        ),
        (
            "rev.object",
            json!([is(REVISION, "DoesNotExist", &[]), is(ENABLED, "DoesNotExist", &[])]),
            json!([is(INJECT, "NotIn", &["false"]), is(REVISION, "In", &[tag])]),
        ),
    ]
}

/// Those that want injection and name no revision.
fn unnamed(everywhere: bool) -> Selectors {
    let nothing = json!([is(ENABLED, "DoesNotExist", &[]), is(REVISION, "DoesNotExist", &[])]);
    let mut all = vec![
        ("namespace", json!([is(ENABLED, "In", &["enabled"])]), json!([is(INJECT, "NotIn", &["false"])])),
        ("object", nothing.clone(), json!([is(INJECT, "In", &["true"]), is(REVISION, "DoesNotExist", &[])])),
    ];
    if everywhere {
        let mut but_the_systems = nothing;
        if let Some(list) = but_the_systems.as_array_mut() {
            list.push(is(
                "kubernetes.io/metadata.name",
                "NotIn",
                &["kube-system", "kube-public", "kube-node-lease", "local-path-storage"],
            ));
        }
        all.push(("auto", but_the_systems, json!([is(INJECT, "DoesNotExist", &[]), is(REVISION, "DoesNotExist", &[])])));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn injector(revision: &str) -> Value {
        let service = json!({ "name": "istiod", "namespace": "istio-system", "path": "/inject" });
        let webhook = |prefix: &str| {
            json!({ "name": format!("{prefix}.{INJECTOR}"), "failurePolicy": "Fail",
            "clientConfig": { "caBundle": "Q0E=", "service": service }, "namespaceSelector": {}, "objectSelector": {} })
        };
        json!({ "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
            "metadata": { "name": "istio-sidecar-injector", "uid": "1", "labels": { REVISION: revision } },
            "webhooks": [webhook("rev.namespace"), webhook("rev.object"), webhook("namespace"), webhook("object")] })
    }

    fn tag(name: &str) -> NewTag<'_> {
        NewTag { name, webhook: "", everywhere: false }
    }

    #[test]
    fn a_tag_sends_what_names_it_to_its_revision() {
        let made = ByLabel.tagged(&injector("canary"), &tag("prod"));
        assert_eq!(made["metadata"]["name"], "istio-revision-tag-prod");
        assert!(made["metadata"]["uid"].is_null(), "made anew, not copied");
        let names: Vec<&str> = made["webhooks"].as_array().unwrap().iter().filter_map(|w| w["name"].as_str()).collect();
        assert_eq!(names, ["rev.namespace.sidecar-injector.istio.io", "rev.object.sidecar-injector.istio.io"]);
        assert_eq!(made["webhooks"][0]["namespaceSelector"]["matchExpressions"][0]["values"], json!(["prod"]));
        assert_eq!(made["webhooks"][0]["clientConfig"]["caBundle"], "Q0E=");
        let read = ByLabel.tags(&[made, injector("canary")]);
        assert_eq!(read.iter().map(|t| (t.tag.as_str(), t.revision.as_str())).collect::<Vec<_>>(), [("prod", "canary")]);
    }

    #[test]
    fn a_tag_has_a_service_of_the_same_control_plane() {
        assert_eq!(ByLabel.service_of(&injector("canary")), Some(("istio-system".to_owned(), "istiod".to_owned())));
        let service = json!({ "metadata": { "name": "istiod-canary", "namespace": "istio-system", "uid": "1", "labels": { REVISION: "canary" } },
            "spec": { "clusterIP": "10.0.0.1", "selector": { "app": "istiod", REVISION: "canary" }, "ports": [{ "port": 15012, "nodePort": 30001 }] } });
        let made = ByLabel.tag_service(&service, "prod");
        assert_eq!(made["metadata"]["name"], "istiod-revision-tag-prod");
        assert_eq!(made["spec"], json!({ "ports": [{ "port": 15012 }], "selector": { "app": "istiod", REVISION: "canary" } }));
    }

    #[test]
    fn the_default_tag_takes_what_names_no_revision() {
        let count = |made: Value| made["webhooks"].as_array().unwrap().len();
        assert_eq!(count(ByLabel.tagged(&injector("canary"), &tag(DEFAULT))), 4);
        assert_eq!(count(ByLabel.tagged(&injector("canary"), &NewTag { everywhere: true, ..tag(DEFAULT) })), 5);
        let released = ByLabel.released(&injector(DEFAULT)).unwrap();
        let mut after = injector(DEFAULT);
        after["webhooks"] = released["webhooks"].clone();
        assert_eq!(ByLabel.released(&after), None, "once is enough");
        assert_eq!(ByLabel.released(&injector("canary")), None, "it never took them");
    }

    #[test]
    fn a_namespace_says_what_it_wants() {
        let wish = |pairs: &[(&str, &str)]| {
            ByLabel.wish(&pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
        };
        assert_eq!(wish(&[(ENABLED, "enabled")]).as_deref(), Some(DEFAULT));
        assert_eq!(wish(&[(REVISION, "1-31")]).as_deref(), Some("1-31"));
        assert_eq!(wish(&[(ENABLED, "disabled"), (REVISION, "1-31")]), None, "no is no");
        assert_eq!(wish(&[("team", "a")]), None);
    }

    #[test]
    fn requests_to_a_namespace_are_known_by_the_cluster() {
        let shop = ["shop".to_owned()];
        let counts = |cluster: &str, own| ByLabel.counts(cluster, own, &shop);
        assert!(counts("outbound|80|v1|web.shop.svc.cluster.local", false) && counts("inbound|80||", true));
        assert!(!counts("outbound|80||web.other.svc.cluster.local", false) && !counts("inbound|80||", false));
        assert!(!counts("xds-grpc", true) && counts("outbound|443||example.com", true));
    }

    #[test]
    fn the_shared_validator_asks_the_new_one() {
        let validator = |service: &str| {
            json!({ "apiVersion": "v1", "kind": "ValidatingWebhookConfiguration", "metadata": { "name": VALIDATOR },
            "webhooks": [{ "name": "validation.istio.io", "clientConfig": { "service": { "name": service } } }] })
        };
        let changed = ByLabel.validator(&[validator("istiod")], "canary").unwrap();
        assert_eq!(changed["webhooks"][0]["clientConfig"]["service"]["name"], "istiod-canary");
        assert_eq!(ByLabel.validator(&[validator("istiod")], DEFAULT), None);
        assert_eq!(ByLabel.validator(&[], "canary"), None);
    }
}
