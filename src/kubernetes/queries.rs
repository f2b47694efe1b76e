//! Query texts: built from a window when asked, found again by shape when read.
//!
//! A template holds `{window}`. The window isn't known when facts are read, so [`find`] looks for the query whose text
//! fits the template, and says which window it was asked with.

use crate::facts::{Facts, Need, Series};

/// Fills in the window.
pub fn fill(template: &str, window: &str) -> String {
    template.replace("{window}", window)
}

/// A query of this template that was answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    pub promql: String,
    pub window: String,
    pub series: Vec<Series>,
}

/// The answer of the query that was made from a template, whatever its window; `None` if there is none.
pub fn find(facts: &Facts, template: &str) -> Option<Answered> {
    facts.iter().find_map(|(need, _)| {
        let Need::Query { promql } = need else { return None };
        let window = window_of(template, promql)?;
        Some(Answered { promql: promql.clone(), window, series: facts.series(promql)? })
    })
}

fn window_of(template: &str, promql: &str) -> Option<String> {
    let (before, after) = template.split_once("{window}")?;
    let rest = promql.strip_prefix(before)?;
    let window = &rest[..rest.find(|c: char| !c.is_ascii_alphanumeric())?];
    (fill(template, window) == promql && !window.is_empty() && rest[window.len()..].starts_with(after.split("{window}").next()?))
        .then(|| window.to_owned())
}

/// A source of observed edges: existence by `last_over_time` (so that what was born in the window counts), rates apart.
pub struct EdgeSource {
    pub name: &'static str,
    pub exists: &'static str,
    pub rates: &'static str,
}

pub const SERVICE_GRAPH: EdgeSource = EdgeSource {
    name: "service graph (traces)",
    exists: "count by (client,server,connection_type) (last_over_time(traces_service_graph_request_total[{window}]))",
    rates: "sum by (client,server,connection_type) (rate(traces_service_graph_request_total[{window}]))",
};
pub const BEYLA: EdgeSource = EdgeSource {
    name: "Beyla network flows",
    exists: "count by (k8s_src_namespace,k8s_src_owner_name,k8s_dst_namespace,k8s_dst_owner_name,src_port,dst_port) (last_over_time(beyla_network_flow_bytes_total[{window}]))",
    rates: "sum by (k8s_src_namespace,k8s_src_owner_name,k8s_dst_namespace,k8s_dst_owner_name,src_port,dst_port) (rate(beyla_network_flow_bytes_total[{window}]))",
};
pub const OBI: EdgeSource = EdgeSource {
    name: "OBI network flows",
    exists: "count by (k8s_src_namespace,k8s_src_owner_name,k8s_dst_namespace,k8s_dst_owner_name,src_port,dst_port) (last_over_time(obi_network_flow_bytes_total[{window}]))",
    rates: "sum by (k8s_src_namespace,k8s_src_owner_name,k8s_dst_namespace,k8s_dst_owner_name,src_port,dst_port) (rate(obi_network_flow_bytes_total[{window}]))",
};
pub const CARETTA: EdgeSource = EdgeSource {
    name: "Caretta links",
    exists: "count by (client_namespace,client_name,client_kind,server_namespace,server_name,server_kind,server_port) (last_over_time(caretta_links_observed{role=\"1\"}[{window}]))",
    rates: "sum by (client_namespace,client_name,client_kind,server_namespace,server_name,server_kind,server_port) (rate(caretta_links_observed{role=\"1\"}[{window}]))",
};
pub const EDGE_SOURCES: [&EdgeSource; 4] = [&SERVICE_GRAPH, &BEYLA, &OBI, &CARETTA];

/// Spans' own word on their language.
pub const SDK_LANGUAGE: &str = "count by (telemetry_sdk_language,service_name,service_namespace,k8s_namespace_name,k8s_deployment_name,job) (last_over_time(target_info{telemetry_sdk_language!=\"\"}[{window}]))";

/// Metrics of one language's runtime or of one library.
macro_rules! by_pod {
    ($selector:literal) => {
        concat!("count by (namespace,pod,container,job,service) (last_over_time(", $selector, "[{window}]))")
    };
}
pub const JVM: &str = by_pod!(r#"{__name__=~"jvm_memory_used_bytes|jvm_memory_bytes_used"}"#);
pub const GO: &str = by_pod!("go_goroutines");
pub const DOTNET: &str =
    by_pod!(r#"{__name__=~"process_runtime_dotnet_gc_collections_count_total|dotnet_collection_count_total"}"#);
pub const NODE: &str = by_pod!("nodejs_version_info");
pub const PYTHON: &str = by_pod!("python_info");
pub const RUBY: &str = by_pod!("ruby_gc_count");
pub const RESILIENCE4J: &str = by_pod!(r#"{__name__=~"resilience4j_.+"}"#);
pub const HYSTRIX: &str = by_pod!(r#"{__name__=~"hystrix_.+"}"#);
pub const POLLY: &str = by_pod!(r#"{__name__=~"resilience_polly_.+"}"#);
pub const GRPC_CLIENT: &str = by_pod!(r#"{__name__=~"grpc_client_attempt_.+"}"#);

/// Every generic query with its window.
pub fn all(window: &str) -> Vec<String> {
    let edges = EDGE_SOURCES.iter().flat_map(|source| [source.exists, source.rates]);
    let rest = [SDK_LANGUAGE, JVM, GO, DOTNET, NODE, PYTHON, RUBY, RESILIENCE4J, HYSTRIX, POLLY, GRPC_CLIENT];
    edges.chain(rest).map(|template| fill(template, window)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filled_query_is_found_again() {
        for template in EDGE_SOURCES.iter().map(|s| s.exists).chain([SDK_LANGUAGE, JVM]) {
            assert_eq!(window_of(template, &fill(template, "7d")).as_deref(), Some("7d"));
            assert_eq!(window_of(template, "up"), None);
        }
        assert_eq!(window_of(SERVICE_GRAPH.exists, &fill(SERVICE_GRAPH.rates, "7d")), None);
    }
}
