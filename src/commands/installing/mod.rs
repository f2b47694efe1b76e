//! Installing a mesh: what is wanted, what it would change, and carrying it out.

pub mod carrying;
pub mod planning;
pub mod readiness;
pub mod saved;
pub mod screen;
pub mod wanted;
