//! The values a chart is rendered with: from files and `--set`, over the chart's own, down to its parts.

pub mod coalesce;
pub mod dependencies;
pub mod schema;
pub mod set;
