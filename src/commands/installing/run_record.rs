//! A run that has begun is written down in the cluster until it has ended well: whoever comes after it can go on from there.

use super::planning::{Ground, failed};
use crate::charts::object::Ref;
use crate::charts::plan::{Plan, SCHEMA};
use crate::cli::Ctx;
use crate::error::{Error, Kind, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::io::{Read, Write};

const TYPE: &str = "meshctl.dev/run.v1";
const MESH: &str = "meshctl.dev/run";
/// A Secret holds a megabyte; what unpacks to more than this is no plan.
const LARGEST: u64 = 256 << 20;

fn named(plan: &Plan) -> Option<Ref> {
    let namespace = &plan.steps.first()?.release.namespace;
    Some(Ref::new("v1", "Secret", namespace, &format!("meshctl.run.{}", plan.mesh)))
}

pub async fn begin(ctx: &Ctx, ground: &Ground<'_>, plan: &Plan) {
    let Some(at) = named(plan) else { return };
    let kept = async {
        let data = STANDARD.encode(packed(plan)?);
        let metadata = json!({ "name": at.name, "namespace": at.namespace,
            "labels": { "app.kubernetes.io/managed-by": "meshctl", MESH: plan.mesh } });
        let secret =
            json!({ "apiVersion": "v1", "kind": "Secret", "type": TYPE, "metadata": metadata, "data": { "plan": data } });
        ground.writer.write(&ground.kinds, &at, &secret, true).await.map_err(|refused| refused.words())
    };
    // The work itself does not need it.
    if let Err(why) = kept.await {
        ctx.ui.warning(&format!("this run can't be written down, so --resume won't know it: {why}"));
    }
}

pub async fn end(ground: &Ground<'_>, plan: &Plan) -> Result<()> {
    match named(plan) {
        Some(at) => forget(ground, &at).await,
        None => Ok(()),
    }
}

async fn forget(ground: &Ground<'_>, at: &Ref) -> Result<()> {
    ground.writer.delete(&ground.kinds, at).await.map(|_| ()).map_err(|e| failed(&format!("remove {at}"), &e))
}

async fn records(ground: &Ground<'_>, mesh: &str) -> Result<Vec<Value>> {
    let labels = format!("{MESH}={mesh}");
    let found = ground.writer.list(&ground.kinds, ("v1", "Secret"), None, &labels).await;
    let mut found = found.map_err(|e| failed("read what has been begun", &e))?;
    found.retain(|secret| secret["type"] == TYPE);
    Ok(found)
}

/// Takes away what is written down of this mesh's runs.
pub async fn clear(ground: &Ground<'_>, mesh: &str) -> Result<()> {
    for secret in records(ground, mesh).await? {
        forget(ground, &Ref::of(&secret)).await?;
    }
    Ok(())
}

/// The run that has begun and not ended.
pub async fn unfinished(ground: &Ground<'_>, mesh: &str) -> Result<Plan> {
    let found = records(ground, mesh).await?;
    let none = || {
        Error::new(Kind::Input, format!("no run of {mesh} was broken off in this cluster"))
            .hint(format!("meshctl plan {mesh} shows what is still to be done"))
    };
    let secret = found.first().ok_or_else(none)?;
    let data = secret["data"]["plan"].as_str().unwrap_or_default();
    let unreadable = |why: String| Error::new(Kind::Input, format!("can't read {}", Ref::of(secret))).cause(why);
    let mut plan = unpacked(data).map_err(unreadable)?;
    // What was made already is there; a key that was not made can't be found again.
    let mut missing = Vec::new();
    for keyed in &plan.keys {
        let there = ground.writer.get(&ground.kinds, &keyed.object).await;
        if there.map_err(|e| failed(&format!("read {}", keyed.object), &e))?.is_none() {
            missing.push(keyed.object.to_string());
        }
    }
    if !missing.is_empty() {
        return Err(Error::new(Kind::Input, "the run was broken off before its keys were in the cluster")
            .cause(missing.join(", "))
            .hint(format!("begin again: meshctl install {mesh}")));
    }
    plan.keys.clear();
    plan.namespaces.retain(|name| !ground.namespaces.contains(name));
    for step in &mut plan.steps {
        let before = ground.release(&step.release.namespace, &step.release.name);
        step.release.version = before.map_or(1, |before| before.version + 1);
    }
    Ok(plan)
}

fn packed(plan: &Plan) -> std::result::Result<Vec<u8>, String> {
    let plain = serde_json::to_vec(plan).map_err(|e| e.to_string())?;
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&plain).map_err(|e| e.to_string())?;
    packed.finish().map_err(|e| e.to_string())
}

fn unpacked(data: &str) -> std::result::Result<Plan, String> {
    let packed = STANDARD.decode(data).map_err(|e| e.to_string())?;
    let mut plain = Vec::new();
    GzDecoder::new(packed.as_slice()).take(LARGEST).read_to_end(&mut plain).map_err(|e| e.to_string())?;
    let plan: Plan = serde_json::from_slice(&plain).map_err(|e| e.to_string())?;
    if plan.schema == SCHEMA { Ok(plan) } else { Err(format!("it says {:?}, not {SCHEMA:?}", plan.schema)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_can_be_read_again() {
        let plan = Plan {
            schema: SCHEMA.to_owned(),
            mesh: "m".to_owned(),
            profile: "p".to_owned(),
            revision: String::new(),
            cluster: "c".to_owned(),
            namespaces: vec!["n".to_owned()],
            keys: Vec::new(),
            steps: Vec::new(),
        };
        let back = unpacked(&STANDARD.encode(packed(&plan).unwrap())).unwrap();
        assert_eq!((back.mesh, back.namespaces), (plan.mesh.clone(), plan.namespaces.clone()));
        let other = Plan { schema: "x/v9".to_owned(), ..plan };
        assert!(unpacked(&STANDARD.encode(packed(&other).unwrap())).unwrap_err().contains("x/v9"));
        assert!(unpacked("***").is_err() && unpacked("YWJj").is_err());
    }
}
