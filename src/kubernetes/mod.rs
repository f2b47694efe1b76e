//! What is the same under every mesh: Kubernetes objects → workloads, services and the call graph.
//!
//! | step | file |
//! |---|---|
//! | what to ask | this one, [`queries`] |
//! | objects as views | `view`, `quantity` |
//! | who runs, and what for | `workloads`, `services`, `cluster`, `plugins`, `roles` |
//! | who calls whom, as written | `reference` (text → hosts), `resolve` (host → Service), `config`, `edges`, `policy`, `entry` |
//! | who calls whom, as measured | [`observed`] |
//! | what kind of call | [`class`] |
//! | languages, libraries, needs | `languages`, `libraries`, `signals` |
//! | what did not come | `unseen` |
//! | how it is now | [`admission`] (webhooks), [`readiness`], [`held`], [`subject`] (pods as they run), [`addresses`] (who has one) |

pub mod addresses;
pub mod admission;
pub mod class;
mod cluster;
mod config;
mod edges;
mod entry;
pub mod held;
mod languages;
mod libraries;
pub mod observed;
mod paths;
mod plugins;
mod policy;
mod products;
mod quantity;
pub mod queries;
pub mod readiness;
mod reference;
mod resolve;
pub mod rights;
mod roles;
mod services;
mod signals;
pub mod subject;
pub mod target;
mod unseen;
mod view;
mod workloads;
mod world;

pub use roles::{image_base, repository};
pub use view::Selector;
pub use world::read;

use crate::facts::{Facts, Need, Purpose, Resource, SourceKind, kinds};
use crate::model::Model;

/// The kinds that belong to no mesh. ReplicaSets are left out: a pod's labels lead to its Deployment.
pub static KINDS: &[&Resource] = &[
    &kinds::NAMESPACE,
    &kinds::NODE,
    &kinds::POD,
    &kinds::SERVICE,
    &kinds::CONFIG_MAP,
    &kinds::SERVICE_ACCOUNT,
    &kinds::REPLICATION_CONTROLLER,
    &kinds::DEPLOYMENT,
    &kinds::STATEFUL_SET,
    &kinds::DAEMON_SET,
    &kinds::JOB,
    &kinds::CRON_JOB,
    &kinds::HORIZONTAL_POD_AUTOSCALER,
    &kinds::POD_DISRUPTION_BUDGET,
    &kinds::ENDPOINT_SLICE,
    &kinds::INGRESS,
    &kinds::NETWORK_POLICY,
    &kinds::CUSTOM_RESOURCE_DEFINITION,
    &kinds::MUTATING_WEBHOOK,
    &kinds::GATEWAY_CLASS,
    &kinds::GATEWAY,
    &kinds::HTTP_ROUTE,
    &kinds::GRPC_ROUTE,
    &kinds::SERVICE_EXPORT,
    &kinds::CERT_MANAGER_CERTIFICATE,
    &kinds::SPIFFE_ID,
    &kinds::OTEL_INSTRUMENTATION,
    &kinds::OTEL_COLLECTOR,
    &kinds::JAEGER,
    &kinds::ARGO_ROLLOUT,
    &kinds::FLAGGER_CANARY,
    &kinds::CALICO_FELIX_CONFIGURATION,
];

/// What is asked besides, of how meshes are: who admits pods, and why a pod was refused.
pub static STATE_KINDS: &[&Resource] = &[&kinds::REPLICA_SET, &kinds::VALIDATING_WEBHOOK];

/// Pods, what makes them, what admits them and who stands behind that: all that decides about a pod's mesh. Injectors live
/// in other namespaces than the pods.
pub static MEMBER_KINDS: &[&Resource] = &[
    &kinds::NAMESPACE,
    &kinds::POD,
    &kinds::SERVICE,
    &kinds::CONFIG_MAP,
    &kinds::REPLICATION_CONTROLLER,
    &kinds::DEPLOYMENT,
    &kinds::STATEFUL_SET,
    &kinds::DAEMON_SET,
    &kinds::REPLICA_SET,
    &kinds::JOB,
    &kinds::CRON_JOB,
    &kinds::GATEWAY,
    &kinds::ARGO_ROLLOUT,
    &kinds::ENDPOINT_SLICE,
    &kinds::CUSTOM_RESOURCE_DEFINITION,
    &kinds::MUTATING_WEBHOOK,
];

/// What every analysis needs, whatever the mesh. One round is enough, so what is known doesn't matter.
pub fn needs(_known: &Facts, purpose: &Purpose) -> Vec<Need> {
    if *purpose == Purpose::Members {
        return MEMBER_KINDS.iter().map(|resource| Need::list(resource)).collect();
    }
    if !purpose.of_more() {
        return [&kinds::POD, &kinds::NAMESPACE, &kinds::DEPLOYMENT].map(Need::list).into();
    }
    let lists = KINDS.iter().map(|resource| Need::list(resource));
    let state = STATE_KINDS.iter().filter(|_| purpose.of_state()).map(|resource| Need::list(resource));
    let queries = purpose.window().map(queries::all).into_iter().flatten().map(Need::query);
    let rights = if *purpose == Purpose::Before { rights::needs() } else { Vec::new() };
    lists.chain(state).chain([Need::Version]).chain(queries).chain(rights).collect()
}

/// Facts → the neutral part of the model.
pub fn translate(facts: &Facts) -> Model {
    let mut world = running(facts);
    workloads::autoscalers(&mut world);
    config::collect(&mut world);
    edges::collect(&mut world);
    policy::collect(&mut world);
    entry::collect(&mut world);
    observed::collect(&mut world);
    languages::collect(&mut world);
    libraries::collect(&mut world);
    signals::collect(&mut world);
    let mut model = world.model;
    model.edges.sort_by(|a, b| (&a.from, &a.to, a.class, a.port).cmp(&(&b.from, &b.to, b.class, b.port)));
    unseen::collect(facts, &mut model);
    model.reindex();
    model
}

/// The part of it that tells what runs, and nothing of who calls whom.
pub fn inhabitants(facts: &Facts) -> Model {
    running(facts).model
}

fn running(facts: &Facts) -> world::World<'_> {
    let mut world = world::World::new(facts);
    world.model.manifests_only = facts.kind == SourceKind::Manifests;
    cluster::namespaces(&mut world);
    workloads::collect(&mut world);
    for workload in &mut world.model.workloads {
        (workload.role, workload.role_reason) = roles::of(workload);
    }
    services::collect(&mut world);
    world.model.reindex();
    cluster::collect(&mut world);
    world
}

#[cfg(test)]
mod tests;
