//! Should a pod be in a mesh, is it, and if not, why: the words, and what every injector has in common.

use super::scene::Scene;
use crate::kubernetes::admission::Webhook;
use crate::kubernetes::readiness::Behind;
use crate::kubernetes::subject::{self, Subject};
use crate::model::Evidence;
use serde::Serialize;

/// How a pod stands to a mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It should be, and isn't.
    Missing,
    /// What decides it could not be seen.
    Unknown,
    /// It is, and a new pod would not be.
    Leftover,
    /// It should be, and is.
    Member,
    /// Somebody said no, or the mesh can't take it.
    Excluded,
    /// Nobody asked.
    Outside,
}

impl Standing {
    pub fn word(self) -> &'static str {
        match self {
            Standing::Missing => "missing",
            Standing::Unknown => "unknown",
            Standing::Leftover => "leftover",
            Standing::Member => "in",
            Standing::Excluded => "excluded",
            Standing::Outside => "out",
        }
    }
    /// It has a proxy, or its node has one for it.
    pub fn is_in(self) -> bool {
        matches!(self, Standing::Member | Standing::Leftover)
    }
}

/// The mode of a control plane's own proxies, which are nobody's application.
pub const CONTROL_PLANE: &str = "control-plane";

/// One pod and one mesh.
#[derive(Clone, Debug, Serialize)]
pub struct Membership {
    pub mesh: &'static str,
    pub standing: Standing,
    /// `sidecar`, `native-sidecar`, `ambient`, `per-node`, `gateway`: how it is in the mesh, or would be.
    pub mode: Option<&'static str>,
    /// The revision, or the namespace of the control plane, where a mesh has several.
    pub revision: Option<String>,
    /// Of its proxy.
    pub version: Option<String>,
    /// One sentence.
    pub reason: String,
    pub evidence: Vec<Evidence>,
    /// What to do, first things first; commands where there is one.
    pub fix: Vec<String>,
}

impl Membership {
    pub fn new(mesh: &'static str, standing: Standing, reason: impl Into<String>) -> Self {
        let (evidence, fix) = (Vec::new(), Vec::new());
        Membership { mesh, standing, mode: None, revision: None, version: None, reason: reason.into(), evidence, fix }
    }
    #[must_use]
    pub fn by(mut self, evidence: Evidence) -> Self {
        self.evidence.push(evidence);
        self
    }
    #[must_use]
    pub fn fix(mut self, step: impl Into<String>) -> Self {
        self.fix.push(step.into());
        self
    }
}

/// What says that a whole namespace is meant to be in a mesh.
#[derive(Clone, Debug, Serialize)]
pub struct Enrolment {
    pub mesh: &'static str,
    pub revision: Option<String>,
    /// The mode it asks for.
    pub mode: &'static str,
    pub evidence: Evidence,
}

/// How a sidecar runs in its pod: `None` if there is none.
pub fn sidecar_mode(pod: &Subject, name: &str) -> Option<&'static str> {
    pod.carries(name).map(|c| if c.native { "native-sidecar" } else { "sidecar" })
}

/// Another mesh's proxy, which an injector would collide with.
pub fn foreign_proxy<'p>(pod: &'p Subject, own: &str) -> Option<&'p str> {
    let others = super::MESHES.iter().filter(|mesh| mesh.id() != own);
    let carried = others.flat_map(|mesh| {
        let marks = mesh.marks();
        pod.containers.iter().filter(move |c| super::marks::is_proxy_of(marks, &c.name, &c.image))
    });
    carried.map(|c| c.name.as_str()).next()
}

/// A pod that the webhook fits and that has no proxy: why, by what can be seen today, and what to do.
pub fn missed(scene: &Scene, pod: &Subject, webhook: &Webhook, mesh: &'static str) -> Membership {
    let fits = Evidence::new(webhook.title(), "namespaceSelector, objectSelector", "both fit");
    let restart = subject::restart(scene.model, pod);
    let (service, behind) = scene.behind(webhook).unzip();
    let service = service.unwrap_or_default();
    let look = service
        .split_once('/')
        .map(|(namespace, name)| format!("kubectl get endpointslices -n {namespace} -l kubernetes.io/service-name={name}"));
    let nobody = match behind {
        Some(Behind::Nobody) => Some(format!("no ready pod stands behind Service {service}")),
        Some(Behind::NoService) => Some(format!("there is no Service {service}")),
        _ => None,
    };
    let missing = |reason: String| Membership::new(mesh, Standing::Missing, reason).by(fits.clone());
    if !pod.exists {
        return match nobody {
            Some(nobody) => missing(format!("the injector can't answer: {nobody}"))
                .by(Evidence::new(format!("Service {service}"), "endpoints", "none ready"))
                .fix(look.unwrap_or_default()),
            None => Membership::new(mesh, Standing::Member, "its next pod gets a proxy").by(fits),
        };
    }
    match (nobody, pod.created, webhook.created) {
        (Some(nobody), _, _) if !webhook.fails_closed() => {
            let policy = Evidence::new(webhook.title(), "failurePolicy", "Ignore");
            missing(format!("the injector does not answer ({nobody}), and then pods are let in without a proxy"))
                .by(policy)
                .fix(look.unwrap_or_default())
                .fix(restart)
        }
        (nobody, Some(pod_at), Some(webhook_at)) if pod_at < webhook_at => {
            let also = nobody.map(|nobody| format!("; and now {nobody}, so its next pod is refused")).unwrap_or_default();
            missing(format!("the pod is older than the injector's configuration{also}"))
                .by(Evidence::new(pod.title(), "metadata.creationTimestamp", pod_at.to_string()))
                .by(Evidence::new(webhook.title(), "metadata.creationTimestamp", webhook_at.to_string()))
                .fix(restart)
        }
        (Some(nobody), _, _) => missing(format!("the pod is older than the wish; and now {nobody}, so its next pod is refused"))
            .by(Evidence::new(webhook.title(), "failurePolicy", "Fail"))
            .fix(look.unwrap_or_default()),
        _ => {
            // With `Fail` a silent injector would have let no pod in at all.
            let away = if webhook.fails_closed() { "" } else { ", or while the injector did not answer (failurePolicy Ignore)" };
            missing(format!("a new pod would get a proxy: this one was made before that was asked for{away}"))
                .by(Evidence::new(
                    pod.title(),
                    "metadata.creationTimestamp",
                    pod.created.map(|at| at.to_string()).unwrap_or_default(),
                ))
                .fix(restart)
        }
    }
}
