//! How a mesh is: who is in it, what it consists of, what can be wrong with it. For `meshes`, `check-inject`, `check`.
//!
//! Apart from [`super::Mesh`], which says how a mesh is read: a mesh answers these from objects alone.

use super::check::Check;
use super::membership::{Enrolment, Membership};
use super::scene::Scene;
use crate::kubernetes::subject::Subject;
use crate::model::{Installation, Namespace, Workload};
use serde::Serialize;

/// What is supported: proxies may be so many minor versions behind their control plane, and never ahead.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Skew {
    pub behind: u32,
    /// Who says so.
    pub source: &'static str,
    /// When it was read there.
    pub as_of: &'static str,
}

#[derive(Clone, Copy, Debug)]
pub struct GatewayApi {
    pub least: (u32, u32, u32),
    /// Who says so.
    pub source: &'static str,
}

pub trait State: Sync {
    /// For people: `Istio`.
    fn name(&self) -> &'static str;
    /// The end of the names of its webhooks and controllers: `istio.io`.
    fn domain(&self) -> &'static str;
    /// What is here of it without being a mesh, such as the network alone: shown, and not counted as installed.
    fn beside(&self, _scene: &Scene) -> Vec<Installation> {
        Vec::new()
    }
    /// The workloads that an installation consists of.
    fn components<'a>(&self, scene: &Scene<'a>, of: &Installation) -> Vec<&'a Workload>;
    fn membership(&self, scene: &Scene, pod: &Subject) -> Membership;
    /// Whether this installation is the one that a member belongs to.
    fn serves(&self, _installation: &Installation, _member: &Membership) -> bool {
        true
    }
    fn enrols(&self, _scene: &Scene, _namespace: &Namespace) -> Option<Enrolment> {
        None
    }
    /// The version that its proxies should have, where one follows from the control plane's.
    fn proxy_version(&self, _scene: &Scene, of: &Installation) -> Option<String> {
        of.version.clone()
    }
    /// How far proxies may differ from it, where its makers say so in numbers.
    fn skew(&self) -> Option<Skew> {
        None
    }
    /// Roots of trust that are published in the cluster: where, and the PEM text.
    fn roots(&self, _scene: &Scene, _of: &Installation) -> Vec<(String, String)> {
        Vec::new()
    }
    /// The release of the Gateway API's CRDs that has to be there before it.
    fn gateway_api(&self) -> Option<GatewayApi> {
        None
    }
    /// Checks that only this mesh has.
    fn checks(&self) -> &'static [Check] {
        &[]
    }
}
