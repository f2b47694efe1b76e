//! Small look-alikes of real systems: exact edges with class and grade.

use super::*;
use crate::model::{EdgeClass, Grade, Language};

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
    assert!(signals(&model).contains(&(NeedKind::Authorization, SignalKind::Hint)));

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
