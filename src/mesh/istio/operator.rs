//! IstioOperator files, istioctl's own form, in the terms of the charts: the common settings, or an error that names
//! what isn't one of them. Nothing is left out silently.

use crate::mesh::install::Translated;
use serde_json::{Map, Value, json};

/// Settings of a component's `k8s` that are values of istiod's chart under the same name.
const PILOT: &[&str] =
    &["replicaCount", "resources", "nodeSelector", "tolerations", "affinity", "podAnnotations", "serviceAnnotations"];
/// The same for gateways.
const GATEWAY: &[&str] = &["replicaCount", "resources", "nodeSelector", "tolerations", "affinity", "podAnnotations", "service"];

/// `None` if it is no such file.
pub fn translated(file: &Value) -> Option<Result<Translated, String>> {
    let api = file["apiVersion"].as_str()?;
    (file["kind"] == "IstioOperator" && api.starts_with("install.istio.io/")).then(|| spec(file))
}

fn spec(file: &Value) -> Result<Translated, String> {
    let mut told = Translated { namespace: file["metadata"]["namespace"].as_str().map(str::to_owned), ..Translated::default() };
    let mut all = json!({});
    let empty = Map::new();
    for (key, value) in file["spec"].as_object().unwrap_or(&empty) {
        let text = || value.as_str().map(str::to_owned).ok_or_else(|| format!("spec.{key} is no text"));
        match key.as_str() {
            "profile" => told.profile = Some(text()?),
            "revision" => told.revision = Some(text()?),
            "namespace" => told.namespace = Some(text()?),
            "hub" => all["global"]["hub"] = text()?.into(),
            "tag" => all["global"]["tag"] = value.as_str().map_or_else(|| value.to_string(), str::to_owned).into(),
            "meshConfig" => all["meshConfig"] = value.clone(),
            "compatibilityVersion" => all["compatibilityVersion"] = value.clone(),
            "components" => components(value, &mut told)?,
            "values" => {}
            _ => return Err(format!("spec.{key} has no counterpart in the charts")),
        }
    }
    let mut values = file["spec"]["values"].clone();
    if let Some(gateways) = values.as_object_mut().and_then(|map| map.remove("gateways")) {
        for (name, settings) in gateways.as_object().unwrap_or(&empty) {
            let id = part(name).ok_or_else(|| format!("spec.values.gateways.{name}: {OTHER}"))?;
            for (key, value) in settings.as_object().unwrap_or(&empty) {
                match key.as_str() {
                    "autoscaleEnabled" => told.values.push((id, json!({ "autoscaling": { "enabled": value } }))),
                    "autoscaleMin" => told.values.push((id, json!({ "autoscaling": { "minReplicas": value } }))),
                    "autoscaleMax" => told.values.push((id, json!({ "autoscaling": { "maxReplicas": value } }))),
                    "type" => told.values.push((id, json!({ "service": { "type": value } }))),
                    _ => return Err(format!("spec.values.gateways.{name}.{key} has no counterpart in the gateway chart")),
                }
            }
        }
    }
    if values.as_object().is_some_and(|map| !map.is_empty()) {
        told.values.insert(0, ("", values));
    }
    told.values.insert(0, ("", all));
    told.notes.push("an IstioOperator file: read as values of the charts; gateways come from the chart `gateway`".to_owned());
    Ok(told)
}

const OTHER: &str = "only istio-ingressgateway and istio-egressgateway can be taken over; install others with their own chart";

fn part(gateway: &str) -> Option<&'static str> {
    match gateway {
        "istio-ingressgateway" => Some("ingress"),
        "istio-egressgateway" => Some("egress"),
        _ => None,
    }
}

fn components(all: &Value, told: &mut Translated) -> Result<(), String> {
    for (name, component) in all.as_object().unwrap_or(&Map::new()) {
        match name.as_str() {
            "base" => one("base", component, "spec.components.base", told)?,
            "pilot" => one("istiod", component, "spec.components.pilot", told)?,
            "cni" => one("cni", component, "spec.components.cni", told)?,
            "ztunnel" => one("ztunnel", component, "spec.components.ztunnel", told)?,
            "ingressGateways" | "egressGateways" => {
                for gateway in component.as_array().into_iter().flatten() {
                    let own = gateway["name"].as_str().unwrap_or_default();
                    let id = part(own).ok_or_else(|| format!("spec.components.{name}: {own:?}: {OTHER}"))?;
                    one(id, gateway, &format!("spec.components.{name}[{own}]"), told)?;
                }
            }
            _ => return Err(format!("spec.components.{name} has no chart")),
        }
    }
    Ok(())
}

fn one(id: &'static str, component: &Value, place: &str, told: &mut Translated) -> Result<(), String> {
    for (key, value) in component.as_object().unwrap_or(&Map::new()) {
        match key.as_str() {
            "name" => {}
            "enabled" if value == true => told.with.push(id),
            "enabled" => told.without.push(id),
            "namespace" => told.namespaces.push((id, value.as_str().unwrap_or_default().to_owned())),
            "label" => told.values.push((id, json!({ "labels": value }))),
            "k8s" => kubernetes(id, value, &format!("{place}.k8s"), told)?,
            _ => return Err(format!("{place}.{key} has no counterpart in the charts")),
        }
    }
    Ok(())
}

fn kubernetes(id: &'static str, settings: &Value, place: &str, told: &mut Translated) -> Result<(), String> {
    let is_gateway = matches!(id, "ingress" | "egress");
    let known = if is_gateway { GATEWAY } else { PILOT };
    if !is_gateway && id != "istiod" {
        return Err(format!("{place} is only read for pilot and gateways"));
    }
    let within = |value: Value| if is_gateway { value } else { json!({ "pilot": value }) };
    for (key, value) in settings.as_object().unwrap_or(&Map::new()) {
        let settings = match key.as_str() {
            key if known.contains(&key) => json!({ key: value }),
            "env" => {
                let pairs = value.as_array().into_iter().flatten().map(|entry| {
                    let plain = entry["name"].as_str().zip(entry.get("value"));
                    let (name, value) = plain.ok_or_else(|| format!("{place}.env: only names with values can be taken over"))?;
                    Ok((name.to_owned(), value.clone()))
                });
                json!({ "env": pairs.collect::<Result<Map<String, Value>, String>>()? })
            }
            "hpaSpec" => {
                let (least, most) = (&value["minReplicas"], &value["maxReplicas"]);
                let names = if is_gateway { ("minReplicas", "maxReplicas") } else { ("autoscaleMin", "autoscaleMax") };
                let mut bounds = Map::new();
                for (name, bound) in [(names.0, least), (names.1, most)].into_iter().filter(|(_, bound)| !bound.is_null()) {
                    bounds.insert(name.to_owned(), bound.clone());
                }
                if is_gateway { json!({ "autoscaling": bounds }) } else { Value::Object(bounds) }
            }
            _ => return Err(format!("{place}.{key} has no counterpart in the charts")),
        };
        told.values.push((id, within(settings)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(spec: Value) -> Value {
        json!({ "apiVersion": "install.istio.io/v1alpha1", "kind": "IstioOperator", "spec": spec })
    }

    #[test]
    fn common_settings_become_values() {
        let told = translated(&file(json!({ "profile": "minimal", "hub": "h", "tag": 1.5, "revision": "r",
            "meshConfig": { "accessLogFile": "/dev/stdout" },
            "components": {
                "pilot": { "k8s": { "replicaCount": 2, "hpaSpec": { "minReplicas": 2 }, "env": [{ "name": "A", "value": "b" }] } },
                "ingressGateways": [{ "name": "istio-ingressgateway", "namespace": "edge", "enabled": true,
                    "k8s": { "service": { "type": "NodePort" } } }],
                "egressGateways": [{ "name": "istio-egressgateway", "enabled": false }] },
            "values": { "global": { "x": 1 }, "gateways": { "istio-ingressgateway": { "autoscaleEnabled": false } } } })))
        .unwrap()
        .unwrap();
        assert_eq!((told.profile.as_deref(), told.revision.as_deref()), (Some("minimal"), Some("r")));
        assert_eq!((told.with, told.without), (vec!["ingress"], vec!["egress"]));
        assert_eq!(told.namespaces, [("ingress", "edge".to_owned())]);
        assert_eq!(
            told.values,
            [
                ("", json!({ "global": { "hub": "h", "tag": "1.5" }, "meshConfig": { "accessLogFile": "/dev/stdout" } })),
                ("", json!({ "global": { "x": 1 } })),
                ("ingress", json!({ "service": { "type": "NodePort" } })),
                ("istiod", json!({ "pilot": { "env": { "A": "b" } } })),
                ("istiod", json!({ "pilot": { "autoscaleMin": 2 } })),
                ("istiod", json!({ "pilot": { "replicaCount": 2 } })),
                ("ingress", json!({ "autoscaling": { "enabled": false } })),
            ]
        );
    }

    #[test]
    fn what_has_no_counterpart_is_named() {
        for (spec, wanted) in [
            (json!({ "components": { "pilot": { "k8s": { "overlays": [] } } } }), "spec.components.pilot.k8s.overlays"),
            (json!({ "components": { "ingressGateways": [{ "name": "mine" }] } }), "\"mine\""),
            (json!({ "installPackagePath": "x" }), "spec.installPackagePath"),
        ] {
            let why = translated(&file(spec)).unwrap().unwrap_err();
            assert!(why.contains(wanted), "{why}");
        }
        assert!(translated(&json!({ "kind": "ConfigMap", "apiVersion": "v1" })).is_none());
    }
}
