//! Plans in files. Keys that a plan makes are in a file of their own beside it: so the plan can be shown to whoever has
//! to agree, and is carried out with exactly the certificates that it names.

use crate::charts::plan::{Plan, PrivateKey, SCHEMA};
use crate::error::{Error, Kind, Result};
use crate::source::{certificates, file};
use std::collections::BTreeMap;

pub fn keep(path: &str, plan: &Plan) -> Result<()> {
    let text = serde_json::to_vec(plan).map_err(|e| Error::new(Kind::Internal, "can't write the plan").because(&e))?;
    let keys: BTreeMap<&str, &str> =
        plan.keys.iter().filter_map(|keyed| Some((keyed.object.name.as_str(), keyed.key.as_ref()?.expose()))).collect();
    if !keys.is_empty() {
        let text = serde_json::to_vec(&keys).map_err(|e| Error::new(Kind::Internal, "can't write the keys").because(&e))?;
        file::keep(&beside(path), &text)?;
    }
    file::keep(path, &text)
}

/// Where the keys of a plan are.
pub fn beside(path: &str) -> String {
    format!("{path}.key")
}

pub fn read(path: &str) -> Result<Plan> {
    let wrong = || Error::new(Kind::Input, format!("{path} is no saved plan")).hint("meshctl plan MESH --out FILE makes one");
    let mut plan: Plan = serde_json::from_slice(&file::read(path)?).map_err(|e| wrong().because(&e))?;
    if plan.schema != SCHEMA {
        return Err(wrong().cause(format!("it says {:?}, not {SCHEMA:?}", plan.schema)));
    }
    if plan.keys.is_empty() {
        return Ok(plan);
    }
    let beside = beside(path);
    let unfit = |why: String| {
        Error::new(Kind::Input, format!("{beside} does not hold the keys of {path}"))
            .cause(why)
            .hint("the plan makes certificates, and their keys are kept apart from it; plan again if they are lost")
    };
    let bytes = file::read(&beside).map_err(|e| unfit(e.causes.last().unwrap_or(&e.message).clone()))?;
    // The parser's own words could repeat a piece of what is in the file.
    let keys: BTreeMap<String, String> = serde_json::from_slice(&bytes).map_err(|_| unfit("it is no file of keys".to_owned()))?;
    for keyed in &mut plan.keys {
        let key = keys.get(&keyed.object.name).ok_or_else(|| unfit(format!("there is none for {}", keyed.object)))?;
        let key = PrivateKey::new(key.clone());
        certificates::fits(&key, &keyed.certificate).map_err(|why| unfit(format!("{}: {why}", keyed.object)))?;
        keyed.key = Some(key);
    }
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charts::object::Ref;
    use crate::charts::plan::Keyed;

    #[test]
    fn a_plan_holds_no_key_and_finds_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.plan").display().to_string();
        let now = jiff::Timestamp::from_second(1_790_000_000).unwrap();
        let pair = || certificates::serving("a.b.svc", now, certificates::after(now, 1)).unwrap();
        let (one, other) = (pair(), pair());
        let keyed = Keyed {
            object: Ref::new("v1", "Secret", "b", "a-tls"),
            about: "webhook".to_owned(),
            certificate: one.certificate,
            authority: String::new(),
            replaces: false,
            key: Some(one.key.clone()),
        };
        let mut plan = Plan {
            schema: SCHEMA.to_owned(),
            mesh: String::new(),
            profile: String::new(),
            revision: String::new(),
            cluster: String::new(),
            namespaces: Vec::new(),
            keys: vec![keyed],
            steps: Vec::new(),
        };
        keep(&path, &plan).unwrap();
        assert!(!String::from_utf8(file::read(&path).unwrap()).unwrap().contains("PRIVATE"));
        assert_eq!(read(&path).unwrap().keys[0].key.as_ref(), Some(&one.key));
        plan.keys[0].key = Some(other.key);
        keep(&path, &plan).unwrap();
        let wrong = read(&path).err().unwrap();
        assert!(wrong.message.contains("a.plan.key") && wrong.causes[0].contains("not that of"), "{wrong:?}");
        std::fs::remove_file(beside(&path)).unwrap();
        assert!(read(&path).is_err());
    }
}
