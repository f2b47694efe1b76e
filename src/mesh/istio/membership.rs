//! Who is in Istio and who should be: the injector's webhooks with their selectors, its own refusals, and ambient.

use crate::kubernetes::admission::{Passes, Webhook};
use crate::kubernetes::subject::{self, Subject};
use crate::mesh::membership::{Enrolment, Membership, Standing, missed, sidecar_mode};
use crate::mesh::scene::{Scene, namespace_label};
use crate::mesh::view;
use crate::model::{Evidence, Namespace};
use std::collections::BTreeSet;

const NAME: &str = "Istio";
const PROXY: &str = "istio-proxy";
const ENABLED: &str = "istio-injection";
const REVISION: &str = "istio.io/rev";
const TAG: &str = "istio.io/tag";
const INJECT: &str = "sidecar.istio.io/inject";
const MODE: &str = "istio.io/dataplane-mode";
const REDIRECTED: &str = "ambient.istio.io/redirection";
const WAYPOINT: &str = "istio.io/use-waypoint";
/// The injector never takes pods of these, whatever their labels.
const NEVER: [&str; 4] = ["kube-system", "kube-public", "kube-node-lease", "local-path-storage"];

pub fn of(scene: &Scene, pod: &Subject) -> Membership {
    let mut membership = judged(scene, pod);
    let proxy = pod.carries(PROXY).filter(|_| !is_node_proxy(pod));
    membership.version = proxy.and_then(|c| view::image_tag(&c.image)).map(str::to_owned);
    if membership.standing.is_in() {
        membership.revision = pod.annotation(REVISION).or_else(|| pod.label(REVISION)).map(str::to_owned).or(membership.revision);
    }
    membership
}

fn judged(scene: &Scene, pod: &Subject) -> Membership {
    let new = |standing, reason: &str| Membership::new(NAME, standing, reason);
    if is_node_proxy(pod) {
        return new(Standing::Outside, "it is Istio's own node proxy");
    }
    let labels = scene.namespace_labels(&pod.namespace);
    let main_only = pod.containers.iter().filter(|c| !c.init).count() == 1;
    if pod.containers.iter().any(|c| !c.init && c.name == PROXY) && (main_only || is_gateway(pod)) {
        let mut gateway = new(Standing::Member, "it is a gateway or waypoint: the proxy is its application");
        gateway.mode = Some("gateway");
        return gateway;
    }
    let fitting: Vec<&Webhook> = injectors(scene).filter(|w| w.passes(labels, &pod.labels) == Passes::Fits).collect();
    if let Some(mode) = sidecar_mode(pod, PROXY) {
        let mut member = match fitting.first() {
            Some(webhook) => new(Standing::Member, "it should have a proxy, and has").by(asked(scene, pod, webhook)),
            None if !scene.injectors_seen() => new(Standing::Member, "it has a proxy; why could not be seen"),
            None => {
                let (who, evidence) = no_injector(scene, pod);
                let reason = format!("it has a proxy, and its next pod would not: {who}");
                new(Standing::Leftover, &reason).by(evidence)
            }
        };
        member.mode = Some(mode);
        member.revision = fitting.first().and_then(|w| w.labels.get(REVISION).cloned());
        return member;
    }
    if let Some(ambient) = ambient(scene, pod, !fitting.is_empty()) {
        return ambient;
    }
    if !scene.injectors_seen() {
        return new(Standing::Unknown, "the injector's webhooks could not be seen");
    }
    let Some(webhook) = fitting.first() else { return unasked(scene, pod) };
    let mut membership = if pod.host_network {
        new(Standing::Excluded, "pods on the host's network are never injected")
            .by(Evidence::new(pod.title(), "spec.hostNetwork", "true"))
            .by(asked(scene, pod, webhook))
    } else if NEVER.contains(&pod.namespace.as_str()) {
        new(Standing::Excluded, "the injector leaves out the system's namespaces").by(asked(scene, pod, webhook))
    } else if pod.label(INJECT).is_none() && pod.annotation(INJECT) == Some("false") {
        let evidence = Evidence::new(pod.title(), format!("metadata.annotations[{INJECT}]"), "false");
        new(Standing::Excluded, "its annotation says no").by(evidence)
    } else {
        let mut missed = missed(scene, pod, webhook, NAME);
        missed.evidence.insert(0, asked(scene, pod, webhook));
        missed
    };
    membership.mode = Some("sidecar");
    membership.revision = webhook.labels.get(REVISION).cloned();
    membership
}

/// What in the labels made this webhook fit.
fn asked(scene: &Scene, pod: &Subject, webhook: &Webhook) -> Evidence {
    let labels = scene.namespace_labels(&pod.namespace);
    let of_pod = |key: &str, value: &str| Evidence::new(pod.title(), format!("metadata.labels[{key}]"), value);
    let by_object = webhook.spec.name.contains("object");
    let keys: &[&str] = if webhook.spec.name.starts_with("rev.") { &[REVISION] } else { &[ENABLED, INJECT, REVISION] };
    let namespace = || keys.iter().find_map(|key| labels.get(*key).map(|value| namespace_label(&pod.namespace, key, value)));
    let object = || keys.iter().find_map(|key| pod.label(key).map(|value| of_pod(key, value)));
    let found = if by_object { object().or_else(namespace) } else { namespace().or_else(object) };
    found.unwrap_or_else(|| Evidence::new(webhook.title(), "namespaceSelector, objectSelector", "both fit"))
}

/// No webhook fits: somebody said no, or asked for a revision that isn't there, or nobody asked.
fn unasked(scene: &Scene, pod: &Subject) -> Membership {
    let (who, evidence) = no_injector(scene, pod);
    let labels = scene.namespace_labels(&pod.namespace);
    let refused = pod.label(INJECT) == Some("false") || labels.get(ENABLED).is_some_and(|value| value == "disabled");
    let wish = labels.contains_key(ENABLED)
        || labels.contains_key(REVISION)
        || pod.label(REVISION).is_some()
        || pod.label(INJECT) == Some("true");
    if refused {
        return Membership::new(NAME, Standing::Excluded, who).by(evidence);
    }
    if !wish {
        let enable = match default_name(scene) {
            Some(_) => format!("to put its namespace in: kubectl label namespace {} {ENABLED}=enabled", pod.namespace),
            None => match names(scene).first() {
                Some(first) => format!("to put its namespace in: kubectl label namespace {} {REVISION}={first}", pod.namespace),
                None => return Membership::new(NAME, Standing::Outside, who).by(evidence),
            },
        };
        return Membership::new(NAME, Standing::Outside, who).by(evidence).fix(enable);
    }
    let mut missing = Membership::new(NAME, Standing::Missing, who).by(evidence);
    missing.mode = Some("sidecar");
    if let Some(name) = default_name(scene).or_else(|| names(scene).into_iter().next()) {
        let remove = if labels.contains_key(ENABLED) && name != "default" { format!(" {ENABLED}-") } else { String::new() };
        missing = missing.fix(format!("kubectl label namespace {} {REVISION}={name} --overwrite{remove}", pod.namespace));
        missing = missing.fix(subject::restart(scene.model, pod));
    }
    missing
}

/// Why no webhook fits, by the label that decides.
fn no_injector(scene: &Scene, pod: &Subject) -> (String, Evidence) {
    let labels = scene.namespace_labels(&pod.namespace);
    let known = names(scene);
    let known = if known.is_empty() { "no injector is installed".to_owned() } else { format!("there are {}", known.join(", ")) };
    let of_pod = |key: &str, value: &str| Evidence::new(pod.title(), format!("metadata.labels[{key}]"), value);
    if pod.label(INJECT) == Some("false") {
        return ("its label says no".to_owned(), of_pod(INJECT, "false"));
    }
    // This label wins over a revision beside it.
    if let Some(value) = labels.get(ENABLED) {
        let why = match value.as_str() {
            "disabled" => "the label of its namespace says no".to_owned(),
            "enabled" => format!("{ENABLED}=enabled is served by the default revision only, and no webhook serves it; {known}"),
            other => format!("the label {ENABLED}={other} of its namespace means nothing; it is enabled or disabled"),
        };
        return (why, namespace_label(&pod.namespace, ENABLED, value));
    }
    if let Some(value) = labels.get(REVISION) {
        return (
            format!("no injector serves revision or tag {value:?}; {known}"),
            namespace_label(&pod.namespace, REVISION, value),
        );
    }
    if let Some(value) = pod.label(REVISION) {
        return (format!("no injector serves revision or tag {value:?}; {known}"), of_pod(REVISION, value));
    }
    if let Some(value) = pod.label(INJECT) {
        let why = format!("{INJECT}={value} is served by the default revision only, and no webhook serves it; {known}");
        return (why, of_pod(INJECT, value));
    }
    let none = format!("no {ENABLED} or {REVISION} label");
    (
        "neither it nor its namespace asks for it".to_owned(),
        Evidence::new(format!("Namespace {}", pod.namespace), "metadata.labels", none),
    )
}

/// In ambient, or meant to be: the node's proxy serves it. A sidecar beside it wins.
fn ambient(scene: &Scene, pod: &Subject, sidecar_wanted: bool) -> Option<Membership> {
    let labels = scene.namespace_labels(&pod.namespace);
    let own = pod.label(MODE);
    let (value, evidence) = match (own, labels.get(MODE)) {
        (Some(value), _) => (value, Evidence::new(pod.title(), format!("metadata.labels[{MODE}]"), value)),
        (None, Some(value)) => (value.as_str(), namespace_label(&pod.namespace, MODE, value)),
        (None, None) => return None,
    };
    let new = |standing, reason: &str| {
        let mut made = Membership::new(NAME, standing, reason).by(evidence.clone());
        made.mode = Some("ambient");
        made
    };
    if value == "none" {
        return (!sidecar_wanted).then(|| new(Standing::Excluded, "its label keeps it out of ambient"));
    }
    if value != "ambient" {
        return None;
    }
    let waypoint = pod.label(WAYPOINT).or_else(|| labels.get(WAYPOINT).map(String::as_str)).filter(|name| *name != "none");
    let with = waypoint.map(|name| format!(", layer 7 through waypoint {name}")).unwrap_or_default();
    if pod.annotation(REDIRECTED) == Some("enabled") {
        return Some(new(Standing::Member, &format!("its node's ztunnel serves it{with}")));
    }
    if pod.host_network {
        let evidence = Evidence::new(pod.title(), "spec.hostNetwork", "true");
        return Some(new(Standing::Excluded, "pods on the host's network are not redirected").by(evidence));
    }
    if scene.labelled("app", "ztunnel").next().is_none() {
        let missing = new(Standing::Missing, "ambient is asked for, and no ztunnel runs in what was seen");
        return Some(missing.fix("istioctl install --set profile=ambient"));
    }
    if !pod.exists {
        return Some(new(Standing::Member, &format!("its next pod is redirected to ztunnel{with}")));
    }
    let missing = new(Standing::Missing, "ambient is asked for, and the CNI agent of its node has not redirected it");
    let agent = "kubectl logs -n istio-system ds/istio-cni-node".to_owned();
    Some(
        missing
            .by(Evidence::new(pod.title(), format!("metadata.annotations[{REDIRECTED}]"), "not there"))
            .fix(agent)
            .fix(subject::restart(scene.model, pod)),
    )
}

/// A namespace whose label asks for sidecars or ambient, whether or not anybody serves it.
pub fn enrols(scene: &Scene, namespace: &Namespace) -> Option<Enrolment> {
    let label = |key: &str| namespace.labels.get(key).map(|value| (value.as_str(), namespace_label(&namespace.name, key, value)));
    let new = |mode, revision: Option<String>, evidence| Some(Enrolment { mesh: NAME, revision, mode, evidence });
    // Which revision a tag stands for.
    let meant = |value: &str| {
        let tag = scene.webhooks.iter().find(|w| w.labels.get(TAG).is_some_and(|tag| tag == value));
        tag.and_then(|w| w.labels.get(REVISION).cloned()).unwrap_or_else(|| value.to_owned())
    };
    match (label(ENABLED), label(REVISION), label(MODE)) {
        (Some(("enabled", evidence)), _, _) => new("sidecar", Some(meant("default")), evidence),
        (None, Some((value, evidence)), _) => new("sidecar", Some(meant(value)), evidence),
        (_, _, Some(("ambient", evidence))) => new("ambient", None, evidence),
        _ => None,
    }
}

pub fn injectors<'s, 'a>(scene: &'s Scene<'a>) -> impl Iterator<Item = &'s Webhook<'a>> {
    scene.injectors(|w| w.spec.name.ends_with("sidecar-injector.istio.io"))
}

/// Revisions and tags that some webhook serves, in order.
fn names(scene: &Scene) -> Vec<String> {
    let named = |w: &Webhook| w.labels.get(TAG).or_else(|| w.labels.get(REVISION)).cloned();
    let live = injectors(scene).filter(|w| !is_deactivated(w));
    live.filter_map(named).collect::<BTreeSet<_>>().into_iter().collect()
}

fn default_name(scene: &Scene) -> Option<String> {
    names(scene).into_iter().find(|name| name == "default")
}

/// A tag for the default revision replaces its own webhook, which then fits nothing.
fn is_deactivated(webhook: &Webhook) -> bool {
    webhook.configuration.json.contains("istio.io/deactivated")
}

fn is_node_proxy(pod: &Subject) -> bool {
    pod.label("app") == Some("ztunnel")
}

fn is_gateway(pod: &Subject) -> bool {
    pod.label("gateway.networking.k8s.io/gateway-name").is_some()
        || pod.annotation("inject.istio.io/templates").is_some_and(|templates| templates.contains("gateway"))
}
