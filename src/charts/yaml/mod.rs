//! YAML and JSON as Helm reads and writes them: YAML 1.1 in, every number a float, go-yaml's style out.

pub mod emit;
pub mod json;
pub mod load;
pub mod order;
pub mod scalar;
pub mod skim;
