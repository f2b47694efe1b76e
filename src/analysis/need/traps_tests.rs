//! Each trap on something that has it and on something that hasn't.

use super::testing::*;
use super::traps::find;
use crate::model::*;

/// A workload with a Service whose port says its protocol: no trap at all.
fn clean() -> Model {
    let mut model = model_with(2);
    model.cluster.kubernetes_version = Some("v1.33.0".to_owned());
    service(&mut model, "web", &[0, 1]);
    edge(&mut model, 0, 1, Grade::Declared);
    model
}

fn ids(change: impl FnOnce(&mut Model)) -> Vec<&'static str> {
    let mut model = clean();
    change(&mut model);
    find(&model).into_iter().map(|trap| trap.id).collect()
}

fn port(number: u16, protocol: &str, name: &str) -> ServicePort {
    ServicePort { number, protocol: protocol.to_owned(), name: name.to_owned(), ..ServicePort::default() }
}

#[test]
fn a_clean_workload_has_none() {
    assert!(ids(|_| {}).is_empty());
}

#[test]
fn each_trap_is_found_where_it_is() {
    assert_eq!(ids(|m| m.workloads[0].host_network = true), ["host-network"]);
    assert_eq!(ids(|m| m.workloads[0].os = Some("windows".to_owned())), ["windows"]);
    assert_eq!(ids(|m| m.workloads[0].qos = Qos::Guaranteed), ["guaranteed-qos"]);
    let library = |retries| {
        ids(move |m| {
            let what = Library { name: "some".to_owned(), retries };
            m.workloads[0].libraries.push(Sighting { what, evidence: Evidence::default() });
        })
    };
    assert_eq!(library(true), ["retries-twice"]);
    assert!(library(false).is_empty());
    assert_eq!(ids(|m| m.workloads[0].containers[0].run_as_user = Some(1337)), ["proxy-user"]);
    assert!(ids(|m| m.workloads[0].containers[0].run_as_user = Some(1000)).is_empty());
    assert_eq!(ids(|m| m.services[0].ports.push(port(53, "UDP", "dns"))), ["udp"]);
    assert_eq!(ids(|m| m.services[0].ports.push(port(5432, "TCP", ""))), ["server-first"]);
    assert!(ids(|m| m.services[0].ports.push(port(5432, "TCP", "tcp-db"))).is_empty());
    assert_eq!(ids(|m| m.services[0].ports.push(port(8080, "TCP", "web"))), ["port-without-protocol"]);
    assert_eq!(ids(|m| m.services[0].headless = true), ["headless"]);
    assert_eq!(ids(|m| m.services[0].selector = None), ["no-selector"]);
    let api_server = |namespace: &'static str| {
        ids(move |m| {
            m.services[0].selector = None;
            m.services[0].namespace = namespace.to_owned();
            m.services[0].name = "kubernetes".to_owned();
            m.services[0].workloads.clear();
        })
    };
    assert!(api_server("default").is_empty(), "the API server's own Service is in every cluster");
    assert_eq!(api_server("shop"), ["no-selector"]);
    assert_eq!(ids(|m| m.services[0].external_name = Some("db.example.com".to_owned())), ["external-name"]);
}

#[test]
fn restricted_namespaces_and_only_those() {
    let enforce = |level: &'static str| {
        ids(move |m| {
            m.namespaces[0].labels.insert("pod-security.kubernetes.io/enforce".to_owned(), level.to_owned());
        })
    };
    assert_eq!(enforce("restricted"), ["psa-restricted"]);
    assert!(enforce("baseline").is_empty());
}

#[test]
fn jobs_concern_only_proxies_that_are_no_native_sidecars() {
    let at = |version: &str| {
        let mut model = clean();
        model.cluster.kubernetes_version = Some(version.to_owned());
        model.workloads[0].kind = WorkloadKind::CronJob;
        find(&model).into_iter().find(|trap| trap.id == "job-never-ends").map(|trap| trap.concerns.len()).unwrap_or_default()
    };
    assert!(at("v1.28.0") > at("v1.33.0"), "{} {}", at("v1.28.0"), at("v1.33.0"));
}

#[test]
fn init_containers_that_wait() {
    let wait = |m: &mut Model| {
        m.cluster.kubernetes_version = Some("v1.28.0".to_owned());
        m.edges.push(Edge { class: EdgeClass::WaitFor, ..m.edges[0].clone() });
    };
    assert_eq!(ids(wait), ["init-uses-network"]);
}

#[test]
fn autoscalers_on_pod_cpu_and_not_on_container_cpu() {
    let hpa = |on_pod_cpu| {
        ids(move |m| {
            m.autoscalers.push(Autoscaler {
                namespace: "shop".to_owned(),
                name: "web".to_owned(),
                target: Some(0),
                target_name: "w0".to_owned(),
                min: 1,
                max: 3,
                metrics: Vec::new(),
                on_pod_cpu,
            });
        })
    };
    assert_eq!(hpa(true), ["hpa-on-pod-cpu"]);
    assert!(hpa(false).is_empty());
}

#[test]
fn mostly_datastores() {
    let with = |classes: &'static [EdgeClass], own: usize| {
        ids(move |m| {
            let call = m.edges[0].clone();
            m.edges.truncate(own);
            m.edges.extend(classes.iter().map(|class| Edge { class: *class, ..call.clone() }));
        })
    };
    const FIVE: [EdgeClass; 5] =
        [EdgeClass::Datastore, EdgeClass::Broker, EdgeClass::Datastore, EdgeClass::Broker, EdgeClass::Datastore];
    assert_eq!(with(&FIVE, 1), ["mostly-datastores"]);
    assert!(with(&FIVE[..4], 1).is_empty(), "too few calls are known for a share");
    assert!(with(&FIVE, 0).is_empty(), "calls between services are not visible at all");
}

#[test]
fn many_of_one_kind_are_one_trap() {
    let mut model = model_with(64);
    for workload in &mut model.workloads {
        workload.host_network = true;
    }
    let traps = find(&model);
    assert_eq!((traps.len(), traps[0].count), (1, 64));
}

#[test]
fn the_platforms_own_are_left_alone() {
    assert!(
        ids(|m| {
            m.workloads[0].host_network = true;
            m.workloads[0].role = Role::System;
        })
        .is_empty()
    );
}
