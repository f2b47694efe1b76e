//! Who is in Linkerd and who should be: the annotation on pod or namespace, and what the injector refuses.

use super::detect::CONTROL_NAMESPACE;
use crate::kubernetes::admission::{Passes, Webhook};
use crate::kubernetes::subject::Subject;
use crate::mesh::membership::{self, Enrolment, Membership, Standing, foreign_proxy, missed, sidecar_mode};
use crate::mesh::scene::{Scene, namespace_annotation};
use crate::mesh::view;
use crate::model::{Evidence, Namespace};

const NAME: &str = "Linkerd";
const PROXY: &str = "linkerd-proxy";
pub const INJECT: &str = "linkerd.io/inject";

pub fn of(scene: &Scene, pod: &Subject) -> Membership {
    let mut membership = judged(scene, pod);
    let noted = pod.annotation("linkerd.io/proxy-version").map(str::to_owned);
    let tag = pod.carries(PROXY).and_then(|c| view::image_tag(&c.image)).map(str::to_owned);
    // The image is what runs; the annotation is what was meant.
    membership.version = pod.carries(PROXY).and(tag.or(noted));
    membership.revision = pod.label(CONTROL_NAMESPACE).map(str::to_owned);
    membership
}

/// The annotation that decides: the pod's own, else its namespace's.
fn wish<'s>(scene: &'s Scene, pod: &'s Subject) -> Option<(&'s str, Evidence)> {
    let own = pod.annotation(INJECT).map(|v| (v, Evidence::new(pod.title(), format!("metadata.annotations[{INJECT}]"), v)));
    own.or_else(|| {
        let value = scene.namespace_annotation(&pod.namespace, INJECT)?;
        Some((value, namespace_annotation(&pod.namespace, INJECT, value)))
    })
}

fn judged(scene: &Scene, pod: &Subject) -> Membership {
    let new = |standing, reason: &str| Membership::new(NAME, standing, reason);
    let wish = wish(scene, pod);
    let wanted = wish.as_ref().is_some_and(|(value, _)| matches!(*value, "enabled" | "ingress"));
    let own = pod.label("linkerd.io/control-plane-component").is_some();
    if let Some(mode) = sidecar_mode(pod, PROXY) {
        let mut member = match wish {
            _ if own => new(Standing::Member, "it is a part of the control plane, and carries its proxy"),
            Some((_, evidence)) if wanted => new(Standing::Member, "it should have a proxy, and has").by(evidence),
            Some((_, evidence)) => new(Standing::Leftover, "it has a proxy, and its next pod would not").by(evidence),
            None => {
                let none =
                    Evidence::new(format!("Namespace {}", pod.namespace), format!("metadata.annotations[{INJECT}]"), "not there");
                new(Standing::Leftover, "it has a proxy, and nothing asks for one any more").by(none)
            }
        };
        // Shown apart from the proxies of applications.
        member.mode = Some(if own { membership::CONTROL_PLANE } else { mode });
        return member;
    }
    let Some((value, evidence)) = wish else {
        let none = Evidence::new(format!("Namespace {}", pod.namespace), format!("metadata.annotations[{INJECT}]"), "not there");
        let put = format!("to put its namespace in: kubectl annotate namespace {} {INJECT}=enabled", pod.namespace);
        return new(Standing::Outside, "neither it nor its namespace asks for it").by(none).fix(put);
    };
    let mut membership = if !wanted {
        let reason = if value == "disabled" {
            "its annotation says no".to_owned()
        } else {
            format!("{INJECT}={value} means nothing; it is enabled, ingress or disabled")
        };
        new(Standing::Excluded, &reason).by(evidence)
    } else if pod.host_network {
        new(Standing::Excluded, "pods on the host's network are never injected")
            .by(Evidence::new(pod.title(), "spec.hostNetwork", "true"))
            .by(evidence)
    } else if let Some(proxy) = foreign_proxy(pod, "linkerd") {
        let carried = Evidence::new(pod.title(), "spec.containers", proxy);
        new(Standing::Missing, "the injector leaves out pods that carry another mesh's proxy")
            .by(evidence)
            .by(carried)
            .fix(format!("choose one mesh for namespace {}: take out the label or annotation of the other", pod.namespace))
    } else if !scene.injectors_seen() {
        new(Standing::Unknown, "the injector's webhook could not be seen").by(evidence)
    } else {
        asked(scene, pod, evidence)
    };
    membership.mode = Some("sidecar");
    membership
}

/// A proxy is asked for: is there an injector that would hear of it?
fn asked(scene: &Scene, pod: &Subject, evidence: Evidence) -> Membership {
    let labels = scene.namespace_labels(&pod.namespace);
    let Some(webhook) = injectors(scene).next() else {
        return Membership::new(NAME, Standing::Missing, "a proxy is asked for, and no injector is installed")
            .by(evidence)
            .fix("linkerd install, or helm install linkerd-control-plane");
    };
    let title = webhook.title();
    let kept = |field: &str, whose: &str| {
        let reason = format!("the injector's webhook leaves out its {whose}, whatever the annotation says");
        Membership::new(NAME, Standing::Missing, reason)
            .by(evidence.clone())
            .by(Evidence::new(&title, field, "does not fit"))
            .fix(format!("kubectl get mutatingwebhookconfiguration {} -o yaml", webhook.configuration.name))
    };
    match webhook.passes(labels, &pod.labels) {
        Passes::Namespace => kept("namespaceSelector", "namespace"),
        Passes::Object => kept("objectSelector", "labels"),
        Passes::Fits => {
            let mut missed = missed(scene, pod, webhook, NAME);
            missed.evidence.insert(0, evidence);
            missed
        }
    }
}

pub fn enrols(namespace: &Namespace) -> Option<Enrolment> {
    let value = namespace.annotations.get(INJECT).filter(|value| matches!(value.as_str(), "enabled" | "ingress"))?;
    let evidence = namespace_annotation(&namespace.name, INJECT, value);
    Some(Enrolment { mesh: NAME, revision: None, mode: "sidecar", evidence })
}

pub fn injectors<'s, 'a>(scene: &'s Scene<'a>) -> impl Iterator<Item = &'s Webhook<'a>> {
    scene.injectors(|w| w.spec.name.ends_with("proxy-injector.linkerd.io"))
}
