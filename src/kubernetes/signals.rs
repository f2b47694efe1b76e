//! What asks for a mesh's features, and what meets them already.
//!
//! *Evidenced* turns a need into a yes, and with enough services that is "a mesh is justified"; so it takes something
//! that only a mesh, or what a mesh does, would satisfy. A default-deny NetworkPolicy shows that somebody restricts
//! callers, and that the network does it already; a label that names a standard shows that rules apply, not that the
//! traffic in this cluster has to be encrypted by a proxy; tenants may be kept apart by NetworkPolicies. Each is a hint:
//! it leaves the need open, and a person settles it with one word.

use super::class;
use super::config;
use super::paths::Depths;
use super::roles;
use super::view;
use super::world::{World, namespace_of};
use crate::facts::{Object, Resource, kinds};
use crate::model::{EdgeClass, Evidence, NeedKind, Role, Signal, SignalKind};
use std::collections::{BTreeMap, BTreeSet};

/// Adds the signals of every need.
pub fn collect(world: &mut World) {
    namespace_labels(world);
    identities(world);
    tracing(world);
    canaries(world);
    grpc(world);
    elsewhere(world);
}

fn signal(world: &mut World, need: NeedKind, kind: SignalKind, text: impl Into<String>, evidence: Vec<Evidence>) {
    world.model.signals.push(Signal { need, kind, text: text.into(), evidence });
}

fn services(count: usize) -> String {
    if count == 1 { "1 Service".to_owned() } else { format!("{count} Services") }
}

fn objects(world: &World, resource: &Resource, text: &str) -> Vec<Evidence> {
    let of = |object: &Object| {
        let name =
            if object.namespace.is_empty() { object.name.to_string() } else { format!("{}/{}", object.namespace, object.name) };
        Evidence { place: object.place.clone(), ..Evidence::new(format!("{} {name}", resource.kind), "", text) }
    };
    world.facts.objects(resource).iter().map(of).collect()
}

fn namespace_labels(world: &mut World) {
    const STANDARDS: [&str; 6] = ["PCI", "PCIDSS", "HIPAA", "FEDRAMP", "SOX", "GDPR"];
    let (mut strict, mut hints) = (Vec::new(), Vec::new());
    let mut tenants: BTreeMap<String, Evidence> = BTreeMap::new();
    let mut owners: BTreeMap<String, Evidence> = BTreeMap::new();
    let labelled =
        world.model.namespaces.iter().filter(|n| !n.system).map(|n| (format!("Namespace {}", n.name), &n.labels, None, true));
    let workloads = world.model.workloads.iter().filter(|w| w.counts());
    let labelled = labelled.chain(workloads.map(|w| (w.title(), &w.labels, w.place.clone(), false)));
    for (title, labels, place, is_namespace) in labelled {
        for (key, value) in labels {
            if matches!(value.to_ascii_lowercase().as_str(), "false" | "no" | "none" | "disabled" | "out-of-scope") {
                continue;
            }
            let words: Vec<String> = class::words(key).into_iter().chain(class::words(value)).collect();
            let evidence =
                || Evidence { place: place.clone(), ..Evidence::new(&title, "metadata.labels", format!("{key}={value}")) };
            if words.iter().any(|w| STANDARDS.contains(&w.as_str())) {
                strict.push(evidence());
            } else if class::words(key).iter().any(|w| w == "COMPLIANCE") {
                hints.push(evidence());
            }
            let last = key.rsplit('/').next().unwrap_or_default();
            match last {
                "tenant" if is_namespace => drop(tenants.entry(value.clone()).or_insert_with(evidence)),
                "owner" | "team" if is_namespace => drop(owners.entry(value.clone()).or_insert_with(evidence)),
                _ => {}
            }
        }
    }
    if !strict.is_empty() {
        let text = "labels name a standard (PCI DSS, HIPAA, …); whether it asks for encryption inside the cluster is not visible";
        signal(world, NeedKind::Encryption, SignalKind::Hint, text, strict);
    }
    if !hints.is_empty() {
        signal(world, NeedKind::Encryption, SignalKind::Hint, "labels speak of compliance", hints);
    }
    if tenants.len() > 1 {
        let text = format!("{} tenants share the cluster", tenants.len());
        signal(world, NeedKind::Authorization, SignalKind::Hint, text, tenants.into_values().collect());
    } else if owners.len() > 1 {
        let text = format!("{} owners share the cluster", owners.len());
        signal(world, NeedKind::Authorization, SignalKind::Hint, text, owners.into_values().collect());
    }
}

fn identities(world: &mut World) {
    let certificates: Vec<(&Object, view::Certificate)> = world.read(&kinds::CERT_MANAGER_CERTIFICATE);
    let clients = certificates.iter().filter(|(_, c)| c.spec.usages.iter().any(|u| &**u == "client auth"));
    let mut found: Vec<Evidence> = clients
        .map(|(object, _)| {
            let title = format!("Certificate {}/{}", namespace_of(object), object.name);
            Evidence { place: object.place.clone(), ..Evidence::new(title, "spec.usages", "client auth") }
        })
        .collect();
    for (id, spec) in world.templates.iter().enumerate() {
        let workload = &world.model.workloads[id];
        for volume in spec.volumes.iter().filter_map(|v| v.csi.as_ref()) {
            if matches!(&*volume.driver, "csi.spiffe.io" | "spiffe.csi.cert-manager.io") {
                let field = format!("{}.volumes", config::pod_spec_path(workload.kind));
                found.push(Evidence { place: workload.place.clone(), ..Evidence::new(workload.title(), field, &*volume.driver) });
            }
        }
    }
    found.extend(objects(world, &kinds::SPIFFE_ID, "issues workload identities"));
    if !found.is_empty() {
        let text = "workloads are given certificates of their own";
        signal(world, NeedKind::Identity, SignalKind::Evidenced, text, found);
    }
    let felix: Vec<(&Object, view::Felix)> = world.read(&kinds::CALICO_FELIX_CONFIGURATION);
    let on = felix.iter().filter(|(_, f)| f.spec.wireguard || f.spec.wireguard_v6);
    let evidence: Vec<Evidence> = on
        .map(|(object, _)| Evidence::new(format!("FelixConfiguration {}", object.name), "spec.wireguardEnabled", "true"))
        .collect();
    if !evidence.is_empty() {
        let text = "Calico encrypts between nodes with WireGuard (encryption only: no identity; not for FIPS)";
        signal(world, NeedKind::Encryption, SignalKind::Satisfied, text, evidence);
    }
}

fn tracing(world: &mut World) {
    let depths = Depths::new(&world.model);
    let instrumentation = objects(world, &kinds::OTEL_INSTRUMENTATION, "instruments pods");
    let mut backends = objects(world, &kinds::OTEL_COLLECTOR, "a collector");
    backends.extend(objects(world, &kinds::JAEGER, "a Jaeger"));
    let mut sent = Vec::new();
    let model = &world.model;
    for edge in model.edges.iter().filter(|e| e.class == EdgeClass::Telemetry) {
        // Addresses of traces; a log or metrics agent is no tracing.
        let spoken = |e: &Evidence| {
            let field = e.field.to_ascii_uppercase();
            ["OTEL", "OTLP", "ZIPKIN", "JAEGER", "TRAC"].iter().any(|word| field.contains(word))
        };
        let port = edge.port.is_some_and(|p| matches!(p, 4317 | 4318 | 14268 | 14250 | 9411 | 8126));
        if let crate::model::Party::Workload(id) = edge.from
            && model.workloads[id].counts()
            && (port || edge.evidence.iter().any(spoken))
        {
            sent.extend(edge.evidence.first().cloned());
        }
    }
    let words = [
        "jaeger",
        "zipkin",
        "tempo",
        "otel",
        "opentelemetry",
        "all-in-one",
        "datadog",
        "dynatrace",
        "newrelic",
        "skywalking",
        "signoz",
    ];
    for w in model.workloads.iter().filter(|w| w.role == Role::Telemetry) {
        let image = w.main_containers().next().map(|c| roles::repository(&c.image)).unwrap_or_default();
        if words.iter().any(|word| image.contains(word) || w.name.contains(word)) {
            backends.push(Evidence { place: w.place.clone(), ..Evidence::new(w.title(), "", w.role_reason.clone()) });
        }
    }
    let seen_spans = model.observed.iter().any(|s| s.name == super::queries::SERVICE_GRAPH.name);
    if seen_spans || !instrumentation.is_empty() || !sent.is_empty() {
        let mut evidence = instrumentation;
        evidence.extend(sent);
        signal(world, NeedKind::Tracing, SignalKind::Satisfied, "applications send traces already, without a mesh", evidence);
    } else if !backends.is_empty() {
        let text = "a tracing backend or agent runs; whether applications send to it is not visible";
        signal(world, NeedKind::Tracing, SignalKind::Hint, text, backends);
    } else if depths.longest >= 2 {
        // An agent may be compiled into an application: that nobody traces is not visible, so it is no more than a hint.
        let text = format!("call paths of {} hops, and no sign of tracing", depths.longest);
        signal(world, NeedKind::Tracing, SignalKind::Hint, text, depths.evidence(&world.model));
    }
}

fn canaries(world: &mut World) {
    let model = &world.model;
    let mut found = Vec::new();
    for service in &model.services {
        let behind: Vec<_> =
            service.workloads.iter().map(|id| &model.workloads[*id]).filter(|w| w.counts() && !w.kind.is_batch()).collect();
        let versions: BTreeSet<&str> = behind.iter().filter_map(|w| w.labels.get("version")).map(String::as_str).collect();
        if versions.len() >= 2 {
            let text = format!("versions {} behind one Service", versions.into_iter().collect::<Vec<_>>().join(", "));
            let title = format!("Service {}/{}", service.namespace, service.name);
            found.push(Evidence { place: service.place.clone(), ..Evidence::new(title, "spec.selector", text) });
        }
    }
    if !found.is_empty() {
        let text = format!("several versions run behind {}: traffic splits by replica count only", services(found.len()));
        signal(world, NeedKind::Canary, SignalKind::Evidenced, text, found);
    }
    let rollouts: Vec<(&Object, view::Rollout)> = world.read(&kinds::ARGO_ROLLOUT);
    let (mut routed, mut plain) = (Vec::new(), Vec::new());
    for (object, rollout) in rollouts {
        let Some(canary) = rollout.spec.strategy.canary else { continue };
        let title = format!("Rollout {}/{}", namespace_of(object), object.name);
        let list = if canary.routing.is_some() { &mut routed } else { &mut plain };
        let text = if canary.routing.is_some() { "trafficRouting" } else { "a canary by replica count" };
        list.push(Evidence { place: object.place.clone(), ..Evidence::new(title, "spec.strategy.canary", text) });
    }
    routed.extend(objects(world, &kinds::FLAGGER_CANARY, "Flagger shifts traffic"));
    if !routed.is_empty() {
        let text = format!("progressive delivery shifts traffic for {} workload(s) already", routed.len());
        signal(world, NeedKind::Canary, SignalKind::Satisfied, text, routed);
    }
    if !plain.is_empty() {
        let text = format!("{} canary rollout(s) without traffic routing", plain.len());
        signal(world, NeedKind::Canary, SignalKind::Evidenced, text, plain);
    }
}

fn grpc(world: &mut World) {
    let (mut uneven, mut headless) = (Vec::new(), Vec::new());
    for service in &world.model.services {
        let is_grpc = |p: &&crate::model::ServicePort| {
            p.app_protocol.ends_with("grpc")
                || p.app_protocol == "kubernetes.io/h2c"
                || p.name == "grpc"
                || p.name.starts_with("grpc-")
        };
        let Some(port) = service.ports.iter().find(is_grpc) else { continue };
        let behind = service.workloads.iter().map(|id| &world.model.workloads[*id]).filter(|w| w.counts());
        let replicas: u32 = behind.map(|w| w.replicas).fold(0, u32::saturating_add);
        if replicas < 2 {
            continue;
        }
        let title = format!("Service {}/{}", service.namespace, service.name);
        let text = format!("gRPC port {}, {replicas} replicas", port.number);
        let list = if service.headless { &mut headless } else { &mut uneven };
        list.push(Evidence { place: service.place.clone(), ..Evidence::new(title, "spec.ports", text) });
    }
    if !uneven.is_empty() {
        let text =
            format!("gRPC behind {}: balanced by connection, so one replica gets all calls of a caller", services(uneven.len()));
        signal(world, NeedKind::GrpcBalancing, SignalKind::Evidenced, text, uneven);
    }
    if !headless.is_empty() {
        let text = format!("{} gRPC Service(s) are headless: clients balance themselves", headless.len());
        signal(world, NeedKind::GrpcBalancing, SignalKind::Satisfied, text, headless);
    }
}

fn elsewhere(world: &mut World) {
    let exports = objects(world, &kinds::SERVICE_EXPORT, "exported to other clusters");
    if !exports.is_empty() {
        let text = format!("{} Service(s) are exported to other clusters", exports.len());
        signal(world, NeedKind::Multicluster, SignalKind::Evidenced, text, exports);
    }
    let slices: Vec<(&Object, view::EndpointSlice)> = world.read(&kinds::ENDPOINT_SLICE);
    let mut outside: BTreeMap<(String, String), String> = BTreeMap::new();
    for (object, slice) in slices {
        let Some(service) = slice.meta.labels.get("kubernetes.io/service-name") else { continue };
        let address = slice.endpoints.iter().filter(|e| e.target.is_none()).find_map(|e| e.addresses.first());
        if let Some(address) = address {
            outside.insert((namespace_of(object).to_owned(), service.0.clone()), address.0.clone());
        }
    }
    let mut found = Vec::new();
    for service in world.model.services.iter().filter(|s| s.name != "kubernetes") {
        let title = format!("Service {}/{}", service.namespace, service.name);
        let text = match &service.external_name {
            Some(host) if is_private(host) => Some(("spec.externalName", host.clone())),
            Some(_) => None,
            None if service.selector.is_none() => {
                let key = (service.namespace.clone(), service.name.clone());
                outside.get(&key).map(|address| ("endpoints", format!("{address} is no pod")))
            }
            None => None,
        };
        if let Some((field, text)) = text {
            found.push(Evidence { place: service.place.clone(), ..Evidence::new(title, field, text) });
        }
    }
    if !found.is_empty() {
        let text = format!("{} Service(s) lead to machines outside the cluster", found.len());
        signal(world, NeedKind::VirtualMachines, SignalKind::Hint, text, found);
    }
}

/// A machine of one's own rather than a public service.
fn is_private(host: &str) -> bool {
    let address = host.split('.').count() == 4 && host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    address
        || [".internal", ".local", ".corp", ".lan", ".intra", ".private"]
            .iter()
            .any(|end| host.ends_with(end) && !host.contains(".svc."))
}
