//! Meshes: an open set behind one trait. Nothing outside `mesh/<name>` says a mesh's name, and a mesh never fetches: it
//! declares [`Need`]s and reads [`Facts`].
//!
//! # How to add a mesh
//!
//! A folder `mesh/NAME/` and two lines here: `mod NAME;` and an entry in [`MESHES`]. Its kinds stand in
//! [`crate::facts::kinds`], with the group that names it, and its name leaves the list of those that are only [`known`]. Begin
//! with what every command takes, in this order; each step is of use by itself, and what has a default in the trait can wait.
//!
//! 1. **Whose is what** ([`Marks`], a table): images and names of its proxies and components, its namespaces, its own routes.
//!    From then on no analysis takes its parts for somebody's application.
//! 2. **What is installed** ([`Mesh::detect`], `detect.rs`): one [`Installation`] a control plane, with its evidence. Also when
//!    only its proxies can be seen. `meshes` and `analyze` show it now.
//! 3. **Who calls whom** ([`Mesh::needs`] and [`Mesh::translate`]): its metrics as two queries each (`observed`), its
//!    policies as declared edges (`declared`). Needs come in rounds: what the first round found decides the next.
//! 4. **How it is** ([`state::State`]): its components, the membership of a pod with the reason and the fix, its roots of
//!    trust, its own [`check::Check`]s (a code of its own, never reused). `check-inject` and `check` answer now; a check that
//!    takes more than objects declares it in [`Mesh::health_needs`].
//! 5. **Who has which configuration** ([`Mesh::sync`]): what control planes say ([`Mesh::sync_needs`]), what the proxies say
//!    ([`Mesh::told_needs`]), and which bytes of a recording that takes ([`Mesh::sync_reads`]). Where no control plane keeps
//!    a list, compute it, and name who is late; readiness is never proof of it.
//! 6. **What a proxy runs**: [`Mesh::admins`] says where it is asked. An Envoy is read by everybody's reader, with the names that
//!    this mesh gives ([`Mesh::cluster_name`], [`Mesh::protocols`]) and, where Envoy's own metadata doesn't say it, the objects
//!    that each part came from ([`Mesh::origin_needs`], [`Mesh::origins`]) and what of them it lacks. One without a dump is
//!    pieced together ([`Mesh::proxy_needs`], [`Mesh::proxy`], in the words of [`proxy`]), with its log levels
//!    ([`Mesh::log_levels`]).
//! 7. **Choosing and installing it** ([`Mesh::candidates`], dated figures with their sources; [`Mesh::distribution`], its
//!    charts; [`Mesh::revisions`], if several of its control planes can stand side by side).
//!
//! Then the proof: recordings of a real one, healthy and with each fault, in `fixtures/imported/NAME` (`tests/it/import`) or
//! `fixtures/snapshots/NAME`; a line for each in `tests/it/meshes.rs` and `tests/it/proxy_status.rs`, where the fault is first
//! and health is silence; one screen for each command in `fixtures/screens`. What is asked later, once something was found, is named in
//! [`Mesh::later`], so that `permissions` knows. Unknown is said as unknown: a need that failed, or that a recording does not
//! hold, is no answer.

pub mod admin;
mod candidate;
pub mod check;
mod cilium;
mod consul;
mod declared;
pub mod follow;
pub mod install;
pub mod istio;
pub mod known;
pub mod leaf;
mod linkerd;
pub mod marks;
pub mod membership;
mod observed;
pub mod origin;
mod proxies;
pub mod proxy;
pub mod revisions;
pub mod scene;
pub mod state;
pub mod sync;
#[cfg(test)]
pub mod testing;
pub mod view;

pub use candidate::{Candidate, CostFigure, CostModel, Fit, KernelRange, Level, VersionRange};
pub use marks::Marks;

use crate::envoy::listeners::Protocols;
use crate::envoy::name;
use crate::facts::{Channel, Facts, Need, Object, Purpose, Resource};
use crate::model::{Installation, Model};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

/// A mesh, as every command sees it. What has a default can wait; the steps above say which command begins to answer by what.
pub trait Mesh: Sync {
    /// `istio`, `linkerd`, …
    fn id(&self) -> &'static str;
    /// What is its own in a cluster, and so nobody's application.
    fn marks(&self) -> &'static Marks;
    /// The admin ports of its proxies in a pod.
    fn admins(&self, _pod: &view::Pod) -> Vec<admin::Admin> {
        Vec::new()
    }
    /// What is asked to show this part of a proxy that has no dump of its configuration; called again as [`Mesh::needs`] is.
    fn proxy_needs(&self, _known: &Facts, _pod: &Object, _parts: &[proxy::Part]) -> Vec<Need> {
        Vec::new()
    }
    /// What came of it; `None` for a pod without a proxy of this kind, and the reason where nothing did.
    fn proxy(&self, _facts: &Facts, _pod: &Object, _parts: &[proxy::Part]) -> Option<Result<proxy::Shown, String>> {
        None
    }
    /// Kinds of which that takes objects by name or label.
    fn proxy_kinds(&self) -> Vec<&'static Resource> {
        Vec::new()
    }
    /// The log levels that such a proxy starts with.
    fn log_levels(&self, _pod: &Object) -> Option<String> {
        None
    }
    /// Names for sets of ALPN names that its control plane always writes together.
    fn protocols(&self) -> Protocols {
        &[]
    }
    /// How it writes what a cluster is in its name, if not with bars.
    fn cluster_name(&self) -> Option<name::Form> {
        None
    }
    /// What tells of which objects the configuration of its Envoys was made, where these don't; called again as
    /// [`Mesh::needs`] is.
    fn origin_needs(&self, _known: &Facts) -> Vec<Need> {
        Vec::new()
    }
    /// What came of it.
    fn origins(&self, _facts: &Facts) -> Option<Arc<dyn origin::Origins>> {
        None
    }
    /// What is installed where. Needs [`Model::workloads`] for who carries its proxy, so it runs after `kubernetes`.
    fn detect(&self, facts: &Facts, model: &Model) -> Vec<Installation>;
    /// What to ask; called again with what is known until it wants nothing more.
    fn needs(&self, known: &Facts, purpose: &Purpose) -> Vec<Need>;
    /// Adds edges, signals and what could not be read.
    fn translate(&self, facts: &Facts, model: &mut Model);
    /// Kinds of its own that say which pods it has.
    fn member_kinds(&self) -> Vec<&'static Resource> {
        Vec::new()
    }
    /// What [`Mesh::sync`] takes of control planes, and nothing else; called again as [`Mesh::needs`] is.
    fn sync_needs(&self, _known: &Facts, _channel: &Channel) -> Vec<Need> {
        Vec::new()
    }
    /// What it takes of the proxies themselves: a request for each, so only where somebody looks at each.
    fn told_needs(&self, _known: &Facts, _channel: &Channel) -> Vec<Need> {
        Vec::new()
    }
    /// What its own checks take beside objects, and of each proxy if those are asked; called again as [`Mesh::needs`] is.
    fn health_needs(&self, _known: &Facts, _proxies: bool) -> Vec<Need> {
        Vec::new()
    }
    /// Whether it reads this answer of a pod: what nobody reads is left in its recording.
    fn sync_reads(&self, _need: &Need, _channel: &Channel) -> bool {
        false
    }
    /// Kinds of its configuration whose way to the proxies can be followed.
    fn followed(&self) -> &'static [follow::Followed] {
        &[]
    }
    /// Which of its replicas have seen this state of an object; asked for by [`Channel::objects`].
    fn holds(&self, _: &Facts, _: &follow::Followed, _: &sync::Key, _: &follow::State) -> Vec<follow::Held> {
        Vec::new()
    }
    /// Kinds that are asked only when something else was found, so that not every cluster is asked for them.
    fn later(&self, _purpose: &Purpose) -> Vec<&'static Resource> {
        Vec::new()
    }
    /// Whether its control planes keep a list of their proxies: then one that is in no list is cut off.
    fn lists(&self) -> bool {
        false
    }
    /// What its control planes say of its proxies, or these of themselves; `None` if nobody can tell.
    fn sync(&self, _facts: &Facts) -> Option<sync::Fleet> {
        None
    }
    /// What its control planes would send to the proxies of these pods now, of those that they know; asked for by
    /// [`Channel::dump_of`].
    fn intended(&self, _facts: &Facts, _pods: &[sync::Key]) -> BTreeMap<sync::Key, sync::Intended> {
        BTreeMap::new()
    }
    /// How it is, for `meshes`, `check-inject` and `check`.
    fn state(&self) -> &'static dyn state::State;
    /// The ways this mesh can be chosen: dated data, not judgement.
    fn candidates(&self) -> &'static [Candidate];
    /// Its charts.
    fn distribution(&self) -> &'static install::Distribution;
    /// How several of its control planes stand side by side, if they can.
    fn revisions(&self) -> Option<&'static dyn revisions::Revisions> {
        None
    }
    /// A file of its own installer, in the terms of its charts; `None` if it is no such file.
    fn translated(&self, _file: &serde_json::Value) -> Option<Result<install::Translated, String>> {
        None
    }
}

/// Every registered mesh, in the order shown.
pub static MESHES: &[&dyn Mesh] = &[&istio::Istio, &linkerd::Linkerd, &cilium::Cilium, &consul::Consul];

/// What every mesh asks for this purpose.
pub fn needs(known: &Facts, purpose: &Purpose) -> Vec<Need> {
    let channel = purpose.channel();
    let of = |mesh: &&'static dyn Mesh| {
        if *purpose == Purpose::Members {
            return mesh.member_kinds().into_iter().map(Need::list).collect();
        }
        let mut needs = if purpose.of_more() { mesh.needs(known, purpose) } else { Vec::new() };
        needs.extend(if purpose.of_planes() { mesh.sync_needs(known, &channel) } else { Vec::new() });
        needs.extend(if purpose.of_sync() { mesh.told_needs(known, &channel) } else { Vec::new() });
        needs.extend(if purpose.of_health() { mesh.health_needs(known, purpose.of_sync()) } else { Vec::new() });
        needs
    };
    MESHES.iter().flat_map(of).collect()
}

/// The mesh of this id.
pub fn named(id: &str) -> Option<&'static dyn Mesh> {
    MESHES.iter().copied().find(|mesh| mesh.id() == id)
}

/// Of every mesh, for reading whichever Envoy.
pub fn protocols() -> Protocols {
    static ALL: LazyLock<Vec<(&str, &[&str])>> =
        LazyLock::new(|| MESHES.iter().flat_map(|mesh| mesh.protocols().iter().copied()).collect());
    &ALL
}

/// The same of names of clusters.
pub fn cluster_names() -> name::Forms {
    static ALL: LazyLock<Vec<name::Form>> = LazyLock::new(|| MESHES.iter().filter_map(|mesh| mesh.cluster_name()).collect());
    &ALL
}

/// What every mesh would send to the proxies of these pods.
pub fn intended(facts: &Facts, pods: &[sync::Key]) -> BTreeMap<sync::Key, sync::Intended> {
    MESHES.iter().flat_map(|mesh| mesh.intended(facts, pods)).collect()
}

/// Facts → model: first what is the same everywhere, then each mesh's own.
pub fn model(facts: &Facts) -> Model {
    let mut model = crate::kubernetes::translate(facts);
    installed(facts, &mut model);
    for mesh in MESHES {
        mesh.translate(facts, &mut model);
    }
    model
}

/// What runs and which meshes are there: all that the state of a fleet is judged by. The rest takes longer than the judging.
pub fn inhabitants(facts: &Facts) -> Model {
    let mut model = crate::kubernetes::inhabitants(facts);
    installed(facts, &mut model);
    model
}

fn installed(facts: &Facts, model: &mut Model) {
    for mesh in MESHES {
        let installed = mesh.detect(facts, model);
        model.installations.extend(installed);
    }
}
