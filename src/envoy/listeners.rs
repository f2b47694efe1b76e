//! Listeners: addresses, filter chains, what each chain matches and where it goes.

use super::address::{Address, Wrapped};
use super::entry::{Boxed, Resource, Standing, State};
use super::field::{Int, Text};
use super::matcher;
use super::origin::Origin;
use super::routes::{RouteConfig, VirtualHost, WeightedClusters};
use crate::json::{self, Raw};
use crate::shares;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

/// What a sidecar calls the cluster that swallows everything; a filter that goes there does nothing for the user.
const BLACK_HOLE: &str = "BlackHoleCluster";

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Listener<'a> {
    #[serde(borrow)]
    pub name: Text<'a>,
    #[serde(borrow)]
    pub address: Address<'a>,
    #[serde(borrow, alias = "additionalAddresses")]
    pub additional_addresses: Vec<Wrapped<'a>>,
    #[serde(borrow, alias = "filterChains")]
    pub filter_chains: Vec<FilterChain<'a>>,
    #[serde(borrow, alias = "defaultFilterChain")]
    pub default_filter_chain: Option<FilterChain<'a>>,
    /// It listens to nothing but the proxy itself.
    #[serde(alias = "internalListener")]
    pub internal_listener: Option<IgnoredAny>,
    /// Where it decides instead of what each chain says that it matches.
    #[serde(borrow, alias = "filterChainMatcher")]
    pub filter_chain_matcher: Option<Raw<'a>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct FilterChain<'a> {
    #[serde(borrow)]
    pub name: Text<'a>,
    #[serde(borrow, alias = "filterChainMatch")]
    pub filter_chain_match: ChainMatch<'a>,
    #[serde(borrow)]
    pub filters: Vec<Filter<'a>>,
    #[serde(borrow, alias = "transportSocket")]
    pub transport_socket: Option<Filter<'a>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ChainMatch<'a> {
    #[serde(borrow, alias = "serverNames")]
    pub server_names: Vec<Text<'a>>,
    #[serde(borrow, alias = "transportProtocol")]
    pub transport_protocol: Text<'a>,
    #[serde(borrow, alias = "applicationProtocols")]
    pub application_protocols: Vec<Text<'a>>,
    #[serde(alias = "destinationPort")]
    pub destination_port: Option<Int>,
    #[serde(borrow, alias = "prefixRanges")]
    pub prefix_ranges: Vec<Cidr<'a>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Cidr<'a> {
    #[serde(borrow, alias = "addressPrefix")]
    pub address_prefix: Text<'a>,
    #[serde(alias = "prefixLen")]
    pub prefix_len: Int,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Filter<'a> {
    #[serde(borrow)]
    pub name: Text<'a>,
    /// Decoded only when a chain is shown.
    #[serde(borrow, alias = "typedConfig")]
    pub typed_config: Option<Raw<'a>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FilterKind {
    Http,
    Tcp,
}

#[derive(Deserialize)]
struct HttpManager<'a> {
    #[serde(borrow, alias = "routeConfig")]
    route_config: Option<RouteConfig<'a>>,
    #[serde(borrow)]
    rds: Option<Rds<'a>>,
    #[serde(borrow, default, alias = "httpFilters")]
    http_filters: Vec<Filter<'a>>,
}

#[derive(Deserialize)]
struct Rds<'a> {
    #[serde(borrow, default, alias = "routeConfigName")]
    route_config_name: Text<'a>,
}

#[derive(Deserialize)]
struct TcpProxy<'a> {
    #[serde(borrow, default)]
    cluster: Text<'a>,
    #[serde(borrow, alias = "weightedClusters")]
    weighted_clusters: Option<WeightedClusters<'a>>,
}

impl Filter<'_> {
    /// By name, as control planes write it, or else by type.
    fn kind(&self) -> Option<FilterKind> {
        match &*self.name {
            "envoy.filters.network.http_connection_manager" => return Some(FilterKind::Http),
            "envoy.filters.network.tcp_proxy" => return Some(FilterKind::Tcp),
            _ => {}
        }
        // The type stands at the start; a dump of another origin may have it elsewhere and then the name must do.
        let text = self.typed_config?.get();
        let start = &text[..text.floor_char_boundary(200)];
        let is = |kind: &str| {
            start.split_once("\"@type\"").is_some_and(|(_, rest)| rest.split('"').nth(1).unwrap_or("").ends_with(kind))
        };
        if is(".HttpConnectionManager") {
            Some(FilterKind::Http)
        } else if is(".TcpProxy") {
            Some(FilterKind::Tcp)
        } else {
            None
        }
    }

    /// `rbac`, `http_connection_manager: jwt_authn, router`.
    fn label(&self) -> String {
        let short = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
        let own = short(&self.name);
        let Some(FilterKind::Http) = self.kind() else { return own };
        let manager = self.typed_config.and_then(|config| config.read::<HttpManager>().ok());
        let inner: Vec<String> = manager.iter().flat_map(|manager| &manager.http_filters).map(|one| short(&one.name)).collect();
        if inner.is_empty() { own } else { format!("{own}: {}", inner.join(", ")) }
    }

    fn is_black_hole(&self) -> bool {
        self.typed_config.is_some_and(|config| config.get().contains(BLACK_HOLE))
    }

    /// `None` if it goes nowhere that could be told.
    fn destination(&self) -> Option<String> {
        let text = self.typed_config.map_or("{}", Raw::get);
        match self.kind()? {
            FilterKind::Http => Some(match json::from_str::<HttpManager>(text) {
                Err(error) => error.to_string(),
                Ok(HttpManager { route_config: Some(inline), .. }) => inline_label(&inline),
                Ok(HttpManager { rds, .. }) => match rds.as_ref().and_then(|rds| rds.route_config_name.some()) {
                    Some(name) => format!("Route: {name}"),
                    None => "HTTP".to_owned(),
                },
            }),
            FilterKind::Tcp if self.is_black_hole() => None,
            FilterKind::Tcp => Some(match json::from_str::<TcpProxy>(text) {
                Err(error) => error.to_string(),
                Ok(TcpProxy { weighted_clusters: Some(weighted), .. }) => format!("Clusters: {}", weighted.label()),
                Ok(TcpProxy { cluster, .. }) => cluster_label(&cluster),
            }),
        }
    }
}

/// `PassthroughCluster` and its like say what they are.
fn cluster_label(cluster: &str) -> String {
    if cluster.contains("Cluster") { cluster.to_owned() } else { format!("Cluster: {cluster}") }
}

fn inline_label(config: &RouteConfig<'_>) -> String {
    if let Some(cluster) = only_cluster(config) {
        return cluster_label(cluster);
    }
    let host = |host: &VirtualHost<'_>| {
        let matches = host.routes.iter().map(|route| route.r#match.label()).collect::<Vec<_>>().join(", ");
        match host.domains.as_slice() {
            [] => matches,
            [all] if &**all == "*" => matches,
            domains => format!("{} {matches}", domains.iter().map(|domain| &**domain).collect::<Vec<_>>().join("/")),
        }
    };
    format!("Inline Route: {}", config.virtual_hosts.iter().map(host).collect::<Vec<_>>().join("; "))
}

/// The one cluster that everything goes to.
fn only_cluster<'c>(config: &'c RouteConfig<'_>) -> Option<&'c str> {
    let [host] = config.virtual_hosts.as_slice() else { return None };
    let ([domain], [route]) = (host.domains.as_slice(), host.routes.as_slice()) else { return None };
    let everything = &**domain == "*" && &*route.r#match.prefix == "/";
    everything.then_some(route.route.as_ref()?.cluster.some()).flatten()
}

/// Names for sets of ALPN names that a control plane always writes together, in its order.
pub type Protocols = &'static [(&'static str, &'static [&'static str])];

fn join(texts: &[Text<'_>]) -> String {
    texts.iter().map(|text| &**text).collect::<Vec<_>>().join(",")
}

impl ChainMatch<'_> {
    /// `SNI: …; Trans: tls; App: HTTP; Addr: 10.0.0.1/32:80`, or `ALL`.
    pub fn label(&self, protocols: Protocols) -> String {
        let mut parts = Vec::new();
        if !self.server_names.is_empty() {
            parts.push(format!("SNI: {}", join(&self.server_names)));
        }
        if let Some(transport) = self.transport_protocol.some() {
            parts.push(format!("Trans: {transport}"));
        }
        if !self.application_protocols.is_empty() {
            let is = |names: &[&str]| self.application_protocols.iter().map(|name| &**name).eq(names.iter().copied());
            let known = protocols.iter().find(|(_, names)| is(names)).map(|(label, _)| (*label).to_owned());
            parts.push(format!("App: {}", known.unwrap_or_else(|| join(&self.application_protocols))));
        }
        let port = self.destination_port.map(|port| format!(":{}", port.0)).unwrap_or_default();
        if !self.prefix_ranges.is_empty() {
            let cidr = |cidr: &Cidr<'_>| format!("{}/{}", &*cidr.address_prefix, cidr.prefix_len.0);
            parts.push(format!("Addr: {}{port}", self.prefix_ranges.iter().map(cidr).collect::<Vec<_>>().join(",")));
        } else if !port.is_empty() {
            parts.push(format!("Addr: *{port}"));
        }
        if parts.is_empty() { "ALL".to_owned() } else { parts.join("; ") }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ServerTls {
    #[serde(alias = "requireClientCertificate")]
    require_client_certificate: bool,
}

impl FilterChain<'_> {
    /// Settings of its filters whose name ends like this, of those within HTTP too.
    pub fn settings_of(&self, end: &str) -> Vec<Raw<'_>> {
        let within = self.filters.iter().filter(|filter| filter.kind() == Some(FilterKind::Http));
        let managers = within.filter_map(|filter| filter.typed_config?.read::<HttpManager>().ok());
        let inner = managers.flat_map(|manager| manager.http_filters);
        self.filters
            .iter()
            .cloned()
            .chain(inner)
            .filter(|one| one.name.ends_with(end))
            .filter_map(|one| one.typed_config)
            .collect()
    }

    /// Where all its traffic goes: a route configuration, or clusters.
    pub fn leads_to(&self) -> Vec<String> {
        let mut all = Vec::new();
        for filter in &self.filters {
            let config = filter.typed_config.unwrap_or_default();
            match filter.kind() {
                Some(FilterKind::Http) => {
                    let Ok(manager) = config.read::<HttpManager>() else { continue };
                    all.extend(manager.route_config.map(|inline| inline.name.to_string()));
                    all.extend(manager.rds.map(|rds| rds.route_config_name.to_string()));
                }
                Some(FilterKind::Tcp) => {
                    let Ok(proxy) = config.read::<TcpProxy>() else { continue };
                    all.extend(proxy.cluster.some().map(str::to_owned));
                    all.extend(proxy.weighted_clusters.iter().flat_map(|all| &all.clusters).map(|one| one.name.to_string()));
                }
                None => {}
            }
        }
        all
    }

    /// `mTLS`, `TLS`, the name of another transport, or nothing for plain text.
    fn security(&self) -> &str {
        let Some(socket) = &self.transport_socket else { return "" };
        let config = socket.typed_config.unwrap_or_default();
        if !config.get().contains("DownstreamTlsContext") {
            return socket.name.rsplit('.').next().unwrap_or_default();
        }
        if config.read::<ServerTls>().is_ok_and(|tls| tls.require_client_certificate) { "mTLS" } else { "TLS" }
    }
}

impl Listener<'_> {
    /// The default one last.
    pub fn chains(&self) -> impl Iterator<Item = &FilterChain<'_>> {
        self.filter_chains.iter().chain(&self.default_filter_chain)
    }

    /// `HTTP`, `TCP`, `HTTP+TCP` or `UNKNOWN`, by its filters.
    fn kind(&self) -> &'static str {
        let (mut http, mut tcp) = (false, false);
        for filter in self.chains().flat_map(|chain| &chain.filters) {
            match filter.kind() {
                Some(FilterKind::Http) => http = true,
                Some(FilterKind::Tcp) => tcp |= !filter.is_black_hole(),
                None => {}
            }
        }
        match (http, tcp) {
            (true, false) => "HTTP",
            (true, true) => "HTTP+TCP",
            (false, true) => "TCP",
            (false, false) => "UNKNOWN",
        }
    }

    fn addresses(&self) -> Vec<&str> {
        let others = self.additional_addresses.iter().map(|one| text(&one.address));
        std::iter::once(text(&self.address)).chain(others).collect()
    }
}

fn text<'t>(address: &'t Address<'_>) -> &'t str {
    match (&address.socket_address, &address.pipe) {
        (Some(socket), _) => &socket.address,
        (None, Some(pipe)) => &pipe.path,
        _ => "",
    }
}

/// Which listeners to show; an empty field lets everything pass.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub address: String,
    pub port: u32,
    /// `HTTP`, `TCP` or `HTTP+TCP`.
    pub kind: String,
    pub protocols: Protocols,
    /// Each chain's filters and its TLS too, which cost.
    pub detail: bool,
}

/// A filter chain as it is shown.
#[derive(Clone, Debug, Serialize)]
pub struct ChainRow<'r> {
    /// Its place among those of its listener.
    #[serde(skip)]
    pub at: usize,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub name: &'r str,
    #[serde(rename = "match")]
    pub matches: String,
    pub destination: String,
    /// Objects that it was made from, where others tell than the proxy.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub came_from: Vec<Origin>,
    /// `mTLS`, `TLS` or another transport; nothing for plain text.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub tls: &'r str,
    /// In the order in which they see a connection.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<String>,
}

/// A listener as it is shown.
#[derive(Clone, Debug, Serialize)]
pub struct Row<'r> {
    pub name: &'r str,
    pub addresses: Vec<&'r str>,
    pub port: u64,
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// It listens to nothing but the proxy itself.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub internal: bool,
    pub filter_chains: Vec<ChainRow<'r>>,
    #[serde(flatten)]
    pub standing: Standing<'r>,
}

/// Listeners that pass, by port, address and type; their chains by destination, backwards.
pub fn rows<'r>(listeners: &'r [Boxed<'_, Listener<'_>>], wanted: &Wanted) -> Vec<Row<'r>> {
    let told = |one: &Resource<'_, Listener<'_>>| one.state == State::Rejected && is_repeated(one, listeners);
    let untold: Vec<_> = listeners.iter().filter(|one| !told(one)).collect();
    let made = shares::each(&untold, 500, |share| share.iter().filter_map(|one| row(one, wanted)).collect::<Vec<_>>());
    let mut passed: Vec<Row<'r>> = made.into_iter().flatten().collect();
    passed.sort_by(|a, b| {
        let first = |row: &Row<'r>| row.addresses.first().copied().unwrap_or_default();
        (a.port, first(a), a.kind).cmp(&(b.port, first(b), b.kind))
    });
    passed
}

/// Envoy lists a refused update twice: with the listener that it would have replaced, and by itself.
fn is_repeated(one: &Resource<'_, Listener<'_>>, all: &[Boxed<'_, Listener<'_>>]) -> bool {
    let details = |one: &Resource<'_, Listener<'_>>| one.rejected.as_ref().map(|rejected| rejected.details.to_string());
    all.iter().any(|other| other.state != State::Rejected && other.value.name == one.value.name && details(other) == details(one))
}

fn row<'r>(listener: &'r Resource<'_, Listener<'_>>, wanted: &Wanted) -> Option<Row<'r>> {
    let value = &listener.value;
    let (addresses, port) = (value.addresses(), value.address.port());
    let is_address = wanted.address.is_empty() || addresses.iter().any(|address| address.eq_ignore_ascii_case(&wanted.address));
    if !is_address || (wanted.port != 0 && u64::from(wanted.port) != port) {
        return None;
    }
    let kind = value.kind();
    if !(wanted.kind.is_empty() || wanted.kind.eq_ignore_ascii_case(kind)) {
        return None;
    }
    let chain = |(at, chain): (usize, &'r FilterChain<'_>)| ChainRow {
        at,
        came_from: Vec::new(),
        name: &chain.name,
        matches: match value.filter_chain_matcher {
            Some(tree) => matcher::ways(tree, &chain.name).join(" or "),
            None => chain.filter_chain_match.label(wanted.protocols),
        },
        destination: chain.filters.iter().find_map(Filter::destination).unwrap_or_else(|| "Non-HTTP/Non-TCP".to_owned()),
        tls: if wanted.detail { chain.security() } else { "" },
        filters: chain.filters.iter().filter(|_| wanted.detail).map(Filter::label).collect(),
    };
    let mut filter_chains: Vec<_> = value.chains().enumerate().map(chain).collect();
    filter_chains.sort_by(|a, b| b.destination.cmp(&a.destination));
    let name = value.name.some().unwrap_or(&listener.name);
    let internal = value.internal_listener.is_some();
    Some(Row { name, addresses, port, kind, internal, filter_chains, standing: listener.standing() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(text: &str) -> String {
        json::from_str::<ChainMatch>(text)
            .map(|chain| chain.label(&[("TCP TLS", &["peer", "plain"])]))
            .unwrap_or_else(|e| e.to_string())
    }

    #[test]
    fn matches() {
        assert_eq!(chain("{}"), "ALL");
        assert_eq!(chain(r#"{"destination_port":80}"#), "Addr: *:80");
        let all = r#"{"serverNames":["a","b"],"transport_protocol":"tls","application_protocols":["peer","plain"],
            "prefix_ranges":[{"address_prefix":"10.0.0.1","prefix_len":32}],"destination_port":"443"}"#;
        assert_eq!(chain(all), "SNI: a,b; Trans: tls; App: TCP TLS; Addr: 10.0.0.1/32:443");
        assert_eq!(chain(r#"{"application_protocols":["plain","peer"]}"#), "App: plain,peer");
    }

    fn filter(text: &str) -> Option<String> {
        json::from_str::<Filter>(text).ok()?.destination()
    }

    #[test]
    fn destinations() {
        let tcp = |config: &str| filter(&format!(r#"{{"name":"envoy.filters.network.tcp_proxy","typed_config":{config}}}"#));
        assert_eq!(tcp(r#"{"cluster":"a"}"#).as_deref(), Some("Cluster: a"));
        assert_eq!(tcp(r#"{"cluster":"PassthroughCluster"}"#).as_deref(), Some("PassthroughCluster"));
        assert_eq!(tcp(r#"{"cluster":"BlackHoleCluster"}"#), None);
        let weighted = r#"{"weighted_clusters":{"clusters":[{"name":"a","weight":90},{"name":"b","weight":10}]}}"#;
        assert_eq!(tcp(weighted).as_deref(), Some("Clusters: a (90), b (10)"));
        let http = |config: &str| {
            filter(&format!(r#"{{"name":"other","typed_config":{{"@type":"x.HttpConnectionManager",{config}}}}}"#))
        };
        assert_eq!(http(r#""rds":{"route_config_name":"80"}"#).as_deref(), Some("Route: 80"));
        assert_eq!(http(r#""rds":{}"#).as_deref(), Some("HTTP"));
        let host = |domain: &str, cluster: &str| {
            format!(
                r#""route_config":{{"virtual_hosts":[{{"domains":["{domain}"],"routes":[{{"match":{{"prefix":"/"}},"route":{cluster}}}]}}]}}"#
            )
        };
        assert_eq!(http(&host("*", r#"{"cluster":"in"}"#)).as_deref(), Some("Cluster: in"));
        assert_eq!(http(&host("a.b", r#"{"cluster":"in"}"#)).as_deref(), Some("Inline Route: a.b /*"));
        assert_eq!(filter(r#"{"name":"other"}"#), None);
    }
}
