//! Plans in files.

use crate::charts::plan::{Plan, SCHEMA};
use crate::error::{Error, Kind, Result};
use crate::source::file;

pub fn keep(path: &str, plan: &Plan) -> Result<()> {
    let text = serde_json::to_vec(plan).map_err(|e| Error::new(Kind::Internal, "can't write the plan").because(&e))?;
    file::keep(path, &text)
}

pub fn read(path: &str) -> Result<Plan> {
    let wrong = || Error::new(Kind::Input, format!("{path} is no saved plan")).hint("meshctl plan MESH --out FILE makes one");
    let plan: Plan = serde_json::from_slice(&file::read(path)?).map_err(|e| wrong().because(&e))?;
    if plan.schema != SCHEMA {
        return Err(wrong().cause(format!("it says {:?}, not {SCHEMA:?}", plan.schema)));
    }
    Ok(plan)
}
