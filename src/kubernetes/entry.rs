//! Entries from outside: Ingresses, routes and load balancers.

use super::resolve;
use super::view;
use super::world::{World, namespace_of};
use crate::facts::{Object, kinds};
use crate::model::{Edge, EdgeClass, Evidence, Grade, NeedKind, Party, Signal, SignalKind};

/// Adds an edge from outside to every backend, and what weighted routes say of canaries.
pub fn collect(world: &mut World) {
    let mut found: Vec<(String, String, Option<u16>, Evidence)> = Vec::new();
    let ingresses: Vec<(&Object, view::Ingress)> = world.read(&kinds::INGRESS);
    for (object, ingress) in ingresses {
        let namespace = namespace_of(object);
        let spec = ingress.spec;
        let defaults = spec.default.iter().chain(&spec.old_default).map(|b| ("spec.defaultBackend".to_owned(), b));
        let paths = spec.rules.iter().enumerate().flat_map(|(r, rule)| {
            rule.http
                .paths
                .iter()
                .enumerate()
                .map(move |(p, path)| (format!("spec.rules[{r}].http.paths[{p}].backend"), &path.backend))
        });
        for (field, backend) in defaults.chain(paths) {
            let (name, port) = match &backend.service {
                Some(service) => (&service.name, &service.port.number),
                None => (&backend.old_name, &backend.old_port),
            };
            let evidence = Evidence::new(format!("Ingress {namespace}/{}", object.name), field, &**name);
            let evidence = Evidence { place: object.place.clone(), ..evidence };
            found.push((namespace.to_owned(), name.0.clone(), port.parse().ok(), evidence));
        }
    }
    let mut weighted = Vec::new();
    for resource in [&kinds::HTTP_ROUTE, &kinds::GRPC_ROUTE] {
        let routes: Vec<(&Object, view::Route)> = world.read(resource);
        for (object, route) in routes {
            // Attached to a Service, a route is about calls inside the cluster.
            if !route.spec.parents.is_empty() && route.spec.parents.iter().all(|p| &*p.kind == "Service") {
                continue;
            }
            let own = namespace_of(object);
            let title = format!("{} {own}/{}", resource.kind, object.name);
            for (at, rule) in route.spec.rules.iter().enumerate() {
                let split = rule.backends.iter().filter(|b| !b.weight.is_empty()).count() >= 2;
                if split {
                    let evidence = Evidence::new(&title, format!("spec.rules[{at}].backendRefs"), "weights on several backends");
                    weighted.push(Evidence { place: object.place.clone(), ..evidence });
                }
                for (b, backend) in rule.backends.iter().enumerate().filter(|(_, b)| matches!(&*b.kind, "" | "Service")) {
                    let namespace = if backend.namespace.is_empty() { own } else { &*backend.namespace };
                    let evidence = Evidence::new(&title, format!("spec.rules[{at}].backendRefs[{b}]"), &*backend.name);
                    let evidence = Evidence { place: object.place.clone(), ..evidence };
                    found.push((namespace.to_owned(), backend.name.0.clone(), backend.port.parse().ok(), evidence));
                }
            }
        }
    }
    let services: Vec<(&Object, view::Service)> = world.read(&kinds::SERVICE);
    for (object, service) in services.iter().filter(|(_, s)| &*s.spec.kind == "LoadBalancer") {
        let namespace = namespace_of(object);
        let evidence = Evidence::new(format!("Service {namespace}/{}", object.name), "spec.type", "LoadBalancer");
        let evidence = Evidence { place: object.place.clone(), ..evidence };
        let port = match service.spec.ports.as_slice() {
            [port] => port.number.parse().ok(),
            _ => None,
        };
        found.push((namespace.to_owned(), object.name.to_string(), port, evidence));
    }
    for (namespace, name, port, evidence) in found {
        let Some(id) = world.model.service(&namespace, &name) else { continue };
        for to in resolve::parties(&world.model, id) {
            let evidence = vec![evidence.clone()];
            let (class, grade) = (EdgeClass::Entry, Grade::Declared);
            world.model.add_edge(Edge { from: Party::Outside, to, port, protocol: None, class, grade, rate: None, evidence });
        }
    }
    if !weighted.is_empty() {
        world.model.signals.push(Signal {
            need: NeedKind::Canary,
            kind: SignalKind::Satisfied,
            text: format!(
                "weighted routes at the entry in {} places: enough where the service behind is the entry",
                weighted.len()
            ),
            evidence: weighted,
        });
    }
}
