//! Helm charts, rendered in the binary: an engine of its own for Go's templates and Helm's rules.
//!
//! Bytes of a chart and values go in, documents in install order come out, the same bytes that `helm template` prints.
//! What isn't supported is an error that names file, line and column, never other output. The room knows no mesh, no
//! clock and no files: all that is given to it.

pub mod capabilities;
pub mod chart;
pub mod diff;
pub mod fault;
pub mod functions;
pub mod ignore;
pub mod index;
pub mod manifest;
pub mod object;
pub mod plan;
pub mod provenance;
pub mod reference;
pub mod release;
pub mod render;
pub mod template;
pub mod toml;
pub mod value;
pub mod values;
pub mod yaml;
