//! Ports and routes of one proxy, as its controller sends them.

use super::{ALLOWED, DENIED, asks, ports};
use crate::facts::{Facts, Object};
use crate::mesh::linkerd::api::{
    self, Authz, Backend, Distribution, Filter, HttpMethod, InboundProtocol, InboundRoute, Metadata, OutboundRoute,
    OutboundRoutes, RouteMatch, Rule, StreamRoute,
};
use crate::mesh::linkerd::controllers::{Replica, Silence, Target};
use crate::mesh::linkerd::environment::Environment;
use crate::mesh::linkerd::sync::Heard;
use crate::mesh::proxy::{Allowed, Part, Port, Route, Shown};

#[expect(clippy::too_many_arguments, reason = "one proxy and everything that tells of it")]
pub fn policies(
    facts: &Facts,
    replica: &Replica,
    pod: &Object,
    environment: &Environment,
    heard: &Heard,
    parts: &[Part],
    targets: &[Target],
    shown: &mut Shown,
) {
    let (namespace, name) = (&*pod.namespace, &*pod.name);
    let mut silent = |what: String, why: Silence| shown.faults.push(format!("{what} from {}: {}", replica.name, why.why()));
    if asks(parts, &[Part::Listeners, Part::Routes]) {
        for port in ports(environment, heard) {
            let server = match replica.inbound(facts, namespace, name, port) {
                Ok(server) => server,
                Err(why) => {
                    silent(format!("the policy of port {port}"), why);
                    continue;
                }
            };
            let protocol = server.protocol.unwrap_or_default();
            let (word, routes) = match protocol {
                p if p.opaque.is_some() => ("opaque", Vec::new()),
                p if p.tls.is_some() => ("TLS", Vec::new()),
                InboundProtocol { http1: Some(all), .. } => ("HTTP/1", all.routes),
                InboundProtocol { http2: Some(all), .. } => ("HTTP/2", all.routes),
                InboundProtocol { grpc: Some(all), .. } => ("gRPC", all.routes),
                InboundProtocol { detect: Some(all), .. } => ("detected", all.routes),
                _ => ("", Vec::new()),
            };
            let counted = |names: &[&str]| count(heard, names, port);
            let (allowed, denied) = (counted(&ALLOWED), counted(&DENIED));
            if asks(parts, &[Part::Listeners]) {
                let said = |key: &str| server.labels.get(key).cloned().unwrap_or_default();
                let allows = server.authorizations.iter().map(allowed_by).collect();
                let governed_by = format!("{} {}", said("kind"), said("name"));
                shown.listeners.push(Port { port, protocol: word, governed_by, allows, allowed, denied });
            }
            if asks(parts, &[Part::Routes]) {
                shown.routes.extend(routes.iter().flat_map(|route| inbound(port, word, route)));
            }
        }
    }
    if asks(parts, &[Part::Routes]) {
        for target in targets {
            let of = format!("{}.{}:{}", target.name, target.namespace, target.port);
            match replica.outbound(facts, namespace, name, target) {
                Ok(policy) => shown.routes.extend(outbound(&of, policy)),
                Err(why) => silent(format!("the routes to {of}"), why),
            }
            if let Ok(profile) = replica.profile(facts, target) {
                shown.routes.extend(profile.routes.iter().map(|route| profiled(&of, route)));
            }
        }
    }
}

/// `None` where its metrics did not come.
fn count(heard: &Heard, names: &[&str], port: u16) -> Option<u64> {
    if heard.samples.is_empty() {
        return None;
    }
    let own = |series: &&crate::facts::Series| series.label("srv_port").parse() == Ok(port);
    Some(names.iter().flat_map(|name| heard.of(name)).filter(own).map(|series| series.value).sum::<f64>() as u64)
}

fn allowed_by(authz: &Authz) -> Allowed {
    let clients = match &authz.authentication {
        Some(authn) => match (&authn.mesh_tls, &authn.unauthenticated) {
            (Some(tls), _) => match &tls.clients {
                Some(clients) => {
                    let suffix = |one: &api::Suffix| format!("*.{}", one.parts.join("."));
                    let names = clients.identities.iter().map(|one| one.name.clone());
                    names.chain(clients.suffixes.iter().map(suffix)).collect()
                }
                None => vec!["anybody with TLS".to_owned()],
            },
            (None, Some(_)) => vec!["anybody".to_owned()],
            (None, None) => Vec::new(),
        },
        None => Vec::new(),
    };
    let networks: Vec<String> = authz.networks.iter().filter_map(|one| one.net.as_ref()).map(api::IpNetwork::text).collect();
    let everywhere = networks.iter().any(|network| network == "0.0.0.0/0" || network == "::/0");
    Allowed {
        by: authz.metadata.as_ref().map(Metadata::title).unwrap_or_default(),
        clients,
        from: if everywhere { Vec::new() } else { networks },
    }
}

fn matched(one: &RouteMatch, grpc: bool) -> String {
    let method = one.method.as_ref().map(HttpMethod::name);
    let path = if grpc { one.rpc() } else { one.path() };
    let headers = one.headers.iter().map(|header| format!("[{}]", header.name));
    method.into_iter().chain(path).chain(headers).collect::<Vec<_>>().join(" ")
}

fn matches(rule: &Rule, protocol: &str) -> Vec<String> {
    rule.matches.iter().map(|one| matched(one, protocol == "gRPC")).collect()
}

fn inbound(port: u16, protocol: &'static str, route: &InboundRoute) -> Vec<Route> {
    let one = |rule: &Rule| Route {
        direction: "inbound",
        of: format!("port {port}"),
        protocol,
        name: route.metadata.as_ref().map(Metadata::title).unwrap_or_default(),
        matches: matches(rule, protocol),
        backends: Vec::new(),
        allows: route.authorizations.iter().map(allowed_by).collect(),
        timeout: None,
        retries: None,
    };
    route.rules.iter().map(one).collect()
}

fn outbound(of: &str, policy: api::OutboundPolicy) -> Vec<Route> {
    let protocol = policy.protocol.unwrap_or_default();
    let mut all = Vec::new();
    let mut http = |word: &'static str, routes: Option<OutboundRoutes>| {
        all.extend(routes.unwrap_or_default().routes.iter().flat_map(|route| requests(of, word, route)));
    };
    match protocol.detect {
        // Both versions have the same routes; a proxy detects which is spoken.
        Some(detect) if detect.http1.is_some() => http("HTTP", detect.http1),
        Some(detect) => http("HTTP", detect.http2),
        None => {
            http("HTTP/1", protocol.http1);
            http("HTTP/2", protocol.http2);
            http("gRPC", protocol.grpc);
        }
    }
    for (word, routes) in [("opaque", protocol.opaque), ("TLS", protocol.tls)] {
        all.extend(routes.unwrap_or_default().routes.iter().flat_map(|route| connections(of, word, route)));
    }
    all
}

fn requests(of: &str, protocol: &'static str, route: &OutboundRoute) -> Vec<Route> {
    let one = |rule: &Rule| Route {
        direction: "outbound",
        of: of.to_owned(),
        protocol,
        name: route.metadata.as_ref().map(Metadata::title).unwrap_or_default(),
        matches: matches(rule, protocol),
        backends: backends(rule.backends.as_ref()),
        allows: Vec::new(),
        timeout: rule.timeouts.as_ref().and_then(|all| all.request.as_ref()).map(api::Duration::text),
        retries: rule.retry.as_ref().map(|retry| retry.max_retries),
    };
    route.rules.iter().map(one).collect()
}

fn connections(of: &str, protocol: &'static str, route: &StreamRoute) -> Vec<Route> {
    let one = |rule: &api::StreamRule| Route {
        direction: "outbound",
        of: of.to_owned(),
        protocol,
        name: route.metadata.as_ref().map(Metadata::title).unwrap_or_default(),
        matches: Vec::new(),
        backends: backends(rule.backends.as_ref()),
        allows: Vec::new(),
        timeout: None,
        retries: None,
    };
    route.rules.iter().map(one).collect()
}

/// Of a ServiceProfile, whose routes count instead of others where it has any.
fn profiled(of: &str, route: &api::ProfileRoute) -> Route {
    fn words(of: &api::RequestMatch) -> String {
        let path = of.path.iter().map(|path| format!("~ {}", path.name));
        let method = of.method.iter().map(HttpMethod::name);
        let inner = of.all.iter().chain(&of.any).flat_map(|all| &all.matches).map(words);
        let not = of.not.iter().map(|not| format!("not {}", words(not)));
        method.chain(path).chain(inner).chain(not).collect::<Vec<_>>().join(" ")
    }
    Route {
        direction: "outbound",
        of: of.to_owned(),
        protocol: "HTTP",
        name: format!("ServiceProfile {}", route.metrics_labels.get("route").map_or("", String::as_str)).trim_end().to_owned(),
        matches: route.condition.iter().map(words).collect(),
        backends: Vec::new(),
        allows: Vec::new(),
        timeout: route.timeout.as_ref().map(api::Duration::text),
        // How often is for a budget.
        retries: None,
    }
}

fn backends(all: Option<&Distribution>) -> Vec<String> {
    let Some(all) = all else { return Vec::new() };
    let title = |backend: Option<&Backend>, filters: &[Filter]| {
        let metadata = backend.and_then(|one| one.metadata.as_ref());
        let resource = metadata.and_then(|one| one.resource.as_ref());
        let name = match resource {
            Some(one) => format!("{}.{}:{}", one.name, one.namespace, one.port),
            None => metadata.map(Metadata::title).unwrap_or_default(),
        };
        match filters.iter().find_map(|filter| filter.failure.as_ref()) {
            Some(failure) => format!("{name} (answers {}: {})", failure.status, failure.message),
            None => name,
        }
    };
    let first = all.first.iter().flat_map(|all| &all.backends).map(|one| title(one.backend.as_ref(), &one.filters));
    let random: Vec<_> = all.random.iter().flat_map(|all| &all.backends).collect();
    let total: u64 = random.iter().map(|one| u64::from(one.weight)).sum();
    let shared = random.iter().map(|one| {
        let backend = one.backend.as_ref();
        let name = title(backend.and_then(|one| one.backend.as_ref()), backend.map_or(&[], |one| &one.filters));
        if random.len() < 2 || total == 0 {
            return name;
        }
        format!("{}% {name}", u64::from(one.weight) * 100 / total)
    });
    first.chain(shared).collect()
}
