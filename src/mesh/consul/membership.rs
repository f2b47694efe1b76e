//! Who is in Consul and who should be: the pod's annotation, the injector's default and the namespaces it is let into.

use crate::kubernetes::admission::{Passes, Webhook, refusals};
use crate::kubernetes::subject::Subject;
use crate::mesh::membership::{Enrolment, Membership, Standing, missed, sidecar_mode};
use crate::mesh::scene::Scene;
use crate::mesh::view;
use crate::model::{Evidence, Namespace, Workload};

const NAME: &str = "Consul";
const INJECT: &str = "consul.hashicorp.com/connect-inject";
const STATUS: &str = "consul.hashicorp.com/connect-inject-status";
/// The injector never takes pods of these.
const NEVER: [&str; 2] = ["kube-system", "kube-public"];

/// The sidecar; its container is called by the service in pods of several.
fn sidecar(pod: &Subject) -> Option<&'static str> {
    sidecar_mode(pod, "consul-dataplane").or_else(|| sidecar_mode(pod, "envoy-sidecar"))
}

pub fn of(scene: &Scene, pod: &Subject) -> Membership {
    let mut membership = judged(scene, pod);
    membership.version = pod.carries("consul-dataplane").and_then(|c| view::image_tag(&c.image)).map(str::to_owned);
    membership
}

fn judged(scene: &Scene, pod: &Subject) -> Membership {
    let new = |standing, reason: &str| Membership::new(NAME, standing, reason);
    if pod.label("component").is_some_and(|part| part.ends_with("gateway")) && sidecar(pod).is_some() {
        let mut gateway = new(Standing::Member, "it is a gateway: the proxy is its application");
        gateway.mode = Some("gateway");
        return gateway;
    }
    let own = pod.annotation(INJECT);
    let by_pod = own.map(|value| Evidence::new(pod.title(), format!("metadata.annotations[{INJECT}]"), value));
    let default = default_inject(scene);
    if let Some(mode) = sidecar(pod) {
        let wanted = own.map_or(default.as_ref().map(|(on, _)| *on), |value| Some(truth(value)));
        let evidence = by_pod.or_else(|| default.map(|(_, evidence)| evidence));
        let mut member = match wanted {
            Some(false) => new(Standing::Leftover, "it has a proxy, and its next pod would not"),
            _ => new(Standing::Member, "it should have a proxy, and has"),
        };
        member.evidence.extend(evidence);
        member.mode = Some(mode);
        return member;
    }
    let Some(injector) = injectors(scene).next() else {
        return match (own.map(truth), scene.injectors_seen()) {
            (Some(true), true) => new(Standing::Missing, "a proxy is asked for, and no injector is installed")
                .by(by_pod.unwrap_or_default())
                .fix("helm upgrade consul hashicorp/consul --reuse-values --set connectInject.enabled=true"),
            (_, false) => new(Standing::Unknown, "the injector's webhook could not be seen"),
            _ => new(Standing::Outside, "nothing asks for it"),
        };
    };
    let mut membership = match (own, default) {
        (Some(value), _) if !truth(value) => new(Standing::Excluded, "its annotation says no").by(by_pod.unwrap_or_default()),
        (Some(_), _) => wanted(scene, pod, injector, by_pod.unwrap_or_default()),
        (None, Some((true, evidence))) => {
            // A namespace that the injector is not let into is simply not meant.
            match reached(scene, pod, injector) {
                Ok(()) => wanted(scene, pod, injector, evidence),
                Err((reason, evidence)) => new(Standing::Outside, &reason).by(evidence),
            }
        }
        (None, Some((false, evidence))) => {
            let put = format!("to put it in, annotate its pod template: {INJECT}: \"true\"");
            new(Standing::Outside, "the injector takes pods with the annotation only, and it has none").by(evidence).fix(put)
        }
        (None, None) => new(Standing::Unknown, "the injector's default could not be read from its Deployment"),
    };
    membership.mode = Some("sidecar");
    membership
}

fn wanted(scene: &Scene, pod: &Subject, injector: &Webhook, evidence: Evidence) -> Membership {
    if pod.label(STATUS).or_else(|| pod.annotation(STATUS)) == Some("injected") {
        let status = Evidence::new(pod.title(), STATUS, "injected");
        let reason = "it is marked as injected, so the injector passes it by, and it has no proxy";
        let fix = "take the status label and annotation out of its pod template: they belong to pods only";
        return Membership::new(NAME, Standing::Missing, reason).by(evidence).by(status).fix(fix);
    }
    if let Err((reason, why)) = reached(scene, pod, injector) {
        let reason = format!("a proxy is asked for, and {reason}");
        return Membership::new(NAME, Standing::Missing, reason)
            .by(evidence)
            .by(why)
            .fix("set connectInject.namespaceSelector and k8sAllowNamespaces of the Helm chart");
    }
    let refused = refusals(scene.facts).into_iter().find(|r| {
        let own = pod.owner.map(|id| &scene.model.workloads[id].name);
        !pod.exists && r.namespace == pod.namespace && own.is_some_and(|own| r.replica_set.starts_with(&format!("{own}-")))
    });
    if let Some(refused) = refused {
        let said = Evidence::new(
            format!("ReplicaSet {}/{}", refused.namespace, refused.replica_set),
            "status.conditions[ReplicaFailure]",
            refused.message,
        );
        return Membership::new(NAME, Standing::Missing, "the injector refuses its pods")
            .by(evidence)
            .by(said)
            .fix("meshctl check");
    }
    let mut missed = missed(scene, pod, injector, NAME);
    missed.evidence.insert(0, evidence);
    missed
}

/// Whether the webhook hears of the pod, and the injector may take it.
fn reached(scene: &Scene, pod: &Subject, injector: &Webhook) -> Result<(), (String, Evidence)> {
    let labels = scene.namespace_labels(&pod.namespace);
    let kept = |field: &str, whose: &str| {
        Err((format!("the injector's webhook leaves out its {whose}"), Evidence::new(injector.title(), field, "does not fit")))
    };
    if NEVER.contains(&pod.namespace.as_str()) {
        return Err((
            "the injector leaves out the system's namespaces".to_owned(),
            Evidence::new(pod.title(), "metadata.namespace", &pod.namespace),
        ));
    }
    match injector.passes(labels, &pod.labels) {
        Passes::Namespace => return kept("namespaceSelector", "namespace"),
        Passes::Object => return kept("objectSelector", "labels"),
        Passes::Fits => {}
    }
    let Some(workload) = deployment(scene) else { return Ok(()) };
    let listed = |flag: &str| flags(workload, flag).collect::<Vec<String>>();
    let (allow, deny) = (listed("-allow-k8s-namespace"), listed("-deny-k8s-namespace"));
    let has = |list: &[String]| list.iter().any(|name| name == "*" || *name == pod.namespace);
    let why = |flag: &str| Evidence::new(workload.title(), flag, pod.namespace.clone());
    if has(&deny) {
        return Err(("the injector is kept out of its namespace".to_owned(), why("-deny-k8s-namespace")));
    }
    if !allow.is_empty() && !has(&allow) {
        return Err((
            "the injector is not let into its namespace".to_owned(),
            Evidence::new(workload.title(), "-allow-k8s-namespace", allow.join(", ")),
        ));
    }
    Ok(())
}

fn truth(value: &str) -> bool {
    matches!(value, "true" | "True" | "TRUE" | "t" | "T" | "1")
}

fn deployment<'a>(scene: &Scene<'a>) -> Option<&'a Workload> {
    scene.labelled("component", "connect-injector").find(|w| w.labels.get("app").is_some_and(|app| app == "consul"))
}

/// Values of a flag in the injector's command line, which is one shell script.
fn flags<'w>(workload: &'w Workload, flag: &'w str) -> impl Iterator<Item = String> + 'w {
    let words = workload.containers.iter().flat_map(|c| &c.command).flat_map(|text| text.split_whitespace());
    words.filter_map(move |word| Some(word.strip_prefix(flag)?.strip_prefix('=')?.trim_matches('"').to_owned()))
}

/// The image of the proxies to come.
pub fn injected_image(scene: &Scene) -> Option<String> {
    flags(deployment(scene)?, "-consul-dataplane-image").next()
}

/// What happens to pods without the annotation.
fn default_inject(scene: &Scene) -> Option<(bool, Evidence)> {
    let workload = deployment(scene)?;
    let value = flags(workload, "-default-inject").next()?;
    let on = truth(&value);
    Some((on, Evidence::new(workload.title(), "-default-inject", value)))
}

/// With the injector's default on, every namespace that it may take.
pub fn enrols(scene: &Scene, namespace: &Namespace) -> Option<Enrolment> {
    let (on, evidence) = default_inject(scene)?;
    let injector = injectors(scene).next()?;
    let anybody = Subject { namespace: namespace.name.clone(), ..Subject::default() };
    let taken = on && !namespace.system && reached(scene, &anybody, injector).is_ok();
    taken.then_some(Enrolment { mesh: NAME, revision: None, mode: "sidecar", evidence })
}

pub fn injectors<'s, 'a>(scene: &'s Scene<'a>) -> impl Iterator<Item = &'s Webhook<'a>> {
    scene.injectors(|w| w.spec.name.ends_with("connect-injector.consul.hashicorp.com"))
}
