//! Which entries each part was made from, and what of them the proxy lacks.

use super::*;
use crate::envoy::Want;
use crate::facts::Facts;
use crate::mesh::testing::facts;
use serde_json::{Value, json};

fn entry(kind: &str, name: &str, spec: Value, synced: &str) -> Value {
    let condition = json!({"type": "Synced", "status": synced, "message": if synced == "True" { "" } else { "no such subset" }});
    json!({"apiVersion": "consul.hashicorp.com/v1alpha1", "kind": kind, "metadata": {"name": name, "namespace": "shop"},
        "spec": spec, "status": {"conditions": [condition]}})
}

fn seen(entries: &[Value]) -> Facts {
    facts(entries)
}

fn cluster(subset: &str) -> String {
    format!("{subset}api.default.dc1.internal.81e2.consul")
}

/// The proxy of web, which calls api.
fn dump(weights: (u32, u32), paths: &[&str], principals: &str) -> String {
    let route = |path: &&str| json!({"match": {"prefix": path}, "route": {"cluster": cluster("v2.")}});
    let weighted =
        json!({"clusters": [{"name": cluster("v1."), "weight": weights.0}, {"name": cluster("v2."), "weight": weights.1}]});
    let rest = json!({"match": {"prefix": "/"}, "route": {"weighted_clusters": weighted}});
    let routes: Vec<Value> = paths.iter().map(route).chain([rest]).collect();
    let filter = |name: &str, config: Value| json!({"name": name, "typed_config": config});
    let rbac = filter("envoy.filters.http.rbac", json!({"rules": {"policies": {"x": principals}}}));
    let inbound = filter(
        "envoy.filters.network.http_connection_manager",
        json!({"route_config": {"name": "public_listener"}, "http_filters": [rbac]}),
    );
    let outbound = filter("envoy.filters.network.http_connection_manager", json!({"rds": {"route_config_name": "api"}}));
    let listener = |name: &str, filter: Value| json!({"name": name, "active_state": {"listener": {"name": name, "filter_chains": [{"filters": [filter]}]}}});
    json!({"configs": [
        {"@type": "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump", "bootstrap": {"node": {"cluster": "web"}}},
        {"@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump", "dynamic_active_clusters": [
            {"cluster": {"name": format!("0a1b~{}", cluster("v1."))}}, {"cluster": {"name": cluster("v2.")}}, {"cluster": {"name": "local_app"}}]},
        {"@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump", "dynamic_listeners": [
            listener("public_listener:10.0.0.1:20000", inbound), listener("outbound_listener:127.0.0.1:15001", outbound)]},
        {"@type": "type.googleapis.com/envoy.admin.v3.RoutesConfigDump", "dynamic_route_configs": [
            {"route_config": {"name": "api", "virtual_hosts": [{"name": "api", "domains": ["*"], "routes": routes}]}}]},
    ]})
    .to_string()
}

fn sources(facts: &Facts, text: &str) -> Sources {
    let sections = &[Section::Bootstrap, Section::Clusters, Section::Listeners, Section::Routes];
    Entries::of(facts).of(&Dump::read(text, Want { sections, raw: false }).expect("a dump"))
}

fn titles(origins: Option<&Vec<Origin>>) -> Vec<String> {
    origins.into_iter().flatten().map(Origin::title).collect()
}

/// All but what was not seen.
fn told(sources: &Sources) -> Vec<String> {
    let all = sources.differences.iter().filter(|one| one.severity > Severity::Info);
    all.map(|one| format!("{}{}", one.whose, one.what)).collect()
}

fn written(synced: &str) -> Vec<Value> {
    vec![
        entry("ServiceDefaults", "web", json!({"upstreamConfig": {"defaults": {"connectTimeoutMs": 3000}}}), "True"),
        entry(
            "ServiceIntentions",
            "to-web",
            json!({"destination": {"name": "web"}, "sources": [{"name": "edge", "action": "allow"}]}),
            "True",
        ),
        entry("ServiceResolver", "api", json!({"defaultSubset": "v1", "subsets": {"v1": {}, "v2": {}}}), "True"),
        entry("ServiceSplitter", "api", json!({"splits": [{"weight": 80}, {"weight": 20, "serviceSubset": "v2"}]}), synced),
        entry("ServiceRouter", "api", json!({"routes": [{"match": {"http": {"pathPrefix": "/v2"}}}]}), "True"),
        entry("ServiceRouter", "other", json!({"routes": [{"match": {"http": {"pathPrefix": "/x"}}}]}), "False"),
    ]
}

const EDGE: &str = "^spiffe://81e2.consul/ns/default/dc/[^/]+/svc/edge$";

#[test]
fn each_part_names_what_it_was_made_from() {
    let all = sources(&seen(&written("True")), &dump((8000, 2000), &["/v2"], EDGE));
    let of = |name: &str| titles(all.clusters.get(name));
    assert_eq!(of(&format!("0a1b~{}", cluster("v1."))), ["ServiceResolver api.shop", "ServiceDefaults web.shop"]);
    assert_eq!(of(&cluster("v2.")), ["ServiceResolver api.shop"]);
    assert_eq!(of("local_app"), ["ServiceDefaults web.shop"]);
    let route = |at| titles(all.routes.get(&("api".to_owned(), 0, at)));
    assert_eq!(route(0), ["ServiceRouter api.shop", "ServiceResolver api.shop"]);
    assert_eq!(route(1), ["ServiceSplitter api.shop", "ServiceResolver api.shop"]);
    let chain = |name: &str| titles(all.chains.get(&(name.to_owned(), 0)));
    assert_eq!(chain("public_listener:10.0.0.1:20000"), ["ServiceIntentions to-web.shop", "ServiceDefaults web.shop"]);
    let outbound = ["ServiceRouter api.shop", "ServiceSplitter api.shop", "ServiceResolver api.shop"];
    assert_eq!(chain("outbound_listener:127.0.0.1:15001"), outbound);
    assert_eq!(told(&all), Vec::<String>::new(), "the router of a service that it does not call is none of its business");
}

#[test]
fn what_the_proxy_lacks_is_named() {
    let differ = |facts: &Facts, text: &str| told(&sources(facts, text));
    let facts = seen(&written("True"));
    let other = differ(&facts, &dump((9000, 1000), &[], "^spiffe://81e2.consul/ns/default/dc/[^/]+/svc/edge-of-old$"));
    assert_eq!(
        other,
        [
            "ServiceSplitter api.shop says v1 80 %, v2 20 %, and the proxy has v1 90 %, v2 10 %",
            "ServiceRouter api.shop has routes that the proxy does not have: /v2*",
            "ServiceIntentions to-web.shop allows edge, and the proxy's filter does not",
        ]
    );
    let whole = dump((8000, 2000), &["/v2"], EDGE);
    assert_eq!(
        differ(&seen(&written("False")), &whole),
        ["ServiceSplitter api.shop is not in Consul (Synced False: no such subset): the proxy knows nothing of it"]
    );
    let older = sources(&seen(&written("Unknown")), &whole);
    assert_eq!(told(&older).len(), 1);
    assert!(told(&older)[0].ends_with("the proxy has what an older one says"), "{:?}", told(&older));
    assert_eq!(titles(older.routes.get(&("api".to_owned(), 0, 1))).first().map(String::as_str), Some("ServiceSplitter api.shop"));
    // Nobody saw what Consul's own store has.
    let unseen: Vec<&str> =
        older.differences.iter().filter(|one| one.severity == Severity::Info).map(|one| one.what.as_str()).collect();
    assert_eq!(unseen, ["config entries of Consul's own were not compared: no server of it runs in what was seen"]);
}

#[test]
fn the_store_has_entries_of_its_own_and_may_lack_what_is_written() {
    let server = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "consul-server-0", "namespace": "consul",
        "labels": {"app": "consul", "component": "server"}}, "status": {"phase": "Running"}});
    let mut facts = seen(&[written("True"), vec![server]].concat());
    let asked = super::super::entries::store_needs(&facts);
    assert_eq!(asked.len(), 7);
    for need in asked {
        let stored = match need.title().rsplit('/').next() {
            Some("service-router") => json!([]),
            Some("service-splitter") => {
                json!([{"Name": "api", "Splits": [{"Weight": 80}, {"Weight": 20, "ServiceSubset": "v2"}]}])
            }
            Some("service-intentions") => json!([{"Name": "web", "Sources": [{"Name": "edge", "Action": "allow"}]},
                {"Name": "*", "Sources": [{"Name": "*", "Action": "deny"}]}]),
            Some("service-resolver") => json!([{"Name": "api"}]),
            Some("mesh") => json!([{"Kind": "mesh", "TransparentProxy": {}}]),
            _ => json!([{"Name": "web"}]),
        };
        facts.answer(need, crate::facts::Outcome::Bytes(std::sync::Arc::new(stored.to_string().into_bytes())));
    }
    let all = sources(&facts, &dump((8000, 2000), &["/v2"], EDGE));
    assert_eq!(
        told(&all),
        ["ServiceRouter api.shop is Synced, and Consul does not have it any more: the proxy knows nothing of it"]
    );
    let inbound = titles(all.chains.get(&("public_listener:10.0.0.1:20000".to_owned(), 0)));
    assert_eq!(inbound, ["ServiceIntentions to-web.shop", "ServiceIntentions *", "ServiceDefaults web.shop"]);
    // All is known, what is not allowed is denied, and nobody allows it.
    let denied: Vec<&Difference> = all.differences.iter().filter(|one| one.severity == Severity::Info).collect();
    assert!(
        denied.len() == 1 && denied[0].whose == "api" && denied[0].what.contains("lets web in by no intention"),
        "{denied:?}"
    );
}
