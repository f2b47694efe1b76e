//! Custom resources that Consul's controller writes into Consul's own store.

use crate::facts::{Resource, kinds};
use crate::mesh::check::{Category, Check, Findings, Subject, counted};
use crate::mesh::view::{Judged, nullable};
use crate::model::Evidence;
use serde::Deserialize;

pub static KINDS: &[&Resource] = &[
    &kinds::CONSUL_PROXY_DEFAULTS,
    &kinds::CONSUL_MESH,
    &kinds::CONSUL_SERVICE_DEFAULTS,
    &kinds::CONSUL_SERVICE_RESOLVER,
    &kinds::CONSUL_SERVICE_ROUTER,
    &kinds::CONSUL_SERVICE_SPLITTER,
    &kinds::CONSUL_SERVICE_INTENTIONS,
];

pub static CHECKS: &[Check] = &[
    Check {
        code: "CSL0001",
        category: Category::Configuration,
        title: "every custom resource is written to Consul",
        run: synced,
    },
    Check {
        code: "CSL0002",
        category: Category::ControlPlane,
        title: "the controller's lease is held by a pod that is there",
        run: lease,
    },
];

/// A failed first write is `False`, a failed later one `Unknown`: anything but `True` is not in Consul.
fn synced(subject: &Subject, findings: &mut Findings) {
    findings.needs(subject.scene, KINDS);
    let mut count = 0;
    for kind in KINDS {
        subject.scene.facts.read::<Judged>(kind, |object, view| {
            count += 1;
            let title = format!("{} {}/{}", kind.kind, object.namespace, object.name);
            let Some(condition) = view.status.of("Synced") else {
                return findings.warning(
                    format!("{title} was never looked at: it has no Synced condition"),
                    vec![Evidence::new(title.clone(), "status.conditions", "no Synced")],
                    vec!["kubectl logs -n consul deploy/consul-connect-injector".to_owned()],
                );
            };
            if !condition.is_true() {
                let before = if condition.status == "Unknown" { "; Consul goes on with what it had before" } else { "" };
                let evidence =
                    Evidence::new(&title, "status.conditions[Synced]", format!("{}: {}", condition.status, condition.message));
                let fix = format!("kubectl edit {} -n {} {}", kind.qualified(), object.namespace, object.name);
                findings.error(format!("{title} is not written to Consul{before}"), vec![evidence], vec![fix]);
            }
        });
    }
    findings.detail = counted(count, "resource");
}

/// The lease outlives a controller that dies; until it runs out nobody reconciles, and dead instances stay.
fn lease(subject: &Subject, findings: &mut Findings) {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Lease {
        spec: Held,
    }
    #[derive(Deserialize, Default)]
    #[serde(default, rename_all = "camelCase")]
    struct Held {
        #[serde(deserialize_with = "nullable")]
        holder_identity: String,
    }
    let scene = subject.scene;
    findings.needs(scene, &[&kinds::LEASE, &kinds::POD]);
    scene.facts.read::<Lease>(&kinds::LEASE, |object, lease| {
        if &*object.name != "consul-controller-lock" || lease.spec.holder_identity.is_empty() {
            return;
        }
        let holder = lease.spec.holder_identity.split('_').next().unwrap_or_default();
        if !scene.pods.iter().any(|pod| pod.name == holder && *pod.namespace == *object.namespace) {
            let message = format!("the lease of Consul's controller is held by {holder}, which is not there: pods that are gone stay in the catalog as passing");
            let evidence = Evidence::new(format!("Lease {}/{}", object.namespace, object.name), "spec.holderIdentity", &lease.spec.holder_identity);
            let fix = format!("kubectl rollout status deploy/consul-connect-injector -n {}", object.namespace);
            findings.error(message, vec![evidence], vec![fix]);
        }
    });
}
