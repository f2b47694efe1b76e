//! Admin ports of Consul's proxies: one Envoy for each service of a pod, and gateways.

use crate::kubernetes::image_base;
use crate::mesh::admin::{Admin, Speaks};
use crate::mesh::view::{Container, Pod};

const PORT: u16 = 19000;
const DATAPLANE: &str = "consul-dataplane";
/// One of these stands in every pod with a proxy.
pub const WORDS: [&str; 2] = [DATAPLANE, "envoy-sidecar"];

pub fn admins(pod: &Pod) -> Vec<Admin> {
    let is_proxy = |container: &&Container| {
        WORDS.iter().any(|word| container.name.starts_with(word)) || image_base(&container.image) == DATAPLANE
    };
    let proxies = pod.all_containers().filter(is_proxy).enumerate();
    // The image holds no program that could make a request.
    let admin = |(number, container): (usize, &Container)| Admin {
        speaks: Speaks::Envoy,
        port: port(container).unwrap_or(PORT + u16::try_from(number).unwrap_or(0)),
        container: container.name.clone(),
        command: &[],
    };
    proxies.map(admin).collect()
}

fn port(container: &Container) -> Option<u16> {
    let flag = |word: &String| word.trim_start_matches('-').strip_prefix("envoy-admin-bind-port=")?.parse().ok();
    container.args.iter().find_map(flag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pod_with_two_services_has_two() {
        let container =
            |name: &str, args: &[&str]| json!({"name": name, "image": "hashicorp/consul-dataplane:1.9", "args": args});
        let containers =
            [container("consul-dataplane-web", &[]), container("consul-dataplane-api", &["-envoy-admin-bind-port=19001"])];
        let pod: Pod = serde_json::from_value(json!({"spec": {"containers": containers}})).expect("a pod");
        assert_eq!(admins(&pod).iter().map(|admin| admin.port).collect::<Vec<_>>(), [19000, 19001]);
    }
}
