//! Entries from outside: Ingresses, routes and load balancers. A route attached to a Service is none: it says where calls
//! inside the cluster go that name the Service.

use super::class::{self, Hint};
use super::resolve;
use super::view;
use super::world::{World, namespace_of};
use crate::facts::{Object, kinds};
use crate::mesh::marks;
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
    let (mut weighted, mut inside) = (Vec::new(), Inside::default());
    for resource in [&kinds::HTTP_ROUTE, &kinds::GRPC_ROUTE].into_iter().chain(marks::routes()) {
        let routes: Vec<(&Object, view::Route)> = world.read(resource);
        for (object, route) in routes {
            let own = namespace_of(object);
            let title = format!("{} {own}/{}", resource.kind, object.name);
            let (services, others): (Vec<_>, Vec<_>) = route.spec.parents.iter().partition(|p| &*p.kind == "Service");
            // A route without parents is attached to nothing yet; it is meant for an entry. A `Server` is a port of pods: who
            // may call it is written there, and nothing goes on to another backend.
            let entry = route.spec.parents.is_empty() || others.iter().any(|p| &*p.kind != "Server");
            for (at, rule) in route.spec.rules.iter().enumerate() {
                let split = rule.backends.iter().filter(|b| !b.weight.is_empty()).count() >= 2;
                if split {
                    let evidence = Evidence::new(&title, format!("spec.rules[{at}].backendRefs"), "weights on several backends");
                    let evidence = Evidence { place: object.place.clone(), ..evidence };
                    inside.weighted.extend((!services.is_empty()).then(|| evidence.clone()));
                    weighted.extend(entry.then_some(evidence));
                }
                for (b, backend) in rule.backends.iter().enumerate().filter(|(_, b)| matches!(&*b.kind, "" | "Service")) {
                    let namespace = if backend.namespace.is_empty() { own } else { &*backend.namespace };
                    let evidence = Evidence::new(&title, format!("spec.rules[{at}].backendRefs[{b}]"), &*backend.name);
                    let evidence = Evidence { place: object.place.clone(), ..evidence };
                    let to = (namespace.to_owned(), backend.name.0.clone());
                    let port = backend.port.parse().ok();
                    for parent in &services {
                        let namespace = if parent.namespace.is_empty() { own } else { &*parent.namespace };
                        let from = (namespace.to_owned(), parent.name.0.clone());
                        inside.backends.push(Backend { from, to: to.clone(), port, evidence: evidence.clone() });
                    }
                    if entry {
                        found.push((to.0, to.1, port, evidence));
                    }
                }
            }
        }
    }
    inside.collect(world);
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

/// What routes attached to Services say.
#[derive(Default)]
struct Inside {
    backends: Vec<Backend>,
    weighted: Vec<Evidence>,
}

/// Calls to one Service that may go to another: both as namespace and name.
struct Backend {
    from: (String, String),
    to: (String, String),
    port: Option<u16>,
    evidence: Evidence,
}

impl Inside {
    /// Whoever calls the Service may reach the backend: a candidate, since the route doesn't say who calls.
    fn collect(self, world: &mut World) {
        for Backend { from, to, port, evidence } in self.backends {
            let model = &world.model;
            let (Some(parent), Some(backend)) = (model.service(&from.0, &from.1), model.service(&to.0, &to.1)) else { continue };
            let stands = resolve::parties(model, parent);
            let edges: Vec<Edge> = resolve::parties(model, backend)
                .into_iter()
                // What stands behind the Service anyway is called under its name.
                .filter(|to| parent != backend && !stands.contains(to))
                .map(|to| {
                    let from = Party::Service(format!("{}/{}", from.0, from.1));
                    let class = class::classify(model, &from, &to, Hint { port, ..Hint::default() });
                    let evidence = vec![evidence.clone()];
                    Edge { from, to, port, protocol: None, class, grade: Grade::Candidate, rate: None, evidence }
                })
                .collect();
            edges.into_iter().for_each(|edge| world.model.add_edge(edge));
        }
        if !self.weighted.is_empty() {
            world.model.signals.push(Signal {
                need: NeedKind::Canary,
                kind: SignalKind::Evidenced,
                text: "routes split calls between services by weight".to_owned(),
                evidence: self.weighted,
            });
        }
    }
}
