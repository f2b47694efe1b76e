//! Who a proxy is: its pod's service account in the mesh's trust domain; and the roots that Istio publishes for it.

use crate::facts::{Facts, Need, Object, Outcome, kinds};
use crate::mesh::sync::{Identity, Key, Plane};
use crate::mesh::view::nullable;
use serde::Deserialize;
use std::collections::BTreeMap;

const ROOTS: &str = "istio-ca-root-cert";
const ROOTS_KEY: &str = "root-cert.pem";

fn config_map(namespace: &str, name: &str) -> Need {
    Need::Get { resource: kinds::CONFIG_MAP.clone(), namespace: Some(namespace.to_owned()), name: name.to_owned() }
}

/// Published in each namespace.
fn roots(key: &Key) -> Need {
    config_map(&key.0, ROOTS)
}

/// Of the control plane's revision.
fn mesh_config(plane: &Plane) -> Need {
    let name = match plane.revision.as_str() {
        "default" => "istio".to_owned(),
        revision => format!("istio-{revision}"),
    };
    config_map(&plane.namespace, &name)
}

pub fn needs(key: &Key, plane: &Plane) -> [Need; 2] {
    [roots(key), mesh_config(plane)]
}

pub fn of(facts: &Facts, key: &Key, plane: &Plane) -> Option<Identity> {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Pod {
        spec: Spec,
    }
    #[derive(Deserialize, Default)]
    #[serde(default, rename_all = "camelCase")]
    struct Spec {
        #[serde(deserialize_with = "nullable")]
        service_account_name: String,
    }
    let (namespace, name) = key;
    let pod = facts.objects(&kinds::POD).iter().find(|pod| *pod.namespace == **namespace && *pod.name == **name)?;
    let account = pod.read::<Pod>().ok()?.spec.service_account_name;
    let account = if account.is_empty() { "default" } else { &account };
    Some(Identity {
        secret: "default",
        trust_domain: data(facts, &mesh_config(plane)).ok().and_then(|data| trust_domain(data.get("mesh")?)),
        path: format!("/ns/{namespace}/sa/{account}"),
        root_secret: "ROOTCA",
        roots: data(facts, &roots(key))
            .and_then(|mut data| data.remove(ROOTS_KEY).ok_or_else(|| format!("ConfigMap {ROOTS} has no key {ROOTS_KEY}"))),
    })
}

fn data(facts: &Facts, need: &Need) -> Result<BTreeMap<String, String>, String> {
    #[derive(Deserialize)]
    struct ConfigMap {
        #[serde(default, deserialize_with = "nullable")]
        data: BTreeMap<String, String>,
    }
    match facts.get(need).map(|answer| &answer.outcome) {
        Some(Outcome::Objects(found)) => {
            let object: &Object = found.first().ok_or_else(|| format!("there is no {}", need.title()))?;
            object.read::<ConfigMap>().map(|map| map.data).map_err(|e| format!("{} can't be read: {e}", need.title()))
        }
        Some(other) => Err(format!("{}: {}", need.title(), other.why())),
        None => Err(format!("{} was not asked", need.title())),
    }
}

/// A field of the first level of the mesh's configuration, which says nothing when it is the usual one.
fn trust_domain(mesh: &str) -> Option<String> {
    let said = mesh.lines().find_map(|line| line.strip_prefix("trustDomain:"));
    Some(said.map_or("cluster.local", |text| text.trim().trim_matches(['"', '\''])).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::SourceKind;
    use serde_json::json;

    #[test]
    fn a_pods_account_in_the_meshs_trust_domain() {
        let now = "2026-11-24T08:00:00Z".parse().expect("a time");
        let mut facts = Facts::new("test", SourceKind::Live, now);
        let object = |namespace: &str, name: &str, json: serde_json::Value| Object {
            namespace: namespace.into(),
            name: name.into(),
            json: json.to_string().into(),
            place: None,
        };
        let (key, plane) = (("shop".to_owned(), "web-1".to_owned()), Plane::missing("istiod-1", "istio-system", ""));
        let pod = object("shop", "web-1", json!({"metadata": {}, "spec": {"serviceAccountName": "web"}}));
        facts.answer(Need::list(&kinds::POD), Outcome::Objects(vec![pod]));
        let found = of(&facts, &key, &plane).expect("an identity");
        assert_eq!((found.path.as_str(), found.trust_domain), ("/ns/shop/sa/web", None));
        assert!(found.roots.is_err_and(|why| why.contains("was not asked")));
        let [roots, mesh] = needs(&key, &plane);
        let config = object("istio-system", "istio", json!({"data": {"mesh": "a:\n  trustDomain: no\ntrustDomain: \"corp\"\n"}}));
        facts.answer(mesh, Outcome::Objects(vec![config]));
        facts.answer(roots, Outcome::Objects(vec![object("shop", ROOTS, json!({"data": {"root-cert.pem": "PEM"}}))]));
        let found = of(&facts, &key, &plane).expect("an identity");
        assert_eq!((found.trust_domain.as_deref(), found.roots.as_deref()), (Some("corp"), Ok("PEM")));
        assert_eq!(trust_domain("defaultConfig: {}").as_deref(), Some("cluster.local"));
    }
}
