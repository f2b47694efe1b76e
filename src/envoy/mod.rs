//! Reader of Envoy's admin output: what a proxy really runs.
//!
//! Text in, borrowed structs out, without I/O; no mesh is named here. [`json`] jumps over what isn't asked for, [`dump`]
//! reads a config dump, [`hosts`] reads `clusters?format=json`, and [`ask`] says how to ask for both. Only the sections
//! that are asked for are decoded; of a resource only the fields that are shown. What Envoy added since, extensions nobody
//! knows and `@type`s of other vendors cost nothing and break nothing.
//!
//! Three things keep an answer from failing as a whole. A dump that is cut off gives everything that was complete before
//! the cut. A resource that can't be decoded is named, and its neighbours are shown. A section that isn't there is named.
//! [`Fault`] says which.
//!
//! Both spellings of Envoy's JSON are read: `snake_case` as the admin port prints it, and `camelCase` as control planes
//! and their tools do. Whole numbers may stand in quotes, as protobuf writes 64-bit ones.

pub mod address;
pub mod ask;
pub mod bootstrap;
pub mod certificate;
pub mod certs;
pub mod clusters;
mod decode;
pub mod diff;
pub mod dump;
pub mod endpoints;
pub mod entry;
pub mod extensions;
mod extras;
pub mod fault;
pub mod field;
pub mod hosts;
pub mod identity;
pub mod inline;
pub mod listeners;
mod matcher;
pub mod name;
pub mod origin;
mod outline;
pub mod printed;
pub mod redact;
pub mod routes;
pub mod secrets;
pub mod section;
pub mod spelling;
pub mod stream;

pub use dump::{Dump, Want};
pub use entry::{Boxed, State};
pub use fault::{Fault, Unusable};
pub use section::{List, Section};

#[cfg(test)]
mod proptests;
