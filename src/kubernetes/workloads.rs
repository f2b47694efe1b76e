//! Controllers and bare pods → workloads with the templates of their pods.

use super::quantity;
use super::view::{self, strings};
use super::world::{World, namespace_of};
use crate::facts::{Object, Resource, kinds};
use crate::json;
use crate::mesh::marks;
use crate::model::{Autoscaler, Container, Model, NotSeen, Port, Qos, Resources, Role, Workload, WorkloadId, WorkloadKind};
use std::collections::BTreeMap;

const CONTROLLERS: [(&Resource, WorkloadKind); 7] = [
    (&kinds::DEPLOYMENT, WorkloadKind::Deployment),
    (&kinds::STATEFUL_SET, WorkloadKind::StatefulSet),
    (&kinds::DAEMON_SET, WorkloadKind::DaemonSet),
    (&kinds::ARGO_ROLLOUT, WorkloadKind::Rollout),
    (&kinds::REPLICATION_CONTROLLER, WorkloadKind::ReplicationController),
    (&kinds::CRON_JOB, WorkloadKind::CronJob),
    (&kinds::JOB, WorkloadKind::Job),
];

struct Found {
    workload: Workload,
    spec: view::PodSpec,
}

/// Fills `world.model.workloads` and `world.templates`, in the order namespace, kind, name.
pub fn collect(world: &mut World) {
    let mut found: Vec<Found> = Vec::new();
    // Jobs of a CronJob aren't workloads of their own, but their pods have an owner all the same.
    let mut owned_jobs: BTreeMap<(String, String), ()> = BTreeMap::new();
    for (resource, kind) in CONTROLLERS {
        let views: Vec<(&Object, view::Controller)> = world.read(resource);
        for (object, view) in views {
            if kind == WorkloadKind::Job && view.meta.owners.iter().any(|o| &*o.kind == "CronJob") {
                owned_jobs.insert((namespace_of(object).to_owned(), object.name.to_string()), ());
                continue;
            }
            let finished = |c: &view::Condition| matches!(&*c.kind, "Complete" | "Failed") && &*c.status == "True";
            if kind == WorkloadKind::Job && view.status.conditions.iter().any(finished) {
                continue;
            }
            // A Rollout that points at a Deployment has no template; the Deployment is the workload.
            if kind == WorkloadKind::Rollout && view.spec.workload_ref.is_some() {
                continue;
            }
            found.push(controller(object, kind, view));
        }
    }
    let known: BTreeMap<(String, WorkloadKind, String), ()> =
        found.iter().map(|f| ((f.workload.namespace.clone(), f.workload.kind, f.workload.name.clone()), ())).collect();
    let mut from_pods: BTreeMap<(String, WorkloadKind, String), Found> = BTreeMap::new();
    let pods: Vec<(&Object, view::OwnedPod)> = world.read(&kinds::POD);
    for (object, pod) in pods {
        if matches!(&*pod.status.phase, "Succeeded" | "Failed") {
            continue;
        }
        let namespace = namespace_of(object);
        let Some((kind, name)) = pod_owner(object, &pod.meta, |kind, name| {
            (kind == WorkloadKind::Job && owned_jobs.contains_key(&(namespace.to_owned(), name.to_owned())))
                || known.contains_key(&(namespace.to_owned(), kind, name.to_owned()))
        }) else {
            continue;
        };
        let key = (namespace.to_owned(), kind, name.clone());
        match from_pods.get_mut(&key) {
            Some(seen) => seen.workload.replicas += 1,
            None => {
                let template = object.read().unwrap_or_else(|error| {
                    world.model.add_not_seen(unread_spec(object, &error));
                    view::Template::default()
                });
                from_pods.insert(key, workload(object, kind, name, 1, None, template));
            }
        }
    }
    found.extend(from_pods.into_values());
    found.sort_by(|a, b| {
        let key = |f: &Found| (f.workload.namespace.clone(), f.workload.kind, f.workload.name.clone());
        key(a).cmp(&key(b))
    });
    // The same object twice in a set of manifests is one workload; the later one wins, as with `kubectl apply`.
    found.reverse();
    found.dedup_by(|a, b| {
        a.workload.namespace == b.workload.namespace && a.workload.kind == b.workload.kind && a.workload.name == b.workload.name
    });
    found.reverse();
    for f in found {
        world.model.workloads.push(f.workload);
        world.templates.push(f.spec);
    }
}

fn unread_spec(object: &Object, error: &json::Error) -> NotSeen {
    let namespace = if object.namespace.is_empty() { String::new() } else { format!("{}/", object.namespace) };
    let place = object.place.as_ref().filter(|p| p.is_known()).map(|p| format!("{p}: ")).unwrap_or_default();
    NotSeen {
        what: format!("Pod {namespace}{}", object.name),
        outcome: "failed".to_owned(),
        why: format!("{place}{error}"),
        leaves_open: "it is counted, but what it is made of is unknown".to_owned(),
    }
}

/// The workload that a pod makes visible and that is in no list; `None` if its owner is known.
fn pod_owner(
    object: &Object,
    meta: &view::OwnedMeta,
    known: impl Fn(WorkloadKind, &str) -> bool,
) -> Option<(WorkloadKind, String)> {
    let Some(owner) = meta.owners.iter().find(|o| o.controller).or(meta.owners.first()) else {
        return Some((WorkloadKind::Pod, object.name.to_string()));
    };
    let name = owner.name.0.clone();
    let kind = match &*owner.kind {
        "ReplicaSet" => {
            let view::TemplateHashes { deployment, rollout } = &meta.hashes;
            let hash = if deployment.is_empty() { rollout } else { deployment };
            let parent = name.strip_suffix(&**hash).filter(|_| !hash.is_empty()).and_then(|rest| rest.strip_suffix('-'));
            if let Some(parent) = parent {
                if known(WorkloadKind::Deployment, parent) || known(WorkloadKind::Rollout, parent) {
                    return None;
                }
                // A template hash is the mark of a Deployment: its list was not seen.
                return Some((WorkloadKind::Deployment, parent.to_owned()));
            }
            WorkloadKind::ReplicaSet
        }
        "StatefulSet" => WorkloadKind::StatefulSet,
        "DaemonSet" => WorkloadKind::DaemonSet,
        "ReplicationController" => WorkloadKind::ReplicationController,
        "Job" => WorkloadKind::Job,
        // A static pod belongs to its node.
        "Node" => return Some((WorkloadKind::Pod, object.name.to_string())),
        _ => WorkloadKind::Pod,
    };
    (!known(kind, &name)).then_some((kind, name))
}

fn controller(object: &Object, kind: WorkloadKind, view: view::Controller) -> Found {
    let number = |text: &view::Text| text.parse::<u32>().ok();
    let replicas = match kind {
        WorkloadKind::DaemonSet => number(&view.status.desired).unwrap_or(0),
        WorkloadKind::CronJob => view.spec.job_template.as_ref().and_then(|j| number(&j.spec.parallelism)).unwrap_or(1),
        WorkloadKind::Job => number(&view.spec.parallelism).unwrap_or(1),
        _ => number(&view.spec.replicas).unwrap_or(1),
    };
    let schedule = (!view.spec.schedule.is_empty()).then(|| view.spec.schedule.0.clone());
    let template = view.spec.template.or_else(|| view.spec.job_template.and_then(|j| j.spec.template)).unwrap_or_default();
    workload(object, kind, object.name.to_string(), replicas, schedule, template)
}

fn workload(
    object: &Object,
    kind: WorkloadKind,
    name: String,
    replicas: u32,
    schedule: Option<String>,
    template: view::Template,
) -> Found {
    let spec = template.spec;
    let containers: Vec<Container> = spec
        .init_containers
        .iter()
        .map(|c| container(c, true))
        .chain(spec.containers.iter().map(|c| container(c, false)))
        .collect();
    let os = spec.node_selector.get("kubernetes.io/os").map(|os| os.0.clone());
    let os = os.or_else(|| (!spec.os.name.is_empty()).then(|| spec.os.name.0.clone()));
    let workload = Workload {
        namespace: namespace_of(object).to_owned(),
        kind,
        name,
        labels: strings(&template.meta.labels),
        annotations: strings(&template.meta.annotations),
        role: Role::App,
        role_reason: String::new(),
        replicas,
        qos: qos(&containers),
        containers,
        host_network: spec.host_network,
        service_account: spec.service_account.0.clone(),
        os,
        languages: Vec::new(),
        libraries: Vec::new(),
        place: object.place.clone(),
        schedule,
    };
    Found { workload, spec }
}

fn container(view: &view::Container, init: bool) -> Container {
    Container {
        name: view.name.0.clone(),
        image: view.image.0.clone(),
        init,
        native_sidecar: init && &*view.restart_policy == "Always",
        ports: view.ports.iter().filter_map(port).collect(),
        requests: resources(&view.resources.requests),
        limits: resources(&view.resources.limits),
        run_as_user: view.security.run_as_user,
        privileged: view.security.privileged,
        command: view.command.iter().chain(&view.args).map(|word| word.0.clone()).collect(),
    }
}

fn port(view: &view::ContainerPort) -> Option<Port> {
    let protocol = if view.protocol.is_empty() { "TCP".to_owned() } else { view.protocol.0.clone() };
    Some(Port { name: view.name.0.clone(), number: view.number.parse().ok()?, protocol })
}

/// `None` when neither CPU nor memory is named.
pub fn resources(map: &view::Map) -> Option<Resources> {
    let cpu = map.get("cpu").and_then(|text| quantity::cpu_milli(text));
    let memory = map.get("memory").and_then(|text| quantity::bytes(text));
    (cpu.is_some() || memory.is_some())
        .then(|| Resources { cpu_milli: cpu.unwrap_or_default(), memory_bytes: memory.unwrap_or_default() })
}

/// As the kubelet judges it: requests default to limits. A proxy that was injected doesn't count.
fn qos(containers: &[Container]) -> Qos {
    let own: Vec<&Container> = containers.iter().filter(|c| !marks::is_proxy(&c.name, &c.image)).collect();
    if own.iter().all(|c| c.requests.is_none() && c.limits.is_none()) {
        return Qos::BestEffort;
    }
    let guaranteed = |c: &&Container| {
        let Some(limits) = c.limits else { return false };
        let whole = limits.cpu_milli > 0 && limits.memory_bytes > 0;
        let same = c.requests.is_none_or(|r| {
            (r.cpu_milli == limits.cpu_milli || r.cpu_milli == 0)
                && (r.memory_bytes == limits.memory_bytes || r.memory_bytes == 0)
        });
        whole && same
    };
    if own.iter().all(guaranteed) { Qos::Guaranteed } else { Qos::Burstable }
}

/// HorizontalPodAutoscalers with the workloads they scale.
pub fn autoscalers(world: &mut World) {
    let views: Vec<(&Object, view::Autoscaler)> = world.read(&kinds::HORIZONTAL_POD_AUTOSCALER);
    for (object, view) in views {
        let spec = view.spec;
        let mut metrics: Vec<String> = spec.metrics.iter().map(metric_title).collect();
        let mut on_pod_cpu = spec.metrics.iter().any(is_pod_cpu);
        // autoscaling/v1 names one number; without any metric the API server fills in 80 % CPU.
        if metrics.is_empty() {
            metrics.push("Resource cpu".to_owned());
            on_pod_cpu = true;
        }
        let namespace = namespace_of(object);
        let target = target(&world.model, namespace, &spec.target);
        world.model.autoscalers.push(Autoscaler {
            namespace: namespace.to_owned(),
            name: object.name.to_string(),
            target,
            target_name: spec.target.name.0.clone(),
            min: spec.min.parse().unwrap_or(1),
            max: spec.max.parse().unwrap_or(0),
            metrics,
            on_pod_cpu,
        });
    }
}

fn target(model: &Model, namespace: &str, target: &view::NameRef) -> Option<WorkloadId> {
    let kind = CONTROLLERS.iter().map(|(_, kind)| *kind).find(|kind| kind.as_str() == &*target.kind);
    match kind {
        Some(kind) => model.workload(namespace, kind, &target.name),
        None => model.workload_named(namespace, &target.name),
    }
}

fn is_pod_cpu(metric: &view::Metric) -> bool {
    let Some(resource) = metric.resource.as_ref().filter(|_| &*metric.kind == "Resource") else { return false };
    let by_share = &*resource.target.kind == "Utilization"
        || !resource.target.utilization.is_empty()
        || !resource.old_utilization.is_empty();
    &*resource.name == "cpu" && by_share
}

fn metric_title(metric: &view::Metric) -> String {
    let sources = [&metric.resource, &metric.container, &metric.external, &metric.pods, &metric.object];
    let name = sources.into_iter().flatten().map(|s| if s.name.is_empty() { &s.metric.name } else { &s.name }).next();
    match name {
        Some(name) => format!("{} {}", &*metric.kind, &**name),
        None => metric.kind.0.clone(),
    }
}
