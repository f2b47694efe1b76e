//! What the questions about members and health share, prepared once: pods, webhooks, endpoints.

use super::view::nullable;
use crate::facts::{Facts, kinds};
use crate::kubernetes::admission::{self, Webhook};
use crate::kubernetes::readiness::{Behind, Endpoints};
use crate::kubernetes::subject::{self, Subject};
use crate::model::{Evidence, Model, Namespace, Workload};
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::LazyLock;

pub struct Scene<'a> {
    pub facts: &'a Facts,
    pub model: &'a Model,
    pub pods: Vec<Subject>,
    pub webhooks: Vec<Webhook<'a>>,
    pub endpoints: Endpoints<'a>,
    namespaces: BTreeMap<&'a str, (&'a Namespace, BTreeMap<String, String>)>,
    /// By label; every pod may ask for the same.
    labelled: OnceCell<ByLabel<'a>>,
}

/// Key, value, and who bears it.
type ByLabel<'a> = BTreeMap<&'a str, BTreeMap<&'a str, Vec<&'a Workload>>>;

static NONE: LazyLock<BTreeMap<String, String>> = LazyLock::new(BTreeMap::new);

impl<'a> Scene<'a> {
    pub fn new(facts: &'a Facts, model: &'a Model) -> Self {
        let labelled = |n: &'a Namespace| {
            let mut labels = n.labels.clone();
            // The API server sets it on every namespace; manifests and old recordings leave it out.
            labels.entry("kubernetes.io/metadata.name".to_owned()).or_insert_with(|| n.name.clone());
            (n.name.as_str(), (n, labels))
        };
        Scene {
            facts,
            model,
            pods: subject::pods(facts, model),
            webhooks: admission::webhooks(facts),
            endpoints: Endpoints::new(facts),
            namespaces: model.namespaces.iter().map(labelled).collect(),
            labelled: OnceCell::new(),
        }
    }

    pub fn namespace_labels(&self, name: &str) -> &BTreeMap<String, String> {
        self.namespaces.get(name).map_or(&NONE, |(_, labels)| labels)
    }

    pub fn namespace_annotation(&self, name: &str, key: &str) -> Option<&str> {
        self.namespaces.get(name)?.0.annotations.get(key).map(String::as_str)
    }

    /// Webhooks that see pods being made and may change them, of those that `own` takes for its own.
    pub fn injectors(&self, own: impl Fn(&Webhook) -> bool) -> impl Iterator<Item = &Webhook<'a>> {
        let mutating = |w: &&Webhook| w.kind.starts_with("Mutating") && w.takes_pods();
        self.webhooks.iter().filter(mutating).filter(move |w| own(w))
    }

    /// Whether every injector there is was seen.
    pub fn injectors_seen(&self) -> bool {
        self.facts.seen(&kinds::MUTATING_WEBHOOK)
    }

    /// Who would answer a webhook, with the name of the Service. `None` for one behind a URL.
    pub fn behind(&self, webhook: &Webhook) -> Option<(String, Behind)> {
        let service = webhook.spec.client_config.service.as_ref()?;
        let own = |s: &&crate::model::Service| s.namespace == service.namespace && s.name == service.name;
        let ports = self.model.services.iter().find(own).map_or(&[][..], |service| &service.ports);
        let behind = match self.endpoints.behind(&service.namespace, &service.name) {
            Behind::Ready(_) | Behind::Nobody if !ports.is_empty() && ports.iter().all(|port| port.number != service.port()) => {
                Behind::NoPort(service.port())
            }
            other => other,
        };
        Some((format!("{}/{}", service.namespace, service.name), behind))
    }

    /// Workloads whose pods bear this label.
    pub fn labelled(&self, key: &str, value: &str) -> impl Iterator<Item = &'a Workload> {
        let model = self.model;
        let labelled = self.labelled.get_or_init(|| {
            let mut labelled: ByLabel = BTreeMap::new();
            for workload in &model.workloads {
                for (key, value) in &workload.labels {
                    labelled.entry(key).or_default().entry(value).or_default().push(workload);
                }
            }
            labelled
        });
        labelled.get(key).and_then(|values| values.get(value)).map_or(&[][..], Vec::as_slice).iter().copied()
    }

    /// `data` of a ConfigMap, with its title.
    pub fn config_map(&self, namespace: &str, name: &str) -> Option<BTreeMap<String, String>> {
        #[derive(serde::Deserialize)]
        struct View {
            #[serde(default, deserialize_with = "nullable")]
            data: BTreeMap<String, String>,
        }
        let named = |o: &&crate::facts::Object| *o.name == *name && *o.namespace == *namespace;
        let object = self.facts.objects(&kinds::CONFIG_MAP).iter().find(named)?;
        Some(object.read::<View>().ok()?.data)
    }
}

/// A label of a namespace, as evidence.
pub fn namespace_label(name: &str, key: &str, value: &str) -> Evidence {
    Evidence::new(format!("Namespace {name}"), format!("metadata.labels[{key}]"), value)
}

/// An annotation of a namespace, as evidence.
pub fn namespace_annotation(name: &str, key: &str, value: &str) -> Evidence {
    Evidence::new(format!("Namespace {name}"), format!("metadata.annotations[{key}]"), value)
}
