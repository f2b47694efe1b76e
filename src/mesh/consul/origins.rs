//! Which config entries each part of an Envoy was made from. Consul writes none of it into Envoy, so it is worked out from the
//! names that it gives: routes bear the name of their service, clusters that of the service and its subset.

use super::entries::{Entries, Entry, Kind, Route, Source, Written};
use super::names::Upstream;
use crate::envoy::listeners::{FilterChain, Listener};
use crate::envoy::origin::Origin;
use crate::envoy::routes::{self, RouteConfig};
use crate::envoy::{Boxed, Dump, Section};
use crate::json::Raw;
use crate::mesh::origin::{Difference, Origins, Sources};
use crate::report::Severity;
use std::collections::{BTreeMap, BTreeSet};

/// Where calls come in.
const INBOUND: &str = "public_listener";
/// The action of a filter that lists whom it shuts out.
const DENY: &str = "\"DENY\"";
/// The application behind the proxy.
const LOCAL: &str = "local_app";
/// Where a transparent proxy sends what it knows no upstream for.
const BEYOND: &str = "original-destination";

impl Origins for Entries {
    fn of(&self, dump: &Dump<'_>) -> Sources {
        let own = dump.bootstrap.last().map(|one| one.value.node.cluster.to_string()).unwrap_or_default();
        let view = View { entries: self, own: &own, dump };
        let clusters = dump.clusters.iter().map(|one| (one.value.name.to_string(), view.cluster(&one.value.name)));
        let mut sources = Sources {
            clusters: clusters.filter(|(_, from)| !from.is_empty()).collect(),
            differences: view.differences(),
            ..Sources::default()
        };
        for config in &dump.routes {
            for (host, virtual_host) in config.value.virtual_hosts.iter().enumerate() {
                for (at, route) in virtual_host.routes.iter().enumerate() {
                    let from = view.route(&config.value.name, at, route);
                    sources.routes.insert((config.value.name.to_string(), host, at), from);
                }
            }
        }
        for listener in &dump.listeners {
            for (at, chain) in listener.value.chains().enumerate() {
                sources.chains.insert((listener.value.name.to_string(), at), view.chain(&listener.value.name, chain));
            }
        }
        sources
    }
}

/// One proxy.
struct View<'v> {
    entries: &'v Entries,
    /// The service that it stands for.
    own: &'v str,
    dump: &'v Dump<'v>,
}

impl View<'_> {
    fn live(&self, kind: Kind, service: &str) -> Vec<Origin> {
        self.entries.live(kind, service).map(|entry| entry.origin.clone()).collect()
    }

    /// The service's own settings, or those of all.
    fn defaults(&self, service: &str) -> Vec<Origin> {
        let own = self.live(Kind::Defaults, service);
        if own.is_empty() { self.live(Kind::ProxyDefaults, "global") } else { own }
    }

    fn cluster(&self, name: &str) -> Vec<Origin> {
        let Some(upstream) = Upstream::of(name) else {
            return match name {
                LOCAL => self.defaults(self.own),
                BEYOND => self.live(Kind::Mesh, "mesh"),
                _ => Vec::new(),
            };
        };
        let mut from = self.live(Kind::Resolver, upstream.service);
        // What this caller says of its upstreams.
        let asks = self.entries.live(Kind::Defaults, self.own).filter(|entry| entry.spec.upstream_config.is_some());
        from.extend(asks.map(|entry| entry.origin.clone()).filter(|_| upstream.own));
        from.extend(self.defaults(upstream.service));
        unique(from)
    }

    /// The first routes of a configuration are the router's, in its order; the last one is what goes to nobody else.
    fn route(&self, config: &str, at: usize, route: &routes::Route<'_>) -> Vec<Origin> {
        let mut from: Vec<Origin> = Vec::new();
        let routers = self.entries.live(Kind::Router, config);
        from.extend(routers.filter(|entry| at < entry.spec.routes.len()).map(|entry| entry.origin.clone()));
        let action = route.route.as_ref();
        let weighted = action.and_then(|action| action.weighted_clusters.as_ref());
        let clusters = weighted.iter().flat_map(|all| &all.clusters).map(|one| &one.name);
        let first = clusters.chain(action.map(|action| &action.cluster)).find_map(|name| Upstream::of(name));
        if weighted.is_some() {
            from.extend(self.live(Kind::Splitter, config));
        }
        if first.is_some_and(|upstream| !upstream.subset.is_empty()) {
            from.extend(self.live(Kind::Resolver, first.map_or(config, |upstream| upstream.service)));
        }
        if from.is_empty() && first.is_some() {
            from.extend(self.defaults(config));
        }
        unique(from)
    }

    fn chain(&self, listener: &str, chain: &FilterChain<'_>) -> Vec<Origin> {
        if listener.starts_with(INBOUND) {
            return unique(self.live(Kind::Intentions, self.own).into_iter().chain(self.defaults(self.own)).collect());
        }
        let mut from = Vec::new();
        for name in chain.leads_to() {
            if name == BEYOND {
                from.extend(self.live(Kind::Mesh, "mesh"));
            }
            let service = Upstream::of(&name).map_or(name.as_str(), |upstream| upstream.service);
            if !self.upstreams().contains(service) {
                continue;
            }
            for kind in [Kind::Router, Kind::Splitter, Kind::Resolver] {
                from.extend(self.live(kind, service));
            }
            from.extend(self.defaults(service));
        }
        unique(from)
    }

    /// Services that it calls, as far as the dump shows.
    fn upstreams(&self) -> BTreeSet<&str> {
        let clusters = self.dump.clusters.iter().map(|one| &*one.value.name);
        let within = self.dump.routes.iter().flat_map(|config| &config.value.virtual_hosts).flat_map(|host| &host.routes);
        let actions = || within.clone().filter_map(|route| route.route.as_ref());
        let plain = actions().map(|action| &*action.cluster);
        let weighted = actions().filter_map(|action| action.weighted_clusters.as_ref()).flat_map(|all| &all.clusters);
        let named = clusters.chain(plain).chain(weighted.map(|one| &*one.name));
        let mut all: BTreeSet<&str> = named.filter_map(Upstream::of).map(|upstream| upstream.service).collect();
        // Where only listeners were asked for: an upstream's listener, and its statistics, bear its name.
        let entries = self.entries.all.iter().map(|entry| entry.service.as_str());
        let listened: BTreeSet<String> = self
            .dump
            .listeners
            .iter()
            .flat_map(|listener| listener.value.chains())
            .flat_map(FilterChain::leads_to)
            .map(|name| Upstream::of(&name).map_or(name.clone(), |upstream| upstream.service.to_owned()))
            .collect();
        all.extend(entries.filter(|service| listened.contains(*service) && *service != self.own));
        all
    }

    fn differences(&self) -> Vec<Difference> {
        let mut found = Vec::new();
        let upstreams = self.upstreams();
        for entry in &self.entries.all {
            let mine = entry.service == self.own || entry.service == "*";
            let concerns = match entry.kind {
                Kind::Mesh | Kind::ProxyDefaults => true,
                Kind::Intentions => mine,
                Kind::Defaults => mine || upstreams.contains(entry.service.as_str()),
                Kind::Resolver | Kind::Splitter | Kind::Router => upstreams.contains(entry.service.as_str()),
            };
            if !concerns {
                continue;
            }
            if let Some(what) = self.absent(entry) {
                found.push(Difference { severity: Severity::Error, whose: entry.origin.title(), what });
                continue;
            }
            let what = match entry.kind {
                Kind::Router => self.routed(entry),
                Kind::Splitter => self.split(entry),
                Kind::Intentions => self.let_in(entry),
                Kind::Defaults if mine => self.refused(entry),
                _ => None,
            };
            found.extend(what.map(|what| Difference { severity: Severity::Warning, whose: entry.origin.title(), what }));
        }
        found.extend(self.denied(&upstreams));
        let unseen = self.entries.unseen.iter().map(|(what, why)| Difference {
            severity: Severity::Info,
            whose: String::new(),
            what: format!("{what} were not compared: {why}"),
        });
        found.extend(unseen);
        found
    }

    /// It does not stand in Consul.
    fn absent(&self, entry: &Entry) -> Option<String> {
        match &entry.written {
            Written::No { said, older: true } => {
                Some(format!(" as it is written is not in Consul ({said}): the proxy has what an older one says"))
            }
            Written::No { said, older: false } => Some(format!(" is not in Consul ({said}): the proxy knows nothing of it")),
            Written::Yes if self.entries.lost.contains(&entry.origin) => {
                Some(" is Synced, and Consul does not have it any more: the proxy knows nothing of it".to_owned())
            }
            Written::Yes => None,
        }
    }

    fn config(&self, service: &str) -> Option<&RouteConfig<'_>> {
        let named = |one: &&Boxed<'_, RouteConfig<'_>>| *one.value.name == *service && one.state.is_in_use();
        self.dump.routes.iter().find(named).map(|one| &one.value)
    }

    /// Routes of a router that the proxy lacks.
    fn routed(&self, entry: &Entry) -> Option<String> {
        let config = self.config(&entry.service)?;
        let there: BTreeSet<String> =
            config.virtual_hosts.iter().flat_map(|host| &host.routes).map(|route| route.r#match.label()).collect();
        // A regular expression that takes no notice of case stands there with more around it.
        let is_there = |label: &String| match label.strip_prefix("regex ") {
            Some(regex) => there.iter().any(|own| own.contains(regex)),
            None => there.contains(label),
        };
        let missing: Vec<String> = entry.spec.routes.iter().map(Route::label).filter(|label| !is_there(label)).collect();
        (!missing.is_empty()).then(|| format!(" has routes that the proxy does not have: {}", missing.join(", ")))
    }

    /// Shares of a splitter that the proxy has otherwise.
    fn split(&self, entry: &Entry) -> Option<String> {
        let config = self.config(&entry.service)?;
        let resolver = self.entries.live(Kind::Resolver, &entry.service).next();
        // Shares of another service, or a service that stands for another, are worked out by rules of their own.
        let elsewhere = entry.spec.splits.iter().any(|one| !one.service.is_empty() && one.service != entry.service);
        if elsewhere || resolver.is_some_and(|entry| entry.spec.redirect.is_some()) || entry.spec.splits.len() < 2 {
            return None;
        }
        let default = resolver.map_or("", |entry| entry.spec.default_subset.as_str());
        let mut wanted: BTreeMap<&str, f64> = BTreeMap::new();
        for one in &entry.spec.splits {
            *wanted.entry(if one.service_subset.is_empty() { default } else { &one.service_subset }).or_default() += one.weight;
        }
        wanted.retain(|_, share| *share > 0.0);
        let routes = config.virtual_hosts.iter().flat_map(|host| &host.routes).filter_map(|route| route.route.as_ref());
        let shares = |action: &routes::Action<'_>| {
            let mut shares: BTreeMap<String, f64> = BTreeMap::new();
            let weighted = action.weighted_clusters.iter().flat_map(|all| &all.clusters);
            let all: Vec<(&str, f64)> = weighted.map(|one| (&*one.name, one.weight.0 as f64)).collect();
            let total: f64 = all.iter().map(|(_, weight)| weight).sum();
            for (name, weight) in all {
                let subset = Upstream::of(name).map(|upstream| upstream.subset.to_owned()).unwrap_or_default();
                *shares.entry(subset).or_default() += weight * 100.0 / total.max(1.0);
            }
            if shares.is_empty() {
                let subset = Upstream::of(&action.cluster).map(|upstream| upstream.subset.to_owned());
                shares.extend(subset.map(|subset| (subset, 100.0)));
            }
            shares
        };
        let there: Vec<BTreeMap<String, f64>> = routes.map(shares).filter(|shares| !shares.is_empty()).collect();
        let same = |shares: &BTreeMap<String, f64>| {
            shares.len() == wanted.len()
                && wanted.iter().all(|(subset, share)| shares.get(*subset).is_some_and(|own| (own - share).abs() < 0.5))
        };
        if there.is_empty() || there.iter().any(same) {
            return None;
        }
        let text = |shares: Vec<(&str, f64)>| {
            let one =
                |(subset, share): &(&str, f64)| format!("{} {share} %", if subset.is_empty() { "the rest" } else { subset });
            shares.iter().map(one).collect::<Vec<_>>().join(", ")
        };
        let has = there.last().map(|shares| shares.iter().map(|(subset, share)| (subset.as_str(), *share)).collect());
        let wanted = wanted.into_iter().collect();
        Some(format!(" says {}, and the proxy has {}", text(wanted), text(has.unwrap_or_default())))
    }

    /// Sources of an intention of which the proxy's filter says otherwise.
    fn let_in(&self, entry: &Entry) -> Option<String> {
        let inbound = |one: &&Boxed<'_, Listener<'_>>| one.value.name.starts_with(INBOUND) && one.state.is_in_use();
        self.dump.listeners.iter().find(inbound)?;
        let texts = self.guards();
        // Where all that is not allowed is denied, it lists who is let in; else it lists who is not.
        let denies = texts.iter().any(|text| text.contains(DENY));
        let named = |source: &Source| {
            let name = if source.name == "*" { "[^/]+" } else { &source.name };
            texts.iter().any(|text| text.contains(&format!("/svc/{name}$")))
        };
        let plain = |source: &&Source| source.peer.is_empty() && source.sameness_group.is_empty();
        let lacking = |source: &&Source| match source.action.as_str() {
            "allow" => !denies && !texts.is_empty() && !named(source),
            "deny" => (denies || texts.is_empty()) && !named(source),
            _ => !denies && !source.permissions.is_empty() && !named(source),
        };
        let missing: Vec<String> = entry
            .spec
            .sources
            .iter()
            .filter(plain)
            .filter(lacking)
            .map(|source| format!("{} {}", if source.action == "deny" { "denies" } else { "allows" }, source.name))
            .collect();
        (!missing.is_empty()).then(|| format!(" {}, and the proxy's filter does not", missing.join(", ")))
    }

    /// What guards the way in, of all chains.
    fn guards(&self) -> Vec<&str> {
        let inbound = |one: &&Boxed<'_, Listener<'_>>| one.value.name.starts_with(INBOUND) && one.state.is_in_use();
        let chains = self.dump.listeners.iter().filter(inbound).flat_map(|listener| listener.value.chains());
        chains.flat_map(|chain| chain.settings_of(".rbac")).map(Raw::get).collect()
    }

    /// Upstreams that won't let it in, as it is written: where all that is not allowed is denied, which its own way in shows.
    fn denied(&self, upstreams: &BTreeSet<&str>) -> Vec<Difference> {
        let guards = self.guards();
        if guards.is_empty() || guards.iter().any(|text| text.contains(DENY)) || !self.entries.unseen.is_empty() {
            return Vec::new();
        }
        let lets = |service: &str| {
            let all: Vec<&Source> = self.entries.live(Kind::Intentions, service).flat_map(|entry| &entry.spec.sources).collect();
            let of = |name: &str| all.iter().find(|source| source.name == name);
            of(self.own).or_else(|| of("*")).is_some_and(|source| source.action == "allow" || !source.permissions.is_empty())
        };
        let shut = upstreams.iter().filter(|service| **service != self.own && !lets(service));
        shut.map(|service| Difference {
            severity: Severity::Info,
            whose: (*service).to_owned(),
            what: format!(" lets {} in by no intention, and what is not allowed is denied: its calls there get 403", self.own),
        })
        .collect()
    }

    /// Extensions in an update that was refused.
    fn refused(&self, entry: &Entry) -> Option<String> {
        let refused = self.dump.has(Section::Listeners)
            && self.dump.listeners.iter().any(|one| one.rejected.is_some() && one.value.name.starts_with(INBOUND));
        let names: Vec<&str> = entry.spec.envoy_extensions.iter().map(|one| one.name.as_str()).collect();
        (refused && !names.is_empty())
            .then(|| format!(" adds {}, and the proxy refused the listener that was made with it", names.join(", ")))
    }
}

fn unique(all: Vec<Origin>) -> Vec<Origin> {
    let mut seen = BTreeSet::new();
    all.into_iter().filter(|origin| seen.insert(origin.clone())).collect()
}

#[cfg(test)]
mod tests;
