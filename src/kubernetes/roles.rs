//! What a workload is for, by image, name and labels. Only [`Role::App`] counts in the guide's first question.
//!
//! Image before name: an app that is merely *called* `redis-client-app` is no datastore. Matching is by words.

use super::cluster;
use super::products::{PRODUCTS, TRAILERS, WHOLE_ONLY};
use crate::mesh::marks;
use crate::model::{Container, Role, Workload};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// `docker.io/bitnami/redis:7.2@sha256:…` → `redis`.
pub fn image_base(image: &str) -> &str {
    repository(image).rsplit('/').next().unwrap_or_default()
}

/// The image without tag and digest.
pub fn repository(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or_default();
    // A colon before the last slash is a registry's port.
    match image.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => image,
    }
}

fn words(name: &str) -> Vec<String> {
    name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_ascii_lowercase).collect()
}

/// Products by the word that their names end in.
static BY_LAST_WORD: LazyLock<BTreeMap<&str, Vec<(Role, &'static str)>>> = LazyLock::new(|| {
    let mut by_word: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for (role, product) in PRODUCTS.iter().flat_map(|(role, products)| products.iter().map(move |p| (*role, *p))) {
        by_word.entry(product.rsplit(' ').next().unwrap_or_default()).or_default().push((role, product));
    }
    by_word
});

/// The role that a name ends in, and the product's name.
fn product(name: &str) -> Option<(Role, &'static str)> {
    let mut words = words(name);
    loop {
        let ending = words.last().and_then(|last| BY_LAST_WORD.get(last.as_str())).map_or(&[][..], Vec::as_slice);
        let best = ending
            .iter()
            .copied()
            .filter(|(_, product)| {
                let mut own = words.iter().rev();
                let fits = product.rsplit(' ').all(|wanted| own.next().is_some_and(|word| word == wanted));
                fits && (!WHOLE_ONLY.contains(product) || own.len() == 0)
            })
            .max_by_key(|(_, product)| product.len());
        if best.is_some() {
            return best;
        }
        match words.last() {
            Some(last) if TRAILERS.contains(&last.as_str()) || last.bytes().all(|b| b.is_ascii_digit()) => words.pop(),
            _ => return None,
        };
    }
}

/// The role that a name alone suggests, for a Service that nothing known stands behind.
pub fn of_name(name: &str) -> Role {
    if is_database_name(name) { Role::Datastore } else { product(name).map_or(Role::App, |(role, _)| role) }
}

/// `orders-db`: the name says database, whatever the image is called.
fn is_database_name(name: &str) -> bool {
    let words = words(name);
    words.len() > 1 && words.last().is_some_and(|last| matches!(last.as_str(), "db" | "database"))
}

/// A container that only makes load: a known tool, or one that serves as well (fortio) told to `load`.
fn is_load_tool(container: &Container) -> bool {
    let base = image_base(&container.image);
    matches!(product(base), Some((Role::LoadGenerator, _)))
        || (base == "fortio" && container.command.iter().any(|word| word == "load"))
}

/// The role, and why; the reason of an ordinary app is empty.
pub fn of(workload: &Workload) -> (Role, String) {
    let own: Vec<_> = workload.main_containers().filter(|c| !marks::is_proxy(&c.name, &c.image)).collect();
    // Sidecars of an app (an exporter, a log shipper) don't decide: the first container is the one that the pod is for,
    // unless another carries the workload's name. A load tool decides only if nothing else runs.
    let apps: Vec<&Container> = own.iter().copied().filter(|c| !is_load_tool(c)).collect();
    let deciding = if apps.is_empty() { &own } else { &apps };
    let main = deciding.iter().find(|c| c.name == workload.name).or(deciding.first()).copied();
    let image = main.map(|c| c.image.as_str()).unwrap_or_default();
    let repository = repository(image);
    let base = image_base(image);
    let path: Vec<&str> = repository.split('/').collect();

    if let Some(known) = marks::gateway_role(workload) {
        return known;
    }
    let gateway_label = ["gateway.networking.k8s.io/gateway-name", "gateway.envoyproxy.io/owning-gateway-name"];
    if let Some(label) = gateway_label.iter().find(|label| workload.labels.contains_key(**label)) {
        return (Role::Gateway, format!("label {label}"));
    }
    if path.contains(&"ingress-nginx") || path.iter().any(|p| p.ends_with("ingress-controller")) {
        return (Role::Gateway, format!("image {base}"));
    }
    let by_image = product(base);
    if let Some((role @ (Role::Gateway | Role::Telemetry), product)) = by_image
        && cluster::is_system(&workload.namespace)
    {
        return (role, format!("image {base} ({product})"));
    }
    if let Some(known) = marks::component_role(&workload.namespace, image) {
        return known;
    }
    if cluster::is_system(&workload.namespace) {
        return (Role::System, format!("namespace {}", workload.namespace));
    }
    if let Some((role, product)) = by_image {
        return (role, format!("image {base} ({product})"));
    }
    // A base image of a language says that this is somebody's code, whatever it is called.
    if super::languages::base_image(repository).is_some() {
        return (Role::App, String::new());
    }
    if let Some(label) = workload.labels.get("app.kubernetes.io/name")
        && let Some((role, product)) = product(label)
        && words(label).len() <= product.split(' ').count() + 1
    {
        return (role, format!("label app.kubernetes.io/name={label}"));
    }
    if let Some((role, product)) = product(&workload.name) {
        return (role, format!("name {} ({product})", workload.name));
    }
    if is_database_name(&workload.name) || is_database_name(base) {
        return (Role::Datastore, format!("name {}", if is_database_name(&workload.name) { &workload.name } else { base }));
    }
    if main.is_some_and(is_load_tool) {
        return (Role::LoadGenerator, format!("{base} load"));
    }
    (Role::App, String::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Qos, WorkloadKind};
    use std::collections::BTreeMap;

    fn role(namespace: &str, name: &str, image: &str) -> Role {
        role_with(namespace, name, &[(image, &[])])
    }

    /// One container for each image with its command.
    fn role_with(namespace: &str, name: &str, containers: &[(&str, &[&str])]) -> Role {
        let container = |(image, command): &(&str, &[&str])| Container {
            name: "main".into(),
            image: (*image).into(),
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            ..Container::default()
        };
        let workload = Workload {
            namespace: namespace.into(),
            kind: WorkloadKind::Deployment,
            name: name.into(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            role: Role::App,
            role_reason: String::new(),
            replicas: 1,
            containers: containers.iter().map(container).collect(),
            host_network: false,
            service_account: String::new(),
            os: None,
            qos: Qos::default(),
            languages: Vec::new(),
            libraries: Vec::new(),
            place: None,
            schedule: None,
        };
        of(&workload).0
    }

    #[test]
    fn a_load_tool_beside_an_app_makes_no_load_generator() {
        let fortio: (&str, &[&str]) = ("fortio/fortio:1", &["fortio", "load", "http://cart"]);
        let app: (&str, &[&str]) = ("acme/cart:1", &[]);
        let locust: (&str, &[&str]) = ("locustio/locust:2", &[]);
        for (name, containers, wanted) in [
            ("cart", &[fortio][..], Role::LoadGenerator),
            ("cart", &[fortio, locust], Role::LoadGenerator),
            ("cart", &[fortio, app], Role::App),
            ("cart", &[locust, app], Role::App),
            ("cart", &[app, fortio], Role::App),
            ("loadgenerator", &[app, fortio], Role::LoadGenerator),
            ("cart", &[("fortio/fortio:1", &["fortio", "server"])], Role::App),
            ("cart", &[fortio, ("redis:7", &[])], Role::Datastore),
        ] {
            assert_eq!(role_with("shop", name, containers), wanted, "{name} {containers:?}");
        }
    }

    #[test]
    fn images_are_cut_down_to_their_last_word() {
        assert_eq!(image_base("registry:5000/library/redis"), "redis");
        assert_eq!(image_base("docker.io/bitnami/redis:7@sha256:ab"), "redis");
        assert_eq!(image_base(""), "");
    }

    #[test]
    fn roles_by_image_then_name() {
        for (name, image, wanted) in [
            ("redis-cart", "redis:alpine", Role::Datastore),
            ("cache", "docker.io/bitnami/redis-cluster:7", Role::Datastore),
            ("catalogue-db", "acme/catalogue-db:0.3", Role::Datastore),
            ("redis-client-app", "acme/redis-client-app:1", Role::App),
            ("cart", "acme/redis-client", Role::App),
            ("kafka", "confluentinc/cp-kafka:7", Role::Broker),
            ("orders-rabbitmq", "rabbitmq:3.13-management-alpine", Role::Broker),
            ("collector", "otel/opentelemetry-collector-contrib:0.9", Role::Telemetry),
            ("db-metrics", "oliver006/redis_exporter:1", Role::Telemetry),
            ("jaeger", "jaegertracing/all-in-one:1.5", Role::Telemetry),
            ("loadgenerator", "acme/loadgenerator:1", Role::LoadGenerator),
            ("load-test", "acme/load-test", Role::LoadGenerator),
            ("ctl", "registry.k8s.io/ingress-nginx/controller:v1", Role::Gateway),
            ("web", "nginx:1", Role::App),
            ("api-gateway", "acme/api-gateway:1", Role::App),
            ("redis", "python:3.12", Role::App),
            ("etcd-0", "acme/x", Role::Datastore),
            ("payment", "acme/payment", Role::App),
            ("documentdb", "ghcr.io/x/documentdb-local:1", Role::Datastore),
            ("flagd", "ghcr.io/open-feature/flagd:v0", Role::App),
            ("traffic-generator", "acme/x", Role::LoadGenerator),
            ("order-service", "acme/order-service", Role::App),
            ("vector", "acme/vector-math", Role::Telemetry),
        ] {
            assert_eq!(role("shop", name, image), wanted, "{name} {image}");
        }
        assert_eq!(role("kube-system", "coredns", "coredns:1"), Role::System);
        assert_eq!(role("istio-system", "istiod", "istio/pilot:1"), Role::Mesh);
        assert_eq!(role("monitoring", "prometheus", "prom/prometheus"), Role::Telemetry);
        assert_eq!(role("linkerd", "linkerd-destination", "x"), Role::Mesh);
    }
}
