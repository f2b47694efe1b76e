//! Meshes and gateways that are recognised and not read: their users are told so, instead of "no mesh".

use crate::facts::{Facts, kinds};
use crate::model::{Evidence, Model};

/// What is recognised, by API groups of its CRDs or by images.
struct Known {
    name: &'static str,
    groups: &'static [&'static str],
    images: &'static [&'static str],
    /// What meshctl does for its users.
    support: &'static str,
}

const PROXIES: &str = "not read; its proxies are Envoy: meshctl proxy-config POD --proxy-admin-port PORT reads them";
const ARCHIVED: &str = "not read, and its project is archived: plan a move";

const KNOWN: &[Known] = &[
    Known { name: "Kuma or Kong Mesh", groups: &["kuma.io"], images: &["kuma-cp", "kuma-dp"], support: PROXIES },
    Known { name: "Envoy Gateway", groups: &["gateway.envoyproxy.io"], images: &["envoyproxy/gateway"], support: PROXIES },
    Known {
        name: "Open Service Mesh",
        groups: &["config.openservicemesh.io", "policy.openservicemesh.io"],
        images: &["osm-controller"],
        support: ARCHIVED,
    },
    Known {
        name: "AWS App Mesh",
        groups: &["appmesh.k8s.aws"],
        images: &["appmesh-controller"],
        support: "not read; AWS ended it on 2026-09-30: plan a move",
    },
    Known { name: "Traefik Mesh", groups: &["mesh.traefik.io"], images: &["traefik/mesh", "traefik-mesh"], support: ARCHIVED },
];

/// One of them, as found.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Recognised {
    pub name: &'static str,
    pub support: &'static str,
    pub evidence: Evidence,
}

pub fn recognised(facts: &Facts, model: &Model) -> Vec<Recognised> {
    let found = |known: &Known| {
        let crd = facts
            .objects(&kinds::CUSTOM_RESOURCE_DEFINITION)
            .iter()
            .find(|crd| crd.name.split_once('.').is_some_and(|(_, group)| known.groups.contains(&group)));
        let by_crd = crd.map(|crd| Evidence::new(format!("CustomResourceDefinition {}", crd.name), "spec.group", ""));
        let by_image = || {
            let runs = |image: &str| known.images.iter().any(|own| image.contains(own));
            model.workloads.iter().find_map(|w| {
                let container = w.containers.iter().find(|c| runs(&c.image))?;
                Some(Evidence::new(w.title(), format!("containers[{}].image", container.name), &container.image))
            })
        };
        let evidence = by_crd.or_else(by_image)?;
        Some(Recognised { name: known.name, support: known.support, evidence })
    };
    KNOWN.iter().filter_map(found).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::testing;
    use serde_json::json;

    #[test]
    fn a_group_or_an_image_is_enough_and_a_users_name_is_not() {
        let crd = |name: &str| json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": name}});
        let labels = json!({"app": "c"});
        let spec = |image: &str| json!({"containers": [{"name": "c", "image": image}]});
        let deploy = |name: &str, image: &str| testing::workload("Deployment", name, "infra", &labels, spec(image));
        let facts = testing::facts(&[
            crd("meshes.kuma.io"),
            crd("kumas.acme.example"),
            deploy("osm-controller", "mirror/osm-controller:v1"),
            deploy("kuma-fan", "acme/web"),
        ]);
        let model = crate::mesh::model(&facts);
        let names: Vec<&str> = recognised(&facts, &model).iter().map(|known| known.name).collect();
        assert_eq!(names, ["Kuma or Kong Mesh", "Open Service Mesh"]);
    }
}
