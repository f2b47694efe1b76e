//! What is asked of every mesh in the same words.

use super::{arrived, certificates, partly};
use crate::facts::kinds;
use crate::kubernetes::admission::refusals;
use crate::kubernetes::readiness::{self, Behind};
use crate::kubernetes::subject;
use crate::mesh::check::{Category, Check, Findings, Subject, counted};
use crate::mesh::membership::Standing;
use crate::mesh::{Marks, marks};
use crate::model::{Evidence, WorkloadKind};
use std::collections::BTreeMap;

pub static CHECKS: &[Check] = &[
    Check {
        code: "MSH1001",
        category: Category::ControlPlane,
        title: "every part of the control plane is ready",
        run: control_plane,
    },
    Check { code: "MSH1002", category: Category::Admission, title: "somebody answers every webhook", run: webhooks },
    Check { code: "MSH1003", category: Category::Admission, title: "no pod is refused by the mesh", run: refused },
    Check {
        code: "MSH1004",
        category: Category::Certificates,
        title: "roots and webhook certificates are valid for long",
        run: certificates::published,
    },
    Check { code: "MSH1005", category: Category::Members, title: "every pod that should be in the mesh is", run: members },
    Check {
        code: "MSH1009",
        category: Category::Members,
        title: "Services have all their pods in the mesh, or none",
        run: partly::services,
    },
    Check { code: "MSH1006", category: Category::Proxies, title: "every proxy is ready", run: proxies },
    Check {
        code: "MSH1007",
        category: Category::Proxies,
        title: "proxies have the version of their control plane",
        run: versions,
    },
    Check {
        code: "MSH1008",
        category: Category::Configuration,
        title: "routes are accepted, and their backends are there",
        run: routes,
    },
    Check {
        code: "MSH1010",
        category: Category::Configuration,
        title: "every proxy has the configuration sent to it",
        run: arrived::proxies,
    },
];

fn control_plane(subject: &Subject, findings: &mut Findings) {
    let scene = subject.scene;
    let (mut ready, mut wanted) = (0, 0);
    for installation in subject.installations {
        let parts = subject.state.components(scene, installation);
        if parts.is_empty() {
            let unseen = if installation.namespace.is_empty() {
                "the control plane is not in what was seen".to_owned()
            } else {
                format!("no workload of it in {}", installation.namespace)
            };
            findings.unknown.push(unseen);
        }
        for part in parts {
            let Some(own) = readiness::of_workload(scene.facts, part) else {
                findings.unknown.push(format!("the status of {}", part.title()));
                continue;
            };
            ready += own.ready;
            wanted += own.wanted;
            if own.is_whole() {
                continue;
            }
            let kind = match part.kind {
                WorkloadKind::StatefulSet => "sts",
                WorkloadKind::DaemonSet => "ds",
                _ => "deploy",
            };
            let look = format!("kubectl describe {kind}/{} -n {}", part.name, part.namespace);
            let (message, fix) = match (own.ready, own.wanted) {
                (_, 0) if part.kind == WorkloadKind::DaemonSet => continue,
                (_, 0) => (
                    format!("{} is scaled to 0", part.title()),
                    format!("kubectl scale {kind}/{} -n {} --replicas=1", part.name, part.namespace),
                ),
                (0, _) => (format!("nothing of {} is ready", part.title()), look),
                _ => (format!("{} of {} pods of {} are ready", own.ready, own.wanted, part.title()), look),
            };
            let evidence = Evidence::new(part.title(), "status.readyReplicas", format!("{} of {}", own.ready, own.wanted));
            if own.ready == 0 {
                findings.error(message, vec![evidence], vec![fix])
            } else {
                findings.warning(message, vec![evidence], vec![fix])
            }
        }
    }
    findings.detail = format!("{ready} of {wanted} ready");
}

/// By the Service behind each: one line for a Service, however many webhooks it serves.
fn webhooks(subject: &Subject, findings: &mut Findings) {
    let scene = subject.scene;
    findings.needs(scene, &[&kinds::MUTATING_WEBHOOK, &kinds::VALIDATING_WEBHOOK]);
    let mut silent: BTreeMap<(String, String), Vec<&crate::kubernetes::admission::Webhook>> = BTreeMap::new();
    let own = scene.webhooks.iter().filter(|w| w.spec.name.ends_with(subject.state.domain()));
    let mut count = 0;
    for webhook in own {
        count += 1;
        let why = match scene.behind(webhook) {
            Some((service, Behind::Nobody)) => (service, "no ready pod stands behind it".to_owned()),
            Some((service, Behind::NoService)) => (service, "it does not exist".to_owned()),
            Some((service, Behind::NoPort(port))) => (service, format!("it has no port {port}, which they ask")),
            Some((service, Behind::Unknown)) => {
                findings.unknown.push(format!("who stands behind Service {service}"));
                continue;
            }
            Some((_, Behind::Ready(_))) | None => continue,
        };
        silent.entry(why).or_default().push(webhook);
    }
    for ((service, why), webhooks) in silent {
        let closed: Vec<_> = webhooks.iter().filter(|w| w.fails_closed()).collect();
        let pods = webhooks.iter().filter(|w| w.takes_pods()).collect::<Vec<_>>();
        let effect = match (pods.iter().any(|w| w.fails_closed()), pods.is_empty(), closed.is_empty()) {
            (true, ..) => "pods that it would inject are refused",
            (false, false, true) => "pods are let in without a proxy",
            (false, false, false) => "pods are let in without a proxy, and changes of its configuration are refused",
            (false, true, true) => "its configuration is not checked",
            (false, true, false) => "changes of its configuration are refused",
        };
        let message = format!("Service {service} should answer {}, and {why}: {effect}", counted(webhooks.len(), "webhook"));
        let evidence = webhooks
            .iter()
            .take(3)
            .map(|w| Evidence::new(w.title(), "failurePolicy", if w.fails_closed() { "Fail" } else { "Ignore" }));
        let fix =
            service.split_once('/').map(|(ns, name)| format!("kubectl get service,endpointslices,pods -n {ns} | grep {name}"));
        if closed.is_empty() {
            findings.warning(message, evidence.collect(), fix.into_iter().collect());
        } else {
            findings.error(message, evidence.collect(), fix.into_iter().collect());
        }
    }
    findings.detail = counted(count, "webhook");
}

fn refused(subject: &Subject, findings: &mut Findings) {
    findings.needs(subject.scene, &[&kinds::REPLICA_SET]);
    let own = |message: &str| message.contains(subject.state.domain());
    for refusal in refusals(subject.scene.facts).into_iter().filter(|r| r.message.contains("webhook") && own(&r.message)) {
        let title = format!("ReplicaSet {}/{}", refusal.namespace, refusal.replica_set);
        let evidence = Evidence::new(&title, "status.conditions[ReplicaFailure]", refusal.message);
        let fix = format!("kubectl describe rs/{} -n {}", refusal.replica_set, refusal.namespace);
        findings.error(format!("{title} can't make its pods: the mesh's webhook refuses them"), vec![evidence], vec![fix]);
    }
}

fn members(subject: &Subject, findings: &mut Findings) {
    let scene = subject.scene;
    findings.needs(scene, &[&kinds::POD]);
    // Name, evidence and fix of each, by namespace and reason.
    type Absent = (String, Vec<Evidence>, Vec<String>);
    let mut groups: BTreeMap<(String, String), Vec<Absent>> = BTreeMap::new();
    let (mut inside, mut stuck) = (0, false);
    for pod in scene.pods.iter().filter(|pod| !pod.ended()) {
        let m = subject.state.membership(scene, pod);
        inside += usize::from(m.standing.is_in());
        if m.standing == Standing::Missing {
            stuck |= pod.phase == "Pending";
            groups.entry((pod.namespace.clone(), m.reason)).or_default().push((pod.name.clone(), m.evidence, m.fix));
        } else if m.standing == Standing::Unknown {
            findings.unknown.push(m.reason);
        }
    }
    for ((namespace, reason), pods) in groups {
        let names: Vec<&str> = pods.iter().map(|(name, ..)| name.as_str()).collect();
        let message = format!(
            "{namespace}/{} should be in the mesh and {}: {reason}",
            names.join(", "),
            if names.len() == 1 { "is not" } else { "are not" }
        );
        let evidence = pods.first().map(|(_, evidence, _)| evidence.clone()).unwrap_or_default();
        let mut fix: Vec<String> = pods.into_iter().flat_map(|(_, _, fix)| fix).filter(|fix| !fix.is_empty()).collect();
        fix.dedup();
        if stuck { findings.error(message, evidence, fix) } else { findings.warning(message, evidence, fix) }
    }
    findings.detail = format!("{inside} in it");
}

fn own_marks(subject: &Subject) -> Option<&'static Marks> {
    let own = crate::mesh::MESHES.iter().find(|mesh| mesh.state().name() == subject.state.name());
    own.map(|mesh| mesh.marks())
}

fn proxies(subject: &Subject, findings: &mut Findings) {
    let scene = subject.scene;
    findings.needs(scene, &[&kinds::POD]);
    let Some(marks) = own_marks(subject) else { return };
    let mut count = 0;
    for pod in scene.pods.iter().filter(|pod| !pod.ended()) {
        let running = pod.containers.iter().filter(|c| !c.init || c.native);
        for proxy in running.filter(|c| marks::is_proxy_of(marks, &c.name, &c.image)) {
            count += 1;
            if proxy.ready == Some(false) {
                let waits = if proxy.waits_for.is_empty() { "running".to_owned() } else { proxy.waits_for.clone() };
                let message = format!("the proxy of {} is not ready, and so the pod is not", pod.title());
                let evidence = Evidence::new(
                    pod.title(),
                    format!("status of container {}", proxy.name),
                    format!("{waits}, not ready; pod {}", pod.phase),
                );
                let fix = format!("kubectl logs -n {} {} -c {}", pod.namespace, pod.name, proxy.name);
                findings.error(message, vec![evidence], vec![fix]);
            } else if proxy.ready.is_none() {
                findings.unknown.push(format!("the status of the proxy of {}", pod.title()));
            }
        }
    }
    findings.detail = counted(count, "proxy");
}

fn versions(subject: &Subject, findings: &mut Findings) {
    let scene = subject.scene;
    findings.needs(scene, &[&kinds::POD]);
    for installation in subject.installations {
        let Some(wanted) = subject.state.proxy_version(scene, installation) else {
            if installation.namespace.is_empty() {
                findings.unknown.push("the control plane is not in what was seen".to_owned());
            }
            continue;
        };
        let mut odd: BTreeMap<String, Vec<&subject::Subject>> = BTreeMap::new();
        for pod in scene.pods.iter().filter(|pod| !pod.ended()) {
            let member = subject.state.membership(scene, pod);
            let mine = member.standing.is_in() && subject.state.serves(installation, &member);
            if let Some(version) = member.version.filter(|version| mine && *version != wanted) {
                odd.entry(version).or_default().push(pod);
            }
        }
        for (version, pods) in odd {
            let names: Vec<String> = pods.iter().map(|pod| format!("{}/{}", pod.namespace, pod.name)).collect();
            let message = format!(
                "{} of version {version}, and the control plane gives {wanted}: {}",
                if names.len() == 1 { "a proxy is" } else { "proxies are" },
                names.join(", ")
            );
            let evidence = pods.iter().take(3).map(|pod| Evidence::new(pod.title(), "image of the proxy", &version));
            let mut fix: Vec<String> = pods.iter().map(|pod| subject::restart(scene.model, pod)).collect();
            fix.dedup();
            findings.warning(message, evidence.collect(), fix);
        }
    }
}

/// What controllers of this mesh wrote on routes; the other meshes' word on the same route is theirs.
fn routes(subject: &Subject, findings: &mut Findings) {
    use crate::mesh::view::{Conditions, nullable};
    use serde::Deserialize;
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct View {
        status: Status,
    }
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Status {
        #[serde(deserialize_with = "nullable")]
        parents: Vec<Parent>,
    }
    #[derive(Deserialize, Default)]
    #[serde(default, rename_all = "camelCase")]
    struct Parent {
        controller_name: String,
        #[serde(flatten)]
        said: Conditions,
    }
    let of_mesh = own_marks(subject).map_or(&[][..], |marks| marks.routes);
    let read: Vec<_> = [&kinds::HTTP_ROUTE, &kinds::GRPC_ROUTE].into_iter().chain(of_mesh.iter().copied()).collect();
    findings.needs(subject.scene, &read);
    let own = |controller: &str| controller.split('/').next().is_some_and(|domain| domain.ends_with(subject.state.domain()));
    for resource in read {
        subject.scene.facts.read::<View>(resource, |object, view| {
            let conditions = view.status.parents.into_iter().filter(|p| own(&p.controller_name)).flat_map(|p| p.said.conditions);
            for condition in conditions.filter(|c| c.status == "False" && matches!(c.kind.as_str(), "Accepted" | "ResolvedRefs"))
            {
                let title = format!("{} {}/{}", resource.kind, object.namespace, object.name);
                let what = if condition.kind == "Accepted" { "is not accepted" } else { "leads to a backend that is not there" };
                let text = format!("{} False: {} {}", condition.kind, condition.reason, condition.message);
                let fix = format!("kubectl describe {} -n {} {}", resource.qualified(), object.namespace, object.name);
                findings.error(
                    format!("{title} {what}"),
                    vec![Evidence::new(&title, "status.parents.conditions", text.trim())],
                    vec![fix],
                );
            }
        });
    }
}
