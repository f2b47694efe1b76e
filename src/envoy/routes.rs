//! Route configurations: virtual hosts, matches and where requests go.

use super::entry::{Boxed, Resource, Standing};
use super::extras::{self, PerFilter};
use super::field::{Int, Text};
use super::origin::{self, Metadata, Origin};
use crate::shares;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct RouteConfig<'a> {
    #[serde(borrow)]
    pub name: Text<'a>,
    #[serde(borrow, alias = "virtualHosts")]
    pub virtual_hosts: Vec<VirtualHost<'a>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct VirtualHost<'a> {
    #[serde(borrow)]
    pub name: Text<'a>,
    #[serde(borrow)]
    pub domains: Vec<Text<'a>>,
    #[serde(borrow)]
    pub routes: Vec<Route<'a>>,
    #[serde(borrow, alias = "typedPerFilterConfig")]
    pub typed_per_filter_config: PerFilter<'a>,
    #[serde(alias = "rateLimits")]
    pub rate_limits: Vec<IgnoredAny>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Route<'a> {
    #[serde(borrow)]
    pub r#match: Match<'a>,
    #[serde(borrow)]
    pub route: Option<Action<'a>>,
    #[serde(borrow)]
    pub redirect: Option<Redirect<'a>>,
    #[serde(borrow, alias = "directResponse")]
    pub direct_response: Option<DirectResponse<'a>>,
    #[serde(borrow)]
    pub metadata: Option<Metadata<'a>>,
    #[serde(borrow, alias = "typedPerFilterConfig")]
    pub typed_per_filter_config: PerFilter<'a>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Match<'a> {
    #[serde(borrow)]
    pub prefix: Text<'a>,
    #[serde(borrow)]
    pub path: Text<'a>,
    #[serde(borrow, alias = "pathSeparatedPrefix")]
    pub path_separated_prefix: Text<'a>,
    #[serde(borrow, alias = "safeRegex")]
    pub safe_regex: Option<Regex<'a>>,
    #[serde(alias = "connectMatcher")]
    pub connect_matcher: Option<IgnoredAny>,
    #[serde(borrow)]
    pub headers: Vec<Named<'a>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Regex<'a> {
    #[serde(borrow)]
    pub regex: Text<'a>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Named<'a> {
    #[serde(borrow)]
    pub name: Text<'a>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Action<'a> {
    #[serde(borrow)]
    pub cluster: Text<'a>,
    #[serde(borrow, alias = "clusterHeader")]
    pub cluster_header: Text<'a>,
    #[serde(borrow, alias = "weightedClusters")]
    pub weighted_clusters: Option<WeightedClusters<'a>>,
    #[serde(borrow)]
    pub timeout: Text<'a>,
    #[serde(borrow, alias = "retryPolicy")]
    pub retry_policy: Option<RetryPolicy<'a>>,
    #[serde(borrow, alias = "requestMirrorPolicies")]
    pub request_mirror_policies: Vec<Mirror<'a>>,
    #[serde(alias = "rateLimits")]
    pub rate_limits: Vec<IgnoredAny>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct WeightedClusters<'a> {
    #[serde(borrow)]
    pub clusters: Vec<WeightedCluster<'a>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct WeightedCluster<'a> {
    #[serde(borrow)]
    pub name: Text<'a>,
    pub weight: Int,
}

impl WeightedClusters<'_> {
    pub fn label(&self) -> String {
        self.clusters.iter().map(|one| format!("{} ({})", &*one.name, one.weight.0)).collect::<Vec<_>>().join(", ")
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct RetryPolicy<'a> {
    #[serde(borrow, alias = "retryOn")]
    pub retry_on: Text<'a>,
    #[serde(alias = "numRetries")]
    pub num_retries: Option<Int>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Mirror<'a> {
    #[serde(borrow)]
    pub cluster: Text<'a>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Redirect<'a> {
    #[serde(borrow, alias = "hostRedirect")]
    pub host_redirect: Text<'a>,
    #[serde(borrow, alias = "pathRedirect")]
    pub path_redirect: Text<'a>,
    #[serde(alias = "httpsRedirect")]
    pub https_redirect: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct DirectResponse<'a> {
    #[serde(borrow)]
    pub status: Text<'a>,
}

impl Match<'_> {
    /// `/api*`, `PathPrefix:/api`, `/exact`, `regex …`; headers are not told.
    pub fn label(&self) -> String {
        let mut parts = Vec::new();
        if let Some(prefix) = self.prefix.some() {
            parts.push(format!("{prefix}*"));
        }
        if let Some(prefix) = self.path_separated_prefix.some() {
            parts.push(format!("PathPrefix:{prefix}"));
        }
        if let Some(path) = self.path.some() {
            parts.push(path.to_owned());
        }
        if let Some(regex) = &self.safe_regex {
            parts.push(format!("regex {}", &*regex.regex));
        }
        if self.connect_matcher.is_some() {
            parts.push("CONNECT".to_owned());
        }
        parts.join(" ")
    }
}

impl Route<'_> {
    /// The catch-all of a sidecar that sends unknown traffic on; it says nothing about the mesh.
    fn is_passthrough(&self) -> bool {
        self.route.as_ref().is_some_and(|action| &*action.cluster == "PassthroughCluster")
    }

    fn destination(&self) -> String {
        if let Some(action) = &self.route {
            if let Some(weighted) = &action.weighted_clusters {
                return weighted.label();
            }
            if let Some(header) = action.cluster_header.some() {
                return format!("cluster of header {header}");
            }
            return action.cluster.to_string();
        }
        if let Some(redirect) = &self.redirect {
            let scheme = if redirect.https_redirect { "https://" } else { "" };
            return format!("redirect {scheme}{}{}", &*redirect.host_redirect, &*redirect.path_redirect).trim_end().to_owned();
        }
        self.direct_response.as_ref().map(|direct| format!("answers {}", &*direct.status)).unwrap_or_default()
    }
}

/// A route as it is shown.
#[derive(Clone, Debug, Serialize)]
pub struct RouteRow<'r> {
    /// Its place among those of its virtual host.
    #[serde(skip)]
    pub at: usize,
    #[serde(rename = "match")]
    pub matches: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    #[serde(skip)]
    pub origin_label: String,
    /// Objects that it was made from, where others tell than the proxy.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub came_from: Vec<Origin>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub destination: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<&'r str>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub retries: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mirrors: Vec<&'r str>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub fault: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub rate_limit: String,
    /// Headers that must match too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<&'r str>,
}

#[derive(Clone, Debug, Serialize)]
pub struct HostRow<'r> {
    pub name: &'r str,
    pub domains: Vec<&'r str>,
    #[serde(skip)]
    pub domains_label: String,
    pub routes: Vec<RouteRow<'r>>,
    /// It answers 404 to everything.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_routes: bool,
}

/// A route configuration as it is shown.
#[derive(Clone, Debug, Serialize)]
pub struct Row<'r> {
    pub name: &'r str,
    /// All of them, also the ones of which no route is shown.
    pub virtual_hosts: Vec<HostRow<'r>>,
    #[serde(flatten)]
    pub standing: Standing<'r>,
}

/// Configurations of that name, or all: those whose name is a number in its order, then the others as the proxy lists them.
pub fn rows<'r>(configs: &'r [Boxed<'_, RouteConfig<'_>>], name: &str) -> Vec<Row<'r>> {
    let mut passed: Vec<_> = configs.iter().filter(|config| name.is_empty() || &*config.value.name == name).collect();
    passed.sort_by_key(|config| config.value.name.parse::<u64>().map_or((1, 0), |number| (0, number)));
    passed.into_iter().map(|config| row(config)).collect()
}

fn row<'r>(config: &'r Resource<'_, RouteConfig<'_>>) -> Row<'r> {
    // One configuration may have nearly all of them.
    let hosts = shares::map(&config.value.virtual_hosts, 500, host_row);
    Row { name: &config.value.name, virtual_hosts: hosts, standing: config.standing() }
}

fn host_row<'r>(host: &'r VirtualHost<'_>) -> HostRow<'r> {
    let routes = host.routes.iter().enumerate().filter(|(_, route)| !route.is_passthrough());
    HostRow {
        name: &host.name,
        domains: host.domains.iter().map(|domain| &**domain).collect(),
        domains_label: domains_label(&host.domains),
        routes: routes.map(|(at, route)| RouteRow { at, ..route_row(route, host) }).collect(),
        no_routes: host.routes.is_empty(),
    }
}

/// By the proxy itself, and by a rate limit service.
fn rate_limit(route: &Route<'_>, host: &VirtualHost<'_>) -> String {
    let own = [&route.typed_per_filter_config, &host.typed_per_filter_config].map(extras::local_limit);
    let asked = route.route.as_ref().map_or(0, |action| action.rate_limits.len()) + host.rate_limits.len();
    let asked = (asked > 0).then(|| format!("{asked} by service"));
    own.into_iter().find(|limit| !limit.is_empty()).into_iter().chain(asked).collect::<Vec<_>>().join(", ")
}

fn route_row<'r>(route: &'r Route<'_>, host: &VirtualHost<'_>) -> RouteRow<'r> {
    let origin = route.metadata.as_ref().and_then(Metadata::origin);
    let action = route.route.as_ref();
    let retries = action.and_then(|action| action.retry_policy.as_ref()).map(|policy| {
        // Envoy's own default.
        let count = policy.num_retries.map_or(1, |count| count.0);
        format!("{count} on {}", &*policy.retry_on)
    });
    RouteRow {
        at: 0,
        came_from: Vec::new(),
        matches: route.r#match.label(),
        origin_label: origin::label(origin.as_ref()),
        origin: origin.and_then(Result::ok),
        destination: route.destination(),
        timeout: action.and_then(|action| action.timeout.some()),
        retries: retries.unwrap_or_default(),
        mirrors: action.map(|action| action.request_mirror_policies.iter().map(|m| &*m.cluster).collect()).unwrap_or_default(),
        fault: [&route.typed_per_filter_config, &host.typed_per_filter_config]
            .map(extras::fault)
            .into_iter()
            .find(|fault| !fault.is_empty())
            .unwrap_or_default(),
        rate_limit: rate_limit(route, host),
        headers: route.r#match.headers.iter().map(|header| &*header.name).collect(),
    }
}

/// At most this many domains are told.
const SHOWN_DOMAINS: usize = 2;

/// The domains without the ones that only add a port or a suffix.
fn domains_label(domains: &[Text<'_>]) -> String {
    if let [only] = domains {
        return only.to_string();
    }
    // An IPv6 address has colons of its own; with a port it doesn't end in the bracket.
    let bare = |domain: &&str| !domain.contains(':') || (domain.matches(':').count() > 2 && domain.ends_with(']'));
    let mut told: Vec<&str> = domains.iter().map(|domain| &**domain).filter(bare).collect();
    let mut all = told.clone();
    all.sort_unstable();
    let is_told = |domain: &str| all.binary_search(&domain).is_ok();
    let longer = |domain: &str| [".svc.cluster.local", ".svc"].iter().any(|end| domain.strip_suffix(end).is_some_and(is_told));
    told.retain(|domain| !longer(domain));
    match told.len().checked_sub(SHOWN_DOMAINS) {
        None | Some(0) => told.join(", "),
        Some(more) => format!("{} + {more} more...", told[..SHOWN_DOMAINS].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(domains: &[&'static str]) -> String {
        domains_label(&domains.iter().map(|domain| Text::from(*domain)).collect::<Vec<_>>())
    }

    #[test]
    fn domains_are_told_once() {
        assert_eq!(label(&[]), "");
        assert_eq!(label(&["a:80"]), "a:80");
        assert_eq!(label(&["a.ns.svc.cluster.local", "a.ns.svc.cluster.local:80", "a", "a.ns.svc", "a.ns"]), "a, a.ns");
        assert_eq!(label(&["a", "b", "c", "d"]), "a, b + 2 more...");
        assert_eq!(label(&["[fd00:10:96::7fc7]", "[fd00:10:96::7fc7]:8090"]), "[fd00:10:96::7fc7]");
    }

    #[test]
    fn numbers_come_first_and_in_order() {
        let named = |name: &'static str| {
            Box::new(Resource { value: RouteConfig { name: name.into(), ..Default::default() }, ..Default::default() })
        };
        let configs = [named("x"), named("443"), named(""), named("80")];
        assert_eq!(rows(&configs, "").iter().map(|row| row.name).collect::<Vec<_>>(), ["80", "443", "x", ""]);
        assert_eq!(rows(&configs, "443").len(), 1);
    }
}
