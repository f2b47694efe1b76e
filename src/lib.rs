//! meshctl: one command line for every service mesh on Kubernetes.
//!
//! Data flows one way, and this is the map:
//!
//! ```text
//! cluster ────┐              recorded                    neutral
//!             ├─ source ─── Facts ─── kubernetes ─┐
//! recording ──┤  (async, I/O)         mesh::*  ───┴── Model ─── analysis ─── Report ─── render ─── bytes
//! manifests ──┘                       (pure)                    (pure)                  (pure)
//! ```
//!
//! After [`facts::Facts`] nobody can tell live from recorded. After [`model::Model`] nobody needs to know the mesh.
//! After [`report::Report`] nobody computes.
//!
//! | room | what is in it | may do I/O |
//! |---|---|---|
//! | [`cli`], [`commands`] | arguments; gather → pure call → report | no, they call `source` |
//! | [`source`] | the cluster, recordings, manifests, Prometheus; redaction | **yes, only here** |
//! | [`envoy`] | reader of Envoy admin output: borrowed, one pass, mesh-neutral | no |
//! | [`facts`] | raw objects and answers, each with where and when it came from | no |
//! | [`kubernetes`] | what is the same under every mesh: workloads, services, the call graph | no |
//! | [`mesh`] | the trait `Mesh`, one folder a mesh | no |
//! | [`model`] | the neutral mesh: workload, service, call edge, evidence | no |
//! | [`analysis`] | pure questions to the model | no |
//! | [`report`], [`render`] | one answer, many renderings; the only room with tables and colours | no |
//! | [`json`] | JSON that is mostly skipped: of dumps, of objects, of fleets | no |
//! | [`shares`] | work on many things of a kind, on several threads | no |
//! | [`ui`] | stderr: progress, hints, prompts | stderr only |
//! | [`error`] | error kinds, hints, exit codes | no |
#![forbid(unsafe_op_in_unsafe_fn)]

pub mod analysis;
pub mod charts;
pub mod cli;
pub mod commands;
pub mod envoy;
pub mod error;
pub mod facts;
pub mod json;
pub mod kubernetes;
pub mod mesh;
pub mod model;
pub mod render;
pub mod report;
pub mod shares;
pub mod source;
pub mod ui;
