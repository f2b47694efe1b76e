//! TOML of chart templates: `toToml` and `fromToml`.

mod read;
mod write;

pub use read::read;
pub use write::write;
