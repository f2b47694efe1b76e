//! Names, pods, metrics, signals, entries and size.

use super::*;
use crate::model::{Language, Role, WorkloadKind};

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
fn a_pod_that_can_not_be_read_is_told_unless_its_workload_is_known() {
    let pod = |name: &str, owner: Value| {
        json!({"kind": "Pod", "metadata": {"name": name, "namespace": "shop", "ownerReferences": owner, "labels": {"pod-template-hash": "5d8f"}},
            "spec": {"containers": [{"name": "app", "env": 7}]}})
    };
    let owned = json!([{"kind": "ReplicaSet", "name": "web-5d8f", "controller": true}]);
    let objects = [deploy("web", "acme/web", Value::Null), pod("web-5d8f-abcde", owned), pod("bare", Value::Null)];
    let model = translate(&facts(SourceKind::Live, &objects));
    let names: Vec<_> = model.workloads.iter().map(|w| w.name.as_str()).collect();
    assert_eq!(names, ["web", "bare"]);
    let broken: Vec<_> = model.not_seen.iter().filter(|n| n.what.starts_with("Pod ")).map(|n| n.what.as_str()).collect();
    assert_eq!(broken, ["Pod shop/bare"]);
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
    for need in needs(&manifests, &Purpose::Decide { window: "7d".into(), flows: None }) {
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
            (NeedKind::Encryption, SignalKind::Satisfied),
            (NeedKind::Encryption, SignalKind::Hint),
            (NeedKind::Identity, SignalKind::Evidenced),
            (NeedKind::Authorization, SignalKind::Hint),
            (NeedKind::Tracing, SignalKind::Hint),
            (NeedKind::Canary, SignalKind::Satisfied),
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

#[test]
fn arguments_scripts_and_config_maps_of_one_reader() {
    let spec = json!({"volumes": [{"projected": {"sources": [{"configMap": {"name": "files"}}]}}], "containers": [{"name": "app", "image": "acme/app",
        "command": ["sh", "-c", "exec app --upstream http://a:80/x --image redis:7"],
        "args": ["--b-addr=b:80", "--c-host", "c", "12:30"],
        "envFrom": [{"prefix": "P_", "configMapRef": {"name": "vars"}}, {"secretRef": {"name": "s"}}],
        "env": [{"name": "E_URL", "valueFrom": {"configMapKeyRef": {"name": "keys", "key": "e"}}}, {"name": "S_URL", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]}]});
    let map =
        |name: &str, data: Value| json!({"kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop"}, "data": data});
    let mut objects = vec![
        deploy_spec("app", spec),
        map("vars", json!({"D_HOST": "d", "NOTE": "see f"})),
        map("keys", json!({"e": "http://e:80"})),
        map("files", json!({"nginx.conf": "# http://f:80\nupstream x { server f:80; }\nsee g\n"})),
    ];
    for name in ["a", "b", "c", "d", "e", "f", "g", "redis"] {
        objects.push(deploy(name, "acme/x", Value::Null));
        objects.push(service(name, 80, 80));
    }
    let model = shop(&objects);
    let wanted: Vec<String> = ["a", "b", "c", "d", "e", "f"].iter().map(|n| format!("app>{n}:80 Rpc Declared")).collect();
    assert_eq!(edges(&model), wanted);
    let field = |to: &str| {
        let edge = model.edges.iter().find(|e| name(&model, &e.to) == to).expect("edge");
        format!("{} {}", edge.evidence[0].object, edge.evidence[0].field)
    };
    assert_eq!(field("f"), "ConfigMap shop/files data[nginx.conf] line 2");
    assert_eq!(field("b"), "Deployment shop/app spec.template.spec.containers[app].args[0]");
    assert_eq!(field("e"), "Deployment shop/app spec.template.spec.containers[app].env[E_URL] from ConfigMap shop/keys data[e]");
    assert!(model.dangling.is_empty(), "{:?}", model.dangling);
}

#[test]
fn a_namespace_that_was_not_looked_at_has_nothing_missing() {
    let web = deploy("web", "acme/web", env(&[("PAY_ADDR", "pay.bank.svc:80"), ("GONE_ADDR", "gone:80")]));
    let mut facts = facts(SourceKind::Live, &[web, json!({"kind": "Namespace", "metadata": {"name": "bank"}})]);
    facts.namespace = Some("shop".to_owned());
    let model = translate(&facts);
    assert_eq!(edges(&model), ["web>svc:bank/pay:80 Rpc Inferred"]);
    assert_eq!(model.dangling.len(), 1);
    // Without the list of Services nothing is called missing.
    facts.answer(Need::list(&kinds::SERVICE), Outcome::Forbidden("no".into()));
    assert!(translate(&facts).dangling.is_empty());
}

#[test]
fn the_same_facts_give_the_same_model() {
    let facts = facts(SourceKind::Live, &online_shop());
    assert_eq!(format!("{:?}", translate(&facts)), format!("{:?}", translate(&facts)));
}

#[test]
fn a_route_on_a_service_is_no_entry() {
    let route = |parents: Value, backends: Value| {
        let spec = json!({"parentRefs": parents, "rules": [{"backendRefs": backends}]});
        let mut objects = vec![json!({"kind": "HTTPRoute", "metadata": {"name": "h", "namespace": "shop"}, "spec": spec})];
        for name in ["cart", "cart-next"] {
            objects.extend([deploy(name, "acme/cart", Value::Null), service(name, 80, 80)]);
        }
        shop(&objects)
    };
    let backends = json!([{"name": "cart", "port": 80, "weight": 9}, {"name": "cart-next", "port": 80, "weight": 1}]);
    let inside = json!({"group": "", "kind": "Service", "name": "cart"});
    let gateway = json!({"kind": "Gateway", "name": "g"});

    let model = route(json!([inside]), backends.clone());
    assert_eq!(edges(&model), ["svc:shop/cart>cart-next:80 Rpc Candidate"]);
    let why = &model.edges[0].evidence[0];
    assert_eq!((&*why.object, &*why.field, &*why.text), ("HTTPRoute shop/h", "spec.rules[0].backendRefs[1]", "cart-next"));
    assert_eq!(signals(&model), [(NeedKind::Canary, SignalKind::Evidenced)]);

    let both = route(json!([inside, gateway]), backends.clone());
    assert_eq!(
        edges(&both),
        ["*>cart-next:80 Entry Declared", "*>cart:80 Entry Declared", "svc:shop/cart>cart-next:80 Rpc Candidate"]
    );
    assert_eq!(signals(&both), [(NeedKind::Canary, SignalKind::Evidenced), (NeedKind::Canary, SignalKind::Satisfied)]);
    for parents in
        [json!([{"kind": "Service", "name": "gone"}]), json!([{"kind": "Service", "name": "cart", "namespace": "other"}])]
    {
        assert_eq!(edges(&route(parents, backends.clone())), Vec::<String>::new(), "a Service that is not there");
    }
    assert_eq!(edges(&route(json!([inside]), json!([{"name": "cart", "port": 80}]))), Vec::<String>::new());
}
