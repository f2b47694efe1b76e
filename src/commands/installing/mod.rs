//! Installing a mesh: what is wanted, what it would change, and carrying it out.

pub mod attached;
pub mod back;
pub mod carrying;
pub mod keys;
pub mod planning;
pub mod readiness;
pub mod run_record;
pub mod saved;
pub mod screen;
pub mod steps;
pub mod waiting;
pub mod wanted;
