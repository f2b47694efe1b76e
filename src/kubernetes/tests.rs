//! Small look-alikes of real systems: exact edges with class and grade.
#![allow(clippy::expect_used)]

use super::*;
use crate::facts::{Object, Outcome};
use crate::model::{EdgeClass, Grade, Language, NeedKind, Party, Role, SignalKind, WorkloadKind};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Facts of objects, each kind listed whole; every other neutral kind is there and empty.
pub fn facts(kind: SourceKind, objects: &[Value]) -> Facts {
    let mut lists: BTreeMap<&str, Vec<Object>> = BTreeMap::new();
    for value in objects {
        let text = |key: &str| value["metadata"][key].as_str().unwrap_or_default();
        let object = Object {
            namespace: text("namespace").into(),
            name: text("name").into(),
            json: value.to_string().into(),
            place: None,
        };
        lists.entry(value["kind"].as_str().expect("kind")).or_default().push(object);
    }
    let mut facts = Facts::new("test", kind, jiff::Timestamp::UNIX_EPOCH);
    for resource in KINDS {
        facts.answer(Need::list(resource), Outcome::Objects(lists.remove(&*resource.kind).unwrap_or_default()));
    }
    assert!(lists.is_empty(), "kinds not asked for: {:?}", lists.keys());
    facts
}

fn shop(objects: &[Value]) -> Model {
    translate(&facts(SourceKind::Manifests, objects))
}

fn deploy(name: &str, image: &str, env: Value) -> Value {
    let containers = json!([{"name": "main", "image": image, "env": env}]);
    deploy_spec(name, json!({"containers": containers}))
}

fn deploy_spec(name: &str, spec: Value) -> Value {
    json!({"kind": "Deployment", "metadata": {"name": name, "namespace": "shop"},
        "spec": {"template": {"metadata": {"labels": {"app": name}}, "spec": spec}}})
}

fn service(name: &str, port: u16, target: u16) -> Value {
    json!({"kind": "Service", "metadata": {"name": name, "namespace": "shop"},
        "spec": {"selector": {"app": name}, "ports": [{"port": port, "targetPort": target}]}})
}

fn env(pairs: &[(&str, &str)]) -> Value {
    pairs.iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
}

fn name(model: &Model, party: &Party) -> String {
    match party {
        Party::Workload(id) => model.workloads[*id].name.clone(),
        Party::Service(name) => format!("svc:{name}"),
        Party::External(host) => format!("ext:{host}"),
        Party::Outside => "*".to_owned(),
    }
}

fn edges(model: &Model) -> Vec<String> {
    let show = |e: &crate::model::Edge| {
        let port = e.port.map(|p| format!(":{p}")).unwrap_or_default();
        format!("{}>{}{port} {:?} {:?}", name(model, &e.from), name(model, &e.to), e.class, e.grade)
    };
    let mut all: Vec<String> = model.edges.iter().map(show).collect();
    all.sort();
    all
}

fn signals(model: &Model) -> Vec<(NeedKind, SignalKind)> {
    let mut all: Vec<_> = model.signals.iter().map(|s| (s.need, s.kind)).collect();
    all.sort();
    all
}

/// Twelve services that name each other in `*_ADDR` variables, as shops do.
fn online_shop() -> Vec<Value> {
    let calls: [(&str, &[(&str, &str)]); 10] = [
        (
            "frontend",
            &[
                ("CATALOG_ADDR", "catalog:3550"),
                ("CART_ADDR", "cart:7070"),
                ("CHECKOUT_ADDR", "checkout:5050"),
                ("ASSISTANT_SERVICE_ADDR", "assistant:80"),
            ],
        ),
        (
            "checkout",
            &[("CART_ADDR", "cart:7070"), ("PAYMENT_ADDR", "payment:50051"), ("EMAIL_ADDR", "email:5000"), ("GOMAXPROCS", "2")],
        ),
        ("cart", &[("REDIS_ADDR", "redis-cart:6379")]),
        ("recommend", &[("CATALOG_ADDR", "catalog:3550"), ("PYTHONUNBUFFERED", "1")]),
        ("catalog", &[("DISABLE_PROFILER", "1"), ("GOMAXPROCS", "2")]),
        ("payment", &[("PORT", "50051"), ("NODE_ENV", "production")]),
        ("email", &[]),
        ("ads", &[]),
        ("shipping", &[]),
        ("currency", &[]),
    ];
    let mut all: Vec<Value> = calls.iter().map(|(name, vars)| deploy(name, &format!("acme/{name}:1"), env(vars))).collect();
    all.push(deploy("redis-cart", "redis:alpine", Value::Null));
    all.push(deploy("loadgenerator", "acme/loadgenerator:1", env(&[("FRONTEND_ADDR", "frontend:80"), ("USERS", "10")])));
    for (name, port) in
        [("frontend", 80), ("cart", 7070), ("catalog", 3550), ("checkout", 5050), ("payment", 50051), ("redis-cart", 6379)]
    {
        all.push(service(name, port, port));
    }
    all.push(service("email", 5000, 8080));
    all
}

const SHOP_EDGES: [&str; 9] = [
    "cart>redis-cart:6379 Datastore Declared",
    "checkout>cart:7070 Rpc Declared",
    "checkout>email:5000 Rpc Declared",
    "checkout>payment:50051 Rpc Declared",
    "frontend>cart:7070 Rpc Declared",
    "frontend>catalog:3550 Rpc Declared",
    "frontend>checkout:5050 Rpc Declared",
    "loadgenerator>frontend:80 LoadGenerator Declared",
    "recommend>catalog:3550 Rpc Declared",
];

#[test]
fn a_shop_with_addresses_in_the_environment() {
    let model = shop(&online_shop());
    assert_eq!(edges(&model), SHOP_EDGES);
    let dangling: Vec<_> = model.dangling.iter().map(|d| (d.host.as_str(), d.port)).collect();
    assert_eq!(dangling, [("assistant", Some(80))]);
    let edge = model.edges.iter().find(|e| e.class == EdgeClass::Datastore).expect("edge");
    assert_eq!(edge.evidence[0].object, "Deployment shop/cart");
    assert_eq!(edge.evidence[0].field, "spec.template.spec.containers[main].env[REDIS_ADDR]");
    assert_eq!(edge.evidence[0].text, "redis-cart:6379");
    assert_eq!(model.workloads.iter().filter(|w| w.counts()).count(), 10);
    // Frontend → checkout → cart is two hops: a hint, no more.
    assert!(signals(&model).contains(&(NeedKind::Tracing, SignalKind::Hint)));
}

#[test]
fn network_policies_agree_with_the_shop() {
    let allow = |to: &str, from: &str, port: u16| {
        json!({"kind": "NetworkPolicy", "metadata": {"name": format!("{to}-{from}"), "namespace": "shop"}, "spec": {
            "podSelector": {"matchLabels": {"app": to}}, "policyTypes": ["Ingress", "Egress"], "egress": [{}],
            "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": from}}}], "ports": [{"port": port}]}]}})
    };
    let mut objects = online_shop();
    objects.push(allow("cart", "checkout", 7070));
    // The policy names the pod's port, the caller the Service's.
    objects.push(allow("email", "checkout", 8080));
    objects.push(allow("redis-cart", "cart", 6379));
    objects.push(json!({"kind": "NetworkPolicy", "metadata": {"name": "open", "namespace": "shop"}, "spec": {
        "podSelector": {"matchLabels": {"app": "frontend"}}, "ingress": [{"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}, {}]}}));
    objects
        .push(json!({"kind": "NetworkPolicy", "metadata": {"name": "deny", "namespace": "shop"}, "spec": {"podSelector": {}}}));
    let model = shop(&objects);
    assert_eq!(edges(&model), SHOP_EDGES);
    let twice = model.edges.iter().filter(|e| e.evidence.len() == 2).count();
    assert_eq!(twice, 3);
    assert!(signals(&model).contains(&(NeedKind::Authorization, SignalKind::Evidenced)));

    let wide = json!({"kind": "NetworkPolicy", "metadata": {"name": "wide", "namespace": "shop"}, "spec": {
        "podSelector": {"matchLabels": {"app": "ads"}}, "ingress": [{"from": [{"podSelector": {}}]}]}});
    objects.push(wide);
    let model = shop(&objects);
    assert!(edges(&model).contains(&"cart>ads Rpc Candidate".to_owned()));
    assert!(!edges(&model).iter().any(|e| e.contains(">ads") && e.contains("Declared")));
}

#[test]
fn books_without_a_single_address_but_three_versions() {
    let mut objects = Vec::new();
    for (app, version) in
        [("page", "v1"), ("details", "v1"), ("reviews", "v1"), ("reviews", "v2"), ("reviews", "v3"), ("ratings", "v1")]
    {
        objects.push(json!({"kind": "Deployment", "metadata": {"name": format!("{app}-{version}")}, "spec": {"template": {
            "metadata": {"labels": {"app": app, "version": version}}, "spec": {"containers": [{"name": app, "image": format!("acme/{app}")}]}}}}));
    }
    for app in ["page", "details", "reviews", "ratings"] {
        objects.push(
            json!({"kind": "Service", "metadata": {"name": app}, "spec": {"selector": {"app": app}, "ports": [{"port": 9080}]}}),
        );
    }
    let model = shop(&objects);
    assert_eq!(edges(&model), Vec::<String>::new());
    assert_eq!(model.workloads.len(), 6);
    assert_eq!(model.workloads[0].namespace, "default");
    assert_eq!(signals(&model), [(NeedKind::Canary, SignalKind::Evidenced)]);
    assert_eq!(model.services[model.service("default", "reviews").expect("service")].workloads.len(), 3);
}

#[test]
fn split_host_and_port_with_a_wait() {
    let order = json!({
        "initContainers": [{"name": "wait-for-rabbitmq", "image": "busybox", "command": ["sh", "-c", "until nc -zv rabbitmq 5672; do echo waiting; sleep 2; done;"]}],
        "containers": [{"name": "order", "image": "acme/order", "env": env(&[
            ("ORDER_QUEUE_HOSTNAME", "rabbitmq"), ("ORDER_QUEUE_PORT", "5672"), ("ORDER_QUEUE_NAME", "orders"),
            ("ORDER_DB_URI", "mongodb://user:secret@mongodb:27017"), ("APP_ENV", "php"), ("BIND", "0.0.0.0:3000")])}]});
    let objects = [
        deploy_spec("order", order),
        deploy("store", "acme/store", env(&[("VUE_APP_ORDER_URL", "http://order:3000/"), ("API_URL", "http://order:3000/")])),
        deploy("rabbitmq", "rabbitmq:3-management", Value::Null),
        deploy("mongodb", "mongo:7", Value::Null),
        service("order", 3000, 3000),
        json!({"kind": "Service", "metadata": {"name": "rabbitmq", "namespace": "shop"}, "spec": {"selector": {"app": "rabbitmq"},
            "ports": [{"port": 5672}, {"port": 15672}]}}),
        service("mongodb", 27017, 27017),
    ];
    let model = shop(&objects);
    assert_eq!(
        edges(&model),
        [
            "order>mongodb:27017 Datastore Declared",
            "order>rabbitmq:5672 Broker Declared",
            "order>rabbitmq:5672 WaitFor Declared",
            "store>order:3000 Browser Declared",
            "store>order:3000 Rpc Declared",
        ]
    );
    let text = format!("{:?}", model.edges);
    assert!(!text.contains("secret"), "userinfo is never shown");
    assert!(model.workloads.iter().all(|w| w.languages.is_empty()), "APP_ENV is no language");
}

#[test]
fn a_config_map_that_everybody_mounts_gives_candidates() {
    let names = ["user", "media", "text", "timeline", "graph"];
    let file: BTreeMap<&str, Value> = names.iter().map(|n| (*n, json!({"addr": n, "port": 9090}))).collect();
    let file = serde_json::to_string_pretty(&file).expect("json");
    let mut objects = vec![
        json!({"kind": "ConfigMap", "metadata": {"name": "cfg", "namespace": "shop"}, "data": {"service-config.json": file}}),
    ];
    for name in names {
        objects.push(deploy_spec(
            name,
            json!({"volumes": [{"configMap": {"name": "cfg"}}], "containers": [{"name": "x", "image": "acme/x"}]}),
        ));
        objects.push(service(name, 9090, 9090));
    }
    let model = shop(&objects);
    assert_eq!(model.edges.len(), 20);
    assert!(model.edges.iter().all(|e| e.grade == Grade::Candidate));
    // Read by one, the same file is that one's word.
    let one: Vec<Value> = objects
        .into_iter()
        .map(|mut o| {
            if o["kind"] == "Deployment" && o["metadata"]["name"] != "user" {
                o["spec"]["template"]["spec"]["volumes"] = Value::Null;
            }
            o
        })
        .collect();
    let model = shop(&one);
    assert_eq!(model.edges.len(), 4);
    assert!(model.edges.iter().all(|e| e.grade == Grade::Declared && name(&model, &e.from) == "user"));
    assert_eq!(model.edges[0].evidence[0].object, "ConfigMap shop/cfg");
    assert!(model.edges[0].evidence[0].field.starts_with("data[service-config.json] line "));
}

#[test]
fn a_collector_that_scrapes_its_apps() {
    let objects = [
        deploy("collector", "otel/opentelemetry-collector-contrib:0.1", env(&[("CART_SCRAPE", "http://cart:8080/metrics")])),
        deploy_spec(
            "cart",
            json!({"containers": [{"name": "cart", "image": "acme/cart", "env": [
                {"name": "COLLECTOR_NAME", "value": "collector"},
                {"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://$(COLLECTOR_NAME):4317"},
                {"name": "FLAGD_HOST", "value": "flagd"}, {"name": "FLAGD_PORT", "value": 8013},
                {"name": "OTEL_SERVICE_NAME", "value": "flagd"}]}]}),
        ),
        deploy("flagd", "acme/flagd", Value::Null),
        service("collector", 4317, 4317),
        service("cart", 8080, 8080),
        service("flagd", 8013, 8013),
    ];
    let model = shop(&objects);
    assert_eq!(
        edges(&model),
        ["cart>collector:4317 Telemetry Declared", "cart>flagd:8013 Rpc Declared", "collector>cart:8080 Scrape Declared"]
    );
    assert!(signals(&model).contains(&(NeedKind::Tracing, SignalKind::Satisfied)));
}

#[test]
fn a_tracer_that_is_switched_off_and_missing() {
    let objects = [
        deploy(
            "shipping",
            "acme/shipping",
            env(&[
                ("ZIPKIN", "zipkin.jaeger.svc.cluster.local"),
                ("JAVA_OPTS", "-Xms64m -Xmx:128 -Dspring.zipkin.enabled=false"),
            ]),
        ),
        deploy("user", "acme/user", env(&[("MONGO_HOST", "user-db:27017")])),
        deploy("user-db", "acme/user-db", Value::Null),
        service("user-db", 27017, 27017),
        service("shipping", 80, 80),
    ];
    let model = shop(&objects);
    assert_eq!(edges(&model), ["user>user-db:27017 Datastore Declared"]);
    assert_eq!(model.dangling.len(), 1);
    assert!(model.dangling[0].evidence.text.contains("switched off by -Dspring.zipkin.enabled=false"));
    let shipping = model.workload_named("shop", "shipping").expect("workload");
    assert_eq!(model.workloads[shipping].languages[0].what, Language::Java);
}

#[test]
fn names_in_all_forms_and_other_namespaces() {
    let db = json!({"kind": "StatefulSet", "metadata": {"name": "db", "namespace": "data"}, "spec": {"template": {
        "metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "db", "image": "postgres:16"}]}}}});
    let headless = json!({"kind": "Service", "metadata": {"name": "db", "namespace": "data"}, "spec": {
        "clusterIP": "None", "selector": {"app": "db"}, "ports": [{"port": 5432}]}});
    for address in [
        "postgres://u:p@db.data:5432/x",
        "db.data.svc:5432",
        "db-0.db.data.svc.cluster.local:5432",
        "jdbc:postgresql://db-0.db.data:5432/x?ssl=false",
        "Host=db.data.svc.cluster.local;Username=u;Password=p",
    ] {
        let web = deploy("web", "acme/web", env(&[("DATABASE_URL", address)]));
        let model = shop(&[web, db.clone(), headless.clone()]);
        assert_eq!(edges(&model), ["web>db:5432 Datastore Declared"], "{address}");
    }
    let web =
        deploy("web", "acme/web", env(&[("PAY_URL", "https://api.pay.example.net/v1"), ("DB", "db"), ("OTHER_HOST", "db")]));
    assert_eq!(edges(&shop(&[web, db, headless])), ["web>ext:api.pay.example.net Rpc Declared"]);
}

#[test]
fn pods_without_controllers_and_null_everywhere() {
    let pod = |name: &str, owner: Value, labels: Value, phase: &str| {
        json!({"kind": "Pod", "metadata": {"name": name, "namespace": "shop", "ownerReferences": owner, "labels": labels}, "status": {"phase": phase},
            "spec": {"nodeName": "n1", "initContainers": null, "containers": [
                {"name": "app", "image": "acme/app", "env": null, "resources": {"requests": {"cpu": "100m", "memory": "1Gi"}}},
                {"name": "istio-proxy", "image": "x", "env": [{"name": "CA_ADDR", "value": "http://web:80"}]}]}})
    };
    let owned = json!([{"kind": "ReplicaSet", "name": "web-5d8f", "controller": true}]);
    let objects = [
        deploy("web", "acme/web", Value::Null),
        service("web", 80, 80),
        pod("web-5d8f-abcde", owned.clone(), json!({"app": "web", "pod-template-hash": "5d8f"}), "Running"),
        pod("lone-a", json!([{"kind": "ReplicaSet", "name": "lone", "controller": true}]), Value::Null, "Running"),
        pod("bare", Value::Null, Value::Null, "Running"),
        pod("done", Value::Null, Value::Null, "Succeeded"),
        json!({"kind": "Node", "metadata": {"name": "n1", "labels": {"topology.kubernetes.io/zone": "z1"}},
            "status": {"allocatable": {"cpu": "2", "memory": "4Gi"}, "nodeInfo": {"kubeletVersion": "v1.31.4", "operatingSystem": "linux"}}}),
        json!({"kind": "Deployment", "metadata": {"name": "broken", "namespace": "shop"}, "spec": {"template": {"spec": {"containers": 7}}}}),
        json!({"kind": "HorizontalPodAutoscaler", "metadata": {"name": "web", "namespace": "shop"}, "spec": {"maxReplicas": 5,
            "scaleTargetRef": {"kind": "Deployment", "name": "web"}, "metrics": [
                {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}}]}}),
    ];
    let model = translate(&facts(SourceKind::Live, &objects));
    let kinds: Vec<_> = model.workloads.iter().map(|w| (w.kind, w.name.as_str())).collect();
    assert_eq!(kinds, [(WorkloadKind::Deployment, "web"), (WorkloadKind::ReplicaSet, "lone"), (WorkloadKind::Pod, "bare")]);
    assert_eq!(edges(&model), Vec::<String>::new(), "a proxy's own settings are nobody's calls");
    assert!(model.not_seen.iter().any(|n| n.what == "Deployment shop/broken"));
    let node = &model.cluster.nodes[0];
    assert_eq!((node.zone.as_str(), node.requested.expect("seen").cpu_milli, node.allocatable.cpu_milli), ("z1", 300, 2000));
    assert_eq!(model.cluster.kubernetes_version.as_deref(), Some("v1.31.4"));
    assert!(model.autoscalers[0].on_pod_cpu && model.autoscalers[0].target.is_some());
}

#[test]
fn observed_edges_and_languages_from_metrics() {
    let mut facts = facts(SourceKind::Live, &online_shop());
    let vector = |rows: Value| Outcome::Text(json!({"resultType": "vector", "result": rows}).to_string());
    let row = |labels: Value, value: &str| json!({"metric": labels, "value": [0, value]});
    let graph = |client: &str, server: &str, kind: &str, v: &str| {
        row(json!({"client": client, "server": server, "connection_type": kind}), v)
    };
    let rows = |v: &str| {
        json!([graph("frontend", "ads", "", v), graph("frontend", "nobody", "", v), graph("cart", "redis", "database", v)])
    };
    facts.answer(Need::query(queries::fill(queries::SERVICE_GRAPH.exists, "24h")), vector(rows("1")));
    facts.answer(Need::query(queries::fill(queries::SERVICE_GRAPH.rates, "24h")), vector(rows("2.5")));
    let flow = |a: &str, b: &str, sp: &str, dp: &str| {
        row(
            json!({"k8s_src_namespace": "shop", "k8s_src_owner_name": a, "k8s_dst_namespace": "shop", "k8s_dst_owner_name": b, "src_port": sp, "dst_port": dp}),
            "9",
        )
    };
    let flows = json!([flow("shipping", "payment", "40000", "50051"), flow("payment", "shipping", "50051", "40000")]);
    facts.answer(Need::query(queries::fill(queries::BEYLA.exists, "24h")), vector(flows));
    let links = json!([row(
        json!({"client_namespace": "shop", "client_name": "ads", "client_kind": "Deployment", "server_namespace": "shop",
        "server_name": "catalog", "server_kind": "Service", "server_port": "3550"}),
        "1"
    )]);
    facts.answer(Need::query(queries::fill(queries::CARETTA.exists, "24h")), vector(links));
    let info = json!([row(json!({"job": "cart", "service_name": "cart", "telemetry_sdk_language": "dotnet"}), "1")]);
    facts.answer(Need::query(queries::fill(queries::SDK_LANGUAGE, "24h")), vector(info));
    let go = json!([
        row(json!({"namespace": "shop", "pod": "email-7f9c-x2x4z", "container": "main"}), "1"),
        row(json!({"namespace": "shop", "pod": "ads-7f9c-x2x4z", "container": "istio-proxy"}), "1")
    ]);
    facts.answer(Need::query(queries::fill(queries::GO, "24h")), vector(go));
    let model = translate(&facts);
    let observed: Vec<String> = edges(&model).into_iter().filter(|e| e.ends_with("Observed")).collect();
    assert_eq!(
        observed,
        [
            "ads>catalog:3550 Rpc Observed",
            "cart>ext:redis Datastore Observed",
            "frontend>ads Rpc Observed",
            "shipping>payment:50051 Rpc Observed",
        ]
    );
    let traces = &model.observed[0];
    assert_eq!((traces.series, traces.unmapped, traces.window.as_str()), (3, 1, "24h"));
    assert!(model.edges.iter().any(|e| e.rate == Some(2.5)));
    let language =
        |name: &str| model.workload_named("shop", name).and_then(|id| model.workloads[id].languages.first().map(|l| l.what));
    assert_eq!((language("cart"), language("email"), language("ads")), (Some(Language::Dotnet), Some(Language::Go), None));
}

#[test]
fn what_was_not_seen_is_named_once() {
    let mut all = facts(SourceKind::Live, &online_shop());
    all.answer(Need::list(&kinds::NETWORK_POLICY), Outcome::Forbidden("no".into()));
    all.answer(Need::list(&kinds::JAEGER), Outcome::Absent("no such group".into()));
    for query in queries::all("7d") {
        all.answer(Need::query(query), Outcome::Absent("no Prometheus".into()));
    }
    let model = translate(&all);
    let lines: Vec<_> = model.not_seen.iter().map(|n| (n.what.as_str(), n.outcome.as_str())).collect();
    assert_eq!(lines, [("networkpolicies.networking.k8s.io", "forbidden"), ("metrics", "absent")]);

    let mut manifests = facts(SourceKind::Manifests, &[]);
    for need in needs(&manifests, &Purpose::Decide { window: "7d".into() }) {
        manifests.answer(need, Outcome::NotAsked("the manifests hold none".into()));
    }
    let model = translate(&manifests);
    let lines: Vec<_> = model.not_seen.iter().map(|n| n.what.as_str()).collect();
    assert_eq!(lines, ["running state", "other kinds", "metrics"]);
}

#[test]
fn needs_of_other_features() {
    let mut objects = online_shop();
    objects.push(
        json!({"kind": "Namespace", "metadata": {"name": "shop", "labels": {"compliance/pci-dss": "true", "tenant": "a"}}}),
    );
    objects.push(json!({"kind": "Namespace", "metadata": {"name": "b", "labels": {"tenant": "b"}}}));
    objects.push(json!({"kind": "Certificate", "metadata": {"name": "c", "namespace": "shop"}, "spec": {"usages": ["server auth", "client auth"]}}));
    objects.push(json!({"kind": "FelixConfiguration", "metadata": {"name": "default"}, "spec": {"wireguardEnabled": true}}));
    objects.push(json!({"kind": "ServiceExport", "metadata": {"name": "cart", "namespace": "shop"}}));
    objects.push(json!({"kind": "Service", "metadata": {"name": "old", "namespace": "shop"}, "spec": {"type": "ExternalName", "externalName": "db.corp.internal"}}));
    objects.push(json!({"kind": "Rollout", "metadata": {"name": "r", "namespace": "shop"}, "spec": {"strategy": {"canary": {"trafficRouting": {"nginx": {}}}},
        "template": {"spec": {"containers": [{"name": "r", "image": "acme/r"}]}}}}));
    let mut grpc = service("api", 9000, 9000);
    grpc["spec"]["ports"][0]["name"] = json!("grpc");
    let mut api = deploy("api", "acme/api", Value::Null);
    api["spec"]["replicas"] = json!(2);
    objects.extend([grpc, api]);
    let model = shop(&objects);
    assert_eq!(model.cluster.network_plugins[0].what, "calico");
    assert_eq!(
        signals(&model),
        [
            (NeedKind::Encryption, SignalKind::Evidenced),
            (NeedKind::Encryption, SignalKind::Satisfied),
            (NeedKind::Identity, SignalKind::Evidenced),
            (NeedKind::Authorization, SignalKind::Evidenced),
            (NeedKind::Tracing, SignalKind::Hint),
            (NeedKind::Canary, SignalKind::Satisfied),
            (NeedKind::Retries, SignalKind::Evidenced),
            (NeedKind::GrpcBalancing, SignalKind::Evidenced),
            (NeedKind::Multicluster, SignalKind::Evidenced),
            (NeedKind::VirtualMachines, SignalKind::Hint),
        ]
    );
    assert_eq!(model.workloads.iter().filter(|w| w.role == Role::Datastore).count(), 1);
}

#[test]
fn entries_from_outside() {
    let mut objects = online_shop();
    objects.push(json!({"kind": "Ingress", "metadata": {"name": "i", "namespace": "shop"}, "spec": {"rules": [{"host": "shop.example", "http": {"paths": [
        {"path": "/", "backend": {"service": {"name": "frontend", "port": {"number": 80}}}}]}}]}}));
    objects.push(json!({"kind": "HTTPRoute", "metadata": {"name": "h", "namespace": "shop"}, "spec": {"parentRefs": [{"kind": "Gateway", "name": "g"}],
        "rules": [{"backendRefs": [{"name": "catalog", "port": 3550}]}]}}));
    objects.push(json!({"kind": "GRPCRoute", "metadata": {"name": "g", "namespace": "shop"}, "spec": {"parentRefs": [{"kind": "Service", "name": "cart"}],
        "rules": [{"backendRefs": [{"name": "cart", "port": 7070}]}]}}));
    let model = shop(&objects);
    let entries: Vec<String> = edges(&model).into_iter().filter(|e| e.starts_with('*')).collect();
    assert_eq!(entries, ["*>catalog:3550 Entry Declared", "*>frontend:80 Entry Declared"]);
}

/// Ten thousand workloads in one pass; a quadratic step would take minutes even here, without optimisation.
#[test]
fn many_workloads_in_one_pass() {
    let mut objects = Vec::new();
    for i in 0..10_000u32 {
        let to = (i * 7 + 1) % 2_000;
        objects.push(deploy(&format!("w{i}"), "acme/w:1", env(&[("NEXT_ADDR", &format!("s{to}:80")), ("LOG", "info")])));
        if i < 2_000 {
            let mut s = service(&format!("w{i}"), 80, 80);
            s["metadata"]["name"] = json!(format!("s{i}"));
            objects.push(s);
        }
    }
    let model = shop(&objects);
    assert_eq!(model.workloads.len(), 10_000);
    assert!(model.edges.len() > 9_900);
}
